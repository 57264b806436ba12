//! What an Envoy says as a whole, whatever its workers: its one voice, and the collector that hears it.
//!
//! Apart from the other tests in a real Envoy, because these take minutes and count on processors that are not all taken.

mod collector;
mod episode;
mod site;
