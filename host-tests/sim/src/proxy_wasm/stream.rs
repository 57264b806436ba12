//! One exchange as Envoy shows it: headers, properties, filter state.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Status, StreamPhase};

/// Headers, in order; names and values are bytes.
pub type Headers = Vec<(Vec<u8>, Vec<u8>)>;

/// The data that Envoy has on one exchange; `None` where it has none.
#[derive(Clone, Debug)]
pub struct Stream {
    /// Request headers after the router.
    pub request_headers: Headers,
    /// Response headers; `None` without a response or local reply.
    pub response_headers: Option<Headers>,
    /// Response trailers, which carry the gRPC status.
    pub response_trailers: Option<Headers>,
    /// `upstream.request_attempt_count`, 0 in the request phase.
    pub attempts: u64,
    /// `response.flags`.
    pub flags: u64,
    /// `xds.cluster_name`.
    pub cluster: Option<String>,
    /// `xds.route_name`; empty if it has no name.
    pub route: String,
    /// `upstream.address`: the host of the last attempt.
    pub host: Option<String>,
    /// `request.duration`, known at the end.
    pub duration: Duration,
    /// `response.backend_latency`, of the last attempt.
    pub backend_latency: Option<Duration>,
    /// `nearmiss.tier` in the host's metadata.
    pub tier: Option<String>,
    /// `nearmiss.max_attempts` in the route's metadata.
    pub max_attempts: Option<f64>,
    /// `response.code_details`.
    pub code_details: Option<String>,
    /// `connection.termination_details`.
    pub termination_details: Option<String>,
    /// `upstream.transport_failure_reason`; empty if there was none.
    pub transport_failure: String,
    /// `response.size`: body bytes.
    pub response_bytes: u64,
    /// Results that replace those of properties, by path joined with dots.
    pub property_overrides: BTreeMap<String, Result<Vec<u8>, Status>>,
    /// Filter state, including the `wasm.` prefix.
    pub filter_state: BTreeMap<String, Vec<u8>>,
}

impl Stream {
    /// Returns a plain exchange: one attempt, 200 after 10 ms.
    pub fn ok(cluster: &str) -> Self {
        let request =
            [(":method", "GET"), (":path", "/"), (":authority", "example.test"), (":scheme", "http")];
        Self {
            request_headers: headers(&request),
            response_headers: Some(headers(&[(":status", "200"), ("content-length", "2")])),
            response_trailers: None,
            attempts: 1,
            flags: 0,
            cluster: Some(cluster.to_owned()),
            route: String::new(),
            host: Some("10.0.0.1:80".to_owned()),
            duration: Duration::from_millis(10),
            backend_latency: Some(Duration::from_millis(9)),
            tier: None,
            max_attempts: None,
            code_details: Some("via_upstream".to_owned()),
            termination_details: None,
            transport_failure: String::new(),
            response_bytes: 2,
            property_overrides: BTreeMap::new(),
            filter_state: BTreeMap::new(),
        }
    }

    /// Sets the response status.
    pub fn with_status(mut self, status: u16) -> Self {
        let response = self.response_headers.get_or_insert_default();
        response.retain(|(name, _)| name != b":status");
        response.insert(0, (b":status".to_vec(), status.to_string().into_bytes()));
        self
    }

