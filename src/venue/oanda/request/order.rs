//! Orders as the venue has them: every kind, every option, in exact decimals (OANDA reference 4).
//!
//! Owns the vocabulary and its JSON. The types rule out what the wire has no place for (an exit with both a price and a
//! distance); values that contradict each other or the instrument are found by [`check`](super::check::check).

use super::{Object, OrderSpecifier, TradeSpecifier};
use crate::record::{Fixed, UnixNanos};

/// How long an order lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Expiry {
    /// Until cancelled: `GTC`.
    #[default]
    GoodTilCancelled,
    /// Until a moment: `GTD`.
    GoodTilDate(UnixNanos),
    /// Until 17:00 New York: `GFD`.
    GoodForDay,
    /// All now or nothing: `FOK`.
    FillOrKill,
    /// What can be filled now: `IOC`.
    ImmediateOrCancel,
}

impl Expiry {
    /// Whether it can rest.
    pub const fn rests(self) -> bool {
        !matches!(self, Expiry::FillOrKill | Expiry::ImmediateOrCancel)
    }

    pub(super) fn put(self, object: &mut Object<'_>) {
        let name = match self {
            Expiry::GoodTilCancelled => "GTC",
            Expiry::GoodTilDate(_) => "GTD",
            Expiry::GoodForDay => "GFD",
            Expiry::FillOrKill => "FOK",
            Expiry::ImmediateOrCancel => "IOC",
        };
        object.text("timeInForce", name);
        if let Expiry::GoodTilDate(time) = self {
            object.time("gtdTime", time);
        }
    }
}

/// What an order may do to the position it meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PositionFill {
    /// Reduce first on netting accounts, open only on hedging ones.
    #[default]
    Default,
    /// Opens a new trade.
    OpenOnly,
    /// Reduces the position, then opens.
    ReduceFirst,
    /// Only reduces.
    ReduceOnly,
}

/// Which price sets a resting order off; it always fills at the default one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TriggerPrice {
    /// The ask of a buy, the bid of a sell.
    #[default]
    Default,
    /// The other one.
    Inverse,
    /// The bid.
    Bid,
    /// The ask.
    Ask,
    /// Half-way between.
    Mid,
}

impl TriggerPrice {
    fn put(self, object: &mut Object<'_>) {
        let name = match self {
            TriggerPrice::Default => return,
            TriggerPrice::Inverse => "INVERSE",
            TriggerPrice::Bid => "BID",
            TriggerPrice::Ask => "ASK",
            TriggerPrice::Mid => "MID",
        };
        object.text("triggerCondition", name);
    }
}

/// The client's own names for an order or a trade; each at most 128 characters. Not to be set on MT4 accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Labels<'a> {
    /// Unique among pending orders, and nothing more: no protection against sending an order twice.
    pub id: Option<&'a str>,
    /// A tag.
    pub tag: Option<&'a str>,
    /// A comment.
    pub comment: Option<&'a str>,
}

impl<'a> Labels<'a> {
    /// Only an id.
    pub const fn id(id: &'a str) -> Labels<'a> {
        Labels { id: Some(id), tag: None, comment: None }
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.id.is_none() && self.tag.is_none() && self.comment.is_none()
    }
}

/// Where an exit is, as fields of its object.
pub(super) trait Level {
    fn each(&self, fields: impl FnMut(&'static str, Fixed));
}

/// A price at which profit is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TakeProfitAt(pub Fixed);

/// A distance in price from the best price reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ByDistance(pub Fixed);

/// Where a stop is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopLevel {
    /// At a price.
    Price(Fixed),
    /// At a distance in price from where its trade opened.
    Distance(Fixed),
}

impl Level for TakeProfitAt {
    fn each(&self, mut fields: impl FnMut(&'static str, Fixed)) {
        fields("price", self.0);
    }
}

impl Level for ByDistance {
    fn each(&self, mut fields: impl FnMut(&'static str, Fixed)) {
        fields("distance", self.0);
    }
}

impl Level for StopLevel {
    fn each(&self, mut fields: impl FnMut(&'static str, Fixed)) {
        match self {
            StopLevel::Price(price) => fields("price", *price),
            StopLevel::Distance(distance) => fields("distance", *distance),
        }
    }
}

/// One exit: placed when an order fills, or attached to a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exit<'a, L> {
    /// Where it is.
    pub level: L,
    /// How long it lives; an exit always rests.
    pub expiry: Expiry,
    /// Its own names.
    pub labels: Labels<'a>,
}

impl<L> Exit<'_, L> {
    /// Until cancelled, without names.
    pub const fn at(level: L) -> Self {
        Exit { level, expiry: Expiry::GoodTilCancelled, labels: Labels { id: None, tag: None, comment: None } }
    }
}

/// The exits the venue places by itself once an order fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OnFill<'a> {
    /// Takes the profit.
    pub take_profit: Option<Exit<'a, TakeProfitAt>>,
    /// Stops the loss.
    pub stop_loss: Option<Exit<'a, StopLevel>>,
    /// Stops the loss at exactly this price, for a premium.
    pub guaranteed_stop: Option<Exit<'a, StopLevel>>,
    /// Stops the loss from the best price on.
    pub trailing_stop: Option<Exit<'a, ByDistance>>,
}

impl OnFill<'_> {
    fn put(&self, object: &mut Object<'_>) {
        if let Some(exit) = &self.take_profit {
            object.exit("takeProfitOnFill", exit);
        }
        if let Some(exit) = &self.stop_loss {
            object.exit("stopLossOnFill", exit);
        }
        if let Some(exit) = &self.guaranteed_stop {
            object.exit("guaranteedStopLossOnFill", exit);
        }
        if let Some(exit) = &self.trailing_stop {
            object.exit("trailingStopLossOnFill", exit);
        }
    }
}

/// The kinds of order that can open a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// At once.
    Market {
        /// The worst price taken.
        price_bound: Option<Fixed>,
    },
    /// At this price or better.
    Limit {
        /// The price.
        price: Fixed,
    },
    /// A market order once the price got this bad.
    Stop {
        /// The price that sets it off.
        price: Fixed,
        /// The worst price taken.
        price_bound: Option<Fixed>,
    },
    /// A market order once the price is reached from either side.
    MarketIfTouched {
        /// The price that sets it off.
        price: Fixed,
        /// The worst price taken.
        price_bound: Option<Fixed>,
    },
}

