//! Runs a scenario on the Fluent Bit module: each exchange line is one log record, and the module attaches its own
//! records to the replies.

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::{ExchangeLine, Scenario, ScenarioEvent};
use crate::fluent_bit::{FilterModule, WasiEnv};

/// The fields that the filter adds to a record.
#[derive(Default, Deserialize)]
#[serde(default)]
struct AddedFields {
    near_miss: Option<Box<RawValue>>,
    near_miss_episodes: Vec<Box<RawValue>>,
    near_miss_summaries: Vec<Box<RawValue>>,
    near_miss_note: Option<String>,
}

/// Returns the records attached to a reply, in the order in which the core emitted them. A clean verdict is not a record.
///
/// # Panics
///
/// If the reply is not an object, or carries a note that something was wrong with the record.
pub fn attached_records(reply: &str) -> Vec<String> {
    let added: AddedFields = serde_json::from_str(reply).unwrap_or_else(|error| panic!("{error}: {reply}"));
    assert_eq!(added.near_miss_note, None, "{reply}");
    let queued = added.near_miss_episodes.into_iter().chain(added.near_miss_summaries);
    let verdict = added.near_miss.filter(|verdict| verdict.get().starts_with(r#"{"schema""#));
    queued.chain(verdict).map(|record| record.get().to_owned()).collect()
}

/// Returns the records that the module emits.
///
/// # Panics
///
/// If the module refuses the configuration, or loses a record.
pub fn run(scenario: &Scenario, module: &FilterModule) -> Vec<String> {
    run_counting_fuel(scenario, module).0
}

/// Returns the records, and the number of instructions spent on all of them.
///
/// # Panics
///
/// If the module refuses the configuration, or loses a record.
pub fn run_counting_fuel(scenario: &Scenario, module: &FilterModule) -> (Vec<String>, u64) {
    let mut config = scenario.config.clone();
    if !config["fluent_bit"].is_object() {
        config["fluent_bit"] = json!({});
    }
    config["fluent_bit"]["source"] = json!("scenario");
    let mut wasi_env = WasiEnv::with_file("nearmiss.json", config.to_string().as_bytes());
    wasi_env.random = 1;
    wasi_env.clock_ns = first_completion_us(scenario) * 1_000;
    let mut filter = module.start_with(wasi_env);
    let (mut records, mut fuel) = (Vec::new(), 0);
    for event in scenario.events() {
        match event {
            ScenarioEvent::Exchange(at, line) => {
                records.extend(attached_records(&filter.record_at(at, line).kept()));
                fuel += filter.fuel();
            }
            // The host has no timer for filters: the next record moves time forward.
            ScenarioEvent::Wake(_) => {}
            ScenarioEvent::Finish => records.extend(filter.finish()),
        }
    }
    (records, fuel)
}

/// Returns the time at which the first exchange was complete, in microseconds.
fn first_completion_us(scenario: &Scenario) -> u64 {
    let lines = scenario.events().into_iter().find_map(|event| match event {
        ScenarioEvent::Exchange(_, line) => Some(ExchangeLine::read(line).ts_us()),
        ScenarioEvent::Wake(_) | ScenarioEvent::Finish => None,
    });
    lines.unwrap_or_default()
}
