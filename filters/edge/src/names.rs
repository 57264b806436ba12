//! Upstreams, told once and then called by a number.
//!
//! Zero names none: it is what JavaScript makes of a number that is not one. There are as many names as upstreams are told
//! apart; what comes beyond is called `other`, as the core would count it.

use alloc::string::String;
use alloc::vec::Vec;
use nearmiss::{OTHER, upstream_name};

/// The names, each at its number less one.
#[derive(Debug)]
pub(crate) struct Names {
    names: Vec<String>,
    max: usize,
}

impl Names {
    /// Room for `max` names, besides those that stand for others.
    pub(crate) const fn new(max: usize) -> Self {
        Self { names: Vec::new(), max }
    }

    /// Makes room for another number of names; those that are there stay.
    pub(crate) const fn set_max(&mut self, max: usize) {
        self.max = max;
    }

    /// The number of an upstream, the same each time.
    pub(crate) fn intern(&mut self, raw: &str) -> u32 {
        let name = upstream_name(raw);
        match self.place(&name) {
            Some(place) => place as u32 + 1,
            None if self.names.len() < self.max => self.add(&name),
            None => self.place(OTHER).map_or_else(|| self.add(OTHER), |place| place as u32 + 1),
        }
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }

    fn add(&mut self, name: &str) -> u32 {
        self.names.push(name.into());
        self.names.len() as u32
    }

    /// The name of that number.
    pub(crate) fn get(&self, id: f64) -> Option<&str> {
        let id = crate::number::count(id)?;
        self.names.get((id as usize).checked_sub(1)?).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_number_and_zero_is_none() {
        let mut names = Names::new(8);
        let cart = names.intern("outbound|80||cart");
        assert_eq!((cart, names.intern("cart")), (1, 1));
        assert_eq!(names.get(f64::from(cart)), Some("cart"));
        for odd in [0.0, 2.0, 1.5, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(names.get(odd), None, "{odd}");
        }
    }

    #[test]
    fn what_comes_beyond_the_bound_is_other() {
        let mut names = Names::new(1);
        assert_eq!(names.intern("cart"), 1);
        assert_eq!((names.intern("pay"), names.intern("mail"), names.intern("cart")), (2, 2, 1));
        assert_eq!(names.get(2.0), Some(OTHER));
    }
}
