//! A venue that trades on paper: its commands go to a [`PaperVenue`] instead of a connection, and what that says comes to the
//! very ear a session speaks to.
//!
//! Owns which venues trade on paper. Guarantees that no byte about an order leaves for such a venue, whatever its
//! configuration; that a command meets the book as it was when it arrived, however inputs are cut; and that everything
//! behind the connection (order table, guards, records, audit log) is the code that trades live. Market data stays live.

use super::contract::{ConnId, Note, Outputs, StrategySet};
use super::desk::Desk;
use super::ear::Ear;
use super::oanda_orders;
use super::portfolio::names_trades;
use super::publish::Market;
use super::traded::Standing;
use super::trading::Cargo;
use super::Engine;
use crate::order::{CancelSend, Denial, OrderFact, Query, QueryEnd, Refusal, Swap};
use crate::paper::{Answer, Books, PaperConfig, PaperVenue, Shown, Told};
use crate::record::{
    CallEnd, CallOutcome, ClientOrderId, ConnectionRole, ConnectionState, Fixed128, InlineText, InstrumentId,
    MarketRecord, OrderCommand, OrderRef, RejectClass, Stamp, State, StrategyId, TradingStatus, UnixNanos, Venue,
    VenueOrderId,
};
use crate::telemetry::Counter;
use crate::venue::oanda::InstrumentRules;
use crate::venue::{Channels, PlaceIntent, ReplaceIntent, TradeFact};

/// Queries answered in one go; more wait for the next look.
const ANSWERS_MAX: usize = 16;
/// When to try again what found no whole book: a snapshot comes in about that, ms.
const BOOK_MS: u64 = 50;

const NOT_OFFERED: Refusal = Refusal::new(RejectClass::Unsupported, "not offered on paper");
const NOWHERE: Refusal = Refusal::new(RejectClass::UnknownInstrument, "no such instrument here");
/// Refused before it leaves; to be tried again [`BOOK_MS`] later.
const NOT_WHOLE: Refusal = Refusal::new(RejectClass::Busy, "paper: the book is not whole");

/// One venue that trades on paper.
#[derive(Debug)]
pub(super) struct OnPaper {
    venue: PaperVenue,
    /// The number its requests are carried under; no connection has it.
    conn: ConnId,
    /// Its deadline.
    slot: usize,
    /// The account is open: market data has begun to flow.
    open: bool,
    healthy: bool,
}

impl Books for Market {
    fn shown(&self, instrument: InstrumentId) -> Option<Shown<'_>> {
        let traded = self.get(instrument).filter(|traded| traded.standing == Standing::Whole)?;
        Some(Shown::new(&traded.book, &self.pool))
    }
}

impl Market {
    /// Whether a venue trades on paper.
    pub(super) fn on_paper(&self, venue: Venue) -> bool {
        self.paper.get(venue).is_some()
    }

    /// What a paper venue needs of an instrument.
    pub(super) fn paper_channels(&self, venue: Venue) -> Channels {
        match (self.on_paper(venue), venue) {
            (false, _) => Channels::NONE,
            // Its prices are all there is: nobody trades in public.
            (true, Venue::Oanda) => Channels::BOOK,
            (true, Venue::Coinbase | Venue::BinanceUs) => Channels::BOOK | Channels::TRADES,
        }
    }

    /// A whole event of a book ended.
    pub(super) fn show_paper(&mut self, now: UnixNanos, id: InstrumentId) {
        let Market { traded, pool, paper, .. } = self;
        let Some(traded) = traded.get(id.index()).and_then(Option::as_ref) else { return };
        let Some(desk) = paper.get_mut(traded.instrument.listing.venue).as_deref_mut() else { return };
        if traded.standing == Standing::Whole {
            desk.venue.book(now, id, traded.stamp.venue, Shown::new(&traded.book, pool));
        }
    }

    /// An instrument can be traded now, or not any more.
    pub(super) fn status_on_paper(&mut self, venue: Venue, id: InstrumentId, status: TradingStatus) {
        if let Some(desk) = self.paper.get_mut(venue).as_deref_mut() {
            desk.venue.set_tradeable(id, matches!(status, TradingStatus::Online | TradingStatus::Unknown));
        }
    }

