//! Text that is not UTF-8 fails the connection (RFC 6455 section 8.1), though the parser and not the reader checks it.

use super::super::market_data::MarketData;
use super::super::subscribe::Streams;
use super::super::testing::{instrument, Ear};
use super::{frames, StreamConfig, StreamSession};
use crate::codec::json::Plain;
use crate::record::UnixNanos;
use crate::venue::fault::Fault;
use crate::venue::websocket::{Frames, Reader, Unread};
use crate::venue::SessionError;

const NOW: UnixNanos = UnixNanos(1_700_000_000_000_000_000);

fn frame(first_byte: u8, payload: &[u8]) -> Vec<u8> {
    [&[first_byte, payload.len() as u8], payload].concat()
}

/// What is not UTF-8, in a message of a stream or anywhere.
const NOT_UTF8: [&[u8]; 4] =
    [b"\xff", b"{\"stream\":\"\xed\xa0\x80\",\"data\":{}}", b"{\"e\":\"trade\xc3\"}", b"{]\xff"];

#[test]
fn a_market_message_that_is_not_utf8_closes_with_1007() {
    for text in NOT_UTF8 {
        let mut data = MarketData::default();
        let mut session = StreamSession::new(StreamConfig::default());
        let mut ear = Ear::default();
        session.want(&instrument(0, "BTC-USD"), Streams::TRADES, &mut data).unwrap();
        session.opened(NOW, &mut data, &mut ear).unwrap();
        ear.sent.clear();
        let end = session.bytes(NOW, &mut frame(0x81, text), &mut data, &mut ear);
        assert!(matches!(&end, Err(SessionError::Protocol(why)) if why.contains("UTF-8")), "{text:?}: {end:?}");
        let status = ear.sent.iter().skip(6).zip([7_u8, 7]).map(|(byte, mask)| byte ^ mask).collect::<Vec<_>>();
        assert_eq!(status, 1007_u16.to_be_bytes(), "{text:?}");
    }
}

/// A reader that takes everything.
struct Deaf;

impl<IO> Reader<IO> for Deaf {
    fn message(&mut self, _: &mut Plain, _: &mut [u8], _: &mut IO) -> Result<usize, Unread> {
        Ok(0)
    }

    fn long_failed(&mut self, _: &Fault, _: &mut IO) {}
}

#[test]
fn pieces_are_checked_by_the_reader_of_frames() {
    for text in NOT_UTF8 {
        let mut frames = Frames::new(frames(60_000));
        frames.opened(NOW);
        let (first, second) = text.split_at(text.len() / 2);
        let mut both = [frame(0x01, first), frame(0x80, second)].concat();
        let end = frames.read(NOW, &mut both, &mut Deaf, &mut Ear::default());
        assert!(matches!(end, Err(SessionError::Protocol(_))), "{text:?}: {end:?}");
    }
}
