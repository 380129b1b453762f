//! Canned REST replies by wiremock behind a small TLS front on loopback: wiremock speaks plain HTTP, this crate never
//! does. The front carries whole requests and replies; it can cut replies short and let them trickle.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod failures;

use exchange_connectors::sim::server::{Request, Response};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use wiremock::matchers::{any, method, path};
use wiremock::{Mock, MockServer, Respond, ResponseTemplate};

/// Tells the front how many bytes of a reply to pass on before the connection ends.
const CUT: &str = "x-canned-cut";
/// Tells the front to pass a reply on byte by byte, so many ms apart.
const TRICKLE: &str = "x-canned-trickle";
/// wiremock asks mocks of a smaller number first.
const LAST: u8 = 255;

/// A venue's REST API that says what it is told to say.
pub struct Canned {
    runtime: tokio::runtime::Runtime,
    server: MockServer,
    port: u16,
    fallback: Option<Fallback>,
    pub ca_pem: String,
}

/// Who answers what no can answers.
#[derive(Clone)]
pub struct Fallback(Arc<dyn Fn(Request) -> Response + Send + Sync>);

impl Fallback {
    pub fn new(answer: impl Fn(Request) -> Response + Send + Sync + 'static) -> Fallback {
        Fallback(Arc::new(answer))
    }

    fn answer(&self, request: &wiremock::Request) -> Response {
        let header = |(name, value): (&wiremock::http::HeaderName, &wiremock::http::HeaderValue)| {
            (name.as_str().to_owned(), value.to_str().unwrap_or_default().to_owned())
        };
        (self.0)(Request {
            method: request.method.to_string(),
            path: request.url.path().to_owned(),
            query: request.url.query().unwrap_or_default().to_owned(),
            headers: request.headers.iter().map(header).collect(),
            body: request.body.clone(),
        })
    }
}

impl Respond for Fallback {
    fn respond(&self, request: &wiremock::Request) -> ResponseTemplate {
        let Response { status, headers, body } = self.answer(request);
        let template = ResponseTemplate::new(status).set_body_bytes(body);
        headers.iter().fold(template, |template, (name, value)| template.insert_header(name.as_str(), value.as_str()))
    }
}

/// The venue behind does what it is asked, and the can answers in its place.
struct Behind(Fallback, ResponseTemplate);

impl Respond for Behind {
    fn respond(&self, request: &wiremock::Request) -> ResponseTemplate {
        self.0.answer(request);
        self.1.clone()
    }
}

/// The reply of which only so many bytes are passed on, head included, before the connection ends.
pub fn cut(reply: ResponseTemplate, keep: usize) -> ResponseTemplate {
    reply.insert_header(CUT, keep.to_string().as_str())
}

/// The reply byte by byte, so many ms apart.
pub fn trickle(reply: ResponseTemplate, pause_ms: u64) -> ResponseTemplate {
    reply.insert_header(TRICKLE, pause_ms.to_string().as_str())
}

impl Canned {
    /// Everything that is not canned is not found.
    pub fn start() -> Canned {
        Self::build(None)
    }

    /// Everything that is not canned is answered by somebody else.
    pub fn before(fallback: Fallback) -> Canned {
        Self::build(Some(fallback))
    }

    fn build(fallback: Option<Fallback>) -> Canned {
        // Two workers: the fallback may hold one up while it asks.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let server = runtime.block_on(MockServer::start());
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (config, behind) = (Arc::new(config), *server.address());
        // Ends with the process; each connection has a thread of its own.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let config = config.clone();
                std::thread::spawn(move || carry(stream, config, behind));
            }
        });
        let canned = Canned { runtime, server, port, fallback, ca_pem: made.cert.pem() };
        canned.fall_back();
        canned
    }

    fn fall_back(&self) {
        if let Some(fallback) = self.fallback.clone() {
            self.runtime.block_on(Mock::given(any()).respond_with(fallback).with_priority(LAST).mount(&self.server));
        }
    }

    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// `METHOD path` is answered like this from now on.
    pub fn answer(&self, verb: &str, at: &str, reply: ResponseTemplate) {
        self.mount(verb, at, reply);
    }

    /// The same, although who answers everything else has been asked and has done it.
    pub fn answer_when_done(&self, verb: &str, at: &str, reply: ResponseTemplate) {
        self.mount(verb, at, Behind(self.fallback.clone().expect("somebody behind the cans"), reply));
    }

    fn mount(&self, verb: &str, at: &str, reply: impl Respond + 'static) {
        let mock = Mock::given(method(verb)).and(path(at)).respond_with(reply);
        self.runtime.block_on(mock.mount(&self.server));
    }

    /// Forgets every answer and every request.
    pub fn forget(&self) {
        self.runtime.block_on(self.server.reset());
        self.fall_back();
    }

    /// How often it was asked anything.
    pub fn asked_anything(&self) -> usize {
        self.runtime.block_on(self.server.received_requests()).unwrap().len()
    }

    /// How often `METHOD path` was asked.
    pub fn asked(&self, verb: &str, at: &str) -> usize {
        let requests = self.runtime.block_on(self.server.received_requests()).unwrap();
        requests.iter().filter(|r| r.method.as_str() == verb && r.url.path() == at).count()
    }
}

fn carry(stream: TcpStream, config: Arc<ServerConfig>, behind: SocketAddr) {
    let Ok(connection) = ServerConnection::new(config) else { return };
    let mut client = StreamOwned::new(connection, stream);
    let Ok(mut server) = TcpStream::connect(behind) else { return };
    while let Ok((request, _)) = message(&mut client) {
        if server.write_all(&request).is_err() {
            return;
        }
        let Ok((reply, Told { cut, trickle_ms })) = message(&mut server) else { return };
        let kept = cut.unwrap_or(usize::MAX).min(reply.len());
        let piece = if trickle_ms.is_some() { 1 } else { usize::MAX };
        for piece in reply[..kept].chunks(piece) {
            if client.write_all(piece).and_then(|()| client.flush()).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(trickle_ms.unwrap_or(0)));
        }
        if kept < reply.len() {
            return;
        }
    }
}

/// What a reply tells the front to do with it.
struct Told {
    cut: Option<usize>,
    trickle_ms: Option<u64>,
}

/// One HTTP message with a content-length, or none and no body.
fn message(from: &mut impl Read) -> io::Result<(Vec<u8>, Told)> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let head = bytes.windows(4).position(|w| w == b"\r\n\r\n").map(|at| at + 4);
        if let Some(head) = head {
            let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
            let number =
                |name| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.trim().parse().ok());
            let length: Option<u64> = number("content-length");
            if (bytes.len() - head) as u64 >= length.unwrap_or(0) {
                let cut = number(CUT).map(|keep: u64| keep as usize);
                return Ok((bytes, Told { cut, trickle_ms: number(TRICKLE) }));
            }
        }
        match from.read(&mut piece)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => bytes.extend_from_slice(&piece[..n]),
        }
    }
}
