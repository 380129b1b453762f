//! HTTP/1.1 on the wire: reads a request out of a buffer, writes a reply. Knows no sockets and no venue.

use super::api::{Request, Response};
use tungstenite::handshake::derive_accept_key;

/// Request headers taken.
const HEADERS_MAX: usize = 64;
/// Bytes of request line and headers taken.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Bytes of body taken.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// What is in the buffer.
#[derive(Debug)]
pub(crate) enum Parsed {
    /// Not a whole request yet.
    Partial,
    /// A head whose client waits for [`CONTINUE`] before it sends the body.
    Expects,
    /// A request, and the bytes it took.
    Whole(Request, usize),
    /// Not HTTP, or beyond the limits: answer this and close.
    Bad(Response),
}

pub(crate) fn parse(buf: &[u8]) -> Parsed {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Request::new(&mut headers);
    let head_len = match head.parse(buf) {
        Ok(httparse::Status::Complete(len)) if len <= HEAD_BYTES_MAX => len,
        Ok(httparse::Status::Partial) if buf.len() < HEAD_BYTES_MAX => return Parsed::Partial,
        Ok(_) | Err(httparse::Error::TooManyHeaders) => {
            return Parsed::Bad(Response::text(431, "Request Header Fields Too Large\n"));
        }
        Err(_) => return Parsed::Bad(Response::text(400, "Bad Request\n")),
    };
    let target = head.path.unwrap_or("/");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut request = Request {
        method: head.method.unwrap_or("").to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: Vec::with_capacity(head.headers.len()),
        body: Vec::new(),
    };
    for header in head.headers.iter() {
        let value = String::from_utf8_lossy(header.value).into_owned();
        request.headers.push((header.name.to_ascii_lowercase(), value));
    }
    // HTTP/1.0 ends a connection unless asked not to; what comes after this knows one rule only.
    if head.version == Some(0) && request.header("connection").is_none() {
        request.headers.push(("connection".to_owned(), "close".to_owned()));
    }
    let rest = buf.get(head_len..).unwrap_or_default();
    let body = match (framing(&request), request.header("expect")) {
        // Asked for before the body: a client that gets no answer waits for a second or more.
        (Ok(framing), Some(expected)) if rest.is_empty() && framing != Framing::Length(0) => {
            let known = expected.eq_ignore_ascii_case("100-continue");
            return if known { Parsed::Expects } else { Parsed::Bad(Response::text(417, "Expectation Failed\n")) };
        }
        (Ok(Framing::Length(length)), _) => Ok(rest.get(..length).map(|body| (body.to_vec(), length))),
        (Ok(Framing::Chunks), _) => dechunked(rest),
        (Err(refusal), _) => Err(refusal),
    };
    match body {
        Ok(Some((body, taken))) => {
            request.body = body;
            Parsed::Whole(request, head_len + taken)
        }
        Ok(None) => Parsed::Partial,
        Err(refusal) => Parsed::Bad(refusal),
    }
}

/// How a request says where its body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunks,
}

/// Where the body ends, or the refusal of a request that says it in two ways, or not at all.
fn framing(request: &Request) -> Result<Framing, Response> {
    let bad = || Response::text(400, "Bad Request\n");
    let mut lengths = request.headers.iter().filter(|(name, _)| name == "content-length").map(|(_, v)| v.trim());
    let length = lengths.next();
    if lengths.any(|other| Some(other) != length) {
        return Err(bad());
    }
    match (request.header("transfer-encoding"), length) {
        (Some(_), Some(_)) => Err(bad()),
        (Some(coding), None) if coding.trim().eq_ignore_ascii_case("chunked") => Ok(Framing::Chunks),
        (Some(_), None) => Err(Response::text(501, "Not Implemented\n")),
        (None, None) => Ok(Framing::Length(0)),
        (None, Some(text)) => match text.parse::<usize>() {
            Ok(length) if length <= BODY_BYTES_MAX => Ok(Framing::Length(length)),
            Ok(_) => Err(too_large()),
            Err(_) => Err(bad()),
        },
    }
}

fn too_large() -> Response {
    Response::text(413, "Payload Too Large\n")
}

