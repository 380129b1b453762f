//! Long messages, read slice by slice as the [`ArraySlicer`](crate::codec::json::ArraySlicer) cuts them.
//!
//! Owns what must be remembered between two slices. Guarantees the same facts as the whole message would give, book
//! events cut into parts and trades still oldest first. Never keeps a slice.

use super::market::OpenBook;
use super::{At, Channel, Control, Cursor, Decoder, EventHead, Facts, Fault, Head, Plain, UnixNanos};

/// Names of the arrays that can be long, in the order of [`super::Channel`]: level2, trades, tickers, candles, orders, products.
pub(in crate::venue::coinbase) const LONG_ARRAYS: &[&str] =
    &["updates", "trades", "tickers", "candles", "orders", "products"];

/// The array whose elements are coming.
#[derive(Debug, Clone, Copy)]
pub(super) enum Section {
    None,
    /// Of the stream's head, if it is wanted; the others are [`Decoder::twins`].
    Book(Option<OpenBook>),
    Trades {
        snapshot: bool,
        sequence: u64,
    },
    Tickers {
        batch: bool,
        snapshot: bool,
        sequence: u64,
        time: UnixNanos,
    },
    Candles {
        snapshot: bool,
        sequence: u64,
        time: UnixNanos,
    },
    Orders {
        snapshot: bool,
        time: UnixNanos,
    },
    Products {
        snapshot: bool,
        time: UnixNanos,
    },
    /// Of no use, or already given up.
    Ignored,
}

impl Decoder {
    /// A long message begins.
    pub fn long_begins(&mut self) {
        self.at = At::Start;
        self.section = Section::None;
        self.trades.clear();
    }

    /// The text up to an array that opens. False: nothing more of this message is of use.
    pub fn long_head(&mut self, plain: &mut Plain, text: &mut [u8], facts: &mut impl Facts) -> bool {
        self.finish_section(facts);
        let opened = plain.parse(text, |cursor| {
            let mut event = EventHead::default();
            let head = read_head(cursor, &mut event)?;
            self.open_section(&head, &event, facts)
        });
        match opened {
            Ok(useful) => useful,
            Err(fault) => {
                self.long_failed(&fault, facts);
                false
            }
        }
    }

    /// Elements of the array that opened last. False: nothing more of this message is of use.
    pub fn long_elements(&mut self, plain: &mut Plain, text: &mut [u8], last: bool, facts: &mut impl Facts) -> bool {
        let mut section = std::mem::replace(&mut self.section, Section::None);
        let read = plain.parse(text, |cursor| match &mut section {
            Section::Book(head) => {
                self.twin_levels(cursor, last, facts)?;
                let Some(book) = head else { return cursor.skip().map_err(Fault::from) };
                self.levels(book, cursor, facts)?;
                self.end_slice(book, last, facts);
                Ok(())
            }
            Section::Trades { snapshot, sequence } => self.trades(*snapshot, *sequence, cursor, facts),
            Section::Tickers { batch, snapshot, sequence, time } => {
                self.tickers(*batch, *snapshot, *sequence, *time, cursor, facts)
            }
            Section::Candles { snapshot, sequence, time } => self.candles(*snapshot, *sequence, *time, cursor, facts),
            Section::Orders { snapshot, time } => self.orders(*snapshot, *time, cursor, facts),
            Section::Products { snapshot, time } => self.statuses(*snapshot, *time, cursor, facts),
            Section::None | Section::Ignored => cursor.skip().map_err(Fault::from),
        });
        self.section = section;
        match read {
            Ok(()) => true,
            Err(fault) => {
                self.long_failed(&fault, facts);
                false
            }
        }
    }

    /// The whole text with its long arrays empty. Buffered trades may be left to tell.
    pub fn long_end(&mut self, plain: &mut Plain, text: &mut [u8], facts: &mut impl Facts) -> Control {
        if self.at == At::Start {
            // No long array in it: fragmented by the venue rather than long. This is all of it.
            return self.message(plain, text, facts);
        }
        let control = match self.section {
            Section::Orders { snapshot, .. } => self.snapshot_batch(snapshot, facts),
            _ => Control::None,
        };
        self.finish_section(facts);
        // Only now is it sure that the message was JSON to its end.
        let valid = plain.parse(text, |cursor| cursor.skip().map_err(Fault::from));
        if let Err(fault) = valid {
            // Every book in it was told from a message that is none.
            if let At::Book { .. } = self.at {
                self.at = At::Channel(Channel::Book);
            }
            self.long_failed(&fault, facts);
        }
        control
    }

