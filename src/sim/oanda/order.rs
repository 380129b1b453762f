//! An order: what was asked, how it stands, and how both look in transactions and listings (OANDA reference 4).
//!
//! Decides nothing: creation, triggers and ends are [`super::exchange`]'s.

use super::market::Market;
use super::text::units;
use crate::sim::market::Side;
use crate::sim::stamp::rfc3339_full;
use crate::sim::Json;
use rust_decimal::Decimal;

/// `type` of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Market,
    Limit,
    Stop,
    MarketIfTouched,
    TakeProfit,
    StopLoss,
    GuaranteedStopLoss,
    TrailingStopLoss,
}

impl Kind {
    const NAMES: [(Self, &'static str); 8] = [
        (Self::Market, "MARKET"),
        (Self::Limit, "LIMIT"),
        (Self::Stop, "STOP"),
        (Self::MarketIfTouched, "MARKET_IF_TOUCHED"),
        (Self::TakeProfit, "TAKE_PROFIT"),
        (Self::StopLoss, "STOP_LOSS"),
        (Self::GuaranteedStopLoss, "GUARANTEED_STOP_LOSS"),
        (Self::TrailingStopLoss, "TRAILING_STOP_LOSS"),
    ];

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, name)| *name == text).map(|(kind, _)| *kind)
    }

    pub(crate) fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| *name)
    }

    /// Whether it opens, or closes by its instrument, rather than a certain trade.
    pub(crate) fn is_entry(self) -> bool {
        matches!(self, Self::Market | Self::Limit | Self::Stop | Self::MarketIfTouched)
    }

    /// Begin of reject reasons about it: `STOP_LOSS_ORDER_ALREADY_EXISTS`.
    pub(crate) fn order_name(self) -> String {
        format!("{}_ORDER", self.name())
    }
}

/// `timeInForce`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeInForce {
    Gtc,
    Gtd,
    Gfd,
    Fok,
    Ioc,
}

impl TimeInForce {
    const NAMES: [(Self, &'static str); 5] =
        [(Self::Gtc, "GTC"), (Self::Gtd, "GTD"), (Self::Gfd, "GFD"), (Self::Fok, "FOK"), (Self::Ioc, "IOC")];

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, name)| *name == text).map(|(tif, _)| *tif)
    }

    pub(crate) fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(tif, _)| *tif == self).map_or("", |(_, name)| *name)
    }

    /// Whether an order of it never rests.
    pub(crate) fn is_immediate(self) -> bool {
        matches!(self, Self::Fok | Self::Ioc)
    }
}

/// `clientExtensions`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extensions {
    pub(crate) id: Option<String>,
    pub(crate) tag: Option<String>,
    pub(crate) comment: Option<String>,
}

impl Extensions {
    pub(crate) fn is_empty(&self) -> bool {
        self.id.is_none() && self.tag.is_none() && self.comment.is_none()
    }

    /// Takes over what the other one says and keeps the rest.
    pub(crate) fn merge(&mut self, newer: &Self) {
        for (mine, theirs) in
            [(&mut self.id, &newer.id), (&mut self.tag, &newer.tag), (&mut self.comment, &newer.comment)]
        {
            if theirs.is_some() {
                mine.clone_from(theirs);
            }
        }
    }

    /// A member with what is set; nothing if nothing is.
    pub(crate) fn put(&self, j: &mut Json, name: &str) {
        if !self.is_empty() {
            j.obj(name, |j| {
                for (name, value) in [("id", &self.id), ("tag", &self.tag), ("comment", &self.comment)] {
                    if let Some(value) = value {
                        j.str(name, value);
                    }
                }
            });
        }
    }
}

/// An order that a fill, or a request, puts on a trade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exit {
    pub(crate) kind: Kind,
    pub(crate) price: Option<Decimal>,
    pub(crate) distance: Option<Decimal>,
    pub(crate) time_in_force: TimeInForce,
    pub(crate) gtd_ns: Option<u64>,
    pub(crate) extensions: Extensions,
}

