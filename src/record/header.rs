//! The `near-miss` header.

use crate::flags::Flags;
use crate::json::write::{push_number, push_text};
use crate::verdict::{Fate, Signals, Verdict};
use alloc::string::String;

/// Parameters of the fate beside those of the verdict.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeaderParameters<'a> {
    /// Number of attempts.
    pub attempts: Option<u32>,
    /// Envoy's response flags.
    pub flags: Flags,
    /// Name of this proxy among those in a chain.
    pub by: Option<&'a str>,
}

/// Writes the `near-miss` header of a verdict, an RFC 9651 list with the fate first:
/// `retried;attempts=3;margin=33;flags="UF,URX";by="edge-1", slow;ratio=4.1`. The margin is in whole percent. Writes nothing for a
/// clean exchange.
pub fn header(out: &mut String, verdict: &Verdict, parameters: HeaderParameters<'_>) {
    let HeaderParameters { attempts, flags, by } = parameters;
    if verdict.fate == Fate::Clean {
        return;
    }
    push_text(out, verdict.fate.name());
    if let Some(attempts) = attempts.filter(|attempts| *attempts > 1) {
        push_text(out, ";attempts=");
        push_number(out, attempts.into());
    }
    if let Some(margin) = verdict.margin_bp() {
        push_text(out, ";margin=");
        push_number(out, u64::from(margin) / 100);
    }
    if !flags.is_empty() {
        push_text(out, ";flags=\"");
        flags.push_names(out);
        push_text(out, "\"");
    }
    if let Some(by) = by {
        push_text(out, ";by=\"");
        by.chars().for_each(|c| push_string_char(out, c));
        push_text(out, "\"");
    }
    ratio(out, verdict.ratio_tenths().filter(|_| verdict.fate == Fate::Slow));
    for name in verdict.signals.without(own_signals(verdict.fate)).names() {
        push_text(out, ", ");
        push_text(out, name);
        ratio(out, verdict.ratio_tenths().filter(|_| name == "slow"));
    }
}

/// Appends a character of a String, which holds printable ASCII only.
fn push_string_char(out: &mut String, c: char) {
    match c {
        '"' | '\\' => out.extend(['\\', c]),
        ' '..='~' => out.push(c),
        _ => push_text(out, "?"),
    }
}

fn ratio(out: &mut String, tenths: Option<u64>) {
    if let Some(tenths) = tenths {
        push_text(out, ";ratio=");
        push_number(out, tenths / 10);
        push_text(out, ".");
        push_number(out, tenths % 10);
    }
}

/// Returns the signals that a fate implies.
const fn own_signals(fate: Fate) -> Signals {
    match fate {
        Fate::Clean | Fate::Tight => Signals::NONE,
        Fate::Slow => Signals::SLOW,
        Fate::ClientRetried => Signals::CLIENT_RETRY,
        Fate::Retried => Signals::RETRY,
        Fate::Failover => Signals::FAILOVER,
        Fate::Stale => Signals::STALE,
        Fate::Fallback => Signals::FALLBACK,
        Fate::Partial => Signals::PARTIAL,
        Fate::Failed => Signals::FAILED,
        Fate::Rejected => Signals::REJECTED,
        Fate::Abandoned => Signals::ABORTED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limit;
    use crate::units::{Micros, Used};
    use alloc::vec::Vec;
    use proptest::prelude::*;
    use sfv::{BareItem, Item, List, ListEntry, Parser};

    const SOME_SIGNALS: [Signals; 6] = [
        Signals::RETRY,
        Signals::FALLBACK,
        Signals::TIMEOUT,
        Signals::RETRY_LIMIT,
        Signals::SLOW,
        Signals::ABORTED,
    ];

    /// Parses the header with the reference parser.
    fn members(text: &str) -> Vec<Item> {
        let list = Parser::new(text).parse::<List>().unwrap_or_else(|error| panic!("{error}: {text}"));
        let item = |entry| match entry {
            ListEntry::Item(item) => item,
            ListEntry::InnerList(_) => panic!("an inner list: {text}"),
        };
        list.into_iter().map(item).collect()
    }

    fn name(item: &Item) -> &str {
        item.bare_item.as_token().map_or("not a token", |token| token.as_str())
    }

    #[test]
    fn the_documented_header_is_written() {
        let verdict = Verdict {
            fate: Fate::Retried,
            signals: Signals::RETRY.with(Signals::SLOW),
            nearest: Some((Limit::Attempts, Used::of(6_667, 10_000).unwrap())),
            typical: Some(Micros::from_millis(10)),
            judged_duration: Some(Micros::from_millis(41)),
            ..Verdict::default()
        };
        let parameters =
            HeaderParameters { attempts: Some(3), flags: Flags::UF.with(Flags::URX), by: Some("edge-1") };
        let mut text = String::new();
        header(&mut text, &verdict, parameters);
        assert_eq!(text, r#"retried;attempts=3;margin=33;flags="UF,URX";by="edge-1", slow;ratio=4.1"#);
    }

    proptest! {
        #[test]
        fn every_header_is_a_list_of_tokens_whose_parameters_have_their_types(
            fate in prop::sample::select(&Fate::ALL[1..]),
            signals in prop::collection::vec(prop::sample::select(&SOME_SIGNALS), 0..4),
            used in prop::option::of(0u64..=10_000),
            (typical, took) in (1u64..1 << 40, 1u64..1 << 40),
            attempts in prop::option::of(any::<u32>()),
            flags in any::<u64>(),
            by in prop::option::of("[ -~é\\x00]{0,12}"),
        ) {
            let verdict = Verdict {
                fate,
                signals: signals.into_iter().fold(Signals::NONE, Signals::with),
                nearest: used.and_then(|used| Some((Limit::Timeout, Used::of(used, 10_000)?))),
                typical: Some(Micros::new(typical)),
                judged_duration: Some(Micros::new(took)),
                ..Verdict::default()
            };
            let parameters =
                HeaderParameters { attempts, flags: Flags::from_bits(flags), by: by.as_deref() };
            let mut text = String::new();
            header(&mut text, &verdict, parameters);
            let members = members(&text);
            prop_assert_eq!(name(&members[0]), fate.name());
            for item in &members {
                prop_assert!(name(item) == fate.name() || Signals::NAMES.contains(&name(item)), "{}", text);
                for (key, value) in &item.params {
                    let is_typed = match key.as_str() {
                        "attempts" | "margin" => matches!(value, BareItem::Integer(_)),
                        "flags" | "by" => matches!(value, BareItem::String(_)),
                        "ratio" => matches!(value, BareItem::Decimal(_)),
                        _ => false,
                    };
                    prop_assert!(is_typed, "{}: {}", key, text);
                }
            }
        }
    }
}
