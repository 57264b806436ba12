//! Settings that say where a record holds its line or its fields, and in which form the verdict is added.

use std::collections::BTreeMap;

use crate::harness::{start, with};
use sim::fluent_bit::{FilterModule, RecordOutcome, WasiEnv};

const LINE: &str = r#"10.0.0.9 - - [23/Nov/2026:08:00:00 +0000] \"GET /p HTTP/1.1\" 200 612 \"-\" \"curl/8\" rt=0.684 urt=\"0.096, 0.588\" ua=\"10.0.0.1:80, 10.0.0.2:80\" us=\"502, 200\" upstream=\"search\""#;
const FIELDS: &str = r#"{"ts":1795423554.5,"upstream":"cart","status":200,"duration_ms":42,"attempts":3}"#;

#[test]
fn the_line_is_found_under_the_configured_key_and_under_journalds() {
    let mut configured = with(r#"{"fluent_bit":{"line":"raw_line"}}"#);
    for _ in 0..40 {
        let kept = configured.record(format!(r#"{{"message":"other","raw_line":"{LINE}"}}"#)).kept();
        assert!(kept.contains(r#""upstream":"search","fate":"retried""#), "{kept}");
    }
    let kept = start().record(format!(r#"{{"_PID":"7","MESSAGE":"{LINE}"}}"#)).kept();
    assert!(kept.contains(r#""upstream":"search","fate":"retried""#), "{kept}");
}

#[test]
fn the_fields_are_found_at_the_configured_path() {
    let mut filter = with(r#"{"fluent_bit":{"record":"body.access"}}"#);
    for attempts in [3, 1, 3] {
        let fields = FIELDS.replace(r#""attempts":3"#, &format!(r#""attempts":{attempts}"#));
        let kept = filter.record(format!(r#"{{"log":"x","body":{{"a":1,"access":{fields}}}}}"#)).kept();
        let fate = if attempts > 1 { "retried" } else { "clean" };
        assert!(kept.contains(&format!(r#""upstream":"cart","fate":"{fate}""#)), "{kept}");
    }
    for other in [r#"{"body":{"access":7}}"#, r#"{"body":[]}"#, r#"{"log":"listening"}"#] {
        assert_eq!(filter.record(other), RecordOutcome::Kept(other.to_owned()));
    }
    let kept = filter.record(FIELDS).kept();
    assert!(kept.contains("retried"), "a record without the map is read as usual: {kept}");
}

#[test]
fn fields_are_found_behind_a_prefix_of_their_keys() {
    let mut filter = start();
    for prefix in ["log_", "log_processed.", "log_"] {
        for attempts in [3, 1] {
            let fields = FIELDS.replace(r#""attempts":3"#, &format!(r#""attempts":{attempts}"#));
            let prefixed =
                fields.replace("{\"", &format!("{{\"{prefix}")).replace(",\"", &format!(",\"{prefix}"));
            let record = format!(r#"{{"stream":"stdout","logtag":"F",{}"#, &prefixed[1..]);
            let kept = filter.record(&record).kept();
            let fate = if attempts > 1 { "retried" } else { "clean" };
            assert!(kept.starts_with(record.strip_suffix('}').unwrap()), "{kept}");
            assert!(kept.contains(&format!(r#""upstream":"cart","fate":"{fate}""#)), "{kept}");
        }
    }
    let other = r#"{"log_level":"info","log_source":"db","log_id":7,"msg":"connected"}"#;
    assert_eq!(filter.record(other), RecordOutcome::Kept(other.to_owned()));
    let kept = filter.record(FIELDS).kept();
    assert!(kept.contains("retried"), "{kept}");
}

#[test]
fn keys_of_ones_own_need_no_format() {
    let fields = r#"{"upstream":"svc","status":"code","duration_ms":"took","attempts":"tries"}"#;
    for format in ["", r#""format":"exchange","#, r#""format":"haproxy","#, r#""format":"nginx-json","#] {
        let mut filter = with(&format!(r#"{{"fluent_bit":{{{format}"fields":{fields}}}}}"#));
        for (tries, fate) in [(3, "retried"), (1, "clean")] {
            let record = format!(r#"{{"svc":"cart","code":200,"took":12.5,"tries":{tries}}}"#);
            let kept = filter.record_at(1_795_423_554_000_000, &record).kept();
            assert!(kept.contains(&format!(r#""upstream":"cart","fate":"{fate}""#)), "{format}: {kept}");
        }
    }
}

#[test]
fn flat_keys_stand_beside_every_verdict_and_never_twice() {
    let mut filter = with(r#"{"fluent_bit":{"flat":true}}"#);
    let kept = filter.record(FIELDS).kept();
    assert!(kept.contains(r#""near_miss_fate":"retried","near_miss_upstream":"cart""#), "{kept}");
    let again = with(r#"{"fluent_bit":{"flat":true}}"#).record(&kept).kept();
    assert_eq!(again.matches("near_miss_fate").count(), 1, "{again}");
    let clean = filter.record(FIELDS.replace("\"attempts\":3", "\"attempts\":1")).kept();
    assert!(clean.contains(r#""near_miss_fate":"clean""#), "{clean}");
    let envoy = r#"{"start_time":"2026-11-23T08:00:00Z","response_code":200,"duration":42,"upstream_cluster":"cart","near_miss":"#;
    for (verdict, fate) in [("null", "clean"), (r#""retried;attempts=2;margin=50""#, "retried")] {
        let kept = filter.record(format!("{envoy}{verdict}}}")).kept();
        let expected = format!(r#""near_miss_fate":"{fate}","near_miss_upstream":"cart""#);
        assert!(kept.contains(&expected), "{kept}");
    }
    let other = r#"{"log":"listening on :80"}"#;
    assert_eq!(filter.record(other), RecordOutcome::Kept(other.to_owned()), "no verdict, no keys");
}

#[test]
fn a_double_that_rounds_beyond_its_range_is_replaced_by_the_largest() {
    let kept = start().record(r#"{"v":1.797693134862316e+308,"w":-1.797693134862316e+308,"log":"x"}"#).kept();
    let expected = r#"{"v":1.7976931348623157e308,"w":-1.7976931348623157e308,"log":"x""#;
    assert!(kept.starts_with(expected) && kept.contains("near_miss_note"), "{kept}");
}

#[test]
fn a_record_that_the_stock_parser_has_cut_carries_the_cure() {
    let scrambled = r#"{"host":"10.0.0.9","code":"200","request_time":"0.684","proxy_upstream_name":"shop-search-80","upstream_addr":"10.0.0.1:80,","upstream_response_length":"10.0.0.2:80","upstream_response_time":"0,","upstream_status":"612","reg_id":"0.096,"}"#;
    let mut filter = start();
    for _ in 0..3 {
        let kept = filter.record(scrambled).kept();
        assert!(kept.contains("near_miss_note") && kept.contains("put nearmiss before the parser"), "{kept}");
    }
    let logged = filter.take_stderr();
    assert_eq!(logged.lines().count(), 1, "{logged}");
}

#[test]
fn a_missing_configuration_is_noted_once_with_the_folders_that_were_searched() {
    let mut wasi_env = WasiEnv::default();
    wasi_env.folders.push(BTreeMap::new());
    let mut filter = FilterModule::shipped().start_with(wasi_env);
    let kept = filter.record(FIELDS).kept();
    assert!(kept.contains("there is no nearmiss.json in . (`accessible_paths`"), "{kept}");
    assert!(!filter.record(FIELDS).kept().contains("near_miss_note"));
    assert!(filter.take_stderr().contains("nearmiss: there is no nearmiss.json in ."));
}

#[test]
fn a_record_with_summaries_stays_below_the_limit_of_loki() {
    let mut filter = with(r#"{"summary_every":"10s"}"#);
    let (mut longest, mut carried) = (0, 0);
    for second in 0..40 {
        for upstream in 0..900 {
            let record = format!(
                r#"{{"ts":{},"upstream":"{}-{upstream}","status":200,"duration_ms":12,"attempts":1,"host":"10.0.0.{}:80"}}"#,
                1_795_423_550 + second,
                "u".repeat(60),
                upstream % 200,
            );
            let kept = filter.record(&record).kept();
            longest = longest.max(kept.len());
            carried += usize::from(kept.contains("near_miss_summaries"));
        }
    }
    assert!((150_000..=200_000).contains(&longest), "{longest}");
    assert!(carried > 2, "{carried}");
}
