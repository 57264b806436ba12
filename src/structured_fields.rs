//! Structured fields (RFC 9651, parsed leniently): lists of members with parameters, `name; key=value; flag, name …`; and the two
//! that prove a near miss, `Cache-Status` (RFC 9211) and `Proxy-Status` (RFC 9209).
//!
//! Text that is no structured field is split as well as possible and never refused. Strings keep their escapes; lists inside a
//! member are not split.

/// Returns true if a cache reports that it served an expired copy because the origin could not answer.
///
/// True for `hit; ttl<0`, for `fwd=stale` with `fwd-status>=500`, and for the word `STALE` that nginx and CDNs log.
pub fn is_stale(cache_status: &str) -> bool {
    cache_status.trim_ascii().eq_ignore_ascii_case("STALE") || members(cache_status).any(is_stale_member)
}

fn is_stale_member(member: Member<'_>) -> bool {
    let (mut hit, mut expired, mut forwarded_stale, mut origin_failed) = (false, false, false, false);
    for (key, value) in member.parameters() {
        match key {
            "hit" => hit = value != "?0",
            // `-0` and `-00` are zero.
            "ttl" => {
                expired = value.starts_with('-') && value.bytes().any(|byte| matches!(byte, b'1'..=b'9'))
            }
            "fwd" => forwarded_stale = value == "stale",
            "fwd-status" => origin_failed = value.parse::<u16>().is_ok_and(|status| status >= 500),
            _ => {}
        }
    }
    hit && expired || forwarded_stale && origin_failed
}

/// Returns the error that a proxy on the path reports, such as `connection_timeout`.
pub fn proxy_error(proxy_status: &str) -> Option<&str> {
    members(proxy_status).filter_map(|member| member.parameter("error")).find(|error| !error.is_empty())
}

/// Returns the members of a list or dictionary, split at commas outside quotes.
pub fn members(list: &str) -> impl Iterator<Item = Member<'_>> {
    split(list, b',').map(Member)
}

/// Returns the keys and values of `key=value; key=value`, without quotes; a flag has an empty value.
pub fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    split(text, b';').map(pair)
}

/// One member of a list or dictionary.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Member<'a>(&'a str);

impl<'a> Member<'a> {
    /// Returns the member itself, without parameters and quotes.
    pub fn name(self) -> &'a str {
        unquoted(split(self.0, b';').next().unwrap_or_default())
    }

    /// Returns key and value of a member of a dictionary, without parameters and quotes; a flag has an empty value.
    pub fn entry(self) -> (&'a str, &'a str) {
        pair(split(self.0, b';').next().unwrap_or_default())
    }

    /// Returns the parameters in order, without quotes; a flag has an empty value.
    pub fn parameters(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        pairs(self.0).skip(1)
    }

    /// Returns the value of a parameter, without quotes; the last one counts.
    pub fn parameter(self, key: &str) -> Option<&'a str> {
        self.parameters().filter(|(found, _)| *found == key).last().map(|(_, value)| value)
    }
}

fn pair(part: &str) -> (&str, &str) {
    let (key, value) = part.split_once('=').unwrap_or((part, ""));
    (key.trim_ascii(), unquoted(value))
}

fn unquoted(text: &str) -> &str {
    let text = text.trim_ascii();
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
}

/// Splits `text` at separators outside quotes.
fn split(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    core::iter::from_fn(move || next_part(&mut rest, separator))
}

