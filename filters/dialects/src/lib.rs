//! Lines of access logs become exchanges.
