//! `nearmiss convert` loses nothing that a record rests on.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{TempDir, nearmiss};

/// Returns every file of fixtures: the arguments with which it is read, and its lines.
fn fixtures(scratch: &TempDir) -> Vec<(PathBuf, Vec<String>, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../formats/fixtures");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let header = |name| text.lines().find_map(|line| line.strip_prefix(name));
        let mut arguments = vec!["--format".to_owned(), header("# format: ").unwrap().to_owned()];
        if let Some(log_format) = header("# fields.log_format: ") {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let quoted = log_format.replace('\\', "\\\\").replace('"', "\\\"");
            let config = scratch.write(&name, format!(r#"{{"fields":{{"log_format":"{quoted}"}}}}"#));
            arguments.extend(["--config".to_owned(), config]);
        }
        let lines = text.lines().filter(|line| !line.starts_with("# ") && !line.starts_with("#\t"));
        let lines: String =
            lines.filter_map(|line| Some(line.splitn(4, '\t').nth(3)?.to_owned() + "\n")).collect();
        (path, arguments, lines)
    };
    files.into_iter().map(read).collect()
}

#[test]
fn replay_gives_the_same_records_for_converted_lines() {
    let scratch = TempDir::new();
    for (path, arguments, lines) in fixtures(&scratch) {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let run = |command: &[&str], input: &str| {
            String::from_utf8_lossy(&nearmiss(&[command, &["--quiet", "-"]].concat(), input).stdout)
                .into_owned()
        };
        let direct = run(&[&["replay"], arguments.as_slice()].concat(), &lines);
        let converted = run(&[&["convert"], arguments.as_slice()].concat(), &lines);
        let again = run(&["replay", "--format", "exchange"], &converted);
        assert!(!direct.is_empty() && direct == again, "{}:\n{direct}\n{again}", path.display());
    }
}

#[test]
fn all_lines_are_accounted_for_and_stay_in_order() {
    let input = r#"hello
[2026-11-23T08:00:01.000Z] "GET / HTTP/2" 503 UF,URX 154 0 226 100 "-" "a" "b" "c" "10.0.2.1:80"
[2026-11-23T08:00:00.000Z] "GET / HTTP/2" 200 - 154 0 26 20 "-" "Envoy/HC" "b" "c" "10.0.2.1:80"
[2026-11-23T08:00:00.000Z] "GET / HTTP/2" 200 - 154 0 x 20 "-" "a" "b" "c" "10.0.2.1:80"
{"log":"[2026-11-23T08:00:00.000Z] \"GET / HTTP/2\" 200 - 154 0 9 9 \"-\" \"a\" \"b\" \"c\" \"10.0.2.1:80\"","near_miss":{"upstream":"cart","fate":"retried"}}
[2026-11-23T08:00:00.500Z] "GET / HTTP/2" 200 - 154 7 26 20 "-" "a" "b" "c" "10.0.2.1:80"
"#;
    let output = nearmiss(&["convert", "-"], input);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        r#"{"ts":1795420801.226,"upstream":"envoy","status":503,"duration_ms":226,"host":"10.0.2.1:80","route":"other","attempts_unknown":true,"flags":"UF,URX","bytes":0}
{"ts":1795420800.009,"upstream":"cart","near_miss":"retried"}
{"ts":1795420800.526,"upstream":"envoy","status":200,"duration_ms":26,"host":"10.0.2.1:80","route":"other","attempts_unknown":true,"bytes":7}
"#
    );
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(log.contains("6 lines: 3 converted, 1 left out, 1 other, 1 unreadable"), "{log}");
    assert_eq!(output.status.code(), Some(2), "more than 5 % are unreadable");
}

#[test]
fn the_upstream_has_the_name_that_records_have() {
    let line = r#"{"ts":1795420800,"upstream":"outbound|80||cart.shop.svc","status":200,"duration_ms":2}"#;
    let output = nearmiss(&["convert", "-q", "--format", "exchange", "-"], line);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        text.trim(),
        r#"{"ts":1795420800,"upstream":"cart.shop.svc","status":200,"duration_ms":2,"attempts":1}"#
    );
}
