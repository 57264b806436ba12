//! A buffer for the few texts that cannot be borrowed from the line as they stand.

use alloc::vec::Vec;

/// Hands out pieces of one buffer, each borrowed for as long as the line.
///
/// The buffer grows to the line's length at the first piece and is kept for the next line. No text is longer
/// decoded than encoded, so a line's pieces always fit.
#[derive(Debug)]
pub(crate) struct Spare<'a> {
    untouched: Option<&'a mut Vec<u8>>,
    free: &'a mut [u8],
}

impl<'a> Spare<'a> {
    pub(crate) fn new(buffer: &'a mut Vec<u8>) -> Self {
        Self { untouched: Some(buffer), free: &mut [] }
    }

    /// What `fill` writes into the free part; it returns how much it wrote. `None` if it gave up.
    pub(crate) fn piece(
        &mut self,
        line_len: usize,
        fill: impl FnOnce(&mut [u8]) -> Option<usize>,
    ) -> Option<&'a [u8]> {
        if let Some(buffer) = self.untouched.take() {
            if buffer.len() < line_len {
                buffer.resize(line_len, 0);
            }
            self.free = buffer.as_mut_slice();
        }
        let written = fill(self.free)?;
        let (piece, rest) = core::mem::take(&mut self.free).split_at_mut_checked(written)?;
        self.free = rest;
        Some(piece)
    }
}
