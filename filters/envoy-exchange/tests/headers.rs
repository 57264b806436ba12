//! Holds what is read from headers to a table of cases, which the edge package's reading is held to as well.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use nearmiss::Substitute;
use nearmiss_envoy_exchange::client::ClientInfo;
use nearmiss_envoy_exchange::response::ResponseHeaders;
use serde_json::{Map, Value};

/// Returns what is read from headers, in the form of the table.
fn reads(headers: &Map<String, Value>) -> Value {
    let headers =
        || headers.iter().map(|(name, value)| (name.as_bytes(), value.as_str().unwrap().as_bytes()));
    let response = ResponseHeaders::read(headers(), None);
    let mut client = ClientInfo::default();
    for (name, value) in headers() {
        client.add(name, value);
    }
    let mut reads = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            reads.insert(name.into(), value);
        }
    };
    set("quota", response.quota.quota().map(|quota| vec![quota.limit, quota.remaining].into()));
    set("client_attempt", client.attempt(None).map(Value::from));
    set("stale", (response.substitute(None) == Some(Substitute::Stale)).then(|| true.into()));
    let is_grpc = response.is_grpc() || response.is_grpc_web();
    set("grpc_status", response.grpc_status.filter(|_| is_grpc).map(Value::from));
    set("stream", response.is_stream().then(|| true.into()));
    reads.into()
}

#[test]
fn headers_are_read_as_the_table_says() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../../../tests/headers.json")).unwrap();
    for case in cases {
        assert_eq!(reads(case["headers"].as_object().unwrap()), case["reads"], "{}", case["headers"]);
    }
}
