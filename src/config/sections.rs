//! Reads the sections that only one host uses.

use super::error::ConfigError;
use super::field::Field;
use crate::settings::{
    Attach, CollectorConfig, EdgeConfig, EnvoyConfig, FluentBitConfig, FluentBitMode, Logged, Mode,
};
use crate::units::Micros;
use alloc::string::String;

impl EnvoyConfig {
    pub(super) fn read(&mut self, section: &Field<'_>) -> Result<(), ConfigError> {
        const ATTACH: [(&str, Attach); 3] =
            [("http", Attach::Http), ("log", Attach::Log), ("upstream", Attach::Upstream)];
        section.each(|key, field| {
            match key {
                "attach" => self.attach = field.choice(&ATTACH, "\"http\", \"upstream\" or \"log\"")?,
                "mode" => {
                    self.mode = field
                        .choice(&[("full", Mode::Full), ("lean", Mode::Lean)], "\"full\" or \"lean\"")?;
                }
                "header" => self.header = field.flag()?,
                "collector" => self.collector = Some(CollectorConfig::read(field)?),
                _ => return Err(field.unknown("attach, mode, header, collector")),
            }
            Ok(())
        })
    }
}

impl CollectorConfig {
    /// Reads the name of a cluster, or an object with a `cluster`.
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

impl FluentBitConfig {
    pub(super) fn read(&mut self, section: &Field<'_>) -> Result<(), ConfigError> {
        const MODES: [(&str, FluentBitMode); 3] = [
            ("annotate", FluentBitMode::Annotate),
            ("only", FluentBitMode::Only),
            ("merge", FluentBitMode::Merge),
        ];
        section.each(|key, field| {
            match key {
                "mode" => self.mode = field.choice(&MODES, "\"annotate\", \"only\" or \"merge\"")?,
                "format" => self.format = Some(field.text()?),
                "fields" => self.fields = field.texts_by_name()?,
                "source" => self.source = field.text()?,
                _ => return Err(field.unknown("mode, format, fields, source")),
            }
            Ok(())
        })
    }
}

impl EdgeConfig {
    pub(super) fn read(&mut self, section: &Field<'_>) -> Result<(), ConfigError> {
        section.each(|key, field| {
            match key {
                "header" => self.header = field.flag()?,
                "server_timing" => self.server_timing = field.flag()?,
                "inspect_bytes" => self.inspect_bytes = field.number(0..=1 << 20, "0 to 1048576")?,
                _ => return Err(field.unknown("header, server_timing, inspect_bytes")),
            }
            Ok(())
        })
    }
}
