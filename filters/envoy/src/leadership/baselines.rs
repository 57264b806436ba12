//! The baselines that the leader publishes to all VMs.

use crate::proxy_wasm::hostcalls::Hostcalls;
use crate::shared_data::entry;
use nearmiss::Monitor;

/// Publishes the encoded baselines of the leader's monitor; returns false if the hostcall failed.
pub(super) fn publish(hostcalls: &Hostcalls, key: &str, baselines: &[u8]) -> bool {
    hostcalls.set_shared_data(&entry(key, "/baselines"), Some(baselines), None).is_ok()
}

/// Applies the published baselines to `monitor`, if there are any.
pub(super) fn apply(hostcalls: &Hostcalls, key: &str, monitor: &mut Monitor) {
    if let Ok((baselines, _)) = hostcalls.get_shared_data(&entry(key, "/baselines")) {
        // Baselines of another build are unreadable; the monitor then learns its own.
        let _ = monitor.apply_baseline(baselines);
    }
}
