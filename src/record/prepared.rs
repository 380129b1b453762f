//! Orders of more than a price and a quantity: triggered, bracketed, sliced or scaled, with an end in time, with exits
//! attached, with a venue's own options.
//!
//! They are PREPARED AHEAD: a strategy states [`OrderTerms`] once, [`PreparedOrder::new`] checks them against themselves,
//! the gateway puts the result into one of the strategy's slots, and [`OrderCommand::prepared`](super::OrderCommand::prepared)
//! submits it by the slot's number, as often as wanted and without an allocation; every submission is an order of its own
//! with a client order id of its own. Owns the vocabulary for all venues and the contradictions no venue could resolve;
//! what a venue has no form for is said by the venue. Reads no clock and knows no wire.

use super::options::VenueOptions;
use super::{Fixed, Instrument, InstrumentId, OrderCommand, Side, UnixNanos, Venue};

/// Orders one strategy can have prepared at a time.
pub const PREPARED_MAX: usize = 64;

/// One of a strategy's prepared orders. A slot given to another order gets another generation, so that an old number
/// never submits a new order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PreparedSlot {
    pub(super) instrument: InstrumentId,
    pub(super) generation: u32,
    pub(super) index: u16,
}

impl PreparedSlot {
    /// No slot.
    pub(super) const NONE: PreparedSlot = PreparedSlot { instrument: InstrumentId::NONE, generation: 0, index: 0 };

    /// The `generation`-th (from 1) use of the place `index` (below [`PREPARED_MAX`]), for an order of `instrument`.
    pub const fn new(instrument: InstrumentId, index: u16, generation: u32) -> PreparedSlot {
        PreparedSlot { instrument, generation, index }
    }

    /// The place as an index.
    pub const fn index(self) -> usize {
        self.index as usize
    }

    /// Which use of the place it is, from 1.
    pub const fn generation(self) -> u32 {
        self.generation
    }

    /// What its order trades.
    pub const fn instrument(self) -> InstrumentId {
        self.instrument
    }
}

/// How much to trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrderQuantity {
    /// Of the base asset, mantissa at the size exponent.
    Base(i64),
    /// Worth so much of the quote asset, mantissa at the quote exponent.
    Quote(i64),
}

impl OrderQuantity {
    /// The number, whatever it counts.
    pub const fn mantissa(self) -> i64 {
        match self {
            OrderQuantity::Base(mantissa) | OrderQuantity::Quote(mantissa) => mantissa,
        }
    }
}

/// How long an order lives; wider than [`TimeInForce`](super::TimeInForce) by what needs a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Lifetime {
    /// Until cancelled (GTC).
    #[default]
    UntilCancelled,
    /// Fill what crosses now, cancel the rest (IOC).
    ImmediateOrCancel,
    /// All now or nothing (FOK).
    FillOrKill,
    /// Until a moment (GTD).
    Until(UnixNanos),
    /// So long from its submission on, ms (GTD): the prepared order stays usable.
    For {
        /// How long, ms.
        ms: u64,
    },
    /// Until the end of the venue's day (GFD).
    Day,
}

impl Lifetime {
    /// The moment at which it ends, for an order submitted at `now`; `None` if it has none of its own.
    pub fn end(self, now: UnixNanos) -> Option<UnixNanos> {
        match self {
            Lifetime::Until(end) => Some(end),
            Lifetime::For { ms } => Some(now.plus_ms(ms)),
            Lifetime::UntilCancelled | Lifetime::ImmediateOrCancel | Lifetime::FillOrKill | Lifetime::Day => None,
        }
    }

    /// Whether it can rest in a book.
    pub const fn rests(self) -> bool {
        !matches!(self, Lifetime::ImmediateOrCancel | Lifetime::FillOrKill)
    }
}

/// Which way the market has to move to set an order off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TriggerDirection {
    /// When it rises to the trigger: a buy stop, or the take-profit of a sell.
    Up,
    /// When it falls to the trigger: a sell stop, or the take-profit of a buy.
    Down,
}

