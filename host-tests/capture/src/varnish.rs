//! Varnish in front of the origins, and varnishncsa with a duration.

use super::case::{Case, Expected, GroundTruth, SINGLE_ATTEMPTS};
use super::driver::{CapturedLog, Fixture, Logs};
use super::executable::Executable;
use nearmiss::Fate;
use real::{Client, Request, eventually};

/// The format that docs/formats.md recommends.
pub(super) const FORMAT: &str =
    r#"%h %l %u %t "%r" %s %b "%{Referer}i" "%{User-agent}i" %D %{Varnish:handling}x"#;

/// Runs all cases once.
pub(super) fn capture() -> Vec<CapturedLog> {
    let program = Executable::find("varnishd", &["-V"]);
    let fixture = Fixture::new();
    let vcl = fixture.write("search.vcl", &vcl(&fixture));
    let (folder, address) = (format!("{}/varnish", fixture.path()), format!("127.0.0.1:{}", fixture.port));
    let running =
        fixture.start(&program, &["-F", "-n", &folder, "-a", &address, "-f", &vcl, "-s", "malloc,32m"]);
    let _log = fixture.start(&Executable::find("varnishncsa", &["-V"]), &["-n", &folder, "-F", FORMAT]);
    // Requests before the program reads have no line.
    eventually("varnishncsa to read", || {
        let _ = Client::new(fixture.port).try_send(&Request::get("/ready/"));
        fixture.folder.read("stdout").contains("/ready/").then_some(())
    });
    let logs = Logs {
        files: &["stdout"],
        is_line: |line| line.contains("\"GET ") && !line.contains("/ready/"),
        formats: vec![("varnish", format!("varnishncsa -F '{FORMAT}'"))],
        expected,
    };
    fixture.capture(&running, &SINGLE_ATTEMPTS, logs)
}

/// No line shows the attempts.
fn expected(_: &str, _: &Case, truth: &GroundTruth) -> Expected {
    let fate = if truth.fate == Fate::Retried { Fate::Clean } else { truth.fate };
    Expected { fate, attempts: None }
}

fn vcl(fixture: &Fixture) -> String {
    let backend =
        |name: &str, port: u16| format!("backend {name} {{ .host = \"127.0.0.1\"; .port = \"{port}\"; }}\n");
    let origins = &fixture.origins;
    let search = backend("search", origins.hosts[0].port);
    let refused = backend("refused", origins.refusing.port);
    format!(
        r#"vcl 4.1;
{search}{refused}
sub vcl_recv {{
  if (req.url ~ "^/ready/") {{ return (synth(200)); }}
  if (req.url ~ "^/refused/") {{ set req.backend_hint = refused; }}
  return (pass);
}}
"#
    )
}
