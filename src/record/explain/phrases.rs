//! Parts of sentences: counts, and numbers rounded, with their units.

use crate::json::write::{push_number, push_text, push_time};
use crate::units::{Micros, Timestamp};
use alloc::string::String;

/// Appends a duration for people: `9.8 ms`, `410 ms` or `51 s`.
pub(super) fn push_duration(out: &mut String, span: Micros) {
    let micros = span.get();
    match micros {
        0..9_950 => {
            push_tenths(out, (micros + 50) / 100);
            push_text(out, " ms");
        }
        9_950..9_999_500 => {
            push_number(out, (micros + 500) / 1_000);
            push_text(out, " ms");
        }
        _ => push_seconds(out, (micros + 500_000) / 1_000_000),
    }
}

/// Appends whole seconds: `50 s`, `36 min 40 s` or `2 h 5 min`.
pub(super) fn push_seconds(out: &mut String, seconds: u64) {
    let units = [(seconds / 3_600, " h"), (seconds / 60 % 60, " min"), (seconds % 60, " s")];
    let first = units.iter().position(|(count, _)| *count > 0).unwrap_or(2);
    let mut shown = units.iter().skip(first).take(2).filter(|(count, _)| *count > 0 || first == 2);
    if let Some((count, unit)) = shown.next() {
        push_number(out, *count);
        push_text(out, unit);
    }
    if let Some((count, unit)) = shown.next() {
        push_text(out, " ");
        push_number(out, *count);
        push_text(out, unit);
    }
}

/// Appends `61 of 812 exchanges were near misses and 4 failed`.
pub(crate) fn push_harm(out: &mut String, exchanges: u64, near_misses: u64, failed: u64) {
    if near_misses == 0 && failed == 0 {
        push_text(out, "None of ");
        push_number(out, exchanges);
        return push_text(out, " exchanges failed or was a near miss");
    }
    push_number(out, if near_misses > 0 { near_misses } else { failed });
    push_text(out, " of ");
    push_number(out, exchanges);
    push_text(
        out,
        match near_misses {
            0 => " exchanges failed",
            1 => " exchanges was a near miss",
            _ => " exchanges were near misses",
        },
    );
    if near_misses > 0 && failed > 0 {
        push_text(out, " and ");
        push_number(out, failed);
        push_text(out, " failed");
    }
}

/// Appends the time of day, `16:28:10`.
pub(super) fn push_clock(out: &mut String, ts: Timestamp) {
    let mut time = String::new();
    push_time(&mut time, ts);
    push_text(out, time.get(11..19).unwrap_or_default());
}

/// Appends a share such as `12.34 %`.
pub(super) fn push_share(out: &mut String, basis_points: u64) {
    push_number(out, basis_points / 100);
    push_text(out, ".");
    push_number(out, basis_points / 10 % 10);
    push_number(out, basis_points % 10);
    push_text(out, " %");
}

/// Appends tenths such as `4.1`, without a zero after the point.
pub(super) fn push_tenths(out: &mut String, tenths: u64) {
    push_number(out, tenths / 10);
    if !tenths.is_multiple_of(10) {
        push_text(out, ".");
        push_number(out, tenths % 10);
    }
}