/// What sets a triggered order off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// A price, mantissa at the price exponent.
    Price {
        /// The price.
        at: i64,
        /// From which side it is reached.
        direction: TriggerDirection,
    },
    /// A move back from the best price seen since the order was placed, or since the activation price.
    Trailing {
        /// How far it has to move.
        distance: TrailingDistance,
        /// From when on the best price is followed, mantissa at the price exponent; at once if `None`.
        activation: Option<i64>,
        /// Which way the move goes.
        direction: TriggerDirection,
    },
}

/// How far a trailing trigger trails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrailingDistance {
    /// Hundredths of a percent.
    BasisPoints(u32),
    /// A difference of prices, mantissa at the price exponent.
    Price(i64),
}

/// What a triggered order becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnTrigger {
    /// A market order, at this price or better if one is given (mantissa at the price exponent).
    Market {
        /// The worst price taken.
        worst_price: Option<i64>,
    },
    /// A limit order.
    Limit {
        /// Mantissa at the price exponent.
        price: i64,
        /// How much of it the book shows (iceberg), mantissa at the size exponent; all if `None`.
        shown: Option<i64>,
    },
}

/// How the sizes or prices of a scaled order are spread between its first and its last part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Spread {
    /// The same everywhere.
    Even,
    /// Growing.
    Increasing,
    /// Shrinking.
    Decreasing,
}

/// One part of a scaled order that states its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ScaledPart {
    /// How much.
    pub quantity: OrderQuantity,
    /// Mantissa at the price exponent.
    pub price: i64,
    /// Must not take liquidity.
    pub post_only: bool,
}

/// Many limit orders over a range of prices, placed as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scaled {
    /// How many parts, at least 2.
    pub parts: u32,
    /// Lowest price, mantissa at the price exponent.
    pub price_min: i64,
    /// Highest price, mantissa at the price exponent.
    pub price_max: i64,
    /// How the steps between prices change; the venue's choice if `None`.
    pub prices: Option<Spread>,
    /// How the sizes change; the venue's choice if `None`.
    pub sizes: Option<Spread>,
    /// Difference of the sizes of two neighbours, a decimal.
    pub size_difference: Option<Fixed>,
    /// Ratio of the sizes of two neighbours, a decimal.
    pub size_ratio: Option<Fixed>,
    /// The parts themselves, where they are stated; empty: the venue computes them.
    pub stated: Vec<ScaledPart>,
}

/// A large order in slices over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Twap {
    /// Worst price of any slice, mantissa at the price exponent.
    pub limit: i64,
    /// When the first slice may go; at the submission if `None`. The last one goes before the order's lifetime ends.
    pub start: Option<UnixNanos>,
    /// How many slices; the venue's choice if `None`.
    pub slices: Option<u32>,
    /// Size of one slice, of what the order's quantity counts; the venue's choice if `None`.
    pub slice_size: Option<i64>,
    /// Time between slices, seconds; the venue's choice if `None`.
    pub slice_s: Option<u32>,
}

/// What kind of order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderShape {
    /// At whatever price the book gives, but none worse than this if it is given (mantissa at the price exponent).
    Market {
        /// The worst price taken.
        worst_price: Option<i64>,
    },
    /// At this price or better.
    Limit {
        /// Mantissa at the price exponent.
        price: i64,
        /// Must not take liquidity.
        post_only: bool,
        /// How much of it the book shows (iceberg), mantissa at the size exponent; all if `None`.
        shown: Option<i64>,
    },
    /// Nothing until a trigger, then an order: stop, stop-limit, take-profit, market-if-touched, trailing stop.
    Triggered {
        /// What sets it off.
        trigger: Trigger,
        /// What it becomes.
        then: OnTrigger,
    },
    /// Two exits of one position, of which the first to execute cancels the other (bracket, OCO).
    Bracket {
        /// Price of the limit order on the good side, mantissa at the price exponent.
        take_profit: i64,
        /// Price that sets the stop off, on the bad side, mantissa at the price exponent.
        stop: i64,
        /// Limit price of the stop once it is set off; the venue's choice (mostly market) if `None`.
        stop_limit: Option<i64>,
    },
    /// Slices over time.
    Twap(Twap),
    /// Limit orders over a range of prices.
    Scaled(Scaled),
}

