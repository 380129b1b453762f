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
    /// A request, and the bytes it took.
    Whole(Request, usize),
    /// Not HTTP, or beyond the limits: answer this and close.
    Bad(Response),
}

pub(crate) fn parse(buf: &[u8]) -> Parsed {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Request::new(&mut headers);
    let head_len = match head.parse(buf) {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) if buf.len() < HEAD_BYTES_MAX => return Parsed::Partial,
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
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
    if request.header("transfer-encoding").is_some() {
        return Parsed::Bad(Response::text(411, "Length Required\n"));
    }
    let length = match request.header("content-length").map(|v| v.trim().parse::<usize>()) {
        None => 0,
        Some(Ok(length)) if length <= BODY_BYTES_MAX => length,
        Some(Ok(_)) => return Parsed::Bad(Response::text(413, "Payload Too Large\n")),
        Some(Err(_)) => return Parsed::Bad(Response::text(400, "Bad Request\n")),
    };
    match buf.get(head_len..head_len + length) {
        Some(body) => {
            request.body = body.to_vec();
            Parsed::Whole(request, head_len + length)
        }
        None => Parsed::Partial,
    }
}

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
        assert_eq!(status(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"), 411);
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
