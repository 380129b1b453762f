//! Responses as venues and their proxies send them.

use super::*;

#[test]
fn a_json_answer_on_a_connection_that_stays_open() {
    let response = get("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{\"success\":true}");
    assert_eq!(
        (
            response.status,
            response.keep_alive,
            response.ended_by_close
        ),
        (200, true, false)
    );
    assert_eq!(response.body, b"{\"success\":true}");
}

#[test]
fn a_chunked_answer_is_one_contiguous_body() {
    let response = get("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5;x=y\r\n{\"a\":\r\nC\r\n123456789012\r\n1\r\n}\r\n0\r\nX-T: 1\r\n\r\nHTTP");
    assert_eq!(response.body, b"{\"a\":123456789012}");
    assert_eq!(
        (response.keep_alive, response.rest.as_slice()),
        (true, b"HTTP".as_slice())
    );
}

#[test]
fn a_plain_text_401() {
    let response = get("HTTP/1.1 401 Unauthorized\r\nContent-Length: 13\r\nContent-Type: text/plain\r\n\r\nUnauthorized\n");
    assert_eq!(
        (response.status, Excerpt::of(&response.body).as_str()),
        (401, "Unauthorized")
    );
}

#[test]
fn a_proxy_page_for_a_502() {
    let page = "<!DOCTYPE html>\n<html>\n<head><title>502 Bad Gateway</title></head>\n<body><center>cloudflare</center></body></html>";
    let wire = format!("HTTP/1.1 502 Bad Gateway\r\nServer: cloudflare\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{page}", page.len());
    let mut reader = ResponseReader::new(Limits::default());
    reader.expect(Method::Post).unwrap();
    let mut wire = wire.into_bytes();
    let Item::Response(response) = reader.next(&mut wire, false).unwrap().item else {
        panic!()
    };
    assert_eq!((response.status, response.keep_alive), (502, false));
    assert_eq!(response.excerpt().as_str(), "502 Bad Gateway");
}

#[test]
fn more_than_64_headers_and_lookups_among_them() {
    let mut wire = b"HTTP/1.1 429 Too Many Requests\r\n".to_vec();
    for n in 0..70 {
        wire.extend_from_slice(format!("x-filler-{n}: {n}\r\n").as_bytes());
    }
    wire.extend_from_slice(b"X-RateLimit-Remaining:  9 \r\nRetry-After: Wed, 21 Oct 2015 07:28:00 GMT\r\nX-Odd: caf\xE9\r\nX-Empty:\r\nContent-Length: 0\r\n\r\n");
    let mut reader = ResponseReader::new(Limits::default());
    reader.expect(Method::Get).unwrap();
    let Item::Response(response) = reader.next(&mut wire, false).unwrap().item else {
        panic!()
    };
    let headers = response.headers;
    assert_eq!(headers.get("x-filler-69"), Some(b"69".as_slice()));
    assert_eq!(headers.number("x-ratelimit-remaining"), Some(9));
    assert_eq!(
        headers.text("RETRY-AFTER"),
        Some("Wed, 21 Oct 2015 07:28:00 GMT")
    );
    assert_eq!(headers.number("retry-after"), None);
    assert_eq!(
        (headers.get("x-odd"), headers.text("x-odd")),
        (Some(b"caf\xE9".as_slice()), None)
    );
    assert_eq!(headers.get("x-empty"), Some(b"".as_slice()));
    assert_eq!(headers.get("x-absent"), None);
    assert_eq!(headers.iter().count(), 75);
}

#[test]
fn responses_without_a_body() {
    assert_eq!(
        get("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n").body,
        b""
    );
    assert_eq!(
        get("HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n").body,
        b""
    );
    let head = read(
        Method::Head,
        "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n",
    )
    .unwrap();
    assert_eq!(
        (head.body.as_slice(), head.keep_alive),
        (b"".as_slice(), true)
    );
}

#[test]
fn interim_responses_are_skipped() {
    let response = get("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    assert_eq!(
        (
            response.status,
            response.body.as_slice(),
            response.headers.len()
        ),
        (200, b"hi".as_slice(), 1)
    );
}

#[test]
fn a_body_without_a_length_ends_with_the_connection_and_says_so() {
    let response = get("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n{}");
    assert_eq!(
        (
            response.body.as_slice(),
            response.ended_by_close,
            response.keep_alive
        ),
        (b"{}".as_slice(), true, false)
    );
}

#[test]
fn a_connection_stays_open_only_where_both_rules_say_so() {
    let keep_alive = |line: &str, header: &str| {
        get(&format!(
            "{line} 200 OK\r\n{header}Content-Length: 0\r\n\r\n"
        ))
        .keep_alive
    };
    assert!(keep_alive("HTTP/1.1", ""));
    assert!(!keep_alive("HTTP/1.1", "Connection: Close\r\n"));
    assert!(!keep_alive(
        "HTTP/1.1",
        "Connection: keep-alive\r\nConnection: foo, close\r\n"
    ));
    assert!(!keep_alive("HTTP/1.0", ""));
    assert!(keep_alive("HTTP/1.0", "Connection: Keep-Alive\r\n"));
}

#[test]
fn equal_content_lengths_are_one() {
    assert_eq!(
        get("HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\ncontent-length: 2\r\n\r\nhi").body,
        b"hi"
    );
}
