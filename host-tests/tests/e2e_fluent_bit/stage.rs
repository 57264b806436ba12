//! What the tests have in common.

use std::net::TcpListener;

use serde_json::Value;

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
