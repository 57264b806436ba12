//! Records that could not be read, and configured upstreams that never occur.

use crate::harness::{start, with};

const RETRIED: &str = r#"{"ts":1795423554.5,"upstream":"cart","status":200,"duration_ms":42,"attempts":3}"#;
const SCRAMBLED: &str = r#"{"host":"10.0.0.9","code":"200","request_time":"0.684","proxy_upstream_name":"shop-search-80","upstream_addr":"10.0.0.1:80,","upstream_response_length":"10.0.0.2:80","upstream_response_time":"0,","upstream_status":"612","reg_id":"0.096,"}"#;

fn at(second: u64) -> String {
    RETRIED.replace("1795423554.5", &(1_795_423_554 + second).to_string())
}

#[test]
fn unread_records_are_counted_in_the_summary_of_no_upstream_and_messages_are_not() {
    let mut filter = start();
    let malformed = RETRIED.replace("1795423554.5", "\"soon\"");
    let too_long = format!(r#"{{"log":"{}"}}"#, "x".repeat(300 << 10));
    for record in [&malformed, &at(0), SCRAMBLED, r#"{"log":"listening on :80"}"#, &too_long, r#"{"a":1}"#] {
        filter.record(record);
    }
    let unread = |records: &str| {
        records.contains(r#""upstream":"none""#).then(|| {
            let (_, count) = records.split_once(r#""unread":"#).expect("a count");
            count.split_once(|c: char| !c.is_ascii_digit()).map(|(count, _)| count.to_owned())
        })
    };
    let kept = filter.record(at(60)).kept();
    assert_eq!(unread(&kept), Some(Some("1".to_owned())), "before the first exchange: {kept}");
    let last = filter.finish().join("\n");
    assert_eq!(unread(&last), Some(Some("2".to_owned())), "{last}");
}

#[test]
fn configured_upstreams_that_never_occur_are_reported_once_after_ten_minutes() {
    let mut filter = with(r#"{"upstreams":{"crat":{"timeout":"1s"},"cart":{}}}"#);
    for minute in 0..11 {
        filter.record(at(60 * minute));
        assert_eq!(filter.take_stderr(), "");
    }
    for minute in 11..30 {
        filter.record(at(60 * minute));
    }
    assert_eq!(
        filter.take_stderr(),
        "nearmiss: `upstreams.crat` of nearmiss.json has matched no upstream in ten minutes\n"
    );
}
