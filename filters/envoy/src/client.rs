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
    /// The request was sent on by a redirect inside this proxy.
    is_redirected: bool,
}

/// The headers that the router overwrites, so that they say what the client said in the request phase only.
const OVERWRITTEN: [&str; 2] = ["x-envoy-attempt-count", "grpc-timeout"];
/// Those that stay as they came.
const KEPT: [&str; 3] = ["grpc-previous-rpc-attempts", "amz-sdk-request", "x-stainless-retry-count"];
/// Left by an internal redirect.
const REDIRECTED: &str = "x-envoy-original-url";

impl Client {
    /// What would be overwritten later.
    ///
    /// The names are looked up one by one: the host knows a place of its own for each of them, so that what is missing, as it
    /// is on most requests, costs next to nothing.
    pub(crate) fn early(call: &Call) -> Self {
        let mut client = Self::default();
        client.look_up(call, &OVERWRITTEN);
        // After an internal redirect the count is that of the leg before, which was this proxy's own.
        if client.proxy_attempt.is_some_and(|attempt| attempt > 1) {
            client.look_up(call, &[REDIRECTED]);
        }
        client
    }

    /// All that it says, in the request phase.
    pub(crate) fn whole(call: &Call) -> Self {
        let mut client = Self::early(call);
        client.look_up(call, &KEPT);
        client
    }

    fn look_up(&mut self, call: &Call, names: &[&str]) {
        for name in names {
            if let Ok(value) = call.header(Map::Request, name) {
                self.take(name.as_bytes(), value);
            }
        }
    }

    /// Takes one header; of several that count, the greatest holds.
    pub(crate) fn take(&mut self, name: &[u8], value: &[u8]) {
        match name {
            b"grpc-previous-rpc-attempts" | b"x-stainless-retry-count" => {
                self.count(number(value).map(|tries| tries.saturating_add(1)));
            }
            b"amz-sdk-request" => self.count(amazon_attempt(text(value))),
            b"x-envoy-attempt-count" => {
                // Two proxies on the way each add theirs where the second does not overwrite.
                let counts = members(text(value)).filter_map(|member| member.name().parse().ok());
                self.proxy_attempt = self.proxy_attempt.max(counts.max());
            }
            b"x-envoy-original-url" => self.is_redirected = true,
            b"grpc-timeout" => self.deadline = timeout(text(value)),
            _ => {}
        }
    }

    fn count(&mut self, attempt: Option<u64>) {
        self.attempt = self.attempt.max(attempt.and_then(|attempt| u32::try_from(attempt).ok()));
    }

    /// What is known at the end, `late`, of which the router has overwritten what was read `self` in the request phase.
    pub(crate) fn completed_by(self, late: Self) -> Self {
        Self { attempt: self.attempt.max(late.attempt), ..self }
    }

    /// The greatest of the client's counts. If `overwritten` is the exchange's own count and the header was read after
    /// the router wrote it, the proxy's says nothing.
    pub(crate) fn attempt(&self, overwritten: Option<u32>) -> Option<u32> {
        let is_own = |count: u32| Some(count) == overwritten || self.is_redirected && count > 1;
        self.attempt.max(self.proxy_attempt.filter(|count| !is_own(*count)))
    }
}

/// The attempt in `attempt=2; max=3`.
fn amazon_attempt(value: &str) -> Option<u64> {
    value.split(';').find_map(|part| {
        let (key, value) = part.split_once('=')?;
        if key.trim_ascii() == "attempt" { value.trim_ascii().parse().ok() } else { None }
    })
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