    /// Somebody traded.
    pub(super) fn trade_paper(&mut self, now: UnixNanos, venue: Venue, fact: &TradeFact) {
        let whole = self.get(fact.instrument).is_some_and(|traded| traded.standing == Standing::Whole);
        if let Some(desk) = self.paper.get_mut(venue).as_deref_mut().filter(|_| whole) {
            desk.venue.trade(now, fact);
        }
    }
}

impl Engine {
    /// The same engine, trading on paper at one venue: from now on no order, cancel or change leaves for it. To be called
    /// before the first input, and before any instrument is known.
    #[must_use]
    pub fn trading_on_paper(mut self, config: &PaperConfig) -> Engine {
        let (conn, slot) = (self.trading.add_carrier(), self.deadlines.add());
        let desk = self.trading.desks.get_mut(config.venue());
        *desk = Desk { user: Some(conn), ..Desk::idle(0) };
        let on_paper = OnPaper { venue: PaperVenue::new(config), conn, slot, open: false, healthy: false };
        *self.market.paper.get_mut(config.venue()) = Some(Box::new(on_paper));
        self
    }

    /// Every asset of a paper account: what is free and what is held. Nothing if the venue does not trade on paper.
    pub fn paper_balances(&self, venue: Venue) -> Vec<(InlineText<16>, Fixed128, Fixed128)> {
        self.market.paper.get(venue).as_deref().map_or_else(Vec::new, |desk| desk.venue.balances().collect())
    }

    /// How an order stands at a paper venue; `None` if it is not known there.
    pub fn paper_order(&self, venue: Venue, id: &VenueOrderId) -> Option<OrderFact> {
        self.market.paper.get(venue).as_deref()?.venue.order_fact(id)
    }

    /// The venue whose requests are carried under this number, if it trades on paper.
    pub(super) fn paper_venue_of(market: &Market, conn: ConnId) -> Option<Venue> {
        let carries = |desk: &Option<Box<OnPaper>>| desk.as_ref().is_some_and(|desk| desk.conn == conn);
        market.paper.iter().find(|(_, desk)| carries(desk)).map(|(venue, _)| venue)
    }

    /// An instrument can be traded on paper.
    pub(super) fn know_on_paper(&mut self, id: InstrumentId) {
        let Market { traded, paper, .. } = &mut self.market;
        let Some(traded) = traded.get_mut(id.index()).and_then(Option::as_mut) else { return };
        if let Some(desk) = paper.get_mut(traded.instrument.listing.venue).as_deref_mut() {
            desk.venue.know(&traded.instrument);
        }
    }

    /// The account's own rules of an instrument, at a venue that has such.
    pub(super) fn rules_on_paper(&mut self, id: InstrumentId, rules: &InstrumentRules) {
        if let Some(desk) = self.market.paper.get_mut(Venue::Oanda).as_deref_mut() {
            desk.venue.set_rules(id, rules);
        }
    }

    /// Commands that arrived before this input meet the book as it is before it.
    pub(super) fn arrive_on_paper(&mut self, now: UnixNanos) {
        for venue in Venue::ALL {
            // Out of its place while it looks at the books beside it.
            let Some(mut desk) = self.market.paper.get_mut(venue).take() else { continue };
            desk.venue.arrive(now, &self.market);
            *self.market.paper.get_mut(venue) = Some(desk);
        }
    }

    /// Opens accounts whose market has opened, and hears what has arrived by now.
    pub(super) fn hear_paper(&mut self, now: UnixNanos, out: &mut impl Outputs) {
        self.arrive_on_paper(now);
        for venue in Venue::ALL {
            let market_opened = |engine: &Engine| {
                engine.conns.iter().any(|c| c.venue == venue && c.role == ConnectionRole::Market && c.is_open())
            };
            let opens = self.market.paper.get(venue).as_deref().is_some_and(|desk| !desk.open) && market_opened(self);
            let Some(mut desk) = self.market.paper.get_mut(venue).take() else { continue };
            if opens {
                desk.open = true;
                desk.venue.open_account(now);
                self.trading.orders.user_stream_up(now, venue);
                self.trading.stirred = true;
                for (role, state) in [
                    (ConnectionRole::User, ConnectionState::Open),
                    (ConnectionRole::Orders, ConnectionState::Open),
                    (ConnectionRole::Orders, ConnectionState::Healthy),
                ] {
                    self.tell_paper_state(now, out, (desk.conn, venue), role, state);
                }
            }
            while let Some(told) = desk.venue.next_news(now) {
                self.hear_told(now, out, &mut desk, venue, &told);
            }
            self.deadlines.set(desk.slot, desk.venue.deadline());
            *self.market.paper.get_mut(venue) = Some(desk);
        }
    }

