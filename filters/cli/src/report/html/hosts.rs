//! Suspect hosts, with a sentence about each.

use super::layout::PageLayout;
use super::put::put;
use crate::display::numbers::{GroupedCount, Percent};
use crate::report::escape::HtmlName;
use crate::report::hosts::suspects;

/// Maximum number of rows.
const MAX_ROWS: usize = 24;

pub(super) fn section(out: &mut String, layout: &PageLayout<'_>) {
    out.push_str("<section id=\"hosts\" aria-labelledby=\"hosts-h\"><h2 id=\"hosts-h\">Hosts</h2>\n");
    let (suspects, total) = suspects(layout.model, MAX_ROWS);
    if suspects.is_empty() {
        out.push_str("<p class=\"none\">No host is known on which anything went wrong.</p></section>\n");
        return;
    }
    out.push_str("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table of hosts\"><table class=\"hosts\"><caption class=\"sr\">Hosts on which something went wrong, the most conspicuous first</caption><thead><tr><th scope=\"col\">Host<th scope=\"col\">Upstream<th scope=\"col\" class=\"n\">Attempts<th scope=\"col\" class=\"n\">Of what went wrong<th scope=\"col\">What to say about it<tbody>\n");
    for suspect in &suspects {
        put!(
            out,
            "<tr data-u=\"{}\"{}><th scope=\"row\">{}<td>{}<td class=\"n\">{}<td class=\"n\">{}<td class=\"said\">{}\n",
            suspect.index,
            if suspect.stands_out() { " class=\"alarm\"" } else { "" },
            HtmlName(suspect.name),
            HtmlName(&suspect.upstream.name),
            GroupedCount(suspect.host.attempts),
            Percent(Some(suspect.problem_bp)),
            suspect.sentence().html()
        );
    }
    out.push_str("</table></div>");
    if total > suspects.len() {
        put!(
            out,
            "<p class=\"note\">{} hosts that are less conspicuous are left out.</p>",
            total - suspects.len()
        );
    }
    out.push_str("</section>\n");
}
