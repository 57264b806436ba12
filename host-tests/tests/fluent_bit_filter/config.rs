//! Where the configuration comes from, and what happens when it is broken.

use std::collections::BTreeMap;

use crate::stage::{PROGRAM, start, with};
use host_tests::sim::fluent_bit::{Outcome, World};

const RETRIED: &str = r#"{"ts":1795423554.5,"upstream":"cart","status":200,"duration_ms":42,"attempts":3}"#;

#[test]
fn it_is_read_from_the_first_folder_that_has_it() {
    let mut world = World::with_file("nearmiss.json", br#"{"hosts":"hashed"}"#);
    world.folders.insert(0, BTreeMap::from([("other.json".to_owned(), Some(b"{".to_vec()))]));
    let mut filter = PROGRAM.start_in(world);
    let record = RETRIED.replace("\"cart\"", "\"cart\",\"host\":\"10.0.0.1:80\"");
    let kept = filter.record(&record).kept();
    assert!(kept.contains(r#""host":"host-"#), "{kept}");
    assert_eq!(filter.take_said(), "");
}

#[test]
fn a_broken_one_is_told_once_and_every_record_says_so() {
    for (configuration, told) in [
        (r#"{"fluent_bit":{"mode":"all"}}"#, "`fluent_bit.mode` is \"all\"; it takes"),
        (
            r#"{"fluent_bit":{"format":"nginxx"}}"#,
            "`fluent_bit.format` is \"nginxx\": no such format; it takes auto",
        ),
        (r#"{"fluent_bit":{"fields":{"colour":"x"}}}"#, "`fields.colour` is not a field"),
        ("{", "the configuration is not JSON"),
    ] {
        let mut filter = with(configuration);
        for _ in 0..3 {
            let kept = filter.record(RETRIED).fields();
            let note: String = serde_json::from_str(kept["near_miss_note"].get()).unwrap();
            assert!(note.contains("the configuration is broken") && note.contains(told), "{note}");
            assert!(kept["near_miss"].get().contains("retried"), "it runs on defaults");
        }
        let said = filter.take_said();
        assert_eq!((said.lines().count(), said.contains(told)), (1, true), "{said}");
    }
}

#[test]
fn one_that_cannot_be_read_is_broken() {
    let mut world = World::with_file("nearmiss.json", b"");
    world.folders[0].insert("nearmiss.json".to_owned(), None);
    let mut filter = PROGRAM.start_in(world);
    assert!(filter.record("{}").kept().contains("cannot be read (WASI error 76)"));
}

#[test]
fn one_as_deep_and_as_long_as_is_allowed_is_read_on_a_small_stack() {
    let upstreams: String = (0..20_000).map(|n| format!("\"u{n}\":{{\"timeout\":\"1s\"}},")).collect();
    let mut filter = with(&format!(r#"{{"upstreams":{{{upstreams}"cart":{{"max_attempts":4}}}}}}"#));
    assert!(filter.record(RETRIED).kept().contains("3 of 4 attempts"));
}

#[test]
fn the_pipelines_time_counts_where_a_record_has_none() {
    let record = r#"{"upstream":"cart","status":200,"duration_ms":42,"attempts":3,"kubernetes":{"pod":"a"}}"#;
    let kept = start().record_at(1_795_423_554_513_000, record).kept();
    assert!(kept.contains(r#""time":"2026-11-23T08:45:54.513Z""#), "{kept}");
    let kept = start().record_at(1_000_000, RETRIED).kept();
    assert!(kept.contains(r#""time":"2026-11-23T08:45:54.500Z""#), "the record's own wins: {kept}");
}

#[test]
fn keys_of_ones_own_and_a_format_are_taken() {
    let mut filter = with(
        r#"{"fluent_bit":{"format":"nginx-json","fields":{"upstream":"svc","duration_ms":"took","attempts":"n","status":"code"}}}"#,
    );
    let kept = filter.record_at(1_000_000, r#"{"svc":"cart","took":12.5,"n":2,"code":200}"#).kept();
    assert!(kept.contains(r#""upstream":"cart","fate":"retried""#), "{kept}");
}

#[test]
fn what_cannot_be_read_is_told_three_times() {
    let mut filter = start();
    let scrambled =
        r#"{"status":"200","request_time":"0.1","upstream_status":"502,","time":"2026-11-23T08:00:00Z"}"#;
    for _ in 0..10 {
        assert_eq!(filter.record(scrambled), Outcome::Kept(scrambled.to_owned()));
    }
    let said = filter.take_said();
    assert_eq!(said.lines().count(), 3, "{said}");
    assert!(said.contains("`upstream_status` is `502,`") && said.ends_with("no more are told\n"), "{said}");
}

#[test]
fn a_line_of_no_known_format_names_the_key_that_names_one() {
    let mut filter = start();
    filter.record(r#"{"log":"no format is like that"}"#).kept();
    let said = filter.take_said();
    assert!(said.contains("no known format") && said.contains("`fluent_bit.format`"), "{said}");
    assert!(!said.contains("--"), "{said}");
}

#[test]
fn a_summary_names_its_run() {
    let mut world =
        World::with_file("nearmiss.json", br#"{"fluent_bit":{"source":"node-7"},"reorder":"0s"}"#);
    (world.random, world.clock_ns) = (0xbeef, 1_795_423_554_000_000_000);
    let mut filter = PROGRAM.start_in(world);
    filter.record(RETRIED).kept();
    let summaries = filter.finish();
    assert!(summaries[0].contains(r#""source":"node-7/beef/1795423554","seq":0"#), "{summaries:?}");
}
