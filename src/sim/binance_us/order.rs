//! An order: what was asked, how it stands, and how the venue shows it (Binance.US reference 3).
//!
//! Knows its own arithmetic and its JSON; what may happen to it next is the exchange's business.

use super::product::{fixed, Symbol, ASSET_PRECISION};
use crate::sim::market::Side;
use crate::sim::{Json, MILLISECOND_NS};
use rust_decimal::Decimal;

/// `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Limit,
    LimitMaker,
    Market,
    StopLoss,
    StopLossLimit,
    TakeProfit,
    TakeProfitLimit,
}

impl Type {
    const ALL: [Self; 7] = [
        Self::Limit,
        Self::LimitMaker,
        Self::Market,
        Self::StopLoss,
        Self::StopLossLimit,
        Self::TakeProfit,
        Self::TakeProfitLimit,
    ];

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Limit => "LIMIT",
            Self::LimitMaker => "LIMIT_MAKER",
            Self::Market => "MARKET",
            Self::StopLoss => "STOP_LOSS",
            Self::StopLossLimit => "STOP_LOSS_LIMIT",
            Self::TakeProfit => "TAKE_PROFIT",
            Self::TakeProfitLimit => "TAKE_PROFIT_LIMIT",
        }
    }

    /// Whether it has a price of its own.
    pub(crate) fn has_price(self) -> bool {
        matches!(self, Self::Limit | Self::LimitMaker | Self::StopLossLimit | Self::TakeProfitLimit)
    }

    /// Whether it waits for a trigger first.
    pub(crate) fn is_triggered(self) -> bool {
        matches!(self, Self::StopLoss | Self::StopLossLimit | Self::TakeProfit | Self::TakeProfitLimit)
    }

    /// Whether the trigger lies above the market (reference 3: STOP_LOSS BUY and TAKE_PROFIT SELL).
    pub(crate) fn triggers_above(self, side: Side) -> bool {
        let stop = matches!(self, Self::StopLoss | Self::StopLossLimit);
        stop == (side == Side::Buy)
    }
}

/// `timeInForce`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tif {
    Gtc,
    Ioc,
    Fok,
}

impl Tif {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Gtc, Self::Ioc, Self::Fok].into_iter().find(|tif| tif.as_str() == text)
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Gtc => "GTC",
            Self::Ioc => "IOC",
            Self::Fok => "FOK",
        }
    }
}

/// `selfTradePreventionMode`: the taker's decides. There is no NONE (recorded exchangeInfo after the upgrade).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stp {
    ExpireTaker,
    ExpireMaker,
    ExpireBoth,
    Decrement,
    /// Between accounts of one group; with one account it acts as DECREMENT.
    Transfer,
}

impl Stp {
    const ALL: [Self; 5] = [Self::ExpireTaker, Self::ExpireMaker, Self::ExpireBoth, Self::Decrement, Self::Transfer];

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text)
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::ExpireTaker => "EXPIRE_TAKER",
            Self::ExpireMaker => "EXPIRE_MAKER",
            Self::ExpireBoth => "EXPIRE_BOTH",
            Self::Decrement => "DECREMENT",
            Self::Transfer => "TRANSFER",
        }
    }
}

/// `newOrderRespType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resp {
    Ack,
    Result,
    Full,
}

/// An order as it was asked for; 0 stands for "not given" in the numbers.
#[derive(Clone, Debug)]
pub(crate) struct NewOrder {
    pub(crate) client_id: String,
    pub(crate) symbol: usize,
    pub(crate) side: Side,
    pub(crate) kind: Type,
    pub(crate) tif: Tif,
    pub(crate) lots: i64,
    /// `quoteOrderQty`.
    pub(crate) quote: Decimal,
    pub(crate) ticks: i64,
    pub(crate) stop: i64,
    /// `trailingDelta`, hundredths of a percent.
    pub(crate) trailing: u32,
    /// `icebergQty`.
    pub(crate) iceberg: i64,
    pub(crate) stp: Stp,
    pub(crate) resp: Resp,
}

/// `status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    New,
    PartiallyFilled,
    Filled,
    Canceled,
    Rejected,
    Expired,
    ExpiredInMatch,
}

impl Status {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::New => "NEW",
            Self::PartiallyFilled => "PARTIALLY_FILLED",
            Self::Filled => "FILLED",
            Self::Canceled => "CANCELED",
            Self::Rejected => "REJECTED",
            Self::Expired => "EXPIRED",
            Self::ExpiredInMatch => "EXPIRED_IN_MATCH",
        }
    }

    pub(crate) fn is_terminal(self) -> bool {
        !matches!(self, Self::New | Self::PartiallyFilled)
    }
}

