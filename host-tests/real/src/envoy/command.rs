//! Starts Envoy processes.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::log::Log;
use super::{Envoy, callgrind, publish, write};
use crate::process::{die_with_parent, working_directory};
use crate::{Bootstrap, eventually};

/// Builds and starts an Envoy process.
#[derive(Clone, Debug)]
pub struct EnvoyCommand {
    workers: u32,
    /// True if the listener is served from a file.
    listener_from_file: bool,
    core: Option<usize>,
    clock_factor: u32,
    drain_s: u32,
    counts_instructions: bool,
    environment: Vec<(&'static str, String)>,
    binary: PathBuf,
}

/// Returns the path of the Envoy under test: `NEARMISS_ENVOY`, which make sets, or the release that make installs by default.
pub fn envoy_binary() -> PathBuf {
    match std::env::var_os("NEARMISS_ENVOY") {
        Some(path) => path.into(),
        None => artifact::root().join("target/envoy-1.40.0/bin/envoy"),
    }
}

impl Default for EnvoyCommand {
    fn default() -> Self {
        Self {
            workers: 1,
            listener_from_file: false,
            core: None,
            clock_factor: 1,
            drain_s: 1,
            counts_instructions: false,
            environment: Vec::new(),
            binary: envoy_binary(),
        }
    }
}

impl EnvoyCommand {
    /// Returns a command for one worker, with the listener in the bootstrap.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the number of workers.
    pub fn workers(mut self, workers: u32) -> Self {
        self.workers = workers;
        self
    }

    /// Serves the listener from a file, so that it can be updated.
    pub fn updatable(mut self) -> Self {
        self.listener_from_file = true;
        self
    }

    /// Pins the process to one core.
    pub fn on_core(mut self, core: usize) -> Self {
        self.core = Some(core);
        self
    }

    /// Sets the drain time: connections of a replaced listener stay open for this many seconds.
    pub fn drain_s(mut self, seconds: u32) -> Self {
        self.drain_s = seconds;
        self
    }

    /// Sets the factor by which the wall clock is accelerated; the monotonic clock is unchanged.
    pub fn clock_factor(mut self, factor: u32) -> Self {
        self.clock_factor = factor;
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }

    /// Runs another release of Envoy, which `make` installs beside the one under test.
    pub fn release(mut self, version: &str) -> Self {
        self.binary = artifact::root().join(format!("target/envoy-{version}/bin/envoy"));
        self
    }

    /// Runs Envoy under callgrind, about fifty times slower, for [`Envoy::count_instructions`].
    pub fn counting_instructions(mut self) -> Self {
        self.counts_instructions = true;
        self
    }

    /// Starts Envoy and waits until it accepts requests.
    ///
    /// # Panics
    ///
    /// If Envoy does not start.
    pub fn run(&self, bootstrap: &Bootstrap) -> Envoy {
        self.try_run(bootstrap).unwrap_or_else(|log| panic!("Envoy did not start:\n{log}"))
    }

    /// Starts Envoy and waits until it accepts requests. If Envoy exits instead, the error is its log.
    pub fn try_run(&self, bootstrap: &Bootstrap) -> Result<Envoy, String> {
        let folder = working_directory();
        let listeners = self.listener_from_file.then(|| folder.join("listeners.json").display().to_string());
        let access_log = folder.join("access.log").display().to_string();
        if let Some(path) = &listeners {
            publish(Path::new(path), bootstrap, &access_log);
        }
        let mut document = bootstrap.document(&access_log, listeners.as_deref());
        if self.counts_instructions {
            // Each flush costs the main thread, and the worker as well, more than an exchange does.
            document["stats_flush_interval"] = "60s".into();
        }
        write(&folder.join("envoy.json"), &document);
        self.try_run_in(folder, "envoy.json")
    }

    /// Starts Envoy with a YAML document. An access log to standard output is written to a file instead.
    ///
    /// # Panics
    ///
    /// If Envoy does not start.
    pub fn run_document(&self, document: &str) -> Envoy {
        let folder = working_directory();
        let document = document.replace("/dev/stdout", &folder.join("access.log").display().to_string());
        fs::write(folder.join("envoy.yaml"), document).expect("the working directory can be written");
        self.try_run_in(folder, "envoy.yaml").unwrap_or_else(|log| panic!("Envoy did not start:\n{log}"))
    }

    /// Runs `envoy --mode validate`; returns true if the configuration is valid, and the output.
    pub fn validate(bootstrap: &Bootstrap) -> (bool, String) {
        let folder = working_directory();
        let config = folder.join("envoy.json");
        write(&config, &bootstrap.document("/dev/null", None));
        let output =
            Command::new(envoy_binary()).arg("--mode").arg("validate").arg("-c").arg(config).output();
        let output = output.unwrap_or_else(|error| panic!("{}", start_error(&error)));
        drop(fs::remove_dir_all(folder));
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    }

    fn try_run_in(&self, folder: PathBuf, config: &str) -> Result<Envoy, String> {
        let mut command = if self.counts_instructions {
            callgrind::command(&self.binary, &folder)
        } else {
            Command::new(&self.binary)
        };
        command
            .arg("-c")
            .arg(folder.join(config))
            .args(["--use-dynamic-base-id", "--concurrency", &self.workers.to_string()])
            .arg("--admin-address-path")
            .arg(folder.join("admin"))
            .args([
                "-l",
                "warning",
                "--component-log-level",
                "wasm:info,dynamic_modules:info,main:info,config:info",
            ])
            .args(["--log-format", "%v", "--file-flush-interval-msec", "10"])
            .args(["--drain-time-s", &self.drain_s.to_string()])
            .args(["--parent-shutdown-time-s", &(self.drain_s + 1).to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .process_group(0); // a Ctrl-C reaches only the test
        if self.clock_factor > 1 {
            command
                .env("LD_PRELOAD", artifact::swift_clock())
                .env("SWIFT_CLOCK", self.clock_factor.to_string());
        }
        let core = self.core;
        // SAFETY: both calls are async-signal-safe and touch no memory but their own arguments.
        unsafe { command.pre_exec(move || die_with_parent(core)) };
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{}", start_error(&error)));
        let log = Log::follow(child.stderr.take().expect("stderr is piped"));
        let mut envoy = Envoy { child, admin: 0, port: 0, folder, log };
        if envoy.log.wait_for("starting main dispatch loop").is_none() {
            return Err(envoy.log.text());
        }
        let folder = envoy.folder.clone();
        let address = eventually("Envoy's admin address", || fs::read_to_string(folder.join("admin")).ok());
        envoy.admin = address.trim().rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        envoy.port = eventually("Envoy's listener", || {
            envoy.listener_port(Some("main")).or_else(|| envoy.listener_port(None))
        });
        Ok(envoy)
    }
}

fn start_error(error: &std::io::Error) -> String {
    format!("{}: {error}; `make envoy-bin` installs Envoy", envoy_binary().display())
}
