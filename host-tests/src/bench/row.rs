//! One figure, in the shape in which every bench writes it: a line of JSON on standard output.

use serde::{Deserialize, Serialize};

use super::Spread;

/// What it is a figure of, what was measured, and what was aimed at.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Row {
    /// Section first, such as `envoy/lua`: what `make bench ONLY=` takes.
    pub name: String,
    /// For the reader.
    pub what: String,
    /// A figure, or why there is none.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// What was aimed at, where something was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aim: Option<String>,
}

/// How a measurement ended.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// With a figure.
    Measured(Figure),
    /// Without one, because of this.
    Missing(String),
}

/// A measured value.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Figure {
    /// What it is counted in.
    pub unit: String,
    /// Over all rounds.
    pub spread: Spread,
    /// Beside what a user would take instead, or what it is compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<Ratio>,
}

/// How many times another figure that was measured in the same rounds.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Ratio {
    /// The other one.
    pub peer: String,
    /// Over all rounds.
    pub spread: Spread,
}

impl Row {
    /// A figure.
    pub fn of(name: &str, what: &str, unit: &str, spread: Spread) -> Self {
        let outcome = Outcome::Measured(Figure { unit: unit.to_owned(), spread, ratio: None });
        Self { name: name.to_owned(), what: what.to_owned(), outcome, aim: None }
    }

    /// A figure that cannot be had here.
    pub fn missing(name: &str, what: &str, why: &str) -> Self {
        let outcome = Outcome::Missing(why.to_owned());
        Self { name: name.to_owned(), what: what.to_owned(), outcome, aim: None }
    }

    /// How often `peer` goes into it, round by round.
    pub fn beside(mut self, peer: &str, spread: Spread) -> Self {
        if let Outcome::Measured(figure) = &mut self.outcome {
            figure.ratio = Some(Ratio { peer: peer.to_owned(), spread });
        }
        self
    }

    /// What was aimed at.
    pub fn aim(mut self, aim: &str) -> Self {
        self.aim = Some(aim.to_owned());
        self
    }

    /// The section it stands in.
    pub fn section(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }

    /// Writes it where `bench` reads it.
    pub fn tell(&self) {
        println!("{}", serde_json::to_string(self).expect("a row of texts and numbers"));
    }
}
