//! The requests of a log's exchanges: those of health checks are left out, the others get a route if their line names none.
//!
//! Formats put the user agent and the request line, or the path, into quotes. So the quoted values of a line are compared, whatever its
//! format; captured headers of HAProxy stand in braces.

use crate::field_values::FieldValues;
use crate::formats::{envoy, nginx};
use crate::swar::find;
use crate::{Format, ParsedLine, default_route};
use nearmiss::Exchange;
use nearmiss::config::Ignore;

/// The line of a health check.
const PROBE: ParsedLine<'static> = ParsedLine::LeftOut("a health check");

/// The rules for requests.
#[derive(Clone, Debug)]
pub(crate) struct Requests {
    /// The requests that are left out.
    pub(crate) ignore: Ignore,
    /// True if the path of a request is the source of its route where a line names none.
    pub(crate) has_default_route: bool,
}

impl Default for Requests {
    fn default() -> Self {
        Self { ignore: Ignore::default(), has_default_route: true }
    }
}

impl Requests {
    /// Applies the rules to a line. Exchange lines hold neither a user agent nor a path.
    pub(crate) fn apply<'a>(&self, read: &mut ParsedLine<'a>, format: Format, line: &'a [u8]) {
        if let ParsedLine::Exchange(exchange) = read
            && format != Format::Exchange
        {
            let (is_probe, route) = self.quoted(line, self.lacks_route(exchange));
            if is_probe || format == Format::Haproxy && self.is_probe_by_captured(line) {
                *read = PROBE;
            } else if self.lacks_route(exchange) {
                exchange.route = match format {
                    Format::Cloudfront | Format::Ltsv if cfg!(feature = "all-formats") => {
                        default_route::of_tab_separated(line)
                    }
                    _ => route,
                };
            }
        }
    }

    /// Applies the rules to a record of Envoy with these values.
    pub(crate) fn apply_to_envoy<'a>(&self, read: &mut ParsedLine<'a>, values: &FieldValues<'a, '_>) {
        if let ParsedLine::Exchange(exchange) = read {
            let path = values.get(envoy::FieldId::Path as usize);
            if self.ignore.matches(values.get(envoy::FieldId::Agent as usize), path) {
                *read = PROBE;
                return;
            }
            if self.lacks_route(exchange) {
                exchange.route = path.and_then(default_route::of_request);
            }
        }
    }

    /// Applies the rules to a record of nginx with these values.
    pub(crate) fn apply_to_nginx<'a>(&self, read: &mut ParsedLine<'a>, values: &FieldValues<'a, '_>) {
        if let ParsedLine::Exchange(exchange) = read {
            let get =
                |id: nginx::FieldId| if values.has(id as usize) { values.get(id as usize) } else { None };
            let lacks_route = self.lacks_route(exchange);
            let request = match lacks_route || self.ignore.has_paths() {
                true => get(nginx::FieldId::Path).or_else(|| get(nginx::FieldId::Method)),
                false => None,
            };
            if self.ignore.matches(get(nginx::FieldId::Agent), None) || self.matches_request(request) {
                *read = PROBE;
                return;
            }
            if lacks_route {
                exchange.route = request.and_then(default_route::of_request);
            }
        }
    }

    fn lacks_route(&self, exchange: &Exchange<'_>) -> bool {
        self.has_default_route && exchange.route.is_none()
    }

    /// Returns true if a request line, or a path, is that of a health check.
    fn matches_request(&self, request: Option<&[u8]>) -> bool {
        request.and_then(path).is_some_and(|path| self.ignore.matches(None, Some(path)))
    }

    /// Looks at the quoted values of a line. Returns true if it is that of a health check, and its default route if it `lacks_route`.
    fn quoted<'a>(&self, line: &'a [u8], lacks_route: bool) -> (bool, Option<&'a str>) {
        let has_paths = self.ignore.has_paths();
        let (mut route, mut at) = (None, 0);
        while let Some(quote) = find(line, at, b'"') {
            at = quote + 1;
            let value = line.get(at..).unwrap_or_default();
            if !matches!(value.first(), Some(b'A'..=b'Z' | b'a'..=b'z' | b'/')) {
                continue;
            }
            if self.ignore.matches(Some(value), None) || has_paths && self.matches_request(Some(value)) {
                return (true, None);
            }
            if lacks_route && route.is_none() {
                route = default_route::of_quoted(line, quote);
            }
        }
        (false, route)
    }

    /// Returns true if a header that HAProxy captured, between braces and bars, is that of a health check.
    fn is_probe_by_captured(&self, line: &[u8]) -> bool {
        let mut captured = line.split(|byte| matches!(byte, b'{' | b'|')).skip(1);
        captured.any(|value| self.ignore.matches(Some(value), None))
    }
}

