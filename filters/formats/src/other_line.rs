//! The kinds of lines that are no access log lines: messages of the programs that share a stream with an access log.

use crate::swar::contains;
use crate::text_shape::{TextShape, is_digits};
use crate::time;

/// A line that is empty.
pub(crate) const EMPTY: &str = "empty line";
/// A JSON object that is no access log line.
pub(crate) const JSON: &str = "JSON object without a request";
/// Text of no known kind.
pub(crate) const UNKNOWN: &str = "text in no known format";

/// Returns the kind of a line of text that is in no format.
pub(crate) fn kind(shape: &TextShape<'_>) -> &'static str {
    let line = shape.line;
    let has = |text: &[u8]| line.windows(text.len()).any(|window| window == text);
    match line {
        [] => EMPTY,
        _ if line.trim_ascii().is_empty() => EMPTY,
        [b'I' | b'W' | b'E' | b'F', digits @ ..]
            if digits.get(..4).is_some_and(is_digits) && contains(line, b']') =>
        {
            "klog message"
        }
        [_, _, _, _, b'/', _, _, b'/', ..] if is_error_log(line) => "message of the nginx error log",
        [b'[', ..] if has(b"][") => "message of Envoy",
        [b'[', b'N' | b'W' | b'A', ..] if has(b"[NOTICE]") || has(b"[WARNING]") || has(b"[ALERT]") => {
            "message of HAProxy"
        }
        _ if has(b"haproxy[") => "message of HAProxy",
        [b'0'..=b'9', _, _, _, b'-', ..] if contains(line, b'\t') => "message of istio-proxy",
        [b'0'..=b'9', _, _, _, b'-', ..] if time::rfc3339(shape.first).is_some() => {
            "message with a timestamp"
        }
        _ if has(b"level=") || has(b"msg=") => "logfmt message",
        _ if line.starts_with(b"/docker-entrypoint") || has(b".sh: ") => {
            "message of a container's entrypoint"
        }
        _ if line.iter().all(|byte| matches!(byte, b'-' | b'=' | b'*' | b'#' | b' ')) => "banner",
        _ => UNKNOWN,
    }
}

/// Returns true for nginx's error log: `2026/11/23 08:00:00 [error] 31#31: …`.
fn is_error_log(line: &[u8]) -> bool {
    line.get(..4).is_some_and(is_digits) && line.get(20) == Some(&b'[')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_named_by_their_program() {
        for (line, expected) in [
            ("", EMPTY),
            ("W1123 08:00:00.000000       7 client_config.go:617] Neither", "klog message"),
            ("2026/11/23 08:00:00 [error] 31#31: *569 upstream timed out", "message of the nginx error log"),
            ("[2026-11-23 08:00:00.270][1][info][main] [source/server/server.cc:404] x", "message of Envoy"),
            ("2026-11-23T08:00:00.270118Z\tinfo\tEnvoy proxy is ready", "message of istio-proxy"),
            ("time=\"2026-11-23T08:00:00Z\" level=info msg=\"x\"", "logfmt message"),
            ("---------", "banner"),
            ("hello", UNKNOWN),
        ] {
            assert_eq!(kind(&TextShape::new(line.as_bytes())), expected, "{line}");
        }
    }
}
