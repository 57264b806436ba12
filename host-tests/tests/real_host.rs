//! The real Envoy and our origins without any filter: the harness does what tests will say it does.

use host_tests::real::{
    Action, Client, GrpcOrigin, Origin, Refusing, Request, Site, Start, cluster, grpc_call, grpc_cluster,
    route, tiers,
};
use serde_json::json;

#[test]
fn a_script_runs_attempt_by_attempt_from_host_to_host() {
    let hosts = Origin::several(3);
    let ports: Vec<_> = hosts.iter().map(|host| host.port).collect();
    let retry = json!({"timeout": "30s", "retry_policy": {
        "retry_on": "5xx,reset,connect-failure", "num_retries": 3, "per_try_timeout": "0.5s"}});
    let site = Site::new().cluster(cluster("cart", &ports)).route(route("/cart", "cart", &retry));
    let envoy = Start::new().run(&site);
    let mut client = Client::new(envoy.port);

    let response = client.send(&Request::get("/cart").script("one", "503,reset,hang,200"));
    assert_eq!((response.status, response.body.as_slice()), (200, b"ok".as_slice()));
    let did: Vec<_> = hosts[0].ledger.of("one").into_iter().map(|arrival| arrival.action).collect();
    assert_eq!(did, [Action::Status(503), Action::Reset, Action::Hang, Action::Status(200)]);
    assert_eq!(envoy.logged("one")["attempts"], 4);

    let response =
        client.send(&Request::get("/cart").script("two", "200").respond("cache-status: o; hit; ttl=-5"));
    assert_eq!(response.header("cache-status"), Some("o; hit; ttl=-5"));
    let response = client.send(&Request::get("/cart").script("three", "cut"));
    assert_eq!((response.status, response.complete), (200, false));
    assert_eq!(envoy.logged("three")["flags"], "UPE");

    client.abandon(&Request::get("/cart").script("four", "hang"), || hosts[0].ledger.wait_for("four"));
    assert_eq!(envoy.logged("four")["flags"], "DC");
    assert_eq!(envoy.near_misses().exchanges(), 0);
    assert!(!envoy.cpu_time().is_zero());
    assert!(!envoy.stop().is_empty());
}

#[test]
fn a_refused_connection_lets_the_next_priority_answer() {
    let (refusing, spare) = (Refusing::start(), Origin::start());
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
    let site = Site::new()
        .cluster(tiers("search", &[(refusing.port, None), (spare.port, Some("fallback"))]))
        .route(route("/", "search", &retry));
    let envoy = Start::new().run(&site);
    let response = Client::new(envoy.port).send(&Request::get("/").script("one", "200"));
    assert_eq!(response.status, 200);
    let line = envoy.logged("one");
    assert_eq!((&line["attempts"], &line["host"]), (&json!(2), &json!(spare.address())));
}

#[test]
fn a_grpc_origin_puts_its_error_where_it_is_told_to() {
    let origin = GrpcOrigin::start();
    let site = Site::new().cluster(grpc_cluster("ledger", origin.port)).route(route(
        "/",
        "ledger",
        &json!({"timeout": "10s"}),
    ));
    let envoy = Start::new().run(&site);
    let reply = grpc_call(envoy.port, "/ledger.Ledger/Post", "one", "trailers:14");
    assert_eq!((reply.status, reply.grpc_status.as_deref(), reply.body), (200, Some("14"), 7));
    let reply = grpc_call(envoy.port, "/ledger.Ledger/Post", "two", "bare:8");
    assert_eq!((reply.status, reply.grpc_status.as_deref(), reply.body), (200, Some("8"), 0));
    assert_eq!(origin.ledger.count(), 2);
}

#[test]
fn a_listener_that_envoy_refuses_leaves_the_old_one_in_place() {
    let origin = Origin::start();
    let site = Site::new().cluster(cluster("cart", &[origin.port])).route(route("/", "cart", &json!({})));
    let envoy = Start::new().updatable().run(&site);
    let broken = site.clone().filter(json!({"name": "no-such-filter"}));
    assert!(!envoy.update(&broken));
    assert_eq!(Client::new(envoy.port).send(&Request::get("/")).status, 200);
    assert!(envoy.update(&site.clone().route(route("/more", "cart", &json!({})))));
    let (valid, said) = Start::validate(&broken);
    assert!(!valid && said.contains("no-such-filter"), "{said}");
    let refused = Start::new().try_run(&broken).err().unwrap_or_default();
    assert!(refused.contains("no-such-filter"), "{refused}");
}
