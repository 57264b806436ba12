//! Renders the ranking: upstreams by how close they came to failing.

use super::layout::PageLayout;
use super::put::put;
use super::scale;
use crate::counts::share;
use crate::display::numbers::{GroupedCount, Percent};
use crate::report::escape::HtmlName;
use crate::report::upstream::UpstreamReport;

pub(super) fn section(out: &mut String, layout: &PageLayout<'_>) {
    out.push_str(
        r#"<section id="upstreams" aria-labelledby="upstreams-h"><h2 id="upstreams-h">Upstreams by how close they came</h2>
<p>A near miss ended well for its caller, but only because a safety net caught it, or with little room left. First come those with the largest share of exchanges that a safety net caught or that came near a limit; slowness alone does not rank, and few exchanges weigh less. The bar runs from what the first try would have given to what callers saw:
it is what safety nets carried. Those <i>in the last tenth</i> used nine tenths or more of a limit.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Table of upstreams"><table class="ranking"><caption class="sr">Upstreams by how close they came</caption>
<thead><tr><th scope="col">Upstream<th scope="col" class="n">Exchanges<th scope="col" class="n">First try<th scope="col"><span class="sr">Carried by safety nets</span><th scope="col" class="n">Callers<th scope="col" class="n">Near misses<th scope="col" class="n">Failed<th scope="col" class="n">In the last tenth<th scope="col" class="n">Episodes<tbody>
"#,
    );
    let lowest = layout.rows.iter().filter_map(|upstream| upstream.total.first_try_success()).min();
    let floor = scale::floor(lowest.unwrap_or(10_000));
    for (index, upstream) in layout.rows.iter().enumerate() {
        let episodes =
            layout.model.episodes.iter().filter(|episode| episode.upstream == upstream.name).count();
        row(out, index, upstream, floor, &episodes.to_string());
    }
    if let Some(rest) = &layout.rest {
        row(out, layout.rows.len(), rest, floor, "");
    }
    put!(
        out,
        "</table></div>\n<p class=\"note\">Bars begin at {} and end at 100 %.</p></section>\n",
        Percent(Some(floor))
    );
}

fn row(out: &mut String, index: usize, upstream: &UpstreamReport, floor: u64, episodes: &str) {
    let total = &upstream.total;
    put!(
        out,
        "<tr data-row=\"{index}\"><th scope=\"row\">{}<td class=\"n\" data-k=\"exchanges\">{}<td class=\"n\" data-k=\"first\">{}<td class=\"bar\">",
        HtmlName(&upstream.name),
        GroupedCount(total.exchanges()),
        Percent(total.first_try_success())
    );
    if let (Some(first), Some(last)) = (total.first_try_success(), total.final_success()) {
        let x = |bp: u64| (bp.saturating_sub(floor)) as f64 * 100.0 / (10_000 - floor) as f64;
        put!(
            out,
            "<svg width=\"100%\" height=\"14\" aria-hidden=\"true\"><rect class=\"rail\" width=\"100%\" height=\"4\" y=\"5\"/><rect class=\"carried\" x=\"{:.2}%\" width=\"{:.2}%\" height=\"8\" y=\"3\"/><rect class=\"end\" x=\"{:.2}%\" width=\"2\" height=\"14\"/></svg>",
            x(first),
            x(last) - x(first),
            x(last)
        );
    }
    put!(
        out,
        "<td class=\"n\" data-k=\"last\">{}<td class=\"n\" data-k=\"near\">{}<td class=\"n\" data-k=\"failed\">{}<td class=\"n\">{}<td class=\"n\">{episodes}\n",
        Percent(total.final_success()),
        GroupedCount(total.near_misses()),
        GroupedCount(total.failed()),
        Percent(share(upstream.margins.first().copied().unwrap_or(0), upstream.with_margin()))
    );
}