/// A chunked body and the bytes it took, none while it is not whole. Trailers are read and forgotten.
fn dechunked(buf: &[u8]) -> Result<Option<(Vec<u8>, usize)>, Response> {
    let bad = || Response::text(400, "Bad Request\n");
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let rest = buf.get(at..).unwrap_or_default();
        let size = match httparse::parse_chunk_size(rest) {
            Ok(httparse::Status::Complete((line, size))) => {
                at += line;
                usize::try_from(size).unwrap_or(usize::MAX)
            }
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err(bad()),
        };
        if size == 0 {
            break;
        }
        if size > BODY_BYTES_MAX - body.len() {
            return Err(too_large());
        }
        let Some(chunk) = buf.get(at..at + size + 2) else { return Ok(None) };
        let Some(data) = chunk.strip_suffix(b"\r\n") else { return Err(bad()) };
        body.extend_from_slice(data);
        at += size + 2;
    }
    let mut trailers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    match httparse::parse_headers(buf.get(at..).unwrap_or_default(), &mut trailers) {
        Ok(httparse::Status::Complete((len, _))) => Ok(Some((body, at + len))),
        Ok(httparse::Status::Partial) => Ok(None),
        Err(_) => Err(bad()),
    }
}

/// Says that the body may come.
pub(crate) const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The last chunk of a body.
pub(crate) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// A piece of a chunked body; nothing for no bytes, since an empty chunk would end the body.
pub(crate) fn put_chunk(out: &mut Vec<u8>, piece: &[u8]) {
    if !piece.is_empty() {
        out.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        out.extend_from_slice(piece);
        out.extend_from_slice(b"\r\n");
    }
}

/// The reply's bytes; with `chunk`, in chunked transfer encoding.
pub(crate) fn serialize(response: &Response, keep_alive: bool, chunk: Option<usize>) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {} {}\r\n", response.status, reason(response.status));
    for (name, value) in &response.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    match chunk {
        None => head.push_str(&format!("Content-Length: {}\r\n", response.body.len())),
        Some(_) => head.push_str("Transfer-Encoding: chunked\r\n"),
    }
    head.push_str(if keep_alive { "Connection: keep-alive\r\n\r\n" } else { "Connection: close\r\n\r\n" });
    let mut bytes = head.into_bytes();
    match chunk {
        None => bytes.extend_from_slice(&response.body),
        Some(size) => {
            for piece in response.body.chunks(size.max(1)) {
                put_chunk(&mut bytes, piece);
            }
            bytes.extend_from_slice(LAST_CHUNK);
        }
    }
    bytes
}

/// The reply to `HEAD`: what `GET` would get, without the body that its length tells of.
pub(crate) fn serialize_head(response: &Response, keep_alive: bool) -> Vec<u8> {
    let mut bytes = serialize(response, keep_alive, None);
    bytes.truncate(bytes.len() - response.body.len());
    bytes
}

/// The beginning of a chunked reply that has no end yet.
pub(crate) fn serialize_open_ended(response: &Response) -> Vec<u8> {
    let mut bytes = serialize(response, true, Some(usize::MAX));
    bytes.truncate(bytes.len() - LAST_CHUNK.len());
    bytes
}

/// Whether the client wants the connection kept.
pub(crate) fn keeps_alive(request: &Request) -> bool {
    !request.header("connection").is_some_and(|v| v.to_ascii_lowercase().contains("close"))
}

/// Whether this asks for a WebSocket, rightly or not.
pub(crate) fn wants_upgrade(request: &Request) -> bool {
    request.header("upgrade").is_some_and(|v| v.eq_ignore_ascii_case("websocket"))
}

/// The 101 reply, or why there is none. No extension is ever granted.
pub(crate) fn switching(request: &Request) -> Result<Vec<u8>, Response> {
    let good = request.method == "GET" && request.header("sec-websocket-version") == Some("13");
    let key = request.header("sec-websocket-key").filter(|key| good && key.len() == 24);
    let key = key.ok_or_else(|| Response::text(400, "Bad Request\n"))?;
    let accept = derive_accept_key(key.as_bytes());
    Ok(format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    )
    .into_bytes())
}