    fn hear_told(&mut self, now: UnixNanos, out: &mut impl Outputs, desk: &mut OnPaper, venue: Venue, told: &Told) {
        let conn = desk.conn;
        let Engine { market, trading, .. } = self;
        let mut ear = Ear { market, trading, out, conn, venue, now };
        desk.venue.tell(told, &mut ear);
        // Told with whatever changed them.
        self.trading.figures_stale = false;
        self.trading.stirred = true;
        let Told::Answer(answer) = told else { return };
        let target = match answer {
            Answer::Place(client, _) => OrderRef::Client(*client),
            Answer::Cancel(id, _) | Answer::Replace(id, _) => OrderRef::Venue(*id),
        };
        let slot = self.trading.orders.find(venue, &target);
        let answered = |cargo: &Cargo| match (cargo, answer) {
            (Cargo::Place(of), Answer::Place(..)) | (Cargo::Change(of, _), Answer::Replace(..)) => Some(*of) == slot,
            // A swap is over with the word about its new order, which comes last.
            (Cargo::Swap { new, .. }, Answer::Place(..)) => Some(*new) == slot,
            (Cargo::Cancel(of), Answer::Cancel(id, _)) => of == id,
            _ => false,
        };
        self.trading.say_ended(now, conn, answered, end_of(answer));
        self.trading.unload(conn, answered);
    }

    fn tell_paper_state(
        &mut self,
        now: UnixNanos,
        out: &mut impl Outputs,
        (conn, venue): (ConnId, Venue),
        role: ConnectionRole,
        state: ConnectionState,
    ) {
        out.note(Note::Connection { conn, venue, role, state, lost: false, why: "" });
        self.market.broadcast(out, self.trading.delivery.everybody(), state_record(now, venue, role, state));
    }

    /// A strategy that comes late is told how the paper accounts stand.
    pub(super) fn tell_paper_states(&mut self, now: UnixNanos, out: &mut impl Outputs, strategy: StrategyId) {
        for venue in Venue::ALL {
            let Some(desk) = self.market.paper.get(venue).as_deref().filter(|desk| desk.open) else { continue };
            let user = if desk.healthy { ConnectionState::Healthy } else { ConnectionState::Open };
            for (role, state) in [(ConnectionRole::Orders, ConnectionState::Healthy), (ConnectionRole::User, user)] {
                let record = state_record(now, venue, role, state);
                self.market.broadcast(out, StrategySet::one(strategy), record);
            }
        }
    }

    /// Whether orders may leave for a paper venue; `None` if it is none.
    pub(super) fn may_trade_on_paper(&self, venue: Venue) -> Option<bool> {
        let desk = self.market.paper.get(venue).as_deref()?;
        Some(desk.open && self.trading.orders.is_reconciled(venue))
    }

