//! The sentence of an exchange.

use super::phrases::push_duration;
use crate::exchange::{Attempt, Exchange};
use crate::flags::Flags;
use crate::json::write::{push_number, push_text};
use crate::limits::Limit;
use crate::record::host_names::HostNames;
use crate::record::why;
use crate::structured_fields;
use crate::units::Used;
use crate::verdict::{FailureReason, Fate, Signals, Verdict};
use alloc::string::String;

/// Writes the sentence of an exchange's record.
pub(crate) fn exchange(out: &mut String, exchange: &Exchange<'_>, verdict: &Verdict, hosts: HostNames) {
    happened(out, exchange, verdict);
    why(out, exchange, hosts);
    attempts(out, exchange, hosts);
    closeness(out, verdict);
    if verdict.fate != Fate::Clean {
        look_at(out, exchange, verdict, hosts);
    }
    push_text(out, ".");
}

fn happened(out: &mut String, exchange: &Exchange<'_>, verdict: &Verdict) {
    let signals = verdict.signals;
    match verdict.fate {
        Fate::Clean if signals.any(Signals::ABORTED) => {
            push_text(out, "The client disconnected after ");
            push_duration(out, exchange.duration);
            push_text(out, ", and nothing shows that the upstream was at fault");
        }
        Fate::Clean => push_text(out, "The exchange was clean"),
        Fate::Slow => {
            push_text(out, "The response took ");
            took(out, verdict);
        }
        Fate::Tight if signals.any(Signals::BREAKER) => {
            push_text(out, "The exchange succeeded although a circuit breaker was open")
        }
        Fate::Tight if signals.any(Signals::POOL) => {
            push_text(out, "The exchange succeeded after waiting for a free connection")
        }
        Fate::Tight => push_text(out, "The exchange succeeded with little margin"),
        Fate::ClientRetried => {
            push_text(out, "The client was already retrying: this was its attempt ");
            push_number(out, exchange.client_attempt.unwrap_or(2).into());
        }
        Fate::Retried if signals.any(Signals::HEDGE) => {
            push_text(out, "The exchange succeeded with the response of a hedged attempt")
        }
        Fate::Retried => {
            if exchange.status < 400 {
                push_text(out, "The exchange succeeded after ");
            } else {
                push_text(out, "The caller received ");
                result(out, exchange);
                push_text(out, ", but only after ");
            }
            match exchange.several_attempts() {
                Some(attempts) => attempts_of(out, attempts, verdict),
                None => push_text(out, "more than one attempt"),
            }
        }
        Fate::Failover => push_text(out, "A host outside the primary zone or priority answered"),
        Fate::Stale => push_text(out, "A cache served an expired copy because the origin could not answer"),
        Fate::Fallback if signals.any(Signals::FALLBACK) => {
            push_text(out, "A fallback answered instead of the upstream")
        }
        Fate::Fallback => push_text(out, "The authorization check failed and was skipped"),
        Fate::Partial => {
            push_text(out, "The response had status ");
            push_number(out, exchange.status.into());
            inside(out, exchange);
        }
        Fate::Failed => failed(out, exchange, verdict),
        Fate::Rejected => rejected(out, exchange),
        Fate::Abandoned => abandoned(out, exchange, verdict),
    }
    if signals.any(Signals::SLOW) && verdict.fate != Fate::Slow {
        push_text(out, ", and the response took ");
        took(out, verdict);
    }
}

fn failed(out: &mut String, exchange: &Exchange<'_>, verdict: &Verdict) {
    push_text(out, "The caller received ");
    result(out, exchange);
    if let Some(attempts) = exchange.several_attempts() {
        push_text(out, " after ");
        attempts_of(out, attempts, verdict);
    }
    push_text(
        out,
        match FailureReason::of_connection(exchange) {
            Some(FailureReason::NoHost) if exchange.flags.any(Flags::NC) => {
                " because the cluster does not exist"
            }
            Some(FailureReason::NoHost) => " because no host was healthy",
            Some(FailureReason::Connect) if exchange.flags.any(Flags::DF) => {
                " because the name of the upstream could not be resolved"
            }
            Some(FailureReason::Connect) => " because no connection could be made",
            Some(FailureReason::Timeout) if exchange.flags.any(Flags::DT) => " because the deadline expired",
            Some(FailureReason::Timeout) => " because a timeout expired",
            Some(FailureReason::Overload) if exchange.pool => " because no connection became free",
            Some(FailureReason::Overload) if exchange.flags.any(Flags::UO) => {
                " because a circuit breaker was open"
            }
            Some(FailureReason::Overload) => " because the proxy was shedding load",
            Some(FailureReason::Check) => " because a check before the upstream could not be made",
            Some(FailureReason::Protocol) => " because the upstream broke the protocol",
            Some(FailureReason::Reset) => " because the connection was closed before the response",
            _ => "",
        },
    );
}

