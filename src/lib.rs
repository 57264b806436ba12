//! nearmiss
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

pub mod exchange;
pub mod flags;
pub mod histogram;
pub mod limits;
pub mod markers;
pub mod units;
pub mod verdict;
