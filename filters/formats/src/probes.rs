//! Health checks among the lines of a log.
//!
//! Formats put the user agent and the request line, or the path, into quotes. So the quoted values of a line are compared, whatever its
//! format; captured headers of HAProxy stand in braces.

use crate::swar::{ONES, TOPS};
use nearmiss::config::Ignore;

/// Longest part of a value that is compared, in bytes.
const MAX_VALUE: usize = 256;

/// Recognises the lines of health checks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Probes {
    ignore: Ignore,
}

impl Probes {
    pub(crate) const fn new(ignore: Ignore) -> Self {
        Self { ignore }
    }

    /// Returns true if a request with this user agent and path is a health check.
    pub(crate) fn matches(&self, user_agent: Option<&[u8]>, path: Option<&[u8]>) -> bool {
        self.ignore.matches(user_agent, path)
    }

    /// Returns true if a line is that of a health check.
    pub(crate) fn is_probe(&self, line: &[u8]) -> bool {
        let mut rest = line;
        while let Some(at) = delimiter(rest) {
            rest = rest.get(at + 1..).unwrap_or_default();
            let value = rest.get(..MAX_VALUE).unwrap_or(rest);
            if value.first().is_some_and(u8::is_ascii_alphabetic) && self.ignore.matches(Some(value), None) {
                return true;
            }
            if self.ignore.has_paths()
                && path(value).is_some_and(|path| self.ignore.matches(None, Some(path)))
            {
                return true;
            }
        }
        false
    }
}

/// Returns the path at the start of a value: of `GET /p?q HTTP/1.1`, or of `/p?q`.
fn path(value: &[u8]) -> Option<&[u8]> {
    let method = value.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    let path = match value.get(method..)? {
        [b' ', path @ ..] if method > 0 => path,
        path => path,
    };
    let end = path.iter().position(|byte| matches!(byte, b' ' | b'"' | b'\\'));
    path.get(..end.unwrap_or(path.len())).filter(|path| path.starts_with(b"/"))
}

/// Returns the position of the first quote, opening brace or bar: the characters before a value.
fn delimiter(text: &[u8]) -> Option<usize> {
    let (words, rest) = text.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let found = equal(word, b'"') | equal(word, b'{') | equal(word, b'|');
        if found != 0 {
            return Some(8 * index + (found.trailing_zeros() / 8) as usize);
        }
    }
    let start = text.len() - rest.len();
    rest.iter().position(|byte| matches!(byte, b'"' | b'{' | b'|')).map(|at| start + at)
}

/// Returns a word in which the top bit of the first byte that equals `byte` is set; bits above it may be set too.
fn equal(word: u64, byte: u8) -> u64 {
    let same = word ^ (u64::from(byte) * ONES);
    same.wrapping_sub(ONES) & !same & TOPS
}

#[cfg(test)]
mod tests {
    use super::*;
    use nearmiss::Config;

    fn probes(config: &str) -> Probes {
        Probes::new(Config::parse(config).unwrap().ignore)
    }

    #[test]
    fn the_user_agent_of_a_prober_is_found_in_every_kind_of_line() {
        let probes = probes("{}");
        for line in [
            r#"10.0.0.9 - - [23/Nov/2026:08:00:00 +0000] "GET / HTTP/1.1" 200 6 "-" "kube-probe/1.31" rt=0.001"#,
            r#"{"log":"10.0.0.9 - - \"GET / HTTP/1.1\" 200 6 \"-\" \"GoogleHC/1.0\" rt=0.001"}"#,
            r#"{"request_User-Agent":"ELB-HealthChecker/2.0","OriginStatus":200}"#,
            r#"haproxy[1]: 10.0.0.9:1 [23/Nov/2026:08:00:00.000] fe be/s1 0/0/0/1/1 200 {example|kube-probe/1.31} "GET / HTTP/1.1""#,
            r#"- "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)" -"#,
        ] {
            assert!(probes.is_probe(line.as_bytes()), "{line}");
        }
        for line in [
            "",
            "\"",
            r#"10.0.0.9 - - "GET /kube-probe/ HTTP/1.1" 200 6 "-" "Mozilla/5.0 (X11; Linux x86_64)""#,
            r#"{"user_agent":"curl/8.7.1 kube-probe/1"}"#,
        ] {
            assert!(!probes.is_probe(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn a_configured_path_is_found_in_request_lines_and_values() {
        let probes = probes(r#"{"ignore":{"paths":["/healthz","/internal/*"]}}"#);
        for line in [
            r#"- "GET /healthz HTTP/1.1" 200"#,
            r#"- "GET /healthz?full=1 HTTP/2" 200"#,
            r#"{"path":"/internal/metrics?x","status":200}"#,
            r#"{"log":"\"HEAD /healthz HTTP/1.1\" 200"}"#,
        ] {
            assert!(probes.is_probe(line.as_bytes()), "{line}");
        }
        for line in
            [r#"- "GET /healthzz HTTP/1.1""#, r#"{"path":"/"}"#, r#"- "GET http://a/healthz HTTP/1.1""#]
        {
            assert!(!probes.is_probe(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn delimiters_are_found_wherever_they_are() {
        for length in 0..40 {
            for at in 0..length {
                for byte in *b"\"{|" {
                    let mut text = alloc::vec![b'z'; length];
                    text[at] = byte;
                    assert_eq!(delimiter(&text), Some(at));
                    text[at] = byte ^ 0x80;
                    assert_eq!(delimiter(&text), None);
                }
            }
        }
    }
}
