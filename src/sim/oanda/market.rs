//! One instrument's price: liquidity buckets around a seeded random walk, and what fills take from them.
//!
//! Owns prices and liquidity, nothing of accounts or orders. A new price brings full buckets; a fill reduces those it
//! took from until then (OANDA reference 6).

use super::instrument::Instrument;
use super::text;
use crate::sim::market::Side;
use crate::sim::stamp::rfc3339_full;
use crate::sim::{Json, Rng};
use rust_decimal::Decimal;

/// Distance from the best price in points, and size in tenths of the first bucket, as recorded in 2026.
const BID_BUCKETS: [(i64, i64); 7] = [(0, 10), (1, 10), (2, 40), (3, 40), (4, 100), (6, 200), (9, 200)];
const ASK_BUCKETS: [(i64, i64); 6] = [(0, 10), (2, 50), (3, 40), (4, 100), (7, 200), (10, 200)];
/// The walk stays within so many points of where it began, so that no price ever reaches zero.
const WALK_POINTS_MAX: i64 = 2_000;

/// An amount on offer at a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bucket {
    pub(crate) price: Decimal,
    pub(crate) liquidity: Decimal,
}

/// One instrument's market.
#[derive(Debug)]
pub(crate) struct Market {
    pub(crate) instrument: Instrument,
    pub(crate) bids: Vec<Bucket>,
    pub(crate) asks: Vec<Bucket>,
    pub(crate) closeout_bid: Decimal,
    pub(crate) closeout_ask: Decimal,
    pub(crate) tradeable: bool,
    pub(crate) at_ns: u64,
    /// Grows with every change a stream has to tell.
    pub(crate) version: u64,
    bid: Decimal,
    ask: Decimal,
    anchor: i64,
    walk: i64,
    rng: Rng,
}

impl Market {
    pub(crate) fn new(instrument: Instrument, seed: u64, now_ns: u64) -> Self {
        let anchor = i64::try_from((instrument.start_price / instrument.point()).floor()).unwrap_or(1).max(1);
        let mut market = Self {
            bids: Vec::new(),
            asks: Vec::new(),
            closeout_bid: Decimal::ZERO,
            closeout_ask: Decimal::ZERO,
            tradeable: true,
            at_ns: now_ns,
            version: 0,
            bid: Decimal::ZERO,
            ask: Decimal::ZERO,
            anchor,
            walk: 0,
            rng: Rng::new(seed),
            instrument,
        };
        market.quote_walk(now_ns);
        market
    }

    /// One step of the made-up walk.
    pub(crate) fn step(&mut self, now_ns: u64) {
        let most = WALK_POINTS_MAX.min(self.anchor / 10);
        let step = self.rng.between(-3, 3);
        // Drawn back to the anchor, the more the farther away.
        let pull = if self.walk.abs() * 4 > most { -self.walk.signum() } else { 0 };
        self.walk = (self.walk + step + pull).clamp(-most, most);
        self.quote_walk(now_ns);
    }

    fn quote_walk(&mut self, now_ns: u64) {
        let point = self.instrument.point();
        let spread = (self.instrument.spread_points + self.rng.between(-1, 1)).max(1);
        let bid = self.anchor + self.walk - spread / 2;
        self.quote(now_ns, Decimal::from(bid) * point, Decimal::from(bid + spread) * point);
    }

    /// A new price with full buckets.
    pub(crate) fn quote(&mut self, now_ns: u64, bid: Decimal, ask: Decimal) {
        let tenth = self.instrument.bucket_units / Decimal::TEN;
        let point = self.instrument.point();
        let row = |best: Decimal, sign: i64, (points, tenths): (i64, i64)| Bucket {
            price: best + Decimal::from(sign * points) * point,
            liquidity: tenth * Decimal::from(tenths),
        };
        self.bids = BID_BUCKETS.iter().map(|b| row(bid, -1, *b)).filter(|b| b.price > Decimal::ZERO).collect();
        self.asks = ASK_BUCKETS.iter().map(|b| row(ask, 1, *b)).collect();
        self.closeout_bid = self.bids.last().map_or(bid, |b| b.price);
        self.closeout_ask = self.asks.last().map_or(ask, |b| b.price);
        (self.bid, self.ask, self.at_ns) = (bid, ask, now_ns);
        self.version += 1;
    }

    /// Exactly these buckets, best first; an empty side keeps its closeout price.
    pub(crate) fn set_buckets(&mut self, now_ns: u64, bids: Vec<Bucket>, asks: Vec<Bucket>) {
        if let (Some(best), Some(worst)) = (bids.first(), bids.last()) {
            (self.bid, self.closeout_bid) = (best.price, worst.price);
        }
        if let (Some(best), Some(worst)) = (asks.first(), asks.last()) {
            (self.ask, self.closeout_ask) = (best.price, worst.price);
        }
        (self.bids, self.asks, self.at_ns) = (bids, asks, now_ns);
        self.version += 1;
    }

    /// Open or closed for trading.
    pub(crate) fn set_tradeable(&mut self, now_ns: u64, tradeable: bool) {
        self.tradeable = tradeable;
        self.at_ns = now_ns;
        self.version += 1;
    }

    /// Best price at which others sell to a buyer, or buy from a seller; the last one if that side is empty now.
    pub(crate) fn best(&self, taker: Side) -> Decimal {
        if taker == Side::Buy {
            self.ask
        } else {
            self.bid
        }
    }

    /// Halfway between the best prices.
    pub(crate) fn mid(&self) -> Decimal {
        (self.bid + self.ask) / Decimal::TWO
    }

