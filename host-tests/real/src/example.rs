//! Starts the configurations in `examples/`.

use std::fs;

use super::{Envoy, EnvoyCommand, Origin};

/// Ports of the hosts in every example: two hosts and a fallback.
const HOSTS: [&str; 3] = ["8081", "8082", "8090"];

/// Reads a file of the repository by its path from the root.
///
/// # Panics
///
/// If there is no such file.
pub fn repository_file(path: &str) -> String {
    fs::read_to_string(artifact::root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Starts Envoy with an example.
///
/// # Panics
///
/// If Envoy does not start.
pub fn start_example(path: &str) -> (Envoy, Vec<Origin>) {
    let (document, hosts) = example_document(path);
    (EnvoyCommand::new().run_document(&document), hosts)
}

/// Returns an example with its ports and the path of its module replaced, and the origins behind it.
///
/// # Panics
///
/// If the example lacks one of them.
pub fn example_document(path: &str) -> (String, Vec<Origin>) {
    let mut document = repository_file(path);
    let hosts = Origin::several(HOSTS.len());
    let is_native = document.contains("libnearmiss_envoy.so");
    let mut replace = |from: &str, to: String| {
        assert!(document.contains(from), "{path} has no `{from}`");
        document = document.replace(from, &to);
    };
    let (module, built) = match is_native {
        true => ("dist/libnearmiss_envoy.so", artifact::native_module()),
        false => ("dist/nearmiss-envoy.wasm", artifact::envoy_module()),
    };
    replace(module, built.display().to_string());
    for port in ["10000", "9901"] {
        replace(&format!("port_value: {port}"), "port_value: 0".to_owned());
    }
    for (port, host) in HOSTS.iter().zip(&hosts) {
        replace(&format!("port_value: {port}"), format!("port_value: {}", host.port));
    }
    // Histograms are merged when statistics are flushed, by default every five seconds.
    document.push_str("\nstats_flush_interval: 0.2s\n");
    (document, hosts)
}
