//! An HTTP/1.1 client: one connection, one request at a time.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use super::fault_script::{EXCHANGE, RESPOND, SCRIPT};
use super::wait::TIMEOUT;

/// A client with one connection to a listener, kept alive between requests.
pub struct Client {
    port: u16,
    connection: Option<BufReader<TcpStream>>,
}

/// A request without a body.
#[derive(Clone, Debug)]
pub struct Request {
    method: &'static str,
    path: String,
    headers: Vec<(String, Vec<u8>)>,
}

/// A response.
#[derive(Clone, Debug)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body, as far as it was received.
    pub body: Vec<u8>,
    /// True if the whole body was received.
    pub complete: bool,
}

impl Request {
    /// Returns a GET request for a path.
    pub fn get(path: &str) -> Self {
        Self { method: "GET", path: path.to_owned(), headers: Vec::new() }
    }

    /// Returns a POST request without a body.
    pub fn post(path: &str) -> Self {
        Self { method: "POST", ..Self::get(path) }.header("content-length", "0")
    }

    /// Sets the exchange's id and its fault script.
    pub fn script(self, exchange: &str, script: &str) -> Self {
        self.header(EXCHANGE, exchange).header(SCRIPT, script)
    }

    /// Adds a header to the origin's response.
    pub fn respond(self, header: &str) -> Self {
        self.header(RESPOND, header)
    }

    /// Adds a request header.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes =
            format!("{} {} HTTP/1.1\r\nhost: example.test\r\n", self.method, self.path).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend(name.as_bytes());
            bytes.extend(b": ");
            bytes.extend(value);
            bytes.extend(b"\r\n");
        }
        bytes.extend(b"\r\n");
        bytes
    }
}

impl Response {
    /// Returns the first header with this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

impl Client {
    /// Returns a client that connects on its first request.
    pub fn new(port: u16) -> Self {
        Self { port, connection: None }
    }

    /// Sends a request and reads the response.
    ///
    /// # Panics
    ///
    /// If there is no valid HTTP response.
    pub fn send(&mut self, request: &Request) -> Response {
        self.try_send(request).unwrap_or_else(|error| panic!("no response to {}: {error}", request.path))
    }

    /// Sends a request and reads the response, if there is one.
    pub fn try_send(&mut self, request: &Request) -> io::Result<Response> {
        let mut connection = self.write(request)?;
        let response = Response::read(&mut connection)?;
        if response.complete && response.header("connection") != Some("close") {
            self.connection = Some(connection);
        }
        Ok(response)
    }

    /// Sends a request and disconnects when `ready` returns, without reading the response.
    ///
    /// # Panics
    ///
    /// If the request cannot be sent.
    pub fn abandon(&mut self, request: &Request, ready: impl FnOnce()) {
        let connection = self.write(request).expect("the request can be sent");
        ready();
        drop(connection);
    }

    fn write(&mut self, request: &Request) -> io::Result<BufReader<TcpStream>> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(TIMEOUT))?;
                BufReader::new(stream)
            }
        };
        connection.get_mut().write_all(&request.bytes())?;
        Ok(connection)
    }
}

impl Response {
    fn read(reader: &mut BufReader<TcpStream>) -> io::Result<Self> {
        let status = read_line(reader)?;
        let status = status.split(' ').nth(1).and_then(|word| word.parse().ok()).ok_or_else(invalid)?;
        let mut headers = Vec::new();
        loop {
            let line = read_line(reader)?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut response = Self { status, headers, body: Vec::new(), complete: true };
        if response.header("transfer-encoding") == Some("chunked") {
            response.complete = response.read_chunks(reader).is_ok();
        } else {
            let length: u64 =
                response.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
            let read = reader.take(length).read_to_end(&mut response.body);
            response.complete = read.is_ok_and(|read| read as u64 == length);
        }
        Ok(response)
    }

    fn read_chunks(&mut self, reader: &mut BufReader<TcpStream>) -> io::Result<()> {
        loop {
            let size = u64::from_str_radix(&read_line(reader)?, 16).map_err(|_| invalid())?;
            let read = reader.take(size).read_to_end(&mut self.body)?;
            if read as u64 != size {
                return Err(invalid());
            }
            read_line(reader)?;
            if size == 0 {
                return Ok(());
            }
        }
    }
}

fn read_line(reader: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}

fn invalid() -> io::Error {
    io::ErrorKind::InvalidData.into()
}
