//! Helpers of the tests.

use std::net::TcpListener;
use std::path::PathBuf;

use serde_json::Value;

/// Returns the path of the module, or of the file beside it that `MODULE` names: the module compiled ahead of time.
pub fn module() -> PathBuf {
    let module = artifact::fluent_bit_module();
    std::env::var_os("MODULE").map_or(module.clone(), |name| module.with_file_name(name))
}

/// Replaces the name of the module in a configuration.
pub fn with_module(document: &str) -> String {
    let name = module().file_name().unwrap().display().to_string();
    document.replace("nearmiss-fluent-bit.wasm", &name)
}

/// Returns a free port.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Returns the records in the output.
pub fn records(printed: &[String]) -> Vec<Value> {
    printed.iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Returns the error messages in the output.
pub fn errors(printed: &[String]) -> Vec<&String> {
    let is_error = |line: &&String| line.contains("[error]") || line.contains("nearmiss: ");
    printed.iter().filter(is_error).collect()
}
