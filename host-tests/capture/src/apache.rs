//! Apache with mod_proxy_balancer: the combined format with a duration and the worker, and a format string.

use super::case::{Case, Expected, GroundTruth, SINGLE_ATTEMPTS};
use super::driver::{CapturedLog, Fixture, Logs};
use super::executable::Executable;
use nearmiss::Fate;

/// The combined format, the duration, the balancer and its worker.
pub(super) const TIMED: &str = r#"LogFormat "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\" %D %{BALANCER_NAME}e %{BALANCER_WORKER_NAME}e" timed"#;
/// A format string that only the configuration explains.
const OWN: &str =
    r#"LogFormat "%v:%p %h %t \"%r\" %s %>s %O \"%{User-Agent}i\" %{ms}T %X %{BALANCER_NAME}e" own"#;

/// Runs all cases once; each line is logged in both formats.
pub(super) fn capture() -> Vec<CapturedLog> {
    let program = Executable::find("apache2", &["-v"]);
    let fixture = Fixture::new();
    let config = fixture.write("httpd.conf", &config(&fixture));
    // A process without children ends with the signal that it gets.
    let running = fixture.start(&program, &["-X", "-f", &config]);
    let logs = Logs {
        files: &["timed.log", "own.log"],
        is_line: |line| line.contains("\"GET /"),
        formats: vec![("apache", TIMED.to_owned()), ("apache", OWN.to_owned())],
        expected,
    };
    let mut captured = fixture.capture(&running, &SINGLE_ATTEMPTS, logs);
    captured[1].log_format = Some(OWN.to_owned());
    captured
}

/// No line shows the attempts.
fn expected(_: &str, _: &Case, truth: &GroundTruth) -> Expected {
    let fate = if truth.fate == Fate::Retried { Fate::Clean } else { truth.fate };
    Expected { fate, attempts: None }
}

fn config(fixture: &Fixture) -> String {
    let Fixture { origins, port, .. } = fixture;
    let folder = fixture.path();
    let modules: String = [
        "mpm_event",
        "authz_core",
        "proxy",
        "proxy_http",
        "proxy_balancer",
        "slotmem_shm",
        "lbmethod_byrequests",
    ]
    .iter()
    .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"))
    .collect();
    let member = |port: u16| format!("  BalancerMember http://127.0.0.1:{port} retry=0\n");
    let members: String = origins.hosts.iter().map(|host| member(host.port)).collect();
    let refusing = member(origins.refusing.port);
    format!(
        r#"{modules}
ServerRoot {folder}
ServerName shop.test
DefaultRuntimeDir {folder}
PidFile {folder}/pid
ErrorLog {folder}/error.log
User www-data
Group www-data
Listen 127.0.0.1:{port}
{TIMED}
{OWN}
CustomLog {folder}/timed.log timed
CustomLog {folder}/own.log own
<Proxy balancer://search>
{members}</Proxy>
<Proxy balancer://refused>
{refusing}</Proxy>
ProxyPass /search balancer://search
ProxyPass /refused balancer://refused
"#
    )
}
