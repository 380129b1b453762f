//! `exchangeInfo`: what may be traded, under which filters, and how fast (Binance.US reference 3, exchangeInfo). It
//! allocates; never on the hot thread.

use super::super::filters::{Filters, Notional, PercentPrice, Range, TrailingDelta};
use super::super::request::OrderKind;
use super::VenueMs;
use crate::codec::json::{ArraySlicer, Cursor, JsonError, Plain, Slice, SliceError, SLICE_BYTES_MAX};
use crate::guard::RateLimit;
use crate::record::{Fixed, Listing, TradingStatus, Venue};
use crate::venue::fault::Fault;

/// One symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Market {
    /// What all venues say of an instrument.
    pub listing: Listing,
    /// Its filters.
    pub filters: Filters,
    /// Order kinds taken.
    pub kinds: Vec<OrderKind>,
    /// Icebergs are taken.
    pub iceberg: bool,
    /// Pairs are taken.
    pub oco: bool,
    /// Market orders can be sized in the quote asset.
    pub quote_quantity: bool,
    /// Trailing triggers are taken.
    pub trailing: bool,
    /// cancelReplace is taken.
    pub cancel_replace: bool,
    /// Spot trading is allowed.
    pub spot: bool,
    /// The self-trade prevention an order has that names none; the venue's word.
    pub default_self_trade: Box<str>,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Catalog {
    /// Every symbol that could be read.
    pub markets: Vec<Market>,
    /// Symbols that could not.
    pub unreadable: usize,
    /// What the venue allows, in its fixed windows.
    pub limits: Vec<RateLimit>,
    /// The venue's clock.
    pub server_time: Option<VenueMs>,
}

/// Why it could not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// Not in the documented shape.
    #[error("Binance.US exchangeInfo: {0}")]
    Json(#[from] JsonError),
    /// Cannot be read piece by piece.
    #[error("Binance.US exchangeInfo: {0}")]
    Slice(#[from] SliceError),
    /// A value that does not fit.
    #[error("Binance.US exchangeInfo: {0}")]
    Value(String),
}

impl From<Fault> for CatalogError {
    fn from(fault: Fault) -> CatalogError {
        match fault {
            Fault::Json(error) => CatalogError::Json(error),
            Fault::Slice(error) => CatalogError::Slice(error),
            other => CatalogError::Value(other.to_string()),
        }
    }
}

/// Reads the body of an `exchangeInfo` reply of any length. A symbol that cannot be read is left out and counted.
///
/// # Errors
/// [`CatalogError`]: nothing of it counts.
pub fn listings(body: &[u8]) -> Result<Catalog, CatalogError> {
    let mut slicer = ArraySlicer::new(&["symbols"]);
    let mut plain = Plain::new(SLICE_BYTES_MAX);
    let mut catalog = Catalog::default();
    let (mut left, mut seen) = (body, false);
    loop {
        match slicer.next_slice()? {
            Slice::NeedMore => {
                let taken = slicer.push(left);
                left = left.get(taken..).unwrap_or_default();
                if left.is_empty() {
                    slicer.finish();
                }
            }
            Slice::Head { .. } => seen = true,
            Slice::Elements { text, .. } => plain.parse(text, |cursor| symbols(cursor, &mut catalog))?,
            Slice::End { text } => {
                plain.parse(text, |cursor| frame(cursor, &mut catalog))?;
                if !seen {
                    return Err(CatalogError::Value("the list of symbols is missing".into()));
                }
                return Ok(catalog);
            }
        }
    }
}

fn symbols(cursor: &mut Cursor<'_, '_>, catalog: &mut Catalog) -> Result<(), Fault> {
    let mut items = cursor.array()?;
    while items.next_item(cursor)? {
        let start = cursor.clone();
        match market(cursor) {
            Ok(market) => catalog.markets.push(market),
            Err(_) => {
                catalog.unreadable = catalog.unreadable.saturating_add(1);
                *cursor = start;
                cursor.skip()?;
            }
        }
    }
    Ok(())
}

/// Everything around the symbols.
fn frame(cursor: &mut Cursor<'_, '_>, catalog: &mut Catalog) -> Result<(), Fault> {
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        match key {
            "serverTime" => catalog.server_time = Some(VenueMs(cursor.u64()?)),
            "rateLimits" => {
                let mut items = cursor.array()?;
                while items.next_item(cursor)? {
                    catalog.limits.extend(rate_limit(cursor)?);
                }
            }
            _ => cursor.skip()?,
        }
    }
    Ok(())
}

