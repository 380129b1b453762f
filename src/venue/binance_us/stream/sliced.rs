//! Long messages, read slice by slice: diffs after a pause of the venue have thousands of levels (Binance.US reference 6).
//!
//! Owns what must be remembered between two slices. Guarantees the same book as the whole message would give, the event
//! cut into parts; and that once the book it belongs to is void, nothing more of it is told: a snapshot may have come
//! between two slices, and these levels are older. Never keeps a slice.

use super::depth::{put_levels, DiffHead, OpenDiff};
use super::{
    venue_time, Admission, At, BookSide, Control, Ctx, Cursor, Decoder, Facts, Fault, KeptLevel, Parts, Plain,
};

/// Names of the arrays that can be long: the sides of diffs.
pub(in crate::venue::binance_us) const LONG_ARRAYS: &[&str] = &["b", "a"];

/// A long diff being read.
#[derive(Debug)]
pub(super) struct Section {
    open: OpenDiff,
    side: BookSide,
    parts: Parts,
    /// The book it was begun in.
    age: u64,
}

impl Section {
    /// It was being told to a book that is void by now.
    fn is_outlived<F>(&self, ctx: &Ctx<'_, F>) -> bool {
        self.open.admission == Admission::Apply && ctx.data.book_age(self.open.index) != self.age
    }
}

impl Decoder {
    pub fn long_begins(&mut self) {
        (self.at, self.long, self.levels) = (At::Start, None, 0);
    }

    /// The text up to an array that opens. False: nothing more of this message is of use.
    pub fn long_head<F: Facts>(
        &mut self,
        plain: &mut Plain,
        text: &mut [u8],
        array: usize,
        ctx: &mut Ctx<'_, F>,
    ) -> bool {
        let side = if array == 0 { BookSide::Bid } else { BookSide::Ask };
        if let Some(section) = &mut self.long {
            section.side = side;
            return true;
        }
        let opened = plain.parse(text, |cursor| {
            let (kind, head) = read_head(cursor)?;
            if kind != "depthUpdate" {
                return Err(Fault::TooLong { key: "message" });
            }
            self.open_diff(&head, ctx)
        });
        match opened {
            Ok(Some(open)) if open.admission != Admission::Ignore => {
                let parts = match open.admission {
                    Admission::Apply => {
                        ctx.data.long_diff_begins(open.index, open.first);
                        Parts::begun(open.event)
                    }
                    _ => Parts::new(open.event),
                };
                let age = ctx.data.book_age(open.index);
                self.long = Some(Section { open, side, parts, age });
                true
            }
            Ok(_) => false,
            Err(fault) => {
                self.fault(&fault, ctx);
                false
            }
        }
    }

    /// Elements of the array that opened last. False: nothing more of this message is of use.
    pub fn long_elements<F: Facts>(&mut self, plain: &mut Plain, text: &mut [u8], ctx: &mut Ctx<'_, F>) -> bool {
        if self.long.as_ref().is_some_and(|section| section.is_outlived(ctx)) {
            self.drop_outlived(ctx);
            return false;
        }
        let Some(Section { open, side, parts, .. }) = &mut self.long else { return false };
        let (diff, now) = ((open.index, open.event.sequence), ctx.now);
        let read = plain.parse(text, |cursor| {
            if open.admission == Admission::Apply {
                put_levels(*side, open.exponents(), cursor, |side, price, size| {
                    parts.level(side, price, size, ctx.facts);
                })
            } else {
                put_levels(*side, open.exponents(), cursor, |side, price, size| {
                    ctx.data.keep(now, diff, KeptLevel { side, price, size }, ctx.facts);
                })
            }
        });
        match read {
            Ok(_) => {
                parts.cut(ctx.facts);
                true
            }
            Err(fault) => {
                self.long_failed(&fault, ctx);
                false
            }
        }
    }

    /// The whole text with its long arrays empty.
    pub fn long_end<F: Facts>(&mut self, plain: &mut Plain, text: &mut [u8], ctx: &mut Ctx<'_, F>) -> Control {
        if self.long.as_ref().is_some_and(|section| section.is_outlived(ctx)) {
            self.drop_outlived(ctx);
        }
        if self.long.is_none() {
            if self.at == At::Start {
                // No long array in it: fragmented by the venue rather than long. This is all of it.
                return self.message(plain, text, ctx);
            }
            return Control::None;
        }
        // Only now is it sure that the message was JSON to its end.
        match plain.parse(text, |cursor| cursor.skip().map_err(Fault::from)) {
            Ok(()) => {
                if let Some(mut section) = self.long.take() {
                    if section.open.admission == Admission::Apply {
                        section.parts.end(ctx.facts);
                        ctx.data.long_diff_ends(section.open.index, ctx.facts);
                    }
                }
                self.at = At::Harmless;
            }
            Err(fault) => self.long_failed(&fault, ctx),
        }
        Control::None
    }

    /// The book that the diff belonged to is void, and may have been made anew since.
    #[cold]
    fn drop_outlived<F: Facts>(&mut self, ctx: &mut Ctx<'_, F>) {
        if let Some(mut section) = self.long.take() {
            section.parts.give_up(ctx.facts);
        }
        self.at = At::Harmless;
    }

    /// The message cannot be read any further.
    #[cold]
    pub fn long_failed<F: Facts>(&mut self, fault: &Fault, ctx: &mut Ctx<'_, F>) {
        if self.long.as_ref().is_some_and(|section| section.is_outlived(ctx)) {
            self.drop_outlived(ctx);
        } else if let Some(mut section) = self.long.take() {
            if section.open.admission == Admission::Apply {
                section.parts.give_up(ctx.facts);
            }
            self.at = At::Diff { index: section.open.index, begun: false };
        }
        self.fault(fault, ctx);
    }
}

/// Kind and head of the diff so far; its sides are empty.
fn read_head<'i>(cursor: &mut Cursor<'_, 'i>) -> Result<(&'i str, DiffHead<'i>), Fault> {
    let mut found = ("", DiffHead::default());
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        match key {
            "data" => {
                let mut inner = cursor.object()?;
                while let Some(key) = inner.next_key(cursor)? {
                    head_field(key, &mut found, cursor)?;
                }
            }
            key => head_field(key, &mut found, cursor)?,
        }
    }
    Ok(found)
}

fn head_field<'i>(key: &str, found: &mut (&'i str, DiffHead<'i>), cursor: &mut Cursor<'_, 'i>) -> Result<(), Fault> {
    let (kind, head) = found;
    match key {
        "e" => *kind = cursor.str()?,
        "E" => head.time = venue_time(cursor.u64()?),
        "s" => head.symbol = cursor.str()?,
        "U" => head.first = Some(cursor.u64()?),
        "u" => head.last = Some(cursor.u64()?),
        _ => cursor.skip()?,
    }
    Ok(())
}
