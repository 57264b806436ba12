//! Scenarios: one input, run on every host. `{config, hosts, steps}` in, records out.
//!
//! A step is one of three: an exchange, in the format of exchange lines, with the clock at `at`; a wake; or the end of
//! input. Each host renders the exchange in its own ABI. All hosts of a scenario must emit exactly the same bytes,
//! which are stored next to the scenario in a file `.ndjson`. A scenario whose exchanges use a field that a host cannot
//! express does not list that host.

pub mod core;
pub mod edge;
mod exchange_line;
pub mod fluent_bit;
pub mod native;
pub mod proxy_wasm;

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::value::RawValue;

pub use exchange_line::ExchangeLine;

/// A scenario file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The configuration, which always sets `reorder`.
    pub config: serde_json::Value,
    /// The hosts that can run the scenario.
    pub hosts: Vec<ScenarioHost>,
    /// The steps, in order.
    pub steps: Vec<ScenarioStep>,
    /// The file name without its extension.
    #[serde(skip)]
    pub name: String,
}

/// A host that scenarios run on.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum ScenarioHost {
    /// The native core.
    Core,
    /// The Envoy module, as HTTP filter and as access logger.
    Envoy,
    /// The Fluent Bit module.
    FluentBit,
    /// The edge module.
    Edge,
}

/// One step of a scenario file, unchecked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioStep {
    at: Option<Box<RawValue>>,
    exchange: Option<Box<RawValue>>,
    #[serde(default)]
    wake: bool,
    #[serde(default)]
    finish: bool,
}

/// A checked step.
#[derive(Clone, Copy, Debug)]
pub enum ScenarioEvent<'a> {
    /// An exchange line, at this time in microseconds.
    Exchange(u64, &'a str),
    /// A tick of the host's timer, at this time in microseconds.
    Wake(u64),
    /// The end of input.
    Finish,
}

impl Scenario {
    /// Reads all scenarios, sorted by name.
    ///
    /// # Panics
    ///
    /// If a file is not a valid scenario.
    pub fn all() -> Vec<Self> {
        let mut paths: Vec<_> = fs::read_dir(folder())
            .expect("a folder of scenarios")
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .collect();
        paths.sort();
        paths.iter().map(|path| Self::read(path)).collect()
    }

    /// Reads the scenarios that list this host.
    pub fn for_host(host: ScenarioHost) -> Vec<Self> {
        Self::all().into_iter().filter(|scenario| scenario.hosts.contains(&host)).collect()
    }

    fn read(path: &Path) -> Self {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut scenario: Self =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(scenario.config.get("reorder").is_some(), "{name}: its config does not set `reorder`");
        assert!(scenario.hosts.contains(&ScenarioHost::Core), "{name}: the core can run every scenario");
        scenario.name = name;
        scenario
    }

    /// Returns the checked steps, in order.
    ///
    /// # Panics
    ///
    /// If a step is not exactly one of exchange, wake and finish.
    pub fn events(&self) -> Vec<ScenarioEvent<'_>> {
        self.steps
            .iter()
            .map(|step| step.event().unwrap_or_else(|| panic!("{}: {step:?}", self.name)))
            .collect()
    }

    /// Returns the `source` of all summaries, the same on every host: node, instance, and the second of the first exchange.
    pub fn source(&self) -> String {
        let first = self.events().into_iter().find_map(|event| match event {
            ScenarioEvent::Exchange(_, line) => Some(ExchangeLine::read(line).ts_us() / 1_000_000),
            ScenarioEvent::Wake(_) | ScenarioEvent::Finish => None,
        });
        format!("scenario/1/{}", first.unwrap_or_default())
    }

    /// Returns the expected records, one per line.
    ///
    /// # Panics
    ///
    /// If the file of expected records does not exist.
    pub fn expected(&self) -> String {
        let path = self.records_path();
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Compares the records of a host with the expected ones; with `BLESS` set, stores them as the expected ones instead.
    ///
    /// # Panics
    ///
    /// If the records differ.
    pub fn check(&self, driver: &str, records: &[String]) {
        let got: String = records.iter().map(|record| format!("{record}\n")).collect();
        if std::env::var_os("BLESS").is_some() {
            fs::write(self.records_path(), &got).expect("the folder of scenarios can be written");
            return;
        }
        let expected = self.expected();
        let lines = got.lines().map(Some).chain([None]).zip(expected.lines().map(Some).chain([None]));
        for (number, (got, expected)) in lines.enumerate() {
            assert_eq!(got, expected, "{} run by {driver}, record {}", self.name, number + 1);
        }
        assert_eq!(got.lines().count(), expected.lines().count(), "{} run by {driver}", self.name);
    }

    fn records_path(&self) -> PathBuf {
        folder().join(format!("{}.ndjson", self.name))
    }
}

impl ScenarioStep {
    fn event(&self) -> Option<ScenarioEvent<'_>> {
        let at = || exchange_line::micros(self.at.as_ref()?.get());
        match (&self.exchange, self.wake, self.finish) {
            (Some(line), false, false) => Some(ScenarioEvent::Exchange(at()?, line.get())),
            (None, true, false) => Some(ScenarioEvent::Wake(at()?)),
            (None, false, true) => Some(ScenarioEvent::Finish),
            _ => None,
        }
    }
}

fn folder() -> PathBuf {
    artifact::root().join("host-tests/scenarios")
}