/// An unmasked text frame, as a server sends it.
pub(crate) fn text_frame(text: &str) -> Vec<u8> {
    let len = text.len();
    let mut bytes = vec![0x81];
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(short), _) if short < 126 => bytes.push(short),
        (_, Ok(medium)) => {
            bytes.push(126);
            bytes.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            bytes.push(127);
            bytes.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

fn reason(status: u16) -> &'static str {
    http::StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason()).unwrap_or("Unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_whole_only_with_its_body() {
        let bytes = b"POST /a/b?x=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbodyGET";
        for cut in 0..bytes.len() - 3 {
            assert!(matches!(parse(&bytes[..cut]), Parsed::Partial), "cut at {cut}");
        }
        let Parsed::Whole(request, used) = parse(bytes) else { panic!("whole") };
        assert_eq!((request.method.as_str(), request.path.as_str(), request.query.as_str()), ("POST", "/a/b", "x=1"));
        assert_eq!((request.body.as_slice(), request.header("host"), used), (&b"body"[..], Some("h"), bytes.len() - 3));
    }

    #[test]
    fn what_is_not_http_or_too_large_is_refused() {
        let status = |bytes: &[u8]| match parse(bytes) {
            Parsed::Bad(response) => response.status,
            other => panic!("{other:?}"),
        };
        assert_eq!(status(b"\x16\x03\x01 nonsense\r\n\r\n"), 400);
        assert_eq!(status(b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n"), 413);
        assert_eq!(status(b"POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\n{}"), 400);
        assert_eq!(status(b"POST / HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}"), 400);
        assert_eq!(status(b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n"), 501);
        assert_eq!(status(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), 400);
        assert_eq!(status(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n"), 413);
        assert_eq!(status(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}}0\r\n\r\n"), 400);
        assert_eq!(status(b"POST / HTTP/1.1\r\nExpect: more\r\nContent-Length: 2\r\n\r\n"), 417);
        let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(HEAD_BYTES_MAX));
        assert_eq!(status(long.as_bytes()), 431, "whole or not");
    }

    #[test]
    fn a_chunked_request_is_whole_only_with_its_last_chunk() {
        let bytes = b"POST /a HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\n{\"\r\n3;x=y\r\na\":\r\n2\r\n1}\r\n0\r\nT: t\r\n\r\nGET";
        for cut in 0..bytes.len() - 3 {
            assert!(matches!(parse(&bytes[..cut]), Parsed::Partial), "cut at {cut}");
        }
        let Parsed::Whole(request, used) = parse(bytes) else { panic!("whole") };
        assert_eq!((request.body.as_slice(), used), (&b"{\"a\":1}"[..], bytes.len() - 3));
    }

    #[test]
    fn a_client_that_asks_first_is_answered_before_its_body() {
        let head = b"POST / HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n";
        assert!(matches!(parse(head), Parsed::Expects));
        assert!(matches!(parse(&[&head[..], b"{"].concat()), Parsed::Partial));
        assert!(matches!(parse(&[&head[..], b"{}"].concat()), Parsed::Whole(..)));
        assert!(matches!(parse(b"GET / HTTP/1.1\r\nExpect: 100-continue\r\n\r\n"), Parsed::Whole(..)), "no body");
    }

    #[test]
    fn the_old_version_ends_a_connection_unless_asked_not_to() {
        let keeps = |bytes: &[u8]| match parse(bytes) {
            Parsed::Whole(request, _) => keeps_alive(&request),
            other => panic!("{other:?}"),
        };
        assert!(keeps(b"GET / HTTP/1.1\r\n\r\n") && !keeps(b"GET / HTTP/1.0\r\n\r\n"));
        assert!(keeps(b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
        assert!(!keeps(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"));
    }

    #[test]
    fn a_reply_to_head_tells_a_length_and_has_no_body() {
        let bytes = String::from_utf8(serialize_head(&Response::text(200, "hello"), true)).unwrap();
        assert!(bytes.contains("Content-Length: 5\r\n") && bytes.ends_with("\r\n\r\n"), "{bytes}");
    }

    #[test]
    fn a_chunked_reply_carries_the_same_body() {
        let bytes = serialize(&Response::text(200, "hello world"), true, Some(4));
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.ends_with("\r\n\r\n4\r\nhell\r\n4\r\no wo\r\n3\r\nrld\r\n0\r\n\r\n"), "{text}");
        assert!(!text.contains("Content-Length"));
    }

    #[test]
    fn an_open_ended_reply_ends_with_the_last_chunk_only() {
        let mut bytes = serialize_open_ended(&Response::text(200, "first\n"));
        assert!(bytes.ends_with(b"\r\n\r\n6\r\nfirst\n\r\n"));
        put_chunk(&mut bytes, b"");
        put_chunk(&mut bytes, b"next\n");
        assert!(bytes.ends_with(b"\r\n5\r\nnext\n\r\n"));
        assert!(serialize_open_ended(&Response::text(200, "")).ends_with(b"\r\n\r\n"));
    }

    #[test]
    fn frame_headers_grow_with_the_text() {
        assert_eq!(text_frame("hi"), [0x81, 2, b'h', b'i']);
        assert_eq!(text_frame(&"x".repeat(126))[..4], [0x81, 126, 0, 126]);
        assert_eq!(text_frame(&"x".repeat(70_000))[..10], [0x81, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70]);
    }
}
