//! The products of one connection: from the venue's names to our numbers and exponents.
//!
//! Owns a short table that is searched by comparing names, the last hit first: frames of one product come in runs, and
//! a connection carries at most a few dozen. Guarantees that entries are never removed, so an index stays good for the
//! life of the session. Never interprets a message beyond the lists of names
//! in an acknowledgement.
//!
//! **Streams.** Public channels send `BTC-USDC` as `BTC-USD`: one stream, whichever of the two is subscribed (Coinbase
//! reference 7.1). Products that share a stream are linked; the first known is its head. Subscriptions are those of
//! heads, under the stream's name; what comes is told of every member that wants it. The user channel and orders keep
//! the products' own names.

use super::stream::excerpt;
use crate::codec::json::{Cursor, JsonError};
use crate::record::{Instrument, InstrumentId};
use crate::venue::{Anomaly, Channels, Facts};

/// Products besides the head that may share a stream; the venue pairs two.
pub(super) const TWINS_MAX: usize = 3;

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
    /// The name of its stream, and what it is subscribed under.
    pub streamed_as: Box<str>,
    pub instrument: InstrumentId,
    pub price_exponent: i8,
    pub size_exponent: i8,
    pub book: BookState,
    /// Channels somebody wants of it.
    pub wanted: Channels,
    /// Channels on which data came since the session last looked. Counts on heads only, like `listed`.
    pub seen: Channels,
    /// Channels the last acknowledgement listed.
    pub listed: Channels,
    /// What the status channel said last, so that repetitions are told once.
    pub status: Option<StatusTold>,
    head: usize,
    next: Option<usize>,
}

/// What was told of a product's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusTold {
    pub status: crate::record::TradingStatus,
    /// Tick and lot, where the row was the product's own.
    pub increments: Option<(crate::record::Fixed, crate::record::Fixed)>,
}

impl Product {
    /// Data came on the channel. Written only where it is news: a narrow write right before wider reads of the same word
    /// holds these up.
    #[inline]
    pub fn saw(&mut self, channel: Channels) {
        if !self.seen.contains(channel) {
            self.seen = self.seen.with(channel);
        }
    }

    /// Whether an event of the book counts: a snapshot where one is due, changes where one came. After a snapshot the book is
    /// not held before its last level is in.
    #[inline]
    pub fn admits_book(&mut self, snapshot: bool) -> bool {
        let admits = match self.book {
            BookState::Held => true,
            BookState::Waiting => snapshot,
            BookState::Unwanted | BookState::Doubtful => false,
        };
        if admits && snapshot {
            self.book = BookState::Waiting;
        }
        admits
    }
}

#[derive(Debug, Default)]
pub struct Products {
    entries: Vec<Product>,
    last: usize,
    last_streamed: usize,
    shared: bool,
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
        let index = self.entries.len();
        let mut streamed_as = instrument.streamed_as();
        let mut head = self.entries.iter().position(|p| p.streamed_as.as_ref() == streamed_as).unwrap_or(index);
        if self.members(head).count() > TWINS_MAX {
            // Not met; then it is asked for by its own name, and the acknowledgement will tell.
            (streamed_as, head) = (instrument.symbol(), index);
        }
        if let Some(last) = self.members(head).last().and_then(|last| self.entries.get_mut(last)) {
            last.next = Some(index);
            self.shared = true;
        }
        self.entries.push(Product {
            symbol: instrument.symbol().into(),
            streamed_as: streamed_as.into(),
            instrument: instrument.id,
            price_exponent,
            size_exponent,
            book: BookState::Unwanted,
            wanted: Channels::NONE,
            seen: Channels::NONE,
            listed: Channels::NONE,
            status: None,
            head,
            next: None,
        });
        index
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

    /// The head of the stream that a public frame names; by a product's own name too, should the venue use that.
    #[inline]
    pub fn find_streamed(&mut self, name: &str) -> Option<usize> {
        if self.entries.get(self.last_streamed).is_some_and(|p| p.streamed_as.as_ref() == name) {
            return Some(self.last_streamed);
        }
        let index = match self.entries.iter().position(|p| p.streamed_as.as_ref() == name) {
            Some(index) => index,
            None => {
                let index = self.find(name)?;
                self.head_of(index)
            }
        };
        self.last_streamed = index;
        Some(index)
    }

    pub fn find_instrument(&self, instrument: InstrumentId) -> Option<usize> {
        self.entries.iter().position(|p| p.instrument == instrument)
    }

    /// The head of a product's stream; itself, unless it shares one.
    pub fn head_of(&self, index: usize) -> usize {
        self.entries.get(index).map_or(index, |p| p.head)
    }

    /// Whether any two products share a stream.
    #[inline]
    pub const fn any_shared(&self) -> bool {
        self.shared
    }

    /// Whether this product shares its stream.
    #[cfg(test)]
    pub fn is_shared(&self, index: usize) -> bool {
        self.shared && self.members(self.head_of(index)).nth(1).is_some()
    }

