//! A configured format string, in the words of the proxy that writes the lines.
//!
//! ```text
//! nginx · Envoy · HAProxy · Apache     the words of each proxy: a format string → pieces
//! piece                                 literal text, or a variable and the field it holds
//! template                              lines of text: the text between two variables ends the first
//! json_keys                             lines of JSON: the key of each variable
//! ```

mod json_keys;
mod piece;
mod template;

pub(crate) use piece::{Piece, push_literal, split_words, unquoted};

use crate::error::{LineError, LineErrorKind};
use crate::field_mapping::FieldMapping;
use crate::formats::{apache, envoy, haproxy, nginx};
use crate::schema::Schema;
use crate::text_shape::is_digits;
use crate::{AttemptList, Format, JoinKey, ParsedLine, time};
use alloc::vec::Vec;
use json_keys::json_keys;
use nearmiss::Timestamp;
use template::Template;

/// A parsed format string.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct LogFormat {
    /// The format whose exchange the values make: that of the proxy.
    pub(crate) format: Format,
    layout: Layout,
}

/// The layout of the lines.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Layout {
    Text(Template),
    /// A JSON object; the keys of its fields.
    Json(FieldMapping),
}

/// See [`LogFormat::HAS_ALL`].
const HAS_ALL: bool = LogFormat::HAS_ALL;

impl LogFormat {
    /// True if the build reads format strings of other proxies than nginx and those that write JSON, and finds their lines after
    /// prefixes and in wrappers.
    pub(crate) const HAS_ALL: bool = cfg!(feature = "all-formats");

    /// Parses a format string: the text itself, or the directive of the proxy's configuration that it stands in. The keys of
    /// `mapping` are names of variables. `format` names the proxy; without it, the words do.
    ///
    /// # Errors
    ///
    /// Returns the format strings that are accepted.
    pub(crate) fn parse(text: &str, format: Format, mapping: &FieldMapping) -> Result<Self, &'static str> {
        let format = program(text, format);
        let mut pieces = pieces(text, format, mapping)?;
        piece::trim_end(&mut pieces);
        let has = |name: &str| pieces.iter().any(|piece| piece.field() == Some(name));
        let has_duration =
            ["duration_s", "duration_ms", "duration_us", "total_ms", "took_s"].into_iter().any(has);
        if !has("status") || !has_duration {
            return Err(required(format));
        }
        let keys = if HAS_ALL { json_keys(&pieces) } else { None };
        let layout = match keys {
            Some(keys) => Layout::Json(keys),
            None => Layout::Text(Template::new(&pieces, &schema(format))?),
        };
        Ok(Self { format, layout })
    }

    /// Returns true if `line` has the text that stands between the variables, and a status and a time where they should be.
    pub(crate) fn matches(&self, line: &[u8]) -> bool {
        let schema = schema(self.format);
        let mut buffer = Vec::new();
        let values = match &self.layout {
            Layout::Text(template) => template.values(line, None),
            Layout::Json(keys) => keys.read_json(&schema, line, &mut buffer),
        };
        let Ok(values) = values else { return false };
        let value = |name| schema.id_of_name(name).and_then(|id| values.get(id));
        let is_time =
            |name| value(name).is_none_or(|time| time.starts_with(b"[") || time::parse(time).is_some());
        let status = value("status").unwrap_or_default();
        ["ts", "start_ts"].into_iter().all(is_time) && (is_digits(status) || matches!(status, b"-" | b"-1"))
    }

    /// Reads one line.
    pub(crate) fn read<'a>(
        &self,
        line: &'a [u8],
        default_time: Option<Timestamp>,
        attempts: &'a mut AttemptList<'a>,
        buffer: &'a mut Vec<u8>,
        key: &mut JoinKey,
    ) -> Result<ParsedLine<'a>, LineError> {
        if line.is_empty() {
            return Err(LineError::new(0, LineErrorKind::EmptyLine));
        }
        let values = match &self.layout {
            Layout::Text(template) => template.values(line, default_time)?,
            Layout::Json(keys) => keys.read_json_at(&schema(self.format), default_time, line, buffer)?,
        };
        match self.format {
            Format::Envoy if HAS_ALL => {
                envoy::set_join_key(&values, key);
                envoy::parse_values(line, &values, &mut envoy::ParsedFields::default())
            }
            Format::Haproxy if HAS_ALL => haproxy::parse_values(line, &values, attempts),
            Format::Apache | Format::Varnish if HAS_ALL => apache::parse_values(line, &values, self.format),
            _ => nginx::parse_values(line, &values, &mut nginx::ParsedFields::default(), attempts),
        }
    }
}

/// Returns the proxy whose words a format string is in: the one that `format` names, or that has these words.
fn program(text: &str, format: Format) -> Format {
    match format {
        Format::Envoy | Format::EnvoyJson | Format::Istio | Format::IstioJson => Format::Envoy,
        Format::Haproxy | Format::HaproxyJson => Format::Haproxy,
        Format::Apache | Format::Varnish => format,
        Format::Auto if HAS_ALL && !text.contains('$') && text.contains('%') => {
            let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
            if has(&["%RESPONSE_", "%START_TIME", "%DURATION%"]) {
                Format::Envoy
            } else if has(&["%ST", "%ft", "%tr", "%ts", "%Ta", "%Tt", "{+"]) {
                Format::Haproxy
            } else if has(&["Varnish:", "VCL_Log:", "VSL:"]) {
                Format::Varnish
            } else {
                Format::Apache
            }
        }
        _ => Format::Nginx,
    }
}

fn pieces(text: &str, format: Format, mapping: &FieldMapping) -> Result<Vec<Piece>, &'static str> {
    match format {
        Format::Nginx => nginx::pieces(text, mapping),
        Format::Envoy if HAS_ALL => envoy::pieces(text, mapping),
        Format::Haproxy if HAS_ALL => haproxy::pieces(text, mapping),
        Format::Apache | Format::Varnish if HAS_ALL => apache::pieces(text, mapping),
        _ => Err("a log_format of nginx here; those of other proxies are read by the command line"),
    }
}

fn schema(format: Format) -> Schema {
    match format {
        Format::Envoy if HAS_ALL => envoy::FieldId::SCHEMA,
        Format::Haproxy if HAS_ALL => haproxy::FieldId::SCHEMA,
        Format::Apache | Format::Varnish if HAS_ALL => apache::FieldId::SCHEMA,
        _ => nginx::FieldId::SCHEMA,
    }
}

/// Returns the variables that a format string needs.
fn required(format: Format) -> &'static str {
    match format {
        Format::Envoy => "a format with %START_TIME%, %RESPONSE_CODE% and %DURATION% in it",
        Format::Haproxy => "a format with %tr, %ST and %Ta in it",
        Format::Apache | Format::Varnish => "a format with %t, %>s and %D in it",
        _ => "a format with $status and $request_time in it",
    }
}

#[cfg(test)]
mod tests;
