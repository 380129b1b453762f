//! What market streams carry, one text per event, without the envelope (Binance.US reference 6). Keys in wire order.

use super::kline::{Bar, Interval};
use super::order::ms;
use super::product::{fixed, Market, Symbol, ASSET_PRECISION};
use crate::sim::market::{Side, Trade};
use crate::sim::Json;
use rust_decimal::Decimal;

/// Where the book update ids of the venue were when last seen, so that nothing takes them for u32.
const UPDATE_ID_FIRST: u64 = 4_602_199_766;

/// The id of a book's last change: depth, bookTicker and snapshots share it (reference 6).
pub(crate) fn update_id(market: &Market) -> u64 {
    UPDATE_ID_FIRST + market.book.changes()
}

/// `@trade`. The order ids `b` and `a` are gone since the upgrade.
pub(crate) fn trade(now_ns: u64, symbol: &Symbol, trade: &Trade) -> String {
    Json::compact().object(|j| {
        j.str("e", "trade")
            .raw("E", ms(now_ns))
            .str("s", &symbol.id)
            .raw("t", trade.id)
            .str("p", symbol.show_price(trade.ticks))
            .str("q", symbol.show_size(trade.lots))
            .raw("T", ms(trade.at_ns))
            .raw("m", trade.maker_side == Side::Buy)
            .raw("M", true);
    })
}

/// Trades of one taker at one price, as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Aggregate {
    pub(crate) id: u64,
    pub(crate) lots: i64,
    pub(crate) first: Trade,
    pub(crate) last_id: u64,
}

/// Groups trades, oldest first. An aggregate's id is that of its first trade: increasing, and the same from every window.
pub(crate) fn aggregates<'a>(trades: impl Iterator<Item = &'a Trade>) -> Vec<Aggregate> {
    let mut all: Vec<Aggregate> = Vec::new();
    for trade in trades {
        match all.last_mut().filter(|a| (a.first.taker, a.first.ticks) == (trade.taker, trade.ticks)) {
            Some(one) => {
                one.lots += trade.lots;
                one.last_id = trade.id;
            }
            None => all.push(Aggregate { id: trade.id, lots: trade.lots, first: *trade, last_id: trade.id }),
        }
    }
    all
}

/// The members of an aggregate trade that stream and REST share.
pub(crate) fn write_aggregate(j: &mut Json, symbol: &Symbol, one: &Aggregate) {
    j.raw("a", one.id)
        .str("p", symbol.show_price(one.first.ticks))
        .str("q", symbol.show_size(one.lots))
        .raw("f", one.first.id)
        .raw("l", one.last_id)
        .raw("T", ms(one.first.at_ns))
        .raw("m", one.first.maker_side == Side::Buy)
        .raw("M", true);
}

/// `@aggTrade`.
pub(crate) fn aggregate(now_ns: u64, symbol: &Symbol, one: &Aggregate) -> String {
    Json::compact().object(|j| {
        j.str("e", "aggTrade").raw("E", ms(now_ns)).str("s", &symbol.id);
        write_aggregate(j, symbol, one);
    })
}

/// Best prices and quantities, (ticks, lots); zeros for an empty side.
pub(crate) fn best(market: &Market) -> [(i64, i64); 2] {
    [Side::Buy, Side::Sell].map(|side| market.book.levels(side).next().unwrap_or((0, 0)))
}

/// `@bookTicker`: no event name and no time.
pub(crate) fn book_ticker(market: &Market) -> String {
    let (symbol, [bid, ask]) = (&market.product, best(market));
    Json::compact().object(|j| {
        j.raw("u", update_id(market))
            .str("s", &symbol.id)
            .str("b", symbol.show_price(bid.0))
            .str("B", symbol.show_size(bid.1))
            .str("a", symbol.show_price(ask.0))
            .str("A", symbol.show_size(ask.1));
    })
}

/// `@depth`: the levels changed between two update ids, absolute, 0 for one that is gone.
pub(crate) fn depth_update(now_ns: u64, symbol: &Symbol, ids: (u64, u64), levels: &[(Side, i64, i64)]) -> String {
    let of = |side: Side| levels.iter().filter(move |(s, _, _)| *s == side).map(|(_, ticks, lots)| (*ticks, *lots));
    Json::compact().object(|j| {
        j.str("e", "depthUpdate")
            .raw("E", ms(now_ns))
            .str("s", &symbol.id)
            .raw("U", ids.0)
            .raw("u", ids.1)
            .arr("b", |j| write_levels(j, symbol, of(Side::Buy)))
            .arr("a", |j| write_levels(j, symbol, of(Side::Sell)));
    })
}

/// The best `limit` levels a side: `@depth5` and GET depth. No symbol and no time.
pub(crate) fn depth(market: &Market, limit: usize) -> String {
    let symbol = &market.product;
    Json::compact().object(|j| {
        j.raw("lastUpdateId", update_id(market))
            .arr("bids", |j| write_levels(j, symbol, market.book.levels(Side::Buy).take(limit)))
            .arr("asks", |j| write_levels(j, symbol, market.book.levels(Side::Sell).take(limit)));
    })
}

fn write_levels(j: &mut Json, symbol: &Symbol, levels: impl Iterator<Item = (i64, i64)>) {
    for (ticks, lots) in levels {
        j.item_arr(|j| {
            j.item_str(symbol.show_price(ticks)).item_str(symbol.show_size(lots));
        });
    }
}

