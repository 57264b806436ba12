//! The form of the filter under test: the wasm module. The suite of the native form has a file like this one.

use real::Envoy;
pub(crate) use real::{
    wasm_filter as filter, wasm_logger as logger, wasm_upstream_filter as upstream_filter,
};

/// Waits until every exchange in the access log is in the statistics, where it is before it is logged.
pub(crate) const fn settle(_envoy: &Envoy) {}
