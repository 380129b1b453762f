//! What we ask of the venue, in one vocabulary for REST and the WebSocket API.
//!
//! Owns the calls: their paths, methods, weights and parameters (Binance.US reference 3, 8). Guarantees that parameters
//! come in ascending order of their names, that numbers are exact, and that an order the venue has no form for is refused
//! here. Never signs and never sends.

use super::limits;
use super::params::Params;
use super::VenueMs;
use crate::codec::http1::Method;
pub use crate::record::SelfTradePrevention;
use crate::record::{Fixed, InstrumentId, OrderType, Side, TimeInForce, UnixNanos};
use crate::venue::PlaceIntent;

mod call;
mod cancel_id;
#[cfg(test)]
mod tests;

pub use call::{Call, Security};
pub use cancel_id::{cancelled_id, CancelId, CANCEL_LETTER};

/// Kinds of order (Binance.US reference 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrderKind {
    /// At the given price or better.
    Limit,
    /// Limit that is refused rather than taking.
    LimitMaker,
    /// At whatever the book gives.
    Market,
    /// Market when the price gets worse than the stop.
    StopLoss,
    /// Limit when the price gets worse than the stop.
    StopLossLimit,
    /// Market when the price gets better than the stop.
    TakeProfit,
    /// Limit when the price gets better than the stop.
    TakeProfitLimit,
}

impl OrderKind {
    /// The venue's word.
    pub const fn name(self) -> &'static str {
        match self {
            OrderKind::Limit => "LIMIT",
            OrderKind::LimitMaker => "LIMIT_MAKER",
            OrderKind::Market => "MARKET",
            OrderKind::StopLoss => "STOP_LOSS",
            OrderKind::StopLossLimit => "STOP_LOSS_LIMIT",
            OrderKind::TakeProfit => "TAKE_PROFIT",
            OrderKind::TakeProfitLimit => "TAKE_PROFIT_LIMIT",
        }
    }

    /// Every kind.
    pub const ALL: [OrderKind; 7] = [
        OrderKind::Limit,
        OrderKind::LimitMaker,
        OrderKind::Market,
        OrderKind::StopLoss,
        OrderKind::StopLossLimit,
        OrderKind::TakeProfit,
        OrderKind::TakeProfitLimit,
    ];

    /// Whether it has a limit price.
    pub const fn has_price(self) -> bool {
        !matches!(self, OrderKind::Market | OrderKind::StopLoss | OrderKind::TakeProfit)
    }

    /// Whether it waits for a trigger.
    pub const fn is_conditional(self) -> bool {
        !matches!(self, OrderKind::Limit | OrderKind::LimitMaker | OrderKind::Market)
    }

    /// Whether a time in force is given with it: for the others it is one parameter too many (-1106).
    pub const fn has_time_in_force(self) -> bool {
        self.has_price() && !matches!(self, OrderKind::LimitMaker)
    }
}

/// How much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Of the base asset.
    Base(Fixed),
    /// Of the quote asset: market orders only.
    Quote(Fixed),
}

/// The venue's word for a mode. The taker's counts (Binance.US reference 3).
const fn self_trade_name(mode: SelfTradePrevention) -> &'static str {
    match mode {
        SelfTradePrevention::None => "NONE",
        SelfTradePrevention::ExpireTaker => "EXPIRE_TAKER",
        SelfTradePrevention::ExpireMaker => "EXPIRE_MAKER",
        SelfTradePrevention::ExpireBoth => "EXPIRE_BOTH",
        SelfTradePrevention::Decrement => "DECREMENT",
        SelfTradePrevention::Transfer => "TRANSFER",
    }
}

/// How much the venue answers to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResponseDetail {
    /// Ids only: the fastest; the user stream tells the rest.
    Ack,
    /// The order as it stands.
    Result,
    /// And its fills.
    Full,
}

impl ResponseDetail {
    const fn name(self) -> &'static str {
        match self {
            ResponseDetail::Ack => "ACK",
            ResponseDetail::Result => "RESULT",
            ResponseDetail::Full => "FULL",
        }
    }
}

