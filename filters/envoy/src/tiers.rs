//! Which hosts answer in others' stead, as users mark them, asked once a second for each.
//!
//! A question that finds nothing, as it does for nearly every host, costs some 3 000 instructions. What a host is marked as
//! changes with the proxy's configuration only, so an answer holds for a second. Hosts that fall on the same place take turns.

use nearmiss::{Substitute, Timestamp};

/// Places, each of one host.
const PLACES: usize = 64;

/// What hosts were last said to be.
#[derive(Clone, Debug)]
pub(crate) struct Tiers([Answer; PLACES]);

#[derive(Clone, Copy, Debug, Default)]
struct Answer {
    key: u64,
    second: u64,
    tier: Option<Substitute>,
}

impl Default for Tiers {
    fn default() -> Self {
        Self([Answer::default(); PLACES])
    }
}

impl Tiers {
    /// What the host of that name in the cluster is marked as; `ask` asks, if it was not asked in this second.
    pub(crate) fn of(
        &mut self,
        cluster: &str,
        host: &str,
        now: Timestamp,
        ask: impl FnOnce() -> Option<Substitute>,
    ) -> Option<Substitute> {
        let (key, second) = (key(cluster, host), now.seconds());
        let Some(answer) = self.0.get_mut(key as usize % PLACES) else { return ask() };
        if (answer.key, answer.second) != (key, second) {
            *answer = Answer { key, second, tier: ask() };
        }
        answer.tier
    }
}

/// FNV-1a of both names, folded, so that its last bits are those of all.
fn key(cluster: &str, host: &str) -> u64 {
    let bytes = cluster.bytes().chain([0]).chain(host.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    hash ^ hash >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_asked_for_once_a_second() {
        let mut tiers = Tiers::default();
        let mut asked = 0;
        for second in [100, 100, 101, 101, 100] {
            let tier = tiers.of("cart", "10.0.0.1:80", Timestamp::from_seconds(second), || {
                asked += 1;
                Some(Substitute::Failover)
            });
            assert_eq!(tier, Some(Substitute::Failover));
        }
        assert_eq!(asked, 3);
    }

    #[test]
    fn hosts_and_clusters_are_told_apart_however_many_there_are() {
        let mut tiers = Tiers::default();
        let now = Timestamp::from_seconds(100);
        for n in 0..1_000 {
            let (host, marked) = (format!("10.0.0.{n}:80"), (n % 2 == 0).then_some(Substitute::Fallback));
            assert_eq!(tiers.of("cart", &host, now, || marked), marked);
            assert_eq!(tiers.of("cart", &host, now, || None), marked, "as it was said just now");
            assert_eq!(tiers.of("search", &host, now, || None), None);
        }
    }
}
