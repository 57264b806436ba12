//! Health checks among the lines of a log.
//!
//! Formats put the user agent and the request line, or the path, into quotes. So the quoted values of a line are compared, whatever its
//! format; captured headers of HAProxy stand in braces.

use crate::field_values::FieldValues;
use crate::swar::find;
use crate::{Format, ParsedLine, envoy, nginx};
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

    /// Leaves out the line of a health check. Exchange lines hold neither a user agent nor a path.
    pub(crate) fn leave_out<'a>(&self, read: ParsedLine<'a>, format: Format, line: &[u8]) -> ParsedLine<'a> {
        let is_probe = match (&read, format) {
            (ParsedLine::Exchange(_), Format::Exchange) => false,
            (ParsedLine::Exchange(_), Format::Haproxy) => self.is_probe_of_haproxy(line),
            (ParsedLine::Exchange(_), _) => self.is_probe(line),
            _ => false,
        };
        if is_probe { left_out(read) } else { read }
    }

    /// Returns true if the values of a line of Envoy are those of a health check.
    pub(crate) fn matches_envoy(&self, values: &FieldValues<'_, '_>) -> bool {
        let get = |id: envoy::FieldId| values.get(id as usize);
        self.ignore.matches(get(envoy::FieldId::Agent), get(envoy::FieldId::Path))
    }

    /// Returns true if the values of a line of nginx are those of a health check.
    pub(crate) fn matches_nginx(&self, values: &FieldValues<'_, '_>) -> bool {
        let get = |id: nginx::FieldId| if values.has(id as usize) { values.get(id as usize) } else { None };
        let request = || get(nginx::FieldId::Path).or_else(|| get(nginx::FieldId::Method));
        self.ignore.matches(get(nginx::FieldId::Agent), None)
            || self.ignore.has_paths() && self.matches_request(request())
    }

    /// Returns true if a request line, or a path, is that of a health check.
    fn matches_request(&self, request: Option<&[u8]>) -> bool {
        request.and_then(path).is_some_and(|path| self.ignore.matches(None, Some(path)))
    }

    /// Returns true if a line is that of a health check.
    pub(crate) fn is_probe(&self, line: &[u8]) -> bool {
        let has_paths = self.ignore.has_paths();
        let mut rest = line;
        while let Some(at) = find(rest, 0, b'"') {
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
    fn is_probe_of_haproxy(&self, line: &[u8]) -> bool {
        let mut captured = line.split(|byte| matches!(byte, b'{' | b'|')).skip(1);
        captured.any(|value| self.ignore.matches(Some(value), None)) || self.is_probe(line)
    }
}

/// Leaves out what was read of a health check, unless it has a verdict.
pub(crate) fn left_out(read: ParsedLine<'_>) -> ParsedLine<'_> {
    match read {
        ParsedLine::Exchange(_) => ParsedLine::LeftOut("a health check"),
        read => read,
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
}
