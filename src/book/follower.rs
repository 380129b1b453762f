//! The strategy's side of a book: rebuilds one instrument's book from the market records a consumer pops. Owns its levels
//! and its own pool, reserved when it is made; says at every record whether what it holds can be trusted. It asks nobody
//! for anything: after a gap the engine sends a snapshot by itself.

use super::order_book::OrderBook;
use super::pool::{BlockPool, BookFull};
use crate::record::{
    BookSide, Fixed, Flags, Gap, GapCause, InstrumentId, InstrumentStatus, MarketKind, MarketRecord, View,
};

/// A level as a strategy sees it. Exact decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookLevel {
    /// Price, quote currency.
    pub price: Fixed,
    /// Size resting there, base currency.
    pub size: Fixed,
}

/// What a [`Follower`] holds. Exhaustive: a strategy should decide on each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FollowerState {
    /// Nothing: no snapshot came yet, or what was held is void. Changes are ignored until a snapshot begins.
    Void,
    /// Part of a snapshot; the rest is on its way.
    Building,
    /// A whole book, but a gap is open (or this follower was too small): it may be wrong.
    Doubtful,
    /// A whole book with a part of the next event applied. The other records of the event are already on the ring.
    MidEvent,
    /// The whole book as of the last event: trust it.
    Whole,
}

/// Rebuilds the book of one instrument.
///
/// ```
/// use exchange_connectors::book::{Follower, FollowerState};
/// use exchange_connectors::record::{BookSide, Fixed, Flags, Head, InstrumentId, MarketRecord, Stamp, UnixNanos};
///
/// let btc = InstrumentId(0);
/// let mut book = Follower::new(btc, 50_000);
///
/// // In a strategy these records are popped from the market consumer.
/// let stamp = Stamp { recv: UnixNanos(2), venue: UnixNanos(1), sequence: 1 };
/// let head = |flags| Head { stamp, instrument: btc, exponents: (-2, -8), flags };
/// let level = |flags, side, price, size| MarketRecord::level(head(flags), side, price, size);
/// let records = [
///     level(Flags::SNAPSHOT | Flags::FIRST, BookSide::Bid, 8_327_725, 715_626),
///     level(Flags::SNAPSHOT | Flags::LAST, BookSide::Ask, 8_327_726, 10_000_000),
/// ];
/// for record in &records {
///     if book.apply(record) == FollowerState::Whole {
///         let (bid, ask) = (book.bid().unwrap(), book.ask().unwrap());
///         assert_eq!(bid.price, Fixed::parse("83277.25").unwrap());
///         assert_eq!(ask.size.to_string(), "0.1");
///     }
/// }
/// assert_eq!(book.state(), FollowerState::Whole);
/// ```
#[derive(Debug)]
pub struct Follower {
    instrument: InstrumentId,
    pool: BlockPool,
    book: OrderBook,
    /// Powers of ten of every price and size held.
    exponents: (i8, i8),
    content: Content,
    /// A gap of this instrument is open.
    doubtful: bool,
    /// A gap of all instruments is open.
    all_doubtful: bool,
    /// A level found no room since the last snapshot began.
    overflowed: bool,
    status: Option<InstrumentStatus>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    Void,
    Building,
    MidEvent,
    Whole,
}

impl Follower {
    /// A follower of `instrument` with room for any book of up to `levels_max` levels, both sides together. A larger one
    /// is held as far as it fits and called [`FollowerState::Doubtful`]. Takes up to 64 bytes per level, now.
    pub fn new(instrument: InstrumentId, levels_max: usize) -> Follower {
        let pool = BlockPool::for_levels(levels_max, 1);
        let book = OrderBook::with_side_blocks_max(pool.blocks_max());
        Follower {
            instrument,
            pool,
            book,
            exponents: (0, 0),
            content: Content::Void,
            doubtful: false,
            all_doubtful: false,
            overflowed: false,
            status: None,
        }
    }

    /// Applies a record, in the order popped, and says what is held after it. Records of other instruments, and kinds
    /// that concern no book, change nothing.
    pub fn apply(&mut self, record: &MarketRecord) -> FollowerState {
        match record.view() {
            View::Gap(gap) if self.concerns(record) => self.gap(record.instrument(), gap),
            View::Status(status) if record.instrument() == self.instrument => {
                self.status = Some(status);
                if record.exponents() != self.exponents {
                    // Every mantissa held means another price now; a snapshot follows.
                    self.discard();
                }
            }
            View::Level(level) if record.instrument() == self.instrument => {
                self.level(record, level.side, level.price.mantissa(), level.size.mantissa());
            }
            _ => {}
        }
        self.state()
    }

