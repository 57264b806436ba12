//! Parses the lines of one source on several threads and passes them on in order.
//!
//! Each thread has a reader of its own. What a reader remembers from line to line, such as the format that it detected, is its
//! [`ReaderState`]. A batch of lines is parsed from the state that is expected before it, and once more where the batches before it end in another
//! one. So every line is read as on one thread.

use crate::error::Error;
use crate::exchange_reader::{ExchangeReader, LineHandler};
use crate::input::{InputLine, Lines};
use crate::packed_lines::PackedLines;
use core::num::NonZero;
use nearmiss_formats::{Attempts, Format, JoinKey, Reader, ReaderState};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Threads beyond these would wait: the lines are judged on one.
const MAX_THREADS: usize = 6;
/// Batches per thread that are parsed ahead.
const AHEAD: usize = 4;
/// Length of a batch in bytes. What is parsed of it is small enough for an allocator to use its memory again.
const BATCH: usize = 16 << 10;

/// The number of threads, and the length of a batch in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parallelism {
    threads: usize,
    batch: usize,
}

impl Default for Parallelism {
    fn default() -> Self {
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        Self { threads: threads.min(MAX_THREADS), batch: BATCH }
    }
}

impl Parallelism {
    /// Returns true if lines are parsed on threads of their own.
    pub(crate) fn is_worth_it(self) -> bool {
        self.threads > 1
    }

    /// Passes all `lines` to `handler`. `new_reader` creates a reader of them; `tick` is called once per batch with its number of lines.
    pub(crate) fn read_all(
        self,
        lines: &mut Lines,
        new_reader: impl Fn() -> Reader,
        exchanges: &mut ExchangeReader,
        handler: &mut impl LineHandler,
        mut tick: impl FnMut(u64),
    ) -> Result<(), Error> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let queue = Mutex::new(queue);
        thread::scope(|scope| {
            let jobs = jobs;
            for _ in 0..self.threads {
                let (queue, mut reader) = (&queue, new_reader());
                scope.spawn(move || {
                    while let Some(job) = next_job(queue) {
                        job.run(&mut reader);
                    }
                });
            }
            let mut reader = new_reader();
            let mut state = reader.state();
            let mut batches = Batches { lines, size: self.batch, error: None };
            let mut parsed_ahead = VecDeque::new();
            let (mut ahead, mut at_end) = (1, false);
            loop {
                while !at_end && parsed_ahead.len() < ahead {
                    match batches.next() {
                        Some(batch) => parsed_ahead.push_back(batch.parse_on(&jobs, &state)),
                        None => at_end = true,
                    }
                }
                let Some(parsed) = parsed_ahead.pop_front() else { break };
                let parsed = parsed.recv().unwrap_or_default();
                let parsed =
                    if parsed.from == state { parsed } else { parsed.batch.parse(&mut reader, state) };
                tick(parsed.batch.ends.len() as u64);
                state = parsed.pass(exchanges, handler)?;
                // The first batch finds the state that most others begin with.
                ahead = AHEAD * self.threads;
            }
            batches.error.map_or(Ok(()), Err)
        })
    }
}

/// Returns the next job; `None` at the end.
fn next_job(queue: &Mutex<Receiver<Job>>) -> Option<Job> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

/// Batches of the lines of one source.
struct Batches<'l> {
    lines: &'l mut Lines,
    /// Length of a batch in bytes.
    size: usize,
    /// The error that ended the source.
    error: Option<Error>,
}

impl Batches<'_> {
    /// Returns the next batch; `None` at the end.
    fn next(&mut self) -> Option<Batch> {
        let mut batch = Batch::default();
        while self.error.is_none() && batch.text.len() < self.size {
            match self.lines.next() {
                Ok(Some(line)) => batch.push(line),
                Ok(None) => break,
                Err(error) => self.error = Some(error),
            }
        }
        (!batch.ends.is_empty()).then_some(batch)
    }
}

