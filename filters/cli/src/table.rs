//! The table at the end: what each upstream's callers saw, and what they would have seen.

use core::hash::{BuildHasherDefault, Hasher};
use nearmiss::{Exchange, Fate, OTHER, Signals, Verdict};
use nearmiss::{NO_UPSTREAM, upstream_name};
use std::collections::HashMap;
use std::io::IsTerminal;

/// Counts per upstream.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// The place of each upstream's counts.
    places: HashMap<String, usize, BuildHasherDefault<Fnv>>,
    counts: Vec<Counts>,
    /// Exchanges whose lines do not say how many attempts there were.
    untold: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    fates: [u64; Fate::ALL.len()],
    aborted: u64,
    first_try: u64,
    /// The smallest margin seen, in basis points.
    margin: Option<u16>,
}

/// The most upstreams that are told apart.
const MOST: usize = 10_000;
/// The most rows that are shown.
const ROWS: usize = 30;

impl Table {
    /// Counts an exchange that was judged here.
    pub(crate) fn count(&mut self, exchange: &Exchange<'_>, verdict: &Verdict) {
        let nets = Signals::RETRY
            .with(Signals::FALLBACK)
            .with(Signals::STALE)
            .with(Signals::FAILOVER)
            .with(Signals::HEDGE)
            .with(Signals::ABORTED);
        let unaided = verdict.fate != Fate::Failed && !verdict.signals.any(nets);
        let name = upstream_name(exchange.upstream);
        self.untold += u64::from(exchange.attempts.is_none() && name != NO_UPSTREAM);
        self.add(&name, |counts| {
            counts.add(verdict.fate);
            counts.aborted += u64::from(verdict.is_aborted());
            counts.first_try += u64::from(unaided && exchange.attempts.is_none_or(|attempts| attempts <= 1));
            if let Some(margin) = verdict.margin_bp() {
                counts.margin = Some(counts.margin.map_or(margin, |least| least.min(margin)));
            }
        });
    }

    /// Counts an exchange that came with its fate.
    pub(crate) fn count_judged(&mut self, upstream: Option<&str>, fate: Fate) {
        let unaided =
            matches!(fate, Fate::Clean | Fate::Slow | Fate::Tight | Fate::ClientRetried | Fate::Partial);
        self.add(&upstream_name(upstream.unwrap_or_default()), |counts| {
            counts.add(fate);
            counts.first_try += u64::from(unaided);
        });
    }

    /// Prints the table on standard error, those with most near misses first.
    pub(crate) fn print(&self) {
        let counts = |place: &usize| self.counts.get(*place).copied().unwrap_or_default();
        let mut rows: Vec<_> = self.places.iter().map(|(name, place)| (name, counts(place))).collect();
        rows.sort_by_key(|(name, counts)| (core::cmp::Reverse(counts.near_misses()), (*name).clone()));
        let widest = rows.iter().take(ROWS).map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let width = widest.clamp(8, 40);
        let paint = Paint::new();
        eprintln!(
            "{}",
            paint.dim(&format!(
                "{:width$}  {:>10}  {:>9}  {:>9}  {:>11}  {:>8}  {:>8}  near misses by fate",
                "upstream", "exchanges", "first try", "final", "near misses", "failed", "margin"
            ))
        );
        for (name, counts) in rows.iter().take(ROWS) {
            eprintln!("{}", counts.row(name, width, &paint).trim_end());
        }
        if rows.len() > ROWS {
            eprintln!("… and {} more upstreams", rows.len() - ROWS);
        }
        if self.untold > 0 {
            eprintln!(
                "nearmiss: {} lines do not say how many attempts there were, so `first try` may be lower: see docs/formats.md",
                self.untold
            );
        }
    }

    fn add(&mut self, name: &str, add: impl FnOnce(&mut Counts)) {
        let place = self.places.get(name).copied().unwrap_or_else(|| self.seat(name));
        if let Some(counts) = self.counts.get_mut(place) {
            add(counts);
        }
    }

    /// A place for an upstream that is new.
    #[cold]
    fn seat(&mut self, name: &str) -> usize {
        let name = if self.places.len() < MOST { name } else { OTHER };
        let free = self.counts.len();
        let place = *self.places.entry(name.into()).or_insert(free);
        if place == free {
            self.counts.push(Counts::default());
        }
        place
    }
}

impl Counts {
    fn add(&mut self, fate: Fate) {
        if let Some(count) = self.fates.get_mut(fate as usize) {
            *count += 1;
        }
    }

    fn of(&self, fate: Fate) -> u64 {
        self.fates.get(fate as usize).copied().unwrap_or_default()
    }

    fn exchanges(&self) -> u64 {
        self.fates.iter().sum()
    }

    fn near_misses(&self) -> u64 {
        self.exchanges() - self.of(Fate::Clean) - self.of(Fate::Failed)
    }

    fn row(&self, name: &str, width: usize, paint: &Paint) -> String {
        let judged = self.exchanges() - self.aborted;
        let share = |part: u64| match (part * 10_000).checked_div(judged) {
            Some(share) => format!("{}.{:02} %", share / 100, share % 100),
            None => "-".into(),
        };
        let (failed, near) = (self.of(Fate::Failed), self.near_misses());
        let margin = self.margin.map_or("-".into(), |bp| format!("{}.{} %", bp / 100, bp % 100 / 10));
        let mut fates: Vec<_> = Fate::ALL
            .into_iter()
            .filter(|fate| !matches!(fate, Fate::Clean | Fate::Failed))
            .map(|fate| (self.of(fate), fate.name()))
            .filter(|(count, _)| *count > 0)
            .collect();
        fates.sort_by_key(|(count, _)| core::cmp::Reverse(*count));
        let fates: Vec<_> = fates.iter().map(|(count, name)| format!("{name} {count}")).collect();
        let mut name: String = name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        if name.chars().count() > width {
            name = name.chars().take(width - 1).chain(['…']).collect();
        }
        let near = paint.warn(&format!("{near:>11}"), near > 0);
        let failed_text = paint.bad(&format!("{failed:>8}"), failed > 0);
        format!(
            "{name:width$}  {:>10}  {:>9}  {:>9}  {near}  {failed_text}  {margin:>8}  {}",
            self.exchanges(),
            share(self.first_try),
            share(judged - failed.min(judged)),
            fates.join(", ")
        )
    }
}

/// FNV-1a: short names, and nobody to be afraid of in one's own logs.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

/// Colours, on a terminal that wants them.
struct Paint(bool);

impl Paint {
    fn new() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self(std::io::stderr().is_terminal() && !unwanted)
    }

    fn dim(&self, text: &str) -> String {
        self.with("2", text, true)
    }

    fn warn(&self, text: &str, wanted: bool) -> String {
        self.with("33", text, wanted)
    }

    fn bad(&self, text: &str, wanted: bool) -> String {
        self.with("31", text, wanted)
    }

    fn with(&self, colour: &str, text: &str, wanted: bool) -> String {
        if self.0 && wanted { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.into() }
    }
}
