//! Child processes and their working directories.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// Kills the calling child when its parent ends, and pins it to a core if there is one. To be called before `exec`.
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

/// Creates a working directory below `target/e2e`, where a failed test's files can be read.
pub(super) fn working_directory() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let folder = artifact::root().join("target/e2e").join(name);
    fs::create_dir_all(&folder).expect("target can be written");
    folder
}
