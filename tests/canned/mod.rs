//! Canned REST replies by wiremock behind a small TLS front on loopback: wiremock speaks plain HTTP, this crate never
//! does. The front carries whole requests and replies; it can cut replies short.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// Replies are passed on whole.
const WHOLE: usize = usize::MAX;

/// A venue's REST API that says what it is told to say.
pub struct Canned {
    runtime: tokio::runtime::Runtime,
    server: MockServer,
    port: u16,
    keep: Arc<AtomicUsize>,
    pub ca_pem: String,
}

impl Canned {
    pub fn start() -> Canned {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
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
        let keep = Arc::new(AtomicUsize::new(WHOLE));
        let (config, behind, kept) = (Arc::new(config), *server.address(), keep.clone());
        // Ends with the process; each connection has a thread of its own.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, kept) = (config.clone(), kept.clone());
                std::thread::spawn(move || carry(stream, config, behind, &kept));
            }
        });
        Canned { runtime, server, port, keep, ca_pem: made.cert.pem() }
    }

    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// `METHOD path` is answered like this from now on, and nothing that was said before counts for it.
    pub fn answer(&self, verb: &str, at: &str, reply: ResponseTemplate) {
        self.runtime.block_on(Mock::given(method(verb)).and(path(at)).respond_with(reply).mount(&self.server));
    }

    /// Forgets every answer and every request.
    pub fn forget(&self) {
        self.runtime.block_on(self.server.reset());
        self.keep.store(WHOLE, Ordering::Relaxed);
    }

    /// Only so many bytes of each reply are passed on, then the connection ends.
    pub fn cut_after(&self, bytes: usize) {
        self.keep.store(bytes, Ordering::Relaxed);
    }

    /// How often `METHOD path` was asked.
    pub fn asked(&self, verb: &str, at: &str) -> usize {
        let requests = self.runtime.block_on(self.server.received_requests()).unwrap();
        requests.iter().filter(|r| r.method.as_str() == verb && r.url.path() == at).count()
    }
}

fn carry(stream: TcpStream, config: Arc<ServerConfig>, behind: SocketAddr, keep: &AtomicUsize) {
    let Ok(connection) = ServerConnection::new(config) else { return };
    let mut client = StreamOwned::new(connection, stream);
    let Ok(mut server) = TcpStream::connect(behind) else { return };
    while let Ok(request) = message(&mut client) {
        if server.write_all(&request).is_err() {
            return;
        }
        let Ok(reply) = message(&mut server) else { return };
        let kept = keep.load(Ordering::Relaxed).min(reply.len());
        if client.write_all(&reply[..kept]).and_then(|()| client.flush()).is_err() || kept < reply.len() {
            return;
        }
    }
}

/// One HTTP message with a content-length, or none and no body.
fn message(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let head = bytes.windows(4).position(|w| w == b"\r\n\r\n").map(|at| at + 4);
        if let Some(head) = head {
            let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
            let length = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
            if bytes.len() >= head + length.unwrap_or(0usize) {
                return Ok(bytes);
            }
        }
        match from.read(&mut piece)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => bytes.extend_from_slice(&piece[..n]),
        }
    }
}
