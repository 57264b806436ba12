//! Interned upstream names: JavaScript passes a name once and then uses its number.
//!
//! Zero is never a name, because JavaScript converts an invalid number to zero. The number of names is limited to the number
//! of distinct upstreams; all further names become `other`, as in the core.

use alloc::string::String;
use alloc::vec::Vec;
use nearmiss::{OTHER, upstream_name};

/// The interned names; the index of a name is its number minus one.
#[derive(Debug)]
pub(crate) struct UpstreamInterner {
    names: Vec<String>,
    max: usize,
}

impl UpstreamInterner {
    /// Creates an interner for at most `max` names, not counting `other`.
    pub(crate) const fn new(max: usize) -> Self {
        Self { names: Vec::new(), max }
    }

    /// Changes the maximum number of names; existing names stay.
    pub(crate) const fn set_max(&mut self, max: usize) {
        self.max = max;
    }

    /// Returns the number of an upstream, which never changes.
    pub(crate) fn intern(&mut self, raw: &str) -> u32 {
        let name = upstream_name(raw);
        match self.position(&name) {
            Some(index) => index as u32 + 1,
            None if self.names.len() < self.max => self.add(&name),
            None => self.position(OTHER).map_or_else(|| self.add(OTHER), |index| index as u32 + 1),
        }
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }

    fn add(&mut self, name: &str) -> u32 {
        self.names.push(name.into());
        self.names.len() as u32
    }

    /// Returns the name with the number `id`.
    pub(crate) fn name(&self, id: f64) -> Option<&str> {
        let id = crate::number::count(id)?;
        self.names.get((id as usize).checked_sub(1)?).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_number_and_zero_is_no_name() {
        let mut names = UpstreamInterner::new(8);
        let cart = names.intern("outbound|80||cart");
        assert_eq!((cart, names.intern("cart")), (1, 1));
        assert_eq!(names.name(f64::from(cart)), Some("cart"));
        for invalid in [0.0, 2.0, 1.5, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(names.name(invalid), None, "{invalid}");
        }
    }

    #[test]
    fn names_beyond_the_limit_become_other() {
        let mut names = UpstreamInterner::new(1);
        assert_eq!(names.intern("cart"), 1);
        assert_eq!((names.intern("pay"), names.intern("mail"), names.intern("cart")), (2, 2, 1));
        assert_eq!(names.name(2.0), Some(OTHER));
    }
}
