//! Starts, queries and stops Envoy processes.

mod callgrind;
mod log;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use log::Log;

use super::process::{die_with_parent, working_directory};
use super::{Bootstrap, Client, Request, Stats, eventually};

/// A running Envoy, killed on drop.
pub struct Envoy {
    child: Child,
    /// Port of the admin interface.
    pub admin: u16,
    /// Port of the listener.
    pub port: u16,
    folder: PathBuf,
    log: Arc<Log>,
}

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

impl Envoy {
    /// Replaces the listener; returns true if Envoy accepts the new one, false if Envoy rejects it.
    pub fn update(&self, bootstrap: &Bootstrap) -> bool {
        let [accepted, rejected] =
            ["listener_manager.lds.update_success", "listener_manager.lds.update_rejected"];
        let before = self.stats("listener_manager.lds");
        let access_log = self.folder.join("access.log").display().to_string();
        publish(&self.folder.join("listeners.json"), bootstrap, &access_log);
        eventually("Envoy to accept or reject the new listener", || {
            let now = self.stats("listener_manager.lds");
            (now.value(accepted) > before.value(accepted))
                .then_some(true)
                .or_else(|| (now.value(rejected) > before.value(rejected)).then_some(false))
        })
    }

    /// Returns the statistics whose name matches `filter`.
    pub fn stats(&self, filter: &str) -> Stats {
        Stats::parse(&self.admin_page(&format!("/stats?filter={filter}")))
    }

    /// Returns the filter's own statistics.
    pub fn nearmiss_stats(&self) -> Stats {
        self.stats("wasmcustom|dynamicmodulescustom")
    }

    /// Sends a command to the admin interface.
    ///
    /// # Panics
    ///
    /// If Envoy refuses it.
    pub fn command(&self, path: &str) {
        let response = Client::new(self.admin).send(&Request::post(path));
        assert_eq!(response.status, 200, "{path}");
    }

    /// Returns a page of the admin interface.
    pub fn admin_page(&self, path: &str) -> String {
        let response = Client::new(self.admin).send(&Request::get(path));
        String::from_utf8_lossy(&response.body).into_owned()
    }

    /// Waits for the access log entry of an exchange.
    pub fn access_log_entry(&self, exchange: &str) -> Value {
        eventually(&format!("{exchange} in the access log"), || {
            self.access_log().into_iter().find(|line| line["id"] == exchange)
        })
    }

    /// Waits until `count` exchanges are in the access log. An exchange is judged before it is logged.
    pub fn wait_for_exchanges(&self, count: usize) -> Vec<Value> {
        eventually(&format!("{count} lines in the access log"), || {
            Some(self.access_log()).filter(|lines| lines.len() >= count)
        })
    }

