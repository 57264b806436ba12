//! The response headers, read in one pass over the map.

use crate::quota::QuotaHeaders;
use crate::values::{number, text};
use alloc::borrow::Cow;
use nearmiss::structured_fields::members;
use nearmiss::{Micros, Substitute};

/// The response headers that the core needs.
#[derive(Clone, Debug, Default)]
pub struct ResponseHeaders<'a> {
    /// `:status`, if there was a response.
    pub status: Option<u16>,
    /// `cache-status`; several are joined.
    pub cache_status: Option<Cow<'a, str>>,
    /// `proxy-status`; several are joined.
    pub proxy_status: Option<Cow<'a, str>>,
    /// The quota headers.
    pub quota: QuotaHeaders<'a>,
    /// `grpc-status` of a headers-only response.
    pub grpc_status: Option<u32>,
    /// `x-envoy-upstream-service-time`: the time from the end of the request at the router to the response headers, in whole milliseconds.
    pub service: Option<Micros>,
    content_type: &'a [u8],
    is_fallback: bool,
    has_stale_warning: bool,
}

impl<'a> ResponseHeaders<'a> {
    /// Reads the headers; `fallback_header` is the name of the header that marks the response of a fallback.
    pub fn read(headers: impl Iterator<Item = (&'a [u8], &'a [u8])>, fallback_header: Option<&str>) -> Self {
        let mut response = Self::default();
        for (name, value) in headers {
            response.add(name, value);
            response.is_fallback |= fallback_header.is_some_and(|fallback| fallback.as_bytes() == name);
        }
        response
    }

    fn add(&mut self, name: &'a [u8], value: &'a [u8]) {
        match name {
            b":status" => self.status = number(value).and_then(|status| u16::try_from(status).ok()),
            b"content-type" => self.content_type = value,
            b"cache-status" => join(&mut self.cache_status, text(value)),
            b"proxy-status" => join(&mut self.proxy_status, text(value)),
            b"grpc-status" => self.grpc_status = number(value).and_then(|status| u32::try_from(status).ok()),
            b"x-envoy-upstream-service-time" => self.service = number(value).map(Micros::from_millis),
            b"warning" => self.has_stale_warning |= is_stale_warning(text(value)),
            b"ratelimit" => self.quota.state = Some(text(value)),
            b"ratelimit-policy" => self.quota.policy = Some(text(value)),
            b"ratelimit-limit" | b"x-ratelimit-limit" => self.quota.limit = Some(text(value)),
            b"ratelimit-remaining" | b"x-ratelimit-remaining" => self.quota.remaining = Some(text(value)),
            _ => {}
        }
    }

    /// Returns true if the response is gRPC with its status in the trailers.
    pub fn is_grpc(&self) -> bool {
        let rest = self.content_type.strip_prefix(b"application/grpc");
        rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';' | b' ')))
    }

    /// Returns true if the response is gRPC-Web, which has its status in the headers or in the body.
    pub fn is_grpc_web(&self) -> bool {
        self.content_type.starts_with(b"application/grpc-web")
    }

    /// Returns true if the response has no natural end: a tunnel or an event stream.
    pub fn is_stream(&self) -> bool {
        self.status == Some(101) || self.content_type.starts_with(b"text/event-stream")
    }

    /// Returns the substitute that answered instead of the upstream, from the headers and the tier of the host.
    pub fn substitute(&self, tier: Option<Substitute>) -> Option<Substitute> {
        match tier {
            _ if self.is_fallback => Some(Substitute::Fallback),
            Some(Substitute::Fallback) => tier,
            _ if self.has_stale_warning => Some(Substitute::Stale),
            _ => tier,
        }
    }
}

/// Appends a value to the previous ones of the same header.
fn join<'a>(joined: &mut Option<Cow<'a, str>>, value: &'a str) {
    match joined {
        None => *joined = Some(Cow::Borrowed(value)),
        Some(before) => {
            let before = before.to_mut();
            before.push_str(", ");
            before.push_str(value);
        }
    }
}

/// Returns true if a `Warning` header reports a stale copy (110) or a failed revalidation (111).
fn is_stale_warning(value: &str) -> bool {
    members(value).any(|warning| matches!(warning.name().split(' ').next(), Some("110" | "111")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static [u8], value: &'static [u8]) -> ResponseHeaders<'static> {
        let mut response = ResponseHeaders::default();
        response.add(name, value);
        response
    }

    #[test]
    fn grpc_has_its_own_content_type() {
        for grpc in [&b"application/grpc"[..], b"application/grpc+proto", b"application/grpc; charset=x"] {
            assert!(with(b"content-type", grpc).is_grpc());
        }
        for other in [&b"application/grpc-web+proto"[..], b"application/json", b"", b"\xff"] {
            assert!(!with(b"content-type", other).is_grpc());
        }
    }

    #[test]
    fn an_invalid_status_is_unknown() {
        for odd in [&b"abc"[..], b"", b"-1", b"70000", b"\xff"] {
            assert_eq!(with(b":status", odd).status, None);
        }
        assert_eq!(with(b":status", b"200").status, Some(200));
    }

    #[test]
    fn repeated_fields_are_joined() {
        let mut response = with(b"cache-status", b"Origin; hit; ttl=-3");
        response.add(b"cache-status", b"CDN; fwd=miss");
        assert_eq!(response.cache_status.as_deref(), Some("Origin; hit; ttl=-3, CDN; fwd=miss"));
    }

    #[test]
    fn a_warning_reports_a_stale_copy() {
        assert_eq!(
            with(b"warning", b"110 - \"Response is Stale\"").substitute(None),
            Some(Substitute::Stale)
        );
        assert_eq!(
            with(b"warning", b"299 - \"x\", 111 - \"Revalidation Failed\"").substitute(None),
            Some(Substitute::Stale)
        );
        assert_eq!(with(b"warning", b"1101 -").substitute(None), None);
        assert_eq!(
            with(b"warning", b"110 -").substitute(Some(Substitute::Fallback)),
            Some(Substitute::Fallback)
        );
    }
}
