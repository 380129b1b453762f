//! The venue's failure codes in our vocabulary (Coinbase reference 3.1, 3.2, 4 and appendix A).
//!
//! Owns the table. Guarantees an answer for any text: the venue adds codes without notice, so families are recognised
//! by the words in them and the rest is [`RejectClass::Other`]. Never decides whether a reply is a refusal at all.

use crate::record::RejectClass;

/// Codes that say nothing: the next field is asked.
pub(super) fn says_nothing(code: &str) -> bool {
    matches!(
        code,
        "" | "UNKNOWN_FAILURE_REASON"
            | "UNKNOWN_PREVIEW_FAILURE_REASON"
            | "UNKNOWN_CANCEL_FAILURE_REASON"
            | "UNKNOWN_EDIT_ORDER_FAILURE_REASON"
            | "REJECT_REASON_UNSPECIFIED"
            | "unknown"
    )
}

/// The class of a failure of an order: a code of any of the three reason fields, or free text.
pub fn order_class(code: &str) -> RejectClass {
    let code = code.strip_prefix("PREVIEW_").unwrap_or(code);
    exact(code).or_else(|| family(code)).unwrap_or_else(|| free_text(code))
}

/// The class of a refused cancel.
pub fn cancel_class(code: &str) -> RejectClass {
    match code {
        "UNKNOWN_CANCEL_ORDER" => RejectClass::UnknownOrder,
        "ORDER_IS_FULLY_FILLED" => RejectClass::OrderClosed,
        "INVALID_CANCEL_REQUEST" => RejectClass::Malformed,
        "INVALID_CANCEL_PRODUCT_ID" => RejectClass::UnknownInstrument,
        "INVALID_CANCEL_FCM_TRADING_SESSION" => RejectClass::NotTradable,
        "NOT_ALLOWED_TO_CANCEL" => RejectClass::Forbidden,
        // It will be replaced or not: the cancel is repeated.
        "ORDER_IS_BEING_REPLACED" => RejectClass::Busy,
        // COMMANDER_REJECTED_CANCEL_ORDER, and what may come.
        _ => RejectClass::Other,
    }
}

/// The class of a refused change: a code of either reason field.
pub fn edit_class(code: &str) -> RejectClass {
    match code {
        "ORDER_NOT_FOUND" | "FUTURES_VENUE_ORDER_NOT_FOUND" => RejectClass::UnknownOrder,
        "ONLY_OPEN_ORDERS_CAN_BE_EDITED" => RejectClass::OrderClosed,
        "CANNOT_EDIT_TO_BELOW_FILLED_SIZE" | "INVALID_EDITED_SIZE" | "INVALID_ORIGINAL_SIZE" => {
            RejectClass::InvalidSize
        }
        "ORDER_IS_ALREADY_BEING_REPLACED"
        | "CANNOT_EDIT_ORDER_PENDING_CANCEL"
        | "ORDER_IS_PENDING_CANCEL"
        | "TOO_MANY_PENDING_REPLACES"
        | "NOT_STARTED" => RejectClass::Busy,
        "EXCEEDED_MAX_ALLOWED_EDIT_REQUEST_COUNT" => RejectClass::Limit,
        "EDIT_REQUEST_EQUAL_TO_ORIGINAL_REQUEST" | "ATTACHED_CONFIGURATION_IS_EQUAL" => RejectClass::Malformed,
        "CALLER_ID_MISMATCH" | "PORTFOLIO_NOT_ALLOWED_FOR_EDITS" => RejectClass::Forbidden,
        code if code.starts_with("INVALID_EDITED_") || code.starts_with("INVALID_ORIGINAL_") => {
            if code.ends_with("_PRICE") {
                RejectClass::InvalidPrice
            } else {
                RejectClass::Malformed
            }
        }
        code if code.starts_with("CANNOT_") || code.starts_with("ONLY_") || code.ends_with("_NOT_SUPPORTED") => {
            RejectClass::Unsupported
        }
        code => order_class(code),
    }
}

