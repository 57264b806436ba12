//! What WASI offers to the module.

use std::collections::BTreeMap;

use wasmtime::{Caller, Error, Extern, Linker, Memory, ResourceLimiter};

/// The name that all calls are imported under.
pub(super) const MODULE: &str = "wasi_snapshot_preview1";
/// The calls that are simulated.
pub(super) const OFFERED: [&str; 7] =
    ["clock_time_get", "fd_close", "fd_prestat_get", "fd_read", "fd_write", "path_open", "random_get"];

const BAD_DESCRIPTOR: u32 = 8;
const NOT_FOUND: u32 = 44;
const NO_ACCESS: u32 = 76;
const FIRST_FOLDER: usize = 3;

/// What the module can see of the world.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// Nanoseconds since the Unix epoch.
    pub clock_ns: u64,
    /// What random numbers are made of.
    pub random: u32,
    /// The folders that are opened for it, with their files; `None` for one that must not be opened.
    pub folders: Vec<BTreeMap<String, Option<Vec<u8>>>>,
    /// What it has said on standard error.
    pub said: String,
    /// The open files, each with what has not been read yet.
    open: Vec<Option<Vec<u8>>>,
    calls: BTreeMap<&'static str, u64>,
    refusals: Vec<Refusal>,
}

/// Calls that are to be refused.
#[derive(Clone, Debug)]
struct Refusal {
    call: &'static str,
    /// The first of them, from 1.
    from: u64,
    /// How many; more are not refused.
    times: u64,
    reason: u32,
}

/// What growing memory counts as among the calls.
pub const GROW: &str = "memory.grow";

impl World {
    /// A world of one folder with one file.
    pub fn with_file(name: &str, content: &[u8]) -> Self {
        let folder = BTreeMap::from([(name.to_owned(), Some(content.to_vec()))]);
        Self { folders: vec![folder], ..Self::default() }
    }

    /// The same, where the `nth` call (from 1) of `call` and the next ones, so many in all, are refused.
    #[must_use]
    pub fn refusing(mut self, call: &'static str, nth: u64, times: u64, reason: u32) -> Self {
        self.refusals.push(Refusal { call, from: nth, times, reason });
        self
    }

    /// How often each call was made, refused or not.
    pub fn calls(&self) -> &BTreeMap<&'static str, u64> {
        &self.calls
    }

    /// Counts a call; the reason to refuse it, if it shall be.
    fn enter(&mut self, call: &'static str) -> Option<u32> {
        let count = self.calls.entry(call).or_default();
        *count += 1;
        let hits = |refusal: &&Refusal| {
            refusal.call == call && count.checked_sub(refusal.from).is_some_and(|past| past < refusal.times)
        };
        self.refusals.iter().find(hits).map(|refusal| refusal.reason)
    }

    fn open(&mut self, folder: usize, path: &str) -> Result<u32, u32> {
        let folder = folder.checked_sub(FIRST_FOLDER).and_then(|place| self.folders.get(place));
        let file = folder.ok_or(BAD_DESCRIPTOR)?.get(path).ok_or(NOT_FOUND)?;
        let content = file.clone().ok_or(NO_ACCESS)?;
        self.open.push(Some(content));
        Ok((FIRST_FOLDER + self.folders.len() + self.open.len() - 1) as u32)
    }

    fn file(&mut self, fd: u32) -> Option<&mut Option<Vec<u8>>> {
        let place = (fd as usize).checked_sub(FIRST_FOLDER + self.folders.len())?;
        self.open.get_mut(place).filter(|file| file.is_some())
    }
}

