//! Requests that are no traffic: those of health checks.

use super::field::Field;
use alloc::string::String;
use alloc::vec::Vec;

/// Returns the beginnings of the user agents of common probers that have this first letter: those of Kubernetes, load balancers, service
/// meshes and uptime monitors.
const fn probers(first: u8) -> &'static [&'static str] {
    match first {
        b'A' => &["Amazon-Route53-Health-Check", "Azure Traffic Manager Endpoint Monitor"],
        b'B' => &["Blackbox Exporter/", "Better Uptime Bot"],
        b'C' => &["Consul Health Check"],
        b'E' => &["Envoy/HC", "ELB-HealthChecker/", "Edge Health Probe"],
        b'G' => &["GoogleHC/", "GoogleStackdriverMonitoring"],
        b'L' => &["Load Balancer Agent"],
        b'P' => &["Pingdom.com_bot"],
        b'S' => &["StatusCake", "Site24x7"],
        b'U' => &["UptimeRobot/"],
        b'c' => &["check_http/"],
        b'k' => &["kube-probe/"],
        _ => &[],
    }
}

/// Returns true if the user agent of a prober may begin with this letter.
const fn is_first_letter(letter: u8) -> bool {
    letter == b'M' || !probers(letter).is_empty()
}

crate::config_fields! {
    /// Requests that are left out.
    #[non_exhaustive]
    pub struct Ignore {
        /// Beginnings of user agents; those of common probers if absent.
        user_agents: Option<Vec<String>> = None, |field| field.nonempty_texts().map(Some);
        /// Paths without the query; one that ends in `*` stands for all that begin so.
        paths: Vec<String> = Vec::new(), Field::nonempty_texts;
    }
}

impl Ignore {
    /// Returns true if a request with this user agent and path is left out. A query after the path does not matter.
    pub fn matches(&self, user_agent: Option<&[u8]>, path: Option<&[u8]>) -> bool {
        self.matches_user_agent(user_agent.unwrap_or_default()) || self.matches_path(path.unwrap_or_default())
    }

    /// Returns true if paths are configured.
    pub fn has_paths(&self) -> bool {
        !self.paths.is_empty()
    }

    #[inline]
    fn matches_user_agent(&self, user_agent: &[u8]) -> bool {
        let first = user_agent.first().copied().unwrap_or_default();
        (self.user_agents.is_some() || is_first_letter(first)) && self.matches_name(user_agent)
    }

    /// Also compares the name in `Mozilla/5.0 (compatible; UptimeRobot/2.0; …)`.
    fn matches_name(&self, user_agent: &[u8]) -> bool {
        let Some(first) = user_agent.first() else { return false };
        let name = if *first == b'M' { compatible(user_agent) } else { user_agent };
        match &self.user_agents {
            Some(agents) => agents.iter().any(|agent| name.starts_with(agent.as_bytes())),
            None => {
                let first = name.first().copied().unwrap_or_default();
                probers(first).iter().any(|agent| name.starts_with(agent.as_bytes()))
            }
        }
    }

    fn matches_path(&self, path: &[u8]) -> bool {
        if self.paths.is_empty() {
            return false;
        }
        let path = path.split(|byte| *byte == b'?').next().unwrap_or_default();
        self.paths.iter().map(String::as_bytes).any(|ignored| match ignored.strip_suffix(b"*") {
            Some(start) => path.starts_with(start),
            None => path == ignored,
        })
    }
}

/// Returns the name in `Mozilla/5.0 (compatible; NAME …)`, or the whole user agent.
fn compatible(user_agent: &[u8]) -> &[u8] {
    let inner = user_agent.strip_prefix(b"Mozilla/5.0").and_then(|rest| rest.get(2..));
    inner.and_then(|rest| rest.strip_prefix(b"compatible; ")).unwrap_or(user_agent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn ignore(text: &str) -> Ignore {
        Config::parse(text).unwrap().ignore
    }

    #[test]
    fn the_usual_probers_are_left_out_by_default_and_browsers_are_not() {
        let ignore = Ignore::default();
        for agent in [
            "kube-probe/1.31",
            "Envoy/HC",
            "GoogleHC/1.0",
            "ELB-HealthChecker/2.0",
            "Consul Health Check",
            "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
        ] {
            assert!(ignore.matches(Some(agent.as_bytes()), None), "{agent}");
        }
        for agent in ["", "Mozilla/5.0 (X11; Linux x86_64)", "curl/8.7.1", "kube-prob"] {
            assert!(!ignore.matches(Some(agent.as_bytes()), Some(b"/healthz")), "{agent}");
        }
        assert!(!ignore.matches(None, None));
    }

    #[test]
    fn configured_agents_replace_the_default_and_paths_are_exact_or_prefixes() {
        let ignore = ignore(r#"{"ignore":{"user_agents":["my-probe"],"paths":["/healthz","/internal/*"]}}"#);
        assert!(ignore.matches(Some(b"my-probe/1"), None));
        assert!(!ignore.matches(Some(b"GoogleHC/1.0"), None));
        for path in ["/healthz", "/healthz?full=1", "/internal/", "/internal/a"] {
            assert!(ignore.matches(None, Some(path.as_bytes())), "{path}");
        }
        for path in ["/", "/healthz/", "/healthzz", "/internal"] {
            assert!(!ignore.matches(None, Some(path.as_bytes())), "{path}");
        }
    }

    #[test]
    fn an_empty_text_would_match_everything_and_is_an_error() {
        for text in [r#"{"ignore":{"paths":[""]}}"#, r#"{"ignore":{"user_agents":["a",""]}}"#] {
            let error = alloc::string::ToString::to_string(&Config::parse(text).unwrap_err());
            assert!(error.ends_with("it takes a list of texts, none of them empty"), "{error}");
        }
    }
}
