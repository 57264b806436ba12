//! Metadata: what users say about hosts and routes.

use crate::host::{Host, Metadata};
use crate::values::{number, text};
use crate::warnings::{self, Warning};
use nearmiss::Substitute;

/// Returns the tier of the upstream host, from the metadata by which users mark fallback and failover hosts: that of the host, otherwise
/// that of its locality.
pub fn host_tier(envoy: &impl Host) -> Option<Substitute> {
    let read = |tier: &[u8]| tier_named(envoy, tier);
    envoy
        .metadata(Metadata::HostTier, read)
        .or_else(|| envoy.metadata(Metadata::LocalityTier, read))
        .flatten()
}

fn tier_named(envoy: &impl Host, tier: &[u8]) -> Option<Substitute> {
    match text(tier) {
        tier if tier.eq_ignore_ascii_case("fallback") => Some(Substitute::Fallback),
        tier if tier.eq_ignore_ascii_case("failover") => Some(Substitute::Failover),
        other => {
            let message =
                "`tier` of a host's metadata is neither \"fallback\" nor \"failover\", so it is ignored";
            warnings::log_once(|line| envoy.warn(line), Warning::Tier, message, other);
            None
        }
    }
}

/// Returns the route's maximum number of attempts, from the metadata by which users configure it.
pub fn max_attempts(envoy: &impl Host) -> Option<u32> {
    let read = |value: &[u8]| {
        let count = attempt_count(value);
        if count.is_none() {
            let message =
                "`max_attempts` of a route's metadata is not a number from 1 to 1000, so it is ignored";
            warnings::log_once(|line| envoy.warn(line), Warning::MaxAttempts, message, text(value));
        }
        count
    };
    envoy.metadata(Metadata::MaxAttempts, read).flatten()
}

/// Reads a number of attempts, which is a float, or text where a template has put it in quotes; `None` outside 1 to 1 000.
fn attempt_count(value: &[u8]) -> Option<u32> {
    let count = number(value).and_then(|count| u32::try_from(count).ok()).map(f64::from);
    let count = count.or_else(|| value.try_into().ok().map(f64::from_le_bytes))?;
    (1.0..=1_000.0).contains(&count).then_some(count as u32)
}

#[cfg(test)]
mod tests {
    use super::attempt_count;

    #[test]
    fn a_number_of_attempts_is_a_small_whole_number() {
        assert_eq!(attempt_count(&4f64.to_le_bytes()), Some(4));
        assert_eq!(attempt_count(b"3"), Some(3), "Helm writes numbers in quotes");
        for odd in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e12] {
            assert_eq!(attempt_count(&odd.to_le_bytes()), None);
        }
        for odd in [&b""[..], b"many", b"-3", b"\xff"] {
            assert_eq!(attempt_count(odd), None);
        }
    }
}
