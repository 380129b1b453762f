//! Replies to our requests: what a place or cancel reply proves, and the rows of listings.
//!
//! Owns the law of outcomes (DESIGN section 7): an order counts as rejected only on 401, 403 or 429 with any body, on
//! another 4xx with the venue's own error JSON, or on 200 with `success:false`; as accepted only on 200 with
//! `success:true` and an order id. Everything else proves nothing and is ambiguous. Never decides what to do about it.

use super::reject;
use crate::codec::http1::{Excerpt, Headers};
use crate::codec::json::{Cursor, JsonError, Plain};
use crate::order::{CancelReply, Denial, PlaceReply};
use crate::record::{ClientOrderId, VenueOrderId};
use crate::venue::fault::http_code;
use crate::venue::wait;

mod account;
mod catalog;
mod edit;
mod fields;
mod history;
mod market;
mod orders;
mod preview;
mod rows;

pub use account::{
    account, accounts, balances, fees, key_permissions, server_time, Account, Balance, Fees, KeyPermissions,
};
pub use catalog::{listing, listings};
pub use edit::edit_reply;
pub use history::{fill_details, order_detail, order_details, FillDetail, OrderDetail};
pub use market::{
    best_bid_ask, candles, market_trades, product_book, BookLevel, Candle, MarketTrade, MarketTrades, ProductBook,
};
pub use orders::{listed_orders, orders};
pub use preview::{preview, Preview};
pub(super) use rows::{page_of, tell_rows, RowKind, LIST_ARRAYS};
pub use rows::{Page, ReplyError, Rows};

/// What the headers say about our rate; all optional, their window undocumented (Coinbase reference 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RateHeaders {
    /// `Retry-After`, seconds.
    pub retry_after_s: Option<u64>,
    /// `x-ratelimit-reset`, seconds by one source.
    pub reset_s: Option<u64>,
    /// `x-ratelimit-remaining`.
    pub remaining: Option<u64>,
    /// `x-ratelimit-limit`.
    pub limit: Option<u64>,
}

impl RateHeaders {
    pub(super) fn read(headers: Headers<'_>) -> RateHeaders {
        RateHeaders {
            retry_after_s: headers.number("retry-after"),
            reset_s: headers.number("x-ratelimit-reset"),
            remaining: headers.number("x-ratelimit-remaining"),
            limit: headers.number("x-ratelimit-limit"),
        }
    }

    /// How long to send nothing after a reply of this status, ms; `None` if it does not say so. `page`: its body is not
    /// the venue's own JSON.
    pub fn wait_ms(&self, status: u16, page: bool) -> Option<u64> {
        wait::wait_ms(status, self.retry_after_s, self.reset_s, page, super::limits::THROTTLED_MS)
    }
}

/// The reasons a failed order may come with; which one speaks differs (Coinbase reference 3.1).
#[derive(Debug, Clone, Copy, Default)]
struct Reasons<'i> {
    new_order: &'i str,
    error: &'i str,
    preview: &'i str,
    message: &'i str,
    details: &'i str,
    outer: &'i str,
}

impl<'i> Reasons<'i> {
    /// The first that says something.
    fn code(&self) -> &'i str {
        let order = [self.new_order, self.error, self.preview, self.message, self.details, self.outer];
        order.into_iter().find(|code| !reject::says_nothing(code)).unwrap_or_default()
    }

    /// The code and the sentence about it, each if it says something.
    fn explained(&self) -> String {
        let sentence = if self.message.is_empty() { self.details } else { self.message };
        let parts = [self.error, sentence].into_iter().filter(|part| !reject::says_nothing(part));
        let parts: Vec<&str> = parts.collect();
        parts.join(": ")
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct PlaceBody<'i> {
    success: Option<bool>,
    order_id: &'i str,
    client_order_id: &'i str,
    reasons: Reasons<'i>,
}

/// What the reply to a place request proves.
pub fn place_reply(plain: &mut Plain, status: u16, body: &mut [u8], sent: &ClientOrderId) -> PlaceReply {
    if status != 200 {
        return denial(plain, status, body).into();
    }
    let read = plain.parse(body, |cursor| Ok::<_, JsonError>(place_verdict(&place_body(cursor)?, sent)));
    read.unwrap_or_else(|_| Denial::unclear("unreadable reply").into())
}

