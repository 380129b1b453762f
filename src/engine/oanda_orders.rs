//! Orders at OANDA: checks by the account's own rules, changes and cancels one by one, the account's picture and its
//! transactions, and what replies lead to.
//!
//! The account's numbered transactions are the one truth: whoever brings one, the ledger lets it through once. Guarantees
//! that nothing is traded before the ledger is complete; that after every opening of the transaction stream, and whenever
//! an id is missing, the history is asked from where nothing is missing; that an order of unknown outcome is looked for
//! after the id that was the newest when it left; and that what is held is taken from a picture of the account only if
//! no transaction came between the picture and us.

use super::audit;
use super::connections::{Conn, Session};
use super::contract::{ConnId, Outputs};
use super::deadlines::Deadlines;
use super::desk::{Asking, Desk};
use super::ear::Ear;
use super::oanda_desk::{Oanda, VENUE};
use super::port::Permit;
use super::route::{free_conn, Plug, CHANGE};
use super::trading::{Cargo, Trading};
use super::{Engine, OandaOrders, OandaSetup};
use crate::codec::http1::RequestError;
use crate::guard::{Breaker, Governor, Priority, RetryAt};
use crate::order::{Orders, Query, QueryEnd, Refusal, Slot};
use crate::record::{
    ClientOrderId, ConnectionRole, InstrumentId, OrderCommand, OrderType, RejectClass, TimeInForce, UnixNanos,
    VenueOrderId,
};
use crate::telemetry::Counter;
use crate::venue::oanda::request::{self, check, entry_order, OrderSpecifier, Unsupported};
use crate::venue::oanda::{limits, InstrumentRules, Ledger, NotSent, OrderSession, Outcome, Reply, ReplyTo};
use crate::venue::{PlaceIntent, ReplaceIntent, SessionProgress};

/// Pages and items of one query; more means that the history does not end.
const STEPS_MAX: usize = 1_000;
/// A cancel that found no free connection is tried again this soon.
const CANCEL_RETRY_MS: u64 = 2;
/// A picture that did not fit what was applied meanwhile is taken again after this.
const PICTURE_RETRY_MS: u64 = 250;
/// What a `Date` header is cut off to.
const DATE_FINENESS_MS: u64 = 1_000;
/// A dead session's transactions are looked for so far back at most, ns: the venue takes spans of 365 days.
const PAST_NS_MAX: u64 = 364 * 86_400 * 1_000_000_000;
/// Orders whose ids before sending are remembered before the list is cleaned.
const NOTED_KEPT: usize = 256;

/// The picture of the account that what is held begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Picture {
    /// Nothing is needed of it.
    #[default]
    None,
    /// To be asked for, not before this.
    Due(UnixNanos),
    /// On its way over this connection.
    Asked(ConnId),
}

/// What is known of the time before this session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Past {
    /// Nothing: if there was a session, where its last transactions begin is to be asked.
    #[default]
    Unknown,
    /// It lies after this transaction, and was not read to its end.
    After(u64),
    /// It lies after this transaction, and was read.
    Read(u64),
}

/// One request of a query about orders.
enum Step<'a> {
    /// It is answered with facts.
    Ask(request::Query<'a>),
    /// The transactions after this one, with executions from before our time.
    Replay(u64),
}

/// What order entry adds to the engine's part of OANDA.
#[derive(Debug, Default)]
pub(super) struct Account {
    /// By instrument.
    rules: Vec<Option<Box<InstrumentRules>>>,
    picture: Picture,
    past: Past,
    /// Orders of which nothing was heard when they were last looked at, with the newest transaction before they left.
    noted: Vec<(Slot, u64)>,
}

impl Account {
    /// The account's rules of an instrument, or its new ones.
    pub(super) fn set_rules(&mut self, id: InstrumentId, rules: Box<InstrumentRules>) {
        let index = id.index();
        if index >= InstrumentId::COUNT_MAX {
            return;
        }
        if self.rules.len() <= index {
            self.rules.resize_with(index.saturating_add(1), || None);
        }
        if let Some(place) = self.rules.get_mut(index) {
            *place = Some(rules);
        }
    }

