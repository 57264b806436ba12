//! Optional fields of the next exchange: everything but upstream, time, status, duration and number of attempts.
//!
//! JavaScript sets them one call at a time before it observes the exchange, which clears them. Memory is bounded and reused.

use crate::number;
use alloc::string::String;
use alloc::vec::Vec;
use nearmiss::{Attempt, Exchange, Flags, MAX_ATTEMPT_LOG, Micros, Quota, Substitute};
use wasm_bindgen::prelude::wasm_bindgen;

/// An optional numeric field of an exchange; times are in milliseconds.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug)]
pub enum NumberField {
    /// Maximum number of attempts.
    MaxAttempts,
    /// Time limit of one attempt.
    Timeout,
    /// Time limit of the whole exchange.
    Deadline,
    /// Time on the timeout's own clock.
    TimeoutUsed,
    /// Time on the deadline's own clock.
    DeadlineUsed,
    /// Time that the upstream took.
    Service,
    /// gRPC status.
    GrpcStatus,
    /// Size of the response body.
    Bytes,
    /// Number of the client's own attempt, from 1.
    ClientAttempt,
    /// Remaining quota.
    QuotaRemaining,
    /// Total quota.
    QuotaLimit,
}

/// An optional boolean field of an exchange.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug)]
pub enum Flag {
    /// A failure inside a success.
    Partial,
    /// The client disconnected.
    Aborted,
    /// The hedge won: a later attempt answered.
    Hedged,
    /// The response is a stream without an end.
    Stream,
    /// The retry budget was exhausted, or a circuit breaker was open.
    Breaker,
    /// A policy of the gateway turned the request away.
    Rejected,
    /// An authorization could not be checked and was skipped.
    FailOpen,
    /// The request waited for a place in a queue.
    Pool,
    /// A failover target in another zone answered.
    Failover,
    /// A fallback answered.
    Fallback,
    /// A stale copy was served.
    Stale,
}

/// An optional text field of an exchange.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug)]
pub enum TextField {
    /// Host that answered last.
    Host,
    /// Route name.
    Route,
    /// `Cache-Status` header (RFC 9211).
    CacheStatus,
    /// `Proxy-Status` header (RFC 9209).
    ProxyStatus,
    /// Trace ID.
    TraceId,
    /// Reason for the end of the exchange.
    Reason,
}

/// Maximum length of a text in bytes; the rest is ignored.
const MAX_TEXT_LEN: usize = 4_096;

#[derive(Debug, Default)]
pub(crate) struct ExchangeBuilder {
    is_used: bool,
    /// All fields that do not borrow.
    plain: Exchange<'static>,
    quota_remaining: Option<u64>,
    quota_limit: Option<u64>,
    texts: [String; 6],
    /// The most recent attempts, oldest first.
    attempts: Vec<LoggedAttempt>,
}

#[derive(Debug)]
struct LoggedAttempt {
    host: String,
    status: Option<u16>,
    duration: Option<Micros>,
}

impl ExchangeBuilder {
    /// Sets a number. Returns false if the value is not valid for the field.
    pub(crate) fn set_number(&mut self, field: NumberField, value: f64) -> bool {
        self.is_used = true;
        let plain = &mut self.plain;
        let (duration, count) = (number::duration(value), number::count(value));
        let integer = number::safe_integer(value);
        match field {
            NumberField::MaxAttempts => set(&mut plain.max_attempts, count),
            NumberField::Timeout => set(&mut plain.timeout, duration),
            NumberField::Deadline => set(&mut plain.deadline, duration),
            NumberField::TimeoutUsed => set(&mut plain.timeout_used, duration),
            NumberField::DeadlineUsed => set(&mut plain.deadline_used, duration),
            NumberField::Service => set(&mut plain.service, duration),
            NumberField::GrpcStatus => set(&mut plain.grpc_status, count),
            NumberField::Bytes => set(&mut plain.bytes, integer),
            NumberField::ClientAttempt => set(&mut plain.client_attempt, count),
            NumberField::QuotaRemaining => set(&mut self.quota_remaining, integer),
            NumberField::QuotaLimit => set(&mut self.quota_limit, integer),
        }
    }

