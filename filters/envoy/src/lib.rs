//! nearmiss inside Envoy.
