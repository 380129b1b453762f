//! The account's instruments: from the venue's names to our numbers and exponents, and the rules each has.
//!
//! Owns the rules as the account's own rows give them (OANDA reference 3: they differ by division and are never derived
//! from a name), and a short table searched by comparing names, the last hit first. Guarantees that entries are never
//! removed, so that an index stays good for the life of a session. Never interprets a message.

use crate::record::{Fixed, Instrument, InstrumentId, Listing, TradingStatus, UnixNanos, Venue};
use crate::venue::Channels;

/// Whether guaranteed stops may, must or cannot be attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum GuaranteedStops {
    /// Not offered for this account and instrument.
    #[default]
    Disabled,
    /// May be attached.
    Allowed,
    /// Every trade needs one.
    Required,
}

/// One row of the account's instruments (OANDA reference 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstrumentRules {
    /// The venue's name, such as `EUR_USD`.
    pub name: Box<str>,
    /// `CURRENCY`, `CFD` or `METAL`.
    pub kind: Box<str>,
    /// Decimals of a price.
    pub display_precision: u8,
    /// Decimals of a quantity.
    pub trade_units_precision: u8,
    /// Power of ten of a pip.
    pub pip_location: i8,
    /// Least units of an order.
    pub units_min: Fixed,
    /// Most units of an order.
    pub units_max: Fixed,
    /// Most units of a position; zero: no limit.
    pub position_max: Fixed,
    /// Least distance of a trailing stop, quote currency; zero: none told.
    pub trailing_min: Fixed,
    /// Greatest distance of a trailing stop, quote currency; zero: none told.
    pub trailing_max: Fixed,
    /// Margin per value, such as 0.02.
    pub margin_rate: Fixed,
    /// Whether guaranteed stops may be attached.
    pub guaranteed_stops: GuaranteedStops,
    /// Least distance of a guaranteed stop, quote currency, if told.
    pub guaranteed_distance_min: Option<Fixed>,
}

impl InstrumentRules {
    /// The price increment.
    pub fn tick(&self) -> Fixed {
        increment(self.display_precision)
    }

    /// The increment of units.
    pub fn lot(&self) -> Fixed {
        increment(self.trade_units_precision)
    }

    /// The row in the vocabulary of all venues. Whether it is tradeable is told by its prices alone.
    pub fn listing(&self) -> Listing {
        let (base, quote) = self.name.split_once('_').unwrap_or((&self.name, ""));
        Listing {
            venue: Venue::Oanda,
            symbol: self.name.clone(),
            streamed_as: None,
            base: base.into(),
            quote: quote.into(),
            tick: self.tick(),
            lot: self.lot(),
            quote_lot: self.tick(),
            size_min: self.units_min,
            size_max: self.units_max,
            notional_min: Fixed::default(),
            status: TradingStatus::Unknown,
        }
    }
}

fn increment(places: u8) -> Fixed {
    Fixed::new(1, i8::try_from(places).unwrap_or(i8::MAX).saturating_neg())
}

/// One instrument of a session.
#[derive(Debug)]
pub(super) struct Product {
    pub symbol: Box<str>,
    pub instrument: InstrumentId,
    pub price_exponent: i8,
    pub size_exponent: i8,
    pub wanted: Channels,
    /// The open stream was asked for it.
    pub requested: bool,
    /// A price came since the stream opened.
    pub seen: bool,
    /// What the last price said, on this connection.
    pub tradeable: Option<bool>,
    /// The venue's time of the last price told.
    pub told: UnixNanos,
    /// Prices up to this time were told by the stream before this one.
    pub skip_to: UnixNanos,
}

#[derive(Debug, Default)]
pub(super) struct Products {
    entries: Vec<Product>,
    last: usize,
}

impl Products {
    /// Adds the instrument, or takes over its exponents if it is there.
    pub fn know(&mut self, instrument: &Instrument) -> usize {
        let (price_exponent, size_exponent) = instrument.exponents();
        if let Some(index) = self.entries.iter().position(|p| p.instrument == instrument.id) {
            if let Some(product) = self.entries.get_mut(index) {
                (product.price_exponent, product.size_exponent) = (price_exponent, size_exponent);
            }
            return index;
        }
        self.entries.push(Product {
            symbol: instrument.symbol().into(),
            instrument: instrument.id,
            price_exponent,
            size_exponent,
            wanted: Channels::NONE,
            requested: false,
            seen: false,
            tradeable: None,
            told: UnixNanos::NONE,
            skip_to: UnixNanos::NONE,
        });
        self.entries.len().saturating_sub(1)
    }

    /// The index of a name.
    #[inline]
    pub fn find(&mut self, symbol: &str) -> Option<usize> {
        if self.entries.get(self.last).is_some_and(|p| p.symbol.as_ref() == symbol) {
            return Some(self.last);
        }
        let index = self.entries.iter().position(|p| p.symbol.as_ref() == symbol)?;
        self.last = index;
        Some(index)
    }

    pub fn find_instrument(&self, instrument: InstrumentId) -> Option<usize> {
        self.entries.iter().position(|p| p.instrument == instrument)
    }

    pub fn get(&self, index: usize) -> Option<&Product> {
        self.entries.get(index)
    }

    #[inline]
    pub fn get_mut(&mut self, index: usize) -> Option<&mut Product> {
        self.entries.get_mut(index)
    }

    /// The product of a name.
    #[inline]
    pub fn named(&mut self, symbol: &str) -> Option<&Product> {
        let index = self.find(symbol)?;
        self.entries.get(index)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Product> {
        self.entries.iter()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Product> {
        self.entries.iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{instrument, rules};
    use super::*;

    #[test]
    fn names_find_their_product_whatever_was_found_before() {
        let mut products = Products::default();
        let (eur, jpy) = (products.know(&instrument(0, "EUR_USD")), products.know(&instrument(1, "USD_JPY")));
        for _ in 0..2 {
            assert_eq!(products.find("USD_JPY"), Some(jpy));
            assert_eq!(products.find("EUR_USD"), Some(eur));
            assert_eq!(products.find("EUR_US"), None);
        }
        assert_eq!(products.know(&instrument(0, "EUR_USD")), eur);
        assert_eq!(products.iter().count(), 2);
    }

    #[test]
    fn a_row_is_a_listing_with_increments_from_its_precisions() {
        let listing = rules("USD_JPY").listing();
        assert_eq!((listing.base.as_ref(), listing.quote.as_ref()), ("USD", "JPY"));
        assert_eq!((listing.tick.to_string(), listing.lot.to_string()), ("0.001".into(), "1".into()));
        assert_eq!((listing.size_min.to_string(), listing.size_max.to_string()), ("1".into(), "100000000".into()));
    }
}
