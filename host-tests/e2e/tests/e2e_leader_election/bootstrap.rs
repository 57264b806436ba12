//! One cluster of three hosts behind a route that retries.

use real::{Bootstrap, Origin, cluster, route};
use serde_json::json;

/// Returns the configuration without a filter.
pub(crate) fn bootstrap(hosts: &[Origin]) -> Bootstrap {
    let ports: Vec<_> = hosts.iter().map(|host| host.port).collect();
    let retries = json!({"timeout": "40s", "retry_policy": {
        "retry_on": "5xx,reset,connect-failure",
        "num_retries": 3,
        "per_try_timeout": "10s",
        "retry_back_off": {"base_interval": "0.001s"},
    }});
    Bootstrap::new().cluster(cluster("cart", &ports)).route(route("/", "cart", &retries))
}
