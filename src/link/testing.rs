//! What tests of this room and of those above need: a certificate authority made on the spot, a TLS server on loopback,
//! a TLS server in memory, a socket that behaves as badly as told.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ServerConfig, ServerConnection, StreamOwned};

use super::*;

/// The name certificates in tests are for.
pub const HOST: &str = "venue.test";

/// No test waits longer than this for anything.
pub const LONG: Duration = Duration::from_secs(10);

/// Refuses every connection: nobody listens there, and no system gives the port to who asks for a free one. A port that was
/// bound and let go may be another test's by the time it is dialled.
pub const NOBODY: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1));

/// An authority nobody else trusts.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A file that goes with its owner.
pub struct TempFile(pub PathBuf);

impl TempFile {
    pub fn with(text: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("link-{}-{}.pem", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        // Each has a name of its own, or an unknown authority would look like a forged signature.
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("authority {}", COUNT.fetch_add(1, Ordering::Relaxed));
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    pub fn pem_file(&self) -> TempFile {
        TempFile::with(&self.pem)
    }

    /// What a client that trusts this authority uses.
    pub fn client(&self) -> Arc<ClientConfig> {
        tls_config(Some(&self.pem_file().0)).unwrap()
    }

    /// A server whose certificate is in order.
    pub fn server(&self) -> Arc<ServerConfig> {
        self.server_with(HOST, |_| ())
    }

    pub fn server_with(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Arc<ServerConfig> {
        self.server_of(name, change, &[&rustls::version::TLS13, &rustls::version::TLS12])
    }

    pub fn server_of(
        &self,
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> Arc<ServerConfig> {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }
}

pub fn host() -> ServerName<'static> {
    ServerName::try_from(HOST).unwrap()
}

/// One accepted connection, handshake done.
pub type ServerStream = StreamOwned<ServerConnection, TcpStream>;

/// A server on loopback: one thread accepts, one more per connection.
pub struct Server {
    pub addr: SocketAddr,
    pub accepted: Arc<AtomicUsize>,
    /// Connections that were served to their end, and are closed.
    pub ended: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Over plain TCP.
    pub fn tcp(handle: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let (accepted, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let handle = Arc::new(handle);
        let thread = std::thread::spawn({
            let (stop, accepted, ended) = (stop.clone(), accepted.clone(), ended.clone());
            move || {
                let mut threads = Vec::new();
                for socket in listener.incoming() {
                    if stop.load(Ordering::SeqCst) {
                        break;
                    }
                    let Ok(socket) = socket else { continue };
                    accepted.fetch_add(1, Ordering::SeqCst);
                    // Nothing in a test may hang for ever.
                    socket.set_read_timeout(Some(LONG)).unwrap();
                    socket.set_nodelay(true).unwrap();
                    let (handle, ended) = (handle.clone(), ended.clone());
                    threads.push(std::thread::spawn(move || {
                        handle(socket);
                        ended.fetch_add(1, Ordering::SeqCst);
                    }));
                }
                for thread in threads {
                    let _ = thread.join();
                }
            }
        });
        Self { addr, accepted, ended, stop, thread: Some(thread) }
    }

    /// Over TLS; the handshake is done when `handle` is called, and connections that fail it are dropped.
    pub fn tls(config: Arc<ServerConfig>, handle: impl Fn(&mut ServerStream) + Send + Sync + 'static) -> Self {
        Self::tcp(move |socket| {
            let mut stream = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), socket);
            if stream.conn.complete_io(&mut stream.sock).is_ok() {
                handle(&mut stream);
            }
        })
    }

    pub fn socket(&self) -> TcpStream {
        TcpStream::connect(self.addr).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.addr);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Reads up to the blank line that ends a request's head.
pub fn read_head(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => break,
        }
    }
    String::from_utf8(head).unwrap()
}

/// Until the peer closes.
pub fn wait_for_close(stream: &mut impl Read) {
    let mut bytes = [0; 1024];
    while matches!(stream.read(&mut bytes), Ok(1..)) {}
}

/// Asks until it is so.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A server in memory, and the wire to it.
pub struct Peer {
    pub tls: ServerConnection,
    /// Ciphertext under way to the client.
    pub to_client: VecDeque<u8>,
    /// Plaintext that reached the server.
    pub received: Vec<u8>,
    /// Ciphertext the client's kernel took and the server has not read.
    to_server: Vec<u8>,
    /// The server ended the connection; the client reads 0 once `to_client` is empty.
    pub ended: bool,
    /// Most bytes the next reads give, in turn; 0 is would-block; none left is no limit.
    pub reads: VecDeque<usize>,
    /// Most bytes the next writes take, likewise.
    pub writes: VecDeque<usize>,
}

impl Peer {
    /// The server reads and answers all there is.
    pub fn pump(&mut self) {
        let mut bytes = &self.to_server[..];
        while !bytes.is_empty() && self.tls.read_tls(&mut bytes).unwrap() > 0 {
            self.tls.process_new_packets().unwrap();
            // Would-block is the end of what there is.
            let _ = self.tls.reader().read_to_end(&mut self.received);
        }
        self.to_server.clear();
        self.collect();
    }

    pub fn send(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(16 * 1024) {
            self.tls.writer().write_all(piece).unwrap();
            self.collect();
        }
    }

    /// Puts on the wire what the server's TLS has to say.
    pub fn collect(&mut self) {
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.to_client).unwrap();
        }
    }
}

/// The client's end of the wire to a [`Peer`].
pub struct FakeSocket {
    pub peer: Peer,
}

impl Read for FakeSocket {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.peer.to_client.is_empty() {
            return if self.peer.ended { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) };
        }
        let most = self.peer.reads.pop_front().unwrap_or(usize::MAX).min(out.len());
        if most == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.peer.to_client.read(&mut out[..most])
    }
}

impl Write for FakeSocket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let most = self.peer.writes.pop_front().unwrap_or(usize::MAX).min(bytes.len());
        if most == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.peer.to_server.extend_from_slice(&bytes[..most]);
        Ok(most)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A link to a server in memory, handshake done, nothing under way.
pub fn link_in_memory(server: Arc<ServerConfig>, client: Arc<ClientConfig>) -> Link<FakeSocket> {
    let peer = Peer {
        tls: ServerConnection::new(server).unwrap(),
        to_client: VecDeque::new(),
        received: Vec::new(),
        to_server: Vec::new(),
        ended: false,
        reads: VecDeque::new(),
        writes: VecDeque::new(),
    };
    let wire = Wire::new(FakeSocket { peer }, client, host()).unwrap();
    let mut link = Link { wire, inbox: Inbox::new(), outbox: Outbox::new() };
    for _ in 0..4 {
        link.wire.flush(&mut link.outbox).unwrap();
        link.wire.socket_mut().peer.pump();
        link.wire.receive(&mut link.inbox, usize::MAX).unwrap();
    }
    assert!(!link.wire.is_handshaking());
    link
}
