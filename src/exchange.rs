//! One request and its response as the caller saw them, with all attempts.
//!
//! Plain data. A filter fills in what its host shows; everything unknown is `None`, never zero. The upstream's name passes
//! [`upstream_name`](crate::upstream_name) on its way in, so each host may spell it in its own way.

use crate::flags::Flags;
use crate::units::{Micros, Timestamp};

/// One exchange.
#[derive(Clone, Debug, Default)]
pub struct Exchange<'a> {
    /// Completion time of the response.
    pub ts: Timestamp,
    /// Logical service called, as the host spells it; empty or `-` if none was chosen.
    pub upstream: &'a str,
    /// Host that answered last, `address:port`.
    pub host: Option<&'a str>,
    /// Name of the route, without a query string.
    pub route: Option<&'a str>,
    /// Status that the caller got; 0 if none.
    pub status: u16,
    /// Time from the arrival of the request to the complete response.
    pub duration: Micros,
    /// Number of attempts; 0 if there was none, `None` if the host does not show it.
    pub attempts: Option<u32>,
    /// Number of attempts allowed.
    pub max_attempts: Option<u32>,
    /// Time limit of one attempt.
    pub timeout: Option<Micros>,
    /// Time limit of the whole exchange.
    pub deadline: Option<Micros>,
    /// Time on the timeout's own clock; `None` if it is the duration of the attempt that answered.
    pub timeout_used: Option<Micros>,
    /// Time on the deadline's own clock; `None` if it is the duration.
    pub deadline_used: Option<Micros>,
    /// Time that the upstream took, compared with its past; `None` if it is the duration.
    pub service: Option<Micros>,
    /// Envoy's response flags.
    pub flags: Flags,
    /// The host's own short word for the end of the exchange, if it is not Envoy: HAProxy's termination state.
    pub termination_state: Option<&'a str>,
    /// Reason for the end of the exchange, in the host's own words.
    pub reason: Option<&'a str>,
    /// gRPC status; only if the content type was gRPC.
    pub grpc_status: Option<u32>,
    /// Bytes of the response body that the caller got.
    pub bytes: Option<u64>,
    /// True if the response is a success by its status, but failed inside or was cut off after its headers.
    pub partial: bool,
    /// True if the client went away before the end.
    pub aborted: bool,
    /// True if the answer of a hedged attempt was the one that counted.
    pub hedged: bool,
    /// True if a policy of the proxy turned the exchange away before any attempt.
    pub rejected: bool,
    /// True if an authorization could not be checked and was skipped.
    pub fail_open: bool,
    /// True if the exchange waited for a place in a queue or for a pooled connection.
    pub pool: bool,
    /// True for a tunnel or an endless stream (CONNECT, server-sent events), whose duration means nothing.
    pub stream: bool,
    /// Source that answered instead of the upstream, if the host marks it.
    pub substitute: Option<Substitute>,
    /// `Cache-Status` field of RFC 9211, or a cache's own word such as `STALE`.
    pub cache_status: Option<&'a str>,
    /// `Proxy-Status` field of RFC 9209.
    pub proxy_status: Option<&'a str>,
    /// Number of this attempt among the client's own, 1 for the first.
    pub client_attempt: Option<u32>,
    /// False if the client comes from outside, so that its hints are not believed; `None` if unknown.
    pub client_trusted: Option<bool>,
    /// The caller's quota as the upstream reports it.
    pub quota: Option<Quota>,
    /// Attempts in order, ending with the one that answered; if shorter than `attempts`, the first ones are unknown.
    pub attempt_log: &'a [Attempt<'a>],
    /// Identifier of the trace.
    pub trace_id: Option<&'a str>,
}

impl Exchange<'_> {
    /// Returns true for a tunnel, an upgrade or an endless stream, whose duration means nothing.
    pub fn is_timeless(&self) -> bool {
        self.stream || self.status == 101
    }

    /// Returns true if only its timing can be wrong with an exchange, which holds for most: at most one known attempt, a good status and
    /// no other evidence.
    pub(crate) fn is_plain(&self) -> bool {
        let is_marked = self.partial
            | self.aborted
            | self.hedged
            | self.fail_open
            | self.pool
            | self.stream
            | self.substitute.is_some()
            | self.cache_status.is_some()
            | self.proxy_status.is_some()
            | self.grpc_status.is_some()
            | self.client_attempt.is_some()
            | self.quota.is_some();
        !is_marked
            && matches!(self.status, 200..400)
            && matches!(self.attempts, None | Some(1))
            && self.flags.is_empty()
            && self.attempt_log.last().is_none_or(|last| !last.failed())
    }

    /// Returns true if the name of the route has a query string.
    pub(crate) fn has_query(&self) -> bool {
        self.route.is_some_and(|route| route.as_bytes().contains(&b'?'))
    }

    /// Returns the number of attempts that went to a host. Envoy also counts the last one if no host was healthy or the connection
    /// pool had no room.
    pub(crate) fn attempts_at_hosts(&self) -> Option<u32> {
        let has_overflowed = || self.reason.is_some_and(|reason| reason.ends_with(OVERFLOW));
        let went_nowhere = self.flags.any(Flags::UH) || self.flags.any(Flags::UO) && has_overflowed();
        self.attempts.map(|attempts| attempts.saturating_sub(went_nowhere.into()))
    }

    /// Returns the number of attempts if there was more than one.
    pub(crate) fn several_attempts(&self) -> Option<u32> {
        self.attempts.filter(|attempts| *attempts > 1)
    }

    /// Returns true if an attempt was made because an earlier one failed.
    pub(crate) fn is_retry(&self) -> bool {
        self.several_attempts().is_some() && !self.hedged
    }

    /// Returns the time that is compared with the past: the upstream's own, or the duration of the attempt that answered.
    pub(crate) fn judged_duration(&self) -> Option<Micros> {
        self.service.or_else(|| self.answering_attempt())
    }

    /// Returns the duration of the attempt that answered: the last in the attempt log, or the exchange if there was only one.
    pub(crate) fn answering_attempt(&self) -> Option<Micros> {
        match self.attempt_log.last() {
            Some(last) if last.duration.is_some() => last.duration,
            _ if self.attempts == Some(1) => Some(self.duration),
            _ => None,
        }
    }
}

/// End of Envoy's details of an attempt that found no room in the connection pool.
const OVERFLOW: &str = "{overflow}";

/// One try of an exchange against one host.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Attempt<'a> {
    /// Host of the attempt.
    pub host: Option<&'a str>,
    /// Status of its answer; `None` if there was none.
    pub status: Option<u16>,
    /// Time from the start of the attempt to its end.
    pub duration: Option<Micros>,
    /// Reason for its failure, in the host's own words.
    pub reason: Option<&'a str>,
}

impl Attempt<'_> {
    /// Returns true if the attempt gave no usable answer.
    pub fn failed(&self) -> bool {
        self.status.is_none_or(is_error)
    }
}

/// Maximum length of `attempt_log`; the last attempts are kept.
pub const MAX_ATTEMPT_LOG: usize = 8;

/// Source that answered instead of the upstream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Substitute {
    /// Another zone or priority than the configured one.
    Failover,
    /// A different source.
    Fallback,
    /// An expired copy.
    Stale,
}

/// State of a quota.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Quota {
    /// Size of the quota, in requests.
    pub limit: u64,
    /// Requests that remain.
    pub remaining: u64,
}

/// Returns true if a status reports a failure of the server: 5xx, 429 (no capacity), or none at all.
pub const fn is_error(status: u16) -> bool {
    status >= 500 || status == 429 || status == 0
}
