//! Responses that no attempt of the upstream gave, and exchanges with several legs.

use real::{Bootstrap, EnvoyCommand, route};
use serde_json::json;

use crate::form::{filter, logger, upstream_filter};
use crate::harness::{Harness, Origins, counts, fate, lua};

const HTTP: &str = r#"{"envoy":{"attach":"http"}}"#;
const LOG: &str = r#"{"envoy":{"attach":"log"}}"#;

fn start(attach: impl FnOnce(Bootstrap, &Origins) -> Bootstrap) -> Harness {
    let origins = Origins::start();
    let bootstrap = attach(origins.bootstrap(), &origins);
    origins.start_envoy(&EnvoyCommand::new(), &bootstrap)
}

#[test]
fn an_error_page_with_status_200_is_a_fallback() {
    let pages = json!({"local_reply_config": {"mappers": [{
        "filter": {"status_code_filter": {"comparison": {"op": "GE", "value": {"default_value": 500, "runtime_key": "x"}}}},
        "status_code": 200,
    }]}});
    for attached in
        [(|bootstrap: Bootstrap| bootstrap.filter(filter(HTTP))) as fn(Bootstrap) -> Bootstrap, |bootstrap| {
            bootstrap.logger(logger(LOG))
        }]
    {
        let mut harness = start(|bootstrap, origins| {
            let refused = json!({"retry_policy": {"retry_on": "connect-failure", "num_retries": 2,
                "retry_back_off": {"base_interval": "0.001s"}}});
            attached(bootstrap)
                .manager(pages.clone())
                .cluster(real::cluster("refusing", &[origins.refusing.port]))
                .route(route("/refusing", "refusing", &refused))
        });
        for (path, upstream) in [("/empty", "empty"), ("/refusing", "refusing")] {
            let outcome = harness.get(path, path, "200");
            assert_eq!(outcome.response.status, 200);
            let record = harness.next_record();
            assert_eq!(record["fate"], "fallback", "{}: {record}", outcome.line);
            assert_eq!(harness.fates(upstream), counts(&[("fallback", 1)]));
        }
        harness.finish();
    }
}

#[test]
fn a_filter_that_hides_an_error_of_the_upstream_is_a_fallback_where_attempts_are_seen() {
    let mask = lua("function envoy_on_response(handle) handle:headers():replace(':status', '200') end");
    let mut harness =
        start(|bootstrap, _| bootstrap.filter(filter(HTTP)).filter(mask).upstream_filter(upstream_filter()));
    let outcome = harness.get("/plain", "one", "503");
    assert_eq!(outcome.response.status, 200);
    assert_eq!(fate(outcome.near_miss.as_deref()), "fallback", "{}", outcome.line);
    assert_eq!(harness.next_record()["attempt_log"][0]["status"], 503);
    assert_eq!(harness.get("/plain", "two", "200").near_miss, None);
    harness.finish();
}

/// Returns Envoy's filter that applies a policy to each response with status 503.
fn custom_response(policy: &serde_json::Value) -> serde_json::Value {
    let status = json!({"name": "status", "typed_config": {
        "@type": "type.googleapis.com/envoy.type.matcher.v3.HttpResponseStatusCodeMatchInput"}});
    json!({"name": "custom", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.custom_response.v3.CustomResponse",
        "custom_response_matcher": {"matcher_list": {"matchers": [{
            "predicate": {"single_predicate": {"input": status, "value_match": {"exact": "503"}}},
            "on_match": {"action": {"name": "policy", "typed_config": policy}},
        }]}},
    }})
}

#[test]
fn a_static_page_instead_of_an_error_of_the_upstream_is_a_fallback() {
    let page = custom_response(&json!({
        "@type": "type.googleapis.com/envoy.extensions.http.custom_response.local_response_policy.v3.LocalResponsePolicy",
        "status_code": 200,
        "body": {"inline_string": "a page"},
    }));
    for attached in [
        (|bootstrap: Bootstrap| bootstrap.filter(filter(HTTP))) as fn(Bootstrap) -> Bootstrap,
        |bootstrap| bootstrap.logger(logger(LOG)),
        |bootstrap| bootstrap.filter(filter(HTTP)).upstream_filter(upstream_filter()),
    ] {
        let mut harness = start(|bootstrap, _| attached(bootstrap).filter(page.clone()));
        let outcome = harness.get("/plain", "one", "503");
        assert_eq!(outcome.response.status, 200, "{}", outcome.line);
        let record = harness.next_record();
        assert_eq!(record["fate"], "fallback", "{}: {record}", outcome.line);
        assert_eq!(harness.get("/plain", "two", "200").near_miss, None);
        assert_eq!(harness.fates("cart"), counts(&[("clean", 1), ("fallback", 1)]));
        harness.finish();
    }
}

