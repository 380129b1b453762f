//! A forward-only reader over the tape of one JSON text.
//!
//! Owns the position in the tape. Guarantees that every wrong type, every missing value and every value that a walk
//! forgot or read twice is a typed [`JsonError`], and that skipping costs the same for any value. Never goes back,
//! never allocates, never returns a number that was a float.
//!
//! An object is walked like this; nothing in the loop borrows anything but the cursor for the length of one call:
//! ```
//! # use exchange_connectors::codec::json::{JsonError, Plain};
//! # let mut plain = Plain::new(4096);
//! # let mut text = br#"{"side":"bid","price_level":"83277.25","levels":[1,2]}"#.to_vec();
//! let (price, levels) = plain.parse(&mut text, |cursor| {
//!     let (mut price, mut levels) = ("", 0);
//!     let mut fields = cursor.object()?;
//!     while let Some(key) = fields.next_key(cursor)? {
//!         match key {
//!             "price_level" => price = cursor.str()?,
//!             "levels" => {
//!                 let mut items = cursor.array()?;
//!                 while items.next_item(cursor)? {
//!                     levels += cursor.u64()?;
//!                 }
//!             }
//!             _ => cursor.skip()?,
//!         }
//!     }
//!     Ok::<_, JsonError>((price, levels))
//! })?;
//! assert_eq!((price, levels), ("83277.25", 3));
//! # Ok::<(), JsonError>(())
//! ```

use super::error::{JsonError, JsonKind, KeyText};
use crate::record::digits::integer;
use simd_json::{Node, StaticNode};

/// The reader. `'t` is the tape, `'i` the text that the strings lie in. A clone remembers a place: two references.
#[derive(Debug, Clone)]
pub struct Cursor<'t, 'i> {
    rest: &'t [Node<'i>],
    key: &'i str,
}

/// The members of one object still to be read. Holds no borrow: hand it the cursor it came from.
#[derive(Debug)]
#[must_use = "an object is read member by member, or skipped with `skip_rest`"]
pub struct Fields {
    left: usize,
    /// Nodes that remain on the tape once the object is read.
    end: usize,
}

/// The elements of one array still to be read. Holds no borrow: hand it the cursor it came from.
#[derive(Debug)]
#[must_use = "an array is read element by element, or skipped with `skip_rest`"]
pub struct Items {
    left: usize,
    /// Nodes that remain on the tape once the array is read.
    end: usize,
}

