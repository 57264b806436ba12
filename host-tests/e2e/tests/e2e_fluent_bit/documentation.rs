//! The snippets of docs/fluent-bit.md work as they stand there.

use std::fmt::Write as _;

use real::{Client, FluentBit, Request, eventually, repository_file};
use serde_json::Value;
use serde_yaml_ng as yaml;

use crate::harness::{free_port, records};
use crate::pipeline::{FixtureLine, Pipeline, fate, fixture};

/// Returns the code blocks of the page in a language.
fn snippets(language: &str) -> Vec<String> {
    let page = repository_file("docs/fluent-bit.md");
    let blocks = page.split("\n```").skip(1).step_by(2);
    blocks.filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n')).map(str::to_owned).collect()
}

/// Returns the filters of a snippet as items of a YAML list, in flow style.
fn filters(snippet: &str) -> String {
    let document: Value = yaml::from_str(snippet).expect("YAML");
    let list = document.get("filters").unwrap_or(&document).as_array().expect("a list of filters");
    list.iter().fold(String::new(), |mut text, filter| {
        let _ = writeln!(text, "    - {filter}");
        text
    })
}

/// The snippet with the filter itself, and the one whose text contains `part`.
fn chain(part: &str) -> String {
    let yaml = snippets("yaml");
    let nearmiss = filters(&yaml[0])
        .replace("/etc/nearmiss/nearmiss-fluent-bit.wasm", "MODULE")
        .replace("/etc/nearmiss", "FOLDER");
    let other = yaml.iter().find(|snippet| snippet.contains(part)).expect("the snippet");
    nearmiss + &filters(other)
}

/// Runs a chain over lines and returns its records and the counts in Prometheus' format.
fn run(pipeline: &Pipeline, lines: &[&str], records_expected: usize, counted: u64) -> (Vec<Value>, String) {
    let port = free_port();
    let log = pipeline.folder.write("in.log", lines.join("\n") + "\n");
    let inputs = format!(
        "    - {{name: tail, tag: access, path: {}, read_from_head: true{}}}\n",
        log.display(),
        pipeline.input
    );
    let path = pipeline.start_at(&inputs);
    let configuration = std::fs::read_to_string(&path).expect("the configuration").replace(
        "{name: stdout, match: '*'",
        &format!("{{name: prometheus_exporter, match: metrics, host: 127.0.0.1, port: {port}}}\n    - {{name: stdout, match_regex: '^(access|near\\..*)$'"),
    );
    std::fs::write(&path, configuration).expect("the folder can be written");
    let mut fluent_bit = FluentBit::start(pipeline.folder.path(), &path);
    let metrics = eventually(&format!("{counted} exchanges in the metrics"), || {
        let body = Client::new(port).try_send(&Request::get("/metrics")).ok()?.body;
        let body = String::from_utf8(body).expect("text");
        (total(&body) == counted).then_some(body)
    });
    fluent_bit.wait_until("every record", |printed| {
        printed.iter().filter(|line| line.starts_with('{')).count() >= records_expected
    });
    let printed = fluent_bit.stop();
    let errors = printed.iter().filter(|line| !line.starts_with('{') && line.contains("[error]"));
    assert_eq!(errors.count(), 0, "{printed:#?}");
    (records(&printed), metrics)
}

/// Returns the sum of all series.
fn total(metrics: &str) -> u64 {
    let series = metrics.lines().filter(|line| line.starts_with("nearmiss_log_exchanges_total{"));
    series.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>() as u64
}

fn is_near(line: &FixtureLine) -> bool {
    line.fate != "clean"
}

