//! Lines of files and of standard input, compressed or not.

use crate::error::Error;
use crate::progress::Progress;
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Maximum length of a line in bytes. The rest of a longer line is discarded, and the line counts as unreadable.
const MAX_LINE: usize = 64 << 20;
/// Initial size of the buffer.
const CHUNK: usize = 1 << 20;
/// Length of the end of a file that is searched for its last times, in bytes.
const END: u64 = 256 << 10;

/// One line, and where it comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InputLine<'a> {
    /// Name of the file in messages.
    pub(crate) path: &'a Path,
    /// Number of the line, from 1.
    pub(crate) number: u64,
    /// The line without its line ending.
    pub(crate) text: &'a [u8],
}

/// The lines of one source, each borrowed from a buffer that is reused.
pub(crate) struct Lines {
    path: PathBuf,
    source: Box<dyn Read>,
    buffer: Vec<u8>,
    /// Range of the buffer that has been read but not returned.
    start: usize,
    end: usize,
    /// True at the end of the source.
    at_end: bool,
    /// Number of lines returned so far.
    number: u64,
}

impl Lines {
    /// Opens a file and decompresses it if its first bytes are those of gzip or zstd; `-` is standard input.
    ///
    /// `progress` counts the bytes that are read of the file.
    pub(crate) fn open(path: &Path, progress: &Progress) -> Result<Self, Error> {
        let wrong = |error| Error::Input(path.into(), error);
        let source: Box<dyn Read> = if path.as_os_str() == "-" {
            Box::new(io::stdin().lock())
        } else {
            let file = File::open(path).map_err(wrong)?;
            let known = file.metadata().map_err(wrong)?;
            if known.is_dir() {
                return Err(wrong(io::ErrorKind::IsADirectory.into()));
            }
            Box::new(progress.counted(file, known.len()))
        };
        Ok(Self::new(path, decompressed(source).map_err(wrong)?))
    }

    /// Opens a file for its last lines: a plain file is read from [`END`] bytes before its end, a compressed one as a whole.
    pub(crate) fn open_end(path: &Path) -> Result<Self, Error> {
        let wrong = |error| Error::Input(path.into(), error);
        let mut file = File::open(path).map_err(wrong)?;
        let length = file.metadata().map_err(wrong)?.len();
        let mut magic = [0; 4];
        let is_plain =
            length > END && file.read_exact(&mut magic).is_ok() && Compression::of(&magic).is_none();
        let start = if is_plain { length - END } else { 0 };
        file.seek(SeekFrom::Start(start)).map_err(wrong)?;
        let mut lines = Self::new(path, decompressed(Box::new(file)).map_err(wrong)?);
        if is_plain {
            // The first line is not whole.
            lines.next()?;
        }
        Ok(lines)
    }

    /// Reads lines from `source`; `path` is its name in messages.
    pub(crate) fn new(path: &Path, source: Box<dyn Read>) -> Self {
        let buffer = vec![0; CHUNK];
        Self { path: path.into(), source, buffer, start: 0, end: 0, at_end: false, number: 0 }
    }

