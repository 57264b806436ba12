//! Runs scenarios on Envoy's native module, in a simulated Envoy of its own process.

use std::path::Path;
use std::process::Command;

use super::{Scenario, ScenarioHost};

/// Returns the command that runs every scenario of Envoy, attached as `http` or as `log`. `simulation` is the path of `native-sim`.
pub fn command(simulation: &Path, attach: &str) -> Command {
    let mut command = Command::new(simulation);
    command.arg(artifact::native_module()).arg(attach);
    command
}

/// Returns the scenarios of Envoy with the records that the module emits.
///
/// # Panics
///
/// If the module refuses a configuration, or the process fails.
pub fn run_all(mut command: Command) -> Vec<(Scenario, Vec<String>)> {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("records are UTF-8");
    let mut runs = text.split("# ").skip(1).map(|run| run.lines());
    let run = |scenario: Scenario| {
        let mut lines = runs.next().unwrap_or_else(|| panic!("{} was not run", scenario.name));
        assert_eq!(lines.next(), Some(&*scenario.name));
        let source = scenario.source();
        let records = lines.map(|record| with_source(record, &source)).collect();
        (scenario, records)
    };
    Scenario::for_host(ScenarioHost::Envoy).into_iter().map(run).collect()
}

/// Replaces the source of a record: a module draws its part at random, and does not learn the name of its node.
fn with_source(record: &str, source: &str) -> String {
    const FIELD: &str = "\"source\":\"";
    let Some((before, rest)) = record.split_once(FIELD) else { return record.to_owned() };
    let (own, after) = rest.split_once('"').expect("a text ends");
    assert!(own.starts_with("envoy/"), "{own}");
    format!("{before}{FIELD}{source}\"{after}")
}
