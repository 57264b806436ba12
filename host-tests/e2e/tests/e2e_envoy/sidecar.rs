//! From the sidecar to the log pipeline: lines that carry a verdict are counted downstream and not judged again.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use real::{EnvoyCommand, TempDir, eventually, wasm_filter};
use serde_json::{Value, json};
use sim::fluent_bit::FilterModule;

use crate::harness::{Harness, Origins, counts};

/// Exchange, path and fault script. Three exchanges are clean, one of them without an upstream.
const REQUESTS: [(&str, &str, &str); 8] = [
    ("one", "/plain", "200"),
    ("two", "/cart", "503,200"),
    ("three", "/plain", "503"),
    ("four", "/search", "200"),
    ("five", "/plain", "cut"),
    ("six", "/zone", "200"),
    ("seven", "/direct", ""),
    ("eight", "/plain", "404"),
];

#[test]
fn an_access_log_with_verdicts_is_counted_and_not_judged_again() {
    let folder = TempDir::new("sidecar");
    let (access, records) = (folder.path().join("sidecar.log"), folder.path().join("agent.ndjson"));
    let mut harness = start(&access);
    for (exchange, path, script) in REQUESTS {
        harness.get(path, exchange, script);
    }
    eventually("all lines in the sidecar's log", || (lines(&access).len() == REQUESTS.len()).then_some(()));
    let clean = lines(&access).iter().filter(|line| line["near_miss"].is_null()).count();
    assert_eq!(clean, 3, "a clean exchange has no filter state");
    let counted = ["cart", "search", "zone"].map(|upstream| (upstream, harness.fates(upstream)));

    let read = nearmiss(&["replay", "--source", "agent", &access.display().to_string()]);
    fs::write(&records, &read).expect("a temporary directory");
    let read = parsed(&read);
    assert!(read.iter().all(|record| record["type"] == "summary"), "no line was judged again: {read:?}");
    for (upstream, fates) in &counted {
        assert_eq!(&total(&read, upstream, "relayed"), fates, "{upstream}");
        assert_eq!(total(&read, upstream, "fates"), counts(&[]), "{upstream}");
    }
    assert_eq!(total(&read, "none", "relayed"), counts(&[("clean", 1)]));

    // The Fluent Bit module agrees about the same lines.
    let mut filter = FilterModule::load(&artifact::fluent_bit_module()).start();
    let mut by_module = Vec::new();
    for line in lines(&access) {
        let annotated = parsed(&filter.record(line.to_string()).kept()).remove(0);
        assert_eq!(annotated["near_miss"], line["near_miss"], "the verdict is unchanged");
        by_module.extend(annotated["near_miss_summaries"].as_array().into_iter().flatten().cloned());
    }
    by_module.extend(parsed(&filter.finish().join("\n")));
    for upstream in ["cart", "search", "zone", "none"] {
        for field in ["relayed", "fates"] {
            assert_eq!(
                total(&by_module, upstream, field),
                total(&read, upstream, field),
                "{upstream}, {field}"
            );
        }
    }

    // The agent's summaries count if they are alone; beside Envoy's own they add nothing.
    let alone = parsed(&nearmiss(&["merge", &records.display().to_string()]));
    assert_eq!(total(&alone, "cart", "relayed"), counted[0].1);
    let log = folder.path().join("envoy.log");
    fs::write(&log, harness.stop().join("\n")).expect("a temporary directory");
    let both = parsed(&nearmiss(&["merge", &records.display().to_string(), &log.display().to_string()]));
    for (upstream, fates) in &counted {
        assert_eq!(&total(&both, upstream, "fates"), fates, "{upstream}");
        assert_eq!(total(&both, upstream, "relayed"), counts(&[]), "{upstream}: Envoy reports it itself");
    }
}

/// Starts Envoy with the filter and the log format of docs/formats.md.
fn start(access: &Path) -> Harness {
    let origins = Origins::start();
    let logger = json!({
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": access,
            "log_format": {"json_format": documented_format()},
        },
    });
    let bootstrap = origins.bootstrap().filter(wasm_filter("{}")).logger(logger);
    origins.start_envoy(&EnvoyCommand::new(), &bootstrap)
}

/// Returns the log format for Envoy in docs/formats.md.
fn documented_format() -> Value {
    let docs = fs::read_to_string(artifact::root().join("docs/formats.md")).expect("the docs");
    let block = docs.split("```json\n").find(|block| block.contains("FILTER_STATE")).expect("Envoy's format");
    let block = block.split("```").next().expect("the block's end");
    serde_json::from_str(block).expect("the format is JSON")
}

/// Runs the command line and returns its output.
fn nearmiss(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["run", "-q", "--locked", "-p", "nearmiss-cli", "--"])
        .args(arguments)
        .current_dir(artifact::root())
        .stdin(Stdio::null())
        .output()
        .expect("cargo runs");
    let notes = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{notes}");
    assert!(notes.contains(", 0 unreadable"), "{notes}");
    String::from_utf8(output.stdout).expect("records are text")
}

fn lines(path: &Path) -> Vec<Value> {
    parsed(&fs::read_to_string(path).unwrap_or_default())
}

fn parsed(text: &str) -> Vec<Value> {
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Adds up a field of fates over all summaries of an upstream: a run that spans two minutes has several.
fn total(records: &[Value], upstream: &str, field: &str) -> BTreeMap<String, u64> {
    let mut total = BTreeMap::new();
    let summaries =
        records.iter().filter(|record| record["type"] == "summary" && record["upstream"] == upstream);
    for (fate, count) in summaries.filter_map(|record| record[field].as_object()).flatten() {
        *total.entry(fate.clone()).or_insert(0) += count.as_u64().unwrap_or_default();
    }
    total.retain(|_, count| *count > 0);
    total
}