/// The class of an error reply by its status.
pub fn status_class(status: u16) -> Option<RejectClass> {
    match status {
        401 => Some(RejectClass::Unauthorized),
        403 => Some(RejectClass::Forbidden),
        429 => Some(RejectClass::RateLimited),
        _ => None,
    }
}

fn exact(code: &str) -> Option<RejectClass> {
    Some(match code {
        "INSUFFICIENT_FUND"
        | "INSUFFICIENT_FUNDS"
        | "INVALID_LEDGER_BALANCE"
        | "INSUFFICIENT_LEDGER_BALANCE"
        | "REJECT_REASON_INSUFFICIENT_FUNDS"
        | "HOLD_FAILURE" => RejectClass::InsufficientFunds,
        "INVALID_LIMIT_PRICE_POST_ONLY" | "INVALID_LIMIT_PRICE_POSTONLY" => RejectClass::WouldTake,
        "INVALID_LIMIT_PRICE"
        | "INVALID_PRICE_PRECISION"
        | "INVALID_LIMIT_PRICE_PRECISION"
        | "INVALID_PRICE_TOO_LARGE"
        | "INVALID_STOP_PRICE" => RejectClass::InvalidPrice,
        "INVALID_SIZE_PRECISION" | "NON_NUMERIC_ORDER_SIZE" | "FRACTIONAL_ORDERS_NOT_ALLOWED_FOR_PRODUCT" => {
            RejectClass::InvalidSize
        }
        "LIMIT_PRICE_TOO_FAR_FROM_MARKET" | "BREACHED_PRICE_LIMIT" => RejectClass::PriceBand,
        "INVALID_PRODUCT_ID" | "INVALID_UNSUPPORTED_INSTRUMENT" => RejectClass::UnknownInstrument,
        "UNTRADABLE_PRODUCT"
        | "ORDER_ENTRY_DISABLED"
        | "TRADING_DISABLED"
        | "PRODUCT_TRADING_HALTED"
        | "INELIGIBLE_PAIR"
        | "INVALID_FCM_TRADING_SESSION"
        | "INVALID_EQUITY_TRADING_SESSION"
        | "NOT_ALLOWED_BY_MARKET_STATE"
        | "IN_LIQUIDATION" => RejectClass::NotTradable,
        "INVALID_NO_LIQUIDITY" | "MISSING_PRODUCT_PRICE_BOOK" => RejectClass::NoLiquidity,
        "DUPLICATE_CLIENT_ORDER_ID" => RejectClass::DuplicateId,
        "RATE_LIMIT_EXCEEDED" | "rate_limit_exceeded" => RejectClass::RateLimited,
        "GEOFENCING_RESTRICTION" | "PERMISSION_DENIED" | "COMPLIANCE_PURCHASE_LIMIT_EXCEEDED" => RejectClass::Forbidden,
        "UNAUTHENTICATED" => RejectClass::Unauthorized,
        "UNSUPPORTED_ORDER_CONFIGURATION" | "FOK_DISABLED" | "QUOTE_ORDERS_NOT_ALLOWED_FOR_PRODUCT" => {
            RejectClass::Unsupported
        }
        "INVALID_REQUEST" | "INVALID_SIDE" | "INVALID_ARGUMENT" | "INVALID_ORDER_CONFIG" => RejectClass::Malformed,
        "TOO_MANY_OPEN_ORDERS" | "BREACHED_RISK_LIMIT" => RejectClass::Limit,
        _ => return None,
    })
}

/// Codes come in families of many members, and new members join them.
fn family(code: &str) -> Option<RejectClass> {
    let has = |word: &str| code.contains(word);
    if !code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_') {
        return None;
    }
    if has("PRICE_EXCEEDS_PRICE_BAND") {
        Some(RejectClass::PriceBand)
    } else if has("SIZE_TOO_SMALL") || has("SIZE_TOO_LARGE") || has("SIZE_PRECISION") || has("SIZE_BELOW_MIN") {
        Some(RejectClass::InvalidSize)
    } else if has("STOP_PRICE") || has("PRICE_PRECISION") || has("PRICE_TOO_") {
        Some(RejectClass::InvalidPrice)
    } else if has("NOT_ALLOWED") || has("NOT_SUPPORTED") || has("PROHIBITED") {
        Some(RejectClass::Unsupported)
    } else {
        None
    }
}

