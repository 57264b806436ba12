//! Several files as one stream in the order of time.

use crate::input::Lines;
use crate::setup::Error;
use core::cmp::Reverse;
use nearmiss::Timestamp;
use nearmiss_formats::{Attempts, Line, Reader};
use std::collections::BinaryHeap;

/// One file with a reader of its own.
pub(crate) struct Source {
    pub(crate) lines: Lines,
    pub(crate) reader: Reader,
    /// Its lines are records already, or a proxy's own log with records in it.
    pub(crate) has_records: bool,
    /// When the line at hand ended; that of the line before where it cannot be told.
    ts: Timestamp,
}

impl Source {
    pub(crate) fn new(lines: Lines, reader: Reader) -> Self {
        Self { lines, reader, has_records: false, ts: Timestamp::default() }
    }

    /// Reads the next line's time without taking the line; `None` at the end.
    fn peek(&mut self) -> Result<Option<Timestamp>, Error> {
        let Some(line) = self.lines.peek()? else { return Ok(None) };
        let ts = match self.reader.read(line, &mut Attempts::default()) {
            Ok(Line::Exchange(exchange)) => Some(exchange.ts),
            Ok(Line::Judged(judged)) => judged.ts,
            _ => None,
        };
        self.ts = ts.unwrap_or(self.ts);
        Ok(Some(self.ts))
    }
}

/// The order in which lines are taken from several sources.
///
/// Each source is taken to be in order but for little; the core puts right what is left. With one source no line is
/// read twice.
pub(crate) struct Sequence {
    sources: Vec<Source>,
    /// When each source's next line ended; the file named first goes first.
    next: BinaryHeap<Reverse<(Timestamp, usize)>>,
    /// The source whose line was taken last and whose next line is not known yet.
    taken: Option<usize>,
}

impl Sequence {
    pub(crate) fn new(mut sources: Vec<Source>) -> Result<Self, Error> {
        let mut next = BinaryHeap::new();
        if sources.len() > 1 {
            for (place, source) in sources.iter_mut().enumerate() {
                next.extend(source.peek()?.map(|ts| Reverse((ts, place))));
            }
        }
        Ok(Self { sources, next, taken: None })
    }

    /// The source whose line comes next; its [`Lines::next`] must then be called once.
    pub(crate) fn next(&mut self) -> Result<Option<&mut Source>, Error> {
        if self.sources.len() == 1 {
            return Ok(self.sources.first_mut());
        }
        if let Some(place) = self.taken.take()
            && let Some(source) = self.sources.get_mut(place)
        {
            self.next.extend(source.peek()?.map(|ts| Reverse((ts, place))));
        }
        let Some(Reverse((_, place))) = self.next.pop() else { return Ok(None) };
        self.taken = Some(place);
        Ok(self.sources.get_mut(place))
    }
}
