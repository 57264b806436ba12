//! A map in the order of its keys, in a fifth of the code of the standard library's tree.
//!
//! A list of short lists, so that an insertion moves few entries, however many there are.

use alloc::vec::Vec;
use core::borrow::Borrow;
use core::cmp::Ordering;

/// Maximum number of entries in one list.
const MAX_LIST: usize = 32;

/// Values by key; without values, a set of keys.
#[derive(Clone, Debug)]
pub struct SortedMap<K, V = ()> {
    /// Lists of at most `MAX_LIST` entries; none is empty.
    lists: Vec<Vec<(K, V)>>,
    len: usize,
}

/// Position of an entry, or of its insertion: the list, and the index in it.
type Position = (usize, usize);

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self { lists: Vec::new(), len: 0 }
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    /// Inserts `value` under `key`; returns the previous value.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.position(&key) {
            Ok(index) => self.at_mut(index).map(|old| core::mem::replace(old, value)),
            Err(index) => {
                self.insert_at(index, (key, value));
                None
            }
        }
    }

    /// Changes the value of `key`, inserting the default first if there is none.
    pub fn update<R>(&mut self, key: K, change: impl FnOnce(&mut V) -> R) -> R
    where
        V: Default,
    {
        let index = self.position(&key);
        if let Ok(index) = index
            && let Some(value) = self.at_mut(index)
        {
            return change(value);
        }
        let mut value = V::default();
        let result = change(&mut value);
        if let Err(index) = index {
            self.insert_at(index, (key, value));
        }
        result
    }

    /// Removes and returns the value of `key`.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let (list, index) = self.position(key).ok()?;
        let entries = self.lists.get_mut(list)?;
        let (_, value) = entries.remove(index);
        if entries.is_empty() {
            self.lists.remove(list);
        }
        self.len -= 1;
        Some(value)
    }

    /// Removes and returns the last entry.
    pub fn pop_last(&mut self) -> Option<(K, V)> {
        let entries = self.lists.last_mut()?;
        let last = entries.pop();
        if entries.is_empty() {
            self.lists.pop();
        }
        self.len -= usize::from(last.is_some());
        last
    }

    /// Keeps only the entries for whose key `keeps` returns true.
    pub fn retain(&mut self, mut keeps: impl FnMut(&K) -> bool) {
        self.lists.iter_mut().for_each(|entries| entries.retain(|(key, _)| keeps(key)));
        self.lists.retain(|entries| !entries.is_empty());
        self.len = self.lists.iter().map(Vec::len).sum();
    }

    /// Returns the value of `key`.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let (list, index) = self.position(key).ok()?;
        self.lists.get(list)?.get(index).map(|(_, value)| value)
    }

    /// Returns the value of `key` for changing it.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let index = self.position(key).ok()?;
        self.at_mut(index)
    }

    /// Returns true if `key` has a value.
    pub fn contains<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.position(key).is_ok()
    }

    fn position<Q: Ord + ?Sized>(&self, key: &Q) -> Result<Position, Position>
    where
        K: Borrow<Q>,
    {
        let ends_before = |entries: &Vec<(K, V)>| entries.last().is_some_and(|(last, _)| last.borrow() < key);
        let list = self.lists.partition_point(ends_before);
        let Some(entries) = self.lists.get(list) else {
            // After all others: the end of the last list.
            let last = self.lists.len().saturating_sub(1);
            return Err((last, self.lists.get(last).map_or(0, Vec::len)));
        };
        let found = entries.binary_search_by(|(known, _)| known.borrow().cmp(key));
        found.map(|index| (list, index)).map_err(|index| (list, index))
    }

    fn insert_at(&mut self, (list, index): Position, entry: (K, V)) {
        self.len += 1;
        let Some(entries) = self.lists.get_mut(list) else {
            self.lists.push([entry].into());
            return;
        };
        entries.insert(index, entry);
        if entries.len() > MAX_LIST {
            let second = entries.split_off(MAX_LIST / 2);
            self.lists.insert(list + 1, second);
        }
    }
}

impl<K, V> SortedMap<K, V> {
    /// Returns the number of entries.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns true if there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Iterates over the entries in order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.lists.iter().flatten().map(|(key, value)| (key, value))
    }

    /// Iterates over the entries in order, with values that can be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.lists.iter_mut().flatten().map(|(key, value)| (&*key, value))
    }

    /// Iterates over the keys in order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.lists.iter().flatten().map(|(key, _)| key)
    }

    /// Iterates over the values in order.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.lists.iter().flatten().map(|(_, value)| value)
    }

    /// Consumes the map and iterates over its entries in order.
    pub fn into_iter(self) -> impl Iterator<Item = (K, V)> {
        self.lists.into_iter().flatten()
    }

    fn at_mut(&mut self, (list, index): Position) -> Option<&mut V> {
        self.lists.get_mut(list)?.get_mut(index).map(|(_, value)| value)
    }
}

impl<K: Ord> SortedMap<K> {
    /// Adds keys to a set.
    pub fn extend(&mut self, keys: impl Iterator<Item = K>) {
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
        set.extend(keys.into_iter());
        set
    }
}

impl<K: Ord, V: Ord> Ord for SortedMap<K, V> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.iter().cmp(other.iter())
    }
}

impl<K: Ord, V: Ord> PartialOrd for SortedMap<K, V> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for SortedMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<K: Eq, V: Eq> Eq for SortedMap<K, V> {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use proptest::prelude::*;

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
            prop_assert!(sorted.lists.iter().all(|list| !list.is_empty() && list.len() <= MAX_LIST));
            sorted.retain(|key| key % 3 == 0);
            tree.retain(|key, _| key % 3 == 0);
            prop_assert_eq!(sorted.len(), tree.len());
            prop_assert!(sorted.into_iter().eq(tree));
        }
    }
}
