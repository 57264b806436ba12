//! Numbers, times and tables formatted for people.

pub(crate) mod columns;
pub(crate) mod numbers;
pub(crate) mod text_table;
pub(crate) mod time;
pub(crate) mod upstream_column;
