//! A program that is installed, and one that runs.

use crate::artifact;
use crate::real::eventually;
use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A program of somebody else's.
#[derive(Clone, Debug)]
pub struct Program {
    /// Where it is.
    pub path: PathBuf,
    /// As it says itself.
    pub version: String,
}

impl Program {
    /// Finds `name` where `make deps` puts it, and asks for its version with `arguments`; the version is the first
    /// word with a digit and a dot in what it answers.
    ///
    /// # Panics
    ///
    /// If it is not installed.
    pub fn find(name: &str, arguments: &[&str]) -> Self {
        let places = [
            artifact::root().join("target/venv/bin"),
            artifact::root().join("target/proxies/bin"),
            "/usr/sbin".into(),
            "/usr/bin".into(),
            "/usr/local/bin".into(),
        ];
        let found = places.into_iter().map(|place| place.join(name)).find(|path| path.exists());
        Self::at(
            found.unwrap_or_else(|| panic!("{name} is not installed: `make deps` installs it")),
            arguments,
        )
    }

    /// The program at `path`.
    ///
    /// # Panics
    ///
    /// If it is not there, or does not run.
    pub fn at(path: PathBuf, arguments: &[&str]) -> Self {
        assert!(path.exists(), "{} is not installed: `make deps` installs it", path.display());
        let answer = Command::new(&path).args(arguments).stdin(Stdio::null()).output();
        let answer = answer.unwrap_or_else(|error| panic!("{} does not run: {error}", path.display()));
        let text = [answer.stdout, answer.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        let is_version = |word: &&str| {
            word.contains('.') && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        };
        let words = text.split(|c: char| c.is_whitespace() || matches!(c, '/' | '-' | '+' | 'v'));
        let version = words.into_iter().find(is_version).unwrap_or("unknown").trim_end_matches('.').into();
        Self { path, version }
    }

    /// Starts it in `folder` and waits until `port` takes connections.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn start(&self, folder: Folder, arguments: &[&str], port: u16) -> Running {
        let log = |name: &str| {
            fs::File::create(folder.path().join(name)).expect("a folder of our own can be written")
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
                let said = folder.text("stderr") + &folder.text("stdout");
                panic!("{} ended with {status}:\n{said}", self.path.display());
            }
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()
        });
        Running { child, folder }
    }
}

/// A process that ends with this value.
pub struct Running {
    child: Child,
    /// Where it was started.
    pub folder: Folder,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder of our own that goes with this value.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// An empty one.
    ///
    /// # Panics
    ///
    /// If it cannot be made.
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("nearmiss-proxies-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a temporary folder");
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file into it and says where.
    ///
    /// # Panics
    ///
    /// If it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::write(&path, text).expect("a folder of our own can be written");
        path.display().to_string()
    }

    /// What a file in it says; nothing if it is not there.
    pub fn text(&self, name: &str) -> String {
        fs::read(self.0.join(name))
            .map(|text| String::from_utf8_lossy(&text).into_owned())
            .unwrap_or_default()
    }
}

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A port that was free a moment ago.
///
/// # Panics
///
/// If there is none.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port on loopback");
    listener.local_addr().expect("a bound socket").port()
}
