//! The caller's quota as upstreams report it, in every header format in use.
//!
//! These are the current `RateLimit` draft (`RateLimit: "p";r=5;t=30` beside `RateLimit-Policy: "p";q=100;w=60`), its
//! intermediate form (`RateLimit: limit=100, remaining=5, reset=30`), its first form (`RateLimit-Limit` and `RateLimit-Remaining`), and
//! the older `X-RateLimit-*` pair, which Envoy's own limiter writes as well. Of several quotas, the one with the smallest
//! remaining share counts.

use crate::values::number;
use nearmiss::Quota;
use nearmiss::structured_fields::{Member, members};

/// The quota headers of a response.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct QuotaHeaders<'a> {
    /// `ratelimit`
    pub state: Option<&'a str>,
    /// `ratelimit-policy`
    pub policy: Option<&'a str>,
    /// `ratelimit-limit` or `x-ratelimit-limit`
    pub limit: Option<&'a str>,
    /// `ratelimit-remaining` or `x-ratelimit-remaining`
    pub remaining: Option<&'a str>,
}

impl QuotaHeaders<'_> {
    /// Parses the quota, if both its limit and its remainder are reported.
    pub fn quota(&self) -> Option<Quota> {
        self.parse_policies().or_else(|| self.parse_dictionary()).or_else(|| self.parse_pair())
    }

    fn parse_policies(&self) -> Option<Quota> {
        let policy = self.policy?;
        let quotas = members(self.state?).filter_map(|state| {
            let named = members(policy).find(|policy| policy.name() == state.name())?;
            Some(Quota {
                limit: leading_number(named.parameter("q")?)?,
                remaining: leading_number(state.parameter("r")?)?,
            })
        });
        quotas.reduce(|lowest, next| if is_lower(next, lowest) { next } else { lowest })
    }

    fn parse_dictionary(&self) -> Option<Quota> {
        let value = |key: &str| {
            let mut entries = members(self.state?).map(Member::entry);
            leading_number(entries.find(|(found, _)| found.eq_ignore_ascii_case(key))?.1)
        };
        Some(Quota { limit: value("limit")?, remaining: value("remaining")? })
    }

    fn parse_pair(&self) -> Option<Quota> {
        Some(Quota { limit: leading_number(self.limit?)?, remaining: leading_number(self.remaining?)? })
    }
}

/// Returns true if the remaining share of `a` is smaller than that of `b`.
fn is_lower(a: Quota, b: Quota) -> bool {
    u128::from(a.remaining) * u128::from(b.limit) < u128::from(b.remaining) * u128::from(a.limit)
}

/// Parses the number at the start of `text`: 100 in `100, 100;w=60`.
fn leading_number(text: &str) -> Option<u64> {
    let text = text.trim_ascii();
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    number(text.get(..end)?.as_bytes())
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
    fn the_intermediate_form_is_a_dictionary() {
        let headers =
            QuotaHeaders { state: Some("limit=100, remaining=50, reset=5"), ..QuotaHeaders::default() };
        assert_eq!(headers.quota(), quota(100, 50));
    }

    #[test]
    fn a_limit_may_be_followed_by_its_policies() {
        let headers = QuotaHeaders {
            limit: Some("10, 10;w=60;name=\"per ip\""),
            remaining: Some("2"),
            ..QuotaHeaders::default()
        };
        assert_eq!(headers.quota(), quota(10, 2));
    }

    #[test]
    fn a_quota_without_a_valid_limit_and_remainder_is_unknown() {
        for (limit, remaining) in [(None, Some("5")), (Some("x"), Some("5")), (Some("10"), Some("-1"))] {
            assert_eq!(QuotaHeaders { limit, remaining, ..QuotaHeaders::default() }.quota(), None);
        }
    }
}
