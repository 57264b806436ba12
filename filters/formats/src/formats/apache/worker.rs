//! The workers of Apache's balancer.

use crate::swar::split_at_text;

/// Returns the address in the URL of a worker.
pub(super) fn without_scheme(worker: &str) -> &str {
    let address = split_at_text(worker, "://").map_or(worker, |(_, address)| address);
    if address.starts_with('/') { address } else { address.split('/').next().unwrap_or(address) }
}