    /// A new order that passed every check but those that need a connection.
    pub(super) fn place_on_paper(
        &mut self,
        now: UnixNanos,
        out: &mut impl Outputs,
        command: &OrderCommand,
        composite: bool,
    ) -> Result<(), Refusal> {
        let terms = command.prepared_slot().filter(|_| composite);
        let terms = terms.and_then(|slot| self.trading.prepared.get(command.request().strategy(), slot));
        let whole = self.market.shown(command.instrument()).is_some();
        let Market { traded, paper, .. } = &mut self.market;
        let traded = traded.get(command.instrument().index()).and_then(Option::as_ref);
        let instrument = &traded.ok_or(NOWHERE)?.instrument;
        let venue = instrument.listing.venue;
        let desk = paper.get_mut(venue).as_deref_mut().ok_or(NOWHERE)?;
        let nameless = PlaceIntent::of(instrument, &ClientOrderId::EMPTY, command, terms);
        let asked = desk.venue.asked(now, &nameless).map_err(|_| NOT_OFFERED)?;
        if !whole {
            return Err(NOT_WHOLE.until(now.plus_ms(BOOK_MS)));
        }
        self.trading.pretrade.rate_ready(now, venue)?;
        let placed = self.trading.orders.place(command, instrument)?;
        self.trading.pretrade.count_rate(now, venue);
        desk.venue.place(now, asked, &placed.client_order_id);
        let conn = desk.conn;
        self.trading.load(conn, Cargo::Place(placed.slot), 0, 1, command.origin());
        self.left_on_paper(now, out, conn);
        out.count(Counter::OrdersSent, 1);
        out.note(Note::OrderSent { request: command.request(), client_order_id: placed.client_order_id.as_str() });
        Ok(())
    }

    /// A change that passed every check but those that need a connection.
    pub(super) fn replace_on_paper(
        &mut self,
        now: UnixNanos,
        out: &mut impl Outputs,
        venue: Venue,
        command: &OrderCommand,
    ) -> Result<(), Refusal> {
        if venue == Venue::Oanda {
            oanda_orders::check_change(&self.trading.orders, command)?;
        }
        self.trading.pretrade.rate_ready(now, venue)?;
        let (orders, mut sink) = self.trading.orders_and_sink(out);
        // `None`: told already.
        let Some(send) = orders.replace(now, venue, command, &mut sink) else { return Ok(()) };
        self.trading.pretrade.count_rate(now, venue);
        let Market { traded, paper, .. } = &mut self.market;
        let traded = traded.get(command.instrument().index()).and_then(Option::as_ref);
        let (Some(traded), Some(desk)) = (traded, paper.get_mut(venue).as_deref_mut()) else { return Ok(()) };
        let intent = ReplaceIntent {
            instrument: &traded.instrument,
            venue_order_id: &send.venue_order_id,
            client_order_id: &send.client_order_id,
            side: send.side,
            price: send.price,
            quantity: send.quantity,
        };
        desk.venue.replace(now, &intent);
        let conn = desk.conn;
        self.trading.load(conn, Cargo::Change(send.slot, send.request), 0, 1, command.origin());
        self.left_on_paper(now, out, conn);
        out.count(Counter::ChangesSent, 1);
        Ok(())
    }

    /// A cancel and a new order that passed every check but those that need a connection.
    pub(super) fn swap_on_paper(
        &mut self,
        now: UnixNanos,
        out: &mut impl Outputs,
        swap: &Swap,
        anyway: bool,
    ) -> Result<(), Refusal> {
        let whole = self.market.shown(swap.order.instrument()).is_some();
        let Market { traded, paper, .. } = &mut self.market;
        let traded = traded.get(swap.order.instrument().index()).and_then(Option::as_ref);
        let instrument = &traded.ok_or(NOWHERE)?.instrument;
        let venue = instrument.listing.venue;
        let desk = paper.get_mut(venue).as_deref_mut().ok_or(NOWHERE)?;
        let nameless = PlaceIntent::of(instrument, &ClientOrderId::EMPTY, &swap.order, None);
        let asked = desk.venue.asked(now, &nameless).map_err(|_| NOT_OFFERED)?;
        if !whole {
            return Err(NOT_WHOLE.until(now.plus_ms(BOOK_MS)));
        }
        self.trading.pretrade.rate_ready(now, venue)?;
        let placed = self.trading.orders.place(&swap.order, instrument)?;
        self.trading.pretrade.count_rate(now, venue);
        self.trading.orders.swap_begun(swap);
        let how = (swap.untouched && !anyway, anyway);
        desk.venue.swap(now, &swap.venue_order_id, how, asked, &placed.client_order_id);
        let (conn, cargo) = (desk.conn, Cargo::Swap { new: placed.slot, old: swap.slot });
        self.trading.load(conn, cargo, 0, 1, swap.order.origin());
        self.left_on_paper(now, out, conn);
        out.count(Counter::ChangesSent, 1);
        let (request, client_order_id) = (swap.order.request(), placed.client_order_id.as_str());
        out.note(Note::OrderSent { request, client_order_id });
        Ok(())
    }

