//! Finds the upstream of an exchange.

use super::Monitor;
use crate::fleet::{Lookup, OTHER};
use crate::name;
use crate::units::Timestamp;

impl Monitor {
    /// Returns the index of the upstream that the host reports by this name; that of `other` if there is no room.
    #[inline]
    pub(super) fn lookup_reported(&mut self, reported: &str, ts: Timestamp) -> usize {
        match self.last_upstream.find(reported) {
            Some((index, id)) if self.fleet.get(index).is_some_and(|entry| entry.id == id) => index,
            _ => self.lookup_anew(reported, ts),
        }
    }

    fn lookup_anew(&mut self, reported: &str, ts: Timestamp) -> usize {
        let name = name::upstream_name(reported);
        let index = self.lookup(&name, ts);
        // An exchange that counts as `other` for want of room looks for room again.
        if let Some(entry) = self.fleet.get(index).filter(|entry| entry.upstream.name() == name) {
            self.last_upstream.set(reported, index, entry.id);
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
