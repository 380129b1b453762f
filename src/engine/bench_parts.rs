//! What the benches of several test files are made of: instruments, a key, and WebSocket messages as either side sends them.
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::record::{AssetId, Fixed, Instrument, InstrumentId, Listing, TradingStatus, Venue};
use crate::sim::{Credentials, KeyKind};
use std::sync::OnceLock;

pub(super) const SYMBOLS: [&str; 2] = ["BTC-USD", "ETH-USD"];

pub(super) fn key() -> Credentials {
    static KEY: OnceLock<Credentials> = OnceLock::new();
    KEY.get_or_init(|| Credentials::generate(KeyKind::Es256).unwrap()).clone()
}

pub(super) fn instrument(index: usize) -> Instrument {
    instrument_named(index as u32, SYMBOLS[index])
}

pub(super) fn instrument_named(id: u32, symbol: &str) -> Instrument {
    let (base, quote) = symbol.split_once('-').unwrap();
    let listing = Listing {
        venue: Venue::Coinbase,
        symbol: symbol.into(),
        streamed_as: None,
        base: base.into(),
        quote: quote.into(),
        tick: Fixed::new(1, -2),
        lot: Fixed::new(1, -8),
        quote_lot: Fixed::new(1, -2),
        size_min: Fixed::new(1, -8),
        size_max: Fixed::new(3400, 0),
        notional_min: Fixed::new(1, 0),
        status: TradingStatus::Online,
    };
    Instrument::new(InstrumentId(id), AssetId(id as u16), AssetId(999), listing)
}

/// An unmasked text frame.
pub(super) fn server_text(wire: &mut Vec<u8>, payload: &[u8]) {
    wire.push(0x81);
    match payload.len() {
        len @ 0..=125 => wire.push(len as u8),
        len @ 126..=0xffff => {
            wire.push(126);
            wire.extend((len as u16).to_be_bytes());
        }
        len => {
            wire.push(127);
            wire.extend((len as u64).to_be_bytes());
        }
    }
    wire.extend(payload);
}

/// The text messages a client sent; all of them are short and masked.
pub(super) fn client_texts(mut bytes: &[u8]) -> Vec<String> {
    let mut texts = Vec::new();
    while let [first, second, rest @ ..] = bytes {
        assert!(second & 0x80 != 0, "a client masks");
        let (len, rest) = match second & 0x7f {
            126 => (usize::from(u16::from_be_bytes([rest[0], rest[1]])), &rest[2..]),
            len => (usize::from(len), rest),
        };
        let (mask, rest) = rest.split_at(4);
        let payload = rest[..len].iter().zip(mask.iter().cycle()).map(|(b, m)| b ^ m).collect();
        if first & 0x0f == 1 {
            texts.push(String::from_utf8(payload).unwrap());
        }
        bytes = &rest[len..];
    }
    texts
}