fn place_verdict(body: &PlaceBody<'_>, sent: &ClientOrderId) -> PlaceReply {
    match body.success {
        None => Denial::unclear("reply without success").into(),
        Some(false) => {
            let code = body.reasons.code();
            Denial::refused(reject::order_class(code), code).into()
        }
        Some(true) => {
            if !body.client_order_id.is_empty() && body.client_order_id != sent.as_str() {
                return Denial::unclear("reply to another order").into();
            }
            match VenueOrderId::new(body.order_id) {
                Ok(venue_order_id) if !venue_order_id.is_empty() => PlaceReply::Accepted { venue_order_id },
                _ => Denial::unclear("success without order id").into(),
            }
        }
    }
}

fn place_body<'i>(cursor: &mut Cursor<'_, 'i>) -> Result<PlaceBody<'i>, JsonError> {
    let mut body = PlaceBody::default();
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        match key {
            "success" => body.success = Some(cursor.bool()?),
            "failure_reason" => body.reasons.outer = cursor.str_or_null()?.unwrap_or_default(),
            "success_response" if !cursor.take_null() => {
                let mut inner = cursor.object()?;
                while let Some(key) = inner.next_key(cursor)? {
                    match key {
                        "order_id" => body.order_id = cursor.str()?,
                        "client_order_id" => body.client_order_id = cursor.str_or_null()?.unwrap_or_default(),
                        _ => cursor.skip()?,
                    }
                }
            }
            "error_response" if !cursor.take_null() => error_object(cursor, &mut body.reasons)?,
            "success_response" | "error_response" => {}
            _ => cursor.skip()?,
        }
    }
    Ok(body)
}

fn error_object<'i>(cursor: &mut Cursor<'_, 'i>, reasons: &mut Reasons<'i>) -> Result<(), JsonError> {
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        let field = match key {
            "new_order_failure_reason" => &mut reasons.new_order,
            "error" => &mut reasons.error,
            "preview_failure_reason" => &mut reasons.preview,
            "message" => &mut reasons.message,
            "error_details" => &mut reasons.details,
            _ => {
                cursor.skip()?;
                continue;
            }
        };
        *field = cursor.str_or_null()?.unwrap_or_default();
    }
    Ok(())
}

/// What the reply to a batch cancel proves of each order asked; `tell` is called once per id.
pub fn cancel_replies(
    plain: &mut Plain,
    status: u16,
    body: &mut [u8],
    sent: &[VenueOrderId],
    mut tell: impl FnMut(&VenueOrderId, CancelReply),
) {
    if status != 200 {
        let reply = denial(plain, status, body).into();
        return sent.iter().for_each(|id| tell(id, reply));
    }
    // Matched by id, not by place (Coinbase reference 3.2). One bit per id asked.
    let mut answered = 0_u128;
    let read = plain.parse(body, |cursor| {
        let mut fields = cursor.object()?;
        while let Some(key) = fields.next_key(cursor)? {
            if key != "results" {
                cursor.skip()?;
                continue;
            }
            let mut items = cursor.array()?;
            while items.next_item(cursor)? {
                let (id, reply) = cancel_result(cursor)?;
                let asked =
                    sent.iter().enumerate().find(|(place, asked)| asked.as_str() == id && answered & bit(*place) == 0);
                if let (Some((place, asked)), Some(reply)) = (asked, reply) {
                    answered |= bit(place);
                    tell(asked, reply);
                }
            }
        }
        Ok::<(), JsonError>(())
    });
    let unclear = Denial::unclear(if read.is_ok() { "not in the reply" } else { "unreadable reply" });
    for (place, id) in sent.iter().enumerate() {
        if answered & bit(place) == 0 {
            tell(id, unclear.into());
        }
    }
}

/// The bit of a place below 128; a batch has at most [`super::limits::CANCELS_PER_REQUEST_MAX`].
fn bit(place: usize) -> u128 {
    u32::try_from(place).ok().and_then(|place| 1_u128.checked_shl(place)).unwrap_or(0)
}

const _: () = assert!(super::limits::CANCELS_PER_REQUEST_MAX <= 128);