#[test]
fn raw_lines_are_copied_and_counted_and_messages_are_not() {
    let lines = fixture("nginx-1.22.1-nginx.tsv");
    let mut texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    texts.extend([
        "ready",
        "2026/11/23 08:00:00 [error] 31#31: *569 upstream timed out",
        "not an access log",
    ]);
    let near = lines.iter().filter(|line| is_near(line)).count();
    for part in ["$near_miss['fate'] .+", "$near_miss_fate .+"] {
        let flat = r#"{"fluent_bit":{"flat":true}}"#;
        let pipeline = Pipeline::new("documented", &chain(part)).configured(flat);
        let (records, metrics) = run(&pipeline, &texts, texts.len() + near, lines.len() as u64);
        assert_eq!(records.len(), texts.len() + near);
        let copies =
            records.iter().filter(|record| fate(record) != "clean" && fate(record) != "unread").count();
        assert_eq!(copies, 2 * near);
        assert!(!metrics.contains("fate=\"\""), "{metrics}");
    }
}

#[test]
fn verdicts_of_envoy_are_copied_and_counted_with_bounded_labels() {
    let lines: Vec<String> = (0..40)
        .map(|n| {
            let verdict = match n % 4 {
                0 => format!("\"retried;attempts=2;margin={n}\""),
                1 => "\"failed;attempts=3\"".to_owned(),
                _ => "null".to_owned(),
            };
            format!(
                r#"{{"start_time":"2026-11-23T08:00:{n:02}.000Z","response_code":200,"duration":42,"upstream_cluster":"cart","near_miss":{verdict}}}"#
            )
        })
        .collect();
    let texts: Vec<&str> = lines.iter().map(String::as_str).collect();
    let pipeline = Pipeline {
        parsers: "  - {name: json, format: json}\n",
        input: ", parser: json",
        ..Pipeline::new("envoy", &chain("$near_miss_fate .+")).configured(r#"{"fluent_bit":{"flat":true}}"#)
    };
    let (records, metrics) = run(&pipeline, &texts, 60, 40);
    assert_eq!(records.len(), 40 + 20);
    let series: Vec<&str> =
        metrics.lines().filter(|line| line.starts_with("nearmiss_log_exchanges_total{")).collect();
    assert_eq!(series.len(), 3, "{series:#?}");
    assert!(
        series.contains(&"nearmiss_log_exchanges_total{upstream=\"cart\",fate=\"retried\"} 10"),
        "{series:#?}"
    );
}

#[test]
fn a_backlog_of_ten_thousand_lines_is_counted_to_its_end() {
    let lines = fixture("nginx-1.22.1-nginx.tsv");
    let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).cycle().take(10_000).collect();
    let pipeline = Pipeline::new("backlog", &chain("$near_miss['fate'] .+")).configured("{}");
    run(&pipeline, &texts, 10_000, 10_000);
}

#[test]
fn summaries_survive_a_filter_that_keeps_near_misses_only() {
    let lines: Vec<String> = (0..1_200)
        .map(|n| {
            let attempts = if n % 50 == 0 { 2 } else { 1 };
            format!(
                r#"{{"ts":{},"upstream":"cart","status":200,"duration_ms":42,"attempts":{attempts}}}"#,
                1_795_423_500 + n
            )
        })
        .collect();
    let texts: Vec<&str> = lines.iter().map(String::as_str).collect();
    let snippets = snippets("yaml");
    let grep = snippets.iter().find(|snippet| snippet.contains("name: grep")).expect("the snippet");
    let pipeline = Pipeline::new("grep", &(crate::pipeline::NEARMISS.to_owned() + &filters(grep)));
    let printed = pipeline.run(&texts, 40);
    let records = records(&printed);
    assert_eq!(records.iter().filter(|record| fate(record) == "retried").count(), 24);
    let summarised: u64 = records
        .iter()
        .filter_map(|record| record["near_miss_summaries"].as_array())
        .flatten()
        .flat_map(|summary| summary["fates"].as_object().expect("fates").values())
        .filter_map(Value::as_u64)
        .sum();
    assert!(summarised >= 1_200 - 80, "all but the last minute and more: {summarised}");
}
