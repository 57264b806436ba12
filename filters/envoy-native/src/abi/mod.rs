//! Envoy's interface for dynamic modules, as of 1.40: what it calls, what it lends, and all unsafe code.
//!
//! Envoy trusts a module: it checks no signature. So every declaration is in one list ([`imports`]), and its functions are looked up when
//! the module is configured; an Envoy that lacks one is refused with a sentence. Pointers that Envoy passes stay within the hook that
//! got them, except those of [`FilterConfig`] and [`LoggerConfig`], which live as long as the configuration.

#![allow(unsafe_code, reason = "the boundary to Envoy")]

mod config;
mod guard;
mod hooks;
mod imports;
mod logged_stream;
mod response;
mod stream;
mod types;

pub(crate) use config::{CounterId, FilterConfig, HistogramId, LogLevel, LoggerConfig, log};
pub(crate) use logged_stream::LoggedStream;
pub(crate) use stream::{HttpStream, now};
