//! Canned REST replies by wiremock behind a small TLS front on loopback: wiremock speaks plain HTTP, this crate never
//! does. The front carries whole requests and replies; it can cut replies short and let them trickle.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod failures;

use super::common::PATIENCE;
use exchange_connectors::sim::server::{Request, Response};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Respond, ResponseTemplate};

/// Tells the front how many bytes of a reply to pass on before the connection ends.
const CUT: &str = "x-canned-cut";
/// Tells the front to pass a reply on byte by byte, so many ms apart.
const TRICKLE: &str = "x-canned-trickle";

/// A venue's REST API that says what it is told to say.
pub struct Canned {
    shelf: Arc<Shelf>,
    port: u16,
    pub ca_pem: String,
    _server: MockServer,
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

/// Every can there is, and what was asked. It changes at once: a request meets all of the old cans or all of the new ones,
/// and never a moment without any.
struct Shelf {
    stock: Mutex<Stock>,
    asked: Condvar,
    fallback: Option<Fallback>,
}

#[derive(Default)]
struct Stock {
    /// Of several for the same request the first.
    cans: Vec<Can>,
    /// Method and path.
    asked: Vec<(String, String)>,
}

struct Can {
    verb: String,
    path: String,
    reply: ResponseTemplate,
    /// Whether who answers everything else is asked, too, and has done it.
    when_done: bool,
}

impl Stock {
    fn count(&self, what: (&str, &str)) -> usize {
        self.asked.iter().filter(|(verb, path)| (verb.as_str(), path.as_str()) == what).count()
    }
}

impl Shelf {
    fn stock(&self) -> MutexGuard<'_, Stock> {
        self.stock.lock().unwrap()
    }

    /// What a request meets; it counts as asked.
    fn take(&self, verb: &str, path: &str) -> Option<(ResponseTemplate, bool)> {
        let mut stock = self.stock();
        stock.asked.push((verb.to_owned(), path.to_owned()));
        self.asked.notify_all();
        let can = stock.cans.iter().find(|can| (can.verb.as_str(), can.path.as_str()) == (verb, path))?;
        Some((can.reply.clone(), can.when_done))
    }
}

impl Respond for Shelf {
    fn respond(&self, request: &wiremock::Request) -> ResponseTemplate {
        let done = || self.fallback.as_ref().map(|fallback| fallback.answer(request));
        match self.take(request.method.as_str(), request.url.path()) {
            Some((reply, false)) => reply,
            Some((reply, true)) => done().map(|_| reply).expect("somebody behind the cans"),
            None => done().map_or_else(|| ResponseTemplate::new(404), template),
        }
    }
}

fn template(Response { status, headers, body }: Response) -> ResponseTemplate {
    let template = ResponseTemplate::new(status).set_body_bytes(body);
    headers.iter().fold(template, |template, (name, value)| template.insert_header(name.as_str(), value.as_str()))
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
        let shelf = Arc::new(Shelf { stock: Mutex::default(), asked: Condvar::new(), fallback });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        // One of its own: a pooled one is another test's later, and would be asked what was sent to this one.
        let server = runtime.block_on(async {
            let server = MockServer::builder().disable_request_recording().start().await;
            let asks = shelf.clone();
            Mock::given(any())
                .respond_with(move |request: &wiremock::Request| asks.respond(request))
                .mount(&server)
                .await;
            server
        });
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
        Canned { shelf, port, ca_pem: made.cert.pem(), _server: server }
    }

    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// `METHOD path` is answered like this from now on.
    pub fn answer(&self, verb: &str, at: &str, reply: ResponseTemplate) {
        self.put(verb, at, reply, false);
    }

    /// The same, although who answers everything else has been asked and has done it.
    pub fn answer_when_done(&self, verb: &str, at: &str, reply: ResponseTemplate) {
        self.put(verb, at, reply, true);
    }

    fn put(&self, verb: &str, at: &str, reply: ResponseTemplate, when_done: bool) {
        let can = Can { verb: verb.to_owned(), path: at.to_owned(), reply, when_done };
        self.shelf.stock().cans.push(can);
    }

    /// Forgets every answer and every request.
    pub fn forget(&self) {
        *self.shelf.stock() = Stock::default();
    }

    /// How often it was asked anything.
    pub fn asked_anything(&self) -> usize {
        self.shelf.stock().asked.len()
    }

    /// How often `METHOD path` was asked.
    pub fn asked(&self, verb: &str, at: &str) -> usize {
        self.shelf.stock().count((verb, at))
    }

    /// Waits until `METHOD path` was asked so many times.
    #[track_caller]
    pub fn until_asked(&self, what: (&str, &str), times: usize) {
        let not_yet = |stock: &mut Stock| stock.count(what) < times;
        let (stock, waited) = self.shelf.asked.wait_timeout_while(self.shelf.stock(), PATIENCE, not_yet).unwrap();
        let asked = stock.count(what);
        drop(stock);
        assert!(!waited.timed_out(), "{what:?} was asked {asked} times in {PATIENCE:?}, not {times}");
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
