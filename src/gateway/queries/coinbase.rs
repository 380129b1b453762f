//! Everything Coinbase answers, typed: lists with every filter, page by page or whole; previews; market snapshots; and the
//! checks before the first order. Blocking, off the hot path, within the share of the rate limit set aside for it.

use super::{ColdClient, PAGES_MAX};
use crate::codec::json::Plain;
use crate::gateway::error::{ExchangeError, GatewayError};
use crate::order::CancelReply;
use crate::record::{Instrument, PreparedOrder, UnixNanos, Venue, VenueOrderId};
use crate::venue::coinbase::auth::CoinbaseKey;
use crate::venue::coinbase::cold::{self, ColdRequest, FillFilter, Granularity, OrderFilter, CANDLES_MAX};
use crate::venue::coinbase::limits::{CANCELS_PER_REQUEST_MAX, CLOCK_SKEW_MS_MAX};
use crate::venue::coinbase::response::{self, Page, ReplyError};
use crate::venue::{ListedOrder, ReplaceIntent};
use std::sync::Arc;

mod transport;

/// Private requests a second that the engine may make (Coinbase reference 5: 30 in all).
pub(in crate::gateway) const ENGINE_REQUESTS_PER_SECOND: usize = 24;
/// Of the rest, what cold queries may make.
pub(in crate::gateway) const COLD_REQUESTS_PER_SECOND: usize = 4;
/// And what is set aside for an emergency: a listing and a batch of cancels each second. A reactor that was given up asks
/// for nothing, but one that comes back does.
pub(in crate::gateway) const EMERGENCY_REQUESTS_PER_SECOND: usize = 2;
const NANOS_PER_MS: u64 = 1_000_000;
/// A clock this far off is worth a warning, ms: stamps of the venue and ours are compared by people.
const CLOCK_WARN_MS: u64 = 1_000;

/// An offset known this well is not measured again, ns.
const CLOCK_GOOD_NS: u64 = 100 * NANOS_PER_MS;

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paged<T> {
    /// Its rows.
    pub rows: Vec<T>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<String>,
}

/// How far the venue's clock is from ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockOffset {
    /// The venue's time.
    pub venue: UnixNanos,
    /// The venue's clock less ours, ns, as if both ways took as long.
    pub offset_ns: i64,
    /// How far off `offset_ns` may be, ns: half of the round trip, and the venue's millisecond.
    pub uncertainty_ns: u64,
}

/// What became of one order of a cancel request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelResult {
    /// Which.
    pub order_id: VenueOrderId,
    /// Queued (the end of the order follows), refused with its reason, or not told.
    pub reply: CancelReply,
}

/// Coinbase's own questions; cheap to clone. Every call blocks its thread until the answer or the timeout, and a 401 is
/// asked once more: nothing here places or changes an order.
#[derive(Clone)]
pub struct CoinbaseQueries {
    client: Arc<ColdClient>,
    key: Option<Arc<CoinbaseKey>>,
}

impl std::fmt::Debug for CoinbaseQueries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CoinbaseQueries").field("client", &self.client).finish_non_exhaustive()
    }
}

type Answer<T> = Result<T, ExchangeError>;

impl CoinbaseQueries {
    pub(in crate::gateway) fn new(client: ColdClient, key: Option<Arc<CoinbaseKey>>) -> CoinbaseQueries {
        CoinbaseQueries { client: Arc::new(client), key }
    }