/// How an order stands.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    pub(crate) status: Status,
    /// The order's present client id: a cancel puts its own in place (reference 3).
    pub(crate) client_id: String,
    pub(crate) lots: i64,
    pub(crate) value: Decimal,
    /// What is locked for it.
    pub(crate) hold: Decimal,
    pub(crate) updated_ns: u64,
    /// When it came onto the book, `None` while it waits for its trigger.
    pub(crate) working_ns: Option<u64>,
    /// Taken away by self-trade prevention, and under which id last.
    pub(crate) prevented_lots: i64,
    pub(crate) prevented_id: Option<u64>,
    /// `expiryReason`.
    pub(crate) expiry: Option<&'static str>,
    /// `r` of a rejected order.
    pub(crate) reject_reason: &'static str,
    /// Of a trailing order: when it began to trail, and the price it trails from, in ticks.
    pub(crate) trailing_ns: Option<u64>,
    pub(crate) reference: i64,
}

/// An order and its history.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) id: u64,
    pub(crate) asked: NewOrder,
    /// The list it is in, by place.
    pub(crate) list: Option<usize>,
    pub(crate) created_ns: u64,
    pub(crate) now: Progress,
    /// Earlier states, oldest first.
    pub(crate) past: Vec<Progress>,
}

/// One execution of the client's order.
#[derive(Clone, Debug)]
pub(crate) struct Fill {
    /// The public trade's id: both sides of the wire know it.
    pub(crate) trade_id: u64,
    pub(crate) order: usize,
    pub(crate) ticks: i64,
    pub(crate) lots: i64,
    pub(crate) value: Decimal,
    pub(crate) fee: Decimal,
    pub(crate) fee_asset: String,
    pub(crate) maker: bool,
    pub(crate) at_ns: u64,
}

/// One match that self-trade prevention did not let happen.
#[derive(Clone, Debug)]
pub(crate) struct Prevented {
    pub(crate) id: u64,
    pub(crate) taker: usize,
    pub(crate) maker: usize,
    pub(crate) mode: Stp,
    pub(crate) ticks: i64,
    pub(crate) lots: i64,
    pub(crate) at_ns: u64,
}

impl Order {
    /// What may still be executed.
    pub(crate) fn left(&self) -> i64 {
        self.asked.lots - self.now.lots - self.now.prevented_lots
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.now.status.is_terminal()
    }

    /// Waits for its trigger.
    pub(crate) fn is_pending(&self) -> bool {
        self.is_open() && self.now.working_ns.is_none()
    }

    /// How it stood at a time, `None` if it did not exist yet.
    pub(crate) fn at(&self, at_ns: u64) -> Option<&Progress> {
        if self.now.updated_ns <= at_ns {
            return Some(&self.now);
        }
        self.past.iter().rev().find(|past| past.updated_ns <= at_ns)
    }

    /// The reply to a new order, in the form asked for (reference 3).
    pub(crate) fn write_new(&self, j: &mut Json, symbol: &Symbol, list_id: i64, fills: &[&Fill], prevented: &[String]) {
        let p = &self.now;
        j.str("symbol", &symbol.id)
            .raw("orderId", self.id)
            .raw("orderListId", list_id)
            .str("clientOrderId", &self.asked.client_id)
            .raw("transactTime", ms(p.updated_ns));
        if self.asked.resp == Resp::Ack {
            return;
        }
        self.write_body(j, symbol, p);
        self.write_conditional(j, symbol, p);
        j.raw("workingTime", p.working_ns.map_or(-1, |at| ms(at) as i64));
        if self.asked.resp == Resp::Full {
            j.arr("fills", |j| {
                for fill in fills {
                    j.item(|j| {
                        j.str("price", symbol.show_price(fill.ticks))
                            .str("qty", symbol.show_size(fill.lots))
                            .str("commission", fixed(fill.fee, ASSET_PRECISION))
                            .str("commissionAsset", &fill.fee_asset)
                            .raw("tradeId", fill.trade_id);
                    });
                }
            });
        }
        j.str("selfTradePreventionMode", self.asked.stp.as_str());
        self.write_prevented(j, symbol, p);
        if !prevented.is_empty() {
            j.arr("preventedMatches", |j| {
                for one in prevented {
                    j.item_raw(one);
                }
            });
        }
        if let Some(reason) = p.expiry {
            j.str("expiryReason", reason);
        }
    }

