//! Writes exchange lines.

use super::field::ExchangeField;
use crate::PriorVerdict;
use alloc::string::String;
use core::fmt::Write;
use nearmiss::{Attempt, Exchange, Flags, Micros, Substitute, Timestamp};

/// Appends an exchange line, without a line ending: everything that a verdict rests on, so that [`read`](super::read) gives the
/// same exchange again.
pub fn write(out: &mut String, exchange: &Exchange<'_>) {
    let mut object = Object::open(out);
    for field in ExchangeField::ALL {
        write_field(&mut object, *field, exchange);
    }
    object.close();
}

/// Appends a line with the verdict of another nearmiss.
pub fn write_verdict(out: &mut String, verdict: &PriorVerdict<'_>) {
    let mut object = Object::open(out);
    if let Some(ts) = verdict.ts {
        object.seconds(ExchangeField::Ts.name(), ts);
    }
    object.text(ExchangeField::Upstream.name(), verdict.upstream);
    object.text(ExchangeField::NearMiss.name(), Some(verdict.fate.name()));
    object.close();
}

fn write_field(object: &mut Object<'_>, field: ExchangeField, exchange: &Exchange<'_>) {
    let name = field.name();
    match field {
        ExchangeField::Ts => object.seconds(name, exchange.ts),
        ExchangeField::Upstream => object.text(name, Some(exchange.upstream)),
        ExchangeField::Status => object.number(name, Some(exchange.status)),
        ExchangeField::DurationMs => object.millis(name, Some(exchange.duration)),
        ExchangeField::Host => object.text(name, exchange.host),
        ExchangeField::Route => object.text(name, exchange.route),
        ExchangeField::Attempts => object.number(name, exchange.attempts),
        ExchangeField::AttemptsUnknown => object.flag(name, exchange.attempts.is_none()),
        ExchangeField::MaxAttempts => object.number(name, exchange.max_attempts),
        ExchangeField::TimeoutMs => object.millis(name, exchange.timeout),
        ExchangeField::DeadlineMs => object.millis(name, exchange.deadline),
        ExchangeField::TimeoutUsedMs => object.millis(name, exchange.timeout_used),
        ExchangeField::DeadlineUsedMs => object.millis(name, exchange.deadline_used),
        ExchangeField::ServiceMs => object.millis(name, exchange.service),
        ExchangeField::Flags => object.flags(name, exchange),
        // A state that reads like flags of Envoy, as HAProxy's `LR` does, has a field of its own.
        ExchangeField::TerminationState => {
            let state = exchange.termination_state;
            object.text(name, state.filter(|state| !exchange.flags.is_empty() || !is_plain_state(state)));
        }
        ExchangeField::Reason => object.text(name, exchange.reason),
        ExchangeField::GrpcStatus => object.number(name, exchange.grpc_status),
        ExchangeField::Bytes => object.number(name, exchange.bytes),
        ExchangeField::Partial => object.flag(name, exchange.partial),
        ExchangeField::Aborted => object.flag(name, exchange.aborted),
        ExchangeField::Hedged => object.flag(name, exchange.hedged),
        ExchangeField::Stream => object.flag(name, exchange.stream),
        ExchangeField::Rejected => object.flag(name, exchange.rejected),
        ExchangeField::FailOpen => object.flag(name, exchange.fail_open),
        ExchangeField::Pool => object.flag(name, exchange.pool),
        ExchangeField::ClientTrusted => {
            if let Some(trusted) = exchange.client_trusted {
                object.key(name).push_str(if trusted { "true" } else { "false" });
            }
        }
        ExchangeField::Fallback => object.text(name, exchange.substitute.map(substitute)),
        ExchangeField::CacheStatus => object.text(name, exchange.cache_status),
        ExchangeField::ProxyStatus => object.text(name, exchange.proxy_status),
        ExchangeField::ClientAttempt => object.number(name, exchange.client_attempt),
        ExchangeField::QuotaRemaining => object.number(name, exchange.quota.map(|quota| quota.remaining)),
        ExchangeField::QuotaLimit => object.number(name, exchange.quota.map(|quota| quota.limit)),
        ExchangeField::AttemptLog => object.attempts(name, exchange.attempt_log),
        ExchangeField::TraceId => object.text(name, exchange.trace_id),
        // The verdict of another is a line of its own.
        ExchangeField::NearMiss => {}
    }
}

