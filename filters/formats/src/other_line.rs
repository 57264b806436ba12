//! The kinds of lines that are no access log lines: messages of the programs that share a stream with an access log.

use crate::swar::{contains, contains_text};
use crate::text_shape::{TextShape, is_digits};
use crate::time;
use core::fmt;

/// The kind of a line that is no access log line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum OtherLine {
    /// An empty line.
    Empty,
    /// A JSON object without a request.
    Json,
    /// A message of a Kubernetes component, in the format of klog.
    Klog,
    /// A message of nginx's error log.
    NginxError,
    /// A message of Envoy.
    Envoy,
    /// A message of Apache's error log.
    ApacheError,
    /// A TCP or UDP connection of nginx's stream module.
    Connection,
    /// A message of HAProxy.
    Haproxy,
    /// A message of istio-proxy.
    IstioProxy,
    /// A message after a timestamp.
    Timestamped,
    /// A message of `key=value`.
    Logfmt,
    /// A message of the script that starts a container.
    Entrypoint,
    /// A line of dashes, stars or the like.
    Banner,
    /// Text of no known kind.
    Unknown,
}

impl OtherLine {
    /// Returns true if the line may be one of an access log in an unknown format.
    pub const fn is_unknown(self) -> bool {
        matches!(self, Self::Json | Self::Unknown)
    }
}

impl fmt::Display for OtherLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "empty line",
            Self::Json => "JSON object without a request",
            Self::Klog => "klog message",
            Self::NginxError => "message of the nginx error log",
            Self::Envoy => "message of Envoy",
            Self::ApacheError => "message of the Apache error log",
            Self::Connection => "TCP or UDP connection of nginx",
            Self::Haproxy => "message of HAProxy",
            Self::IstioProxy => "message of istio-proxy",
            Self::Timestamped => "message with a timestamp",
            Self::Logfmt => "logfmt message",
            Self::Entrypoint => "message of a container's entrypoint",
            Self::Banner => "banner",
            Self::Unknown => "text in no known format",
        })
    }
}

/// Returns the kind of a line of text that is in no format.
pub(crate) fn kind(shape: &TextShape<'_>) -> OtherLine {
    let line = shape.line;
    let has = |text: &[u8]| contains_text(line, text);
    match line {
        _ if line.trim_ascii().is_empty() => OtherLine::Empty,
        [b'I' | b'W' | b'E' | b'F', digits @ ..]
            if digits.get(..4).is_some_and(is_digits) && contains(line, b']') =>
        {
            OtherLine::Klog
        }
        [_, _, _, _, b'/', _, _, b'/', ..] if is_error_log(line) => OtherLine::NginxError,
        [b'[', ..] if has(b"][") => OtherLine::Envoy,
        [b'[', b'N' | b'W' | b'A', ..] if has(b"[NOTICE]") || has(b"[WARNING]") || has(b"[ALERT]") => {
            OtherLine::Haproxy
        }
        [b'[', ..] if is_apache_error(line) => OtherLine::ApacheError,
        _ if shape.time.is_some() && is_connection(shape.after_time) => OtherLine::Connection,
        // Envoy writes a `T` between date and time.
        [b'[', _, _, _, _, b'-', _, _, b'-', _, _, b' ', ..] if shape.time.is_some() => {
            OtherLine::Timestamped
        }
        _ if has(b"haproxy[") => OtherLine::Haproxy,
        [b'0'..=b'9', _, _, _, b'-', ..] if contains(line, b'\t') => OtherLine::IstioProxy,
        [b'0'..=b'9', _, _, _, b'-', ..] if time::rfc3339(shape.first).is_some() => OtherLine::Timestamped,
        _ if has(b"level=") || has(b"msg=") => OtherLine::Logfmt,
        _ if line.starts_with(b"/docker-entrypoint") || has(b".sh: ") => OtherLine::Entrypoint,
        _ if line.iter().all(|byte| matches!(byte, b'-' | b'=' | b'*' | b'#' | b' ')) => OtherLine::Banner,
        _ => OtherLine::Unknown,
    }
}

/// Returns true for nginx's error log: `2026/11/23 08:00:00 [error] 31#31: …`.
fn is_error_log(line: &[u8]) -> bool {
    line.get(..4).is_some_and(is_digits) && line.get(20) == Some(&b'[')
}

/// Returns true for Apache's error log: `[Mon Nov 23 08:00:00.123456 2026] [proxy:error] …`.
fn is_apache_error(line: &[u8]) -> bool {
    line.get(5..8).is_some_and(|name| time::month_named(name).is_some())
        && line.windows(3).any(|window| window == b"] [")
}

/// Returns true for the protocol of nginx's stream module, and a status. Old versions of ingress-nginx write no space between them.
fn is_connection(text: &[u8]) -> bool {
    let rest = text.strip_prefix(b"TCP").or(text.strip_prefix(b"UDP"));
    rest.is_some_and(|rest| rest.trim_ascii_start().get(..3).is_some_and(is_digits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn messages_are_named_by_their_program() {
        for (line, expected) in [
            ("", "empty line"),
            ("W1123 08:00:00.000000       7 client_config.go:617] Neither", "klog message"),
            ("2026/11/23 08:00:00 [error] 31#31: *569 upstream timed out", "message of the nginx error log"),
            ("[2026-11-23 08:00:00.270][1][info][main] [source/server/server.cc:404] x", "message of Envoy"),
            (
                "[Mon Nov 23 08:00:00.123456 2026] [proxy:error] [pid 12:tid 139] (111)Connection refused",
                "message of the Apache error log",
            ),
            ("[Mon Nov 23 08:00:00 2026] [error] [client 192.0.2.1] x", "message of the Apache error log"),
            (
                "192.0.2.1 [23/Nov/2026:08:00:00 +0000] TCP 200 1234 567 12.345 \"10.0.0.1:5432\"",
                "TCP or UDP connection of nginx",
            ),
            ("[23/Nov/2026:08:00:00 +0000]TCP200000.000", "TCP or UDP connection of nginx"),
            ("[2026-11-23 08:00:00] reloaded", "message with a timestamp"),
            ("2026-11-23T08:00:00.270118Z\tinfo\tEnvoy proxy is ready", "message of istio-proxy"),
            ("time=\"2026-11-23T08:00:00Z\" level=info msg=\"x\"", "logfmt message"),
            ("---------", "banner"),
            ("hello", "text in no known format"),
        ] {
            assert_eq!(kind(&TextShape::new(line.as_bytes())).to_string(), expected, "{line}");
        }
    }
}
