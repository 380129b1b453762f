//! What is traded and under which filters, and the JSON of a symbol (Binance.US reference 3, "exchangeInfo").
//!
//! Inside the model a price is a whole number of ticks and a quantity a whole number of steps, so matching never rounds.

use crate::sim::market::{Increments, Traded};
use crate::sim::Json;
use rust_decimal::Decimal;

/// Digits after the point of commissions and quote amounts (post-upgrade exchangeInfo: 8 everywhere).
pub(crate) const ASSET_PRECISION: u32 = 8;

/// What a symbol takes at present (Binance.US reference 3: statuses). Cancels work in all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Trading {
    /// Everything.
    #[default]
    Trading,
    /// No new orders.
    Halt,
    /// No new orders, announced.
    Break,
}

impl Trading {
    fn as_str(self) -> &'static str {
        match self {
            Self::Trading => "TRADING",
            Self::Halt => "HALT",
            Self::Break => "BREAK",
        }
    }
}

/// The filters of a symbol, with the values recorded after the upgrade of 2026-08-31.
#[derive(Clone, Debug)]
pub struct Filters {
    /// PRICE_FILTER, lowest price.
    pub price_min: Decimal,
    /// PRICE_FILTER, highest price.
    pub price_max: Decimal,
    /// PRICE_FILTER, step of prices.
    pub tick: Decimal,
    /// LOT_SIZE, smallest quantity.
    pub quantity_min: Decimal,
    /// LOT_SIZE, largest quantity.
    pub quantity_max: Decimal,
    /// LOT_SIZE, step of quantities.
    pub step: Decimal,
    /// MARKET_LOT_SIZE, largest quantity of a market order.
    pub market_quantity_max: Decimal,
    /// MIN_NOTIONAL, smallest price times quantity, market orders at the average price.
    pub notional_min: Decimal,
    /// PERCENT_PRICE and PERCENT_PRICE_BY_SIDE: highest price as a multiple of the average.
    pub multiplier_up: Decimal,
    /// PERCENT_PRICE and PERCENT_PRICE_BY_SIDE: lowest price as a multiple of the average.
    pub multiplier_down: Decimal,
    /// ICEBERG_PARTS.
    pub iceberg_parts_max: i64,
    /// TRAILING_DELTA, both directions, in hundredths of a percent.
    pub trailing_delta: (u32, u32),
    /// MAX_NUM_ORDERS, open orders of the symbol.
    pub orders_max: usize,
    /// MAX_NUM_ALGO_ORDERS, open orders with a trigger.
    pub algo_orders_max: usize,
    /// MAX_NUM_ICEBERG_ORDERS, open icebergs of the symbol; most symbols have none.
    pub iceberg_orders_max: Option<usize>,
    /// MAX_NUM_ORDER_LISTS, open lists.
    pub order_lists_max: usize,
}

/// A symbol as configured: trading rules and where its made-up market starts.
#[derive(Clone, Debug)]
pub struct Symbol {
    /// `BTCUSD`.
    pub id: String,
    /// Base asset.
    pub base: String,
    /// Quote asset.
    pub quote: String,
    /// Digits after the point in quantities: PEPEUSD's frames carry two (Binance.US reference 6).
    pub quantity_digits: u32,
    /// Digits after the point in prices.
    pub price_digits: u32,
    /// What an order has to pass.
    pub filters: Filters,
    /// Where the made-up market starts.
    pub start_price: Decimal,
    /// A usual order size of the made-up market, in base units.
    pub usual_size: Decimal,
    /// What may be done with it now.
    pub trading: Trading,
}

impl Symbol {
    /// A spot pair with the recorded filters; `usual_size` also scales the made-up book.
    pub fn spot(base: &str, quote: &str, start_price: Decimal, tick: Decimal, step: Decimal) -> Self {
        let fiat = quote.starts_with("USD");
        let worth = if fiat { Decimal::from(2_000) } else { Decimal::new(5, 2) };
        let usual = (worth / start_price / step).floor().max(Decimal::ONE) * step;
        let filters = Filters {
            price_min: tick,
            price_max: Decimal::from(1_000_000),
            tick,
            quantity_min: step,
            quantity_max: (Decimal::from(9_000) * usual / Decimal::new(2, 2)).ceil().max(Decimal::from(9_000)),
            step,
            market_quantity_max: usual * Decimal::from(430),
            notional_min: if fiat { Decimal::ONE } else { Decimal::new(1, 4) },
            multiplier_up: Decimal::from(5),
            multiplier_down: Decimal::new(2, 1),
            iceberg_parts_max: 10,
            trailing_delta: (10, 2_000),
            orders_max: 200,
            algo_orders_max: 5,
            iceberg_orders_max: None,
            order_lists_max: 20,
        };
        Self {
            id: format!("{base}{quote}"),
            base: base.to_owned(),
            quote: quote.to_owned(),
            quantity_digits: ASSET_PRECISION,
            price_digits: ASSET_PRECISION,
            filters,
            start_price,
            usual_size: usual,
            trading: Trading::Trading,
        }
    }