    /// What is held.
    pub fn state(&self) -> FollowerState {
        match self.content {
            Content::Void => FollowerState::Void,
            Content::Building => FollowerState::Building,
            _ if self.doubtful || self.all_doubtful || self.overflowed => FollowerState::Doubtful,
            Content::MidEvent => FollowerState::MidEvent,
            Content::Whole => FollowerState::Whole,
        }
    }

    /// The best bid; `None` unless the book is [`FollowerState::Whole`] and has one.
    pub fn bid(&self) -> Option<BookLevel> {
        self.best(BookSide::Bid)
    }

    /// The best ask; `None` unless the book is [`FollowerState::Whole`] and has one.
    pub fn ask(&self) -> Option<BookLevel> {
        self.best(BookSide::Ask)
    }

    /// Whatever is held of one side, best to worst, trusted or not: see [`Follower::state`].
    pub fn levels(&self, side: BookSide) -> impl Iterator<Item = BookLevel> + '_ {
        self.book.levels(&self.pool, side).map(|level| self.scaled(level))
    }

    /// The size held at a price; zero if there is no such level or the price is finer than the instrument's exponent.
    pub fn size_at(&self, side: BookSide, price: Fixed) -> Fixed {
        let size = price.rescale(self.exponents.0).map_or(0, |price| self.book.size_at(&self.pool, side, price));
        Fixed::new(size, self.exponents.1)
    }

    /// Levels held on one side.
    pub fn len(&self, side: BookSide) -> usize {
        self.book.len(side)
    }

    /// Whether no level is held.
    pub fn is_empty(&self) -> bool {
        self.book.is_empty()
    }

    /// The last trading status, tick and lot seen; `None` before the first such record.
    pub fn status(&self) -> Option<InstrumentStatus> {
        self.status
    }

    /// Whose book it is.
    pub fn instrument(&self) -> InstrumentId {
        self.instrument
    }

    /// Levels that found no room since this follower was made. Not 0: it needs a larger `levels_max`.
    pub fn levels_refused(&self) -> u64 {
        self.pool.refused()
    }

    fn best(&self, side: BookSide) -> Option<BookLevel> {
        let best = self.book.best(&self.pool, side)?;
        (self.state() == FollowerState::Whole).then(|| self.scaled(best))
    }

    fn scaled(&self, (price, size): (i64, i64)) -> BookLevel {
        BookLevel { price: Fixed::new(price, self.exponents.0), size: Fixed::new(size, self.exponents.1) }
    }

    /// A gap of no instrument touches them all.
    fn concerns(&self, record: &MarketRecord) -> bool {
        debug_assert_eq!(record.kind(), MarketKind::Gap);
        record.instrument() == self.instrument || record.instrument() == InstrumentId::NONE
    }

    fn gap(&mut self, scope: InstrumentId, gap: Gap) {
        // The end of one says nothing about the other.
        let doubt = if scope == InstrumentId::NONE { &mut self.all_doubtful } else { &mut self.doubtful };
        *doubt = !gap.recovered;
        // A snapshot broken off by a loss never gets its rest; a silence breaks nothing off. A gap of all instruments
        // does not say whose snapshot it broke: the touched ones begin anew with FIRST.
        let breaks_off = gap.cause != GapCause::Stale && scope != InstrumentId::NONE;
        if !gap.recovered && breaks_off && self.content == Content::Building {
            self.discard();
        }
    }

    fn level(&mut self, record: &MarketRecord, side: BookSide, price: i64, size: i64) {
        let flags = record.flags();
        let snapshot = flags.contains(Flags::SNAPSHOT);
        if snapshot && flags.contains(Flags::FIRST) {
            self.discard();
            self.exponents = record.exponents();
            self.content = Content::Building;
        } else if record.exponents() != self.exponents {
            self.discard();
        }
        if self.content == Content::Void {
            return;
        }
        if let Err(BookFull::Pool { .. } | BookFull::Side { .. } | BookFull::ForeignPool) =
            self.book.set(&mut self.pool, side, price, size)
        {
            self.overflowed = true;
        }
        let last = flags.contains(Flags::LAST);
        let bad = flags.contains(Flags::MAYBE_BAD_BOOK);
        self.content = match self.content {
            // The end of a live event between two instalments ends no snapshot.
            Content::Building if !(last && snapshot) => Content::Building,
            Content::Building => {
                (self.doubtful, self.all_doubtful) = (bad, false);
                Content::Whole
            }
            _ if last => Content::Whole,
            _ => Content::MidEvent,
        };
        self.doubtful |= bad;
    }

    fn discard(&mut self) {
        self.book.clear(&mut self.pool);
        self.content = Content::Void;
        self.overflowed = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Head, Stamp, TradingStatus, UnixNanos};

    const EXPONENTS: (i8, i8) = (-2, -8);
    const STAMP: Stamp = Stamp { recv: UnixNanos(2), venue: UnixNanos(1), sequence: 1 };

    fn level(flags: Flags, side: BookSide, price: i64, size: i64) -> MarketRecord {
        MarketRecord::level(
            Head { stamp: STAMP, instrument: InstrumentId(7), exponents: EXPONENTS, flags },
            side,
            price,
            size,
        )
    }

    fn gap(cause: GapCause, recovered: bool) -> MarketRecord {
        MarketRecord::gap(STAMP, InstrumentId(7), Gap { cause, recovered, lost: 3 })
    }

    /// A follower with one bid and one ask, whole.
    fn followed() -> Follower {
        let mut follower = Follower::new(InstrumentId(7), 100);
        assert_eq!(follower.apply(&level(Flags::LAST, BookSide::Bid, 100, 1)), FollowerState::Void, "no snapshot yet");
        let first = level(Flags::SNAPSHOT | Flags::FIRST, BookSide::Bid, 100, 5);
        assert_eq!(follower.apply(&first), FollowerState::Building);
        assert_eq!(follower.bid(), None, "half a book has no best price");
        let last = level(Flags::SNAPSHOT | Flags::LAST, BookSide::Ask, 102, 6);
        assert_eq!(follower.apply(&last), FollowerState::Whole);
        follower
    }

    #[test]
    fn an_event_counts_when_its_last_level_is_there() {
        let mut follower = followed();
        assert_eq!(follower.apply(&level(Flags::NONE, BookSide::Bid, 103, 1)), FollowerState::MidEvent);
        assert_eq!(follower.bid(), None);
        assert_eq!(follower.apply(&level(Flags::LAST, BookSide::Ask, 102, 0)), FollowerState::Whole);
        let bid = follower.bid().unwrap();
        assert_eq!((bid.price.to_string().as_str(), bid.size.to_string().as_str()), ("1.03", "0.00000001"));
        assert_eq!(follower.ask(), None);
    }

    #[test]
    fn a_gap_leaves_doubt_until_the_snapshot_is_complete_or_the_gap_recovered() {
        let mut follower = followed();
        assert_eq!(follower.apply(&gap(GapCause::Sequence, false)), FollowerState::Doubtful);
        assert_eq!(follower.apply(&level(Flags::LAST, BookSide::Bid, 101, 1)), FollowerState::Doubtful);
        assert_eq!((follower.bid(), follower.len(BookSide::Bid)), (None, 2), "held, but not vouched for");
        let first = level(Flags::SNAPSHOT | Flags::FIRST, BookSide::Bid, 99, 5);
        assert_eq!(follower.apply(&first), FollowerState::Building);
        let last = level(Flags::SNAPSHOT | Flags::LAST, BookSide::Bid, 98, 5);
        assert_eq!(follower.apply(&last), FollowerState::Whole);
        assert_eq!(follower.len(BookSide::Bid), 2, "what was held before is gone");

        assert_eq!(follower.apply(&gap(GapCause::Stale, false)), FollowerState::Doubtful);
        assert_eq!(follower.apply(&gap(GapCause::Stale, true)), FollowerState::Whole);
    }

    #[test]
    fn a_snapshot_broken_off_by_a_loss_never_counts_as_whole() {
        let mut follower = followed();
        follower.apply(&level(Flags::SNAPSHOT | Flags::FIRST, BookSide::Bid, 99, 5));
        assert_eq!(follower.apply(&gap(GapCause::Disconnected, false)), FollowerState::Void);
        let tail = level(Flags::SNAPSHOT | Flags::LAST, BookSide::Bid, 98, 5);
        assert_eq!(follower.apply(&tail), FollowerState::Void);
        assert_eq!(follower.apply(&gap(GapCause::Disconnected, true)), FollowerState::Void);
    }

    #[test]
    fn a_gap_of_all_instruments_and_one_of_its_own_end_apart() {
        let all = |recovered| {
            let gap = Gap { cause: GapCause::ConsumerFull, recovered, lost: 9 };
            MarketRecord::gap(STAMP, InstrumentId::NONE, gap)
        };
        let mut follower = followed();
        follower.apply(&all(false));
        follower.apply(&gap(GapCause::Sequence, false));
        assert_eq!(follower.apply(&gap(GapCause::Sequence, true)), FollowerState::Doubtful, "what was lost is lost");
        assert_eq!(follower.apply(&all(true)), FollowerState::Whole);
        follower.apply(&gap(GapCause::Sequence, false));
        follower.apply(&all(false));
        assert_eq!(follower.apply(&all(true)), FollowerState::Doubtful, "the venue's own gap is still open");
        assert_eq!(follower.apply(&gap(GapCause::Sequence, true)), FollowerState::Whole);
    }

    #[test]
    fn a_late_joiner_learns_of_an_open_gap_from_the_flag() {
        let mut follower = Follower::new(InstrumentId(7), 100);
        let bad = Flags::SNAPSHOT | Flags::FIRST | Flags::LAST | Flags::MAYBE_BAD_BOOK;
        assert_eq!(follower.apply(&level(bad, BookSide::Bid, 1, 1)), FollowerState::Doubtful);
        assert_eq!(follower.apply(&gap(GapCause::Sequence, true)), FollowerState::Whole);
        let change = level(Flags::LAST | Flags::MAYBE_BAD_BOOK, BookSide::Bid, 1, 2);
        assert_eq!(follower.apply(&change), FollowerState::Doubtful);
    }

    #[test]
    fn other_exponents_void_the_book_until_the_next_snapshot() {
        let mut follower = followed();
        let status = |exponents| {
            MarketRecord::status(
                Head { stamp: STAMP, instrument: InstrumentId(7), exponents, flags: Flags::LAST },
                TradingStatus::Online,
                1,
                1,
            )
        };
        assert_eq!(follower.apply(&status(EXPONENTS)), FollowerState::Whole);
        assert_eq!(follower.status().map(|s: InstrumentStatus| s.status), Some(TradingStatus::Online));
        assert_eq!(follower.apply(&status((-4, -8))), FollowerState::Void);
        let at = |flags, exponents| {
            MarketRecord::level(
                Head { stamp: STAMP, instrument: InstrumentId(7), exponents, flags },
                BookSide::Bid,
                10_000,
                5,
            )
        };
        assert_eq!(follower.apply(&at(Flags::LAST, (-4, -8))), FollowerState::Void);
        let whole = Flags::SNAPSHOT | Flags::FIRST | Flags::LAST;
        assert_eq!(follower.apply(&at(whole, (-4, -8))), FollowerState::Whole);
        assert_eq!(follower.bid().unwrap().price.to_string(), "1");
        assert_eq!(follower.apply(&at(Flags::LAST, EXPONENTS)), FollowerState::Void, "a level of another scale");
    }

    #[test]
    fn a_book_too_large_for_its_follower_stays_doubtful_until_one_fits() {
        let mut follower = Follower::new(InstrumentId(7), 10);
        follower.apply(&level(Flags::SNAPSHOT | Flags::FIRST, BookSide::Bid, 0, 1));
        for price in 1..1_000 {
            follower.apply(&level(Flags::SNAPSHOT, BookSide::Bid, price, 1));
        }
        let last = level(Flags::SNAPSHOT | Flags::LAST, BookSide::Bid, 1_000, 1);
        assert_eq!(follower.apply(&last), FollowerState::Doubtful);
        assert!(follower.levels_refused() > 0);
        assert_eq!(follower.apply(&gap(GapCause::Stale, true)), FollowerState::Doubtful);
        let whole = Flags::SNAPSHOT | Flags::FIRST | Flags::LAST;
        assert_eq!(follower.apply(&level(whole, BookSide::Bid, 1, 1)), FollowerState::Whole);
    }

    #[test]
    fn records_of_others_change_nothing() {
        let mut follower = followed();
        let flags = Flags::SNAPSHOT | Flags::FIRST;
        let other = MarketRecord::level(
            Head { stamp: STAMP, instrument: InstrumentId(8), exponents: EXPONENTS, flags },
            BookSide::Bid,
            1,
            1,
        );
        assert_eq!(follower.apply(&other), FollowerState::Whole);
        let other =
            MarketRecord::gap(STAMP, InstrumentId(8), Gap { cause: GapCause::Crossed, recovered: false, lost: 0 });
        assert_eq!(follower.apply(&other), FollowerState::Whole);
        let all = MarketRecord::gap(
            STAMP,
            InstrumentId::NONE,
            Gap { cause: GapCause::ConsumerFull, recovered: false, lost: 9 },
        );
        assert_eq!(follower.apply(&all), FollowerState::Doubtful, "a gap of no instrument touches all");
        assert_eq!(follower.apply(&MarketRecord::pulse(UnixNanos(1))), FollowerState::Doubtful);
    }
}