/// Lines of one source.
#[derive(Debug, Default)]
struct Batch {
    path: PathBuf,
    /// Number of the first line.
    first: u64,
    text: Vec<u8>,
    /// End of each line.
    ends: Vec<usize>,
}

impl Batch {
    fn push(&mut self, line: InputLine<'_>) {
        if self.ends.is_empty() {
            (self.path, self.first) = (line.path.into(), line.number);
        }
        self.text.extend_from_slice(line.text);
        self.ends.push(self.text.len());
    }

    /// Iterates over the lines.
    fn lines(&self) -> impl Iterator<Item = InputLine<'_>> {
        let starts = core::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).zip(self.first..).map(|((start, end), number)| InputLine {
            path: &self.path,
            number,
            text: self.text.get(start..*end).unwrap_or_default(),
        })
    }

    /// Parses the lines on another thread, from the state of a reader. Returns the receiver of the result.
    fn parse_on(self, jobs: &Sender<Job>, from: &ReaderState) -> Receiver<Parsed> {
        let (reply, parsed) = mpsc::channel();
        // The threads run until `jobs` is dropped.
        let _ = jobs.send(Job { batch: self, from: from.clone(), reply });
        parsed
    }

    /// Parses the lines, from the state of a reader.
    fn parse(self, reader: &mut Reader, from: ReaderState) -> Parsed {
        reader.restore(&from);
        let (mut packed, mut key) = (PackedLines::with_capacity(self.ends.len()), JoinKey::default());
        let mut formats = Vec::with_capacity(self.ends.len());
        for line in self.lines() {
            let mut attempts = Attempts::default();
            let read = reader.read_part(line.text, &mut attempts, &mut key);
            packed.push(read, &key);
            formats.push(reader.format());
        }
        Parsed { to: reader.state(), batch: self, from, packed, formats }
    }
}

/// A batch to parse.
struct Job {
    batch: Batch,
    from: ReaderState,
    reply: Sender<Parsed>,
}

impl Job {
    fn run(self, reader: &mut Reader) {
        let Self { batch, from, reply } = self;
        // The reply is not awaited if judging has failed.
        let _ = reply.send(batch.parse(reader, from));
    }
}

/// A parsed batch, and the states of the reader before and after it.
#[derive(Default)]
struct Parsed {
    batch: Batch,
    from: ReaderState,
    to: ReaderState,
    packed: PackedLines,
    /// Format of each line.
    formats: Vec<Format>,
}

