//! A simulation of Envoy as a proxy-wasm host (ABI 0.2.1), small enough to read, with fault injection for every hostcall.
//!
//! It follows the behaviour of Envoy, not the specification:
//!
//! * a plugin gets its own root context: `on_context_create`, `on_vm_start`, `on_configure`, in this order, also in a
//!   VM that already runs;
//! * request headers can be read in the request phase and in `on_log`, but not in between; a missing map is *empty and
//!   Ok* when read whole, and `BadArgument` when one value is requested;
//! * each returned value is copied into memory that the module allocates in a callback; an empty value is a null pointer;
//! * `on_log` of an access logger runs on the root context, where filter state cannot be set;
//! * statistics and shared data belong to the process, everything else to one VM.
//!
//! A call that our filters must never make traps, which fails the test.

mod abi;
mod context;
mod expression;
mod hostcalls;
mod phase;
mod process_state;
mod proxy;
mod stray_callback;
mod stream;
mod vm;
mod vm_state;

pub use abi::{CallCounts, DATA_CALLS, Status};
pub use phase::StreamPhase;
pub use process_state::{EnvoyLogLine, HttpCall, HttpCallResponse, Metric, MetricKind};
pub use proxy::Proxy;
pub use stream::{Headers, Stream};
pub use vm::{Failure, FilterId, RootId, StreamId, Vm};