/// A new order. [`NewOrder::check`] says whether the venue has a form for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewOrder<'a> {
    /// The venue's name, upper case.
    pub symbol: &'a str,
    /// Buy or sell.
    pub side: Side,
    /// Which kind.
    pub kind: OrderKind,
    /// How long it lives: exactly where [`OrderKind::has_time_in_force`].
    pub time_in_force: Option<TimeInForce>,
    /// How much.
    pub quantity: Quantity,
    /// Limit price: exactly where [`OrderKind::has_price`].
    pub price: Option<Fixed>,
    /// Trigger of a conditional order.
    pub stop_price: Option<Fixed>,
    /// Trigger that follows the market at this distance, in hundredths of a percent; beside the stop price, or instead.
    pub trailing_delta: Option<u32>,
    /// Shown part of an iceberg: limit orders that may rest.
    pub iceberg: Option<Fixed>,
    /// Our id: up to 36 of `[A-Za-z0-9-_]`, unique among open orders.
    pub client_order_id: &'a str,
    /// `None`: the symbol's default.
    pub self_trade: Option<SelfTradePrevention>,
    /// What to answer.
    pub detail: ResponseDetail,
}

/// Why an order has no form here; nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsupported {
    /// Quantities and prices are positive.
    #[error("quantities and prices must be positive")]
    NotPositive,
    /// Limit kinds need a price, the others have none.
    #[error("a limit price belongs to exactly the limit kinds of Binance.US orders")]
    Price,
    /// See [`OrderKind::has_time_in_force`].
    #[error("a time in force belongs to exactly LIMIT, STOP_LOSS_LIMIT and TAKE_PROFIT_LIMIT on Binance.US")]
    TimeInForce,
    /// Only market orders are sized in the quote asset.
    #[error("only market orders can be sized in the quote asset on Binance.US")]
    QuoteQuantity,
    /// A stop price or a trailing distance belongs to exactly the conditional kinds.
    #[error("a stop price or trailing delta belongs to exactly the conditional kinds of Binance.US orders")]
    Trigger,
    /// Icebergs must be able to rest.
    #[error("an iceberg must be a good-til-cancelled limit order on Binance.US, its shown part at most the whole")]
    Iceberg,
    /// Post-only makes sense only for an order that may rest.
    #[error("post-only is for good-til-cancelled limit orders only")]
    PostOnly,
    /// Market orders never rest.
    #[error("market orders are immediate-or-cancel only")]
    MarketTimeInForce,
    /// A composite order the venue does not know.
    #[error("Binance.US has no {0}")]
    Form(&'static str),
}

