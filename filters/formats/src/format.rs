//! The log formats.

use core::fmt;
use core::str::FromStr;

/// A format of log lines.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Format {
    /// The format is detected for each line.
    #[default]
    Auto,
    /// The exchange lines of nearmiss.
    Exchange,
    /// Envoy's default text format.
    Envoy,
    /// Envoy's JSON, with the names of its operators as keys.
    EnvoyJson,
    /// Istio's default text format.
    Istio,
    /// Istio's JSON.
    IstioJson,
    /// nginx with `key=value` for its upstream variables, or a configured `log_format`.
    Nginx,
    /// nginx with a `log_format` that writes JSON.
    NginxJson,
    /// The default format of ingress-nginx.
    IngressNginx,
    /// HAProxy's httplog and httpslog.
    Haproxy,
    /// Traefik's JSON.
    Traefik,
    /// Traefik's common log format.
    TraefikClf,
    /// Caddy's JSON.
    Caddy,
    /// Kong's JSON.
    Kong,
    /// The access log of AWS application load balancers.
    Alb,
}

impl Format {
    /// All formats, in the order of the help text.
    pub const ALL: [Self; 15] = [
        Self::Auto,
        Self::Exchange,
        Self::Envoy,
        Self::EnvoyJson,
        Self::Istio,
        Self::IstioJson,
        Self::Nginx,
        Self::NginxJson,
        Self::IngressNginx,
        Self::Haproxy,
        Self::Traefik,
        Self::TraefikClf,
        Self::Caddy,
        Self::Kong,
        Self::Alb,
    ];

    /// Returns true if lines in this format are JSON objects.
    pub const fn is_json(self) -> bool {
        matches!(
            self,
            Self::Exchange
                | Self::EnvoyJson
                | Self::IstioJson
                | Self::NginxJson
                | Self::Traefik
                | Self::Caddy
                | Self::Kong
        )
    }

    /// Returns the format's name in configuration and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Exchange => "exchange",
            Self::Envoy => "envoy",
            Self::EnvoyJson => "envoy-json",
            Self::Istio => "istio",
            Self::IstioJson => "istio-json",
            Self::Nginx => "nginx",
            Self::NginxJson => "nginx-json",
            Self::IngressNginx => "ingress-nginx",
            Self::Haproxy => "haproxy",
            Self::Traefik => "traefik",
            Self::TraefikClf => "traefik-clf",
            Self::Caddy => "caddy",
            Self::Kong => "kong",
            Self::Alb => "alb",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The error that no format has a given name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct UnknownFormat;

impl core::error::Error for UnknownFormat {}

impl fmt::Display for UnknownFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown format; it takes")?;
        Format::ALL.iter().try_for_each(|format| write!(f, " {format}"))
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        Self::ALL.into_iter().find(|format| format.name() == name).ok_or(UnknownFormat)
    }
}
