//! The counts behind the page, for the script: what it needs to filter and to show under the pointer.

use super::super::escape::Script;
use super::super::latency::row_border;
use super::super::upstream::{Bin, Upstream};
use super::heat_map;
use super::put;
use super::shown::{DETAILED, Shown};

pub(super) fn script(out: &mut String, shown: &Shown<'_>) {
    put!(
        out,
        "<script type=\"application/json\" id=\"data\">{{\"from\":{},\"width\":{},\"bins\":{},\"borders\":[",
        shown.from,
        shown.story.grid.width_ms(),
        shown.bins
    );
    for row in 0..=super::super::latency::ROWS {
        put!(out, "{}{:.3}", if row > 0 { "," } else { "" }, row_border(row));
    }
    out.push_str("],\"upstreams\":[");
    for (place, upstream) in shown.rows.iter().copied().chain(&shown.rest).enumerate() {
        if place > 0 {
            out.push(',');
        }
        one(out, shown, place, upstream);
    }
    out.push_str("]}</script>\n");
}

/// One upstream: its name, its bins, and of those with a heat map the counts of each row.
fn one(out: &mut String, shown: &Shown<'_>, place: usize, upstream: &Upstream) {
    put!(out, "{{\"name\":{},\"low\":{},\"bins\":[", Script(&upstream.name), heat_map::lowest_row(upstream));
    for (number, (index, bin)) in upstream.bins.iter().enumerate() {
        let Bin { counts, latency } = bin;
        put!(
            out,
            "{}[{},{},{},{},{},{},{}",
            if number > 0 { "," } else { "" },
            index.saturating_sub(shown.first),
            counts.exchanges(),
            counts.judged(),
            counts.first_try,
            counts.near_misses(),
            counts.failed(),
            counts.attempts
        );
        if place < DETAILED {
            // From the first row in use to the last: most are not.
            let rows: Vec<u32> = latency.counts().collect();
            let first = rows.iter().position(|count| *count > 0).unwrap_or(0);
            let last = rows.iter().rposition(|count| *count > 0).map_or(0, |last| last + 1);
            put!(out, ",{first}");
            for count in rows.get(first..last).unwrap_or_default() {
                put!(out, ",{count}");
            }
        }
        out.push(']');
    }
    out.push_str("]}");
}
