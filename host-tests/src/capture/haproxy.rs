//! HAProxy with `httplog`, and with `httpslog`, which adds captures and TLS fields.

use super::case::{Case, Expected, GroundTruth};
use super::driver::{CapturedLog, Origins, group_by_log};
use super::executable::{Executable, free_port};
use crate::real::TempDir;
use nearmiss::Fate;

const CASES: [Case; 19] = [
    Case::new("ok", "/search/", "200"),
    Case::new("not-found", "/search/", "404"),
    Case::new("late", "/search/", "late:120"),
    Case::new("retried-503", "/search/", "503,200"),
    Case::new("retried-502-504", "/search/", "502,504,200"),
    Case::new("retried-reset", "/search/", "reset,200"),
    Case::new("retried-hang", "/search/", "hang,200"),
    Case::new("retried-same-server", "/sticky/", "503,503,200"),
    Case::new("exhausted-503", "/search/", "503"),
    Case::new("exhausted-reset", "/search/", "reset"),
    Case::new("exhausted-hang", "/search/", "hang"),
    Case::new("error-500", "/search/", "500"),
    Case::new("quota", "/search/", "429"),
    Case::new("cut", "/search/", "cut"),
    Case::new("client-left", "/search/", "late:150").client_aborts(),
    Case::new("all-refused", "/refused/", "200").refused(4),
    Case::new("gone", "/gone/", "200"),
    Case::new("local", "/local/", ""),
    Case::new("denied", "/denied/", ""),
];

/// Runs all cases once with each format.
pub(super) fn capture() -> Vec<CapturedLog> {
    let program = Executable::find("haproxy", &["-v"]);
    [
        ("option httplog", ""),
        (
            "option httpslog",
            "http-request capture req.hdr(host) len 32\n  http-request capture req.hdr(x-script) len 32",
        ),
    ]
    .into_iter()
    .flat_map(|(option, captures)| {
        let (origins, folder, port) = (Origins::new(), TempDir::new("capture"), free_port());
        let config =
            folder.write("haproxy.cfg", config(&origins, port, option, captures)).display().to_string();
        let running = program.start(folder, &["-db", "-f", &config], port);
        let results = origins.run(&running, port, &CASES, &["stdout"], |line| {
            line.contains("] http-in") && !line.contains("<BADREQ>")
        });
        let log_config = vec![("haproxy", option.to_owned())];
        group_by_log(results, log_config, &format!("haproxy {}", program.version), expected)
    })
    .collect()
}

fn expected(_: &str, case: &Case, truth: &GroundTruth) -> Expected {
    // A response by HAProxy itself has no upstream, so a denied request is not a failure.
    let fate = if case.name == "denied" { Fate::Clean } else { truth.fate };
    Expected { fate, attempts: Some(truth.attempts) }
}

fn config(origins: &Origins, port: u16, option: &str, captures: &str) -> String {
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
  timeout connect 300ms
  timeout client 5s
  timeout server 300ms
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
