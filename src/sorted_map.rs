//! A map in the order of its keys, in a tenth of the code of the standard library's tree.
//!
//! One sorted list, searched by halves. An insertion moves the entries behind it: for the tens of thousands of small entries that a map
//! holds here at most, that takes microseconds.

use crate::sort::sort_by;
use alloc::vec::Vec;
use core::borrow::Borrow;
use core::cmp::Ordering;

/// Values by key; without values, a set of keys.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct SortedMap<K, V = ()>(Vec<(K, V)>);

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> SortedMap<K, V> {
    /// Returns an empty map.
    pub const fn new() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    /// Returns the map of these entries; the last of several with one key counts.
    pub(crate) fn from_unsorted(entries: Vec<(K, V)>) -> Self {
        if entries.is_sorted_by(|(a, _), (b, _)| a < b) {
            return Self(entries);
        }
        let mut entries: Vec<_> = entries.into_iter().enumerate().collect();
        sort_by(&mut entries, |(a, (key_a, _)), (b, (key_b, _))| (key_a, a) < (key_b, b));
        let mut sorted: Vec<(K, V)> = Vec::with_capacity(entries.len());
        for (_, entry) in entries {
            match sorted.last_mut() {
                Some(last) if last.0 == entry.0 => *last = entry,
                _ => sorted.push(entry),
            }
        }
        Self(sorted)
    }

    /// Inserts `value` under `key`; returns the previous value.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let index = self.lower_bound(&key);
        match self.0.get_mut(index) {
            Some((known, old)) if *known == key => Some(core::mem::replace(old, value)),
            _ => {
                self.0.insert(index, (key, value));
                None
            }
        }
    }

    /// Changes the value of `key`, inserting the default first if there is none.
    pub fn update<R>(&mut self, key: K, change: impl FnOnce(&mut V) -> R) -> R
    where
        V: Default,
    {
        let index = self.lower_bound(&key);
        match self.0.get_mut(index) {
            Some((known, value)) if *known == key => change(value),
            _ => {
                let mut value = V::default();
                let result = change(&mut value);
                self.0.insert(index, (key, value));
                result
            }
        }
    }

    /// Removes and returns the value of `key`.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let index = self.find(key)?;
        Some(self.0.remove(index).1)
    }

    /// Removes and returns the last entry.
    pub fn pop_last(&mut self) -> Option<(K, V)> {
        self.0.pop()
    }

    /// Keeps only the entries for whose key `keeps` returns true.
    pub fn retain(&mut self, mut keeps: impl FnMut(&K) -> bool) {
        self.0.retain(|(key, _)| keeps(key));
    }

    /// Returns the value of `key`.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.0.get(self.find(key)?).map(|(_, value)| value)
    }

    /// Returns the value of `key` for changing it.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let index = self.find(key)?;
        self.0.get_mut(index).map(|(_, value)| value)
    }

    /// Returns true if `key` has a value.
    pub fn contains<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_some()
    }

    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Option<usize>
    where
        K: Borrow<Q>,
    {
        let index = self.lower_bound(key);
        self.0.get(index).is_some_and(|(known, _)| known.borrow() == key).then_some(index)
    }

    /// Returns the index of the first entry whose key is not less than `key`.
    fn lower_bound<Q: Ord + ?Sized>(&self, key: &Q) -> usize
    where
        K: Borrow<Q>,
    {
        self.0.partition_point(|(known, _)| known.borrow().cmp(key) == Ordering::Less)
    }
}

impl<K, V> SortedMap<K, V> {
    /// Returns the number of entries.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns true if there are no entries.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Iterates over the entries in order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// Iterates over the entries in order, with values that can be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.0.iter_mut().map(|(key, value)| (&*key, value))
    }

    /// Iterates over the keys in order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.0.iter().map(|(key, _)| key)
    }

    /// Iterates over the values in order.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }
}

impl<K, V> IntoIterator for SortedMap<K, V> {
    type Item = (K, V);
    type IntoIter = alloc::vec::IntoIter<(K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<K: Ord> Extend<K> for SortedMap<K> {
    fn extend<I: IntoIterator<Item = K>>(&mut self, keys: I) {
        for key in keys {
            self.insert(key, ());
        }
    }
}

impl<K: Ord, V, const N: usize> From<[(K, V); N]> for SortedMap<K, V> {
    fn from(entries: [(K, V); N]) -> Self {
        let mut map = Self::default();
        for (key, value) in entries {
            map.insert(key, value);
        }
        map
    }
}

impl<K: Ord> FromIterator<K> for SortedMap<K> {
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Self {
        let mut set = Self::default();
        set.extend(keys);
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn entries_in_any_order_are_those_of_the_standard_librarys_tree(
            entries in prop::collection::vec((0u16..300, any::<u8>()), 0..600)
        ) {
            let tree: BTreeMap<_, _> = entries.iter().copied().collect();
            prop_assert!(SortedMap::from_unsorted(entries).into_iter().eq(tree));
        }
    }

    #[test]
    fn a_hundred_thousand_entries_in_the_worst_order_take_no_time() {
        let entries: Vec<_> = (0..100_000u32).map(|n| (n % 2 * 100_000 + 100_000 - n, ())).collect();
        assert_eq!(SortedMap::from_unsorted(entries).len(), 100_000);
    }

    proptest! {
        #[test]
        fn it_does_what_the_standard_librarys_tree_does(
            steps in prop::collection::vec((0u8..5, 0u16..200, any::<u8>()), 0..600)
        ) {
            let (mut sorted, mut tree) = (SortedMap::default(), BTreeMap::new());
            for (step, key, value) in steps {
                match step {
                    0 => prop_assert_eq!(sorted.remove(&key), tree.remove(&key)),
                    1 if value < 8 => prop_assert_eq!(sorted.pop_last(), tree.pop_last()),
                    1 => {
                        let mine = sorted.update(key, |count: &mut u8| { *count = count.wrapping_add(value); *count });
                        let theirs = tree.entry(key).or_default();
                        *theirs = theirs.wrapping_add(value);
                        prop_assert_eq!(mine, *theirs);
                    }
                    _ => prop_assert_eq!(sorted.insert(key, value), tree.insert(key, value)),
                }
                prop_assert_eq!((sorted.get(&key), sorted.len()), (tree.get(&key), tree.len()));
            }
            prop_assert!(sorted.iter().eq(tree.iter()));
            sorted.retain(|key| key % 3 == 0);
            tree.retain(|key, _| key % 3 == 0);
            prop_assert_eq!(sorted.len(), tree.len());
            prop_assert!(sorted.into_iter().eq(tree));
        }
    }
}
