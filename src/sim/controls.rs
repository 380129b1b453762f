//! What tests and the demo can make any local venue do, whichever it is: the controls all of them share.
//!
//! Every control has taken effect, and what it caused has been handed to the sockets, when it returns: tests need no
//! sleeps. What only one venue can do stands in its own folder.

use super::market::Pace;
use super::server::{Server, Stopped, Venue};
use super::{RequestLog, Rng};
use std::collections::BTreeSet;

/// How a venue tells the client about its orders: the events it streams, and the listings it answers.
#[derive(Debug, Default)]
pub struct Reports {
    /// Events wait.
    pub(crate) held: bool,
    /// Events leave so much late, ns.
    pub(crate) delay_ns: u64,
    /// Each event leaves so many times more.
    pub(crate) repeats: usize,
    /// Client order ids the stream never mentions.
    pub(crate) suppressed: BTreeSet<String>,
    /// Listings and lookups show how things stood so long ago, ns.
    pub(crate) listing_lag_ns: u64,
}

impl Reports {
    /// Prompt and complete, but for listings that lag.
    pub(crate) fn lagging(listing_lag_ns: u64) -> Reports {
        Reports { listing_lag_ns, ..Reports::default() }
    }

    /// An event as it is queued: once, and as often again as it is repeated.
    pub(crate) fn copies<T: Clone>(&self, event: T) -> impl Iterator<Item = T> {
        std::iter::repeat_n(event, self.repeats.saturating_add(1))
    }
}

/// How a venue ends an order that nobody asked it to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VenueEnd {
    /// By an administrator, say; where a cancel always is the client's, as an expiry.
    Cancelled,
    /// Its time ran out.
    Expired,
}

/// What drives a made-up market: when its events are due, and which of the instruments each befalls.
#[derive(Debug)]
pub struct Clockwork {
    pace: Pace,
    rng: Rng,
}

impl Clockwork {
    /// Events begin at `now_ns`; 0 a second is a market that stands still.
    pub(crate) fn new(events_per_s: u64, now_ns: u64, seed: u64) -> Clockwork {
        Clockwork { pace: Pace::new(events_per_s, now_ns), rng: Rng::new(seed) }
    }
}

/// The model's side of the controls.
pub trait Model: Venue {
    /// What drives its market.
    fn clockwork(&mut self) -> &mut Clockwork;

    /// How many instruments are traded.
    fn markets(&self) -> usize;

    /// A made-up event of one of them.
    fn market_event(&mut self, now_ns: u64, index: usize);

    /// Made-up events per second from now on; 0 pauses the market.
    fn set_rate(&mut self, now_ns: u64, events_per_s: u64) {
        self.clockwork().pace = Pace::new(events_per_s, now_ns);
    }

    /// So many made-up events at once.
    fn step(&mut self, now_ns: u64, events: u64) {
        for _ in 0..events {
            let markets = self.markets() as u64;
            let index = self.clockwork().rng.below(markets) as usize;
            self.market_event(now_ns, index);
        }
    }

    /// The made-up events that are due; gives when the next one is.
    fn run_market(&mut self, now_ns: u64) -> Option<u64> {
        let (due, next) = self.clockwork().pace.due(now_ns);
        self.step(now_ns, due);
        next
    }

    /// Ends the open order of a client order id; whether there was one.
    fn end_order(&mut self, now_ns: u64, client_order_id: &str, end: VenueEnd) -> bool;

    /// How it tells of orders.
    fn reports(&mut self) -> &mut Reports;

    /// Forgets the user events not sent yet.
    fn forget_user_events(&mut self);

    /// Requests seen.
    fn seen(&self) -> &RequestLog;

    /// Requests, connections and messages refused by rate limits.
    fn rate_limit_hits(&self) -> u64;
}

/// The market.
impl<V: Model> Server<V> {
    /// The made-up market stands still; orders still match against what rests.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn pause_market(&self) -> Result<(), Stopped> {
        self.run_market(0)
    }

    /// The made-up market runs at so many events per second over all instruments.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn run_market(&self, events_per_s: u64) -> Result<(), Stopped> {
        self.call(move |core, now_ns| core.venue.set_rate(now_ns, events_per_s))
    }

    /// So many made-up events at once.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn step(&self, events: u64) -> Result<(), Stopped> {
        self.call(move |core, now_ns| core.venue.step(now_ns, events))
    }
}

/// Orders.
impl<V: Model> Server<V> {
    /// Ends the open order of a client order id, unasked; whether there was one.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn end_order(&self, client_order_id: &str, end: VenueEnd) -> Result<bool, Stopped> {
        let id = client_order_id.to_owned();
        self.call(move |core, now_ns| core.venue.end_order(now_ns, &id, end))
    }
}

/// User events and listings.
impl<V: Model> Server<V> {
    /// User events wait until [`Self::release_user_events`].
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn hold_user_events(&self) -> Result<(), Stopped> {
        self.call(|core, _| core.venue.reports().held = true)
    }

    /// Sends the user events held, in order.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn release_user_events(&self) -> Result<(), Stopped> {
        self.call(|core, _| core.venue.reports().held = false)
    }

    /// Drops the user events that are held or delayed: the stream stays healthy and never tells.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn drop_user_events(&self) -> Result<(), Stopped> {
        self.call(|core, _| core.venue.forget_user_events())
    }

    /// User events made from now on are sent so many ns late.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn delay_user_events(&self, delay_ns: u64) -> Result<(), Stopped> {
        self.call(move |core, _| core.venue.reports().delay_ns = delay_ns)
    }

    /// User events made from now on are each sent so many times more, one behind the other; 0 ends it.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn repeat_user_events(&self, times: usize) -> Result<(), Stopped> {
        self.call(move |core, _| core.venue.reports().repeats = times)
    }

    /// The user stream never mentions the order of that client order id.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn suppress_user_events(&self, client_order_id: &str) -> Result<(), Stopped> {
        let id = client_order_id.to_owned();
        self.call(move |core, _| {
            core.venue.reports().suppressed.insert(id);
        })
    }

    /// Order lookups, listings, balances, and whatever else the venue answers out of them show how things stood so many ns
    /// ago: a fresh order is unknown although it lives.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn lag_listings(&self, lag_ns: u64) -> Result<(), Stopped> {
        self.call(move |core, _| core.venue.reports().listing_lag_ns = lag_ns)
    }
}

/// What the venue saw.
impl<V: Model> Server<V> {
    /// How often a request such as `POST /api/v3/order`, `WS order.place` or `PUT /orders/*/cancel` has arrived, faults
    /// included. Paths are named as in the venue's `Observed`.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn requests(&self, name: &str) -> Result<u64, Stopped> {
        let name = name.to_owned();
        self.call(move |core, _| core.venue.seen().counts.get(&name).copied().unwrap_or(0))
    }

    /// How often a new order with this client order id has arrived, by any door, faults included.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn orders_received(&self, client_order_id: &str) -> Result<u64, Stopped> {
        let id = client_order_id.to_owned();
        self.call(move |core, _| core.venue.seen().orders_received.get(&id).copied().unwrap_or(0))
    }

    /// Requests, connections and messages refused by rate limits.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn rate_limit_hits(&self) -> Result<u64, Stopped> {
        self.call(|core, _| core.venue.rate_limit_hits())
    }

    /// Connections accepted since the start.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn connections_accepted(&self) -> Result<u64, Stopped> {
        self.call(|core, _| core.accepted())
    }
}
