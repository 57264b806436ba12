//! Names without a slot, gathered while a bucket is open.
//!
//! A bucket keeps the names with the smallest keys, each with everything counted for it: a name that falls out never comes
//! back, so neither the names nor their counts depend on the order of arrival.

use crate::hash;
use crate::name;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// The longest name of a host or route, in bytes; longer ones are cut and end in a hash.
pub(crate) const MAX_ENTRY_NAME: usize = 48;
/// Names that a bucket keeps.
const MAX_CANDIDATES: usize = 8;

/// Candidates for the slots of a table.
#[derive(Clone, Debug)]
pub(crate) struct Candidates<C> {
    /// Sorted by key.
    list: Vec<Candidate<C>>,
    /// True if a name was turned away because there was no room for it.
    pub(crate) refused: bool,
}

/// A name that asks for a slot.
#[derive(Clone, Debug)]
pub(crate) struct Candidate<C> {
    key: u32,
    pub(crate) hash: u32,
    pub(crate) name: Box<str>,
    /// Rank among the candidates, and against the names that have slots.
    pub(crate) weight: u16,
    pub(crate) value: C,
}

impl<C> Default for Candidates<C> {
    fn default() -> Self {
        Self { list: Vec::new(), refused: false }
    }
}

impl<C: Default> Candidates<C> {
    /// Returns the candidate with this name if it is among those that the bucket keeps. All calls of one bucket have the same
    /// `salt`; another one selects other names.
    pub(crate) fn offer(&mut self, hash: u32, salt: u32, name: &str) -> Option<&mut Candidate<C>> {
        let key = hash::mix(u64::from(hash) << 32 | u64::from(salt)) as u32;
        let index = self.list.partition_point(|other| (other.key, other.hash) < (key, hash));
        if index >= MAX_CANDIDATES {
            return None;
        }
        if self.list.get(index).is_none_or(|other| other.hash != hash) {
            self.list.truncate(MAX_CANDIDATES - 1);
            let name = name::truncated(name, MAX_ENTRY_NAME).into();
            self.list.insert(index, Candidate { key, hash, name, weight: 0, value: C::default() });
        }
        self.list.get_mut(index)
    }

    /// Returns the value of a candidate that the bucket keeps.
    pub(crate) fn get_mut(&mut self, hash: u32) -> Option<&mut C> {
        self.list.iter_mut().find(|candidate| candidate.hash == hash).map(|candidate| &mut candidate.value)
    }

    /// Removes all candidates and returns them, with true if any name was turned away.
    pub(crate) fn take(&mut self) -> (Vec<Candidate<C>>, bool) {
        (core::mem::take(&mut self.list), core::mem::take(&mut self.refused))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::top_k::hash_of;
    use alloc::format;
    use alloc::string::String;
    use proptest::prelude::*;

    fn counted(names: &[u8], salt: u32) -> Vec<(String, u32)> {
        let mut candidates = Candidates::<u32>::default();
        for name in names.iter().map(|number| format!("host-{number}")) {
            if let Some(candidate) = candidates.offer(hash_of(&name), salt, &name) {
                candidate.value += 1;
            }
        }
        candidates.list.iter().map(|candidate| (String::from(&*candidate.name), candidate.value)).collect()
    }

    proptest! {
        #[test]
        fn names_and_counts_do_not_depend_on_the_order(
            names in prop::collection::vec(0_u8..30, 0..200).prop_shuffle(), salt: u32
        ) {
            let mut sorted = names.clone();
            sorted.sort_unstable();
            let kept = counted(&names, salt);
            prop_assert_eq!(&kept, &counted(&sorted, salt));
            for (name, count) in &kept {
                let all = names.iter().filter(|number| format!("host-{number}") == **name).count();
                prop_assert_eq!(*count as usize, all, "{} is counted from its first line", name);
            }
            sorted.dedup();
            prop_assert_eq!(kept.len(), sorted.len().min(MAX_CANDIDATES));
        }
    }
}
