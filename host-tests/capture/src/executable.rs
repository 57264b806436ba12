//! Installed proxies and their processes.

use real::{TempDir, eventually};
use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// An installed proxy.
#[derive(Clone, Debug)]
pub struct Executable {
    /// Path of the program.
    pub path: PathBuf,
    /// Version that the program prints.
    pub version: String,
}

impl Executable {
    /// Finds the program `name` where `make deps` installs it; `arguments` make it print its version.
    ///
    /// # Panics
    ///
    /// If the program is not installed.
    pub fn find(name: &str, arguments: &[&str]) -> Self {
        let folders = [
            artifact::root().join("target/venv/bin"),
            artifact::root().join("target/proxies/bin"),
            "/usr/sbin".into(),
            "/usr/bin".into(),
            "/usr/local/bin".into(),
        ];
        let found = folders.into_iter().map(|folder| folder.join(name)).find(|path| path.exists());
        Self::at(
            found.unwrap_or_else(|| panic!("{name} is not installed: `make deps` installs it")),
            arguments,
        )
    }

    /// Returns the program at `path`; the version is the first word of digits and dots that it prints with `arguments`.
    ///
    /// # Panics
    ///
    /// If the program is missing or does not run.
    pub fn at(path: PathBuf, arguments: &[&str]) -> Self {
        assert!(path.exists(), "{} is not installed: `make deps` installs it", path.display());
        let output = Command::new(&path).args(arguments).stdin(Stdio::null()).output();
        let output = output.unwrap_or_else(|error| panic!("{} does not run: {error}", path.display()));
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        let is_version = |word: &&str| {
            word.contains('.') && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        };
        let words = text.split(|c: char| c.is_whitespace() || matches!(c, '/' | '-' | '+' | 'v'));
        let version = words.into_iter().find(is_version).unwrap_or("unknown").trim_end_matches('.').into();
        Self { path, version }
    }

    /// Starts the program in `folder` and waits until `port` accepts connections.
    ///
    /// # Panics
    ///
    /// If the program does not start.
    pub fn start(&self, folder: &TempDir, arguments: &[&str], port: u16) -> RunningProxy {
        let log = |name: &str| {
            fs::File::create(folder.path().join(name)).expect("a temporary directory can be written")
        };
        let mut child = Command::new(&self.path)
            .args(arguments)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log("stdout"))
            .stderr(log("stderr"))
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", self.path.display()));
        eventually(&format!("{} to listen", self.path.display()), || {
            if let Ok(Some(status)) = child.try_wait() {
                let output = folder.read("stderr") + &folder.read("stdout");
                panic!("{} ended with {status}:\n{output}", self.path.display());
            }
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()
        });
        let name = self.path.file_name().unwrap_or_default().display();
        RunningProxy { child, program: format!("{name} {}", self.version) }
    }
}

/// A running proxy, killed on drop.
pub struct RunningProxy {
    child: Child,
    /// Name and version of the proxy.
    pub program: String,
}

impl Drop for RunningProxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns a port that is free at the moment.
///
/// # Panics
///
/// If there is no free port.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port on loopback");
    listener.local_addr().expect("a bound socket").port()
}
