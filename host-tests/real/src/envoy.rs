//! Queries and stops Envoy processes.

mod callgrind;
mod command;
mod log;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::Value;

pub use command::{EnvoyCommand, envoy_binary};
use log::Log;

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

    /// Waits until Envoy has read the answers to all requests to a cluster.
    ///
    /// # Panics
    ///
    /// If it has not within a minute.
    pub fn wait_for_answers(&self, cluster: &str) {
        let active = format!("cluster.{cluster}.upstream_rq_active");
        eventually(&format!("the answers of {cluster}"), || {
            (self.stats(&active).value(&active) == 0).then_some(())
        });
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

/// Replaces the listener file atomically by a rename, which is what Envoy watches for.
fn publish(path: &Path, bootstrap: &Bootstrap, access_log: &str) {
    let new = path.with_extension("new");
    write(&new, &bootstrap.resources(access_log));
    fs::rename(new, path).expect("the working directory can be written");
}

fn write(path: &Path, document: &Value) {
    fs::write(path, document.to_string()).expect("the working directory can be written");
}
