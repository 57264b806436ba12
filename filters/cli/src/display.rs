//! Numbers and times formatted for people.

pub(crate) mod numbers;
pub(crate) mod time;
