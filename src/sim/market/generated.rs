//! The market of one instrument: its book, its trades, and the made-up participants who move it.
//!
//! Makers place and pull orders around a seeded random walk and takers hit them; a client's order meets them under
//! the same price-time rules. Decides nothing about accounts or order states: it reports who traded with whom.

use super::book::{Book, Owner, Side};
use super::candle::{Candle, MINUTE_S};
use super::increments::{Increments, Traded};
use crate::sim::{Rng, SECOND_NS};
use rust_decimal::Decimal;
use std::collections::VecDeque;

/// Trades behind a market at its start.
const TRADES_AT_START: u64 = 100;
/// A side with fewer levels than this is refilled at once, so that the market never runs dry by itself.
const LEVELS_MIN: usize = 5;
/// Minutes of trading kept for candles: a week.
const MINUTES_KEPT: usize = 7 * 24 * 60;

/// A public trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trade {
    pub(crate) id: u64,
    pub(crate) ticks: i64,
    pub(crate) lots: i64,
    pub(crate) maker_side: Side,
    pub(crate) at_ns: u64,
    /// Which taker it belongs to: trades of one taker follow each other and share this number.
    pub(crate) taker: u64,
}

/// One resting order hit by a taker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Match {
    pub(crate) ticks: i64,
    pub(crate) lots: i64,
    pub(crate) maker: Owner,
    /// The public trade it made.
    pub(crate) trade_id: u64,
}

/// How much a taker wants.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Want {
    /// So many lots.
    Lots(i64),
    /// As many lots as `quote` pays for, fees included.
    Spend {
        /// What may be spent.
        quote: Decimal,
        /// The taker's fee rate.
        fee_rate: Decimal,
    },
}

/// One instrument's market; `P` is how its venue describes the instrument.
#[derive(Debug)]
pub(crate) struct Market<P> {
    pub(crate) product: P,
    increments: Increments,
    pub(crate) book: Book,
    /// The last trades, newest first.
    pub(crate) trades: VecDeque<Trade>,
    /// Trades not yet published, oldest first.
    pub(crate) unpublished: Vec<Trade>,
    /// Trades the Exchange feed has not told yet, oldest first.
    pub(crate) untold: Vec<Trade>,
    /// When the book last changed.
    pub(crate) changed_ns: u64,
    rng: Rng,
    anchor: i64,
    depth: usize,
    usual_lots: i64,
    next_trade_id: u64,
    takers: u64,
    trades_kept: usize,
    /// First price of the made-up day, in ticks; the highest and lowest after it.
    pub(crate) open: i64,
    pub(crate) high: i64,
    pub(crate) low: i64,
    pub(crate) traded_lots: i128,
    /// Lowest and highest price traded since the stops were last looked at.
    range: Option<(i64, i64)>,
    /// One candle per minute that traded, oldest first.
    pub(crate) minutes: VecDeque<Candle>,
}

impl<P: Traded> Market<P> {
    /// A market with `depth` levels a side around the instrument's start price, and some trades behind it. The last
    /// `trades_kept` trades stay in memory.
    pub(crate) fn new(product: P, seed: u64, depth: usize, trades_kept: usize, now_ns: u64) -> Self {
        let increments = product.increments();
        let anchor = Increments::whole_steps(product.start_price(), increments.tick).max(2);
        let usual_lots = Increments::whole_steps(product.usual_size(), increments.lot).max(1);
        let mut market = Self {
            book: Book::default(),
            trades: VecDeque::new(),
            unpublished: Vec::new(),
            untold: Vec::new(),
            changed_ns: now_ns,
            rng: Rng::new(seed),
            anchor,
            depth,
            usual_lots,
            next_trade_id: 1_000_000 + seed % 1_000_000,
            takers: 0,
            trades_kept,
            increments,
            open: anchor,
            high: anchor,
            low: anchor,
            traded_lots: i128::from(usual_lots) * 10_000,
            range: None,
            minutes: VecDeque::new(),
            product,
        };
        market.fill(Side::Buy);
        market.fill(Side::Sell);
        for age in (0..TRADES_AT_START).rev() {
            let (side, lots) = (market.random_side(), market.random_lots());
            let ticks = if side == Side::Buy { anchor } else { anchor + 1 };
            market.takers += 1;
            market.print(now_ns.saturating_sub(age * 50_000_000), ticks, lots, side);
        }
        market.unpublished.clear();
        market.untold.clear();
        market.book.take_fresh();
        market.book.take_dirty();
        market.range = None;
        market
    }