/// The protective stop that is placed once the order fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StopLoss {
    /// At a price, mantissa at the price exponent.
    At(i64),
    /// At a distance from the fill price, mantissa at the price exponent.
    Distance(i64),
    /// At a price, filled exactly there for a premium.
    GuaranteedAt(i64),
    /// At a distance from the fill price, filled exactly there for a premium.
    GuaranteedDistance(i64),
}

/// Exits the venue places by itself once the order fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Exits {
    /// Price of the profit taken, mantissa at the price exponent.
    pub take_profit: Option<i64>,
    /// The stop.
    pub stop_loss: Option<StopLoss>,
    /// Distance of a trailing stop, mantissa at the price exponent.
    pub trailing_stop: Option<i64>,
    /// How long they live.
    pub lifetime: Lifetime,
}

impl Exits {
    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.take_profit.is_none() && self.stop_loss.is_none() && self.trailing_stop.is_none()
    }
}

/// What an order is to be. All prices are mantissas at the instrument's price exponent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderTerms {
    /// Buy or sell.
    pub side: Side,
    /// How much.
    pub quantity: OrderQuantity,
    /// What kind of order.
    pub shape: OrderShape,
    /// How long it lives.
    pub lifetime: Lifetime,
    /// Exits placed when it fills.
    pub exits: Exits,
    /// What only one venue has.
    pub options: VenueOptions,
}

impl OrderTerms {
    /// An order of this shape until it is cancelled, without exits and options. Market orders fill at once or not.
    pub fn new(side: Side, quantity: OrderQuantity, shape: OrderShape) -> OrderTerms {
        let lifetime = match shape {
            OrderShape::Market { .. } => Lifetime::ImmediateOrCancel,
            _ => Lifetime::UntilCancelled,
        };
        OrderTerms { side, quantity, shape, lifetime, exits: Exits::default(), options: VenueOptions::None }
    }

    /// The same with another lifetime.
    #[must_use]
    pub fn living(self, lifetime: Lifetime) -> OrderTerms {
        OrderTerms { lifetime, ..self }
    }

    /// The same with exits.
    #[must_use]
    pub fn with_exits(self, exits: Exits) -> OrderTerms {
        OrderTerms { exits, ..self }
    }

    /// The same with a venue's own options.
    #[must_use]
    pub fn with_options(self, options: impl Into<VenueOptions>) -> OrderTerms {
        OrderTerms { options: options.into(), ..self }
    }

    /// The price that bounds what the order can cost or bring, mantissa at the price exponent; 0 if nothing bounds it.
    pub fn bounding_price(&self) -> i64 {
        match &self.shape {
            OrderShape::Market { worst_price } => worst_price.unwrap_or(0),
            OrderShape::Limit { price, .. } => *price,
            OrderShape::Triggered { then: OnTrigger::Limit { price, .. }, .. } => *price,
            OrderShape::Triggered { then: OnTrigger::Market { worst_price }, trigger } => {
                worst_price.unwrap_or(match trigger {
                    Trigger::Price { at, .. } => *at,
                    Trigger::Trailing { activation, .. } => activation.unwrap_or(0),
                })
            }
            OrderShape::Bracket { take_profit, .. } => *take_profit,
            OrderShape::Twap(twap) => twap.limit,
            OrderShape::Scaled(scaled) => match self.side {
                Side::Buy => scaled.price_max,
                Side::Sell => scaled.price_min,
            },
        }
    }

