//! Captures log lines of real proxies in front of origins that fail on request.
//!
//! A [`Case`] is one request and its fault script. The [`GroundTruth`] is what the origins did and the client received. A
//! log format may show less of it: that is the [`Expected`] verdict, which the format and the core must derive from the
//! line. `make fixtures` stores the lines in the repository; the live tests compare them at once.
//!
//! No timeout of a proxy is short except on the route `/hang/`: on a busy machine an origin may take long to answer.

mod apache;
mod caddy;
mod case;
mod driver;
mod envoy;
mod executable;
mod haproxy;
mod nginx;
mod traefik;
mod varnish;

pub use case::{Case, Expected, GroundTruth};
pub use driver::{CapturedLog, Origins};
pub use executable::{Executable, RunningProxy};

/// Starts a proxy, runs its cases, and returns its logs.
pub type Capture = fn() -> Vec<CapturedLog>;

/// All proxies by name.
pub const PROXIES: [(&str, Capture); 7] = [
    ("apache", apache::capture),
    ("varnish", varnish::capture),
    ("nginx", nginx::capture),
    ("haproxy", haproxy::capture),
    ("traefik", traefik::capture),
    ("caddy", caddy::capture),
    ("envoy", envoy::capture),
];

/// Log formats that docs/formats.md recommends.
pub const DOCUMENTED: [&str; 4] = [nginx::TEXT, nginx::JSON, apache::TIMED, varnish::FORMAT];
