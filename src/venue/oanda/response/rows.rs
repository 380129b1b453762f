//! The rows of listings as facts: orders, positions, transactions; and the figures of the account around them.

use super::super::products::Products;
use super::super::transaction::{money, price, quantity, side_of, venue_time, Transaction};
use super::{each_field, Teller};
use crate::codec::json::Cursor;
use crate::order::{FactSource, OrderFact, OrderStatus};
use crate::record::{ClientOrderId, InlineText, RejectClass, Side, UnixNanos, VenueOrderId};
use crate::venue::fault::{announce, excerpt, Fault};
use crate::venue::{AccountFact, Anomaly, Facts, HeldTrade, PositionFact};

/// The arrays of listings, and of a picture of the account: these replies are read slice by slice.
pub(in crate::venue::oanda) const LIST_ARRAYS: &[&str] = &["orders", "trades", "positions", "transactions", "pages"];

/// How many rows a listing had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rows {
    /// Rows, whatever became of them.
    pub seen: usize,
    /// Rows that could not be read: announced, and nothing follows from their absence.
    pub unreadable: usize,
    /// The highest transaction id among them; 0 if there was none.
    pub last_id: u64,
    /// Of pages of transactions: the id the first one begins with; 0 if there was none.
    pub first_id: u64,
}

/// Tells the rows of one array. A row that cannot be read is announced and counted; the others are still good.
pub(in crate::venue::oanda) fn tell_rows(
    array: usize,
    teller: &mut Teller<'_>,
    cursor: &mut Cursor<'_, '_>,
    rows: &mut Rows,
    facts: &mut impl Facts,
) -> Result<(), Fault> {
    let kind = LIST_ARRAYS.get(array).copied().unwrap_or_default();
    let mut items = cursor.array()?;
    while items.next_item(cursor)? {
        rows.seen = rows.seen.saturating_add(1);
        let start = cursor.clone();
        let told = match kind {
            "orders" => tell_order(teller, cursor, facts).map(|_| ()),
            "positions" => tell_position(teller.products, cursor, facts),
            "transactions" => match Transaction::read(cursor) {
                Ok(transaction) => {
                    rows.last_id = rows.last_id.max(transaction.id);
                    teller.tell(&transaction, facts)
                }
                Err(fault) => {
                    teller.ledger.doubt();
                    // What it did is lost, not how far the listing goes.
                    rows.last_id = rows.last_id.max(transaction_id(&mut start.clone()).unwrap_or(0));
                    Err(fault)
                }
            },
            "pages" => page_begin(cursor.str()?).map(|id| {
                let first = if rows.first_id == 0 { id } else { rows.first_id.min(id) };
                rows.first_id = first;
            }),
            // The lots that are held when it begins, or when an instrument becomes known; others come with transactions.
            "trades" => tell_trade(teller.products, cursor, facts),
            _ => cursor.skip().map_err(Fault::from),
        };
        if let Err(fault) = told {
            rows.unreadable = rows.unreadable.saturating_add(1);
            announce(&fault, facts);
            *cursor = start;
            cursor.skip()?;
        }
    }
    Ok(())
}

/// The id of a transaction of which nothing else is to be read.
fn transaction_id(cursor: &mut Cursor<'_, '_>) -> Result<u64, Fault> {
    let mut id = 0;
    each_field(cursor, |key, cursor| {
        if key == "id" {
            id = cursor.u64_or_text()?;
        }
        Ok(key == "id")
    })?;
    Ok(id)
}

/// The id a page begins with: `https://HOST/.../idrange?from=6410&to=6500` (OANDA reference 3).
fn page_begin(url: &str) -> Result<u64, Fault> {
    let (_, query) = url.split_once('?').unwrap_or_default();
    let from = query.split('&').find_map(|pair| pair.strip_prefix("from="));
    from.and_then(|id| id.parse().ok()).ok_or(Fault::Missing { key: "from" })
}

