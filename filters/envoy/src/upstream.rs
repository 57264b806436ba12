//! The upstream filter, the context of one attempt: records the host, the time and the result.
//!
//! An attempt is propagated to its exchange when it ends: with its response headers, or without any (a per-try timeout, a
//! reset, a refused connection, the loser of a hedge). Envoy creates no filter for an attempt without a host; only the
//! exchange's attempt count includes it.

use crate::attachment::Attachment;
use crate::attempt_propagation::{self, EndedAttempt};
use crate::attributes::{attempts, cluster, flags, name};
use crate::headers::{Headers, number};
use crate::plugins;
use crate::proxy_wasm::hostcalls::Hostcalls;
use crate::proxy_wasm::traits::{Context, HttpContext};
use crate::proxy_wasm::types::{Action, MapType};
use alloc::rc::Rc;
use alloc::string::String;
use nearmiss::Flags;

/// The upstream filter during an attempt.
pub(crate) struct UpstreamFilter {
    attachment: Rc<Attachment>,
    running: Option<RunningAttempt>,
}

struct RunningAttempt {
    host: String,
    ordinal: u32,
    started: u64,
}

impl UpstreamFilter {
    /// Creates the filter of an attempt that has not begun.
    pub(crate) const fn new(attachment: Rc<Attachment>) -> Self {
        Self { attachment, running: None }
    }

    /// Begins the attempt. Host and number can only be read now: the properties of an exchange are those of its newest attempt.
    fn begin(&mut self, hostcalls: &Hostcalls) {
        let Ok(started) = hostcalls.get_current_time() else { return };
        // Two properties are cheaper than one expression that lists both.
        let host = name(hostcalls.get_property("upstream\0address")).unwrap_or_default();
        let ordinal = attempts(hostcalls.get_property("upstream\0request_attempt_count")).unwrap_or_default();
        if ordinal > 0 {
            self.running = Some(RunningAttempt { host: host.into(), ordinal, started: started / 1_000 });
        }
    }

    /// Ends the attempt, unless it has ended before. The status is 0 without a response.
    fn end(&mut self, hostcalls: &Hostcalls, status: u16) {
        let Some(attempt) = self.running.take() else { return };
        let ended = hostcalls.get_current_time().map_or(attempt.started, |now| now / 1_000);
        attempt_propagation::append(
            hostcalls,
            &EndedAttempt {
                host: &attempt.host,
                ordinal: attempt.ordinal,
                status,
                started: attempt.started,
                ended,
                reason: if status == 0 { failure_reason(hostcalls) } else { "" },
                // A redirect or a custom response may be followed by a request to another cluster.
                cluster: if status >= 300 { cluster(hostcalls) } else { "" },
            },
        );
    }
}

impl Context for UpstreamFilter {
    /// Ends the attempt without a response.
    fn on_done(&mut self) -> bool {
        self.end(&Hostcalls::begin(), 0);
        true
    }
}

impl HttpContext for UpstreamFilter {
    /// Begins the attempt, and counts it if no plugin of this VM judges exchanges.
    fn on_http_request_headers(&mut self, _num_headers: usize, _end_of_stream: bool) -> Action {
        let hostcalls = Hostcalls::begin();
        self.begin(&hostcalls);
        if !plugins::any_judges() {
            self.attachment.count_attempt(&hostcalls);
        }
        Action::Continue
    }

    /// Ends the attempt with the status in its response headers.
    fn on_http_response_headers(&mut self, _num_headers: usize, _end_of_stream: bool) -> Action {
        let hostcalls = Hostcalls::begin();
        let headers = hostcalls.get_map_bytes(MapType::HttpResponseHeaders).unwrap_or(Headers::new(&[]));
        self.end(&hostcalls, response_status(headers));
        Action::Continue
    }
}

/// Returns the reason why an attempt has no response: the failure of the connection in Envoy's words, or a reset. It is empty if the client
/// has gone.
fn failure_reason(hostcalls: &Hostcalls) -> &str {
    let is_client_gone = || {
        let flags = flags(hostcalls.get_property("response\0flags"));
        flags.any(Flags::DC.with(Flags::DR))
    };
    name(hostcalls.get_property("upstream\0transport_failure_reason"))
        .unwrap_or_else(|| if is_client_gone() { "" } else { attempt_propagation::RESET })
}

/// Returns the status of a response; a gRPC server fault has the HTTP status that Envoy maps it to.
fn response_status(headers: Headers<'_>) -> u16 {
    let (mut status, mut grpc_fault) = (0, None);
    for (name, value) in headers {
        match name {
            b":status" => {
                status = number(value).and_then(|code| u16::try_from(code).ok()).unwrap_or_default()
            }
            b"grpc-status" => grpc_fault = number(value).and_then(http_status),
            _ => {}
        }
    }
    grpc_fault.unwrap_or(status)
}

/// Returns the HTTP status that Envoy maps a gRPC server fault to. The HTTP status of a failed gRPC call is 200; only a
/// failure in a headers-only response can be retried.
const fn http_status(grpc: u64) -> Option<u16> {
    match grpc {
        2 | 13 | 15 => Some(500),
        4 => Some(504),
        8 => Some(429),
        14 => Some(503),
        _ => None,
    }
}
