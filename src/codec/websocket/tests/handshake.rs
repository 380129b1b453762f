//! The upgrade: what is asked for, and every answer that is not it.

use super::*;
use crate::codec::http1::{HttpError, Received};

/// RFC 6455 section 1.3: this key has this digest.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPTED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

fn read(answer: &str) -> Result<Upgrade, HandshakeError> {
    let whole = UpgradeReader::new(KEY).read(&mut answer.as_bytes().to_vec(), true);
    let mut reader = UpgradeReader::new(KEY);
    let mut buffer = Vec::new();
    for byte in answer.bytes() {
        buffer.push(byte);
        match reader.read(&mut buffer, false) {
            Ok(Upgrade::Incomplete) => {}
            outcome => {
                assert_eq!(outcome, whole, "byte by byte");
                return whole;
            }
        }
    }
    whole
}

#[test]
fn the_request_is_what_the_rfc_asks_for() {
    let mut out = Vec::new();
    let request = UpgradeRequest {
        host: "ws.example:8443",
        path: "/ws?stream=a",
        headers: &[("User-Agent", "us/1")],
    };
    request.write(&mut out, *b"the sample nonce").unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        format!("GET /ws?stream=a HTTP/1.1\r\nHost: ws.example:8443\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\nuser-agent: us/1\r\n\r\n")
    );
}

#[test]
fn requests_that_cannot_go_on_the_wire_are_refused() {
    let write = |host, path, headers: &[(&str, &str)]| {
        let mut out = Vec::new();
        let outcome = UpgradeRequest {
            host,
            path,
            headers,
        }
        .write(&mut out, [0; 16])
        .map(|_| ());
        assert_eq!(out.is_empty(), outcome.is_err());
        outcome
    };
    assert_eq!(write("h", "/", &[("X-A", "b")]), Ok(()));
    assert_eq!(
        write("h\r\nX: y", "/", &[]),
        Err(HandshakeError::BadRequest)
    );
    assert_eq!(write("", "/", &[]), Err(HandshakeError::BadRequest));
    assert_eq!(
        write("h", "/ HTTP/1.1\r\nX: y", &[]),
        Err(HandshakeError::BadRequest)
    );
    assert_eq!(
        write("h", "http://other/", &[]),
        Err(HandshakeError::BadRequest)
    );
    assert_eq!(
        write("h", "/", &[("X-A", "b\r\nX: y")]),
        Err(HandshakeError::BadRequest)
    );
    assert_eq!(
        write(
            "h",
            "/",
            &[("Sec-WebSocket-Extensions", "permessage-deflate")]
        ),
        Err(HandshakeError::ReservedHeader)
    );
    assert_eq!(
        write("h", "/", &[("host", "other")]),
        Err(HandshakeError::ReservedHeader)
    );
}

#[test]
fn frames_behind_the_answer_are_left_where_they_are() {
    let head = format!("{ACCEPTED}\r\n");
    let consumed = head.len();
    assert_eq!(
        read(&(head + "\u{1}\u{2}frames")),
        Ok(Upgrade::Accepted { consumed })
    );
}

#[test]
fn token_lists_letter_case_and_interim_answers_do_not_matter() {
    let answer = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 101 OK\r\nupgrade: WebSocket\r\nCONNECTION: keep-alive, UPGRADE\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    assert_eq!(
        read(answer),
        Ok(Upgrade::Accepted {
            consumed: answer.len()
        })
    );
}