    /// The reply to a cancel.
    pub(crate) fn write_cancel(&self, j: &mut Json, symbol: &Symbol, list_id: i64) {
        let p = &self.now;
        j.str("symbol", &symbol.id)
            .str("origClientOrderId", &self.asked.client_id)
            .raw("orderId", self.id)
            .raw("orderListId", list_id)
            .str("clientOrderId", &p.client_id)
            .raw("transactTime", ms(p.updated_ns));
        self.write_body(j, symbol, p);
        self.write_conditional(j, symbol, p);
        j.str("selfTradePreventionMode", self.asked.stp.as_str());
        self.write_prevented(j, symbol, p);
    }

    /// A row of a listing, as it stood in `p`.
    pub(crate) fn write_row(&self, j: &mut Json, symbol: &Symbol, p: &Progress, list_id: i64) {
        j.str("symbol", &symbol.id)
            .raw("orderId", self.id)
            .raw("orderListId", list_id)
            .str("clientOrderId", &p.client_id);
        self.write_body(j, symbol, p);
        j.str("stopPrice", symbol.show_price(self.asked.stop)).str("icebergQty", symbol.show_size(self.asked.iceberg));
        self.write_trailing(j, p);
        j.raw("time", ms(self.created_ns))
            .raw("updateTime", ms(p.updated_ns))
            .raw("isWorking", p.working_ns.is_some())
            .str("origQuoteOrderQty", fixed(self.asked.quote, ASSET_PRECISION))
            .raw("workingTime", p.working_ns.map_or(-1, |at| ms(at) as i64))
            .str("selfTradePreventionMode", self.asked.stp.as_str());
        self.write_prevented(j, symbol, p);
        if let Some(reason) = p.expiry {
            j.str("expiryReason", reason);
        }
    }

    /// The members all forms have in the middle.
    fn write_body(&self, j: &mut Json, symbol: &Symbol, p: &Progress) {
        j.str("price", symbol.show_price(self.asked.ticks))
            .str("origQty", symbol.show_size(self.asked.lots))
            .str("executedQty", symbol.show_size(p.lots))
            .str("cummulativeQuoteQty", fixed(p.value, ASSET_PRECISION))
            .str("status", p.status.as_str())
            .str("timeInForce", self.asked.tif.as_str())
            .str("type", self.asked.kind.as_str())
            .str("side", self.asked.side.as_str());
    }

    fn write_conditional(&self, j: &mut Json, symbol: &Symbol, p: &Progress) {
        if self.asked.stop > 0 {
            j.str("stopPrice", symbol.show_price(self.asked.stop));
        }
        if self.asked.iceberg > 0 {
            j.str("icebergQty", symbol.show_size(self.asked.iceberg));
        }
        self.write_trailing(j, p);
    }

    fn write_trailing(&self, j: &mut Json, p: &Progress) {
        if self.asked.trailing > 0 {
            j.raw("trailingDelta", self.asked.trailing)
                .raw("trailingTime", p.trailing_ns.map_or(-1, |at| ms(at) as i64));
        }
    }

    fn write_prevented(&self, j: &mut Json, symbol: &Symbol, p: &Progress) {
        if let Some(id) = p.prevented_id {
            j.raw("preventedMatchId", id).str("preventedQuantity", symbol.show_size(p.prevented_lots));
        }
    }
}

/// UNIX milliseconds, as all of the venue's times are.
pub(crate) fn ms(unix_ns: u64) -> u64 {
    unix_ns / MILLISECOND_NS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_as_what_it_names() {
        assert!(Type::ALL.into_iter().all(|kind| Type::parse(kind.as_str()) == Some(kind)));
        assert!(Stp::ALL.into_iter().all(|mode| Stp::parse(mode.as_str()) == Some(mode)));
        assert!(["GTC", "IOC", "FOK"].into_iter().all(|tif| Tif::parse(tif).map(Tif::as_str) == Some(tif)));
        assert_eq!((Type::parse("limit"), Stp::parse("NONE"), Tif::parse("GTD")), (None, None, None));
    }

    #[test]
    fn stops_of_buyers_and_profits_of_sellers_trigger_above_the_market() {
        let above = |kind: Type| [Side::Buy, Side::Sell].map(|side| kind.triggers_above(side));
        assert_eq!(above(Type::StopLoss), [true, false]);
        assert_eq!(above(Type::StopLossLimit), [true, false]);
        assert_eq!(above(Type::TakeProfit), [false, true]);
        assert_eq!(above(Type::TakeProfitLimit), [false, true]);
    }
}
