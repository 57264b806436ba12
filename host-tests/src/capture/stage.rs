//! Origins, a client, and the lines that a proxy between them wrote.

use super::case::{Case, Expected, Truth};
use super::program::Running;
use crate::real::{Client, Ledger, Origin, Refusing, Request, eventually};
use nearmiss::Fate;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// Three hosts of one upstream, one that stands in for them, and a port that refuses.
pub struct Stage {
    /// The upstream's hosts.
    pub hosts: Vec<Origin>,
    /// Stands in.
    pub spare: Origin,
    /// Nobody listens there.
    pub refusing: Refusing,
    ledger: Arc<Ledger>,
}

/// One file of what a program logged in one format, with what stands beside each line.
pub struct Logged {
    /// The program and its version.
    pub program: String,
    /// The format, as `--format` takes it.
    pub format: &'static str,
    /// How the program was told to log.
    pub told: String,
    /// Case, verdict and line.
    pub lines: Vec<(&'static str, Expected, String)>,
}

impl Default for Stage {
    fn default() -> Self {
        Self::new()
    }
}

impl Stage {
    /// All of them started.
    pub fn new() -> Self {
        let ledger = Ledger::shared();
        let host = || Origin::with(Arc::clone(&ledger));
        Self { hosts: (0..3).map(|_| host()).collect(), spare: host(), refusing: Refusing::start(), ledger }
    }

    /// Plays `cases` one after the other against the proxy on `port`, each after the line of the one before was
    /// written. `logs` are the files that get a line for each, `is_line` says what a line of an exchange is.
    pub fn play(
        &self,
        running: &Running,
        port: u16,
        cases: &[Case],
        logs: &[&str],
        is_line: fn(&str) -> bool,
    ) -> Vec<(Case, Truth, Vec<String>)> {
        let mut played = Vec::new();
        for (i, case) in cases.iter().enumerate() {
            // A connection of its own: some programs close theirs after an error, without saying so.
            let mut client = Client::new(port);
            thread::sleep(Duration::from_millis(case.after_ms));
            let mut request = Request::get(case.path).script(case.name, case.script);
            for header in case.respond {
                request = request.respond(header);
            }
            let response = if case.leaves {
                client.abandon(&request, || self.ledger.wait_for(case.name));
                None
            } else {
                client.try_send(&request).ok()
            };
            let lines = logs.iter().map(|log| {
                eventually(&format!("the line of {} in {log}", case.name), || {
                    let text = running.folder.text(log);
                    let complete = text.rfind('\n').map_or("", |end| &text[..end]);
                    complete.lines().filter(|line| is_line(line)).nth(i).map(str::to_owned)
                })
            });
            let lines = lines.collect();
            let arrivals = self.ledger.of(case.name);
            let truth = if !case.leaves && response.is_none() {
                Truth { fate: Fate::Failed, attempts: arrivals.len() as u32 + case.refused }
            } else {
                Truth::of(case, &arrivals, Some(self.spare.port), response.as_ref())
            };
            played.push((*case, truth, lines));
        }
        played
    }
}

/// Sorts what was played by log; `shown` says what of the truth a log can show.
pub(super) fn sorted(
    played: Vec<(Case, Truth, Vec<String>)>,
    logs: Vec<(&'static str, String)>,
    program: &str,
    shown: fn(&str, &Case, &Truth) -> Expected,
) -> Vec<Logged> {
    let mut files: Vec<_> = logs
        .into_iter()
        .map(|(format, told)| Logged { program: program.into(), format, told, lines: Vec::new() })
        .collect();
    for (case, truth, lines) in played {
        for (file, line) in files.iter_mut().zip(lines) {
            file.lines.push((case.name, shown(file.format, &case, &truth), line));
        }
    }
    files
}