    /// Sets a flag.
    pub(crate) fn set_flag(&mut self, flag: Flag) {
        self.is_used = true;
        match flag {
            Flag::Partial => self.plain.partial = true,
            Flag::Aborted => self.plain.aborted = true,
            Flag::Hedged => self.plain.hedged = true,
            Flag::Stream => self.plain.stream = true,
            Flag::Breaker => self.plain.flags = Flags::UO,
            Flag::Rejected => self.plain.rejected = true,
            Flag::FailOpen => self.plain.fail_open = true,
            Flag::Pool => self.plain.pool = true,
            Flag::Failover => self.plain.substitute = Some(Substitute::Failover),
            Flag::Fallback => self.plain.substitute = Some(Substitute::Fallback),
            Flag::Stale => self.plain.substitute = Some(Substitute::Stale),
        }
    }

    /// Sets a text, truncated to [`MAX_TEXT_LEN`].
    pub(crate) fn set_text(&mut self, field: TextField, value: &str) {
        self.is_used = true;
        if let Some(text) = self.texts.get_mut(field as usize) {
            text.clear();
            text.push_str(truncated(value));
        }
    }

    /// Adds the next attempt. An empty host, a NaN status and a NaN duration mean unknown. Returns false if another number is
    /// invalid.
    pub(crate) fn add_attempt(&mut self, host: &str, status: f64, duration_ms: f64) -> bool {
        self.is_used = true;
        let (known_status, duration) = (number::status(status), number::duration(duration_ms));
        if known_status.is_none() && !status.is_nan() || duration.is_none() && !duration_ms.is_nan() {
            return false;
        }
        if self.attempts.len() == MAX_ATTEMPT_LOG {
            self.attempts.remove(0);
        }
        self.attempts.push(LoggedAttempt { host: truncated(host).into(), status: known_status, duration });
        true
    }

    /// Calls `body` with `exchange` and all optional fields, then clears them.
    pub(crate) fn build<R>(&mut self, exchange: Exchange<'_>, body: impl FnOnce(&Exchange<'_>) -> R) -> R {
        if !self.is_used {
            return body(&exchange);
        }
        let mut log = [Attempt::default(); MAX_ATTEMPT_LOG];
        for (slot, attempt) in log.iter_mut().zip(&self.attempts) {
            let host = Some(attempt.host.as_str()).filter(|host| !host.is_empty());
            *slot =
                Attempt { host, status: attempt.status, duration: attempt.duration, ..Attempt::default() };
        }
        let text = |field: TextField| {
            let text = self.texts.get(field as usize).map(String::as_str);
            text.filter(|text| !text.is_empty())
        };
        let quota = self.quota_limit.zip(self.quota_remaining);
        let result = body(&Exchange {
            ts: exchange.ts,
            upstream: exchange.upstream,
            status: exchange.status,
            duration: exchange.duration,
            attempts: exchange.attempts,
            host: text(TextField::Host),
            route: text(TextField::Route),
            cache_status: text(TextField::CacheStatus),
            proxy_status: text(TextField::ProxyStatus),
            trace_id: text(TextField::TraceId),
            reason: text(TextField::Reason),
            quota: quota.map(|(limit, remaining)| Quota { limit, remaining }),
            attempt_log: log.get(..self.attempts.len()).unwrap_or_default(),
            ..self.plain
        });
        self.clear();
        result
    }

    /// Clears all fields.
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

fn set<T>(field: &mut Option<T>, value: Option<T>) -> bool {
    let is_valid = value.is_some();
    *field = value;
    is_valid
}

fn truncated(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_TEXT_LEN)).unwrap_or(text)
}
