//! What an order can say at one venue only. Owns the names and types; what they become on the wire is the venue's.

use super::Fixed;

/// Options of one venue. They must be those of the instrument's venue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum VenueOptions {
    /// Nothing special.
    #[default]
    None,
    /// Of Coinbase.
    Coinbase(CoinbaseOptions),
    /// Of Binance.US.
    BinanceUs(BinanceUsOptions),
    /// Of OANDA.
    Oanda(OandaOptions),
}

/// How a leveraged order is collateralised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MarginType {
    /// By the whole account.
    Cross,
    /// By its own margin.
    Isolated,
}

/// What only Coinbase orders have (Coinbase reference 3.1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CoinbaseOptions {
    /// Leverage, a decimal.
    pub leverage: Option<Fixed>,
    /// How it is collateralised.
    pub margin_type: Option<MarginType>,
    /// The preview this order follows.
    pub preview_id: Option<Box<str>>,
    /// Whether the venue may route the order elsewhere; its own default if `None`.
    pub smart_routing: Option<bool>,
    /// Whether quotes are kept out of a market order; the venue's default if `None`.
    pub rfq_disabled: Option<bool>,
    /// How gains are reckoned for tax, in the venue's words.
    pub cost_basis_method: Option<Box<str>>,
    /// The portfolio; deprecated with CDP keys, which are bound to one.
    pub portfolio_id: Option<Box<str>>,
    /// Orders with the same id do not trade with each other; from one source only (Coinbase reference 3.1).
    pub self_trade_prevention_id: Option<Box<str>>,
}

/// Which of two own orders yields where they would trade with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SelfTradePrevention {
    /// Neither.
    None,
    /// The newcomer.
    ExpireTaker,
    /// The resting one.
    ExpireMaker,
    /// Both.
    ExpireBoth,
    /// The smaller is cancelled, the larger is reduced.
    Decrement,
    /// Neither: what would have traded is transferred between accounts of one trade group.
    Transfer,
}

/// What only Binance.US orders have (Binance.US reference, new order and OCO).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BinanceUsOptions {
    /// What happens where own orders would trade with each other; the venue's default if `None`.
    pub self_trade_prevention: Option<SelfTradePrevention>,
    /// How much the stop leg of a bracket shows, mantissa at the size exponent.
    pub stop_shown: Option<i64>,
    /// How much the limit leg of a bracket shows, mantissa at the size exponent.
    pub limit_shown: Option<i64>,
    /// The stop leg of a bracket trails by so many hundredths of a percent.
    pub stop_trailing_bips: Option<u32>,
}

/// What an order may do to the position it meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PositionFill {
    /// Opens a new trade.
    OpenOnly,
    /// Reduces the position, then opens.
    ReduceFirst,
    /// Only reduces.
    ReduceOnly,
}

/// Which price sets a triggered order off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TriggerPrice {
    /// The side it does not trade on.
    Inverse,
    /// The bid.
    Bid,
    /// The ask.
    Ask,
    /// Half-way between.
    Mid,
}

/// The names a client gives an order or a trade; each at most 128 characters at OANDA.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClientLabels {
    /// An id of the client's own; for orders it is ours already.
    pub id: Option<Box<str>>,
    /// A tag.
    pub tag: Option<Box<str>>,
    /// A comment.
    pub comment: Option<Box<str>>,
}

/// What only OANDA orders have (OANDA reference, orders).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OandaOptions {
    /// What the order may do to the position; the venue's default if `None`.
    pub position_fill: Option<PositionFill>,
    /// Which price triggers; the default side if `None`.
    pub trigger_price: Option<TriggerPrice>,
    /// Tag and comment of the order; its id is ours.
    pub order_labels: ClientLabels,
    /// Labels of the trade it opens.
    pub trade_labels: ClientLabels,
}

impl From<CoinbaseOptions> for VenueOptions {
    fn from(options: CoinbaseOptions) -> VenueOptions {
        VenueOptions::Coinbase(options)
    }
}

impl From<BinanceUsOptions> for VenueOptions {
    fn from(options: BinanceUsOptions) -> VenueOptions {
        VenueOptions::BinanceUs(options)
    }
}

impl From<OandaOptions> for VenueOptions {
    fn from(options: OandaOptions) -> VenueOptions {
        VenueOptions::Oanda(options)
    }
}
