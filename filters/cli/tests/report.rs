//! Tests of the report: the page in a real Chromium, hostile names, and numbers checked against the records.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;

use core::fmt::Write as _;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use common::{TempDir, nearmiss};

/// 2026-11-23 08:00:00 UTC.
const START: u64 = 1_795_420_800;

/// Runs a command that must succeed and returns its standard output.
fn stdout_of(arguments: &[&str], input: &str) -> String {
    let output = nearmiss(arguments, input);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Returns exchanges of three upstreams over two hours: the host `cart-7` of one upstream fails for ten minutes, one
/// upstream has a fallback, and one has no problems.
fn traffic() -> &'static str {
    static TRAFFIC: OnceLock<String> = OnceLock::new();
    TRAFFIC.get_or_init(|| {
        let mut lines = String::new();
        for number in 0_u64..21_600 {
            let ts = START * 1_000 + number * 1_000 / 3;
            let noise = (number ^ (number >> 7)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
            let (upstream, host) = (["cart", "ledger", "search"][(noise % 3) as usize], noise / 3 % 8);
            let millis = 10 + noise / 64 % 30;
            let _ = write!(
                lines,
                r#"{{"ts":{}.{:03},"upstream":"{upstream}","host":"{upstream}-{host}","timeout_ms":100,"max_attempts":3,"#,
                ts / 1_000,
                ts % 1_000
            );
            let bad = upstream == "cart" && host == 7 && (4_000..4_600).contains(&(number / 3));
            let rest_of_line = match number {
                _ if bad => format!(
                    r#""status":200,"duration_ms":{},"attempts":2,"attempt_log":[{{"host":"cart-7","status":503,"duration_ms":5}},{{"host":"cart-1","status":200,"duration_ms":{millis}}}]}}"#,
                    millis + 5
                ),
                _ if number % 211 == 0 => r#""status":503,"duration_ms":9,"attempts":3}"#.to_owned(),
                _ if number % 97 == 0 => r#""status":200,"duration_ms":96,"attempts":1}"#.to_owned(),
                _ if number % 307 == 0 => r#""status":0,"duration_ms":50,"attempts":1,"aborted":true}"#.to_owned(),
                _ if upstream == "ledger" && number % 13 == 0 => {
                    format!(r#""status":200,"duration_ms":{millis},"attempts":1,"fallback":"fallback"}}"#)
                }
                _ => format!(r#""status":200,"duration_ms":{millis},"attempts":1}}"#),
            };
            lines.push_str(&rest_of_line);
            lines.push('\n');
        }
        lines
    })
}

/// Returns the records that `replay` emits for [`traffic`].
fn records() -> &'static str {
    static RECORDS: OnceLock<String> = OnceLock::new();
    RECORDS.get_or_init(|| stdout_of(&["replay", "-q", "-f", "exchange", "-"], traffic()))
}

/// Sums of an upstream's summaries, computed independently of the code under test.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    exchanges: u64,
    judged: u64,
    first_try: u64,
    near: u64,
    failed: u64,
}

impl Sums {
    fn add(&mut self, summary: &Value) {
        let fates: u64 =
            summary["fates"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
        let (clean, failed) =
            (summary["fates"]["clean"].as_u64().unwrap(), summary["fates"]["failed"].as_u64().unwrap());
        self.exchanges += fates;
        self.judged += fates - summary["signals"]["aborted"].as_u64().unwrap_or(0);
        self.first_try += summary["first_try"].as_u64().unwrap();
        self.near += fates - clean - failed;
        self.failed += failed;
    }

    /// Returns the cells of the ranking as the page prints them, by `data-k`.
    fn cells(self) -> BTreeMap<String, String> {
        let cells = [
            ("exchanges", grouped(self.exchanges)),
            ("first", percent(self.first_try, self.judged)),
            ("last", percent(self.judged - self.failed, self.judged)),
            ("near", grouped(self.near)),
            ("failed", grouped(self.failed)),
        ];
        cells.into_iter().map(|(key, text)| (key.to_owned(), text)).collect()
    }
}

/// Sums all summaries that ended after `from` in milliseconds, by upstream.
fn sums(from: u64) -> BTreeMap<String, Sums> {
    let mut sums: BTreeMap<String, Sums> = BTreeMap::new();
    for record in records().lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        if record["type"] == "summary" && millis(record["end"].as_str().unwrap()) > from {
            sums.entry(record["upstream"].as_str().unwrap().to_owned()).or_default().add(&record);
        }
    }
    sums
}

/// Returns milliseconds since 1970 for a time of the single day that the traffic covers.
fn millis(time: &str) -> u64 {
    assert!(time.starts_with("2026-11-23T"), "{time}");
    let number = |from: usize, to: usize| time[from..to].parse::<u64>().unwrap();
    (START - 8 * 3_600 + number(11, 13) * 3_600 + number(14, 16) * 60 + number(17, 19)) * 1_000
        + number(20, 23)
}

fn grouped(number: u64) -> String {
    match number {
        1_000.. => format!("{}\u{202f}{:03}", grouped(number / 1_000), number % 1_000),
        _ => number.to_string(),
    }
}

fn percent(part: u64, whole: u64) -> String {
    let share = part * 10_000 / whole;
    format!("{}.{:02}\u{202f}%", share / 100, share % 100)
}

/// Opens a page in Chromium and returns what the driver reports.
fn open_in_chromium(page: &Path) -> Value {
    let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../host-tests/report");
    assert!(
        driver.join("node_modules/axe-core").is_dir(),
        "axe-core is missing; `make report-deps` installs it"
    );
    let output = Command::new("node").arg(driver.join("inspect.mjs")).arg(page).output();
    let output = output.expect("node is missing; Debian: apt-get install nodejs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a string"))
}

