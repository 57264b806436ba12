//! Flags and reasons: why an exchange ended as it did, in the host's own words.

use super::host_names::HostNames;
use crate::exchange::Exchange;
use crate::json::write::push_text;
use alloc::string::String;

/// Maximum length of a reason, in bytes.
const MAX_REASON: usize = 128;
/// Maximum length of a termination state, in bytes.
const MAX_STATE: usize = 32;

/// Returns true if the host gave any flags.
pub(super) fn has_flags(exchange: &Exchange<'_>) -> bool {
    !exchange.flags.is_empty() || exchange.termination_state.is_some()
}

/// Appends the flags, `UF,URX`, or the termination state.
pub(super) fn push_flags(out: &mut String, exchange: &Exchange<'_>) {
    exchange.flags.push_names(out);
    if exchange.flags.is_empty() {
        push_text(out, cut(exchange.termination_state.unwrap_or_default(), MAX_STATE));
    }
}

/// Returns a reason in a form that may be emitted: at most 128 bytes, never a query string, and no address where hosts are not shown.
pub(super) fn reason(text: Option<&str>, hosts: HostNames) -> Option<&str> {
    let text = text?;
    let text = text.split_once('?').map_or(text, |(before, _)| before);
    let text = cut(text, MAX_REASON).trim_ascii();
    let may_show = matches!(hosts, HostNames::Plain) || !has_address(text);
    Some(text).filter(|text| !text.is_empty() && *text != "-" && may_show)
}

/// Returns true if a part of the text may be an IP address.
fn has_address(text: &str) -> bool {
    let (mut dots, mut colons) = (0, 0);
    text.bytes().any(|byte| {
        match byte {
            b'.' => dots += 1,
            b':' => colons += 1,
            _ if byte.is_ascii_hexdigit() => {}
            _ => (dots, colons) = (0, 0),
        }
        dots >= 3 || colons >= 2
    })
}

fn cut(text: &str, max: usize) -> &str {
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::Flags;

    fn flags(exchange: &Exchange<'_>) -> String {
        let mut out = String::new();
        push_flags(&mut out, exchange);
        out
    }

    #[test]
    fn the_flags_are_the_hosts_own_words() {
        assert_eq!(flags(&Exchange { flags: Flags::UF.with(Flags::URX), ..Exchange::default() }), "UF,URX");
        assert_eq!(flags(&Exchange { termination_state: Some("sD--"), ..Exchange::default() }), "sD--");
        assert!(!has_flags(&Exchange::default()));
    }

    #[test]
    fn a_reason_is_short_and_has_no_query() {
        assert_eq!(reason(Some("GET /a?token=1 failed"), HostNames::Plain), Some("GET /a"));
        assert_eq!(reason(Some(&"é".repeat(100)), HostNames::Plain).map(str::len), Some(128));
        for nothing in [None, Some(""), Some("-"), Some(" ?")] {
            assert_eq!(reason(nothing, HostNames::Plain), None);
        }
    }

    #[test]
    fn a_reason_with_an_address_stays_inside_where_hosts_are_hashed() {
        for text in ["dial tcp 10.0.0.7:80: connect: refused", "dial [fd00::1]:80: i/o timeout"] {
            assert_eq!(reason(Some(text), HostNames::Withheld), None, "{text}");
            assert_eq!(reason(Some(text), HostNames::Plain), Some(text));
        }
        assert!(reason(Some("upstream_reset{connection_failure|111}"), HostNames::Withheld).is_some());
    }
}
