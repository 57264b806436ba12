//! Every exchange counts once, wherever the module is attached and however often; what is no exchange is left out.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::path::Path;
use std::process::Command;

use real::{
    Bootstrap, EnvoyCommand, Request, TempDir, before_codec, connection_manager, eventually, listener, route,
    router, wasm_filter, wasm_logger, wasm_upstream_filter,
};
use serde_json::{Value, json};

use crate::harness::{Harness, Origins, counts, lua};

const HTTP: &str = r#"{"envoy":{"attach":"http"}}"#;
const LOG: &str = r#"{"envoy":{"attach":"log"}}"#;

/// Starts Envoy with the bootstrap that `attach` makes of that of the origins.
fn start(attach: impl FnOnce(Bootstrap) -> Bootstrap) -> Harness {
    let origins = Origins::start();
    let bootstrap = attach(origins.bootstrap());
    origins.start_envoy(&EnvoyCommand::new(), &bootstrap)
}

/// Returns `nearmiss_left_out_total` of a reason.
fn left_out(harness: &Harness, reason: &str) -> u64 {
    let name = format!("wasmcustom.nearmiss.reason=.={reason};.;left_out_total");
    harness.envoy.nearmiss_stats().value(&name)
}

#[test]
fn two_copies_of_the_filter_in_one_chain_count_each_exchange_once() {
    let mut second = wasm_filter(HTTP);
    second["typed_config"]["config"]["root_id"] = json!("mesh-wide");
    let mut harness = start(|bootstrap| bootstrap.filter(wasm_filter(HTTP)).filter(second));
    for exchange in ["one", "two", "three"] {
        harness.get("/cart", exchange, "503,200");
        harness.next_record();
    }
    assert_eq!(harness.fates("cart"), counts(&[("retried", 3)]));
    assert_eq!(harness.envoy.nearmiss_stats().attempts("cart"), 6);
    harness.finish();
}

#[test]
fn attempts_logged_by_the_router_are_no_exchanges() {
    let log = json!({"upstream_log": [wasm_logger(LOG)]});
    let mut harness = start(|bootstrap| bootstrap.logger(wasm_logger(LOG)).router(log));
    harness.get("/cart", "one", "503,200");
    harness.get("/cart", "two", "200");
    assert_eq!(harness.next_record()["attempts"], 2);
    assert_eq!(harness.fates("cart"), counts(&[("clean", 1), ("retried", 1)]));
    assert_eq!(left_out(&harness, "attempt"), 3);
    harness.finish();
}

#[test]
fn connections_of_a_listener_and_of_the_tcp_proxy_are_no_exchanges() {
    let origins = Origins::start();
    let manager = connection_manager(&[router()], &[wasm_logger(LOG)], &[route("/", "cart", &json!({}))]);
    let mut http = listener("http", 0, &manager);
    http["access_log"] = json!([wasm_logger(LOG)]);
    let tcp = json!({
        "name": "envoy.filters.network.tcp_proxy",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
            "stat_prefix": "tcp",
            "cluster": "cart",
            "access_log": [wasm_logger(LOG)],
        },
    });
    let lean = tcp_with(&tcp, r#"{"envoy":{"attach":"log","mode":"lean"}}"#);
    let bootstrap = origins
        .bootstrap()
        .listener(http)
        .listener(listener("tcp", 0, &tcp))
        .listener(listener("lean", 0, &lean));
    let harness = origins.start_envoy(&EnvoyCommand::new(), &bootstrap);
    for name in ["http", "tcp", "lean"] {
        let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, harness.envoy.port_of(name))).unwrap();
        connection
            .write_all(b"GET / HTTP/1.1\r\nhost: a\r\nx-exchange: one\r\nconnection: close\r\n\r\n")
            .unwrap();
        // The origin keeps its connection open, so only the client closes that of the TCP proxy.
        let mut response = [0; 12];
        connection.read_exact(&mut response).unwrap();
        assert_eq!(&response, b"HTTP/1.1 200");
    }
    eventually("three connections to be left out", || (left_out(&harness, "not_http") == 3).then_some(()));
    assert_eq!(harness.fates("cart"), counts(&[("clean", 1)]));
    assert_eq!(harness.fates("none"), counts(&[]));
    harness.stop();
}