/// Why the venue itself closes something with a market order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Closing {
    /// `tradeClose`.
    Trade { trade: u64, client: Option<String>, units: String },
    /// `longPositionCloseout` or `shortPositionCloseout`.
    Position { long: bool, units: String },
    /// `marginCloseout`.
    Margin { trade: u64 },
}

/// How it ended or stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Pending,
    Filled,
    Cancelled,
}

/// One order.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// Id of the transaction that created it.
    pub(crate) id: u64,
    pub(crate) kind: Kind,
    pub(crate) market: usize,
    /// Signed; of an exit the units that close its trade when it fills.
    pub(crate) units: Decimal,
    /// The units as the client wrote them, for a reject.
    pub(crate) units_text: String,
    pub(crate) price: Option<Decimal>,
    pub(crate) distance: Option<Decimal>,
    pub(crate) bound: Option<Decimal>,
    pub(crate) time_in_force: TimeInForce,
    pub(crate) gtd_ns: Option<u64>,
    pub(crate) position_fill: &'static str,
    pub(crate) trigger: &'static str,
    pub(crate) extensions: Extensions,
    pub(crate) trade_extensions: Extensions,
    pub(crate) on_fill: Vec<Exit>,
    /// Of an exit: its trade.
    pub(crate) trade: Option<u64>,
    pub(crate) client_trade: Option<String>,
    pub(crate) closing: Option<Closing>,
    pub(crate) reason: &'static str,
    pub(crate) created_ns: u64,
    pub(crate) state: State,
    /// Of a market-if-touched order: whether the market has to rise to it.
    pub(crate) from_below: bool,
    /// Of a trailing stop: where it stands.
    pub(crate) trailing: Option<Decimal>,
    pub(crate) replaces: Option<u64>,
    pub(crate) replaced_by: Option<u64>,
    /// The fill that made an exit.
    pub(crate) made_by_fill: Option<u64>,
    /// The cancel it follows, of a replacement.
    pub(crate) cancelling: Option<u64>,
    /// Filling transaction and its time.
    pub(crate) filled: Option<(u64, u64)>,
    /// Cancelling transaction and its time.
    pub(crate) cancelled: Option<(u64, u64)>,
    pub(crate) trade_opened: Option<u64>,
    pub(crate) trade_reduced: Option<u64>,
    pub(crate) trades_closed: Vec<u64>,
}

impl Order {
    /// An order that has only a kind and a market yet.
    pub(crate) fn new(kind: Kind, market: usize) -> Self {
        let time_in_force = if kind == Kind::Market { TimeInForce::Fok } else { TimeInForce::Gtc };
        Self {
            id: 0,
            kind,
            market,
            units: Decimal::ZERO,
            units_text: String::new(),
            price: None,
            distance: None,
            bound: None,
            time_in_force,
            gtd_ns: None,
            position_fill: "DEFAULT",
            trigger: "DEFAULT",
            extensions: Extensions::default(),
            trade_extensions: Extensions::default(),
            on_fill: Vec::new(),
            trade: None,
            client_trade: None,
            closing: None,
            reason: "CLIENT_ORDER",
            created_ns: 0,
            state: State::Pending,
            from_below: false,
            trailing: None,
            replaces: None,
            replaced_by: None,
            made_by_fill: None,
            cancelling: None,
            filled: None,
            cancelled: None,
            trade_opened: None,
            trade_reduced: None,
            trades_closed: Vec::new(),
        }
    }

    /// Which side it takes from the market.
    pub(crate) fn side(&self) -> Side {
        if self.units.is_sign_negative() {
            Side::Sell
        } else {
            Side::Buy
        }
    }

    /// `LIMIT_ORDER`, and with `_REJECT` its refusal.
    pub(crate) fn transaction_kind(&self) -> String {
        format!("{}_ORDER", self.kind.name())
    }

