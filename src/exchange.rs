//! One request as its caller saw it, with all its attempts: what a host tells the core.
//!
//! Plain data. A filter fills in what its host shows and leaves the rest unknown; unknown is `None` and never
//! zero. The upstream's name goes through [`upstream_name`] on the way in, so every host may hand in its own.

use crate::flags::Flags;
use crate::units::{Micros, Timestamp};
use alloc::borrow::Cow;
use alloc::format;

/// One exchange.
#[derive(Clone, Debug, Default)]
pub struct Exchange<'a> {
    /// When the response was complete.
    pub ts: Timestamp,
    /// The logical service called, as the host spells it; empty or `-` where none was chosen.
    pub upstream: &'a str,
    /// The host that answered last, `address:port`.
    pub host: Option<&'a str>,
    /// The route's name, without a query string.
    pub route: Option<&'a str>,
    /// The status the caller got; 0 if it got none.
    pub status: u16,
    /// From arrival to complete response.
    pub duration: Micros,
    /// How many attempts were made; 0 if none was, `None` if the host cannot tell.
    pub attempts: Option<u32>,
    /// How many attempts were allowed.
    pub max_attempts: Option<u32>,
    /// The limit of one attempt.
    pub timeout: Option<Micros>,
    /// The limit of the whole exchange.
    pub deadline: Option<Micros>,
    /// Envoy's response flags.
    pub flags: Flags,
    /// The gRPC status, only if the content type was gRPC.
    pub grpc_status: Option<u32>,
    /// Bytes of response body that the caller got.
    pub bytes: Option<u64>,
    /// The answer looks well from outside and is not: a failure inside, or cut off after its headers.
    pub partial: bool,
    /// The client went away before the end.
    pub aborted: bool,
    /// A hedge's later answer was the one that counted.
    pub hedged: bool,
    /// A tunnel or an endless stream (CONNECT, server-sent events): its duration says nothing.
    pub stream: bool,
    /// What answered in the upstream's stead, if the host marks it.
    pub stand_in: Option<StandIn>,
    /// The `Cache-Status` field of RFC 9211, or a cache's own word such as `STALE`.
    pub cache_status: Option<&'a str>,
    /// The `Proxy-Status` field of RFC 9209.
    pub proxy_status: Option<&'a str>,
    /// Which try of the client's own this request was, 1 for the first.
    pub client_attempt: Option<u32>,
    /// What the upstream said of the caller's quota.
    pub quota: Option<Quota>,
    /// The attempts in order, the one that answered last; if shorter than `attempts`, the first are unknown.
    pub attempt_log: &'a [Attempt<'a>],
    /// The trace the exchange belongs to.
    pub trace_id: Option<&'a str>,
}

/// One try of an exchange against one host.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Attempt<'a> {
    /// The host that was tried.
    pub host: Option<&'a str>,
    /// Its answer; `None` if there was none.
    pub status: Option<u16>,
    /// From the start of the attempt to its end.
    pub duration: Option<Micros>,
}

impl Attempt<'_> {
    /// Whether the attempt gave no usable answer.
    pub fn failed(&self) -> bool {
        self.status.is_none_or(is_error)
    }
}

/// The most attempts of one exchange that are kept: the last ones.
pub const MAX_ATTEMPT_LOG: usize = 8;

/// What answered in the upstream's stead.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StandIn {
    /// Another zone or priority than the one meant.
    Failover,
    /// Something else altogether.
    Fallback,
    /// An expired copy.
    Stale,
}

/// What is left of a quota, and how much it was.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Quota {
    /// The whole quota, in requests.
    pub limit: u64,
    /// What remains of it.
    pub remaining: u64,
}

/// Whether a status tells the caller that the server failed: 5xx, 429 (out of room), or none at all.
pub const fn is_error(status: u16) -> bool {
    status >= 500 || status == 429 || status == 0
}

/// The name under which exchanges count for which no upstream was chosen.
pub const NO_UPSTREAM: &str = "none";

/// The longest name of an upstream, in bytes.
pub const MAX_NAME: usize = 128;

/// The name of an upstream, the same on every host.
///
/// Istio's `outbound|8080|v2|cart.shop.svc` becomes `cart.shop.svc`, plus `:port` unless 80, 443 or 8080, plus
/// `/subset` if there is one. Empty and `-` become [`NO_UPSTREAM`]. A name over [`MAX_NAME`] bytes is cut, and ends in a hash
/// of the whole.
pub fn upstream_name(raw: &str) -> Cow<'_, str> {
    let bytes = raw.as_bytes();
    if bytes.is_empty() || bytes == b"-" {
        return Cow::Borrowed(NO_UPSTREAM);
    }
    let name = istio_name(raw).unwrap_or(Cow::Borrowed(raw));
    if name.len() <= MAX_NAME { name } else { Cow::Owned(cut(&name, MAX_NAME)) }
}

