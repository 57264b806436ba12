//! Fuzzes texts that people and servers write: configurations and structured headers.

use nearmiss::{Config, Exchange, Feed, Monitor, structured_fields};

/// Parses a configuration and runs a monitor with it; a refusal must carry a message.
///
/// # Panics
///
/// If the error has no message.
pub fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Config::parse(text) {
        Ok(config) => {
            let mut monitor = Monitor::new(config, Feed::Live, "fuzz");
            let retried =
                Exchange { upstream: "cart", status: 200, attempts: Some(2), ..Exchange::default() };
            monitor.observe(&retried);
            monitor.finish();
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Parses `Cache-Status` and `Proxy-Status`, valid or not.
///
/// # Panics
///
/// If the core panics.
pub fn headers(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (_, _) = (structured_fields::is_stale(text), structured_fields::proxy_error(text));
    for member in structured_fields::members(text) {
        let (_, _, _) = (member.name(), member.entry(), member.parameter("r"));
    }
    let mut monitor = Monitor::new(Config::default(), Feed::Live, "fuzz");
    monitor.observe(&Exchange {
        upstream: text,
        route: Some(text),
        host: Some(text),
        status: 200,
        cache_status: Some(text),
        proxy_status: Some(text),
        ..Exchange::default()
    });
    monitor.finish();
    while let Some(record) = monitor.poll_record() {
        serde_json::from_str::<serde_json::Value>(record.json)
            .unwrap_or_else(|error| panic!("a record that is not JSON, {error}: {}", record.json));
    }
}
