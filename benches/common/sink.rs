//! A TLS connection over loopback to a peer that reads and says nothing: what encrypting and writing cost.

use exchange_connectors::link::{tls_config, Link, Outbox, Patience};
use exchange_connectors::venue::Wire;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::AtomicBool;
use std::sync::Arc;
use std::time::{Duration, Instant};

const HOST: &str = "venue.test";
/// How long the handshake may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The connection. Its peer ends with it.
pub struct Sink {
    link: Link<TcpStream>,
}

impl Sink {
    /// A peer, connected.
    pub fn connect() -> Sink {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let roots = std::env::temp_dir().join(format!("exchange-connectors-sink-{}.pem", std::process::id()));
        std::fs::write(&roots, authority.self_signed(&key).unwrap().pem()).unwrap();
        let config = tls_config(Some(&roots)).unwrap();
        let _ = std::fs::remove_file(&roots);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        socket.set_nodelay(true).unwrap();
        let peer = server(&Issuer::new(authority, key));
        std::thread::spawn(move || {
            let (socket, _) = listener.accept().unwrap();
            let mut stream = StreamOwned::new(ServerConnection::new(peer).unwrap(), socket);
            let mut bytes = [0; 1 << 14];
            while matches!(stream.read(&mut bytes), Ok(1..)) {}
        });
        let patience = Patience { deadline: Instant::now() + PATIENCE, stop: &AtomicBool::new(false) };
        let name = ServerName::try_from(HOST).unwrap();
        Sink { link: Link::handshake(socket, config, name, patience).unwrap() }
    }

    /// Encrypts and writes what `build` hands over, to its last byte.
    pub fn send(&mut self, build: impl FnOnce(&mut Out<'_>)) {
        build(&mut Out(&mut self.link.outbox));
        let flushed = self.link.wire.flush(&mut self.link.outbox).unwrap();
        assert_eq!(flushed.written_offset, self.link.outbox.end_offset(), "the kernel has every byte");
    }
}

fn server(issuer: &Issuer<'_, KeyPair>) -> Arc<ServerConfig> {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![HOST.to_owned()]).unwrap().signed_by(&key, issuer).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    Arc::new(config)
}

/// What a session writes to.
pub struct Out<'a>(pub &'a mut Outbox);

impl Wire for Out<'_> {
    fn send(&mut self, build: impl FnOnce(&mut Vec<u8>)) {
        self.0.append(build);
    }
    fn entropy(&mut self, out: &mut [u8]) {
        out.fill(7);
    }
    fn retire(&mut self, _: Box<str>) {}
}
