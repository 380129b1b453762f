//! Pre-trade limits at work: the checks of each instrument, venue and strategy, against what the engine knows of orders and
//! books at that moment.

use super::publish::Market;
use super::traded::{Standing, Traded};
use super::trading::Means;
use crate::guard::{Funds, Governor, LimitBreach, Limits, MarketView, OrderGuard, Priority, RetryAt};
use crate::order::{Exposure, Order, Refusal};
use crate::record::{Instrument, InstrumentId, OrderCommand, PerVenue, RejectClass, Side, UnixNanos, Venue};

/// What is held is asked for at once where nobody knows it: it is told in about this, ms.
const HOLDINGS_MS: u64 = 50;

/// What an order may still execute beside the one that takes its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beside {
    /// Nothing: the venue changes it in place, or places the new one only if nothing of the old one was executed meanwhile.
    Nothing,
    /// All that is open of it: a fill before its cancel does not hold the new one back.
    Rest,
}

/// Limits, ready to be checked. Without limits every check passes.
#[derive(Debug)]
pub(super) struct PreTrade {
    limits: Limits,
    strategy_open_max: usize,
    venue_open_max: PerVenue<u32>,
    rates: PerVenue<Option<Governor>>,
    by_instrument: Vec<Option<OrderGuard>>,
}

impl PreTrade {
    pub(super) fn new(limits: Option<Limits>) -> PreTrade {
        let limits = limits.unwrap_or_default();
        PreTrade {
            strategy_open_max: limits.strategy_open_orders_max().unwrap_or(usize::MAX),
            venue_open_max: PerVenue::new(|venue| limits.of_venue(venue).open_orders_max.unwrap_or(u32::MAX)),
            rates: PerVenue::new(|venue| {
                let rate = limits.of_venue(venue).order_rate_max?;
                // Our own rule counts what we send: no margin for the way.
                Some(Governor::new(usize::try_from(rate.orders).unwrap_or(usize::MAX), rate.window_ms, 0))
            }),
            by_instrument: vec![None; InstrumentId::COUNT_MAX],
            limits,
        }
    }

    /// An instrument, or its new figures. Returns whether what is held of it must be known to check its orders.
    pub(super) fn know(&mut self, instrument: &Instrument) -> bool {
        let guard = OrderGuard::new(&self.limits.of_instrument(instrument), instrument);
        let checks_holdings = guard.checks_holdings();
        if let Some(place) = self.by_instrument.get_mut(instrument.id.index()) {
            *place = Some(guard);
        }
        checks_holdings
    }

    /// Whether an order may be sent as far as limits go. Counts nothing.
    ///
    /// # Errors
    /// [`Refusal`].
    pub(super) fn check(
        &self,
        now: UnixNanos,
        order: &OrderCommand,
        traded: &Traded,
        market: &Market,
        heard: UnixNanos,
        means: &Means<'_>,
    ) -> Result<(), Refusal> {
        let orders = means.orders;
        if orders.open_count_of(order.request().strategy()) >= self.strategy_open_max {
            return Err(Refusal::new(RejectClass::Limit, "open order limit reached"));
        }
        let venue = traded.instrument.listing.venue;
        if orders.open_count_at(venue) >= *self.venue_open_max.get(venue) {
            return Err(Refusal::new(RejectClass::Limit, "too many open orders at venue"));
        }
        let id = traded.instrument.id;
        // An instrument nobody told us about has no limits to pass: that must not happen, and is refused.
        let Some(Some(guard)) = self.by_instrument.get(id.index()) else {
            return Err(Refusal::new(RejectClass::UnknownInstrument, "no limits for this instrument"));
        };
        let view = view(now, traded, market, heard);
        let exposure = orders.exposure(id);
        let funds = funds(guard, traded, &exposure, market, means);
        let passed = guard.check(order, &exposure, &view, &funds);
        passed.map_err(|breach| refusal(now, breach))
    }

