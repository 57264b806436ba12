//! The upstream filter for one attempt: records the host, the time and the result.
//!
//! An attempt is propagated to its exchange when it ends: with its response headers, or without any (a per-try timeout, a
//! reset, a refused connection, the loser of a hedge). Envoy creates no filter for an attempt without a host; only the
//! exchange's attempt count includes it.

use crate::attempt_propagation::{self, EndedAttempt};
use crate::attributes::{attempts, name};
use crate::headers::{Headers, number};
use crate::host::{Hostcalls, MapType};
use alloc::string::String;

/// The state of the upstream filter during an attempt.
#[derive(Debug, Default)]
pub(crate) struct UpstreamFilter {
    running: Option<RunningAttempt>,
}

#[derive(Debug)]
struct RunningAttempt {
    host: String,
    ordinal: u32,
    started: u64,
}

impl UpstreamFilter {
    /// Begins the attempt. Host and number can only be read now: the properties of an exchange are those of its newest attempt.
    pub(crate) fn on_http_request_headers(&mut self, hostcalls: &Hostcalls) {
        let Ok(started) = hostcalls.get_current_time() else { return };
        // Two properties are cheaper than one expression that lists both.
        let host = name(hostcalls.get_property("upstream\0address")).unwrap_or_default();
        let ordinal = attempts(hostcalls.get_property("upstream\0request_attempt_count")).unwrap_or_default();
        if ordinal > 0 {
            self.running = Some(RunningAttempt { host: host.into(), ordinal, started: started / 1_000 });
        }
    }

    /// Ends the attempt with the status in its response headers.
    pub(crate) fn on_http_response_headers(&mut self, hostcalls: &Hostcalls) {
        let (mut status, mut grpc_fault) = (0, None);
        for (name, value) in
            hostcalls.get_map_bytes(MapType::HttpResponseHeaders).unwrap_or(Headers::new(&[]))
        {
            match name {
                b":status" => {
                    status = number(value).and_then(|code| u16::try_from(code).ok()).unwrap_or_default()
                }
                b"grpc-status" => grpc_fault = number(value).and_then(http_status),
                _ => {}
            }
        }
        self.end(hostcalls, grpc_fault.unwrap_or(status));
    }

    /// Ends the attempt without a response, unless it has ended before.
    pub(crate) fn on_done(mut self, hostcalls: &Hostcalls) {
        self.end(hostcalls, 0);
    }

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
            },
        );
    }
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
