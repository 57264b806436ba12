use super::*;
use crate::{Attempt, Config, Exchange, Feed, Micros, Monitor, Pattern};
use alloc::string::ToString;
use alloc::vec::Vec;
use serde_json::{Value, json};

const TS: Timestamp = Timestamp::from_micros(1_795_423_554_513_089);
const SOURCE: &str = "node/1/1795423550";

/// Returns a batch of all records that a monitor emits for `exchanges`.
fn batch(config: &str, exchanges: &[Exchange<'_>]) -> Value {
    let mut monitor = Monitor::new(Config::parse(config).unwrap(), Feed::Log, SOURCE);
    monitor.note_tokens();
    let (mut out, mut number) = (String::new(), 0);
    begin(&mut out, "nearmiss", SOURCE);
    let mut drain = |monitor: &mut Monitor| {
        while let Some(record) = monitor.poll_record() {
            out.push_str(if number > 0 { "," } else { "" });
            push(&mut out, &record, (SOURCE, number), TS);
            number += 1;
        }
    };
    for exchange in exchanges {
        monitor.observe(exchange);
        drain(&mut monitor);
    }
    monitor.finish();
    drain(&mut monitor);
    end(&mut out);
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
}

fn records(batch: &Value) -> &Vec<Value> {
    batch["resourceLogs"][0]["scopeLogs"][0]["logRecords"].as_array().unwrap()
}

fn attributes(record: &Value) -> Vec<(String, Value)> {
    let list = record["attributes"].as_array().unwrap().iter();
    list.map(|one| (one["key"].as_str().unwrap().to_string(), one["value"].clone())).collect()
}

fn attribute_of(record: &Value, name: &str) -> Option<Value> {
    attributes(record).into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
}

fn retried<'a>(attempt_log: &'a [Attempt<'a>]) -> Exchange<'a> {
    Exchange {
        ts: TS,
        upstream: "cart",
        status: 200,
        duration: Micros::new(42_460),
        attempts: Some(3),
        max_attempts: Some(4),
        attempt_log,
        host: Some("10.0.0.1:80"),
        route: Some("a\"},b"),
        trace_id: Some("0123456789abcdef0123456789abcdef"),
        ..Exchange::default()
    }
}

#[test]
fn a_record_is_a_log_record_with_its_fields_as_attributes() {
    let attempt = Attempt {
        host: Some("10.0.0.2:80"),
        status: None,
        duration: Some(Micros::new(12_100)),
        ..Attempt::default()
    };
    let answer = Attempt { host: Some("10.0.0.1:80"), status: Some(200), ..Attempt::default() };
    let batch = batch("{}", &[retried(&[attempt, answer])]);
    assert_eq!(
        batch["resourceLogs"][0]["resource"]["attributes"],
        json!([
            {"key": "service.name", "value": {"stringValue": "nearmiss"}},
            {"key": "service.instance.id", "value": {"stringValue": SOURCE}}
        ])
    );
    let record = &records(&batch)[0];
    assert_eq!(record["timeUnixNano"], "1795423554513089000");
    assert_eq!(record["eventName"], "nearmiss.exchange");
    assert_eq!(record["severityNumber"], 9);
    assert!(
        record["body"]["stringValue"]
            .as_str()
            .unwrap()
            .starts_with("The exchange succeeded after 3 of 4 attempts")
    );
    assert_eq!(record["traceId"], "0123456789abcdef0123456789abcdef");
    let of = |name: &str| attribute_of(record, name).unwrap_or_else(|| panic!("{name} in {record}"));
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
    let failed = json!([
        {"key": "host", "value": {"stringValue": "10.0.0.2:80"}},
        {"key": "duration_ms", "value": {"doubleValue": 12.1}}
    ]);
    let answered = json!([
        {"key": "host", "value": {"stringValue": "10.0.0.1:80"}},
        {"key": "status", "value": {"intValue": "200"}}
    ]);
    assert_eq!(
        of("nearmiss.attempt_log"),
        json!({"arrayValue": {"values": [
            {"kvlistValue": {"values": failed}}, {"kvlistValue": {"values": answered}}
        ]}})
    );
    let keys: Vec<_> = attributes(record).into_iter().map(|(key, _)| key).collect();
    assert!(keys.iter().all(|key| key != "error.type"));
    let mut distinct = keys.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(keys.len(), distinct.len(), "no key comes twice");
}

#[test]
fn a_duration_is_a_double_even_where_it_is_a_whole_number() {
    let batch = batch("{}", &[Exchange { duration: Micros::from_millis(42), ..retried(&[]) }]);
    let record = &records(&batch)[0];
    assert_eq!(attribute_of(record, "nearmiss.duration_ms").unwrap()["doubleValue"], json!(42));
    let summary = &records(&batch)[1];
    assert_eq!(attribute_of(summary, "nearmiss.failed_attempts_ms").unwrap()["doubleValue"], json!(0));
}

#[test]
fn the_peer_is_an_address_with_or_without_a_port() {
    for (host, address, port) in [
        ("10.0.0.1:80", "10.0.0.1", Some("80")),
        ("[2001:db8::1]:443", "2001:db8::1", Some("443")),
        ("2001:db8::1", "2001:db8::1", None),
        ("cart.internal", "cart.internal", None),
        ("unix:/run/cart.sock", "unix:/run/cart.sock", None),
    ] {
        let batch = batch("{}", &[Exchange { host: Some(host), ..retried(&[]) }]);
        let record = &records(&batch)[0];
        assert_eq!(
            attribute_of(record, "network.peer.address"),
            Some(json!({"stringValue": address})),
            "{host}"
        );
        let expected = port.map(|port| json!({"intValue": port}));
        assert_eq!(attribute_of(record, "network.peer.port"), expected, "{host}");
    }
}

#[test]
fn summaries_keep_their_nested_values() {
    let batch = batch(r#"{"reorder":"0s"}"#, &[retried(&[])]);
    let summary = &records(&batch)[1];
    assert_eq!(summary["body"], json!({"stringValue": "summary"}));
    assert_eq!(attribute_of(summary, "nearmiss.seq"), Some(json!({"intValue": "0"})));
    assert_eq!(attribute_of(summary, "nearmiss.routes"), Some(json!({"arrayValue": {"values": []}})));
    let latency = attribute_of(summary, "nearmiss.latency").unwrap();
    assert_eq!(latency["kvlistValue"]["values"][0], json!({"key": "scale", "value": {"intValue": "3"}}));
}

#[test]
fn episodes_are_warnings_and_flags_are_booleans() {
    let (mut text, mut tokens) = (String::new(), Vec::new());
    let mut json = crate::json::write::Json::noting(&mut text, Some(&mut tokens));
    json.open('{');
    json.key("truncated").flag(true);
    json.key("hosts").open('[');
    json.close(']');
    json.close('}');
    let head = Head::Episode { is_open: false, pattern: Pattern::Burst };
    let record = Record { head, time: TS, upstream: "cart", json: &text, tokens: &tokens };
    let mut out = String::new();
    push(&mut out, &record, (SOURCE, 0), TS);
    let record: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(record["severityText"], "WARN");
    assert_eq!(attribute_of(&record, "nearmiss.truncated"), Some(json!({"boolValue": true})));
    assert_eq!(attribute_of(&record, "nearmiss.hosts"), Some(json!({"arrayValue": {"values": []}})));
}

#[test]
fn the_rejected_records_of_a_partial_success_are_counted() {
    assert_eq!(rejected("{}"), 0);
    assert_eq!(rejected(r#"{"partialSuccess":{"rejectedLogRecords":"12","errorMessage":"no"}}"#), 12);
    assert_eq!(rejected(r#"{"partialSuccess": {"rejectedLogRecords" : 3}}"#), 3);
    assert_eq!(rejected("\"rejectedLogRecords\":\"99999999999999999999999\""), 0);
    assert_eq!(rejected("<html>"), 0);
}
