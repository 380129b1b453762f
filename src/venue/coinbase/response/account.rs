//! Cold replies about the account: balances, what the key may do, the venue's clock. They allocate; never on the hot
//! thread.

use super::super::stream::Fault;
use super::fields::{decimal, flag, moment, quote_numbers, whole, words};
use super::rows::{each_slice, Page, ReplyError};
use crate::codec::json::{Cursor, JsonError, Plain};
use crate::record::{parse_any, Fixed128, InlineText, UnixNanos};
use crate::venue::{BalanceFact, Facts};

/// One account in full (Coinbase reference 3.6). Words of open lists stay the venue's own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Account {
    /// The venue's id.
    pub uuid: Box<str>,
    /// Its name.
    pub name: Box<str>,
    /// Currency code.
    pub currency: Box<str>,
    /// Free to use.
    pub available: Fixed128,
    /// Held, by open orders or otherwise.
    pub hold: Fixed128,
    /// The main account of its currency.
    pub is_default: bool,
    /// In use.
    pub active: bool,
    /// Ready for trading.
    pub ready: bool,
    /// Kind, such as `ACCOUNT_TYPE_CRYPTO` (documents also say `CRYPTO`).
    pub kind: Box<str>,
    /// `ACCOUNT_PLATFORM_CONSUMER` and others.
    pub platform: Box<str>,
    /// The portfolio it belongs to.
    pub portfolio: Box<str>,
    /// When it was opened.
    pub created: UnixNanos,
    /// When it last changed.
    pub updated: UnixNanos,
}

/// What trading costs (Coinbase reference 3.8). Never hard-code a fee: read it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fees {
    /// The tier's name.
    pub pricing_tier: Box<str>,
    /// Part of the value a maker pays: `0.006` is 0.6 percent.
    pub maker_rate: Option<Fixed128>,
    /// Part of the value a taker pays.
    pub taker_rate: Option<Fixed128>,
    /// Volume the tier is reckoned from.
    pub total_volume: Option<Fixed128>,
    /// Fees paid on it.
    pub total_fees: Option<Fixed128>,
    /// Volume on this product alone.
    pub advanced_trade_volume: Option<Fixed128>,
    /// Fees on this product alone.
    pub advanced_trade_fees: Option<Fixed128>,
    /// The account's total balance.
    pub total_balance: Option<Fixed128>,
    /// A promotional fee applies.
    pub has_promotion: bool,
}

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
    /// Take money in.
    pub can_receive: bool,
    /// The portfolio the key is bound to.
    pub portfolio: Box<str>,
    /// Its kind: `UNDEFINED`, `DEFAULT`, `CONSUMER`, `INTX`.
    pub portfolio_type: Box<str>,
}

/// The accounts of one page, in full, and the page.
///
/// # Errors
/// [`ReplyError`]: nothing of the page counts.
pub fn accounts(body: &[u8]) -> Result<(Vec<Account>, Page), ReplyError> {
    let mut found = Vec::new();
    let page = each_slice(body, |cursor| {
        let mut items = cursor.array()?;
        while items.next_item(cursor)? {
            found.push(account_row(cursor)?);
        }
        Ok(())
    })?;
    Ok((found, page))
}

/// The account of a reply about one.
///
/// # Errors
/// [`ReplyError`].
pub fn account(body: &mut [u8]) -> Result<Account, ReplyError> {
    whole(body, |cursor| {
        let mut found = None;
        let mut fields = cursor.object()?;
        while let Some(key) = fields.next_key(cursor)? {
            match key {
                "account" => found = Some(account_row(cursor)?),
                _ => cursor.skip()?,
            }
        }
        found.ok_or(Fault::Missing { key: "account" })
    })
}

fn account_row(cursor: &mut Cursor<'_, '_>) -> Result<Account, Fault> {
    let mut row = Account::default();
    let sum = |key, text: &str| parse_any(text.as_bytes()).map_err(|error| Fault::Number { key, error });
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        match key {
            "uuid" => row.uuid = words(cursor)?,
            "name" => row.name = words(cursor)?,
            "currency" => row.currency = words(cursor)?,
            "available_balance" => row.available = sum("available_balance", amount(cursor)?)?,
            "hold" => row.hold = sum("hold", amount(cursor)?)?,
            "default" => row.is_default = flag(cursor)?,
            "active" => row.active = flag(cursor)?,
            "ready" => row.ready = flag(cursor)?,
            "type" => row.kind = words(cursor)?,
            "platform" => row.platform = words(cursor)?,
            "retail_portfolio_id" => row.portfolio = words(cursor)?,
            "created_at" => row.created = moment(cursor)?,
            "updated_at" => row.updated = moment(cursor)?,
            _ => cursor.skip()?,
        }
    }
    if row.uuid.is_empty() || row.currency.is_empty() {
        return Err(Fault::Missing { key: "uuid and currency" });
    }
    Ok(row)
}

