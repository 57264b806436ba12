//! Tests of the command line, which run the binary.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use core::time::Duration;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::Instant;

use common::{TempDir, nearmiss};

/// Returns an exchange line, `second` seconds after the start of the test's time range.
fn line(second: u32, upstream: &str, attempts: u32) -> String {
    format!(
        r#"{{"ts":{}.5,"upstream":"{upstream}","status":200,"duration_ms":12.5,"attempts":{attempts},"max_attempts":4}}"#,
        1_795_420_800 + second
    )
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Returns the exchange records on standard output.
fn records(output: &Output) -> Vec<String> {
    stdout(output).lines().filter(|line| line.contains(r#""type":"exchange""#)).map(str::to_owned).collect()
}

#[test]
fn records_go_to_standard_output_and_the_table_to_standard_error() {
    let input = [line(0, "cart", 1), line(1, "cart", 3), line(2, "ledger", 1)].join("\n");
    let output = nearmiss(&["replay", "--format", "exchange", "-"], &input);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let records = records(&output);
    assert_eq!(records.len(), 1, "{records:?}");
    assert!(records[0].contains(r#""upstream":"cart","fate":"retried","margin_bp":3334"#), "{records:?}");
    assert!(stdout(&output).contains(r#""type":"summary""#), "summaries are emitted at the end");
    let log = stderr(&output);
    assert!(log.contains("nearmiss: 3 lines: 3 judged, 0 unreadable"), "{log}");
    assert!(
        log.lines()
            .any(|row| row.starts_with("cart") && row.contains("50.00 %") && row.ends_with("retried 1")),
        "{log}"
    );
    assert!(!log.contains('\u{1b}'), "no colors without a terminal");
}

#[test]
fn unreadable_lines_are_counted_printed_and_decide_the_exit_code() {
    let mut lines: Vec<_> = (0..95).map(|second| line(second, "cart", 1)).collect();
    lines.extend((0..5).map(|_| "{\"ts\":1".to_owned()));
    let output = nearmiss(&["replay", "-f", "exchange", "-"], &lines.join("\n"));
    assert_eq!(output.status.code(), Some(0), "exactly five of a hundred are allowed");
    let log = stderr(&output);
    assert!(log.contains("nearmiss: -:96: the line is truncated"), "{log}");
    assert!(log.contains("-:98:") && !log.contains("-:99:"), "only the first three are printed: {log}");
    assert!(log.contains("100 lines: 95 judged, 5 unreadable"), "{log}");
    lines.push("hello".into());
    assert_eq!(nearmiss(&["replay", "-f", "exchange", "-"], &lines.join("\n")).status.code(), Some(2));
    let tolerant = nearmiss(&["replay", "-f", "exchange", "--max-bad", "10%", "-"], &lines.join("\n"));
    assert_eq!(tolerant.status.code(), Some(0));
    let none = nearmiss(&["replay", "-f", "exchange", "-"], "");
    assert_eq!(
        (none.status.code(), none.stdout.len()),
        (Some(0), 0),
        "an empty input has no unreadable lines"
    );
}

#[test]
fn only_prints_records_of_the_selected_types() {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/logs/shop.log.gz");
    let types = |arguments: &[&str]| {
        let output = nearmiss(&[&["replay", "-q", sample], arguments].concat(), "");
        assert!(output.status.success(), "{}", stderr(&output));
        let records = String::from_utf8(output.stdout).unwrap();
        ["exchange", "episode", "summary"]
            .map(|name| records.matches(&format!(r#"{{"schema":1,"type":"{name}","#)).count())
    };
    let [exchanges, episodes, summaries] = types(&[]);
    assert!(exchanges > 0 && episodes > 0 && summaries > 0);
    assert_eq!(types(&["--only", "episodes"]), [0, episodes, 0]);
    assert_eq!(types(&["--only", "exchanges,summaries"]), [exchanges, 0, summaries]);
    assert_eq!(types(&["--only", "summary", "--only", "exchange"]), [exchanges, 0, summaries]);

    let refused = nearmiss(&["replay", "--only", "episodes", "--annotate", sample], "");
    assert_eq!(refused.status.code(), Some(1));
}

#[test]
fn lines_with_verdicts_are_counted_as_relayed_and_not_judged_again() {
    let mut lines: Vec<_> = (0..20).map(|second| line(second, "cart", 1)).collect();
    lines.extend((20..30).map(|second| line(second, "cart", 3)));
    let annotated = stdout(&nearmiss(&["replay", "--annotate", "-"], &lines.join("\n")));
    // A clean exchange has no field in JSON lines; Envoy's own log writes `null`.
    let judged: Vec<_> =
        annotated
            .lines()
            .map(|line| {
                if line.contains("near_miss") {
                    line.into()
                } else {
                    line.replace('}', ",\"near_miss\":null}")
                }
            })
            .collect();
    let output = nearmiss(&["replay", "-"], &judged.join("\n"));
    assert_eq!(records(&output).len(), 0, "{}", stdout(&output));
    let out = stdout(&output);
    assert!(
        out.contains(r#""relayed":{"clean":20,"slow":0,"tight":0,"client_retried":0,"retried":10"#),
        "{out}"
    );
    assert!(out.contains(r#""fates":{"clean":0,"#), "{out}");
    let again = nearmiss(&["replay", "--annotate", "-"], &judged.join("\n"));
    assert_eq!(stdout(&again).trim_end(), judged.join("\n"), "lines pass through unchanged");
}

#[test]
fn records_of_several_runs_are_merged_into_records_of_the_fleet() {
    let replay = |source: &str, attempts: u32| {
        let lines: Vec<_> = (0..50).map(|second| line(second, "cart", 1 + attempts * (second % 2))).collect();
        stdout(&nearmiss(&["replay", "--source", source, "-"], &lines.join("\n")))
    };
    let dir = TempDir::new();
    let (a, b) = (dir.write("a.ndjson", replay("a", 1)), dir.write("b.ndjson", replay("b", 0)));
    let output = nearmiss(&["merge", &a, &b, &a], "");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let out = stdout(&output);
    assert!(
        out.contains(r#""fates":{"clean":75,"slow":0,"tight":0,"client_retried":0,"retried":25,"#),
        "{out}"
    );
    assert_eq!(out.lines().count(), 1, "{out}");
    let log = stderr(&output);
    let row = log.lines().find(|row| row.starts_with("cart")).unwrap();
    let cells: Vec<_> = row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
    assert_eq!(cells[..6], ["cart", "100", "75.00 %", "100.00 %", "25", "0"], "{log}");
    assert_eq!(cells[6..8], ["0", "0"], "rejected and abandoned: {log}");
    assert!(cells[8].ends_with(" ms") && cells[13] == "2", "{log}");
    let again = nearmiss(&["merge", "-"], &out);
    assert_eq!(stdout(&again), out, "merged records can be merged again");
    let other = nearmiss(&["merge", "-"], &out.replace(r#""schema":1"#, r#""schema":2"#));
    assert_eq!(other.status.code(), Some(2));
    assert!(
        stderr(&other).contains("-:1: schema 2 is not known; this nearmiss reads schema 1"),
        "{}",
        stderr(&other)
    );
    let twice = replay("a", 1) + &replay("a", 0);
    let log = stderr(&nearmiss(&["merge", "-q", "-"], &twice));
    assert!(log.contains("give each run its own name (`--source`)"), "{log}");
}

#[test]
fn malformed_lines_are_rejected_and_counted() {
    let long = format!(r#"{{"ts":1,"upstream":"{}","status":200,"duration_ms":1}}"#, "x".repeat(10 << 20));
    let input = format!("\n{long}\n{}\n{{\n\u{0}\n{}", &long[..5 << 20], line(1, "cart", 2));
    let output = nearmiss(&["replay", "-f", "exchange", "--max-bad", "100%", "-"], &input);
    let log = stderr(&output);
    assert!(log.contains("6 lines: 2 judged, 1 other, 3 unreadable"), "{log}");
    assert!(log.contains("-:1: not an access log line: empty line"), "{log}");
    assert!(log.contains("-:3: the line is truncated: expected a closing quote (byte 5242880)"), "{log}");
}

#[test]
fn every_input_line_is_accounted_for() {
    let (mut random, mut input) = (0x9e37_79b9_7f4a_7c15_u64, Vec::new());
    for second in 0..5_000 {
        let mut bytes = line(second, "cart", 1).into_bytes();
        random = random.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(1);
        let index = (random >> 33) as usize % bytes.len();
        match random >> 20 & 3 {
            0 => bytes[index] = (random >> 24) as u8,
            1 => bytes.truncate(index),
            2 => drop(bytes.remove(index)),
            _ => {}
        }
        bytes.push(b'\n');
        input.extend_from_slice(&bytes);
    }
    let dir = TempDir::new();
    let path = dir.write("a.log", &input);
    let log = stderr(&nearmiss(&["replay", "--max-bad", "100%", &path], ""));
    let report = log.lines().find(|row| row.contains(" judged, ")).unwrap();
    let numbers: Vec<usize> =
        report.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect();
    assert_eq!(numbers[0], input.iter().filter(|byte| **byte == b'\n').count(), "{report}");
    assert_eq!(numbers[0], numbers[1..].iter().sum::<usize>(), "{report}");
    assert!(numbers[1] > 1_000 && *numbers.last().unwrap() > 1_000, "{report}");
}

#[test]
fn compressed_files_read_like_plain_ones() {
    let dir = TempDir::new();
    let text: String = (0..500).map(|second| line(second, "cart", second % 3 + 1) + "\n").collect();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let zstd =
        ruzstd::encoding::compress_to_vec(text.as_bytes(), ruzstd::encoding::CompressionLevel::Fastest);
    let plain = nearmiss(&["replay", &dir.write("a.log", &text)], "");
    assert_eq!(records(&plain).len(), 333);
    for compressed in [dir.write("a.log.gz", gzip.finish().unwrap()), dir.write("a.log.zst", zstd)] {
        assert_eq!(stdout(&nearmiss(&["replay", &compressed], "")), stdout(&plain), "{compressed}");
    }
}

#[test]
fn several_files_are_merged_by_time() {
    let dir = TempDir::new();
    let (mut odd, mut even) = (String::new(), String::new());
    for second in 0..600 {
        let file = if second % 2 == 0 { &mut even } else { &mut odd };
        *file += &(line(second, "cart", 2) + "\n");
    }
    let whole: String = (0..600).map(|second| line(second, "cart", 2) + "\n").collect();
    let (odd, even) = (dir.write("odd", odd), dir.write("even", even));
    let merged = nearmiss(&["replay", &odd, &even], "");
    assert_eq!(stdout(&merged), stdout(&nearmiss(&["replay", "-"], &whole)));
}

#[test]
fn annotated_lines_keep_their_order_and_contain_the_record_byte_for_byte() {
    let text = r#"10.0.0.9 - - [23/Nov/2026:08:00:00 +0000] "GET /p HTTP/1.1" 200 612 "-" "a\x22b" rt=0.684 ua="10.0.0.1:80, 10.0.0.2:80" us="502, 200" ph="cart""#;
    let judged = line(3, "cart", 1).replace('}', r#","near_miss":"slow;ratio=4.1"}"#);
    let input =
        [line(0, "cart", 1), line(1, "cart", 3), text.into(), judged.clone(), "broken".into()].join("\n");
    let output = nearmiss(&["replay", "--annotate", "--max-bad", "50%", "-"], &input);
    let printed = stdout(&output);
    let lines: Vec<_> = printed.lines().collect();
    assert_eq!(lines.len(), 5, "{printed}");
    assert!(lines[0].ends_with(r#","near_miss":{"upstream":"cart","fate":"clean"}}"#), "{}", lines[0]);
    let records = records(&nearmiss(&["replay", "--max-bad", "50%", "-"], &input));
    assert_eq!(lines[1], line(1, "cart", 3).replace('}', &format!(r#","near_miss":{}}}"#, records[0])));
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    assert_eq!(lines[2], format!(r#"{{"log":"{escaped}","near_miss":{}}}"#, records[1]));
    assert_eq!(lines[3], judged, "the line already has a verdict");
    assert_eq!(lines[4], r#"{"log":"broken"}"#);
    assert!(stderr(&output).contains("5 lines: 4 judged, 1 other, 0 unreadable"), "{}", stderr(&output));
}

#[test]
fn only_selected_exchanges_are_judged() {
    let input: String = (0..60)
        .map(|second| line(second, if second % 2 == 0 { "cart" } else { "ledger" }, 2) + "\n")
        .collect();
    let judged =
        |arguments: &[&str]| records(&nearmiss(&[&["replay", "-"], arguments].concat(), &input)).len();
    assert_eq!(judged(&[]), 60);
    assert_eq!(judged(&["--upstream", "cart"]), 30);
    assert_eq!(judged(&["--upstream", "cart", "--upstream", "ledger"]), 60);
    assert_eq!(judged(&["--since", "2026-11-23T08:00:10Z"]), 50);
    assert_eq!(judged(&["--since", "2026-11-23T08:00:10Z", "--until", "1795420820"]), 10);
    let log = stderr(&nearmiss(&["replay", "-", "--upstream", "cart"], &input));
    assert!(log.contains("60 lines: 30 judged, 30 left out, 0 unreadable"), "{log}");
}

#[test]
fn a_configuration_changes_verdicts_and_an_invalid_one_is_rejected_with_its_field() {
    let dir = TempDir::new();
    let tight = dir.write("tight.json", r#"{"upstreams":{"cart":{"timeout":"13ms"}}}"#);
    let output = nearmiss(&["replay", "-", "--config", &tight], &line(0, "cart", 1));
    assert!(records(&output)[0].contains(r#""fate":"tight","margin_bp":385"#), "{}", stdout(&output));
    assert_eq!(nearmiss(&["check", "--config", &tight], "").status.code(), Some(0));
    for (wrong, why) in [
        (r#"{"tight_margin":"200%"}"#, "`tight_margin` is \"200%\""),
        (r#"{"envoy":{"modes":"lean"}}"#, "`envoy.modes` is not a field; there are attach, mode"),
        (r#"{"fluent_bit":{"mode":"all"}}"#, "`fluent_bit.mode` is \"all\"; it takes"),
        (r#"{"edge":{"header":1}}"#, "`edge.header` is 1; it takes true or false"),
        (r#"{"fields":{"colour":"x"}}"#, "`fields.colour` is not a field"),
        (r#"{"fields":{"log_format":"$status"}}"#, "invalid `fields.log_format`"),
        ("{", ""),
    ] {
        let wrong = dir.write("wrong.json", wrong);
        for arguments in [&["check", "--config", &wrong][..], &["replay", "-", "--config", &wrong]] {
            let output = nearmiss(arguments, "");
            assert_eq!(output.status.code(), Some(1));
            assert!(stderr(&output).contains(why), "{}", stderr(&output));
        }
    }
}

#[test]
fn check_explains_a_line_and_marks_the_position_of_an_error() {
    let output = nearmiss(&["check", &line(0, "outbound|9080||cart", 3)], "");
    let log = stdout(&output);
    for row in [
        "format      exchange",
        "ended       2026-11-23T08:00:00.500000Z",
        "upstream    cart:9080 (logged as outbound|9080||cart)",
        "attempts    3",
        "fate        retried",
        "margin      33.34 %",
        "unknown     host, route",
    ] {
        assert!(log.contains(row), "{row} in\n{log}");
    }
    let broken = nearmiss(&["check", r#"{"ts":1,"upstream":"cart","statuss":200}"#], "");
    assert_eq!(broken.status.code(), Some(1));
    assert!(stdout(&broken).contains("unknown field `statuss`"), "{}", stdout(&broken));
    let several = nearmiss(&["check", "-"], &[line(0, "a", 1), line(1, "b", 1)].join("\n"));
    assert_eq!(stdout(&several).matches("fate        clean").count(), 2);
    assert_eq!(nearmiss(&["check"], "").status.code(), Some(1));
}

#[test]
fn check_shows_the_sentence_of_a_record_without_its_escapes() {
    let mut known = line(0, "cart", 2);
    known.insert_str(
        known.len() - 1,
        r#","attempt_log":[{"host":"a\"b\\c","status":503},{"host":"d","status":200}]"#,
    );
    let log = stdout(&nearmiss(&["check", &known], ""));
    let row =
        r#"why         The exchange succeeded after 2 of 4 attempts: a"b\c 503 → d 200; look at a"b\c."#;
    assert!(log.contains(row), "{row} in\n{log}");
}

#[test]
fn a_closed_output_pipe_is_not_an_error() {
    let input: String = (0..20_000).map(|second| line(second, "cart", 2) + "\n").collect();
    let mut child = Command::new(env!("CARGO_BIN_EXE_nearmiss"))
        .args(["replay", "-q", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
}

#[test]
fn failures_are_explained_on_standard_error() {
    for (arguments, why) in [
        (&["replay", "/nonexistent/file"][..], "/nonexistent/file: "),
        (&["check", "access.log"], "access.log: No such file"),
        (&["replay", "."], ".: is a directory"),
        (&["replay", "-", "--format", "squid"], "unknown format; it takes auto exchange envoy"),
        (&["replay", "-", "--since", "soon"], "it takes a date"),
        (&["replay"], "FILE"),
        (&["frobnicate"], "frobnicate"),
    ] {
        let output = nearmiss(arguments, "");
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(stderr(&output).contains(why), "{arguments:?}: {}", stderr(&output));
    }
    for arguments in [&["--help"][..], &["replay", "--help"], &["--version"]] {
        let output = nearmiss(arguments, "");
        assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
        assert!(!output.stdout.is_empty());
    }
}

#[test]
fn watch_follows_a_file_through_rotation_and_truncation() {
    let dir = TempDir::new();
    let path = dir.write("access.log", line(0, "old", 2) + "\n");
    let records = dir.path("records");
    let mut child = Command::new(env!("CARGO_BIN_EXE_nearmiss"))
        .args(["watch", "--from-start", &path])
        .stdout(fs::File::create(&records).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for(&records, "\"upstream\":\"old\"");
    append(&path, &line(1, "grown", 2));
    wait_for(&records, "\"upstream\":\"grown\"");
    fs::rename(&path, dir.path("access.log.1")).unwrap();
    append(&dir.path("access.log.1"), &line(2, "late", 2));
    append(&path, &line(3, "rotated", 2));
    wait_for(&records, "\"upstream\":\"rotated\"");
    wait_for(&records, "\"upstream\":\"late\"");
    // A shorter file was emptied, also if it is looked at only when it has a line again.
    fs::write(&path, "").unwrap();
    append(&path, &line(4, "short", 2));
    wait_for(&records, "\"upstream\":\"short\"");
    let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    wait_for(&records, r#""type":"summary""#);
}

#[test]
fn watch_reads_standard_input_and_prints_records_while_it_is_idle() {
    let dir = TempDir::new();
    let (records, log) = (dir.path("records"), dir.path("log"));
    let mut child = Command::new(env!("CARGO_BIN_EXE_nearmiss"))
        .args(["watch", "-"])
        .stdin(Stdio::piped())
        .stdout(fs::File::create(&records).unwrap())
        .stderr(fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "{}", line(0, "first", 2)).unwrap();
    wait_for(&records, r#""upstream":"first""#);
    wait_for(&log, "read as exchange");
    let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
    assert_eq!(child.wait().unwrap().code(), Some(0), "a signal ends it although its input is open");
    wait_for(&records, r#""type":"summary""#);
    drop(stdin);
    let output = nearmiss(&["watch", "-"], &line(1, "piped", 2));
    assert_eq!(output.status.code(), Some(0), "so does the end of its input");
    assert!(stdout(&output).contains(r#""upstream":"piped""#));
    let refused = nearmiss(&["watch", "--tui", "-"], "");
    assert!(stderr(&refused).contains("give a file to follow instead of `-`"), "{}", stderr(&refused));
}

fn append(path: &str, line: &str) {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    writeln!(file, "{line}").unwrap();
}

fn wait_for(path: &str, what: &str) {
    let start = Instant::now();
    while !fs::read_to_string(path).unwrap().contains(what) {
        assert!(start.elapsed() < Duration::from_secs(60), "waited for {what}");
        sleep(Duration::from_millis(10));
    }
}

/// Returns the path of the module for Fluent Bit.
fn module() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dist/nearmiss-fluent-bit.wasm");
    assert!(path.exists(), "{} is missing; `make wasm` builds it", path.display());
    path.display().to_string()
}

#[test]
fn the_wasm_module_emits_the_same_records_as_the_native_code() {
    let dir = TempDir::new();
    let exchanges: String = (0..2_000)
        .map(|n| line(n / 10, ["cart", "search"][n as usize % 2], if n % 40 == 7 { 2 } else { 1 }) + "\n")
        .collect();
    let raw =
        fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/fluent-bit/access.log")).unwrap();
    let config = dir.write("nearmiss.json", r#"{"reorder":"5s","upstreams":{"cart":{"timeout":"13ms"}}}"#);
    for path in [dir.write("exchanges", exchanges), dir.write("raw", raw)] {
        let native = nearmiss(&["replay", "-q", "--config", &config, &path], "");
        let module = nearmiss(&["replay", "-q", "--config", &config, "--wasm", &module(), &path], "");
        assert!(module.status.success(), "{}", String::from_utf8_lossy(&module.stderr));
        let native = String::from_utf8(native.stdout).unwrap();
        let native = native.replace(r#""source":"replay""#, r#""source":"fluent-bit/0/0""#);
        let count = native.lines().count();
        assert!(count > 5 && native.contains("summary"), "{count} records");
        assert_eq!(String::from_utf8(module.stdout).unwrap(), native);
    }
}

#[test]
fn hosts_are_withheld_in_a_module_that_has_no_random_numbers_for_a_key() {
    let dir = TempDir::new();
    let mut failed = line(0, "cart", 2);
    failed.insert_str(failed.len() - 1, r#","host":"10.0.0.7:80""#);
    let config = dir.write("nearmiss.json", r#"{"hosts":"hashed"}"#);
    let log = stdout(&nearmiss(&["replay", "-q", "--config", &config, "--wasm", &module(), "-"], &failed));
    assert!(log.contains(r#""host":"host-withheld""#), "{log}");
}

#[test]
fn an_invalid_module_is_rejected_by_name() {
    let dir = TempDir::new();
    let path = dir.write("x.wasm", "no module");
    let output = nearmiss(&["replay", "--wasm", &path, "-"], "");
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && log.contains("x.wasm: "), "{log}");
}

#[test]
fn the_table_and_the_report_stay_small_with_20_000_upstreams() {
    const LINES: u32 = 20_000;
    /// Maximum number of upstreams in the table.
    const MAX_UPSTREAMS: u32 = 10_000;
    let dir = TempDir::new();
    let hostile =
        |number: u32| line(number / 20, &format!("{number}-{}", "x\\u001b[2J".repeat(60)), 1 + number % 2);
    let input: String = (0..LINES).map(|number| hostile(number) + "\n").collect();
    let config = dir.write("nearmiss.json", r#"{"max_upstreams":40}"#);
    let log = dir.write("access.log", &input);
    let output = nearmiss(&["replay", "--config", &config, &log], "");
    let table = stderr(&output);
    assert!(output.status.success() && table.lines().count() <= 60, "{}", table.lines().count());
    assert!(
        table.lines().all(|line| line.len() < 400 && !line.contains('\u{1b}')),
        "names are cut and escaped"
    );
    let other = table.lines().find(|line| line.starts_with("other ")).expect("a row for the rest");
    let exchanges: u32 = other.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert_eq!(exchanges, LINES - MAX_UPSTREAMS, "{other}");
    let records = stdout(&output);
    let summaries = records.lines().filter(|record| record.contains(r#""type":"summary""#));
    let names = summaries.filter_map(|summary| summary.split(r#""upstream":""#).nth(1)?.split('"').next());
    let names: std::collections::BTreeSet<_> = names.collect();
    assert!(names.len() == 41 && names.contains("other"), "{} upstreams have summaries", names.len());
    assert!(
        records.len() < 2 * input.len(),
        "{} bytes of records for {} of input",
        records.len(),
        input.len()
    );
    for name in ["report.html", "report.md"] {
        let report = dir.path(name);
        let report_run = nearmiss(&["report", "--config", &config, &log, "-o", &report], "");
        assert!(report_run.status.success(), "{}", stderr(&report_run));
        let text = fs::read_to_string(report).unwrap();
        assert!(
            text.len() < 400_000 && text.contains("other") && !text.contains('\u{1b}'),
            "{name}: {} bytes",
            text.len()
        );
    }
}

#[test]
fn a_filter_that_selects_nothing_is_answered_with_what_there_is() {
    let input = format!("{}\n{}\n", line(1, "cart", 1), line(9, "search", 1));
    for arguments in [["--upstream", "carts"], ["--since", "2027-01-01T00:00:00Z"]] {
        let log = stderr(&nearmiss(&["replay", arguments[0], arguments[1], "-"], &input));
        assert!(
            log.contains("from 2026-11-23 08:00:01 to 2026-11-23 08:00:09 UTC, on cart, search"),
            "{log}"
        );
    }
    let log = stderr(&nearmiss(&["replay", "--upstream", "cart", "-"], &input));
    assert!(!log.contains("nothing is selected"), "{log}");
}

#[test]
fn lines_out_of_order_are_warned_about() {
    let input = format!("{}\n{}\n{}\n", line(100, "cart", 1), line(85, "cart", 1), line(50, "cart", 1));
    let log = stderr(&nearmiss(&["replay", "-"], &input));
    assert!(log.contains("warning: lines out of order by more than 20 s: 1;"), "{log}");
}

#[test]
fn a_quiet_run_prints_warnings_and_nothing_else() {
    let input = format!("{}\n{}\n", line(100, "cart", 1), line(101, "cart", 2));
    for command in ["replay", "convert", "report"] {
        assert_eq!(stderr(&nearmiss(&[command, "-q", "-"], &input)), "", "{command}");
    }
    let unordered = format!("{input}{}\n", line(50, "cart", 1));
    for command in ["replay", "report"] {
        let log = stderr(&nearmiss(&[command, "-q", "-"], &unordered));
        assert!(
            log.starts_with("nearmiss: warning: lines out of order") && log.lines().count() == 1,
            "{log}"
        );
    }
    for command in ["replay", "convert", "report"] {
        let log = stderr(&nearmiss(&[command, "-q", "--upstream", "carts", "-"], &input));
        assert!(log.starts_with("nearmiss: nothing is selected") && log.lines().count() == 1, "{log}");
    }
}

#[test]
fn records_are_other_lines_and_the_commands_that_read_them_are_named() {
    let input = format!("{}\n", line(1, "cart", 2));
    let records = stdout(&nearmiss(&["replay", "-q", "-"], &input));
    for prefix in
        ["", "[2026-11-29 23:26:11.244][7][info][wasm] [context.cc:1151] wasm log nearmiss: nearmiss "]
    {
        let input: String = records.lines().map(|record| format!("{prefix}{record}\n")).collect();
        let output = nearmiss(&["replay", "-"], &input);
        let log = stderr(&output);
        assert!(log.contains("-:1: a record of nearmiss, not an exchange: `nearmiss report`"), "{log}");
        assert!(log.contains("2 lines: 0 judged, 2 other, 0 unreadable"), "{log}");
        assert!(!log.contains("known format") && output.status.code() == Some(2), "{log}");
    }
}

#[test]
fn several_formats_in_one_file_are_named() {
    let envoy = r#"[2026-11-23T08:00:01.500Z] "GET / HTTP/1.1" 200 - 0 10 12 11 "-" "curl" "id" "shop" "10.0.0.1:80""#;
    let log = stderr(&nearmiss(&["replay", "-"], &format!("{}\n{envoy}\n", line(1, "cart", 1))));
    assert!(log.contains("lines of several formats: envoy after exchange"), "{log}");
}

#[test]
fn a_format_that_shows_no_retries_is_named_with_what_to_log_instead() {
    let envoy = r#"[2026-11-23T08:00:01.500Z] "GET / HTTP/1.1" 200 - 0 10 12 11 "-" "curl" "id" "shop" "10.0.0.1:80""#;
    let log = stderr(&nearmiss(&["replay", "-"], &format!("{envoy}\n")));
    assert!(
        log.contains("envoy lines do not show retries; log JSON with %UPSTREAM_REQUEST_ATTEMPT_COUNT%"),
        "{log}"
    );
    let log = stderr(&nearmiss(&["replay", "-"], &format!("{}\n", line(1, "cart", 1))));
    assert!(!log.contains("do not show retries"), "{log}");
}

#[test]
fn a_compression_that_is_not_read_is_named_with_the_command_that_removes_it() {
    let directory = TempDir::new();
    for (name, magic, command) in [("xz", &b"\xfd7zXZ\0"[..], "xz -dc"), ("bzip2", b"BZh91AY", "bzip2 -dc")] {
        let output = nearmiss(&["replay", &directory.write(name, magic)], "");
        let log = stderr(&output);
        assert!(!output.status.success() && log.contains(name) && log.contains(command), "{log}");
    }
}

#[test]
fn a_configured_upstream_that_the_input_does_not_have_is_said() {
    let dir = TempDir::new();
    let config = dir.write("config.json", r#"{"upstreams":{"crat":{"max_attempts":3},"cart":{}}}"#);
    let input = format!("{}\n", line(1, "cart", 1));
    let log = stderr(&nearmiss(&["replay", "--config", &config, "-"], &input));
    assert!(log.contains("`upstreams.crat` of the configuration matches no upstream"), "{log}");
    assert!(!log.contains("upstreams.cart"), "{log}");
}

#[test]
fn health_checks_are_left_out_and_another_list_can_be_configured() {
    let log: String = ["kube-probe/1.31", "curl/8", "my-probe/2"]
        .map(|agent| {
            format!(
                "10.0.0.9 - - [23/Nov/2026:08:00:00 +0000] \"GET / HTTP/1.1\" 502 6 \"-\" \"{agent}\" rt=0.010 \
                 urt=\"0.010\" ua=\"10.0.0.1:80\" us=\"502\" upstream=\"cart\"\n"
            )
        })
        .concat();
    let output = nearmiss(&["replay", "-"], &log);
    assert!(stderr(&output).contains("3 lines: 2 judged, 1 left out"), "{}", stderr(&output));
    let dir = TempDir::new();
    let config = dir.write("config.json", r#"{"ignore":{"user_agents":["my-probe/","curl/"]}}"#);
    let output = nearmiss(&["replay", "-c", &config, "-"], &log);
    assert!(stderr(&output).contains("3 lines: 1 judged, 2 left out"), "{}", stderr(&output));
}

#[test]
fn times_are_relative_to_the_end_of_the_log() {
    let dir = TempDir::new();
    // An hour from 08:00 on, long ago.
    let text: String = (0..60).map(|minute| line(minute * 60, "cart", 2) + "\n").collect();
    let path = dir.write("access.log", &text);
    let judged = |arguments: &[&str]| records(&nearmiss(&[&["replay", &path], arguments].concat(), "")).len();
    assert_eq!(judged(&["--since", "10m"]), 11);
    assert_eq!(judged(&["--until", "10m ago"]), 49);
    assert_eq!(judged(&["--since", "08:30", "--until", "08:40"]), 10);
    assert_eq!(judged(&["--since", "2026-11-23 08:50"]), 10);
    let compressed = {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(text.as_bytes()).unwrap();
        dir.write("access.log.gz", gzip.finish().unwrap())
    };
    assert_eq!(records(&nearmiss(&["replay", &compressed, "--since", "10m"], "")).len(), 11);
    let report = nearmiss(&["report", &path, "--since", "10m", "--to", "markdown"], "");
    assert!(stdout(&report).contains("11 exchanges of 1 upstream"), "{}", stdout(&report));
    let wrong = nearmiss(&["replay", &path, "--since", "soon"], "");
    assert!(stderr(&wrong).contains("a time of day (20:00)"), "{}", stderr(&wrong));
}

#[test]
fn the_end_of_a_large_log_is_found_without_reading_all_of_it() {
    let dir = TempDir::new();
    let text: String = (0..9_000).map(|second| line(second, "cart", 2) + "\n").collect();
    assert!(text.len() > 512 << 10);
    let path = dir.write("access.log", &text);
    assert_eq!(records(&nearmiss(&["replay", &path, "--since", "10s"], "")).len(), 11);
}

#[test]
fn several_upstreams_can_be_named_with_commas() {
    let input = [line(0, "cart", 2), line(1, "search", 2), line(2, "blog", 2)].join("\n");
    let output = nearmiss(&["replay", "-", "--upstream", "cart,search"], &input);
    assert_eq!(records(&output).len(), 2, "{}", stderr(&output));
}

#[test]
fn traffic_too_short_for_episodes_is_said() {
    let input = |seconds: u32| (0..seconds).map(|second| line(second, "cart", 1) + "\n").collect::<String>();
    let log = stderr(&nearmiss(&["replay", "-"], &input(76))).replace('\u{202f}', " ");
    assert!(log.contains("Episodes need five minutes of traffic") && log.contains("1 min 15 s"), "{log}");
    let log = stderr(&nearmiss(&["replay", "-"], &input(400)));
    assert!(!log.contains("Episodes need"), "{log}");
    let report = stdout(&nearmiss(&["report", "--to", "markdown", "-"], &input(76)));
    assert!(report.contains("Episodes need five minutes of traffic"), "{report}");
}

#[test]
fn check_explains_the_first_lines_of_a_file() {
    let dir = TempDir::new();
    let text: String = (0..9).map(|second| line(second, &format!("cart-{second}"), 2) + "\n").collect();
    let path = dir.write("access.log", &text);
    let output = nearmiss(&["check", &path], "");
    let shown = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{shown}");
    assert!(shown.contains("upstream    cart-2") && !shown.contains("cart-3"), "{shown}");
    assert!(shown.contains("These are the first lines of"), "{shown}");
}

#[test]
fn watch_follows_several_files_and_ends_with_a_table() {
    let dir = TempDir::new();
    let (a, b) = (dir.write("a.log", ""), dir.write("b.log", ""));
    let (records, log) = (dir.path("records"), dir.path("log"));
    let mut child = Command::new(env!("CARGO_BIN_EXE_nearmiss"))
        .args(["watch", &a, &b, "--upstream", "cart"])
        .stdout(fs::File::create(&records).unwrap())
        .stderr(fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    wait_for(&log, "b.log from its end");
    append(&a, &line(0, "cart", 2));
    append(&a, &line(1, "search", 2));
    wait_for(&records, r#""attempts":2"#);
    append(&b, &line(2, "cart", 3));
    wait_for(&records, r#""attempts":3"#);
    let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let log = fs::read_to_string(&log).unwrap();
    assert!(log.contains("a.log: read as exchange"), "{log}");
    assert!(log.contains("3 lines: 2 judged, 1 left out, 0 unreadable"), "{log}");
    assert!(log.lines().any(|row| row.starts_with("cart") && row.ends_with("retried 2")), "{log}");
    let refused = nearmiss(&["watch", "--from-start", &a, &b], "");
    assert!(stderr(&refused).contains("`watch` reads one file from its start"), "{}", stderr(&refused));
}

#[test]
fn watch_reads_the_past_since_a_time() {
    let dir = TempDir::new();
    let text: String = (0..60).map(|minute| line(minute * 60, "cart", 2) + "\n").collect();
    let path = dir.write("access.log", &text);
    let out = dir.path("records");
    let mut child = Command::new(env!("CARGO_BIN_EXE_nearmiss"))
        .args(["watch", "--since", "10m", &path])
        .stdout(fs::File::create(&out).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for(&out, "2026-11-23T08:59:00");
    let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let records = fs::read_to_string(&out).unwrap();
    assert_eq!(records.matches(r#""type":"exchange""#).count(), 11, "{records}");
}

#[test]
fn an_input_without_a_known_format_has_no_empty_table() {
    let output = nearmiss(&["replay", "-"], "hello world\n");
    let log = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{log}");
    assert!(log.contains("no line is in a known format") && !log.contains("first try"), "{log}");
    let page = stdout(&nearmiss(&["report", "-q", "-"], "hello world\n"));
    assert!(page.contains("None of 1 line is in a known format."), "{page}");
}
