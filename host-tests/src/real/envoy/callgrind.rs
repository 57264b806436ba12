//! Counting the instructions of an Envoy.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Envoy, envoy_binary};

/// Envoy under callgrind, which counts once it is told to and leaves a file for each thread in `folder`.
pub(super) fn command(folder: &Path) -> Command {
    let mut command = Command::new("valgrind");
    command
        .args(["--tool=callgrind", "--trace-children=yes", "--instr-atstart=no", "--separate-threads=yes"])
        .arg(format!("--callgrind-out-file={}/instructions.%p", folder.display()))
        .arg(envoy_binary());
    command
}

impl Envoy {
    /// The instructions that its busiest thread, the worker, spends while `work` is done; then it is stopped.
    ///
    /// # Panics
    ///
    /// If it was not started to count them.
    pub fn count_instructions(mut self, work: impl FnOnce()) -> u64 {
        self.count(true);
        work();
        self.count(false);
        self.terminate();
        let counts = fs::read_dir(&self.folder).expect("its folder is there").filter_map(|file| {
            let text = fs::read_to_string(file.ok()?.path()).ok()?;
            let total = text.lines().find_map(|line| line.strip_prefix("totals: "))?;
            total.trim().parse::<u64>().ok()
        });
        counts.max().expect("callgrind leaves a file for each thread")
    }

    fn count(&self, on: bool) {
        let pid = self.child.id().to_string();
        let output =
            Command::new("callgrind_control").args(["-i", if on { "on" } else { "off" }, &pid]).output();
        assert!(output.is_ok_and(|output| output.status.success()), "callgrind does not answer");
    }
}
