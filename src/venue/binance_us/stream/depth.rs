//! Diffs and partial books.

use super::{
    excerpt, number, venue_time, Admission, Anomaly, At, BookEvent, BookEventKind, BookSide, Control, Ctx, Cursor,
    Decoder, Facts, Fault, Fields, Items, KeptLevel, LEVELS_PER_CALL_MAX,
};
use crate::record::UnixNanos;

/// The head of a diff as sent.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct DiffHead<'i> {
    pub symbol: &'i str,
    pub first: Option<u64>,
    pub last: Option<u64>,
    pub time: UnixNanos,
}

/// A diff begun.
#[derive(Debug, Clone, Copy)]
pub(super) struct OpenDiff {
    pub index: usize,
    pub admission: Admission,
    pub event: BookEvent,
    /// Its first update.
    pub first: u64,
    price_exponent: i8,
    size_exponent: i8,
}

impl DiffHead<'_> {
    #[inline]
    fn is_complete(&self) -> bool {
        !self.symbol.is_empty() && self.first.is_some() && self.last.is_some()
    }
}

impl Decoder {
    #[inline]
    pub(super) fn diff<F: Facts>(
        &mut self,
        stream: &str,
        mut fields: Fields,
        cursor: &mut Cursor<'_, '_>,
        ctx: &mut Ctx<'_, F>,
    ) -> Result<Control, Fault> {
        let mut head = DiffHead::default();
        let mut open = None;
        let mut early = [None, None];
        while let Some(key) = fields.next_key(cursor)? {
            let side = match key.as_bytes() {
                [b'E'] => {
                    head.time = venue_time(cursor.u64()?);
                    continue;
                }
                [b's'] => {
                    head.symbol = cursor.str()?;
                    continue;
                }
                [b'U'] => {
                    head.first = Some(cursor.u64()?);
                    continue;
                }
                [b'u'] => {
                    head.last = Some(cursor.u64()?);
                    continue;
                }
                [b'b'] => BookSide::Bid,
                [b'a'] => BookSide::Ask,
                _ => {
                    cursor.skip()?;
                    continue;
                }
            };
            // The recorded order has the head before the sides; a side that comes earlier is read afterwards.
            if open.is_none() && head.is_complete() {
                open = Some(self.open_diff(&head, ctx)?);
            }
            match &open {
                Some(open) => self.side(open.as_ref(), side, cursor, ctx)?,
                None => {
                    if let Some(place) = early.iter_mut().find(|place| place.is_none()) {
                        *place = Some((side, cursor.clone()));
                    }
                    cursor.skip()?;
                }
            }
        }
        let open = match open {
            Some(open) => open,
            None if head.is_complete() => self.open_diff(&head, ctx)?,
            None => {
                // Of one symbol all the same, if the envelope names it.
                if let Some(index) = stream.split_once('@').and_then(|(name, _)| ctx.data.products.find_stream(name)) {
                    self.at = At::Diff { index, begun: false };
                }
                return Err(Fault::Missing { key: "s, U or u" });
            }
        };
        for (side, mut cursor) in early.into_iter().flatten() {
            self.side(open.as_ref(), side, &mut cursor, ctx)?;
        }
        self.close_diff(open.as_ref(), ctx);
        Ok(Control::None)
    }

    /// Begins a diff; `None` if it concerns nobody.
    #[inline]
    pub(super) fn open_diff<F: Facts>(
        &mut self,
        head: &DiffHead<'_>,
        ctx: &mut Ctx<'_, F>,
    ) -> Result<Option<OpenDiff>, Fault> {
        let (Some(first), Some(last)) = (head.first, head.last) else { return Err(Fault::Missing { key: "U" }) };
        let Some(index) = ctx.data.products.find(head.symbol) else {
            self.at = At::Harmless;
            ctx.facts.anomaly(Anomaly::UnknownInstrument, excerpt(head.symbol));
            return Ok(None);
        };
        self.at = At::Diff { index, begun: false };
        if first > last {
            return Err(Fault::Value { key: "u" });
        }
        let admission = ctx.data.diff(ctx.now, index, (first, last), head.time, ctx.facts);
        let Some(product) = ctx.data.products.get(index) else { return Ok(None) };
        let event = BookEvent {
            instrument: product.instrument,
            kind: BookEventKind::Update,
            venue_time: head.time,
            sequence: last,
        };
        if admission == Admission::Apply {
            ctx.facts.book(event);
            self.at = At::Diff { index, begun: true };
        }
        let (price_exponent, size_exponent) = (product.price_exponent, product.size_exponent);
        Ok(Some(OpenDiff { index, admission, event, first, price_exponent, size_exponent }))
    }

    /// The levels of one side of a whole diff.
    #[inline]
    fn side<F: Facts>(
        &mut self,
        open: Option<&OpenDiff>,
        side: BookSide,
        cursor: &mut Cursor<'_, '_>,
        ctx: &mut Ctx<'_, F>,
    ) -> Result<(), Fault> {
        match open {
            None => cursor.skip().map_err(Fault::from),
            Some(OpenDiff { admission: Admission::Ignore, .. }) => cursor.skip().map_err(Fault::from),
            Some(OpenDiff { admission: Admission::Apply, event, price_exponent, size_exponent, .. }) => {
                let mut items = cursor.array()?;
                while let Some((price, size)) = pair(&mut items, cursor)? {
                    let price = number("price", price, *price_exponent)?;
                    let size = number("quantity", size, *size_exponent)?;
                    if self.levels > 0 && self.levels.is_multiple_of(LEVELS_PER_CALL_MAX) {
                        ctx.facts.book_end(false);
                        ctx.facts.book(*event);
                    }
                    ctx.facts.level(side, price, size);
                    self.levels = self.levels.saturating_add(1);
                }
                Ok(())
            }
            Some(open) => keep_levels(open, side, cursor, ctx),
        }
    }

