//! The identities of plugins, VMs and instances.

use crate::proxy_wasm::hostcalls::Hostcalls;
use crate::query::name;
use crate::shared_data::{entry, increment};
use alloc::format;
use alloc::string::String;
use nearmiss::Timestamp;

/// The shared counter that distinguishes the instances of one Envoy.
const INSTANCES: &str = "nearmiss.instances";

/// Returns the identity of a plugin, `name/root_id`. It stays the same across configuration updates.
pub(crate) fn plugin(hostcalls: &Hostcalls) -> String {
    let part = |path| name(hostcalls.get_property(path)).unwrap_or_default();
    format!("{}/{}", part("plugin_name"), part("plugin_root_id"))
}

/// Returns an id that no other VM of the plugin has.
pub(crate) fn vm(hostcalls: &Hostcalls, key: &str, now: Timestamp) -> u32 {
    // Two VMs may create the counter at the same time and get the same number; the time then distinguishes them.
    let number = increment(hostcalls, &entry(key, "/ids"));
    let salt = (now.micros() ^ now.micros() >> 16) as u32 & 0xffff;
    (number << 16 | salt).max(1)
}

/// Returns the source of summaries, `node/instance/start`: it identifies this run of this instance. Replicas may have one node id, and VMs
/// of different `vm_id`s count their instances apart, so the instance is that count below a random number.
pub(crate) fn source(hostcalls: &Hostcalls, start: Timestamp) -> String {
    let node = name(hostcalls.get_property("xds\0node\0id")).unwrap_or("envoy");
    let random = hostcalls.random_bytes::<4>().map_or(0, u32::from_le_bytes);
    let instance = u64::from(random) << 16 | u64::from(increment(hostcalls, INSTANCES) & 0xffff);
    format!("{node}/{instance:x}/{}", start.seconds())
}
