//! What the reply to a change of an order proves (Coinbase reference 3.3).

use super::super::reject;
use super::denial;
use crate::codec::json::{Cursor, JsonError, Plain};
use crate::order::{Denial, ReplaceReply};

#[derive(Debug, Clone, Copy, Default)]
struct EditBody<'i> {
    success: Option<bool>,
    edit: &'i str,
    preview: &'i str,
    message: &'i str,
}

/// What the reply to a change proves: done only by 200 with `success:true`, refused only by 200 with `success:false` or a
/// definitive refusal by status; everything else proves nothing.
pub fn edit_reply(plain: &mut Plain, status: u16, body: &mut [u8]) -> ReplaceReply {
    if status != 200 {
        return match denial(plain, status, body) {
            // The same words mean the same as within a 200.
            Denial::Refused { code, .. } if status == 400 || status == 404 => {
                ReplaceReply::Rejected { class: reject::edit_class(code.as_str()), code }
            }
            denial => denial.into(),
        };
    }
    let read = plain.parse(body, |cursor| edit_body(cursor).map(|body| verdict(&body)));
    read.unwrap_or_else(|_: JsonError| Denial::unclear("unreadable reply").into())
}

fn verdict(body: &EditBody<'_>) -> ReplaceReply {
    match body.success {
        None => Denial::unclear("reply without success").into(),
        Some(true) => ReplaceReply::Accepted,
        Some(false) => {
            let reasons = [body.edit, body.preview, body.message];
            let code = reasons.into_iter().find(|code| !reject::says_nothing(code)).unwrap_or_default();
            Denial::refused(reject::edit_class(code), code).into()
        }
    }
}

fn edit_body<'i>(cursor: &mut Cursor<'_, 'i>) -> Result<EditBody<'i>, JsonError> {
    let mut body = EditBody::default();
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        match key {
            "success" => body.success = Some(cursor.bool()?),
            "errors" if !cursor.take_null() => {
                let mut items = cursor.array()?;
                while items.next_item(cursor)? {
                    reasons(cursor, &mut body)?;
                }
            }
            // The older shape has one object.
            "error_response" if !cursor.take_null() => reasons(cursor, &mut body)?,
            "errors" | "error_response" => {}
            _ => cursor.skip()?,
        }
    }
    Ok(body)
}

/// The first error that says something speaks.
fn reasons<'i>(cursor: &mut Cursor<'_, 'i>, body: &mut EditBody<'i>) -> Result<(), JsonError> {
    let mut fields = cursor.object()?;
    while let Some(key) = fields.next_key(cursor)? {
        let field = match key {
            "edit_failure_reason" | "edit_order_failure_reason" => &mut body.edit,
            "preview_failure_reason" => &mut body.preview,
            "message" | "error" => &mut body.message,
            _ => {
                cursor.skip()?;
                continue;
            }
        };
        let said = cursor.str_or_null()?.unwrap_or_default();
        if reject::says_nothing(field) {
            *field = said;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::RejectClass;

    fn read(status: u16, body: &str) -> ReplaceReply {
        edit_reply(&mut Plain::new(4_096), status, &mut body.as_bytes().to_vec())
    }

    fn refused(class: RejectClass, code: &str) -> ReplaceReply {
        Denial::refused(class, code).into()
    }

    #[test]
    fn both_shapes_and_every_place_of_the_reason_are_read() {
        for (body, reply) in [
            (r#"{"success":true,"errors":[]}"#, ReplaceReply::Accepted),
            (r#"{"success":true}"#, ReplaceReply::Accepted),
            (
                r#"{"success":false,"errors":[{"edit_failure_reason":"ORDER_NOT_FOUND","preview_failure_reason":"UNKNOWN_PREVIEW_FAILURE_REASON"}]}"#,
                refused(RejectClass::UnknownOrder, "ORDER_NOT_FOUND"),
            ),
            (
                r#"{"success":false,"errors":[{"edit_failure_reason":"UNKNOWN_EDIT_ORDER_FAILURE_REASON","preview_failure_reason":"PREVIEW_INSUFFICIENT_FUND"}]}"#,
                refused(RejectClass::InsufficientFunds, "PREVIEW_INSUFFICIENT_FUND"),
            ),
            (
                r#"{"success":false,"error_response":{"edit_order_failure_reason":"INVALID_EDITED_PRICE"}}"#,
                refused(RejectClass::InvalidPrice, "INVALID_EDITED_PRICE"),
            ),
            (r#"{"success":false,"errors":null}"#, refused(RejectClass::Other, "")),
        ] {
            assert_eq!(read(200, body), reply, "{body}");
        }
    }

    #[test]
    fn only_definitive_answers_refuse() {
        let unknown = |status, body| matches!(read(status, body), ReplaceReply::Ambiguous { .. });
        assert!(unknown(200, "{}") && unknown(200, "<html>") && unknown(200, ""));
        assert!(unknown(502, "<html>") && unknown(500, r#"{"error":"INTERNAL"}"#) && unknown(404, "<html>"));
        assert_eq!(read(401, "Unauthorized"), refused(RejectClass::Unauthorized, "http 401"));
        let gone = r#"{"error":"ORDER_NOT_FOUND","error_details":"","message":""}"#;
        assert_eq!(read(404, gone), refused(RejectClass::UnknownOrder, "ORDER_NOT_FOUND"));
    }
}
