//! The Fluent Bit module tells a story: each exchange as the record of its line, what waits as it rides.

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::{Event, Line, Scenario};
use crate::sim::fluent_bit::{Program, World};

/// What the filter adds to a record.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Added {
    near_miss: Option<Box<RawValue>>,
    near_miss_episodes: Vec<Box<RawValue>>,
    near_miss_summaries: Vec<Box<RawValue>>,
    near_miss_note: Option<String>,
}

/// The records that a reply carries, in the order in which the core made them; a clean verdict is none.
///
/// # Panics
///
/// If the reply is no object, or says that something was wrong with the record.
pub fn unwrap(reply: &str) -> Vec<String> {
    let added: Added = serde_json::from_str(reply).unwrap_or_else(|error| panic!("{error}: {reply}"));
    assert_eq!(added.near_miss_note, None, "{reply}");
    let waited = added.near_miss_episodes.into_iter().chain(added.near_miss_summaries);
    let verdict = added.near_miss.filter(|verdict| verdict.get().starts_with(r#"{"schema""#));
    waited.chain(verdict).map(|record| record.get().to_owned()).collect()
}

/// The records the module leaves.
///
/// # Panics
///
/// If it refuses the configuration, or loses a record.
pub fn tell(scenario: &Scenario, program: &Program) -> Vec<String> {
    play(scenario, program).0
}

/// The same, with the instructions that all records took.
///
/// # Panics
///
/// If the module refuses the configuration, or loses a record.
pub fn play(scenario: &Scenario, program: &Program) -> (Vec<String>, u64) {
    let mut config = scenario.config.clone();
    if !config["fluent_bit"].is_object() {
        config["fluent_bit"] = json!({});
    }
    config["fluent_bit"]["source"] = json!("scenario");
    let mut world = World::with_file("nearmiss.json", config.to_string().as_bytes());
    world.random = 1;
    world.clock_ns = first(scenario) * 1_000;
    let mut filter = program.start_in(world);
    let (mut records, mut fuel) = (Vec::new(), 0);
    for event in scenario.events() {
        match event {
            Event::Exchange(at, line) => {
                records.extend(unwrap(&filter.record_at(at, line).kept()));
                fuel += filter.fuel();
            }
            // Nobody wakes a filter: the next record does.
            Event::Wake(_) => {}
            Event::Finish => records.extend(filter.finish()),
        }
    }
    (records, fuel)
}

/// When the first exchange was complete, in microseconds.
fn first(scenario: &Scenario) -> u64 {
    let lines = scenario.events().into_iter().find_map(|event| match event {
        Event::Exchange(_, line) => Some(Line::read(line).ts_us()),
        Event::Wake(_) | Event::Finish => None,
    });
    lines.unwrap_or_default()
}
