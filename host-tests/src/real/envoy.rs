//! An Envoy process: started, asked, stopped.

mod callgrind;
mod log;

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use log::Log;

use super::{Client, Request, Site, Stats, eventually};
use crate::artifact;

/// A running Envoy; killed when it is dropped.
pub struct Envoy {
    child: Child,
    /// Its admin page.
    pub admin: u16,
    /// Where it takes requests.
    pub port: u16,
    folder: PathBuf,
    log: Arc<Log>,
}

/// How to start an Envoy.
#[derive(Clone, Debug)]
pub struct Start {
    workers: u32,
    from_file: bool,
    core: Option<usize>,
    clock: u32,
    drain_s: u32,
    counts_instructions: bool,
}

/// The Envoy to test with: make names it in `NEARMISS_ENVOY`; else the one it installs unless told otherwise.
pub fn envoy_binary() -> PathBuf {
    match std::env::var_os("NEARMISS_ENVOY") {
        Some(path) => path.into(),
        None => artifact::root().join("target/envoy-1.40.0/bin/envoy"),
    }
}

impl Default for Start {
    fn default() -> Self {
        Self { workers: 1, from_file: false, core: None, clock: 1, drain_s: 1, counts_instructions: false }
    }
}

impl Start {
    /// One worker, listener in the bootstrap.
    pub fn new() -> Self {
        Self::default()
    }

    /// So many workers.
    pub fn workers(mut self, workers: u32) -> Self {
        self.workers = workers;
        self
    }

    /// The listener comes over the file system, so that it can be updated.
    pub fn updatable(mut self) -> Self {
        self.from_file = true;
        self
    }

    /// Pinned to one core.
    pub fn on_core(mut self, core: usize) -> Self {
        self.core = Some(core);
        self
    }

    /// Connections of a listener that was replaced may live on for so many seconds.
    pub fn drain_s(mut self, seconds: u32) -> Self {
        self.drain_s = seconds;
        self
    }

    /// Its time of day runs so much faster; what measures spans does not.
    pub fn clock(mut self, factor: u32) -> Self {
        self.clock = factor;
        self
    }

    /// Under callgrind, some fifty times slower, for [`Envoy::count_instructions`].
    pub fn counting_instructions(mut self) -> Self {
        self.counts_instructions = true;
        self
    }

    /// Starts it, and waits until it takes requests.
    ///
    /// # Panics
    ///
    /// If it does not come up.
    pub fn run(&self, site: &Site) -> Envoy {
        self.try_run(site).unwrap_or_else(|log| panic!("Envoy did not start:\n{log}"))
    }

    /// The same where it may well refuse: the error is all that it said.
    pub fn try_run(&self, site: &Site) -> Result<Envoy, String> {
        let folder = folder();
        let listeners = self.from_file.then(|| folder.join("listeners.json").display().to_string());
        let access_log = folder.join("access.log").display().to_string();
        if let Some(path) = &listeners {
            publish(Path::new(path), site, &access_log);
        }
        write(&folder.join("envoy.json"), &site.bootstrap(&access_log, listeners.as_deref()));
        self.try_run_in(folder, "envoy.json")
    }

    /// Starts it with a YAML document of its own, which logs to standard output: that goes to a file.
    ///
    /// # Panics
    ///
    /// If it does not come up.
    pub fn run_document(&self, document: &str) -> Envoy {
        let folder = folder();
        let document = document.replace("/dev/stdout", &folder.join("access.log").display().to_string());
        fs::write(folder.join("envoy.yaml"), document).expect("a folder of our own can be written");
        self.try_run_in(folder, "envoy.yaml").unwrap_or_else(|log| panic!("Envoy did not start:\n{log}"))
    }

    /// What `envoy --mode validate` says to it: whether it is valid, and all that was printed.
    pub fn validate(site: &Site) -> (bool, String) {
        let folder = folder();
        let config = folder.join("envoy.json");
        write(&config, &site.bootstrap("/dev/null", None));
        let output = command().arg("--mode").arg("validate").arg("-c").arg(config).output();
        let output = output.unwrap_or_else(|error| panic!("{}", missing(&error)));
        drop(fs::remove_dir_all(folder));
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    }

