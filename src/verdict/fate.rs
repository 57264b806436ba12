//! The one outcome of an exchange.

/// Outcome of an exchange; later variants take precedence.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Fate {
    /// None of the others, or the caller's own fault.
    #[default]
    Clean,
    /// Outlier against the upstream's own past.
    Slow,
    /// Too little margin to timeout, deadline or quota, or a breaker's flag.
    Tight,
    /// The request itself was a client's retry.
    ClientRetried,
    /// Success after more than one attempt.
    Retried,
    /// Another zone or priority answered.
    Failover,
    /// An expired copy was served.
    Stale,
    /// Another source answered instead of the upstream.
    Fallback,
    /// Success by its status, failure in its content.
    Partial,
    /// The caller got an error.
    Failed,
    /// A policy of the proxy turned the exchange away before any attempt.
    Rejected,
    /// The caller gave up before any response, and the upstream was at fault.
    Abandoned,
}

impl Fate {
    /// Number of fates.
    pub const COUNT: usize = 12;
    /// All fates, weakest first; `ALL[fate as usize] == fate`.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Clean,
        Self::Slow,
        Self::Tight,
        Self::ClientRetried,
        Self::Retried,
        Self::Failover,
        Self::Stale,
        Self::Fallback,
        Self::Partial,
        Self::Failed,
        Self::Rejected,
        Self::Abandoned,
    ];

    /// Returns the name in records, metrics and headers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Slow => "slow",
            Self::Tight => "tight",
            Self::ClientRetried => "client_retried",
            Self::Retried => "retried",
            Self::Failover => "failover",
            Self::Stale => "stale",
            Self::Fallback => "fallback",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::Abandoned => "abandoned",
        }
    }

    /// Returns the fate with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fate| fate.name() == name)
    }

    /// Returns true if the exchange ended well for the caller, but only just.
    pub const fn is_near_miss(self) -> bool {
        !matches!(self, Self::Clean | Self::Failed | Self::Rejected | Self::Abandoned)
    }

    /// Returns true if a safety net of the proxy answered.
    pub const fn is_caught(self) -> bool {
        matches!(self, Self::Retried | Self::Failover | Self::Stale | Self::Fallback)
    }

    /// Returns true if the upstream failed its caller.
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Abandoned)
    }

    /// Returns true for a success without a safety net: one attempt was enough, unless more are known.
    pub const fn is_first_try(self) -> bool {
        !self.is_failure() && !self.is_caught() && !matches!(self, Self::Rejected)
    }
}
