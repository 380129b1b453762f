//! What an order or a change would cost, before it is sent (Coinbase reference 3.3). The reference records neither reply: the keys
//! follow the local venue and a public client interface, and a key that is absent is empty here. They allocate; never on the hot
//! thread.

use super::super::reject;
use super::super::stream::Fault;
use super::fields::{decimal, each, flag, whole, words};
use super::rows::ReplyError;
use crate::codec::json::Cursor;
use crate::record::{Fixed128, RejectClass};

/// What an order, or an order as it would be changed, would cost.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preview {
    /// What to name in the order that follows; empty for changes.
    pub preview_id: Box<str>,
    /// Why it would be refused, in the venue's words; empty if it would be taken.
    pub errors: Vec<Box<str>>,
    /// Warnings, in the venue's words.
    pub warnings: Vec<Box<str>>,
    /// Value with fees, quote asset.
    pub order_total: Option<Fixed128>,
    /// Fees, quote asset.
    pub commission_total: Option<Fixed128>,
    /// Value, quote asset.
    pub quote_size: Option<Fixed128>,
    /// Quantity, base asset.
    pub base_size: Option<Fixed128>,
    /// Best bid at the time.
    pub best_bid: Option<Fixed128>,
    /// Best ask at the time.
    pub best_ask: Option<Fixed128>,
    /// How much worse than the best price.
    pub slippage: Option<Fixed128>,
    /// Average price of what is executed already, of changes.
    pub average_filled_price: Option<Fixed128>,
    /// Margin it would take.
    pub order_margin_total: Option<Fixed128>,
    /// Leverage it would have.
    pub leverage: Option<Fixed128>,
    /// It is as large as the account allows.
    pub is_max: bool,
}

impl Preview {
    /// Why it would be refused, in our vocabulary; `None` if it would be taken.
    pub fn refusal(&self) -> Option<RejectClass> {
        let code = self.errors.iter().find(|code| !reject::says_nothing(code)).or(self.errors.first())?;
        Some(match reject::order_class(code) {
            RejectClass::Other => reject::edit_class(code),
            class => class,
        })
    }
}

/// The preview of a reply, of an order or of a change.
///
/// # Errors
/// [`ReplyError`].
pub fn preview(body: &mut [u8]) -> Result<Preview, ReplyError> {
    whole(body, |cursor| {
        let mut found = Preview::default();
        let mut seen = false;
        let mut fields = cursor.object()?;
        while let Some(key) = fields.next_key(cursor)? {
            match key {
                "errs" => found.errors = each(cursor, |cursor| Ok(words(cursor)?))?,
                "errors" => found.errors = each(cursor, edit_reason)?,
                "warning" => found.warnings = each(cursor, |cursor| Ok(words(cursor)?))?,
                "preview_id" => found.preview_id = words(cursor)?,
                "order_total" => (found.order_total, seen) = (decimal(cursor, "order_total")?, true),
                "commission_total" => found.commission_total = decimal(cursor, "commission_total")?,
                "quote_size" => found.quote_size = decimal(cursor, "quote_size")?,
                "base_size" => found.base_size = decimal(cursor, "base_size")?,
                "best_bid" => found.best_bid = decimal(cursor, "best_bid")?,
                "best_ask" => found.best_ask = decimal(cursor, "best_ask")?,
                "slippage" => found.slippage = decimal(cursor, "slippage")?,
                "average_filled_price" => found.average_filled_price = decimal(cursor, "average_filled_price")?,
                "order_margin_total" => found.order_margin_total = decimal(cursor, "order_margin_total")?,
                "leverage" => found.leverage = decimal(cursor, "leverage")?,
                "is_max" => found.is_max = flag(cursor)?,
                _ => cursor.skip()?,
            }
        }
        if !seen && found.errors.is_empty() {
            return Err(Fault::Missing { key: "order_total" });
        }
        Ok(found)
    })
}

/// `{"edit_failure_reason":"…","preview_failure_reason":"…"}`: the one that says something.
fn edit_reason(cursor: &mut Cursor<'_, '_>) -> Result<Box<str>, Fault> {
    let (mut edit, mut preview) = ("", "");
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        match key {
            "edit_failure_reason" => edit = cursor.str_or_null()?.unwrap_or_default(),
            "preview_failure_reason" => preview = cursor.str_or_null()?.unwrap_or_default(),
            _ => cursor.skip()?,
        }
    }
    Ok(if reject::says_nothing(edit) { preview } else { edit }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Preview, ReplyError> {
        preview(&mut body.as_bytes().to_vec())
    }

    #[test]
    fn a_preview_says_what_it_costs_or_why_not() {
        let good = read(r#"{"order_total":"204.424","commission_total":"2.424","errs":[],"warning":["BIG_ORDER"],"quote_size":"202","base_size":"0.004","best_bid":"50000","best_ask":"50500","is_max":false,"slippage":"","preview_id":"p-1","pnl_configuration":null}"#).unwrap();
        assert_eq!((good.refusal(), good.preview_id.as_ref(), good.slippage), (None, "p-1", None));
        assert_eq!((good.order_total.unwrap().to_string(), good.warnings.len()), ("204.424".into(), 1));
        let poor = read(r#"{"order_total":"0","errs":["PREVIEW_INSUFFICIENT_FUND"]}"#).unwrap();
        assert_eq!(poor.refusal(), Some(RejectClass::InsufficientFunds));
        let edit = read(r#"{"errors":[{"edit_failure_reason":"ORDER_NOT_FOUND","preview_failure_reason":"UNKNOWN_PREVIEW_FAILURE_REASON"}]}"#).unwrap();
        assert_eq!((edit.refusal(), edit.errors[0].as_ref()), (Some(RejectClass::UnknownOrder), "ORDER_NOT_FOUND"));
        assert!(read("{}").is_err());
    }
}
