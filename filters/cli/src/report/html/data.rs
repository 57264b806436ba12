//! The counts as JSON, for the script to filter and to show under the pointer.

use super::heat_map;
use super::layout::{MAX_DETAILED, PageLayout};
use super::put::put;
use crate::report::escape::ScriptString;
use crate::report::latency::row_lower_bound;
use crate::report::upstream::{TimeBin, UpstreamReport};

pub(super) fn script(layout: &PageLayout<'_>) -> String {
    let out = &mut String::new();
    put!(
        out,
        "<script type=\"application/json\" id=\"data\">{{\"from\":{},\"width\":{},\"bins\":{},\"borders\":[",
        layout.from,
        layout.model.time_bins.width_ms(),
        layout.bins
    );
    for row in 0..=crate::report::latency::ROWS {
        put!(out, "{}{:.3}", if row > 0 { "," } else { "" }, row_lower_bound(row));
    }
    out.push_str("],\"upstreams\":[");
    for (index, upstream) in layout.rows.iter().copied().chain(&layout.rest).enumerate() {
        if index > 0 {
            out.push(',');
        }
        one(out, layout, index, upstream);
    }
    out.push_str("]}</script>\n");
    core::mem::take(out)
}

/// Writes one upstream: its name, its bins, and for those with a heat map the counts of each row.
fn one(out: &mut String, layout: &PageLayout<'_>, index: usize, upstream: &UpstreamReport) {
    put!(
        out,
        "{{\"name\":{},\"low\":{},\"bins\":[",
        ScriptString(&upstream.name),
        heat_map::lowest_row(upstream)
    );
    for (number, (bin_index, bin)) in upstream.bins.iter().enumerate() {
        let TimeBin { counts, latency } = bin;
        put!(
            out,
            "{}[{},{},{},{},{},{},{}",
            if number > 0 { "," } else { "" },
            bin_index.saturating_sub(layout.first),
            counts.exchanges(),
            counts.judged(),
            counts.first_try,
            counts.near_misses(),
            counts.failed(),
            counts.attempts
        );
        if index < MAX_DETAILED {
            // Only the rows from the first in use to the last: most are empty.
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
