//! A collector of OpenTelemetry logs that takes them, refuses them, stalls or lies.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::wait::PATIENCE;

/// How it behaves, from now on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mood {
    /// Takes every batch.
    Willing,
    /// Answers with this status and takes nothing.
    Refusing(u16),
    /// Reads the batch and answers only after this time, without having taken it.
    Stalling(Duration),
    /// Answers something that is no HTTP, and takes nothing.
    Garbage,
    /// Takes the batch and answers with this many bytes.
    Huge(usize),
    /// Closes every connection at once.
    Dead,
}

/// A collector on loopback.
pub struct Collector {
    /// Where it listens.
    pub port: u16,
    state: Arc<State>,
}

struct State {
    inner: Mutex<(Mood, Vec<Vec<u8>>)>,
    news: Condvar,
}

impl Collector {
    /// Starts one that is willing.
    ///
    /// # Panics
    ///
    /// If there is no port left.
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port on loopback");
        let port = listener.local_addr().expect("a bound socket").port();
        let state = Arc::new(State { inner: Mutex::new((Mood::Willing, Vec::new())), news: Condvar::new() });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                thread::spawn(move || drop(serve(&connection, &state)));
            }
        });
        Self { port, state }
    }

    /// Behaves otherwise from the next batch on.
    pub fn set(&self, mood: Mood) {
        self.state.lock().0 = mood;
    }

    /// The batches taken so far.
    pub fn batches(&self) -> Vec<Vec<u8>> {
        self.state.lock().1.clone()
    }

    /// Waits until something is true of the batches taken.
    ///
    /// # Panics
    ///
    /// If it does not come true within a minute.
    pub fn wait_until(&self, what: &str, holds: impl Fn(&[Vec<u8>]) -> bool) {
        let waited =
            self.state.news.wait_timeout_while(self.state.lock(), PATIENCE, |(_, batches)| !holds(batches));
        let (state, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        drop(state);
        assert!(!waited.timed_out(), "waited a minute for {what}");
    }
}

impl State {
    fn lock(&self) -> MutexGuard<'_, (Mood, Vec<Vec<u8>>)> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, batch: Vec<u8>) {
        self.lock().1.push(batch);
        self.news.notify_all();
    }
}

fn serve(connection: &TcpStream, state: &State) -> std::io::Result<()> {
    let mut writer = connection.try_clone()?;
    let mut reader = BufReader::new(connection);
    loop {
        let Some(body) = batch(&mut reader)? else { return Ok(()) };
        let mood = state.lock().0;
        let (status, answer) = match mood {
            Mood::Willing => (200, "{}".to_owned()),
            Mood::Refusing(status) => (status, String::new()),
            Mood::Huge(bytes) => (200, "x".repeat(bytes)),
            Mood::Garbage => return writer.write_all(b"\x00\x01 this is no answer\r\n\r\n"),
            Mood::Dead => return Ok(()),
            Mood::Stalling(time) => {
                thread::sleep(time);
                return Ok(());
            }
        };
        if matches!(mood, Mood::Willing | Mood::Huge(_)) {
            state.take(body);
        }
        write!(writer, "HTTP/1.1 {status} So\r\ncontent-length: {}\r\n\r\n", answer.len())?;
        writer.write_all(answer.as_bytes())?;
    }
}

/// The body of the next request; `None` if the other side has closed.
fn batch(reader: &mut impl BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let mut length = 0;
    let mut lines = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        lines += 1;
        let line = line.trim_end();
        if line.is_empty() && lines > 1 {
            break;
        }
        if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some(body))
}
