//! One story, told to every host: `{config, hosts, steps}` in, records out.
//!
//! A step is an exchange, in the format of exchange lines, with the clock at `at`; a wake; or the end. Each host
//! renders the exchange in its own ABI; all that are named must leave the very same bytes, which are kept beside
//! the story in a file `.ndjson`. A story that uses a field which a host cannot show leaves that host out.

pub mod core;
pub mod edge;
pub mod envoy;
pub mod fluent_bit;
mod line;

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::artifact;

pub use line::Line;

/// A scenario file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The configuration; it always sets `reorder`.
    pub config: serde_json::Value,
    /// Who can tell the story.
    pub hosts: Vec<Host>,
    /// What happens.
    pub steps: Vec<Step>,
    /// The file's name without its ending.
    #[serde(skip)]
    pub name: String,
}

/// Who can tell a story.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Host {
    /// The native core.
    Core,
    /// The Envoy module, as HTTP filter and as access logger.
    Envoy,
    /// The Fluent Bit module.
    FluentBit,
    /// The edge module.
    Edge,
}

/// One thing that happens.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    at: Option<Box<RawValue>>,
    exchange: Option<Box<RawValue>>,
    #[serde(default)]
    wake: bool,
    #[serde(default)]
    finish: bool,
}

/// A step, checked.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// An exchange line, at this time in microseconds.
    Exchange(u64, &'a str),
    /// The host's timer, at this time.
    Wake(u64),
    /// The end of input.
    Finish,
}

impl Scenario {
    /// All scenarios, by name.
    ///
    /// # Panics
    ///
    /// If a file is none.
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

    /// Those that this host can tell.
    pub fn for_host(host: Host) -> Vec<Self> {
        Self::all().into_iter().filter(|scenario| scenario.hosts.contains(&host)).collect()
    }

    fn read(path: &Path) -> Self {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut scenario: Self =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(scenario.config.get("reorder").is_some(), "{name}: its config does not set `reorder`");
        assert!(scenario.hosts.contains(&Host::Core), "{name}: the core can tell every story");
        scenario.name = name;
        scenario
    }

    /// What happens, in order.
    ///
    /// # Panics
    ///
    /// If a step is more or less than one thing.
    pub fn events(&self) -> Vec<Event<'_>> {
        self.steps
            .iter()
            .map(|step| step.event().unwrap_or_else(|| panic!("{}: {step:?}", self.name)))
            .collect()
    }

    /// What summaries name as their source on every host: node, instance, and the second of the first exchange.
    pub fn source(&self) -> String {
        let first = self.events().into_iter().find_map(|event| match event {
            Event::Exchange(_, line) => Some(Line::read(line).ts_us() / 1_000_000),
            Event::Wake(_) | Event::Finish => None,
        });
        format!("scenario/1/{}", first.unwrap_or_default())
    }

    /// The records that the story leaves, a line each.
    ///
    /// # Panics
    ///
    /// If nobody has written them down.
    pub fn expected(&self) -> String {
        let path = self.records_path();
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Compares what a host left with what is written down; with `BLESS` set, writes it down.
    ///
    /// # Panics
    ///
    /// If they differ.
    pub fn check(&self, teller: &str, records: &[String]) {
        let got: String = records.iter().map(|record| format!("{record}\n")).collect();
        if std::env::var_os("BLESS").is_some() {
            fs::write(self.records_path(), &got).expect("the folder of scenarios can be written");
            return;
        }
        let expected = self.expected();
        let lines = got.lines().map(Some).chain([None]).zip(expected.lines().map(Some).chain([None]));
        for (number, (got, expected)) in lines.enumerate() {
            assert_eq!(got, expected, "{} as told by {teller}, record {}", self.name, number + 1);
        }
        assert_eq!(got.lines().count(), expected.lines().count(), "{} as told by {teller}", self.name);
    }

    fn records_path(&self) -> PathBuf {
        folder().join(format!("{}.ndjson", self.name))
    }
}

impl Step {
    fn event(&self) -> Option<Event<'_>> {
        let at = || line::micros(self.at.as_ref()?.get());
        match (&self.exchange, self.wake, self.finish) {
            (Some(line), false, false) => Some(Event::Exchange(at()?, line.get())),
            (None, true, false) => Some(Event::Wake(at()?)),
            (None, false, true) => Some(Event::Finish),
            _ => None,
        }
    }
}

fn folder() -> PathBuf {
    artifact::root().join("host-tests/scenarios")
}
