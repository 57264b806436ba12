//! The workers of Apache's balancer.

/// Returns the address in the URL of a worker.
pub(super) fn without_scheme(worker: &str) -> &str {
    let address = worker.split_once("://").map_or(worker, |(_, address)| address);
    if address.starts_with('/') { address } else { address.split('/').next().unwrap_or(address) }
}
