//! Runs the tests of the edge package in workerd, Node, Deno and Bun. The tests are the JavaScript files in
//! `host-tests/edge/tests`; their output has the format of cargo's tests.
//!
//! A word on the command line filters them, as with other tests: `cargo test -p e2e --test edge workerd`.

use std::path::Path;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let folder = artifact::root().join("host-tests/edge");
    assert!(
        folder.join("node_modules").is_dir(),
        "the runtimes of the edge tests are missing; `make edge-runtimes` installs them"
    );
    artifact::edge_package();
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let mut node = Command::new("node");
    node.current_dir(&folder).args([
        "--test",
        // With four runtimes at once, tests would exceed their timeouts.
        "--test-concurrency=1",
        "--test-timeout=240000",
        "--test-reporter=./support/libtest.mjs",
        "--test-reporter-destination=stdout",
    ]);
    for word in &words {
        node.arg(format!("--test-name-pattern={word}"));
    }
    let status = node.args(tests(&folder)).status();
    let status = status.unwrap_or_else(|error| panic!("node could not be started: {error}"));
    if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn tests(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder.join("tests")).expect("the folder of tests can be read");
    let mut paths: Vec<String> =
        entries.flatten().map(|entry| format!("tests/{}", entry.file_name().to_string_lossy())).collect();
    paths.sort();
    paths
}
