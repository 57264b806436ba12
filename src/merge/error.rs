//! Why a record was refused.

use crate::json::value;
use crate::record::SCHEMA;
use alloc::string::{String, ToString};
use core::fmt;
use serde_json::Value;

/// Why a record could not be merged.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum RecordError {
    /// A field is not there, or not what it must be.
    Field {
        /// The field's path.
        field: String,
        /// What was found, as JSON; `None` if nothing was.
        found: Option<String>,
        /// What the field takes.
        takes: &'static str,
    },
    /// There is no room for another upstream or source.
    Full(&'static str),
    /// A version of records that this reader does not know.
    Schema(String),
    /// Not JSON, or too deep to look at.
    Syntax(String),
}

impl RecordError {
    /// That `field` is `found` and must be something else.
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
            Self::Full(of) => write!(f, "there are too many {of} to tell apart"),
            Self::Schema(found) => {
                write!(f, "schema {found} is not known; this nearmiss reads schema {SCHEMA}")
            }
            Self::Syntax(what) => f.write_str(what),
        }
    }
}

impl core::error::Error for RecordError {}