    /// Returns the JSON entries of the access log so far.
    pub fn access_log(&self) -> Vec<Value> {
        self.access_log_text().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Returns the complete lines of the access log so far.
    pub fn access_log_text(&self) -> String {
        let mut text = fs::read_to_string(self.folder.join("access.log")).unwrap_or_default();
        text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
        text
    }

    /// Returns the lines of Envoy's log so far.
    pub fn log(&self) -> Vec<String> {
        self.log.lines()
    }

    /// Returns the records in Envoy's log so far.
    pub fn records(&self) -> Vec<Value> {
        let record = |line: &String| {
            let (_, json) = line.split_once("nearmiss {")?;
            serde_json::from_str(&format!("{{{json}")).ok()
        };
        self.log().iter().filter_map(record).collect()
    }

    /// Returns the exchanges by fate, over all summaries in Envoy's log so far.
    pub fn summed_fates(&self) -> BTreeMap<String, u64> {
        let mut sums = BTreeMap::new();
        for summary in self.records().iter().filter(|record| record["type"] == "summary") {
            for (fate, count) in summary["fates"].as_object().into_iter().flatten() {
                *sums.entry(fate.clone()).or_default() += count.as_u64().unwrap_or_default();
            }
        }
        sums.retain(|_, count| *count > 0);
        sums
    }

    /// Waits for a record that `matches`.
    pub fn wait_for_record(&self, what: &str, matches: impl Fn(&Value) -> bool) -> Value {
        eventually(what, || self.records().into_iter().find(|record| matches(record)))
    }

    /// Returns the CPU time used so far.
    ///
    /// # Panics
    ///
    /// If the process has ended.
    pub fn cpu_time(&self) -> Duration {
        let pid = i32::try_from(self.child.id()).expect("a process id");
        let (mut clock, mut time) = (0, libc::timespec { tv_sec: 0, tv_nsec: 0 });
        // SAFETY: both calls write only where these references point.
        let succeeded = unsafe {
            libc::clock_getcpuclockid(pid, &raw mut clock) == 0
                && libc::clock_gettime(clock, &raw mut time) == 0
        };
        assert!(succeeded, "a running process");
        let seconds = Duration::from_secs(time.tv_sec.try_into().unwrap_or(0));
        seconds + Duration::from_nanos(time.tv_nsec.try_into().unwrap_or(0))
    }

    /// Counts the instructions that the worker executes during `work`, and stops Envoy.
    ///
    /// # Panics
    ///
    /// If Envoy was not started with [`EnvoyCommand::counting_instructions`].
    pub fn count_instructions(mut self, work: impl FnOnce()) -> u64 {
        callgrind::set_counting(self.child.id(), true);
        work();
        callgrind::set_counting(self.child.id(), false);
        self.terminate();
        callgrind::instructions(&self.folder)
    }

    /// Returns the resident memory in bytes.
    ///
    /// # Panics
    ///
    /// If the process has ended.
    pub fn resident_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("a running process");
        let kilobytes =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
        kilobytes.and_then(|text| text.trim().parse::<u64>().ok()).expect("a number of kB") * 1024
    }

    /// Stops Envoy and returns its log.
    ///
    /// # Panics
    ///
    /// If Envoy does not stop within a minute.
    pub fn stop(mut self) -> Vec<String> {
        self.terminate();
        self.log()
    }

    /// Stops Envoy. Its logs stay.
    ///
    /// # Panics
    ///
    /// If Envoy does not stop within a minute.
    pub fn terminate(&mut self) {
        let pid = i32::try_from(self.child.id()).expect("a process id");
        // SAFETY: the child has not been waited for, so the process id is still its own.
        unsafe { libc::kill(pid, libc::SIGTERM) };
        eventually("Envoy to stop", || self.child.try_wait().ok().flatten());
        self.log.wait_for_end();
    }

    /// Returns the port of a listener, once it listens.
    ///
    /// # Panics
    ///
    /// If it does not within a minute.
    pub fn port_of(&self, listener: &str) -> u16 {
        eventually("Envoy's listener", || self.listener_port(Some(listener)))
    }

    fn listener_port(&self, name: Option<&str>) -> Option<u16> {
        let page = Client::new(self.admin).try_send(&Request::get("/listeners?format=json")).ok()?;
        let page: Value = serde_json::from_slice(&page.body).ok()?;
        let mut listeners = page["listener_statuses"].as_array()?.iter();
        let listener = listeners.find(|listener| name.is_none_or(|name| listener["name"] == name))?;
        let port = listener["local_address"]["socket_address"]["port_value"].as_u64()?;
        u16::try_from(port).ok().filter(|port| *port > 0)
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        if thread::panicking() {
            let log = self.log();
            let tail = log.len().saturating_sub(20);
            eprintln!(
                "The last lines of Envoy's log; more in {}:\n{}",
                self.folder.display(),
                log[tail..].join("\n")
            );
        } else {
            drop(fs::remove_dir_all(&self.folder));
        }
    }
}

fn start_error(error: &std::io::Error) -> String {
    format!("{}: {error}; `make envoy-bin` installs Envoy", envoy_binary().display())
}

/// Replaces the listener file atomically by a rename, which is what Envoy watches for.
fn publish(path: &Path, bootstrap: &Bootstrap, access_log: &str) {
    let new = path.with_extension("new");
    write(&new, &bootstrap.resources(access_log));
    fs::rename(new, path).expect("the working directory can be written");
}

fn write(path: &Path, document: &Value) {
    fs::write(path, document.to_string()).expect("the working directory can be written");
}
