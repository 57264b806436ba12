//! Envoy's log without HTTP calls: records are emitted on every thread, and calls are made on the main thread.

use crate::abi::{LogLevel, log};
use nearmiss_envoy_config::CollectorConfig;
use nearmiss_envoy_exchange::outlet::Outlet;

/// Envoy's log alone.
#[derive(Debug)]
pub(crate) struct LogOnly;

impl Outlet for LogOnly {
    fn log(&self, line: &str) {
        log(LogLevel::Info, line);
    }

    fn warn(&self, line: &str) {
        log(LogLevel::Warn, line);
    }

    fn call(&self, _collector: &CollectorConfig, _batch: &[u8]) -> Option<u64> {
        None
    }
}