    #[inline]
    pub(super) fn close_diff<F: Facts>(&mut self, open: Option<&OpenDiff>, ctx: &mut Ctx<'_, F>) {
        if let Some(open) = open.filter(|open| open.admission == Admission::Apply) {
            ctx.facts.book_end(true);
            self.at = At::Harmless;
            ctx.data.diff_ends(open.index, ctx.facts);
        }
    }

    /// The best levels of a book, each message a whole one. It names no symbol: the stream does (Binance.US reference 6).
    pub(super) fn partial<F: Facts>(
        &mut self,
        id: u64,
        stream: &str,
        mut fields: Fields,
        cursor: &mut Cursor<'_, '_>,
        ctx: &mut Ctx<'_, F>,
    ) -> Result<Control, Fault> {
        self.at = At::Harmless;
        let name = symbol_of(stream);
        let Some(index) = ctx.data.products.find_stream(name) else {
            ctx.facts.anomaly(Anomaly::UnknownInstrument, excerpt(name));
            fields.skip_rest(cursor)?;
            return Ok(Control::None);
        };
        let Some(product) = ctx.data.products.get(index) else { return Ok(Control::None) };
        let exponents = (product.price_exponent, product.size_exponent);
        if !self.open_partial(id, index, ctx) {
            fields.skip_rest(cursor)?;
            return Ok(Control::None);
        }
        while let Some(key) = fields.next_key(cursor)? {
            let side = match key {
                "bids" => BookSide::Bid,
                "asks" => BookSide::Ask,
                _ => {
                    cursor.skip()?;
                    continue;
                }
            };
            self.levels = self.levels.saturating_add(put_levels(side, exponents, cursor, |s, p, q| {
                ctx.facts.level(s, p, q);
            })?);
        }
        self.close_partial(ctx);
        Ok(Control::None)
    }

    /// Begins a partial book; false if it is no news.
    #[inline]
    pub(super) fn open_partial<F: Facts>(&mut self, id: u64, index: usize, ctx: &mut Ctx<'_, F>) -> bool {
        let Some(instrument) = ctx.data.products.get(index).map(|product| product.instrument) else { return false };
        if !ctx.data.partial_is_news(index, id) {
            return false;
        }
        let kind = BookEventKind::SnapshotFirst;
        ctx.facts.book(BookEvent { instrument, kind, venue_time: UnixNanos::NONE, sequence: id });
        self.at = At::Partial { begun: true };
        true
    }

    #[inline]
    pub(super) fn close_partial<F: Facts>(&mut self, ctx: &mut Ctx<'_, F>) {
        ctx.facts.book_end(true);
        self.at = At::Harmless;
    }
}

/// The symbol in the name of a stream: what stands before `@`.
pub(super) fn symbol_of(stream: &str) -> &str {
    stream.split_once('@').map_or(stream, |(symbol, _)| symbol)
}

/// The levels of one side of a diff that must wait.
fn keep_levels<F: Facts>(
    open: &OpenDiff,
    side: BookSide,
    cursor: &mut Cursor<'_, '_>,
    ctx: &mut Ctx<'_, F>,
) -> Result<(), Fault> {
    put_levels(side, (open.price_exponent, open.size_exponent), cursor, |side, price, size| {
        ctx.data.keep(ctx.now, (open.index, open.event.sequence), KeptLevel { side, price, size }, ctx.facts);
    })
    .map(|_| ())
}

impl OpenDiff {
    /// The exponents of its product.
    pub const fn exponents(&self) -> (i8, i8) {
        (self.price_exponent, self.size_exponent)
    }
}

/// Reads an array of levels; returns how many.
#[inline]
pub(in crate::venue::binance_us) fn put_levels(
    side: BookSide,
    (price_exponent, size_exponent): (i8, i8),
    cursor: &mut Cursor<'_, '_>,
    mut tell: impl FnMut(BookSide, i64, i64),
) -> Result<usize, Fault> {
    let mut levels = 0_usize;
    let mut items = cursor.array()?;
    while let Some((price, size)) = pair(&mut items, cursor)? {
        tell(side, number("price", price, price_exponent)?, number("quantity", size, size_exponent)?);
        levels = levels.saturating_add(1);
    }
    Ok(levels)
}

/// One level, the next of `items`: `["83539.87000000","0.01775000"]`; further elements mean nothing.
#[inline]
fn pair<'i>(items: &mut Items, cursor: &mut Cursor<'_, 'i>) -> Result<Option<(&'i str, &'i str)>, Fault> {
    if let Some([price, size]) = items.next_strs(cursor) {
        return Ok(Some((price, size)));
    }
    if !items.next_item(cursor)? {
        return Ok(None);
    }
    longer_pair(cursor).map(Some)
}

/// A level of another length than two, or one that cannot be read.
#[cold]
fn longer_pair<'i>(cursor: &mut Cursor<'_, 'i>) -> Result<(&'i str, &'i str), Fault> {
    let mut items = cursor.array()?;
    if !items.next_item(cursor)? {
        return Err(Fault::Missing { key: "price" });
    }
    let price = cursor.str()?;
    if !items.next_item(cursor)? {
        return Err(Fault::Missing { key: "quantity" });
    }
    let size = cursor.str()?;
    while items.next_item(cursor)? {
        cursor.skip()?;
    }
    Ok((price, size))
}
