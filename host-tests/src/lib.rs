//! Hosts for the filters.
