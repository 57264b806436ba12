//! The simulated Envoy behaves like the real one: the same probe queries both.
//!
//! The probe is a module that makes every query in every phase and logs the statuses, one letter each (`a` for Ok, `b`
//! for `NotFound`, …). Upper case means Ok with an empty value.

use std::fmt::Write as _;
use std::fs;

use e2e::{GrpcOrigin, grpc_call};
use real::{
    Bootstrap, Client, Envoy, EnvoyCommand, Origin, RefusingPort, Request, cluster, eventually, grpc_cluster,
    plugin, route, wasm_filter_of,
};
use serde_json::json;
use sim::proxy_wasm::{Proxy, Stream};

const PATHS: [&str; 16] = [
    "upstream.request_attempt_count",
    "response.flags",
    "xds.cluster_name",
    "xds.route_name",
    "upstream.address",
    "response.backend_latency",
    "request.duration",
    "xds.upstream_host_metadata.filter_metadata.nearmiss.tier",
    "xds.route_metadata.filter_metadata.nearmiss.max_attempts",
    "response.grpc_status",
    "response.code_details",
    "connection.termination_details",
    "upstream.transport_failure_reason",
    "filter_state.wasm.nothing",
    "nothing",
    "response.size",
];
/// Queried headers, each with its map.
const HEADERS: [(u32, &str); 4] = [(0, ":path"), (0, "x-absent"), (2, ":status"), (3, "grpc-status")];

/// The lines that the probe logged, phase by phase.
type ProbeLines = Vec<String>;

fn probe() -> Vec<u8> {
    let (mut data, mut queries, mut next) = (String::new(), String::new(), 1024);
    let mut put = |text: &str| {
        let at = next;
        next += text.len() + 1;
        let escaped: String = text.bytes().map(|byte| format!("\\{byte:02x}")).collect();
        writeln!(data, "(data (i32.const {at}) \"{escaped}\")").unwrap();
        (at, text.len())
    };
    for path in PATHS {
        // The last part of a filter state path contains a dot.
        let text = match path.strip_prefix("filter_state.") {
            Some(key) => format!("filter_state\0{key}"),
            None => path.replace('.', "\0"),
        };
        let (at, size) = put(&text);
        let call =
            format!("(call $property (i32.const {at}) (i32.const {size}) (i32.const 16) (i32.const 20))");
        writeln!(queries, "(i32.store (i32.const 20) (i32.const 0)) (call $note {call})").unwrap();
    }
    for (map, header) in HEADERS {
        let (at, size) = put(header);
        let call = format!(
            "(call $value (i32.const {map}) (i32.const {at}) (i32.const {size}) (i32.const 16) (i32.const 20))"
        );
        writeln!(queries, "(i32.store (i32.const 20) (i32.const 0)) (call $note {call})").unwrap();
    }
    for map in [0, 2, 3] {
        let call = format!("(call $pairs (i32.const {map}) (i32.const 16) (i32.const 20))");
        writeln!(queries, "(i32.store (i32.const 20) (i32.const 0)) (call $note {call})").unwrap();
    }
    let (key, size) = put("probed");
    let set = format!("(call $set (i32.const {key}) (i32.const {size}) (i32.const {key}) (i32.const 1))");
    wat::parse_str(format!(
        r#"(module
          (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
          (import "env" "proxy_get_property" (func $property (param i32 i32 i32 i32) (result i32)))
          (import "env" "proxy_set_property" (func $set (param i32 i32 i32 i32) (result i32)))
          (import "env" "proxy_get_header_map_value" (func $value (param i32 i32 i32 i32 i32) (result i32)))
          (import "env" "proxy_get_header_map_pairs" (func $pairs (param i32 i32 i32) (result i32)))
          (memory (export "memory") 4)
          (global $heap (mut i32) (i32.const 65536))
          (global $end (mut i32) (i32.const 0))
          {data}
          (func (export "proxy_abi_version_0_2_1"))
          (func (export "malloc") (param $size i32) (result i32)
            ;; Each result is read at once, so all share one buffer.
            (i32.const 65536))
          (func $put (param $letter i32)
            (i32.store8 (global.get $end) (local.get $letter))
            (global.set $end (i32.add (global.get $end) (i32.const 1))))
          (func $note (param $status i32)
            (call $put (i32.add (local.get $status)
              (select (i32.const 65) (i32.const 97)
                (i32.and (i32.eqz (local.get $status)) (i32.eqz (i32.load (i32.const 20))))))))
          (func $query (param $phase i32)
            (global.set $end (i32.const 512))
            (call $put (i32.const 112)) (call $put (i32.const 58)) (call $put (local.get $phase))
            (call $put (i32.const 58))
            {queries})
          (func $flush
            (drop (call $log (i32.const 2) (i32.const 512) (i32.sub (global.get $end) (i32.const 512)))))
          (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (call $query (i32.const 113)) (call $flush) (i32.const 0))
          (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
            (call $query (i32.const 115)) (call $flush) (i32.const 0))
          (func (export "proxy_on_log") (param i32)
            (call $query (i32.const 108)) (call $put (i32.add (i32.const 97) {set})) (call $flush)))"#
    ))
    .unwrap()
}

/// Returns the probe's lines in the simulated Envoy, as a filter and then as a logger.
fn simulated(stream: &Stream) -> ProbeLines {
    let proxy = Proxy::from_bytes(&probe());
    let mut vm = proxy.worker();
    let (filter, logger) = (vm.configure("filter").unwrap(), vm.configure("logger").unwrap());
    vm.try_exchange(Some(filter), Some(logger), stream.clone()).unwrap();
    proxy.take_log().into_iter().map(|line| line.text).collect()
}

