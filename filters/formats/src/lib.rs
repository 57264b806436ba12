//! Parsers of access log lines.
//!
//! A format maps what a program logged to an [`Exchange`](nearmiss::Exchange) and judges nothing. What
//! a format does not log stays unknown. A malformed line gives a [`LineError`] with the offset of the error. No line,
//! however broken, makes a reader panic, or allocate on its way to an exchange (a JSON string with a backslash in it
//! is copied once, into a buffer that is kept).
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

pub mod exchange;

mod attempts;
mod auto;
mod default_route;
mod error;
mod escapes;
mod field_config;
mod field_id;
mod field_mapping;
mod field_values;
mod format;
mod formats;
mod join;
mod json;
mod list;
mod locate;
mod log_format;
mod nested_fields;
mod number;
mod other_line;
mod parsed_line;
mod prefix;
mod reader;
mod record;
mod requests;
mod schema;
mod scratch;
mod swar;
#[cfg(test)]
mod testing;
mod text;
mod text_shape;
mod time;
mod wrapper;

pub use attempts::{AttemptList, Attempts};
pub use error::{LineError, LineErrorKind};
pub use escapes::unescape;
pub use exchange::{read as read_exchange, write as write_exchange, write_verdict};
pub use field_config::{FieldConfig, FieldConfigError};
pub use format::Format;
pub use join::{JoinKey, Joiner};
pub use other_line::OtherLine;
pub use parsed_line::{ParsedLine, PriorVerdict};
pub use reader::Reader;
pub use reader::state::ReaderState;
pub use record::{MAX_DEPTH, RecordParser, is_beyond_double, is_plain, is_scalar};
pub use time::parse as timestamp;
pub use wrapper::prior_verdict;
