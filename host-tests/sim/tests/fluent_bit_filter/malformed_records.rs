//! Malformed records: each reply is still one whole object.

use crate::harness::{start, with};
use fastrand::Rng;
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

/// Well-formed records of every kind, to be corrupted.
const SOUND: [&str; 8] = [
    r#"{"ts":1795423554.513089,"upstream":"cart","status":200,"duration_ms":42.46,"attempts":3,"max_attempts":4}"#,
    r#"{"start_time":"2026-11-23T08:00:00.310Z","response_code":200,"response_flags":"-","duration":42,"upstream_host":"10.0.2.1:8080","upstream_cluster":"cart","user_agent":"a\"b\\c\u00e9"}"#,
    r#"{"log":"10.0.0.9 - - [23/Nov/2026:08:00:00 +0000] \"GET /p HTTP/1.1\" 200 612 \"-\" \"curl/8\" rt=0.684 urt=\"0.096, 0.588\" ua=\"10.0.0.1:80, 10.0.0.2:80\" us=\"502, 200\"","stream":"stdout"}"#,
    r#"{"status":"200","request_time":"0.1","upstream_status":"502, 200","upstream_addr":"10.0.0.1:80, 10.0.0.2:80","msec":"1795423554.1"}"#,
    r#"{"a":{"b":[1,2.5e-7,-0,true,false,null,{"c":"\ud83d\ude00"}]},"d":"é","e":nan,"f":-inf,1:2}"#,
    r#"{"near_miss":"retried;attempts=2;margin=50, slow;ratio=4.1","upstream_cluster":"cart","response_code":200,"duration":3,"start_time":"2026-11-23T08:00:00Z"}"#,
    r#"{"response":{"status":200},"latencies":{"request":3},"service":{"name":"cart"},"tries":[{"ip":"10.0.0.1","port":80}],"started_at":1795423554000}"#,
    r#"{"message":"h2 2026-07-02T22:23:00.186641Z app/lb/50dc6c495c0c9188 10.0.1.252:48160 10.0.0.66:9000 0.000 0.002 0.000 200 200 5 257 \"GET https://10.0.2.105:773/ HTTP/2.0\" \"curl/7.46.0\""}"#,
];

/// Corrupts a record: changes, removes, inserts or duplicates some bytes.
fn corrupt(random: &mut Rng, record: &mut Vec<u8>) {
    const LIKELY: &[u8] = b"{}[]\",:\\\x00\x01\x7f\x80\xff09-.eEunatf \n";
    for _ in 0..random.usize(..4) {
        let at = random.usize(..record.len().max(1));
        let byte = LIKELY[random.usize(..LIKELY.len())];
        match random.usize(..6) {
            0 => record.truncate(at),
            1 => record.insert(at.min(record.len()), byte),
            2 if at < record.len() => drop(record.remove(at)),
            3 if at < record.len() => record[at] = random.u8(..),
            4 if at < record.len() => record.extend_from_within(at..),
            _ if at < record.len() => record[at] = byte,
            _ => {}
        }
    }
}

#[test]
fn a_million_corrupted_records_give_a_million_whole_replies() {
    let mut filter = start();
    let mut random = Rng::with_seed(1);
    let mut record = Vec::new();
    for number in 0..1_000_000_u32 {
        record.clear();
        record.extend_from_slice(SOUND[random.usize(..SOUND.len())].as_bytes());
        corrupt(&mut random, &mut record);
        match filter.record_at(1_795_423_554_000_000 + u64::from(number) * 1_000, &record) {
            RecordOutcome::Kept(_) => {}
            other => panic!("{other:?} for {}", String::from_utf8_lossy(&record)),
        }
    }
}
