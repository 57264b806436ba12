//! Mailboxes: rings of deltas in shared data, one for each follower.
//!
//! A mailbox is a header and up to [`CAPACITY`] deltas, each under a key of its own. Only its owner writes to it.

use super::heartbeat;
use crate::proxy_wasm::hostcalls::Hostcalls;
use crate::shared_data::{read_timestamp, read_u32, read_u64};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use nearmiss::{Delta, Timestamp};

/// Deltas per mailbox.
pub(super) const CAPACITY: u32 = 8;
/// Value of [`Mailbox::open_bucket`] if no bucket will receive a delta: the owner has ended or failed.
pub(super) const ENDED: u64 = u64::MAX;
/// Bytes before a delta: the owner's id, the delta's number, its bucket.
const DELTA_HEADER: usize = 16;

/// The header of a mailbox.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mailbox {
    /// Position among the mailboxes, from 1.
    index: u32,
    /// The owner's id; 0 if it has none.
    pub(super) owner: u32,
    heartbeat: Timestamp,
    /// The first bucket that may still receive a delta.
    open_bucket: u64,
    /// The number of the oldest announced delta.
    first: u32,
    /// The number after that of the newest announced delta.
    end: u32,
    /// The version of the header in shared data, for compare-and-swap.
    version: u32,
}

impl Mailbox {
    /// Reads the header of a mailbox; `None` if there is none.
    pub(super) fn read(hostcalls: &Hostcalls, key: &str, index: u32) -> Option<Self> {
        let (bytes, version) = hostcalls.get_shared_data(&header_key(key, index)).ok()?;
        Some(Self {
            index,
            owner: read_u32(bytes, 0),
            heartbeat: read_timestamp(bytes, 4),
            open_bucket: read_u64(bytes, 12),
            first: read_u32(bytes, 20),
            end: read_u32(bytes, 24),
            version,
        })
    }

    /// Writes the header; fails if another VM has written it since it was read.
    fn write(&self, hostcalls: &Hostcalls, key: &str) -> bool {
        let mut bytes = Vec::with_capacity(28);
        bytes.extend(self.owner.to_le_bytes());
        bytes.extend(self.heartbeat.micros().to_le_bytes());
        bytes.extend(self.open_bucket.to_le_bytes());
        bytes.extend(self.first.to_le_bytes());
        bytes.extend(self.end.to_le_bytes());
        hostcalls.set_shared_data(&header_key(key, self.index), Some(&bytes), Some(self.version)).is_ok()
    }

    /// Announces the deltas from number `first` to before `end`, and that every bucket before `open_bucket` is complete.
    pub(super) fn announce(
        self,
        hostcalls: &Hostcalls,
        key: &str,
        open_bucket: u64,
        (first, end): (u32, u32),
        now: Timestamp,
    ) {
        let _ = Self { heartbeat: now, open_bucket, first, end, ..self }.write(hostcalls, key);
    }

    /// Returns the bucket and the bytes of delta `number`.
    pub(super) fn delta<'a>(
        &self,
        hostcalls: &'a Hostcalls,
        key: &str,
        number: u32,
    ) -> Option<(u64, &'a [u8])> {
        let (bytes, _) = hostcalls.get_shared_data(&delta_key(key, self.index, number)).ok()?;
        let (header, delta) = bytes.split_at_checked(DELTA_HEADER)?;
        (read_u32(header, 0) == self.owner && read_u32(header, 4) == number)
            .then(|| (read_u64(header, 8), delta))
    }

    /// Returns the numbers of the announced deltas, starting with `next`.
    pub(super) fn numbers_from(&self, next: u32) -> core::ops::Range<u32> {
        next.max(self.first)..self.end
    }

    /// Returns the first bucket that may still receive a delta from this mailbox; [`ENDED`] if the owner has failed.
    pub(super) fn open_bucket(&self, now: Timestamp) -> u64 {
        if self.is_alive(now) { self.open_bucket } else { ENDED }
    }

    fn is_alive(&self, now: Timestamp) -> bool {
        self.owner != 0 && heartbeat::is_recent(self.heartbeat, now)
    }

    /// Claims an unused mailbox, or one whose owner has ended or failed, and returns its index. If two VMs create the same
    /// mailbox at the same time, the later one gets it; the earlier one finds out when it next announces its deltas.
    pub(super) fn claim(hostcalls: &Hostcalls, key: &str, owner: u32, now: Timestamp) -> Option<u32> {
        /// More workers than any machine has.
        const MAX_MAILBOXES: u32 = 1_024;
        for index in 1..=MAX_MAILBOXES {
            let unused =
                Self { index, owner: 0, heartbeat: now, open_bucket: 0, first: 0, end: 0, version: 0 };
            let mailbox = Self::read(hostcalls, key, index).or_else(|| {
                let _ = unused.write(hostcalls, key);
                // If the header cannot be written, stop here: the leader reads mailboxes up to the first missing one.
                Self::read(hostcalls, key, index)
            })?;
            let is_free = mailbox.open_bucket == ENDED || !mailbox.is_alive(now);
            if is_free && (Self { owner, version: mailbox.version, ..unused }).write(hostcalls, key) {
                return Some(index);
            }
        }
        None
    }
}

/// Writes a delta to the ring of a mailbox; the leader reads it once it is [announced](Mailbox::announce).
pub(super) fn write_delta(
    hostcalls: &Hostcalls,
    key: &str,
    index: u32,
    owner: u32,
    number: u32,
    delta: &Delta,
) -> bool {
    let mut bytes = Vec::with_capacity(DELTA_HEADER + delta.bytes.len());
    bytes.extend(owner.to_le_bytes());
    bytes.extend(number.to_le_bytes());
    bytes.extend(delta.bucket.to_le_bytes());
    bytes.extend(&delta.bytes);
    hostcalls.set_shared_data(&delta_key(key, index, number), Some(&bytes), None).is_ok()
}

/// Frees the memory of a delta that has been absorbed.
pub(super) fn clear_delta(hostcalls: &Hostcalls, key: &str, index: u32, number: u32) {
    let _ = hostcalls.set_shared_data(&delta_key(key, index, number), None, None);
}

fn header_key(key: &str, index: u32) -> String {
    format!("{key}/mailbox/{index}")
}

fn delta_key(key: &str, index: u32, number: u32) -> String {
    format!("{}/{}", header_key(key, index), number % CAPACITY)
}
