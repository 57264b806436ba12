//! Throughput of the command line, compared with goaccess and `ag` on the same nginx log and one core; memory over a
//! long stream.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::fixture_logs::FixtureLog;
use super::sample_logs::{exchange_line, nginx_line};
use super::{Row, Samples, Selection, Spread, cpu_time_of_children, interleaved};
use real::TempDir;

/// Lines per file.
const LINES: u64 = 1_000_000;
/// Lines of the stream for the memory row.
const LONG: u64 = 10_000_000;
/// Lines per file of one format.
const LINES_OF_FORMAT: u64 = 100_000;
const ROUNDS: usize = 5;
/// The row that others are compared with.
const BASELINE: &str = "lines/nginx";

/// One run of a program over a file.
struct CliRun {
    name: String,
    what: String,
    command: Vec<String>,
    lines: u64,
}

/// Measures the selected rows.
pub fn run(selection: &Selection) {
    if !selection.wants("lines") {
        return;
    }
    let folder = TempDir::new("bench");
    let path = |name: &str| folder.path().join(name).display().to_string();
    write(&path("exchange.ndjson"), exchange_line);
    write(&path("nginx.log"), nginx_line);
    keep_records(&path("nginx.log"), &path("records.ndjson"));
    let wanted = |name: &str| name == BASELINE || selection.wants(name);
    let mut cases: Vec<_> = cases(folder.path()).into_iter().filter(|case| wanted(&case.name)).collect();
    for log in FixtureLog::all() {
        let name = format!("lines/format/{}", log.format);
        if wanted(&name) {
            let file = path(&log.format);
            log.write(Path::new(&file), LINES_OF_FORMAT);
            let words = ["replay", "-q", "-f", &log.format, &file].map(str::to_owned);
            let command = std::iter::once(nearmiss().display().to_string()).chain(words).collect();
            cases.push(CliRun { name, what: log.format, command, lines: LINES_OF_FORMAT });
        }
    }
    cases.retain(CliRun::runs);
    let samples = interleaved(ROUNDS, &mut cases, |case| case.cpu_seconds());
    let baseline =
        cases.iter().zip(&samples).find(|(case, _)| case.name == BASELINE).map(|(_, samples)| samples);
    for (case, seconds) in cases.iter().zip(&samples) {
        case.print(seconds, baseline.unwrap_or(seconds));
    }
    if selection.wants("lines/report/page") {
        let size = fs::metadata(path("report.html")).map_or(f64::NAN, |page| page.len() as f64 / 1_024.0);
        Row::of("lines/report/page", "the report page", "KiB", Spread::exact(size.round())).print();
    }
    if selection.wants("lines/memory") {
        memory();
    }
}

fn nearmiss() -> PathBuf {
    artifact::root().join("target/native/nearmiss")
}

