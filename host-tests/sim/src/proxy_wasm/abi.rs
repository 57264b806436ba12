//! Names and numbers of the proxy-wasm ABI.

/// The status that a hostcall returns.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(i32)]
pub enum Status {
    /// Success.
    Ok = 0,
    /// The item does not exist.
    NotFound = 1,
    /// The arguments are invalid, in general or in this phase.
    BadArgument = 2,
    /// The value has no representation as bytes.
    SerializationFailure = 3,
    /// The bytes cannot be parsed as a value.
    ParseFailure = 4,
    /// An expression does not compile.
    BadExpression = 5,
    /// A pointer lies outside the module's memory.
    InvalidMemoryAccess = 6,
    /// The result is empty.
    Empty = 7,
    /// Another VM changed the shared value.
    CasMismatch = 8,
    /// The result has another type than asked for.
    ResultMismatch = 9,
    /// The host failed.
    InternalFailure = 10,
    /// The connection is broken.
    BrokenConnection = 11,
    /// The host does not implement the call.
    Unimplemented = 12,
}

impl Status {
    /// All failure statuses, in the order of their numbers.
    pub const FAILURES: [Self; 12] = [
        Self::NotFound,
        Self::BadArgument,
        Self::SerializationFailure,
        Self::ParseFailure,
        Self::BadExpression,
        Self::InvalidMemoryAccess,
        Self::Empty,
        Self::CasMismatch,
        Self::ResultMismatch,
        Self::InternalFailure,
        Self::BrokenConnection,
        Self::Unimplemented,
    ];
}

/// Calls that return data. For each value, Envoy calls back into the module to allocate memory.
pub const DATA_CALLS: [&str; 6] = [
    "proxy_call_foreign_function",
    "proxy_get_buffer_bytes",
    "proxy_get_header_map_pairs",
    "proxy_get_header_map_value",
    "proxy_get_property",
    "proxy_get_shared_data",
];

/// The call of WASI preview 1 that our filters may make.
pub(super) const RANDOM_GET: (&str, &str) = ("wasi_snapshot_preview1", "random_get");

/// All hostcalls that Envoy offers under ABI 0.2.1. Envoy refuses a module that imports any other, except for those of WASI.
pub(super) const SUPPORTED: [&str; 39] = [
    "proxy_add_header_map_value",
    "proxy_call_foreign_function",
    "proxy_close_stream",
    "proxy_continue_stream",
    "proxy_define_metric",
    "proxy_dequeue_shared_queue",
    "proxy_done",
    "proxy_enqueue_shared_queue",
    "proxy_get_buffer_bytes",
    "proxy_get_buffer_status",
    "proxy_get_current_time_nanoseconds",
    "proxy_get_header_map_pairs",
    "proxy_get_header_map_size",
    "proxy_get_header_map_value",
    "proxy_get_log_level",
    "proxy_get_metric",
    "proxy_get_property",
    "proxy_get_shared_data",
    "proxy_get_status",
    "proxy_grpc_call",
    "proxy_grpc_cancel",
    "proxy_grpc_close",
    "proxy_grpc_send",
    "proxy_grpc_stream",
    "proxy_http_call",
    "proxy_increment_metric",
    "proxy_log",
    "proxy_record_metric",
    "proxy_register_shared_queue",
    "proxy_remove_header_map_value",
    "proxy_replace_header_map_value",
    "proxy_resolve_shared_queue",
    "proxy_send_local_response",
    "proxy_set_buffer_bytes",
    "proxy_set_effective_context",
    "proxy_set_header_map_pairs",
    "proxy_set_property",
    "proxy_set_shared_data",
    "proxy_set_tick_period_milliseconds",
];

/// Counts of hostcalls over a part of a test.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CallCounts {
    /// Number of calls by name.
    pub by_name: std::collections::BTreeMap<&'static str, u64>,
    /// Calls that returned data, for each of which the module allocated memory. A missing value costs next to nothing.
    pub returned_data: u64,
}

impl CallCounts {
    /// Returns the number of calls that ask for data, with or without a result.
    pub fn data_calls(&self) -> u64 {
        DATA_CALLS.iter().map(|name| self.of(name)).sum()
    }

    /// Returns the number of calls of `name`.
    pub fn of(&self, name: &str) -> u64 {
        self.by_name.get(name).copied().unwrap_or(0)
    }
}

/// `WasmHeaderMapType`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum MapType {
    RequestHeaders,
    RequestTrailers,
    ResponseHeaders,
    ResponseTrailers,
    HttpCallResponseHeaders,
}

impl MapType {
    pub(super) fn from_number(number: u32) -> Option<Self> {
        match number {
            0 => Some(Self::RequestHeaders),
            1 => Some(Self::RequestTrailers),
            2 => Some(Self::ResponseHeaders),
            3 => Some(Self::ResponseTrailers),
            6 => Some(Self::HttpCallResponseHeaders),
            _ => None,
        }
    }
}

/// `WasmBufferType`: the buffers of configurations and of HTTP call responses.
pub(super) const HTTP_CALL_RESPONSE_BODY: u32 = 4;
pub(super) const VM_CONFIGURATION: u32 = 6;
pub(super) const PLUGIN_CONFIGURATION: u32 = 7;

#[cfg(test)]
mod tests {
    use super::Status;

    #[test]
    fn every_number_of_a_failure_is_injected() {
        let numbers: Vec<_> = Status::FAILURES.into_iter().map(|status| status as i32).collect();
        assert_eq!(numbers, (1..=12).collect::<Vec<_>>());
    }
}
