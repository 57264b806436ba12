//! End-to-end tests of the filter in a real Fluent Bit: `make e2e-fluent-bit FLUENT_BIT=/path/to/fluent-bit`.
//!
//! No package registry has a Fluent Bit, so these tests are not part of `make test`.

mod examples;
mod harness;
mod hostile;
mod msgpack;
