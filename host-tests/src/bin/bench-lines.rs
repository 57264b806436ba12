//! Lines a second of the command line, beside goaccess and `ag`, on the same nginx log and one core:
//! `bench-lines NEARMISS [AGRIND]`. And whether its memory grows over a long stream.

use host_tests::proxies::Folder;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Lines of each file.
const LINES: u64 = 1_000_000;
/// Lines of the stream over which memory is watched.
const LONG: u64 = 10_000_000;
/// How often each program runs; the fastest counts.
const ROUNDS: usize = 3;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let nearmiss = arguments.next().expect("the path of nearmiss");
    let agrind = arguments.next();
    let folder = Folder::new();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (exchange, nginx) = (path("exchange.ndjson"), path("nginx.log"));
    write(&exchange, exchange_line);
    write(&nginx, nginx_line);

    println!(
        "lines a second on one core, best of {ROUNDS}, {LINES} lines each, by CPU time (wall time behind)"
    );
    let replay = |file: &str, format: &str| {
        vec!["replay".into(), "-q".into(), "-f".into(), format.into(), file.into()]
    };
    report("nearmiss, exchange lines", &nearmiss, &replay(&exchange, "exchange"));
    report("nearmiss, nginx", &nearmiss, &replay(&nginx, "nginx"));
    report("nearmiss, nginx, auto", &nearmiss, &replay(&nginx, "auto"));
    let mut annotate = replay(&nginx, "nginx");
    annotate.push("--annotate".into());
    report("nearmiss, nginx, annotated", &nearmiss, &annotate);
    let page = path("report.html");
    let told = |source: &str| ["report", "-q", "-f", "nginx", source, "-o", &page].map(str::to_owned);
    report("nearmiss, nginx, told on a page", &nearmiss, &told(&nginx));
    let records = path("records.ndjson");
    keep_records(&nearmiss, &nginx, &records);
    report("nearmiss, its records, told alike", &nearmiss, &told(&records));
    println!("the page: {} KiB", fs::metadata(&page).map_or(0, |page| page.len() / 1024));
    let goaccess = [
        &nginx,
        "--no-global-config",
        "--log-format=%h %^[%d:%t %^] \"%r\" %s %b \"%R\" \"%u\" %^",
        "--date-format=%d/%b/%Y",
        "--time-format=%T",
        "-o",
        &path("goaccess.json"),
        "--no-progress",
    ];
    report("goaccess, same nginx log", "goaccess", &goaccess.map(str::to_owned));
    match agrind {
        Some(agrind) => {
            let query = r#"* | parse "us=\"*\"" as us | count by us"#;
            let ag = ["--file", &nginx, query].map(str::to_owned);
            report("ag, same nginx log, count by us", &agrind, &ag);
        }
        None => println!("ag: not installed"),
    }
    memory(&nearmiss);
}

/// Replays a log into a file of records.
fn keep_records(nearmiss: &str, log: &str, records: &str) {
    let out = File::create(records).expect("a folder of our own can be written");
    let status = Command::new(nearmiss)
        .args(["replay", "-q", "-f", "nginx", log])
        .stdout(out)
        .stderr(Stdio::null())
        .status();
    assert!(status.is_ok_and(|status| status.success()), "the log can be replayed");
}

/// Runs `program` on one core and says how many lines a second that is.
fn report(name: &str, program: &str, arguments: &[String]) {
    let (mut best, mut wall) = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        let (start, used) = (Instant::now(), used_by_children());
        let status = Command::new("taskset")
            .args(["-c", "1", program])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        match status {
            Ok(status) if status.success() => {
                best = best.min(used_by_children() - used);
                wall = wall.min(start.elapsed().as_secs_f64());
            }
            other => {
                println!("{name}: did not run: {other:?}");
                return;
            }
        }
    }
    println!("{name:34} {:>10.0}  {best:.2} s  ({wall:.2} s)", LINES as f64 / best);
}

