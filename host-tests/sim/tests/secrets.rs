//! Privacy: request data such as client addresses, header values and query strings must not appear in any output.
//!
//! Each host has a second run in which the marker is in a name that is emitted: it proves that the check sees the outputs.
//! (The edge package has its own test for this, in `edge/tests/monitor.test.mjs`.)

use std::fs;

use nearmiss::{Config, Feed, Monitor};
use nearmiss_formats::{Attempts, FieldConfig, Format, ParsedLine, Reader};
use sim::fluent_bit::FilterModule;
use sim::proxy_wasm::{Proxy, Stream};
use sim::scenario::fluent_bit::attached_records;

/// A marker that every confidential value contains.
const SECRET: &str = "secret";
const HEADERS: [(&str, &str); 6] = [
    ("authorization", "Bearer secret"),
    ("cookie", "session=secret"),
    ("x-forwarded-for", "secret.client.test"),
    ("user-agent", "secret/1.0"),
    ("referer", "https://secret.test/?q=secret"),
    ("x-request-id", "secret"),
];

/// Outputs of one kind.
type Outputs = (&'static str, Vec<String>);

/// Fails if the marker is in an output, or if one kind of output is missing.
fn check(outputs: &[Outputs]) -> Result<(), String> {
    for (kind, texts) in outputs {
        if texts.iter().all(String::is_empty) {
            return Err(format!("there are no {kind}"));
        }
        if let Some(text) = texts.iter().find(|text| text.contains(SECRET)) {
            return Err(format!("{kind}: {text}"));
        }
    }
    Ok(())
}

/// Returns the kinds of outputs that contain the marker.
fn leaking(outputs: &[Outputs]) -> Vec<&'static str> {
    let leaks = |(_, texts): &&Outputs| texts.iter().any(|text| text.contains(SECRET));
    outputs.iter().filter(leaks).map(|(kind, _)| *kind).collect()
}

