//! Cold replies about the account: balances, what the key may do, the venue's clock. They allocate; never on the hot
//! thread.

use super::super::stream::Fault;
use super::rows::{each_slice, Page, ReplyError};
use crate::codec::json::{Cursor, JsonError, Plain};
use crate::record::{parse_any, Fixed128, UnixNanos};

/// One wallet (Coinbase reference 3.6). The total is available and hold together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// Currency code.
    pub currency: Box<str>,
    /// Free to use.
    pub available: Fixed128,
    /// Held, by open orders or otherwise.
    pub hold: Fixed128,
}

/// What the key may do (Coinbase reference 3.8).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyPermissions {
    /// Read.
    pub can_view: bool,
    /// Place and cancel.
    pub can_trade: bool,
    /// Move money out: a key for trading should not.
    pub can_transfer: bool,
    /// The portfolio the key is bound to.
    pub portfolio: Box<str>,
}

/// The balances of one page of accounts, and the page.
///
/// # Errors
/// [`ReplyError`]: nothing of the page counts.
pub fn balances(body: &[u8]) -> Result<(Vec<Balance>, Page), ReplyError> {
    let mut found = Vec::new();
    let page = each_slice(body, |cursor| {
        let mut items = cursor.array()?;
        while items.next_item(cursor)? {
            found.push(balance(cursor)?);
        }
        Ok(())
    })?;
    Ok((found, page))
}

fn balance(cursor: &mut Cursor<'_, '_>) -> Result<Balance, Fault> {
    // A wallet that holds nothing for orders may say nothing of it; one without a balance is no wallet.
    let (mut currency, mut available, mut hold) = ("", None, "0");
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        match key {
            "currency" => currency = cursor.str()?,
            "available_balance" => available = Some(amount(cursor)?),
            "hold" => hold = amount(cursor)?,
            _ => cursor.skip()?,
        }
    }
    if currency.is_empty() {
        return Err(Fault::Missing { key: "currency" });
    }
    let available = available.ok_or(Fault::Missing { key: "available_balance" })?;
    let parse = |key, text: &str| parse_any(text.as_bytes()).map_err(|error| Fault::Number { key, error });
    Ok(Balance {
        currency: currency.into(),
        available: parse("available_balance", available)?,
        hold: parse("hold", hold)?,
    })
}

/// `{"value":"0","currency":"USD"}`, or null.
fn amount<'i>(cursor: &mut Cursor<'_, 'i>) -> Result<&'i str, JsonError> {
    let mut value = "0";
    if cursor.take_null() {
        return Ok(value);
    }
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        match key {
            "value" => value = cursor.str_or_null()?.filter(|text| !text.is_empty()).unwrap_or("0"),
            _ => cursor.skip()?,
        }
    }
    Ok(value)
}

/// What the key may do.
///
/// # Errors
/// [`ReplyError`].
pub fn key_permissions(plain: &mut Plain, body: &mut [u8]) -> Result<KeyPermissions, ReplyError> {
    plain.parse(body, |cursor| {
        let mut found = KeyPermissions::default();
        let mut seen = false;
        let mut fields = cursor.object()?;
        while let Some(key) = fields.next_key(cursor)? {
            match key {
                "can_view" => found.can_view = cursor.bool()?,
                "can_trade" => (found.can_trade, seen) = (cursor.bool()?, true),
                "can_transfer" => found.can_transfer = cursor.bool()?,
                "portfolio_uuid" => found.portfolio = cursor.str_or_null()?.unwrap_or_default().into(),
                _ => cursor.skip()?,
            }
        }
        seen.then_some(found).ok_or(ReplyError::Json(JsonError::Missing { key: "can_trade" }))
    })
}

/// The venue's clock, to the millisecond (Coinbase reference 3.8).
///
/// # Errors
/// [`ReplyError`].
pub fn server_time(plain: &mut Plain, body: &mut [u8]) -> Result<UnixNanos, ReplyError> {
    plain.parse(body, |cursor| {
        let mut ms = None;
        let mut fields = cursor.object()?;
        while let Some(key) = fields.next_key(cursor)? {
            match key {
                "epochMillis" => ms = Some(cursor.u64_or_text()?),
                _ => cursor.skip()?,
            }
        }
        let ms = ms.ok_or(ReplyError::Json(JsonError::Missing { key: "epochMillis" }))?;
        Ok(UnixNanos::NONE.plus_ms(ms))
    })
}
