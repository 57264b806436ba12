//! The last upstream that was looked up, by the name that the host reported.

use crate::fleet::UpstreamId;
use crate::name::MAX_NAME;
use alloc::string::String;

/// The longest reported name that is remembered, in bytes.
const MAX_REPORTED: usize = 2 * MAX_NAME;

/// The last upstream that was looked up. Many exchanges have the upstream of the one before, which takes neither a normalized name
/// nor a hash to see.
#[derive(Debug, Default)]
pub(super) struct LastUpstream {
    reported: String,
    place: Option<(usize, UpstreamId)>,
}

impl LastUpstream {
    /// Returns index and identifier of the upstream if this is its reported name.
    pub(super) fn find(&self, reported: &str) -> Option<(usize, UpstreamId)> {
        self.place.filter(|_| self.reported == reported)
    }

    /// Remembers an upstream.
    pub(super) fn set(&mut self, reported: &str, index: usize, id: UpstreamId) {
        if reported.len() <= MAX_REPORTED {
            self.place = Some((index, id));
            self.reported.clear();
            self.reported.push_str(reported);
        }
    }
}
