//! Lines of access logs become exchanges.
//!
//! A dialect maps what a program logged into an [`Exchange`](nearmiss::exchange::Exchange) and judges nothing. What
//! a format does not show stays unknown. A line that makes no sense gives a [`LineError`] that says where it stopped
//! making sense; no line, however broken, makes a reader panic or allocate on its way to an exchange (a JSON string
//! with a backslash in it is copied once, into a buffer that is kept).
#![no_std]
#![forbid(unsafe_code)]
#![allow(dead_code)] // the readers of other dialects, which use the rest, follow
extern crate alloc;

pub mod exchange;

mod attempts;
mod error;
mod json;
mod number;
mod scan;
mod spare;

pub use attempts::Attempts;
pub use error::{LineError, Problem};
pub use exchange::read as read_exchange;

use nearmiss::exchange::Exchange;
use nearmiss::units::Timestamp;

/// What a line says.
#[derive(Clone, Debug)]
pub enum Line<'a> {
    /// An exchange to judge.
    Exchange(Exchange<'a>),
    /// An exchange that another nearmiss has judged already.
    Judged(Judged<'a>),
}

/// An exchange that carries its verdict.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Judged<'a> {
    /// When the response was complete, if the line says so.
    pub ts: Option<Timestamp>,
    /// The upstream, as the line spells it.
    pub upstream: Option<&'a str>,
    /// The name of its fate.
    pub fate: &'a str,
}