    /// Whether an order may be changed as far as limits go: it is checked with its new price and quantity, in place of
    /// what it adds to our exposure now, or beside what may still be executed of it.
    ///
    /// # Errors
    /// [`Refusal`].
    #[allow(clippy::too_many_arguments, reason = "everything a change is measured against")]
    pub(super) fn check_change(
        &self,
        now: UnixNanos,
        change: &OrderCommand,
        (order, beside): (&Order, Beside),
        traded: &Traded,
        market: &Market,
        heard: UnixNanos,
        means: &Means<'_>,
    ) -> Result<(), Refusal> {
        let id = traded.instrument.id;
        let Some(Some(guard)) = self.by_instrument.get(id.index()) else {
            return Err(Refusal::new(RejectClass::UnknownInstrument, "no limits for this instrument"));
        };
        let mut exposure = means.orders.exposure(id);
        let open = match order.side() {
            Side::Buy => &mut exposure.open_buy,
            Side::Sell => &mut exposure.open_sell,
        };
        let gone = match beside {
            Beside::Nothing => order.open_quantity(),
            Beside::Rest => 0,
        };
        // What it has executed is in the position, and in its new quantity too; what may still be executed is in what is
        // open, but for an order sized in quote currency.
        *open = open.saturating_sub(gone).saturating_sub(order.executed());
        exposure.open_orders = exposure.open_orders.saturating_sub(1);
        let mut funds = funds(guard, traded, &exposure, market, means);
        if let Funds::Balances { quote, base } = &mut funds {
            // What it reserves now is free for its new terms.
            *quote = quote.map(|free| free.saturating_add(order.reserved()));
            *base = base.map(|free| match order.side() {
                Side::Buy => free,
                Side::Sell => free.saturating_add(i128::from(order.open_quantity())),
            });
        }
        let whole = OrderCommand::limit(id, order.side(), change.price(), change.quantity());
        let passed = guard.check(&whole, &exposure, &view(now, traded, market, heard), &funds);
        passed.map_err(|breach| refusal(now, breach))
    }

    /// Whether our own rate for the venue lets an order or a change leave now. Counts nothing.
    ///
    /// # Errors
    /// [`Refusal`].
    pub(super) fn rate_ready(&self, now: UnixNanos, venue: Venue) -> Result<(), Refusal> {
        // The whole rate is for orders: there is nobody to keep a share for.
        self.rates.get(venue).as_ref().map_or(Ok(()), |rate| rate.ready(now, Priority::Cancel)).map_err(over_rate)
    }

    /// Counts an order or a change that leaves now, after [`PreTrade::rate_ready`]: what was refused by then does not count.
    pub(super) fn count_rate(&mut self, now: UnixNanos, venue: Venue) {
        if let Some(rate) = self.rates.get_mut(venue) {
            let _ready = rate.take(now, Priority::Cancel);
        }
    }
}

/// What can be spent on an order in an instrument, with `exposure` of ours in it besides; told only where it counts.
fn funds(guard: &OrderGuard, traded: &Traded, exposure: &Exposure, market: &Market, means: &Means<'_>) -> Funds {
    let instrument = &traded.instrument;
    match instrument.listing.venue {
        _ if !guard.checks_balance() => Funds::UNKNOWN,
        Venue::Oanda => {
            let positions = means.portfolio.of(Venue::Oanda);
            Funds::Margin(means.credit.room(instrument.id, exposure, market, means.orders, positions))
        }
        Venue::Coinbase | Venue::BinanceUs => means.purse.funds(instrument, means.orders),
    }
}

fn refusal(now: UnixNanos, breach: LimitBreach) -> Refusal {
    let refusal = Refusal::new(breach.class(), breach.reason());
    match breach {
        LimitBreach::PositionUnknown => refusal.until(now.plus_ms(HOLDINGS_MS)),
        _ => refusal,
    }
}

const fn over_rate(RetryAt(at): RetryAt) -> Refusal {
    Refusal::new(RejectClass::RateLimited, "own order rate limit").until(at)
}

/// The market as the last complete event left it.
pub(super) fn view(now: UnixNanos, traded: &Traded, market: &Market, heard: UnixNanos) -> MarketView {
    let whole = traded.standing == Standing::Whole;
    let [bid, ask] = traded.best_prices(&market.pool);
    MarketView { bid, ask, whole, silent_ns: now.since(heard), lag_ns: traded.lag.lag_ns() }
}
