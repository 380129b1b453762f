//! What Binance.US's symbols take, and the check of orders against it before anything leaves.
//!
//! Owns the catalog's word on every symbol known, and the venue's average prices, which two filters are relative to: asked
//! once an instrument can be traded, and again while it is. An average that is too old, or was never told, judges nothing:
//! the venue will.

use super::connections::Session;
use super::contract::Outputs;
use super::route::{free_conn, misfit, Plug};
use super::trading::Cargo;
use super::Engine;
use crate::guard::{check_increments, check_prepared, check_status, Cost};
use crate::order::Refusal;
use crate::record::{
    ClientOrderId, ConnectionRole, Fixed, Instrument, InstrumentId, OrderCommand, OrderType, PreparedOrder, UnixNanos,
    Venue,
};
use crate::venue::binance_us::request::Call;
use crate::venue::binance_us::{Market, RuleError, Standing, VenueMs};
use crate::venue::PlaceIntent;

/// The venue averages over five minutes: what it said is asked again after this, where there were orders.
const AVERAGE_EVERY_MS: u64 = 30_000;
/// An average price this old judges no order.
const AVERAGE_KEPT_MS: u64 = 90_000;

/// One symbol.
#[derive(Debug)]
struct Rule {
    instrument: InstrumentId,
    market: Box<Market>,
    average: Option<Fixed>,
    /// When the average was told.
    told: UnixNanos,
    /// When it is asked next; `MAX` once it was, until there are orders.
    ask_at: UnixNanos,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Rules {
    by_instrument: Vec<Option<Rule>>,
    /// No average is to be asked for before this; may be too early, never too late.
    ask_from: UnixNanos,
}

impl Rules {
    /// A symbol, or its new figures.
    fn put(&mut self, instrument: InstrumentId, market: Box<Market>) {
        let index = instrument.index();
        if index >= InstrumentId::COUNT_MAX {
            return;
        }
        if self.by_instrument.len() <= index {
            self.by_instrument.resize_with(index.saturating_add(1), || None);
        }
        match self.by_instrument.get_mut(index) {
            Some(Some(rule)) => rule.market = market,
            Some(place) => {
                let (told, ask_at) = (UnixNanos::NONE, UnixNanos::NONE);
                *place = Some(Rule { instrument, market, average: None, told, ask_at });
                self.ask_from = ask_at;
            }
            None => {}
        }
    }

    fn of(&self, instrument: InstrumentId) -> Option<&Rule> {
        self.by_instrument.get(instrument.index()).and_then(Option::as_ref)
    }

    fn of_mut(&mut self, instrument: InstrumentId) -> Option<&mut Rule> {
        self.by_instrument.get_mut(instrument.index()).and_then(Option::as_mut)
    }

    /// An instrument whose average is to be asked for now. Looks at each only when one may be due.
    fn due(&mut self, now: UnixNanos) -> Option<&mut Rule> {
        if now < self.ask_from {
            return None;
        }
        let next = self.by_instrument.iter().flatten().map(|rule| rule.ask_at).min();
        self.ask_from = next.unwrap_or(UnixNanos::MAX);
        self.by_instrument.iter_mut().flatten().find(|rule| rule.ask_at <= now)
    }

    fn ask_at(&mut self, instrument: InstrumentId, at: UnixNanos) {
        if let Some(rule) = self.of_mut(instrument) {
            rule.ask_at = at;
            self.ask_from = self.ask_from.min(at);
        }
    }

    /// The venue told an average price.
    pub(super) fn average(&mut self, now: UnixNanos, instrument: InstrumentId, price: Fixed) {
        if let Some(rule) = self.of_mut(instrument) {
            (rule.average, rule.told) = (Some(price), now);
        }
    }

    /// An order left: its average is to be known for the next one.
    pub(super) fn ordered(&mut self, instrument: InstrumentId) {
        if let Some(rule) = self.of(instrument) {
            self.ask_at(instrument, rule.ask_at.min(rule.told.plus_ms(AVERAGE_EVERY_MS)));
        }
    }
}

/// The refusal of an order that the symbol does not take.
const fn unfit(error: RuleError) -> Refusal {
    Refusal::new(error.class(), error.reason())
}

impl Engine {
    /// What a symbol of Binance.US takes, as its catalog states it now.
    pub(super) fn know_rules(&mut self, now: UnixNanos, out: &mut impl Outputs, id: InstrumentId, market: Box<Market>) {
        self.binance_us.rules.put(id, market);
        self.ask_average(now, out);
    }

