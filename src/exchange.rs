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
    /// Envoy's response flags.
    pub flags: Flags,
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
    /// The caller's quota as the upstream reports it.
    pub quota: Option<Quota>,
    /// Attempts in order, ending with the one that answered; if shorter than `attempts`, the first ones are unknown.
    pub attempt_log: &'a [Attempt<'a>],
    /// Identifier of the trace.
    pub trace_id: Option<&'a str>,
}

/// One try of an exchange against one host.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Attempt<'a> {
    /// Host of the attempt.
    pub host: Option<&'a str>,
    /// Status of its answer; `None` if there was none.
    pub status: Option<u16>,
    /// Time from the start of the attempt to its end.
    pub duration: Option<Micros>,
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
