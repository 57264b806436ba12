//! The fields of an exchange line, for its reader and its writer.

/// Defines `ExchangeField` and the names of its variants.
macro_rules! fields {
    ($($field:ident $name:literal)*) => {
        /// A field of an exchange line.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub(super) enum ExchangeField { $($field),* }

        impl ExchangeField {
            /// All fields, in the order in which they are written.
            pub(super) const ALL: &[Self] = &[$(Self::$field),*];

            #[inline]
            pub(super) fn named(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$field),)* _ => None }
            }

            #[inline]
            pub(super) fn name(self) -> &'static str {
                match self { $(Self::$field => $name),* }
            }
        }
    };
}

fields! {
    Ts "ts"
    Upstream "upstream"
    Status "status"
    DurationMs "duration_ms"
    Host "host"
    Route "route"
    Attempts "attempts"
    AttemptsUnknown "attempts_unknown"
    MaxAttempts "max_attempts"
    TimeoutMs "timeout_ms"
    DeadlineMs "deadline_ms"
    TimeoutUsedMs "timeout_used_ms"
    DeadlineUsedMs "deadline_used_ms"
    ServiceMs "service_ms"
    Flags "flags"
    TerminationState "termination_state"
    Reason "reason"
    GrpcStatus "grpc_status"
    Bytes "bytes"
    Partial "partial"
    Aborted "aborted"
    Hedged "hedged"
    Stream "stream"
    Rejected "rejected"
    FailOpen "fail_open"
    Pool "pool"
    ClientTrusted "client_trusted"
    Fallback "fallback"
    CacheStatus "cache_status"
    ProxyStatus "proxy_status"
    ClientAttempt "client_attempt"
    QuotaRemaining "quota_remaining"
    QuotaLimit "quota_limit"
    AttemptLog "attempt_log"
    TraceId "trace_id"
    NearMiss "near_miss"
}
