//! The paper venue itself: commands on their way, the checks an order passes, and its answers to questions.

use super::account::Ledger;
use super::config::PaperConfig;
use super::margin::MarginAccount;
use super::market::{Match, PaperMarket, Want};
use super::order::{PaperOrder, Place, Size};
use super::rules::{words, Refused, Rules};
use super::shown::{Books, Shown};
use super::told::{later, Answer, Outbox, Told};
use crate::order::{CancelReply, Denial, FactSource, FillFact, OrderFact, OrderStatus, PlaceReply, ReplaceReply};
use crate::record::money::{covers, minus, with_share, ZERO};
use crate::record::{
    ClientOrderId, Fixed, Fixed128, InlineText, Instrument, InstrumentId, Listing, OrderType, Side, TimeInForce,
    UnixNanos, Venue, VenueOrderId,
};
use crate::venue::{BalanceFact, Facts, PlaceIntent, ReplaceIntent};
use arrayvec::ArrayString;
use std::collections::VecDeque;
use std::fmt::Write as _;

/// Orders kept, open ones and those that are over: more open ones than the order table ever sends.
pub const ORDERS_KEPT_MAX: usize = 4_096;
/// Executions kept for whoever asks for them.
pub const FILLS_KEPT_MAX: usize = 8_192;
/// Commands, and news, on their way before their lists take more memory.
const ON_THE_WAY_USUAL: usize = 256;

/// The place of no account.
const NO_PLACE: usize = usize::MAX;

/// No order of this kind is offered on paper; nothing was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not offered on paper")]
pub struct NotOffered;

/// An order this venue offers, without a name: [`PaperVenue::asked`] makes one.
#[derive(Debug, Clone, Copy)]
pub struct Asked(PaperOrder);

/// A command on its way.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::large_enum_variant, reason = "kept in one queue whose memory is taken once; boxing would allocate")]
enum Arrival {
    Place(PaperOrder),
    Cancel(VenueOrderId),
    Replace { id: VenueOrderId, price: i64, quantity: i64 },
    Swap { old: VenueOrderId, only_untouched: bool, anyway: bool, new: PaperOrder },
}

/// See [`crate::paper`].
#[derive(Debug)]
pub struct PaperVenue {
    pub(super) venue: Venue,
    pub(super) rules: Rules,
    pub(super) maker: Fixed,
    pub(super) taker: Fixed,
    /// What is held of each asset; of nothing where there is margin.
    pub(super) ledger: Ledger,
    /// The account of a venue that quotes.
    pub(super) margin: Option<Box<MarginAccount>>,
    /// When the first order ends that is good till a moment; earlier, if that one is gone.
    pub(super) ends_at: Option<UnixNanos>,
    pub(super) markets: Vec<Option<Box<PaperMarket>>>,
    pub(super) orders: Vec<PaperOrder>,
    /// Slots from here on were never used.
    used: usize,
    pub(super) free: Vec<u32>,
    /// Orders that are over, oldest first.
    pub(super) closed: VecDeque<u32>,
    pub(super) fills: VecDeque<FillFact>,
    pub(super) executions: u64,
    pub(super) outbox: Outbox,
    /// What the walk at hand found.
    pub(super) matches: Vec<Match>,
    /// The slots the trade at hand may concern.
    pub(super) queue: Vec<u32>,
    arrivals: VecDeque<(UnixNanos, Arrival)>,
    command_ns: u64,
    serial: u64,
}

impl PaperVenue {
    /// A venue with the account of `config`; takes all its memory now.
    pub fn new(config: &PaperConfig) -> PaperVenue {
        let margin = (config.venue == Venue::Oanda).then(|| Box::new(MarginAccount::new(config)));
        PaperVenue {
            venue: config.venue,
            rules: Rules::of(config.venue),
            maker: config.maker,
            taker: config.taker,
            ledger: Ledger::new(if margin.is_some() { &[] } else { &config.balances }),
            margin,
            ends_at: None,
            markets: Vec::new(),
            orders: vec![PaperOrder::VACANT; ORDERS_KEPT_MAX],
            used: 0,
            free: (0..ORDERS_KEPT_MAX as u32).rev().collect(),
            closed: VecDeque::with_capacity(ORDERS_KEPT_MAX),
            fills: VecDeque::with_capacity(FILLS_KEPT_MAX),
            executions: 0,
            outbox: Outbox::new(config.event_ns, ON_THE_WAY_USUAL),
            matches: Vec::with_capacity(ON_THE_WAY_USUAL),
            queue: Vec::with_capacity(ON_THE_WAY_USUAL),
            arrivals: VecDeque::with_capacity(ON_THE_WAY_USUAL),
            command_ns: config.command_ns,
            serial: 0,
        }
    }

