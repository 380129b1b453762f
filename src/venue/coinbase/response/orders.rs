//! Orders of a cold reply: the same rows as on the hot path, collected instead of told.

use super::super::products::Products;
use super::super::stream::Fault;
use super::rows::{each_slice, tell_rows, Page, ReplyError, RowKind, Rows};
use crate::codec::json::Cursor;
use crate::order::OrderFact;
use crate::record::Instrument;
use crate::venue::collected::Collected;
use crate::venue::ListedOrder;

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

/// Who each order of one page is, and the page. Reads nothing else of a row: an order of a kind we do not know is still
/// one that can be cancelled.
///
/// # Errors
/// [`ReplyError`]: not an order list, or a row without its id.
pub fn listed_orders(body: &[u8]) -> Result<(Vec<ListedOrder>, Page), ReplyError> {
    let mut found = Vec::new();
    let page = each_slice(body, |cursor| {
        let mut items = cursor.array()?;
        while items.next_item(cursor)? {
            found.push(listed(cursor)?);
        }
        Ok(())
    })?;
    Ok((found, page))
}

fn listed(cursor: &mut Cursor<'_, '_>) -> Result<ListedOrder, Fault> {
    let (mut id, mut client, mut symbol) = ("", "", "");
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        match key {
            "order_id" => id = cursor.str_or_null()?.unwrap_or_default(),
            "client_order_id" => client = cursor.str_or_null()?.unwrap_or_default(),
            "product_id" => symbol = cursor.str_or_null()?.unwrap_or_default(),
            _ => cursor.skip()?,
        }
    }
    ListedOrder::new(id, client, symbol).ok_or(Fault::Value { key: "order_id" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_of_an_unknown_kind_is_listed_with_its_ids() {
        let body =
            br#"{"orders":[{"order_id":"o-1","client_order_id":"xc-1-1","product_id":"BTC-USD","status":"NEW_WORD",
            "order_configuration":{"brand_new":{"x":[1,{"y":null}]}}},{"order_id":"o-2","client_order_id":null}],
            "has_next":true,"cursor":"c"}"#;
        let (orders, page) = listed_orders(body).unwrap();
        let shown: Vec<_> = orders.iter().map(|o| (o.id.as_str(), &*o.client_order_id, &*o.symbol)).collect();
        assert_eq!(shown, [("o-1", "xc-1-1", "BTC-USD"), ("o-2", "", "")]);
        assert!(page.has_next && page.cursor == "c");
        assert!(listed_orders(br#"{"orders":[{"client_order_id":"xc-1-1"}],"has_next":false}"#).is_err());
    }
}