fn cases(folder: &Path) -> Vec<CliRun> {
    let path = |name: &str| folder.join(name).display().to_string();
    let (nearmiss, nginx, page) = (nearmiss().display().to_string(), path("nginx.log"), path("report.html"));
    let agrind = artifact::root().join("target/tools/bin/agrind").display().to_string();
    let replay = [nearmiss.as_str(), "replay", "-q", "-f"];
    let report = [nearmiss.as_str(), "report", "-q", "-o", &page, "-f", "nginx"];
    let exchange = path("exchange.ndjson");
    let case = |name: &str, what: &str, program: &[&str], arguments: &[&str]| {
        let command = program.iter().chain(arguments).map(|word| (*word).to_owned()).collect();
        CliRun { name: name.into(), what: what.into(), command, lines: LINES }
    };
    vec![
        case(BASELINE, "nginx", &replay, &["nginx", &nginx]),
        case("lines/exchange", "exchange lines", &replay, &["exchange", &exchange]),
        case("lines/auto", "nginx, format detected", &replay, &["auto", &nginx]),
        case("lines/annotate", "nginx, annotated", &replay, &["nginx", &nginx, "--annotate"]),
        case("lines/records", "their records, report on a page", &report, &[&path("records.ndjson")]),
        case("lines/report", "nginx, report on a page", &report, &[&nginx]),
        case(
            "lines/goaccess",
            "goaccess, the same log",
            &["goaccess"],
            &[
                &nginx,
                "--no-global-config",
                "--log-format=%h %^[%d:%t %^] \"%r\" %s %b \"%R\" \"%u\" %^",
                "--date-format=%d/%b/%Y",
                "--time-format=%T",
                "-o",
                &path("goaccess.json"),
                "--no-progress",
            ],
        ),
        case(
            "lines/ag",
            "`ag`, count by upstream status, the same log",
            &[&agrind],
            &["--file", &nginx, r#"* | parse "us=\"*\"" as us | count by us"#],
        ),
    ]
}

impl CliRun {
    /// Returns true if the program runs here; otherwise prints a row with the reason.
    fn runs(&self) -> bool {
        let ended = self.start();
        let why = match &ended {
            Ok(status) if status.success() => return true,
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        Row::missing(&self.name, &self.what, &why).print();
        false
    }

    fn start(&self) -> std::io::Result<std::process::ExitStatus> {
        Command::new("taskset")
            .args(["-c", "1"])
            .args(&self.command)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
    }

    fn cpu_seconds(&self) -> f64 {
        let before = cpu_time_of_children();
        let ended = self.start();
        assert!(ended.is_ok_and(|status| status.success()), "{} ran before", self.what);
        (cpu_time_of_children() - before).as_secs_f64() * LINES as f64 / self.lines as f64
    }

    fn print(&self, seconds: &Samples, baseline: &Samples) {
        let what = format!("a million lines: {}", self.what);
        let row = Row::of(&self.name, &what, "CPU s", seconds.spread());
        if self.name == BASELINE {
            row
        } else {
            row.with_ratio("nginx by `nearmiss`", seconds.ratio_to(baseline))
        }
        .print();
    }
}

/// Replays a log into a file of records.
fn keep_records(log: &str, records: &str) {
    let out = File::create(records).expect("a folder of our own can be written");
    let status = Command::new(nearmiss())
        .args(["replay", "-q", "-f", "nginx", log])
        .stdout(out)
        .stderr(Stdio::null())
        .status();
    assert!(status.is_ok_and(|status| status.success()), "the log can be replayed");
}

/// Feeds a long stream and compares memory in its last quarter with its first.
fn memory() {
    let mut child = Command::new(nearmiss())
        .args(["replay", "-q", "-f", "exchange", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("nearmiss starts");
    let mut stdin = BufWriter::with_capacity(1 << 20, child.stdin.take().expect("a pipe"));
    let (mut first, mut last, mut text) = (0.0_f64, 0.0_f64, String::new());
    for number in 0..LONG {
        text.clear();
        exchange_line(&mut text, number);
        stdin.write_all(text.as_bytes()).expect("nearmiss reads");
        if number.is_multiple_of(10_000) {
            let resident = resident_kib(child.id());
            match number * 4 / LONG {
                0 => first = first.max(resident),
                3 => last = last.max(resident),
                _ => {}
            }
        }
    }
    drop(stdin);
    drop(child.wait());
    Row::of(
        "lines/memory",
        "resident memory in the last quarter of ten million lines",
        "KiB",
        Spread::exact(last),
    )
    .with_ratio("the first quarter", Spread::exact(last / first))
    .print();
}

/// Returns the resident memory of a process in KiB.
fn resident_kib(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

fn write(path: &str, line: fn(&mut String, u64)) {
    let mut file = BufWriter::new(File::create(path).expect("a folder of our own can be written"));
    let mut text = String::new();
    for number in 0..LINES {
        text.clear();
        line(&mut text, number);
        file.write_all(text.as_bytes()).expect("room on the disk");
    }
}