fn real(bootstrap: Bootstrap) -> Envoy {
    let path = artifact::root().join("target/probe.wasm");
    let fresh = path.with_extension(format!("{}-{:?}", std::process::id(), std::thread::current().id()));
    fs::write(&fresh, probe()).unwrap();
    fs::rename(fresh, &path).unwrap();
    let logger = json!({
        "name": "envoy.access_loggers.wasm",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.wasm.v3.WasmAccessLog",
            "config": plugin(&path, "probe", "logger"),
        },
    });
    EnvoyCommand::new().run(&bootstrap.filter(wasm_filter_of(&path, "filter")).logger(logger))
}

/// Returns the probe's lines in a real Envoy; waits for the last one, the logger's.
fn real_lines(envoy: &Envoy, lines: usize) -> ProbeLines {
    let logged = |envoy: &Envoy| -> ProbeLines {
        let log = envoy.log();
        let found = log
            .iter()
            .filter(|line| line.starts_with("wasm log"))
            .filter_map(|line| line.split_once(": p:").map(|(_, rest)| format!("p:{rest}")));
        found.collect()
    };
    eventually("the probe's lines", || Some(logged(envoy)).filter(|found| found.len() >= lines))
}

/// Compares phase by phase, and lists the differences.
fn assert_same(what: &str, real: &ProbeLines, simulated: &ProbeLines) {
    let mut differences = String::new();
    for (real, simulated) in real.iter().zip(simulated) {
        let queries = PATHS.iter().map(ToString::to_string);
        let queries =
            queries.chain(HEADERS.iter().map(|(map, header)| format!("header {header} of map {map}")));
        let queries = queries.chain(["map 0", "map 2", "map 3", "set_property"].map(str::to_owned));
        for (index, name) in queries.enumerate() {
            let (one, other) = (real.chars().nth(index + 4), simulated.chars().nth(index + 4));
            if one != other {
                writeln!(differences, "  phase {}, {name}: real {one:?}, simulated {other:?}", &real[2..3])
                    .unwrap();
            }
        }
    }
    assert!(differences.is_empty(), "{what}:\n{differences}real {real:#?}\nsimulated {simulated:#?}");
    assert_eq!(real.len(), simulated.len(), "{what}: phases");
}

#[test]
fn a_plain_exchange_looks_the_same_in_both() {
    let origin = Origin::start();
    let envoy =
        real(Bootstrap::new().cluster(cluster("cart", &[origin.port])).route(route("/", "cart", &json!({}))));
    Client::new(envoy.port).send(&Request::get("/").script("one", "200"));
    assert_same("a plain exchange", &real_lines(&envoy, 4), &simulated(&Stream::ok("cart")));
}

#[test]
fn an_exchange_that_no_upstream_saw_looks_the_same_in_both() {
    let envoy = real(
        Bootstrap::new().route(json!({"match": {"prefix": "/direct"}, "direct_response": {"status": 204}})),
    );
    Client::new(envoy.port).send(&Request::get("/direct").script("one", ""));
    let stream = Stream { code_details: Some("direct_response".to_owned()), ..local_reply() };
    assert_same("a direct response", &real_lines(&envoy, 4), &simulated(&stream));
}

#[test]
fn a_refused_connection_looks_the_same_in_both() {
    let refusing = RefusingPort::reserve();
    let envoy = real(Bootstrap::new().cluster(cluster("cart", &[refusing.port])).route(route(
        "/",
        "cart",
        &json!({}),
    )));
    Client::new(envoy.port).send(&Request::get("/").script("one", ""));
    let stream = Stream {
        cluster: Some("cart".to_owned()),
        host: Some("127.0.0.1:1".to_owned()),
        attempts: 1,
        transport_failure: "refused".to_owned(),
        ..local_reply()
    };
    assert_same("a refused connection", &real_lines(&envoy, 4), &simulated(&stream));
}

#[test]
fn a_client_that_left_before_the_response_looks_the_same_in_both() {
    let origin = Origin::start();
    let envoy =
        real(Bootstrap::new().cluster(cluster("cart", &[origin.port])).route(route("/", "cart", &json!({}))));
    let request = Request::get("/").script("one", "hang");
    Client::new(envoy.port).abandon(&request, || origin.arrivals.wait_for("one"));
    let stream =
        Stream { response_headers: None, backend_latency: None, flags: 1 << 14, ..Stream::ok("cart") };
    assert_same("a client that left", &real_lines(&envoy, 3), &simulated(&stream));
}

#[test]
fn a_grpc_call_looks_the_same_in_both() {
    let origin = GrpcOrigin::start();
    let bootstrap =
        Bootstrap::new().cluster(grpc_cluster("ledger", origin.port)).route(route("/", "ledger", &json!({})));
    let envoy = real(bootstrap);
    grpc_call(envoy.port, "/ledger.Ledger/Post", "one", "trailers:14");
    let mut stream = Stream::ok("ledger").with_response_header("content-type", "application/grpc");
    stream.response_trailers = Some(vec![(b"grpc-status".to_vec(), b"14".to_vec())]);
    assert_same("a gRPC call", &real_lines(&envoy, 4), &simulated(&stream));
}

/// Returns a local reply.
fn local_reply() -> Stream {
    Stream {
        cluster: None,
        host: None,
        attempts: 0,
        backend_latency: None,
        ..Stream::ok("").with_status(503)
    }
}