    /// A cancel that is due; false if the venue does not trade on paper.
    pub(super) fn cancel_on_paper(&mut self, now: UnixNanos, out: &mut impl Outputs, send: &CancelSend) -> bool {
        let Some(desk) = self.market.paper.get_mut(send.venue).as_deref_mut() else { return false };
        desk.venue.cancel(now, &send.venue_order_id);
        let conn = desk.conn;
        self.trading.load(conn, Cargo::Cancel(send.venue_order_id), 0, 1, UnixNanos::NONE);
        self.trading.say_cancelled(&[send.venue_order_id]);
        self.left_on_paper(now, out, conn);
        out.count(Counter::CancelsSent, 1);
        true
    }

    /// The request just loaded has left whole: there is no socket to wait for.
    fn left_on_paper(&mut self, now: UnixNanos, out: &mut impl Outputs, conn: ConnId) {
        self.trading.written(now, out, conn, 1, 1);
        self.trading.stirred = true;
        self.arm_orders(now);
        if let Some(desk) = Engine::paper_venue_of(&self.market, conn).and_then(|v| self.market.paper.get(v).as_deref())
        {
            self.deadlines.set(desk.slot, desk.venue.deadline());
        }
    }

    /// Answers what is to be asked of a paper venue, at once.
    pub(super) fn ask_paper(&mut self, now: UnixNanos, out: &mut impl Outputs, venue: Venue) {
        let Some(mut desk) = self.market.paper.get_mut(venue).take() else { return };
        for _ in 0..ANSWERS_MAX {
            if !desk.open {
                break;
            }
            let Some((id, query)) = self.trading.orders.next_query(now, venue) else { break };
            let Engine { market, trading, .. } = self;
            let mut ear = Ear { market, trading, out, conn: desk.conn, venue, now };
            match &query {
                Query::OpenOrders { .. } => desk.venue.tell_open(&mut ear),
                Query::RecentOrders { instrument, since, .. } => desk.venue.tell_recent(*instrument, *since, &mut ear),
                Query::OrdersByIds { ids, .. } => desk.venue.tell_named(ids, &mut ear),
                Query::FillsOf { ids, .. } => desk.venue.tell_fills_of(ids, &mut ear),
                Query::Fills { since, .. } => desk.venue.tell_fills(*since, &mut ear),
                // Strategies are told of balances by news; what a position is worth changes with every price.
                Query::Balances { .. } => {
                    desk.venue.tell_account(now, &mut ear);
                    if !names_trades(venue) {
                        trading.read_balances(venue, desk.venue.balances());
                    }
                }
            }
            self.trading
                .event(now, &self.market, out, |orders, event| orders.query_done(now, id, QueryEnd::Complete, event));
        }
        if desk.open && !desk.healthy && self.trading.orders.is_reconciled(venue) {
            desk.healthy = true;
            self.tell_paper_state(now, out, (desk.conn, venue), ConnectionRole::User, ConnectionState::Healthy);
        }
        *self.market.paper.get_mut(venue) = Some(desk);
    }
}

fn state_record(now: UnixNanos, venue: Venue, role: ConnectionRole, state: ConnectionState) -> MarketRecord {
    let stamp = Stamp { recv: now, venue: UnixNanos::NONE, sequence: 0 };
    // An account on paper has no connections: it is there, or not.
    let open = u16::from(matches!(state, ConnectionState::Open | ConnectionState::Healthy));
    MarketRecord::state(stamp, State { venue, role, state, open, wanted: 1 })
}

fn end_of(answer: &Answer) -> CallEnd {
    // Nothing is unclear on paper.
    match answer.denial() {
        Some(Denial::Refused { class, code }) => {
            CallEnd { reject: class, code, ..CallEnd::without_answer(CallOutcome::Refused, 0) }
        }
        Some(Denial::Unclear { .. }) | None => CallEnd::without_answer(CallOutcome::Answered, 0),
    }
}