impl ResourceLimiter for World {
    fn memory_growing(&mut self, current: usize, _: usize, _: Option<usize>) -> Result<bool, Error> {
        // The memory that a module starts with is no growth.
        Ok(current == 0 || self.enter(GROW).is_none())
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> Result<bool, Error> {
        Ok(true)
    }
}

fn memory(caller: &mut Caller<'_, World>) -> Result<Memory, Error> {
    caller.get_export("memory").and_then(Extern::into_memory).ok_or_else(|| Error::msg("no memory"))
}

/// The pieces that an array of addresses and lengths names.
fn pieces(
    memory: &Memory,
    caller: &Caller<'_, World>,
    at: u32,
    count: u32,
) -> Result<Vec<(usize, usize)>, Error> {
    let word = |at: usize| {
        let mut bytes = [0; 4];
        memory.read(caller, at, &mut bytes).map(|()| u32::from_le_bytes(bytes) as usize)
    };
    (0..count as usize)
        .map(|piece| Ok((word(at as usize + 8 * piece)?, word(at as usize + 8 * piece + 4)?)))
        .collect()
}

pub(super) fn link(linker: &mut Linker<World>) -> Result<(), Error> {
    linker.func_wrap(
        MODULE,
        "clock_time_get",
        |mut caller: Caller<'_, World>, _: u32, _: u64, at: u32| {
            if let Some(reason) = caller.data_mut().enter("clock_time_get") {
                return Ok(reason);
            }

            let memory = memory(&mut caller)?;
            let now = caller.data().clock_ns.to_le_bytes();
            memory.write(&mut caller, at as usize, &now)?;
            Ok(0_u32)
        },
    )?;
    linker.func_wrap(MODULE, "random_get", |mut caller: Caller<'_, World>, at: u32, count: u32| {
        if let Some(reason) = caller.data_mut().enter("random_get") {
            return Ok(reason);
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
        |mut caller: Caller<'_, World>, fd: u32, at: u32, count: u32, written: u32| {
            if let Some(reason) = caller.data_mut().enter("fd_write") {
                return Ok(reason);
            }

            if !(1..=2).contains(&fd) {
                return Ok(BAD_DESCRIPTOR);
            }
            let memory = memory(&mut caller)?;
            let mut total = 0;
            for (start, len) in pieces(&memory, &caller, at, count)? {
                let mut bytes = vec![0; len];
                memory.read(&caller, start, &mut bytes)?;
                caller.data_mut().said.push_str(&String::from_utf8_lossy(&bytes));
                total += len as u32;
            }
            memory.write(&mut caller, written as usize, &total.to_le_bytes())?;
            Ok(0)
        },
    )?;
    linker.func_wrap(MODULE, "fd_prestat_get", |mut caller: Caller<'_, World>, fd: u32, at: u32| {
        if let Some(reason) = caller.data_mut().enter("fd_prestat_get") {
            return Ok(reason);
        }

        let folder = (fd as usize).checked_sub(FIRST_FOLDER);
        if folder.is_none_or(|place| place >= caller.data().folders.len()) {
            return Ok(BAD_DESCRIPTOR);
        }
        let memory = memory(&mut caller)?;
        memory.write(&mut caller, at as usize, &[0, 0, 0, 0, 1, 0, 0, 0])?;
        Ok(0)
    })?;
    linker.func_wrap(
        MODULE,
        "path_open",
        |mut caller: Caller<'_, World>,
         folder: u32,
         _: u32,
         path: u32,
         path_len: u32,
         _: u32,
         _: u64,
         _: u64,
         _: u32,
         opened: u32| {
            if let Some(reason) = caller.data_mut().enter("path_open") {
                return Ok(reason);
            }

            let memory = memory(&mut caller)?;
            let mut name = vec![0; path_len as usize];
            memory.read(&caller, path as usize, &mut name)?;
            match caller.data_mut().open(folder as usize, &String::from_utf8_lossy(&name)) {
                Ok(fd) => {
                    memory.write(&mut caller, opened as usize, &fd.to_le_bytes())?;
                    Ok(0)
                }
                Err(reason) => Ok(reason),
            }
        },
    )?;
    linker.func_wrap(
        MODULE,
        "fd_read",
        |mut caller: Caller<'_, World>, fd: u32, at: u32, count: u32, read: u32| {
            if let Some(reason) = caller.data_mut().enter("fd_read") {
                return Ok(reason);
            }

            let memory = memory(&mut caller)?;
            let mut total = 0;
            for (start, len) in pieces(&memory, &caller, at, count)? {
                let Some(Some(rest)) = caller.data_mut().file(fd) else { return Ok(BAD_DESCRIPTOR) };
                let bytes: Vec<_> = rest.drain(..len.min(rest.len())).collect();
                total += bytes.len() as u32;
                memory.write(&mut caller, start, &bytes)?;
            }
            memory.write(&mut caller, read as usize, &total.to_le_bytes())?;
            Ok(0)
        },
    )?;
    linker.func_wrap(MODULE, "fd_close", |mut caller: Caller<'_, World>, fd: u32| {
        if let Some(reason) = caller.data_mut().enter("fd_close") {
            return reason;
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
