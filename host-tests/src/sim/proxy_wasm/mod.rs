//! Envoy as a proxy-wasm host (ABI 0.2.1), small enough to read, with every fault on request.
//!
//! Written after Envoy's own behaviour, not after the specification:
//!
//! * a plugin gets its own root context: `on_context_create`, `on_vm_start`, `on_configure`, in this
//!   order, also when it joins a VM that runs already;
//! * request headers are there in the request phase and in `on_log`, and nowhere between; a map that
//!   is not there is *empty and Ok* when read whole, and `BadArgument` when one value is asked for;
//! * every value that is returned is put into memory which the module allocates on a call back;
//!   an empty value comes as a null pointer;
//! * `on_log` of an access logger runs on the root context, where filter state cannot be set;
//! * statistics and shared data belong to the process, everything else to one VM.
//!
//! What a well-behaved filter of ours has no business calling traps, and so fails the test.

mod abi;
mod context;
mod expression;
mod hostcalls;
mod proxy;
mod shared;
mod stream;
mod vm;

pub use abi::{BudgetedCalls, DATA_CALLS, Status};
pub use context::Phase;
pub use proxy::Proxy;
pub use shared::{Answer, HttpCall, LogLine, Metric, MetricKind};
pub use stream::{Headers, Stream};
pub use vm::{Failure, Filter, Root, StreamKey, Vm};
