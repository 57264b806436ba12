//! Lines of access logs become exchanges.
//!
//! A format maps what a program logged into an [`Exchange`](nearmiss::exchange::Exchange) and judges nothing. What
//! a format does not show stays unknown. A line that makes no sense gives a [`LineError`] that says where it stopped
//! making sense; no line, however broken, makes a reader panic or allocate on its way to an exchange (a JSON string
//! with a backslash in it is copied once, into a buffer that is kept).
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

pub mod exchange;

mod alb;
mod attempts;
mod auto;
mod bag;
mod caddy;
mod envoy;
mod error;
mod escapes;
mod fields;
mod format;
mod haproxy;
mod json;
mod kong;
mod line;
mod list;
mod nginx;
mod number;
mod object;
mod reader;
mod scan;
mod spare;
#[cfg(test)]
mod testing;
mod text;
mod time;
mod traefik;
mod wrapped;

pub use attempts::Attempts;
pub use error::{LineError, LineErrorKind};
pub use escapes::unescape;
pub use exchange::read as read_exchange;
pub use fields::{FieldConfig, FieldConfigError};

pub use format::Format;
pub use line::{ParsedLine, PriorVerdict};
pub use object::{MAX_DEPTH, RecordParser, is_plain, is_scalar};
pub use reader::Reader;
pub use time::any as timestamp;
pub use wrapped::prior_verdict;