/// Texts seen in place of codes (Coinbase reference 3.1).
fn free_text(text: &str) -> RejectClass {
    let has = |words: &str| text.to_ascii_lowercase().contains(words);
    if has("insufficient") {
        RejectClass::InsufficientFunds
    } else if has("source is not enabled for trading") || has("account is not available") {
        RejectClass::Forbidden
    } else {
        RejectClass::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_a_strategy_acts_on_have_their_class() {
        for (code, class) in [
            ("INSUFFICIENT_FUND", RejectClass::InsufficientFunds),
            ("PREVIEW_INSUFFICIENT_FUND", RejectClass::InsufficientFunds),
            ("PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY", RejectClass::WouldTake),
            ("INVALID_LIMIT_PRICE_POST_ONLY", RejectClass::WouldTake),
            ("LIMIT_ORDER_PRICE_EXCEEDS_PRICE_BAND_ON_SELL", RejectClass::PriceBand),
            ("PREVIEW_INVALID_BASE_SIZE_TOO_SMALL", RejectClass::InvalidSize),
            ("PREVIEW_INVALID_QUOTE_SIZE_PRECISION", RejectClass::InvalidSize),
            ("INVALID_PRICE_PRECISION", RejectClass::InvalidPrice),
            ("PREVIEW_STOP_PRICE_ABOVE_LAST_TRADE_PRICE", RejectClass::InvalidPrice),
            ("PRODUCT_TRADING_HALTED", RejectClass::NotTradable),
            ("POST_ONLY_NOT_ALLOWED_WITH_FOK", RejectClass::Unsupported),
            ("Insufficient balance in source account", RejectClass::InsufficientFunds),
            ("account is not available", RejectClass::Forbidden),
            ("RFQ_SOMETHING_NEW", RejectClass::Other),
            ("", RejectClass::Other),
        ] {
            assert_eq!(order_class(code), class, "{code}");
        }
        assert_eq!(cancel_class("UNKNOWN_CANCEL_ORDER"), RejectClass::UnknownOrder);
        assert_eq!(cancel_class("ORDER_IS_FULLY_FILLED"), RejectClass::OrderClosed);
        assert_eq!(cancel_class("COMMANDER_REJECTED_CANCEL_ORDER"), RejectClass::Other);
        assert_eq!(cancel_class("ORDER_IS_BEING_REPLACED"), RejectClass::Busy);
        for (code, class) in [
            ("ORDER_NOT_FOUND", RejectClass::UnknownOrder),
            ("ONLY_OPEN_ORDERS_CAN_BE_EDITED", RejectClass::OrderClosed),
            ("ONLY_LIMIT_ORDER_EDITS_SUPPORTED", RejectClass::Unsupported),
            ("CANNOT_EDIT_TO_BELOW_FILLED_SIZE", RejectClass::InvalidSize),
            ("CANNOT_EDIT_FUTURES_ORDER", RejectClass::Unsupported),
            ("INVALID_EDITED_PRICE", RejectClass::InvalidPrice),
            ("INVALID_EDITED_STOP_LIMIT_PRICE", RejectClass::InvalidPrice),
            ("SIZE_IN_QUOTE_EDITS_NOT_ALLOWED", RejectClass::Unsupported),
            ("ORDER_IS_ALREADY_BEING_REPLACED", RejectClass::Busy),
            ("PREVIEW_INSUFFICIENT_FUND", RejectClass::InsufficientFunds),
            ("SOMETHING_NEW", RejectClass::Other),
        ] {
            assert_eq!(edit_class(code), class, "{code}");
        }
    }
}
