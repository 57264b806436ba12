//! What an upstream says of its caller's quota, in the spellings that are in use.
//!
//! The `RateLimit` draft as it stands (`RateLimit: "p";r=5;t=30` beside `RateLimit-Policy: "p";q=100;w=60`), its middle
//! form (`RateLimit: limit=100, remaining=5, reset=30`), its first form (`RateLimit-Limit` and `RateLimit-Remaining`), and
//! the `X-RateLimit-*` pair it grew from, which Envoy's own limiter writes as well. Where several quotas are told, the one
//! that is nearest to its end counts.

use crate::fields::{Member, members};
use nearmiss::Quota;

/// The headers that tell of a quota, as they came.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct QuotaHeaders<'a> {
    /// `ratelimit`
    pub(crate) state: Option<&'a str>,
    /// `ratelimit-policy`
    pub(crate) policy: Option<&'a str>,
    /// `ratelimit-limit` or `x-ratelimit-limit`
    pub(crate) limit: Option<&'a str>,
    /// `ratelimit-remaining` or `x-ratelimit-remaining`
    pub(crate) remaining: Option<&'a str>,
}

impl QuotaHeaders<'_> {
    /// The quota they tell of, if they tell both of its numbers.
    pub(crate) fn quota(&self) -> Option<Quota> {
        self.of_policies().or_else(|| self.of_dictionary()).or_else(|| self.of_pair())
    }

    fn of_policies(&self) -> Option<Quota> {
        let policy = self.policy?;
        let quotas = members(self.state?).filter_map(|state| {
            let named = members(policy).find(|policy| policy.name() == state.name())?;
            Some(Quota { limit: leading(named.parameter("q")?)?, remaining: leading(state.parameter("r")?)? })
        });
        quotas.reduce(|nearest, next| if is_nearer(next, nearest) { next } else { nearest })
    }

    fn of_dictionary(&self) -> Option<Quota> {
        let value = |key: &str| {
            let named = members(self.state?).map(Member::name).find_map(|entry| {
                let (found, value) = entry.split_once('=')?;
                found.trim_ascii().eq_ignore_ascii_case(key).then_some(value)
            });
            leading(named?)
        };
        Some(Quota { limit: value("limit")?, remaining: value("remaining")? })
    }

    fn of_pair(&self) -> Option<Quota> {
        Some(Quota { limit: leading(self.limit?)?, remaining: leading(self.remaining?)? })
    }
}

/// Whether less of `a` is left than of `b`.
fn is_nearer(a: Quota, b: Quota) -> bool {
    u128::from(a.remaining) * u128::from(b.limit) < u128::from(b.remaining) * u128::from(a.limit)
}

/// The whole number that `text` begins with: `100` of `100, 100;w=60`.
fn leading(text: &str) -> Option<u64> {
    let text = text.trim_ascii();
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(limit: u64, remaining: u64) -> Option<Quota> {
        Some(Quota { limit, remaining })
    }

    #[test]
    fn a_state_is_read_with_its_policy() {
        let headers = QuotaHeaders {
            state: Some(r#""hour";r=900;t=30, "burst";r=5;t=1"#),
            policy: Some(r#""burst";q=100;w=1,"hour";q=1000;w=3600"#),
            ..QuotaHeaders::default()
        };
        assert_eq!(headers.quota(), quota(100, 5));
        assert_eq!(QuotaHeaders { policy: None, ..headers }.quota(), None);
    }

    #[test]
    fn the_middle_form_is_a_dictionary() {
        let headers =
            QuotaHeaders { state: Some("limit=100, remaining=50, reset=5"), ..QuotaHeaders::default() };
        assert_eq!(headers.quota(), quota(100, 50));
    }

    #[test]
    fn a_limit_may_list_its_policies_behind_it() {
        let headers = QuotaHeaders {
            limit: Some("10, 10;w=60;name=\"per ip\""),
            remaining: Some("2"),
            ..QuotaHeaders::default()
        };
        assert_eq!(headers.quota(), quota(10, 2));
    }

    #[test]
    fn half_a_quota_is_none() {
        for (limit, remaining) in [(None, Some("5")), (Some("x"), Some("5")), (Some("10"), Some("-1"))] {
            assert_eq!(QuotaHeaders { limit, remaining, ..QuotaHeaders::default() }.quota(), None);
        }
    }
}
