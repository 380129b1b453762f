//! What requests and responses promise, shown from outside: shapes seen at the venues, each rule broken by name, any cut of
//! any response.

use proptest::prelude::*;

use super::*;

mod properties;
mod requests;
mod rules;
mod shapes_seen;

/// A response without its borrows.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Owned {
    status: u16,
    keep_alive: bool,
    ended_by_close: bool,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
    /// Bytes behind the response.
    rest: Vec<u8>,
}

/// Reads the response to `method` out of `wire`, fed in reads of the given lengths (repeated), then the end of file.
fn read_in(
    method: Method,
    wire: &[u8],
    reads: &[usize],
    limits: Limits,
) -> Result<Owned, HttpError> {
    let mut reader = ResponseReader::new(limits);
    reader.expect(method)?;
    let (mut buffer, mut wire, mut reads) = (Vec::new(), wire, reads.iter().cycle());
    loop {
        let eof = wire.is_empty();
        let step = reader.next(&mut buffer, eof);
        let (consumed, found) = match step {
            Err(error) => {
                assert_eq!(
                    reader.next(&mut buffer, eof).unwrap_err(),
                    error,
                    "an error is final"
                );
                assert_eq!(reader.expect(method), Err(error), "an error is final");
                return Err(error);
            }
            Ok(Step {
                consumed,
                item: Item::Incomplete { bytes_wanted },
            }) => {
                assert!(bytes_wanted > 0);
                assert!(!eof, "the end of file leaves nothing incomplete");
                (consumed, None)
            }
            Ok(Step {
                consumed,
                item: Item::Response(response),
            }) => {
                let headers = response
                    .headers
                    .iter()
                    .map(|(name, value)| (name.to_vec(), value.to_vec()))
                    .collect();
                let Response {
                    status,
                    keep_alive,
                    ended_by_close,
                    body,
                    ..
                } = response;
                (
                    consumed,
                    Some(Owned {
                        status,
                        keep_alive,
                        ended_by_close,
                        headers,
                        body: body.to_vec(),
                        rest: Vec::new(),
                    }),
                )
            }
        };
        buffer.drain(..consumed);
        if let Some(mut found) = found {
            assert!(!reader.is_due());
            found.rest = [&buffer, wire].concat();
            return Ok(found);
        }
        let (now, later) = wire.split_at((*reads.next().unwrap()).min(wire.len()));
        buffer.extend_from_slice(now);
        wire = later;
    }
}

/// At once, and byte by byte: they must agree.
fn read(method: Method, wire: &str) -> Result<Owned, HttpError> {
    let at_once = read_in(method, wire.as_bytes(), &[usize::MAX], Limits::default());
    assert_eq!(
        read_in(method, wire.as_bytes(), &[1], Limits::default()),
        at_once,
        "byte by byte"
    );
    at_once
}

fn get(wire: &str) -> Owned {
    read(Method::Get, wire).unwrap()
}

fn refused(wire: &str) -> HttpError {
    read(Method::Get, wire).unwrap_err()
}
