//! End-to-end tests of the filter in a real Fluent Bit: `make e2e-fluent-bit FLUENT_BIT=/path/to/fluent-bit`.
//!
//! No package registry has a Fluent Bit, so these tests are not part of `make test`.

mod api_server;
mod bytes;
mod documentation;
mod examples;
mod harness;
mod hostile;
mod kubernetes;
mod msgpack;
mod pipeline;
mod places;
mod start;
