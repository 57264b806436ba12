//! One attempt, as an upstream filter sees it: the host, the time and the result.
//!
//! An attempt is propagated to its exchange when it ends: with its response headers, or without any (a per-try timeout, a
//! reset, a refused connection, the loser of a hedge). Envoy creates no filter for an attempt without a host; only the
//! exchange's attempt count includes it.

use crate::attempt_propagation::{self, EndedAttempt};
use crate::attributes::{attempts, cluster, flags, name};
use crate::host::{Host, Map, Text};
use crate::values::number;
use alloc::string::String;
use nearmiss::Flags;

/// An attempt that runs, or none.
#[derive(Debug, Default)]
pub struct Attempt(Option<RunningAttempt>);

#[derive(Debug)]
struct RunningAttempt {
    host: String,
    ordinal: u32,
    started: u64,
}

impl Attempt {
    /// Returns an attempt that has not begun.
    pub const fn new() -> Self {
        Self(None)
    }

    /// Begins the attempt. Host and number can only be read now: the properties of an exchange are those of its newest attempt.
    pub fn begin(&mut self, envoy: &impl Host) {
        let Some(started) = envoy.now() else { return };
        let host = name(envoy, Text::UpstreamAddress).unwrap_or_default();
        let ordinal = attempts(envoy).unwrap_or_default();
        if ordinal > 0 {
            self.0 = Some(RunningAttempt { host: host.into(), ordinal, started: started.micros() });
        }
    }

    /// Returns ordinal, host and start of the attempt while it runs, in microseconds since the Unix epoch.
    pub fn running(&self) -> Option<(u32, &str, u64)> {
        self.0.as_ref().map(|attempt| (attempt.ordinal, &*attempt.host, attempt.started))
    }

    /// Ends the attempt with the status in its response headers, unless it has ended before.
    pub fn end_with_response(&mut self, envoy: &impl Host) {
        let status = envoy.headers(Map::Response).map(response_status).unwrap_or_default();
        self.end(envoy, status);
    }

    /// Ends the attempt without a response, unless it has ended before.
    pub fn end_without_response(&mut self, envoy: &impl Host) {
        self.end(envoy, 0);
    }

    fn end(&mut self, envoy: &impl Host, status: u16) {
        let Some(attempt) = self.0.take() else { return };
        let ended = envoy.now().map_or(attempt.started, |now| now.micros());
        attempt_propagation::append(
            envoy,
            &EndedAttempt {
                host: &attempt.host,
                ordinal: attempt.ordinal,
                status,
                started: attempt.started,
                ended,
                reason: if status == 0 { failure_reason(envoy) } else { "" },
                // A redirect or a custom response may be followed by a request to another cluster.
                cluster: if status >= 300 { cluster(envoy) } else { "" },
            },
        );
    }
}

/// Returns the reason why an attempt has no response: the failure of the connection in Envoy's words, or a reset. It is empty if the client
/// has gone.
fn failure_reason(envoy: &impl Host) -> &str {
    name(envoy, Text::TransportFailure).unwrap_or_else(|| {
        let is_client_gone = flags(envoy).any(Flags::DC.with(Flags::DR));
        if is_client_gone { "" } else { attempt_propagation::RESET }
    })
}

/// Returns the status of a response; a gRPC server fault has the HTTP status that Envoy maps it to.
fn response_status<'a>(headers: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> u16 {
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