/// The order of a single-order reply: `{"order":{...}}`. Answers with the transaction that filled it, 0 if none did.
pub(in crate::venue::oanda) fn tell_order_body(
    teller: &mut Teller<'_>,
    cursor: &mut Cursor<'_, '_>,
    facts: &mut impl Facts,
) -> Result<u64, Fault> {
    let mut told = None;
    each_field(cursor, |key, cursor| {
        match key {
            "order" => told = Some(tell_order(teller, cursor, facts)?),
            "lastTransactionID" => teller.ledger.heard(cursor.u64_or_text()?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    told.ok_or(Fault::Missing { key: "order" })
}

/// Tells how an order stands; answers with the transaction that filled it, 0 if none did. What was executed is left to that
/// transaction: the order goes on naming the units asked for, however few there were to fill.
fn tell_order(teller: &mut Teller<'_>, cursor: &mut Cursor<'_, '_>, facts: &mut impl Facts) -> Result<u64, Fault> {
    let (mut filling, mut replaces, mut replaced_by) = (0, "", "");
    let (mut id, mut client, mut instrument, mut units, mut at, mut state) = ("", "", "", "", "", "");
    let (mut created, mut ended) = ("", "");
    each_field(cursor, |key, cursor| {
        let field = match key {
            "id" => &mut id,
            "instrument" => &mut instrument,
            "units" => &mut units,
            "price" => &mut at,
            "state" => &mut state,
            "replacesOrderID" => &mut replaces,
            "replacedByOrderID" => &mut replaced_by,
            "createTime" => &mut created,
            "filledTime" | "cancelledTime" => &mut ended,
            "fillingTransactionID" => {
                filling = cursor.u64_or_text()?;
                return Ok(true);
            }
            "clientExtensions" if !cursor.take_null() => {
                each_field(cursor, |key, cursor| {
                    if key == "id" {
                        client = cursor.str_or_null()?.unwrap_or_default();
                    }
                    Ok(key == "id")
                })?;
                return Ok(true);
            }
            "clientExtensions" => return Ok(true),
            _ => return Ok(false),
        };
        *field = cursor.str_or_null()?.unwrap_or_default();
        Ok(true)
    })?;
    let status = match state {
        "PENDING" => OrderStatus::Open,
        "FILLED" => OrderStatus::Filled,
        "CANCELLED" => OrderStatus::Cancelled,
        // Set off, and not yet filled or cancelled for it.
        "TRIGGERED" => OrderStatus::Open,
        "" => return Err(Fault::Missing { key: "state" }),
        other => {
            facts.anomaly(Anomaly::UnknownValue, excerpt(other));
            OrderStatus::Unrecognised
        }
    };
    if id.is_empty() {
        return Err(Fault::Missing { key: "id" });
    }
    // An order has the id of the transaction that created it.
    let number = id.parse().unwrap_or(0);
    if teller.ledger.was_replaced(number) {
        // It was asked for before it went on under another id.
        return Ok(0);
    }
    if !replaced_by.is_empty() {
        // Its cancel is no end: it goes on, and that is listed before the transaction that says so was told.
        let old = VenueOrderId::new(id).map_err(|_| Fault::TooLong { key: "id" })?;
        let new = VenueOrderId::new(replaced_by).map_err(|_| Fault::TooLong { key: "replacedByOrderID" })?;
        facts.renumbered(&old, &new);
        teller.ledger.replaced(number);
        return Ok(0);
    }
    let time = venue_time(if ended.is_empty() { created } else { ended }, teller.times, facts);
    // An end before its execution was told is a hint to ask again.
    let told = if filling == 0 { teller.ledger.is_complete() } else { teller.ledger.knows(filling) };
    let early = status == OrderStatus::Filled && !told;
    let mut fact = OrderFact {
        source: if early { FactSource::Stream } else { FactSource::Query },
        instrument: None,
        unknown_symbol: InlineText::EMPTY,
        venue_order_id: VenueOrderId::new(id).map_err(|_| Fault::TooLong { key: "id" })?,
        client_order_id: ClientOrderId::new(client).unwrap_or(ClientOrderId::EMPTY),
        status,
        side: side_of(units),
        cumulative_quantity: 0,
        cumulative_value: None,
        cumulative_fees: None,
        limit_price: 0,
        quantity: 0,
        venue_time: time,
        reject: RejectClass::None,
        code: InlineText::EMPTY,
    };
    if let Some(product) = teller.products.named(instrument) {
        fact.instrument = Some(product.instrument);
        fact.quantity = quantity("units", units, product)?;
        fact.limit_price = price(at, product, facts)?;
    }
    if !replaces.is_empty() && !teller.ledger.knows(number) {
        // Listed before the transaction that says so was told.
        let old = VenueOrderId::new(replaces).map_err(|_| Fault::TooLong { key: "replacesOrderID" })?;
        facts.renumbered(&old, &fact.venue_order_id);
        teller.ledger.replaced(replaces.parse().unwrap_or(0));
    }
    facts.order(&fact);
    Ok(filling)
}

/// A trade that is open.
fn tell_trade(products: &mut Products, cursor: &mut Cursor<'_, '_>, facts: &mut impl Facts) -> Result<(), Fault> {
    let (mut trade_id, mut instrument, mut units, mut at, mut state) = (0, "", "", "", "");
    each_field(cursor, |key, cursor| {
        let field = match key {
            "id" => {
                trade_id = cursor.u64_or_text()?;
                return Ok(true);
            }
            "instrument" => &mut instrument,
            "currentUnits" => &mut units,
            "price" => &mut at,
            "state" => &mut state,
            _ => return Ok(false),
        };
        *field = cursor.str_or_null()?.unwrap_or_default();
        Ok(true)
    })?;
    // One in an instrument nobody trades here concerns nobody, nor does a closed one.
    let Some(product) = products.named(instrument).filter(|_| state != "CLOSED") else { return Ok(()) };
    let (instrument, side) = (product.instrument, side_of(units));
    let (units, price) = (quantity("currentUnits", units, product)?, price(at, product, facts)?);
    if units > 0 {
        facts.held(&HeldTrade { instrument, side, trade_id, units, price });
    }
    Ok(())
}

/// Both sides of a position, flat ones too: what was held may be no more.
fn tell_position(products: &mut Products, cursor: &mut Cursor<'_, '_>, facts: &mut impl Facts) -> Result<(), Fault> {
    #[derive(Default, Clone, Copy)]
    struct SideText<'i> {
        units: &'i str,
        average: &'i str,
        realised: &'i str,
        unrealised: &'i str,
    }
    let (mut instrument, mut long, mut short) = ("", SideText::default(), SideText::default());
    each_field(cursor, |key, cursor| {
        let side = match key {
            "instrument" => {
                instrument = cursor.str()?;
                return Ok(true);
            }
            "long" => &mut long,
            "short" => &mut short,
            _ => return Ok(false),
        };
        each_field(cursor, |key, cursor| {
            let field = match key {
                "units" => &mut side.units,
                "averagePrice" => &mut side.average,
                "pl" => &mut side.realised,
                "unrealizedPL" => &mut side.unrealised,
                _ => return Ok(false),
            };
            *field = cursor.str_or_null()?.unwrap_or_default();
            Ok(true)
        })?;
        Ok(true)
    })?;
    // A position in an instrument nobody trades here concerns nobody.
    let Some(product) = products.named(instrument) else { return Ok(()) };
    for (side, text) in [(Side::Buy, long), (Side::Sell, short)] {
        facts.position(&PositionFact {
            instrument: product.instrument,
            side,
            units: quantity("units", text.units, product)?,
            average_price: money("averagePrice", text.average)?.unwrap_or_default(),
            realised: money("pl", text.realised)?,
            unrealised: money("unrealizedPL", text.unrealised)?,
            venue_time: UnixNanos::NONE,
        });
    }
    Ok(())
}

/// What stands around the arrays of a listing or a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::venue::oanda) struct End {
    /// The account's newest transaction; 0 if not said.
    pub last: u64,
    /// The figures, if there is an account in it.
    pub account: Option<AccountFact>,
}

/// Reads a listing without its rows.
pub(in crate::venue::oanda) fn picture(cursor: &mut Cursor<'_, '_>) -> Result<End, Fault> {
    let mut end = End::default();
    each_field(cursor, |key, cursor| {
        match key {
            "lastTransactionID" => end.last = cursor.u64_or_text()?,
            "account" => end.account = Some(account_fact(cursor)?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    if let Some(account) = &mut end.account {
        account.last_transaction = end.last;
    }
    Ok(end)
}

fn account_fact(cursor: &mut Cursor<'_, '_>) -> Result<AccountFact, Fault> {
    let mut fact = AccountFact::default();
    each_field(cursor, |key, cursor| {
        let (key, field) = match key {
            "balance" => ("balance", &mut fact.balance),
            "NAV" => ("NAV", &mut fact.net_value),
            "unrealizedPL" => ("unrealizedPL", &mut fact.unrealised),
            "marginUsed" => ("marginUsed", &mut fact.margin_used),
            "marginAvailable" => ("marginAvailable", &mut fact.margin_available),
            "marginRate" => ("marginRate", &mut fact.margin_rate),
            "currency" => {
                fact.currency = InlineText::truncated(cursor.str_or_null()?.unwrap_or_default());
                return Ok(true);
            }
            "hedgingEnabled" => {
                fact.hedging = Some(cursor.bool()?);
                return Ok(true);
            }
            _ => return Ok(false),
        };
        *field = money(key, cursor.str_or_null()?.unwrap_or_default())?;
        Ok(true)
    })?;
    Ok(fact)
}