    /// What is held of another instrument is to be found out.
    pub(super) fn want_picture(&mut self, now: UnixNanos) {
        self.picture = Picture::Due(now);
    }

    /// Whether the venue would take the order, as far as its own rules for this account and instrument say.
    ///
    /// # Errors
    /// [`Refusal`].
    pub(super) fn check(&self, now: UnixNanos, intent: &PlaceIntent<'_>) -> Result<(), Refusal> {
        // It has no id yet: any will do.
        let id = ClientOrderId::new("x").unwrap_or(ClientOrderId::EMPTY);
        let intent = &PlaceIntent { client_order_id: &id, ..*intent };
        let order = entry_order(now, intent).map_err(|error| Refusal::new(RejectClass::Unsupported, words(error)))?;
        let Some(Some(rules)) = self.rules.get(intent.instrument.id.index()) else {
            return Err(Refusal::new(RejectClass::NotTradable, "its rules are not known"));
        };
        check::check(&order, rules).map_err(|error| Refusal::new(error.class(), error.code()))
    }

    /// An order is about to leave.
    pub(super) fn note(&mut self, slot: Slot, newest: u64, orders: &Orders) {
        if self.noted.len() >= NOTED_KEPT {
            self.noted.retain(|(slot, _)| orders.get(*slot).is_some_and(|order| order.venue_order_id().is_empty()));
        }
        self.noted.push((slot, newest));
    }

    /// After which transaction orders of an instrument without a venue id are to be looked for.
    fn noted_since(&mut self, instrument: InstrumentId, orders: &Orders) -> Option<u64> {
        self.noted.retain(|(slot, _)| orders.get(*slot).is_some_and(|order| order.venue_order_id().is_empty()));
        let of = |slot: Slot| orders.get(slot).is_some_and(|order| order.instrument() == instrument);
        self.noted.iter().filter(|(slot, _)| of(*slot)).map(|(_, newest)| *newest).min()
    }

    /// A connection is gone: a picture it was to bring is asked for again.
    pub(super) fn conn_lost(&mut self, now: UnixNanos, id: ConnId) {
        if self.picture == Picture::Asked(id) {
            self.picture = Picture::Due(now);
        }
    }
}

const fn words(error: Unsupported) -> &'static str {
    match error {
        Unsupported::PostOnly => "no post-only orders here",
        Unsupported::QuoteQuantity => "sized in units of the base only",
        Unsupported::MarketTimeInForce => "market orders: FOK or IOC only",
        Unsupported::NotPositive => "price and quantity are positive",
        Unsupported::Terms(what) => what,
    }
}

/// Adds the connections orders need; the connection of the transactions exists. Two are dialled in a second: the one for
/// questions goes first, since nothing is traded before they are answered.
pub(super) fn add_order_connections(
    setup: &OandaSetup,
    orders: &OandaOrders,
    conns: &mut Vec<Conn>,
) -> Result<(), RequestError> {
    let roles = std::iter::repeat_n(ConnectionRole::Orders, orders.order_connections.max(1));
    for role in [ConnectionRole::Queries].into_iter().chain(roles).chain([ConnectionRole::Cancels]) {
        let session = OrderSession::new(&orders.rest, setup.account, setup.token.clone(), orders.session.clone())?;
        let session = Session::OandaRest(Box::new(session));
        conns.push(Conn::new(VENUE, role, session));
    }
    Ok(())
}

/// Whether an order can be changed at all. Whatever else than price and quantity it has would be lost: its end, its exits,
/// what it may do to the position.
///
/// # Errors
/// [`Refusal`].
pub(super) fn check_change(orders: &Orders, command: &OrderCommand) -> Result<(), Refusal> {
    let target = command.target().and_then(|target| orders.find(VENUE, &target)).and_then(|slot| orders.get(slot));
    let plain = |order: &crate::order::Order| {
        order.order_type() == OrderType::Limit && order.time_in_force() == TimeInForce::GoodTilCancelled
    };
    match target.is_none_or(plain) {
        true => Ok(()),
        false => Err(Refusal::new(RejectClass::Unsupported, "only GTC limit orders are changed")),
    }
}

