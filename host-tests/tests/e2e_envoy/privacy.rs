//! What must not leave does not.

use host_tests::real::Request;
use serde_json::json;

use crate::stage::Stage;

#[test]
fn no_header_value_query_string_or_client_address_leaves() {
    let mut stage = Stage::http(&json!({"hosts": "hashed", "envoy": {"header": true}}));
    let request = Request::get("/cart/item?card=4111-secret")
        .script("one", "503,200")
        .header("authorization", "Bearer very-secret")
        .header("cookie", "session=secret-too")
        .header("x-forwarded-for", "203.0.113.77");
    let told = stage.ask("one", &request);
    assert!(told.near_miss.is_some());
    let record = stage.next_record().to_string();
    let stats = stage.envoy.ask("/stats?filter=wasmcustom");
    let annotation = told.near_miss.unwrap_or_default();
    let header = told.response.header("near-miss").unwrap_or_default().to_owned();
    for left in [record, stats, annotation, header] {
        for secret in ["secret", "4111", "203.0.113", "127.0.0.1:"] {
            assert!(!left.contains(secret), "{secret} in {left}");
        }
    }
}