    /// All orders a filter lists, whatever became of them.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn orders(&self, filter: &OrderFilter) -> Answer<Vec<response::OrderDetail>> {
        self.all("list orders", |cursor| self.orders_page(filter, cursor))
    }

    /// One page of them; `cursor` is empty for the first.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn orders_page(&self, filter: &OrderFilter, cursor: &str) -> Answer<Paged<response::OrderDetail>> {
        self.page("list orders", cold::orders(filter, cursor), response::order_details)
    }

    /// One order in full; `None` if the venue knows none of this id.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn order(&self, id: &VenueOrderId) -> Answer<Option<response::OrderDetail>> {
        match self.small("order status", cold::order(id), response::order_detail) {
            Err(ExchangeError::Http { status: 404, .. }) => Ok(None),
            found => found.map(Some),
        }
    }

    /// All fills a filter lists.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn fills(&self, filter: &FillFilter) -> Answer<Vec<response::FillDetail>> {
        self.all("list fills", |cursor| self.fills_page(filter, cursor))
    }

    /// One page of them; `cursor` is empty for the first.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn fills_page(&self, filter: &FillFilter, cursor: &str) -> Answer<Paged<response::FillDetail>> {
        self.page("list fills", cold::fills(filter, cursor), response::fill_details)
    }

    /// All accounts.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn accounts(&self) -> Answer<Vec<response::Account>> {
        self.all("accounts", |cursor| self.accounts_page(cursor))
    }

    /// One page of them; `cursor` is empty for the first.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn accounts_page(&self, cursor: &str) -> Answer<Paged<response::Account>> {
        self.page("accounts", cold::accounts(cursor), response::accounts)
    }

    /// One account; `None` if there is none of this id.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn account(&self, uuid: &str) -> Answer<Option<response::Account>> {
        match self.small("account", cold::account(uuid), response::account) {
            Err(ExchangeError::Http { status: 404, .. }) => Ok(None),
            found => found.map(Some),
        }
    }

    /// What trading costs the account.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn fees(&self) -> Answer<response::Fees> {
        self.small("fees", cold::transaction_summary(), |body| response::fees(body))
    }

    /// What the key may do.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn key_permissions(&self) -> Answer<response::KeyPermissions> {
        self.small("key permissions", cold::key_permissions(), |body| {
            response::key_permissions(&mut Plain::new(body.len()), body)
        })
    }

    /// The venue's clock against ours.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn clock(&self) -> Answer<ClockOffset> {
        let first = self.clock_once()?;
        if first.uncertainty_ns <= CLOCK_GOOD_NS {
            return Ok(first);
        }
        // The first way may have included a handshake, or a wait for a permit.
        let second = self.clock_once()?;
        Ok(if second.uncertainty_ns < first.uncertainty_ns { second } else { first })
    }

    fn clock_once(&self) -> Answer<ClockOffset> {
        let clock = &self.client.clock;
        let asked = clock.now();
        let read = |body: &mut [u8]| response::server_time(&mut Plain::new(body.len()), body);
        let venue = self.small("server time", cold::time(), read)?;
        Ok(offset(asked, clock.now(), venue))
    }

    /// What an order would cost now, and whether it would be taken.
    ///
    /// # Errors
    /// [`ExchangeError`], of which `InvalidArgument` means that the venue has no form for it.
    pub fn preview(&self, instrument: &Instrument, order: &PreparedOrder) -> Answer<response::Preview> {
        let now = self.client.clock.now();
        let request = cold::preview(now, instrument, order)
            .map_err(|error| ExchangeError::InvalidArgument { argument: "order", why: error.to_string() })?;
        self.small("preview", request, response::preview)
    }

    /// What a change of an order would do, and whether it would be taken.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn edit_preview(&self, change: &ReplaceIntent<'_>) -> Answer<response::Preview> {
        self.small("edit preview", cold::edit_preview(change), response::preview)
    }

    /// Cancels orders by the venue's ids, whoever placed them, one result for each. Orders of this gateway are better
    /// cancelled through their strategy: it is told the end either way.
    ///
    /// # Errors
    /// [`ExchangeError`]: of all of them; it may have arrived all the same, and may be repeated.
    pub fn cancel_orders(&self, ids: &[VenueOrderId]) -> Answer<Vec<CancelResult>> {
        if ids.is_empty() || ids.len() > CANCELS_PER_REQUEST_MAX {
            let why = format!("1 to {CANCELS_PER_REQUEST_MAX} orders can be cancelled at once, not {}", ids.len());
            return Err(ExchangeError::InvalidArgument { argument: "ids", why });
        }
        let mut reply = self.send("cancel", cold::batch_cancel(ids), true)?;
        let mut results = Vec::with_capacity(ids.len());
        let mut plain = Plain::new(reply.body.len());
        response::cancel_replies(&mut plain, reply.status, &mut reply.body, ids, |id, reply| {
            results.push(CancelResult { order_id: *id, reply });
        });
        Ok(results)
    }

    /// Who every order is that is open or on its way to be, whoever placed it. Nothing else of an order is read: one of a
    /// kind we do not know is listed like any other.
    pub(in crate::gateway) fn listed_orders(&self) -> Answer<Vec<ListedOrder>> {
        let in_states = |states: &[&str]| {
            let statuses = states.iter().map(|state| (*state).to_owned()).collect();
            let filter = OrderFilter { statuses, ..OrderFilter::default() };
            let operation = "list open orders";
            self.all(operation, |cursor| self.page(operation, cold::orders(&filter, cursor), response::listed_orders))
        };
        let open = in_states(&["OPEN"])?;
        if !open.is_empty() {
            return Ok(open);
        }
        // OPEN leaves out what is still being taken or cancelled, and may not stand beside other states (Coinbase
        // reference 3.4): asked for when nothing else is left.
        match in_states(&["PENDING", "QUEUED", "EDIT_QUEUED", "CANCEL_QUEUED"]) {
            Err(ExchangeError::Http { status: 400, excerpt, .. }) => {
                tracing::debug!(%excerpt, "the venue lists no orders in passing states");
                Ok(Vec::new())
            }
            listed => listed,
        }
    }

    /// Best bid and ask of these products, or of all if none are named.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn best_bid_ask(&self, products: &[&str]) -> Answer<Vec<response::ProductBook>> {
        self.small("best bid and ask", cold::best_bid_ask(products), response::best_bid_ask)
    }

    /// The book of a product, `levels` a side. It has no sequence and cannot be joined with the stream.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn product_book(&self, product: &str, levels: u32) -> Answer<response::ProductBook> {
        let request = cold::product_book(self.signed(), product, levels, None);
        self.small("product book", request, response::product_book)
    }

    /// The latest trades of a product, newest first.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn trades(&self, product: &str, count: u32) -> Answer<response::MarketTrades> {
        let request = cold::trades(self.signed(), product, count, UnixNanos::NONE, UnixNanos::NONE);
        self.small("market trades", request, response::market_trades)
    }

    /// The candles of a product that begin between two moments, oldest first, in as many requests as they need.
    ///
    /// # Errors
    /// [`ExchangeError`], of which `InvalidArgument` means that the moments are in the wrong order.
    pub fn candles(
        &self,
        product: &str,
        granularity: Granularity,
        since: UnixNanos,
        until: UnixNanos,
    ) -> Answer<Vec<response::Candle>> {
        if until <= since {
            let why = "must be later than the beginning".to_owned();
            return Err(ExchangeError::InvalidArgument { argument: "until", why });
        }
        // Both ends count: one less than the venue gives at once.
        let span_ms = granularity.seconds().saturating_mul(CANDLES_MAX - 1).saturating_mul(1_000);
        let (mut all, mut from) = (Vec::new(), since);
        while from < until {
            let to = from.plus_ms(span_ms).min(until);
            let request = cold::candles(self.signed(), product, granularity, from, to);
            all.extend(self.small("candles", request, response::candles)?);
            from = to;
        }
        all.sort_by_key(|candle: &response::Candle| candle.start);
        all.dedup_by_key(|candle| candle.start);
        Ok(all)
    }

    /// One product as the account may trade it.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn product(&self, product: &str) -> Answer<crate::record::Listing> {
        self.small("product", cold::product(product), |body| response::listing(&mut Plain::new(body.len()), body))
    }

    /// Before the first order: the key may view and trade, and the clocks agree well enough for its signatures. What
    /// cannot be asked now (the venue is down) is left to the venue's own refusals, with a warning in the log.
    ///
    /// # Errors
    /// [`GatewayError::KeyPermission`], [`GatewayError::KeyRefused`], [`GatewayError::ClockSkew`].
    pub(in crate::gateway) fn check_start(&self) -> Result<(), GatewayError> {
        let venue = Venue::Coinbase;
        // The clock first: with a clock far off, the key would be refused for a reason that is not its own.
        match self.clock() {
            Ok(offset) => check_clock(&offset)?,
            Err(error) => tracing::warn!(%venue, %error, "the venue's clock could not be compared at start"),
        }
        match self.key_permissions() {
            Ok(key) => check_key(&key),
            Err(ExchangeError::Http { status: status @ (401 | 403), excerpt, .. }) => {
                Err(GatewayError::KeyRefused { venue, status, excerpt })
            }
            Err(error) => {
                tracing::warn!(%venue, %error, "the key's permissions could not be checked at start");
                Ok(())
            }
        }
    }

    fn signed(&self) -> bool {
        self.key.is_some()
    }

    /// A question whose answer is small enough to be read whole.
    fn small<T>(
        &self,
        operation: &'static str,
        request: ColdRequest,
        read: impl FnOnce(&mut [u8]) -> Result<T, ReplyError>,
    ) -> Answer<T> {
        let mut reply = self.send(operation, request, false)?;
        read(&mut reply.body).map_err(|error| self.client.unreadable(operation, &error))
    }

    fn page<T>(
        &self,
        operation: &'static str,
        request: ColdRequest,
        read: impl FnOnce(&[u8]) -> Result<(Vec<T>, Page), ReplyError>,
    ) -> Answer<Paged<T>> {
        let reply = self.send(operation, request, false)?;
        let (rows, page) = read(&reply.body).map_err(|error| self.client.unreadable(operation, &error))?;
        // An empty page ends a list of fills, whatever its cursor (Coinbase reference 3.5).
        let next = (page.has_next && !rows.is_empty()).then_some(page.cursor);
        Ok(Paged { rows, next })
    }

    fn all<T>(&self, operation: &'static str, page: impl Fn(&str) -> Answer<Paged<T>>) -> Answer<Vec<T>> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        for _ in 0..PAGES_MAX {
            let Paged { rows, next } = page(&cursor)?;
            all.extend(rows);
            match next {
                None => return Ok(all),
                Some(next) if next == cursor => break,
                Some(next) => cursor = next,
            }
        }
        Err(self.client.unreadable(operation, &"the listing does not end"))
    }
}

