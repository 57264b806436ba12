//! Things in the order of their keys: what the standard library's trees do in five times the code.
//!
//! A list of short lists, so that a new thing moves few others, however many there are.

use alloc::vec::Vec;
use core::borrow::Borrow;
use core::cmp::Ordering;

/// The most things in one list.
const MOST: usize = 32;

/// Things by key; without things, a set of keys.
#[derive(Clone, Debug)]
pub struct SortedMap<K, V = ()> {
    /// None of them is empty.
    lists: Vec<Vec<(K, V)>>,
    len: usize,
}

/// Where something is, or where it belongs: which list, and which place in it.
type Position = (usize, usize);

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self { lists: Vec::new(), len: 0 }
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    /// Keeps `value` under `key`; returns the one that was there.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.place(&key) {
            Ok(place) => self.at_mut(place).map(|old| core::mem::replace(old, value)),
            Err(place) => {
                self.put(place, (key, value));
                None
            }
        }
    }

    /// Changes the value of `key`, which is the usual one where there is none.
    pub fn update<R>(&mut self, key: K, change: impl FnOnce(&mut V) -> R) -> R
    where
        V: Default,
    {
        let place = self.place(&key);
        if let Ok(place) = place
            && let Some(value) = self.at_mut(place)
        {
            return change(value);
        }
        let mut value = V::default();
        let result = change(&mut value);
        if let Err(place) = place {
            self.put(place, (key, value));
        }
        result
    }

    /// Takes out what is under `key`.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let (list, place) = self.place(key).ok()?;
        let things = self.lists.get_mut(list)?;
        let (_, value) = things.remove(place);
        if things.is_empty() {
            self.lists.remove(list);
        }
        self.len -= 1;
        Some(value)
    }

    /// Takes the last one out.
    pub fn pop_last(&mut self) -> Option<(K, V)> {
        let things = self.lists.last_mut()?;
        let last = things.pop();
        if things.is_empty() {
            self.lists.pop();
        }
        self.len -= usize::from(last.is_some());
        last
    }

    /// Keeps only what `keeps` says yes to.
    pub fn retain(&mut self, mut keeps: impl FnMut(&K) -> bool) {
        self.lists.iter_mut().for_each(|things| things.retain(|(key, _)| keeps(key)));
        self.lists.retain(|things| !things.is_empty());
        self.len = self.lists.iter().map(Vec::len).sum();
    }

    /// The value of `key`.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let (list, place) = self.place(key).ok()?;
        self.lists.get(list)?.get(place).map(|(_, value)| value)
    }

    /// The same, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let place = self.place(key).ok()?;
        self.at_mut(place)
    }

    /// Whether there is something under `key`.
    pub fn contains<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.place(key).is_ok()
    }

    fn place<Q: Ord + ?Sized>(&self, key: &Q) -> Result<Position, Position>
    where
        K: Borrow<Q>,
    {
        let ends_before = |things: &Vec<(K, V)>| things.last().is_some_and(|(last, _)| last.borrow() < key);
        let list = self.lists.partition_point(ends_before);
        let Some(things) = self.lists.get(list) else {
            // Behind all others, so at the end of the last list.
            let last = self.lists.len().saturating_sub(1);
            return Err((last, self.lists.get(last).map_or(0, Vec::len)));
        };
        let found = things.binary_search_by(|(known, _)| known.borrow().cmp(key));
        found.map(|place| (list, place)).map_err(|place| (list, place))
    }

    fn put(&mut self, (list, place): Position, thing: (K, V)) {
        self.len += 1;
        let Some(things) = self.lists.get_mut(list) else {
            self.lists.push([thing].into());
            return;
        };
        things.insert(place, thing);
        if things.len() > MOST {
            let second = things.split_off(MOST / 2);
            self.lists.insert(list + 1, second);
        }
    }
}

impl<K, V> SortedMap<K, V> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.lists.iter().flatten().map(|(key, value)| (key, value))
    }

    /// All values in order, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.lists.iter_mut().flatten().map(|(key, value)| (&*key, value))
    }

    /// All keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.lists.iter().flatten().map(|(key, _)| key)
    }

    /// All values, in order.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.lists.iter().flatten().map(|(_, value)| value)
    }

    /// All of them, in order, taken out.
    pub fn into_iter(self) -> impl Iterator<Item = (K, V)> {
        self.lists.into_iter().flatten()
    }

    fn at_mut(&mut self, (list, place): Position) -> Option<&mut V> {
        self.lists.get_mut(list)?.get_mut(place).map(|(_, value)| value)
    }
}

impl<K: Ord> SortedMap<K> {
    /// Adds keys.
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
            prop_assert!(sorted.lists.iter().all(|list| !list.is_empty() && list.len() <= MOST));
            sorted.retain(|key| key % 3 == 0);
            tree.retain(|key, _| key % 3 == 0);
            prop_assert_eq!(sorted.len(), tree.len());
            prop_assert!(sorted.into_iter().eq(tree));
        }
    }
}
