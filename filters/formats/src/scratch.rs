//! Scratch space for the few texts that cannot be borrowed from the line unchanged.

use alloc::vec::Vec;

/// Hands out slices of one buffer, each borrowed for as long as the line.
///
/// The buffer grows to the line's length on first use and is kept for the next line. Decoded text is never longer
/// than encoded text, so the texts of one line always fit.
#[derive(Debug)]
pub(crate) struct Scratch<'a> {
    unused: Option<&'a mut Vec<u8>>,
    free: &'a mut [u8],
}

impl<'a> Scratch<'a> {
    pub(crate) fn new(buffer: &'a mut Vec<u8>) -> Self {
        Self { unused: Some(buffer), free: &mut [] }
    }

    /// Returns the bytes that `fill` writes into the free space. `fill` returns their number, or `None` on failure.
    pub(crate) fn write(
        &mut self,
        line_len: usize,
        fill: impl FnOnce(&mut [u8]) -> Option<usize>,
    ) -> Option<&'a [u8]> {
        if let Some(buffer) = self.unused.take() {
            if buffer.len() < line_len {
                buffer.resize(line_len, 0);
            }
            self.free = buffer.as_mut_slice();
        }
        let length = fill(self.free)?;
        let (written, rest) = core::mem::take(&mut self.free).split_at_mut_checked(length)?;
        self.free = rest;
        Some(written)
    }
}
