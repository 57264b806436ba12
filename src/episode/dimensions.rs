//! Sizes of the tables that every detector keeps per host and per route.

use crate::codec::{Decode, Decoder, Encode, Encoder};
use crate::upstream::{MAX_HOSTS, MAX_ROUTES};

/// Hosts that are tracked individually.
pub(super) const HOSTS: usize = MAX_HOSTS;
/// Routes that are tracked individually, and one more for all others.
pub(super) const ROUTES: usize = MAX_ROUTES + 1;

/// One value per tracked route, and one for all others.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PerRoute<T>([T; ROUTES]);

impl<T> PerRoute<T> {
    /// Returns the value of a route slot; without a tracked route, that of all others.
    pub(super) fn get(&self, slot: Option<u8>) -> &T {
        let [tracked @ .., others] = &self.0;
        slot.and_then(|slot| tracked.get(usize::from(slot))).unwrap_or(others)
    }

    /// Returns the value of a route slot; without a tracked route, that of all others.
    pub(super) fn get_mut(&mut self, slot: Option<u8>) -> &mut T {
        let [tracked @ .., others] = &mut self.0;
        slot.and_then(|slot| tracked.get_mut(usize::from(slot))).unwrap_or(others)
    }

    /// Iterates over the values in the order of slots; the last is that of all others.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }

    /// Iterates over the values in the order of slots; the last is that of all others.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut()
    }

    /// Returns the array of `f` of each value.
    pub(super) fn map<U>(self, f: impl FnMut(T) -> U) -> PerRoute<U> {
        PerRoute(self.0.map(f))
    }
}

impl<T: Default> PerRoute<T> {
    /// Resets a route slot that was reassigned.
    pub(super) fn forget(&mut self, slot: usize) {
        let [tracked @ .., _] = &mut self.0;
        if let Some(value) = tracked.get_mut(slot) {
            *value = T::default();
        }
    }
}

impl<T: Encode> Encode for PerRoute<T> {
    fn encode(&self, to: &mut Encoder<'_>) {
        self.0.iter().for_each(|value| value.encode(to));
    }
}

impl<T: Decode> Decode for PerRoute<T> {
    fn decode(from: &mut Decoder<'_>) -> Self {
        Self(core::array::from_fn(|_| from.get()))
    }
}
