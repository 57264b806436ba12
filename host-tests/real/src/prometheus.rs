//! Prometheus processes: start, wait, query.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use super::process::{die_with_parent, working_directory};
use super::{Client, Envoy, Request, accelerated, eventually, repository_file};

/// A running Prometheus, killed on drop.
pub struct Prometheus {
    child: Child,
    port: u16,
    folder: PathBuf,
}

impl Prometheus {
    /// Starts Prometheus with the files in `examples/prometheus`, accelerated sixty times, and an Envoy as its target.
    ///
    /// # Panics
    ///
    /// If Prometheus does not start.
    pub fn scrape(envoy: &Envoy) -> Self {
        let fast = |name: &str| accelerated(&repository_file(&format!("examples/prometheus/{name}")));
        let (configuration, target) = (fast("prometheus.yml"), "127.0.0.1:9901");
        assert!(configuration.contains(target), "prometheus.yml does not scrape {target}");
        let configuration = configuration.replace(target, &format!("127.0.0.1:{}", envoy.admin));
        Self::start(&[
            ("prometheus.yml", configuration),
            ("recording.yml", fast("recording.yml")),
            ("alerts.yml", fast("alerts.yml")),
        ])
    }

    /// Starts Prometheus with these files, of which the first is its configuration, and waits until it is ready.
    ///
    /// # Panics
    ///
    /// If Prometheus does not start.
    fn start(files: &[(&str, String)]) -> Self {
        let folder = working_directory();
        for (name, text) in files {
            fs::write(folder.join(name), text).expect("the working directory can be written");
        }
        let log = File::create(folder.join("log")).expect("the working directory can be written");
        let mut command = Command::new("prometheus");
        command
            .current_dir(&folder)
            .args(["--config.file", files[0].0, "--storage.tsdb.path", "data"])
            .args(["--web.listen-address", "127.0.0.1:0"])
            .env("GOMAXPROCS", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .process_group(0);
        // SAFETY: the call is async-signal-safe and touches no memory but its own arguments.
        unsafe { command.pre_exec(|| die_with_parent(None)) };
        let child = command.spawn().unwrap_or_else(|error| panic!("{}", missing("prometheus", &error)));
        let mut prometheus = Self { child, port: 0, folder };
        prometheus.port = eventually("Prometheus to listen", || prometheus.listening());
        eventually("Prometheus to be ready", || (prometheus.get("/-/ready")?.0 == 200).then_some(()));
        prometheus
    }

    /// Runs an instant query and returns its series, with labels and values.
    ///
    /// # Panics
    ///
    /// If Prometheus rejects the query.
    pub fn query(&self, query: &str) -> Vec<Value> {
        let response = self.api(&format!("/api/v1/query?query={}", percent_encoded(query)));
        assert_eq!(response["status"], "success", "{query}: {response}");
        response["data"]["result"].as_array().expect("a list of series").clone()
    }

    /// Waits until a query returns a series.
    pub fn wait_for(&self, query: &str) -> Vec<Value> {
        eventually(&format!("`{query}` to return a series"), || {
            Some(self.query(query)).filter(|found| !found.is_empty())
        })
    }

    /// Waits until a query returns no series.
    pub fn wait_for_none(&self, query: &str) {
        eventually(&format!("`{query}` to return nothing"), || self.query(query).is_empty().then_some(()));
    }

    /// Returns a response of Prometheus's HTTP API.
    ///
    /// # Panics
    ///
    /// If there is no response, or it is not JSON.
    pub fn api(&self, path: &str) -> Value {
        let (_, body) = self.get(path).unwrap_or_else(|| panic!("Prometheus does not respond to {path}"));
        serde_json::from_slice(&body).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn get(&self, path: &str) -> Option<(u16, Vec<u8>)> {
        let response = Client::new(self.port).try_send(&Request::get(path)).ok()?;
        Some((response.status, response.body))
    }

    /// Returns the port once it is in the log.
    fn listening(&mut self) -> Option<u16> {
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        if let Ok(Some(status)) = self.child.try_wait() {
            panic!("Prometheus ended with {status}:\n{log}");
        }
        let (_, after) = log.split_once(r#"msg="Listening on" address=127.0.0.1:"#)?;
        after.lines().next()?.trim().parse().ok()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Runs promtool in `folder`.
///
/// # Panics
///
/// If promtool is not installed.
pub fn promtool(folder: &Path, arguments: &[&str]) -> Output {
    let run = Command::new("promtool").current_dir(folder).args(arguments).stdin(Stdio::null()).output();
    run.unwrap_or_else(|error| panic!("{}", missing("promtool", &error)))
}

fn missing(program: &str, error: &std::io::Error) -> String {
    format!("{program}: {error}; `make deps` installs Debian's prometheus")
}

fn percent_encoded(text: &str) -> String {
    let encoded = |byte: u8| match byte {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encoded).collect()
}
