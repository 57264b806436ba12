//! What it costs: in a real Envoy, and in wasmtime.

pub mod in_envoy;
#[cfg(feature = "sim")]
pub mod in_instructions;
#[cfg(feature = "sim")]
pub mod in_wasmtime;
#[cfg(feature = "sim")]
pub mod shared_state;

/// The value in the middle, and those a quarter from either end.
#[derive(Clone, Copy, Debug)]
pub struct Middle {
    /// A quarter of the values are below.
    pub low: f64,
    /// The median.
    pub median: f64,
    /// A quarter of the values are above.
    pub high: f64,
}

impl Middle {
    /// Of these values.
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |share: usize| values.get(values.len() * share / 4).copied().unwrap_or(f64::NAN);
        Self { low: at(1), median: at(2), high: at(3) }
    }
}
