//! Caddy with what `log_append` adds.

use super::case::{Case, Expected, Truth};
use super::program::{Folder, Program, free_port};
use super::stage::{Logged, Stage, sorted};
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
    Case::new("client-left", "/plain/", "hang").leaves(),
    Case::new("all-refused", "/refused/", "200").refused(1),
    Case::new("rescued", "/rescued/", "503,200"),
    Case::new("static-page", "/static/", "503"),
    Case::new("local", "/local/", ""),
];

const APPENDED: &str = "  log_append retries {http.reverse_proxy.retries}
  log_append upstream {http.reverse_proxy.upstream.hostport}
  log_append upstream_status {http.reverse_proxy.status_code}
  log_append upstream_duration_ms {http.reverse_proxy.upstream.duration_ms}";

/// Plays all cases, with what `log_append` adds (which old versions cannot) and without.
pub(super) fn play() -> Vec<Logged> {
    let appending = Program::find("caddy", &["version"]);
    let packaged = Program::at("/usr/bin/caddy".into(), &["version"]);
    [(appending, "json with log_append"), (packaged, "json")]
        .into_iter()
        .flat_map(|(program, told)| {
            let (stage, folder, port) = (Stage::new(), Folder::new(), free_port());
            let config = config(&stage, &folder, port, told.ends_with("append"));
            let config = folder.write("Caddyfile", &config);
            let running =
                program.start(folder, &["run", "--adapter", "caddyfile", "--config", &config], port);
            let is_line = |line: &str| line.contains("http.log.access");
            let played = stage.play(&running, port, &CASES, &["access.log"], is_line);
            let shown = if told.ends_with("append") { shown_appended } else { shown };
            sorted(played, vec![("caddy", told.into())], &format!("caddy {}", program.version), shown)
        })
        .collect()
}

fn shown_appended(_: &str, case: &Case, truth: &Truth) -> Expected {
    // A handler that was aborted appends nothing.
    let known = !matches!(case.name, "cut" | "local");
    // A second `reverse_proxy` puts its own answer where the first one's stood.
    let fate = if case.name == "rescued" { Fate::Clean } else { truth.fate };
    Expected { fate, attempts: known.then_some(truth.attempts) }
}

/// Nothing tells of retries or of who answered.
fn shown(_: &str, _: &Case, truth: &Truth) -> Expected {
    let hidden = matches!(truth.fate, Fate::Retried | Fate::Fallback);
    Expected { fate: if hidden { Fate::Clean } else { truth.fate }, attempts: None }
}

fn config(stage: &Stage, folder: &Folder, port: u16, appends: bool) -> String {
    let hosts = stage.hosts.iter().map(|host| format!(" 127.0.0.1:{}", host.port)).collect::<String>();
    let place = folder.path().display();
    let appended = if appends { APPENDED } else { "" };
    let (spare, refusing) = (stage.spare.port, stage.refusing.port);
    format!(
        r#"{{
  admin off
  auto_https off
  storage file_system {place}/storage
}}
http://:{port} {{
  bind 127.0.0.1
  log {{
    output file {place}/access.log
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
        reverse_proxy 127.0.0.1:{spare}
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
