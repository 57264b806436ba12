//! Drives cases through a proxy and collects the log line of each.

use super::case::{Case, Expected, GroundTruth};
use super::executable::{Executable, RunningProxy, free_port};
use nearmiss::Fate;
use real::{ArrivalLog, Client, Origin, RefusingPort, Request, TempDir, eventually};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// Three hosts of one upstream, a fallback host, and a port that refuses connections.
pub struct Origins {
    /// The upstream's hosts.
    pub hosts: Vec<Origin>,
    /// The fallback host.
    pub fallback: Origin,
    /// A port on which no process listens.
    pub refusing: RefusingPort,
    arrivals: Arc<ArrivalLog>,
}

/// The log of one proxy in one format, with the expected verdict of each line.
pub struct CapturedLog {
    /// Name and version of the proxy.
    pub program: String,
    /// Name of the format, as in `--format`.
    pub format: &'static str,
    /// The proxy's log configuration.
    pub log_config: String,
    /// The format string, if only it explains the lines (`fields.log_format`).
    pub log_format: Option<String>,
    /// Name of the case, expected verdict, and line.
    pub lines: Vec<(&'static str, Expected, String)>,
}

/// The logs that a proxy writes.
pub(super) struct Logs<'a> {
    /// Names of the files that contain a line per exchange.
    pub(super) files: &'a [&'a str],
    /// Selects those lines.
    pub(super) is_line: fn(&str) -> bool,
    /// Name of the format and log configuration of each file.
    pub(super) formats: Vec<(&'static str, String)>,
    /// Returns the verdict that a format can show.
    pub(super) expected: fn(&str, &Case, &GroundTruth) -> Expected,
}

/// A proxy to be: its origins, its working directory and its port.
pub(super) struct Fixture {
    pub(super) origins: Origins,
    pub(super) folder: TempDir,
    pub(super) port: u16,
}

impl Fixture {
    /// Starts the origins and reserves the rest.
    pub(super) fn new() -> Self {
        Self { origins: Origins::start(), folder: TempDir::new("capture"), port: free_port() }
    }

    /// Returns the path of the working directory.
    pub(super) fn path(&self) -> String {
        self.folder.path().display().to_string()
    }

    /// Writes a file into the working directory and returns its path.
    pub(super) fn write(&self, name: &str, content: &str) -> String {
        self.folder.write(name, content).display().to_string()
    }

    /// Starts the proxy.
    pub(super) fn start(&self, program: &Executable, arguments: &[&str]) -> RunningProxy {
        program.start(&self.folder, arguments, self.port)
    }

    /// Runs all cases through the running proxy and returns its logs.
    pub(super) fn capture(&self, running: &RunningProxy, cases: &[Case], logs: Logs<'_>) -> Vec<CapturedLog> {
        let captured = |(format, log_config)| CapturedLog {
            program: running.program.clone(),
            format,
            log_config,
            log_format: None,
            lines: Vec::new(),
        };
        let mut captured: Vec<_> = logs.formats.into_iter().map(captured).collect();
        for (number, case) in cases.iter().enumerate() {
            let truth = self.origins.run(case, self.port);
            for (log, file) in captured.iter_mut().zip(logs.files) {
                let line = eventually(&format!("the line of {} in {file}", case.name), || {
                    let text = self.folder.read(file);
                    let complete = text.rfind('\n').map_or("", |end| &text[..end]);
                    complete.lines().filter(|line| (logs.is_line)(line)).nth(number).map(str::to_owned)
                });
                log.lines.push((case.name, (logs.expected)(log.format, case, &truth), line));
            }
        }
        captured
    }
}

impl Origins {
    /// Starts all origins.
    fn start() -> Self {
        let arrivals = ArrivalLog::shared();
        let host = || Origin::with_log(Arc::clone(&arrivals));
        let hosts = (0..3).map(|_| host()).collect();
        Self { hosts, fallback: host(), refusing: RefusingPort::reserve(), arrivals }
    }

    /// Sends the request of one case to the proxy on `port`; returns the course of the exchange.
    fn run(&self, case: &Case, port: u16) -> GroundTruth {
        // A connection per case: some proxies close theirs after an error without announcing it.
        let mut client = Client::new(port);
        thread::sleep(Duration::from_millis(case.delay_ms));
        let mut request = Request::get(case.path).script(case.name, case.script);
        for header in case.respond {
            request = request.respond(header);
        }
        let response = if case.client_aborts {
            client.abandon(&request, || self.arrivals.wait_for(case.name));
            None
        } else {
            client.try_send(&request).ok()
        };
        let arrivals = self.arrivals.of(case.name);
        if !case.client_aborts && response.is_none() {
            return GroundTruth { fate: Fate::Failed, attempts: arrivals.len() as u32 + case.refused };
        }
        GroundTruth::of(case, &arrivals, Some(self.fallback.port), response.as_ref())
    }
}
