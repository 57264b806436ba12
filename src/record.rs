//! Writes records as JSON lines, and the text of the `near-miss` header.
//!
//! Field order is fixed, unknown fields are left out, times are RFC 3339 in UTC with milliseconds, shares are basis
//! points. `docs/records.md` is the reference. No client address, header value or query string is ever written.

pub(crate) mod episode;
mod episode_context;
mod exchange;
mod explain;
mod header;
mod host_names;
pub(crate) mod summary;
mod why;

pub(crate) use episode::{EpisodeCounts, Phase, deviation, episode};
pub(crate) use episode_context::{EpisodeContext, LEAST_SHARE, ranked};
pub use exchange::clean;
pub(crate) use exchange::exchange;
pub(crate) use explain::{exchange as explain, push_harm};
pub use header::{HeaderParameters, header};
pub(crate) use host_names::HostNames;
pub(crate) use summary::{Span, summary};

use crate::episode::Pattern;
use crate::json::tokens::{Token, Value};
use crate::json::write::Json;
use crate::units::Timestamp;
use crate::verdict::{Fate, Signals};

/// Writes the counts of exchanges by signal.
fn signals(json: &mut Json<'_>, counts: &[u64; Signals::COUNT]) {
    json.key("signals").open('{');
    for (name, count) in Signals::NAMES.into_iter().zip(counts).filter(|(_, count)| **count > 0) {
        json.key(name).number(*count);
    }
    json.close('}');
}

/// Version of all records; a reader refuses other versions.
pub const SCHEMA: u64 = 1;

/// One emitted record.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Kind, and the facts that consumers count.
    pub head: Head,
    /// End of the exchange, of the episode or its detection, or of the interval of the summary.
    pub time: Timestamp,
    /// Name of the upstream.
    pub upstream: &'a str,
    /// One JSON object without a line break.
    pub json: &'a str,
    /// Tokens of `json`, if [`Monitor::note_tokens`](crate::Monitor::note_tokens) asked for them.
    pub tokens: &'a [Token],
}

impl<'a> Record<'a> {
    /// Returns the record as an object of typed values; it is empty without tokens.
    pub fn value(&self) -> Value<'a> {
        Value::new(self.json, self.tokens)
    }
}

/// Kind of a record, and the facts that consumers count.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Head {
    /// One exchange.
    Exchange {
        /// Outcome.
        fate: Fate,
        /// Status that the caller got; 0 if none.
        status: u16,
        /// Number of attempts, if known.
        attempts: Option<u32>,
    },
    /// Open or close of an episode.
    Episode {
        /// True for the open.
        is_open: bool,
        /// Its pattern.
        pattern: Pattern,
    },
    /// Counts of an upstream since its previous summary.
    Summary {
        /// Exchanges that arrived after the seal of their bucket.
        late: u64,
        /// Records that were suppressed.
        suppressed: u64,
    },
}
