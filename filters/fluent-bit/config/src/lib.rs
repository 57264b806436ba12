//! The section `fluent_bit` of the configuration.
//!
//! A crate of its own, because the command line validates the section as well.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::string::String;
use nearmiss::SortedMap;
use nearmiss::config::{Field, Takes};

/// Name of the section.
pub const SECTION: &str = "fluent_bit";

nearmiss::config_fields! {
    /// The section `fluent_bit`.
    pub struct FluentBitConfig {
        /// Treatment of log records.
        mode: Mode = Mode::Annotate, |field| {
            field.choice(&[("annotate", Mode::Annotate), ("only", Mode::Only), ("merge", Mode::Merge)])
        };
        /// Format of raw lines; `auto` if absent.
        format: Option<String> = None, |field| field.text().map(Some);
        /// Keys of structured logs for this host; override the document's `fields`.
        fields: SortedMap<String, String> = SortedMap::default(), Field::texts_by_name;
        /// Key of the raw line; `log`, `message` or `MESSAGE` if absent.
        line: Option<String> = None, |field| field.text().map(Some);
        /// Path of the map that holds a structured record, its keys joined by dots; the record itself if absent.
        record: Option<String> = None, |field| {
            const TAKES: Takes = Takes::Condition("a path such as \"log_processed\" or \"body.access\"");
            let path = field.text()?;
            let is_valid = path.split('.').all(|key| !key.is_empty());
            if is_valid { Ok(Some(path)) } else { Err(field.error(TAKES)) }
        };
        /// True if fate and upstream also stand in keys of their own, for filters that cannot look into a map.
        flat: bool = false, Field::flag;
        /// Prefix of the `source` in summaries.
        source: String = String::from("fluent-bit"), Field::text;
    }
}

/// Treatment of log records.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// Annotates every record.
    Annotate,
    /// Annotates near misses and failures, and drops all other records.
    Only,
    /// Merges summaries of other instances.
    Merge,
}

#[cfg(test)]
mod tests {
    use super::*;
    use nearmiss::Config;
    use std::string::ToString;

    fn parse(text: &str) -> Result<FluentBitConfig, String> {
        let mut fluent_bit = FluentBitConfig::default();
        let parsed = Config::parse_with_sections(text, &mut [(SECTION, &mut fluent_bit)]);
        parsed.map(|_| fluent_bit).map_err(|error| error.to_string())
    }

    #[test]
    fn every_field_is_read() {
        let fluent_bit = parse(
            r#"{"fluent_bit":{"mode":"only","format":"nginx","fields":{"ts":"time"},"source":"node-7","line":"raw","record":"a.b","flat":true}}"#,
        );
        let expected = FluentBitConfig {
            mode: Mode::Only,
            format: Some("nginx".into()),
            fields: [("ts".into(), "time".into())].into(),
            line: Some("raw".into()),
            record: Some("a.b".into()),
            flat: true,
            source: "node-7".into(),
        };
        assert_eq!(fluent_bit, Ok(expected));
        assert_eq!(parse(r#"{"envoy":{"nosuch":1}}"#), Ok(FluentBitConfig::default()));
    }

    #[test]
    fn an_error_names_the_field_what_was_found_and_what_it_takes() {
        for (text, expected) in [
            (r#"{"mode":1}"#, "`fluent_bit.mode` is 1; it takes \"annotate\", \"only\" or \"merge\""),
            (r#"{"fields":{"ts":1}}"#, "`fluent_bit.fields.ts` is 1; it takes a text or null"),
            (
                r#"{"record":"a..b"}"#,
                "`fluent_bit.record` is \"a..b\"; it takes a path such as \"log_processed\" or \"body.access\"",
            ),
            (
                r#"{"modes":1}"#,
                "`fluent_bit.modes` is not a field; there are mode, format, fields, line, record, flat, source",
            ),
        ] {
            assert_eq!(parse(&std::format!(r#"{{"fluent_bit":{text}}}"#)), Err(expected.to_string()));
        }
    }
}
