//! Cold replies about the account: its figures, positions, trades and orders (OANDA reference 3). They allocate; never
//! on the hot thread.

use super::super::auth::AccountRow;
use super::{cold, each_field, each_item, ReplyError};
use crate::codec::json::Cursor;
use crate::codec::timestamp::parse_rfc3339;
use crate::record::{parse_any, Fixed128, UnixNanos};
use crate::venue::fault::Fault;

/// The account's figures, all in its own currency.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountSummary {
    /// Its id.
    pub id: Box<str>,
    /// Its currency.
    pub currency: Box<str>,
    /// Its name.
    pub alias: Box<str>,
    /// Whether long and short can be held together; else they net.
    pub hedging: bool,
    /// Cash.
    pub balance: Fixed128,
    /// Cash and the profit not realised yet.
    pub net_value: Fixed128,
    /// Profit realised over its life.
    pub realised: Fixed128,
    /// Profit not realised yet.
    pub unrealised: Fixed128,
    /// Financing paid and received over its life.
    pub financing: Fixed128,
    /// Commission paid over its life.
    pub commission: Fixed128,
    /// Margin bound.
    pub margin_used: Fixed128,
    /// Margin free.
    pub margin_available: Fixed128,
    /// The client's own margin rate; zero if none is set.
    pub margin_rate: Fixed128,
    /// At 1 everything is closed by the venue.
    pub closeout_percent: Fixed128,
    /// Open trades.
    pub open_trades: u64,
    /// Open positions.
    pub open_positions: u64,
    /// Pending orders.
    pub pending_orders: u64,
    /// The newest transaction the answer includes.
    pub last_transaction: u64,
}

/// The account with everything in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountDetails {
    /// Its figures.
    pub summary: AccountSummary,
    /// Pending orders.
    pub orders: Vec<OrderRow>,
    /// Open trades.
    pub trades: Vec<TradeRow>,
    /// Positions, flat ones too.
    pub positions: Vec<PositionRow>,
}

/// What changed since a transaction, and how things stand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// The figures; what names the account is empty.
    pub state: AccountSummary,
    /// Orders created, cancelled, filled and triggered.
    pub orders: Vec<OrderRow>,
    /// Trades opened, reduced and closed.
    pub trades: Vec<TradeRow>,
    /// Positions that changed.
    pub positions: Vec<PositionRow>,
    /// Ids of the transactions.
    pub transactions: Vec<u64>,
}

/// One side of a position.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PositionSide {
    /// Units, never negative.
    pub units: Fixed128,
    /// Average price; `None` if flat.
    pub average_price: Option<Fixed128>,
    /// Its open trades.
    pub trade_ids: Vec<u64>,
    /// Profit realised over its life.
    pub realised: Fixed128,
    /// Profit not realised yet.
    pub unrealised: Fixed128,
}

/// One position.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PositionRow {
    /// Whose.
    pub instrument: Box<str>,
    /// Bought.
    pub long: PositionSide,
    /// Sold.
    pub short: PositionSide,
    /// Profit realised over its life.
    pub realised: Fixed128,
    /// Profit not realised yet.
    pub unrealised: Fixed128,
    /// Margin bound; `None` if flat.
    pub margin_used: Option<Fixed128>,
}

/// One trade.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TradeRow {
    /// The id of the fill that opened it.
    pub id: u64,
    /// Whose.
    pub instrument: Box<str>,
    /// Where it opened.
    pub price: Fixed128,
    /// Units at first, negative if short.
    pub initial_units: Fixed128,
    /// Units now.
    pub units: Fixed128,
    /// `OPEN`, `CLOSED` or `CLOSE_WHEN_TRADEABLE`.
    pub state: Box<str>,
    /// Profit realised by partial closes.
    pub realised: Fixed128,
    /// Profit not realised yet; `None` if not said.
    pub unrealised: Option<Fixed128>,
    /// Margin bound; `None` if not said.
    pub margin_used: Option<Fixed128>,
    /// The client's id of it.
    pub client_id: Box<str>,
    /// When it opened.
    pub open_time: UnixNanos,
}

/// One order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OrderRow {
    /// The venue's id.
    pub id: u64,
    /// The client's id.
    pub client_id: Box<str>,
    /// Such as `LIMIT`.
    pub kind: Box<str>,
    /// `PENDING`, `FILLED`, `TRIGGERED` or `CANCELLED`; empty among the triggers of a state.
    pub state: Box<str>,
    /// Whose; empty if it closes a trade.
    pub instrument: Box<str>,
    /// Units, negative if it sells; zero if it closes a trade.
    pub units: Fixed128,
    /// Its price; `None` if it has a distance, or is a market order.
    pub price: Option<Fixed128>,
    /// Its distance.
    pub distance: Option<Fixed128>,
    /// The trade it closes; 0 if none.
    pub trade_id: u64,
    /// `GTC` and the like.
    pub time_in_force: Box<str>,
    /// When it was created.
    pub create_time: UnixNanos,
}

