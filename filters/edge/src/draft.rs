//! What is known of an exchange beyond its upstream, time, status, duration and attempts.
//!
//! Gathered call by call before the exchange is observed, and forgotten with it. Its memory is kept, and is bounded.

use crate::number;
use alloc::string::String;
use alloc::vec::Vec;
use nearmiss::exchange::MAX_ATTEMPT_LOG;
use nearmiss::{Attempt, Exchange, Flags, Micros, Quota, Substitute};
use wasm_bindgen::prelude::wasm_bindgen;

/// A number that may be known of an exchange; times are in milliseconds.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug)]
pub enum Quantity {
    /// How many attempts were allowed.
    MaxAttempts,
    /// The limit of one attempt.
    Timeout,
    /// The limit of the exchange.
    Deadline,
    /// The gRPC status.
    GrpcStatus,
    /// Of the response's body.
    Bytes,
    /// Which try of the client's own it is.
    ClientAttempt,
    /// What is left of the quota.
    QuotaRemaining,
    /// All of the quota.
    QuotaLimit,
}

/// Something that is so or not.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug)]
pub enum Mark {
    /// A failure inside a success.
    Partial,
    /// The client went away.
    Aborted,
    /// A hedge's later answer counted.
    Hedged,
    /// It has no end of its own.
    Stream,
    /// The retry budget was spent, or a circuit breaker open.
    Breaker,
    /// Another zone answered.
    Failover,
    /// Something else answered.
    Fallback,
    /// An expired copy was served.
    Stale,
}

/// A text that may be known of an exchange.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug)]
pub enum Words {
    /// Who answered last.
    Host,
    /// The route's name.
    Route,
    /// RFC 9211.
    CacheStatus,
    /// RFC 9209.
    ProxyStatus,
    /// The trace.
    TraceId,
}

/// The longest text that is looked at, in bytes.
const MAX_TEXT: usize = 4_096;

#[derive(Debug, Default)]
pub(crate) struct Draft {
    is_used: bool,
    plain: Exchange<'static>,
    quota_remaining: Option<u64>,
    quota_limit: Option<u64>,
    texts: [String; 5],
    /// The last attempts, in order.
    attempts: Vec<Logged>,
}

#[derive(Debug)]
struct Logged {
    host: String,
    status: Option<u16>,
    duration: Option<Micros>,
}

impl Draft {
    /// Takes a number; false if it is none of its kind.
    pub(crate) fn number(&mut self, quantity: Quantity, value: f64) -> bool {
        self.is_used = true;
        let plain = &mut self.plain;
        match quantity {
            Quantity::MaxAttempts => keep(&mut plain.max_attempts, number::count(value)),
            Quantity::Timeout => keep(&mut plain.timeout, number::span(value)),
            Quantity::Deadline => keep(&mut plain.deadline, number::span(value)),
            Quantity::GrpcStatus => keep(&mut plain.grpc_status, number::count(value)),
            Quantity::Bytes => keep(&mut plain.bytes, number::large(value)),
            Quantity::ClientAttempt => keep(&mut plain.client_attempt, number::count(value)),
            Quantity::QuotaRemaining => keep(&mut self.quota_remaining, number::large(value)),
            Quantity::QuotaLimit => keep(&mut self.quota_limit, number::large(value)),
        }
    }

    /// Takes a mark.
    pub(crate) fn mark(&mut self, mark: Mark) {
        self.is_used = true;
        match mark {
            Mark::Partial => self.plain.partial = true,
            Mark::Aborted => self.plain.aborted = true,
            Mark::Hedged => self.plain.hedged = true,
            Mark::Stream => self.plain.stream = true,
            Mark::Breaker => self.plain.flags = Flags::UO,
            Mark::Failover => self.plain.substitute = Some(Substitute::Failover),
            Mark::Fallback => self.plain.substitute = Some(Substitute::Fallback),
            Mark::Stale => self.plain.substitute = Some(Substitute::Stale),
        }
    }

    /// Takes a text, cut where it is too long.
    pub(crate) fn text(&mut self, words: Words, value: &str) {
        self.is_used = true;
        if let Some(text) = self.texts.get_mut(words as usize) {
            text.clear();
            text.push_str(short(value));
        }
    }

    /// Takes the next attempt; false if one of its numbers is none. No host, a NaN as status and a NaN as duration are unknown.
    pub(crate) fn attempt(&mut self, host: &str, status: f64, duration_ms: f64) -> bool {
        self.is_used = true;
        let (answer, duration) = (number::status(status), number::span(duration_ms));
        if answer.is_none() && !status.is_nan() || duration.is_none() && !duration_ms.is_nan() {
            return false;
        }
        if self.attempts.len() == MAX_ATTEMPT_LOG {
            self.attempts.remove(0);
        }
        self.attempts.push(Logged { host: short(host).into(), status: answer, duration });
        true
    }

    /// Calls `take` with everything that is known, and forgets it.
    pub(crate) fn complete<R>(&mut self, exchange: Exchange<'_>, take: impl FnOnce(&Exchange<'_>) -> R) -> R {
        if !self.is_used {
            return take(&exchange);
        }
        let mut log = [Attempt::default(); MAX_ATTEMPT_LOG];
        for (slot, attempt) in log.iter_mut().zip(&self.attempts) {
            let host = Some(attempt.host.as_str()).filter(|host| !host.is_empty());
            *slot = Attempt { host, status: attempt.status, duration: attempt.duration };
        }
        let text = |words: Words| {
            let text = self.texts.get(words as usize).map(String::as_str);
            text.filter(|text| !text.is_empty())
        };
        let quota = self.quota_limit.zip(self.quota_remaining);
        let result = take(&Exchange {
            ts: exchange.ts,
            upstream: exchange.upstream,
            status: exchange.status,
            duration: exchange.duration,
            attempts: exchange.attempts,
            host: text(Words::Host),
            route: text(Words::Route),
            cache_status: text(Words::CacheStatus),
            proxy_status: text(Words::ProxyStatus),
            trace_id: text(Words::TraceId),
            quota: quota.map(|(limit, remaining)| Quota { limit, remaining }),
            attempt_log: log.get(..self.attempts.len()).unwrap_or_default(),
            ..self.plain
        });
        self.clear();
        result
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        if self.is_used {
            self.is_used = false;
            self.plain = Exchange::default();
            (self.quota_remaining, self.quota_limit) = (None, None);
            self.texts.iter_mut().for_each(String::clear);
            self.attempts.clear();
        }
    }
}

fn keep<T>(place: &mut Option<T>, value: Option<T>) -> bool {
    let is_known = value.is_some();
    *place = value;
    is_known
}

fn short(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_TEXT)).unwrap_or(text)
}
