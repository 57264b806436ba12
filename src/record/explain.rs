//! Writes one plain sentence: the event, how close it was, where to look next.
//!
//! `docs/records.md` shows one sentence of each kind.

mod episode;
mod exchange;
mod phrases;

pub(super) use episode::{deviation, episode};
pub(crate) use exchange::exchange;
pub(crate) use phrases::push_harm;

#[cfg(test)]
mod tests;
