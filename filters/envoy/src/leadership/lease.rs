//! The leader's lease: which VM leads, when it last renewed the lease, and which deltas it has absorbed.

use super::heartbeat;
use crate::proxy_wasm::hostcalls::Hostcalls;
use crate::shared_data::{entry, read_timestamp, read_u32};
use alloc::vec::Vec;
use nearmiss::Timestamp;

/// Bytes before the positions: holder, renewal, baselines, traffic.
const HEADER: usize = 20;

/// The lease as it was read from shared data.
#[derive(Debug, Default)]
pub(super) struct Lease {
    /// The leader's id; 0 if there is none.
    pub(super) holder: u32,
    renewed: Timestamp,
    /// The bucket up to which baselines have been published.
    pub(super) baselines: u32,
    /// True if the leader sees traffic itself: it hands the lease over to a VM without traffic.
    pub(super) has_traffic: bool,
    positions: Vec<Position>,
    version: u32,
}

/// The position of the leader in one follower's sequence of deltas.
#[derive(Clone, Copy, Debug)]
struct Position {
    id: u32,
    /// The number of the first delta that has not been absorbed.
    next: u32,
}

impl Lease {
    /// Reads the lease; `None` if there is none yet or the hostcall failed.
    pub(super) fn read(hostcalls: &Hostcalls, key: &str) -> Option<Self> {
        let (bytes, version) = hostcalls.get_shared_data(&entry(key, "/lease")).ok()?;
        let mut lease = Self { version, ..Self::default() };
        let Some((header, positions)) = bytes.split_at_checked(HEADER) else { return Some(lease) };
        (lease.holder, lease.renewed, lease.baselines) =
            (read_u32(header, 0), read_timestamp(header, 4), read_u32(header, 12));
        lease.has_traffic = read_u32(header, 16) != 0;
        let entries = positions.chunks_exact(8);
        lease.positions =
            entries.map(|entry| Position { id: read_u32(entry, 0), next: read_u32(entry, 4) }).collect();
        Some(lease)
    }

    /// Returns true if a leader holds the lease and it has not timed out.
    pub(super) fn is_held(&self, now: Timestamp) -> bool {
        self.holder != 0 && heartbeat::is_recent(self.renewed, now)
    }

    /// Writes and thereby renews the lease; fails if another VM has written it since it was read.
    pub(super) fn write(&self, hostcalls: &Hostcalls, key: &str, now: Timestamp) -> bool {
        let mut bytes = Vec::with_capacity(HEADER + 8 * self.positions.len());
        bytes.extend(self.holder.to_le_bytes());
        bytes.extend(now.micros().to_le_bytes());
        bytes.extend(self.baselines.to_le_bytes());
        bytes.extend(u32::from(self.has_traffic).to_le_bytes());
        for position in &self.positions {
            [position.id, position.next].iter().for_each(|number| bytes.extend(number.to_le_bytes()));
        }
        hostcalls.set_shared_data(&entry(key, "/lease"), Some(&bytes), Some(self.version)).is_ok()
    }

    /// Acquires the lease for the VM `id` and keeps the positions of the leader before.
    pub(super) fn acquire(&self, hostcalls: &Hostcalls, key: &str, id: u32, now: Timestamp) -> bool {
        Self { holder: id, positions: self.positions.clone(), ..*self }.write(hostcalls, key, now)
    }

    /// Returns the number of the first delta of the VM `id` that has not been absorbed.
    pub(super) fn position(&self, id: u32) -> u32 {
        self.positions.iter().find(|position| position.id == id).map_or(0, |position| position.next)
    }

    /// Sets the position in the deltas of the VM `id` and moves it to the front.
    pub(super) fn set_position(&mut self, id: u32, next: u32) {
        self.positions.retain(|position| position.id != id);
        self.positions.insert(0, Position { id, next });
    }

    /// Keeps the `max` most recently set positions: VMs that ended are forgotten first.
    pub(super) fn truncate_positions(&mut self, max: usize) {
        self.positions.truncate(max);
    }
}
