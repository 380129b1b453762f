//! Inputs as bytes on a wire, and how they are handed over: messages made of samples, frames, responses, pieces.
#![allow(dead_code, reason = "each target uses what it needs of this")]

use exchange_connectors::venue::SessionProgress;

/// Between two messages of one input.
const SEPARATOR: u8 = b'\n';

/// The messages of an input, one a line. A line that begins with the byte of a sample's number (its index, below 10) is
/// that sample, changed as the rest of the line says, three bytes at a time: two of a place, one to put there. Whole
/// messages are thus a byte away, and so is any change of one.
pub fn messages(input: &[u8], samples: &[&str]) -> Vec<Vec<u8>> {
    input.split(|byte| *byte == SEPARATOR).map(|line| message(line, samples)).collect()
}

fn message(line: &[u8], samples: &[&str]) -> Vec<u8> {
    let Some((number, changes)) = line.split_first() else {
        return Vec::new();
    };
    let Some(sample) = samples.get(usize::from(*number)).filter(|_| *number < SEPARATOR) else {
        return line.to_vec();
    };
    let mut text = sample.as_bytes().to_vec();
    for change in changes.chunks_exact(3) {
        let place = usize::from(change[0]) << 8 | usize::from(change[1]);
        let len = text.len().max(1);
        if let Some(byte) = text.get_mut(place % len) {
            *byte = change[2];
        }
    }
    text
}

/// Each message as one text frame. Text that is not UTF-8 ends a connection at once: it is made valid here.
pub fn framed(messages: &[Vec<u8>]) -> Vec<u8> {
    messages.iter().flat_map(|text| framed_one(&String::from_utf8_lossy(text))).collect()
}

/// One text frame.
pub fn framed_one(text: &str) -> Vec<u8> {
    let mut wire = match u8::try_from(text.len()) {
        Ok(len @ 0..126) => vec![0x81, len],
        _ => {
            let [a, b] = u16::try_from(text.len()).unwrap_or_default().to_be_bytes();
            vec![0x81, 126, a, b]
        }
    };
    wire.extend_from_slice(text.as_bytes());
    wire
}

/// A body under a proper head, its status chosen by any byte.
pub fn response(status: u8, body: &[u8]) -> Vec<u8> {
    let status = [200, 201, 400, 401, 403, 404, 409, 418, 429, 500, 502][usize::from(status % 11)];
    let mut wire = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    wire.extend_from_slice(body);
    wire
}

/// Each message as one line in a chunk of its own, under a proper head.
pub fn chunked(messages: &[Vec<u8>]) -> Vec<u8> {
    let mut wire = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for line in messages {
        wire.extend_from_slice(format!("{:x}\r\n", line.len() + 1).as_bytes());
        wire.extend_from_slice(line);
        wire.extend_from_slice(b"\n\r\n");
    }
    wire
}

/// Hands over the wire in pieces of this length, as the engine does: what was left unread comes again with the next
/// piece, and while more is said to come the same is asked again. Returns what ended it, if anything did, and what was
/// left unread.
pub fn feed<E>(
    wire: &[u8],
    piece: usize,
    mut read: impl FnMut(&mut [u8]) -> Result<SessionProgress, E>,
) -> (Option<E>, Vec<u8>) {
    let mut buffer = Vec::new();
    for piece in wire.chunks(piece) {
        buffer.extend_from_slice(piece);
        let mut idle = 0;
        loop {
            match read(&mut buffer) {
                Ok(progress) => {
                    assert!(progress.consumed <= buffer.len());
                    buffer.drain(..progress.consumed);
                    if !progress.more {
                        break;
                    }
                    idle = if progress.consumed > 0 { 0 } else { idle + 1 };
                    assert!(idle < 10_000, "more is said to come for ever");
                }
                Err(end) => return (Some(end), buffer),
            }
        }
    }
    (None, buffer)
}

/// What ends the reading of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// The request was answered.
    Answered,
    /// The connection cannot be read any further.
    Failed,
}

/// The kind of an error, without its text: a count of bytes at the moment it was noticed may differ.
pub fn kind(error: impl std::fmt::Debug) -> String {
    let text = format!("{error:?}");
    text.split(['(', ' ']).next().unwrap_or_default().to_owned()
}

/// How the bytes of a WebSocket connection are cut changes nothing about what was told, nor about what ended it. A message is
/// told while it comes, though: of one that breaks the wire, not being UTF-8 say, smaller pieces tell more before that is
/// noticed.
#[track_caller]
pub fn assert_same(whole: &(Vec<String>, Option<String>), parts: &(Vec<String>, Option<String>)) {
    if whole.1.as_deref() == Some("Protocol") && parts.1 == whole.1 {
        assert!(parts.0.starts_with(&whole.0), "the cut changes what was told before: {whole:?} {parts:?}");
    } else {
        assert_eq!(whole, parts, "the cut changes nothing");
    }
}
