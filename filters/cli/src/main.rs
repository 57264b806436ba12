//! `nearmiss`, the command line.
fn main() {}
