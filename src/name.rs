//! Normalizes the names of upstreams, and bounds the length of all names.

use crate::hash::hash;
use alloc::borrow::Cow;
use alloc::format;

/// Name under which exchanges without a chosen upstream are counted.
pub const NO_UPSTREAM: &str = "none";

/// Maximum length of an upstream's name, in bytes.
pub const MAX_NAME: usize = 128;

/// Returns the normalized name of an upstream, equal for all proxies that report it.
///
/// Istio's `outbound|8080|v2|cart.shop.svc` becomes `cart.shop.svc/v2`: the host, then `:port` unless the port is 80,
/// 443 or 8080, then `/subset` if there is one; `inbound|…` and `inbound-vip|…` likewise. An empty name and `-` become [`NO_UPSTREAM`]. A name longer than [`MAX_NAME`]
/// bytes is truncated and ends in a hash of the full name.
///
/// ```
/// use nearmiss::{NO_UPSTREAM, upstream_name};
///
/// assert_eq!(upstream_name("outbound|8080|v2|cart.shop.svc"), "cart.shop.svc/v2");
/// assert_eq!(upstream_name("outbound|9000||cart.shop.svc"), "cart.shop.svc:9000");
/// assert_eq!(upstream_name("cart"), "cart");
/// assert_eq!(upstream_name("-"), NO_UPSTREAM);
/// ```
pub fn upstream_name(raw: &str) -> Cow<'_, str> {
    let bytes = raw.as_bytes();
    if bytes.is_empty() || bytes == b"-" {
        return Cow::Borrowed(NO_UPSTREAM);
    }
    let name = istio_name(raw).unwrap_or(Cow::Borrowed(raw));
    if name.len() <= MAX_NAME { name } else { Cow::Owned(truncate(&name, MAX_NAME)) }
}

/// Returns true for the authority that Envoy gives a mirrored request: `cart-shadow`, or `cart-shadow:8080`.
pub fn is_mirrored(authority: &[u8]) -> bool {
    let name = match authority.iter().rposition(|byte| !byte.is_ascii_digit()) {
        Some(colon) if authority.get(colon) == Some(&b':') => authority.get(..colon).unwrap_or_default(),
        _ => authority,
    };
    name.ends_with(b"-shadow")
}

/// Returns `name`, truncated if it is longer than `max` bytes.
pub(crate) fn truncated(name: &str, max: usize) -> Cow<'_, str> {
    if name.len() <= max { Cow::Borrowed(name) } else { Cow::Owned(truncate(name, max)) }
}

/// Returns the name of Istio's `direction|port|subset|host`, or `None` for any other name.
///
/// In a waypoint the direction is `inbound-vip`, and the subset follows the protocol: `http` or `http/v2`. Access logs print the
/// name under which the cluster's statistics are kept, which ends in a semicolon since Istio 1.24.
fn istio_name(raw: &str) -> Option<Cow<'_, str>> {
    let outside_waypoint = || raw.strip_prefix("outbound|").or_else(|| raw.strip_prefix("inbound|"));
    let (is_vip, rest) = match outside_waypoint() {
        Some(rest) => (false, rest),
        None => (true, raw.strip_prefix("inbound-vip|")?),
    };
    let (port, rest) = split_at_bar(rest)?;
    let (subset, host) = split_at_bar(rest)?;
    let protocol = || subset.strip_prefix("http").or_else(|| subset.strip_prefix("tcp"));
    let subset = if is_vip { protocol().unwrap_or(subset) } else { subset };
    let subset = subset.strip_prefix('/').unwrap_or(subset);
    let host = host.strip_suffix(';').unwrap_or(host);
    Some(match (matches!(port, "" | "80" | "443" | "8080"), subset.is_empty()) {
        _ if host.is_empty() => return None,
        (true, true) => Cow::Borrowed(host),
        (true, false) => Cow::Owned(format!("{host}/{subset}")),
        (false, true) => Cow::Owned(format!("{host}:{port}")),
        (false, false) => Cow::Owned(format!("{host}:{port}/{subset}")),
    })
}

/// Returns the text before and after the first `|`.
fn split_at_bar(text: &str) -> Option<(&str, &str)> {
    let (head, rest) = text.split_at_checked(text.bytes().position(|byte| byte == b'|')?)?;
    Some((head, rest.get(1..)?))
}

/// Returns `name` in at most `max` bytes, with a hash at the end that distinguishes names with the same beginning.
fn truncate(name: &str, max: usize) -> alloc::string::String {
    let mut end = max.saturating_sub(9);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    let head = name.get(..end).unwrap_or_default();
    format!("{head}~{:08x}", hash(name.as_bytes()) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn istio_clusters_are_named_after_their_service() {
        assert_eq!(upstream_name("outbound|8080|v2|cart.shop.svc"), "cart.shop.svc/v2");
        assert_eq!(upstream_name("outbound|80||cart.shop.svc"), "cart.shop.svc");
        assert_eq!(upstream_name("outbound|9080||cart.shop.svc"), "cart.shop.svc:9080");
        assert_eq!(upstream_name("inbound|9080|blue|cart"), "cart:9080/blue");
        assert_eq!(upstream_name("outbound|8000||cart.shop.svc;"), "cart.shop.svc:8000");
        assert_eq!(upstream_name("outbound|odd"), "outbound|odd");
        assert_eq!(upstream_name("outbound|80||;"), "outbound|80||;");
        assert_eq!(upstream_name("cart"), "cart");
    }

    #[test]
    fn clusters_of_a_waypoint_are_named_like_those_of_a_sidecar() {
        assert_eq!(upstream_name("inbound-vip|8080|http|cart.shop.svc"), "cart.shop.svc");
        assert_eq!(upstream_name("inbound-vip|9080|http/v2|cart.shop.svc;"), "cart.shop.svc:9080/v2");
        assert_eq!(upstream_name("inbound-vip|9000|tcp|cart.shop.svc"), "cart.shop.svc:9000");
        assert_eq!(upstream_name("inbound-vip|80||cart.shop.svc"), "cart.shop.svc");
        assert_eq!(upstream_name("other|80||cart.shop.svc"), "other|80||cart.shop.svc");
    }

    #[test]
    fn a_mirrored_request_is_known_by_its_authority_with_or_without_a_port() {
        assert!(is_mirrored(b"cart-shadow") && is_mirrored(b"cart-shadow:8080"));
        for other in ["", "cart", "shadow:80", "cart-shadow.example", "cart-shadow:x"] {
            assert!(!is_mirrored(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn a_missing_upstream_is_named_none() {
        assert_eq!(upstream_name(""), NO_UPSTREAM);
        assert_eq!(upstream_name("-"), NO_UPSTREAM);
    }

    #[test]
    fn long_names_are_truncated_and_stay_distinct() {
        let (a, b) = ("é".repeat(100) + "a", "é".repeat(100) + "b");
        let (a, b) = (upstream_name(&a).into_owned(), upstream_name(&b).into_owned());
        assert!(a.len() <= MAX_NAME && b.len() <= MAX_NAME);
        assert_ne!(a, b);
        assert_eq!(upstream_name(&"x".repeat(128)).len(), 128);
    }
}
