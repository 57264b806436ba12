//! Information about the client from request headers: the number of its attempt and its deadline.

use crate::host::{Host, Map};
use crate::values::{lengths, number, text};
use nearmiss::Micros;
use nearmiss::structured_fields::{members, pairs};

/// Information about the client of a request.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ClientInfo {
    /// The number of the client's own attempt; 1 for the first.
    pub attempt: Option<u32>,
    /// The number of the attempt of the caller's proxy.
    pub proxy_attempt: Option<u32>,
    /// The deadline of a gRPC client; anybody can send this header with another request.
    deadline: Option<Micros>,
    is_grpc: bool,
    /// True if an internal redirect of this proxy forwarded the request.
    is_redirected: bool,
}

/// Headers that the router overwrites: they have the client's values only in the request phase.
const OVERWRITTEN: [&str; 2] = ["x-envoy-attempt-count", "grpc-timeout"];
/// Headers that the router does not change.
const KEPT: [&str; 3] = ["grpc-previous-rpc-attempts", "amz-sdk-request", "x-stainless-retry-count"];
/// Header that marks a gRPC call.
const CONTENT_TYPE: &str = "content-type";
/// Header that an internal redirect adds.
const REDIRECTED: &str = "x-envoy-original-url";

impl ClientInfo {
    /// The lengths of the names that [`add`](Self::add) knows, one bit each.
    pub const LENGTHS: u64 = lengths(&OVERWRITTEN) | lengths(&KEPT) | lengths(&[CONTENT_TYPE, REDIRECTED]);

    /// Reads the headers that are overwritten later.
    ///
    /// They are looked up one by one. Most requests have none of them, and a failed lookup is cheap, because Envoy stores each of
    /// these headers in a field of its own.
    pub fn read_overwritten(envoy: &impl Host) -> Self {
        let mut client = Self::default();
        client.look_up(envoy, &OVERWRITTEN);
        if client.deadline.is_some() {
            client.look_up(envoy, &[CONTENT_TYPE]);
        }
        // After an internal redirect the header has this proxy's own count from before the redirect.
        if client.proxy_attempt.is_some_and(|attempt| attempt > 1) {
            client.look_up(envoy, &[REDIRECTED]);
        }
        client
    }

    /// Reads all headers, in the request phase.
    pub fn read_all(envoy: &impl Host) -> Self {
        let mut client = Self::read_overwritten(envoy);
        client.look_up(envoy, &KEPT);
        client
    }

    fn look_up(&mut self, envoy: &impl Host, names: &[&str]) {
        for name in names {
            if let Some(value) = envoy.header(Map::Request, name) {
                self.add(name.as_bytes(), value);
            }
        }
    }

    /// Adds one header; the greatest of several attempt numbers counts.
    pub fn add(&mut self, name: &[u8], value: &[u8]) {
        match name {
            b"grpc-previous-rpc-attempts" | b"x-stainless-retry-count" => {
                self.add_attempt(number(value).map(|retries| retries.saturating_add(1)));
            }
            b"amz-sdk-request" => self.add_attempt(amazon_attempt(text(value))),
            b"x-envoy-attempt-count" => {
                // Two proxies in a row each add a count if the second one does not overwrite the first.
                let counts = members(text(value)).filter_map(|member| number(member.name().as_bytes()));
                let counts = counts.filter_map(|count| u32::try_from(count).ok());
                self.proxy_attempt = self.proxy_attempt.max(counts.max());
            }
            b"x-envoy-original-url" => self.is_redirected = true,
            b"grpc-timeout" => self.deadline = timeout(text(value)),
            b"content-type" => self.is_grpc = value.starts_with(b"application/grpc"),
            _ => {}
        }
    }

    fn add_attempt(&mut self, attempt: Option<u64>) {
        self.attempt = self.attempt.max(attempt.and_then(|attempt| u32::try_from(attempt).ok()));
    }

    /// Completes information from the request phase with headers read at the end of the exchange, which the router may have
    /// overwritten.
    pub fn completed_by(self, late: Self) -> Self {
        Self { attempt: self.attempt.max(late.attempt), ..self }
    }

    /// Returns the deadline that the client of a gRPC call has set.
    pub fn deadline(&self) -> Option<Micros> {
        self.deadline.filter(|_| self.is_grpc)
    }

    /// Returns the greatest attempt number. `overwritten` is the exchange's own attempt count if the header was read after the
    /// router may have written it: an equal number is then ignored.
    pub fn attempt(&self, overwritten: Option<u32>) -> Option<u32> {
        let is_own = |count: u32| Some(count) == overwritten || self.is_redirected && count > 1;
        self.attempt.max(self.proxy_attempt.filter(|count| !is_own(*count)))
    }
}

/// Parses the attempt in `attempt=2; max=3`.
fn amazon_attempt(value: &str) -> Option<u64> {
    pairs(value).find(|(key, _)| *key == "attempt").and_then(|(_, attempt)| number(attempt.as_bytes()))
}

/// Parses a `grpc-timeout`: at most eight digits and a unit.
fn timeout(value: &str) -> Option<Micros> {
    let value = value.trim_ascii();
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount = number(digits.as_bytes())?;
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
    fn a_deadline_is_one_of_a_grpc_call() {
        let mut client = ClientInfo::default();
        client.add(b"grpc-timeout", b"2S");
        assert_eq!(client.deadline(), None);
        client.add(b"content-type", b"application/grpc+proto");
        assert_eq!(client.deadline(), Some(Micros::from_seconds(2)));
    }

    #[test]
    fn a_count_that_the_router_may_have_written_is_ignored() {
        let client = ClientInfo { proxy_attempt: Some(2), ..ClientInfo::default() };
        assert_eq!(client.attempt(None), Some(2));
        assert_eq!(client.attempt(Some(2)), None);
        assert_eq!(client.attempt(Some(1)), Some(2));
    }

    #[test]
    fn amazon_clients_count_from_one() {
        assert_eq!(amazon_attempt("attempt=2; max=3"), Some(2));
        assert_eq!(amazon_attempt("ttl=20260101T000000Z; attempt=1; max=3"), Some(1));
        assert_eq!(amazon_attempt("attempt=x"), None);
    }
}
