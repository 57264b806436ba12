//! The filter in a real Envoy, end to end.
//!
//! Each test starts an Envoy of its own and tells it stories: a request, and what the origins do at each
//! attempt. A story is over when its line is in Envoy's access log: everything the filter does for an
//! exchange has been done by then.

mod attach;
mod config;
mod exact;
mod examples;
mod fates;
mod privacy;
mod reload;
mod sidecar;
mod stage;
mod story;