/// `@kline_<interval>`; `closed` on its last update.
pub(crate) fn kline(now_ns: u64, symbol: &Symbol, interval: Interval, bar: &Bar, closed: bool) -> String {
    let money = |value: Decimal| fixed(value, ASSET_PRECISION);
    Json::compact().object(|j| {
        j.str("e", "kline").raw("E", ms(now_ns)).str("s", &symbol.id).obj("k", |j| {
            j.raw("t", bar.open_ms)
                .raw("T", bar.close_ms)
                .str("s", &symbol.id)
                .str("i", interval.name())
                .raw("f", bar.first_id)
                .raw("L", bar.last_id)
                .str("o", symbol.show_price(bar.open))
                .str("c", symbol.show_price(bar.close))
                .str("h", symbol.show_price(bar.high))
                .str("l", symbol.show_price(bar.low))
                .str("v", symbol.show_size(bar.lots))
                .raw("n", bar.count)
                .raw("x", closed)
                .str("q", money(bar.value))
                .str("V", symbol.show_size(bar.bought_lots))
                .str("Q", money(bar.bought_value))
                .str("B", "0");
        });
    })
}

/// The figures of 24 hours that need more than the bar.
pub(crate) struct Change {
    pub(crate) price: String,
    pub(crate) percent: String,
    pub(crate) average: String,
}

impl Change {
    pub(crate) fn of(symbol: &Symbol, day: &Bar) -> Self {
        let (open, close) = (symbol.price(day.open), symbol.price(day.close));
        let percent = (close - open) * Decimal::ONE_HUNDRED / open;
        let average = if day.lots > 0 { day.value / symbol.size(day.lots) } else { close };
        Self { price: symbol.show_at(close - open), percent: fixed(percent, 3), average: symbol.show_at(average) }
    }
}

/// `@ticker`.
pub(crate) fn ticker(now_ns: u64, market: &Market, day: &Bar) -> String {
    let (symbol, [bid, ask]) = (&market.product, best(market));
    let change = Change::of(symbol, day);
    Json::compact().object(|j| {
        j.str("e", "24hrTicker")
            .raw("E", ms(now_ns))
            .str("s", &symbol.id)
            .str("p", change.price)
            .str("P", change.percent)
            .str("w", change.average)
            .str("x", symbol.show_price(day.open))
            .str("c", symbol.show_price(day.close))
            .str("Q", symbol.show_size(market.trades.front().map_or(0, |t| t.lots)))
            .str("b", symbol.show_price(bid.0))
            .str("B", symbol.show_size(bid.1))
            .str("a", symbol.show_price(ask.0))
            .str("A", symbol.show_size(ask.1))
            .str("o", symbol.show_price(day.open))
            .str("h", symbol.show_price(day.high))
            .str("l", symbol.show_price(day.low))
            .str("v", symbol.show_size(day.lots))
            .str("q", fixed(day.value, ASSET_PRECISION))
            .raw("O", day.open_ms)
            .raw("C", day.close_ms)
            .raw("F", day.first_id)
            .raw("L", day.last_id)
            .raw("n", day.count);
    })
}

/// `@miniTicker`.
pub(crate) fn mini_ticker(now_ns: u64, symbol: &Symbol, day: &Bar) -> String {
    Json::compact().object(|j| {
        j.str("e", "24hrMiniTicker")
            .raw("E", ms(now_ns))
            .str("s", &symbol.id)
            .str("c", symbol.show_price(day.close))
            .str("o", symbol.show_price(day.open))
            .str("h", symbol.show_price(day.high))
            .str("l", symbol.show_price(day.low))
            .str("v", symbol.show_size(day.lots))
            .str("q", fixed(day.value, ASSET_PRECISION));
    })
}

#[cfg(test)]
mod tests {
    use super::super::product::usual_symbols;
    use super::*;
    use crate::sim::market::book::Owner;

    fn market() -> Market {
        Market::new(usual_symbols().remove(2), 1, 0, 100, 1_790_612_332_757_000_000)
    }

    #[test]
    fn a_depth_update_reads_like_the_recorded_one() {
        let levels = [(Side::Buy, 8_353_987, 1_775), (Side::Buy, 8_351_932, 0)];
        let text = depth_update(1_790_612_332_757_000_000, &market().product, (4_602_208_313, 4_602_208_313), &levels);
        let recorded = r#"{"e":"depthUpdate","E":1790612332757,"s":"BTCUSD","U":4602208313,"u":4602208313,"b":[["83539.87000000","0.01775000"],["83519.32000000","0.00000000"]],"a":[]}"#;
        assert_eq!(text, recorded);
    }

    #[test]
    fn book_ticker_and_partial_depth_have_the_recorded_members() {
        let mut market = market();
        market.rest(1, Side::Buy, 100, 7, Owner::Market);
        market.rest(1, Side::Sell, 102, 9, Owner::Market);
        let id = update_id(&market);
        assert_eq!(id, UPDATE_ID_FIRST + 2);
        let ticker =
            format!(r#"{{"u":{id},"s":"BTCUSD","b":"1.00000000","B":"0.00007000","a":"1.02000000","A":"0.00009000"}}"#);
        assert_eq!(book_ticker(&market), ticker);
        let shown = format!(
            r#"{{"lastUpdateId":{id},"bids":[["1.00000000","0.00007000"]],"asks":[["1.02000000","0.00009000"]]}}"#
        );
        assert_eq!(depth(&market, 5), shown);
    }

    #[test]
    fn trades_of_one_taker_at_one_price_are_one_aggregate() {
        let one = |id, ticks, taker| Trade { id, ticks, lots: 2, maker_side: Side::Buy, at_ns: 0, taker };
        let trades = [one(1, 100, 1), one(2, 100, 1), one(3, 99, 1), one(4, 99, 2)];
        let seen: Vec<_> = aggregates(trades.iter()).iter().map(|a| (a.id, a.last_id, a.lots)).collect();
        assert_eq!(seen, [(1, 2, 4), (3, 3, 2), (4, 4, 2)]);
    }
}
