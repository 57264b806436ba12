//! The section `fields` of a configuration.

use crate::Format;
use crate::field_mapping::FieldMapping;
use crate::log_format::LogFormat;
use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use nearmiss::SortedMap;

/// The keys of a user's own log format, and a format string of the proxy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FieldConfig {
    pub(crate) mapping: FieldMapping,
    /// The format string of the lines.
    pub(crate) log_format: Option<LogFormat>,
    /// True if the path of a request is the source of its route where a line names none.
    pub(crate) has_default_route: bool,
}

impl Default for FieldConfig {
    fn default() -> Self {
        Self { mapping: FieldMapping::default(), log_format: None, has_default_route: true }
    }
}

/// The fields that can be given a key.
const NAMES: [&str; 19] = [
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
    "duration_s",
    "upstream_addr",
    "upstream_status",
    "upstream_response_time",
    "upstream_header_time",
];

impl FieldConfig {
    /// Parses the section: log keys by the names of exchange lines' fields, and `log_format`, in the words of the proxy that
    /// `format` names.
    ///
    /// # Errors
    ///
    /// Names the unknown field, or the problem with the `log_format`.
    pub fn parse(section: &SortedMap<String, String>, format: Format) -> Result<Self, FieldConfigError> {
        let mut mapping = FieldMapping::default();
        for (name, key) in section.iter() {
            match name.as_str() {
                "log_format" => {}
                "route" if key.is_empty() => {}
                name if !NAMES.contains(&name) => return Err(FieldConfigError::Unknown(name.into())),
                name if key.is_empty() => return Err(FieldConfigError::NoKey(name.into())),
                name => mapping.add(key, name),
            }
        }
        // Exchange lines have a format of their own, also beside the settings of the log that they were converted from.
        let configured = section.get("log_format").filter(|_| format != Format::Exchange);
        let log_format = configured.map(|text| LogFormat::parse(text, format, &mapping)).transpose();
        let has_default_route = section.get("route").is_none();
        Ok(Self { log_format: log_format.map_err(FieldConfigError::LogFormat)?, mapping, has_default_route })
    }
}

/// An error in the section `fields` of a configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum FieldConfigError {
    /// The `log_format` cannot be parsed; holds what is accepted.
    LogFormat(&'static str),
    /// A field whose key is null or empty.
    NoKey(Box<str>),
    /// A field that exchange lines do not have, or that cannot be given a key.
    Unknown(Box<str>),
}

impl core::error::Error for FieldConfigError {}

impl fmt::Display for FieldConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LogFormat(takes) => write!(f, "invalid `fields.log_format`; it takes {takes}"),
            Self::NoKey(name) => write!(f, "`fields.{name}` takes a key; only `fields.route` may be null"),
            Self::Unknown(name) => {
                write!(f, "`fields.{name}` is not a field; there are log_format")?;
                NAMES.iter().try_for_each(|name| write!(f, ", {name}"))
            }
        }
    }
}
