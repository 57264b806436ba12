//! The phases of a stream.

/// The phase of a stream, which decides what can be read and set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StreamPhase {
    /// Outside the callbacks below.
    Between,
    /// `on_request_headers`.
    Request,
    /// `on_response_headers`.
    Response,
    /// `on_response_trailers`.
    Trailers,
    /// `on_log`.
    Log,
}
