use super::*;
use alloc::string::ToString;
use alloc::vec::Vec;
use serde_json::{Value, json};

const TS: Timestamp = Timestamp::from_micros(1_795_423_554_513_089);

fn batch(records: &[Record<'_>]) -> Value {
    let mut out = String::new();
    begin(&mut out, "node/1/1795423550");
    for (number, record) in records.iter().enumerate() {
        push(&mut out, record, number == 0, ("node/1/1795423550", number as u64), TS);
    }
    end(&mut out);
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
}

fn attributes(record: &Value) -> Vec<(String, Value)> {
    let list = record["attributes"].as_array().unwrap().iter();
    list.map(|one| (one["key"].as_str().unwrap().to_string(), one["value"].clone())).collect()
}

#[test]
fn a_record_is_a_log_record_with_its_fields_as_attributes() {
    let exchange = r#"{"schema":1,"type":"exchange","upstream":"cart","fate":"retried","signals":["retry"],"attempts":3,"attempt_log":[{"host":"10.0.0.2:80","duration_ms":12.1}],"status":200,"duration_ms":42.46,"host":"10.0.0.1:80","route":"a\"},b","trace_id":"0123456789abcdef0123456789abcdef","explain":"It took 3 of 4 attempts: so."}"#;
    let batch = batch(&[Record { kind: RecordKind::Exchange, time: TS, json: exchange }]);
    let record = &batch["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
    assert_eq!(record["timeUnixNano"], "1795423554513089000");
    assert_eq!(record["eventName"], "nearmiss.exchange");
    assert_eq!(record["severityNumber"], 9);
    assert_eq!(record["body"], json!({"stringValue": "It took 3 of 4 attempts: so."}));
    assert_eq!(record["traceId"], "0123456789abcdef0123456789abcdef");
    let attributes = attributes(record);
    let of = |name: &str| {
        let found = attributes.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.clone()).unwrap_or_else(|| panic!("{name} in {attributes:?}"))
    };
    assert_eq!(of("log.record.uid"), json!({"stringValue": "node/1/1795423550-0"}));
    assert_eq!(of("nearmiss.attempts"), json!({"intValue": "3"}));
    assert_eq!(of("http.request.resend_count"), json!({"intValue": "2"}));
    assert_eq!(of("http.response.status_code"), json!({"intValue": "200"}));
    assert_eq!(of("nearmiss.duration_ms"), json!({"doubleValue": 42.46}));
    assert_eq!(of("http.route"), json!({"stringValue": "a\"},b"}));
    assert_eq!(of("network.peer.address"), json!({"stringValue": "10.0.0.1"}));
    assert_eq!(of("network.peer.port"), json!({"intValue": "80"}));
    assert_eq!(of("service.peer.name"), json!({"stringValue": "cart"}));
    assert_eq!(of("nearmiss.signals"), json!({"arrayValue": {"values": [{"stringValue": "retry"}]}}));
    let attempt = json!([
        {"key": "host", "value": {"stringValue": "10.0.0.2:80"}},
        {"key": "duration_ms", "value": {"doubleValue": 12.1}}
    ]);
    assert_eq!(
        of("nearmiss.attempt_log"),
        json!({"arrayValue": {"values": [{"kvlistValue": {"values": attempt}}]}})
    );
    assert!(attributes.iter().all(|(key, _)| key != "error.type"));
    let mut keys: Vec<_> = attributes.iter().map(|(key, _)| key).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), attributes.len(), "no key comes twice");
}

#[test]
fn empty_lists_flags_and_a_batch_of_several_stay_json() {
    let episode = r#"{"schema":1,"type":"episode","phase":"close","truncated":true,"hosts":[],"signals":{},"explain":"so"}"#;
    let summary = r#"{"schema":1,"type":"summary","seq":17,"fates":{"clean":1},"latency":{"scale":3,"offset":-2,"counts":[1,0]}}"#;
    let batch = batch(&[
        Record { kind: RecordKind::Episode, time: TS, json: episode },
        Record { kind: RecordKind::Summary, time: TS, json: summary },
    ]);
    let records = &batch["resourceLogs"][0]["scopeLogs"][0]["logRecords"];
    assert_eq!(records[0]["severityText"], "WARN");
    assert_eq!(attributes(&records[0])[4].1, json!({"boolValue": true}));
    assert_eq!(attributes(&records[0])[5].1, json!({"arrayValue": {"values": []}}));
    assert_eq!(records[1]["body"], json!({"stringValue": "summary"}));
    assert_eq!(attributes(&records[1])[3], ("nearmiss.seq".into(), json!({"intValue": "17"})));
}

#[test]
fn a_partial_success_says_how_many_were_refused() {
    assert_eq!(refused("{}"), 0);
    assert_eq!(refused(r#"{"partialSuccess":{"rejectedLogRecords":"12","errorMessage":"no"}}"#), 12);
    assert_eq!(refused(r#"{"partialSuccess": {"rejectedLogRecords" : 3}}"#), 3);
    assert_eq!(refused("\"rejectedLogRecords\":\"99999999999999999999999\""), 0);
    assert_eq!(refused("<html>"), 0);
}
