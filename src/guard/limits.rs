//! Pre-trade limits as a user states them: exact decimals, per strategy, venue and instrument. What stands here is
//! turned into mantissas once, when an instrument becomes known ([`super::OrderGuard`]), and checked on every order.

use crate::record::{Fixed, Instrument, PerVenue, Venue};

/// Limits of one gateway. A session with credentials starts only if something is limited at each of its venues, or with an
/// explicit [`without_limits`](crate::gateway::GatewayBuilder::without_limits). What is not set is not checked; tick, lot
/// and the venue's own minimums always are. A venue that is asked at the start and lists no instrument of a name that has
/// limits refuses it: they would guard nothing.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use exchange_connectors::gateway::{InstrumentLimits, Limits, VenueLimits};
/// use exchange_connectors::record::{Fixed, Venue};
///
/// let everywhere = InstrumentLimits {
///     order_notional_max: Some(Fixed::parse("5000")?),
///     price_band_bps: Some(50),
///     no_self_trade: true,
///     ..InstrumentLimits::default()
/// };
/// let limits = Limits::new()
///     .open_orders_per_strategy(20)
///     .every_instrument(everywhere)
///     .venue(Venue::Coinbase, VenueLimits { open_orders_max: Some(50), ..VenueLimits::default() })
///     .instrument(Venue::Coinbase, "BTC-USD", InstrumentLimits { position_max: Some(Fixed::parse("0.5")?), ..everywhere });
/// # let _ = limits;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limits {
    strategy_open_orders_max: Option<usize>,
    everywhere: InstrumentLimits,
    venues: PerVenue<VenueLimits>,
    instruments: Vec<Named>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    venue: Venue,
    symbol: Box<str>,
    limits: InstrumentLimits,
}

/// Limits on the orders of one instrument, all strategies together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InstrumentLimits {
    /// Greatest size of one order, base currency.
    pub order_size_max: Option<Fixed>,
    /// Greatest value of one order, quote currency. A market order counts at the best price it would meet.
    pub order_notional_max: Option<Fixed>,
    /// Orders open or on their way.
    pub open_orders_max: Option<u32>,
    /// Greatest position long or short, base currency, as if every open order of that side were filled. The position is
    /// the balance of the base asset at the start and what the gateway's fills have made of it since; at OANDA what the
    /// account's trades come to. Until the venue has said what is held, orders are refused as
    /// [`Busy`](crate::record::RejectClass::Busy) with the time to try again.
    pub position_max: Option<Fixed>,
    /// How far beyond the best opposite price a limit may lie, in hundredths of a percent: a buy above the ask, a sell
    /// below the bid. A price on the passive side is not bounded. Needs a subscription to the book, as every check against the
    /// market does: without a whole book the order is refused.
    pub price_band_bps: Option<u32>,
    /// Longest silence of the connection that carries the book, ms; also requires the book to be complete.
    pub book_age_ms_max: Option<u64>,
    /// How much later than at its quickest a message may arrive, ms. A price at OANDA may wait 250 ms at the venue.
    pub feed_lag_ms_max: Option<u64>,
    /// Refuse what would meet an order of our own. A market order is refused while any order of ours rests on the other
    /// side; a limit order only if its price reaches it.
    pub no_self_trade: bool,
    /// Refuse what the account cannot pay for, by the balances last heard of less what open orders hold; at OANDA what its
    /// free margin does not allow (see [`crate::manual::guards`]). Before the first word of the venue every order is refused
    /// with "balance not known yet".
    pub check_balance: bool,
}

/// Limits on the orders of one venue, all strategies and instruments together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VenueLimits {
    /// Orders open or on their way.
    pub open_orders_max: Option<u32>,
    /// New orders in a time, besides what the venue itself allows.
    pub order_rate_max: Option<OrderRate>,
}

/// So many new orders in so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderRate {
    /// Orders, 1 to 256.
    pub orders: u32,
    /// In any period of this length, ms.
    pub window_ms: u64,
}

impl Limits {
    /// Nothing limited yet.
    #[must_use]
    pub fn new() -> Limits {
        Limits::default()
    }

    /// Orders one strategy may have open or on their way; one more is refused with
    /// [`RejectClass::Limit`](crate::record::RejectClass::Limit).
    #[must_use]
    pub fn open_orders_per_strategy(self, max: usize) -> Limits {
        Limits { strategy_open_orders_max: Some(max), ..self }
    }

    /// Limits of every instrument that has none of its own.
    #[must_use]
    pub fn every_instrument(self, limits: InstrumentLimits) -> Limits {
        Limits { everywhere: limits, ..self }
    }

    /// Limits of a whole venue.
    #[must_use]
    pub fn venue(mut self, venue: Venue, limits: VenueLimits) -> Limits {
        *self.venues.get_mut(venue) = limits;
        self
    }

    /// Limits of one instrument, instead of those of every instrument.
    #[must_use]
    pub fn instrument(mut self, venue: Venue, symbol: &str, limits: InstrumentLimits) -> Limits {
        self.instruments.retain(|named| (named.venue, named.symbol.as_ref()) != (venue, symbol));
        self.instruments.push(Named { venue, symbol: symbol.into(), limits });
        self
    }

    /// Orders one strategy may have open.
    pub const fn strategy_open_orders_max(&self) -> Option<usize> {
        self.strategy_open_orders_max
    }

    /// Limits of a venue as a whole.
    pub const fn of_venue(&self, venue: Venue) -> &VenueLimits {
        self.venues.get(venue)
    }

    /// Limits of every instrument, then of each that is named.
    pub fn of_instruments(&self) -> impl Iterator<Item = &InstrumentLimits> {
        std::iter::once(&self.everywhere).chain(self.instruments.iter().map(|named| &named.limits))
    }

    /// The instruments that are named.
    pub fn named(&self) -> impl Iterator<Item = (Venue, &str)> {
        self.instruments.iter().map(|named| (named.venue, named.symbol.as_ref()))
    }

    /// Whether anything of a venue is limited.
    pub fn limit_anything_at(&self, venue: Venue) -> bool {
        let nothing = InstrumentLimits::default();
        let named = self.instruments.iter().any(|named| named.venue == venue && named.limits != nothing);
        let everywhere = self.strategy_open_orders_max.is_some() || self.everywhere != nothing;
        named || everywhere || *self.of_venue(venue) != VenueLimits::default()
    }

    /// Whether the balance is checked anywhere.
    pub fn check_balance_anywhere(&self) -> bool {
        self.everywhere.check_balance || self.instruments.iter().any(|named| named.limits.check_balance)
    }

    /// What holds for one instrument.
    pub fn of_instrument(&self, instrument: &Instrument) -> InstrumentLimits {
        let listing = &instrument.listing;
        let own = self.instruments.iter().find(|n| n.venue == listing.venue && n.symbol == listing.symbol);
        own.map_or(self.everywhere, |named| named.limits)
    }
}