    fn try_run_in(&self, folder: PathBuf, config: &str) -> Result<Envoy, String> {
        let mut command = if self.counts_instructions { callgrind::command(&folder) } else { command() };
        command
            .arg("-c")
            .arg(folder.join(config))
            .args(["--use-dynamic-base-id", "--concurrency", &self.workers.to_string()])
            .arg("--admin-address-path")
            .arg(folder.join("admin"))
            .args(["-l", "warning", "--component-log-level", "wasm:info,main:info,config:info"])
            .args(["--log-format", "%v", "--file-flush-interval-msec", "10"])
            .args(["--drain-time-s", &self.drain_s.to_string()])
            .args(["--parent-shutdown-time-s", &(self.drain_s + 1).to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0); // a Ctrl-C is ours to hear
        if self.clock > 1 {
            command.env("LD_PRELOAD", artifact::swift_clock()).env("SWIFT_CLOCK", self.clock.to_string());
        }
        let core = self.core;
        // SAFETY: both calls are async-signal-safe and touch no memory but their own arguments.
        unsafe { command.pre_exec(move || die_with_parent(core)) };
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{}", missing(&error)));
        let log = Log::follow(child.stderr.take().expect("stderr is piped"));
        let mut envoy = Envoy { child, admin: 0, port: 0, folder, log };
        if envoy.log.wait_for("starting main dispatch loop").is_none() {
            return Err(envoy.log.text());
        }
        let folder = envoy.folder.clone();
        let address = eventually("Envoy's admin address", || fs::read_to_string(folder.join("admin")).ok());
        envoy.admin = address.trim().rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        envoy.port = eventually("Envoy's listener", || envoy.listening());
        Ok(envoy)
    }
}

impl Envoy {
    /// Replaces the listener, and waits for Envoy's word: whether it took it.
    pub fn update(&self, site: &Site) -> bool {
        let [taken, refused] =
            ["listener_manager.lds.update_success", "listener_manager.lds.update_rejected"];
        let before = self.stats("listener_manager.lds");
        let access_log = self.folder.join("access.log").display().to_string();
        publish(&self.folder.join("listeners.json"), site, &access_log);
        eventually("Envoy's word on the new listener", || {
            let now = self.stats("listener_manager.lds");
            (now.of(taken) > before.of(taken))
                .then_some(true)
                .or_else(|| (now.of(refused) > before.of(refused)).then_some(false))
        })
    }

    /// The statistics whose name contains `filter`.
    pub fn stats(&self, filter: &str) -> Stats {
        Stats::parse(&self.ask(&format!("/stats?filter={filter}")))
    }

    /// All of ours.
    pub fn near_misses(&self) -> Stats {
        self.stats("wasmcustom")
    }

    /// An admin page.
    pub fn ask(&self, path: &str) -> String {
        let response = Client::new(self.admin).send(&Request::get(path));
        String::from_utf8_lossy(&response.body).into_owned()
    }

    /// The access log's line about an exchange.
    pub fn logged(&self, exchange: &str) -> Value {
        eventually(&format!("{exchange} in the access log"), || {
            self.access_log().into_iter().find(|line| line["id"] == exchange)
        })
    }

    /// Waits until so many exchanges are in the access log: then all of them have been judged.
    pub fn wait_for_exchanges(&self, count: usize) -> Vec<Value> {
        eventually(&format!("{count} lines in the access log"), || {
            Some(self.access_log()).filter(|lines| lines.len() >= count)
        })
    }

