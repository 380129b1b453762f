//! Streams that several products share (Coinbase reference 7.1): what is told of the head is told of the others, each at
//! its own exponents.
//!
//! Owns the second and further readings of a book event. Guarantees that a fault in any of them makes every book of the
//! stream doubtful, since one message carries them all. Costs nothing on connections without such products.

use super::market::OpenBook;
use super::{Cursor, Decoder, EventHead, Fault};
use crate::venue::Facts;

impl Decoder {
    /// The rows of a whole book event, for every product of its stream.
    pub(super) fn shared_books(
        &mut self,
        sequence: u64,
        event: &EventHead<'_>,
        cursor: &mut Cursor<'_, '_>,
        facts: &mut impl Facts,
    ) -> Result<(), Fault> {
        let mut next = self.products.find_streamed(event.product);
        if next.is_none() {
            // Nobody's: counted where it is for one product.
            self.open_book(sequence, event, facts)?;
        }
        while let Some(index) = next {
            if let Some(mut book) = self.open_book_of(index, sequence, event)? {
                self.levels(&mut book, &mut cursor.clone(), facts)?;
                self.close_book(&mut book, facts);
            }
            next = self.products.next_member(index);
        }
        cursor.skip().map_err(Fault::from)
    }

    /// The books of a long event beside its head's, opened.
    pub(super) fn open_twins(&mut self, head: usize, sequence: u64, event: &EventHead<'_>) -> Result<(), Fault> {
        self.twins.clear();
        let mut next = self.products.next_member(head);
        while let Some(index) = next {
            if let Some(book) = self.open_book_of(index, sequence, event)? {
                // A stream has no more members than there are places.
                let _ = self.twins.try_push(book);
            }
            next = self.products.next_member(index);
        }
        Ok(())
    }

    /// A slice of a long event, for the books beside the head's.
    pub(super) fn twin_levels(
        &mut self,
        cursor: &Cursor<'_, '_>,
        last: bool,
        facts: &mut impl Facts,
    ) -> Result<(), Fault> {
        let mut twins = std::mem::take(&mut self.twins);
        let mut result = Ok(());
        for book in &mut twins {
            result = self.levels(book, &mut cursor.clone(), facts).map(|()| self.end_slice(book, last, facts));
            if result.is_err() {
                break;
            }
        }
        self.twins = twins;
        result
    }

    /// Ends what a slice told of a book: the part, or with the last slice the event.
    pub(super) fn end_slice(&mut self, book: &mut OpenBook, last: bool, facts: &mut impl Facts) {
        if last {
            self.close_book(book, facts);
        } else {
            self.cut_book(book, facts);
        }
    }
}
