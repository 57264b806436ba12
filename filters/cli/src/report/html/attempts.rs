//! Attempts and amplification: what success costs those who are called.

use super::super::escape::Name;
use super::super::numbers::{Count, Hundredths, Millis};
use super::super::upstream::Upstream;
use super::put;
use super::shown::Shown;

const HEIGHT: f64 = 24.0;

pub(super) fn section(out: &mut String, shown: &Shown<'_>) {
    out.push_str(
        r#"<section id="attempts" aria-labelledby="attempts-h"><h2 id="attempts-h">Attempts and amplification</h2>
<p>Amplification is attempts for each exchange: 1 means that nothing was tried twice. All lines have one scale.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Table of attempts"><table class="attempts"><caption class="sr">Attempts by upstream</caption><thead><tr><th scope="col">Upstream<th scope="col" class="n">Exchanges<th scope="col" class="n">Attempts<th scope="col" class="n">Each<th scope="col">Over time<th scope="col" class="n">At worst<th scope="col" class="n">Lost on failed attempts<th scope="col" class="n">None left<tbody>
"#,
    );
    let shown_rows: Vec<_> = shown.detailed().collect();
    let worst_of =
        |upstream: &Upstream| upstream.bins.values().filter_map(|bin| bin.counts.amplification()).max();
    let top = shown_rows
        .iter()
        .filter_map(|(_, upstream)| worst_of(upstream))
        .max()
        .unwrap_or(100)
        .clamp(110, 1_000);
    for (place, upstream) in shown_rows {
        put!(
            out,
            "<tr data-u=\"{place}\"><th scope=\"row\">{}<td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{}<td class=\"spark\">",
            Name(&upstream.name),
            Count(upstream.total.exchanges()),
            Count(upstream.total.attempts),
            Hundredths(upstream.total.amplification())
        );
        line(out, shown, upstream, top);
        put!(
            out,
            "<td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{}\n",
            Hundredths(worst_of(upstream)),
            if upstream.failed_attempts_ms > 0.0 {
                Millis(upstream.failed_attempts_ms).to_string()
            } else {
                "–".into()
            },
            Count(upstream.out_of_attempts)
        );
    }
    put!(
        out,
        "</table></div><p class=\"note\">Lines run from 1 to {}. Time on failed attempts is known where attempts are logged one by one.</p></section>\n",
        Hundredths(Some(top))
    );
}

fn line(out: &mut String, shown: &Shown<'_>, upstream: &Upstream, top: u64) {
    let y = |hundredths: u64| {
        let over = hundredths.clamp(100, top) - 100;
        HEIGHT - 1.0 - (HEIGHT - 2.0) * over as f64 / (top - 100).max(1) as f64
    };
    let mut path = String::new();
    for run in shown.runs(&upstream.bins) {
        let mut pen = 'M';
        for (place, bin) in run {
            let Some(amplification) = bin.counts.amplification() else { continue };
            put!(&mut path, "{pen}{place} {:.1}H{}", y(amplification), place + 1);
            pen = 'L';
        }
    }
    put!(
        out,
        "<svg width=\"100%\" height=\"{HEIGHT}\" viewBox=\"0 0 {} {HEIGHT}\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><path class=\"base\" d=\"M0 {}H{}\"/><path class=\"first\" d=\"{path}\"/></svg>",
        shown.bins,
        HEIGHT - 1.0,
        shown.bins
    );
}
