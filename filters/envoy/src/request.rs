//! What the request headers say when the exchange is over, read in one walk over the whole map.

use crate::client::Client;
use crate::headers::{Headers, number};
use nearmiss::Micros;

/// The request headers that matter.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Request {
    /// What the client said, as far as the router left it.
    pub(crate) client: Client,
    /// What the router allowed the last attempt.
    pub(crate) timeout: Option<Micros>,
    /// It opened a tunnel.
    pub(crate) is_connect: bool,
}

impl Request {
    /// Reads the headers.
    pub(crate) fn read(headers: Headers<'_>) -> Self {
        let mut request = Self::default();
        for (name, value) in headers {
            match name {
                b":method" => request.is_connect = value == b"CONNECT",
                b"x-envoy-expected-rq-timeout-ms" => request.timeout = milliseconds(value),
                _ => request.client.take(name, value),
            }
        }
        request
    }
}

/// A header in milliseconds; 0 is no limit.
fn milliseconds(value: &[u8]) -> Option<Micros> {
    number(value).filter(|milliseconds| *milliseconds > 0).map(Micros::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::written;

    #[test]
    fn a_request_is_read_in_one_walk() {
        let map = written(&[
            (":method", "CONNECT"),
            ("amz-sdk-request", "attempt=2; max=3"),
            ("x-envoy-expected-rq-timeout-ms", "250"),
            ("amz-sdk-request", "attempt=4; max=5"),
            ("cookie", "attempt=9"),
        ]);
        let request = Request::read(Headers::new(&map));
        assert!(request.is_connect);
        assert_eq!(request.timeout, Some(Micros::from_millis(250)));
        assert_eq!(request.client.attempt(None), Some(4));
    }

    #[test]
    fn no_limit_is_none() {
        for odd in [&b"0"[..], b"", b"-1", b"soon"] {
            assert_eq!(milliseconds(odd), None);
        }
    }
}
