//! Annotation of records: what is added, and that nothing is lost.

use crate::harness::{start, with};
use sim::fluent_bit::RecordOutcome;

const RETRIED: &str = r#"{"ts":1795423554.513089,"upstream":"cart","status":200,"duration_ms":42.46,"attempts":3,"max_attempts":4}"#;

#[test]
fn a_near_miss_gains_its_record_and_keeps_every_byte() {
    let mut filter = start();
    let kept = filter.record(RETRIED).kept();
    let (before, record) = kept.split_once(r#","near_miss":"#).unwrap();
    assert_eq!(before, RETRIED.strip_suffix('}').unwrap());
    assert!(record.starts_with(r#"{"schema":1,"type":"exchange","time":"2026-11-23T08:45:54.513Z","upstream":"cart","fate":"retried","margin_bp":3334,"#), "{record}");
}

#[test]
fn a_clean_exchange_is_annotated_as_clean() {
    let record = RETRIED.replace("\"attempts\":3", "\"attempts\":1");
    let kept = start().record(&record).kept();
    assert!(kept.ends_with(r#","near_miss":{"upstream":"cart","fate":"clean"}}"#), "{kept}");
}

#[test]
fn a_raw_line_is_parsed_and_kept_unchanged() {
    let line = r#"{"log":"10.0.0.9 - - [23/Nov/2026:08:00:00 +0000] \"GET /p HTTP/1.1\" 200 612 \"-\" \"curl/8\" rt=0.684 uct=\"0.001, 0.001\" uht=\"0.096, 0.587\" urt=\"0.096, 0.588\" ua=\"10.0.0.1:80, 10.0.0.2:80\" us=\"502, 200\" upstream=\"search\"","stream":"stdout"}"#;
    for line in [line.to_owned(), line.replace("\"log\"", "\"message\"")] {
        let kept = start().record(&line).kept();
        assert!(kept.starts_with(line.strip_suffix('}').unwrap()), "{kept}");
        assert!(kept.contains(r#""upstream":"search","fate":"retried""#), "{kept}");
        assert!(kept.contains(r#"{"host":"10.0.0.1:80","status":502,"duration_ms":96}"#), "{kept}");
    }
}

#[test]
fn a_record_that_is_not_an_exchange_is_kept_unchanged() {
    let mut filter = start();
    for record in [r#"{"log":"listening on :80"}"#, r#"{"a":1}"#, "{}", r#"{ "a" : [1, {"b": null}] }"#] {
        assert_eq!(filter.record(record), RecordOutcome::Kept(record.to_owned()));
    }
}

#[test]
fn mode_only_drops_all_but_near_misses() {
    let mut filter = with(r#"{"fluent_bit":{"mode":"only"}}"#);
    assert_eq!(filter.record(RETRIED.replace("\"attempts\":3", "\"attempts\":1")), RecordOutcome::Dropped);
    assert!(filter.record(RETRIED).kept().contains("retried"));
    assert_eq!(filter.record(r#"{"a":1}"#), RecordOutcome::Dropped);
}

#[test]
fn a_record_with_a_verdict_passes_unchanged_and_is_counted() {
    let mut filter = start();
    let envoy = r#"{"start_time":"2026-11-23T08:00:00Z","response_code":200,"duration":42,"upstream_cluster":"cart","near_miss":"#;
    for verdict in ["null", r#""retried;attempts=2;margin=50""#] {
        let record = format!("{envoy}{verdict}}}");
        assert_eq!(filter.record(&record), RecordOutcome::Kept(record.clone()));
    }
    let ours =
        r#"{"log":"what was logged","stream":"stdout","near_miss":{"upstream":"search","fate":"slow"}}"#;
    assert_eq!(filter.record_at(1_795_420_800_000_000, ours), RecordOutcome::Kept(ours.to_owned()));
    let summaries = filter.finish().join("\n");
    assert!(
        summaries.contains(r#""upstream":"cart""#) && summaries.contains(r#""retried":1"#),
        "{summaries}"
    );
    assert!(summaries.contains(r#""upstream":"search""#) && summaries.contains(r#""slow":1"#), "{summaries}");
}

#[test]
fn an_embedded_line_that_no_longer_parses_yields_no_stale_fields() {
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
