//! The access logs of the examples are in formats that the command line reads.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::nearmiss;

/// Returns the files below a folder that have this extension.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries
        .into_iter()
        .filter(|path| path.file_name().is_none_or(|name| name != "node_modules"))
        .flat_map(|path| match path.is_dir() {
            true => files(&path, extension),
            false => vec![path],
        })
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect()
}

/// Returns the log formats of a document: mappings below `json_format` (Envoy), `labels` (Istio) or `json` (Envoy Gateway).
fn log_formats(yaml: &str) -> Vec<Vec<(String, String)>> {
    let lines: Vec<&str> = yaml.lines().collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let is_heading = |line: &str| {
        let heading = line.split('#').next().unwrap_or_default().trim();
        ["json_format:", "labels:", "json:"].contains(&heading)
    };
    let is_format = |next: Option<&&str>| next.is_some_and(|line| line.contains(": \"%"));
    let starts =
        (0..lines.len()).filter(|index| is_heading(lines[*index]) && is_format(lines.get(index + 1)));
    starts
        .map(|start| {
            let below = lines[start + 1..].iter().take_while(|line| indent(line) > indent(lines[start]));
            below
                .map(|line| {
                    let (key, value) = line.trim().split_once(": ").expect("a key and a value");
                    (key.to_owned(), value.trim_matches('"').to_owned())
                })
                .collect()
        })
        .collect()
}

/// Returns what Envoy writes for a command of a JSON format: numbers as numbers, what is missing as `null`.
fn written(command: &str) -> &'static str {
    match command {
        "%START_TIME%" => r#""2026-11-23T08:00:00.500Z""#,
        "%REQ(:METHOD)%" => r#""GET""#,
        "%PROTOCOL%" => r#""HTTP/1.1""#,
        "%RESPONSE_CODE%" => "200",
        "%RESPONSE_FLAGS%" => r#""-""#,
        "%RESPONSE_CODE_DETAILS%" => r#""via_upstream""#,
        "%DURATION%" => "42",
        "%BYTES_SENT%" => "512",
        "%ROUTE_NAME%" => r#""everything""#,
        "%UPSTREAM_CLUSTER%" => r#""cart""#,
        "%UPSTREAM_HOST%" => r#""10.0.0.1:80""#,
        "%UPSTREAM_REQUEST_ATTEMPT_COUNT%" => "3",
        "%GRPC_STATUS%" | "%REQ(X-ENVOY-EXPECTED-RQ-TIMEOUT-MS)%" => "null",
        "%FILTER_STATE(wasm.nearmiss:PLAIN)%" => r#""retried;attempts=3;margin=50""#,
        other => panic!("the test does not know what Envoy writes for {other}"),
    }
}

/// Replays a line and returns the messages.
fn replay(line: &str) -> (Option<i32>, String) {
    let output = nearmiss(&["replay", "-"], &format!("{line}\n"));
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn the_log_format_of_every_example_is_read_by_replay() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut formats = 0;
    let documents = files(&root, "yaml").into_iter().chain(files(&root, "md"));
    for path in documents {
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("text_format"), "{}: JSON is the format that is read", path.display());
        for format in log_formats(&text) {
            formats += 1;
            let fields = format.iter().map(|(key, command)| format!("\"{key}\":{}", written(command)));
            let line = format!("{{{}}}", fields.collect::<Vec<_>>().join(","));
            let (code, log) = replay(&line);
            assert_eq!(code, Some(0), "{}: {line}\n{log}", path.display());
            assert!(log.contains("1 lines: 1 judged, 0 unreadable"), "{}: {log}", path.display());
            let row = log.lines().find(|row| row.starts_with("cart")).expect("a row");
            assert!(row.ends_with("retried 1"), "{}: {log}", path.display());
        }
    }
    assert!(formats >= 12, "{formats} formats");
}
