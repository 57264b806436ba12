//! Writes one plain sentence: the event, how close it was, where to look next.

use super::host_names::HostNames;
use crate::config::Hosts;
use crate::exchange::{Attempt, Exchange};
use crate::json::write::{push_millis, push_number};
use crate::limits::Limit;
use crate::structured_fields;
use crate::units::Used;
use crate::verdict::{Fate, Signals, Verdict};
use alloc::string::String;

/// Returns the sentence of an exchange's record.
pub fn sentence(exchange: &Exchange<'_>, verdict: &Verdict, hosts: Hosts) -> String {
    let mut sentence = String::new();
    explain(&mut sentence, exchange, verdict, HostNames(hosts));
    sentence
}

/// Writes the sentence of an exchange's record.
pub(super) fn explain(out: &mut String, exchange: &Exchange<'_>, verdict: &Verdict, hosts: HostNames) {
    happened(out, exchange, verdict);
    if let [first, rest @ ..] = exchange.attempt_log
        && !rest.is_empty()
    {
        out.push_str(": ");
        attempt(out, first, hosts);
        rest.iter().for_each(|next| {
            out.push_str(" → ");
            attempt(out, next, hosts);
        });
    }
    closeness(out, verdict);
    look_at(out, exchange, verdict, hosts);
    out.push('.');
}

fn happened(out: &mut String, exchange: &Exchange<'_>, verdict: &Verdict) {
    match verdict.fate {
        Fate::Clean => out.push_str("Nothing to say"),
        Fate::Slow => {
            out.push_str("It took ");
            took(out, verdict);
        }
        Fate::Tight => out.push_str("It came through with little room"),
        Fate::ClientRetried => {
            out.push_str("The request was the client's own try number ");
            push_number(out, exchange.client_attempt.unwrap_or(2).into());
        }
        Fate::Retried if verdict.signals.any(Signals::HEDGE) => {
            out.push_str("A hedge's later answer counted")
        }
        Fate::Retried => {
            out.push_str("It took ");
            match exchange.attempts.filter(|attempts| *attempts > 1) {
                Some(attempts) => attempts_of(out, attempts, verdict),
                None => out.push_str("more than one attempt"),
            }
        }
        Fate::Failover => out.push_str("Another zone or priority than the one meant answered"),
        Fate::Stale => out.push_str("An expired copy was served because the origin could not answer"),
        Fate::Fallback => out.push_str("Something else answered in the upstream's stead"),
        Fate::Partial => {
            out.push_str("It looked well from outside (");
            push_number(out, exchange.status.into());
            out.push_str(") and was not: ");
            inside(out, exchange);
        }
        Fate::Failed => {
            out.push_str("The caller got ");
            match (exchange.status, exchange.grpc_status) {
                (0, _) => out.push_str("no answer"),
                (status @ (429 | 500..), _) => push_number(out, status.into()),
                (_, grpc) => {
                    out.push_str("gRPC status ");
                    push_number(out, grpc.unwrap_or(2).into());
                }
            }
            if let Some(attempts) = exchange.attempts.filter(|attempts| *attempts > 1) {
                out.push_str(" after ");
                attempts_of(out, attempts, verdict);
            }
        }
    }
    if verdict.signals.any(Signals::SLOW) && verdict.fate != Fate::Slow {
        out.push_str(", and the answer took ");
        took(out, verdict);
    }
}

/// Appends `3 of 4 attempts`.
fn attempts_of(out: &mut String, attempts: u32, verdict: &Verdict) {
    push_number(out, attempts.into());
    if let Some(allowed) = verdict.limits.max_attempts.filter(|allowed| *allowed >= attempts) {
        out.push_str(" of ");
        push_number(out, allowed.into());
        if verdict.learned_attempts {
            out.push_str(" (learned)");
        }
    }
    out.push_str(" attempts");
}

/// Appends `410 ms where 100 ms is usual`.
fn took(out: &mut String, verdict: &Verdict) {
    push_millis(out, verdict.judged_duration.unwrap_or_default());
    out.push_str(" ms where ");
    push_millis(out, verdict.typical.unwrap_or_default());
    out.push_str(" ms is usual");
}

/// Appends the failure inside a success.
fn inside(out: &mut String, exchange: &Exchange<'_>) {
    let is_word = |error: &&str| error.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if let Some(status) = exchange.grpc_status.filter(|status| *status > 0) {
        out.push_str("gRPC status ");
        push_number(out, status.into());
    } else if let Some(error) = exchange.proxy_status.and_then(structured_fields::proxy_error).filter(is_word)
    {
        out.push_str("a proxy on the way met ");
        out.push_str(error);
    } else if let Some(flag) = exchange.flags.names().next() {
        out.push_str("it was cut off (");
        out.push_str(flag);
        out.push(')');
    } else {
        out.push_str("part of it failed or is missing");
    }
}

/// Appends `10.0.0.1:80 503 after 12.1 ms` or `10.0.0.2:80 no answer in 500 ms`.
fn attempt(out: &mut String, attempt: &Attempt<'_>, hosts: HostNames) {
    match attempt.host {
        Some(host) => hosts.push(out, host),
        None => out.push_str("a host"),
    }
    out.push(' ');
    match attempt.status {
        Some(status) => push_number(out, status.into()),
        None => out.push_str("no answer"),
    }
    if let Some(duration) = attempt.duration {
        out.push_str(if attempt.status.is_some() { " after " } else { " in " });
        push_millis(out, duration);
        out.push_str(" ms");
    }
}

/// Appends `; 93 % of its timeout of 500 ms was used` if that is noteworthy.
fn closeness(out: &mut String, verdict: &Verdict) {
    const WORTH_SAYING: u16 = 5_000;
    let is_near =
        |(limit, used): &(Limit, Used)| *limit != Limit::Attempts && used.basis_points() >= WORTH_SAYING;
    let Some((limit, used)) = verdict.nearest.filter(is_near) else { return };
    out.push_str("; ");
    push_number(out, u64::from(used.basis_points()) / 100);
    let (name, span) = match limit {
        Limit::Timeout => (" % of its timeout", verdict.limits.timeout),
        Limit::Deadline => (" % of its deadline", verdict.limits.deadline),
        Limit::Quota | Limit::Attempts => (" % of its quota", None),
    };
    out.push_str(name);
    if let Some(span) = span {
        out.push_str(" of ");
        push_millis(out, span);
        out.push_str(" ms");
    }
    out.push_str(" was used");
}

/// Appends `; look at 10.0.0.1:80`.
fn look_at(out: &mut String, exchange: &Exchange<'_>, verdict: &Verdict, hosts: HostNames) {
    out.push_str("; look at ");
    let failed =
        exchange.attempt_log.iter().find(|attempt| attempt.failed()).and_then(|attempt| attempt.host);
    let answered = exchange.host.filter(|_| matches!(verdict.fate, Fate::Slow | Fate::Tight | Fate::Partial));
    let only = exchange.host.filter(|_| verdict.fate == Fate::Failed && exchange.attempt_log.is_empty());
    if let Some(host) = failed.or(answered).or(only) {
        hosts.push(out, host);
        return;
    }
    out.push_str(match verdict.fate {
        Fate::ClientRetried => "what the client's first try met",
        Fate::Stale => "the origin behind the cache",
        Fate::Failover => "the hosts that were meant to answer",
        Fate::Fallback => "why the upstream itself did not answer",
        Fate::Retried => "the attempts before the last",
        Fate::Clean | Fate::Slow | Fate::Tight | Fate::Partial | Fate::Failed => "the upstream",
    });
}
