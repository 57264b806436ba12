//! Filters exchanges and records by time and upstream.

use crate::args::FilterArgs;
use nearmiss::Timestamp;
use nearmiss::upstream_name;

/// A time range and a list of upstreams; matches everything by default.
pub(crate) struct ExchangeFilter {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    upstreams: Vec<String>,
}

impl ExchangeFilter {
    pub(crate) fn new(args: &FilterArgs) -> Self {
        Self {
            since: args.since.map(|time_arg| time_arg.0),
            until: args.until.map(|time_arg| time_arg.0),
            upstreams: args.upstream.iter().map(|name| upstream_name(name).into_owned()).collect(),
        }
    }

    /// Returns true if an exchange on `upstream` that ended at `ts` is selected. A line without a time or upstream is
    /// not filtered by it.
    pub(crate) fn matches(&self, ts: Option<Timestamp>, upstream: Option<&str>) -> bool {
        let in_time = ts.is_none_or(|ts| {
            self.since.is_none_or(|since| ts >= since) && self.until.is_none_or(|until| ts < until)
        });
        let named = || {
            let name = upstream_name(upstream.unwrap_or_default());
            self.upstreams.iter().any(|args| *args == *name)
        };
        in_time && (self.upstreams.is_empty() || named())
    }
}