/// `name`, cut if it is longer than `max` bytes.
pub(crate) fn cut_to(name: &str, max: usize) -> Cow<'_, str> {
    if name.len() <= max { Cow::Borrowed(name) } else { Cow::Owned(cut(name, max)) }
}

/// `direction|port|subset|host` as Istio writes it, or `None` for any other name.
fn istio_name(raw: &str) -> Option<Cow<'_, str>> {
    let rest = raw.strip_prefix("outbound|").or_else(|| raw.strip_prefix("inbound|"))?;
    let bar = |text: &str| text.bytes().position(|byte| byte == b'|');
    let (port, rest) = rest.split_at_checked(bar(rest)?)?;
    let rest = rest.get(1..)?;
    let (subset, host) = rest.split_at_checked(bar(rest)?)?;
    let host = host.get(1..).filter(|host| !host.is_empty())?;
    Some(match (matches!(port, "" | "80" | "443" | "8080"), subset.is_empty()) {
        (true, true) => Cow::Borrowed(host),
        (true, false) => Cow::Owned(format!("{host}/{subset}")),
        (false, true) => Cow::Owned(format!("{host}:{port}")),
        (false, false) => Cow::Owned(format!("{host}:{port}/{subset}")),
    })
}

/// `name` in at most `max` bytes, told apart from others with the same beginning by a hash at its end.
fn cut(name: &str, max: usize) -> alloc::string::String {
    let mut end = max.saturating_sub(9);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    let head = name.get(..end).unwrap_or_default();
    format!("{head}~{:08x}", hash(name.as_bytes()) as u32)
}

/// A hash of names, the same on every host: two lanes of machine words, each rotated and multiplied, and a final mix.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let step = |lane: u64, word: u64| (lane.rotate_left(23) ^ word).wrapping_mul(ODD);
    let (mut even, mut odd) = (bytes.len() as u64, ODD);
    let mut rest = bytes;
    while let Some((first, behind)) = rest.split_first_chunk() {
        even = step(even, u64::from_le_bytes(*first));
        rest = behind;
        if let Some((second, behind)) = rest.split_first_chunk() {
            odd = step(odd, u64::from_le_bytes(*second));
            rest = behind;
        }
    }
    // Less than a word: where there are four bytes, the first and the last of them, which may be said twice.
    let tail = match (rest.first_chunk(), rest.last_chunk()) {
        (Some(first), Some(last)) => {
            u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last))
        }
        _ => rest.iter().fold(0, |tail, byte| tail << 8 | u64::from(*byte)),
    };
    mix(step(odd, tail) ^ even.rotate_left(32))
}

/// Spreads every bit of a number over all others.
pub(crate) const fn mix(number: u64) -> u64 {
    let number = (number ^ number >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ number >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number ^ number >> 32
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
        assert_eq!(upstream_name("outbound|odd"), "outbound|odd");
        assert_eq!(upstream_name("cart"), "cart");
    }

    #[test]
    fn no_upstream_has_a_name_too() {
        assert_eq!(upstream_name(""), NO_UPSTREAM);
        assert_eq!(upstream_name("-"), NO_UPSTREAM);
    }

    #[test]
    fn every_byte_of_a_name_counts() {
        for length in 0..40 {
            let name = "a".repeat(length);
            let longer = name.clone() + "\0";
            assert_ne!(hash(name.as_bytes()), hash(longer.as_bytes()));
            for place in 0..length {
                let mut other = name.clone().into_bytes();
                other[place] = b'b';
                assert_ne!(hash(name.as_bytes()), hash(&other), "{place} of {length}");
            }
        }
    }

    #[test]
    fn long_names_are_cut_and_stay_apart() {
        let (a, b) = ("é".repeat(100) + "a", "é".repeat(100) + "b");
        let (a, b) = (upstream_name(&a).into_owned(), upstream_name(&b).into_owned());
        assert!(a.len() <= MAX_NAME && b.len() <= MAX_NAME);
        assert_ne!(a, b);
        assert_eq!(upstream_name(&"x".repeat(128)).len(), 128);
    }
}
