//! The desk's entry: who has it, since when it was heard of, and what it has taken from whom.

use super::LEASE;
use crate::attributes::name;
use crate::host::Call;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use nearmiss::Timestamp;

/// The shared counter that tells the instances of one Envoy apart.
const INSTANCES: &str = "nearmiss.instances";

/// What the entry says.
#[derive(Debug, Default)]
pub(super) struct Board {
    /// Who has the desk; 0 if nobody.
    pub(super) holder: u32,
    beat: Timestamp,
    /// The bucket up to which what is usual has been published.
    pub(super) usual: u32,
    taken: Vec<Taken>,
    version: u32,
}

/// How far one VM's deltas were taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    id: u32,
    /// The first number that was not.
    next: u32,
}

impl Board {
    /// What it says now; nothing if there is none yet, or the host does not answer.
    pub(super) fn read(call: &Call, key: &str) -> Option<Self> {
        let (bytes, version) = call.shared(&format!("{key}/desk")).ok()?;
        let mut board = Self { version, ..Self::default() };
        let Some((head, taken)) = bytes.split_at_checked(16) else { return Some(board) };
        (board.holder, board.beat, board.usual) = (word(head, 0), moment(head, 4), word(head, 12));
        let entries = taken.chunks_exact(8);
        board.taken = entries.map(|entry| Taken { id: word(entry, 0), next: word(entry, 4) }).collect();
        Some(board)
    }

    /// Whether somebody has the desk who was heard of lately. A clock that went back makes nobody immortal.
    pub(super) fn is_held(&self, now: Timestamp) -> bool {
        self.holder != 0 && now.since(self.beat) <= LEASE && self.beat.since(now) <= LEASE
    }

    /// Forgets VMs that have gone: those of which nothing was said for longest, beyond so many.
    pub(super) fn keep(&mut self, most: usize) {
        self.taken.truncate(most);
    }

    /// Writes it, if nobody has since it was read.
    pub(super) fn write(&self, call: &Call, key: &str, now: Timestamp) -> bool {
        let mut bytes = Vec::with_capacity(16 + 8 * self.taken.len());
        bytes.extend(self.holder.to_le_bytes());
        bytes.extend(now.micros().to_le_bytes());
        bytes.extend(self.usual.to_le_bytes());
        for taken in &self.taken {
            [taken.id, taken.next].iter().for_each(|part| bytes.extend(part.to_le_bytes()));
        }
        call.share(&format!("{key}/desk"), &bytes, self.version).is_ok()
    }

    /// Takes the desk, with what was taken there before.
    pub(super) fn take(&self, call: &Call, key: &str, id: u32, now: Timestamp) -> bool {
        let taken = self.taken.clone();
        Self { holder: id, beat: now, usual: self.usual, taken, version: self.version }.write(call, key, now)
    }

    /// The first number of that VM's deltas that was not taken.
    pub(super) fn next(&self, id: u32) -> u32 {
        self.taken.iter().find(|taken| taken.id == id).map_or(0, |taken| taken.next)
    }

    /// Says how far that VM's deltas were taken; the newest say so first.
    pub(super) fn took(&mut self, id: u32, next: u32) {
        self.taken.retain(|taken| taken.id != id);
        self.taken.insert(0, Taken { id, next });
    }
}

/// The four bytes at `at`.
pub(super) fn word(bytes: &[u8], at: usize) -> u32 {
    let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
    four.map_or(0, u32::from_le_bytes)
}

/// The moment in the eight bytes at `at`.
pub(super) fn moment(bytes: &[u8], at: usize) -> Timestamp {
    Timestamp::from_micros(u64::from(word(bytes, at)) | u64::from(word(bytes, at + 4)) << 32)
}

/// A number that no other VM has.
pub(super) fn identify(call: &Call, key: &str, now: Timestamp) -> u32 {
    // Two VMs may create the counter at the same time; the moment then tells them apart.
    let number = count(call, &format!("{key}/ids"));
    let salt = (now.micros() ^ now.micros() >> 16) as u32 & 0xffff;
    (number << 16 | salt).max(1)
}

/// Names this run of this instance: `node/instance/start`, so that the summaries of instances are told apart.
pub(crate) fn source(call: &Call, start: Timestamp) -> String {
    let node = name(call.property("xds\0node\0id")).unwrap_or("envoy");
    format!("{node}/{}/{}", count(call, INSTANCES), start.seconds())
}

/// The next number of a shared counter; 0 if it cannot be had.
fn count(call: &Call, key: &str) -> u32 {
    const TRIES: u32 = 16;
    for _ in 0..TRIES {
        let (before, version) = match call.shared(key) {
            Ok((value, version)) => (word(value, 0), version),
            Err(_) => (0, 0),
        };
        let number = before.wrapping_add(1);
        if call.share(key, &number.to_le_bytes(), version).is_ok() {
            return number;
        }
    }
    0
}