impl<'a> NewOrder<'a> {
    /// The order of an intent.
    ///
    /// # Errors
    /// [`Unsupported`].
    pub fn of_intent(intent: &PlaceIntent<'a>) -> Result<NewOrder<'a>, Unsupported> {
        let limit = intent.order_type == OrderType::Limit;
        let rests = intent.time_in_force == TimeInForce::GoodTilCancelled;
        if intent.post_only && !(limit && rests) {
            return Err(Unsupported::PostOnly);
        }
        if !limit && intent.time_in_force != TimeInForce::ImmediateOrCancel {
            return Err(Unsupported::MarketTimeInForce);
        }
        let instrument = intent.instrument;
        let kind = match (limit, intent.post_only) {
            (false, _) => OrderKind::Market,
            (true, true) => OrderKind::LimitMaker,
            (true, false) => OrderKind::Limit,
        };
        let quantity = if intent.quantity_in_quote {
            Quantity::Quote(Fixed::new(intent.quantity, instrument.quote_exponent))
        } else {
            Quantity::Base(Fixed::new(intent.quantity, instrument.size_exponent))
        };
        let order = NewOrder {
            symbol: instrument.symbol(),
            side: intent.side,
            kind,
            time_in_force: kind.has_time_in_force().then_some(intent.time_in_force),
            quantity,
            price: limit.then(|| Fixed::new(intent.price, instrument.price_exponent)),
            stop_price: None,
            trailing_delta: None,
            iceberg: None,
            client_order_id: intent.client_order_id.as_str(),
            self_trade: None,
            detail: ResponseDetail::Ack,
        };
        order.check()?;
        Ok(order)
    }

    /// Whether the venue has a form for it (Binance.US reference 3, table of `POST /api/v3/order`).
    ///
    /// # Errors
    /// [`Unsupported`].
    pub fn check(&self) -> Result<(), Unsupported> {
        let (Quantity::Base(quantity) | Quantity::Quote(quantity)) = self.quantity;
        let numbers = [Some(quantity), self.price, self.stop_price, self.iceberg];
        if numbers.iter().flatten().any(|number| number.mantissa() <= 0) || self.trailing_delta == Some(0) {
            return Err(Unsupported::NotPositive);
        }
        if self.price.is_some() != self.kind.has_price() {
            return Err(Unsupported::Price);
        }
        if self.time_in_force.is_some() != self.kind.has_time_in_force() {
            return Err(Unsupported::TimeInForce);
        }
        if matches!(self.quantity, Quantity::Quote(_)) && self.kind != OrderKind::Market {
            return Err(Unsupported::QuoteQuantity);
        }
        if (self.stop_price.is_some() || self.trailing_delta.is_some()) != self.kind.is_conditional() {
            return Err(Unsupported::Trigger);
        }
        match self.iceberg {
            Some(shown) if !self.may_rest() || exceeds(shown, quantity) => Err(Unsupported::Iceberg),
            _ => Ok(()),
        }
    }

    fn may_rest(&self) -> bool {
        let rests = self.time_in_force.is_none_or(|tif| tif == TimeInForce::GoodTilCancelled);
        self.kind.has_price() && rests
    }
}

fn exceeds(part: Fixed, whole: Fixed) -> bool {
    use crate::record::Fixed128;
    Fixed128::from(whole).checked_sub(part.into()).is_ok_and(|rest| rest.mantissa() < 0)
}

/// Which order a request means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderId<'a> {
    /// The venue's id.
    Venue(&'a str),
    /// The id we gave it.
    Client(&'a str),
}

/// Cancel only an order in this state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CancelRestriction {
    /// Not filled at all.
    OnlyNew,
    /// Filled in part.
    OnlyPartiallyFilled,
}

impl CancelRestriction {
    const fn name(self) -> &'static str {
        match self {
            CancelRestriction::OnlyNew => "ONLY_NEW",
            CancelRestriction::OnlyPartiallyFilled => "ONLY_PARTIALLY_FILLED",
        }
    }
}

/// A cancel of one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CancelOrder<'a> {
    /// The venue's name.
    pub symbol: &'a str,
    /// Which.
    pub id: OrderId<'a>,
    /// The id of the cancel, [`CancelId`]; the venue's choice if none.
    pub cancel_id: Option<&'a str>,
    /// Only if it stands so.
    pub restriction: Option<CancelRestriction>,
}

/// What a cancelReplace does if the cancel fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReplaceMode {
    /// No new order then.
    StopOnFailure,
    /// The new order all the same.
    AllowFailure,
}

/// A cancel and a new order in one request. Not atomic: either may fail alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplaceOrder<'a> {
    /// The order to cancel.
    pub cancel: OrderId<'a>,
    /// The id of the cancel, [`CancelId`]; the venue's choice if none.
    pub cancel_id: Option<&'a str>,
    /// Only if it stands so.
    pub restriction: Option<CancelRestriction>,
    /// What if that fails.
    pub mode: ReplaceMode,
    /// The new order.
    pub order: NewOrder<'a>,
}

