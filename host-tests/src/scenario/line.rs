//! An exchange line, as a host must be able to render it.

use serde::Deserialize;
use serde_json::value::RawValue;

/// The fields of an exchange line, with times exact.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    ts: Box<RawValue>,
    /// The logical service.
    pub upstream: String,
    /// Who answered last.
    pub host: Option<String>,
    /// The route's name.
    pub route: Option<String>,
    /// 0 for none.
    pub status: u16,
    duration_ms: Box<RawValue>,
    /// 1 if absent.
    pub attempts: Option<u64>,
    /// How many were allowed.
    pub max_attempts: Option<u32>,
    /// Of one attempt.
    pub timeout_ms: Option<u64>,
    /// Of the whole exchange.
    pub deadline_ms: Option<u64>,
    /// Envoy's, by name.
    pub flags: Option<String>,
    /// Only if it was gRPC.
    pub grpc_status: Option<u16>,
    /// Of the response's body.
    pub bytes: Option<u64>,
    /// Cut off, or wrong inside.
    #[serde(default)]
    pub partial: bool,
    /// The client left.
    #[serde(default)]
    pub aborted: bool,
    /// A hedge answered.
    #[serde(default)]
    pub hedged: bool,
    /// Who stood in.
    pub fallback: Option<String>,
    /// RFC 9211.
    pub cache_status: Option<String>,
    /// RFC 9209.
    pub proxy_status: Option<String>,
    /// Which try of the client's own it was.
    pub client_attempt: Option<u32>,
    /// What is left of the quota.
    pub quota_remaining: Option<u64>,
    /// All of the quota.
    pub quota_limit: Option<u64>,
    /// The attempts in order.
    #[serde(default)]
    pub attempt_log: Vec<LoggedAttempt>,
    /// The trace.
    pub trace_id: Option<String>,
}

/// One attempt.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoggedAttempt {
    /// Who was tried.
    pub host: Option<String>,
    /// None without an answer.
    pub status: Option<u16>,
    duration_ms: Option<Box<RawValue>>,
}

impl Line {
    /// Reads a line.
    ///
    /// # Panics
    ///
    /// If it is none.
    pub fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
    }

    /// When it was complete, in microseconds.
    pub fn ts_us(&self) -> u64 {
        micros(self.ts.get()).unwrap_or_else(|| panic!("no time: {}", self.ts))
    }

    /// How long it took, in microseconds.
    pub fn duration_us(&self) -> u64 {
        micros(self.duration_ms.get()).unwrap_or_else(|| panic!("no duration: {}", self.duration_ms)) / 1_000
    }
}

impl LoggedAttempt {
    /// How long it took, in microseconds.
    pub fn duration_us(&self) -> Option<u64> {
        micros(self.duration_ms.as_ref()?.get()).map(|millionths| millionths / 1_000)
    }
}

/// A decimal in millionths, exactly; further digits are cut.
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
        assert_eq!(micros("1.2345678"), Some(1_234_567), "cut, not rounded");
        assert_eq!(micros("-1"), None);
    }
}
