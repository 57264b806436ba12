//! The batch into which the package puts OpenTelemetry log records, which it keeps as text until it sends them.

use alloc::string::String;
use nearmiss::otlp;
use wasm_bindgen::prelude::wasm_bindgen;

/// Returns an empty batch of a service, from the instance `source`. Its last `[]` takes the log records.
#[wasm_bindgen(js_name = logBatch)]
pub fn log_batch(service: &str, source: &str) -> String {
    let mut text = String::new();
    otlp::begin(&mut text, service, source);
    otlp::end(&mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_array_is_that_of_the_log_records() {
        let text = log_batch("[]", "a\"[]");
        let (head, end) = text.rsplit_once("[]").unwrap();
        assert!(head.contains(r#"{"stringValue":"a\"[]"}"#) && head.ends_with(r#""logRecords":"#));
        assert_eq!(end, "}]}]}");
    }
}
