//! Envoy as proxy-wasm shows it, for the reading of exchanges and attempts.

use crate::headers::Headers;
use crate::proxy_wasm::hostcalls::Hostcalls;
use crate::proxy_wasm::types::{LogLevel, MapType};
use alloc::vec::Vec;
use nearmiss::Timestamp;
use nearmiss_envoy_exchange::exchange::EarlyInfo;
use nearmiss_envoy_exchange::host::{Host, Map, Metadata, Number, State, Text};

/// Data that an HTTP filter reads before its exchange ends.
#[derive(Debug, Default)]
pub(crate) struct Early {
    pub(crate) info: EarlyInfo,
    /// The encoded request headers, if they are read early.
    pub(crate) request: Option<Vec<u8>>,
    /// The encoded response headers, if they are read early.
    pub(crate) response: Option<Vec<u8>>,
}

/// The hostcalls of one callback, and what was read before it.
pub(crate) struct Envoy<'h> {
    hostcalls: &'h Hostcalls,
    early: Option<&'h Early>,
}

impl<'h> Envoy<'h> {
    /// Lends Envoy's data as it is now.
    pub(crate) const fn new(hostcalls: &'h Hostcalls) -> Self {
        Self { hostcalls, early: None }
    }

    /// Lends Envoy's data, with the headers as they were if they were read early.
    pub(crate) const fn with_early(hostcalls: &'h Hostcalls, early: Option<&'h Early>) -> Self {
        Self { hostcalls, early }
    }
}

impl Host for Envoy<'_> {
    type Headers<'a>
        = Headers<'a>
    where
        Self: 'a;

    fn now(&self) -> Option<Timestamp> {
        self.hostcalls.get_current_time().ok().map(|now| Timestamp::from_micros(now / 1_000))
    }

    fn text(&self, text: Text) -> Option<&[u8]> {
        let path = match text {
            Text::Cluster => "xds\0cluster_name",
            Text::UpstreamAddress => "upstream\0address",
            Text::TransportFailure => "upstream\0transport_failure_reason",
            Text::CodeDetails => "response\0code_details",
        };
        self.hostcalls.get_property(path).ok()
    }

    fn number(&self, number: Number) -> Option<u64> {
        let path = match number {
            Number::Attempts => "upstream\0request_attempt_count",
            Number::Flags => "response\0flags",
            Number::Status => "response\0code",
            Number::ResponseSize => "response\0size",
            Number::BackendLatency => "response\0backend_latency",
        };
        self.hostcalls.get_property(path).ok()?.try_into().ok().map(u64::from_le_bytes)
    }

    fn headers(&self, map: Map) -> Option<Headers<'_>> {
        let early = self.early.and_then(|early| match map {
            Map::Request => early.request.as_deref(),
            Map::Response => early.response.as_deref(),
            Map::ResponseTrailers => None,
        });
        match early {
            Some(bytes) => Some(Headers::new(bytes)),
            None if map == Map::Request && self.early.is_some_and(|early| early.info.has_lost_headers) => {
                None
            }
            None => self.hostcalls.get_map_bytes(map_type(map)).ok(),
        }
    }

    fn header(&self, map: Map, name: &str) -> Option<&[u8]> {
        self.hostcalls.get_map_value_bytes(map_type(map), name).ok()
    }

    fn metadata<R>(&self, metadata: Metadata, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let path = match metadata {
            Metadata::HostTier => "xds\0upstream_host_metadata\0filter_metadata\0nearmiss\0tier",
            Metadata::LocalityTier => "xds\0upstream_host_locality_metadata\0filter_metadata\0nearmiss\0tier",
            Metadata::MaxAttempts => "xds\0route_metadata\0filter_metadata\0nearmiss\0max_attempts",
        };
        self.hostcalls.get_property(path).ok().map(read)
    }

    fn filter_state(&self, state: State) -> Option<&[u8]> {
        self.hostcalls.get_property(state_name(state)).ok()
    }

    fn set_filter_state(&self, state: State, value: &[u8]) {
        let _ = self.hostcalls.set_property(state_name(state), Some(value));
    }

    fn warn(&self, message: &str) {
        let _ = self.hostcalls.log(LogLevel::Warn, message);
    }
}

/// Returns the name of an entry, which Envoy keeps as `wasm.NAME`. It is a property of its own, which is cheaper to read than
/// `filter_state`.
const fn state_name(state: State) -> &'static str {
    match state {
        State::Annotation => "nearmiss",
        State::Attempts => "nearmiss_attempts",
        State::Seen => "nearmiss_seen",
    }
}

const fn map_type(map: Map) -> MapType {
    match map {
        Map::Request => MapType::HttpRequestHeaders,
        Map::Response => MapType::HttpResponseHeaders,
        Map::ResponseTrailers => MapType::HttpResponseTrailers,
    }
}
