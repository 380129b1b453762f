//! What the engine asks of a market connection, whichever venue's: where their sessions differ, they differ here.
//!
//! Owns nothing. A closed enum is matched, never a trait object: the compiler sees every call.

use super::connections::Session;
use crate::record::Instrument;
use crate::venue::binance_us::{self, MarketData};
use crate::venue::coinbase::StreamLoad;
use crate::venue::Channels;

/// What a connection speaks: with its venue and role, where it is dialled to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// A WebSocket that carries subscriptions.
    Stream,
    /// Keep-alive HTTP.
    Rest,
}

impl Session {
    /// What it speaks.
    pub(super) const fn carrier(&self) -> Carrier {
        match self {
            Session::CoinbaseStream(_) | Session::BinanceUsStream(_) => Carrier::Stream,
            Session::CoinbaseOrders(_) | Session::BinanceUsRest(_) => Carrier::Rest,
        }
    }

    /// Channels it can carry.
    pub(super) fn served(&self) -> Channels {
        match self {
            Session::CoinbaseStream(session) => session.served(),
            // The status is no stream of this venue (Binance.US reference 6): its catalog has it.
            Session::BinanceUsStream(_) => Channels::ALL.without(Channels::STATUS),
            Session::CoinbaseOrders(_) | Session::BinanceUsRest(_) => Channels::NONE,
        }
    }

    /// How full it is, and whether it carries the instrument's stream already; `None` if it carries no market data.
    pub(super) fn load(&mut self, instrument: &Instrument) -> Option<StreamLoad> {
        match self {
            Session::CoinbaseStream(session) => Some(session.load(instrument)),
            Session::BinanceUsStream(session) => {
                let instruments = session.instruments();
                Some(StreamLoad {
                    carried: session.carries(instrument.id),
                    streams: instruments,
                    books: instruments,
                    places: binance_us::limits::INSTRUMENTS_PER_CONNECTION_MAX,
                })
            }
            Session::CoinbaseOrders(_) | Session::BinanceUsRest(_) => None,
        }
    }

    /// From now on exactly these channels of the instrument are wanted. False: it has no room, or carries none.
    pub(super) fn want(&mut self, instrument: &Instrument, channels: Channels, data: &mut MarketData) -> bool {
        match self {
            Session::CoinbaseStream(session) => session.want(instrument, channels).is_ok(),
            Session::BinanceUsStream(session) => session.want(instrument, channels.into(), data).is_ok(),
            Session::CoinbaseOrders(_) | Session::BinanceUsRest(_) => false,
        }
    }

    /// Whether it is a market connection with something to carry.
    pub(super) fn wants_anything(&self) -> bool {
        match self {
            Session::CoinbaseStream(session) => session.wants_anything(),
            Session::BinanceUsStream(session) => session.instruments() > 0,
            Session::CoinbaseOrders(_) | Session::BinanceUsRest(_) => false,
        }
    }
}
