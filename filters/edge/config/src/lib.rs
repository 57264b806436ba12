//! The section `edge` of the configuration.
//!
//! A crate of its own, because the command line validates the section as well.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

use nearmiss::config::Field;

/// Name of the section.
pub const SECTION: &str = "edge";

/// Declares an object of the configuration whose values all have a number.
macro_rules! numeric_fields {
    (
        $(#[$attribute:meta])*
        pub struct $object:ident {
            $($(#[$doc:meta])* $field:ident: $kind:ty = $default:expr, $read:expr;)+
        }
    ) => {
        nearmiss::config_fields! {
            $(#[$attribute])*
            pub struct $object {
                $($(#[$doc])* $field: $kind = $default, $read;)+
            }
        }

        impl $object {
            /// Returns the values in the order of [`names`](nearmiss::config::Fields::names); a flag is 0 or 1.
            pub fn values(&self) -> impl Iterator<Item = u32> {
                [$(u32::from(self.$field)),+].into_iter()
            }
        }
    };
}

numeric_fields! {
    /// The section `edge`.
    pub struct EdgeConfig {
        /// Adds the `near-miss` header to responses.
        header: bool = false, Field::flag;
        /// Adds a `Server-Timing` entry to responses.
        server_timing: bool = false, Field::flag;
        /// Bytes of a body that are searched for a failure inside a success; 0 turns the search off.
        inspect_bytes: u32 = 0, |field| field.number(0..=1 << 20);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nearmiss::Config;
    use nearmiss::config::Fields;
    use std::string::{String, ToString};

    fn parse(text: &str) -> Result<EdgeConfig, String> {
        let mut edge = EdgeConfig::default();
        let parsed = Config::parse_with_sections(text, &mut [(SECTION, &mut edge)]);
        parsed.map(|_| edge).map_err(|error| error.to_string())
    }

    #[test]
    fn every_field_is_read() {
        let edge = parse(r#"{"edge":{"header":true,"server_timing":true,"inspect_bytes":4096}}"#);
        assert_eq!(edge, Ok(EdgeConfig { header: true, server_timing: true, inspect_bytes: 4_096 }));
        assert_eq!(parse(r#"{"envoy":{"nosuch":1}}"#), Ok(EdgeConfig::default()));
    }

    #[test]
    fn every_value_has_a_number() {
        let edge = EdgeConfig { header: true, server_timing: false, inspect_bytes: 4_096 };
        let pairs = edge.names().iter().copied().zip(edge.values());
        assert!(pairs.eq([("header", 1), ("server_timing", 0), ("inspect_bytes", 4_096)]));
    }

    #[test]
    fn an_error_names_the_field_what_was_found_and_what_it_takes() {
        for (text, expected) in [
            (r#"{"inspect_bytes":-1}"#, "`edge.inspect_bytes` is -1; it takes 0 to 1048576"),
            (
                r#"{"headers":true}"#,
                "`edge.headers` is not a field; there are header, server_timing, inspect_bytes",
            ),
        ] {
            assert_eq!(parse(&std::format!(r#"{{"edge":{text}}}"#)), Err(expected.to_string()));
        }
    }
}