/// The desk of a venue whose token does for every request.
pub(super) fn desk(user: ConnId, orders: &OandaOrders, breaker: Breaker) -> Desk {
    Desk {
        user: Some(user),
        governor: Governor::new(orders.requests_per_second, 1_000, limits::WINDOW_MARGIN_MS),
        breaker,
        warm_every_ms: orders.warm_every_ms,
        ..Desk::idle(0)
    }
}

/// What handing a request to a connection takes of the engine: not the market, of which requests speak.
struct Hands<'a> {
    conns: &'a mut [Conn],
    trading: &'a mut Trading,
    ledger: &'a Ledger,
    deadlines: &'a mut Deadlines,
}

impl Hands<'_> {
    /// Hands a request to a connection; false if it did not take it.
    fn send<O: Outputs>(
        self,
        out: &mut O,
        id: ConnId,
        (cargo, origin): (Cargo, UnixNanos),
        send: impl FnOnce(&mut OrderSession, &Ledger, &mut Plug<'_, O>) -> Result<(), NotSent>,
    ) -> bool {
        let Some(Session::OandaRest(session)) = self.conns.get_mut(id.index()).map(|conn| &mut conn.session) else {
            return false;
        };
        let start = out.transmit(id, |_| ());
        let mut plug = Plug { out, conn: id, end: start };
        if send(session, self.ledger, &mut plug).is_err() {
            return false;
        }
        let (end, deadline) = (plug.end, session.expects_reply_by());
        self.trading.load(id, cargo, start, end, origin);
        self.deadlines.set(id.index(), deadline);
        true
    }
}

