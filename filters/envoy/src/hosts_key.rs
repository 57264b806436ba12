//! The key of host hashes that all VMs of one `vm_id` share, for a configuration without `hosts_key`.
//!
//! The first VM that needs the key draws a random secret and writes it to shared data; every other VM reads it there.

use crate::proxy_wasm::hostcalls::Hostcalls;
use nearmiss::SipKey;

/// The key's entry in shared data.
const ENTRY: &str = "nearmiss.hosts_key";
/// A version that no entry has: Envoy creates an entry that is missing, and refuses to change one of another version.
/// Therefore a write with this version never replaces a secret that another VM has written in between.
const CREATE_ONLY: u32 = u32::MAX;

/// Returns the key of all VMs, or one of this VM alone without shared data; `None` if Envoy has no random numbers.
pub(crate) fn shared(hostcalls: &Hostcalls) -> Option<SipKey> {
    let secret = stored(hostcalls).or_else(|| create(hostcalls))?;
    Some(SipKey::derive(&secret))
}

fn stored(hostcalls: &Hostcalls) -> Option<[u8; 16]> {
    let (secret, _) = hostcalls.get_shared_data(ENTRY).ok()?;
    secret.try_into().ok()
}

fn create(hostcalls: &Hostcalls) -> Option<[u8; 16]> {
    let own = hostcalls.random_bytes().ok()?;
    // Fails if another VM was faster; its secret is read below.
    let _ = hostcalls.set_shared_data(ENTRY, Some(&own), Some(CREATE_ONLY));
    Some(stored(hostcalls).unwrap_or(own))
}
