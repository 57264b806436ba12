//! Contexts: a root context for one plugin in one VM, an HTTP context for one filter on one stream.

use super::stream::Headers;
use super::{Status, Stream, StreamPhase};
use crate::proxy_wasm::abi::MapType;

/// The host's state of one context.
#[derive(Clone, Debug)]
pub(super) struct ContextState {
    /// Id of the root context; its own id for a root.
    pub(super) root: u32,
    /// Index of its stream in the host's table.
    pub(super) stream: Option<usize>,
    pub(super) phase: StreamPhase,
    /// Plugin configuration, for roots.
    pub(super) configuration: Vec<u8>,
    /// Tick period set by the module, for roots; 0 for none.
    pub(super) tick_ms: u32,
}

/// Returns the map if it can be read in this phase. In `on_log` a missing map is empty.
pub(super) fn readable(stream: &Stream, phase: StreamPhase, map_type: MapType) -> Option<&Headers> {
    static EMPTY: Headers = Vec::new();
    match (map_type, phase) {
        (MapType::RequestHeaders, StreamPhase::Request | StreamPhase::Log) => Some(&stream.request_headers),
        (MapType::ResponseHeaders, StreamPhase::Response) => stream.response_headers.as_ref(),
        (MapType::ResponseHeaders, StreamPhase::Log) => {
            Some(stream.response_headers.as_ref().unwrap_or(&EMPTY))
        }
        (MapType::ResponseTrailers, StreamPhase::Trailers) => stream.response_trailers.as_ref(),
        (MapType::ResponseTrailers, StreamPhase::Log) => {
            Some(stream.response_trailers.as_ref().unwrap_or(&EMPTY))
        }
        _ => None,
    }
}

/// Returns the response headers if they can still be changed.
pub(super) fn writable(stream: &mut Stream, phase: StreamPhase) -> Result<&mut Headers, Status> {
    match phase {
        StreamPhase::Response => stream.response_headers.as_mut().ok_or(Status::BadArgument),
        StreamPhase::Between | StreamPhase::Request | StreamPhase::Trailers | StreamPhase::Log => {
            Err(Status::BadArgument)
        }
    }
}
