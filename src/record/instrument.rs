//! Instrument metadata: what may be traded, in which steps, and at which exponents its numbers travel.

use super::{AssetId, Fixed, Fixed128, InstrumentId, Venue};

/// Whether an instrument takes orders now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum TradingStatus {
    /// Not known yet, or a value we do not know.
    Unknown = 0,
    /// All order kinds.
    Online = 1,
    /// Only cancels.
    CancelOnly = 2,
    /// Only limit orders.
    LimitOnly = 3,
    /// Only post-only orders.
    PostOnly = 4,
    /// No orders.
    Halted = 5,
}

impl TradingStatus {
    /// The status of a number written by `as u8`; anything else is [`TradingStatus::Unknown`].
    pub const fn from_u8(value: u8) -> TradingStatus {
        match value {
            1 => TradingStatus::Online,
            2 => TradingStatus::CancelOnly,
            3 => TradingStatus::LimitOnly,
            4 => TradingStatus::PostOnly,
            5 => TradingStatus::Halted,
            _ => TradingStatus::Unknown,
        }
    }
}

/// What a venue says of an instrument, before the gateway numbered it. Increments and minima are exact decimals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The venue.
    pub venue: Venue,
    /// The venue's own name, such as `BTC-USD`.
    pub symbol: Box<str>,
    /// The name under which the venue's public streams send it, where that is another one: `BTC-USD` for `BTC-USDC`
    /// (Coinbase reference 7.1).
    pub streamed_as: Option<Box<str>>,
    /// Code of the asset bought and sold.
    pub base: Box<str>,
    /// Code of the asset paid with.
    pub quote: Box<str>,
    /// Price increment, quote currency.
    pub tick: Fixed,
    /// Size increment, base currency.
    pub lot: Fixed,
    /// Increment of an order sized in quote currency.
    pub quote_lot: Fixed,
    /// Least order size, base currency.
    pub size_min: Fixed,
    /// Greatest order size, base currency.
    pub size_max: Fixed,
    /// Least order value, quote currency.
    pub notional_min: Fixed,
    /// Whether orders are taken.
    pub status: TradingStatus,
}

/// A listed instrument with its number and exponents. The exponents are finer than tick and lot, because both change
/// while trading, and stay fixed until an instrument-status record says otherwise. New figures make a new instrument:
/// what the mantissas say is worked out in [`Instrument::new`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instrument {
    /// Its number.
    pub id: InstrumentId,
    /// What the venue says of it.
    pub listing: Listing,
    /// Number of the base asset.
    pub base: AssetId,
    /// Number of the quote asset.
    pub quote: AssetId,
    /// Power of ten of every price mantissa.
    pub price_exponent: i8,
    /// Power of ten of every size mantissa.
    pub size_exponent: i8,
    /// Power of ten of quantities in quote currency.
    pub quote_exponent: i8,
    scaled: Scaled,
}

/// The listing's figures at the instrument's exponents, so that no order is checked with a power of ten. 0: unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Scaled {
    tick: i64,
    lot: i64,
    quote_lot: i64,
    size_min: i64,
    size_max: i64,
    quote_min: i64,
    value_min: i128,
}

/// Prices keep two places more than the tick shows, and at least this many: ticks are made finer while trading.
const PRICE_PLACES_MIN: i8 = 8;
/// Sizes keep at least this many places (crypto assets are divisible to 8), as far as the largest order leaves room.
const SIZE_PLACES_MIN: i8 = 8;
/// A level can hold many orders of the greatest size.
const SIZE_HEADROOM: i128 = 1_000;
/// Prices above this many quote units are not expected at any exponent.
const PRICE_HEADROOM: i128 = 10_000_000;

impl Instrument {
    /// Numbers a listing and derives its exponents.
    pub fn new(id: InstrumentId, base: AssetId, quote: AssetId, listing: Listing) -> Instrument {
        let tick_places = places(listing.tick);
        let price_places = fit(PRICE_PLACES_MIN.max(tick_places.saturating_add(2)), tick_places, PRICE_HEADROOM);
        let lot_places = places(listing.lot);
        let largest = i128::from(listing.size_max.rescale(0).unwrap_or(i64::MAX / 1_000_000_000)).max(1);
        let size_places = fit(SIZE_PLACES_MIN.max(lot_places), lot_places, largest.saturating_mul(SIZE_HEADROOM));
        let quote_places = PRICE_PLACES_MIN.max(places(listing.quote_lot));
        let (price_exponent, size_exponent, quote_exponent) = (-price_places, -size_places, -quote_places);
        let at = |figure: Fixed, exponent: i8| figure.rescale(exponent).unwrap_or(0);
        let value_exponent = price_exponent.saturating_add(size_exponent);
        let scaled = Scaled {
            tick: at(listing.tick, price_exponent),
            lot: at(listing.lot, size_exponent),
            quote_lot: at(listing.quote_lot, quote_exponent),
            size_min: at(listing.size_min, size_exponent),
            size_max: at(listing.size_max, size_exponent),
            quote_min: at(listing.notional_min, quote_exponent),
            value_min: Fixed128::from(listing.notional_min).rescale(value_exponent).unwrap_or(0),
        };
        Instrument { id, base, quote, price_exponent, size_exponent, quote_exponent, scaled, listing }
    }