    /// Matches a taker against the book. Without `with_own` it stops before an order of the client, so that a client
    /// never trades with itself (what the venue's own self-trade prevention does is not documented).
    pub(crate) fn take(
        &mut self,
        now_ns: u64,
        taker: Side,
        limit: Option<i64>,
        with_own: bool,
        mut want: Want,
    ) -> Vec<Match> {
        let mut matches = Vec::new();
        let maker_side = taker.opposite();
        self.takers += 1;
        while let Some(front) = self.book.front(maker_side) {
            let beyond = limit.is_some_and(|limit| match taker {
                Side::Buy => front.ticks > limit,
                Side::Sell => front.ticks < limit,
            });
            let own = !with_own && front.owner != Owner::Market;
            let price = self.increments.price(front.ticks);
            let lots = match want {
                Want::Lots(lots) => lots,
                Want::Spend { quote, fee_rate } => self.increments.lots_for(quote, price * (Decimal::ONE + fee_rate)),
            }
            .min(front.lots);
            if beyond || own || lots <= 0 {
                break;
            }
            match &mut want {
                Want::Lots(left) => *left -= lots,
                Want::Spend { quote, fee_rate } => {
                    *quote -= price * self.increments.size(lots) * (Decimal::ONE + *fee_rate);
                }
            }
            self.book.consume(maker_side, lots);
            self.changed_ns = now_ns;
            let trade_id = self.print(now_ns, front.ticks, lots, maker_side);
            matches.push(Match { ticks: front.ticks, lots, maker: front.owner, trade_id });
        }
        matches
    }

    /// An order of another participant: takes what it crosses, then rests with the remainder if `rest`.
    pub(crate) fn participant(&mut self, now_ns: u64, side: Side, ticks: i64, lots: i64, rest: bool) -> Vec<Match> {
        let matches = self.take(now_ns, side, Some(ticks), true, Want::Lots(lots));
        let filled: i64 = matches.iter().map(|m| m.lots).sum();
        if rest && filled < lots {
            self.rest(now_ns, side, ticks, lots - filled, Owner::Market);
        }
        matches
    }

    /// Puts an order that crosses nothing into the book.
    pub(crate) fn rest(&mut self, now_ns: u64, side: Side, ticks: i64, lots: i64, owner: Owner) {
        self.book.rest(side, ticks, lots, owner);
        self.changed_ns = now_ns;
    }

    /// Takes a client's order out of the book.
    pub(crate) fn pull(&mut self, now_ns: u64, side: Side, ticks: i64, order: usize) {
        self.book.remove(side, ticks, Owner::Client(order));
        self.changed_ns = now_ns;
    }

    /// A trade with one resting order of the client, whoever stands before it; `None` if it does not rest there.
    pub(crate) fn trade_with(&mut self, now_ns: u64, side: Side, ticks: i64, order: usize, lots: i64) -> Option<Match> {
        let maker = Owner::Client(order);
        let lots = Some(self.book.reduce(side, ticks, maker, lots)).filter(|lots| *lots > 0)?;
        self.changed_ns = now_ns;
        self.takers += 1;
        Some(Match { ticks, lots, maker, trade_id: self.print(now_ns, ticks, lots, side) })
    }

    /// Takes lots off a client's resting order, which keeps its place.
    pub(crate) fn shrink(&mut self, now_ns: u64, side: Side, ticks: i64, owner: Owner, lots: i64) {
        if lots > 0 {
            self.book.reduce(side, ticks, owner, lots);
            self.changed_ns = now_ns;
        }
    }

    /// Lowest and highest price traded since the last call, `None` if nothing was.
    pub(crate) fn take_range(&mut self) -> Option<(i64, i64)> {
        self.range.take()
    }

    /// Removes every order of the made-up participants.
    pub(crate) fn clear(&mut self, now_ns: u64) {
        for side in [Side::Buy, Side::Sell] {
            let levels: Vec<i64> = self.book.levels(side).map(|(ticks, _)| ticks).collect();
            for ticks in levels {
                self.book.clear_market_level(side, ticks);
            }
        }
        self.changed_ns = now_ns;
    }

    /// One event of the made-up market; the matches are those with any maker, the client's included.
    pub(crate) fn step(&mut self, now_ns: u64) -> Vec<Match> {
        let side = self.random_side();
        let matches = match self.rng.below(100) {
            0..=11 => {
                let reach = (self.anchor / 100_000).max(1);
                self.anchor = (self.anchor + self.rng.between(-reach, reach)).max(LEVELS_MIN as i64 * 2);
                Vec::new()
            }
            12..=49 => self.make(now_ns, side),
            50..=84 => self.unmake(now_ns, side),
            _ => self.hit(now_ns, side),
        };
        self.keep_depth(now_ns);
        matches
    }

