//! Fluent Bit processes, of the release that the environment names.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

use super::wait::{TIMEOUT, eventually};

/// A running Fluent Bit and its output, killed on drop.
pub struct FluentBit {
    child: Child,
    lines: Receiver<String>,
    /// The lines of standard output and standard error so far.
    pub printed: Vec<String>,
}

/// Returns the path in `FLUENT_BIT`.
///
/// # Panics
///
/// If there is no such file. No package registry has a Fluent Bit, so make cannot install one.
pub fn program() -> PathBuf {
    let path = std::env::var_os("FLUENT_BIT").map(PathBuf::from);
    let path = path.filter(|path| path.is_file());
    path.expect("no Fluent Bit: make e2e-fluent-bit FLUENT_BIT=/path/to/fluent-bit")
}

impl FluentBit {
    /// Starts Fluent Bit in a folder, with a configuration file.
    ///
    /// # Panics
    ///
    /// If Fluent Bit does not start.
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

    /// Waits until `holds` returns true for the output.
    ///
    /// # Panics
    ///
    /// If it does not within a minute; the message names `what`.
    pub fn wait_until(&mut self, what: &str, holds: impl Fn(&[String]) -> bool) {
        let start = Instant::now();
        while !holds(&self.printed) {
            let remaining = TIMEOUT.saturating_sub(start.elapsed());
            match self.lines.recv_timeout(remaining) {
                Ok(line) => self.printed.push(line),
                Err(_) => panic!("no {what} in {TIMEOUT:?}; printed:\n{}", self.printed.join("\n")),
            }
        }
    }

    /// Stops Fluent Bit and returns its output.
    ///
    /// # Panics
    ///
    /// If it crashes, exits with an error, or does not exit within a minute.
    pub fn stop(mut self) -> Vec<String> {
        let id = i32::try_from(self.child.id()).expect("a process id");
        // SAFETY: the child has not been waited for, so the process id is still its own.
        unsafe { libc::kill(id, libc::SIGTERM) };
        let status = eventually("Fluent Bit's end", || self.child.try_wait().expect("a child process"));
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
