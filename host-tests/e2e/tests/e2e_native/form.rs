//! The form of the filter under test: the native module.

use real::{Envoy, eventually};
pub(crate) use real::{
    native_filter as filter, native_logger as logger, native_upstream_filter as upstream_filter,
};

/// Waits until every exchange in the access log is in the statistics, which get the counts once a second.
pub(crate) fn settle(envoy: &Envoy) {
    let exchanges = envoy.access_log().len() as u64;
    eventually("the counts to be handed over", || {
        let stats = envoy.nearmiss_stats();
        (stats.exchanges() + stats.left_out() >= exchanges).then_some(())
    });
}
