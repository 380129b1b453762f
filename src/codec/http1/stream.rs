//! The incremental reader of one response whose body never has to be whole: streams of lines.
//!
//! Owns the place in the response that is due and no bytes: the head must stand whole in the caller's buffer, the body
//! is handed out piece by piece, in place, as it comes. Guarantees that the pieces together are the body however the
//! bytes were cut into reads, and that an error ends it. Reads any framing, since an error page comes with a length.
//! Never allocates, never follows a redirect.

use super::chunk::ChunkDecoder;
use super::head::Head;
use super::response::{framing_of, received_of_head, Framing, HttpError, Limits, Received};
use super::Method;

/// One step through the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamStep {
    /// Bytes at the front of the buffer that are done with once the item has been looked at.
    pub consumed: usize,
    /// What they held.
    pub item: StreamItem,
}

/// What the server sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamItem {
    /// More bytes are needed behind what stays unread.
    Incomplete,
    /// The head; the body follows.
    Head {
        /// 200 upwards.
        status: u16,
    },
    /// A piece of the body: these bytes of the buffer.
    Data {
        /// Where it begins.
        start: usize,
        /// Where it ends; at or before `consumed`.
        end: usize,
    },
    /// The body is complete.
    End,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Head { looked_at: usize },
    Body(Body),
    Ended,
    Failed(HttpError),
}

#[derive(Clone, Copy, Debug)]
enum Body {
    Length(usize),
    Chunked(ChunkDecoder),
    UntilClose,
}

/// See the module's documentation. One per connection.
#[derive(Clone, Debug)]
pub struct StreamReader {
    limits: Limits,
    phase: Phase,
    head: Head,
}

