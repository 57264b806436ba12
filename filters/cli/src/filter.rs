//! What of all that is read was asked for.

use crate::args::Wanted;
use nearmiss::Timestamp;
use nearmiss::upstream_name;

/// A stretch of time and some upstreams; everything by default.
pub(crate) struct Filter {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    upstreams: Vec<String>,
}

impl Filter {
    pub(crate) fn new(wanted: &Wanted) -> Self {
        Self {
            since: wanted.since.map(|moment| moment.0),
            until: wanted.until.map(|moment| moment.0),
            upstreams: wanted.upstream.iter().map(|name| upstream_name(name).into_owned()).collect(),
        }
    }

    /// Whether an exchange that ended at `ts` on `upstream` was asked for. What a line does not say is no reason to
    /// leave it out.
    pub(crate) fn wants(&self, ts: Option<Timestamp>, upstream: Option<&str>) -> bool {
        let in_time = ts.is_none_or(|ts| {
            self.since.is_none_or(|since| ts >= since) && self.until.is_none_or(|until| ts < until)
        });
        let named = || {
            let name = upstream_name(upstream.unwrap_or_default());
            self.upstreams.iter().any(|wanted| *wanted == *name)
        };
        in_time && (self.upstreams.is_empty() || named())
    }
}
