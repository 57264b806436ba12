//! The WASI calls offered to the module.

use std::collections::BTreeMap;

use wasmtime::{Caller, Error, Extern, Linker, Memory, ResourceLimiter};

/// Import module of all calls.
pub(super) const MODULE: &str = "wasi_snapshot_preview1";
/// Calls that the simulation supports.
pub(super) const SUPPORTED: [&str; 8] = [
    "clock_time_get",
    "fd_close",
    "fd_prestat_dir_name",
    "fd_prestat_get",
    "fd_read",
    "fd_write",
    "path_open",
    "random_get",
];

const BAD_DESCRIPTOR: u32 = 8;
const TOO_MANY_LINKS: u32 = 32;
const NOT_FOUND: u32 = 44;
const NO_ACCESS: u32 = 76;
const FIRST_FOLDER: usize = 3;
/// The lookup flag without which a symbolic link is not opened. Every file of the simulation is one, as in a mounted ConfigMap.
const FOLLOW_LINKS: u32 = 1;

/// The environment that the module sees through WASI.
#[derive(Clone, Debug, Default)]
pub struct WasiEnv {
    /// Wall clock, in nanoseconds since the Unix epoch.
    pub clock_ns: u64,
    /// The word that `random_get` repeats.
    pub random: u32,
    /// Preopened folders with their files; `None` for a file that cannot be opened.
    pub folders: Vec<BTreeMap<String, Option<Vec<u8>>>>,
    /// Text written to standard error.
    pub stderr: String,
    /// Open files, each with its unread rest.
    open: Vec<Option<Vec<u8>>>,
    calls: BTreeMap<&'static str, u64>,
    faults: Vec<WasiFault>,
}

/// Calls that fail.
#[derive(Clone, Debug)]
struct WasiFault {
    call: &'static str,
    /// Number of the first failing call, from 1.
    from: u64,
    /// Number of calls that fail.
    times: u64,
    errno: u32,
}

/// Name under which memory growth is counted among the calls.
pub const MEMORY_GROW: &str = "memory.grow";

impl WasiEnv {
    /// Returns an environment of one folder with one file.
    pub fn with_file(name: &str, content: &[u8]) -> Self {
        let folder = BTreeMap::from([(name.to_owned(), Some(content.to_vec()))]);
        Self { folders: vec![folder], ..Self::default() }
    }

    /// Makes `times` calls of `call` fail with `errno`, starting with the `nth` (from 1).
    #[must_use]
    pub fn failing(mut self, call: &'static str, nth: u64, times: u64, errno: u32) -> Self {
        self.faults.push(WasiFault { call, from: nth, times, errno });
        self
    }

    /// Returns the number of calls by name, failed ones included.
    pub fn calls(&self) -> &BTreeMap<&'static str, u64> {
        &self.calls
    }

    /// Counts a call. Returns the error number if the call must fail.
    fn count_call(&mut self, call: &'static str) -> Option<u32> {
        let count = self.calls.entry(call).or_default();
        *count += 1;
        let hits = |fault: &&WasiFault| {
            fault.call == call && count.checked_sub(fault.from).is_some_and(|since| since < fault.times)
        };
        self.faults.iter().find(hits).map(|fault| fault.errno)
    }

    fn open(&mut self, folder: usize, path: &str) -> Result<u32, u32> {
        let folder = folder.checked_sub(FIRST_FOLDER).and_then(|index| self.folders.get(index));
        let file = folder.ok_or(BAD_DESCRIPTOR)?.get(path).ok_or(NOT_FOUND)?;
        let content = file.clone().ok_or(NO_ACCESS)?;
        self.open.push(Some(content));
        Ok((FIRST_FOLDER + self.folders.len() + self.open.len() - 1) as u32)
    }

    fn file(&mut self, fd: u32) -> Option<&mut Option<Vec<u8>>> {
        let index = (fd as usize).checked_sub(FIRST_FOLDER + self.folders.len())?;
        self.open.get_mut(index).filter(|file| file.is_some())
    }
}