    /// `reason` of its fill.
    pub(crate) fn fill_reason(&self) -> &'static str {
        match (&self.closing, self.kind) {
            (Some(Closing::Trade { .. }), _) => "MARKET_ORDER_TRADE_CLOSE",
            (Some(Closing::Position { .. }), _) => "MARKET_ORDER_POSITION_CLOSEOUT",
            (Some(Closing::Margin { .. }), _) => "MARKET_ORDER_MARGIN_CLOSEOUT",
            (None, Kind::Market) => "MARKET_ORDER",
            (None, Kind::Limit) => "LIMIT_ORDER",
            (None, Kind::Stop) => "STOP_ORDER",
            (None, Kind::MarketIfTouched) => "MARKET_IF_TOUCHED_ORDER",
            (None, Kind::TakeProfit) => "TAKE_PROFIT_ORDER",
            (None, Kind::StopLoss) => "STOP_LOSS_ORDER",
            (None, Kind::GuaranteedStopLoss) => "GUARANTEED_STOP_LOSS_ORDER",
            (None, Kind::TrailingStopLoss) => "TRAILING_STOP_LOSS_ORDER",
        }
    }

    /// Members of its creating or refusing transaction after `type`.
    pub(crate) fn put_transaction(&self, j: &mut Json, market: &Market) {
        self.put_asked(j, market, "DEFAULT");
        match &self.closing {
            Some(Closing::Trade { trade, client, units }) => {
                j.obj("tradeClose", |j| {
                    j.str("units", units).str("tradeID", trade);
                    if let Some(client) = client {
                        j.str("clientTradeID", client);
                    }
                });
            }
            Some(Closing::Position { long, units }) => {
                let name = if *long { "longPositionCloseout" } else { "shortPositionCloseout" };
                j.obj(name, |j| {
                    j.str("instrument", &market.instrument.name).str("units", units);
                });
            }
            Some(Closing::Margin { .. }) => {
                j.obj("marginCloseout", |j| {
                    j.str("reason", "MARGIN_CHECK_VIOLATION");
                });
            }
            None => {}
        }
        j.str("reason", self.reason);
        for (name, id) in [
            ("orderFillTransactionID", self.made_by_fill),
            ("replacesOrderID", self.replaces),
            ("cancellingTransactionID", self.cancelling),
        ] {
            if let Some(id) = id {
                j.str(name, id);
            }
        }
        self.put_labels(j, market);
    }

    fn put_asked(&self, j: &mut Json, market: &Market, partial_fill: &str) {
        if self.kind.is_entry() {
            j.str("instrument", &market.instrument.name);
            if !self.units_text.is_empty() {
                j.str("units", &self.units_text);
            }
        }
        if let Some(trade) = self.trade.filter(|_| !self.kind.is_entry()) {
            j.str("tradeID", trade);
        }
        if let Some(client) = &self.client_trade {
            j.str("clientTradeID", client);
        }
        for (name, price) in [("price", self.price), ("distance", self.distance), ("priceBound", self.bound)] {
            if let Some(price) = price {
                j.str(name, shown(price, market));
            }
        }
        j.str("timeInForce", self.time_in_force.name());
        if let Some(at_ns) = self.gtd_ns.filter(|_| self.time_in_force == TimeInForce::Gtd) {
            j.str("gtdTime", rfc3339_full(at_ns));
        }
        if self.kind != Kind::Market {
            j.str("triggerCondition", self.trigger);
        }
        if self.kind.is_entry() {
            if self.kind != Kind::Market {
                j.str("partialFill", partial_fill);
            }
            j.str("positionFill", self.position_fill);
        }
        if matches!(self.kind, Kind::StopLoss | Kind::TrailingStopLoss) {
            j.str("triggerMode", "TOP_OF_BOOK");
        }
    }

    fn put_labels(&self, j: &mut Json, market: &Market) {
        self.extensions.put(j, "clientExtensions");
        for exit in &self.on_fill {
            let name = match exit.kind {
                Kind::TakeProfit => "takeProfitOnFill",
                Kind::GuaranteedStopLoss => "guaranteedStopLossOnFill",
                Kind::TrailingStopLoss => "trailingStopLossOnFill",
                _ => "stopLossOnFill",
            };
            j.obj(name, |j| {
                for (name, price) in [("price", exit.price), ("distance", exit.distance)] {
                    if let Some(price) = price {
                        j.str(name, shown(price, market));
                    }
                }
                j.str("timeInForce", exit.time_in_force.name());
                if let Some(at_ns) = exit.gtd_ns {
                    j.str("gtdTime", rfc3339_full(at_ns));
                }
                exit.extensions.put(j, "clientExtensions");
            });
        }
        self.trade_extensions.put(j, "tradeClientExtensions");
    }

    /// Members of the order as listings show it.
    pub(crate) fn put(&self, j: &mut Json, market: &Market) {
        j.str("id", self.id).str("createTime", rfc3339_full(self.created_ns)).str("type", self.kind.name());
        self.put_asked(j, market, "DEFAULT_FILL");
        if let Some(value) = self.trailing {
            j.str("trailingStopValue", market.price(value));
        }
        let state = match self.state {
            State::Pending => "PENDING",
            State::Filled => "FILLED",
            State::Cancelled => "CANCELLED",
        };
        j.str("state", state);
        if let Some((id, at_ns)) = self.filled {
            j.str("fillingTransactionID", id).str("filledTime", rfc3339_full(at_ns));
        }
        for (name, id) in [("tradeOpenedID", self.trade_opened), ("tradeReducedID", self.trade_reduced)] {
            if let Some(id) = id {
                j.str(name, id);
            }
        }
        if !self.trades_closed.is_empty() {
            j.arr("tradeClosedIDs", |j| {
                self.trades_closed.iter().for_each(|id| {
                    j.item_str(id);
                });
            });
        }
        if let Some((id, at_ns)) = self.cancelled {
            j.str("cancellingTransactionID", id).str("cancelledTime", rfc3339_full(at_ns));
        }
        for (name, id) in [("replacesOrderID", self.replaces), ("replacedByOrderID", self.replaced_by)] {
            if let Some(id) = id {
                j.str(name, id);
            }
        }
        self.put_labels(j, market);
    }

    /// `state` of a query.
    pub(crate) fn is_in(&self, state: &str) -> bool {
        match state {
            "ALL" => true,
            "PENDING" => self.state == State::Pending,
            "FILLED" => self.state == State::Filled,
            "CANCELLED" => self.state == State::Cancelled,
            _ => false,
        }
    }
}

