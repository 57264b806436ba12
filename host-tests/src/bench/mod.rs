//! What it costs: each program under `src/bin/bench-*` measures some rows; `bench` runs them and shows one table.

#[cfg(feature = "sizes")]
mod anatomy;
mod children;
#[cfg(feature = "sim")]
pub mod core_in_wasmtime;
#[cfg(feature = "load")]
pub mod in_core;
pub mod in_envoy;
#[cfg(feature = "sim")]
pub mod in_instructions;
#[cfg(feature = "sim")]
pub mod in_wasmtime;
#[cfg(feature = "lines")]
pub mod lines;
mod load;
#[cfg(feature = "lines")]
mod log;
mod lua;
#[cfg(feature = "load")]
pub mod merging;
mod program;
mod row;
mod samples;
mod selection;
#[cfg(feature = "sim")]
pub mod shared_state;
#[cfg(feature = "sizes")]
pub mod sizes;
mod spread;
mod table;
pub mod workers;
#[cfg(feature = "sim")]
mod zipf;

pub use children::cpu_time_of_children;
pub use program::{PROGRAMS, Program};
pub use row::{Figure, Outcome, Ratio, Row};
pub use samples::{Samples, in_turns};
pub use selection::Selection;
pub use spread::{Spread, count};
pub use table::Table;