impl ResourceLimiter for WasiEnv {
    fn memory_growing(&mut self, current: usize, _: usize, _: Option<usize>) -> Result<bool, Error> {
        // The initial memory of a module is not a growth.
        Ok(current == 0 || self.count_call(MEMORY_GROW).is_none())
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> Result<bool, Error> {
        Ok(true)
    }
}

fn memory(caller: &mut Caller<'_, WasiEnv>) -> Result<Memory, Error> {
    caller.get_export("memory").and_then(Extern::into_memory).ok_or_else(|| Error::msg("no memory"))
}

/// Reads an array of addresses and lengths.
fn io_vectors(
    memory: &Memory,
    caller: &Caller<'_, WasiEnv>,
    at: u32,
    count: u32,
) -> Result<Vec<(usize, usize)>, Error> {
    let word = |at: usize| {
        let mut bytes = [0; 4];
        memory.read(caller, at, &mut bytes).map(|()| u32::from_le_bytes(bytes) as usize)
    };
    (0..count as usize)
        .map(|index| Ok((word(at as usize + 8 * index)?, word(at as usize + 8 * index + 4)?)))
        .collect()
}

pub(super) fn link(linker: &mut Linker<WasiEnv>) -> Result<(), Error> {
    linker.func_wrap(
        MODULE,
        "clock_time_get",
        |mut caller: Caller<'_, WasiEnv>, _: u32, _: u64, at: u32| {
            if let Some(errno) = caller.data_mut().count_call("clock_time_get") {
                return Ok(errno);
            }

            let memory = memory(&mut caller)?;
            let now = caller.data().clock_ns.to_le_bytes();
            memory.write(&mut caller, at as usize, &now)?;
            Ok(0_u32)
        },
    )?;
    linker.func_wrap(MODULE, "random_get", |mut caller: Caller<'_, WasiEnv>, at: u32, count: u32| {
        if let Some(errno) = caller.data_mut().count_call("random_get") {
            return Ok(errno);
        }

        let memory = memory(&mut caller)?;
        let random = caller.data().random.to_le_bytes();
        let bytes: Vec<_> = random.iter().copied().cycle().take(count as usize).collect();
        memory.write(&mut caller, at as usize, &bytes)?;
        Ok(0_u32)
    })?;
    linker.func_wrap(
        MODULE,
        "fd_write",
        |mut caller: Caller<'_, WasiEnv>, fd: u32, at: u32, count: u32, written: u32| {
            if let Some(errno) = caller.data_mut().count_call("fd_write") {
                return Ok(errno);
            }

            if !(1..=2).contains(&fd) {
                return Ok(BAD_DESCRIPTOR);
            }
            let memory = memory(&mut caller)?;
            let mut total = 0;
            for (start, len) in io_vectors(&memory, &caller, at, count)? {
                let mut bytes = vec![0; len];
                memory.read(&caller, start, &mut bytes)?;
                caller.data_mut().stderr.push_str(&String::from_utf8_lossy(&bytes));
                total += len as u32;
            }
            memory.write(&mut caller, written as usize, &total.to_le_bytes())?;
            Ok(0)
        },
    )?;
    linker.func_wrap(MODULE, "fd_prestat_get", |mut caller: Caller<'_, WasiEnv>, fd: u32, at: u32| {
        if let Some(errno) = caller.data_mut().count_call("fd_prestat_get") {
            return Ok(errno);
        }

        let folder = (fd as usize).checked_sub(FIRST_FOLDER);
        if folder.is_none_or(|index| index >= caller.data().folders.len()) {
            return Ok(BAD_DESCRIPTOR);
        }
        let memory = memory(&mut caller)?;
        memory.write(&mut caller, at as usize, &[0, 0, 0, 0, 1, 0, 0, 0])?;
        Ok(0)
    })?;
    linker.func_wrap(
        MODULE,
        "fd_prestat_dir_name",
        |mut caller: Caller<'_, WasiEnv>, _: u32, at: u32, length: u32| {
            if let Some(errno) = caller.data_mut().count_call("fd_prestat_dir_name") {
                return Ok(errno);
            }
            let memory = memory(&mut caller)?;
            memory.write(&mut caller, at as usize, &b"."[..(length as usize).min(1)])?;
            Ok(0)
        },
    )?;
    linker.func_wrap(
        MODULE,
        "path_open",
        |mut caller: Caller<'_, WasiEnv>,
         folder: u32,
         lookup_flags: u32,
         path: u32,
         path_len: u32,
         _: u32,
         _: u64,
         _: u64,
         _: u32,
         opened: u32| {
            if let Some(errno) = caller.data_mut().count_call("path_open") {
                return Ok(errno);
            }

            if lookup_flags & FOLLOW_LINKS == 0 {
                return Ok(TOO_MANY_LINKS);
            }
            let memory = memory(&mut caller)?;
            let mut name = vec![0; path_len as usize];
            memory.read(&caller, path as usize, &mut name)?;
            match caller.data_mut().open(folder as usize, &String::from_utf8_lossy(&name)) {
                Ok(fd) => {
                    memory.write(&mut caller, opened as usize, &fd.to_le_bytes())?;
                    Ok(0)
                }
                Err(errno) => Ok(errno),
            }
        },
    )?;
    linker.func_wrap(
        MODULE,
        "fd_read",
        |mut caller: Caller<'_, WasiEnv>, fd: u32, at: u32, count: u32, read: u32| {
            if let Some(errno) = caller.data_mut().count_call("fd_read") {
                return Ok(errno);
            }

            let memory = memory(&mut caller)?;
            let mut total = 0;
            for (start, len) in io_vectors(&memory, &caller, at, count)? {
                let Some(Some(rest)) = caller.data_mut().file(fd) else { return Ok(BAD_DESCRIPTOR) };
                let bytes: Vec<_> = rest.drain(..len.min(rest.len())).collect();
                total += bytes.len() as u32;
                memory.write(&mut caller, start, &bytes)?;
            }
            memory.write(&mut caller, read as usize, &total.to_le_bytes())?;
            Ok(0)
        },
    )?;
    linker.func_wrap(MODULE, "fd_close", |mut caller: Caller<'_, WasiEnv>, fd: u32| {
        if let Some(errno) = caller.data_mut().count_call("fd_close") {
            return errno;
        }

        match caller.data_mut().file(fd) {
            Some(file) => {
                *file = None;
                0
            }
            None => BAD_DESCRIPTOR,
        }
    })?;
    Ok(())
}
