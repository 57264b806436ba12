//! The types of the ABI, with all variants.

#![allow(dead_code, reason = "types are complete, so that the SDK's names need no second look")]

/// The status of a hostcall: any number, because a host may return one that the SDK does not know.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(transparent)]
pub(crate) struct Status(u32);

#[allow(non_upper_case_globals, reason = "the SDK's variants")]
impl Status {
    pub(crate) const Ok: Self = Self(0);
    pub(crate) const NotFound: Self = Self(1);
    pub(crate) const BadArgument: Self = Self(2);
    pub(crate) const SerializationFailure: Self = Self(3);
    pub(crate) const ParseFailure: Self = Self(4);
    pub(crate) const InvalidMemoryAccess: Self = Self(6);
    pub(crate) const Empty: Self = Self(7);
    pub(crate) const CasMismatch: Self = Self(8);
    pub(crate) const InternalFailure: Self = Self(10);
    pub(crate) const Unimplemented: Self = Self(12);

    /// Maps every status but `Ok` to an error.
    pub(super) fn ok(self) -> Result<(), Self> {
        match self {
            Self::Ok => Ok(()),
            failure => Err(failure),
        }
    }
}

/// The level of a line in the proxy's log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u32)]
pub(crate) enum LogLevel {
    Trace = 0,
    Debug = 1,
    Info = 2,
    Warn = 3,
    Error = 4,
    Critical = 5,
}

/// The decision of a callback on the stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u32)]
pub(crate) enum Action {
    Continue = 0,
    Pause = 1,
}

/// The type of the contexts that a plugin creates.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u32)]
pub(crate) enum ContextType {
    HttpContext = 0,
    StreamContext = 1,
}

/// A buffer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u32)]
pub(crate) enum BufferType {
    HttpRequestBody = 0,
    HttpResponseBody = 1,
    DownstreamData = 2,
    UpstreamData = 3,
    HttpCallResponseBody = 4,
    GrpcReceiveBuffer = 5,
    VmConfiguration = 6,
    PluginConfiguration = 7,
    CallData = 8,
}

/// A header map.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u32)]
pub(crate) enum MapType {
    HttpRequestHeaders = 0,
    HttpRequestTrailers = 1,
    HttpResponseHeaders = 2,
    HttpResponseTrailers = 3,
    GrpcReceiveInitialMetadata = 4,
    GrpcReceiveTrailingMetadata = 5,
    HttpCallResponseHeaders = 6,
    HttpCallResponseTrailers = 7,
}

/// The type of a metric.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u32)]
pub(crate) enum MetricType {
    Counter = 0,
    Gauge = 1,
    Histogram = 2,
}

/// The host's id of a metric.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(transparent)]
pub(crate) struct MetricId(pub(super) u32);

#[cfg(test)]
mod tests {
    use super::Status;

    #[test]
    fn every_number_is_a_status_and_only_zero_is_ok() {
        assert_eq!(Status(0).ok(), Ok(()));
        assert_eq!(Status(1).ok(), Err(Status::NotFound));
        for number in [5, 9, 11, 13, u32::MAX] {
            assert_eq!(Status(number).ok(), Err(Status(number)));
        }
    }
}