#[test]
fn health_checks_that_envoy_answers_are_left_out() {
    let health_check = json!({
        "name": "envoy.filters.http.health_check",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.health_check.v3.HealthCheck",
            "pass_through_mode": false,
            "headers": [{"name": ":path", "string_match": {"exact": "/cart/probe"}}],
        },
    });
    for attached in [
        (|bootstrap: Bootstrap| bootstrap.filter(wasm_filter(HTTP))) as fn(Bootstrap) -> Bootstrap,
        |bootstrap| bootstrap.logger(wasm_logger(LOG)),
        |bootstrap| bootstrap.filter(wasm_filter(r#"{"envoy":{"attach":"http","mode":"lean"}}"#)),
    ] {
        let mut harness = start(|bootstrap| attached(bootstrap).filter(health_check.clone()));
        assert_eq!(harness.get("/cart/probe", "one", "200").response.status, 200);
        harness.envoy.command("/healthcheck/fail");
        assert_eq!(harness.get("/cart/probe", "two", "200").response.status, 503);
        harness.envoy.command("/healthcheck/ok");
        harness.get("/cart", "three", "200");
        assert_eq!(harness.fates("cart"), counts(&[("clean", 1)]));
        assert_eq!(left_out(&harness, "health_check"), 2);
        harness.finish();
    }
}

#[test]
fn exchanges_over_http_3_are_counted_in_every_attachment() {
    let folder = TempDir::new("quic");
    let certificate = certificate(folder.path());
    for attached in [
        (|manager: &mut Value| add(manager, "http_filters", wasm_filter(HTTP))) as fn(&mut Value),
        |manager| add(manager, "access_log", wasm_logger(LOG)),
        |manager| {
            add(manager, "http_filters", wasm_filter(HTTP));
            add(manager, "access_log", wasm_logger(LOG));
        },
        |manager| {
            add(manager, "http_filters", wasm_filter(HTTP));
            let upstream = before_codec(&[wasm_upstream_filter()]);
            let filters = manager["typed_config"]["http_filters"].as_array_mut().unwrap();
            filters.last_mut().unwrap()["typed_config"]["upstream_http_filters"] = upstream;
        },
    ] {
        let origins = Origins::start();
        let port = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let retries = json!({"timeout": "40s", "retry_policy": {"retry_on": "5xx", "num_retries": 3}});
        let mut manager = connection_manager(&[router()], &[], &[route("/", "cart", &retries)]);
        manager["typed_config"]["codec_type"] = json!("HTTP3");
        manager["typed_config"]["http3_protocol_options"] = json!({});
        attached(&mut manager);
        // The main listener is the client: it forwards to the second one over HTTP/3.
        let bootstrap = Bootstrap::new()
            .cluster(real::cluster("cart", &[origins.hosts[0].port]))
            .cluster(quic_cluster(port, &certificate))
            .route(route("/", "over-http-3", &json!({"timeout": "40s"})))
            .listener(quic_listener(port, &manager, &certificate));
        let mut harness = origins.start_envoy(&EnvoyCommand::new(), &bootstrap);
        for number in 0..5 {
            let outcome = harness.get("/cart", &format!("retried-{number}"), "503,200");
            assert_eq!(outcome.response.status, 200, "{}", outcome.line);
        }
        harness.get("/cart", "failed", "503");
        harness.abandon("/cart", "abandoned");
        let expected = counts(&[("clean", 1), ("failed", 1), ("retried", 5)]);
        eventually("all exchanges", || (harness.fates("cart") == expected).then_some(()));
        harness.envoy.terminate();
        assert_eq!(harness.envoy.summed_fates(), expected);
    }
}

/// Adds a filter before the last one of a connection manager, or a logger.
fn add(manager: &mut Value, list: &str, entry: Value) {
    manager["typed_config"][list].as_array_mut().expect("a list").insert(0, entry);
}

fn tcp_with(tcp: &Value, configuration: &str) -> Value {
    let mut tcp = tcp.clone();
    let mut logger = wasm_logger(configuration);
    logger["typed_config"]["config"]["root_id"] = json!("lean");
    tcp["typed_config"]["access_log"] = json!([logger]);
    tcp
}

fn quic_listener(port: u16, manager: &Value, certificate: &Value) -> Value {
    json!({
        "name": "quic",
        "address": {"socket_address": {"protocol": "UDP", "address": "127.0.0.1", "port_value": port}},
        "udp_listener_config": {"quic_options": {}, "downstream_socket_config": {"prefer_gro": true}},
        "filter_chains": [{
            "filters": [manager],
            "transport_socket": {
                "name": "envoy.transport_sockets.quic",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.transport_sockets.quic.v3.QuicDownstreamTransport",
                    "downstream_tls_context": {"common_tls_context": {"tls_certificates": [certificate]}},
                },
            },
        }],
    })
}

