//! Errors of records that were refused.

use crate::json::value::{self, Value};
use crate::record::SCHEMA;
use alloc::string::{String, ToString};
use core::fmt;

/// An error in a record.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum RecordError {
    /// A field is missing or wrong.
    Field {
        /// Path of the field.
        field: String,
        /// Value found, as JSON; `None` if the field is missing.
        found: Option<String>,
        /// Values that the field takes.
        takes: &'static str,
    },
    /// No room for another upstream or source.
    Full(&'static str),
    /// Unknown version of records.
    Schema(String),
    /// The line is not JSON, or nested too deep.
    Syntax(String),
}

impl RecordError {
    /// Returns the error that `field` is `found` and takes `takes`.
    pub(super) fn field(field: &str, found: Option<&Value>, takes: &'static str) -> Self {
        Self::Field { field: field.to_string(), found: found.map(value::shown), takes }
    }
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field { field, found: Some(found), takes } => {
                write!(f, "`{field}` is {found}; it takes {takes}")
            }
            Self::Field { field, found: None, takes } => write!(f, "`{field}` is missing; it takes {takes}"),
            Self::Full(of) => write!(f, "there are too many {of}"),
            Self::Schema(found) => {
                write!(f, "schema {found} is not known; this nearmiss reads schema {SCHEMA}")
            }
            Self::Syntax(what) => f.write_str(what),
        }
    }
}

impl core::error::Error for RecordError {}