impl Parsed {
    /// Passes on the lines. Returns the state of the reader after them.
    fn pass(
        self,
        exchanges: &mut ExchangeReader,
        handler: &mut impl LineHandler,
    ) -> Result<ReaderState, Error> {
        let mut lines = self.batch.lines().zip(self.formats);
        self.packed.for_each(|read, key| match lines.next() {
            Some((line, format)) => exchanges.pass(line, (read, key), format, handler),
            None => Ok(()),
        })?;
        Ok(self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fastrand::Rng;
    use nearmiss_formats::{LineError, ParsedLine};
    use std::io::Read;
    use std::path::Path;

    const NGINX: &str = r#"10.0.0.9 - - [23/Nov/2026:08:00:00 +0000] "GET /p HTTP/1.1" 200 612 "-" "curl/8" rt=0.684 uht="-, 0.2" us="502, 200" ua="10.0.0.1:80, 10.0.0.2:80" urt="0.1, 0.2""#;
    const LINES: [&str; 12] = [
        NGINX,
        r#"{"ts":1795423554.5,"upstream":"cart","status":200,"duration_ms":42,"attempts":2,"max_attempts":3,"host":"10.0.0.1:80","route":"a\u0062","trace_id":"f","attempt_log":[{"host":"h:1","status":503,"duration_ms":3,"reason":"r"},{"host":"h:2","status":200}]}"#,
        r#"{"ts":1795423555,"upstream":"cart","status":503,"duration_ms":42,"flags":"UF,URX","cache_status":"STALE","proxy_status":"p; error=x","reason":"why","client_attempt":2,"quota_remaining":3,"quota_limit":100}"#,
        r#"{"time":"2026-11-23T08:00:00Z","status":"200","request_time":"0.684","upstream_status":"200"}"#,
        r#"{"start_time":"2026-06-02T17:26:41.766Z","response_code":200,"duration":3,"response_flags":"-","upstream_cluster":"cart","x_request_id":"7"}"#,
        r#"[2026-11-23T08:47:50.310Z] "GET / HTTP/2" 204 - 154 0 226 100 "10.0.35.28, 10.1.1.1" "a" "b" "c" "10.0.2.1:80""#,
        r#"2026-11-23T08:00:00.1Z stdout P 10.0.0.9 - - [23/Nov/2026:08:00:00 +0000] "GET /p HTTP/1.1" 200 612 "#,
        r#"2026-11-23T08:00:00.2Z stdout F "-" "curl/8" rt=0.684 us="502, 200""#,
        "a message of a program",
        r#"{"near_miss":{"fate":"retried","upstream":"cart"},"log":"x"}"#,
        "",
        r#"{"ts":1795423554.5,"upstream":"#,
    ];

    /// Notes every call.
    #[derive(Default)]
    struct Notes(Vec<String>);

    impl LineHandler for Notes {
        fn on_line(
            &mut self,
            line: InputLine<'_>,
            read: Result<ParsedLine<'_>, LineError>,
        ) -> Result<(), Error> {
            self.0.push(format!("{line:?} {read:?}"));
            Ok(())
        }

        fn on_format(&mut self, path: &Path, format: Format) {
            self.0.push(format!("{path:?} {format}"));
        }
    }

    fn new_reader() -> Reader {
        Reader::new(Format::Auto)
    }

    fn lines(source: impl Read + 'static) -> Lines {
        Lines::new(Path::new("x"), Box::new(source))
    }

    /// Returns lines of all kinds in long and short runs.
    fn log(seed: u64) -> String {
        let (mut random, mut log) = (Rng::with_seed(seed), String::new());
        for _ in 0..40 {
            let (line, run) =
                (random.usize(..LINES.len()), if random.bool() { 1 } else { random.usize(..60) });
            (0..run).for_each(|_| log.extend([LINES[line], "\n"]));
        }
        log
    }

    #[test]
    fn lines_are_read_on_several_threads_as_on_one() {
        for seed in 0..60 {
            let log = log(seed);
            let (mut one, mut exchanges, mut reader) =
                (Notes::default(), ExchangeReader::default(), new_reader());
            let mut source = lines(std::io::Cursor::new(log.clone()));
            while let Some(line) = source.next().unwrap() {
                exchanges.read(line, &mut reader, &mut one).unwrap();
            }
            exchanges.finish(&mut one).unwrap();

            let (mut several, mut exchanges, mut ticks) = (Notes::default(), ExchangeReader::default(), 0);
            let mut source = lines(std::io::Cursor::new(log.clone()));
            Parallelism { threads: 3, batch: 1 + 211 * seed as usize }
                .read_all(&mut source, new_reader, &mut exchanges, &mut several, |lines| ticks += lines)
                .unwrap();
            exchanges.finish(&mut several).unwrap();
            assert_eq!(one.0, several.0, "{seed}");
            assert_eq!(ticks as usize, log.lines().count());
        }
    }

    #[test]
    fn an_error_of_the_source_comes_after_the_lines_before_it() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::Error::other("broken"))
            }
        }
        let text = [LINES[0], LINES[1], ""].join("\n");
        let mut notes = Notes::default();
        let error = Parallelism { threads: 2, batch: 1 << 16 }.read_all(
            &mut lines(std::io::Cursor::new(text).chain(Broken)),
            new_reader,
            &mut ExchangeReader::default(),
            &mut notes,
            |_| (),
        );
        assert!(error.unwrap_err().to_string().contains("broken"));
        assert_eq!(notes.0.iter().filter(|note| note.contains("InputLine")).count(), 2);
    }
}
