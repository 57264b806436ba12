//! Drives cases through a proxy and collects the log line of each.

use super::case::{Case, Expected, GroundTruth};
use super::executable::RunningProxy;
use crate::real::{ArrivalLog, Client, Origin, RefusingPort, Request, eventually};
use nearmiss::Fate;
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
    /// Name of the case, expected verdict, and line.
    pub lines: Vec<(&'static str, Expected, String)>,
}

impl Default for Origins {
    fn default() -> Self {
        Self::new()
    }
}

impl Origins {
    /// Starts all origins.
    pub fn new() -> Self {
        let arrivals = ArrivalLog::shared();
        let host = || Origin::with_log(Arc::clone(&arrivals));
        let hosts = (0..3).map(|_| host()).collect();
        Self { hosts, fallback: host(), refusing: RefusingPort::reserve(), arrivals }
    }

    /// Sends `cases` to the proxy on `port`, one after the other, and waits for the log line of each. `logs` are the files
    /// that contain a line per exchange; `is_line` selects those lines.
    pub fn run(
        &self,
        running: &RunningProxy,
        port: u16,
        cases: &[Case],
        logs: &[&str],
        is_line: fn(&str) -> bool,
    ) -> Vec<(Case, GroundTruth, Vec<String>)> {
        let mut results = Vec::new();
        for (i, case) in cases.iter().enumerate() {
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
            let lines = logs.iter().map(|log| {
                eventually(&format!("the line of {} in {log}", case.name), || {
                    let text = running.folder.read(log);
                    let complete = text.rfind('\n').map_or("", |end| &text[..end]);
                    complete.lines().filter(|line| is_line(line)).nth(i).map(str::to_owned)
                })
            });
            let lines = lines.collect();
            let arrivals = self.arrivals.of(case.name);
            let truth = if !case.client_aborts && response.is_none() {
                GroundTruth { fate: Fate::Failed, attempts: arrivals.len() as u32 + case.refused }
            } else {
                GroundTruth::of(case, &arrivals, Some(self.fallback.port), response.as_ref())
            };
            results.push((*case, truth, lines));
        }
        results
    }
}

/// Groups the results by log; `expected` returns the verdict that a log can show.
pub(super) fn group_by_log(
    results: Vec<(Case, GroundTruth, Vec<String>)>,
    logs: Vec<(&'static str, String)>,
    program: &str,
    expected: fn(&str, &Case, &GroundTruth) -> Expected,
) -> Vec<CapturedLog> {
    let mut files: Vec<_> = logs
        .into_iter()
        .map(|(format, log_config)| CapturedLog {
            program: program.into(),
            format,
            log_config,
            lines: Vec::new(),
        })
        .collect();
    for (case, truth, lines) in results {
        for (file, line) in files.iter_mut().zip(lines) {
            file.lines.push((case.name, expected(file.format, &case, &truth), line));
        }
    }
    files
}
