//! The provisional verdict of an exchange in progress.

use crate::config::{Config, UpstreamConfig};
use crate::exchange::Exchange;
use crate::flags::Flags;
use crate::limits::Limits;
use crate::name::{NO_UPSTREAM, upstream_name};
use crate::verdict::{self, Fate, Past, Verdict};
use core::cell::LazyCell;

/// Judges what is known so far of an exchange in progress. Nothing is counted, and nothing is compared with a baseline.
///
/// `upstream` returns the name of the upstream, in place of `exchange.upstream`. It is called at most once, and only if upstreams
/// have limits of their own or the verdict is not clean: some hosts charge a lot for the name.
pub fn preview<'a>(config: &Config, exchange: &Exchange<'_>, upstream: impl FnOnce() -> &'a str) -> Verdict {
    let name = LazyCell::new(|| upstream_name(upstream()));
    let configured = if config.upstreams.is_empty() { None } else { config.upstream(&name) };
    let limits = Limits::reported(exchange).or(configured.map(UpstreamConfig::limits).unwrap_or_default());
    let verdict = verdict::judge(exchange, &limits, &config.thresholds(), Past::default());
    if verdict.fate != Fate::Clean && *name == NO_UPSTREAM && !exchange.flags.any(Flags::NC) {
        return Verdict::default();
    }
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::Cell;

    fn exchange(attempts: u32) -> Exchange<'static> {
        Exchange { status: 200, attempts: Some(attempts), max_attempts: Some(4), ..Exchange::default() }
    }

    #[test]
    fn limits_of_the_host_come_before_configured_ones() {
        let config = Config::parse(r#"{"upstreams":{"cart:9080":{"max_attempts":2}}}"#).unwrap();
        let upstream = || "outbound|9080||cart";
        assert_eq!(preview(&config, &exchange(2), upstream).margin_bp(), Some(6_667));
        let unknown = Exchange { max_attempts: None, ..exchange(2) };
        assert_eq!(preview(&config, &unknown, upstream).margin_bp(), Some(0));
        assert_eq!(preview(&config, &unknown, || "ledger").margin_bp(), None);
    }

    #[test]
    fn an_exchange_without_an_upstream_is_clean() {
        let config = Config::default();
        assert_eq!(preview(&config, &exchange(2), || "cart").fate, Fate::Retried);
        assert_eq!(preview(&config, &exchange(2), || NO_UPSTREAM), Verdict::default());
        assert_eq!(preview(&config, &exchange(2), || ""), Verdict::default());
    }

    #[test]
    fn the_name_is_asked_for_only_if_it_matters() {
        let asked = Cell::new(0);
        let upstream = || {
            asked.set(asked.get() + 1);
            "cart"
        };
        preview(&Config::default(), &exchange(1), upstream);
        assert_eq!(asked.get(), 0, "clean, and no upstream has limits");
        preview(&Config::default(), &exchange(2), upstream);
        assert_eq!(asked.get(), 1, "not clean");
        preview(&Config::parse(r#"{"upstreams":{"cart":{}}}"#).unwrap(), &exchange(1), upstream);
        assert_eq!(asked.get(), 2, "an upstream may have limits");
    }
}
