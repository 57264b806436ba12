//! Monitors of log lines.

use core::hash::BuildHasher;
use nearmiss::{Config, Feed, Monitor, SipKey};
use std::hash::RandomState;

/// Creates a monitor of log lines. Without `hosts_key` hashes of hosts have a random key, which differs from run to run.
pub(crate) fn new(config: Config, source: &str) -> Monitor {
    let mut monitor = Monitor::new(config, Feed::Log, source);
    monitor.set_hosts_key(random_key());
    monitor
}

/// Says which configured upstreams had no exchange in the whole input: most of them are misspelled.
pub(crate) fn print_unmatched(monitor: &Monitor) {
    for name in monitor.unmatched_upstreams() {
        eprintln!("nearmiss: `upstreams.{name}` of the configuration matches no upstream of the input");
    }
}

/// Returns a key from the random numbers that the standard library draws for its hash maps.
fn random_key() -> SipKey {
    SipKey::derive(&[0, 1].map(|half: u64| RandomState::new().hash_one(half).to_le_bytes()).concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_two_monitors_differ() {
        assert_ne!(random_key(), random_key());
    }

    #[test]
    fn a_monitor_has_a_key_for_hashed_hosts() {
        let config = Config::parse(r#"{"hosts":"hashed"}"#).expect("a configuration");
        assert!(!new(config, "test").lacks_hosts_key());
    }
}