    /// `ticks` steps of the price.
    pub fn price(&self, ticks: i64) -> Decimal {
        self.increments().price(ticks)
    }

    /// `lots` steps of the quantity.
    pub fn size(&self, lots: i64) -> Decimal {
        self.increments().size(lots)
    }

    /// A price in ticks, `None` if it is not on the tick or not positive.
    pub fn ticks(&self, price: Decimal) -> Option<i64> {
        self.increments().ticks(price)
    }

    /// A quantity in lots, `None` if it is not on the step or not positive.
    pub fn lots(&self, size: Decimal) -> Option<i64> {
        self.increments().lots(size)
    }

    /// The most lots that `quote` buys at `price`, rounded down.
    pub(crate) fn lots_for(&self, quote: Decimal, price: Decimal) -> i64 {
        self.increments().lots_for(quote, price)
    }

    /// What so many lots at so many ticks are worth.
    pub(crate) fn value(&self, ticks: i64, lots: i64) -> Decimal {
        self.price(ticks) * self.size(lots)
    }

    /// A price as the venue writes it.
    pub(crate) fn show_price(&self, ticks: i64) -> String {
        self.show_at(self.price(ticks))
    }

    /// A price not on the tick, such as an average, as the venue writes it.
    pub(crate) fn show_at(&self, price: Decimal) -> String {
        fixed(price, self.price_digits)
    }

    /// A quantity as the venue writes it.
    pub(crate) fn show_size(&self, lots: i64) -> String {
        fixed(self.size(lots), self.quantity_digits)
    }

    /// The symbol as exchangeInfo shows it, keys in the recorded order.
    pub(crate) fn write(&self, j: &mut Json, with_permission_sets: bool) {
        j.str("symbol", &self.id)
            .str("status", self.trading.as_str())
            .str("baseAsset", &self.base)
            .raw("baseAssetPrecision", self.quantity_digits)
            .str("quoteAsset", &self.quote)
            .raw("quotePrecision", ASSET_PRECISION)
            .raw("quoteAssetPrecision", ASSET_PRECISION)
            .raw("baseCommissionPrecision", ASSET_PRECISION)
            .raw("quoteCommissionPrecision", ASSET_PRECISION)
            .raw(
                "orderTypes",
                r#"["LIMIT","LIMIT_MAKER","MARKET","STOP_LOSS","STOP_LOSS_LIMIT","TAKE_PROFIT","TAKE_PROFIT_LIMIT"]"#,
            );
        for flag in ["icebergAllowed", "ocoAllowed", "otoAllowed", "opoAllowed", "quoteOrderQtyMarketAllowed"] {
            j.raw(flag, true);
        }
        for flag in ["allowTrailingStop", "cancelReplaceAllowed", "amendAllowed", "pegInstructionsAllowed"] {
            j.raw(flag, true);
        }
        j.raw("isSpotTradingAllowed", self.trading == Trading::Trading)
            .raw("isMarginTradingAllowed", false)
            .arr("filters", |j| self.write_filters(j))
            .raw("permissions", "[]");
        if with_permission_sets {
            j.raw("permissionSets", r#"[["SPOT"]]"#);
        }
        j.str("defaultSelfTradePreventionMode", "EXPIRE_MAKER").raw(
            "allowedSelfTradePreventionModes",
            r#"["EXPIRE_TAKER","EXPIRE_MAKER","EXPIRE_BOTH","DECREMENT","TRANSFER"]"#,
        );
    }

    /// The filters, in the recorded order.
    pub(crate) fn write_filters(&self, j: &mut Json) {
        let f = &self.filters;
        let price = |value: Decimal| fixed(value, self.price_digits);
        let quantity = |value: Decimal| fixed(value, self.quantity_digits);
        j.item(|j| {
            j.str("filterType", "PRICE_FILTER")
                .str("minPrice", price(f.price_min))
                .str("maxPrice", price(f.price_max))
                .str("tickSize", price(f.tick));
        })
        .item(|j| {
            j.str("filterType", "PERCENT_PRICE")
                .str("multiplierUp", f.multiplier_up)
                .str("multiplierDown", f.multiplier_down)
                .raw("avgPriceMins", 5);
        })
        .item(|j| {
            j.str("filterType", "LOT_SIZE")
                .str("minQty", quantity(f.quantity_min))
                .str("maxQty", quantity(f.quantity_max))
                .str("stepSize", quantity(f.step));
        })
        .item(|j| {
            j.str("filterType", "MIN_NOTIONAL")
                .str("minNotional", fixed(f.notional_min, ASSET_PRECISION))
                .raw("applyToMarket", true)
                .raw("avgPriceMins", 5);
        })
        .item(|j| {
            j.str("filterType", "ICEBERG_PARTS").raw("limit", f.iceberg_parts_max);
        })
        .item(|j| {
            j.str("filterType", "MARKET_LOT_SIZE")
                .str("minQty", quantity(Decimal::ZERO))
                .str("maxQty", quantity(f.market_quantity_max))
                .str("stepSize", quantity(Decimal::ZERO));
        })
        .item(|j| {
            let (low, high) = f.trailing_delta;
            j.str("filterType", "TRAILING_DELTA")
                .raw("minTrailingAboveDelta", low)
                .raw("maxTrailingAboveDelta", high)
                .raw("minTrailingBelowDelta", low)
                .raw("maxTrailingBelowDelta", high);
        })
        .item(|j| {
            j.str("filterType", "PERCENT_PRICE_BY_SIDE")
                .str("bidMultiplierUp", f.multiplier_up)
                .str("bidMultiplierDown", f.multiplier_down)
                .str("askMultiplierUp", f.multiplier_up)
                .str("askMultiplierDown", f.multiplier_down)
                .raw("avgPriceMins", 5);
        });
        let counts = [
            ("MAX_NUM_ORDERS", "maxNumOrders", f.orders_max),
            ("MAX_NUM_ORDER_LISTS", "maxNumOrderLists", f.order_lists_max),
            ("MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders", f.algo_orders_max),
            ("MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends", 10),
        ];
        let icebergs = f.iceberg_orders_max.map(|limit| ("MAX_NUM_ICEBERG_ORDERS", "maxNumIcebergOrders", limit));
        for (name, key, limit) in counts.into_iter().chain(icebergs) {
            j.item(|j| {
                j.str("filterType", name).raw(key, limit);
            });
        }
    }
}

impl Traded for Symbol {
    fn increments(&self) -> Increments {
        Increments { tick: self.filters.tick, lot: self.filters.step }
    }