    /// An instrument can be traded from now on. New metadata of a known one changes its lot only.
    pub fn know(&mut self, instrument: &Instrument) {
        let index = instrument.id.index();
        if index >= InstrumentId::COUNT_MAX {
            return;
        }
        if self.markets.len() <= index {
            self.markets.resize_with(index.saturating_add(1), || None);
        }
        let (base, quote) = match &mut self.margin {
            Some(account) => {
                account.know(instrument);
                (NO_PLACE, NO_PLACE)
            }
            None => {
                let Listing { base, quote, .. } = &instrument.listing;
                (self.ledger.place_of(base), self.ledger.place_of(quote))
            }
        };
        match self.markets.get_mut(index) {
            Some(Some(known)) => known.lot = instrument.lot_mantissa().max(1),
            Some(place) => *place = Some(Box::new(PaperMarket::new(instrument, base, quote))),
            None => {}
        }
    }

    /// What an order asks of this venue. Its name does not matter yet.
    ///
    /// # Errors
    /// [`NotOffered`] for what the venue it stands for has no form for; in a book for prepared orders; at OANDA for exits on
    /// fill and for orders until the end of the day.
    pub fn asked(&self, now: UnixNanos, intent: &PlaceIntent<'_>) -> Result<Asked, NotOffered> {
        let order = match self.margin {
            Some(_) => self.asked_entry(now, intent)?,
            None => self.asked_in_book(intent)?,
        };
        Ok(Asked(order))
    }

    /// A new order leaves for the venue, under this name.
    pub fn place(&mut self, now: UnixNanos, Asked(order): Asked, client: &ClientOrderId) {
        self.leave(now, Arrival::Place(PaperOrder { client: *client, ..order }));
    }

    /// A cancel and a new order leave for the venue in one request (Binance.US reference 3): the new one is placed only if
    /// the old one was cancelled, unless `anyway`; `only_untouched` leaves an old one alone that has executed something.
    pub fn swap(
        &mut self,
        now: UnixNanos,
        old: &VenueOrderId,
        (only_untouched, anyway): (bool, bool),
        Asked(order): Asked,
        client: &ClientOrderId,
    ) {
        let new = PaperOrder { client: *client, ..order };
        self.leave(now, Arrival::Swap { old: *old, only_untouched, anyway, new });
    }

    fn asked_in_book(&self, intent: &PlaceIntent<'_>) -> Result<PaperOrder, NotOffered> {
        let limit = match (intent.order_type, intent.composite) {
            (OrderType::Limit, None) => Some(intent.price),
            (OrderType::Market, None) => None,
            _ => return Err(NotOffered),
        };
        let tif = intent.time_in_force;
        let rests = limit.is_some() && tif == TimeInForce::GoodTilCancelled;
        let in_quote = intent.quantity_in_quote;
        let quote_fits =
            !in_quote || (limit.is_none() && !(self.rules.quote_includes_fee && intent.side == Side::Sell));
        let market_fits = limit.is_some() || tif == TimeInForce::ImmediateOrCancel;
        let positive = intent.quantity > 0 && limit.is_none_or(|price| price > 0);
        if !positive || !quote_fits || !market_fits || (intent.post_only && !rests) {
            return Err(NotOffered);
        }
        let size = match in_quote {
            true => Size::Quote(Fixed128::new(i128::from(intent.quantity), intent.instrument.quote_exponent)),
            false => Size::Base(intent.quantity),
        };
        Ok(PaperOrder {
            instrument: intent.instrument.id,
            side: intent.side,
            limit,
            size,
            tif,
            post_only: intent.post_only,
            status: OrderStatus::Open,
            ..PaperOrder::VACANT
        })
    }

