//! Any bytes as a server's answer. Holds that neither the response reader nor the upgrade reader ever panics, and that
//! both judge the same however the answer is cut.
#![no_main]
#![forbid(unsafe_code)]

use std::mem::discriminant;

use exchange_connectors::codec::http1::{Excerpt, HttpError, Item, Limits, Method, ResponseReader};
use exchange_connectors::codec::websocket::{HandshakeError, Upgrade, UpgradeReader};
use libfuzzer_sys::fuzz_target;

/// Small, so that a short input already meets them.
const LIMITS: Limits = Limits { head_bytes_max: 2048, headers_max: 16, body_bytes_max: 256 };
/// RFC 6455 section 1.3, whose digest is in the seeds.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

#[derive(Debug, PartialEq)]
struct Owned {
    status: u16,
    keep_alive: bool,
    ended_by_close: bool,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
    end: usize,
}

fuzz_target!(|input: &[u8]| {
    let Some((&[read, method], wire)) = input.split_first_chunk::<2>() else {
        return;
    };
    let method = if method & 1 == 0 { Method::Get } else { Method::Head };
    let read = usize::from(read % 64) + 1;
    match (response(method, wire, usize::MAX), response(method, wire, read)) {
        // The same end; a count of bytes at the moment it was noticed may differ.
        (Err(whole), Err(parts)) => assert_eq!(discriminant(&whole), discriminant(&parts)),
        (whole, parts) => assert_eq!(whole, parts),
    }
    match (upgrade(wire, usize::MAX), upgrade(wire, read)) {
        (Err(whole), Err(parts)) => assert_eq!(discriminant(&whole), discriminant(&parts)),
        (whole, parts) => assert_eq!(whole, parts),
    }
    let _ = Excerpt::of(wire);
});

fn response(method: Method, wire: &[u8], read: usize) -> Result<Owned, HttpError> {
    let mut reader = ResponseReader::new(LIMITS);
    reader.expect(method)?;
    let (mut buffer, mut later, mut passed) = (Vec::new(), wire, 0);
    loop {
        let eof = later.is_empty();
        let step = reader.next(&mut buffer, eof)?;
        passed += step.consumed;
        let consumed = step.consumed;
        match step.item {
            Item::Response(response) => {
                return Ok(Owned {
                    status: response.status,
                    keep_alive: response.keep_alive,
                    ended_by_close: response.ended_by_close,
                    headers: response.headers.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect(),
                    body: response.body.to_vec(),
                    end: passed,
                });
            }
            Item::Incomplete { bytes_wanted } => assert!(bytes_wanted > 0 && !eof),
        }
        buffer.drain(..consumed);
        let (now, rest) = later.split_at(read.min(later.len()));
        buffer.extend_from_slice(now);
        later = rest;
    }
}

fn upgrade(wire: &[u8], read: usize) -> Result<Upgrade, HandshakeError> {
    let mut reader = UpgradeReader::new(KEY);
    let (mut buffer, mut later) = (Vec::new(), wire);
    loop {
        let (now, rest) = later.split_at(read.min(later.len()));
        buffer.extend_from_slice(now);
        later = rest;
        let eof = later.is_empty();
        match reader.read(&mut buffer, eof)? {
            Upgrade::Incomplete => assert!(!eof),
            accepted => return Ok(accepted),
        }
    }
}
