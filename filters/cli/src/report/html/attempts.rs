//! Attempts and amplification: the load that retries put on upstreams.

use super::layout::PageLayout;
use super::put::put;
use crate::display::numbers::{GroupedCount, Hundredths, Millis};
use crate::report::escape::HtmlName;
use crate::report::upstream::UpstreamReport;

const HEIGHT: f64 = 24.0;

pub(super) fn section(out: &mut String, layout: &PageLayout<'_>) {
    out.push_str(
        r#"<section id="attempts" aria-labelledby="attempts-h"><h2 id="attempts-h">Attempts and amplification</h2>
<p>Amplification is attempts for each exchange: 1 means that nothing was tried twice. All lines have one scale.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Table of attempts"><table class="attempts"><caption class="sr">Attempts by upstream</caption><thead><tr><th scope="col">Upstream<th scope="col" class="n">Exchanges<th scope="col" class="n">Attempts<th scope="col" class="n">Each<th scope="col">Over time<th scope="col" class="n">At worst<th scope="col" class="n">Lost on failed attempts<th scope="col" class="n">None left<tbody>
"#,
    );
    let shown_rows: Vec<_> = layout.detailed().collect();
    let worst_of =
        |upstream: &UpstreamReport| upstream.bins.values().filter_map(|bin| bin.counts.amplification()).max();
    let top = shown_rows
        .iter()
        .filter_map(|(_, upstream)| worst_of(upstream))
        .max()
        .unwrap_or(100)
        .clamp(110, 1_000);
    for (index, upstream) in shown_rows {
        put!(
            out,
            "<tr data-u=\"{index}\"><th scope=\"row\">{}<td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{}<td class=\"spark\">",
            HtmlName(&upstream.name),
            GroupedCount(upstream.total.exchanges()),
            GroupedCount(upstream.total.attempts),
            Hundredths(upstream.total.amplification())
        );
        line(out, layout, upstream, top);
        put!(
            out,
            "<td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{}\n",
            Hundredths(worst_of(upstream)),
            if upstream.failed_attempts_ms > 0.0 {
                Millis(upstream.failed_attempts_ms).to_string()
            } else {
                "–".into()
            },
            GroupedCount(upstream.out_of_attempts)
        );
    }
    put!(
        out,
        "</table></div><p class=\"note\">Lines run from 1 to {}. Time on failed attempts is known where attempts are logged one by one.</p></section>\n",
        Hundredths(Some(top))
    );
}

fn line(out: &mut String, layout: &PageLayout<'_>, upstream: &UpstreamReport, top: u64) {
    let y = |hundredths: u64| {
        let over = hundredths.clamp(100, top) - 100;
        HEIGHT - 1.0 - (HEIGHT - 2.0) * over as f64 / (top - 100).max(1) as f64
    };
    let mut path = String::new();
    for run in layout.runs(&upstream.bins) {
        let mut pen = 'M';
        for (index, bin) in run {
            let Some(amplification) = bin.counts.amplification() else { continue };
            put!(&mut path, "{pen}{index} {:.1}H{}", y(amplification), index + 1);
            pen = 'L';
        }
    }
    put!(
        out,
        "<svg width=\"100%\" height=\"{HEIGHT}\" viewBox=\"0 0 {} {HEIGHT}\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><path class=\"base\" d=\"M0 {}H{}\"/><path class=\"first\" d=\"{path}\"/></svg>",
        layout.bins,
        HEIGHT - 1.0,
        layout.bins
    );
}
