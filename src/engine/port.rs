//! What the engine asks of a connection, whichever venue's: where their sessions differ, they differ here.
//!
//! Owns nothing. A closed enum is matched, never a trait object: the compiler sees every call.

use super::binance_us_desk::BinanceUs;
use super::connections::Session;
use super::contract::Outputs;
use super::desk::Desk;
use super::tokens::Ready;
use crate::guard::{Cost, Mark, Priority, RetryAt};
use crate::order::Refusal;
use crate::record::{Instrument, RejectClass, UnixNanos, Venue};
use crate::telemetry::Counter;
use crate::venue::binance_us::{MarketData, Requests, VenueMs};
use crate::venue::coinbase::request::TokenPath;
use crate::venue::coinbase::StreamLoad;
use crate::venue::oanda::Ledger;
use crate::venue::{Channels, Deadline, PlaceIntent, Wire};

/// What a connection speaks: with its venue and role, where it is dialled to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// What brings a stream: a WebSocket that carries subscriptions, or at OANDA an endless HTTP response.
    Stream,
    /// Keep-alive HTTP.
    Rest,
    /// A WebSocket that carries requests.
    Api,
    /// A WebSocket that brings an account's events, at a path that is told before it is dialled
    /// ([`Outputs::address`]).
    Events,
}

impl Session {
    /// What it speaks.
    pub(super) const fn carrier(&self) -> Carrier {
        match self {
            Session::CoinbaseStream(_) | Session::BinanceUsStream(_) | Session::OandaStream(_) => Carrier::Stream,
            Session::CoinbaseOrders(_) | Session::BinanceUsRest(_) | Session::OandaRest(_) => Carrier::Rest,
            Session::BinanceUsApi(_) => Carrier::Api,
            Session::BinanceUsUser(_) => Carrier::Events,
        }
    }

    /// Channels it can carry.
    pub(super) fn served(&self) -> Channels {
        match self {
            Session::CoinbaseStream(session) => session.served(),
            // The status is no stream of this venue (Binance.US reference 6): its catalog has it.
            Session::BinanceUsStream(_) => Channels::ALL.without(Channels::STATUS),
            // A price is all there is: no trades, and no statistics (OANDA reference 6).
            Session::OandaStream(_) => Channels::BOOK | Channels::TICKER | Channels::STATUS,
            Session::CoinbaseOrders(_)
            | Session::BinanceUsRest(_)
            | Session::BinanceUsApi(_)
            | Session::BinanceUsUser(_)
            | Session::OandaRest(_) => Channels::NONE,
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
                    places: session.places(),
                })
            }
            // One stream carries all of them: they are not spread.
            Session::OandaStream(_) => None,
            Session::CoinbaseOrders(_)
            | Session::BinanceUsRest(_)
            | Session::BinanceUsApi(_)
            | Session::BinanceUsUser(_)
            | Session::OandaRest(_) => None,
        }
    }

    /// From now on exactly these channels of the instrument are wanted. False: it has no room, or carries none.
    pub(super) fn want(&mut self, instrument: &Instrument, channels: Channels, data: &mut MarketData) -> bool {
        match self {
            Session::CoinbaseStream(session) => session.want(instrument, channels).is_ok(),
            Session::BinanceUsStream(session) => session.want_channels(instrument, channels, data).is_ok(),
            Session::OandaStream(session) => {
                let wanted = channels.is_empty() || session.want(instrument, channels).is_ok();
                session.unwant(instrument.id, Channels::ALL.without(channels));
                wanted
            }
            Session::CoinbaseOrders(_)
            | Session::BinanceUsRest(_)
            | Session::BinanceUsApi(_)
            | Session::BinanceUsUser(_)
            | Session::OandaRest(_) => false,
        }
    }

    /// Whether it is a market connection with something to carry.
    pub(super) fn wants_anything(&self) -> bool {
        match self {
            Session::CoinbaseStream(session) => session.wants_anything(),
            Session::BinanceUsStream(session) => session.instruments() > 0,
            Session::OandaStream(session) => session.wants_anything(),
            Session::CoinbaseOrders(_)
            | Session::BinanceUsRest(_)
            | Session::BinanceUsApi(_)
            | Session::BinanceUsUser(_)
            | Session::OandaRest(_) => false,
        }
    }

    /// Whether it carries requests and would send one now.
    pub(super) fn free(&self) -> bool {
        match self {
            Session::CoinbaseOrders(session) => session.free(),
            Session::BinanceUsRest(session) => session.free(),
            Session::BinanceUsApi(session) => session.free(),
            Session::OandaRest(session) => session.free(),
            Session::CoinbaseStream(_)
            | Session::BinanceUsStream(_)
            | Session::BinanceUsUser(_)
            | Session::OandaStream(_) => false,
        }
    }

    /// When it is due after a request was sent.
    pub(super) fn deadline_after_request(&self) -> Deadline {
        match self {
            Session::CoinbaseOrders(session) => session.expects_reply_by(),
            Session::BinanceUsRest(session) => session.expects_reply_by(),
            Session::BinanceUsApi(session) => session.deadline(),
            Session::BinanceUsUser(session) => session.deadline(),
            Session::CoinbaseStream(session) => session.deadline(),
            Session::BinanceUsStream(session) => session.deadline(),
            Session::OandaStream(session) => session.deadline(),
            Session::OandaRest(session) => session.expects_reply_by(),
        }
    }

    /// Sends a new order. If not a byte was written, the credential comes back, if there was one.
    pub(super) fn place(
        &mut self,
        now: UnixNanos,
        intent: &PlaceIntent<'_>,
        permit: Permit,
        ledger: &Ledger,
        io: &mut impl Wire,
    ) -> Result<(), Option<Box<str>>> {
        match (self, permit) {
            (Session::CoinbaseOrders(session), Permit::Token(_, ready)) => {
                session.place(now, intent, ready.token, io).map_err(|refused| refused.token)
            }
            (Session::BinanceUsRest(session), Permit::Stamp(stamp, _)) => {
                session.place(now, stamp, intent, io).map_err(|_| None)
            }
            (Session::BinanceUsApi(session), Permit::Stamp(stamp, _)) => {
                session.place(now, stamp, intent, io).map_err(|_| None)
            }
            (Session::OandaRest(session), Permit::Free) => session.place(now, intent, ledger, io).map_err(|_| None),
            (_, permit) => Err(permit.into_token()),
        }
    }
}

