//! WebSocket frames as the model's side reads and writes them.

/// What a client sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Message {
    /// A text.
    Text(String),
    /// The answer to a ping.
    Pong(Vec<u8>),
    /// Anything else: a close, a ping.
    Other,
}

/// Takes the first whole frame of a client from the front of `bytes`; `None` if there is none yet.
pub(super) fn take_message(bytes: &mut Vec<u8>) -> Option<Message> {
    let (first, second) = (*bytes.first()?, *bytes.get(1)?);
    let (length, at) = match second & 0x7f {
        126 => (usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)), 4usize),
        127 => (usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?, 10),
        length => (usize::from(length), 2),
    };
    let start = at.saturating_add(4);
    let end = start.saturating_add(length);
    let mask = bytes.get(at..start)?.to_vec();
    let payload: Vec<u8> = bytes.get(start..end)?.iter().zip(mask.iter().cycle()).map(|(b, m)| b ^ m).collect();
    bytes.drain(..end);
    Some(match first & 0x0f {
        0x1 => Message::Text(String::from_utf8_lossy(&payload).into_owned()),
        0xa => Message::Pong(payload),
        _ => Message::Other,
    })
}

/// A frame of the server.
fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0x80 | opcode];
    match payload.len() {
        length @ 0..=125 => out.push(length as u8),
        length @ 126..=0xffff => {
            out.push(126);
            out.extend((length as u16).to_be_bytes());
        }
        length => {
            out.push(127);
            out.extend((length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(payload);
    out
}

/// A text of the server.
pub(super) fn text(payload: &str) -> Vec<u8> {
    frame(0x1, payload.as_bytes())
}

/// A ping of the server.
pub(super) fn ping(payload: &[u8]) -> Vec<u8> {
    frame(0x9, payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_frame_is_read_once_it_is_whole() {
        let mut bytes = vec![0x81, 0x82, 1, 2, 3, 4, b'h' ^ 1];
        assert_eq!(take_message(&mut bytes), None);
        bytes.push(b'i' ^ 2);
        assert_eq!(take_message(&mut bytes), Some(Message::Text("hi".into())));
        assert!(bytes.is_empty());
    }

    #[test]
    fn long_texts_have_long_lengths() {
        assert_eq!(text(&"x".repeat(200))[..4], [0x81, 126, 0, 200]);
        assert_eq!(text(&"x".repeat(70_000))[..2], [0x81, 127]);
    }
}
