//! One measured value, in the form in which every bench prints it: a line of JSON on standard output.

use serde::{Deserialize, Serialize};

use super::Spread;

/// A row: name, description, measured value and target.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Row {
    /// Name, section first, such as `envoy/lua`, as in `make bench ONLY=`.
    pub name: String,
    /// Description.
    pub what: String,
    /// The measured value, or the reason why it is missing.
    #[serde(flatten)]
    pub measurement: Measurement,
    /// Target, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aim: Option<String>,
}

/// The result of a measurement.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Measurement {
    /// A measured value.
    Measured(Figure),
    /// No value, for this reason.
    Missing(String),
}

/// A measured value.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Figure {
    /// Unit.
    pub unit: String,
    /// Spread over all rounds.
    pub spread: Spread,
    /// Ratio to an alternative or baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<Ratio>,
}

/// The ratio to another value measured in the same rounds.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Ratio {
    /// Name of the other value.
    pub peer: String,
    /// Spread over all rounds.
    pub spread: Spread,
}

impl Row {
    /// Returns a row with a measured value.
    pub fn of(name: &str, what: &str, unit: &str, spread: Spread) -> Self {
        let measurement = Measurement::Measured(Figure { unit: unit.to_owned(), spread, ratio: None });
        Self { name: name.to_owned(), what: what.to_owned(), measurement, aim: None }
    }

    /// Returns a row whose value cannot be measured here.
    pub fn missing(name: &str, what: &str, why: &str) -> Self {
        let measurement = Measurement::Missing(why.to_owned());
        Self { name: name.to_owned(), what: what.to_owned(), measurement, aim: None }
    }

    /// Adds the ratio to `peer`, computed round by round.
    pub fn with_ratio(mut self, peer: &str, spread: Spread) -> Self {
        if let Measurement::Measured(figure) = &mut self.measurement {
            figure.ratio = Some(Ratio { peer: peer.to_owned(), spread });
        }
        self
    }

    /// Adds the target.
    pub fn aim(mut self, aim: &str) -> Self {
        self.aim = Some(aim.to_owned());
        self
    }

    /// Returns the section of the row.
    pub fn section(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }

    /// Prints the row to standard output, from which `bench` reads it.
    pub fn print(&self) {
        println!("{}", serde_json::to_string(self).expect("a row of texts and numbers"));
    }
}
