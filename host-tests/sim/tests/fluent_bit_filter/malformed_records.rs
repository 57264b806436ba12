//! Malformed records: each reply is still one whole object.

use crate::harness::{start, with};
use sim::fluent_bit::RecordOutcome;

/// Filters a record. Returns the reply and its note.
fn note(record: impl AsRef<[u8]>) -> (String, String) {
    let outcome = start().record(record);
    let kept = outcome.clone().kept();
    let note = outcome.fields().remove("near_miss_note").map(|note| note.get().to_owned());
    (kept, note.unwrap_or_default())
}

#[test]
fn invalid_json_from_the_host_is_repaired() {
    for (record, begins, why) in [
        (
            r#"{"a":nan,"b":-nan,"c":inf,"d":-inf}"#,
            r#"{"a":"nan","b":"-nan","c":"inf","d":"-inf","#,
            "nan or inf",
        ),
        (r#"{"a":"\x01\xffffffff"}"#, r#"{"a":"\\x01\\xffffffff","#, "escaped"),
        (r#"{1:"a",-1:{2:[3]}}"#, r#"{"1":"a","-1":{"2":[3]},"#, "keys"),
        (r#"[{"a":1}]"#, r#"{"log":"[{\"a\":1}]","#, "the whole record"),
        ("garbage", r#"{"log":"garbage","#, "the whole record"),
        ("", r#"{"log":"","#, "the whole record"),
        (r#"{"a":1"#, r#"{"a":1,"#, "brackets"),
        (r#"{"a":1}{"b":2}"#, r#"{"a":1,"#, "cut off"),
        (r#"{"a":"b"#, r#"{"a":"b","#, "escaped"),
    ] {
        let (kept, note) = note(record);
        assert!(kept.starts_with(begins), "{record} became {kept}");
        assert!(note.contains(why), "{record}: {note}");
    }
}

#[test]
fn invalid_utf_8_is_replaced() {
    let (kept, note) = note(b"{\"a\":\"\xff\xfe\xc3\xa9\x01\"}");
    assert!(kept.starts_with("{\"a\":\"\u{fffd}\u{fffd}é\\u0001\"") && note.contains("escaped"), "{kept}");
}

#[test]
fn a_repaired_record_is_still_read_as_an_exchange() {
    let kept = start().record(r#"{"ts":1,"upstream":"cart","status":503,"duration_ms":2,"a":nan}"#).fields();
    assert_eq!(kept["a"].get(), "\"nan\"");
    assert!(
        !kept.contains_key("near_miss"),
        "exchange lines have no field `a` unless a pipeline brought them"
    );
    let kept = start()
        .record_at(5_000_000, r#"{"ts":1,"upstream":"cart","status":503,"duration_ms":2,"a":nan}"#)
        .fields();
    assert!(kept["near_miss"].get().contains("failed"));
}

#[test]
fn nesting_is_kept_up_to_the_depth_that_the_host_accepts() {
    let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    let mut filter = start();
    assert_eq!(filter.record(nested(62)), RecordOutcome::Kept(nested(62)));
    let kept = filter.record(nested(63)).kept();
    assert!(kept.contains("\"[]\"") && kept.contains("too deep"), "{kept}");
    for depth in [200, 1_000_000] {
        assert!(filter.record(nested(depth)).kept().contains("too deep"));
    }
    let objects = format!("{}1{}", "{\"a\":".repeat(100), "}".repeat(100));
    assert!(filter.record(objects).kept().contains("too deep"));
}

#[test]
fn a_record_lost_for_lack_of_memory_is_noted() {
    let mut filter = start();
    let RecordOutcome::Kept(kept) = filter.null_record(9_000_000) else { panic!("the loss should be noted") };
    assert_eq!(kept, r#"{"near_miss_note":"a record of 9000000 bytes did not fit into memory"}"#);
}

#[test]
fn records_of_eight_megabytes_pass_and_their_memory_is_freed() {
    let mut filter = start();
    let record = format!("{{\"a\":\"{}\",\"b\":nan}}", "x\\n\u{1}".repeat(8 << 18));
    let plain = format!("{{\"log\":\"{}\"}}", "x".repeat(8 << 20));
    let mut sizes = Vec::new();
    for _ in 0..5 {
        assert_eq!(filter.record(&plain), RecordOutcome::Kept(plain.clone()));
        assert!(filter.record(&record).kept().contains("nan or inf"));
        sizes.push(filter.memory_bytes());
    }
    assert_eq!(sizes[1], sizes[4], "{sizes:?}");
}

#[test]
fn huge_keys_and_many_members_pass() {
    let mut filter = start();
    let key = "k".repeat(1 << 20);
    for record in [
        format!("{{\"{key}\":1}}"),
        format!(
            "{{{}\"ts\":1,\"upstream\":\"cart\",\"status\":200,\"duration_ms\":2}}",
            "\"a\":1,".repeat(10_000)
        ),
        format!("{{{}\"b\":[]}}", (0..1_000).map(|n| format!("\"k{n}\":{{}},")).collect::<String>()),
        format!("{{\"a\"{}:{}1}}", " ".repeat(400), " ".repeat(400)),
    ] {
        assert_eq!(filter.record(&record), RecordOutcome::Kept(record.clone()));
        assert_eq!(filter.record(&record), RecordOutcome::Kept(record.clone()), "and again");
    }
}

#[test]
fn existing_near_miss_fields_are_not_duplicated() {
    let mut filter = with(r#"{"fluent_bit":{"mode":"all"}}"#);
    for record in [
        r#"{"near_miss":"retried;attempts=2","near_miss":null}"#,
        r#"{"near_miss":{"fate":{}},"near_miss_note":7}"#,
        r#"{"near_miss":7,"near_miss_summaries":[]}"#,
        r#"{"log":"x","near_miss":{"upstream":"a","fate":"slow"},"near_miss_episodes":null}"#,
    ] {
        let kept = filter.record(record).kept();
        for field in ["near_miss", "near_miss_note", "near_miss_episodes", "near_miss_summaries"] {
            let name = format!("\"{field}\":");
            let (before, after) = (record.matches(&name).count(), kept.matches(&name).count());
            assert!(after <= before.max(1), "{field} in {kept}");
        }
    }
}

#[test]
fn bytes_after_a_nul_are_ignored() {
    let kept = start().record(b"{\"a\":1}\0{\"b\":nan}").kept();
    assert_eq!(kept, "{\"a\":1}");
}