    /// The access log so far.
    pub fn access_log(&self) -> Vec<Value> {
        self.access_text().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The same where it is not JSON: the whole lines.
    pub fn access_text(&self) -> String {
        let mut text = fs::read_to_string(self.folder.join("access.log")).unwrap_or_default();
        text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
        text
    }

    /// What was logged so far, line by line.
    pub fn log(&self) -> Vec<String> {
        self.log.lines()
    }

    /// The records logged so far.
    pub fn records(&self) -> Vec<Value> {
        let record = |line: &String| {
            let (_, json) = line.split_once("nearmiss {")?;
            serde_json::from_str(&format!("{{{json}")).ok()
        };
        self.log().iter().filter_map(record).collect()
    }

    /// Waits for a record.
    pub fn record(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        eventually(what, || self.records().into_iter().find(|record| wanted(record)))
    }

    /// Processor time spent so far.
    ///
    /// # Panics
    ///
    /// If the process is gone.
    pub fn cpu_time(&self) -> Duration {
        let pid = i32::try_from(self.child.id()).expect("a process id");
        let (mut clock, mut time) = (0, libc::timespec { tv_sec: 0, tv_nsec: 0 });
        // SAFETY: both calls write only where these references point.
        let told = unsafe {
            libc::clock_getcpuclockid(pid, &raw mut clock) == 0
                && libc::clock_gettime(clock, &raw mut time) == 0
        };
        assert!(told, "a process that runs");
        let seconds = Duration::from_secs(time.tv_sec.try_into().unwrap_or(0));
        seconds + Duration::from_nanos(time.tv_nsec.try_into().unwrap_or(0))
    }

    /// How much memory it holds, in KiB.
    ///
    /// # Panics
    ///
    /// If it does not run any more.
    pub fn resident_kib(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = fs::read_to_string(path).expect("a process that runs");
        let line =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a process with memory");
        line.trim().trim_end_matches(" kB").parse().expect("a number of KiB")
    }

    /// Resident memory, in bytes.
    ///
    /// # Panics
    ///
    /// If the process is gone.
    pub fn resident_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("a process that runs");
        let kilobytes =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
        kilobytes.and_then(|text| text.trim().parse::<u64>().ok()).expect("a number of kB") * 1024
    }

    /// Asks it to stop, and returns all it logged.
    ///
    /// # Panics
    ///
    /// If it does not stop within a minute.
    pub fn stop(mut self) -> Vec<String> {
        self.terminate();
        self.log.wait_for_end();
        self.log()
    }

    fn terminate(&mut self) {
        let pid = i32::try_from(self.child.id()).expect("a process id");
        // SAFETY: a signal to a child that was not waited for yet, so the id is its own.
        unsafe { libc::kill(pid, libc::SIGTERM) };
        eventually("Envoy to stop", || self.child.try_wait().ok().flatten());
    }

    fn listening(&self) -> Option<u16> {
        let page = Client::new(self.admin).try_send(&Request::get("/listeners?format=json")).ok()?;
        let page: Value = serde_json::from_slice(&page.body).ok()?;
        let port = page["listener_statuses"][0]["local_address"]["socket_address"]["port_value"].as_u64()?;
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
            eprintln!("Envoy's last lines, more in {}:\n{}", self.folder.display(), log[tail..].join("\n"));
        } else {
            drop(fs::remove_dir_all(&self.folder));
        }
    }
}

fn command() -> Command {
    Command::new(envoy_binary())
}

fn missing(error: &std::io::Error) -> String {
    format!("{}: {error}; `make envoy-bin` installs Envoy", envoy_binary().display())
}

/// The child ends with us, whatever ends us, and stays on its core.
pub(super) fn die_with_parent(core: Option<usize>) -> std::io::Result<()> {
    // SAFETY: prctl with constants; sched_setaffinity reads a set that lives on this stack.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        if let Some(core) = core {
            let mut set: libc::cpu_set_t = std::mem::zeroed();
            libc::CPU_SET(core, &mut set);
            if libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set) != 0 {
                return Err(std::io::Error::last_os_error());
            }
        }
    }
    Ok(())
}

/// Atomically, as Envoy's watch wants it: a new file moved over the old one.
fn publish(path: &Path, site: &Site, access_log: &str) {
    let fresh = path.with_extension("new");
    write(&fresh, &site.resources(access_log));
    fs::rename(fresh, path).expect("a folder of our own can be written");
}

fn write(path: &Path, document: &Value) {
    fs::write(path, document.to_string()).expect("a folder of our own can be written");
}

pub(super) fn folder() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let folder = artifact::root().join("target/e2e").join(name);
    fs::create_dir_all(&folder).expect("target can be written");
    folder
}
