//! Parser and validator of a pipeline's records: one JSON object each, whose text is passed on.
//!
//! A pipeline generates the JSON from its own data, so it is nearly always valid. But a NaN, an infinity or a key that
//! is not a string gives text that no JSON reader accepts, and the output must be JSON. Records of one source have the
//! same keys in the same order, and share many values. So each record is compared with a template made from an earlier
//! one: bytes that are equal are known to be valid, and only values that differ are scanned.
//!
//! ```text
//! parser           the current record, and templates of other records
//! parsed           the members of one record, and its template
//! template         the bytes that records of one source share
//! embedded_line    a log line inside the record, whose tokens take the place of its member
//! key_prefix       members whose keys share a prefix
//! values           the record's values by field id
//! span · token     the position of one value in a record · in a line
//! scanner          validates every byte, where no template matches
//! ```

mod embedded_line;
mod field_index;
mod key_prefix;
mod parsed;
mod parser;
mod scanner;
mod span;
mod template;
mod token;
mod value_kind;
mod values;

pub(crate) use field_index::FieldIndex;
pub use parser::RecordParser;
pub use scanner::{MAX_DEPTH, is_beyond_double, is_plain, is_scalar};
pub(crate) use token::Token;
pub(crate) use value_kind::ValueKind;
pub(crate) use values::RecordValues;

#[cfg(test)]
mod tests;
