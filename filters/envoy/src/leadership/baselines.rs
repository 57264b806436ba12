//! The baselines that the leader publishes to all VMs.

use crate::proxy_wasm::hostcalls::Hostcalls;
use alloc::format;
use alloc::vec::Vec;
use nearmiss::Monitor;

/// Publishes the baselines of the leader's monitor, encoded in `buffer`; returns false if the hostcall failed.
pub(super) fn publish_baseline(
    hostcalls: &Hostcalls,
    key: &str,
    monitor: &mut Monitor,
    buffer: &mut Vec<u8>,
) -> bool {
    monitor.publish_baseline(buffer);
    hostcalls.set_shared_data(&format!("{key}/baselines"), Some(buffer), None).is_ok()
}

/// Applies the published baselines to `monitor`, if there are any.
pub(super) fn apply_baseline(hostcalls: &Hostcalls, key: &str, monitor: &mut Monitor) {
    if let Ok((baselines, _)) = hostcalls.get_shared_data(&format!("{key}/baselines")) {
        // Baselines of another build are unreadable; the monitor then learns its own.
        let _ = monitor.apply_baseline(baselines);
    }
}
