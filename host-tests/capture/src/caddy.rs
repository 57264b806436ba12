//! Caddy's JSON log, with and without the fields of `log_append`.

use super::case::{Case, Expected, GroundTruth};
use super::driver::{CapturedLog, Fixture, Logs};
use super::executable::Executable;
use nearmiss::Fate;

const CASES: [Case; 13] = [
    Case::new("ok", "/search/", "200"),
    Case::new("not-found", "/search/", "404"),
    Case::new("late", "/search/", "late:120"),
    Case::new("retried-503", "/search/", "503,200"),
    Case::new("exhausted-503", "/search/", "503"),
    Case::new("error-500", "/search/", "500"),
    Case::new("quota", "/search/", "429"),
    Case::new("cut", "/plain/", "cut"),
    Case::new("client-left", "/plain/", "hang").client_aborts(),
    Case::new("all-refused", "/refused/", "200").refused(1),
    Case::new("rescued", "/rescued/", "503,200"),
    Case::new("static-page", "/static/", "503"),
    Case::new("local", "/local/", ""),
];

const APPENDED: &str = "  log_append retries {http.reverse_proxy.retries}
  log_append upstream {http.reverse_proxy.upstream.hostport}
  log_append upstream_status {http.reverse_proxy.status_code}
  log_append upstream_duration_ms {http.reverse_proxy.upstream.duration_ms}";

/// Runs all cases with `log_append`, which old versions lack, and without.
pub(super) fn capture() -> Vec<CapturedLog> {
    let appending = Executable::find("caddy", &["version"]);
    let packaged = Executable::at("/usr/bin/caddy".into(), &["version"]);
    [(appending, "json with log_append"), (packaged, "json")]
        .into_iter()
        .flat_map(|(program, log_config)| {
            let (fixture, appends) = (Fixture::new(), log_config.ends_with("append"));
            let config = fixture.write("Caddyfile", &config(&fixture, appends));
            let running = fixture.start(&program, &["run", "--adapter", "caddyfile", "--config", &config]);
            let logs = Logs {
                files: &["access.log"],
                is_line: |line| line.contains("http.log.access"),
                formats: vec![("caddy", log_config.into())],
                expected: if appends { expected_with_log_append } else { expected },
            };
            fixture.capture(&running, &CASES, logs)
        })
        .collect()
}

fn expected_with_log_append(_: &str, case: &Case, truth: &GroundTruth) -> Expected {
    // An aborted handler appends no fields.
    let known = !matches!(case.name, "cut" | "local");
    // The fields of a second `reverse_proxy` overwrite those of the first one.
    let fate = if case.name == "rescued" { Fate::Clean } else { truth.fate };
    Expected { fate, attempts: known.then_some(truth.attempts) }
}

/// Without `log_append` the log shows neither retries nor the host that responded.
fn expected(_: &str, _: &Case, truth: &GroundTruth) -> Expected {
    let hidden = matches!(truth.fate, Fate::Retried | Fate::Fallback);
    Expected { fate: if hidden { Fate::Clean } else { truth.fate }, attempts: None }
}

fn config(fixture: &Fixture, appends: bool) -> String {
    let Fixture { origins, port, .. } = fixture;
    let hosts = origins.hosts.iter().map(|host| format!(" 127.0.0.1:{}", host.port)).collect::<String>();
    let path = fixture.path();
    let appended = if appends { APPENDED } else { "" };
    let (fallback, refusing) = (origins.fallback.port, origins.refusing.port);
    format!(
        r#"{{
  admin off
  auto_https off
  storage file_system {path}/storage
}}
http://:{port} {{
  bind 127.0.0.1
  log {{
    output file {path}/access.log
    format json
  }}
{appended}
  handle /search/* {{
    reverse_proxy{hosts} {{
      lb_policy round_robin
      lb_retries 3
      lb_retry_match {{
        expression `{{rp.status_code}} in [502, 503, 504]`
      }}
      transport http {{
        keepalive off
      }}
    }}
  }}
  handle /plain/* {{
    reverse_proxy{hosts} {{
      transport http {{
        keepalive off
      }}
    }}
  }}
  handle /refused/* {{
    reverse_proxy 127.0.0.1:{refusing}
  }}
  handle /rescued/* {{
    reverse_proxy{hosts} {{
      @bad status 5xx
      handle_response @bad {{
        reverse_proxy 127.0.0.1:{fallback}
      }}
    }}
  }}
  handle /static/* {{
    reverse_proxy{hosts} {{
      @bad status 5xx
      handle_response @bad {{
        header x-stand-in static
        respond sorry 200
      }}
    }}
  }}
  handle /local/* {{
    respond 204
  }}
}}
"#
    )
}
