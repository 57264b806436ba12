//! From the sidecar to the log pipeline: what the filter has judged is counted further on, and not judged again.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use host_tests::artifact;
use host_tests::capture::Folder;
use host_tests::real::{Start, eventually, wasm_filter};
use host_tests::sim::fluent_bit::Program;
use serde_json::{Value, json};

use crate::stage::{Cast, Stage, counts};

/// What happens, and where: two clean exchanges among them, one of them without an upstream.
const STORIES: [(&str, &str, &str); 8] = [
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
fn an_access_log_with_our_filter_state_is_counted_and_not_judged_again() {
    let folder = Folder::new();
    let (access, records) = (folder.path().join("sidecar.log"), folder.path().join("agent.ndjson"));
    let mut stage = stage(&access);
    for (exchange, path, script) in STORIES {
        stage.tell(path, exchange, script);
    }
    eventually("all lines in the sidecar's log", || (lines(&access).len() == STORIES.len()).then_some(()));
    let clean = lines(&access).iter().filter(|line| line["near_miss"].is_null()).count();
    assert_eq!(clean, 3, "a clean exchange has no filter state");
    let told = ["cart", "search", "zone"].map(|upstream| (upstream, stage.fates(upstream)));

    let read = nearmiss(&["replay", "--source", "agent", &access.display().to_string()]);
    fs::write(&records, &read).expect("a folder of our own");
    let read = parsed(&read);
    assert!(read.iter().all(|record| record["type"] == "summary"), "nothing was judged again: {read:?}");
    for (upstream, fates) in &told {
        assert_eq!(&total(&read, upstream, "relayed"), fates, "{upstream}");
        assert_eq!(total(&read, upstream, "fates"), counts(&[]), "{upstream}");
    }
    assert_eq!(total(&read, "none", "relayed"), counts(&[("clean", 1)]));

    // The module says the same of the same lines.
    let mut filter = Program::load(&artifact::fluent_bit_module()).start();
    let mut by_module = Vec::new();
    for line in lines(&access) {
        let kept = parsed(&filter.record(line.to_string()).kept()).remove(0);
        assert_eq!(kept["near_miss"], line["near_miss"], "the verdict stays what it was");
        by_module.extend(kept["near_miss_summaries"].as_array().into_iter().flatten().cloned());
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

    // The agent's summaries alone are the fleet's; beside Envoy's own they say nothing new.
    let alone = parsed(&nearmiss(&["merge", &records.display().to_string()]));
    assert_eq!(total(&alone, "cart", "relayed"), told[0].1);
    let log = folder.path().join("envoy.log");
    fs::write(&log, stage.stop().join("\n")).expect("a folder of our own");
    let both = parsed(&nearmiss(&["merge", &records.display().to_string(), &log.display().to_string()]));
    for (upstream, fates) in &told {
        assert_eq!(&total(&both, upstream, "fates"), fates, "{upstream}");
        assert_eq!(total(&both, upstream, "relayed"), counts(&[]), "{upstream}: Envoy reports it itself");
    }
}

/// An Envoy with the filter, which also logs what docs/formats.md says.
fn stage(access: &Path) -> Stage {
    let cast = Cast::gather();
    let logger = json!({
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": access,
            "log_format": {"json_format": documented_format()},
        },
    });
    let site = cast.site().filter(wasm_filter("{}")).logger(logger);
    cast.on_stage(&Start::new(), &site)
}

/// The JSON that a reader of the docs pastes into Envoy's configuration.
fn documented_format() -> Value {
    let docs = fs::read_to_string(artifact::root().join("docs/formats.md")).expect("the docs");
    let block = docs.split("```json\n").find(|block| block.contains("FILTER_STATE")).expect("Envoy's format");
    let block = block.split("```").next().expect("the block's end");
    serde_json::from_str(block).expect("the format is JSON")
}

/// What the command line prints.
fn nearmiss(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["run", "-q", "--locked", "-p", "nearmiss-cli", "--"])
        .args(arguments)
        .current_dir(artifact::root())
        .stdin(Stdio::null())
        .output()
        .expect("cargo runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert!(told.contains(", 0 unreadable"), "{told}");
    String::from_utf8(output.stdout).expect("records are text")
}

fn lines(path: &Path) -> Vec<Value> {
    parsed(&fs::read_to_string(path).unwrap_or_default())
}

fn parsed(text: &str) -> Vec<Value> {
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// What all summaries of an upstream have in a field of fates: a minute may have passed between two of them.
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
