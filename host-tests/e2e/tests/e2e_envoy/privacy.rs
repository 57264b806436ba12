//! Private data is in no output.

use real::{Client, EnvoyCommand, Request, eventually, wasm_filter};
use serde_json::{Value, json};

use crate::harness::{Harness, Origins, exchange_records};

#[test]
fn no_output_contains_a_header_value_a_query_string_or_a_client_address() {
    let mut harness = Harness::http(&json!({"hosts": "hashed", "envoy": {"header": true}}));
    let request = Request::get("/cart/item?card=4111-secret")
        .script("one", "503,200")
        .header("authorization", "Bearer very-secret")
        .header("cookie", "session=secret-too")
        .header("x-forwarded-for", "203.0.113.77");
    let outcome = harness.send("one", &request);
    assert!(outcome.near_miss.is_some());
    let record = harness.next_record().to_string();
    let stats = harness.envoy.admin_page("/stats?filter=wasmcustom");
    let annotation = outcome.near_miss.unwrap_or_default();
    let header = outcome.response.header("near-miss").unwrap_or_default().to_owned();
    for output in [record, stats, annotation, header] {
        for secret in ["secret", "4111", "203.0.113", "127.0.0.1:"] {
            assert!(!output.contains(secret), "{secret} in {output}");
        }
    }
}

#[test]
fn all_workers_and_plugins_emit_the_same_hash_for_a_host() {
    let origins = Origins::start();
    let unlimited = 1_000_000;
    let configuration = json!({"hosts": "hashed", "records_per_second": unlimited,
        "records_per_second_total": unlimited})
    .to_string();
    let mut second = wasm_filter(&configuration);
    second["name"] = json!("second");
    // Another VM on each thread, of the same `vm_id`.
    second["typed_config"]["config"]["vm_config"]["configuration"] =
        json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": "second"});
    let bootstrap = origins.bootstrap().listener_with("second", second).filter(wasm_filter(&configuration));
    let harness = origins.start_envoy(&EnvoyCommand::new().workers(2), &bootstrap);
    let mut sent = 0;
    eventually("a connection of each listener at each worker", || {
        // A new connection, which any worker may accept. The fallback has one host.
        let request = Request::get("/search").script(&sent.to_string(), "200");
        for port in [harness.envoy.port, harness.envoy.port_of("second")] {
            Client::new(port).send(&request);
            sent += 1;
        }
        let connections = harness.envoy.stats("listener").connections_by_worker();
        assert_eq!(connections.len(), 4, "two listeners and two workers");
        connections.iter().all(|count| *count > 0).then_some(())
    });
    let hosts: Vec<Value> = eventually("a record of each exchange", || {
        let records = exchange_records(harness.envoy.records());
        (records.len() == sent).then(|| records.into_iter().map(|mut record| record["host"].take()).collect())
    });
    let first = hosts[0].as_str().expect("the name of a host");
    assert!(first.starts_with("host-") && first.len() == "host-".len() + 16, "{first}");
    assert!(hosts.iter().all(|host| host == first), "{hosts:?}");
}