    fn start_price(&self) -> Decimal {
        self.start_price
    }

    fn usual_size(&self) -> Decimal {
        self.usual_size
    }
}

/// The market of a symbol.
pub(crate) type Market = crate::sim::market::Market<Symbol>;

/// With exactly so many digits after the point; what does not fit is cut off.
pub(crate) fn fixed(value: Decimal, digits: u32) -> String {
    format!("{:.*}", digits as usize, value.trunc_with_scale(digits))
}

/// A handful of symbols; BTC's and ETH's filters are the recorded ones of 2026-09-27.
pub fn usual_symbols() -> Vec<Symbol> {
    let d = Decimal::new;
    let recorded = |mut symbol: Symbol, market_max: Decimal| {
        symbol.filters.quantity_max = d(9_000, 0);
        symbol.filters.market_quantity_max = market_max;
        symbol
    };
    let (btc, eth) = (d(8_466_185, 2), d(267_133, 2));
    let mut pepe = Symbol::spot("PEPE", "USD", d(417, 8), d(1, 8), d(1, 2));
    pepe.quantity_digits = 2;
    vec![
        recorded(Symbol::spot("BTC", "USDT", btc, d(1, 2), d(1, 5)), d(1_092_994_037, 8)),
        recorded(Symbol::spot("ETH", "USDT", eth, d(1, 2), d(1, 4)), d(25_467_216_333, 8)),
        recorded(Symbol::spot("BTC", "USD", btc, d(1, 2), d(1, 5)), d(1_025_581_291, 8)),
        recorded(Symbol::spot("ETH", "USD", eth, d(1, 2), d(1, 4)), d(25_428_404_291, 8)),
        Symbol::spot("SOL", "USD", d(14_250, 2), d(1, 2), d(1, 3)),
        Symbol::spot("ETH", "BTC", d(3_155, 5), d(1, 5), d(1, 3)),
        pepe,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_of_their_asset() {
        let symbols = usual_symbols();
        let (btc, pepe) = (&symbols[2], &symbols[6]);
        assert_eq!((btc.show_price(8_353_987), btc.show_size(1_775)), ("83539.87000000".into(), "0.01775000".into()));
        assert_eq!(
            (pepe.show_price(417), pepe.show_size(1_005_862_043_100)),
            ("0.00000417".into(), "10058620431.00".into())
        );
    }

    #[test]
    fn a_fill_of_one_tick_and_one_lot_is_worth_something_in_eight_digits() {
        for symbol in usual_symbols() {
            assert!(symbol.value(1, 1).scale() <= 10, "{}", symbol.id);
            assert_eq!(symbol.ticks(symbol.start_price).map(|t| symbol.price(t)), Some(symbol.start_price.normalize()));
        }
    }
}