/// Seconds of CPU time that processes have used that were started and waited for.
fn used_by_children() -> f64 {
    // SAFETY: a struct of plain numbers may be all zeroes, and getrusage writes only into it.
    let usage = unsafe {
        let mut usage = std::mem::zeroed::<libc::rusage>();
        libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage);
        usage
    };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

/// Feeds a long stream and compares memory in its last quarter with its first.
fn memory(nearmiss: &str) {
    let mut child = Command::new(nearmiss)
        .args(["replay", "-q", "-f", "exchange", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("nearmiss starts");
    let mut stdin = BufWriter::with_capacity(1 << 20, child.stdin.take().expect("a pipe"));
    let (mut first, mut last, mut text) = (0, 0, String::new());
    for number in 0..LONG {
        text.clear();
        exchange_line(&mut text, number);
        stdin.write_all(text.as_bytes()).expect("nearmiss reads");
        if number.is_multiple_of(10_000) {
            let resident = resident(child.id());
            match number * 4 / LONG {
                0 => first = first.max(resident),
                3 => last = last.max(resident),
                _ => {}
            }
        }
    }
    drop(stdin);
    let _ = child.wait();
    println!(
        "resident memory over {LONG} lines: {first} KiB in the first quarter, {last} KiB in the last ({:+} KiB)",
        last as i64 - first as i64
    );
}

/// KiB of a process that are in memory.
fn resident(pid: u32) -> u64 {
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

const UPSTREAMS: [&str; 12] =
    ["cart", "ledger", "search", "user", "mail", "auth", "stock", "price", "img", "cms", "tax", "geo"];

/// What line `number` is about: upstream, host, milliseconds, attempts, status. One in a hundred was retried, one
/// in five hundred failed.
fn story(number: u64) -> (&'static str, u64, u64, u32, u16) {
    let noise = (number ^ number >> 7).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
    let upstream = UPSTREAMS[(noise % 12) as usize];
    let status = if noise % 500 == 7 { 503 } else { 200 };
    let attempts = if noise % 100 == 3 { 2 } else { 1 };
    (upstream, noise / 12 % 9 + 1, 5 + noise / 128 % 40, attempts, status)
}

fn exchange_line(text: &mut String, number: u64) {
    let (upstream, host, millis, attempts, status) = story(number);
    let (seconds, micros) = (1_795_420_800 + number / 1_000, number % 1_000 * 1_000);
    let _ = write!(
        text,
        r#"{{"ts":{seconds}.{micros:06},"upstream":"{upstream}","host":"10.0.0.{host}:80","route":"r{}","status":{status},"duration_ms":{millis}.25"#,
        number % 5
    );
    if attempts > 1 {
        let _ = write!(
            text,
            r#","attempts":2,"attempt_log":[{{"host":"10.0.0.77:80","status":503,"duration_ms":3.1}},{{"host":"10.0.0.{host}:80","status":{status},"duration_ms":{millis}}}]"#
        );
    }
    text.push_str("}\n");
}

fn nginx_line(text: &mut String, number: u64) {
    let (upstream, host, millis, attempts, status) = story(number);
    let seconds = number / 1_000 % 3_600;
    let (first, code, time) =
        if attempts > 1 { ("10.0.0.77:80, ", "502, ", "0.001, ") } else { ("", "", "") };
    let _ = writeln!(
        text,
        r#"10.0.0.9 - - [23/Nov/2026:08:{:02}:{:02} +0000] "GET /p/{} HTTP/1.1" {status} {} "-" "Mozilla/5.0 (X11; Linux x86_64) curl/8" rt=0.{millis:03} uct="{time}0.001" uht="{time}0.{millis:03}" urt="{time}0.{millis:03}" ua="{first}10.0.0.{host}:80" us="{code}{status}" ucs="-" upstream="{upstream}""#,
        seconds / 60,
        seconds % 60,
        number % 977,
        millis * 31
    );
}