impl<'t, 'i> Cursor<'t, 'i> {
    pub(super) fn new(tape: &'t [Node<'i>]) -> Self {
        Self { rest: tape, key: "" }
    }

    /// Enters an object.
    #[inline]
    pub fn object(&mut self) -> Result<Fields, JsonError> {
        match self.rest.split_first() {
            Some((&Node::Object { len, count }, rest)) => {
                self.rest = rest;
                Ok(Fields { left: len, end: self.end_after(count)? })
            }
            _ => Err(self.unexpected(JsonKind::Object)),
        }
    }

    /// Enters an array.
    #[inline]
    pub fn array(&mut self) -> Result<Items, JsonError> {
        match self.rest.split_first() {
            Some((&Node::Array { len, count }, rest)) => {
                self.rest = rest;
                Ok(Items { left: len, end: self.end_after(count)? })
            }
            _ => Err(self.unexpected(JsonKind::Array)),
        }
    }

    /// A string, unescaped. The only way to read money.
    #[inline]
    pub fn str(&mut self) -> Result<&'i str, JsonError> {
        match self.rest.split_first() {
            Some((&Node::String(text), rest)) => {
                self.rest = rest;
                Ok(text)
            }
            _ => Err(self.unexpected(JsonKind::String)),
        }
    }

    /// A string, or `None` for `null`.
    #[inline]
    pub fn str_or_null(&mut self) -> Result<Option<&'i str>, JsonError> {
        if self.take_null() {
            return Ok(None);
        }
        self.str().map(Some)
    }

    /// `true` or `false`.
    #[inline]
    pub fn bool(&mut self) -> Result<bool, JsonError> {
        match self.rest.split_first() {
            Some((&Node::Static(StaticNode::Bool(value)), rest)) => {
                self.rest = rest;
                Ok(value)
            }
            _ => Err(self.unexpected(JsonKind::Bool)),
        }
    }

    /// A boolean, or its text: Coinbase quotes some (`post_only`, Coinbase reference 6.8).
    pub fn bool_or_text(&mut self) -> Result<bool, JsonError> {
        match self.rest.split_first() {
            Some((&Node::String("true"), rest)) => {
                self.rest = rest;
                Ok(true)
            }
            Some((&Node::String("false"), rest)) => {
                self.rest = rest;
                Ok(false)
            }
            _ => self.bool(),
        }
    }

    /// An unsigned integer outside quotes: counters, sequences, ids. Never money.
    #[inline]
    pub fn u64(&mut self) -> Result<u64, JsonError> {
        match self.rest.split_first() {
            Some((&Node::Static(StaticNode::U64(value)), rest)) => {
                self.rest = rest;
                Ok(value)
            }
            Some((&Node::Static(StaticNode::I64(value)), rest)) => {
                let value = u64::try_from(value).map_err(|_| self.out_of_range("u64"))?;
                self.rest = rest;
                Ok(value)
            }
            _ => Err(self.unexpected(JsonKind::Integer)),
        }
    }

    /// A signed integer outside quotes: counters, times, ids. Never money.
    #[inline]
    pub fn i64(&mut self) -> Result<i64, JsonError> {
        match self.rest.split_first() {
            Some((&Node::Static(StaticNode::I64(value)), rest)) => {
                self.rest = rest;
                Ok(value)
            }
            Some((&Node::Static(StaticNode::U64(value)), rest)) => {
                let value = i64::try_from(value).map_err(|_| self.out_of_range("i64"))?;
                self.rest = rest;
                Ok(value)
            }
            _ => Err(self.unexpected(JsonKind::Integer)),
        }
    }

    /// An unsigned integer, or its decimal text: venues quote the same counter on one day and not on another
    /// (`heartbeat_counter`, Coinbase reference 6.3). No sign, no spaces, no empty text.
    #[inline]
    pub fn u64_or_text(&mut self) -> Result<u64, JsonError> {
        match self.rest.split_first() {
            Some((&Node::String(text), rest)) => {
                let value = self.u64_of(text)?;
                self.rest = rest;
                Ok(value)
            }
            _ => self.u64(),
        }
    }

    /// The number a string just taken names, by the rules of [`Cursor::u64_or_text`].
    #[inline]
    pub fn u64_of(&self, text: &str) -> Result<u64, JsonError> {
        digits(text).ok_or_else(|| self.out_of_range("u64"))
    }

    /// Takes a `null` if it is next; leaves anything else.
    #[inline]
    pub fn take_null(&mut self) -> bool {
        match self.rest.split_first() {
            Some((Node::Static(StaticNode::Null), rest)) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// Steps over one whole value of any type, in constant time.
    #[inline]
    pub fn skip(&mut self) -> Result<(), JsonError> {
        let nodes = match self.rest.first() {
            Some(&(Node::Object { count, .. } | Node::Array { count, .. })) => count.saturating_add(1),
            _ => 1,
        };
        match self.rest.split_at_checked(nodes) {
            Some((_, rest)) => {
                self.rest = rest;
                Ok(())
            }
            None => Err(self.out_of_step()),
        }
    }

    /// The type of the next value, without taking it. Inside an object, between members, this is the key: a string.
    #[must_use]
    pub fn peek(&self) -> JsonKind {
        match self.rest.first() {
            None => JsonKind::Nothing,
            Some(Node::String(_)) => JsonKind::String,
            Some(Node::Object { .. }) => JsonKind::Object,
            Some(Node::Array { .. }) => JsonKind::Array,
            Some(Node::Static(StaticNode::Null)) => JsonKind::Null,
            Some(Node::Static(StaticNode::Bool(_))) => JsonKind::Bool,
            Some(Node::Static(StaticNode::I64(_) | StaticNode::U64(_))) => JsonKind::Integer,
            // Also whatever wide integers a feature of simd-json elsewhere in the build may switch on.
            Some(Node::Static(_)) => JsonKind::Fraction,
        }
    }

    /// The key last read, at any depth; empty before the first. For callers' own errors.
    #[must_use]
    pub fn last_key(&self) -> &'i str {
        self.key
    }

    #[inline]
    fn key(&mut self) -> Result<&'i str, JsonError> {
        match self.rest.split_first() {
            Some((&Node::String(key), rest)) => {
                self.rest = rest;
                self.key = key;
                Ok(key)
            }
            _ => Err(self.out_of_step()),
        }
    }

    #[inline]
    fn end_after(&self, count: usize) -> Result<usize, JsonError> {
        self.rest.len().checked_sub(count).ok_or_else(|| self.out_of_step())
    }

    fn skip_to(&mut self, end: usize) -> Result<(), JsonError> {
        let nodes = self.rest.len().checked_sub(end).ok_or_else(|| self.out_of_step())?;
        let (_, rest) = self.rest.split_at_checked(nodes).ok_or_else(|| self.out_of_step())?;
        self.rest = rest;
        Ok(())
    }

    #[cold]
    fn unexpected(&self, expected: JsonKind) -> JsonError {
        let key = KeyText::new(self.key);
        match self.peek() {
            JsonKind::Fraction => JsonError::UnquotedNumber { key },
            found => JsonError::Unexpected { expected, found, key },
        }
    }

    #[cold]
    fn out_of_range(&self, wanted: &'static str) -> JsonError {
        JsonError::OutOfRange { wanted, key: KeyText::new(self.key) }
    }

    #[cold]
    fn out_of_step(&self) -> JsonError {
        JsonError::OutOfStep { key: KeyText::new(self.key) }
    }
}

