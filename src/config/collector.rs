//! Where records are sent as OpenTelemetry logs.

use super::ConfigError;
use super::field::Field;
use crate::units::Micros;
use alloc::string::String;

/// A collector that takes OTLP over HTTP.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CollectorConfig {
    /// The cluster it is reached by.
    pub cluster: String,
    /// The path of its logs.
    pub path: String,
    /// The authority it is asked under.
    pub authority: String,
    /// How long an answer may take.
    pub timeout: Micros,
    /// How many records may wait for it.
    pub queue: u32,
    /// What is written to the host's log all the same.
    pub log: Logged,
}

/// Which records go to the host's log although a collector takes them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Logged {
    /// All.
    All,
    /// Those of episodes: they are few, and worth a second place.
    Episodes,
    /// None.
    None,
}

impl CollectorConfig {
    /// A cluster's name, or an object with a cluster.
    pub(super) fn read(section: &Field<'_>) -> Result<Self, ConfigError> {
        const TAKES: &str = "the name of a cluster, or an object with a `cluster`";
        const LOGGED: [(&str, Logged); 3] =
            [("all", Logged::All), ("episodes", Logged::Episodes), ("none", Logged::None)];
        let mut config = Self {
            cluster: section.text().unwrap_or_default(),
            path: String::from("/v1/logs"),
            authority: String::new(),
            timeout: Micros::from_seconds(5),
            queue: 1_000,
            log: Logged::Episodes,
        };
        if config.cluster.is_empty() {
            section
                .each(|key, field| {
                    match key {
                        "cluster" => config.cluster = field.text()?,
                        "path" => {
                            config.path = field.text()?;
                            if !config.path.starts_with('/') {
                                return Err(field.error("a path that begins with /"));
                            }
                        }
                        "authority" => config.authority = field.text()?,
                        "timeout" => {
                            let range = Micros::from_millis(100)..=Micros::from_seconds(60);
                            config.timeout = field.span(range, "a time such as \"5s\", 100ms to 60s")?;
                        }
                        "queue" => config.queue = field.number(10..=100_000, "10 to 100000")?,
                        "log" => config.log = field.choice(&LOGGED, "\"all\", \"episodes\" or \"none\"")?,
                        _ => return Err(field.unknown("cluster, path, authority, timeout, queue, log")),
                    }
                    Ok(())
                })
                .map_err(|error| if section.is_object() { error } else { section.error(TAKES) })?;
        }
        if config.cluster.is_empty() {
            return Err(section.error(TAKES));
        }
        if config.authority.is_empty() {
            config.authority.clone_from(&config.cluster);
        }
        Ok(config)
    }
}
