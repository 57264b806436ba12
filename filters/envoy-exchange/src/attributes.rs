//! Attributes: what Envoy says of an exchange beside its headers.

use crate::host::{Host, Number, Text};
use crate::values::text;
use nearmiss::{Flags, Micros, NO_UPSTREAM, OTHER};

/// The attributes of an exchange that has ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct Attributes<'a> {
    /// The cluster; empty if none was selected.
    pub cluster: &'a str,
    /// The name of the route, if it has one.
    pub route: Option<&'a str>,
    /// The host of the last attempt.
    pub host: Option<&'a str>,
    /// The number of attempts.
    pub attempts: Option<u32>,
    /// Response flags.
    pub flags: Flags,
    /// The time from the first byte of the request to the last byte of the response.
    pub duration: Micros,
    /// The status, in `Mode::Lean`; in `Mode::Full` it is read with the headers.
    pub status: Option<u16>,
}

/// Reads the cluster of the current exchange or attempt; empty if none was selected.
pub fn cluster(envoy: &impl Host) -> &str {
    envoy.text(Text::Cluster).map(text).map(cluster_name).unwrap_or_default()
}

/// Returns the name of a cluster, with a mark if it is one that counts something else: exchanges without a cluster, and those of all further
/// clusters.
pub fn cluster_name(name: &str) -> &str {
    match name {
        NO_UPSTREAM => "none_",
        OTHER => "other_",
        _ => name,
    }
}

/// Reads a name; `None` if it is empty.
pub fn name(envoy: &impl Host, name: Text) -> Option<&str> {
    envoy.text(name).map(text).filter(|name| !name.is_empty())
}

/// Reads the number of attempts.
pub fn attempts(envoy: &impl Host) -> Option<u32> {
    plausible_attempts(envoy.number(Number::Attempts))
}

/// Reads response flags.
pub fn flags(envoy: &impl Host) -> Flags {
    Flags::from_bits(envoy.number(Number::Flags).unwrap_or_default())
}

/// Reads the status of the response.
pub fn status(envoy: &impl Host) -> Option<u16> {
    envoy.number(Number::Status).and_then(|status| u16::try_from(status).ok())
}

/// Returns a number of attempts; `None` if it is implausible.
pub fn plausible_attempts(count: Option<u64>) -> Option<u32> {
    const MAX: u32 = 100_000;
    count.and_then(|count| u32::try_from(count).ok()).filter(|count| *count <= MAX)
}

/// Returns a duration in nanoseconds; `None` if it is negative.
pub fn duration(nanoseconds: Option<u64>) -> Option<Micros> {
    let nanoseconds = nanoseconds.and_then(|value| i64::try_from(value).ok())?;
    Some(Micros::new(nanoseconds.unsigned_abs() / 1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_implausible_count_is_unknown() {
        assert_eq!(plausible_attempts(Some(3)), Some(3));
        assert_eq!(plausible_attempts(Some(0)), Some(0));
        for odd in [None, Some(-1i64 as u64), Some(1_000_000_000_000)] {
            assert_eq!(plausible_attempts(odd), None);
        }
    }

    #[test]
    fn a_cluster_with_a_reserved_name_keeps_its_own_counts() {
        let names = ["none", "other", "", "cart"].map(cluster_name);
        assert_eq!(names, ["none_", "other_", "", "cart"]);
    }

    #[test]
    fn a_negative_duration_is_unknown() {
        assert_eq!(duration(Some(5_000_000)), Some(Micros::from_millis(5)));
        assert_eq!(duration(Some(-5i64 as u64)), None);
    }
}
