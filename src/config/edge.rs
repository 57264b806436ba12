//! The section `edge`.

use super::ConfigError;
use super::field::Field;

/// The section `edge`.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct EdgeConfig {
    /// Whether responses get the `near-miss` header.
    pub header: bool,
    /// Whether responses get a `Server-Timing` entry.
    pub server_timing: bool,
    /// How many bytes of a body are looked at for a failure inside a success; 0 looks at none.
    pub inspect_bytes: u32,
}

impl EdgeConfig {
    pub(super) fn read(&mut self, section: &Field<'_>) -> Result<(), ConfigError> {
        section.each(|key, field| {
            match key {
                "header" => self.header = field.flag()?,
                "server_timing" => self.server_timing = field.flag()?,
                "inspect_bytes" => self.inspect_bytes = field.number(0..=1 << 20, "0 to 1048576")?,
                _ => return Err(field.unknown("header, server_timing, inspect_bytes")),
            }
            Ok(())
        })
    }
}