    /// The venue's own name.
    pub fn symbol(&self) -> &str {
        &self.listing.symbol
    }

    /// The name under which public streams send it.
    pub fn streamed_as(&self) -> &str {
        self.listing.streamed_as.as_deref().unwrap_or(&self.listing.symbol)
    }

    /// The same instrument with new increments, at the same exponents: what was scaled with them stays right. `None` if
    /// an increment is not above zero, or finer than the exponents.
    #[must_use]
    pub fn with_increments(&self, tick: Fixed, lot: Fixed) -> Option<Instrument> {
        let scaled = Scaled {
            tick: tick.rescale(self.price_exponent).ok().filter(|tick| *tick > 0)?,
            lot: lot.rescale(self.size_exponent).ok().filter(|lot| *lot > 0)?,
            ..self.scaled
        };
        let listing = Listing { tick, lot, ..self.listing.clone() };
        Some(Instrument { scaled, listing, ..self.clone() })
    }

    /// The same instrument as the venue lists it now, at the same exponents; its names stay. `None` if the increments are
    /// not above zero, or any figure is finer than the exponents: what cannot be told exactly is not taken in part.
    #[must_use]
    pub fn with_listing(&self, listing: &Listing) -> Option<Instrument> {
        let Listing { tick, lot, quote_lot, size_min, size_max, notional_min, status, .. } = *listing;
        let value_exponent = self.price_exponent.saturating_add(self.size_exponent);
        let scaled = Scaled {
            quote_lot: quote_lot.rescale(self.quote_exponent).ok()?,
            size_min: size_min.rescale(self.size_exponent).ok()?,
            size_max: size_max.rescale(self.size_exponent).ok()?,
            quote_min: notional_min.rescale(self.quote_exponent).ok()?,
            value_min: Fixed128::from(notional_min).rescale(value_exponent).ok()?,
            ..self.scaled
        };
        let listing = Listing { quote_lot, size_min, size_max, notional_min, status, ..self.listing.clone() };
        Instrument { scaled, listing, ..self.clone() }.with_increments(tick, lot)
    }

    /// (price, size) powers of ten.
    pub const fn exponents(&self) -> (i8, i8) {
        (self.price_exponent, self.size_exponent)
    }

    /// The tick as a mantissa at the price exponent; 0 means unknown.
    pub const fn tick_mantissa(&self) -> i64 {
        self.scaled.tick
    }

    /// The lot as a mantissa at the size exponent; 0 means unknown.
    pub const fn lot_mantissa(&self) -> i64 {
        self.scaled.lot
    }

    /// The increment of an order sized in quote currency, at the quote exponent; 0 means unknown.
    pub const fn quote_lot_mantissa(&self) -> i64 {
        self.scaled.quote_lot
    }

    /// The least order size as a mantissa at the size exponent; 0 means none.
    pub const fn size_min_mantissa(&self) -> i64 {
        self.scaled.size_min
    }

    /// The greatest order size as a mantissa at the size exponent; 0 means none.
    pub const fn size_max_mantissa(&self) -> i64 {
        self.scaled.size_max
    }

    /// The least value of an order sized in quote currency, at the quote exponent; 0 means none.
    pub const fn quote_min_mantissa(&self) -> i64 {
        self.scaled.quote_min
    }

    /// The least order value as a mantissa at the sum of price and size exponent, so that it compares with the product
    /// of a price and a size mantissa; 0 means none.
    pub const fn value_min_mantissa(&self) -> i128 {
        self.scaled.value_min
    }
}

/// Decimal places of an increment.
fn places(increment: Fixed) -> i8 {
    let normal = Fixed128::from(increment).normalized();
    if normal.exponent() < 0 {
        normal.exponent().saturating_neg()
    } else {
        0
    }
}

