//! Reads `Cache-Status` (RFC 9211) and `Proxy-Status` (RFC 9209).
//!
//! Both are lists of members with parameters, `name; key=value; flag, name …` (RFC 9651). Only the few keys that
//! prove a near miss are read; everything else that a cache or proxy writes is ignored.

/// Returns true if a cache reports that it served an expired copy because the origin could not answer.
///
/// True for `hit; ttl<0`, for `fwd=stale` with `fwd-status>=500`, and for the word `STALE` that nginx and CDNs log.
pub fn is_stale(cache_status: &str) -> bool {
    cache_status.trim_ascii().eq_ignore_ascii_case("STALE") || members(cache_status).any(is_stale_member)
}

fn is_stale_member(member: &str) -> bool {
    let (mut hit, mut expired, mut forwarded_stale, mut origin_failed) = (false, false, false, false);
    for (key, value) in parameters(member) {
        match key {
            "hit" => hit = value != "?0",
            "ttl" => expired = value.starts_with('-') && value != "-0",
            "fwd" => forwarded_stale = value == "stale",
            "fwd-status" => origin_failed = value.parse::<u16>().is_ok_and(|status| status >= 500),
            _ => {}
        }
    }
    hit && expired || forwarded_stale && origin_failed
}

/// Returns the error that a proxy on the path reports, such as `connection_timeout`.
pub fn proxy_error(proxy_status: &str) -> Option<&str> {
    members(proxy_status)
        .flat_map(parameters)
        .find(|(key, value)| *key == "error" && !value.is_empty())
        .map(|(_, value)| value)
}

/// Returns the members of a list, split at commas outside quotes.
fn members(list: &str) -> impl Iterator<Item = &str> {
    split(list, b',')
}

/// Returns the parameters of a member without its own name; a flag has an empty value.
fn parameters(member: &str) -> impl Iterator<Item = (&str, &str)> {
    split(member, b';').skip(1).map(|parameter| {
        let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        (key.trim_ascii(), value.trim_ascii().trim_matches('"'))
    })
}

/// Returns the parts of `text` between separators outside quotes.
fn split(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    core::iter::from_fn(move || {
        let part = rest?;
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
        rest = tail;
        head
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expired_hit_is_stale() {
        assert!(is_stale("ExampleCache; hit; ttl=-412"));
        assert!(is_stale("A; fwd=miss, B; hit; ttl=-1; detail=\"x;, y\""));
        assert!(!is_stale("ExampleCache; hit; ttl=376"));
        assert!(!is_stale("ExampleCache; fwd=miss; ttl=-1"));
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
}
