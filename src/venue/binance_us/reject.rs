//! The venue's error codes in our vocabulary (Binance.US reference 4).
//!
//! Owns the table: code, and where one code stands for many things the words of its message. Guarantees an answer for
//! any code: the rest is [`RejectClass::Other`]. Never decides whether a reply is a refusal at all, but says of which
//! codes it is not ([`says_nothing_of_the_outcome`]).

use crate::record::RejectClass;

/// The stamp was outside the venue's window: ask for its time.
pub const INVALID_TIMESTAMP: i64 = -1021;
/// A query found no such order.
pub const NO_SUCH_ORDER: i64 = -2013;
/// A cancelReplace of which one part succeeded.
pub const REPLACE_PARTLY_FAILED: i64 = -2021;
/// A cancelReplace of which no part succeeded.
pub const REPLACE_FAILED: i64 = -2022;
/// Too many requests, or banned; the message of a ban names its end.
pub const TOO_MANY_REQUESTS: i64 = -1003;
/// No such listenKey.
pub const NO_SUCH_LISTEN_KEY: i64 = -1125;

/// Codes after which an order may live: the venue's own words for "status unknown", and its internal failures, of which
/// nobody says that they come before the engine (Binance.US reference 4: -1008 is only believed to). A cancelReplace that
/// failed in part says by its details which part; without them it says nothing.
pub const fn says_nothing_of_the_outcome(code: i64) -> bool {
    matches!(code, -1000 | -1001 | -1006 | -1007 | -1008 | REPLACE_PARTLY_FAILED)
}

/// The class of a refused request.
pub fn class(code: i64, message: &str) -> RejectClass {
    match code {
        -1002 | -1022 | -2014 | -2015 => RejectClass::Unauthorized,
        TOO_MANY_REQUESTS | -1015 => RejectClass::RateLimited,
        -1013 => filter_failure(message),
        -1014 | -1020 | -1116 => RejectClass::Unsupported,
        -1016 | -2016 => RejectClass::NotTradable,
        -1111 => RejectClass::InvalidSize,
        -1112 => RejectClass::NoLiquidity,
        -1121 => RejectClass::UnknownInstrument,
        -1135..=-1100 | -1145 => RejectClass::Malformed,
        -2010 | -2011 => by_words(code, message),
        NO_SUCH_ORDER => RejectClass::UnknownOrder,
        -2026 => RejectClass::OrderClosed,
        _ => RejectClass::Other,
    }
}

/// The class of an error reply by its status: the first three are refusals whatever the body, and so is the ban that
/// follows a 429 that was ignored.
pub const fn status_class(status: u16) -> Option<RejectClass> {
    match status {
        401 => Some(RejectClass::Unauthorized),
        403 => Some(RejectClass::Forbidden),
        418 | 429 => Some(RejectClass::RateLimited),
        _ => None,
    }
}

/// `Filter failure: LOT_SIZE`, or a bad price or quantity in other words.
fn filter_failure(message: &str) -> RejectClass {
    let has = |words: &str| message.contains(words);
    if has("PERCENT_PRICE") {
        RejectClass::PriceBand
    } else if has("PRICE_FILTER") || has("TRAILING_DELTA") {
        RejectClass::InvalidPrice
    } else if has("LOT_SIZE") || has("NOTIONAL") || has("ICEBERG_PARTS") {
        RejectClass::InvalidSize
    } else if has("MAX_NUM") || has("MAX_POSITION") || has("MAX_ASSET") || has("EXCHANGE_MAX") {
        RejectClass::Limit
    } else if has("rice") {
        RejectClass::InvalidPrice
    } else if has("uantity") {
        RejectClass::InvalidSize
    } else {
        RejectClass::Malformed
    }
}