/// Returns the path at the start of a value: of `GET /p?q HTTP/1.1`, or of `/p?q`.
fn path(value: &[u8]) -> Option<&[u8]> {
    let path = default_route::after_method(value).unwrap_or(value);
    let end = path.iter().position(|byte| matches!(byte, b' ' | b'"' | b'\\'));
    path.get(..end.unwrap_or(path.len())).filter(|path| path.starts_with(b"/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Attempts, FieldConfig, Reader};
    use alloc::format;
    use alloc::string::String;
    use nearmiss::{Config, SortedMap};

    fn probes(config: &str) -> Requests {
        Requests { ignore: Config::parse(config).unwrap().ignore, ..Requests::default() }
    }

    fn is_probe(requests: &Requests, line: &str) -> bool {
        requests.quoted(line.as_bytes(), false).0
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
            assert!(is_probe(&probes, line), "{line}");
        }
        let haproxy = |captured: &str| {
            probes.is_probe_by_captured(
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
            assert!(!is_probe(&probes, line), "{line}");
        }
    }

    #[test]
    fn a_prober_of_nginx_is_found_wherever_its_line_has_the_user_agent() {
        for agent in [
            r#""GET /ready HTTP/1.1" 200 6 "-" "kube-probe/1.31" rt=0.001"#,
            r#""GET /ready HTTP/1.1" 200 6 "-" "-" "10.0.0.7" "kube-probe/1.31" rt=0.001"#,
            r#""GET /ready HTTP/1.1" 200 6 rt=0.001 agent="kube-probe/1.31""#,
            r#""GET /ready HTTP/1.1" 200 6 rt=0.001 client="kube-probe/1.31""#,
        ] {
            let line = format!("10.0.0.9 - - [23/Nov/2026:08:00:00 +0000] {agent}");
            let (mut reader, mut first, mut second) =
                (Reader::default(), Attempts::default(), Attempts::default());
            assert!(matches!(reader.read(line.as_bytes(), &mut first), Ok(ParsedLine::LeftOut(_))), "{line}");
            let other = line.replace("kube-probe", "curl");
            assert!(
                matches!(reader.read(other.as_bytes(), &mut second), Ok(ParsedLine::Exchange(_))),
                "{other}"
            );
        }
    }

    #[test]
    fn a_line_that_names_no_route_gets_that_of_its_path() {
        let read = |line: &str, route: Option<&str>| {
            let mut section = SortedMap::default();
            route.map(|key| section.insert("route".into(), key.into()));
            let fields = FieldConfig::parse(&section, Format::Auto).unwrap();
            let (mut reader, mut attempts) = (Reader::default().with_fields(fields), Attempts::default());
            match reader.read(line.as_bytes(), &mut attempts).unwrap() {
                ParsedLine::Exchange(exchange) => exchange.route.map(String::from),
                _ => panic!("an exchange"),
            }
        };
        let times =
            r#""msec":"1795423554.1","status":"200","request_time":"0.1","upstream_addr":"10.0.0.1:80""#;
        let text = r#"10.0.0.9 - - [23/Nov/2026:08:00:00 +0000] "GET /cart/7 HTTP/1.1" 200 6 rt=0.001 ua="10.0.0.1:80" us="200" ut="0.001""#;
        let json = format!(r#"{{{times},"request":"GET /cart/7 HTTP/1.1","handler":"basket"}}"#);
        for line in [text, &json] {
            assert_eq!(read(line, None).as_deref(), Some("cart"), "{line}");
            assert_eq!(read(line, Some("")), None, "null turns it off");
        }
        assert_eq!(read(&json, Some("handler")).as_deref(), Some("basket"));
        assert_eq!(read(text, Some("handler")), None, "the configured key is the only source");
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
            assert!(is_probe(&probes, line), "{line}");
        }
        for line in
            [r#"- "GET /healthzz HTTP/1.1""#, r#"{"path":"/"}"#, r#"- "GET http://a/healthz HTTP/1.1""#]
        {
            assert!(!is_probe(&probes, line), "{line}");
        }
    }
}