/// Returns true if the reader of `flags` takes a termination state for one.
fn is_plain_state(state: &str) -> bool {
    Flags::parse(state).is_empty() && !matches!(state, "" | "-")
}

fn substitute(substitute: Substitute) -> &'static str {
    match substitute {
        Substitute::Failover => "failover",
        Substitute::Fallback => "fallback",
        Substitute::Stale => "stale",
    }
}

/// A JSON object that is being written.
struct Object<'o> {
    out: &'o mut String,
    is_empty: bool,
}

impl<'o> Object<'o> {
    fn open(out: &'o mut String) -> Self {
        out.push('{');
        Self { out, is_empty: true }
    }

    fn close(self) {
        self.out.push('}');
    }

    /// Appends a key; its value follows.
    fn key(&mut self, name: &str) -> &mut String {
        if !core::mem::take(&mut self.is_empty) {
            self.out.push(',');
        }
        self.out.push('"');
        self.out.push_str(name);
        self.out.push_str("\":");
        self.out
    }

    fn number(&mut self, name: &str, value: Option<impl Into<u64>>) {
        if let Some(value) = value {
            push_number(self.key(name), value.into());
        }
    }

    fn flag(&mut self, name: &str, value: bool) {
        if value {
            self.key(name).push_str("true");
        }
    }

    fn text(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            push_text(self.key(name), value);
        }
    }

    fn seconds(&mut self, name: &str, ts: Timestamp) {
        push_decimal(self.key(name), ts.micros(), 6);
    }

    fn millis(&mut self, name: &str, value: Option<Micros>) {
        if let Some(value) = value {
            push_decimal(self.key(name), value.get(), 3);
        }
    }

    fn flags(&mut self, name: &str, exchange: &Exchange<'_>) {
        if exchange.flags.is_empty() {
            self.text(name, exchange.termination_state.filter(|state| is_plain_state(state)));
            return;
        }
        let out = self.key(name);
        let mut separator = '"';
        for flag in exchange.flags.names() {
            out.push(separator);
            out.push_str(flag);
            separator = ',';
        }
        out.push('"');
    }

    fn attempts(&mut self, name: &str, attempts: &[Attempt<'_>]) {
        let [first, others @ ..] = attempts else { return };
        self.key(name).push('[');
        self.attempt(first);
        for attempt in others {
            self.out.push(',');
            self.attempt(attempt);
        }
        self.out.push(']');
    }

    fn attempt(&mut self, attempt: &Attempt<'_>) {
        let mut object = Object::open(self.out);
        object.text("host", attempt.host);
        object.number("status", attempt.status);
        object.millis("duration_ms", attempt.duration);
        object.text("reason", attempt.reason);
        object.close();
    }
}

fn push_number(out: &mut String, mut value: u64) {
    let mut digits = [0; 20];
    let mut from = digits.len();
    loop {
        from -= 1;
        if let Some(digit) = digits.get_mut(from) {
            *digit = b'0' + (value % 10) as u8;
        }
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend(digits.get(from..).unwrap_or_default().iter().map(|digit| char::from(*digit)));
}

/// Appends `value` divided by 10 to the `decimals`, without trailing zeros.
fn push_decimal(out: &mut String, value: u64, decimals: u32) {
    let scale = 10_u64.pow(decimals);
    push_number(out, value / scale);
    let mut fraction = value % scale;
    if fraction == 0 {
        return;
    }
    out.push('.');
    let mut place = scale / 10;
    while fraction > 0 && place > 0 {
        out.push(char::from(b'0' + (fraction / place) as u8));
        fraction %= place;
        place /= 10;
    }
}

/// Appends a JSON string.
fn push_text(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                out.push('\\');
                out.push(character);
            }
            '\0'..' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}