fn rate_limit(cursor: &mut Cursor<'_, '_>) -> Result<Option<RateLimit>, Fault> {
    use crate::guard::Counted;
    let (mut kind, mut interval, mut number, mut limit) = ("", "", 0, 0);
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        match key {
            "rateLimitType" => kind = cursor.str()?,
            "interval" => interval = cursor.str()?,
            "intervalNum" => number = cursor.u64()?,
            "limit" => limit = cursor.u64()?,
            _ => cursor.skip()?,
        }
    }
    let counted = match kind {
        "REQUEST_WEIGHT" => Counted::Weight,
        "RAW_REQUESTS" => Counted::Requests,
        "ORDERS" => Counted::Orders,
        // A kind of limit we do not know cannot be kept; the venue's 429 will be obeyed.
        _ => return Ok(None),
    };
    let unit_ms: u64 = match interval {
        "SECOND" => 1_000,
        "MINUTE" => 60_000,
        "HOUR" => 3_600_000,
        "DAY" => 86_400_000,
        _ => return Err(Fault::Value { key: "interval" }),
    };
    let limit = u32::try_from(limit).unwrap_or(u32::MAX);
    Ok(Some(RateLimit { counted, window_ms: unit_ms.saturating_mul(number), limit }))
}

fn market(cursor: &mut Cursor<'_, '_>) -> Result<Market, Fault> {
    let (mut symbol, mut status, mut base, mut quote, mut stp) = ("", "", "", "", "");
    let (mut quote_places, mut filters, mut kinds) = (8, Filters::default(), Vec::new());
    let (mut iceberg, mut oco, mut quote_quantity, mut trailing, mut cancel_replace) =
        (false, false, false, false, false);
    let mut spot = true;
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        match key {
            "symbol" => symbol = cursor.str()?,
            "status" => status = cursor.str()?,
            "baseAsset" => base = cursor.str()?,
            "quoteAsset" => quote = cursor.str()?,
            "quoteAssetPrecision" => quote_places = cursor.u64()?,
            "defaultSelfTradePreventionMode" => stp = cursor.str_or_null()?.unwrap_or_default(),
            "icebergAllowed" => iceberg = cursor.bool()?,
            "ocoAllowed" => oco = cursor.bool()?,
            "quoteOrderQtyMarketAllowed" => quote_quantity = cursor.bool()?,
            "allowTrailingStop" => trailing = cursor.bool()?,
            "cancelReplaceAllowed" => cancel_replace = cursor.bool()?,
            "isSpotTradingAllowed" => spot = cursor.bool()?,
            "orderTypes" => {
                let mut items = cursor.array()?;
                while items.next_item(cursor)? {
                    let name = cursor.str()?;
                    kinds.extend(OrderKind::ALL.into_iter().find(|kind| kind.name() == name));
                }
            }
            "filters" => {
                let mut items = cursor.array()?;
                while items.next_item(cursor)? {
                    filter(cursor, &mut filters)?;
                }
            }
            _ => cursor.skip()?,
        }
    }
    for (key, text) in [("symbol", symbol), ("baseAsset", base), ("quoteAsset", quote)] {
        if text.is_empty() {
            return Err(Fault::Missing { key });
        }
    }
    // Off: as fine as the asset.
    let places = i8::try_from(quote_places).map_err(|_| Fault::Value { key: "quoteAssetPrecision" })?;
    let finest = Fixed::new(1, places.saturating_neg());
    let or_finest = |step: Fixed| if step.is_zero() { finest } else { step };
    Ok(Market {
        listing: Listing {
            venue: Venue::BinanceUs,
            symbol: symbol.into(),
            streamed_as: None,
            base: base.into(),
            quote: quote.into(),
            tick: or_finest(filters.price.step),
            lot: or_finest(filters.lot.step),
            quote_lot: finest,
            size_min: filters.lot.min,
            size_max: filters.lot.max,
            notional_min: filters.notional.min,
            status: trading_status(status, spot),
        },
        filters,
        kinds,
        iceberg,
        oco,
        quote_quantity,
        trailing,
        cancel_replace,
        spot,
        default_self_trade: stp.into(),
    })
}