/// Takes the part before the next separator outside quotes. Not inlined: there are ten callers, and few exchanges have such a field.
#[inline(never)]
fn next_part<'a>(rest: &mut Option<&'a str>, separator: u8) -> Option<&'a str> {
    let part = (*rest)?;
    let (mut quoted, mut escaped) = (false, false);
    let end = part.bytes().position(|byte| {
        let ends = byte == separator && !quoted;
        quoted ^= byte == b'"' && !escaped;
        escaped = quoted && byte == b'\\' && !escaped;
        ends
    });
    let (head, tail) = match end {
        Some(end) => (part.get(..end), part.get(end + 1..)),
        None => (Some(part), None),
    };
    *rest = tail;
    head
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use alloc::vec::Vec;
    use core::cell::Cell;
    use proptest::prelude::*;
    use proptest::test_runner::{Config, TestRunner};
    use sfv::{BareItem, Item, KeyRef, List, ListEntry, ListSerializer, Parser, Token};

    #[test]
    fn an_expired_hit_is_stale() {
        assert!(is_stale("ExampleCache; hit; ttl=-412"));
        assert!(is_stale("A; fwd=miss, B; hit; ttl=-1; detail=\"x;, y\""));
        assert!(!is_stale("ExampleCache; hit; ttl=376"));
        assert!(!is_stale("ExampleCache; fwd=miss; ttl=-1"));
        assert!(!is_stale("ExampleCache; hit; ttl=-0") && !is_stale("ExampleCache; hit; ttl=-00"));
    }

    #[test]
    fn a_revalidation_that_failed_is_stale_and_one_that_worked_is_not() {
        assert!(is_stale("C; fwd=stale; fwd-status=503"));
        assert!(!is_stale("C; fwd=stale; fwd-status=304"));
        assert!(!is_stale("C; fwd=stale"));
    }

    #[test]
    fn a_caches_own_word_will_do() {
        assert!(is_stale("STALE") && is_stale("stale"));
        assert!(!is_stale("HIT") && !is_stale("UPDATING") && !is_stale(""));
    }

    #[test]
    fn a_masked_error_is_found_in_any_member() {
        assert_eq!(
            proxy_error("a, b; error=connection_timeout; details=\"x, error=no\""),
            Some("connection_timeout")
        );
        assert_eq!(proxy_error("a; details=\"error=no; error=no\""), None);
        assert_eq!(proxy_error("a; received-status=200"), None);
    }

    #[test]
    fn quotes_hide_separators() {
        let names: Vec<_> = members(r#""a,b";r=5, c; r = "7;8" ,"#).map(Member::name).collect();
        assert_eq!(names, ["a,b", "c", ""]);
        assert_eq!(members(r#"c; r = "7;8""#).next().unwrap().parameter("r"), Some("7;8"));
        assert_eq!(members("c;r").next().unwrap().parameter("r"), Some(""));
        assert_eq!(members("limit=\"5\";w=1").next().unwrap().entry(), ("limit", "5"));
    }

    /// Compares a value as it is written with one that the other parser read.
    fn is_same(ours: &str, theirs: &BareItem) -> bool {
        match theirs {
            BareItem::Token(token) => ours == token.as_str(),
            BareItem::String(text) => ours.replace("\\\"", "\"").replace("\\\\", "\\") == text.as_str(),
            BareItem::Integer(number) => ours.parse() == Ok(i64::from(*number)),
            BareItem::Decimal(number) => ours.parse() == Ok(f64::from(*number)),
            BareItem::Boolean(is_true) => {
                ours == if *is_true { "?1" } else { "?0" } || ours.is_empty() && *is_true
            }
            _ => true,
        }
    }

    fn items(list: &List) -> impl Iterator<Item = &Item> {
        list.iter().filter_map(|entry| match entry {
            ListEntry::Item(item) => Some(item),
            ListEntry::InnerList(_) => None,
        })
    }

    /// Returns true if a list of items is split as the other parser splits it; lists in lists are not compared.
    fn is_split_alike(text: &str, list: &List) -> bool {
        let ours: Vec<_> = members(text).collect();
        let items: Vec<_> = items(list).collect();
        items.len() < list.len()
            || items.is_empty() && text.trim_ascii().is_empty()
            || items.len() == ours.len()
                && ours.iter().zip(items).all(|(ours, theirs)| {
                    is_same(ours.name(), &theirs.bare_item)
                        && ours.parameters().all(|(key, _)| theirs.params.contains_key(key))
                        && theirs.params.iter().all(|(key, value)| {
                            ours.parameter(key.as_str()).is_some_and(|ours| is_same(ours, value))
                        })
                })
    }

    /// Returns what [`is_stale`] is to return for a valid `Cache-Status`.
    fn is_stale_in(list: &List) -> bool {
        items(list).any(|item| {
            let integer =
                |key: &str| item.params.get(key).and_then(BareItem::as_integer).map_or(0, i64::from);
            let is_hit = item.params.get("hit").and_then(BareItem::as_boolean) == Some(true);
            let is_forwarded_stale = token(item, "fwd") == Some("stale");
            is_hit && integer("ttl") < 0 || is_forwarded_stale && integer("fwd-status") >= 500
        })
    }

    /// Returns what [`proxy_error`] is to return for a valid `Proxy-Status`.
    fn proxy_error_in(list: &List) -> Option<&str> {
        items(list).find_map(|item| token(item, "error"))
    }

    fn token<'a>(item: &'a Item, key: &str) -> Option<&'a str> {
        Some(item.params.get(key)?.as_token()?.as_str())
    }

    /// Returns valid fields with the parameters of both headers, and strings that contain such parameters.
    fn valid_field() -> impl Strategy<Value = String> {
        let parameter = prop_oneof![
            r"hit(=\?[01])?",
            "ttl=-?[0-9]{1,3}",
            "fwd=(stale|miss|uri-miss|bypass)",
            "fwd-status=0?[2345]0[0-9]",
            "error=[a-z][a-z_]{0,8}",
            r#"detail="([ -!#-\[\]-~]|\\"|\\\\){0,12}""#,
            r#"details="(, d)?; (hit; ttl=-1|fwd=stale; fwd-status=503|error=no)(\\")?""#,
            r#"[a-c*][a-c0-9_.*-]{0,2}(=(-?[0-9]{1,5}(\.[0-9]{1,3})?|[A-Z*][a-z:/]{0,4}|:YWI=:|%"a%2c"|@-?[0-9]{1,9}))?"#,
        ];
        let parameters = prop::collection::vec((";[ ]{0,2}", parameter), 0..7)
            .prop_map(|all| all.into_iter().map(|(separator, parameter)| separator + &parameter).collect());
        let member = (prop_oneof!["[A-Za-z*][A-Za-z0-9.-]{0,6}", r#""[ !#-\[\]-~]{0,8}""#], parameters)
            .prop_map(|(name, parameters): (String, String)| name + &parameters);
        (member.clone(), prop::collection::vec(("[ \t]?,[ \t]?", member), 0..3)).prop_map(
            |(first, others)| {
                others.into_iter().fold(first, |field, (separator, member)| field + &separator + &member)
            },
        )
    }

    #[test]
    fn a_valid_field_means_what_another_parser_reads() {
        // Fields by staleness and error: the generator reaches every combination.
        let reached = [const { Cell::new(0_u32) }; 4];
        let config = Config { failure_persistence: None, ..Config::with_cases(2_048) };
        let checked = TestRunner::new(config).run(&valid_field(), |text| {
            let list: List = Parser::new(&text).parse().unwrap();
            let (stale, error) = (is_stale_in(&list), proxy_error_in(&list));
            prop_assert_eq!((is_stale(&text), proxy_error(&text)), (stale, error), "{}", text);
            let count = &reached[usize::from(stale) * 2 + usize::from(error.is_some())];
            count.set(count.get() + 1);
            Ok(())
        });
        assert_eq!(checked, Ok(()));
        assert!(reached.iter().all(|count| count.get() >= 20), "{reached:?}");
    }

    fn bare_item() -> impl Strategy<Value = BareItem> {
        prop_oneof![
            "[a-zA-Z*][a-zA-Z0-9:/!#$%&'*+.^_`|~-]{0,8}"
                .prop_map(|text| BareItem::Token(Token::from_string(text).unwrap())),
            "[ -~]{0,12}".prop_map(|text| BareItem::String(sfv::String::from_string(text).unwrap())),
            any::<i32>().prop_map(|number| BareItem::Integer(number.into())),
            any::<i16>().prop_map(|number| BareItem::Decimal((f64::from(number) / 8.0).try_into().unwrap())),
            any::<bool>().prop_map(BareItem::Boolean),
            prop::collection::vec(any::<u8>(), 0..9).prop_map(BareItem::ByteSequence),
        ]
    }

    fn item() -> impl Strategy<Value = (BareItem, Vec<(String, BareItem)>)> {
        (bare_item(), prop::collection::vec(("[a-c*][a-c0-9_.*-]{0,2}", bare_item()), 0..4))
    }

    proptest! {
        #[test]
        fn a_list_is_split_as_another_serialiser_joined_it(items in prop::collection::vec(item(), 1..5)) {
            let mut serializer = ListSerializer::new();
            for (bare, parameters) in &items {
                let mut member = serializer.bare_item(bare);
                for (key, value) in parameters {
                    member = member.parameter(KeyRef::from_str(key).unwrap(), value);
                }
            }
            let text = serializer.finish().unwrap();
            let list: List = Parser::new(&text).parse().unwrap();
            prop_assert!(is_split_alike(&text, &list), "{text}");
        }

        #[test]
        fn any_text_is_split_and_a_valid_one_as_another_parser_splits_it(
            text in prop_oneof!["[ -~]{0,40}", r#"([ab*12.?:]|;a|;b=|, |"|\\|\(| ){0,12}"#, any::<String>()]
        ) {
            let parsed: Result<List, _> = Parser::new(&text).parse();
            let (_, _) = (is_stale(&text), proxy_error(&text));
            for member in members(&text) {
                let (_, _, _) = (member.name(), member.entry(), member.parameter("a"));
            }
            prop_assert!(parsed.is_err() || is_split_alike(&text, &parsed.unwrap()), "{text}");
        }
    }
}
