//! The venue's reasons in our vocabulary: reject reasons, cancel reasons, error codes (OANDA reference 7, 8).
//!
//! Owns the table. Guarantees an answer for any text: of 198 reject reasons and 65 cancel reasons most belong to
//! families that are told by the words in them, values are added without notice, and the rest is
//! [`RejectClass::Other`]; the text itself always travels beside the class. Never decides whether an answer is a refusal
//! at all.

use crate::order::OrderStatus;
use crate::record::RejectClass;

/// The class of a reason or error code for which an order was refused or cancelled unasked.
pub fn class(code: &str) -> RejectClass {
    exact(code).or_else(|| family(code)).unwrap_or(RejectClass::Other)
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

/// How an order that was cancelled for this reason ended. `at_birth`: in the very transaction batch that created it, so
/// that it never rested (OANDA reference 4, form 3).
pub fn ending(reason: &str, at_birth: bool) -> (OrderStatus, RejectClass) {
    match reason {
        "CLIENT_REQUEST"
        | "CLIENT_REQUEST_REPLACED"
        | "LINKED_TRADE_CLOSED"
        | "MIGRATION"
        | "DIVIDEND_ADJUSTMENT_REPLACED" => (OrderStatus::Cancelled, RejectClass::None),
        "TIME_IN_FORCE_EXPIRED" if !at_birth => (OrderStatus::Expired, RejectClass::None),
        reason => (OrderStatus::Failed, class(reason)),
    }
}

fn exact(code: &str) -> Option<RejectClass> {
    Some(match code {
        "INSUFFICIENT_MARGIN" | "INSUFFICIENT_FUNDS" => RejectClass::InsufficientFunds,
        "MARKET_HALTED" | "INSTRUMENT_NOT_TRADEABLE" | "INSTRUMENT_PRICE_UNKNOWN" => RejectClass::NotTradable,
        // Immediate orders that found nothing to fill against (OANDA reference 4).
        "INSUFFICIENT_LIQUIDITY" | "TIME_IN_FORCE_EXPIRED" => RejectClass::NoLiquidity,
        "BOUNDS_VIOLATION" => RejectClass::PriceBand,
        "INSTRUMENT_UNKNOWN" | "INSTRUMENT_MISSING" => RejectClass::UnknownInstrument,
        "ACCOUNT_NOT_ACTIVE" | "ACCOUNT_LOCKED" | "ACCOUNT_NEW_POSITIONS_LOCKED" | "ACCOUNT_CONFIGURATION_LOCKED" => {
            RejectClass::Forbidden
        }
        "ORDER_DOESNT_EXIST"
        | "NO_SUCH_ORDER"
        | "NO_SUCH_TRADE"
        | "TRADE_DOESNT_EXIST"
        | "NO_SUCH_POSITION"
        | "NO_SUCH_TRANSACTION"
        | "CLOSEOUT_POSITION_DOESNT_EXIST" => RejectClass::UnknownOrder,
        "OPEN_TRADES_ALLOWED_EXCEEDED"
        | "PENDING_ORDERS_ALLOWED_EXCEEDED"
        | "POSITION_SIZE_EXCEEDED"
        | "ACCOUNT_POSITION_VALUE_LIMIT_EXCEEDED"
        | "MARGIN_RATE_WOULD_TRIGGER_CLOSEOUT"
        | "MARGIN_RATE_WOULD_TRIGGER_MARGIN_CALL"
        | "ORDER_CANCEL_WOULD_TRIGGER_CLOSEOUT" => RejectClass::Limit,
        "UNITS_MIMIMUM_NOT_MET" => RejectClass::InvalidSize,
        "CLOSE_TRADE_UNITS_EXCEED_TRADE_SIZE" | "CLOSEOUT_POSITION_UNITS_EXCEED_POSITION_SIZE" => {
            RejectClass::InvalidSize
        }
        "oanda::rest::core::InvalidParameterException" | "AMOUNT_INVALID" | "ALIAS_INVALID" => RejectClass::Malformed,
        "LOSING_TAKE_PROFIT" | "TAKE_PROFIT_ON_FILL_LOSS" | "STOP_LOSS_ON_FILL_LOSS" => RejectClass::InvalidPrice,
        _ => return None,
    })
}

/// Words of reasons that say: not this kind of order here.
const UNSUPPORTED: [&str; 8] = [
    "FIFO_VIOLATION",
    "HEDGING",
    "MUTUAL_EXCLUSIVITY",
    "NOT_ALLOWED",
    "NOT_SUPPORTED",
    "NOT_CANCELABLE",
    "NOT_REPLACEABLE",
    "ALREADY_EXISTS",
];

/// Reasons come in families, and new members join them. The first rule that fits counts.
fn family(code: &str) -> Option<RejectClass> {
    let has = |word: &str| code.contains(word);
    let ends = |word: &str| code.ends_with(word);
    if has("HALTED") || has("REDUCE_ONLY") {
        Some(RejectClass::NotTradable)
    } else if has("CLIENT_") && ends("_ID_ALREADY_EXISTS") || has("DUPLICATE_CLIENT_ORDER_IDS") {
        Some(RejectClass::DuplicateId)
    } else if UNSUPPORTED.iter().any(|word| has(word)) {
        Some(RejectClass::Unsupported)
    } else if has("_VIOLATION") || has("LEVEL_RESTRICTION") || ends("_REQUIRED") || has("_REQUIRED_FOR_") {
        Some(RejectClass::Limit)
    } else if code.starts_with("UNITS_") {
        Some(RejectClass::InvalidSize)
    } else if has("PRICE_AND_DISTANCE_BOTH") || ends("_MISSING") || ends("_UNSPECIFIED") || has("INCOMPLETE") {
        Some(RejectClass::Malformed)
    } else if has("PRICE") || has("DISTANCE") || ends("_LOSS") {
        Some(RejectClass::InvalidPrice)
    } else if ends("_LOCKED") {
        Some(RejectClass::Forbidden)
    } else if ends("_INVALID") || code.starts_with("INVALID_") || ends("_INCONSISTENCY") || has("GTD_TIMESTAMP") {
        Some(RejectClass::Malformed)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::test_captures;

    #[test]
    fn the_reasons_a_strategy_acts_on_have_their_class() {
        for (code, expected) in [
            ("INSUFFICIENT_MARGIN", RejectClass::InsufficientFunds),
            ("MARKET_HALTED", RejectClass::NotTradable),
            ("INSTRUMENT_ASK_HALTED", RejectClass::NotTradable),
            ("INSUFFICIENT_LIQUIDITY", RejectClass::NoLiquidity),
            ("BOUNDS_VIOLATION", RejectClass::PriceBand),
            ("FIFO_VIOLATION_SAFEGUARD_VIOLATION", RejectClass::Unsupported),
            ("UNITS_PRECISION_EXCEEDED", RejectClass::InvalidSize),
            ("UNITS_MINIMUM_NOT_MET", RejectClass::InvalidSize),
            ("UNITS_MIMIMUM_NOT_MET", RejectClass::InvalidSize),
            ("PRICE_PRECISION_EXCEEDED", RejectClass::InvalidPrice),
            ("PRICE_MISSING", RejectClass::Malformed),
            ("STOP_LOSS_ON_FILL_DISTANCE_PRECISION_EXCEEDED", RejectClass::InvalidPrice),
            ("STOP_LOSS_ON_FILL_PRICE_AND_DISTANCE_BOTH_SPECIFIED", RejectClass::Malformed),
            ("TIME_IN_FORCE_INVALID", RejectClass::Malformed),
            ("CLIENT_ORDER_ID_ALREADY_EXISTS", RejectClass::DuplicateId),
            ("CLIENT_TRADE_ID_ALREADY_EXISTS", RejectClass::DuplicateId),
            ("STOP_LOSS_ORDER_ALREADY_EXISTS", RejectClass::Unsupported),
            ("ACCOUNT_ORDER_CREATION_LOCKED", RejectClass::Forbidden),
            ("ORDER_DOESNT_EXIST", RejectClass::UnknownOrder),
            ("GUARANTEED_STOP_LOSS_ORDER_REQUIRED", RejectClass::Limit),
            ("oanda::rest::core::InvalidParameterException", RejectClass::Malformed),
            ("SOMETHING_ELSE", RejectClass::Other),
            ("", RejectClass::Other),
        ] {
            assert_eq!(class(code), expected, "{code}");
        }
    }

    #[test]
    fn an_order_cancelled_at_birth_never_lived_and_one_asked_for_was_cancelled() {
        assert_eq!(ending("CLIENT_REQUEST", false), (OrderStatus::Cancelled, RejectClass::None));
        assert_eq!(ending("TIME_IN_FORCE_EXPIRED", false), (OrderStatus::Expired, RejectClass::None));
        assert_eq!(ending("TIME_IN_FORCE_EXPIRED", true), (OrderStatus::Failed, RejectClass::NoLiquidity));
        assert_eq!(ending("INSUFFICIENT_MARGIN", true), (OrderStatus::Failed, RejectClass::InsufficientFunds));
        assert_eq!(ending("NEW_REASON", false), (OrderStatus::Failed, RejectClass::Other));
    }

    /// The venue's complete lists of 2026: nearly all have a class, and those that have none are named here.
    #[test]
    fn the_complete_lists_have_classes() {
        let Some(enums) = test_captures::json("oanda/enums_merged.json") else { return };
        let unclassed = |list: &str| {
            let values = enums[list].as_array().expect(list).iter().filter_map(serde_json::Value::as_str);
            values.filter(|code| class(code) == RejectClass::Other).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(
            unclassed("TransactionRejectReason"),
            ["INTERNAL_SERVER_ERROR", "CLOSEOUT_POSITION_REJECT"],
            "both say nothing about the order itself"
        );
        let cancels = unclassed("OrderCancelReason");
        assert_eq!(
            cancels,
            [
                "INTERNAL_SERVER_ERROR",
                "CLIENT_REQUEST",
                "MIGRATION",
                "LINKED_TRADE_CLOSED",
                "CLIENT_REQUEST_REPLACED",
                "POSITION_CLOSEOUT_FAILED",
                "DIVIDEND_ADJUSTMENT_REPLACED",
            ],
            "the others are no refusals"
        );
    }
}