/// One code for everything the engine refuses; its message is what tells.
fn by_words(code: i64, message: &str) -> RejectClass {
    const WORDS: &[(&str, RejectClass)] = &[
        ("insufficient balance", RejectClass::InsufficientFunds),
        ("Duplicate order", RejectClass::DuplicateId),
        ("immediately match and take", RejectClass::WouldTake),
        ("trigger immediately", RejectClass::InvalidPrice),
        ("Market is closed", RejectClass::NotTradable),
        ("trading phase", RejectClass::NotTradable),
        ("for this phase", RejectClass::NotTradable),
        ("disabled on this account", RejectClass::Forbidden),
        ("may not place or cancel", RejectClass::Forbidden),
        ("not permitted for this account", RejectClass::Forbidden),
        ("restricted for this account", RejectClass::Forbidden),
        ("not supported for this symbol", RejectClass::Unsupported),
        ("Unsupported order combination", RejectClass::Unsupported),
        ("QTY", RejectClass::InvalidSize),
        ("cancel restrictions", RejectClass::OrderClosed),
        ("Unknown order", RejectClass::UnknownOrder),
        ("Filter failure", RejectClass::None),
    ];
    match WORDS.iter().find(|(words, _)| message.contains(words)) {
        Some((_, RejectClass::None)) => filter_failure(message),
        Some((_, class)) => *class,
        None if code == -2011 => RejectClass::Malformed,
        None => RejectClass::Other,
    }
}

