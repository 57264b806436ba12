//! An OpenTelemetry log collector that accepts, rejects or stalls on request, or sends an invalid response.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::wait::TIMEOUT;

/// A collector's behaviour.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Behaviour {
    /// Accepts every batch.
    Accept,
    /// Rejects every batch with this status.
    Reject(u16),
    /// Reads the batch, drops it and closes the connection after this time.
    Stall(Duration),
    /// Drops the batch and sends bytes that are not HTTP.
    Garbage,
    /// Accepts the batch and sends a response body of this many bytes.
    LargeResponse(usize),
    /// Closes the connection after the first batch, without a response.
    Close,
}

/// A collector on loopback.
pub struct Collector {
    /// Its port.
    pub port: u16,
    state: Arc<State>,
}

struct State {
    inner: Mutex<(Behaviour, Vec<Vec<u8>>)>,
    changed: Condvar,
}

impl Collector {
    /// Starts a collector that accepts every batch.
    ///
    /// # Panics
    ///
    /// If there is no free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port on loopback");
        let port = listener.local_addr().expect("a bound socket").port();
        let state =
            Arc::new(State { inner: Mutex::new((Behaviour::Accept, Vec::new())), changed: Condvar::new() });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                thread::spawn(move || drop(serve(&connection, &state)));
            }
        });
        Self { port, state }
    }

    /// Sets the behaviour from the next batch on.
    pub fn set(&self, behaviour: Behaviour) {
        self.state.lock().0 = behaviour;
    }

    /// Returns the batches accepted so far.
    pub fn batches(&self) -> Vec<Vec<u8>> {
        self.state.lock().1.clone()
    }

    /// Waits until `holds` returns true for the accepted batches.
    ///
    /// # Panics
    ///
    /// If it does not within a minute; the message names `what`.
    pub fn wait_until(&self, what: &str, holds: impl Fn(&[Vec<u8>]) -> bool) {
        let waited =
            self.state.changed.wait_timeout_while(self.state.lock(), TIMEOUT, |(_, batches)| !holds(batches));
        let (state, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        drop(state);
        assert!(!waited.timed_out(), "waited a minute for {what}");
    }
}

impl State {
    fn lock(&self) -> MutexGuard<'_, (Behaviour, Vec<Vec<u8>>)> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(&self, batch: Vec<u8>) {
        self.lock().1.push(batch);
        self.changed.notify_all();
    }
}

fn serve(connection: &TcpStream, state: &State) -> std::io::Result<()> {
    let mut writer = connection.try_clone()?;
    let mut reader = BufReader::new(connection);
    loop {
        let Some(body) = read_batch(&mut reader)? else { return Ok(()) };
        let behaviour = state.lock().0;
        let (status, response) = match behaviour {
            Behaviour::Accept => (200, "{}".to_owned()),
            Behaviour::Reject(status) => (status, String::new()),
            Behaviour::LargeResponse(bytes) => (200, "x".repeat(bytes)),
            Behaviour::Garbage => return writer.write_all(b"\x00\x01 this is not HTTP\r\n\r\n"),
            Behaviour::Close => return Ok(()),
            Behaviour::Stall(time) => {
                thread::sleep(time);
                return Ok(());
            }
        };
        if matches!(behaviour, Behaviour::Accept | Behaviour::LargeResponse(_)) {
            state.accept(body);
        }
        write!(writer, "HTTP/1.1 {status} Test\r\ncontent-length: {}\r\n\r\n", response.len())?;
        writer.write_all(response.as_bytes())?;
    }
}

/// Reads the body of the next request; `None` if the peer has closed the connection.
fn read_batch(reader: &mut impl BufRead) -> std::io::Result<Option<Vec<u8>>> {
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
