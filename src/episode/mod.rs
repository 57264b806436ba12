//! Episodes: near misses that add up to something an engineer can act on.
//!
//! One [`Detector`] per upstream counts the exchanges of the open buckets. When a bucket is sealed, the detector
//! compares it with this upstream's own past, scaled by the noise measured there. The [`EpisodeEngine`] holds what
//! upstreams share: it combines evidence that is weak on each upstream and strong together, opens one episode per
//! cause, and keeps the order of records.
//!
//! ```text
//! observation → bucket ─seal→ tail · rates → bank → evidence → open_episode → pattern
//!                             hosts · location_shift · periodicity · cross_upstream → evidence
//! ```
//!
//! The caller identifies upstreams by numbers of its own.
//!
//! `docs/detection.md` has each method with its formula, its source, and the faults it detects and misses.
//!
//! Cost: tens of nanoseconds per exchange, a few microseconds per bucket with traffic. An open bucket gathers whole
//! numbers that add, so the order of exchanges within it changes nothing; floats are used only when it is sealed, with
//! basic operations and `libm`.

mod bank;
mod bucket;
mod budget;
mod cross_upstream;
mod cusum;
mod detector;
mod dimensions;
mod engine;
mod evidence;
mod excursion;
mod hosts;
mod learned_timeout;
mod location_shift;
mod observation;
mod open_episode;
mod pattern;
mod periodicity;
mod prior;
mod rates;
mod reference;
mod residual;
mod routes;
mod rules;
mod shift;
mod tail;

pub(crate) use bucket::BucketCounts;
pub(crate) use detector::Detector;
pub(crate) use engine::{Change, EpisodeEngine, SAME_TIME, SAME_TIME_TWO};
pub(crate) use evidence::Cause;
pub(crate) use observation::Observation;
pub(crate) use open_episode::OpenEpisode;
pub use pattern::Pattern;
pub(crate) use reference::{Deviation, Reference};

#[cfg(test)]
mod tests;
