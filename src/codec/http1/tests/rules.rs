//! Each rule broken by name, and what the reader promises about its connection.

use super::*;

#[test]
fn every_broken_rule_is_refused_by_its_name() {
    let long = "x".repeat(33_000);
    let many = (0..129).map(|n| format!("h{n}: x\r\n")).collect::<String>();
    let cases = [
        (
            "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n".to_owned(),
            HttpError::SwitchedProtocols,
        ),
        (
            "HTTP/1.1 099 Odd\r\n\r\n".to_owned(),
            HttpError::BadStatus { status: 99 },
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n".to_owned(),
            HttpError::ContentLengthsDisagree { first: 2, other: 3 },
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\n".to_owned(),
            HttpError::ContentLengthsDisagree { first: 2, other: 3 },
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n".to_owned(),
            HttpError::BadContentLength,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n".to_owned(),
            HttpError::BadContentLength,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n".to_owned(),
            HttpError::BadContentLength,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\n".to_owned(),
            HttpError::BadContentLength,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n".to_owned(),
            HttpError::BodyTooBig {
                status: 200,
                bytes: u64::MAX,
                bytes_max: 8 << 20,
            },
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(),
            HttpError::LengthAndTransferEncoding,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n".to_owned(),
            HttpError::UnknownTransferEncoding,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"
                .to_owned(),
            HttpError::UnknownTransferEncoding,
        ),
        (
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(),
            HttpError::TransferEncodingInHttp10,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n".to_owned(),
            HttpError::Chunk(ChunkError::BadSize { byte: b'x' }),
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab".to_owned(),
            HttpError::Chunk(ChunkError::BadLineEnd { byte: b'b' }),
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n".to_owned(),
            HttpError::BodyTooBig {
                status: 200,
                bytes: 0xF_FFFF_FFFF,
                bytes_max: 8 << 20,
            },
        ),
        (
            "HTTP/1.1 200 OK\r\nX-Folded: a\r\n b\r\n\r\n".to_owned(),
            HttpError::MalformedHead {
                what: "bad header name (or a folded line)",
            },
        ),
        (
            "HTTP/1.1 200 OK\r\nName : x\r\n\r\n".to_owned(),
            HttpError::MalformedHead {
                what: "bad header name (or a folded line)",
            },
        ),
        (
            "HTTP/2.0 200 OK\r\n\r\n".to_owned(),
            HttpError::MalformedHead {
                what: "not HTTP/1.0 or HTTP/1.1",
            },
        ),
        (
            format!("HTTP/1.1 200 OK\r\nX: {long}\r\n\r\n"),
            HttpError::HeadTooLong {
                bytes_max: 32 * 1024,
            },
        ),
        (
            format!("HTTP/1.1 200 OK\r\n{many}\r\n"),
            HttpError::TooManyHeaders { headers_max: 128 },
        ),
    ];
    for (wire, error) in cases {
        let at_once = read_in(
            Method::Get,
            wire.as_bytes(),
            &[usize::MAX],
            Limits::default(),
        );
        assert_eq!(at_once, Err(error), "{wire:.200}");
        let in_parts = read_in(Method::Get, wire.as_bytes(), &[7], Limits::default());
        assert_eq!(in_parts, Err(error), "in parts: {wire:.200}");
    }
}

#[test]
fn an_answer_cut_off_says_how_far_it_got() {
    let cut = |wire: &str| match refused(wire) {
        HttpError::Truncated { received } => received,
        other => panic!("{other}"),
    };
    assert_eq!(cut(""), Received::Nothing);
    assert_eq!(
        cut("HTTP/1.1 200 OK\r\nContent-Le"),
        Received::PartOfHead { bytes: 27 }
    );
    assert_eq!(
        cut("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"a\""),
        Received::PartOfBody {
            status: 200,
            bytes: 4,
            bytes_announced: Some(10)
        }
    );
    assert_eq!(
        cut("HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\nd"),
        Received::PartOfBody {
            status: 201,
            bytes: 4,
            bytes_announced: None
        }
    );
    // All the data is there, only the last chunk is not: still cut off.
    assert_eq!(
        cut("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
        Received::PartOfBody {
            status: 200,
            bytes: 3,
            bytes_announced: None
        }
    );
}

#[test]
fn a_body_over_the_limit_is_refused_before_it_is_there() {
    let limits = Limits {
        body_bytes_max: 5,
        ..Limits::default()
    };
    let outcome = |wire: &str| {
        read_in(Method::Get, wire.as_bytes(), &[1], limits).map(|response| response.body)
    };
    let too_big = |bytes| {
        Err(HttpError::BodyTooBig {
            status: 200,
            bytes,
            bytes_max: 5,
        })
    };
    assert_eq!(
        outcome("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345"),
        Ok(b"12345".to_vec())
    );
    assert_eq!(
        outcome("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n"),
        too_big(6)
    );
    assert_eq!(
        outcome("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\n"),
        too_big(6)
    );
    assert_eq!(outcome("HTTP/1.1 200 OK\r\n\r\n123456"), too_big(6));
}

#[test]
fn bytes_nobody_asked_for_are_not_the_answer_to_the_next_request() {
    let mut reader = ResponseReader::new(Limits::default());
    assert!(matches!(
        reader.next(&mut [], true).unwrap().item,
        Item::Incomplete { .. }
    ));
    let mut timeout = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n".to_vec();
    assert_eq!(
        reader.next(&mut timeout, false).unwrap_err(),
        HttpError::Unsolicited
    );
    assert_eq!(reader.expect(Method::Post), Err(HttpError::Unsolicited));
}

#[test]
fn one_connection_carries_one_request_after_the_other_and_never_two_at_once() {
    let mut reader = ResponseReader::new(Limits::default());
    for n in 0..3 {
        reader.expect(Method::Get).unwrap();
        assert_eq!(reader.expect(Method::Get), Err(HttpError::StillDue));
        let mut wire = format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{n}").into_bytes();
        let length = wire.len();
        let step = reader.next(&mut wire, false).unwrap();
        assert_eq!(step.consumed, length);
        let Item::Response(response) = step.item else {
            panic!()
        };
        assert_eq!(response.body, n.to_string().as_bytes());
    }
}

#[test]
fn an_incomplete_body_says_how_many_bytes_it_wants() {
    let mut reader = ResponseReader::new(Limits::default());
    reader.expect(Method::Get).unwrap();
    let mut wire = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc".to_vec();
    let step = reader.next(&mut wire, false).unwrap();
    assert!(matches!(
        step,
        Step {
            consumed: 0,
            item: Item::Incomplete { bytes_wanted: 7 }
        }
    ));
}

#[test]
fn a_broken_head_at_the_end_of_file_is_broken_not_cut_off() {
    let broken = HttpError::MalformedHead {
        what: "bad header name (or a folded line)",
    };
    assert_eq!(refused("HTTP/1.1 200 OK\r\nNa\u{e9}"), broken);
}