    /// Reads until the next line is in the buffer and returns its end, `None` at the end of the source.
    fn fill(&mut self) -> Result<Option<usize>, Error> {
        let mut searched = self.start;
        loop {
            let unsearched = self.buffer.get(searched..self.end).unwrap_or_default();
            if let Some(newline) = memchr::memchr(b'\n', unsearched) {
                return Ok(Some(searched + newline));
            }
            searched = self.end;
            if self.at_end {
                return Ok((self.start < self.end).then_some(self.end));
            }
            if self.end - self.start >= MAX_LINE {
                // One byte of an endless line is kept, so that it counts as a line.
                self.end = self.start + 1;
                searched = self.end;
            }
            if self.start > 0 && self.end == self.buffer.len() {
                self.buffer.copy_within(self.start..self.end, 0);
                searched -= self.start;
                self.end -= self.start;
                self.start = 0;
            }
            if self.end == self.buffer.len() {
                self.buffer.resize(self.buffer.len() * 2, 0);
            }
            let room = self.buffer.get_mut(self.end..).unwrap_or_default();
            match self.source.read(room) {
                Ok(0) => self.at_end = true,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::Input(self.path.clone(), error)),
            }
        }
    }

    /// Returns everything that is buffered, at least the next line; `None` at the end.
    pub(crate) fn buffered(&mut self) -> Result<Option<&[u8]>, Error> {
        Ok(self.fill()?.map(|_| self.buffer.get(self.start..self.end).unwrap_or_default()))
    }

    /// Returns the next line without consuming it.
    pub(crate) fn peek(&mut self) -> Result<Option<&[u8]>, Error> {
        let Some(end) = self.fill()? else { return Ok(None) };
        let line = self.buffer.get(self.start..end).unwrap_or_default();
        Ok(Some(line.strip_suffix(b"\r").unwrap_or(line)))
    }

    /// Returns the next line; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<InputLine<'_>>, Error> {
        let Some(end) = self.fill()? else { return Ok(None) };
        let start = self.start;
        self.start = (end + 1).min(self.end);
        self.number += 1;
        let line = self.buffer.get(start..end).unwrap_or_default();
        let text = line.strip_suffix(b"\r").unwrap_or(line);
        Ok(Some(InputLine { path: &self.path, number: self.number, text }))
    }
}

/// Compression of a file, by its first four bytes.
enum Compression {
    Gzip,
    Zstd,
    /// A compression that is not read: its name, and the command that removes it.
    Other(&'static str, &'static str),
}

impl Compression {
    fn of(magic: &[u8]) -> Option<Self> {
        match magic {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd] => Some(Self::Zstd),
            [0xfd, b'7', b'z', b'X'] => Some(Self::Other("xz", "xz -dc")),
            [b'B', b'Z', b'h', _] => Some(Self::Other("bzip2", "bzip2 -dc")),
            [b'P', b'K', 3, 4] => Some(Self::Other("zip", "unzip -p")),
            [4, 0x22, 0x4d, 0x18] => Some(Self::Other("lz4", "lz4 -dc")),
            _ => None,
        }
    }
}

/// Wraps `source` in a decoder if it is compressed.
fn decompressed(mut source: Box<dyn Read>) -> io::Result<Box<dyn Read>> {
    let mut magic = [0; 4];
    let mut known = 0;
    while known < magic.len() {
        match source.read(magic.get_mut(known..).unwrap_or_default())? {
            0 => break,
            read => known += read,
        }
    }
    let magic = magic.get(..known).unwrap_or_default().to_vec();
    let compression = Compression::of(&magic);
    let whole = io::Cursor::new(magic).chain(source);
    Ok(match compression {
        Some(Compression::Gzip) => {
            Box::new(MultiGzDecoder::new(io::BufReader::with_capacity(CHUNK / 4, whole)))
        }
        Some(Compression::Zstd) => {
            Box::new(ruzstd::decoding::StreamingDecoder::new(whole).map_err(io::Error::other)?)
        }
        Some(Compression::Other(name, command)) => {
            let advice =
                format!("compressed with {name}; decompress it first: {command} FILE | nearmiss replay -");
            return Err(io::Error::new(io::ErrorKind::Unsupported, advice));
        }
        None => Box::new(whole),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that returns a few bytes at a time.
    struct SmallReads(Vec<u8>, usize);

    impl Read for SmallReads {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(room.len());
            room[..count].copy_from_slice(&self.0[..count]);
            self.0.drain(..count);
            Ok(count)
        }
    }

    fn lines(text: &[u8], at_once: usize) -> Vec<Vec<u8>> {
        let mut lines = Lines::new(Path::new("x"), Box::new(SmallReads(text.into(), at_once)));
        lines.buffer.truncate(8);
        let mut read = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            read.push(line.text.to_vec());
            assert_eq!(line.number as usize, read.len());
        }
        read
    }

    #[test]
    fn lines_are_whole_for_every_read_size() {
        let text = b"one\n\na much longer line than the buffer\r\nlast without an end";
        for at_once in 1..70 {
            assert_eq!(
                lines(text, at_once),
                [&b"one"[..], b"", b"a much longer line than the buffer", b"last without an end"]
            );
        }
        assert!(lines(b"", 1).is_empty());
        assert_eq!(lines(b"\n", 1), [b""]);
    }
}
