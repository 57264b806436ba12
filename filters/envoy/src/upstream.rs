//! The upstream filter on one attempt: who was tried, when, and what came of it.
//!
//! An attempt is told to the exchange when it ends: with its response headers, or without any (a timeout of the attempt, a
//! reset, a refused connection, the loser of a hedge). One that had no host to go to has no filter; the exchange's attempt
//! count tells of it.

use crate::attributes::{attempts, name};
use crate::handover::{self, Ended};
use crate::headers::{Headers, number};
use crate::host::{Call, Map};
use alloc::string::String;

/// What the upstream filter keeps of an attempt under way.
#[derive(Debug, Default)]
pub(crate) struct UpstreamFilter {
    under_way: Option<UnderWay>,
}

#[derive(Debug)]
struct UnderWay {
    host: String,
    ordinal: u32,
    started: u64,
}

impl UpstreamFilter {
    /// The attempt begins. Whose turn it is can only be asked now: what the host knows of an exchange is what it knows of
    /// its newest attempt.
    pub(crate) fn request(&mut self, call: &Call) {
        let Ok(started) = call.now() else { return };
        // Two answers: one list of both by an expression is dearer.
        let host = name(call.property("upstream\0address")).unwrap_or_default();
        let ordinal = attempts(call.property("upstream\0request_attempt_count")).unwrap_or_default();
        if ordinal > 0 {
            self.under_way = Some(UnderWay { host: host.into(), ordinal, started: started / 1_000 });
        }
    }

    /// The response headers have come.
    pub(crate) fn response(&mut self, call: &Call) {
        let (mut status, mut fault) = (0, None);
        for (name, value) in call.headers(Map::Response).unwrap_or(Headers::new(&[])) {
            match name {
                b":status" => {
                    status = number(value).and_then(|code| u16::try_from(code).ok()).unwrap_or_default()
                }
                b"grpc-status" => fault = number(value).and_then(http_status),
                _ => {}
            }
        }
        self.end(call, fault.unwrap_or(status));
    }

    /// The filter goes: if nothing was said before, there was no answer.
    pub(crate) fn done(mut self, call: &Call) {
        self.end(call, 0);
    }

    fn end(&mut self, call: &Call, status: u16) {
        let Some(attempt) = self.under_way.take() else { return };
        let ended = call.now().map_or(attempt.started, |now| now / 1_000);
        handover::add(
            call,
            &Ended { host: &attempt.host, ordinal: attempt.ordinal, status, started: attempt.started, ended },
        );
    }
}

/// The HTTP status for a fault of a gRPC server, as Envoy translates them. gRPC says 200 on top of every failure, and only a
/// failure that is all headers can be retried.
const fn http_status(grpc: u64) -> Option<u16> {
    match grpc {
        2 | 13 | 15 => Some(500),
        4 => Some(504),
        8 => Some(429),
        14 => Some(503),
        _ => None,
    }
}

/// The upstream an attempt belongs to.
pub(crate) fn cluster(call: &Call) -> &str {
    name(call.property("xds\0cluster_name")).unwrap_or_default()
}