    /// A cancel leaves for the venue.
    pub fn cancel(&mut self, now: UnixNanos, id: &VenueOrderId) {
        self.leave(now, Arrival::Cancel(*id));
    }

    /// A change leaves for the venue.
    pub fn replace(&mut self, now: UnixNanos, intent: &ReplaceIntent<'_>) {
        let ReplaceIntent { venue_order_id, price, quantity, .. } = *intent;
        self.leave(now, Arrival::Replace { id: *venue_order_id, price, quantity });
    }

    fn leave(&mut self, now: UnixNanos, arrival: Arrival) {
        self.arrivals.push_back((later(now, self.command_ns), arrival));
    }

    /// Commands that have arrived by now meet the market as it is.
    pub fn arrive(&mut self, now: UnixNanos, books: &impl Books) {
        self.expire(now);
        while self.arrivals.front().is_some_and(|(due, _)| *due <= now) {
            let Some((now, arrival)) = self.arrivals.pop_front() else { return };
            match arrival {
                Arrival::Place(order) => self.take_order(now, order, books.shown(order.instrument)),
                Arrival::Cancel(id) => self.take_cancel(now, &id),
                Arrival::Swap { old, only_untouched, anyway, new } => {
                    let shown = books.shown(new.instrument);
                    self.take_swap(now, &old, (only_untouched, anyway), new, shown);
                }
                Arrival::Replace { id, price, quantity } => {
                    let slot = self.find(&id);
                    let instrument = slot.and_then(|slot| self.order(slot)).map(|order| order.instrument);
                    let shown = instrument.and_then(|instrument| books.shown(instrument));
                    if self.margin.is_some() {
                        self.requote(now, (id, slot), (price, quantity), shown);
                        self.say_balances(now);
                        continue;
                    }
                    let reply = match self.edit(now, slot, (price, quantity), shown) {
                        Ok(()) => ReplaceReply::Accepted,
                        Err(refused) => self.denial(refused).into(),
                    };
                    self.outbox.say(now, Told::Answer(Answer::Replace(id, reply)));
                    if let (Some(slot), ReplaceReply::Accepted) = (slot, reply) {
                        self.work(now, slot, shown);
                    }
                }
            }
            self.say_balances(now);
        }
    }

    /// Says news as a venue session says it; in the order in which [`PaperVenue::next_news`] gave it.
    pub fn tell(&mut self, told: &Told, facts: &mut impl Facts) {
        told.tell(&mut self.outbox.parts, facts);
    }

    /// The next news that has arrived by now.
    pub fn next_news(&mut self, now: UnixNanos) -> Option<Told> {
        self.outbox.next(now)
    }

    /// When a command or news arrives next.
    pub fn deadline(&self) -> Option<UnixNanos> {
        let arrival = self.arrivals.front().map(|(due, _)| *due);
        arrival.into_iter().chain(self.outbox.deadline()).chain(self.ends_at).min()
    }

    /// Every balance is told, as when an account is opened.
    pub fn open_account(&mut self, now: UnixNanos) {
        self.ledger.touch_all();
        if let Some(account) = &mut self.margin {
            account.changed = true;
        }
        self.say_balances(now);
    }

    fn take_order(&mut self, now: UnixNanos, order: PaperOrder, shown: Option<Shown<'_>>) {
        if self.margin.is_some() {
            return self.take_quoted(now, order, shown);
        }
        let client = order.client;
        let (slot, shown) = match self.let_in(now, order, shown) {
            Ok(taken) => taken,
            Err(refused) => {
                let reply = self.denial(refused).into();
                return self.outbox.say(now, Told::Answer(Answer::Place(client, reply)));
            }
        };
        let venue_order_id = self.order(slot).map_or(VenueOrderId::EMPTY, |order| order.id);
        self.outbox.say(now, Told::Answer(Answer::Place(client, PlaceReply::Accepted { venue_order_id })));
        self.begin(now, slot, shown);
    }

