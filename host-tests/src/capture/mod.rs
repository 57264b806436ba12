//! Real proxies in front of misbehaving origins, for what they log.
//!
//! A [`Case`] is one request with what its origins shall do. What they did, and what the client saw, is the [`Truth`];
//! what of it a format can show is the [`Expected`] verdict, and that must be what the format and the core make of the
//! line. `make fixtures` checks lines in, the live tests compare on the spot.

mod caddy;
mod case;
mod envoy;
mod haproxy;
mod nginx;
mod program;
mod stage;
mod traefik;

pub use case::{Case, Expected, Truth};
pub use program::{Folder, Program, Running};
pub use stage::{Logged, Stage};

/// One program with one configuration: starts it, plays the cases, and gives back what it logged.
pub type Play = fn() -> Vec<Logged>;

/// All programs that are played, by name.
pub const PROGRAMS: [(&str, Play); 5] = [
    ("nginx", nginx::play),
    ("haproxy", haproxy::play),
    ("traefik", traefik::play),
    ("caddy", caddy::play),
    ("envoy", envoy::play),
];

/// The formats of nginx that docs/formats.md tells users to log.
pub const DOCUMENTED: [&str; 2] = [nginx::TEXT, nginx::JSON];
