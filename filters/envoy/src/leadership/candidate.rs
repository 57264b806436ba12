//! The candidate: a VM without traffic that asks for the lease of a leader with traffic.
//!
//! The VM of the main thread sees no traffic and ends last, so it is the best leader. If a worker leads, because the main thread was
//! busy, the lease returns to it in this way. A VM with traffic is never a candidate, so the lease cannot go back and forth.

use crate::proxy_wasm::hostcalls::Hostcalls;
use crate::shared_data::{entry, read_timestamp, read_u32};
use nearmiss::{Micros, Timestamp};

/// A candidate repeats itself on every tick; one that is silent for longer has failed or sees traffic.
const TIMEOUT: Micros = Micros::from_seconds(3);

/// Announces the VM `id` as the candidate.
pub(super) fn announce(hostcalls: &Hostcalls, key: &str, id: u32, now: Timestamp) {
    let mut bytes = [0; 12];
    let (candidate, time) = bytes.split_at_mut(4);
    candidate.copy_from_slice(&id.to_le_bytes());
    time.copy_from_slice(&now.micros().to_le_bytes());
    let _ = hostcalls.set_shared_data(&entry(key, "/candidate"), Some(&bytes), None);
}

/// Returns the candidate, if there is one.
pub(super) fn find(hostcalls: &Hostcalls, key: &str, now: Timestamp) -> Option<u32> {
    let (bytes, _) = hostcalls.get_shared_data(&entry(key, "/candidate")).ok()?;
    let announced = read_timestamp(bytes, 4);
    let is_recent = now.since(announced) <= TIMEOUT && announced.since(now) <= TIMEOUT;
    Some(read_u32(bytes, 0)).filter(|id| *id != 0 && is_recent)
}
