//! Leader election in a real Envoy: the workers emit their episodes and summaries once, to the log or to a collector.
//!
//! A target of its own, because these tests take minutes.

mod bootstrap;
mod collector;
mod drain;
mod episode;
