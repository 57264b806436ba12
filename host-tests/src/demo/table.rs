//! The live table: redrawn on a terminal, printed now and then elsewhere.

use std::collections::HashMap;
use std::time::Duration;

use super::upstream::Upstream;

pub(super) struct Table {
    on_terminal: bool,
    drawn: usize,
    before: HashMap<String, (u64, Duration)>,
}

impl Table {
    pub(super) fn new(on_terminal: bool) -> Self {
        Self { on_terminal, drawn: 0, before: HashMap::new() }
    }

    /// How long to wait before the next one.
    pub(super) fn pause(&self) -> Duration {
        Duration::from_secs(if self.on_terminal { 1 } else { 5 })
    }

    pub(super) fn show(&mut self, upstreams: &[Upstream], elapsed: Duration) {
        let mut lines = vec![
            format!("{} s", elapsed.as_secs()),
            format!(
                "{:<10} {:>6} {:>7} {:>11} {:>7} {:>9} {:>10}  {}",
                "upstream",
                "req/s",
                "clean",
                "near misses",
                "failed",
                "first try",
                "for caller",
                "margin, and what it took"
            ),
        ];
        lines.extend(upstreams.iter().map(|upstream| self.row(upstream, elapsed)));
        if self.on_terminal && self.drawn > 0 {
            print!("\x1b[{}A", self.drawn);
        }
        let clear = if self.on_terminal { "\x1b[K" } else { "" };
        for line in &lines {
            println!("{line}{clear}");
        }
        if !self.on_terminal {
            println!();
        }
        self.drawn = lines.len();
    }

    fn row(&mut self, upstream: &Upstream, elapsed: Duration) -> String {
        let now = (upstream.exchanges(), elapsed);
        let (count, at) = self.before.insert(upstream.name.clone(), now).unwrap_or_default();
        let rate = (now.0 - count) as f64 / (elapsed - at).as_secs_f64().max(0.001);
        let margin =
            upstream.lowest_margin.map_or("none known".to_owned(), |margin| format!("≥ {margin:.0} %"));
        format!(
            "{:<10} {:>6.0} {:>7} {:>11} {:>7} {:>7.2} % {:>8.2} %  {}{}",
            upstream.name,
            rate,
            upstream.fate("clean"),
            upstream.near_misses(),
            upstream.failed(),
            upstream.first_try_success(),
            upstream.final_success(),
            margin,
            taken(upstream),
        )
    }
}

/// The near misses by fate.
fn taken(upstream: &Upstream) -> String {
    let fates = upstream.fates.iter().filter(|(fate, _)| *fate != "clean" && *fate != "failed");
    fates.map(|(fate, count)| format!(", {count} {fate}")).collect()
}
