//! Private data is in no output.

use host_tests::real::Request;
use serde_json::json;

use crate::harness::Harness;

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