/// Open-ended: the venue adds words (Binance.US reference 3). Cancels work in every one of them.
fn trading_status(status: &str, spot: bool) -> TradingStatus {
    match status {
        _ if !spot => TradingStatus::Halted,
        "TRADING" => TradingStatus::Online,
        "CANCEL_ONLY" => TradingStatus::CancelOnly,
        "HALT" | "BREAK" | "PRE_TRADING" | "POST_TRADING" | "END_OF_DAY" => TradingStatus::Halted,
        _ => TradingStatus::Unknown,
    }
}

/// The members of all kinds of filter; which are there depends on the kind.
#[derive(Debug, Default)]
struct FilterText<'i> {
    kind: &'i str,
    decimals: [Option<Fixed>; DECIMALS.len()],
    numbers: [Option<u32>; NUMBERS.len()],
    flags: [bool; FLAGS.len()],
}

const DECIMALS: [&str; 16] = [
    "minPrice",
    "maxPrice",
    "tickSize",
    "minQty",
    "maxQty",
    "stepSize",
    "minNotional",
    "maxNotional",
    "multiplierUp",
    "multiplierDown",
    "bidMultiplierUp",
    "bidMultiplierDown",
    "askMultiplierUp",
    "askMultiplierDown",
    "maxPosition",
    "limitQty",
];
const NUMBERS: [&str; 9] = [
    "limit",
    "maxNumOrders",
    "maxNumAlgoOrders",
    "maxNumIcebergOrders",
    "maxNumOrderLists",
    "minTrailingAboveDelta",
    "maxTrailingAboveDelta",
    "minTrailingBelowDelta",
    "maxTrailingBelowDelta",
];
const FLAGS: [&str; 3] = ["applyToMarket", "applyMinToMarket", "applyMaxToMarket"];

impl FilterText<'_> {
    fn decimal(&self, name: &'static str) -> Fixed {
        let place = DECIMALS.iter().position(|known| *known == name);
        place.and_then(|place| self.decimals.get(place).copied().flatten()).unwrap_or_default()
    }

    fn number(&self, name: &'static str) -> Option<u32> {
        let place = NUMBERS.iter().position(|known| *known == name);
        place.and_then(|place| self.numbers.get(place).copied().flatten())
    }

    fn flag(&self, name: &'static str) -> bool {
        let place = FLAGS.iter().position(|known| *known == name);
        place.and_then(|place| self.flags.get(place).copied()).unwrap_or(false)
    }
}

