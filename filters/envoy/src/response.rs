//! What the response headers say, read in one walk over the whole map.

use crate::headers::{Headers, number, text};
use crate::quota::QuotaHeaders;
use alloc::borrow::Cow;
use nearmiss::Substitute;

/// The response headers that matter, as they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Response<'a> {
    /// `:status`; nothing if there was no response.
    pub(crate) status: Option<u16>,
    /// `cache-status`, several joined.
    pub(crate) cache_status: Option<Cow<'a, str>>,
    /// `proxy-status`, several joined.
    pub(crate) proxy_status: Option<Cow<'a, str>>,
    /// The quota headers.
    pub(crate) quota: QuotaHeaders<'a>,
    /// `grpc-status`, where the whole response is headers.
    pub(crate) grpc_status: Option<u32>,
    content_type: &'a str,
    is_fallback: bool,
    has_stale_warning: bool,
}

impl<'a> Response<'a> {
    /// Reads the headers; `fallback_header` is the name that marks a fallback's answer.
    pub(crate) fn read(headers: Headers<'a>, fallback_header: Option<&str>) -> Self {
        let mut response = Self::default();
        for (name, value) in headers {
            response.take(name, value);
            response.is_fallback |= fallback_header.is_some_and(|fallback| fallback.as_bytes() == name);
        }
        response
    }

    fn take(&mut self, name: &'a [u8], value: &'a [u8]) {
        match name {
            b":status" => self.status = number(value).and_then(|status| u16::try_from(status).ok()),
            b"content-type" => self.content_type = text(value),
            b"cache-status" => join(&mut self.cache_status, text(value)),
            b"proxy-status" => join(&mut self.proxy_status, text(value)),
            b"grpc-status" => self.grpc_status = number(value).and_then(|status| u32::try_from(status).ok()),
            b"warning" => self.has_stale_warning |= is_stale_warning(text(value)),
            b"ratelimit" => self.quota.state = Some(text(value)),
            b"ratelimit-policy" => self.quota.policy = Some(text(value)),
            b"ratelimit-limit" | b"x-ratelimit-limit" => self.quota.limit = Some(text(value)),
            b"ratelimit-remaining" | b"x-ratelimit-remaining" => self.quota.remaining = Some(text(value)),
            _ => {}
        }
    }

    /// Whether the content is gRPC with its status in the trailers; gRPC-Web keeps it in the body.
    pub(crate) fn is_grpc(&self) -> bool {
        let rest = self.content_type.strip_prefix("application/grpc");
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['+', ';', ' ']))
    }

    /// Whether the response has no end of its own: a tunnel or a stream of events.
    pub(crate) fn is_stream(&self) -> bool {
        self.status == Some(101) || self.content_type.starts_with("text/event-stream")
    }

    /// What answered instead, by what the response says; `marked` is what the host's metadata say.
    pub(crate) fn substitute(&self, marked: Option<Substitute>) -> Option<Substitute> {
        match marked {
            _ if self.is_fallback => Some(Substitute::Fallback),
            Some(Substitute::Fallback) => marked,
            _ if self.has_stale_warning => Some(Substitute::Stale),
            _ => marked,
        }
    }
}

/// Adds a value behind those of the same name that came before.
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

/// Whether a `Warning` says that the copy is stale (110) or could not be validated (111).
fn is_stale_warning(value: &str) -> bool {
    value.split(',').any(|warning| {
        let code = warning.trim_ascii().split(' ').next();
        matches!(code, Some("110" | "111"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static [u8], value: &'static [u8]) -> Response<'static> {
        let mut response = Response::default();
        response.take(name, value);
        response
    }

    #[test]
    fn grpc_is_told_by_its_content_type() {
        for grpc in [&b"application/grpc"[..], b"application/grpc+proto", b"application/grpc; charset=x"] {
            assert!(with(b"content-type", grpc).is_grpc());
        }
        for other in [&b"application/grpc-web+proto"[..], b"application/json", b"", b"\xff"] {
            assert!(!with(b"content-type", other).is_grpc());
        }
    }

    #[test]
    fn a_status_that_is_none_is_unknown() {
        for odd in [&b"abc"[..], b"", b"-1", b"70000", b"\xff"] {
            assert_eq!(with(b":status", odd).status, None);
        }
        assert_eq!(with(b":status", b"200").status, Some(200));
    }

    #[test]
    fn repeated_fields_are_joined() {
        let mut response = with(b"cache-status", b"Origin; hit; ttl=-3");
        response.take(b"cache-status", b"CDN; fwd=miss");
        assert_eq!(response.cache_status.as_deref(), Some("Origin; hit; ttl=-3, CDN; fwd=miss"));
    }

    #[test]
    fn a_warning_tells_a_stale_copy() {
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
