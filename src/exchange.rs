//! One request as its caller saw it, with all its attempts: what a host tells the core.
//!
//! Plain data. A filter fills in what its host shows and leaves the rest unknown; unknown is `None` and never
//! zero. The upstream's name goes through [`upstream_name`] on the way in, so every host may hand in its own.

use crate::flags::Flags;
use crate::units::{Micros, Timestamp};

/// One exchange.
#[derive(Clone, Debug, Default)]
pub struct Exchange<'a> {
    /// When the response was complete.
    pub ts: Timestamp,
    /// The logical service called, as the host spells it; empty or `-` where none was chosen.
    pub upstream: &'a str,
    /// The host that answered last, `address:port`.
    pub host: Option<&'a str>,
    /// The route's name, without a query string.
    pub route: Option<&'a str>,
    /// The status the caller got; 0 if it got none.
    pub status: u16,
    /// From arrival to complete response.
    pub duration: Micros,
    /// How many attempts were made; 0 if none was, `None` if the host cannot tell.
    pub attempts: Option<u32>,
    /// How many attempts were allowed.
    pub max_attempts: Option<u32>,
    /// The limit of one attempt.
    pub timeout: Option<Micros>,
    /// The limit of the whole exchange.
    pub deadline: Option<Micros>,
    /// Envoy's response flags.
    pub flags: Flags,
    /// The gRPC status, only if the content type was gRPC.
    pub grpc_status: Option<u32>,
    /// Bytes of response body that the caller got.
    pub bytes: Option<u64>,
    /// The answer looks well from outside and is not: a failure inside, or cut off after its headers.
    pub partial: bool,
    /// The client went away before the end.
    pub aborted: bool,
    /// A hedge's later answer was the one that counted.
    pub hedged: bool,
    /// A tunnel or an endless stream (CONNECT, server-sent events): its duration says nothing.
    pub stream: bool,
    /// What answered in the upstream's stead, if the host marks it.
    pub substitute: Option<Substitute>,
    /// The `Cache-Status` field of RFC 9211, or a cache's own word such as `STALE`.
    pub cache_status: Option<&'a str>,
    /// The `Proxy-Status` field of RFC 9209.
    pub proxy_status: Option<&'a str>,
    /// Which try of the client's own this request was, 1 for the first.
    pub client_attempt: Option<u32>,
    /// What the upstream said of the caller's quota.
    pub quota: Option<Quota>,
    /// The attempts in order, the one that answered last; if shorter than `attempts`, the first are unknown.
    pub attempt_log: &'a [Attempt<'a>],
    /// The trace the exchange belongs to.
    pub trace_id: Option<&'a str>,
}

/// One try of an exchange against one host.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Attempt<'a> {
    /// The host that was tried.
    pub host: Option<&'a str>,
    /// Its answer; `None` if there was none.
    pub status: Option<u16>,
    /// From the start of the attempt to its end.
    pub duration: Option<Micros>,
}

impl Attempt<'_> {
    /// Whether the attempt gave no usable answer.
    pub fn failed(&self) -> bool {
        self.status.is_none_or(is_error)
    }
}

/// The most attempts of one exchange that are kept: the last ones.
pub const MAX_ATTEMPT_LOG: usize = 8;

/// What answered in the upstream's stead.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Substitute {
    /// Another zone or priority than the one meant.
    Failover,
    /// Something else altogether.
    Fallback,
    /// An expired copy.
    Stale,
}

/// What is left of a quota, and how much it was.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Quota {
    /// The whole quota, in requests.
    pub limit: u64,
    /// What remains of it.
    pub remaining: u64,
}

/// Whether a status tells the caller that the server failed: 5xx, 429 (out of room), or none at all.
pub const fn is_error(status: u16) -> bool {
    status >= 500 || status == 429 || status == 0
}
