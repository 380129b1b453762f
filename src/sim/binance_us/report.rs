//! The events of the user stream, as text (Binance.US reference 7). Keys in the recorded order; keys that differ only by
//! case mean different things.

use super::order::{ms, Fill, Order};
use super::product::{fixed, Symbol, ASSET_PRECISION};
use crate::sim::market::Account;
use crate::sim::Json;
use rust_decimal::Decimal;

/// `x`: what just happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Execution {
    New,
    Canceled,
    Rejected,
    Trade,
    Expired,
    TradePrevention,
}

impl Execution {
    fn as_str(self) -> &'static str {
        match self {
            Self::New => "NEW",
            Self::Canceled => "CANCELED",
            Self::Rejected => "REJECTED",
            Self::Trade => "TRADE",
            Self::Expired => "EXPIRED",
            Self::TradePrevention => "TRADE_PREVENTION",
        }
    }
}

/// What self-trade prevention took from an order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PreventedPart {
    pub(crate) id: u64,
    pub(crate) counter_order: u64,
    pub(crate) ticks: i64,
    pub(crate) lots: i64,
}

/// What an execution report says besides the order itself.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Detail<'a> {
    pub(crate) fill: Option<&'a Fill>,
    pub(crate) prevented: Option<PreventedPart>,
    /// `I`.
    pub(crate) execution_id: u64,
    /// `g`.
    pub(crate) list_id: i64,
}

/// `executionReport`.
pub(crate) fn execution(at_ns: u64, order: &Order, symbol: &Symbol, what: Execution, detail: Detail<'_>) -> String {
    let (asked, p) = (&order.asked, &order.now);
    let cancelled = what == Execution::Canceled;
    let fill = detail.fill;
    let last = |f: fn(&Fill) -> i64| fill.map_or(0, f);
    Json::compact().object(|j| {
        j.str("e", "executionReport")
            .raw("E", ms(at_ns))
            .str("s", &symbol.id)
            .str("c", if cancelled { &p.client_id } else { &asked.client_id })
            .str("S", asked.side.as_str())
            .str("o", asked.kind.as_str())
            .str("f", asked.tif.as_str())
            .str("q", symbol.show_size(asked.lots))
            .str("p", symbol.show_price(asked.ticks))
            .str("P", symbol.show_price(asked.stop));
        if asked.trailing > 0 {
            j.raw("d", asked.trailing);
        }
        j.str("F", symbol.show_size(asked.iceberg))
            .raw("g", detail.list_id)
            .str("C", if cancelled { asked.client_id.as_str() } else { "" })
            .str("x", what.as_str())
            .str("X", p.status.as_str())
            .str("r", p.reject_reason)
            .raw("i", order.id)
            .str("l", symbol.show_size(last(|f| f.lots)))
            .str("z", symbol.show_size(p.lots))
            .str("L", symbol.show_price(last(|f| f.ticks)))
            .str("n", fill.map_or("0".to_owned(), |f| fixed(f.fee, ASSET_PRECISION)));
        match fill {
            Some(f) => j.str("N", &f.fee_asset),
            None => j.raw("N", "null"),
        };
        j.raw("T", ms(p.updated_ns)).raw("t", fill.map_or(-1, |f| f.trade_id as i64));
        if let Some(part) = detail.prevented {
            j.raw("v", part.id);
        }
        j.raw("I", detail.execution_id)
            .raw("w", p.working_ns.is_some() && order.is_open())
            .raw("m", fill.is_some_and(|f| f.maker))
            .raw("M", fill.is_some())
            .raw("O", ms(order.created_ns))
            .str("Z", fixed(p.value, ASSET_PRECISION))
            .str("Y", fixed(fill.map_or(Decimal::ZERO, |f| f.value), ASSET_PRECISION))
            .str("Q", fixed(asked.quote, ASSET_PRECISION));
        if let Some(at) = p.trailing_ns {
            j.raw("D", ms(at));
        }
        if let Some(at) = p.working_ns {
            j.raw("W", ms(at));
        }
        j.str("V", asked.stp.as_str());
        if let Some(part) = detail.prevented {
            // One account makes one trade group.
            j.str("A", symbol.show_size(p.prevented_lots))
                .str("B", symbol.show_size(part.lots))
                .raw("u", 1)
                .raw("U", part.counter_order)
                .str("pl", symbol.show_size(part.lots))
                .str("pL", symbol.show_price(part.ticks))
                .str("pY", fixed(symbol.value(part.ticks, part.lots), ASSET_PRECISION));
        }
        if let Some(reason) = p.expiry {
            j.str("eR", reason);
        }
    })
}

/// `outboundAccountPosition`: the assets possibly changed, with their absolute values.
pub(crate) fn account_position(at_ns: u64, accounts: &[Account]) -> String {
    Json::compact().object(|j| {
        j.str("e", "outboundAccountPosition").raw("E", ms(at_ns)).raw("u", ms(at_ns)).arr("B", |j| {
            for account in accounts {
                j.item(|j| {
                    j.str("a", &account.asset)
                        .str("f", fixed(account.free, ASSET_PRECISION))
                        .str("l", fixed(account.locked, ASSET_PRECISION));
                });
            }
        });
    })
}

/// `balanceUpdate`: a deposit, a withdrawal or a transfer.
pub(crate) fn balance_update(at_ns: u64, asset: &str, delta: Decimal) -> String {
    Json::compact().object(|j| {
        j.str("e", "balanceUpdate")
            .raw("E", ms(at_ns))
            .str("a", asset)
            .str("d", fixed(delta, ASSET_PRECISION))
            .raw("T", ms(at_ns));
    })
}

/// An event that has nothing but its name and time.
pub(crate) fn bare(at_ns: u64, name: &str) -> String {
    Json::compact().object(|j| {
        j.str("e", name).raw("E", ms(at_ns));
    })
}

/// The end of a listen key (Binance.US reference 7).
pub(crate) fn listen_key_expired(at_ns: u64, key: &str) -> String {
    Json::compact().object(|j| {
        j.str("e", "listenKeyExpired").raw("E", ms(at_ns)).str("listenKey", key);
    })
}
