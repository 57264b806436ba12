//! The share of the work that a call may do before its caller continues it.

/// Steps that may be taken until the caller wants to go on later, so that none of its calls takes long. An upstream takes one step; if its delta is
/// absorbed, its bucket sealed or its summary written, eight.
#[derive(Debug)]
pub struct Steps(u32);

impl Steps {
    /// Returns this number of steps.
    pub const fn new(steps: u32) -> Self {
        Self(steps)
    }

    /// Returns as many steps as any call needs.
    pub const fn all() -> Self {
        Self(u32::MAX)
    }

    /// Takes some steps, the last ones also if there are fewer; returns false if none is left.
    pub(super) fn take(&mut self, steps: u32) -> bool {
        let is_left = self.0 > 0;
        self.0 = self.0.saturating_sub(steps);
        is_left
    }
}

/// Steps of a delta, a seal or a summary of an upstream: 30 000 instructions in wasm, where its baselines take 2 000.
pub(super) const HEAVY: u32 = 8;