fn offset(asked: UnixNanos, answered: UnixNanos, venue: UnixNanos) -> ClockOffset {
    let half_ns = answered.since(asked) / 2;
    let ours = asked.plus_ns(half_ns);
    let ahead = i64::try_from(venue.since(ours)).unwrap_or(i64::MAX);
    let behind = i64::try_from(ours.since(venue)).unwrap_or(i64::MAX);
    ClockOffset { venue, offset_ns: ahead.saturating_sub(behind), uncertainty_ns: half_ns.saturating_add(NANOS_PER_MS) }
}

fn check_clock(offset: &ClockOffset) -> Result<(), GatewayError> {
    // Only what is off for sure.
    let off_ms = offset.offset_ns.unsigned_abs().saturating_sub(offset.uncertainty_ns) / NANOS_PER_MS;
    let offset_ms = offset.offset_ns / (NANOS_PER_MS as i64);
    if off_ms > CLOCK_SKEW_MS_MAX {
        return Err(GatewayError::ClockSkew { venue: Venue::Coinbase, offset_ms, max_ms: CLOCK_SKEW_MS_MAX });
    }
    if off_ms > CLOCK_WARN_MS {
        tracing::warn!(venue = %Venue::Coinbase, offset_ms, "this machine's clock is off the venue's: synchronise it");
    }
    Ok(())
}

