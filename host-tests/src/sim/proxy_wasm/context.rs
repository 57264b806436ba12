//! A context: one plugin in one VM, or one filter on one stream.

use super::stream::Headers;
use super::{Status, Stream};
use crate::sim::proxy_wasm::abi::MapType;

/// Where in its life a stream is. What can be read and set depends on it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// No callback with data is under way.
    Between,
    /// `on_request_headers`.
    Request,
    /// `on_response_headers`.
    Response,
    /// `on_log`.
    Log,
}

/// What the host keeps of one context of the module.
#[derive(Clone, Debug)]
pub(super) struct Context {
    /// The root's own id if this is one.
    pub(super) root: u32,
    /// The stream it looks at, as a place in the host's table.
    pub(super) stream: Option<usize>,
    pub(super) phase: Phase,
    /// For roots.
    pub(super) configuration: Vec<u8>,
    /// For roots: set by the module, 0 for none.
    pub(super) tick_ms: u32,
}

/// The map that `map_type` names, as it can be read in this phase. In `on_log` none is missing: it is empty.
pub(super) fn readable(stream: &Stream, phase: Phase, map_type: MapType) -> Option<&Headers> {
    static EMPTY: Headers = Vec::new();
    match (map_type, phase) {
        (MapType::RequestHeaders, Phase::Request | Phase::Log) => Some(&stream.request_headers),
        (MapType::ResponseHeaders, Phase::Response) => stream.response_headers.as_ref(),
        (MapType::ResponseHeaders, Phase::Log) => Some(stream.response_headers.as_ref().unwrap_or(&EMPTY)),
        (MapType::ResponseTrailers, Phase::Log) => Some(stream.response_trailers.as_ref().unwrap_or(&EMPTY)),
        _ => None,
    }
}

/// The response headers, where they can still be changed.
pub(super) fn writable(stream: &mut Stream, phase: Phase) -> Result<&mut Headers, Status> {
    match phase {
        Phase::Response => stream.response_headers.as_mut().ok_or(Status::BadArgument),
        Phase::Between | Phase::Request | Phase::Log => Err(Status::BadArgument),
    }
}
