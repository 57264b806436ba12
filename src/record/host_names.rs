//! Names of hosts, in the configured form.

use crate::config::Hosts;
use crate::hash;
use crate::json::write::Json;
use alloc::string::String;

/// Writes the names of hosts in the configured form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HostNames(pub(crate) Hosts);

impl HostNames {
    /// Appends the name or its hash.
    pub(crate) fn push(self, out: &mut String, host: &str) {
        match self.0 {
            Hosts::Plain => out.push_str(host),
            Hosts::Hashed => {
                out.push_str("host-");
                let hash = hash::hash(host.as_bytes()) as u32;
                for nibble in (0..8).rev() {
                    out.push(char::from_digit(hash >> (4 * nibble) & 15, 16).unwrap_or('0'));
                }
            }
        }
    }

    /// Writes the name or its hash as a JSON string.
    pub(super) fn value(self, json: &mut Json<'_>, host: &str) {
        json.sentence(|out| self.push(out, host));
    }
}
