//! Origins over HTTP/1.1: they do what the request tells them, and keep a ledger of it.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

use super::script::{Action, EXCHANGE, RESPOND, SCRIPT};
use super::wait::PATIENCE;

/// One host. Several share a [`Ledger`], so that a script runs on from host to host.
pub struct Origin {
    /// Where it listens.
    pub port: u16,
    /// What arrived.
    pub ledger: Arc<Ledger>,
}

/// A port that belongs to us and refuses every connection.
pub struct Refusing {
    /// Where nobody listens.
    pub port: u16,
    _socket: Socket,
}

/// What all the origins of a test did, in order.
#[derive(Default)]
pub struct Ledger {
    arrivals: Mutex<Book>,
    news: Condvar,
}

#[derive(Default)]
struct Book {
    arrivals: Vec<Arrival>,
    by_exchange: HashMap<String, usize>,
    total: usize,
    /// Off for load, where nobody reads it.
    kept: bool,
}

/// One attempt as its origin saw it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Arrival {
    /// From the request.
    pub exchange: String,
    /// The origin's port.
    pub port: u16,
    /// What the origin did.
    pub action: Action,
}

impl Origin {
    /// Starts a host of its own.
    pub fn start() -> Self {
        Self::with(Ledger::shared())
    }

    /// Starts a host that writes into this ledger.
    ///
    /// # Panics
    ///
    /// If there is no port left.
    pub fn with(ledger: Arc<Ledger>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port on loopback");
        let port = listener.local_addr().expect("a bound socket").port();
        let book = Arc::clone(&ledger);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let book = Arc::clone(&book);
                thread::spawn(move || drop(serve(connection, port, &book)));
            }
        });
        Self { port, ledger }
    }

    /// Several hosts with one ledger.
    pub fn several(count: usize) -> Vec<Self> {
        let ledger = Ledger::shared();
        (0..count).map(|_| Self::with(Arc::clone(&ledger))).collect()
    }

    /// As Envoy's logs name it.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Refusing {
    /// Takes a port without listening on it.
    ///
    /// # Panics
    ///
    /// If there is no port left.
    pub fn start() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        socket.bind(&any.into()).expect("a free port on loopback");
        let address = socket.local_addr().expect("a bound socket").as_socket();
        Self { port: address.expect("an IPv4 address").port(), _socket: socket }
    }
}

impl Ledger {
    /// An empty ledger.
    pub fn shared() -> Arc<Self> {
        let ledger = Self::default();
        ledger.book().kept = true;
        Arc::new(ledger)
    }

    /// A ledger for load: scripts run, nothing is written down.
    pub fn forgetful() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// The attempts of one exchange.
    pub fn of(&self, exchange: &str) -> Vec<Arrival> {
        let book = self.book();
        book.arrivals.iter().filter(|arrival| arrival.exchange == exchange).cloned().collect()
    }

    /// How many attempts there were.
    pub fn count(&self) -> usize {
        self.book().total
    }

    /// An exchange is over; the next of that name begins its script anew.
    pub fn forget(&self, exchange: &str) {
        self.book().by_exchange.remove(exchange);
    }

    /// Waits until an attempt of the exchange has arrived.
    ///
    /// # Panics
    ///
    /// If none arrives within a minute.
    pub fn wait_for(&self, exchange: &str) {
        let absent = |book: &mut Book| book.arrivals.iter().all(|arrival| arrival.exchange != exchange);
        let (book, waited) = self
            .news
            .wait_timeout_while(self.book(), PATIENCE, absent)
            .unwrap_or_else(PoisonError::into_inner);
        drop(book);
        assert!(!waited.timed_out(), "no attempt of {exchange} arrived");
    }

    pub(super) fn arrive(&self, exchange: &str, script: &str, port: u16) -> Action {
        let mut book = self.book();
        book.total += 1;
        let action = if exchange.is_empty() {
            Action::of(script, 0)
        } else {
            let attempt = book.by_exchange.entry(exchange.to_owned()).or_insert(0);
            *attempt += 1;
            Action::of(script, *attempt - 1)
        };
        if book.kept {
            book.arrivals.push(Arrival { exchange: exchange.to_owned(), port, action });
            self.news.notify_all();
        }
        action
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves one connection until either side ends it.
fn serve(connection: TcpStream, port: u16, ledger: &Ledger) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    let mut writer = connection.try_clone()?;
    let mut reader = BufReader::new(connection);
    loop {
        let Some(request) = Incoming::read(&mut reader)? else { return Ok(()) };
        match ledger.arrive(&request.exchange, &request.script, port) {
            Action::Status(status) => request.answer(&mut writer, status)?,
            Action::Late(delay) => {
                thread::sleep(delay);
                request.answer(&mut writer, 200)?;
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
            Action::Trailers(_) | Action::Bare(_) => panic!("gRPC on an origin that speaks HTTP/1.1"),
        }
    }
}

/// The parts of a request that matter here.
#[derive(Default)]
struct Incoming {
    exchange: String,
    script: String,
    respond: Vec<String>,
}

impl Incoming {
    /// `None` if the other side has closed.
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
            // Programs written in Go capitalise names.
            match name.to_ascii_lowercase().as_str() {
                EXCHANGE => value.clone_into(&mut request.exchange),
                SCRIPT => value.clone_into(&mut request.script),
                RESPOND => request.respond.push(value.to_owned()),
                "content-length" => body = value.parse().unwrap_or(0),
                _ => (),
            }
        }
        std::io::copy(&mut reader.by_ref().take(body), &mut std::io::sink())?;
        Ok(Some(request))
    }

    fn answer(&self, writer: &mut TcpStream, status: u16) -> std::io::Result<()> {
        let mut text = format!("HTTP/1.1 {status} Told So\r\ncontent-length: 2\r\n");
        for header in &self.respond {
            text.push_str(header);
            text.push_str("\r\n");
        }
        text.push_str("\r\nok");
        writer.write_all(text.as_bytes())
    }
}
