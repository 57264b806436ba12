//! Filters exchanges and records by time and upstream.

use crate::args::FilterArgs;
use crate::display::time::DateTime;
use crate::error::Error;
use crate::time_arg::TimeArg;
use nearmiss::Timestamp;
use nearmiss::upstream_name;
use std::collections::BTreeSet;

/// Maximum number of upstreams that are listed if none is selected.
const MAX_LISTED: usize = 10;

/// A time range and a list of upstreams; matches everything by default.
pub(crate) struct ExchangeFilter {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    upstreams: Vec<String>,
    has_matched: bool,
    rejected: Rejected,
}

/// The exchanges that were not selected.
#[derive(Default)]
struct Rejected {
    /// Times of the first and the last.
    span: Option<(Timestamp, Timestamp)>,
    upstreams: BTreeSet<String>,
    has_more: bool,
}

impl ExchangeFilter {
    /// Creates a filter for an input that ends at `end`, which is only called if a time is relative to it.
    pub(crate) fn new(
        args: &FilterArgs,
        end: impl FnOnce() -> Result<Timestamp, Error>,
    ) -> Result<Self, Error> {
        let is_relative = args.since.into_iter().chain(args.until).any(TimeArg::is_relative);
        let end = if is_relative { end()? } else { Timestamp::default() };
        let since = args.since.map(|time| time.resolve(end));
        let until = args.until.map(|time| match since {
            Some(since) => time.resolve_after(since, end),
            None => time.resolve(end),
        });
        Ok(Self {
            since,
            until,
            upstreams: args.upstream.iter().flat_map(|names| named(names)).collect(),
            has_matched: false,
            rejected: Rejected::default(),
        })
    }

    /// Returns true if an exchange on `upstream` that ended at `ts` is selected. A line without a time or upstream is
    /// not filtered by it.
    pub(crate) fn matches(&mut self, ts: Option<Timestamp>, upstream: Option<&str>) -> bool {
        let in_time = ts.is_none_or(|ts| {
            self.since.is_none_or(|since| ts >= since) && self.until.is_none_or(|until| ts < until)
        });
        let named = || {
            let name = upstream_name(upstream.unwrap_or_default());
            self.upstreams.iter().any(|args| *args == *name)
        };
        let is_match = in_time && (self.upstreams.is_empty() || named());
        self.has_matched |= is_match;
        if !self.has_matched {
            self.rejected.add(ts, upstream);
        }
        is_match
    }

    /// Returns the times and upstreams of the input if the filter selected nothing of it.
    pub(crate) fn unmatched(&self) -> Option<String> {
        let (first, last) = self.rejected.span.filter(|_| !self.has_matched)?;
        let names: Vec<_> = self.rejected.upstreams.iter().map(String::as_str).collect();
        Some(format!(
            "nothing is selected by --since, --until and --upstream: the input has exchanges from {} to {} UTC, on {}{}",
            DateTime(first.micros() / 1_000),
            DateTime(last.micros() / 1_000),
            names.join(", "),
            if self.rejected.has_more { " and others" } else { "" }
        ))
    }

    /// Prints [`unmatched`](Self::unmatched).
    pub(crate) fn print_if_nothing_matched(&self) {
        if let Some(sentence) = self.unmatched() {
            eprintln!("nearmiss: {sentence}");
        }
    }
}

/// Returns the upstreams that an argument names: one, or several with commas between them.
fn named(argument: &str) -> Vec<String> {
    let list = argument.split(',').filter(|_| argument.contains(','));
    core::iter::once(argument).chain(list).map(|name| upstream_name(name).into_owned()).collect()
}

impl Rejected {
    fn add(&mut self, ts: Option<Timestamp>, upstream: Option<&str>) {
        if let Some(ts) = ts {
            let (first, last) = self.span.unwrap_or((ts, ts));
            self.span = Some((first.min(ts), last.max(ts)));
        }
        let name = upstream_name(upstream.unwrap_or_default());
        if !self.upstreams.contains(&*name) {
            match self.upstreams.len() < MAX_LISTED {
                true => drop(self.upstreams.insert(name.into_owned())),
                false => self.has_more = true,
            }
        }
    }
}