/// The venue pads prices to the instrument's decimals; one with more, in a reject, is shown as it came.
fn shown(price: Decimal, market: &Market) -> String {
    if price.normalize().scale() > market.instrument.display_precision {
        units(price)
    } else {
        market.price(price)
    }
}

#[cfg(test)]
mod tests {
    use super::super::instrument::usual_instruments;
    use super::*;

    #[test]
    fn an_order_shows_what_its_kind_has_and_its_prices_padded() {
        let market = Market::new(usual_instruments().remove(0), 1, 0);
        let mut order = Order::new(Kind::Limit, 0);
        (order.id, order.units, order.units_text) = (7, Decimal::ONE, "1".to_owned());
        order.price = Some("0.6".parse().unwrap());
        order.extensions.id = Some("mine".to_owned());
        let text = Json::compact().object(|j| order.put(j, &market));
        assert_eq!(
            text,
            r#"{"id":"7","createTime":"1970-01-01T00:00:00.000000000Z","type":"LIMIT","instrument":"EUR_USD","units":"1","price":"0.60000","timeInForce":"GTC","triggerCondition":"DEFAULT","partialFill":"DEFAULT_FILL","positionFill":"DEFAULT","state":"PENDING","clientExtensions":{"id":"mine"}}"#
        );
        order.price = Some("0.6000001".parse().unwrap());
        assert!(Json::compact().object(|j| order.put_transaction(j, &market)).contains(r#""price":"0.6000001""#));
    }

    #[test]
    fn names_of_kinds_and_times_in_force_read_back() {
        assert!(Kind::NAMES.iter().all(|(kind, name)| Kind::parse(name) == Some(*kind) && kind.name() == *name));
        assert!(["GTC", "GTD", "GFD", "FOK", "IOC"]
            .iter()
            .all(|n| TimeInForce::parse(n).is_some_and(|t| t.name() == *n)));
        assert_eq!((Kind::parse("X"), TimeInForce::parse("DAY")), (None, None));
    }
}
