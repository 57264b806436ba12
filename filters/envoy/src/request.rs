//! The request headers at the end of an exchange, read in one pass over the map.

use crate::client::ClientInfo;
use crate::headers::{Headers, number};
use nearmiss::Micros;

/// The request headers that the core needs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RequestHeaders {
    /// Information about the client, as far as the router has not overwritten it.
    pub(crate) client: ClientInfo,
    /// The router's timeout for the last attempt.
    pub(crate) timeout: Option<Micros>,
    /// True if an authorization service could not be asked and the request was let through.
    pub(crate) fail_open: bool,
    /// True if Envoy saw the client as one from outside.
    pub(crate) is_external: bool,
    /// True if the request opened a tunnel.
    pub(crate) is_connect: bool,
}

impl RequestHeaders {
    /// Reads the headers.
    pub(crate) fn read(headers: Headers<'_>) -> Self {
        let mut request = Self::default();
        for (name, value) in headers {
            match name {
                b":method" => request.is_connect = value == b"CONNECT",
                b"x-envoy-expected-rq-timeout-ms" => request.timeout = milliseconds(value),
                b"x-envoy-auth-failure-mode-allowed" => request.fail_open = value == b"true",
                b"x-envoy-external-address" => request.is_external = true,
                _ => request.client.add(name, value),
            }
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
    use crate::headers::serialize_map;

    #[test]
    fn a_request_is_read_in_one_pass() {
        let map = serialize_map(&[
            (":method", "CONNECT"),
            ("amz-sdk-request", "attempt=2; max=3"),
            ("x-envoy-expected-rq-timeout-ms", "250"),
            ("amz-sdk-request", "attempt=4; max=5"),
            ("cookie", "attempt=9"),
            ("x-envoy-external-address", "203.0.113.9"),
            ("x-envoy-auth-failure-mode-allowed", "true"),
        ]);
        let request = RequestHeaders::read(Headers::new(&map));
        assert!(request.is_connect && request.is_external && request.fail_open);
        assert_eq!(request.timeout, Some(Micros::from_millis(250)));
        assert_eq!(request.client.attempt(None), Some(4));
    }

    #[test]
    fn a_timeout_without_a_positive_number_is_no_limit() {
        for odd in [&b"0"[..], b"", b"-1", b"soon"] {
            assert_eq!(milliseconds(odd), None);
        }
    }
}