    fn make(&mut self, now_ns: u64, side: Side) -> Vec<Match> {
        let scale = self.rng.below(10);
        let distance = self.rng.below(4 << scale) as i64;
        let ticks = self.away(side, distance.min(self.anchor / 2));
        let lots = self.random_lots();
        self.participant(now_ns, side, ticks, lots, true)
    }

    fn unmake(&mut self, now_ns: u64, side: Side) -> Vec<Match> {
        let depth = self.book.depth(side);
        if depth > self.depth / 2 && depth > LEVELS_MIN {
            let reach = if self.rng.chance(90) { 20 } else { depth as u64 };
            let nth = self.rng.below(reach) as usize;
            let ticks = self.book.levels(side).nth(nth).map(|(ticks, _)| ticks);
            if ticks.is_some_and(|ticks| self.book.clear_market_level(side, ticks)) {
                self.changed_ns = now_ns;
            }
        }
        Vec::new()
    }

    fn hit(&mut self, now_ns: u64, side: Side) -> Vec<Match> {
        let lots = self.random_lots() / 2 + 1;
        let limit = self.book.levels(side.opposite()).nth(LEVELS_MIN - 1).map(|(ticks, _)| ticks);
        match limit {
            Some(limit) => self.participant(now_ns, side, limit, lots, false),
            None => Vec::new(),
        }
    }

    fn keep_depth(&mut self, now_ns: u64) {
        for side in [Side::Buy, Side::Sell] {
            while self.depth > 0 && self.book.depth(side) < LEVELS_MIN.min(self.depth) {
                let best = self.book.front(side.opposite()).map(|front| front.ticks);
                let own = self.away(side, self.book.depth(side) as i64);
                let ticks = match (side, best) {
                    (Side::Buy, Some(best)) => own.min(best - 1),
                    (Side::Sell, Some(best)) => own.max(best + 1),
                    (_, None) => own,
                };
                let free = (0..).map(|n| if side == Side::Buy { ticks - n } else { ticks + n });
                let Some(ticks) = free.take(LEVELS_MIN * 2).find(|t| *t > 0 && self.book.lots_at(side, *t) == 0) else {
                    break;
                };
                let lots = self.random_lots();
                self.rest(now_ns, side, ticks, lots, Owner::Market);
            }
            if self.book.depth(side) > self.depth + self.depth / 10 + LEVELS_MIN {
                if let Some(ticks) = self.book.worst(side) {
                    self.book.clear_market_level(side, ticks);
                    self.changed_ns = now_ns;
                }
            }
        }
    }

    /// The first book: dense at the top, sparser outwards, reaching at most half the price away.
    fn fill(&mut self, side: Side) {
        let depth = self.depth as i64;
        let growth = (self.anchor * 1_500 / (depth * depth).max(1)).clamp(0, 50);
        let mut distance = 0;
        for i in 0..depth {
            if distance >= self.anchor / 2 {
                break;
            }
            let (ticks, lots) = (self.away(side, distance), self.random_lots());
            self.book.rest(side, ticks, lots, Owner::Market);
            distance += 1 + self.rng.below(1 + (i * growth / 1_000) as u64) as i64;
        }
    }

    fn away(&self, side: Side, distance: i64) -> i64 {
        match side {
            Side::Buy => (self.anchor - distance).max(1),
            Side::Sell => self.anchor + 1 + distance,
        }
    }

    fn print(&mut self, at_ns: u64, ticks: i64, lots: i64, maker_side: Side) -> u64 {
        self.next_trade_id += 1;
        let trade = Trade { id: self.next_trade_id, ticks, lots, maker_side, at_ns, taker: self.takers };
        self.high = self.high.max(ticks);
        self.low = self.low.min(ticks);
        self.range = Some(self.range.map_or((ticks, ticks), |(low, high)| (low.min(ticks), high.max(ticks))));
        self.traded_lots += i128::from(lots);
        self.record(at_ns, ticks, lots);
        self.trades.push_front(trade);
        self.trades.truncate(self.trades_kept);
        self.unpublished.push(trade);
        self.untold.push(trade);
        self.next_trade_id
    }

    fn record(&mut self, at_ns: u64, ticks: i64, lots: i64) {
        let start_s = at_ns / SECOND_NS / MINUTE_S * MINUTE_S;
        match self.minutes.back_mut() {
            Some(candle) if candle.start_s == start_s => candle.add(ticks, lots),
            _ => {
                if self.minutes.len() == MINUTES_KEPT {
                    self.minutes.pop_front();
                }
                self.minutes.push_back(Candle::new(start_s, ticks, lots));
            }
        }
    }