    /// Adds a request header.
    pub fn with_request_header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.request_headers.push((name.into(), value.as_ref().to_vec()));
        self
    }

    /// Adds a response header.
    pub fn with_response_header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.response_headers.get_or_insert_default().push((name.into(), value.as_ref().to_vec()));
        self
    }

    /// Replaces the result of a property.
    pub fn with_property(mut self, path: &str, result: Result<&[u8], Status>) -> Self {
        self.property_overrides.insert(path.to_owned(), result.map(<[u8]>::to_vec));
        self
    }

    /// Returns the first response header of that name, as text.
    pub fn response_header(&self, name: &str) -> Option<String> {
        let found = self.response_headers.as_ref()?.iter().find(|(known, _)| known == name.as_bytes());
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    }

    /// Returns the filter state `wasm.nearmiss`, as text.
    pub fn annotation(&self) -> Option<String> {
        let value = self.filter_state.get("wasm.nearmiss")?;
        Some(String::from_utf8_lossy(value).into_owned())
    }

    /// Returns the result of `proxy_get_property`; `Err(None)` for a path that is not simulated.
    pub(super) fn property(&self, path: &[&str], phase: StreamPhase) -> Result<Vec<u8>, Option<Status>> {
        let dotted = path.join(".");
        if let Some(result) = self.property_overrides.get(&dotted) {
            return result.clone().map_err(Some);
        }
        if let [only] = path {
            return self.filter_state.get(&format!("wasm.{only}")).cloned().ok_or(Some(Status::NotFound));
        }
        if let ["filter_state", key] = path {
            return self.filter_state.get(*key).cloned().ok_or(Some(Status::NotFound));
        }
        let ended = phase == StreamPhase::Log;
        let responded = phase != StreamPhase::Request;
        let found = match dotted.as_str() {
            "upstream.request_attempt_count" => Some(number(if responded { self.attempts } else { 0 })),
            "upstream.address" => text(self.host.as_ref().filter(|_| responded)),
            "upstream.transport_failure_reason" => {
                text(self.host.as_ref().filter(|_| responded).map(|_| &self.transport_failure))
            }
            "response.flags" => Some(number(if responded { self.flags } else { 0 })),
            "response.code" => self.status().filter(|_| ended).map(number),
            "response.size" => Some(number(if ended { self.response_bytes } else { 0 })),
            "response.code_details" => text(self.code_details.as_ref().filter(|_| responded)),
            "response.grpc_status" => self.grpc_status().filter(|_| responded).map(number),
            "response.backend_latency" => self.backend_latency.filter(|_| ended).map(nanoseconds),
            "request.duration" => ended.then(|| nanoseconds(self.duration)),
            "request.protocol" => Some(b"HTTP/1.1".to_vec()),
            "request.time" => None,
            "request.method" => self
                .request_header(":method")
                .filter(|_| matches!(phase, StreamPhase::Request | StreamPhase::Log)),
            "connection.termination_details" => text(self.termination_details.as_ref()),
            "xds.cluster_name" => text(self.cluster.as_ref()),
            "xds.route_name" => text(Some(&self.route)),
            "xds.upstream_host_metadata" if self.tier.is_none() => {
                return Err(Some(Status::SerializationFailure));
            }
            "xds.upstream_host_metadata.filter_metadata.nearmiss.tier" => {
                text(self.tier.as_ref().filter(|_| responded))
            }
            "xds.upstream_host_locality_metadata.filter_metadata.nearmiss.tier" => None,
            "xds.route_metadata.filter_metadata.nearmiss.max_attempts" => {
                self.max_attempts.map(|attempts| attempts.to_le_bytes().to_vec())
            }
            _ => return Err(None),
        };
        found.ok_or(Some(Status::NotFound))
    }

    /// Returns the first request header of that name.
    pub(super) fn request_header(&self, name: &str) -> Option<Vec<u8>> {
        let found = self.request_headers.iter().find(|(known, _)| known == name.as_bytes());
        found.map(|(_, value)| value.clone())
    }

    fn status(&self) -> Option<u64> {
        self.response_header(":status")?.parse().ok()
    }

    /// Finds the gRPC status as Envoy does: in trailers, then in headers, then by translating the HTTP status.
    fn grpc_status(&self) -> Option<u64> {
        let in_trailers = self.response_trailers.iter().flatten();
        let in_headers = self.response_headers.iter().flatten();
        let reported = in_trailers.chain(in_headers).find(|(name, _)| name == b"grpc-status");
        if let Some((_, value)) = reported {
            return std::str::from_utf8(value).ok()?.parse().ok();
        }
        Some(match self.status()? {
            400 => 13,
            401 => 16,
            403 => 7,
            404 => 12,
            429 | 502..=504 => 14,
            _ => 2,
        })
    }
}

/// Builds headers from text.
pub(crate) fn headers(pairs: &[(&str, &str)]) -> Headers {
    pairs.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
}

fn text(value: Option<&String>) -> Option<Vec<u8>> {
    value.map(|value| value.clone().into_bytes())
}

fn number(value: u64) -> Vec<u8> {
    value.to_le_bytes().to_vec()
}

fn nanoseconds(value: Duration) -> Vec<u8> {
    number(u64::try_from(value.as_nanos()).unwrap_or(u64::MAX))
}
