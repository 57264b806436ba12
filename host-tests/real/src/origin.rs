//! HTTP/1.1 origins that follow the fault script in the request and log every attempt.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

use super::fault_script::{Action, EXCHANGE, RESPOND, SCRIPT};
use super::wait::TIMEOUT;

/// One host. Hosts that share an [`ArrivalLog`] continue each other's scripts.
pub struct Origin {
    /// Its port.
    pub port: u16,
    /// The attempts that arrived.
    pub arrivals: Arc<ArrivalLog>,
}

/// A reserved port that refuses every connection.
pub struct RefusingPort {
    /// The port, on which no process listens.
    pub port: u16,
    _socket: Socket,
}

/// The attempts that arrived at the origins of a test, in order.
#[derive(Default)]
pub struct ArrivalLog {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Default)]
struct Inner {
    arrivals: Vec<Arrival>,
    attempts_by_exchange: HashMap<String, usize>,
    total: usize,
    /// False under load: attempts are counted, but not kept.
    keeps_arrivals: bool,
}

/// One attempt as seen by its origin.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Arrival {
    /// Id of the exchange, from the request.
    pub exchange: String,
    /// The origin's port.
    pub port: u16,
    /// The origin's action.
    pub action: Action,
}

impl Origin {
    /// Starts a host with a log of its own.
    pub fn start() -> Self {
        Self::with_log(ArrivalLog::shared())
    }

    /// Starts a host that writes to a shared log.
    ///
    /// # Panics
    ///
    /// If there is no free port.
    pub fn with_log(arrivals: Arc<ArrivalLog>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port on loopback");
        let port = listener.local_addr().expect("a bound socket").port();
        let shared = Arc::clone(&arrivals);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let arrivals = Arc::clone(&shared);
                thread::spawn(move || drop(serve(connection, port, &arrivals)));
            }
        });
        Self { port, arrivals }
    }

    /// Starts several hosts that share a log.
    pub fn several(count: usize) -> Vec<Self> {
        let arrivals = ArrivalLog::shared();
        (0..count).map(|_| Self::with_log(Arc::clone(&arrivals))).collect()
    }

    /// Returns the address as it appears in Envoy's logs.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl RefusingPort {
    /// Reserves a port without listening on it.
    ///
    /// # Panics
    ///
    /// If there is no free port.
    pub fn reserve() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        socket.bind(&any.into()).expect("a free port on loopback");
        let address = socket.local_addr().expect("a bound socket").as_socket();
        Self { port: address.expect("an IPv4 address").port(), _socket: socket }
    }
}

impl ArrivalLog {
    /// Returns an empty log.
    pub fn shared() -> Arc<Self> {
        let log = Self::default();
        log.lock().keeps_arrivals = true;
        Arc::new(log)
    }

    /// Returns a log that only counts, for load tests.
    pub fn counting_only() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Returns the attempts of one exchange.
    pub fn of(&self, exchange: &str) -> Vec<Arrival> {
        let inner = self.lock();
        inner.arrivals.iter().filter(|arrival| arrival.exchange == exchange).cloned().collect()
    }

    /// Returns the number of attempts.
    pub fn count(&self) -> usize {
        self.lock().total
    }

    /// Restarts the script of an exchange id, so that the id can be reused.
    pub fn restart_script(&self, exchange: &str) {
        self.lock().attempts_by_exchange.remove(exchange);
    }

    /// Waits for an attempt of the exchange.
    ///
    /// # Panics
    ///
    /// If none arrives within a minute.
    pub fn wait_for(&self, exchange: &str) {
        let absent = |inner: &mut Inner| inner.arrivals.iter().all(|arrival| arrival.exchange != exchange);
        let (inner, waited) = self
            .changed
            .wait_timeout_while(self.lock(), TIMEOUT, absent)
            .unwrap_or_else(PoisonError::into_inner);
        drop(inner);
        assert!(!waited.timed_out(), "no attempt of {exchange} arrived");
    }

    /// Records an attempt and returns the action for it.
    pub fn record(&self, exchange: &str, script: &str, port: u16) -> Action {
        let mut inner = self.lock();
        inner.total += 1;
        let action = if exchange.is_empty() {
            Action::for_attempt(script, 0)
        } else {
            let attempt = inner.attempts_by_exchange.entry(exchange.to_owned()).or_insert(0);
            *attempt += 1;
            Action::for_attempt(script, *attempt - 1)
        };
        if inner.keeps_arrivals {
            inner.arrivals.push(Arrival { exchange: exchange.to_owned(), port, action });
            self.changed.notify_all();
        }
        action
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves one connection until either side closes it.
fn serve(connection: TcpStream, port: u16, arrivals: &ArrivalLog) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    let mut writer = connection.try_clone()?;
    let mut reader = BufReader::new(connection);
    loop {
        let Some(request) = Incoming::read(&mut reader)? else { return Ok(()) };
        match arrivals.record(&request.exchange, &request.script, port) {
            Action::Status(status) => request.respond(&mut writer, status)?,
            Action::Late(delay) => {
                thread::sleep(delay);
                request.respond(&mut writer, 200)?;
            }
            Action::Stream(delay) => {
                writer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n")?;
                thread::sleep(delay);
                writer.write_all(b"ok")?;
            }
            Action::Reset => {
                SockRef::from(&writer).set_linger(Some(Duration::ZERO))?;
                return Ok(());
            }
            Action::Hang => return reader.read(&mut [0]).map(drop),
            Action::Cut => {
                writer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf a bo")?;
                writer.shutdown(Shutdown::Both)?;
                return Ok(());
            }
            Action::Trailers(_) | Action::TrailersOnly(_) | Action::NoStatus => {
                panic!("a gRPC action at an HTTP/1.1 origin")
            }
        }
    }
}

/// The parts of a request that an origin needs.
#[derive(Default)]
struct Incoming {
    exchange: String,
    script: String,
    response_headers: Vec<String>,
}

impl Incoming {
    /// Reads a request; `None` if the peer has closed the connection.
    fn read(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<Self>> {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let (mut request, mut body) = (Self::default(), 0);
        loop {
            let mut raw = Vec::new();
            if reader.read_until(b'\n', &mut raw)? == 0 {
                return Ok(None);
            }
            let line = String::from_utf8_lossy(&raw);
            let line = line.trim_end();
            let Some((name, value)) = line.split_once(": ") else { break };
            // Proxies written in Go capitalise header names.
            match name.to_ascii_lowercase().as_str() {
                EXCHANGE => value.clone_into(&mut request.exchange),
                SCRIPT => value.clone_into(&mut request.script),
                RESPOND => request.response_headers.push(value.to_owned()),
                "content-length" => body = value.parse().unwrap_or(0),
                _ => (),
            }
        }
        std::io::copy(&mut reader.by_ref().take(body), &mut std::io::sink())?;
        Ok(Some(request))
    }

    fn respond(&self, writer: &mut TcpStream, status: u16) -> std::io::Result<()> {
        let mut text = format!("HTTP/1.1 {status} Test\r\ncontent-length: 2\r\n");
        for header in &self.response_headers {
            text.push_str(header);
            text.push_str("\r\n");
        }
        text.push_str("\r\nok");
        writer.write_all(text.as_bytes())
    }
}
