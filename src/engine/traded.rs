//! An instrument somebody trades or listens to: what is wanted of it, by whom, and how its book stands.
//!
//! Owns the wishes of all strategies and what they add up to, since the venue is asked once for all of them. Publishes
//! nothing.

use super::contract::{ConnId, StrategySet};
use super::redundancy::Twin;
use crate::book::{BlockPool, OrderBook};
use crate::guard::FeedLag;
use crate::record::{GapCause, Instrument, Stamp};
use crate::venue::Channels;

/// How an instrument's book stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// No snapshot yet.
    Empty,
    /// The first parts of a cut snapshot are in.
    Building { after: Option<GapCause> },
    /// Complete and in sequence.
    Whole,
    /// A gap is open.
    Doubtful(GapCause),
}

/// An instrument somebody trades or listens to.
#[derive(Debug)]
pub(super) struct Traded {
    pub(super) instrument: Instrument,
    /// The connection its market data comes over, or came over last; `None` before anything was wanted of it.
    pub(super) conn: Option<ConnId>,
    /// What that connection was asked for.
    pub(super) placed: Channels,
    /// Its book is wanted, and no connection has room for it.
    pub(super) no_place: bool,
    /// Wanted channels that no source has.
    pub(super) not_offered: Channels,
    /// What the paper venue wants of it.
    pub(super) paper: Channels,
    pub(super) book: OrderBook,
    pub(super) standing: Standing,
    /// Of those who want every level, and the best 20, 10 and 5.
    pub(super) book_wishes: [StrategySet; 4],
    /// Of those who want every trade, and aggregated ones.
    pub(super) trade_wishes: [StrategySet; 2],
    /// All of `book_wishes`: there is one book for all of them.
    pub(super) book_listeners: StrategySet,
    /// All of `trade_wishes`.
    pub(super) trade_listeners: StrategySet,
    pub(super) ticker_listeners: StrategySet,
    pub(super) ticker_batch_listeners: StrategySet,
    pub(super) candle_listeners: StrategySet,
    pub(super) status_listeners: StrategySet,
    /// A loss of trades that is not over; only where no book is held.
    pub(super) trade_gap: Option<GapCause>,
    /// Venue time and sequence of the last event: what instalments are stamped with.
    pub(super) stamp: Stamp,
    /// How late its messages are.
    pub(super) lag: FeedLag,
    /// The other connection that carries it, if market data is redundant. Then everything above is of the connection
    /// whose book is followed.
    pub(super) twin: Option<Box<Twin>>,
}

impl Traded {
    /// Everything that must be asked of the venue, so that everybody gets at least what they want: of books and of trades
    /// one kind, the fullest.
    pub(super) fn wanted(&self) -> Channels {
        let mut channels = self.paper | self.book_kind() | self.trade_kind();
        for (listeners, channel) in [
            (self.ticker_listeners, Channels::TICKER),
            (self.ticker_batch_listeners, Channels::TICKER_BATCH),
            (self.candle_listeners, Channels::CANDLES),
            (self.status_listeners, Channels::STATUS),
        ] {
            if !listeners.is_empty() {
                channels = channels | channel;
            }
        }
        channels
    }

    /// How much of the book must be asked for.
    pub(super) fn book_kind(&self) -> Channels {
        match self.paper.contains(Channels::BOOK) {
            true => Channels::BOOK,
            false => fullest(&self.book_wishes, &BOOK_CHANNELS),
        }
    }

    /// Which trades must be asked for.
    pub(super) fn trade_kind(&self) -> Channels {
        match self.paper.contains(Channels::TRADES) {
            true => Channels::TRADES,
            false => fullest(&self.trade_wishes, &TRADE_CHANNELS),
        }
    }

    /// Changes who listens to what, channel by channel.
    pub(super) fn listeners(&mut self, change: impl Fn(&mut StrategySet, Channels)) {
        let books = self.book_wishes.iter_mut().zip(BOOK_CHANNELS);
        let trades = self.trade_wishes.iter_mut().zip(TRADE_CHANNELS);
        let others = [
            (&mut self.ticker_listeners, Channels::TICKER),
            (&mut self.ticker_batch_listeners, Channels::TICKER_BATCH),
            (&mut self.candle_listeners, Channels::CANDLES),
            (&mut self.status_listeners, Channels::STATUS),
        ];
        books.chain(trades).chain(others).for_each(|(listeners, channel)| change(listeners, channel));
        let all = |wishes: &[StrategySet]| wishes.iter().fold(StrategySet::NONE, |all, wish| all.with(*wish));
        (self.book_listeners, self.trade_listeners) = (all(&self.book_wishes), all(&self.trade_wishes));
    }

    /// From now on another part of the book comes: what is held is no whole one of that kind. The next snapshot is.
    pub(super) fn drop_other_kind(&mut self, before: Channels, pool: &mut BlockPool) {
        if before.is_empty() || self.book_kind() == before {
            return;
        }
        self.book.clear(pool);
        self.standing = Standing::Empty;
    }

    /// A book without listeners is not kept up by the venue: what it held is worth nothing to the next listener.
    pub(super) fn drop_unheard(&mut self, pool: &mut BlockPool) {
        if !self.keeps_book() && self.standing != Standing::Empty {
            self.book.clear(pool);
            self.standing = Standing::Empty;
        }
        let unheard = !self.keeps_book();
        if let Some(twin) = self.twin.as_deref_mut().filter(|_| unheard) {
            twin.drop_unheard(pool);
        }
    }

    /// Whether somebody needs its book.
    pub(super) fn keeps_book(&self) -> bool {
        !self.book_listeners.is_empty() || self.paper.contains(Channels::BOOK)
    }

    /// Who hears of a loss although the book is not theirs.
    pub(super) fn trade_only_listeners(&self) -> StrategySet {
        self.trade_listeners.without(self.book_listeners)
    }

    pub(super) fn everybody(&self) -> StrategySet {
        let market = self.book_listeners.with(self.trade_listeners).with(self.ticker_listeners);
        market.with(self.ticker_batch_listeners).with(self.candle_listeners).with(self.status_listeners)
    }
}

/// The first channel that somebody wishes.
fn fullest(wishes: &[StrategySet], channels: &[Channels]) -> Channels {
    let mut wished = wishes.iter().zip(channels).filter(|(listeners, _)| !listeners.is_empty());
    wished.next().map_or(Channels::NONE, |(_, channel)| *channel)
}

/// What of a book can be wanted, the fullest first.
pub(super) const BOOK_CHANNELS: [Channels; 4] =
    [Channels::BOOK, Channels::BOOK_20, Channels::BOOK_10, Channels::BOOK_5];
/// The same of trades.
const TRADE_CHANNELS: [Channels; 2] = [Channels::TRADES, Channels::AGGREGATED_TRADES];
