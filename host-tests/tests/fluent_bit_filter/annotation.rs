//! What a record gains, and that it loses nothing.

use crate::stage::{start, with};
use host_tests::sim::fluent_bit::Outcome;

const RETRIED: &str = r#"{"ts":1795423554.513089,"upstream":"cart","status":200,"duration_ms":42.46,"attempts":3,"max_attempts":4}"#;

#[test]
fn a_near_miss_carries_its_record_and_every_byte_it_had() {
    let mut filter = start();
    let kept = filter.record(RETRIED).kept();
    let (before, record) = kept.split_once(r#","near_miss":"#).unwrap();
    assert_eq!(before, RETRIED.strip_suffix('}').unwrap());
    assert!(record.starts_with(r#"{"schema":1,"type":"exchange","time":"2026-11-23T08:45:54.513Z","upstream":"cart","fate":"retried","margin_bp":3334,"#), "{record}");
}

#[test]
fn a_clean_one_says_so() {
    let record = RETRIED.replace("\"attempts\":3", "\"attempts\":1");
    let kept = start().record(&record).kept();
    assert!(kept.ends_with(r#","near_miss":{"upstream":"cart","fate":"clean"}}"#), "{kept}");
}

#[test]
fn a_raw_line_is_read_and_stays_what_it_was() {
    let line = r#"{"log":"10.0.0.9 - - [23/Nov/2026:08:00:00 +0000] \"GET /p HTTP/1.1\" 200 612 \"-\" \"curl/8\" rt=0.684 uct=\"0.001, 0.001\" uht=\"0.096, 0.587\" urt=\"0.096, 0.588\" ua=\"10.0.0.1:80, 10.0.0.2:80\" us=\"502, 200\" upstream=\"search\"","stream":"stdout"}"#;
    for line in [line.to_owned(), line.replace("\"log\"", "\"message\"")] {
        let kept = start().record(&line).kept();
        assert!(kept.starts_with(line.strip_suffix('}').unwrap()), "{kept}");
        assert!(kept.contains(r#""upstream":"search","fate":"retried""#), "{kept}");
        assert!(kept.contains(r#"{"host":"10.0.0.1:80","status":502,"duration_ms":96}"#), "{kept}");
    }
}

#[test]
fn what_is_no_exchange_goes_on_as_it_came() {
    let mut filter = start();
    for record in [r#"{"log":"listening on :80"}"#, r#"{"a":1}"#, "{}", r#"{ "a" : [1, {"b": null}] }"#] {
        assert_eq!(filter.record(record), Outcome::Kept(record.to_owned()));
    }
}

#[test]
fn in_mode_only_the_rest_is_dropped() {
    let mut filter = with(r#"{"fluent_bit":{"mode":"only"}}"#);
    assert_eq!(filter.record(RETRIED.replace("\"attempts\":3", "\"attempts\":1")), Outcome::Dropped);
    assert!(filter.record(RETRIED).kept().contains("retried"));
    assert_eq!(filter.record(r#"{"a":1}"#), Outcome::Dropped);
}

#[test]
fn what_was_judged_before_goes_on_as_it_came_and_is_counted() {
    let mut filter = start();
    let envoy = r#"{"start_time":"2026-11-23T08:00:00Z","response_code":200,"duration":42,"upstream_cluster":"cart","near_miss":"#;
    for verdict in ["null", r#""retried;attempts=2;margin=50""#] {
        let record = format!("{envoy}{verdict}}}");
        assert_eq!(filter.record(&record), Outcome::Kept(record.clone()));
    }
    let ours =
        r#"{"log":"what was logged","stream":"stdout","near_miss":{"upstream":"search","fate":"slow"}}"#;
    assert_eq!(filter.record_at(1_795_420_800_000_000, ours), Outcome::Kept(ours.to_owned()));
    let summaries = filter.finish().join("\n");
    assert!(
        summaries.contains(r#""upstream":"cart""#) && summaries.contains(r#""retried":1"#),
        "{summaries}"
    );
    assert!(summaries.contains(r#""upstream":"search""#) && summaries.contains(r#""slow":1"#), "{summaries}");
}

#[test]
fn where_the_line_inside_says_nothing_any_more_its_parts_are_not_taken_for_fields() {
    let record = |status: &str| {
        format!(
            r#"{{"message":"10.0.0.9 - - [23/Nov/2026:08:00:00 +0000] \"GET / HTTP/1.1\" {status} 612 rt=0.042 us=\"200\" upstream=\"web\"","start_time":"2026-11-23T08:00:00Z","response_code":200,"response_flags":"-","duration":3,"upstream_cluster":"cart"}}"#
        )
    };
    let mut filter = start();
    for _ in 0..40 {
        let kept = filter.record(record("200")).kept();
        assert!(kept.ends_with(r#""near_miss":{"upstream":"web","fate":"clean"}}"#), "{kept}");
    }
    let kept = filter.record(record("???")).kept();
    assert!(kept.ends_with(r#""near_miss":{"upstream":"cart","fate":"clean"}}"#), "{kept}");
}
