//! Why an order or a cancel is refused, and the words the venue uses for it (Coinbase reference 3.1, 3.2, appendix A).

/// A business rejection: HTTP 200 with `success:false`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reject {
    InvalidProduct,
    Unsupported,
    Disabled,
    CancelOnly,
    LimitOnly,
    PostOnlyMode,
    SizePrecision,
    PricePrecision,
    QuotePrecision,
    BaseTooSmall,
    BaseTooLarge,
    QuoteTooSmall,
    QuoteTooLarge,
    InsufficientFund,
    NoAccount,
    PostOnlyWouldCross,
    NoLiquidity,
    DuplicateClientOrderId,
    /// Any other reason by name.
    Named(&'static str),
    /// A reason only the preview enum has a name for.
    Preview(&'static str),
}

const UNKNOWN: &str = "UNKNOWN_FAILURE_REASON";
const UNKNOWN_PREVIEW: &str = "UNKNOWN_PREVIEW_FAILURE_REASON";

impl Reject {
    /// (`error` and `new_order_failure_reason`, `preview_failure_reason`, `message`). The informative value may be in
    /// either of the first two, as on the venue.
    pub(crate) fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::InvalidProduct => ("INVALID_PRODUCT_ID", UNKNOWN_PREVIEW, "invalid product_id"),
            Self::Unsupported => {
                ("UNSUPPORTED_ORDER_CONFIGURATION", UNKNOWN_PREVIEW, "order configuration is not supported")
            }
            Self::Disabled => ("TRADING_DISABLED", UNKNOWN_PREVIEW, "trading is disabled"),
            Self::CancelOnly => ("ORDER_ENTRY_DISABLED", UNKNOWN_PREVIEW, "Orders are not accepted at this time"),
            Self::LimitOnly => ("INVALID_REQUEST", UNKNOWN_PREVIEW, "only limit orders are accepted at this time"),
            Self::PostOnlyMode => {
                ("INVALID_REQUEST", UNKNOWN_PREVIEW, "only post-only orders are accepted at this time")
            }
            Self::SizePrecision => {
                ("INVALID_SIZE_PRECISION", "PREVIEW_INVALID_SIZE_PRECISION", "Too many decimals in order amount")
            }
            Self::PricePrecision => {
                ("INVALID_PRICE_PRECISION", "PREVIEW_INVALID_PRICE_PRECISION", "Too many decimals in order price")
            }
            Self::QuotePrecision => {
                (UNKNOWN, "PREVIEW_INVALID_QUOTE_SIZE_PRECISION", "Too many decimals in order amount")
            }
            Self::BaseTooSmall => (UNKNOWN, "PREVIEW_INVALID_BASE_SIZE_TOO_SMALL", "Order is too small"),
            Self::BaseTooLarge => (UNKNOWN, "PREVIEW_INVALID_BASE_SIZE_TOO_LARGE", "Order is too large"),
            Self::QuoteTooSmall => (UNKNOWN, "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL", "Order is too small"),
            Self::QuoteTooLarge => (UNKNOWN, "PREVIEW_INVALID_QUOTE_SIZE_TOO_LARGE", "Order is too large"),
            Self::InsufficientFund => {
                ("INSUFFICIENT_FUND", "PREVIEW_INSUFFICIENT_FUND", "Insufficient balance in source account")
            }
            Self::NoAccount => (UNKNOWN, UNKNOWN_PREVIEW, "account is not available"),
            Self::PostOnlyWouldCross => (
                "INVALID_LIMIT_PRICE_POST_ONLY",
                "PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY",
                "Order could not be placed as post-only: it would trade at once",
            ),
            Self::NoLiquidity => ("INVALID_NO_LIQUIDITY", UNKNOWN_PREVIEW, "No liquidity"),
            Self::DuplicateClientOrderId => {
                ("DUPLICATE_CLIENT_ORDER_ID", UNKNOWN_PREVIEW, "client_order_id was used before")
            }
            Self::Named(name) => (name, UNKNOWN_PREVIEW, ""),
            Self::Preview(name) => (UNKNOWN, name, ""),
        }
    }
}

/// Why one id of a `batch_cancel` was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CancelFailure {
    UnknownOrder,
    FullyFilled,
    Duplicate,
    BeingReplaced,
}

impl CancelFailure {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::UnknownOrder => "UNKNOWN_CANCEL_ORDER",
            Self::FullyFilled => "ORDER_IS_FULLY_FILLED",
            Self::Duplicate => "DUPLICATE_CANCEL_REQUEST",
            Self::BeingReplaced => "ORDER_IS_BEING_REPLACED",
        }
    }
}