#[test]
fn a_page_of_another_cluster_leaves_the_error_with_the_upstream_that_gave_it() {
    let spare = custom_response(&json!({
        "@type": "type.googleapis.com/envoy.extensions.http.custom_response.redirect_policy.v3.RedirectPolicy",
        "uri": "http://example.test/spare",
        "status_code": 200,
    }));
    let mut harness = start(|bootstrap, origins| {
        bootstrap
            .cluster(real::cluster("spare", &[origins.hosts[1].port]))
            .route(route("/spare", "spare", &json!({})))
            .filter(filter(HTTP))
            .filter(spare)
            .upstream_filter(upstream_filter())
    });
    let outcome = harness.get("/plain", "one", "503,200");
    assert_eq!(outcome.response.status, 200, "{}", outcome.line);
    let record = harness.next_record();
    assert_eq!((&record["upstream"], &record["fate"]), (&json!("cart"), &json!("fallback")), "{record}");
    assert_eq!(harness.fates("cart"), counts(&[("fallback", 1)]));
    assert_eq!(harness.fates("spare"), counts(&[("clean", 1)]));
    harness.finish();
}

#[test]
fn attempts_say_why_they_had_no_response() {
    let mut harness = start(|bootstrap, _| bootstrap.filter(filter(HTTP)).upstream_filter(upstream_filter()));
    harness.get("/cart", "one", "reset,200");
    let record = harness.next_record();
    let reason = record["attempt_log"][0]["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("reset") || reason.contains("closed"), "{record}");
    harness.get("/short-try", "two", "hang,200");
    assert_eq!(harness.next_record()["attempt_log"][0]["reason"], "timeout");
    harness.get("/search", "three", "200");
    let record = harness.next_record();
    assert!(record["attempt_log"][0]["reason"].as_str().unwrap_or_default().contains("refused"), "{record}");
    harness.finish();
}

#[test]
fn attempts_that_went_to_no_host_are_not_counted() {
    let mut harness = start(|bootstrap, _| bootstrap.filter(filter(HTTP)));
    harness.get("/empty", "one", "200");
    assert_eq!(harness.next_record()["attempts"], 0);
    assert_eq!(harness.stats().attempts("empty"), 0);
    harness.finish();
}

#[test]
fn each_leg_of_an_internal_redirect_counts_on_its_own_cluster() {
    let redirecting = json!({"internal_redirect_policy": {"max_internal_redirects": 2},
        "retry_policy": {"retry_on": "5xx", "num_retries": 2}});
    let mut harness = start(|bootstrap, origins| {
        bootstrap
            .cluster(real::cluster("first", &[origins.hosts[1].port]))
            .route(route("/first", "first", &redirecting))
            .filter(filter(HTTP))
            .upstream_filter(upstream_filter())
    });
    let request = real::Request::get("/first").script("one", "503,302,200");
    let outcome = harness.send("one", &request.respond("location: http://example.test/plain"));
    assert_eq!(outcome.response.status, 200, "{}", outcome.line);
    let record = harness.next_record();
    assert_eq!((&record["upstream"], &record["fate"]), (&json!("first"), &json!("retried")), "{record}");
    assert_eq!(harness.fates("first"), counts(&[("retried", 1)]));
    assert_eq!(harness.fates("cart"), counts(&[("clean", 1)]));
    harness.finish();
}

#[test]
fn each_listener_judges_by_its_own_configuration() {
    let limited = json!({"timeout": "20s"});
    let origins = Origins::start();
    let filter = |margin: &str| filter(&format!(r#"{{"tight_margin":"{margin}"}}"#));
    let bootstrap = origins
        .bootstrap()
        .route(route("/limited", "cart", &limited))
        .listener_with("strict", filter("90%"))
        .listener_with("lax", filter("1%"));
    let harness = origins.start_envoy(&EnvoyCommand::new(), &bootstrap);
    for (name, expected) in [("strict", [("tight", 1)].as_slice()), ("lax", &[("clean", 1), ("tight", 1)])] {
        let mut client = real::Client::new(harness.envoy.port_of(name));
        assert_eq!(client.send(&real::Request::get("/limited").script(name, "late:3000")).status, 200);
        real::eventually("the exchange", || (harness.fates("cart") == counts(expected)).then_some(()));
    }
    harness.stop();
}
