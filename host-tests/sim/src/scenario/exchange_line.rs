//! Exchange lines, parsed so that each host can render them.

use serde::Deserialize;
use serde_json::value::RawValue;

/// The fields of an exchange line. Times keep their exact decimals.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExchangeLine {
    ts: Box<RawValue>,
    /// Logical service.
    pub upstream: String,
    /// Host of the last attempt.
    pub host: Option<String>,
    /// Name of the route.
    pub route: Option<String>,
    /// HTTP status, 0 without a response.
    pub status: u16,
    duration_ms: Box<RawValue>,
    /// Number of attempts, 1 if absent.
    pub attempts: Option<u64>,
    /// Maximum number of attempts.
    pub max_attempts: Option<u32>,
    /// Timeout of one attempt.
    pub timeout_ms: Option<u64>,
    /// Deadline of the whole exchange.
    pub deadline_ms: Option<u64>,
    /// Time on the timeout's own clock.
    pub timeout_used_ms: Option<u64>,
    /// Time on the deadline's own clock.
    pub deadline_used_ms: Option<u64>,
    /// Time that the upstream took.
    pub service_ms: Option<u64>,
    /// Reason for the end, in the host's words.
    pub reason: Option<String>,
    /// True if a policy turned the exchange away.
    #[serde(default)]
    pub rejected: bool,
    /// True if an authorization was skipped.
    #[serde(default)]
    pub fail_open: bool,
    /// True if the exchange waited in a queue.
    #[serde(default)]
    pub pool: bool,
    /// True for a stream.
    #[serde(default)]
    pub stream: bool,
    /// False if the client comes from outside.
    pub client_trusted: Option<bool>,
    /// Envoy's response flags, by name.
    pub flags: Option<String>,
    /// gRPC status, only for gRPC exchanges.
    pub grpc_status: Option<u16>,
    /// Size of the response body.
    pub bytes: Option<u64>,
    /// True if the response body was truncated or contained an error.
    #[serde(default)]
    pub partial: bool,
    /// True if the client disconnected.
    #[serde(default)]
    pub aborted: bool,
    /// True if a hedged request answered.
    #[serde(default)]
    pub hedged: bool,
    /// The substitute that answered.
    pub fallback: Option<String>,
    /// `Cache-Status` (RFC 9211).
    pub cache_status: Option<String>,
    /// `Proxy-Status` (RFC 9209).
    pub proxy_status: Option<String>,
    /// Number of the client's own attempt.
    pub client_attempt: Option<u32>,
    /// Remaining quota.
    pub quota_remaining: Option<u64>,
    /// Total quota.
    pub quota_limit: Option<u64>,
    /// All attempts, in order.
    #[serde(default)]
    pub attempt_log: Vec<LoggedAttempt>,
    /// Trace id.
    pub trace_id: Option<String>,
}

/// One attempt of an exchange line.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoggedAttempt {
    /// Host of this attempt.
    pub host: Option<String>,
    /// HTTP status; none without a response.
    pub status: Option<u16>,
    duration_ms: Option<Box<RawValue>>,
    /// Reason for the failure.
    pub reason: Option<String>,
}

impl ExchangeLine {
    /// Parses a line.
    ///
    /// # Panics
    ///
    /// If the text is not an exchange line.
    pub fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
    }

    /// Returns the time of completion, in microseconds.
    pub fn ts_us(&self) -> u64 {
        micros(self.ts.get()).unwrap_or_else(|| panic!("no time: {}", self.ts))
    }

    /// Returns the duration in microseconds.
    pub fn duration_us(&self) -> u64 {
        micros(self.duration_ms.get()).unwrap_or_else(|| panic!("no duration: {}", self.duration_ms)) / 1_000
    }
}

impl LoggedAttempt {
    /// Returns the duration in microseconds.
    pub fn duration_us(&self) -> Option<u64> {
        micros(self.duration_ms.as_ref()?.get()).map(|millionths| millionths / 1_000)
    }
}

/// Parses a decimal into millionths, exactly; further digits are truncated.
pub(super) fn micros(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits: String = fraction.chars().chain("000000".chars()).take(6).collect();
    whole.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(digits.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::micros;

    #[test]
    fn a_decimal_is_read_to_the_microsecond() {
        assert_eq!(micros("1795423554.513089"), Some(1_795_423_554_513_089));
        assert_eq!(micros("42.46"), Some(42_460_000));
        assert_eq!(micros("7"), Some(7_000_000));
        assert_eq!(micros("1.2345678"), Some(1_234_567), "truncated, not rounded");
        assert_eq!(micros("-1"), None);
    }
}
