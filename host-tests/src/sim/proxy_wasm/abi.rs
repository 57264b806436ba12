//! Names and numbers of the ABI.

/// What a hostcall answers.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(i32)]
pub enum Status {
    /// Done.
    Ok = 0,
    /// There is no such thing.
    NotFound = 1,
    /// The arguments make no sense, or make none in this phase.
    BadArgument = 2,
    /// A value that has no representation as bytes.
    SerializationFailure = 3,
    /// Bytes that have no meaning as a value.
    ParseFailure = 4,
    /// A pointer outside the module's memory.
    InvalidMemoryAccess = 6,
    /// Nothing there.
    Empty = 7,
    /// The shared value was changed by somebody else.
    CasMismatch = 8,
    /// Something inside the host went wrong.
    InternalFailure = 10,
}

impl Status {
    /// Every status that is a failure.
    pub const FAILURES: [Self; 8] = [
        Self::NotFound,
        Self::BadArgument,
        Self::SerializationFailure,
        Self::ParseFailure,
        Self::InvalidMemoryAccess,
        Self::Empty,
        Self::CasMismatch,
        Self::InternalFailure,
    ];
}

/// The calls that return data: in Envoy each answer costs a call back into the module, to allocate.
pub const DATA_CALLS: [&str; 6] = [
    "proxy_call_foreign_function",
    "proxy_get_buffer_bytes",
    "proxy_get_header_map_pairs",
    "proxy_get_header_map_value",
    "proxy_get_property",
    "proxy_get_shared_data",
];

/// All that Envoy offers under ABI 0.2.1; a module that imports anything else is refused by Envoy.
pub(super) const OFFERED: [&str; 39] = [
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

/// The calls of one stretch of a test, for budgets.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct BudgetedCalls {
    /// Calls by name.
    pub by_name: std::collections::BTreeMap<&'static str, u64>,
    /// Calls that returned data: the module had to allocate for each. What is not there costs next to nothing.
    pub answers: u64,
}

impl BudgetedCalls {
    /// How often data was asked for, whether or not there was any.
    pub fn questions(&self) -> u64 {
        DATA_CALLS.iter().map(|name| self.of(name)).sum()
    }

    /// How often `name` was called.
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

/// `WasmBufferType`, of those that hold configuration or an answer.
pub(super) const HTTP_CALL_RESPONSE_BODY: u32 = 4;
pub(super) const VM_CONFIGURATION: u32 = 6;
pub(super) const PLUGIN_CONFIGURATION: u32 = 7;
