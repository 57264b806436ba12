//! Finds the upstream of an exchange.

use super::Monitor;
use crate::fleet::{Lookup, OTHER, UpstreamId};
use crate::name::{self, MAX_NAME};
use crate::units::Timestamp;
use alloc::string::String;

/// The longest reported name that is remembered, in bytes.
const MAX_REPORTED: usize = 2 * MAX_NAME;

/// The last upstream that was looked up. Many exchanges have the upstream of the one before, which takes neither a normalized name
/// nor a hash to see.
#[derive(Debug)]
pub(super) struct LastUpstream {
    /// Its name as the host reported it.
    reported: String,
    index: usize,
    id: UpstreamId,
}

impl Default for LastUpstream {
    fn default() -> Self {
        Self { reported: String::new(), index: usize::MAX, id: UpstreamId::default() }
    }
}

impl Monitor {
    /// Returns the index of the upstream that the host reports by this name; that of `other` if there is no room.
    #[inline]
    pub(super) fn lookup_reported(&mut self, reported: &str, ts: Timestamp) -> usize {
        let last = &self.last_upstream;
        let is_known = || self.fleet.get(last.index).is_some_and(|entry| entry.id == last.id);
        if last.reported == reported && is_known() { last.index } else { self.lookup_anew(reported, ts) }
    }

    fn lookup_anew(&mut self, reported: &str, ts: Timestamp) -> usize {
        let name = name::upstream_name(reported);
        let index = self.lookup(&name, ts);
        let entry = self.fleet.get(index).filter(|entry| entry.upstream.name() == name);
        if let Some(entry) = entry.filter(|_| reported.len() <= MAX_REPORTED) {
            let last = &mut self.last_upstream;
            (last.index, last.id) = (index, entry.id);
            last.reported.clear();
            last.reported.push_str(reported);
        }
        index
    }

    /// Returns the index of an upstream in the fleet; that of `other` if there is no room.
    pub(super) fn lookup(&mut self, name: &str, ts: Timestamp) -> usize {
        let open_buckets = self.timeline.open_buckets();
        let now = self.timeline.watermark().unwrap_or(ts);
        match self.fleet.lookup(name, open_buckets, now) {
            Lookup::Found(index) => index,
            Lookup::Replaces(index) => {
                if self.fleet.get(index).is_some_and(|entry| entry.upstream.has_counts()) {
                    self.flush_counts(index, now);
                }
                self.fleet.remove(index);
                self.lookup(name, ts)
            }
            Lookup::Full => self.lookup(OTHER, ts),
        }
    }
}