fn filter(cursor: &mut Cursor<'_, '_>, filters: &mut Filters) -> Result<(), Fault> {
    let mut text = FilterText::default();
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        if key == "filterType" {
            text.kind = cursor.str()?;
        } else if let Some(place) = DECIMALS.iter().position(|known| *known == key) {
            let value = Fixed::parse(cursor.str()?).map_err(|error| Fault::Number { key: "filter", error })?;
            if let Some(slot) = text.decimals.get_mut(place) {
                *slot = Some(value);
            }
        } else if let Some(slot) = NUMBERS.iter().position(|known| *known == key).and_then(|p| text.numbers.get_mut(p))
        {
            *slot = Some(u32::try_from(cursor.u64()?).unwrap_or(u32::MAX));
        } else if let Some(slot) = FLAGS.iter().position(|known| *known == key).and_then(|p| text.flags.get_mut(p)) {
            *slot = cursor.bool()?;
        } else {
            cursor.skip()?;
        }
    }
    let lot = Range { min: text.decimal("minQty"), max: text.decimal("maxQty"), step: text.decimal("stepSize") };
    match text.kind {
        "PRICE_FILTER" => {
            let (min, max) = (text.decimal("minPrice"), text.decimal("maxPrice"));
            filters.price = Range { min, max, step: text.decimal("tickSize") };
        }
        "LOT_SIZE" => filters.lot = lot,
        "MARKET_LOT_SIZE" => filters.market_lot = lot,
        "MIN_NOTIONAL" => {
            filters.notional.min = text.decimal("minNotional");
            filters.notional.min_for_market = text.flag("applyToMarket");
        }
        "NOTIONAL" => {
            filters.notional = Notional {
                min: text.decimal("minNotional"),
                max: text.decimal("maxNotional"),
                min_for_market: text.flag("applyMinToMarket"),
                max_for_market: text.flag("applyMaxToMarket"),
            };
        }
        "PERCENT_PRICE" => {
            let (up, down) = (text.decimal("multiplierUp"), text.decimal("multiplierDown"));
            narrow(filters, PercentPrice { bid_up: up, bid_down: down, ask_up: up, ask_down: down });
        }
        "PERCENT_PRICE_BY_SIDE" => narrow(
            filters,
            PercentPrice {
                bid_up: text.decimal("bidMultiplierUp"),
                bid_down: text.decimal("bidMultiplierDown"),
                ask_up: text.decimal("askMultiplierUp"),
                ask_down: text.decimal("askMultiplierDown"),
            },
        ),
        "ICEBERG_PARTS" => filters.iceberg_parts = text.number("limit"),
        "MAX_NUM_ORDERS" => filters.orders_max = text.number("maxNumOrders"),
        "MAX_NUM_ALGO_ORDERS" => filters.algo_orders_max = text.number("maxNumAlgoOrders"),
        "MAX_NUM_ICEBERG_ORDERS" => filters.iceberg_orders_max = text.number("maxNumIcebergOrders"),
        "MAX_NUM_ORDER_LISTS" => filters.order_lists_max = text.number("maxNumOrderLists"),
        "TRAILING_DELTA" => {
            let pair = |min, max| Some((text.number(min)?, text.number(max)?));
            let above = pair("minTrailingAboveDelta", "maxTrailingAboveDelta");
            let below = pair("minTrailingBelowDelta", "maxTrailingBelowDelta");
            if let (Some(above), Some(below)) = (above, below) {
                filters.trailing = Some(TrailingDelta { above, below });
            }
        }
        // MAX_NUM_ORDER_AMENDS, MAX_POSITION, and what may come: the venue checks them.
        _ => {}
    }
    Ok(())
}

