//! Privacy: request data such as client addresses, header values and query strings must not appear in any output.
//!
//! (The edge package has its own test for this, in `edge/tests/monitor.test.mjs`.)

use std::fs;

use host_tests::artifact;
use host_tests::scenario::fluent_bit::attached_records;
use host_tests::sim::fluent_bit::FilterModule;
use host_tests::sim::proxy_wasm::{Proxy, Stream};
use nearmiss::{Config, Feed, Monitor};
use nearmiss_formats::{Attempts, Format, ParsedLine, Reader};

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

fn assert_no_secret(what: &str, outputs: impl IntoIterator<Item = String>) {
    let mut checked = 0;
    for output in outputs {
        checked += 1;
        assert!(!output.contains(SECRET), "{what}: {output}");
    }
    assert!(checked > 0, "{what}: there was no output");
}

#[test]
fn no_request_data_leaks_from_envoy() {
    for config in
        [r#"{"envoy":{"header":true}}"#, r#"{"envoy":{"mode":"lean"}}"#, r#"{"envoy":{"attach":"log"}}"#]
    {
        let proxy = Proxy::load(&artifact::envoy_module());
        let mut vm = proxy.worker();
        let root = vm.configure(config).unwrap();
        for (attempts, status) in [(1, 200), (3, 200), (1, 503)] {
            let mut stream = Stream { attempts, ..Stream::ok("cart") }.with_status(status);
            for (name, value) in HEADERS {
                stream = stream.with_request_header(name, value).with_response_header("set-cookie", value);
            }
            stream = stream.with_request_header(":path", "/cart?card=secret");
            let after = match config.contains("log") {
                true => vm.log_exchange(root, stream),
                false => vm.exchange(root, stream),
            };
            let annotations = after.annotation().into_iter().chain(after.response_header("near-miss"));
            let state = after.filter_state.values().map(|value| String::from_utf8_lossy(value).into_owned());
            assert_no_secret(config, annotations.chain(state).chain([String::new()]));
        }
        vm.tick(root).unwrap();
        vm.shut_down(root).unwrap();
        assert_no_secret(config, proxy.take_log().into_iter().map(|line| line.text));
        assert_no_secret(config, proxy.metrics().keys().cloned());
        let shared = proxy.shared_keys().into_iter().map(|key| String::from_utf8_lossy(&key).into_owned());
        assert_no_secret(config, shared.chain([String::new()]));
    }
}

#[test]
fn no_request_data_leaks_from_fluent_bit_outside_the_record_itself() {
    let mut filter = FilterModule::load(&artifact::fluent_bit_module()).start();
    let structured = r#"{"start_time":"2026-11-23T08:00:00.310Z","path":"/cart?card=secret","response_code":503,"response_flags":"-","duration":42,"x_forwarded_for":"secret","user_agent":"secret","upstream_host":"10.0.2.1:8080","upstream_cluster":"cart"}"#;
    let raw = r#"{"log":"secret.client.test - secret [23/Nov/2026:08:00:01 +0000] \"GET /cart?card=secret HTTP/1.1\" 200 612 \"https://secret.test/\" \"secret/1.0\" rt=0.042 urt=\"0.010, 0.030\" ua=\"10.0.0.1:80, 10.0.0.2:80\" us=\"503, 200\" upstream=\"search\""}"#;
    for record in [structured, raw] {
        let records = attached_records(&filter.record(record).kept());
        assert!(
            records.iter().any(|record| record.contains(r#""type":"exchange""#)),
            "{record}: {records:?}"
        );
        assert_no_secret(record, records);
    }
    assert_no_secret("flushed records", filter.finish());
    assert_no_secret("standard error", [filter.take_stderr()]);
}

#[test]
fn no_request_data_leaks_from_logs_in_any_format() {
    let fixtures = artifact::root().join("filters/formats/fixtures");
    let mut logs_with_secrets = 0;
    for file in fs::read_dir(fixtures).unwrap() {
        let path = file.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let header = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
        let format: Format = header("# format:").unwrap().parse().unwrap();
        let mut reader = Reader::new(format);
        let mut monitor = Monitor::new(Config::default(), Feed::Log, "test");
        let (mut hidden, mut records) = (0, Vec::new());
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let line = line.splitn(4, '\t').last().unwrap_or_default();
            // Add a query string to every path.
            let line =
                line.replace("/search/", "/search/?card=secret").replace("/cart/", "/cart/?card=secret");
            hidden += line.matches(SECRET).count();
            if let Ok(ParsedLine::Exchange(exchange)) = reader.read(line.as_bytes(), &mut Attempts::default())
            {
                monitor.observe(&exchange);
            }
        }
        monitor.finish();
        while let Some(record) = monitor.poll_record() {
            records.push(record.json.to_owned());
        }
        logs_with_secrets += usize::from(hidden > 0);
        assert_no_secret(&path.display().to_string(), records);
    }
    assert!(logs_with_secrets >= 10, "{logs_with_secrets} logs");
}
