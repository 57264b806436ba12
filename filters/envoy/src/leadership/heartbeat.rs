//! The liveness of VMs: leader and followers write the current time to shared data on every tick.

use nearmiss::{Micros, Timestamp};

/// Lease timeout. A VM whose last heartbeat is older has failed: a leader is replaced, a follower's mailbox is reused.
const LEASE_TIMEOUT: Micros = Micros::from_seconds(30);

/// Returns true if a heartbeat is within the lease timeout. A heartbeat too far in the future counts as expired, so that a
/// clock that was set back does not keep a failed VM alive.
pub(super) fn is_recent(heartbeat: Timestamp, now: Timestamp) -> bool {
    now.since(heartbeat) <= LEASE_TIMEOUT && heartbeat.since(now) <= LEASE_TIMEOUT
}
