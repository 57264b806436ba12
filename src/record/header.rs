//! The `near-miss` header.

use crate::flags::Flags;
use crate::json::write;
use crate::verdict::{Fate, Signals, Verdict};
use alloc::string::String;

/// Parameters of the fate beside those of the verdict.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeaderParameters<'a> {
    /// Number of attempts.
    pub attempts: Option<u32>,
    /// Envoy's response flags.
    pub flags: Flags,
    /// Name of this proxy among those in a chain.
    pub by: Option<&'a str>,
}

/// Writes the `near-miss` header of a verdict, an RFC 9651 list with the fate first:
/// `retried;attempts=3;margin=33;flags="UF,URX";by="edge-1", slow;ratio=4.1`. The margin is in whole percent. Writes nothing for a
/// clean exchange.
pub fn header(out: &mut String, verdict: &Verdict, parameters: HeaderParameters<'_>) {
    let HeaderParameters { attempts, flags, by } = parameters;
    if verdict.fate == Fate::Clean {
        return;
    }
    out.push_str(verdict.fate.name());
    if let Some(attempts) = attempts.filter(|attempts| *attempts > 1) {
        out.push_str(";attempts=");
        write::push_number(out, attempts.into());
    }
    if let Some(margin) = verdict.margin_bp() {
        out.push_str(";margin=");
        write::push_number(out, u64::from(margin) / 100);
    }
    if !flags.is_empty() {
        out.push_str(";flags=\"");
        flags.push_names(out);
        out.push('"');
    }
    if let Some(by) = by {
        out.push_str(";by=\"");
        by.chars().for_each(|c| push_string_char(out, c));
        out.push('"');
    }
    ratio(out, verdict.ratio_tenths().filter(|_| verdict.fate == Fate::Slow));
    for name in verdict.signals.without(own_signals(verdict.fate)).names() {
        out.push_str(", ");
        out.push_str(name);
        ratio(out, verdict.ratio_tenths().filter(|_| name == "slow"));
    }
}

/// Appends a character of a String, which holds printable ASCII only.
fn push_string_char(out: &mut String, c: char) {
    match c {
        '"' | '\\' => out.extend(['\\', c]),
        ' '..='~' => out.push(c),
        _ => out.push('?'),
    }
}

fn ratio(out: &mut String, tenths: Option<u64>) {
    if let Some(tenths) = tenths {
        out.push_str(";ratio=");
        write::push_number(out, tenths / 10);
        out.push('.');
        write::push_number(out, tenths % 10);
    }
}

/// Returns the signals that a fate implies.
const fn own_signals(fate: Fate) -> Signals {
    match fate {
        Fate::Clean | Fate::Tight => Signals::NONE,
        Fate::Slow => Signals::SLOW,
        Fate::ClientRetried => Signals::CLIENT_RETRY,
        Fate::Retried => Signals::RETRY,
        Fate::Failover => Signals::FAILOVER,
        Fate::Stale => Signals::STALE,
        Fate::Fallback => Signals::FALLBACK,
        Fate::Partial => Signals::PARTIAL,
        Fate::Failed => Signals::FAILED,
        Fate::Rejected => Signals::REJECTED,
        Fate::Abandoned => Signals::ABORTED,
    }
}
