//! Envoy's format strings.

use crate::field_mapping::FieldMapping;
use crate::log_format::{Piece, split_words, unquoted};
use alloc::vec::Vec;

/// Parses a format: the text of `text_format`, or the object of `json_format`.
pub(crate) fn pieces(text: &str, mapping: &FieldMapping) -> Result<Vec<Piece>, &'static str> {
    const TAKES: &str = "a format in which an operator between two `%` follows each `%`";
    let text = unquoted(text, &["text_format", "text_format_source", "format", "inline_string"]);
    let pieces = split_words(&text, |after| {
        let (operator, after) = after.split_at_checked(end_of(after)?)?;
        let operator = without_length(operator);
        Some((Some(Piece::variable(mapping, operator, field_of(operator))), after.strip_prefix('%')?))
    });
    pieces.ok_or(TAKES)
}

/// Returns the offset of the `%` that ends an operator; its arguments in parentheses may have `%` in them.
fn end_of(operator: &str) -> Option<usize> {
    let mut depth = 0_u32;
    operator.char_indices().find_map(|(at, c)| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            '%' if depth == 0 => return Some(at),
            _ => {}
        }
        None
    })
}

/// Removes the maximum length, as in `REQ(X-ID):10`.
fn without_length(operator: &str) -> &str {
    let (name, length) = operator.rsplit_once(':').unwrap_or((operator, ""));
    let is_length = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
    if is_length { name } else { operator }
}

/// Returns the field that an operator holds.
fn field_of(operator: &str) -> Option<&'static str> {
    let (name, arguments) = operator.split_once('(').unwrap_or((operator, ""));
    let arguments = arguments.strip_suffix(')').unwrap_or(arguments);
    // `REQ(A?B)` is the header A, or else B.
    let has = |header: &str| arguments.split('?').any(|name| name.eq_ignore_ascii_case(header));
    Some(match name {
        "START_TIME" | "START_TIME_LOCAL" => "start_ts",
        "RESPONSE_CODE" => "status",
        "RESPONSE_FLAGS" | "RESPONSE_FLAGS_LONG" => "flags",
        "RESPONSE_CODE_DETAILS" => "reason",
        "UPSTREAM_TRANSPORT_FAILURE_REASON" => "transport_failure",
        "DURATION" => "duration_ms",
        "UPSTREAM_CLUSTER" | "UPSTREAM_CLUSTER_RAW" => "upstream",
        "UPSTREAM_HOST" | "UPSTREAM_REMOTE_ADDRESS" => "host",
        "UPSTREAM_REQUEST_ATTEMPT_COUNT" => "attempts",
        "ROUTE_NAME" => "route",
        "BYTES_SENT" => "bytes",
        "GRPC_STATUS" | "GRPC_STATUS_NUMBER" => "grpc_status",
        "PROTOCOL" => "protocol",
        "PATH" => "path",
        "TRACE_ID" => "trace_id",
        "FILTER_STATE" if arguments.starts_with("wasm.nearmiss") => "near_miss",
        "REQ" if has(":method") => "method",
        "REQ" if has(":path") => "path",
        "REQ" if has(":authority") || has("host") => "authority",
        "REQ" if has("user-agent") => "user_agent",
        "REQ" if has("x-request-id") => "request_id",
        "REQ" if has("x-envoy-expected-rq-timeout-ms") => "timeout_ms",
        "RESP" if has("content-type") => "content_type",
        "RESP" if has("cache-status") => "cache_status",
        "RESP" if has("proxy-status") => "proxy_status",
        "RESP" | "TRAILER" if has("grpc-status") => "grpc_status",
        _ => return None,
    })
}