fn rejected(out: &mut String, exchange: &Exchange<'_>) {
    push_text(
        out,
        if exchange.flags.any(Flags::RL) {
            "A rate limit of the proxy rejected the request with "
        } else if exchange.flags.any(Flags::FI) {
            "A fault that the proxy injects on purpose ended the request with "
        } else {
            "A policy of the proxy rejected the request with "
        },
    );
    result(out, exchange);
    push_text(out, "; the upstream was not asked");
}

fn abandoned(out: &mut String, exchange: &Exchange<'_>, verdict: &Verdict) {
    push_text(out, "The client disconnected after ");
    push_duration(out, exchange.duration);
    push_text(out, " without a response");
    if let Some(attempts) = exchange.several_attempts() {
        push_text(out, ", during attempt ");
        push_number(out, attempts.into());
    }
    if let Some(typical) = verdict.typical {
        push_text(out, "; ");
        push_duration(out, typical);
        push_text(out, " is typical");
    }
}

/// Appends the error that the caller got: `503`, `gRPC status 14` or `no response`.
fn result(out: &mut String, exchange: &Exchange<'_>) {
    match (exchange.status, exchange.grpc_status) {
        (0, _) => push_text(out, "no response"),
        (200..400, Some(grpc)) => {
            push_text(out, "gRPC status ");
            push_number(out, grpc.into());
        }
        (status, _) => push_number(out, status.into()),
    }
}

/// Appends ` (UF,URX: connection refused)`.
fn why(out: &mut String, exchange: &Exchange<'_>, hosts: HostNames) {
    let reason = why::reason(exchange.reason, hosts);
    if !why::has_flags(exchange) && reason.is_none() {
        return;
    }
    push_text(out, " (");
    why::push_flags(out, exchange);
    if let Some(reason) = reason {
        push_text(out, if why::has_flags(exchange) { ": " } else { "" });
        push_text(out, reason);
    }
    push_text(out, ")");
}

/// Appends `3 of 4 attempts`.
fn attempts_of(out: &mut String, attempts: u32, verdict: &Verdict) {
    push_number(out, attempts.into());
    if let Some(allowed) = verdict.limits.max_attempts.filter(|allowed| *allowed >= attempts) {
        push_text(out, " of ");
        push_number(out, allowed.into());
        if verdict.learned_attempts {
            push_text(out, " (learned)");
        }
    }
    push_text(out, " attempts");
}

/// Appends `410 ms; 100 ms is typical`.
fn took(out: &mut String, verdict: &Verdict) {
    push_duration(out, verdict.judged_duration.unwrap_or_default());
    push_text(out, "; ");
    push_duration(out, verdict.typical.unwrap_or_default());
    push_text(out, " is typical");
}

/// Appends the failure inside a success.
fn inside(out: &mut String, exchange: &Exchange<'_>) {
    let is_word = |error: &&str| error.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if let Some(status) = exchange.grpc_status.filter(|status| *status > 0) {
        push_text(out, " but gRPC status ");
        push_number(out, status.into());
    } else if let Some(error) = exchange.proxy_status.and_then(structured_fields::proxy_error).filter(is_word)
    {
        push_text(out, " but a proxy on the path reported ");
        push_text(out, error);
    } else if exchange.flags.any(Flags::CUT_OFF) {
        push_text(out, " but was cut off");
    } else {
        push_text(out, " but part of it failed or is missing");
    }
}

/// Appends the attempts one by one, `: 10.0.0.1:80 503 after 12 ms → …`; hedged ones ran side by side.
fn attempts(out: &mut String, exchange: &Exchange<'_>, hosts: HostNames) {
    let [first, rest @ ..] = exchange.attempt_log else { return };
    if rest.is_empty() {
        return;
    }
    push_text(out, ": ");
    attempt(out, first, hosts);
    rest.iter().for_each(|next| {
        push_text(out, if exchange.hedged { " beside " } else { " → " });
        attempt(out, next, hosts);
    });
}

