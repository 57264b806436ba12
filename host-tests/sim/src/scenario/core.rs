//! Runs a scenario on the native core, the reference for all other hosts.

use nearmiss::{Config, Feed, Monitor, Timestamp};
use nearmiss_formats::{AttemptList, ParsedLine, read_exchange};

use super::{Scenario, ScenarioEvent};

/// Returns the records that the core emits.
///
/// # Panics
///
/// If the core refuses the configuration or one of the lines.
pub fn run(scenario: &Scenario, feed: Feed) -> Vec<String> {
    let config = Config::parse(&scenario.config.to_string());
    let config = config.unwrap_or_else(|error| panic!("{}: {error}", scenario.name));
    let mut monitor = Monitor::new(config, feed, &scenario.source());
    let mut records = Vec::new();
    for event in scenario.events() {
        match event {
            ScenarioEvent::Exchange(_, line) => observe(&mut monitor, &scenario.name, line),
            ScenarioEvent::Wake(at) => monitor.wake(Timestamp::from_micros(at)),
            ScenarioEvent::Finish => monitor.finish(),
        }
        while let Some(record) = monitor.poll_record() {
            records.push(record.json.to_owned());
        }
    }
    records
}

fn observe(monitor: &mut Monitor, name: &str, line: &str) {
    let (mut attempts, mut buffer) = (AttemptList::default(), Vec::new());
    match read_exchange(line.as_bytes(), &mut attempts, &mut buffer) {
        Ok(ParsedLine::Exchange(exchange)) => drop(monitor.observe(&exchange)),
        Ok(other) => panic!("{name}: {other:?} is no exchange: {line}"),
        Err(error) => panic!("{name}: {error}: {line}"),
    };
}
