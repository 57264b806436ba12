//! The filter in a real Fluent Bit, end to end: `make e2e-fluent-bit FLUENT_BIT=/path/to/fluent-bit`.
//!
//! No registry has a Fluent Bit, so these tests are not part of `make test`.

mod examples;
mod hostile;
mod msgpack;
mod stage;