    /// Every check, and what the order holds; then it is one of ours.
    fn let_in<'s>(
        &mut self,
        now: UnixNanos,
        mut order: PaperOrder,
        shown: Option<Shown<'s>>,
    ) -> Result<(u32, Shown<'s>), Refused> {
        let shown = shown.ok_or(Refused::NoBook)?;
        let Some(Some(market)) = self.markets.get(order.instrument.index()) else { return Err(Refused::NoBook) };
        let best = market.opposite_best(&self.orders, shown, order.side);
        if best.is_none() && order.limit.is_none() && self.rules.refuses_empty_book {
            return Err(Refused::NoLiquidity);
        }
        let crosses = best.is_some_and(|best| super::order::reaches(order.side, order.limit, best));
        if order.post_only && crosses {
            return Err(Refused::WouldTake);
        }
        if let (Size::Quote(amount), false) = (order.size, self.rules.quote_includes_fee) {
            // This venue counts the lots such an amount pays for before anything is traded.
            let want = Want::Spend(amount, Fixed::new(0, 0));
            market.walk(&self.orders, shown, (order.side, None), want, &mut self.matches);
            let lots = self.matches.iter().fold(0i64, |sum, (_, taken)| sum.saturating_add(*taken));
            if lots == 0 && best.is_some() {
                return Err(Refused::TooSmall);
            }
            order.size = Size::Base(lots);
        }
        let needed = self.needed(&order, shown).ok_or(Refused::Uncountable)?;
        let spends = self.spends(&order).ok_or(Refused::NoBook)?;
        if !self.ledger.has(spends, needed) {
            return Err(Refused::Funds);
        }
        let slot = self.free_slot().ok_or(Refused::TooManyOrders)?;
        if !self.ledger.hold(spends, needed) {
            self.free.push(slot);
            return Err(Refused::Uncountable);
        }
        (order.hold, order.place) = (needed, Place::NONE);
        self.enlist(now, slot, order);
        Ok((slot, shown))
    }

    /// Puts an order into its slot, under a number and an id of its own.
    pub(super) fn enlist(&mut self, now: UnixNanos, slot: u32, mut order: PaperOrder) {
        self.serial = self.serial.saturating_add(1);
        let mut id = ArrayString::<36>::new();
        // Five, ten and twenty digits at most: it fits.
        let _fits = write!(id, "paper-{slot}-{}", self.serial);
        (order.serial, order.updated) = (self.serial, now);
        order.id = InlineText::truncated(&id);
        self.used = self.used.max((slot as usize).saturating_add(1));
        if let Some(place) = self.orders.get_mut(slot as usize) {
            *place = order;
        }
    }

    /// What an order holds while it works; `None` if it cannot be counted.
    pub(super) fn needed(&self, order: &PaperOrder, shown: Shown<'_>) -> Option<Fixed128> {
        let market = self.markets.get(order.instrument.index())?.as_deref()?;
        let fee = if self.rules.holds_fee { self.taker } else { Fixed::new(0, 0) };
        match (order.size, order.side, order.limit) {
            (Size::Quote(amount), ..) => Some(amount),
            (Size::Base(_), Side::Sell, _) => Some(market.amount(order.left())),
            (Size::Base(_), Side::Buy, Some(limit)) => with_share(market.value(limit, order.left()), fee),
            (Size::Base(_), Side::Buy, None) => with_share(market.cost(shown, order.left())?, fee),
        }
    }

    /// The account an order spends from.
    pub(super) fn spends(&self, order: &PaperOrder) -> Option<usize> {
        let market = self.markets.get(order.instrument.index())?.as_deref()?;
        Some(if order.side == Side::Buy { market.quote } else { market.base })
    }

    fn take_cancel(&mut self, now: UnixNanos, id: &VenueOrderId) {
        let slot = self.find(id);
        let order = slot.and_then(|slot| self.order(slot));
        let refused = match order.map(|order| order.status) {
            None => Some(Refused::UnknownOrder),
            Some(OrderStatus::Filled) => Some(Refused::Filled),
            Some(status) if status.is_terminal() => Some(Refused::Over),
            Some(_) => None,
        };
        let reply = match refused {
            None => CancelReply::Queued,
            Some(refused) => self.denial(refused).into(),
        };
        self.outbox.say(now, Told::Answer(Answer::Cancel(*id, reply)));
        if let (Some(slot), None) = (slot, refused) {
            self.finish(now, slot, OrderStatus::Cancelled);
        }
    }

    fn take_swap(
        &mut self,
        now: UnixNanos,
        old: &VenueOrderId,
        (only_untouched, anyway): (bool, bool),
        new: PaperOrder,
        shown: Option<Shown<'_>>,
    ) {
        let slot = self.find(old);
        let refused = match slot.and_then(|slot| self.order(slot)) {
            None => Some(Refused::UnknownOrder),
            Some(order) if !order.is_open() => Some(Refused::Over),
            Some(order) if only_untouched && order.filled > 0 => Some(Refused::Touched),
            // Only on paper could the new order not be placed for that: the old one is not given up for it.
            Some(_) if shown.is_none() => Some(Refused::NoBook),
            Some(_) => None,
        };
        let denial = refused.map(|refused| self.denial(refused));
        let replaced = denial.map_or(ReplaceReply::Accepted, ReplaceReply::from);
        self.outbox.say(now, Told::Answer(Answer::Replace(*old, replaced)));
        match (slot, denial) {
            (Some(slot), None) => self.finish(now, slot, OrderStatus::Cancelled),
            (_, Some(denial)) if !anyway => {
                return self.outbox.say(now, Told::Answer(Answer::Place(new.client, denial.into())));
            }
            _ => {}
        }
        self.take_order(now, new, shown);
    }

    /// A change of a resting order (Coinbase reference 3.3): a smaller size at the same price keeps its place, anything
    /// else joins the end of the queue.
    fn edit(
        &mut self,
        now: UnixNanos,
        slot: Option<u32>,
        (price, quantity): (i64, i64),
        shown: Option<Shown<'_>>,
    ) -> Result<(), Refused> {
        let slot = slot.ok_or(Refused::NotFound)?;
        let order = *self.order(slot).ok_or(Refused::NotFound)?;
        let Size::Base(before) = order.size else { return Err(Refused::NotEditable) };
        if !order.is_open() {
            return Err(Refused::NotOpen);
        }
        if order.limit.is_none() || order.tif != TimeInForce::GoodTilCancelled {
            return Err(Refused::NotEditable);
        }
        if (order.limit, before) == (Some(price), quantity) {
            return Err(Refused::SameAgain);
        }
        if quantity <= order.filled {
            return Err(Refused::BelowFilled);
        }
        let shown = shown.ok_or(Refused::NoBook)?;
        let Some(Some(market)) = self.markets.get_mut(order.instrument.index()) else { return Err(Refused::NoBook) };
        let best = market.opposite_best(&self.orders, shown, order.side);
        if order.post_only && best.is_some_and(|best| super::order::reaches(order.side, Some(price), best)) {
            return Err(Refused::WouldTake);
        }
        let keeps_place = order.limit == Some(price) && quantity < before;
        let edited = PaperOrder { limit: Some(price), size: Size::Base(quantity), updated: now, ..order };
        let needed = self.needed(&edited, shown).ok_or(Refused::Uncountable)?;
        let spends = self.spends(&edited).ok_or(Refused::NoBook)?;
        let held = match minus(needed, order.hold).ok_or(Refused::Uncountable)? {
            more if more.mantissa() > 0 => self.ledger.hold(spends, more),
            _ => self.ledger.release(spends, minus(order.hold, needed).unwrap_or(ZERO)),
        };
        if !held {
            return Err(Refused::Funds);
        }
        if let Some(order) = self.orders.get_mut(slot as usize) {
            *order = PaperOrder { hold: needed, ..edited };
        }
        if !keeps_place {
            self.leave_queue(slot);
            self.serial = self.serial.saturating_add(1);
            if let Some(order) = self.orders.get_mut(slot as usize) {
                order.serial = self.serial;
            }
        }
        Ok(())
    }

    /// A changed order goes on: where it stood if it kept its place, else as a new one.
    fn work(&mut self, now: UnixNanos, slot: u32, shown: Option<Shown<'_>>) {
        let rests = self.order(slot).is_some_and(|order| self.is_resting(order.instrument, slot));
        match shown {
            Some(shown) if !rests => self.begin(now, slot, shown),
            _ => self.say_order(now, slot),
        }
    }

    /// The open orders of the account.
    pub fn tell_open(&self, facts: &mut impl Facts) {
        self.tell_orders(facts, |order| order.is_open());
    }

    /// Every order of an instrument that changed since a moment.
    pub fn tell_recent(&self, instrument: InstrumentId, since: UnixNanos, facts: &mut impl Facts) {
        self.tell_orders(facts, |order| order.instrument == instrument && order.updated >= since);
    }

    /// These orders, as far as they are known.
    pub fn tell_named(&self, ids: &[VenueOrderId], facts: &mut impl Facts) {
        for order in ids.iter().filter_map(|id| self.order(self.find(id)?)) {
            facts.order(&order.fact(FactSource::Query, self.with_fees()));
        }
    }

    /// Executions since a moment, oldest first.
    pub fn tell_fills(&self, since: UnixNanos, facts: &mut impl Facts) {
        for fill in self.fills.iter().filter(|fill| fill.venue_time >= since) {
            facts.fill(fill);
        }
    }

    /// Every execution of these orders that is remembered.
    pub fn tell_fills_of(&self, ids: &[VenueOrderId], facts: &mut impl Facts) {
        for fill in self.fills.iter().filter(|fill| ids.contains(&fill.venue_order_id)) {
            facts.fill(fill);
        }
    }

    fn tell_orders(&self, facts: &mut impl Facts, wanted: impl Fn(&PaperOrder) -> bool) {
        for order in self.orders.iter().take(self.used).filter(|order| order.serial > 0 && wanted(order)) {
            facts.order(&order.fact(FactSource::Query, self.with_fees()));
        }
    }

    /// Every asset: its code, what is free and what is held. Of an account of margin: its currency, the margin that is free
    /// and the margin that positions bind.
    pub fn balances(&self) -> impl Iterator<Item = (InlineText<16>, Fixed128, Fixed128)> + '_ {
        let margin = self.margin.as_deref().map(|account| match account.figures() {
            Some(figures) => (account.currency, figures.margin_available, figures.margin_used),
            None => (account.currency, account.balance, ZERO),
        });
        self.ledger.all().map(|account| (account.asset, account.available, account.hold)).chain(margin)
    }

    /// How an order stands; `None` if it is not known.
    pub fn order_fact(&self, id: &VenueOrderId) -> Option<OrderFact> {
        let order = self.order(self.find(id)?)?;
        Some(order.fact(FactSource::Query, self.with_fees()))
    }

    pub(super) fn order(&self, slot: u32) -> Option<&PaperOrder> {
        self.orders.get(slot as usize).filter(|order| order.serial > 0)
    }

    /// The slot of an order: its id says where it stands.
    fn find(&self, id: &VenueOrderId) -> Option<u32> {
        let (slot, _) = id.as_str().strip_prefix("paper-")?.split_once('-')?;
        let slot = slot.parse().ok()?;
        self.order(slot).filter(|order| order.id == *id).map(|_| slot)
    }

    /// A slot nobody uses; the oldest order that is over makes room if need be.
    pub(super) fn free_slot(&mut self) -> Option<u32> {
        self.free.pop().or_else(|| self.closed.pop_front())
    }

    pub(super) fn with_fees(&self) -> bool {
        self.rules.fee_from_received.is_none() && self.margin.is_none()
    }

    /// What the venue it stands for says to it.
    pub(super) fn denial(&self, refused: Refused) -> Denial {
        let (class, code) = words(self.venue, refused);
        Denial::refused(class, code)
    }

    /// How an order stands now.
    pub(super) fn say_order(&mut self, now: UnixNanos, slot: u32) {
        let with_fees = self.with_fees();
        if let Some(order) = self.orders.get_mut(slot as usize) {
            order.updated = now;
            let fact = order.fact(FactSource::Stream, with_fees);
            self.outbox.say(now, Told::Order(fact));
        }
    }

    /// Every balance that changed.
    pub(super) fn say_balances(&mut self, now: UnixNanos) {
        while let Some(account) = self.ledger.take_touched() {
            debug_assert!(covers(account.available, ZERO) && covers(account.hold, ZERO));
            let (asset, available, hold) = (account.asset, account.available, account.hold);
            self.outbox.say(now, Told::Balance(BalanceFact { asset, available, hold, venue_time: now }));
        }
        self.say_figures(now);
    }
}
