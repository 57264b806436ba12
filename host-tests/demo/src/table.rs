//! The live table: redrawn every second on a terminal, printed every five seconds elsewhere.

use std::collections::HashMap;
use std::time::Duration;

use super::upstream_stats::UpstreamStats;

pub(super) struct Table {
    on_terminal: bool,
    drawn_lines: usize,
    previous: HashMap<String, (u64, Duration)>,
}

impl Table {
    pub(super) fn new(on_terminal: bool) -> Self {
        Self { on_terminal, drawn_lines: 0, previous: HashMap::new() }
    }

    /// Returns the time between two tables.
    pub(super) fn interval(&self) -> Duration {
        Duration::from_secs(if self.on_terminal { 1 } else { 5 })
    }

    pub(super) fn show(&mut self, upstreams: &[UpstreamStats], elapsed: Duration) {
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
                "margin, near misses by fate"
            ),
        ];
        lines.extend(upstreams.iter().map(|upstream| self.row(upstream, elapsed)));
        if self.on_terminal && self.drawn_lines > 0 {
            print!("\x1b[{}A", self.drawn_lines);
        }
        let clear = if self.on_terminal { "\x1b[K" } else { "" };
        for line in &lines {
            println!("{line}{clear}");
        }
        if !self.on_terminal {
            println!();
        }
        self.drawn_lines = lines.len();
    }

    fn row(&mut self, upstream: &UpstreamStats, elapsed: Duration) -> String {
        let current = (upstream.exchanges(), elapsed);
        let (count, at) = self.previous.insert(upstream.name.clone(), current).unwrap_or_default();
        let rate = (current.0 - count) as f64 / (elapsed - at).as_secs_f64().max(0.001);
        let margin = upstream.lowest_margin.map_or("unknown".to_owned(), |margin| format!("≥ {margin:.0} %"));
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
            near_miss_fates(upstream),
        )
    }
}

/// Formats the number of near misses by fate.
fn near_miss_fates(upstream: &UpstreamStats) -> String {
    let fates = upstream.fates.iter().filter(|(fate, _)| *fate != "clean" && *fate != "failed");
    fates.map(|(fate, count)| format!(", {count} {fate}")).collect()
}
