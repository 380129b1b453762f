//! The symbols of the venue: from its names to our numbers and exponents.
//!
//! Owns a table that is searched by name, the last hit first and then by a sorted index: one connection carries hundreds
//! of symbols. Guarantees that entries are never removed, so an index stays good for the life of the table. Never
//! interprets a message.

use crate::record::{Instrument, InstrumentId};

/// One symbol.
#[derive(Debug, Clone)]
pub(super) struct Product {
    /// Upper case, as in payloads and requests.
    pub symbol: Box<str>,
    /// Lower case, as in stream names.
    pub stream: Box<str>,
    pub instrument: InstrumentId,
    pub price_exponent: i8,
    pub size_exponent: i8,
    /// Code of the quote asset: fees in any other are told apart.
    pub quote: Box<str>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Products {
    entries: Vec<Product>,
    /// Indices in the order of the symbols.
    by_symbol: Vec<usize>,
    last: usize,
}

impl Products {
    /// Adds the instrument, or takes over its exponents if it is there.
    pub fn know(&mut self, instrument: &Instrument) -> usize {
        let (price_exponent, size_exponent) = instrument.exponents();
        if let Some(index) = self.find_instrument(instrument.id) {
            if let Some(product) = self.entries.get_mut(index) {
                (product.price_exponent, product.size_exponent) = (price_exponent, size_exponent);
            }
            return index;
        }
        let symbol = instrument.symbol().to_ascii_uppercase();
        let index = self.entries.len();
        let place = self.place(&symbol).unwrap_or_else(|place| place);
        self.by_symbol.insert(place, index);
        self.entries.push(Product {
            stream: symbol.to_ascii_lowercase().into(),
            symbol: symbol.into(),
            instrument: instrument.id,
            price_exponent,
            size_exponent,
            quote: instrument.listing.quote.clone(),
        });
        index
    }

    /// The product of a payload's `s`.
    #[inline]
    pub fn find(&mut self, symbol: &str) -> Option<usize> {
        if self.entries.get(self.last).is_some_and(|p| p.symbol.as_ref() == symbol) {
            return Some(self.last);
        }
        let place = self.place(symbol).ok()?;
        self.last = self.by_symbol.get(place).copied()?;
        Some(self.last)
    }

    /// The product of a stream's name, without its suffix.
    pub fn find_stream(&mut self, name: &str) -> Option<usize> {
        if self.entries.get(self.last).is_some_and(|p| p.stream.as_ref() == name) {
            return Some(self.last);
        }
        let mut upper = arrayvec::ArrayString::<32>::new();
        upper.try_push_str(name).ok()?;
        upper.make_ascii_uppercase();
        self.find(&upper)
    }

    pub fn find_instrument(&self, instrument: InstrumentId) -> Option<usize> {
        self.entries.iter().position(|p| p.instrument == instrument)
    }

    #[inline]
    pub fn get(&self, index: usize) -> Option<&Product> {
        self.entries.get(index)
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    fn place(&self, symbol: &str) -> Result<usize, usize> {
        self.by_symbol.binary_search_by(|index| {
            self.entries.get(*index).map_or("", |product| product.symbol.as_ref()).cmp(symbol)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::instrument;
    use super::*;

    #[test]
    fn names_of_both_kinds_find_their_product_whatever_was_found_before() {
        let mut products = Products::default();
        let names = ["BTCUSD", "ETHUSD", "ADAUSD", "1INCHUSD", "BTCUSDT"];
        let indices: Vec<usize> =
            names.iter().enumerate().map(|(id, name)| products.know(&instrument(id as u32, name))).collect();
        for _ in 0..2 {
            for (name, index) in names.iter().zip(&indices) {
                assert_eq!(products.find(name), Some(*index));
                assert_eq!(products.find_stream(&name.to_ascii_lowercase()), Some(*index));
            }
            assert_eq!((products.find("BTCUS"), products.find_stream("btcus")), (None, None));
        }
        assert_eq!(products.know(&instrument(0, "BTCUSD")), indices[0]);
        assert_eq!(products.len(), 5);
    }
}