type Read<T> = Result<T, ReplyError>;

/// The accounts of a token.
///
/// # Errors
/// [`ReplyError`].
pub fn accounts(body: &[u8]) -> Read<Vec<AccountRow>> {
    list(body, "accounts", |cursor| {
        let mut row = AccountRow { id: "".into(), mt4: false };
        each_field(cursor, |key, cursor| {
            match key {
                "id" => row.id = cursor.str()?.into(),
                // Null is none; a number is one, and is skipped.
                "mt4AccountID" if cursor.take_null() => {}
                "mt4AccountID" => {
                    row.mt4 = true;
                    return Ok(false);
                }
                "tags" => each_item(cursor, |cursor| {
                    row.mt4 |= cursor.str()? == "MT4";
                    Ok(())
                })?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        required(!row.id.is_empty(), "id")?;
        Ok(row)
    })
}

/// The figures of a summary reply.
///
/// # Errors
/// [`ReplyError`].
pub fn summary(body: &[u8]) -> Read<AccountSummary> {
    account(body).map(|details| details.summary)
}

/// The account of an account reply, or of a summary, which has no rows.
///
/// # Errors
/// [`ReplyError`].
pub fn account(body: &[u8]) -> Read<AccountDetails> {
    cold(body, |cursor| {
        let mut found = AccountDetails::default();
        let (mut last, mut there) = (None, false);
        // What nobody said is not zero.
        let mut needed = ["currency", "balance", "marginUsed", "marginAvailable"].map(|name| (name, false));
        each_field(cursor, |key, cursor| {
            match key {
                "account" => {
                    there = true;
                    each_field(cursor, |key, cursor| {
                        if let Some((_, said)) = needed.iter_mut().find(|(name, _)| *name == key) {
                            *said = true;
                        }
                        match key {
                            "orders" => each_item(cursor, |cursor| push(&mut found.orders, order_row(cursor)))?,
                            "trades" => each_item(cursor, |cursor| push(&mut found.trades, trade_row(cursor)))?,
                            "positions" => {
                                each_item(cursor, |cursor| push(&mut found.positions, position_row(cursor)))?;
                            }
                            key => return found.summary.field(key, cursor),
                        }
                        Ok(true)
                    })?;
                }
                "lastTransactionID" => last = Some(cursor.u64_or_text()?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        required(there, "account")?;
        needed.into_iter().try_for_each(|(name, said)| required(said, name))?;
        // The two can differ in old samples; the outer one is right (OANDA reference 10).
        found.summary.last_transaction = last.unwrap_or(found.summary.last_transaction);
        Ok(found)
    })
}

/// The changes of a changes reply.
///
/// # Errors
/// [`ReplyError`].
pub fn changes(body: &[u8]) -> Read<Changes> {
    cold(body, |cursor| {
        let mut found = Changes::default();
        let mut last = 0;
        let mut there = false;
        each_field(cursor, |key, cursor| {
            match key {
                "changes" => {
                    there = true;
                    each_field(cursor, |key, cursor| {
                        match key {
                            "ordersCreated" | "ordersCancelled" | "ordersFilled" | "ordersTriggered" => {
                                each_item(cursor, |cursor| push(&mut found.orders, order_row(cursor)))?;
                            }
                            "tradesOpened" | "tradesReduced" | "tradesClosed" => {
                                each_item(cursor, |cursor| push(&mut found.trades, trade_row(cursor)))?;
                            }
                            "positions" => {
                                each_item(cursor, |cursor| push(&mut found.positions, position_row(cursor)))?;
                            }
                            "transactions" => each_item(cursor, |cursor| {
                                let transaction = super::super::transaction::Transaction::read(cursor)?;
                                found.transactions.push(transaction.id);
                                Ok(())
                            })?,
                            _ => return Ok(false),
                        }
                        Ok(true)
                    })?;
                }
                "state" => each_field(cursor, |key, cursor| found.state.field(key, cursor))?,
                "lastTransactionID" => last = cursor.u64_or_text()?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        required(there, "changes")?;
        found.state.last_transaction = last;
        Ok(found)
    })
}

/// The positions of a positions reply.
///
/// # Errors
/// [`ReplyError`].
pub fn positions(body: &[u8]) -> Read<Vec<PositionRow>> {
    list(body, "positions", position_row)
}

/// The position of a single-position reply.
///
/// # Errors
/// [`ReplyError`].
pub fn position(body: &[u8]) -> Read<PositionRow> {
    single(body, "position", position_row)
}

/// The trades of a trades reply.
///
/// # Errors
/// [`ReplyError`].
pub fn trades(body: &[u8]) -> Read<Vec<TradeRow>> {
    list(body, "trades", trade_row)
}

/// The trade of a single-trade reply.
///
/// # Errors
/// [`ReplyError`].
pub fn trade(body: &[u8]) -> Read<TradeRow> {
    single(body, "trade", trade_row)
}

/// The orders of an orders reply.
///
/// # Errors
/// [`ReplyError`].
pub fn orders(body: &[u8]) -> Read<Vec<OrderRow>> {
    list(body, "orders", order_row)
}

/// The order of a single-order reply.
///
/// # Errors
/// [`ReplyError`].
pub fn order(body: &[u8]) -> Read<OrderRow> {
    single(body, "order", order_row)
}

impl AccountSummary {
    fn field(&mut self, key: &str, cursor: &mut Cursor<'_, '_>) -> Result<bool, Fault> {
        let (key, amount) = match key {
            "id" | "currency" | "alias" => {
                let text = cursor.str_or_null()?.unwrap_or_default().into();
                match key {
                    "id" => self.id = text,
                    "currency" => self.currency = text,
                    _ => self.alias = text,
                }
                return Ok(true);
            }
            "hedgingEnabled" => {
                self.hedging = cursor.bool()?;
                return Ok(true);
            }
            "openTradeCount" | "openPositionCount" | "pendingOrderCount" | "lastTransactionID" => {
                let count = cursor.u64_or_text()?;
                match key {
                    "openTradeCount" => self.open_trades = count,
                    "openPositionCount" => self.open_positions = count,
                    "pendingOrderCount" => self.pending_orders = count,
                    _ => self.last_transaction = count,
                }
                return Ok(true);
            }
            "balance" => ("balance", &mut self.balance),
            "NAV" => ("NAV", &mut self.net_value),
            "pl" => ("pl", &mut self.realised),
            "unrealizedPL" => ("unrealizedPL", &mut self.unrealised),
            "financing" => ("financing", &mut self.financing),
            "commission" => ("commission", &mut self.commission),
            "marginUsed" => ("marginUsed", &mut self.margin_used),
            "marginAvailable" => ("marginAvailable", &mut self.margin_available),
            "marginRate" => ("marginRate", &mut self.margin_rate),
            "marginCloseoutPercent" => ("marginCloseoutPercent", &mut self.closeout_percent),
            _ => return Ok(false),
        };
        *amount = money(key, cursor)?.unwrap_or_default();
        Ok(true)
    }
}

fn position_row(cursor: &mut Cursor<'_, '_>) -> Result<PositionRow, Fault> {
    let mut row = PositionRow::default();
    each_field(cursor, |key, cursor| {
        match key {
            "instrument" => row.instrument = cursor.str()?.into(),
            "long" => row.long = position_side(cursor)?,
            "short" => row.short = position_side(cursor)?,
            "pl" => row.realised = money("pl", cursor)?.unwrap_or_default(),
            "unrealizedPL" => row.unrealised = money("unrealizedPL", cursor)?.unwrap_or_default(),
            "marginUsed" => row.margin_used = money("marginUsed", cursor)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    required(!row.instrument.is_empty(), "instrument")?;
    Ok(row)
}

fn position_side(cursor: &mut Cursor<'_, '_>) -> Result<PositionSide, Fault> {
    let mut side = PositionSide::default();
    each_field(cursor, |key, cursor| {
        match key {
            "units" => {
                let units = money("units", cursor)?.unwrap_or_default();
                side.units = Fixed128::new(units.mantissa().saturating_abs(), units.exponent());
            }
            "averagePrice" => side.average_price = money("averagePrice", cursor)?,
            "tradeIDs" => each_item(cursor, |cursor| {
                side.trade_ids.push(cursor.u64_or_text()?);
                Ok(())
            })?,
            "pl" => side.realised = money("pl", cursor)?.unwrap_or_default(),
            "unrealizedPL" => side.unrealised = money("unrealizedPL", cursor)?.unwrap_or_default(),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(side)
}

fn trade_row(cursor: &mut Cursor<'_, '_>) -> Result<TradeRow, Fault> {
    let mut row = TradeRow::default();
    each_field(cursor, |key, cursor| {
        match key {
            "id" => row.id = cursor.u64_or_text()?,
            "instrument" => row.instrument = cursor.str()?.into(),
            "price" => row.price = money("price", cursor)?.unwrap_or_default(),
            "initialUnits" => row.initial_units = money("initialUnits", cursor)?.unwrap_or_default(),
            "currentUnits" => row.units = money("currentUnits", cursor)?.unwrap_or_default(),
            "state" => row.state = cursor.str()?.into(),
            "realizedPL" => row.realised = money("realizedPL", cursor)?.unwrap_or_default(),
            "unrealizedPL" => row.unrealised = money("unrealizedPL", cursor)?,
            "marginUsed" => row.margin_used = money("marginUsed", cursor)?,
            "clientExtensions" => row.client_id = client_id(cursor)?,
            "openTime" => row.open_time = time("openTime", cursor)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    required(row.id > 0, "id")?;
    Ok(row)
}

fn order_row(cursor: &mut Cursor<'_, '_>) -> Result<OrderRow, Fault> {
    let mut row = OrderRow::default();
    each_field(cursor, |key, cursor| {
        match key {
            "id" => row.id = cursor.u64_or_text()?,
            "clientExtensions" => row.client_id = client_id(cursor)?,
            "type" => row.kind = cursor.str()?.into(),
            "state" => row.state = cursor.str()?.into(),
            "instrument" => row.instrument = cursor.str()?.into(),
            "units" => row.units = money("units", cursor)?.unwrap_or_default(),
            "price" => row.price = money("price", cursor)?,
            "distance" => row.distance = money("distance", cursor)?,
            "tradeID" => row.trade_id = cursor.u64_or_text()?,
            "timeInForce" => row.time_in_force = cursor.str()?.into(),
            "createTime" => row.create_time = time("createTime", cursor)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    required(row.id > 0, "id")?;
    Ok(row)
}

fn client_id(cursor: &mut Cursor<'_, '_>) -> Result<Box<str>, Fault> {
    let mut id = "";
    if !cursor.take_null() {
        each_field(cursor, |key, cursor| {
            if key == "id" {
                id = cursor.str_or_null()?.unwrap_or_default();
            }
            Ok(key == "id")
        })?;
    }
    Ok(id.into())
}

pub(super) fn money(key: &'static str, cursor: &mut Cursor<'_, '_>) -> Result<Option<Fixed128>, Fault> {
    match cursor.str_or_null()?.unwrap_or_default() {
        "" => Ok(None),
        text => parse_any(text.as_bytes()).map(Some).map_err(|error| Fault::Number { key, error }),
    }
}

pub(super) fn time(key: &'static str, cursor: &mut Cursor<'_, '_>) -> Result<UnixNanos, Fault> {
    match cursor.str_or_null()?.unwrap_or_default() {
        "0" => Ok(UnixNanos::NONE),
        text => parse_rfc3339(text).map(UnixNanos).map_err(|_| Fault::Value { key }),
    }
}

pub(super) fn required(there: bool, key: &'static str) -> Result<(), Fault> {
    match there {
        true => Ok(()),
        false => Err(Fault::Missing { key }),
    }
}

fn push<T>(rows: &mut Vec<T>, row: Result<T, Fault>) -> Result<(), Fault> {
    rows.push(row?);
    Ok(())
}

/// The rows under `name`.
pub(super) fn list<T>(
    body: &[u8],
    name: &'static str,
    mut row: impl for<'t, 'i> FnMut(&mut Cursor<'t, 'i>) -> Result<T, Fault>,
) -> Read<Vec<T>> {
    cold(body, |cursor| {
        let mut rows = None;
        each_field(cursor, |key, cursor| {
            if key == name {
                let rows = rows.insert(Vec::new());
                each_item(cursor, |cursor| push(rows, row(cursor)))?;
            }
            Ok(key == name)
        })?;
        rows.ok_or(Fault::Missing { key: name })
    })
}

/// The object under `name`.
fn single<T>(
    body: &[u8],
    name: &'static str,
    mut row: impl for<'t, 'i> FnMut(&mut Cursor<'t, 'i>) -> Result<T, Fault>,
) -> Read<T> {
    cold(body, |cursor| {
        let mut found = None;
        each_field(cursor, |key, cursor| {
            if key == name {
                found = Some(row(cursor)?);
            }
            Ok(key == name)
        })?;
        found.ok_or(Fault::Missing { key: name })
    })
}