/// A pair of orders of which one cancels the other: a limit-maker leg and a stop leg (Binance.US reference 3, OCO).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewOco<'a> {
    /// The venue's name.
    pub symbol: &'a str,
    /// Of both legs.
    pub side: Side,
    /// Of both legs, base asset.
    pub quantity: Fixed,
    /// Price of the limit-maker leg.
    pub price: Fixed,
    /// Trigger of the stop leg.
    pub stop_price: Fixed,
    /// Limit of the stop leg and how long it lives then; without it the stop leg is a market order.
    pub stop_limit: Option<(Fixed, TimeInForce)>,
    /// Distance at which the stop leg follows, in hundredths of a percent.
    pub trailing_delta: Option<u32>,
    /// Shown part of the limit leg.
    pub limit_iceberg: Option<Fixed>,
    /// Shown part of the stop leg.
    pub stop_iceberg: Option<Fixed>,
    /// Our id of the list.
    pub list_client_order_id: &'a str,
    /// Our id of the limit leg.
    pub limit_client_order_id: &'a str,
    /// Our id of the stop leg.
    pub stop_client_order_id: &'a str,
    /// `None`: the symbol's default.
    pub self_trade: Option<SelfTradePrevention>,
    /// What to answer.
    pub detail: ResponseDetail,
}

impl<'a> NewOco<'a> {
    /// Its limit leg and its stop leg, each as the order it is at the venue.
    pub(super) fn legs(&self) -> [NewOrder<'a>; 2] {
        let limit = NewOrder {
            symbol: self.symbol,
            side: self.side,
            kind: OrderKind::LimitMaker,
            time_in_force: None,
            quantity: Quantity::Base(self.quantity),
            price: Some(self.price),
            stop_price: None,
            trailing_delta: None,
            iceberg: self.limit_iceberg,
            client_order_id: self.limit_client_order_id,
            self_trade: self.self_trade,
            detail: self.detail,
        };
        let stop = NewOrder {
            kind: if self.stop_limit.is_some() { OrderKind::StopLossLimit } else { OrderKind::StopLoss },
            time_in_force: self.stop_limit.map(|(_, tif)| tif),
            price: self.stop_limit.map(|(price, _)| price),
            stop_price: Some(self.stop_price),
            trailing_delta: self.trailing_delta,
            iceberg: self.stop_iceberg,
            client_order_id: self.stop_client_order_id,
            ..limit
        };
        [limit, stop]
    }

    /// Whether the venue has a form for it: a sell's limit is above its stop, a buy's below.
    ///
    /// # Errors
    /// [`Unsupported`].
    pub fn check(&self) -> Result<(), Unsupported> {
        let limit = self.stop_limit.map(|(price, _)| price);
        let numbers = [
            Some(self.quantity),
            Some(self.price),
            Some(self.stop_price),
            limit,
            self.limit_iceberg,
            self.stop_iceberg,
        ];
        if numbers.iter().flatten().any(|number| number.mantissa() <= 0) || self.trailing_delta == Some(0) {
            return Err(Unsupported::NotPositive);
        }
        let (high, low) = match self.side {
            Side::Sell => (self.price, self.stop_price),
            Side::Buy => (self.stop_price, self.price),
        };
        if high == low || exceeds(low, high) {
            return Err(Unsupported::Trigger);
        }
        let rests = self.stop_limit.is_some_and(|(_, tif)| tif == TimeInForce::GoodTilCancelled);
        let shown_too_much =
            [self.limit_iceberg, self.stop_iceberg].iter().flatten().any(|s| exceeds(*s, self.quantity));
        if shown_too_much || (self.stop_iceberg.is_some() && !rests) {
            return Err(Unsupported::Iceberg);
        }
        Ok(())
    }
}

/// A venue's word for a time in force.
pub(super) const fn time_in_force(tif: TimeInForce) -> &'static str {
    match tif {
        TimeInForce::GoodTilCancelled => "GTC",
        TimeInForce::ImmediateOrCancel => "IOC",
        TimeInForce::FillOrKill => "FOK",
    }
}

const fn side_name(side: Side) -> &'static str {
    match side {
        Side::Buy => "BUY",
        Side::Sell => "SELL",
    }
}
