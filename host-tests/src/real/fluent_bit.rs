//! A real Fluent Bit, of whatever release the environment names.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A Fluent Bit that runs, and what it prints on standard output and standard error.
pub struct FluentBit {
    child: Child,
    lines: Receiver<String>,
    /// What has been printed so far.
    pub printed: Vec<String>,
}

/// The program that `FLUENT_BIT` names.
///
/// # Panics
///
/// If it names none: there is no package to take one from.
pub fn program() -> PathBuf {
    let path = std::env::var_os("FLUENT_BIT").map(PathBuf::from);
    let path = path.filter(|path| path.is_file());
    path.expect("no Fluent Bit: make e2e-fluent-bit FLUENT_BIT=/path/to/fluent-bit")
}

impl FluentBit {
    /// Starts with a configuration file, in a folder.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn start(folder: &Path, configuration: &Path) -> Self {
        let mut child = Command::new(program())
            .arg("-c")
            .arg(configuration)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("Fluent Bit starts");
        let (sender, lines) = channel();
        let pipes: [Box<dyn std::io::Read + Send>; 2] =
            [Box::new(child.stdout.take().expect("a pipe")), Box::new(child.stderr.take().expect("a pipe"))];
        for pipe in pipes {
            let sender = sender.clone();
            thread::spawn(move || {
                for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                    let _ = sender.send(String::from_utf8_lossy(&line).into_owned());
                }
            });
        }
        Self { child, lines, printed: Vec::new() }
    }

    /// Waits until what has been printed is enough.
    ///
    /// # Panics
    ///
    /// If it never is.
    pub fn until(&mut self, what: &str, enough: impl Fn(&[String]) -> bool) {
        let start = Instant::now();
        while !enough(&self.printed) {
            let left = PATIENCE.saturating_sub(start.elapsed());
            match self.lines.recv_timeout(left) {
                Ok(line) => self.printed.push(line),
                Err(_) => panic!("no {what} in {PATIENCE:?}; printed:\n{}", self.printed.join("\n")),
            }
        }
    }

    /// Asks it to stop, and gives all that it has printed.
    ///
    /// # Panics
    ///
    /// If it ends otherwise than it should: then it has crashed.
    pub fn stop(mut self) -> Vec<String> {
        let id = i32::try_from(self.child.id()).expect("a process id");
        // SAFETY: a signal to a child that has not been waited for.
        unsafe { libc::kill(id, libc::SIGTERM) };
        let status = self.child.wait().expect("it was started");
        assert!(status.success(), "{status}: {}", self.printed.join("\n"));
        self.printed.extend(self.lines.iter());
        std::mem::take(&mut self.printed)
    }
}

impl Drop for FluentBit {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder of a test's own, gone with it.
pub struct Folder(pub PathBuf);

impl Folder {
    /// Makes one.
    ///
    /// # Panics
    ///
    /// If there cannot be one.
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("nearmiss-fluent-bit-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    /// Writes a file into it.
    ///
    /// # Panics
    ///
    /// If it cannot be written.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, content).expect("a file");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