fn check_key(key: &response::KeyPermissions) -> Result<(), GatewayError> {
    let venue = Venue::Coinbase;
    match (key.can_view, key.can_trade) {
        (false, _) => Err(GatewayError::KeyPermission { venue, missing: "view" }),
        (true, false) => Err(GatewayError::KeyPermission { venue, missing: "trade" }),
        (true, true) => {
            if key.can_transfer {
                tracing::warn!(%venue, "the API key may move money out: a key for trading should not");
            }
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixNanos = UnixNanos(1_790_735_849_000_000_000);

    #[test]
    fn the_offset_is_taken_at_half_of_the_round_trip() {
        let answered = NOW.plus_ms(40);
        let ahead = offset(NOW, answered, NOW.plus_ms(1_020));
        assert_eq!((ahead.offset_ns, ahead.uncertainty_ns), (1_000_000_000, 21_000_000));
        assert_eq!(offset(NOW, answered, UnixNanos(NOW.0 - 480_000_000)).offset_ns, -500_000_000);
    }

    #[test]
    fn only_a_clock_that_is_off_for_sure_is_an_error() {
        let at = |ms: i64, uncertain_ms: u64| {
            let (offset_ns, uncertainty_ns) = (ms * 1_000_000, uncertain_ms * NANOS_PER_MS);
            check_clock(&ClockOffset { venue: NOW, offset_ns, uncertainty_ns })
        };
        assert_eq!((at(0, 1), at(-30_000, 1), at(31_000, 2_000)), (Ok(()), Ok(()), Ok(())));
        let error = at(-45_000, 20).unwrap_err();
        assert!(matches!(error, GatewayError::ClockSkew { offset_ms: -45_000, .. }));
        assert!(error.to_string().contains("coinbase") && error.to_string().contains("synchronise"), "{error}");
    }

    #[test]
    fn a_key_that_cannot_trade_is_named_with_what_to_do() {
        let key = |can_view, can_trade| response::KeyPermissions { can_view, can_trade, ..Default::default() };
        assert_eq!(check_key(&key(true, true)), Ok(()));
        let error = check_key(&key(true, false)).unwrap_err().to_string();
        assert!(error.starts_with("coinbase: the API key may not trade: give it the permission `trade`"), "{error}");
        assert!(check_key(&key(false, true)).is_err());
    }
}
