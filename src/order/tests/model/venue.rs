//! The venue of the model: what it knows of its orders, and how it tells of them, in each venue's own way.

use super::*;

/// How a venue says what happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Cumulative states with value and fees on the stream; executions only in listings.
    Coinbase,
    /// A report of each execution on the stream, between the states before and after it.
    BinanceUs,
    /// Numbered transactions, each of which is told once whoever brings it; an order is filled whole.
    Oanda,
}

impl Style {
    pub const ALL: [Style; 3] = [Style::Coinbase, Style::BinanceUs, Style::Oanda];

    pub const fn venue(self) -> Venue {
        match self {
            Style::Coinbase => Venue::Coinbase,
            Style::BinanceUs => Venue::BinanceUs,
            Style::Oanda => Venue::Oanda,
        }
    }

    pub fn instrument(self) -> Instrument {
        let mut instrument = super::instrument();
        instrument.listing.venue = self.venue();
        instrument
    }
}

/// What befalls an order at the venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Lives,
    Refused,
    Lost,
}

/// An execution, and when it was.
#[derive(Debug, Clone, Copy)]
pub struct Executed {
    pub quantity: i64,
    pub price: i64,
    pub at: UnixNanos,
}

/// One state of an order.
#[derive(Debug, Clone, Copy)]
pub struct Entered {
    pub at: UnixNanos,
    pub fact: OrderFact,
    /// The execution that led to it.
    pub execution: Option<usize>,
    /// Told to this session: of transactions, once.
    pub told: bool,
    /// From before this session.
    pub past: bool,
}

/// One order as the venue knows it, and as it was sent.
pub struct Truth {
    pub style: Style,
    /// Of the session that placed it; `None` once that is dead.
    pub slot: Option<Slot>,
    pub client: ClientOrderId,
    pub id: String,
    pub fate: Fate,
    pub sent: UnixNanos,
    pub arrived: bool,
    pub replied: bool,
    pub executions: Vec<Executed>,
    /// Every state the venue went through.
    pub states: Vec<Entered>,
}

pub fn fee_of(quantity: i64) -> i128 {
    i128::from(quantity) * 7 + 3
}

impl Truth {
    pub fn executed(&self) -> i64 {
        self.executions.iter().map(|e| e.quantity).sum()
    }

    pub fn value(&self) -> Fixed128 {
        Fixed128::new(self.executions.iter().map(|e| i128::from(e.quantity) * i128::from(e.price)).sum(), -16)
    }

    pub fn fees(&self) -> Fixed128 {
        Fixed128::new(self.executions.iter().map(|e| fee_of(e.quantity)).sum(), -12)
    }

    /// Executed from a moment on.
    pub fn executed_since(&self, from: UnixNanos) -> i64 {
        self.executions.iter().filter(|e| e.at >= from).map(|e| e.quantity).sum()
    }

    pub fn end(&self) -> Option<OrderStatus> {
        self.states.last().map(|s| s.fact.status).filter(|s| s.is_terminal())
    }

    pub fn is_open(&self) -> bool {
        self.arrived && self.end().is_none()
    }

    pub fn arrive(&mut self, now: UnixNanos) {
        self.arrived = true;
        if self.style == Style::Coinbase {
            self.enter(now, OrderStatus::Pending, None);
        }
        self.enter(now, OrderStatus::Open, None);
    }

    pub fn execute(&mut self, now: UnixNanos, quantity: i64) {
        let left = QUANTITY - self.executed();
        let quantity = if self.style == Style::Oanda { left } else { quantity.min(left) };
        if quantity <= 0 {
            return;
        }
        let number = self.executions.len();
        self.executions.push(Executed { quantity, price: PRICE + number as i64 * 31, at: now });
        let whole = self.executed() == QUANTITY;
        // The state may follow the execution by a while at Coinbase.
        let filled = whole && (self.style != Style::Coinbase || number % 2 == 1);
        self.enter(now, if filled { OrderStatus::Filled } else { OrderStatus::Open }, Some(number));
    }

    pub fn finish(&mut self, now: UnixNanos, end: OrderStatus) {
        let whole = self.executed() == QUANTITY;
        let possible = match end {
            OrderStatus::Filled => whole,
            OrderStatus::Failed => self.executed() == 0 && self.style == Style::Coinbase,
            _ => !whole,
        };
        if possible {
            self.enter(now, end, None);
        }
    }

    /// Cancelled on request.
    pub fn cancel(&mut self, now: UnixNanos) {
        if self.style == Style::Coinbase {
            self.enter(now, OrderStatus::CancelQueued, None);
        }
        if self.executed() < QUANTITY {
            self.enter(now, OrderStatus::Cancelled, None);
        }
    }

    fn enter(&mut self, now: UnixNanos, status: OrderStatus, execution: Option<usize>) {
        let fact = OrderFact {
            cumulative_quantity: self.executed(),
            cumulative_value: (self.style != Style::Oanda).then(|| self.value()),
            cumulative_fees: (self.style == Style::Coinbase).then(|| self.fees()),
            venue_time: now,
            ..fact(&self.client, &self.id, status, 0)
        };
        self.states.push(Entered { at: now, fact, execution, told: false, past: false });
    }

    pub fn row(&self, k: usize) -> FillFact {
        let Executed { quantity, price, at } = self.executions[k];
        let fee = Fixed128::new(fee_of(quantity), -12);
        FillFact { price, fee, venue_time: at, ..row(&self.id, &format!("{}-{k}", self.id), quantity) }
    }

    pub fn rows(&self) -> impl Iterator<Item = FillFact> + '_ {
        (0..self.executions.len()).map(|k| self.row(k))
    }

    /// The state a listing begun at `now` shows; `behind` ms old if the listing lags.
    pub fn listed(&self, now: UnixNanos, behind: u64) -> Option<&OrderFact> {
        self.states.iter().rev().find(|s| s.at.plus_ms(behind) <= now).map(|s| &s.fact)
    }
}
