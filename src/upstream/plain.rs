//! The short way of plain exchanges, which are most of all.
//!
//! Most of the long way asks for evidence that a plain exchange cannot have. The short way counts the same for a clean verdict, and
//! nothing before the verdict is known to be clean.

use super::state::{JudgedExchange, UpstreamState, applied_limits, latency_of_caller};
use crate::exchange::Exchange;
use crate::histogram::Log2;
use crate::limits::{Limits, OtherLimits};
use crate::timeline::OpenAt;
use crate::top_k::hash_of;
use crate::units::Used;
use crate::verdict::judge_plain;

impl UpstreamState {
    /// Observes a [plain](Exchange::is_plain) exchange with at most one logged attempt, as [`observe`](Self::observe) does; `None` if it
    /// takes the long way: it is not clean, or its route has a query string.
    #[inline]
    pub(crate) fn observe_plain(
        &mut self,
        exchange: &Exchange<'_>,
        others: OtherLimits,
        tight: Used,
        at: OpenAt,
    ) -> Option<JudgedExchange> {
        let route_name = exchange.route.map(|name| (hash_of(name), name));
        let route = route_name.and_then(|(hash, _)| self.routes.find_at(hash, at.comparable));
        // A tracked route has none.
        if route.is_none() && exchange.has_query() {
            return None;
        }
        let snapshot = self.snapshots.find(at.comparable.into());
        let known = Limits::reported(exchange).or(others.configured);
        let limits = applied_limits(known, exchange, others, snapshot);
        let baseline = snapshot.and_then(|snapshot| self.expected(route, route_name.is_some(), snapshot));
        let verdict = judge_plain(exchange, limits, tight, baseline)?.with_learned(known);

        let served = exchange.service.unwrap_or(exchange.duration);
        let log2 = Log2::of(served);
        let latency = log2.bucket(served);
        self.last_seen = self.last_seen.max(exchange.ts);
        self.counters.count_plain(&verdict, latency_of_caller(exchange, latency));
        self.use_route(at, route_name, route);
        if exchange.attempts.is_some()
            && let Some(open) = self.open.get_mut(at.index)
        {
            open.add_to_sample(exchange, false, route, latency);
        }
        if let Some(route) = route.and_then(|route| self.routes.get_mut(route)) {
            route.count(false);
        }
        let host = match exchange.attempt_log {
            [attempt] => attempt.host,
            _ => exchange.host,
        };
        let host = host.and_then(|name| self.count_plain_host(name, at));
        Some(JudgedExchange { verdict, route, log2, host })
    }
}