fn narrow(filters: &mut Filters, percent: PercentPrice) {
    filters.percent = Some(filters.percent.map_or(percent, |known| known.narrowed(percent)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::test_captures;
    use crate::guard::Counted;
    use crate::record::{AssetId, Instrument, InstrumentId};

    fn fixed(text: &str) -> Fixed {
        Fixed::parse(text).unwrap()
    }

    #[test]
    fn the_recorded_body_after_the_upgrade_is_read_in_full() {
        let Some(text) = test_captures::text("binance_us/us_exchangeInfo_20260927_subset.json") else { return };
        let catalog = listings(text.as_bytes()).unwrap();
        assert_eq!((catalog.unreadable, catalog.server_time), (0, Some(VenueMs(1_790_545_828_479))));
        let limit = |counted, window_ms, limit| RateLimit { counted, window_ms, limit };
        assert_eq!(
            catalog.limits,
            [
                limit(Counted::Weight, 60_000, 6_000),
                limit(Counted::Orders, 10_000, 100),
                limit(Counted::Orders, 86_400_000, 200_000),
                limit(Counted::Requests, 300_000, 300_000)
            ]
        );
        let names: Vec<&str> = catalog.markets.iter().map(|m| m.listing.symbol.as_ref()).collect();
        assert_eq!(names, ["BTCUSDT", "ETHUSDT", "BTCUSD", "ETHUSD"]);
        let btc = &catalog.markets[0];
        assert_eq!((btc.listing.tick, btc.listing.lot), (fixed("0.01"), fixed("0.00001")));
        assert_eq!((btc.listing.size_min, btc.listing.size_max), (fixed("0.00001"), fixed("9000")));
        assert_eq!((btc.listing.notional_min, btc.listing.status), (fixed("1"), TradingStatus::Online));
        assert_eq!(
            btc.kinds,
            OrderKind::ALL.to_vec().into_iter().filter(|k| btc.kinds.contains(k)).collect::<Vec<_>>()
        );
        assert_eq!((btc.kinds.len(), btc.default_self_trade.as_ref()), (7, "EXPIRE_MAKER"));
        assert!(btc.iceberg && btc.oco && btc.quote_quantity && btc.trailing && btc.cancel_replace && btc.spot);
        let filters = btc.filters;
        assert_eq!(filters.market_lot, Range { min: fixed("0"), max: fixed("10.92994037"), step: fixed("0") });
        assert_eq!(filters.percent.unwrap().bid_down, fixed("0.2"));
        assert_eq!(
            (filters.iceberg_parts, filters.orders_max, filters.algo_orders_max),
            (Some(10), Some(200), Some(5))
        );
        assert_eq!(filters.trailing, Some(TrailingDelta { above: (10, 2_000), below: (10, 2_000) }));
        assert!(filters.notional.min_for_market);
        let instrument = Instrument::new(InstrumentId(0), AssetId(0), AssetId(1), btc.listing.clone());
        assert_eq!(instrument.exponents(), (-8, -8));
    }

    #[test]
    fn the_recorded_body_of_121_symbols_is_read_in_full() {
        let Some(text) = test_captures::text("binance_us/us_exchangeInfo_20211012.json") else { return };
        let catalog = listings(text.as_bytes()).unwrap();
        assert_eq!((catalog.markets.len(), catalog.unreadable), (121, 0));
        assert!(catalog.markets.iter().all(|m| !m.listing.tick.is_zero() && !m.listing.lot.is_zero()));
        for market in catalog.markets {
            let listing = market.listing;
            let i = Instrument::new(InstrumentId(0), AssetId(0), AssetId(1), listing.clone());
            assert!(i.tick_mantissa() > 0 && i.lot_mantissa() > 0, "{}", listing.symbol);
        }
    }

    #[test]
    fn a_symbol_that_cannot_be_read_takes_no_other_with_it() {
        let symbol = |name: &str, tick: &str| {
            format!(
                r#"{{"symbol":"{name}","status":"BREAK","baseAsset":"A","quoteAsset":"B","quoteAssetPrecision":8,"filters":[{{"filterType":"PRICE_FILTER","minPrice":"0","maxPrice":"0","tickSize":"{tick}"}},{{"filterType":"NOTIONAL","minNotional":"5","applyMinToMarket":true,"maxNotional":"9000000","applyMaxToMarket":false,"avgPriceMins":5}},{{"filterType":"NEW_ONE","x":1}}]}}"#
            )
        };
        let body = format!(
            r#"{{"symbols":[{},{}],"rateLimits":[{{"rateLimitType":"CONNECTIONS","interval":"MINUTE","intervalNum":5,"limit":300}}]}}"#,
            symbol("AB", "0"),
            symbol("CD", "x")
        );
        let catalog = listings(body.as_bytes()).unwrap();
        assert_eq!((catalog.markets.len(), catalog.unreadable, catalog.limits.len()), (1, 1, 0));
        let ab = &catalog.markets[0];
        assert_eq!((ab.listing.tick, ab.listing.status), (fixed("0.00000001"), TradingStatus::Halted));
        assert_eq!((ab.filters.notional.max, ab.filters.notional.max_for_market), (fixed("9000000"), false));
        assert!(listings(b"{}").is_err() && listings(b"{\"symbols\":[").is_err());
    }
}
