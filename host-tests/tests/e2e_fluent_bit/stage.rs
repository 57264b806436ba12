//! What the tests have in common.

use std::net::TcpListener;
use std::path::PathBuf;

use host_tests::artifact;
use serde_json::Value;

/// The module, or what `MODULE` names beside it: the same, compiled ahead of time.
pub fn module() -> PathBuf {
    let module = artifact::fluent_bit_module();
    std::env::var_os("MODULE").map_or(module.clone(), |name| module.with_file_name(name))
}

/// A configuration in which `document` says so of [`module`].
pub fn with_module(document: &str) -> String {
    let name = module().file_name().unwrap().display().to_string();
    document.replace("nearmiss-fluent-bit.wasm", &name)
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The records among what was printed.
pub fn records(printed: &[String]) -> Vec<Value> {
    printed.iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// The lines that say that something went wrong.
pub fn complaints(printed: &[String]) -> Vec<&String> {
    let is_complaint = |line: &&String| line.contains("[error]") || line.contains("nearmiss: ");
    printed.iter().filter(is_complaint).collect()
}