    fn random_side(&mut self) -> Side {
        if self.rng.chance(50) {
            Side::Buy
        } else {
            Side::Sell
        }
    }

    fn random_lots(&mut self) -> i64 {
        let percent = self.rng.between(1, 200);
        (self.usual_lots.saturating_mul(percent) / 100).max(1)
    }

    /// Price of the last trade.
    pub(crate) fn last(&self) -> i64 {
        self.trades.front().map_or(self.anchor, |trade| trade.ticks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// BTC in dollars, DOGE in dollars, ETH in BTC.
    fn markets(seed: u64, depth: usize) -> Vec<Market<TestInstrument>> {
        let instrument = |tick: &str, lot: &str, start: &str, usual: &str| TestInstrument {
            increments: Increments { tick: tick.parse().unwrap(), lot: lot.parse().unwrap() },
            start_price: start.parse().unwrap(),
            usual_size: usual.parse().unwrap(),
        };
        [
            instrument("0.01", "0.00000001", "83277.25", "0.024"),
            instrument("0.00001", "0.1", "0.16234", "12000"),
            instrument("0.00001", "0.0001", "0.03208", "1.5"),
        ]
        .map(|instrument| Market::new(instrument, seed, depth, 100, 1_000))
        .into()
    }

    fn market(seed: u64, depth: usize) -> Market<TestInstrument> {
        markets(seed, depth).remove(0)
    }

    #[derive(Debug)]
    struct TestInstrument {
        increments: Increments,
        start_price: Decimal,
        usual_size: Decimal,
    }

    impl Traded for TestInstrument {
        fn increments(&self) -> Increments {
            self.increments
        }

        fn start_price(&self) -> Decimal {
            self.start_price
        }

        fn usual_size(&self) -> Decimal {
            self.usual_size
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_market() {
        let (mut a, mut b, mut c) = (market(1, 50), market(1, 50), market(2, 50));
        for now in 0..2_000 {
            a.step(now);
            b.step(now);
            c.step(now);
        }
        let levels =
            |m: &Market<TestInstrument>| m.book.levels(Side::Buy).chain(m.book.levels(Side::Sell)).collect::<Vec<_>>();
        assert_eq!(levels(&a), levels(&b));
        assert_eq!(a.trades, b.trades);
        assert_ne!(levels(&a), levels(&c));
    }

    #[test]
    fn no_step_crosses_the_book_or_empties_a_side_and_trades_do_happen() {
        for mut market in markets(9, 30) {
            let first = market.next_trade_id;
            for now in 0..20_000 {
                market.step(now);
                let (bid, ask) = (market.book.front(Side::Buy), market.book.front(Side::Sell));
                assert!(bid.unwrap().ticks < ask.unwrap().ticks, "{:?} at step {now}", market.product);
                assert!(market.book.depth(Side::Buy) >= LEVELS_MIN.min(30));
                assert!(market.book.depth(Side::Buy) <= 40 && market.book.depth(Side::Sell) <= 40);
            }
            assert!(market.next_trade_id > first + 500, "{:?}", market.product);
        }
    }

    #[test]
    fn a_deep_book_has_as_many_levels_as_asked() {
        let market = market(1, 21_500);
        assert_eq!(market.book.depth(Side::Buy), 21_500);
        assert_eq!(market.book.depth(Side::Sell), 21_500);
    }

    #[test]
    fn a_participant_takes_what_it_crosses_and_rests_with_the_remainder() {
        let mut market = market(1, 0);
        market.rest(1, Side::Sell, 101, 5, Owner::Market);
        market.rest(1, Side::Sell, 102, 5, Owner::Client(3));
        let matches = market.participant(2, Side::Buy, 102, 12, true);
        let seen: Vec<_> = matches.iter().map(|m| (m.ticks, m.lots, m.maker)).collect();
        assert_eq!(seen, [(101, 5, Owner::Market), (102, 5, Owner::Client(3))]);
        assert_eq!(market.book.lots_at(Side::Buy, 102), 2);
        assert_eq!(market.trades[0].maker_side, Side::Sell);
        assert_eq!(market.trades[0].id, market.trades[1].id + 1);
        assert_eq!(market.trades[0].taker, market.trades[1].taker, "one taker, two trades");
        assert_eq!(matches[1].trade_id, market.trades[0].id);
    }

    #[test]
    fn without_own_orders_a_taker_stops_before_the_clients_order() {
        let mut market = market(1, 0);
        market.rest(1, Side::Sell, 101, 5, Owner::Client(0));
        assert!(market.take(2, Side::Buy, None, false, Want::Lots(5)).is_empty());
    }
}