fn cancel_result<'i>(cursor: &mut Cursor<'_, 'i>) -> Result<(&'i str, Option<CancelReply>), JsonError> {
    let (mut id, mut success, mut reason) = ("", None, "");
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        match key {
            "order_id" => id = cursor.str()?,
            "success" => success = Some(cursor.bool()?),
            "failure_reason" => reason = cursor.str_or_null()?.unwrap_or_default(),
            _ => cursor.skip()?,
        }
    }
    let reply = success.map(|success| match (success, reason) {
        // An earlier cancel of ours is queued: the same thing.
        (true, _) | (false, "DUPLICATE_CANCEL_REQUEST") => CancelReply::Queued,
        (false, reason) => {
            let said = if reject::says_nothing(reason) { "" } else { reason };
            Denial::refused(reject::cancel_class(said), said).into()
        }
    });
    Ok((id, reply))
}

/// What a reply other than 200 proves: a definitive refusal, or nothing.
pub(super) fn denial(plain: &mut Plain, status: u16, body: &mut [u8]) -> Denial {
    let unclear = Denial::Unclear { code: http_code(status) };
    // 408 says that the server waited, or somebody before it: no verdict, whatever the body.
    if !(400..500).contains(&status) || status == 408 {
        return unclear;
    }
    let json = body.trim_ascii_start().first() == Some(&b'{') && body.len() <= plain.text_bytes_max();
    let own = if json { plain.parse(body, venue_error).unwrap_or(None) } else { None };
    let by_status = reject::status_class(status);
    match (own, by_status) {
        (Some(reasons), _) => {
            let code = reasons.code();
            Denial::refused(by_status.unwrap_or_else(|| reject::order_class(code)), code)
        }
        (None, Some(class)) => Denial::Refused { class, code: http_code(status) },
        (None, None) => unclear,
    }
}

/// The venue's own error object (Coinbase reference 4): `error` with `message` or `error_details`, or `errors`. A
/// proxy's JSON has neither.
fn venue_error<'i>(cursor: &mut Cursor<'_, 'i>) -> Result<Option<Reasons<'i>>, JsonError> {
    let mut reasons = Reasons::default();
    let (mut named, mut explained) = (false, false);
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        match key {
            "error" => {
                reasons.error = cursor.str()?;
                named = !reasons.error.is_empty();
            }
            "message" => {
                reasons.message = cursor.str_or_null()?.unwrap_or_default();
                explained = true;
            }
            "error_details" => {
                reasons.details = cursor.str_or_null()?.unwrap_or_default();
                explained = true;
            }
            "errors" => {
                let mut items = cursor.array()?;
                while items.next_item(cursor)? {
                    let mut inner = cursor.object()?;
                    while let Some(key) = inner.next_key(cursor)? {
                        match key {
                            "id" => {
                                reasons.error = cursor.str()?;
                                (named, explained) = (true, true);
                            }
                            "message" => reasons.message = cursor.str_or_null()?.unwrap_or_default(),
                            _ => cursor.skip()?,
                        }
                    }
                }
            }
            // A body with the reply's own verdict is judged by that elsewhere, never here.
            _ => cursor.skip()?,
        }
    }
    Ok((named && explained).then_some(reasons))
}

/// What an error reply says, one line of at most a few hundred bytes: the venue's own words if it is its JSON, else the
/// beginning of whatever came (plain text on 401, HTML on 429 and 5xx; Coinbase reference 4).
pub fn error_text(body: &[u8]) -> String {
    let words = match body.trim_ascii_start().first() {
        Some(b'{') if body.len() <= ERROR_BYTES_MAX => {
            let mut copy = body.to_vec();
            let read = Plain::new(body.len()).parse(&mut copy, |cursor| {
                Ok::<_, JsonError>(venue_error(cursor)?.map(|reasons| reasons.explained()).unwrap_or_default())
            });
            read.unwrap_or_default()
        }
        _ => String::new(),
    };
    let text = if words.is_empty() { body } else { words.as_bytes() };
    Excerpt::of(text).as_str().to_owned()
}

/// Error bodies longer than this are not the venue's JSON.
const ERROR_BYTES_MAX: usize = 16 * 1024;

#[cfg(test)]
mod tests;
