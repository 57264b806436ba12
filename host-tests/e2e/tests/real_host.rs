//! A real Envoy and the test origins without a filter: the harness itself works.

use e2e::{GrpcOrigin, grpc_call};
use real::{
    Action, Bootstrap, Client, EnvoyCommand, Origin, RefusingPort, Request, cluster, grpc_cluster, route,
    tiered_cluster,
};
use serde_json::json;

#[test]
fn a_fault_script_runs_attempt_by_attempt_across_hosts() {
    let hosts = Origin::several(3);
    let ports: Vec<_> = hosts.iter().map(|host| host.port).collect();
    let retry = json!({"timeout": "30s", "retry_policy": {
        "retry_on": "5xx,reset,connect-failure", "num_retries": 3, "per_try_timeout": "5s"}});
    let bootstrap = Bootstrap::new().cluster(cluster("cart", &ports)).route(route("/cart", "cart", &retry));
    let envoy = EnvoyCommand::new().run(&bootstrap);
    let mut client = Client::new(envoy.port);

    let response = client.send(&Request::get("/cart").script("one", "503,reset,hang,200"));
    assert_eq!((response.status, response.body.as_slice()), (200, b"ok".as_slice()));
    let actions: Vec<_> = hosts[0].arrivals.of("one").into_iter().map(|arrival| arrival.action).collect();
    assert_eq!(actions, [Action::Status(503), Action::Reset, Action::Hang, Action::Status(200)]);
    assert_eq!(envoy.access_log_entry("one")["attempts"], 4);

    let response =
        client.send(&Request::get("/cart").script("two", "200").respond("cache-status: o; hit; ttl=-5"));
    assert_eq!(response.header("cache-status"), Some("o; hit; ttl=-5"));
    let response = client.send(&Request::get("/cart").script("three", "cut"));
    assert_eq!((response.status, response.complete), (200, false));
    assert_eq!(envoy.access_log_entry("three")["flags"], "UPE");

    client.abandon(&Request::get("/cart").script("four", "hang"), || hosts[0].arrivals.wait_for("four"));
    assert_eq!(envoy.access_log_entry("four")["flags"], "DC");
    assert_eq!(envoy.nearmiss_stats().exchanges(), 0);
    assert!(!envoy.cpu_time().is_zero());
    assert!(!envoy.stop().is_empty());
}

#[test]
fn the_next_priority_responds_after_a_refused_connection() {
    let (refusing, fallback) = (RefusingPort::reserve(), Origin::start());
    let retry = json!({"retry_policy": {
        "retry_on": "connect-failure", "num_retries": 2,
        "retry_priority": {
            "name": "envoy.retry_priorities.previous_priorities",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
                "update_frequency": 1,
            },
        },
    }});
    let bootstrap = Bootstrap::new()
        .cluster(tiered_cluster("search", &[(refusing.port, None), (fallback.port, Some("fallback"))]))
        .route(route("/", "search", &retry));
    let envoy = EnvoyCommand::new().run(&bootstrap);
    let response = Client::new(envoy.port).send(&Request::get("/").script("one", "200"));
    assert_eq!(response.status, 200);
    let line = envoy.access_log_entry("one");
    assert_eq!((&line["attempts"], &line["host"]), (&json!(2), &json!(fallback.address())));
}

#[test]
fn a_grpc_origin_sends_its_error_in_the_headers_or_the_trailers() {
    let origin = GrpcOrigin::start();
    let bootstrap = Bootstrap::new().cluster(grpc_cluster("ledger", origin.port)).route(route(
        "/",
        "ledger",
        &json!({"timeout": "10s"}),
    ));
    let envoy = EnvoyCommand::new().run(&bootstrap);
    let reply = grpc_call(envoy.port, "/ledger.Ledger/Post", "one", "trailers:14");
    assert_eq!((reply.status, reply.grpc_status.as_deref(), reply.body), (200, Some("14"), 7));
    let reply = grpc_call(envoy.port, "/ledger.Ledger/Post", "two", "trailers-only:8");
    assert_eq!((reply.status, reply.grpc_status.as_deref(), reply.body), (200, Some("8"), 0));
    assert_eq!(origin.arrivals.count(), 2);
}

#[test]
fn a_rejected_listener_update_keeps_the_old_listener() {
    let origin = Origin::start();
    let bootstrap =
        Bootstrap::new().cluster(cluster("cart", &[origin.port])).route(route("/", "cart", &json!({})));
    let envoy = EnvoyCommand::new().updatable().run(&bootstrap);
    let broken = bootstrap.clone().filter(json!({"name": "no-such-filter"}));
    assert!(!envoy.update(&broken));
    assert_eq!(Client::new(envoy.port).send(&Request::get("/")).status, 200);
    assert!(envoy.update(&bootstrap.clone().route(route("/more", "cart", &json!({})))));
    let (valid, output) = EnvoyCommand::validate(&broken);
    assert!(!valid && output.contains("no-such-filter"), "{output}");
    let refused = EnvoyCommand::new().try_run(&broken).err().unwrap_or_default();
    assert!(refused.contains("no-such-filter"), "{refused}");
}