    /// Units on offer to a taker at `bound` or better.
    pub(crate) fn available(&self, taker: Side, bound: Option<Decimal>) -> Decimal {
        self.offers(taker).iter().filter(|b| within(taker, b.price, bound)).map(|b| b.liquidity).sum()
    }

    /// Takes so many units, best prices first, and gives their average price, rounded against the taker to the
    /// instrument's precision. Only as many as [`Self::available`] says.
    pub(crate) fn take(&mut self, taker: Side, units: Decimal) -> Decimal {
        let precision = self.instrument.display_precision;
        let (mut left, mut cost) = (units, Decimal::ZERO);
        let offers = if taker == Side::Buy { &mut self.asks } else { &mut self.bids };
        for bucket in offers.iter_mut() {
            let taken = left.min(bucket.liquidity);
            bucket.liquidity -= taken;
            cost += taken * bucket.price;
            left -= taken;
        }
        offers.retain(|b| !b.liquidity.is_zero());
        let average = cost.checked_div(units - left).unwrap_or(self.best(taker));
        let strategy = match taker {
            Side::Buy => rust_decimal::RoundingStrategy::ToPositiveInfinity,
            Side::Sell => rust_decimal::RoundingStrategy::ToNegativeInfinity,
        };
        average.round_dp_with_strategy(precision, strategy)
    }

    /// What a take of so many units would cost on average, taking nothing.
    pub(crate) fn price_of(&self, taker: Side, units: Decimal) -> Decimal {
        let (mut left, mut cost) = (units, Decimal::ZERO);
        for bucket in self.offers(taker) {
            let taken = left.min(bucket.liquidity);
            cost += taken * bucket.price;
            left -= taken;
        }
        cost.checked_div(units - left).unwrap_or(self.best(taker))
    }

    fn offers(&self, taker: Side) -> &[Bucket] {
        if taker == Side::Buy {
            &self.asks
        } else {
            &self.bids
        }
    }

    /// A price of this instrument as text.
    pub(crate) fn price(&self, value: Decimal) -> String {
        text::price(value, self.instrument.display_precision)
    }

    /// Members of a `PRICE` (OANDA reference 6).
    pub(crate) fn put_price(&self, j: &mut Json) {
        j.str("type", "PRICE").str("time", rfc3339_full(self.at_ns));
        for (name, side) in [("bids", &self.bids), ("asks", &self.asks)] {
            j.arr(name, |j| {
                for bucket in side {
                    j.item(|j| {
                        j.str("price", self.price(bucket.price)).raw("liquidity", text::units(bucket.liquidity));
                    });
                }
            });
        }
        let status = if self.tradeable { "tradeable" } else { "non-tradeable" };
        j.str("closeoutBid", self.price(self.closeout_bid))
            .str("closeoutAsk", self.price(self.closeout_ask))
            .str("status", status)
            .raw("tradeable", self.tradeable)
            .str("instrument", &self.instrument.name);
    }

    /// Members of `fullPrice` of a fill: liquidity as strings (OANDA reference 2 and 7).
    pub(crate) fn put_full_price(&self, j: &mut Json) {
        j.str("closeoutBid", self.price(self.closeout_bid))
            .str("closeoutAsk", self.price(self.closeout_ask))
            .str("time", rfc3339_full(self.at_ns));
        for (name, side) in [("bids", &self.bids), ("asks", &self.asks)] {
            j.arr(name, |j| {
                for bucket in side {
                    j.item(|j| {
                        j.str("price", self.price(bucket.price)).str("liquidity", text::units(bucket.liquidity));
                    });
                }
            });
        }
    }
}

/// Whether a price is at the taker's bound or better.
fn within(taker: Side, price: Decimal, bound: Option<Decimal>) -> bool {
    bound.is_none_or(|bound| if taker == Side::Buy { price <= bound } else { price >= bound })
}

#[cfg(test)]
mod tests {
    use super::super::instrument::usual_instruments;
    use super::*;

    fn d(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn market() -> Market {
        let mut market = Market::new(usual_instruments().remove(0), 1, 0);
        market.quote(0, d("1.20010"), d("1.20022"));
        market
    }

    #[test]
    fn a_take_walks_the_buckets_and_rounds_against_the_taker() {
        let mut market = market();
        assert_eq!(market.take(Side::Buy, d("1")), d("1.20022"));
        assert_eq!(market.asks[0].liquidity, d("499999"));
        assert_eq!(market.price_of(Side::Buy, d("499999")), d("1.20022"));
        // One unit of the second bucket makes the average a trifle worse: a whole point after rounding.
        assert_eq!(market.take(Side::Buy, d("500000")), d("1.20023"));
        assert_eq!(market.asks[0].price, d("1.20024"), "the first bucket is empty and gone");
        market.quote(1, d("1.20010"), d("1.20022"));
        assert_eq!(market.asks[0].liquidity, d("500000"), "a new price brings full buckets");
    }

    #[test]
    fn a_bound_counts_only_what_is_at_it_or_better() {
        let market = market();
        assert_eq!(market.available(Side::Buy, Some(d("1.20022"))), d("500000"));
        assert_eq!(market.available(Side::Sell, Some(d("1.20009"))), d("1000000"));
        assert_eq!(market.available(Side::Sell, Some(d("1.20011"))), Decimal::ZERO);
    }

    #[test]
    fn the_walk_keeps_the_spread_and_stays_near_its_anchor() {
        let mut market = market();
        for now in 0..5_000 {
            market.step(now);
            let (bid, ask) = (market.best(Side::Sell), market.best(Side::Buy));
            assert!(bid < ask && (market.mid() - d("1.20016")).abs() < d("0.03"), "{bid} {ask}");
        }
    }
}
