//! The closed list of reasons for which an exchange failed: the labels of a metric.

use super::outcome;
use crate::exchange::Exchange;
use crate::flags::Flags;

/// The reason for which an exchange failed, by what the host shows of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FailureReason {
    /// No host was there to ask: none is healthy, or the cluster does not exist.
    NoHost,
    /// The connection could not be made, or the name not be resolved.
    Connect,
    /// A timeout or the deadline ended it.
    Timeout,
    /// A circuit breaker, a full connection pool or a load shedder was in the way.
    Overload,
    /// A check before the upstream could not be asked.
    Check,
    /// The upstream broke the protocol.
    Protocol,
    /// The connection was closed before the response.
    Reset,
    /// The upstream answered that its rate limit is exceeded: 429 or gRPC status 8.
    RateLimit,
    /// The upstream answered with another gRPC status of a server's fault.
    Grpc,
    /// The upstream answered with another error, such as 503.
    Status,
}

impl FailureReason {
    /// Number of reasons.
    pub const COUNT: usize = 10;
    /// All reasons; `ALL[reason as usize] == reason`.
    pub const ALL: [Self; Self::COUNT] = [
        Self::NoHost,
        Self::Connect,
        Self::Timeout,
        Self::Overload,
        Self::Check,
        Self::Protocol,
        Self::Reset,
        Self::RateLimit,
        Self::Grpc,
        Self::Status,
    ];

    /// Returns the name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoHost => "no_host",
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Overload => "overload",
            Self::Check => "check",
            Self::Protocol => "protocol",
            Self::Reset => "reset",
            Self::RateLimit => "rate_limit",
            Self::Grpc => "grpc",
            Self::Status => "status",
        }
    }

    /// Returns the reason of an exchange that failed. What the host says of the connection precedes the status that the caller got.
    pub fn of(exchange: &Exchange<'_>) -> Self {
        Self::of_connection(exchange).unwrap_or_else(|| Self::of_status(exchange))
    }

    /// Returns the reason that the host itself gives by flags and details, if it gives one.
    pub(crate) fn of_connection(exchange: &Exchange<'_>) -> Option<Self> {
        const BY_FLAGS: [(Flags, FailureReason); 5] = [
            (Flags::NO_HOST, FailureReason::NoHost),
            (Flags::NO_CONNECTION, FailureReason::Connect),
            (Flags::TIMED_OUT, FailureReason::Timeout),
            (Flags::UPE, FailureReason::Protocol),
            (Flags::RESET, FailureReason::Reset),
        ];
        if outcome::is_overloaded(exchange) || exchange.pool {
            return Some(Self::Overload);
        }
        if outcome::is_dead_check(exchange) {
            return Some(Self::Check);
        }
        BY_FLAGS.iter().find(|(flags, _)| exchange.flags.any(*flags)).map(|(_, reason)| *reason)
    }

    fn of_status(exchange: &Exchange<'_>) -> Self {
        match (exchange.status, exchange.grpc_status) {
            (0, _) => Self::Reset,
            (429, _) | (200..400, Some(8)) => Self::RateLimit,
            (504, _) | (200..400, Some(4)) => Self::Timeout,
            (200..400, Some(_)) => Self::Grpc,
            _ => Self::Status,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(status: u16, flags: &str) -> FailureReason {
        FailureReason::of(&Exchange { status, flags: Flags::parse(flags), ..Exchange::default() })
    }

    #[test]
    fn the_connection_precedes_the_status() {
        assert_eq!(reason(503, "UF,URX"), FailureReason::Connect);
        assert_eq!(reason(503, "UC"), FailureReason::Reset);
        assert_eq!(reason(504, "UT"), FailureReason::Timeout);
        assert_eq!(reason(503, "UH"), FailureReason::NoHost);
        assert_eq!(reason(503, "NC"), FailureReason::NoHost);
        assert_eq!(reason(503, "UO"), FailureReason::Overload);
        assert_eq!(reason(502, "UPE"), FailureReason::Protocol);
        assert_eq!(reason(503, "DF"), FailureReason::Connect);
        assert_eq!(reason(500, "RLSE"), FailureReason::Check);
    }

    #[test]
    fn without_flags_the_status_decides() {
        assert_eq!(reason(503, "URX"), FailureReason::Status);
        assert_eq!(reason(504, ""), FailureReason::Timeout);
        assert_eq!(reason(429, ""), FailureReason::RateLimit);
        assert_eq!(reason(0, ""), FailureReason::Reset);
        let grpc = |status| {
            FailureReason::of(&Exchange { status: 200, grpc_status: Some(status), ..Exchange::default() })
        };
        assert_eq!(
            [4, 8, 14].map(grpc),
            [FailureReason::Timeout, FailureReason::RateLimit, FailureReason::Grpc]
        );
    }

    #[test]
    fn the_list_is_in_order_and_its_names_differ() {
        for (index, reason) in FailureReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index);
            assert!(FailureReason::ALL[..index].iter().all(|other| other.name() != reason.name()));
        }
    }
}