#[test]
fn the_page_shows_the_numbers_of_the_records_and_loads_nothing_in_chromium() {
    let dir = TempDir::new();
    let (source, page) = (dir.write("records.ndjson", records()), dir.path("report.html"));
    stdout_of(&["report", "-q", &source, "-o", &page], "");
    let page_state = open_in_chromium(Path::new(&page));

    assert_eq!(page_state["messages"], serde_json::json!([]), "messages on the console");
    assert_eq!(page_state["requests"], serde_json::json!([]));
    for (layout, result) in page_state["layouts"].as_object().unwrap() {
        assert_eq!(result["violations"], serde_json::json!([]), "axe at {layout}");
        assert_eq!(result["overflow"], 0, "the page scrolls sideways at {layout}");
    }
    assert_ne!(page_state["layouts"]["1280"]["background"], page_state["layouts"]["1280 dark"]["background"]);

    let all = sums(0);
    let mut total = Sums::default();
    for sum in all.values() {
        total.judged += sum.judged;
        total.first_try += sum.first_try;
        total.failed += sum.failed;
    }
    let headline = format!(
        "{} of requests succeeded. Without retries and fallbacks: {}.",
        percent(total.judged - total.failed, total.judged),
        percent(total.first_try, total.judged)
    );
    assert_eq!(page_state["elements"]["headline"], headline);
    let rows = |sums_by_upstream: &BTreeMap<String, Sums>| {
        let cells: BTreeMap<_, _> =
            sums_by_upstream.iter().map(|(name, sums)| (name.clone(), sums.cells())).collect();
        serde_json::to_value(cells).unwrap()
    };
    let filters = &page_state["filters"];
    assert_eq!(filters["all"]["rows"], rows(&all));
    assert_eq!(filters["half"]["rows"], rows(&sums(filters["from"].as_u64().unwrap())), "the later half");
    assert_eq!(filters["reset"], filters["all"], "the button resets the filter");

    let one = filters["upstream"]["rows"].as_object().unwrap();
    let name = one.keys().next().unwrap();
    assert_eq!((one.len(), &filters["upstream"]["figures"]), (1, &serde_json::json!([name])));
    assert!(text(&filters["upstream"]["status"]).starts_with(name.as_str()), "{filters}");
    let episodes = |filter: &str| filters[filter]["episodes"].as_array().unwrap().len();
    assert!(episodes("all") > 0, "cart-7 makes an episode");

    assert!(text(&page_state["tooltips"]["pointer"]).contains("final"), "{}", page_state["tooltips"]);
    assert_eq!(
        (&page_state["tooltips"]["away"], &page_state["tooltips"]["key"]),
        (&Value::Null, &page_state["tooltips"]["pointer"])
    );
    let headings: Vec<_> =
        page_state["elements"]["headings"].as_array().unwrap().iter().map(|h| h.as_u64().unwrap()).collect();
    assert_eq!((headings[0], headings.iter().filter(|level| **level == 1).count()), (1, 1));
    assert!(headings.windows(2).all(|pair| pair[1] <= pair[0] + 1), "no level is skipped: {headings:?}");
    assert_eq!(
        page_state["withoutScript"],
        serde_json::json!({"rows": 3, "figures": 3, "hidden": 1}),
        "without JavaScript"
    );
}