/// When a ban ends, if the message of -1003 says so: `IP banned until 1659146400000`, ms since 1970.
pub fn ban_end_ms(message: &str) -> Option<u64> {
    let (_, rest) = message.split_once("banned until ")?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_and_message_of_the_reference_has_its_class() {
        for (code, message, expected) in [
            (-2010, "Account has insufficient balance for requested action.", RejectClass::InsufficientFunds),
            (-2010, "Duplicate order sent.", RejectClass::DuplicateId),
            (-2010, "Order would immediately match and take.", RejectClass::WouldTake),
            (-2010, "Order would trigger immediately.", RejectClass::InvalidPrice),
            (-2010, "Market is closed.", RejectClass::NotTradable),
            (-2010, "This action is disabled on this account.", RejectClass::Forbidden),
            (-2010, "This account may not place or cancel orders.", RejectClass::Forbidden),
            (-2010, "This symbol is not permitted for this account.", RejectClass::Forbidden),
            (-2010, "This symbol is restricted for this account.", RejectClass::Forbidden),
            (-2010, "STOP_LOSS orders are not supported for this symbol.", RejectClass::Unsupported),
            (-2010, "Price * QTY is zero or less.", RejectClass::InvalidSize),
            (-2010, "IcebergQty exceeds QTY.", RejectClass::InvalidSize),
            (-2010, "Unsupported order combination", RejectClass::Unsupported),
            (-2010, "This order type is not possible in this trading phase.", RejectClass::NotTradable),
            (-2010, "Limit orders require GTC for this phase.", RejectClass::NotTradable),
            (-2010, "Filter failure: PERCENT_PRICE_BY_SIDE", RejectClass::PriceBand),
            (-2010, "something new", RejectClass::Other),
            (-2011, "Unknown order sent.", RejectClass::UnknownOrder),
            (-2011, "Order was not canceled due to cancel restrictions.", RejectClass::OrderClosed),
            (-2011, "Cancel order is invalid. Check origClOrdId and orderId.", RejectClass::Malformed),
            (-2013, "Order does not exist.", RejectClass::UnknownOrder),
            (-2014, "API-key format invalid.", RejectClass::Unauthorized),
            (-2015, "Invalid API-key, IP, or permissions for action.", RejectClass::Unauthorized),
            (-2016, "No trading window could be found for the symbol.", RejectClass::NotTradable),
            (-2026, "Order was canceled or expired with no executed qty over 90 days ago.", RejectClass::OrderClosed),
            (-1002, "You are not authorized to execute this request.", RejectClass::Unauthorized),
            (
                -1003,
                "Too much request weight used; current limit is 6000 request weight per 1 MINUTE.",
                RejectClass::RateLimited,
            ),
            (-1013, "Filter failure: LOT_SIZE", RejectClass::InvalidSize),
            (-1013, "Filter failure: MARKET_LOT_SIZE", RejectClass::InvalidSize),
            (-1013, "Filter failure: MIN_NOTIONAL", RejectClass::InvalidSize),
            (-1013, "Filter failure: PRICE_FILTER", RejectClass::InvalidPrice),
            (-1013, "Filter failure: PERCENT_PRICE", RejectClass::PriceBand),
            (-1013, "Filter failure: MAX_NUM_ORDERS", RejectClass::Limit),
            (-1013, "Filter failure: MAX_NUM_ALGO_ORDERS", RejectClass::Limit),
            (-1013, "Invalid price.", RejectClass::InvalidPrice),
            (-1013, "Invalid quantity.", RejectClass::InvalidSize),
            (-1014, "Unsupported order combination.", RejectClass::Unsupported),
            (-1015, "Too many new orders; current limit is 100 orders per 10 SECOND.", RejectClass::RateLimited),
            (-1016, "This service is no longer available.", RejectClass::NotTradable),
            (-1020, "This operation is not supported.", RejectClass::Unsupported),
            (-1021, "Timestamp for this request is outside of the recvWindow.", RejectClass::Other),
            (-1022, "Signature for this request is not valid.", RejectClass::Unauthorized),
            (-1100, "Illegal characters found in parameter 'price'.", RejectClass::Malformed),
            (-1102, "Mandatory parameter 'price' was not sent.", RejectClass::Malformed),
            (-1111, "Precision is over the maximum defined for this asset.", RejectClass::InvalidSize),
            (-1116, "Invalid orderType.", RejectClass::Unsupported),
            (-1121, "Invalid symbol.", RejectClass::UnknownInstrument),
            (-1131, "recvWindow must be less than 60000.", RejectClass::Malformed),
            (-1135, "Invalid JSON Request", RejectClass::Malformed),
            (-1145, "Invalid cancelRestrictions", RejectClass::Malformed),
            (-9999, "", RejectClass::Other),
        ] {
            assert_eq!(class(code, message), expected, "{code} {message}");
        }
    }

    #[test]
    fn no_code_of_the_reference_is_without_a_class() {
        let unread = [-1002, -1003, -1013, -1014, -1015, -1016, -1020, -1022, -1111, -1112, -1121, -1125, -1127, -1128];
        let parameters = (1_100..=1_106).chain([1_108]).chain(1_114..=1_120).chain([1_130, 1_131, 1_135, 1_145]);
        let accounts = [-2013, -2014, -2015, -2016, -2026];
        for code in unread.into_iter().chain(parameters.map(|code: i64| -code)).chain(accounts) {
            assert!(!matches!(class(code, ""), RejectClass::Other | RejectClass::None), "{code}");
            assert!(!says_nothing_of_the_outcome(code), "{code}");
        }
        // The clock is no class of refusal, and a cancelReplace is told by its halves.
        for code in [INVALID_TIMESTAMP, REPLACE_PARTLY_FAILED, REPLACE_FAILED] {
            assert_eq!(class(code, ""), RejectClass::Other, "{code}");
        }
    }

    #[test]
    fn what_the_venue_itself_calls_unknown_is_no_refusal() {
        for code in [-1000, -1001, -1006, -1007, -1008, -2021] {
            assert!(says_nothing_of_the_outcome(code), "{code}");
        }
        for code in [-1003, -1013, -1021, -2010, -2011, -2013, -2022] {
            assert!(!says_nothing_of_the_outcome(code), "{code}");
        }
    }

    #[test]
    fn a_ban_names_its_end() {
        let told = "Way too much request weight used; IP banned until 1659146400000. Please use WebSocket Streams";
        assert_eq!(ban_end_ms(told), Some(1_659_146_400_000));
        assert_eq!(ban_end_ms("Too much request weight used"), None);
        assert_eq!(ban_end_ms("IP banned until soon"), None);
        assert_eq!(ban_end_ms("IP banned until 99999999999999999999999"), None);
    }
}