fn quic_cluster(port: u16, certificate: &Value) -> Value {
    let mut cluster = real::cluster("over-http-3", &[port]);
    let address = &mut cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"];
    address["socket_address"]["protocol"] = json!("UDP");
    cluster["typed_extension_protocol_options"] = json!({
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http3_protocol_options": {}},
        },
    });
    cluster["transport_socket"] = json!({
        "name": "envoy.transport_sockets.quic",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.quic.v3.QuicUpstreamTransport",
            "upstream_tls_context": {"sni": "example.test", "common_tls_context": {
                "validation_context": {"trusted_ca": certificate["certificate_chain"]},
            }},
        },
    });
    cluster
}

/// Creates a self-signed certificate.
fn certificate(folder: &Path) -> Value {
    let (key, chain) = (folder.join("key.pem"), folder.join("cert.pem"));
    let output = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=example.test"])
        .args(["-addext", "subjectAltName=DNS:example.test"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&chain)
        .output()
        .expect("openssl (Debian: apt-get install openssl)");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    json!({"certificate_chain": {"filename": chain}, "private_key": {"filename": key}})
}

#[test]
fn a_request_that_another_filter_answers_is_counted_once() {
    let respond = lua("function envoy_on_request(handle) handle:respond({[':status'] = '403'}, 'no') end");
    let mut harness = start(|bootstrap| bootstrap.filter(respond).filter(wasm_filter(HTTP)));
    assert_eq!(harness.send("one", &Request::get("/cart").script("one", "200")).response.status, 403);
    assert_eq!(harness.fates("cart"), counts(&[("clean", 1)]));
    harness.finish();
}

#[test]
fn clusters_with_reserved_names_and_delimiters_have_series_of_their_own() {
    for attached in [
        (|bootstrap: Bootstrap| bootstrap.filter(wasm_filter(HTTP))) as fn(Bootstrap) -> Bootstrap,
        |bootstrap| bootstrap.logger(wasm_logger(LOG)),
    ] {
        let origins = Origins::start();
        let port = origins.hosts[0].port;
        let bootstrap = ["none", "a;.;fate=.=b"].iter().enumerate().fold(
            origins.bootstrap(),
            |bootstrap, (number, name)| {
                bootstrap.cluster(real::cluster(name, &[port])).route(route(
                    &format!("/named-{number}"),
                    name,
                    &json!({}),
                ))
            },
        );
        let mut harness = origins.start_envoy(&EnvoyCommand::new(), &attached(bootstrap));
        for number in 0..2 {
            let path = format!("/named-{number}");
            assert_eq!(harness.get(&path, &path, "503").response.status, 503);
        }
        for upstream in ["none_", "a_._fate_._b"] {
            eventually("the failure", || (harness.fates(upstream) == counts(&[("failed", 1)])).then_some(()));
        }
        harness.stop();
    }
}

#[test]
fn a_collector_whose_cluster_does_not_exist_is_named_in_the_log() {
    let origins = Origins::start();
    let bootstrap = origins.bootstrap().filter(wasm_filter(r#"{"envoy":{"collector":"missing"}}"#));
    let mut harness = origins.start_envoy(&EnvoyCommand::new(), &bootstrap);
    harness.get("/cart", "one", "503,200");
    eventually("the warning", || {
        let is_warning =
            |line: &String| line.contains("cluster of the collector") && line.contains("`missing`");
        harness.envoy.log().iter().any(is_warning).then_some(())
    });
    harness.stop();
}