/// Names that contain code or markup.
const HOSTILE: [&str; 8] = [
    "<script>window.touched=1</script>",
    r#""><img src=x onerror=window.touched=2>"#,
    "javascript:window.touched=3",
    "</title></script><svg onload=window.touched=4>",
    "\u{1b}]0;owned\u{7}\u{1b}[31mred\u{9b}2J",
    "\u{202e}drawkcab\u{2066}\u{200b}",
    "| x | [y](http://evil.example) ![z](http://evil.example/z.png) @everyone `code` *bold* # h\n## more",
    "' onmouseover='window.touched=5' x='",
];

/// Returns records with hostile upstreams, hosts and sentences.
fn hostile_records() -> String {
    let mut records = String::new();
    for (number, name) in HOSTILE.iter().enumerate() {
        let name = serde_json::to_string(name).unwrap();
        for record in [
            format!(
                r#"{{"schema":1,"type":"exchange","time":"2026-11-23T08:00:30.000Z","upstream":{name},"fate":"tight","margin_bp":9,"signals":["timeout"],"status":200,"duration_ms":91,"explain":{name}}}"#
            ),
            format!(
                r#"{{"schema":1,"type":"episode","phase":"open","id":"{number}","upstream":{name},"pattern":{name},"start":"2026-11-23T08:00:00.000Z","detected":"2026-11-23T08:00:40.000Z","exchanges":9,"near_misses":3,"failed":0,"signals":{{{name}:3}},"hosts":[{{"host":{name},"share_bp":9000}}],"related":[{name}],"also":[{name}],"explain":{name}}}"#
            ),
            format!(
                r#"{{"schema":1,"type":"summary","source":{name},"seq":0,"upstream":{name},"start":"2026-11-23T08:00:00.000Z","end":"2026-11-23T08:01:00.000Z","fates":{{"clean":90,"tight":10}},"attempts":100,"signals":{{}},"first_try":100,"margins":[10,0,0,0,0,0,0,0,0,90],"latency":{{"scale":3,"offset":20,"counts":[50,50]}},"hosts":[{{"host":{name},"attempts":50,"failed":9,"near_misses":9}},{{"host":"b","attempts":50,"failed":0,"near_misses":0}}]}}"#
            ),
        ] {
            records.push_str(&record);
            records.push('\n');
        }
    }
    records
}

#[test]
fn code_in_names_does_not_run_in_chromium() {
    let dir = TempDir::new();
    let (source, page) = (dir.write("<img src=x>.ndjson", hostile_records()), dir.path("report.html"));
    stdout_of(&["report", "-q", &source, "-o", &page], "");
    let html = fs::read_to_string(&page).unwrap();
    assert!(
        !html.contains(|c: char| c.is_control() && c != '\n') && !html.contains(['\u{202e}', '\u{200b}'])
    );
    let page_state = open_in_chromium(Path::new(&page));
    assert_eq!(
        (&page_state["messages"], &page_state["requests"]),
        (&serde_json::json!([]), &serde_json::json!([]))
    );
    let elements = &page_state["elements"];
    assert_eq!(elements["touched"], Value::Null);
    assert_eq!(
        (&elements["images"], &elements["frames"], &elements["handlers"]),
        (&0.into(), &0.into(), &0.into())
    );
    assert_eq!((&elements["scripts"], &elements["externalLinks"]), (&2.into(), &serde_json::json!([])));
    for (layout, result) in page_state["layouts"].as_object().unwrap() {
        assert_eq!(
            (&result["violations"], &result["overflow"]),
            (&serde_json::json!([]), &0.into()),
            "at {layout}"
        );
    }
    let rows = page_state["filters"]["all"]["rows"].as_object().unwrap();
    assert!(rows.contains_key(HOSTILE[0]), "the name is readable: {:?}", rows.keys());
    assert_eq!(rows.len(), HOSTILE.len());
}

