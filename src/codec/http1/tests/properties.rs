//! Any cut of any response, good or damaged.

use super::*;

/// A response and what it must come out as.
fn any_response() -> impl Strategy<Value = (Vec<u8>, u16, Vec<u8>)> {
    let chunks = proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..60), 0..5);
    let headers = proptest::collection::vec(("x-[a-z]{1,8}", "[!-~]{0,12}"), 0..5);
    (200_u16..600, headers, chunks, 0_usize..3, any::<bool>())
        .prop_filter("no body", |(status, ..)| ![204, 304].contains(status))
        .prop_map(|(status, headers, chunks, framing, interim)| {
            let mut wire = if interim {
                b"HTTP/1.1 100 Continue\r\n\r\n".to_vec()
            } else {
                Vec::new()
            };
            wire.extend_from_slice(format!("HTTP/1.1 {status} X\r\n").as_bytes());
            for (name, value) in headers {
                wire.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
            }
            let body = chunks.concat();
            match framing {
                0 => {
                    wire.extend_from_slice(
                        format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes(),
                    );
                    wire.extend_from_slice(&body);
                }
                1 => {
                    wire.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
                    for chunk in chunks {
                        wire.extend_from_slice(format!("{:X};e\r\n", chunk.len()).as_bytes());
                        wire.extend_from_slice(&chunk);
                        wire.extend_from_slice(b"\r\n");
                    }
                    wire.extend_from_slice(b"0\r\nTrailer: t\r\n\r\n");
                }
                _ => {
                    wire.extend_from_slice(b"\r\n");
                    wire.extend_from_slice(&body);
                }
            }
            (wire, status, body)
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_response_does_not_depend_on_how_it_is_cut((wire, status, body) in any_response(), reads in proptest::collection::vec(1_usize..40, 1..5)) {
        let whole = read_in(Method::Get, &wire, &[usize::MAX], Limits::default()).unwrap();
        prop_assert_eq!((whole.status, &whole.body), (status, &body));
        prop_assert_eq!(&read_in(Method::Get, &wire, &reads, Limits::default()).unwrap(), &whole);
        prop_assert_eq!(&read_in(Method::Get, &wire, &[1], Limits::default()).unwrap(), &whole);
    }

    #[test]
    fn a_damaged_response_is_judged_the_same_however_it_is_cut(
        (mut wire, ..) in any_response(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        end in any::<prop::sample::Index>(),
        read in 1_usize..40,
    ) {
        for (at, byte) in damage {
            *at.get_mut(&mut wire) = byte;
        }
        wire.truncate(end.index(wire.len()) + 1);
        let limits = Limits { body_bytes_max: 200, ..Limits::default() };
        let whole = read_in(Method::Get, &wire, &[usize::MAX], limits);
        let parts = read_in(Method::Get, &wire, &[read], limits);
        match (whole, parts) {
            // The same end, though a count of bytes at the moment it was noticed may differ.
            (Err(whole), Err(parts)) => prop_assert_eq!(std::mem::discriminant(&whole), std::mem::discriminant(&parts)),
            (whole, parts) => prop_assert_eq!(whole, parts),
        }
    }

    #[test]
    fn garbage_never_panics(wire in proptest::collection::vec(any::<u8>(), 0..80), read in 1_usize..20) {
        let _ = read_in(Method::Get, &wire, &[read], Limits::default());
        let wire = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", &wire[..]].concat();
        let _ = read_in(Method::Get, &wire, &[read], Limits::default());
    }
}
