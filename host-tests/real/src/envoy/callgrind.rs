//! Counts the instructions of an Envoy with callgrind.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Returns the command that runs `envoy` under callgrind. Counting starts with [`set_counting`]; `folder` receives a file
/// per thread.
pub(super) fn command(envoy: &Path, folder: &Path) -> Command {
    let mut command = Command::new("valgrind");
    command
        .args(["--tool=callgrind", "--trace-children=yes", "--instr-atstart=no", "--separate-threads=yes"])
        .arg(format!("--callgrind-out-file={}/instructions.%p", folder.display()))
        .arg(envoy);
    command
}

/// Starts or stops counting.
pub(super) fn set_counting(pid: u32, on: bool) {
    let arguments = ["-i", if on { "on" } else { "off" }, &pid.to_string()];
    let output = Command::new("callgrind_control").args(arguments).output();
    assert!(output.is_ok_and(|output| output.status.success()), "callgrind does not respond");
}

/// Returns the instructions of the busiest thread, which is the worker, after the process has ended.
pub(super) fn instructions(folder: &Path) -> u64 {
    let counts = fs::read_dir(folder).expect("Envoy's directory").filter_map(|file| {
        let text = fs::read_to_string(file.ok()?.path()).ok()?;
        let total = text.lines().find_map(|line| line.strip_prefix("totals: "))?;
        total.trim().parse::<u64>().ok()
    });
    counts.max().expect("callgrind writes a file per thread")
}
