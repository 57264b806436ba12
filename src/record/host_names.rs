//! Names of hosts, in the configured form.

use crate::json::write::{Json, push_hex, push_text};
use crate::siphash::SipKey;
use alloc::string::String;

/// Form of the names of hosts in records.
#[derive(Clone, Copy, Debug)]
pub(crate) enum HostNames {
    /// The name itself.
    Plain,
    /// A hash of the name, under a key.
    Hashed(SipKey),
    /// One text for all names, because there is no key.
    Withheld,
}

impl HostNames {
    /// Appends the name in its form.
    pub(crate) fn push(self, out: &mut String, host: &str) {
        match self {
            Self::Plain => push_text(out, host),
            Self::Hashed(key) => {
                push_text(out, "host-");
                push_hex(out, key.hash(host.as_bytes()));
            }
            Self::Withheld => push_text(out, "host-withheld"),
        }
    }

    /// Writes the name in its form as a JSON string.
    pub(super) fn value(self, json: &mut Json<'_>, host: &str) {
        json.sentence(|out| self.push(out, host));
    }
}