#[test]
fn markup_in_names_is_escaped_in_the_digest() {
    let digest = stdout_of(&["report", "-q", "--to", "markdown", "-"], &hostile_records());
    assert!(!digest.contains(|c: char| c.is_control() && c != '\n') && !digest.contains('\u{202e}'));
    for markup in ["<script", "<img", "](http", "@everyone", "\n## more", "http://evil.example)"] {
        let outside: String = digest.split('`').step_by(2).collect();
        assert!(!outside.contains(markup), "{markup} in {outside}");
    }
    assert_eq!(
        digest.lines().filter(|line| line.contains("`: first try ")).count(),
        HOSTILE.len(),
        "{digest}"
    );
    assert!(!digest.contains('\\'), "a chat shows backslashes: {digest}");
}

#[test]
fn a_log_and_its_records_produce_the_same_report() {
    let digest_of = |arguments: &[&str], input: &str| {
        let digest = stdout_of(&[&["report", "-q", "--to", "markdown"], arguments, &["-"]].concat(), input);
        // The sparklines differ: here, the summary interval of a log depends on its time bins.
        let without_lines = |line: &str| line.rsplit_once("  ").map_or(line, |(row, _)| row).to_owned();
        digest.lines().map(without_lines).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(digest_of(&["-f", "exchange"], traffic()), digest_of(&[], records()));
    let proxy_log: String = "[info] starting\n".to_owned()
        + &records()
            .lines()
            .map(|record| format!("[2026-11-23][info][wasm] wasm log: nearmiss {record}\n"))
            .collect::<String>();
    assert_eq!(digest_of(&[], &proxy_log), digest_of(&[], records()), "in a proxy's log");
    let twice = format!(
        "{}{}",
        records(),
        records().lines().filter(|line| line.contains("summary")).collect::<Vec<_>>().join("\n")
    );
    assert_eq!(digest_of(&[], &twice), digest_of(&[], records()), "a repeated summary counts once");
}

#[test]
fn lines_with_verdicts_are_counted_by_fate() {
    let annotated = stdout_of(&["replay", "-q", "--annotate", "-f", "exchange", "-"], traffic());
    let digest = stdout_of(&["report", "-q", "--to", "markdown", "-"], &annotated);
    let failed: u64 = sums(0).values().map(|sums| sums.failed).sum();
    assert!(digest.contains(&format!("{} failures", grouped(failed))), "{digest}");
}

#[test]
fn a_day_is_compared_with_the_reference() {
    let dir = TempDir::new();
    let reference = |near: u32, typical: f64| {
        format!(r#"{{"since":"2026-11-02","near_miss_bp":{near},"typical_ms":{typical}}}"#)
    };
    let config = format!(
        r#"{{"reference":{{"cart":{},"ledger":{},"search":{}}}}}"#,
        reference(9_000, 4.0),
        reference(1, 900.0),
        reference(9_000, 900.0)
    );
    let config = dir.write("nearmiss.json", &config);
    let digest =
        stdout_of(&["report", "-q", "-f", "exchange", "-c", &config, "--to", "markdown", "-"], traffic());
    assert!(digest.contains("- `cart`: slower than on 2026-11-02: "), "{digest}");
    assert!(digest.contains("- `ledger`: more near misses than on 2026-11-02: "), "{digest}");
    assert!(!digest.contains("`search`: more") && !digest.contains("`search`: slower"), "{digest}");
    let page = stdout_of(&["report", "-q", "-f", "exchange", "-c", &config, "-"], traffic());
    assert!(page.contains(">slower<") && page.contains(">more near misses<") && page.contains(">unchanged<"));
}

#[test]
fn without_summaries_shares_are_unknown() {
    let exchanges: String = records()
        .lines()
        .filter(|line| line.contains(r#""type":"exchange""#))
        .map(|line| format!("{line}\n"))
        .collect();
    let digest = stdout_of(&["report", "-q", "--to", "markdown", "-"], &exchanges);
    assert!(digest.contains("near misses and") && digest.contains("were recorded."), "{digest}");
    assert!(digest.contains("These records have no summaries"), "{digest}");
    let row = digest.lines().find(|line| line.starts_with("- `cart`: ")).unwrap();
    assert!(row.starts_with("- `cart`: first try –, final –, "), "{row}");
}

#[test]
fn only_selected_exchanges_are_reported() {
    let cart = stdout_of(&["report", "-q", "--to", "markdown", "--upstream", "cart", "-"], records());
    assert!(cart.contains("`cart`") && !cart.contains("`ledger`"), "{cart}");
    let second_hour =
        stdout_of(&["report", "-q", "--to", "markdown", "--since", "2026-11-23T09:00:00Z", "-"], records());
    let total: u64 = sums((START + 3_600) * 1_000).values().map(|sums| sums.exchanges).sum();
    assert!(second_hour.contains(&format!("{} exchanges of 3", grouped(total))), "{total}: {second_hour}");
}

#[test]
fn the_extension_of_the_output_file_selects_the_format() {
    let dir = TempDir::new();
    for (name, beginning) in [("a.md", "*9"), ("a.html", "<!DOCTYPE html>")] {
        let path = dir.path(name);
        stdout_of(&["report", "-q", "-", "-o", &path], records());
        assert!(fs::read_to_string(&path).unwrap().starts_with(beginning));
    }
    assert!(stdout_of(&["report", "-q", "-"], "").contains("The input is empty."));
}

#[test]
fn a_page_about_an_unreadable_log_says_why() {
    let dir = TempDir::new();
    let combined = r#"10.0.0.9 - - [23/Nov/2026:08:00:00 +0000] "GET / HTTP/1.1" 200 612 "-" "curl/8""#;
    let (log, page) = (dir.write("access.log", format!("{combined}\n").repeat(9)), dir.path("report.html"));
    let output = nearmiss(&["report", &log, "-o", &page], "");
    assert_eq!(output.status.code(), Some(2));
    let html = fs::read_to_string(&page).unwrap();
    assert!(html.contains("None of 9 lines could be read."), "{html}");
    assert!(html.contains("access.log:1: ") && !html.contains(&log), "the name without its directory");
    assert!(!html.contains("access.log:2: "), "the same error is shown once");
    let nothing = stdout_of(&["report", "--upstream", "nosuch", "-"], records());
    assert!(nothing.contains("nothing is selected by --since"), "{nothing}");
}

#[test]
fn an_episode_has_its_records_and_the_command_for_all_of_them() {
    let page = stdout_of(&["report", "-q", "-f", "exchange", "-"], traffic());
    let episode = page.split("class=\"examples\"").nth(1).expect("an episode");
    let episode = episode.split("</details>").next().unwrap();
    assert!(episode.contains("<b>retried</b>"), "{episode}");
    assert!(
        episode.contains("nearmiss replay --json --upstream cart --since &apos;2026-11-23 09:0")
            || episode.contains("nearmiss replay --json --upstream cart --since '2026-11-23 09:0"),
        "{episode}"
    );
}

#[test]
fn each_cause_is_one_finding_and_a_bad_host_with_failures_precedes_blips() {
    let summary = |upstream: &str, retried: u64, failed: u64, hosts: &str| {
        format!(
            r#"{{"schema":1,"type":"summary","source":"s","seq":0,"upstream":"{upstream}","start":"2026-11-23T08:00:00.000Z","end":"2026-11-23T08:00:59.000Z","fates":{{"clean":10000,"retried":{retried},"failed":{failed}}},"attempts":{},"signals":{{"retry":{retried}}},"first_try":10000,"margins":[0,0,0,0,0,0,0,0,0,0],"latency":{{"scale":3,"offset":20,"counts":[10]}},"hosts":[{hosts}]}}"#,
            10_000 + 2 * retried + failed
        )
    };
    let episode = |upstream: &str, near_misses: u64, failed: u64, rest: &str| {
        format!(
            r#"{{"schema":1,"type":"episode","phase":"close","id":"{upstream}-1","upstream":"{upstream}","start":"2026-11-23T08:00:00.000Z","end":"2026-11-23T08:00:50.000Z","outcome":"contained","exchanges":10000,"near_misses":{near_misses},"failed":{failed},{rest},"explain":"as measured."}}"#
        )
    };
    let hosts = r#"{"host":"10.0.1.7:80","attempts":2500,"failed":395,"near_misses":395},{"host":"10.0.1.8:80","attempts":7500,"failed":9,"near_misses":0}"#;
    let records = [
        summary("cart", 395, 43, hosts),
        summary("search", 300, 6, ""),
        episode(
            "cart",
            395,
            43,
            r#""pattern":"concentrated","hosts":[{"host":"10.0.1.7:80","share_bp":9000}]"#,
        ),
        episode("search", 290, 6, r#""pattern":"recurring","truncated":true,"count":25,"interval_s":900"#),
    ];
    let digest = stdout_of(&["report", "-q", "--to", "markdown", "-"], &records.join("\n"));
    let findings: Vec<_> = digest
        .lines()
        .filter(|line| line.split_once(". ").is_some_and(|(number, _)| number.parse::<u8>().is_ok()))
        .collect();
    assert_eq!(findings.len(), 2, "{digest}");
    assert!(findings[0].starts_with("1. `cart`: the host `10.0.1.7:80` caused "), "{digest}");
    assert!(
        findings[1].starts_with("2. `search`: the same blip 25 times, about every 15\u{202f}min"),
        "{digest}"
    );
}

#[test]
fn errors_name_the_file_and_the_cause() {
    let run = |arguments: &[&str], input: &str| {
        let output = nearmiss(arguments, input);
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, line) = run(&["report", "-q", "-o", "/nowhere/r.html", "-"], records());
    assert_eq!((code, line.lines().count()), (Some(1), 1), "{line}");
    assert!(line.starts_with("nearmiss: /nowhere/r.html: "), "{line}");
    let (code, lines) = run(&["report", "-q", "-"], "{\"schema\":7,\"type\":\"summary\"}\n");
    assert_eq!(code, Some(2));
    assert!(lines.starts_with("nearmiss: -:1: `schema` is 7; this nearmiss reads 1\n"), "{lines}");
}

#[test]
fn the_page_stays_small_with_many_upstreams() {
    let counts: Vec<String> = (0..100_u64).map(|bucket| (bucket * 7_919 % 90_001).to_string()).collect();
    let counts = counts.join(",");
    let mut records = String::new();
    for minute in 0..150 {
        for upstream in 0..80 {
            let (hour, past) = (minute / 6, minute % 6 * 10);
            let _ = writeln!(
                records,
                r#"{{"schema":1,"type":"summary","source":"s","seq":{minute},"upstream":"upstream-with-a-long-name-{upstream}","start":"2026-11-{:02}T{:02}:{past:02}:00.000Z","end":"2026-11-{:02}T{:02}:{past:02}:59.000Z","fates":{{"clean":812345,"slow":123,"tight":1234,"retried":6112,"stale":12,"partial":9,"failed":1777}},"attempts":942123,"signals":{{"retry":6112}},"first_try":813000,"margins":[1,2,0,61,0,0,0,0,0,813],"latency":{{"scale":3,"offset":-20,"counts":[{counts}]}}}}"#,
                23 + hour / 24,
                hour % 24,
                23 + hour / 24,
                hour % 24
            );
        }
    }
    let page = stdout_of(&["report", "-q", "-"], &records);
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    assert!(page.contains("20 upstreams beyond the first 60 are folded into one row"));
}