/// Fees and volume. The totals are bare JSON numbers: their text is read, no float in between.
///
/// # Errors
/// [`ReplyError`].
pub fn fees(body: &[u8]) -> Result<Fees, ReplyError> {
    whole(&mut quote_numbers(body), |cursor| {
        let mut found = Fees::default();
        let mut seen = false;
        let mut fields = cursor.object()?;
        while let Some(key) = fields.next_key(cursor)? {
            match key {
                "fee_tier" => {
                    tier(cursor, &mut found)?;
                    seen = true;
                }
                "total_volume" => found.total_volume = decimal(cursor, "total_volume")?,
                "total_fees" => found.total_fees = decimal(cursor, "total_fees")?,
                "advanced_trade_only_volume" => {
                    found.advanced_trade_volume = decimal(cursor, "advanced_trade_only_volume")?;
                }
                "advanced_trade_only_fees" => {
                    found.advanced_trade_fees = decimal(cursor, "advanced_trade_only_fees")?;
                }
                "total_balance" => found.total_balance = decimal(cursor, "total_balance")?,
                "has_promo_fee" => found.has_promotion = flag(cursor)?,
                _ => cursor.skip()?,
            }
        }
        seen.then_some(found).ok_or(Fault::Missing { key: "fee_tier" })
    })
}

fn tier(cursor: &mut Cursor<'_, '_>, found: &mut Fees) -> Result<(), Fault> {
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        match key {
            "pricing_tier" => found.pricing_tier = words(cursor)?,
            "maker_fee_rate" => found.maker_rate = decimal(cursor, "maker_fee_rate")?,
            "taker_fee_rate" => found.taker_rate = decimal(cursor, "taker_fee_rate")?,
            _ => cursor.skip()?,
        }
    }
    Ok(())
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

/// Tells the balance of one account of a listing.
pub(super) fn tell_balance(cursor: &mut Cursor<'_, '_>, facts: &mut impl Facts) -> Result<(), Fault> {
    let (asset, available, hold) = figures(cursor)?;
    let asset = InlineText::new(asset).map_err(|_| Fault::TooLong { key: "currency" })?;
    facts.balance(&BalanceFact { asset, available, hold, venue_time: UnixNanos::NONE });
    Ok(())
}

fn balance(cursor: &mut Cursor<'_, '_>) -> Result<Balance, Fault> {
    let (currency, available, hold) = figures(cursor)?;
    Ok(Balance { currency: currency.into(), available, hold })
}

/// Currency, available and held.
fn figures<'i>(cursor: &mut Cursor<'_, 'i>) -> Result<(&'i str, Fixed128, Fixed128), Fault> {
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
    Ok((currency, parse("available_balance", available)?, parse("hold", hold)?))
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
                "can_receive" => found.can_receive = flag(cursor)?,
                "portfolio_type" => found.portfolio_type = words(cursor)?,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::test_captures;

    #[test]
    fn the_recorded_fees_and_accounts_are_read_in_full() {
        let Some(body) = test_captures::text("coinbase/jkorf/transaction_summary.json") else { return };
        let found = fees(body.as_bytes()).unwrap();
        let text = |value: Option<Fixed128>| value.map(|v| v.to_string()).unwrap_or_default();
        assert_eq!((text(found.maker_rate), text(found.taker_rate)), ("0.006".into(), "0.012".into()));
        assert_eq!((found.pricing_tier.as_ref(), text(found.total_volume)), ("Intro 1", "0".into()));
        assert_eq!(text(found.total_balance), "468.35");
        let body = test_captures::text("coinbase/fastmm/advanced_accounts.json").unwrap();
        let (all, page) = accounts(body.as_bytes()).unwrap();
        let first = all.iter().find(|a| a.currency.as_ref() == "USD").unwrap();
        assert_eq!((first.currency.as_ref(), first.kind.as_ref()), ("USD", "ACCOUNT_TYPE_FIAT"));
        assert!(first.active && first.ready && first.created.is_some() && !page.has_next);
    }

    #[test]
    fn totals_are_exact_whatever_a_float_would_make_of_them() {
        let body =
            br#"{"total_volume":123456789012345.12345678,"total_fees":0.1,"fee_tier":{"maker_fee_rate":"0.004"}}"#;
        let found = fees(body).unwrap();
        assert_eq!(found.total_volume.unwrap().to_string(), "123456789012345.12345678");
        assert_eq!(found.total_fees.unwrap().to_string(), "0.1");
        assert!(fees(b"{}").is_err());
    }

    #[test]
    fn one_account_is_read_from_its_envelope() {
        let body = br#"{"account":{"uuid":"u-1","currency":"BTC","available_balance":{"value":"1.5","currency":"BTC"},"type":"CRYPTO","ready":true,"hold":null}}"#;
        let found = account(&mut body.to_vec()).unwrap();
        assert_eq!(
            (found.available.to_string(), found.hold.to_string(), found.ready),
            ("1.5".into(), "0".into(), true)
        );
        assert!(account(&mut b"{}".to_vec()).is_err());
    }
}