#[test]
fn answers_that_agree_to_something_else_are_refused_by_name() {
    let with = |from: &str, to: &str| format!("{ACCEPTED}\r\n").replace(from, to);
    let cases = [
        (
            with("Upgrade: websocket\r\n", ""),
            HandshakeError::NoUpgrade,
        ),
        (
            with("Upgrade: websocket", "Upgrade: h2c"),
            HandshakeError::NoUpgrade,
        ),
        (with("HTTP/1.1", "HTTP/1.0"), HandshakeError::NoUpgrade),
        (
            with("Connection: Upgrade\r\n", ""),
            HandshakeError::NoConnectionUpgrade,
        ),
        (
            with("Connection: Upgrade", "Connection: upgraded"),
            HandshakeError::NoConnectionUpgrade,
        ),
        (with("s3pP", "S3pP"), HandshakeError::WrongAccept),
        (
            with("Sec-WebSocket-Accept", "X"),
            HandshakeError::WrongAccept,
        ),
        (
            with("Connection:", "Sec-WebSocket-Accept: again\r\nConnection:"),
            HandshakeError::WrongAccept,
        ),
        (
            format!("{ACCEPTED}Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"),
            HandshakeError::UnaskedExtension,
        ),
        (
            format!("{ACCEPTED}Sec-WebSocket-Protocol: chat\r\n\r\n"),
            HandshakeError::UnaskedProtocol,
        ),
    ];
    for (answer, error) in cases {
        assert_eq!(read(&answer), Err(error), "{answer}");
    }
}

#[test]
fn a_refusal_shows_its_status_and_its_reason() {
    let refused = |answer: &str| match read(answer) {
        Err(HandshakeError::Refused {
            status,
            retry_after_s,
            excerpt,
        }) => (status, retry_after_s, excerpt.to_string()),
        other => panic!("{other:?}"),
    };
    let page = "<html><head><title>429 Too Many Requests</title></head></html>";
    let answer = format!(
        "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: {}\r\n\r\n{page}",
        page.len()
    );
    assert_eq!(
        refused(&answer),
        (429, Some(7), "429 Too Many Requests".to_owned())
    );
    let answer = "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nnot in\r\n9\r\n your land\r\n0\r\n\r\n".replace("9\r\n", "a\r\n");
    assert_eq!(refused(&answer), (403, None, "not in your land".to_owned()));
    assert_eq!(
        refused("HTTP/1.1 503 No\r\nContent-Length: 900\r\n\r\ncut off"),
        (503, None, "cut off".to_owned())
    );
    assert_eq!(
        refused("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
        (200, None, "hi".to_owned())
    );
}

#[test]
fn a_redirect_is_an_error_that_says_where_to() {
    let Err(error) = read(
        "HTTP/1.1 301 Moved\r\nLocation: https://elsewhere.example/\r\nContent-Length: 0\r\n\r\n",
    ) else {
        panic!()
    };
    assert_eq!(error.to_string(), "websocket upgrade redirected with status 301 to https://elsewhere.example/; redirects are never followed, configure the new endpoint");
}

#[test]
fn an_answer_that_ends_early_or_is_no_http_is_an_error() {
    assert_eq!(
        read("HTTP/1.1 101 Sw"),
        Err(HttpError::Truncated {
            received: Received::PartOfHead { bytes: 15 }
        }
        .into())
    );
    assert_eq!(
        read(""),
        Err(HttpError::Truncated {
            received: Received::Nothing
        }
        .into())
    );
    assert!(matches!(
        read("SSH-2.0-OpenSSH\r\n"),
        Err(HandshakeError::Http(HttpError::MalformedHead { .. }))
    ));
}

#[test]
fn tungstenite_accepts_our_request_and_we_accept_its_answer() {
    use tungstenite::handshake::server::{create_response, write_response};
    let mut out = Vec::new();
    let mut reader = UpgradeRequest {
        host: "h",
        path: "/a",
        headers: &[],
    }
    .write(&mut out, [7; 16])
    .unwrap();
    let mut table = [httparse::EMPTY_HEADER; 16];
    let mut parsed = httparse::Request::new(&mut table);
    assert!(parsed.parse(&out).unwrap().is_complete());
    let mut request = http::Request::get("/a");
    for header in parsed.headers.iter() {
        request = request.header(header.name, header.value);
    }
    let response = create_response(&request.body(()).unwrap()).unwrap();
    let mut answer = Vec::new();
    write_response(&mut answer, &response).unwrap();
    assert_eq!(
        reader.read(&mut answer, false),
        Ok(Upgrade::Accepted {
            consumed: answer.len()
        })
    );
}