    /// Whether an order fits its instrument: by the venue's own rules where they are known, else by tick, lot and size.
    ///
    /// # Errors
    /// [`Refusal`]; at Binance.US it names the filter.
    pub(super) fn check_terms(
        &self,
        now: UnixNanos,
        instrument: &Instrument,
        command: &OrderCommand,
        composite: Option<&PreparedOrder>,
    ) -> Result<(), Refusal> {
        let rule = match instrument.listing.venue {
            Venue::BinanceUs => self.binance_us.rules.of(instrument.id),
            Venue::Coinbase | Venue::Oanda => None,
        };
        let Some(rule) = rule else {
            return match composite {
                Some(order) => check_prepared(instrument, order).map_err(misfit),
                None => check_increments(instrument, command).map_err(misfit),
            };
        };
        let limit = composite.map_or(command.order_type() == OrderType::Limit, |order| order.terms().is_limit());
        check_status(instrument, limit, command.is_post_only()).map_err(misfit)?;
        let intent = PlaceIntent::of(instrument, &ClientOrderId::EMPTY, command, composite);
        let fresh = now <= rule.told.plus_ms(AVERAGE_KEPT_MS);
        let orders = &self.trading.orders;
        let specials = self.binance_us.specials.open(instrument.id, orders);
        let standing = Standing {
            average_price: rule.average.filter(|_| fresh),
            open_orders: orders.exposure(instrument.id).open_orders,
            open_algo_orders: specials.conditional,
            open_icebergs: specials.icebergs,
        };
        rule.market.check(&intent, &standing).map_err(unfit)
    }

    /// The same for an order that takes another's place in one request.
    ///
    /// # Errors
    /// As [`Engine::check_terms`].
    pub(super) fn check_swap(
        &self,
        now: UnixNanos,
        instrument: &Instrument,
        command: &OrderCommand,
    ) -> Result<(), Refusal> {
        match self.binance_us.rules.of(instrument.id) {
            Some(rule) if !rule.market.cancel_replace => Err(unfit(RuleError::Replace)),
            _ => self.check_terms(now, instrument, command, None),
        }
    }

    /// Asks for the next average price that is due, if a housekeeping connection is free. Without credentials there is
    /// nothing to judge by it.
    pub(super) fn ask_average(&mut self, now: UnixNanos, out: &mut impl Outputs) {
        if self.trading.desks.get(Venue::BinanceUs).user.is_none() {
            return;
        }
        let Some(id) = free_conn(&self.conns, Venue::BinanceUs, &[ConnectionRole::Queries]) else { return };
        let Engine { conns, market, trading, binance_us, .. } = self;
        let Some(rule) = binance_us.rules.due(now) else { return };
        let instrument = rule.instrument;
        let Some(traded) = market.get(instrument) else { return };
        let call = Call::AveragePrice { symbol: traded.instrument.symbol(), instrument };
        let Some(Session::BinanceUsRest(session)) = conns.get_mut(id.index()).map(|conn| &mut conn.session) else {
            return;
        };
        rule.ask_at = UnixNanos::MAX;
        let cost = Cost { weight: call.weight(), orders: 0 };
        let Some(mark) = binance_us.housekeeping(now, cost) else {
            // Later: what is due is looked for whenever the connection was used.
            binance_us.rules.ask_at(instrument, now.plus_ms(AVERAGE_EVERY_MS));
            return;
        };
        let start = out.transmit(id, |_| ());
        let mut plug = Plug { out, conn: id, end: start };
        if session.query(now, VenueMs(0), &call, &mut plug).is_err() {
            return;
        }
        let (end, deadline) = (plug.end, session.expects_reply_by());
        binance_us.mark(id, Some(mark));
        trading.load(id, Cargo::Average, start, end, UnixNanos::NONE);
        self.deadlines.set(id.index(), deadline);
    }
}