impl StreamReader {
    /// A reader for the response to a GET on a fresh connection. Of the limits the body's is not used.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, phase: Phase::Head { looked_at: 0 }, head: Head::new() }
    }

    /// Takes the next item off the front of `unread`, which must begin where the last step's `consumed` ended.
    ///
    /// # Errors
    /// Why the response ends here; the same again on every later call.
    pub fn next(&mut self, unread: &[u8]) -> Result<StreamStep, HttpError> {
        if let Phase::Failed(error) = self.phase {
            return Err(error);
        }
        let step = self.advance(unread);
        if let Err(error) = step {
            self.phase = Phase::Failed(error);
        }
        step
    }

    /// Nothing more will come: whether that is the end of the body, or cuts it off.
    ///
    /// # Errors
    /// [`HttpError::Truncated`].
    pub fn eof(&mut self) -> Result<(), HttpError> {
        let received = match self.phase {
            Phase::Failed(error) => return Err(error),
            Phase::Ended | Phase::Body(Body::UntilClose | Body::Length(0)) => {
                self.phase = Phase::Ended;
                return Ok(());
            }
            Phase::Head { looked_at } => received_of_head(looked_at),
            Phase::Body(_) => Received::PartOfBody { status: self.head.status, bytes: 0, bytes_announced: None },
        };
        let error = HttpError::Truncated { received };
        self.phase = Phase::Failed(error);
        Err(error)
    }

    fn advance(&mut self, unread: &[u8]) -> Result<StreamStep, HttpError> {
        let item = |consumed, item| Ok(StreamStep { consumed, item });
        match &mut self.phase {
            Phase::Head { looked_at } => {
                let new = unread.get(*looked_at..).unwrap_or_default();
                let Limits { head_bytes_max, headers_max, .. } = self.limits;
                // Line by line: how the bytes were cut must not decide when a bad one is noticed.
                let lines = match memchr::memrchr(b'\n', new) {
                    _ if unread.len() >= head_bytes_max => unread,
                    Some(at) => unread.get(..=at.saturating_add(*looked_at)).unwrap_or_default(),
                    None => &[],
                };
                if lines.is_empty() || !self.head.read(lines, head_bytes_max, headers_max)? {
                    *looked_at = unread.len();
                    return item(0, StreamItem::Incomplete);
                }
                let (status, bytes) = (self.head.status, self.head.bytes);
                match status {
                    0..100 => return Err(HttpError::BadStatus { status }),
                    101 => return Err(HttpError::SwitchedProtocols),
                    // An interim response: the real one follows.
                    100..200 => *looked_at = 0,
                    _ => {
                        let headers = self.head.headers(unread);
                        let body = match framing_of(&self.head, Method::Get, headers, usize::MAX)? {
                            Framing::Length(bytes) => Body::Length(bytes),
                            Framing::Chunked { decoder, .. } => Body::Chunked(decoder),
                            Framing::UntilClose => Body::UntilClose,
                        };
                        self.phase = Phase::Body(body);
                        return item(bytes, StreamItem::Head { status });
                    }
                }
                item(bytes, StreamItem::Incomplete)
            }
            Phase::Body(Body::Length(0)) => {
                self.phase = Phase::Ended;
                item(0, StreamItem::End)
            }
            Phase::Body(_) if unread.is_empty() => item(0, StreamItem::Incomplete),
            Phase::Body(Body::Length(left)) => {
                let end = unread.len().min(*left);
                *left = left.saturating_sub(end);
                item(end, StreamItem::Data { start: 0, end })
            }
            Phase::Body(Body::UntilClose) => item(unread.len(), StreamItem::Data { start: 0, end: unread.len() }),
            Phase::Body(Body::Chunked(decoder)) => {
                let step = decoder.step(unread)?;
                let end = step.framing.saturating_add(step.data);
                if step.done {
                    self.phase = Phase::Ended;
                    return item(end, StreamItem::End);
                }
                if step.data == 0 {
                    return item(end, StreamItem::Incomplete);
                }
                item(end, StreamItem::Data { start: step.framing, end })
            }
            Phase::Ended => match unread.is_empty() {
                true => item(0, StreamItem::Incomplete),
                false => Err(HttpError::Unsolicited),
            },
            Phase::Failed(error) => Err(*error),
        }
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Status, body and whether its end came, of `wire` fed in parts of `part` bytes.
    fn read(wire: &[u8], part: usize) -> Result<(u16, Vec<u8>, bool), HttpError> {
        let mut reader = StreamReader::new(Limits::default());
        let (mut at, mut there) = (0, 0);
        let (mut seen, mut body) = (0, Vec::new());
        loop {
            let step = reader.next(&wire[at..there])?;
            match step.item {
                StreamItem::Head { status } => seen = status,
                StreamItem::Data { start, end } => body.extend_from_slice(&wire[at + start..at + end]),
                StreamItem::End => return Ok((seen, body, true)),
                StreamItem::Incomplete if step.consumed == 0 && there == wire.len() => return Ok((seen, body, false)),
                StreamItem::Incomplete => there = (there + part).min(wire.len()),
            }
            at += step.consumed;
        }
    }

    #[test]
    fn a_bad_head_is_noticed_line_by_line_however_it_is_cut() {
        for (wire, bad) in [
            (&b"\n\0"[..], false),
            (b"\n\0\n", true),
            (b"HTTP/1.1 200 OK\r\nA: \0", false),
            (b"HTTP/1.1 200 OK\r\nA: \0\r\n", true),
        ] {
            for part in 1..=wire.len() {
                assert_eq!(read(wire, part).is_err(), bad, "{:?} in parts of {part}", wire.escape_ascii().to_string());
            }
        }
    }

    #[test]
    fn chunked_counted_and_open_bodies_come_out_piece_by_piece() {
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na\nb\r\n2\r\n\nc\r\n";
        assert_eq!(read(chunked, 1).unwrap(), (200, b"a\nb\nc".to_vec(), false));
        let ended = [chunked.as_slice(), b"0\r\n\r\n"].concat();
        assert_eq!(read(&ended, 7).unwrap(), (200, b"a\nb\nc".to_vec(), true));
        let counted = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 4\r\n\r\nnope";
        assert_eq!(read(counted, 3).unwrap(), (401, b"nope".to_vec(), true));
        let open = b"HTTP/1.1 502 Bad Gateway\r\n\r\n<html>";
        assert_eq!(read(open, 100).unwrap(), (502, b"<html>".to_vec(), false));
        let interim = b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
        assert_eq!(read(interim, 5).unwrap(), (204, Vec::new(), true));
    }

    #[test]
    fn what_breaks_the_protocol_ends_it() {
        assert!(matches!(read(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", 99), Err(HttpError::SwitchedProtocols)));
        let after_the_end = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab";
        let mut reader = StreamReader::new(Limits::default());
        let head = reader.next(after_the_end).unwrap().consumed;
        assert_eq!(reader.next(&after_the_end[head..]).unwrap().consumed, 1);
        assert_eq!(reader.next(&after_the_end[head + 1..]).unwrap().item, StreamItem::End);
        assert_eq!(reader.next(&after_the_end[head + 1..]), Err(HttpError::Unsolicited));
        assert_eq!(reader.next(b""), Err(HttpError::Unsolicited));
        let mut cut = StreamReader::new(Limits::default());
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(cut.next(chunked).unwrap().item, StreamItem::Head { status: 200 });
        assert!(matches!(cut.eof(), Err(HttpError::Truncated { .. })));
    }

    proptest! {
        #[test]
        fn the_body_does_not_depend_on_how_the_bytes_were_cut(
            chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..6),
            part in 1_usize..50,
        ) {
            let mut wire = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
            for chunk in &chunks {
                wire.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                wire.extend_from_slice(chunk);
                wire.extend_from_slice(b"\r\n");
            }
            wire.extend_from_slice(b"0\r\n\r\n");
            prop_assert_eq!(read(&wire, part), Ok((200, chunks.concat(), true)));
        }
    }
}
