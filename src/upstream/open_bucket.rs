//! A bucket of time that is not sealed yet.

use super::slots::MAX_ROUTES;
use crate::baseline::Sample;
use crate::name;
use crate::top_k::MAX_ENTRY_NAME;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// Input for the baselines, gathered until the bucket is sealed.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenBucket {
    /// Number of the bucket.
    pub(super) bucket: u64,
    /// True while the bucket contains exchanges.
    pub(super) filled: bool,
    pub(super) sample: Sample,
    /// Largest number of attempts of an exchange that exhausted its retries; 0 without one.
    pub(super) retry_limit: u8,
    /// Unknown routes with the smallest hashes, sorted by hash: the candidates for free slots.
    pub(super) new_routes: Vec<(u32, Box<str>)>,
}

impl OpenBucket {
    /// Adds a candidate route if its hash is among the smallest, so the choice does not depend on the order of arrival.
    pub(super) fn offer_route(&mut self, hash: u32, name: &str) {
        let index = self.new_routes.partition_point(|(known, _)| *known < hash);
        if index < MAX_ROUTES && self.new_routes.get(index).is_none_or(|(known, _)| *known != hash) {
            self.new_routes.insert(index, (hash, name::truncated(name, MAX_ENTRY_NAME).into()));
            self.new_routes.truncate(MAX_ROUTES);
        }
    }
}