/// An order that can open a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryOrder<'a> {
    /// What to trade.
    pub instrument: &'a str,
    /// How much: positive buys, negative sells.
    pub units: Fixed,
    /// What kind.
    pub kind: EntryKind,
    /// How long it lives: market orders at once only.
    pub expiry: Expiry,
    /// What it may do to the position.
    pub position_fill: PositionFill,
    /// Which price sets it off; unused on market orders.
    pub trigger: TriggerPrice,
    /// Its own names.
    pub labels: Labels<'a>,
    /// Names of the trade it opens.
    pub trade_labels: Labels<'a>,
    /// Exits placed when it fills.
    pub on_fill: OnFill<'a>,
}

impl<'a> EntryOrder<'a> {
    /// An order without options: all now or nothing if it is a market order, else until it is cancelled.
    pub fn new(instrument: &'a str, units: Fixed, kind: EntryKind) -> EntryOrder<'a> {
        let expiry = match kind {
            EntryKind::Market { .. } => Expiry::FillOrKill,
            _ => Expiry::GoodTilCancelled,
        };
        EntryOrder {
            instrument,
            units,
            kind,
            expiry,
            position_fill: PositionFill::Default,
            trigger: TriggerPrice::Default,
            labels: Labels::default(),
            trade_labels: Labels::default(),
            on_fill: OnFill::default(),
        }
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        let (name, price, price_bound) = match self.kind {
            EntryKind::Market { price_bound } => ("MARKET", None, price_bound),
            EntryKind::Limit { price } => ("LIMIT", Some(price), None),
            EntryKind::Stop { price, price_bound } => ("STOP", Some(price), price_bound),
            EntryKind::MarketIfTouched { price, price_bound } => ("MARKET_IF_TOUCHED", Some(price), price_bound),
        };
        object.text("type", name);
        object.text("instrument", self.instrument);
        object.decimal("units", self.units);
        if let Some(price) = price {
            object.decimal("price", price);
        }
        if let Some(bound) = price_bound {
            object.decimal("priceBound", bound);
        }
        self.expiry.put(&mut object);
        let fill = match self.position_fill {
            PositionFill::Default => "DEFAULT",
            PositionFill::OpenOnly => "OPEN_ONLY",
            PositionFill::ReduceFirst => "REDUCE_FIRST",
            PositionFill::ReduceOnly => "REDUCE_ONLY",
        };
        object.text("positionFill", fill);
        if price.is_some() {
            self.trigger.put(&mut object);
        }
        object.labels("clientExtensions", &self.labels);
        self.on_fill.put(&mut object);
        object.labels("tradeClientExtensions", &self.trade_labels);
        object.end();
    }
}

/// The kinds of order that close a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitKind {
    /// Takes the profit.
    TakeProfit(TakeProfitAt),
    /// Stops the loss.
    StopLoss(StopLevel),
    /// Stops the loss at exactly this price, for a premium.
    GuaranteedStopLoss(StopLevel),
    /// Stops the loss from the best price on.
    TrailingStopLoss(ByDistance),
}

/// An order that closes a trade; its units are the trade's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExitOrder<'a> {
    /// Which trade.
    pub trade: TradeSpecifier<'a>,
    /// What kind.
    pub kind: ExitKind,
    /// How long it lives; an exit always rests.
    pub expiry: Expiry,
    /// Which price sets it off.
    pub trigger: TriggerPrice,
    /// Its own names.
    pub labels: Labels<'a>,
}

impl ExitOrder<'_> {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.text(
            "type",
            match self.kind {
                ExitKind::TakeProfit(_) => "TAKE_PROFIT",
                ExitKind::StopLoss(_) => "STOP_LOSS",
                ExitKind::GuaranteedStopLoss(_) => "GUARANTEED_STOP_LOSS",
                ExitKind::TrailingStopLoss(_) => "TRAILING_STOP_LOSS",
            },
        );
        match self.trade {
            OrderSpecifier::Id(id) => object.text("tradeID", id),
            OrderSpecifier::Client(id) => object.text("clientTradeID", id),
        }
        match &self.kind {
            ExitKind::TakeProfit(level) => object.level(level),
            ExitKind::StopLoss(level) | ExitKind::GuaranteedStopLoss(level) => object.level(level),
            ExitKind::TrailingStopLoss(level) => object.level(level),
        }
        self.expiry.put(&mut object);
        self.trigger.put(&mut object);
        object.labels("clientExtensions", &self.labels);
        object.end();
    }
}

/// How much of a trade, or of one side of a position, to close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseUnits {
    /// All of it; an error where there is nothing (OANDA reference 5).
    All,
    /// Nothing of it.
    None,
    /// So much; positive on either side.
    Units(Fixed),
}

impl CloseUnits {
    pub(super) fn put(self, object: &mut Object<'_>, key: &str) {
        match self {
            CloseUnits::All => object.text(key, "ALL"),
            CloseUnits::None => object.text(key, "NONE"),
            CloseUnits::Units(units) => object.decimal(key, units),
        }
    }
}
