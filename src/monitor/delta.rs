//! Messages between monitors that report as one: a version and a checksum, then the content.

use crate::codec::Decoder;
use crate::hash;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;

/// Version of the encoding of messages.
const VERSION: u8 = 3;
/// Length of version and checksum, in bytes.
pub(super) const HEAD: usize = 9;

/// Deltas that a worker has finished and the reporter has not received.
#[derive(Debug, Default)]
pub(super) struct ReadyDeltas {
    pub(super) deltas: VecDeque<Delta>,
}

/// Counts of one worker over all upstreams in one bucket, or in a part of it.
#[derive(Debug)]
pub struct Delta {
    /// Number of the bucket.
    pub bucket: u64,
    /// Message for [`Monitor::absorb`](crate::Monitor::absorb).
    pub bytes: Vec<u8>,
}

/// Error of a message that another build encoded, or that is incomplete.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unreadable;

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the message is incomplete, or another build encoded it; this build reads version {VERSION}"
        )
    }
}

impl core::error::Error for Unreadable {}

/// Writes version and checksum into the header of a complete message.
pub(super) fn close(message: &mut [u8]) {
    if let Some((head, body)) = message.split_at_mut_checked(HEAD) {
        let [version, sum @ ..] = head else { return };
        *version = VERSION;
        sum.copy_from_slice(&hash::hash(body).to_le_bytes());
    }
}

/// Returns a decoder of the rest of a message.
pub(super) fn decoder_at(message: &[u8], position: usize) -> Decoder<'_> {
    Decoder::new(message.get(position..).unwrap_or_default())
}

/// Checks version and checksum of a message, and returns a decoder of its content.
pub(super) fn opened(message: &[u8]) -> Result<Decoder<'_>, Unreadable> {
    let (head, body) = message.split_at_checked(HEAD).ok_or(Unreadable)?;
    let [VERSION, sum @ ..] = head else { return Err(Unreadable) };
    if *sum == hash::hash(body).to_le_bytes() { Ok(Decoder::new(body)) } else { Err(Unreadable) }
}