    /// The products of a stream, its head first.
    pub fn members(&self, head: usize) -> impl Iterator<Item = usize> + '_ {
        let first = (head < self.entries.len()).then_some(head);
        std::iter::successors(first, |index| self.entries.get(*index)?.next)
    }

    /// The next product of the same stream.
    #[inline]
    pub fn next_member(&self, index: usize) -> Option<usize> {
        self.entries.get(index)?.next
    }

    /// What anybody wants of a stream.
    pub fn wanted_of_stream(&self, head: usize) -> Channels {
        let wanted = self.members(head).filter_map(|index| self.entries.get(index)).map(|p| p.wanted);
        wanted.fold(Channels::NONE, Channels::with)
    }

    /// Whether every book wanted of a stream is held.
    pub fn books_held(&self, head: usize) -> bool {
        let mut members = self.members(head).filter_map(|index| self.entries.get(index));
        members.all(|p| p.book == BookState::Held || !p.wanted.contains(Channels::BOOK))
    }

    #[inline]
    pub fn get(&self, index: usize) -> Option<&Product> {
        self.entries.get(index)
    }

    #[inline]
    pub fn get_mut(&mut self, index: usize) -> Option<&mut Product> {
        self.entries.get_mut(index)
    }

    /// A connection opened: nothing is subscribed.
    pub fn opened(&mut self) {
        for product in &mut self.entries {
            (product.book, product.seen, product.listed) = (BookState::Unwanted, Channels::NONE, Channels::NONE);
            product.status = None;
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

    /// The first product of every stream of which anything is wanted.
    pub fn wanted_heads(&self) -> impl Iterator<Item = &Product> {
        let heads = self.entries.iter().enumerate().filter(|(index, product)| product.head == *index);
        heads.filter(|(index, _)| !self.wanted_of_stream(*index).is_empty()).map(|(_, product)| product)
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Product> {
        self.entries.iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{instrument, streamed_as};
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
        assert_eq!(products.iter_mut().count(), 2);
        assert!(!products.any_shared() && !products.is_shared(btc));
    }

    #[test]
    fn a_book_takes_a_snapshot_where_one_is_due_and_changes_where_one_came() {
        let mut products = Products::default();
        let index = products.know(&instrument(0, "BTC-USD"));
        let product = products.get_mut(index).unwrap();
        for (book, snapshot, admits, then) in [
            (BookState::Unwanted, true, false, BookState::Unwanted),
            (BookState::Unwanted, false, false, BookState::Unwanted),
            (BookState::Waiting, true, true, BookState::Waiting),
            (BookState::Waiting, false, false, BookState::Waiting),
            (BookState::Held, true, true, BookState::Waiting),
            (BookState::Held, false, true, BookState::Held),
            (BookState::Doubtful, true, false, BookState::Doubtful),
            (BookState::Doubtful, false, false, BookState::Doubtful),
        ] {
            product.book = book;
            assert_eq!((product.admits_book(snapshot), product.book), (admits, then), "{book:?} {snapshot}");
        }
    }

    #[test]
    fn an_alias_counts_in_public_frames_only() {
        let mut products = Products::default();
        let index = products.know(&streamed_as(0, "BTC-USDC", "BTC-USD"));
        assert_eq!(products.find_streamed("BTC-USD"), Some(index));
        assert_eq!(products.find_streamed("BTC-USDC"), Some(index));
        assert_eq!(products.find("BTC-USD"), None);
    }

    #[test]
    fn products_of_one_stream_are_linked_in_the_order_they_came() {
        let mut products = Products::default();
        let usdc = products.know(&streamed_as(0, "BTC-USDC", "BTC-USD"));
        let eth = products.know(&instrument(1, "ETH-USD"));
        let usd = products.know(&instrument(2, "BTC-USD"));
        assert_eq!(products.members(usdc).collect::<Vec<_>>(), [usdc, usd]);
        assert_eq!(
            (products.head_of(usd), products.next_member(usdc), products.next_member(usd)),
            (usdc, Some(usd), None)
        );
        assert!(products.is_shared(usd) && products.is_shared(usdc) && !products.is_shared(eth));
        assert_eq!(products.find_streamed("ETH-USD"), Some(eth));
        assert_eq!(products.find_streamed("BTC-USD"), Some(usdc), "the head, whoever is asked for");
        assert_eq!((products.find("BTC-USD"), products.find("BTC-USDC")), (Some(usd), Some(usdc)));
    }

    #[test]
    fn more_products_than_a_stream_has_places_for_stand_alone() {
        let mut products = Products::default();
        for id in 0..=TWINS_MAX as u32 {
            products.know(&streamed_as(id, &format!("BTC-X{id}"), "BTC-USD"));
        }
        let alone = products.know(&streamed_as(9, "BTC-X9", "BTC-USD"));
        assert_eq!(products.get(alone).unwrap().streamed_as.as_ref(), "BTC-X9");
        assert!(!products.is_shared(alone));
        assert_eq!(products.members(0).count(), TWINS_MAX + 1);
    }
}