impl Engine {
    fn send_to_oanda<O: Outputs>(
        &mut self,
        out: &mut O,
        id: ConnId,
        cargo: (Cargo, UnixNanos),
        send: impl FnOnce(&mut OrderSession, &Ledger, &mut Plug<'_, O>) -> Result<(), NotSent>,
    ) -> bool {
        let Engine { conns, trading, oanda, deadlines, .. } = self;
        Hands { conns, trading, ledger: &oanda.ledger, deadlines }.send(out, id, cargo, send)
    }

    /// One cancel request; when to try again if nothing is free for it.
    pub(super) fn cancel_at_oanda(
        &mut self,
        now: UnixNanos,
        out: &mut impl Outputs,
        order: &VenueOrderId,
    ) -> Result<(), UnixNanos> {
        let soon = now.plus_ms(CANCEL_RETRY_MS);
        let id = free_conn(&self.conns, VENUE, &[ConnectionRole::Orders, ConnectionRole::Cancels]).ok_or(soon)?;
        let governor = &mut self.trading.desks.get_mut(VENUE).governor;
        governor.take(now, Priority::Cancel).map_err(|RetryAt(at)| at)?;
        let sent = self.send_to_oanda(out, id, (Cargo::Cancel(*order), UnixNanos::NONE), |session, ledger, plug| {
            session.cancel(now, order, ledger, plug)
        });
        if !sent {
            return Err(soon);
        }
        self.trading.say_cancelled(&[*order]);
        out.count(Counter::CancelsSent, 1);
        Ok(())
    }

    /// A cancel of an order whose venue id is not known yet, by ours (OANDA reference 4): the one by the venue's id still
    /// waits, so this one may be lost, or come before the order and be refused. What it did is told by its transactions.
    pub(super) fn cancel_by_our_id_at_oanda(&mut self, now: UnixNanos, out: &mut impl Outputs, command: &OrderCommand) {
        let orders = &self.trading.orders;
        let target = command.target().and_then(|target| orders.find(VENUE, &target)).and_then(|slot| orders.get(slot));
        let Some(ours) = target.map(|order| *order.client_order_id()) else { return };
        let Some(id) = free_conn(&self.conns, VENUE, &[ConnectionRole::Orders, ConnectionRole::Cancels]) else {
            return;
        };
        if self.trading.desks.get_mut(VENUE).governor.take(now, Priority::Cancel).is_err() {
            out.count(Counter::RateLimited, 1);
            return;
        }
        let cancel = request::Command::Cancel(OrderSpecifier::Client(ours.as_str()));
        let cargo = (Cargo::Cancel(VenueOrderId::EMPTY), UnixNanos::NONE);
        if self.send_to_oanda(out, id, cargo, |session, ledger, plug| session.change(now, &cancel, ledger, plug)) {
            out.count(Counter::CancelsSent, 1);
        }
    }

    /// One change of a resting limit order, which every check has passed: the venue puts another order in its place, and
    /// says so.
    pub(super) fn replace_at_oanda(
        &mut self,
        now: UnixNanos,
        out: &mut impl Outputs,
        id: ConnId,
        command: &OrderCommand,
    ) -> Result<(), Refusal> {
        check_change(&self.trading.orders, command)?;
        let Engine { conns, market, trading, oanda, binance_us, deadlines, .. } = self;
        let Some(traded) = market.get(command.instrument()) else {
            return Err(Refusal::new(RejectClass::UnknownInstrument, "no such instrument here"));
        };
        let desk = trading.desks.get_mut(VENUE);
        let permit = Permit::take(now, VENUE, CHANGE, desk, binance_us, out).map_err(|none| none.refusal(now))?;
        if let Err(refusal) = trading.pretrade.rate_ready(now, VENUE) {
            out.count(Counter::RateLimited, 1);
            return Err(refusal);
        }
        let (orders, mut sink) = trading.orders_and_sink(out);
        // Otherwise it was told already.
        let Some(send) = orders.replace(now, VENUE, command, &mut sink) else { return Ok(()) };
        permit.count(now, Priority::Order, trading.desks.get_mut(VENUE), binance_us);
        trading.pretrade.count_rate(now, VENUE);
        let intent = ReplaceIntent {
            instrument: &traded.instrument,
            venue_order_id: &send.venue_order_id,
            client_order_id: &send.client_order_id,
            side: send.side,
            price: send.price,
            quantity: send.quantity,
        };
        let cargo = (Cargo::Change(send.slot, send.request), command.origin());
        let hands = Hands { conns, trading, ledger: &oanda.ledger, deadlines };
        if hands.send(out, id, cargo, |session, ledger, plug| session.replace(now, &intent, ledger, plug)) {
            out.count(Counter::ChangesSent, 1);
        } else {
            let (orders, mut sink) = trading.orders_and_sink(out);
            orders.replace_abandoned(now, send.slot, RejectClass::Busy, "not sent", &mut sink);
        }
        self.arm_orders(now);
        Ok(())
    }

    /// The next question to the account, if the connection for them is free: a picture to begin with, then what is missing,
    /// then what became of orders, then the figures that a fill has changed.
    pub(super) fn ask_oanda(&mut self, now: UnixNanos, out: &mut impl Outputs) {
        if self.trading.desks.get(VENUE).user.is_none() {
            return;
        }
        let Some(id) = free_conn(&self.conns, VENUE, &[ConnectionRole::Queries]) else { return };
        if self.oanda.ledger.take_doubt() | std::mem::take(&mut self.trading.held_in_doubt) {
            self.oanda.account.want_picture(now);
        }
        let picture = self.oanda.account.picture;
        // One that failed is due again after a pause.
        let begins = picture == Picture::None && self.oanda.ledger.needs_beginning();
        if begins || matches!(picture, Picture::Due(at) if at <= now) {
            let asked = self.ask_account(now, out, id, &request::Query::Account, Priority::UnknownQuery);
            self.trading.held.clear();
            let again = Picture::Due(now.plus_ms(PICTURE_RETRY_MS));
            self.oanda.account.picture = if asked { Picture::Asked(id) } else { again };
            return;
        }
        if self.oanda.ledger.needs_beginning() {
            // Before it begins, no transaction can be applied, nor told again: what a history has would count as read.
            return;
        }
        if self.may_ask(now, Priority::UnknownQuery) {
            if let Some(since) = self.oanda.ledger.ask_since(now) {
                let query = request::Query::TransactionsSince { id: since };
                self.ask_account(now, out, id, &query, Priority::UnknownQuery);
                return;
            }
            if self.ask_of_orders(now, out, id) {
                return;
            }
        }
        self.ask_figures(now, out, id);
    }

    /// Whether the governor would let a request go.
    fn may_ask(&mut self, now: UnixNanos, priority: Priority) -> bool {
        self.trading.desks.get_mut(VENUE).governor.ready(now, priority).is_ok()
    }

    pub(super) fn ask_account(
        &mut self,
        now: UnixNanos,
        out: &mut impl Outputs,
        id: ConnId,
        query: &request::Query<'_>,
        priority: Priority,
    ) -> bool {
        if self.trading.desks.get_mut(VENUE).governor.take(now, priority).is_err() {
            out.count(Counter::RateLimited, 1);
            return false;
        }
        let cargo = (Cargo::Account, UnixNanos::NONE);
        self.send_to_oanda(out, id, cargo, |session, _, plug| session.query(now, query, plug))
    }

    /// The next step of the query under way, or of the next one; false if there is nothing to ask.
    fn ask_of_orders(&mut self, now: UnixNanos, out: &mut impl Outputs, id: ConnId) -> bool {
        let Trading { desks, orders, .. } = &mut self.trading;
        let desk = desks.get_mut(VENUE);
        if desk.asking.as_ref().is_some_and(|asking| !asking.waits) {
            return false;
        }
        if desk.asking.is_none() {
            let Some((query_id, query)) = orders.next_query(now, VENUE) else { return false };
            desk.asking = Some(Asking::new(query_id, query));
        }
        let Some(asking) = &mut desk.asking else { return false };
        let Oanda { ledger, account, .. } = &mut self.oanda;
        // Everything up to here was told: a page after the first begins here.
        let complete = ledger.complete_to();
        let named;
        let first = asking.item == 0;
        let further = |id: u64| asking.cursor.parse().unwrap_or(id);
        let since = |id: u64| Step::Ask(request::Query::TransactionsSince { id });
        let step = match (&asking.query, account.past) {
            (Query::OpenOrders { .. }, _) => first.then_some(Step::Ask(request::Query::PendingOrders)),
            (Query::RecentOrders { instrument, .. }, _) => first.then(|| {
                let noted = account.noted_since(*instrument, orders).filter(|_| asking.pages == 0);
                since(noted.unwrap_or(complete).min(complete))
            }),
            (Query::Balances { .. }, _) => first.then_some(Step::Ask(request::Query::Summary)),
            (Query::Fills { since: from, .. }, Past::Unknown) if orders.ids().has_earlier() => {
                let from = (*from).max(UnixNanos(now.0.saturating_sub(PAST_NS_MAX)));
                let (to, page_size) = (UnixNanos::NONE, limits::PAGE_TRANSACTIONS_MAX);
                let pages = request::Query::TransactionPages { from, to, page_size };
                first.then_some(Step::Ask(pages))
            }
            (Query::Fills { .. }, Past::After(id)) => first.then(|| Step::Replay(further(id))),
            // It was not known when the past was read.
            (Query::Fills { instrument: Some(_), .. }, Past::Read(id)) => first.then(|| Step::Replay(further(id))),
            (Query::Fills { .. }, _) => first.then(|| since(complete)),
            // What befell them before our time is in it; an order that rests has no execution yet, since there orders are
            // filled whole (OANDA reference 7).
            (Query::FillsOf { .. }, Past::After(id) | Past::Read(id)) => first.then(|| Step::Replay(further(id))),
            (Query::FillsOf { .. }, Past::Unknown) => None,
            (Query::OrdersByIds { ids, .. }, _) => {
                named = ids.get(asking.item).copied().unwrap_or(VenueOrderId::EMPTY);
                let there = !named.is_empty();
                there.then_some(Step::Ask(request::Query::Order(OrderSpecifier::Id(named.as_str()))))
            }
        };
        let Some(step) = step else {
            self.oanda_asked(now, out, QueryEnd::Complete);
            return true;
        };
        // It was ready a moment ago.
        let _taken = desk.governor.take(now, Priority::UnknownQuery);
        let cargo = (Cargo::Query, UnixNanos::NONE);
        let sent = self.send_to_oanda(out, id, cargo, |session, _, plug| match &step {
            Step::Ask(query) => session.query(now, query, plug),
            Step::Replay(after) => session.replay(now, *after, plug),
        });
        if let Some(asking) = self.trading.desks.get_mut(VENUE).asking.as_mut().filter(|_| sent) {
            asking.waits = false;
        }
        sent
    }

    /// A step of the query under way was answered.
    fn oanda_step(&mut self, now: UnixNanos, out: &mut impl Outputs, to: ReplyTo, outcome: &Outcome) {
        let Oanda { ledger, account, .. } = &mut self.oanda;
        let Some(asking) = &mut self.trading.desks.get_mut(VENUE).asking else { return };
        asking.pages = asking.pages.saturating_add(1);
        let more = match outcome {
            Outcome::Listed { rows, last, .. } if to == ReplyTo::Pages => {
                // Nothing happened since: then the past is empty.
                let before = if rows.first_id > 0 { rows.first_id.saturating_sub(1) } else { *last };
                asking.incomplete |= rows.unreadable > 0;
                account.past = if asking.incomplete { Past::Unknown } else { Past::After(before) };
                true
            }
            Outcome::Listed { rows, more, last } => {
                asking.incomplete |= rows.unreadable > 0;
                if let (Query::Fills { .. } | Query::FillsOf { .. }, Past::After(id) | Past::Read(id)) =
                    (&asking.query, account.past)
                {
                    if *more {
                        asking.cursor = rows.last_id.to_string();
                    } else {
                        // A listing that lags does not show it all.
                        asking.incomplete |= *last < ledger.began();
                    }
                    if !*more && !asking.incomplete {
                        account.past = Past::Read(id);
                    }
                }
                *more
            }
            Outcome::Answered => false,
            // No such order: no row, as in a listing without it.
            Outcome::Refused { class: RejectClass::UnknownOrder, .. } => false,
            Outcome::Changed { .. } | Outcome::Refused { .. } | Outcome::Failed { .. } => {
                return self.oanda_asked(now, out, QueryEnd::Failed)
            }
        };
        if !more {
            asking.item = asking.item.saturating_add(1);
        }
        asking.waits = true;
        let items = match &asking.query {
            Query::OrdersByIds { ids, .. } => ids.len(),
            _ => 1,
        };
        if asking.pages >= STEPS_MAX {
            self.oanda_asked(now, out, QueryEnd::Failed);
        } else if asking.item >= items {
            self.oanda_asked(now, out, QueryEnd::Complete);
        }
    }

    /// The query under way ended.
    fn oanda_asked(&mut self, now: UnixNanos, out: &mut impl Outputs, end: QueryEnd) {
        let Some(asking) = self.trading.desks.get_mut(VENUE).asking.take() else { return };
        let end = if asking.incomplete { QueryEnd::Failed } else { end };
        self.trading.event(now, &self.market, out, |orders, event| orders.query_done(now, asking.id, end, event));
        self.trading.stirred = true;
    }

    /// When the account is to be asked something.
    pub(super) fn oanda_deadline(&self, now: UnixNanos) -> Option<UnixNanos> {
        self.trading.desks.get(VENUE).user?;
        if self.market.on_paper(VENUE) {
            return None;
        }
        let missing = match self.oanda.account.picture {
            Picture::Due(at) => Some(at),
            Picture::Asked(_) => None,
            Picture::None => self.oanda.ledger.deadline(),
        };
        missing.into_iter().chain(self.figures_deadline(now)).min()
    }

    /// Bytes of a REST connection.
    pub(super) fn oanda_rest_bytes(
        &mut self,
        now: UnixNanos,
        out: &mut impl Outputs,
        id: ConnId,
        plain: &mut [u8],
    ) -> SessionProgress {
        let Engine { conns, market, trading, oanda, .. } = self;
        let Some(conn) = conns.get_mut(id.index()) else { return SessionProgress::default() };
        let Session::OandaRest(session) = &mut conn.session else { return SessionProgress::default() };
        let mut ear = Ear { market, trading, out, conn: id, venue: conn.venue, now };
        let (given, read) = (plain.len(), session.bytes(now, plain, &mut oanda.ledger, &mut ear));
        let read = read.map(|read| (read.reply, read.progress));
        self.http_read(now, out, (id, given), read, |engine, out, reply| {
            engine.oanda_replied(now, out, id, &reply);
            engine.warm_later(now, id);
        })
    }

    /// A request ended.
    pub(super) fn oanda_replied(&mut self, now: UnixNanos, out: &mut impl Outputs, id: ConnId, reply: &Reply) {
        if let Some(said) = reply.headers.date {
            // Before the answer is judged: of a probe it would be a good one.
            self.compare_clocks(now, out, id, (said, DATE_FINENESS_MS));
        }
        if let Some(wait_ms) = reply.wait_ms {
            let until = now.plus_ms(wait_ms);
            self.trading.desks.get_mut(VENUE).governor.block_until(until);
            self.obey(now, out, VENUE, reply.status, until);
        }
        self.judge(now, out, id, reply.status, matches!(reply.outcome, Outcome::Failed { .. }));
        self.trading.say_ended(now, id, |_| true, audit::end_of_oanda(reply));
        self.trading.stirred = true;
        let Some(carriage) = self.unload_answered(now, out, id, |_| true) else { return };
        match carriage.cargo {
            Cargo::Query => self.oanda_step(now, out, reply.to, &reply.outcome),
            Cargo::Account if self.oanda.account.picture == Picture::Asked(id) => self.pictured(now, out, id, reply),
            Cargo::Account => {
                let told = matches!(reply.outcome, Outcome::Answered | Outcome::Listed { .. });
                self.figures_ended(now, id, told);
            }
            _ => {}
        }
    }

    /// A picture of the account came, or did not.
    fn pictured(&mut self, now: UnixNanos, out: &mut impl Outputs, id: ConnId, reply: &Reply) {
        let Engine { market, trading, oanda, .. } = self;
        let fits = match &reply.outcome {
            // A transaction applied that is not in it, or in it and not yet applied, would count twice or never.
            Outcome::Listed { rows, last, .. } => {
                rows.unreadable == 0 && oanda.ledger.newest() == *last && !oanda.ledger.is_missing()
            }
            _ => false,
        };
        if !fits {
            oanda.account.picture = Picture::Due(now.plus_ms(PICTURE_RETRY_MS));
            return;
        }
        oanda.account.picture = Picture::None;
        Ear { market, trading, out, conn: id, venue: VENUE, now }.restore_held();
    }

    /// Uses an idle connection, so that it stays warm and the account's figures fresh.
    pub(super) fn warm_at_oanda(&mut self, now: UnixNanos, out: &mut impl Outputs, id: ConnId) -> bool {
        self.send_to_oanda(out, id, (Cargo::Warm, UnixNanos::NONE), |session, _, plug| session.warm(now, plug))
    }
}

#[cfg(all(test, feature = "sim"))]
#[path = "oanda_orders_tests.rs"]
mod tests;