    /// Calls `each` with every price and every difference of prices in the terms: all must be on the tick.
    pub fn each_price(&self, mut each: impl FnMut(i64)) {
        match &self.shape {
            OrderShape::Market { worst_price } => worst_price.iter().copied().for_each(&mut each),
            OrderShape::Limit { price, .. } => each(*price),
            OrderShape::Triggered { trigger, then } => {
                match trigger {
                    Trigger::Price { at, .. } => each(*at),
                    Trigger::Trailing { distance, activation, .. } => {
                        activation.iter().copied().for_each(&mut each);
                        if let TrailingDistance::Price(distance) = distance {
                            each(*distance);
                        }
                    }
                }
                match then {
                    OnTrigger::Market { worst_price } => worst_price.iter().copied().for_each(&mut each),
                    OnTrigger::Limit { price, .. } => each(*price),
                }
            }
            OrderShape::Bracket { take_profit, stop, stop_limit } => {
                each(*take_profit);
                each(*stop);
                stop_limit.iter().copied().for_each(&mut each);
            }
            OrderShape::Twap(twap) => each(twap.limit),
            OrderShape::Scaled(scaled) => {
                each(scaled.price_min);
                each(scaled.price_max);
                scaled.stated.iter().for_each(|part| each(part.price));
            }
        }
        self.exits.take_profit.iter().copied().for_each(&mut each);
        self.exits.trailing_stop.iter().copied().for_each(&mut each);
        if let Some(
            StopLoss::At(price)
            | StopLoss::Distance(price)
            | StopLoss::GuaranteedAt(price)
            | StopLoss::GuaranteedDistance(price),
        ) = self.exits.stop_loss
        {
            each(price);
        }
    }

    /// How much of it the book shows, if not all.
    pub fn shown(&self) -> Option<i64> {
        match self.shape {
            OrderShape::Limit { shown, .. } => shown,
            OrderShape::Triggered { then: OnTrigger::Limit { shown, .. }, .. } => shown,
            _ => None,
        }
    }

    /// Whether it must not take liquidity.
    pub const fn is_post_only(&self) -> bool {
        matches!(self.shape, OrderShape::Limit { post_only: true, .. })
    }

    /// Whether it is a bracket: at some venues a pair of orders.
    pub const fn is_bracket(&self) -> bool {
        matches!(self.shape, OrderShape::Bracket { .. })
    }

    /// Whether it always has a price limit: what a venue takes while it takes limit orders only.
    pub const fn is_limit(&self) -> bool {
        match self.shape {
            OrderShape::Limit { .. } | OrderShape::Twap(_) | OrderShape::Scaled(_) => true,
            OrderShape::Triggered { then: OnTrigger::Limit { .. }, .. } => true,
            OrderShape::Market { .. } | OrderShape::Triggered { .. } | OrderShape::Bracket { .. } => false,
        }
    }
}

/// Checked terms for one instrument: what a slot holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedOrder {
    venue: Venue,
    exponents: [i8; 3],
    terms: OrderTerms,
    command: OrderCommand,
}

impl PreparedOrder {
    /// Checks terms against themselves, at the exponents the instrument has now. Tick, lot and limits are checked at
    /// each submission, as for every order.
    ///
    /// # Errors
    /// [`InvalidTerms`].
    pub fn new(instrument: &Instrument, terms: OrderTerms) -> Result<PreparedOrder, InvalidTerms> {
        check::check(&terms)?;
        let command = OrderCommand::summary(instrument.id, &terms);
        Ok(PreparedOrder { venue: instrument.listing.venue, exponents: exponents(instrument), terms, command })
    }

    /// Where it is to be placed.
    pub const fn venue(&self) -> Venue {
        self.venue
    }

    /// What it trades.
    pub const fn instrument(&self) -> InstrumentId {
        self.command.instrument()
    }

    /// What it is to be.
    pub const fn terms(&self) -> &OrderTerms {
        &self.terms
    }

    /// The command it is to limits, tables and records, without an identity: its side, bounding price and quantity.
    pub const fn command(&self) -> &OrderCommand {
        &self.command
    }

    /// Whether its numbers still mean what they meant: exponents change only with an instrument-status record.
    pub fn fits(&self, instrument: &Instrument) -> bool {
        self.exponents == exponents(instrument)
    }
}

fn exponents(instrument: &Instrument) -> [i8; 3] {
    [instrument.price_exponent, instrument.size_exponent, instrument.quote_exponent]
}

mod check;
pub use check::InvalidTerms;
