//! A few things by name, in order: what a tree map would do in five times the code.

use alloc::string::String;
use alloc::vec::Vec;

/// Things by name.
#[derive(Clone, Debug, PartialEq)]
pub struct ByName<T>(Vec<(String, T)>);

impl<T> Default for ByName<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> ByName<T> {
    /// The thing of that name.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.get(self.rank(name)).filter(|(known, _)| known == name).map(|(_, thing)| thing)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All things, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.0.iter().map(|(name, thing)| (name.as_str(), thing))
    }

    /// Adds a thing; the last of a name stays.
    pub(crate) fn insert(&mut self, name: &str, thing: T) {
        let rank = self.rank(name);
        match self.0.get_mut(rank) {
            Some((known, old)) if known == name => *old = thing,
            _ => self.0.insert(rank, (name.into(), thing)),
        }
    }

    fn rank(&self, name: &str) -> usize {
        self.0.partition_point(|(known, _)| known.as_str() < name)
    }
}

impl<T, const N: usize> From<[(String, T); N]> for ByName<T> {
    fn from(things: [(String, T); N]) -> Self {
        let mut by_name = Self::default();
        things.into_iter().for_each(|(name, thing)| by_name.insert(&name, thing));
        by_name
    }
}