/// The most places up to `wanted` at which `largest` still fits an i64, but never fewer than `least`.
fn fit(wanted: i8, least: i8, largest: i128) -> i8 {
    let mut result = wanted;
    while result > least {
        let scaled = 10i128.checked_pow(u32::from(result.unsigned_abs())).and_then(|p| p.checked_mul(largest));
        if scaled.is_some_and(|s| s <= i128::from(i64::MAX)) {
            break;
        }
        result -= 1;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(tick: &str, lot: &str, size_max: &str) -> Listing {
        Listing {
            venue: Venue::Coinbase,
            symbol: "BTC-USD".into(),
            streamed_as: None,
            base: "BTC".into(),
            quote: "USD".into(),
            tick: Fixed::parse(tick).unwrap(),
            lot: Fixed::parse(lot).unwrap(),
            quote_lot: Fixed::parse("0.01").unwrap(),
            size_min: Fixed::parse("0.00000001").unwrap(),
            size_max: Fixed::parse(size_max).unwrap(),
            notional_min: Fixed::parse("1").unwrap(),
            status: TradingStatus::Online,
        }
    }

    fn exponents(tick: &str, lot: &str, size_max: &str) -> (i8, i8) {
        Instrument::new(InstrumentId(0), AssetId(0), AssetId(1), listing(tick, lot, size_max)).exponents()
    }

    #[test]
    fn exponents_leave_room_for_a_finer_tick_and_a_big_level() {
        assert_eq!(exponents("0.01", "0.00000001", "3400"), (-8, -8));
        assert_eq!(exponents("0.00000001", "1", "37800000000"), (-10, -5));
        assert_eq!(exponents("0.000000000001", "0.1", "1000000"), (-12, -8));
    }

    #[test]
    fn new_increments_keep_the_exponents_or_are_refused() {
        let i = Instrument::new(InstrumentId(0), AssetId(0), AssetId(1), listing("0.01", "0.00000001", "3400"));
        let fixed = |text| Fixed::parse(text).unwrap();
        let finer = i.with_increments(fixed("0.001"), fixed("0.0001")).unwrap();
        assert_eq!((finer.exponents(), finer.tick_mantissa(), finer.lot_mantissa()), ((-8, -8), 100_000, 10_000));
        assert_eq!((finer.listing.tick, finer.listing.lot), (fixed("0.001"), fixed("0.0001")));
        assert_eq!(finer.size_max_mantissa(), i.size_max_mantissa());
        assert_eq!(i.with_increments(fixed("0.000000001"), fixed("0.0001")), None, "finer than the exponents");
        assert_eq!(i.with_increments(fixed("0"), fixed("0.0001")), None);
    }

    #[test]
    fn a_new_listing_is_taken_whole_at_the_old_exponents_or_not_at_all() {
        let old = Instrument::new(InstrumentId(0), AssetId(0), AssetId(1), listing("0.01", "0.00000001", "3400"));
        let fixed = |text| Fixed::parse(text).unwrap();
        let coarser = Listing { size_min: fixed("0.5"), symbol: "X-Y".into(), ..listing("0.1", "0.001", "9") };
        let new = old.with_listing(&coarser).unwrap();
        assert_eq!((new.exponents(), new.symbol(), new.id), (old.exponents(), old.symbol(), old.id));
        let figures = (new.tick_mantissa(), new.lot_mantissa(), new.size_min_mantissa(), new.size_max_mantissa());
        assert_eq!(figures, (10_000_000, 100_000, 50_000_000, 900_000_000));
        assert_eq!(new.with_listing(&old.listing), Some(old.clone()), "and back");
        for listing in [
            listing("0.000000001", "0.001", "9"),
            Listing { size_min: fixed("0.000000001"), ..coarser.clone() },
            Listing { notional_min: fixed("0.000000001"), ..coarser.clone() },
            Listing { tick: Fixed::default(), ..coarser },
        ] {
            assert_eq!(old.with_listing(&listing), None, "{listing:?}");
        }
    }

    #[test]
    fn tick_and_lot_are_mantissas_at_those_exponents() {
        let i = Instrument::new(InstrumentId(0), AssetId(0), AssetId(1), listing("0.01", "0.00000001", "3400"));
        assert_eq!((i.tick_mantissa(), i.lot_mantissa(), i.quote_lot_mantissa()), (1_000_000, 1, 1_000_000));
        assert_eq!((i.size_min_mantissa(), i.size_max_mantissa()), (1, 340_000_000_000));
        assert_eq!((i.quote_min_mantissa(), i.value_min_mantissa()), (100_000_000, 10_000_000_000_000_000));
    }
}