/// What a request needs besides a free connection.
pub(super) enum Permit {
    /// A credential made ahead for one path, and the governor's leave.
    Token(TokenPath, Ready),
    /// The venue's time to be signed with, and what it costs the weight governor, who lets it go.
    Stamp(VenueMs, Cost),
    /// The governor's leave alone: one token does for every request.
    Free,
}

/// Why there is no permit now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoPermit {
    /// No credential is ready: one comes soon.
    NoToken,
    /// The governor refuses until then.
    Until(UnixNanos),
    /// The venue's clock is not known: it is being asked.
    NoClock,
}

/// When to ask again for a credential or for the clock, ms.
const SOON_MS: u64 = 5;

impl NoPermit {
    /// When to try again.
    pub(super) const fn retry_at(self, now: UnixNanos) -> UnixNanos {
        match self {
            NoPermit::Until(at) => at,
            NoPermit::NoToken | NoPermit::NoClock => now.plus_ms(SOON_MS),
        }
    }

    /// The refusal of a command that cannot wait.
    pub(super) fn refusal(self, now: UnixNanos) -> Refusal {
        let refusal = match self {
            NoPermit::NoToken => Refusal::new(RejectClass::Busy, "no token ready"),
            NoPermit::Until(_) => Refusal::new(RejectClass::RateLimited, "own rate limit"),
            NoPermit::NoClock => Refusal::new(RejectClass::Busy, "the venue's clock is not known"),
        };
        refusal.until(self.retry_at(now))
    }
}

impl Permit {
    /// What the venue of `desk` asks for a request over `path` that costs `cost`. Nothing is counted yet.
    pub(super) fn take(
        now: UnixNanos,
        venue: Venue,
        (path, cost, priority): (TokenPath, Cost, Priority),
        desk: &mut Desk,
        shared: &mut BinanceUs,
        out: &mut impl Outputs,
    ) -> Result<Permit, NoPermit> {
        let taken = match venue {
            Venue::BinanceUs => shared.ready(now, cost, priority).map(|stamp| Permit::Stamp(stamp, cost)),
            Venue::Oanda => match desk.governor.ready(now, priority) {
                Ok(()) => Ok(Permit::Free),
                Err(RetryAt(at)) => Err(NoPermit::Until(at)),
            },
            Venue::Coinbase => {
                let token = desk.tokens.take(path as u8, now, |token| out.retire(token));
                match token.ok_or(NoPermit::NoToken) {
                    Err(none) => Err(none),
                    Ok(token) => match desk.governor.ready(now, priority) {
                        Ok(()) => Ok(Permit::Token(path, token)),
                        Err(RetryAt(at)) => {
                            // Unused: it goes back to the front, for the next request.
                            desk.tokens.put_back(path as u8, token);
                            Err(NoPermit::Until(at))
                        }
                    },
                }
            }
        };
        match taken {
            Err(NoPermit::NoToken) => out.count(Counter::TokensMissing, 1),
            Err(NoPermit::Until(_)) => out.count(Counter::RateLimited, 1),
            Err(NoPermit::NoClock) | Ok(_) => {}
        }
        taken
    }

    /// It was not used after all.
    pub(super) fn give_back(self, desk: &mut Desk) {
        if let Permit::Token(path, token) = self {
            desk.tokens.put_back(path as u8, token);
        }
    }

    /// Counts the request, which leaves now; the weight governor's mark of it.
    pub(super) fn count(
        &self,
        now: UnixNanos,
        priority: Priority,
        desk: &mut Desk,
        shared: &mut BinanceUs,
    ) -> Option<Mark> {
        match self {
            Permit::Token(..) | Permit::Free => {
                // It was ready a moment ago.
                let _ready = desk.governor.take(now, priority);
                None
            }
            Permit::Stamp(_, cost) => shared.count(now, *cost, priority),
        }
    }

    /// The credential made ahead, where the venue asks for one.
    pub(super) fn into_token(self) -> Option<Box<str>> {
        match self {
            Permit::Token(_, ready) => Some(ready.token),
            Permit::Stamp(..) | Permit::Free => None,
        }
    }
}
