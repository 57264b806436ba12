//! Health checks among the lines of a log.
//!
//! Formats put the user agent and the request line, or the path, into quotes. So the quoted values of a line are compared, whatever its
//! format; captured headers of HAProxy stand in braces.

use crate::swar::{ONES, TOPS};
use nearmiss::config::Ignore;

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

    /// Returns true if paths are configured.
    pub(crate) fn has_paths(&self) -> bool {
        self.ignore.has_paths()
    }

    /// Returns true if a request line, or a path, is that of a health check.
    pub(crate) fn matches_request(&self, request: Option<&[u8]>) -> bool {
        request.and_then(path).is_some_and(|path| self.ignore.matches(None, Some(path)))
    }

    /// Returns true if a line is that of a health check.
    pub(crate) fn is_probe(&self, line: &[u8]) -> bool {
        let has_paths = self.ignore.has_paths();
        let mut rest = line;
        while let Some(at) = position_of_quote(rest) {
            rest = rest.get(at + 1..).unwrap_or_default();
            let is_probe = match rest.first() {
                Some(b'A'..=b'Z' | b'a'..=b'z') => self.ignore.matches(Some(rest), None),
                _ => false,
            };
            if is_probe || has_paths && self.matches_request(Some(rest)) {
                return true;
            }
        }
        false
    }

    /// Returns true if a line of HAProxy, which captures headers between braces and bars, is that of a health check.
    pub(crate) fn is_probe_of_haproxy(&self, line: &[u8]) -> bool {
        let mut captured = line.split(|byte| matches!(byte, b'{' | b'|')).skip(1);
        captured.any(|value| self.ignore.matches(Some(value), None)) || self.is_probe(line)
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

/// Returns the position of the first quote.
fn position_of_quote(text: &[u8]) -> Option<usize> {
    let (words, rest) = text.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let same = u64::from_le_bytes(*word) ^ (u64::from(b'"') * ONES);
        // The top bit of the first byte that is zero is set; bits above it may be set too.
        let found = same.wrapping_sub(ONES) & !same & TOPS;
        if found != 0 {
            return Some(8 * index + (found.trailing_zeros() / 8) as usize);
        }
    }
    let start = text.len() - rest.len();
    rest.iter().position(|byte| *byte == b'"').map(|at| start + at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
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
            r#"- "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)" -"#,
        ] {
            assert!(probes.is_probe(line.as_bytes()), "{line}");
        }
        let haproxy = |captured: &str| {
            probes.is_probe_of_haproxy(
                format!(r#"fe be/s1 0/0/0/1/1 200 {captured} "GET / HTTP/1.1""#).as_bytes(),
            )
        };
        assert!(haproxy("{example|kube-probe/1.31}") && haproxy("{kube-probe/1.31}"));
        assert!(!haproxy("{example|curl/8}") && !haproxy("kube-probe/1.31"));
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
    fn a_quote_is_found_wherever_it_is() {
        for length in 0..40 {
            for at in 0..length {
                let mut text = alloc::vec![b'!'; length];
                text[at] = b'"';
                assert_eq!(position_of_quote(&text), Some(at));
                text[at] = b'"' ^ 0x80;
                assert_eq!(position_of_quote(&text), None);
            }
        }
    }
}
