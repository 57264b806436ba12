//! What people and servers write: configuration, and headers with a structure.

use nearmiss::{Config, Exchange, Feed, Monitor, structured_fields};

/// A configuration is taken, and then a monitor runs on it, or it is refused in words.
///
/// # Panics
///
/// If it is refused without a word.
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

/// Cache-Status and Proxy-Status, as servers spell them and as they do not.
///
/// # Panics
///
/// Never, unless the core does.
pub fn headers(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (_, _) = (structured_fields::is_stale(text), structured_fields::proxy_error(text));
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
            .unwrap_or_else(|error| panic!("a record that is no JSON, {error}: {}", record.json));
    }
}
