//! Keys that the configuration names, before those that the formats are known to use.

use crate::bag::{Bag, Family};
use crate::nginx::LogFormat;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use nearmiss::SortedMap;
use nearmiss::units::Timestamp;

/// Which key of a log holds what, where a log keeps it under a key of its own.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FieldConfig {
    /// The key in the log, and the exchange line's name for what is there.
    keys: Vec<(Box<str>, Box<str>)>,
    /// The `log_format` that nginx's lines follow.
    pub(crate) log_format: Option<LogFormat>,
    /// When the line at hand came.
    pub(crate) arrived: Option<Timestamp>,
}

/// The names that may be given a key.
const NAMES: [&str; 14] = [
    "ts",
    "upstream",
    "host",
    "route",
    "status",
    "duration_ms",
    "attempts",
    "max_attempts",
    "timeout_ms",
    "flags",
    "grpc_status",
    "bytes",
    "cache_status",
    "trace_id",
];

impl FieldConfig {
    /// The section `fields` of a configuration: keys by the names of exchange lines, and `log_format`.
    ///
    /// # Errors
    ///
    /// Names the field that is none, or what is wrong with the `log_format`.
    pub fn parse(section: &SortedMap<String, String>) -> Result<Self, FieldConfigError> {
        let mut fields = Self::default();
        for (name, key) in section.iter() {
            if NAMES.contains(&name.as_str()) {
                fields.keys.push((key.as_str().into(), name.as_str().into()));
            } else if name != "log_format" {
                return Err(FieldConfigError::Unknown(name.as_str().into()));
            }
        }
        if let Some(format) = section.get("log_format") {
            fields.log_format = Some(LogFormat::parse(format, &fields).map_err(FieldConfigError::LogFormat)?);
        }
        Ok(fields)
    }

    /// The exchange line's name for what `key` holds, if the configuration says so.
    pub(crate) fn meaning(&self, key: &str) -> Option<&str> {
        self.keys.iter().find(|(known, _)| **known == *key).map(|(_, name)| &**name)
    }

    /// The slot of what `key` holds, if the configuration says so.
    pub(crate) fn slot(&self, family: &Family, key: &str) -> Option<usize> {
        self.meaning(key).and_then(family.of_name)
    }

    /// Whether the configuration names keys.
    pub(crate) fn has_keys(&self) -> bool {
        !self.keys.is_empty()
    }

    /// An empty bag for the values of one line.
    pub(crate) fn bag<'a>(&self) -> Bag<'a, 'static> {
        Bag::new(self.arrived)
    }

    /// Puts the value of `key` into `bag`, where `slot` says by its name; unknown keys are passed over.
    #[inline]
    pub(crate) fn put<'a>(&self, family: &Family, bag: &mut Bag<'a, '_>, key: &str, value: &'a [u8]) {
        if !self.keys.is_empty()
            && let Some(slot) = self.slot(family, key)
        {
            bag.pin(slot, value);
        } else if let Some(slot) = (family.of_key)(key) {
            bag.set(slot, value);
        }
    }
}

/// What is wrong with the section `fields` of a configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum FieldConfigError {
    /// The `log_format` cannot be followed; says what would do.
    LogFormat(&'static str),
    /// A name that exchange lines do not have, or that cannot be given a key.
    Unknown(Box<str>),
}

impl core::error::Error for FieldConfigError {}

impl fmt::Display for FieldConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LogFormat(takes) => write!(f, "`fields.log_format` cannot be followed; it takes {takes}"),
            Self::Unknown(name) => {
                write!(f, "`fields.{name}` is not a field; there are log_format")?;
                NAMES.iter().try_for_each(|name| write!(f, ", {name}"))
            }
        }
    }
}
