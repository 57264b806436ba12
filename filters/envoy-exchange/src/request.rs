//! The request headers at the end of an exchange, read in one pass over the map.

use crate::client::ClientInfo;
use crate::values::{has_length, lengths, number};
use nearmiss::config::Ignore;
use nearmiss::{Micros, is_mirrored};

/// The request headers that the core needs.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestHeaders {
    /// Information about the client, as far as the router has not overwritten it.
    pub client: ClientInfo,
    /// The router's timeout for the last attempt.
    pub timeout: Option<Micros>,
    /// True if an authorization service could not be asked and the request was let through.
    pub fail_open: bool,
    /// True if Envoy saw the client as one from outside.
    pub is_external: bool,
    /// True if the request opened a tunnel.
    pub is_connect: bool,
    /// The reason why the exchange is left out, if it is.
    pub left_out: Option<LeftOut>,
}

/// The reason why an exchange is left out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LeftOut {
    /// A health check, by its user agent, its path or the flag of Envoy's health check filter.
    HealthCheck,
    /// A mirrored request, by the name that Envoy gives its authority.
    Mirrored,
    /// No HTTP: a connection of the TCP proxy, or of a listener.
    NotHttp,
    /// One attempt, logged by the router's `upstream_log`.
    Attempt,
}

impl LeftOut {
    /// Number of reasons.
    pub const COUNT: usize = 4;
    /// All reasons; `ALL[reason as usize] == reason`.
    pub const ALL: [Self; Self::COUNT] = [Self::HealthCheck, Self::Mirrored, Self::NotHttp, Self::Attempt];

    /// Returns the name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HealthCheck => "health_check",
            Self::Mirrored => "mirrored",
            Self::NotHttp => "not_http",
            Self::Attempt => "attempt",
        }
    }
}

/// The names that are read here, beside those of the client.
const NAMES: [&str; 7] = [
    ":path",
    "user-agent",
    ":authority",
    ":method",
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-auth-failure-mode-allowed",
    "x-envoy-external-address",
];
/// The lengths of all names that are read.
const LENGTHS: u64 = lengths(&NAMES) | ClientInfo::LENGTHS;

impl RequestHeaders {
    /// Reads the headers. Every HTTP request has some; without any, there was none.
    pub fn read<'a>(headers: impl Iterator<Item = (&'a [u8], &'a [u8])>, ignore: &Ignore) -> Self {
        let mut request = Self { left_out: Some(LeftOut::NotHttp), ..Self::default() };
        let (mut is_ignored, mut is_mirror) = (false, false);
        for (name, value) in headers {
            request.left_out = None;
            if !has_length(name, LENGTHS) {
                continue;
            }
            // No arm has a condition, so that the names are found by their lengths.
            match name {
                b":path" => is_ignored |= ignore.matches(None, Some(value)),
                b"user-agent" => is_ignored |= ignore.matches(Some(value), None),
                b":authority" => is_mirror = is_mirrored(value),
                b":method" => request.is_connect = value == b"CONNECT",
                b"x-envoy-expected-rq-timeout-ms" => request.timeout = milliseconds(value),
                b"x-envoy-auth-failure-mode-allowed" => request.fail_open = value == b"true",
                b"x-envoy-external-address" => request.is_external = true,
                _ => request.client.add(name, value),
            }
        }
        if request.left_out.is_none() && (is_ignored || is_mirror) {
            request.left_out = Some(if is_ignored { LeftOut::HealthCheck } else { LeftOut::Mirrored });
        }
        request
    }
}

/// Parses a header in milliseconds; 0 means no limit.
fn milliseconds(value: &[u8]) -> Option<Micros> {
    number(value).filter(|milliseconds| *milliseconds > 0).map(Micros::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(&str, &str)]) -> RequestHeaders {
        let pairs = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        RequestHeaders::read(pairs, &Ignore::default())
    }

    #[test]
    fn a_request_is_read_in_one_pass() {
        let request = read(&[
            (":method", "CONNECT"),
            ("amz-sdk-request", "attempt=2; max=3"),
            ("x-envoy-expected-rq-timeout-ms", "250"),
            ("amz-sdk-request", "attempt=4; max=5"),
            ("cookie", "attempt=9"),
            ("x-envoy-external-address", "203.0.113.9"),
            ("x-envoy-auth-failure-mode-allowed", "true"),
        ]);
        assert_eq!(request.left_out, None);
        assert!(request.is_connect && request.is_external && request.fail_open);
        assert_eq!(request.timeout, Some(Micros::from_millis(250)));
        assert_eq!(request.client.attempt(None), Some(4));
    }

    #[test]
    fn every_name_that_is_read_has_its_length() {
        for name in NAMES.into_iter().chain(["grpc-previous-rpc-attempts", "content-type", "grpc-timeout"]) {
            assert!(has_length(name.as_bytes(), LENGTHS), "{name}");
        }
        assert!(!has_length(b"accept", LENGTHS) && !has_length(&[b'x'; 64], LENGTHS));
    }

    #[test]
    fn health_checks_mirrored_requests_and_connections_are_left_out() {
        let left_out = |headers: &[(&str, &str)]| read(headers).left_out;
        let get = (":method", "GET");
        assert_eq!(left_out(&[get, ("user-agent", "kube-probe/1.31")]), Some(LeftOut::HealthCheck));
        assert_eq!(left_out(&[get, (":authority", "cart-shadow:8080")]), Some(LeftOut::Mirrored));
        assert_eq!(left_out(&[get, (":authority", "cart-shadow")]), Some(LeftOut::Mirrored));
        assert_eq!(left_out(&[get, (":authority", "shadow:80"), ("user-agent", "curl/8")]), None);
        assert_eq!(left_out(&[]), Some(LeftOut::NotHttp));
    }

    #[test]
    fn a_timeout_without_a_positive_number_is_no_limit() {
        for odd in [&b"0"[..], b"", b"-1", b"soon"] {
            assert_eq!(milliseconds(odd), None);
        }
    }
}
