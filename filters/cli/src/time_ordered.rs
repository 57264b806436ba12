//! Merges several files into one stream ordered by time.

use crate::config;
use crate::error::Error;
use crate::input::Lines;
use crate::progress::Progress;
use core::cmp::Reverse;
use nearmiss::{Config, Timestamp};
use nearmiss_formats::{Attempts, Format, ParsedLine, Reader};
use std::collections::BinaryHeap;
use std::path::PathBuf;

/// One file with its own line reader.
pub(crate) struct Source {
    pub(crate) lines: Lines,
    pub(crate) reader: Reader,
    /// True if the lines are records, or a proxy's own log that contains records.
    pub(crate) has_records: bool,
    /// End time of the next line; the previous line's if it has none.
    ts: Timestamp,
}

impl Source {
    pub(crate) fn new(lines: Lines, reader: Reader) -> Self {
        Self { lines, reader, has_records: false, ts: Timestamp::default() }
    }

    /// Reads the time of the next line without consuming it; returns `None` at the end.
    fn peek(&mut self) -> Result<Option<Timestamp>, Error> {
        let Some(line) = self.lines.peek()? else { return Ok(None) };
        let ts = match self.reader.read(line, &mut Attempts::default()) {
            Ok(ParsedLine::Exchange(exchange)) => Some(exchange.ts),
            Ok(ParsedLine::Judged(judged)) => judged.ts,
            _ => None,
        };
        self.ts = ts.unwrap_or(self.ts);
        Ok(Some(self.ts))
    }
}

/// K-way merge of sources by time.
///
/// Each source is expected to be nearly in order; the core reorders the rest. With one source, no line is parsed
/// twice.
pub(crate) struct TimeOrdered {
    sources: Vec<Source>,
    /// End time of each source's next line, with the source's index: ties are resolved in the order of the arguments.
    next: BinaryHeap<Reverse<(Timestamp, usize)>>,
    /// Index of the source whose line was returned last; the time of its next line is not known yet.
    taken: Option<usize>,
}

impl TimeOrdered {
    /// Opens files of lines in `format`.
    pub(crate) fn open(
        paths: &[PathBuf],
        format: Format,
        config: &Config,
        progress: &Progress,
    ) -> Result<Self, Error> {
        let open = |path: &PathBuf| {
            Ok(Source::new(Lines::open(path, progress)?, config::line_reader(format, config)))
        };
        Self::new(paths.iter().map(open).collect::<Result<_, Error>>()?)
    }

    pub(crate) fn new(mut sources: Vec<Source>) -> Result<Self, Error> {
        let mut next = BinaryHeap::new();
        if sources.len() > 1 {
            for (index, source) in sources.iter_mut().enumerate() {
                next.extend(source.peek()?.map(|ts| Reverse((ts, index))));
            }
        }
        Ok(Self { sources, next, taken: None })
    }

    /// Returns the source if there is only one.
    pub(crate) fn only(&mut self) -> Option<&mut Source> {
        let [source] = self.sources.as_mut_slice() else { return None };
        Some(source)
    }

    /// Returns the source with the next line; the caller must then call [`Lines::next`] once.
    pub(crate) fn next(&mut self) -> Result<Option<&mut Source>, Error> {
        if self.sources.len() == 1 {
            return Ok(self.sources.first_mut());
        }
        if let Some(index) = self.taken.take()
            && let Some(source) = self.sources.get_mut(index)
        {
            self.next.extend(source.peek()?.map(|ts| Reverse((ts, index))));
        }
        let Some(Reverse((_, index))) = self.next.pop() else { return Ok(None) };
        self.taken = Some(index);
        Ok(self.sources.get_mut(index))
    }
}
