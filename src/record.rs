//! Writes records as JSON lines, and the text of the `near-miss` header.
//!
//! Field order is fixed, unknown fields are left out, times are RFC 3339 in UTC with milliseconds, shares are basis
//! points. `docs/records.md` is the reference. No client address, header value or query string is ever written.

mod episode;
mod exchange;
mod explain;
mod header;
mod host_names;
mod summary;

pub(crate) use episode::{EpisodeContext, Phase, deviation, episode};
pub use exchange::clean;
pub(crate) use exchange::exchange;
pub use header::header;
pub(crate) use host_names::HostNames;
pub(crate) use summary::{Span, latency, summary, totals};

use crate::units::Timestamp;

/// Version of all records; a reader refuses other versions.
pub const SCHEMA: u64 = 1;

/// Kind of a record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RecordKind {
    /// One exchange.
    Exchange,
    /// Open or close of an episode.
    Episode,
    /// Counts of an upstream since its previous summary.
    Summary,
}

/// One emitted record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Record<'a> {
    /// Kind.
    pub kind: RecordKind,
    /// End of the exchange, of the episode or its detection, or of the interval of the summary.
    pub time: Timestamp,
    /// One JSON object without a line break.
    pub json: &'a str,
}
