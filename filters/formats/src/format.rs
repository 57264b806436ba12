//! The log formats and their names.

use core::fmt;
use core::str::FromStr;

/// Defines [`Format`], its list and its names.
macro_rules! formats {
    ($($(#[$doc:meta])* $format:ident $name:literal)*) => {
        /// A format of log lines.
        #[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
        #[non_exhaustive]
        pub enum Format {
            /// The format is detected for each line.
            #[default]
            Auto,
            $($(#[$doc])* $format,)*
        }

        impl Format {
            /// All formats, in the order of the help text.
            pub const ALL: &[Self] = &[Self::Auto, $(Self::$format),*];

            /// Returns the format's name in configuration and on the command line.
            pub const fn name(self) -> &'static str {
                match self {
                    Self::Auto => "auto",
                    $(Self::$format => $name,)*
                }
            }
        }
    };
}

formats! {
    /// The exchange lines of nearmiss.
    Exchange "exchange"
    /// Envoy's default text format.
    Envoy "envoy"
    /// Envoy's JSON, with the names of its operators as keys.
    EnvoyJson "envoy-json"
    /// Istio's default text format.
    Istio "istio"
    /// Istio's JSON.
    IstioJson "istio-json"
    /// nginx with `key=value` for its upstream variables, or a configured `log_format`.
    Nginx "nginx"
    /// nginx with a `log_format` that writes JSON.
    NginxJson "nginx-json"
    /// The default format of ingress-nginx.
    IngressNginx "ingress-nginx"
    /// HAProxy's httplog and httpslog, and `httplog clf`.
    Haproxy "haproxy"
    /// HAProxy with a `log-format` that writes JSON.
    HaproxyJson "haproxy-json"
    /// Traefik's JSON.
    Traefik "traefik"
    /// Traefik's common log format.
    TraefikClf "traefik-clf"
    /// Caddy's JSON.
    Caddy "caddy"
    /// Kong's JSON.
    Kong "kong"
    /// The access log of AWS application load balancers.
    Alb "alb"
    /// The access log of AWS classic load balancers.
    Elb "elb"
    /// Apache's common or combined log format with a duration.
    Apache "apache"
    /// APISIX's default text format, and the JSON of its loggers.
    Apisix "apisix"
    /// Labeled tab-separated values, with the labels of ltsv.org.
    Ltsv "ltsv"
    /// Cloudflare's Logpush, data set `http_requests`.
    Cloudflare "cloudflare"
    /// CloudFront's standard log.
    Cloudfront "cloudfront"
    /// The log of Google Cloud's application load balancers.
    GcpLb "gcp-lb"
    /// The access log of Azure Application Gateway.
    AzureAppgw "azure-appgw"
    /// The access log of Azure Front Door.
    AzureFrontdoor "azure-frontdoor"
    /// The JSON access log of Linkerd's proxy.
    Linkerd "linkerd"
    /// varnishncsa with a duration.
    Varnish "varnish"
    /// Akamai's Cloud Monitor.
    Akamai "akamai"
    /// Fastly's recommended JSON.
    Fastly "fastly"
    /// The lines of Heroku's router.
    Heroku "heroku"
}

impl Format {
    /// Returns the way to log the number of attempts, for a format whose lines lack it.
    pub const fn attempts_advice(self) -> &'static str {
        match self {
            Self::Envoy | Self::Istio => {
                "log JSON with %UPSTREAM_REQUEST_ATTEMPT_COUNT% instead, see docs/formats.md"
            }
            Self::EnvoyJson | Self::IstioJson => {
                "add \"upstream_request_attempt_count\":\"%UPSTREAM_REQUEST_ATTEMPT_COUNT%\" to the json_format"
            }
            Self::Nginx | Self::NginxJson | Self::Apisix | Self::Ltsv => {
                "add $upstream_addr, $upstream_status and $upstream_response_time to the log_format"
            }
            Self::TraefikClf => "set accessLog.format to json, which has RetryAttempts",
            Self::Haproxy | Self::HaproxyJson => "log `option httplog`, which has the retries",
            Self::Kong => "log `tries`, as the plugins file-log and http-log do",
            Self::Exchange => "set `attempts`",
            Self::Apache => {
                "Apache does not log them; if nginx wrote the lines, add $upstream_addr and $upstream_status to the log_format"
            }
            _ => "the program does not log them; the proxy in front of it may",
        }
    }

    /// Returns true if this build reads the format. Without the feature `all-formats`, those are left out that the log pipelines
    /// around Fluent Bit do not carry.
    pub const fn is_built(self) -> bool {
        cfg!(feature = "all-formats")
            || matches!(
                self,
                Self::Auto
                    | Self::Exchange
                    | Self::Envoy
                    | Self::EnvoyJson
                    | Self::Istio
                    | Self::IstioJson
                    | Self::Nginx
                    | Self::NginxJson
                    | Self::IngressNginx
                    | Self::Haproxy
                    | Self::Traefik
                    | Self::TraefikClf
                    | Self::Caddy
                    | Self::Kong
                    | Self::Apache
            )
    }

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
                | Self::HaproxyJson
                | Self::Cloudflare
                | Self::GcpLb
                | Self::AzureAppgw
                | Self::AzureFrontdoor
                | Self::Linkerd
                | Self::Akamai
                | Self::Fastly
        )
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
        Self::ALL.iter().copied().find(|format| format.name() == name).ok_or(UnknownFormat)
    }
}
