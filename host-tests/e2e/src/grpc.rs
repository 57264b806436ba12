//! gRPC over HTTP/2: an origin that sends its error in the headers or the trailers, and a client.

use std::net::{Ipv4Addr, TcpListener as StdListener};
use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response};
use real::{Action, ArrivalLog, EXCHANGE, SCRIPT};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;

/// A gRPC host.
pub struct GrpcOrigin {
    /// Its port.
    pub port: u16,
    /// The attempts that arrived.
    pub arrivals: Arc<ArrivalLog>,
}

/// The result of a call.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct GrpcReply {
    /// HTTP status.
    pub status: u16,
    /// gRPC status, from the trailers or the headers.
    pub grpc_status: Option<String>,
    /// Size of the body in bytes.
    pub body: usize,
    /// The `near-miss` header.
    pub near_miss: Option<String>,
}

impl GrpcOrigin {
    /// Starts a gRPC host.
    ///
    /// # Panics
    ///
    /// If there is no free port.
    pub fn start() -> Self {
        let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port on loopback");
        let port = listener.local_addr().expect("a bound socket").port();
        let arrivals = ArrivalLog::shared();
        let shared = Arc::clone(&arrivals);
        thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                listener.set_nonblocking(true).expect("a bound socket");
                let listener = TcpListener::from_std(listener).expect("a bound socket");
                while let Ok((connection, _)) = listener.accept().await {
                    tokio::spawn(serve(connection, port, Arc::clone(&shared)));
                }
            });
        });
        Self { port, arrivals }
    }
}

/// Makes one call with an exchange's id and fault script.
///
/// # Panics
///
/// If there is no response.
pub fn call(port: u16, path: &str, exchange: &str, script: &str) -> GrpcReply {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(send(port, path, exchange, script)).expect("an HTTP/2 response")
}

async fn send(port: u16, path: &str, exchange: &str, script: &str) -> Result<GrpcReply, h2::Error> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.expect("a listener");
    let (client, connection) = h2::client::handshake(stream).await?;
    tokio::spawn(connection);
    let request = http::Request::post(format!("http://example.test{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header(EXCHANGE, exchange)
        .header(SCRIPT, script)
        .body(())
        .expect("a request");
    let (response, mut sender) = client.ready().await?.send_request(request, false)?;
    sender.send_data(Bytes::from_static(b"\0\0\0\0\0"), true)?;
    let (head, mut body) = response.await?.into_parts();
    let text = |map: &HeaderMap, name: &str| map.get(name)?.to_str().ok().map(str::to_owned);
    let mut reply = GrpcReply {
        status: head.status.as_u16(),
        grpc_status: text(&head.headers, "grpc-status"),
        near_miss: text(&head.headers, "near-miss"),
        body: 0,
    };
    while let Some(data) = body.data().await {
        let size = data?.len();
        reply.body += size;
        body.flow_control().release_capacity(size)?;
    }
    if let Some(trailers) = body.trailers().await? {
        reply.grpc_status = text(&trailers, "grpc-status").or(reply.grpc_status);
    }
    Ok(reply)
}

async fn serve(connection: TcpStream, port: u16, arrivals: Arc<ArrivalLog>) {
    let Ok(mut connection) = h2::server::handshake(connection).await else { return };
    while let Some(Ok((request, respond))) = connection.accept().await {
        let text = |name: &str| {
            request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
        };
        let action = arrivals.record(&text(EXCHANGE), &text(SCRIPT), port);
        // An error means that the peer has closed the stream, which a test may want.
        drop(perform(respond, action));
    }
}

fn perform(mut respond: h2::server::SendResponse<Bytes>, action: Action) -> Result<(), h2::Error> {
    let head = |status: u16| {
        let mut response = Response::new(());
        *response.status_mut() = http::StatusCode::from_u16(status).expect("a status");
        response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
        response
    };
    let status = |code: u16| {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from(code));
        trailers
    };
    match action {
        Action::Trailers(code) => {
            let mut body = respond.send_response(head(200), false)?;
            body.send_data(Bytes::from_static(b"\0\0\0\0\x02ok"), false)?;
            body.send_trailers(status(code))
        }
        Action::TrailersOnly(code) => {
            let mut response = head(200);
            response.headers_mut().extend(status(code));
            respond.send_response(response, true).map(drop)
        }
        Action::NoStatus => {
            let mut body = respond.send_response(head(200), false)?;
            body.send_data(Bytes::from_static(b"\0\0\0\0\x02ok"), true)
        }
        Action::Status(code) => respond.send_response(head(code), true).map(drop),
        Action::Reset | Action::Hang | Action::Cut | Action::Late(_) | Action::Stream(_) => {
            respond.send_reset(h2::Reason::INTERNAL_ERROR);
            Ok(())
        }
    }
}