const ENVOY: [&str; 3] =
    [r#"{"envoy":{"header":true}}"#, r#"{"envoy":{"mode":"lean"}}"#, r#"{"envoy":{"attach":"log"}}"#];

/// Runs exchanges full of confidential values through the Envoy module.
fn envoy_outputs(config: &str, cluster: &str) -> Vec<Outputs> {
    let proxy = Proxy::shipped();
    let mut vm = proxy.worker();
    let root = vm.configure(config).unwrap();
    let is_logger = config.contains("log");
    let (mut annotations, mut headers) = (Vec::new(), Vec::new());
    for (attempts, status) in [(1, 200), (3, 200), (1, 503)] {
        let mut stream = Stream { attempts, ..Stream::ok(cluster) }.with_status(status);
        for (name, value) in HEADERS {
            stream = stream.with_request_header(name, value).with_response_header("set-cookie", value);
        }
        stream = stream.with_request_header(":path", "/cart?card=secret");
        let after = if is_logger { vm.log_exchange(root, stream) } else { vm.exchange(root, stream) };
        annotations.extend(after.filter_state.values().map(|value| text(value)));
        headers.extend(after.response_header("near-miss"));
    }
    vm.tick(root).unwrap();
    vm.shut_down(root).unwrap();
    let shared = [proxy.shared_keys(), proxy.shared_values()].concat();
    let mut outputs = vec![
        ("log lines", proxy.take_log().into_iter().map(|line| line.text).collect()),
        ("metrics", proxy.metrics().keys().cloned().collect()),
        ("shared data", shared.iter().map(|bytes| text(bytes)).collect()),
    ];
    if !is_logger {
        outputs.push(("annotations", annotations));
    }
    if config.contains("header") {
        outputs.push(("response headers", headers));
    }
    outputs
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn no_request_data_leaks_from_envoy() {
    for config in ENVOY {
        assert_eq!(check(&envoy_outputs(config, "cart")), Ok(()), "{config}");
    }
}

#[test]
fn the_check_finds_a_secret_in_envoys_outputs() {
    for config in ENVOY {
        let outputs = envoy_outputs(config, "secret");
        assert_eq!(leaking(&outputs), ["log lines", "metrics"], "{config}");
        assert!(check(&outputs).is_err(), "{config}");
    }
    let missing = [("log lines", vec!["a line".to_owned()]), ("annotations", vec![String::new()])];
    assert_eq!(check(&missing), Err("there are no annotations".to_owned()));
}

/// Runs a structured and a raw record full of confidential values through the Fluent Bit module.
fn fluent_bit_outputs(upstream: &str) -> Vec<Outputs> {
    let mut filter = FilterModule::shipped().start();
    let structured = r#"{"start_time":"2026-11-23T08:00:00.310Z","path":"/cart?card=secret","response_code":503,"response_flags":"-","duration":42,"x_forwarded_for":"secret","user_agent":"secret","upstream_host":"10.0.2.1:8080","upstream_cluster":"UPSTREAM"}"#;
    let raw = r#"{"log":"secret.client.test - secret [23/Nov/2026:08:00:01 +0000] \"GET /cart?card=secret HTTP/1.1\" 200 612 \"https://secret.test/\" \"secret/1.0\" rt=0.042 urt=\"0.010, 0.030\" ua=\"10.0.0.1:80, 10.0.0.2:80\" us=\"503, 200\" upstream=\"UPSTREAM\""}"#;
    let mut outputs = Vec::new();
    for (kind, record) in [("records of a structured record", structured), ("records of a line", raw)] {
        let records = attached_records(&filter.record(record.replace("UPSTREAM", upstream)).kept());
        assert!(records.iter().any(|record| record.contains(r#""type":"exchange""#)), "{kind}: {records:?}");
        outputs.push((kind, records));
    }
    outputs.push(("records at the end", filter.finish()));
    let stderr = filter.take_stderr();
    if !stderr.is_empty() {
        outputs.push(("lines on standard error", vec![stderr]));
    }
    outputs
}

#[test]
fn no_request_data_leaks_from_fluent_bit_outside_the_record_itself() {
    assert_eq!(check(&fluent_bit_outputs("cart")), Ok(()));
}

#[test]
fn the_check_finds_a_secret_in_fluent_bits_outputs() {
    let outputs = fluent_bit_outputs("secret");
    assert!(check(&outputs).is_err());
    let records = ["records of a structured record", "records of a line", "records at the end"];
    assert_eq!(leaking(&outputs)[..3], records);
}

/// Reads a captured log with confidential query strings; returns the number of these and the records.
fn log_records(text: &str, upstream: Option<&str>) -> (usize, Vec<String>) {
    let header = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    let format: Format = header("# format:").unwrap().parse().unwrap();
    let log_format = header("# fields.log_format:").map(|text| ("log_format".into(), text.into()));
    let fields = log_format.map(|entry| FieldConfig::parse(&[entry].into(), format).unwrap());
    let mut reader = Reader::new(format).with_fields(fields.unwrap_or_default());
    let mut monitor = Monitor::new(Config::default(), Feed::Log, "test");
    let (mut hidden, mut records) = (0, Vec::new());
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let line = line.splitn(4, '\t').last().unwrap_or_default();
        // Add a query string to every path.
        let line = line.replace("/search/", "/search/?card=secret").replace("/cart/", "/cart/?card=secret");
        hidden += line.matches(SECRET).count();
        if let Ok(ParsedLine::Exchange(mut exchange)) = reader.read(line.as_bytes(), &mut Attempts::default())
        {
            exchange.upstream = upstream.unwrap_or(exchange.upstream);
            monitor.observe(&exchange);
        }
    }
    monitor.finish();
    while let Some(record) = monitor.poll_record() {
        records.push(record.json.to_owned());
    }
    (hidden, records)
}

#[test]
fn no_request_data_leaks_from_logs_in_any_format() {
    let fixtures = artifact::root().join("filters/formats/fixtures");
    let mut logs_with_secrets = 0;
    for file in fs::read_dir(fixtures).unwrap() {
        let path = file.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let (hidden, records) = log_records(&text, None);
        logs_with_secrets += usize::from(hidden > 0);
        assert_eq!(check(&[("records", records)]), Ok(()), "{}", path.display());
        let (_, records) = log_records(&text, Some(SECRET));
        assert!(check(&[("records", records)]).is_err(), "{}: the check sees no record", path.display());
    }
    assert!(logs_with_secrets >= 10, "{logs_with_secrets} logs");
}
