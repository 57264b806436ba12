//! What a request says of itself: which try of its client's it is, and how long that will wait.

use crate::fields::members;
use crate::headers::{number, text};
use crate::host::{Call, Map};
use nearmiss::Micros;

/// What the client said.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Client {
    /// Which try of its client's own the request is, 1 for a first one.
    pub(crate) attempt: Option<u32>,
    /// Which attempt of the caller's proxy the request is.
    pub(crate) proxy_attempt: Option<u32>,
    /// How long the client waits.
    pub(crate) deadline: Option<Micros>,
}

impl Client {
    /// The greatest of the client's counts. If `overwritten` is the exchange's own count and the header was read after
    /// the router wrote it, the proxy's says nothing.
    pub(crate) fn attempt(&self, overwritten: Option<u32>) -> Option<u32> {
        self.attempt.max(self.proxy_attempt.filter(|count| Some(*count) != overwritten))
    }
}

/// Reads what a client says of its request.
///
/// The names are looked up one by one, which costs next to nothing where they are missing, as they are on most requests.
pub(crate) fn read(call: &Call) -> Client {
    Client { attempt: attempt(call), proxy_attempt: proxy_attempt(call), deadline: deadline(call) }
}

/// By the headers that clients add.
fn attempt(call: &Call) -> Option<u32> {
    let header = |name| call.header(Map::Request, name).ok();
    let previous = header("grpc-previous-rpc-attempts").and_then(number).map(|tries| tries.saturating_add(1));
    let amazon = header("amz-sdk-request").and_then(|value| amazon_attempt(text(value)));
    let stainless = header("x-stainless-retry-count").and_then(number).map(|tries| tries.saturating_add(1));
    let attempt = [previous, amazon, stainless].into_iter().flatten().max()?;
    u32::try_from(attempt).ok()
}

/// The attempt in `attempt=2; max=3`.
fn amazon_attempt(value: &str) -> Option<u64> {
    value.split(';').find_map(|part| {
        let (key, value) = part.split_once('=')?;
        if key.trim_ascii() == "attempt" { value.trim_ascii().parse().ok() } else { None }
    })
}

fn proxy_attempt(call: &Call) -> Option<u32> {
    let value = call.header(Map::Request, "x-envoy-attempt-count").ok()?;
    // Two proxies on the way each add theirs where the second does not overwrite.
    let attempts = members(text(value)).filter_map(|member| member.name().parse().ok());
    let attempt = attempts.max()?;
    // After an internal redirect the count is that of the leg before, which was this proxy's own.
    let is_redirected = attempt > 1 && call.header(Map::Request, "x-envoy-original-url").is_ok();
    (!is_redirected).then_some(attempt)
}

/// Only gRPC clients say it.
fn deadline(call: &Call) -> Option<Micros> {
    timeout(text(call.header(Map::Request, "grpc-timeout").ok()?))
}

/// A `grpc-timeout`: at most eight digits and a unit.
fn timeout(value: &str) -> Option<Micros> {
    let value = value.trim_ascii();
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Micros::from_seconds(amount * 3_600),
        "M" => Micros::from_seconds(amount * 60),
        "S" => Micros::from_seconds(amount),
        "m" => Micros::from_millis(amount),
        "u" => Micros::new(amount),
        "n" => Micros::new(amount / 1_000),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grpc_timeout_has_a_unit() {
        assert_eq!(timeout("250m"), Some(Micros::from_millis(250)));
        assert_eq!(timeout("2S"), Some(Micros::from_seconds(2)));
        assert_eq!(timeout("1H"), Some(Micros::from_seconds(3_600)));
        assert_eq!(timeout("99999999M"), Some(Micros::from_seconds(99_999_999 * 60)));
        assert_eq!(timeout("1500n"), Some(Micros::new(1)));
        for odd in ["", "m", "5", "-1S", "1.5S", "123456789S", "5é", "5s"] {
            assert_eq!(timeout(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_count_that_the_router_may_have_written_says_nothing() {
        let client = Client { proxy_attempt: Some(2), ..Client::default() };
        assert_eq!(client.attempt(None), Some(2));
        assert_eq!(client.attempt(Some(2)), None);
        assert_eq!(client.attempt(Some(1)), Some(2));
    }

    #[test]
    fn the_amazon_clients_count_from_one() {
        assert_eq!(amazon_attempt("attempt=2; max=3"), Some(2));
        assert_eq!(amazon_attempt("ttl=20260101T000000Z; attempt=1; max=3"), Some(1));
        assert_eq!(amazon_attempt("attempt=x"), None);
    }
}