    /// The message cannot be read any further.
    pub fn long_failed(&mut self, fault: &Fault, facts: &mut impl Facts) {
        self.fault(fault, facts);
        self.section = Section::Ignored;
    }

    /// Tells buffered trades of a long message; true while more are left. Nothing else may be read before.
    pub fn long_trades(&mut self, facts: &mut impl Facts) -> bool {
        self.tell_trades(facts)
    }

    fn open_section(&mut self, head: &Head<'_>, event: &EventHead<'_>, facts: &mut impl Facts) -> Result<bool, Fault> {
        let Some(channel) = head.channel else { return Err(Fault::Missing { key: "channel" }) };
        let Some(sequence) = head.sequence else { return Err(Fault::Missing { key: "sequence_num" }) };
        if self.at == At::Start {
            if !self.admit(head.sequence, facts) {
                self.section = Section::Ignored;
                return Ok(false);
            }
            if channel == Channel::Unknown {
                facts.anomaly(crate::venue::Anomaly::UnknownChannel, super::excerpt(head.channel_name));
            }
        }
        self.at = At::Channel(channel);
        self.section = match channel {
            Channel::Book => {
                let head = self.open_book(sequence, event, facts)?;
                match self.products.find_streamed(event.product) {
                    Some(index) if self.products.any_shared() => self.open_twins(index, sequence, event)?,
                    _ => self.twins.clear(),
                }
                let useful = head.is_some() || !self.twins.is_empty();
                if useful {
                    Section::Book(head)
                } else {
                    Section::Ignored
                }
            }
            Channel::Trades => Section::Trades { snapshot: event.is_snapshot()?, sequence },
            Channel::Ticker | Channel::TickerBatch => Section::Tickers {
                batch: channel == Channel::TickerBatch,
                snapshot: event.is_snapshot()?,
                sequence,
                time: self.time(head.timestamp, facts),
            },
            Channel::Candles => {
                Section::Candles { snapshot: event.is_snapshot()?, sequence, time: self.time(head.timestamp, facts) }
            }
            Channel::User => {
                self.snapshot_rows = 0;
                Section::Orders { snapshot: event.is_snapshot()?, time: self.time(head.timestamp, facts) }
            }
            Channel::Status => {
                Section::Products { snapshot: event.is_snapshot()?, time: self.time(head.timestamp, facts) }
            }
            _ => Section::Ignored,
        };
        Ok(true)
    }

    fn finish_section(&mut self, facts: &mut impl Facts) {
        match std::mem::replace(&mut self.section, Section::None) {
            // Without elements: they would have ended it.
            Section::Book(mut head) => {
                let mut twins = std::mem::take(&mut self.twins);
                for book in head.iter_mut().chain(&mut twins) {
                    self.close_book(book, facts);
                }
            }
            // Told at the end, piece by piece: the newest come first on the wire.
            Section::Trades { .. } | Section::None => {}
            Section::Tickers { .. }
            | Section::Candles { .. }
            | Section::Orders { .. }
            | Section::Products { .. }
            | Section::Ignored => {}
        }
    }
}

/// The envelope so far, and the head of the event that is open: the last one.
fn read_head<'i>(cursor: &mut Cursor<'_, 'i>, event: &mut EventHead<'i>) -> Result<Head<'i>, Fault> {
    let mut head = Head::default();
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        if key != "events" {
            head.field(key, cursor)?;
            continue;
        }
        let mut events = cursor.array()?;
        while events.next_item(cursor)? {
            *event = EventHead::default();
            let mut members = cursor.object()?;
            while let Some(key) = members.next_key(cursor)? {
                match key {
                    "type" => event.kind = cursor.str()?,
                    "product_id" => event.product = cursor.str()?,
                    _ => cursor.skip()?,
                }
            }
        }
    }
    Ok(head)
}