impl Fields {
    /// The next member's key; its value is then next on the cursor and must be taken or skipped. `None` at the end.
    /// Keys come in the order of the text, and a key that is repeated there comes again.
    #[inline]
    pub fn next_key<'i>(&mut self, cursor: &mut Cursor<'_, 'i>) -> Result<Option<&'i str>, JsonError> {
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                cursor.key().map(Some)
            }
            None if cursor.rest.len() == self.end => Ok(None),
            None => Err(cursor.out_of_step()),
        }
    }

    /// The values of the next members, if these are strings under these very keys in this order; otherwise nothing is
    /// taken. For members that come in a known order nearly always: that costs one look at them all, and a loop over
    /// [`Fields::next_key`] behind it reads whatever came otherwise.
    // Always in line: with the keys known, a comparison is an instruction or two; out of line, it is a call.
    #[inline(always)]
    pub fn next_strs<'i, const N: usize>(
        &mut self,
        keys: [&str; N],
        cursor: &mut Cursor<'_, 'i>,
    ) -> Option<[&'i str; N]> {
        let left = self.left.checked_sub(N)?;
        let (members, rest) = cursor.rest.split_at_checked(N.checked_mul(2)?)?;
        let (mut values, mut last_key) = ([""; N], cursor.key);
        for ((member, key), value) in members.chunks_exact(2).zip(keys).zip(&mut values) {
            match member {
                [Node::String(found), Node::String(text)] if *found == key => (*value, last_key) = (text, found),
                _ => return None,
            }
        }
        (self.left, cursor.rest, cursor.key) = (left, rest, last_key);
        Some(values)
    }

    /// As [`Fields::next_strs`], for one unsigned integer outside quotes.
    #[inline(always)]
    pub fn next_u64(&mut self, key: &str, cursor: &mut Cursor<'_, '_>) -> Option<u64> {
        match (self.left.checked_sub(1), cursor.rest) {
            (Some(left), [Node::String(found), Node::Static(StaticNode::U64(number)), rest @ ..]) if *found == key => {
                (self.left, cursor.rest, cursor.key) = (left, rest, found);
                Some(*number)
            }
            _ => None,
        }
    }

    /// Members not read yet.
    #[must_use]
    pub fn left(&self) -> usize {
        self.left
    }

    /// Leaves the object, whatever is unread in it, also in the middle of a nested value.
    pub fn skip_rest(self, cursor: &mut Cursor<'_, '_>) -> Result<(), JsonError> {
        cursor.skip_to(self.end)
    }
}

impl Items {
    /// True if there is another element; it is then next on the cursor and must be taken or skipped.
    #[inline]
    pub fn next_item(&mut self, cursor: &mut Cursor<'_, '_>) -> Result<bool, JsonError> {
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                Ok(true)
            }
            None if cursor.rest.len() == self.end => Ok(false),
            None => Err(cursor.out_of_step()),
        }
    }

    /// The elements of the next element, if that is an array of exactly `N` strings; otherwise nothing is taken. For rows
    /// that are of one form nearly always: that costs one look at them, and [`Items::next_item`] behind it reads
    /// whatever came otherwise.
    #[inline(always)]
    pub fn next_strs<'i, const N: usize>(&mut self, cursor: &mut Cursor<'_, 'i>) -> Option<[&'i str; N]> {
        let left = self.left.checked_sub(1)?;
        let (row, rest) = cursor.rest.split_first()?;
        // As many nodes as elements: none of them has nodes of its own.
        let (elements, rest) = match row {
            Node::Array { len, count } if *len == N && *count == N => rest.split_first_chunk::<N>()?,
            _ => return None,
        };
        let mut texts = [""; N];
        for (element, text) in elements.iter().zip(&mut texts) {
            match element {
                Node::String(found) => *text = found,
                _ => return None,
            }
        }
        (self.left, cursor.rest) = (left, rest);
        Some(texts)
    }

    /// Elements not read yet.
    #[must_use]
    pub fn left(&self) -> usize {
        self.left
    }

    /// Leaves the array, whatever is unread in it, also in the middle of a nested value.
    pub fn skip_rest(self, cursor: &mut Cursor<'_, '_>) -> Result<(), JsonError> {
        cursor.skip_to(self.end)
    }
}

/// Decimal digits and nothing else: `parse` would also take "+1".
#[inline]
fn digits(text: &str) -> Option<u64> {
    match integer(text.as_bytes()) {
        None if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        value => value,
    }
}

#[cfg(test)]
#[path = "cursor_tests.rs"]
mod tests;
