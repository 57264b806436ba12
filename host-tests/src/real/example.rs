//! A configuration out of `examples/`, started as it stands.

use std::fs;

use super::{Envoy, Origin, Start};
use crate::artifact;

/// The hosts' ports in every example: two, and a spare.
const HOSTS: [&str; 3] = ["8081", "8082", "8090"];

/// A file of the repository, by its path from the root.
///
/// # Panics
///
/// If it is not there.
pub fn shipped(path: &str) -> String {
    fs::read_to_string(artifact::root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Starts an example's Envoy.
///
/// # Panics
///
/// If it does not come up.
pub fn example(path: &str) -> (Envoy, Vec<Origin>) {
    let (document, hosts) = example_document(path);
    (Start::new().run_document(&document), hosts)
}

/// An example as it stands; only its ports and its module's place are ours.
///
/// # Panics
///
/// If it is not built like the others.
pub fn example_document(path: &str) -> (String, Vec<Origin>) {
    let mut document = shipped(path);
    let hosts = Origin::several(HOSTS.len());
    let mut replace = |from: &str, to: String| {
        assert!(document.contains(from), "{path} has no `{from}`");
        document = document.replace(from, &to);
    };
    replace("dist/nearmiss-envoy.wasm", artifact::envoy_module().display().to_string());
    for port in ["10000", "9901"] {
        replace(&format!("port_value: {port}"), "port_value: 0".to_owned());
    }
    for (port, host) in HOSTS.iter().zip(&hosts) {
        replace(&format!("port_value: {port}"), format!("port_value: {}", host.port));
    }
    // Histograms are merged when statistics are flushed: every five seconds, unless told otherwise.
    document.push_str("\nstats_flush_interval: 0.2s\n");
    (document, hosts)
}
