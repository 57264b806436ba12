//! Errors of a configuration.

use super::takes::Takes;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// An error in a configuration: one line that says what to change.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ConfigError {
    /// The text is not JSON, too long or nested too deep.
    Syntax(String),
    /// Unknown field.
    Unknown {
        /// Path of the field.
        field: String,
        /// Fields that exist there.
        known: Vec<&'static str>,
    },
    /// A value of the wrong type or out of range.
    Value {
        /// Path of the field.
        field: String,
        /// Value found, as JSON; of a secret, only its kind and length.
        found: String,
        /// Values that the field takes.
        takes: Takes,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(message) => f.write_str(message),
            Self::Unknown { field, known } => {
                write!(f, "`{field}` is not a field; there are {}", known.join(", "))
            }
            Self::Value { field, found, takes } => write!(f, "`{field}` is {found}; it takes {takes}"),
        }
    }
}

impl core::error::Error for ConfigError {}
