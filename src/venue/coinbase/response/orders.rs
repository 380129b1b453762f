//! Orders of a cold reply: the same rows as on the hot path, collected instead of told.

use super::super::products::Products;
use super::rows::{each_slice, tell_rows, ReplyError, RowKind, Rows};
use crate::order::OrderFact;
use crate::record::Instrument;
use crate::venue::collected::Collected;

/// The orders of one page, read with the exponents of `instrument`. Orders of other instruments carry no quantities.
///
/// # Errors
/// [`ReplyError`]: not an order list, or a row that cannot be read.
pub fn orders(body: &[u8], instrument: &Instrument) -> Result<Vec<OrderFact>, ReplyError> {
    let mut products = Products::default();
    products.know(instrument);
    let (mut rows, mut found) = (Rows::default(), Collected::default());
    each_slice(body, |cursor| tell_rows(RowKind::Orders, &mut products, cursor, &mut rows, &mut found))?;
    match found.trouble {
        Some(trouble) if rows.unreadable > 0 => Err(ReplyError::Value(trouble)),
        _ => Ok(found.orders),
    }
}
