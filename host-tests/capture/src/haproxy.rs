//! HAProxy with `httplog`, with `httpslog`, which adds captures and TLS fields, with `httplog clf`, JSON and a format string.

use super::case::{Case, Expected, GroundTruth};
use super::driver::{CapturedLog, Fixture, Logs};
use super::executable::Executable;
use nearmiss::Fate;

const CASES: [Case; 19] = [
    Case::new("ok", "/search/", "200"),
    Case::new("not-found", "/search/", "404"),
    Case::new("late", "/search/", "late:120"),
    Case::new("retried-503", "/search/", "503,200"),
    Case::new("retried-502-504", "/search/", "502,504,200"),
    Case::new("retried-reset", "/search/", "reset,200"),
    Case::new("retried-hang", "/hang/", "hang,200"),
    Case::new("retried-same-server", "/sticky/", "503,503,200"),
    Case::new("exhausted-503", "/search/", "503"),
    Case::new("exhausted-reset", "/search/", "reset"),
    Case::new("exhausted-hang", "/hang/", "hang"),
    Case::new("error-500", "/search/", "500"),
    Case::new("quota", "/search/", "429"),
    Case::new("cut", "/search/", "cut"),
    Case::new("client-left", "/search/", "late:150").client_aborts(),
    Case::new("all-refused", "/refused/", "200").refused(4),
    Case::new("gone", "/gone/", "200"),
    Case::new("local", "/local/", ""),
    Case::new("denied", "/denied/", ""),
];

/// A format that writes JSON, with names that are known.
const JSON: &str = r#"log-format '{"request_date":"%tr","fe_name":"%f","be_name":"%b","server_name":"%s","time_request":%TR,"time_wait":%Tw,"time_response":%Tr,"time_active":%Ta,"status_code":%ST,"bytes_read":%B,"termination_state":"%tsc","retries":"%rc","http_request":"%HM"}'"#;
/// A format string that only the configuration explains.
const OWN: &str =
    r#"log-format "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %tsc %rc %sq/%bq %[src] %{+Q}r""#;

/// A way to log, and the lines that it writes.
struct Log {
    format: &'static str,
    option: &'static str,
    captures: &'static str,
    is_line: fn(&str) -> bool,
    /// True if only the format string explains the lines.
    is_own: bool,
}

const LOGS: [Log; 5] = [
    Log { format: "haproxy", option: "option httplog", captures: "", is_line: is_bracketed, is_own: false },
    Log {
        format: "haproxy",
        option: "option httpslog",
        captures: "http-request capture req.hdr(host) len 32\n  http-request capture req.hdr(x-script) len 32",
        is_line: is_bracketed,
        is_own: false,
    },
    Log {
        format: "haproxy",
        option: "option httplog clf",
        captures: "",
        is_line: |line| line.contains(" \"http-in\" ") && !line.contains("<BADREQ>"),
        is_own: false,
    },
    Log {
        format: "haproxy-json",
        option: JSON,
        captures: "",
        is_line: |line| line.contains("\"fe_name\":\"http-in\"") && !line.contains("<BADREQ>"),
        is_own: false,
    },
    Log { format: "haproxy", option: OWN, captures: "", is_line: is_bracketed, is_own: true },
];

fn is_bracketed(line: &str) -> bool {
    line.contains("] http-in") && !line.contains("<BADREQ>")
}

/// Runs all cases once with each format.
pub(super) fn capture() -> Vec<CapturedLog> {
    let program = Executable::find("haproxy", &["-v"]);
    LOGS.into_iter().flat_map(|log| log.capture(&program)).collect()
}

impl Log {
    fn capture(&self, program: &Executable) -> Vec<CapturedLog> {
        let fixture = Fixture::new();
        let config = fixture.write("haproxy.cfg", &config(&fixture, self.option, self.captures));
        let running = fixture.start(program, &["-db", "-f", &config]);
        let logs = Logs {
            files: &["stdout"],
            is_line: self.is_line,
            formats: vec![(self.format, self.option.to_owned())],
            expected,
        };
        let mut captured = fixture.capture(&running, &CASES, logs);
        captured.iter_mut().filter(|_| self.is_own).for_each(|log| log.log_format = Some(self.option.into()));
        captured
    }
}

fn expected(_: &str, case: &Case, truth: &GroundTruth) -> Expected {
    // A response by HAProxy itself has no upstream, so a denied request is not a failure.
    let fate = if case.name == "denied" { Fate::Clean } else { truth.fate };
    Expected { fate, attempts: Some(truth.attempts) }
}

fn config(fixture: &Fixture, option: &str, captures: &str) -> String {
    let Fixture { origins, port, .. } = fixture;
    let servers = |hosts: &[u16]| -> String {
        let server = |(i, port): (usize, &u16)| format!("  server s{i} 127.0.0.1:{port}\n");
        hosts.iter().enumerate().map(server).collect()
    };
    let hosts: Vec<_> = origins.hosts.iter().map(|host| host.port).collect();
    let (all, refusing) = (servers(&hosts), origins.refusing.port);
    format!(
        r#"global
  log stdout format raw local0
defaults
  mode http
  log global
  {option}
  timeout connect 40s
  timeout client 40s
  timeout server 40s
  retries 3
  option redispatch
  retry-on conn-failure empty-response response-timeout 502 503 504
frontend http-in
  bind 127.0.0.1:{port}
  {captures}
  http-request return status 204 if {{ path_beg /local }}
  http-request deny deny_status 429 if {{ path_beg /denied }}
  use_backend gone if {{ path_beg /gone }}
  use_backend refused if {{ path_beg /refused }}
  use_backend sticky if {{ path_beg /sticky }}
  default_backend search
backend search
  http-request set-timeout server 1s if {{ path_beg /hang }}
  balance roundrobin
{all}
backend sticky
  balance uri
{all}
backend refused
{}
backend gone
  server g 127.0.0.1:{refusing} disabled
"#,
        servers(&[refusing])
    )
}
