//! More questions to OANDA: trades, positions, orders, prices and candles as the account sees them. Nothing changes by
//! them.

use super::changes::named;
use super::{Answer, OandaQueries};
use crate::gateway::error::ExchangeError;
use crate::record::{RejectClass, UnixNanos};
use crate::venue::oanda::request::{OrderSpecifier, Query, StateFilter};
use crate::venue::oanda::response::{
    self, AccountDetails, Candles, Changes, OrderRow, PositionRow, Prices, ReplyError, TradeRow,
};

/// Rows of one page of orders or trades.
const PAGE_ROWS: u32 = crate::venue::oanda::limits::PAGE_ORDERS_MAX;

impl OandaQueries {
    /// The account with its pending orders, open trades and positions, all of one moment.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn account(&self) -> Answer<AccountDetails> {
        self.ask("account", &Query::Account, response::account)
    }

    /// What changed after a transaction, and how the account stands now.
    ///
    /// # Errors
    /// [`ExchangeError`]; for an id the account has not reached, a refusal.
    pub fn changes_since(&self, transaction: u64) -> Answer<Changes> {
        self.ask("changes", &Query::Changes { since: transaction }, response::changes)
    }

    /// All pending orders.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn pending_orders(&self) -> Answer<Vec<OrderRow>> {
        self.ask("pending orders", &Query::PendingOrders, response::orders)
    }

    /// One order by the venue's id, or by the client's as long as it is pending; `None` if there is no such order.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn order_row(&self, order: OrderSpecifier<'_>) -> Answer<Option<OrderRow>> {
        named("order", order)?;
        self.find("order", &Query::Order(order), response::order)
    }

    /// The newest 500 orders of an instrument or of all, whatever became of them, newest first; those before `before`.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn orders(&self, symbol: Option<&str>, before: Option<&str>) -> Answer<Vec<OrderRow>> {
        let query = Query::Orders { state: StateFilter::All, instrument: symbol, count: PAGE_ROWS, before };
        self.ask("orders", &query, response::orders)
    }

    /// All open trades.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn open_trades(&self) -> Answer<Vec<TradeRow>> {
        self.ask("open trades", &Query::OpenTrades, response::trades)
    }

    /// One trade, open or closed, by the venue's id or the client's; `None` if there is no such trade.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn trade(&self, trade: OrderSpecifier<'_>) -> Answer<Option<TradeRow>> {
        named("trade", trade)?;
        self.find("trade", &Query::Trade(trade), response::trade)
    }

    /// Positions that are not flat.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn open_positions(&self) -> Answer<Vec<PositionRow>> {
        self.ask("open positions", &Query::OpenPositions, response::positions)
    }

    /// One position, flat or not; `None` if the instrument was never traded.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn position(&self, symbol: &str) -> Answer<Option<PositionRow>> {
        self.find("position", &Query::Position { instrument: symbol }, response::position)
    }

    /// The prices of instruments now.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn prices(&self, symbols: &[&str]) -> Answer<Prices> {
        if symbols.is_empty() {
            return Err(ExchangeError::InvalidArgument { argument: "symbols", why: "none".to_owned() });
        }
        let query = Query::Pricing { instruments: symbols, since: UnixNanos::NONE, home_conversions: true };
        self.ask("prices", &query, response::prices)
    }

    /// The last `count` candles, 1 to 5,000, of mid prices; `granularity` is the venue's own name, such as `M1`.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub fn candles(&self, symbol: &str, granularity: &str, count: u32) -> Answer<Candles> {
        let count = count.clamp(1, CANDLES_MAX);
        let query = Query::Candles { instrument: symbol, granularity, price: "M", count };
        self.ask("candles", &query, response::candles)
    }

    /// What may not be there.
    fn find<T>(
        &self,
        operation: &'static str,
        query: &Query<'_>,
        read: impl FnOnce(&[u8]) -> Result<T, ReplyError>,
    ) -> Answer<Option<T>> {
        match self.ask(operation, query, read) {
            Err(ExchangeError::Http { status: 404, .. }) => Ok(None),
            Err(ExchangeError::Rejected { class: RejectClass::UnknownOrder, .. }) => Ok(None),
            found => found.map(Some),
        }
    }
}

/// Candles of one answer (OANDA reference 3).
const CANDLES_MAX: u32 = 5_000;
