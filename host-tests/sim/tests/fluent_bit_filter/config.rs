//! Tests of where the configuration is read from, and of the behaviour without a valid one.

use std::collections::BTreeMap;

use crate::harness::{start, with};
use sim::fluent_bit::{FilterModule, RecordOutcome, WasiEnv};

const RETRIED: &str = r#"{"ts":1795423554.5,"upstream":"cart","status":200,"duration_ms":42,"attempts":3}"#;

#[test]
fn the_configuration_is_read_from_the_first_folder_that_has_it() {
    let mut wasi_env = WasiEnv::with_file("nearmiss.json", br#"{"hosts":"hashed"}"#);
    wasi_env.folders.insert(0, BTreeMap::from([("other.json".to_owned(), Some(b"{".to_vec()))]));
    let mut filter = FilterModule::shipped().start_with(wasi_env);
    let record = RETRIED.replace("\"cart\"", "\"cart\",\"host\":\"10.0.0.1:80\"");
    let kept = filter.record(&record).kept();
    assert!(kept.contains(r#""host":"host-"#), "{kept}");
    assert_eq!(filter.take_stderr(), "");
}

#[test]
fn a_broken_configuration_is_logged_once_and_noted_in_every_record() {
    for (configuration, expected) in [
        (r#"{"fluent_bit":{"mode":"all"}}"#, "`fluent_bit.mode` is \"all\"; it takes"),
        (
            r#"{"fluent_bit":{"format":"nginxx"}}"#,
            "`fluent_bit.format` is \"nginxx\": unknown format; it takes auto",
        ),
        (r#"{"fluent_bit":{"fields":{"colour":"x"}}}"#, "`fields.colour` is not a field"),
        ("{", "the configuration is not JSON"),
    ] {
        let mut filter = with(configuration);
        for _ in 0..3 {
            let kept = filter.record(RETRIED).fields();
            let note: String = serde_json::from_str(kept["near_miss_note"].get()).unwrap();
            assert!(note.contains("the configuration is invalid") && note.contains(expected), "{note}");
            assert!(kept["near_miss"].get().contains("retried"), "the defaults apply");
        }
        let logged = filter.take_stderr();
        assert_eq!((logged.lines().count(), logged.contains(expected)), (1, true), "{logged}");
    }
}

#[test]
fn an_unreadable_configuration_counts_as_broken() {
    let mut wasi_env = WasiEnv::with_file("nearmiss.json", b"");
    wasi_env.folders[0].insert("nearmiss.json".to_owned(), None);
    let mut filter = FilterModule::shipped().start_with(wasi_env);
    assert!(filter.record("{}").kept().contains("cannot be read (WASI error 76)"));
}

#[test]
fn the_largest_allowed_configuration_is_read_on_a_small_stack() {
    let upstreams: String = (0..20_000).map(|n| format!("\"u{n}\":{{\"timeout\":\"1s\"}},")).collect();
    let mut filter = with(&format!(r#"{{"upstreams":{{{upstreams}"cart":{{"max_attempts":4}}}}}}"#));
    assert!(filter.record(RETRIED).kept().contains("3 of 4 attempts"));
}

#[test]
fn a_record_without_a_time_gets_that_of_the_pipeline() {
    let record = r#"{"upstream":"cart","status":200,"duration_ms":42,"attempts":3,"kubernetes":{"pod":"a"}}"#;
    let kept = start().record_at(1_795_423_554_513_000, record).kept();
    assert!(kept.contains(r#""time":"2026-11-23T08:45:54.513Z""#), "{kept}");
    let kept = start().record_at(1_000_000, RETRIED).kept();
    assert!(
        kept.contains(r#""time":"2026-11-23T08:45:54.500Z""#),
        "the record's own time takes precedence: {kept}"
    );
}

#[test]
fn custom_keys_and_a_format_can_be_configured() {
    let mut filter = with(
        r#"{"fluent_bit":{"format":"nginx-json","fields":{"upstream":"svc","duration_ms":"took","attempts":"n","status":"code"}}}"#,
    );
    let kept = filter.record_at(1_000_000, r#"{"svc":"cart","took":12.5,"n":2,"code":200}"#).kept();
    assert!(kept.contains(r#""upstream":"cart","fate":"retried""#), "{kept}");
}

#[test]
fn only_the_first_three_unreadable_records_are_logged() {
    let mut filter = start();
    let scrambled =
        r#"{"status":"200","request_time":"0.1","upstream_status":"502,","time":"2026-11-23T08:00:00Z"}"#;
    for _ in 0..10 {
        assert_eq!(filter.record(scrambled), RecordOutcome::Kept(scrambled.to_owned()));
    }
    let logged = filter.take_stderr();
    assert_eq!(logged.lines().count(), 3, "{logged}");
    assert!(
        logged.contains("`upstream_status` is `502,`") && logged.ends_with("further ones are not reported\n"),
        "{logged}"
    );
}

#[test]
fn the_message_on_an_unknown_format_names_the_option_that_sets_it() {
    let mut filter = start();
    filter.record(r#"{"log":"no format is like that"}"#).kept();
    let logged = filter.take_stderr();
    assert!(logged.contains("unknown log format") && logged.contains("`fluent_bit.format`"), "{logged}");
    assert!(!logged.contains("--"), "{logged}");
}

#[test]
fn the_source_of_a_summary_identifies_the_run() {
    let mut wasi_env =
        WasiEnv::with_file("nearmiss.json", br#"{"fluent_bit":{"source":"node-7"},"reorder":"0s"}"#);
    (wasi_env.random, wasi_env.clock_ns) = (0xbeef, 1_795_423_554_000_000_000);
    let mut filter = FilterModule::shipped().start_with(wasi_env);
    filter.record(RETRIED).kept();
    let summaries = filter.finish();
    assert!(summaries[0].contains(r#""source":"node-7/beef/1795423554","seq":0"#), "{summaries:?}");
}
