//! What the request writers make, and what they refuse.

use super::*;

const TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.e30.c2ln";

fn written(method: Method, headers: &[(&str, &str)], body: &[u8]) -> String {
    let mut out = Vec::new();
    write_request(
        &mut out,
        method,
        "/api/v3/orders?a=b",
        "api.example",
        headers,
        body,
    )
    .unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_request_reads_as_it_should() {
    assert_eq!(
        written(Method::Get, &[], b""),
        "GET /api/v3/orders?a=b HTTP/1.1\r\nHost: api.example\r\n\r\n"
    );
    assert_eq!(
        written(Method::Delete, &[("X-Key", "k\t1")], b""),
        "DELETE /api/v3/orders?a=b HTTP/1.1\r\nHost: api.example\r\nX-Key: k\t1\r\n\r\n"
    );
    assert_eq!(
        written(Method::Post, &[("Accept", "*/*")], b"{}"),
        "POST /api/v3/orders?a=b HTTP/1.1\r\nHost: api.example\r\nAccept: */*\r\nContent-Length: 2\r\n\r\n{}"
    );
    assert!(written(Method::Post, &[], b"").ends_with("Content-Length: 0\r\n\r\n"));
}

#[test]
fn a_template_writes_what_the_general_writer_writes() {
    let fixed = [("Content-Type", "application/json")];
    let template = RequestTemplate::new(
        Method::Post,
        "/o",
        "h",
        &fixed,
        ("Authorization", "Bearer "),
    )
    .unwrap();
    let (mut ours, mut theirs) = (b"before".to_vec(), b"before".to_vec());
    template.write(&mut ours, TOKEN, b"{\"a\":1}").unwrap();
    let bearer = format!("Bearer {TOKEN}");
    let headers = [fixed[0], ("Authorization", &bearer)];
    write_request(
        &mut theirs,
        template.method(),
        "/o",
        "h",
        &headers,
        b"{\"a\":1}",
    )
    .unwrap();
    assert_eq!(ours, theirs);
}

#[test]
fn nothing_breaks_out_of_its_line_and_nothing_is_written_then() {
    let write = |target: &str, host: &str, header: (&str, &str)| {
        let mut out = b"before".to_vec();
        let outcome = write_request(
            &mut out,
            Method::Get,
            target,
            host,
            &[("A", "b"), header],
            b"",
        );
        assert_eq!(out == b"before", outcome.is_err());
        outcome
    };
    assert_eq!(write("/", "h", ("X", "y")), Ok(()));
    for bad in ["", "x", "/a b", "/a\r\nX: y", "/\u{e9}", "/\0"] {
        assert_eq!(
            write(bad, "h", ("X", "y")),
            Err(RequestError::BadTarget),
            "{bad:?}"
        );
    }
    for bad in ["", "h\r\nX: y", "h i"] {
        assert_eq!(
            write("/", bad, ("X", "y")),
            Err(RequestError::BadHost),
            "{bad:?}"
        );
    }
    for bad in ["", "X Y", "X:", "X\r\n"] {
        assert_eq!(
            write("/", "h", (bad, "y")),
            Err(RequestError::BadHeaderName),
            "{bad:?}"
        );
    }
    for bad in ["y\r\nZ: 1", "y\n", "\r", "a\0b", "\x7f"] {
        assert_eq!(
            write("/", "h", ("X", bad)),
            Err(RequestError::BadHeaderValue { index: 1 }),
            "{bad:?}"
        );
    }
    assert_eq!(
        write("/", "h", ("CONTENT-length", "3")),
        Err(RequestError::Reserved {
            name: "content-length"
        })
    );
    let template =
        RequestTemplate::new(Method::Post, "/", "h", &[], ("Authorization", "Bearer ")).unwrap();
    let mut out = Vec::new();
    assert_eq!(
        template.write(&mut out, "a\r\nX: y", b""),
        Err(RequestError::BadHeaderValue { index: 0 })
    );
    assert!(out.is_empty());
}

#[test]
fn httparse_reads_what_we_write() {
    let wire = written(Method::Put, &[("X-Key", "v"), ("X-Other", "w")], b"body");
    let mut table = [httparse::EMPTY_HEADER; 8];
    let mut request = httparse::Request::new(&mut table);
    let head_bytes = request.parse(wire.as_bytes()).unwrap().unwrap();
    assert_eq!(
        (request.method, request.path),
        (Some("PUT"), Some("/api/v3/orders?a=b"))
    );
    let names: Vec<&str> = request.headers.iter().map(|header| header.name).collect();
    assert_eq!(names, ["Host", "X-Key", "X-Other", "Content-Length"]);
    assert_eq!(&wire[head_bytes..], "body");
}
