//! Cold replies about products (Coinbase reference 3.7). They allocate; never on the hot thread.

use super::super::stream::Fault;
use super::rows::{each_slice, ReplyError};
use crate::codec::json::{Cursor, Plain};
use crate::record::{Fixed, Listing, TradingStatus, Venue};

#[derive(Debug, Clone, Copy, Default)]
struct ProductRow<'i> {
    id: &'i str,
    base: &'i str,
    quote: &'i str,
    price_increment: &'i str,
    quote_increment: &'i str,
    base_increment: &'i str,
    base_min_size: &'i str,
    base_max_size: &'i str,
    quote_min_size: &'i str,
    status: &'i str,
    kind: &'i str,
    alias: &'i str,
    halted: bool,
    cancel_only: bool,
    limit_only: bool,
    post_only: bool,
}

/// The spot products of a list reply. What is no spot product is left out, and so is one whose increments cannot be
/// read: its name is in the second list, so that somebody can say so.
///
/// # Errors
/// [`ReplyError`]: not a product list.
pub fn listings(body: &[u8]) -> Result<(Vec<Listing>, Vec<Box<str>>), ReplyError> {
    let (mut found, mut refused) = (Vec::new(), Vec::new());
    each_slice(body, |cursor| {
        let mut items = cursor.array()?;
        while items.next_item(cursor)? {
            let row = row(cursor)?;
            if !row.kind.is_empty() && row.kind != "SPOT" {
                continue;
            }
            match row.listing() {
                Ok(listing) => found.push(listing),
                Err(_) => refused.push(row.id.into()),
            }
        }
        Ok(())
    })?;
    Ok((found, refused))
}

/// The product of a single-product reply.
///
/// # Errors
/// [`ReplyError`].
pub fn listing(plain: &mut Plain, body: &mut [u8]) -> Result<Listing, ReplyError> {
    plain.parse(body, |cursor| Ok(row(cursor)?.listing()?))
}

fn row<'i>(cursor: &mut Cursor<'_, 'i>) -> Result<ProductRow<'i>, Fault> {
    let mut row = ProductRow::default();
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        let field = match key {
            "product_id" => &mut row.id,
            "base_currency_id" => &mut row.base,
            "quote_currency_id" => &mut row.quote,
            "price_increment" => &mut row.price_increment,
            "quote_increment" => &mut row.quote_increment,
            "base_increment" => &mut row.base_increment,
            "base_min_size" => &mut row.base_min_size,
            "base_max_size" => &mut row.base_max_size,
            "quote_min_size" => &mut row.quote_min_size,
            "status" => &mut row.status,
            "product_type" => &mut row.kind,
            "alias" => &mut row.alias,
            "is_disabled" | "trading_disabled" | "view_only" | "auction_mode" => {
                row.halted |= !cursor.take_null() && cursor.bool()?;
                continue;
            }
            "cancel_only" => {
                row.cancel_only = cursor.bool()?;
                continue;
            }
            "limit_only" => {
                row.limit_only = cursor.bool()?;
                continue;
            }
            "post_only" => {
                row.post_only = cursor.bool()?;
                continue;
            }
            _ => {
                cursor.skip()?;
                continue;
            }
        };
        *field = cursor.str_or_null()?.unwrap_or_default();
    }
    Ok(row)
}

impl ProductRow<'_> {
    fn listing(&self) -> Result<Listing, Fault> {
        let required = |key, text: &str| match Fixed::parse(text) {
            Ok(value) if value.mantissa() > 0 => Ok(value),
            Ok(_) => Err(Fault::Value { key }),
            Err(error) => Err(Fault::Number { key, error }),
        };
        // Absent numbers are "" (Coinbase reference 3).
        let optional = |key, text: &str| match text {
            "" => Ok(Fixed::default()),
            text => Fixed::parse(text).map_err(|error| Fault::Number { key, error }),
        };
        for (key, text) in [("product_id", self.id), ("base_currency_id", self.base), ("quote_currency_id", self.quote)]
        {
            if text.is_empty() {
                return Err(Fault::Missing { key });
            }
        }
        // On spot both are the same; on futures only the first is the tick.
        let tick = if self.price_increment.is_empty() { self.quote_increment } else { self.price_increment };
        Ok(Listing {
            venue: Venue::Coinbase,
            symbol: self.id.into(),
            // The venue streams both under the alias (Coinbase reference 7.1).
            streamed_as: (!self.alias.is_empty() && self.alias != self.id).then(|| self.alias.into()),
            base: self.base.into(),
            quote: self.quote.into(),
            tick: required("price_increment", tick)?,
            lot: required("base_increment", self.base_increment)?,
            quote_lot: required("quote_increment", self.quote_increment)?,
            size_min: optional("base_min_size", self.base_min_size)?,
            size_max: optional("base_max_size", self.base_max_size)?,
            notional_min: optional("quote_min_size", self.quote_min_size)?,
            status: self.trading_status(),
        })
    }

    fn trading_status(&self) -> TradingStatus {
        if self.halted {
            return TradingStatus::Halted;
        }
        match self.status {
            "online" | "" => {}
            "offline" | "delisted" => return TradingStatus::Halted,
            _ => return TradingStatus::Unknown,
        }
        if self.cancel_only {
            TradingStatus::CancelOnly
        } else if self.post_only {
            TradingStatus::PostOnly
        } else if self.limit_only {
            TradingStatus::LimitOnly
        } else {
            TradingStatus::Online
        }
    }
}
