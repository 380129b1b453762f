//! The products of one connection: from the venue's names to our numbers and exponents.
//!
//! Owns a short table that is searched by comparing names, the last hit first: frames of one product come in runs, and
//! a connection carries at most a few dozen. Guarantees that entries are never removed, so an index stays good for the
//! life of the session. Never interprets a message beyond the lists of names
//! in an acknowledgement.

use super::stream::excerpt;
use crate::codec::json::{Cursor, JsonError};
use crate::record::{Instrument, InstrumentId};
use crate::venue::{Anomaly, Channels, Facts};

/// How this connection stands with the book of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BookState {
    /// Not subscribed: what still arrives is left over.
    Unwanted,
    /// Subscribed; a snapshot is due and changes before it mean nothing.
    Waiting,
    /// A snapshot came and everything since.
    Held,
    /// Known to be wrong and not yet asked for again: nothing of it counts, not even a snapshot on its way.
    Doubtful,
}

/// One product.
#[derive(Debug)]
pub struct Product {
    pub symbol: Box<str>,
    pub instrument: InstrumentId,
    pub price_exponent: i8,
    pub size_exponent: i8,
    pub book: BookState,
    /// Channels on which data came since the session last looked.
    pub seen: Channels,
    /// Channels the last acknowledgement listed.
    pub listed: Channels,
}

#[derive(Debug, Default)]
pub struct Products {
    entries: Vec<Product>,
    /// Names under which public channels send a product, where they differ from the one subscribed: `BTC-USD` for
    /// `BTC-USDC` (Coinbase reference 7.1). The user channel and orders keep the submitted name.
    aliases: Vec<(Box<str>, usize)>,
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
            book: BookState::Unwanted,
            seen: Channels::NONE,
            listed: Channels::NONE,
        });
        self.entries.len().saturating_sub(1)
    }

    /// Public frames that say `streamed` mean this product.
    pub fn alias(&mut self, streamed: &str, index: usize) {
        match self.aliases.iter_mut().find(|(name, _)| name.as_ref() == streamed) {
            Some((_, target)) => *target = index,
            None => self.aliases.push((streamed.into(), index)),
        }
    }

    /// The product of a name as submitted: orders, user channel.
    #[inline]
    pub fn find(&mut self, symbol: &str) -> Option<usize> {
        if self.entries.get(self.last).is_some_and(|p| p.symbol.as_ref() == symbol) {
            return Some(self.last);
        }
        let index = self.entries.iter().position(|p| p.symbol.as_ref() == symbol)?;
        self.last = index;
        Some(index)
    }

    /// The product of a name in a public frame.
    #[inline]
    pub fn find_streamed(&mut self, symbol: &str) -> Option<usize> {
        if let Some(index) = self.find(symbol) {
            return Some(index);
        }
        self.aliases.iter().find(|(name, _)| name.as_ref() == symbol).map(|(_, index)| *index)
    }

    pub fn find_instrument(&self, instrument: InstrumentId) -> Option<usize> {
        self.entries.iter().position(|p| p.instrument == instrument)
    }

    #[inline]
    pub fn get(&self, index: usize) -> Option<&Product> {
        self.entries.get(index)
    }

    #[inline]
    pub fn get_mut(&mut self, index: usize) -> Option<&mut Product> {
        self.entries.get_mut(index)
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// A connection opened: nothing is subscribed.
    pub fn opened(&mut self) {
        for product in &mut self.entries {
            (product.book, product.seen, product.listed) = (BookState::Unwanted, Channels::NONE, Channels::NONE);
        }
    }

    /// Notes what an acknowledgement lists under one channel, an array of names.
    pub fn list(
        &mut self,
        channel: Channels,
        cursor: &mut Cursor<'_, '_>,
        facts: &mut impl Facts,
    ) -> Result<(), JsonError> {
        let mut items = cursor.array()?;
        while items.next_item(cursor)? {
            let name = cursor.str()?;
            match self.find_streamed(name).and_then(|index| self.entries.get_mut(index)) {
                Some(product) => product.listed = product.listed.with(channel),
                None => facts.anomaly(Anomaly::UnknownInstrument, excerpt(name)),
            }
        }
        Ok(())
    }

    /// Every book that is held or waited for may be wrong.
    #[cold]
    pub fn doubt_all(&mut self) {
        for product in self.entries.iter_mut().filter(|product| product.book != BookState::Unwanted) {
            product.book = BookState::Doubtful;
        }
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
    use super::super::testing::instrument;
    use super::*;

    #[test]
    fn names_find_their_product_whatever_was_found_before() {
        let mut products = Products::default();
        let (btc, eth) = (products.know(&instrument(0, "BTC-USD")), products.know(&instrument(1, "ETH-USD")));
        for _ in 0..2 {
            assert_eq!(products.find("ETH-USD"), Some(eth));
            assert_eq!(products.find("BTC-USD"), Some(btc));
            assert_eq!(products.find("BTC-US"), None);
        }
        assert_eq!(products.know(&instrument(0, "BTC-USD")), btc);
        assert_eq!(products.iter().count(), 2);
    }

    #[test]
    fn an_alias_counts_in_public_frames_only() {
        let mut products = Products::default();
        let index = products.know(&instrument(0, "BTC-USDC"));
        products.alias("BTC-USD", index);
        assert_eq!(products.find_streamed("BTC-USD"), Some(index));
        assert_eq!(products.find_streamed("BTC-USDC"), Some(index));
        assert_eq!(products.find("BTC-USD"), None);
    }
}