/// Appends `10.0.0.1:80 503 after 12 ms` or `10.0.0.2:80 no response in 500 ms`.
fn attempt(out: &mut String, attempt: &Attempt<'_>, hosts: HostNames) {
    match attempt.host {
        Some(host) => hosts.push(out, host),
        None => push_text(out, "a host"),
    }
    push_text(out, " ");
    match attempt.status {
        Some(status) => push_number(out, status.into()),
        None => push_text(out, "no response"),
    }
    if let Some(duration) = attempt.duration {
        push_text(out, if attempt.status.is_some() { " after " } else { " in " });
        push_duration(out, duration);
    }
    if let Some(reason) = why::reason(attempt.reason, hosts) {
        push_text(out, " (");
        push_text(out, reason);
        push_text(out, ")");
    }
}

/// Appends `; it used 93 % of its timeout of 500 ms` if that is noteworthy.
fn closeness(out: &mut String, verdict: &Verdict) {
    const WORTH_SAYING: u16 = 5_000;
    let is_near =
        |(limit, used): &(Limit, Used)| *limit != Limit::Attempts && used.basis_points() >= WORTH_SAYING;
    let Some((limit, used)) = verdict.nearest.filter(is_near) else { return };
    push_text(out, "; it used ");
    push_number(out, u64::from(used.basis_points()) / 100);
    let (name, span) = match limit {
        Limit::Timeout => (" % of its timeout", verdict.limits.timeout),
        Limit::Deadline => (" % of its deadline", verdict.limits.deadline),
        Limit::Quota | Limit::Attempts => (" % of its quota", None),
    };
    push_text(out, name);
    if let Some(span) = span {
        push_text(out, " of ");
        push_duration(out, span);
    }
    if limit == Limit::Timeout && verdict.learned_timeout {
        out.push_str(" (learned)");
    }
}

/// Appends `; look at 10.0.0.1:80`.
fn look_at(out: &mut String, exchange: &Exchange<'_>, verdict: &Verdict, hosts: HostNames) {
    push_text(out, "; look at ");
    match host_to_look_at(exchange, verdict) {
        Some(host) => hosts.push(out, host),
        None => push_text(out, place_to_look_at(exchange, verdict)),
    }
}

fn host_to_look_at<'a>(exchange: &Exchange<'a>, verdict: &Verdict) -> Option<&'a str> {
    const NOT_THE_HOSTS: Signals = Signals::BREAKER.with(Signals::POOL).with(Signals::QUOTA);
    let failed = exchange.attempt_log.iter().find(|attempt| attempt.failed());
    let is_answer = match verdict.fate {
        Fate::Slow | Fate::Partial => true,
        Fate::Tight => !verdict.signals.any(NOT_THE_HOSTS),
        fate => fate.is_failure() && exchange.attempt_log.is_empty(),
    };
    failed.and_then(|attempt| attempt.host).or_else(|| exchange.host.filter(|_| is_answer))
}

fn place_to_look_at(exchange: &Exchange<'_>, verdict: &Verdict) -> &'static str {
    let signals = verdict.signals;
    match verdict.fate {
        Fate::Rejected => "the policy that rejected it",
        Fate::ClientRetried => "the response to the client's first attempt",
        Fate::Stale => "the origin behind the cache",
        Fate::Failover => "the hosts of the primary zone or priority",
        Fate::Fallback if signals.any(Signals::FALLBACK) => "the errors of the upstream",
        Fate::Fallback => "the authorization service",
        Fate::Retried => "the hosts of the upstream (the one that failed is not known here)",
        Fate::Failed => place_of_failure(exchange),
        _ if signals.any(Signals::BREAKER) => "the thresholds of the circuit breaker, and the upstream",
        _ if signals.any(Signals::POOL) => "the size of the connection pool, and the upstream",
        _ if signals.any(Signals::QUOTA) => "the callers that spend the quota",
        Fate::Clean | Fate::Slow | Fate::Tight | Fate::Partial | Fate::Abandoned => "the upstream",
    }
}

fn place_of_failure(exchange: &Exchange<'_>) -> &'static str {
    match FailureReason::of_connection(exchange) {
        Some(FailureReason::NoHost) if exchange.flags.any(Flags::NC) => "the configuration of its route",
        Some(FailureReason::NoHost) => "the health checks of the upstream's hosts",
        Some(FailureReason::Connect) if exchange.flags.any(Flags::DF) => "the DNS name of the upstream",
        Some(FailureReason::Check) => "the service that makes the check",
        Some(FailureReason::Overload) if exchange.pool => "the size of the connection pool, and the upstream",
        Some(FailureReason::Overload) if exchange.flags.any(Flags::UO) => {
            "the thresholds of the circuit breaker, and the upstream"
        }
        Some(FailureReason::Overload) => "the load of the proxy",
        _ => "the upstream",
    }
}
