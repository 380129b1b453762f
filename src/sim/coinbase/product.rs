//! What is traded and in which steps: increments, limits, trading flags, and the JSON of a product
//! (Coinbase reference 3.7).
//!
//! Inside the model a price is a whole number of `price_increment`s (ticks) and a size a whole number of
//! `base_increment`s (lots), so matching never rounds.

use crate::sim::market::{self, Increments, Traded};
use crate::sim::Json;
use rust_decimal::Decimal;

/// The currency of the aliases: each product in USD is traded as one in USDC too (Coinbase reference 7.1).
pub(crate) const ALIAS_QUOTE: &str = "USDC";
/// Bases whose USDC product has a market of its own (reference 7.1), or makes no sense.
const NOT_ALIASED: [&str; 3] = ["USDC", "USDT", "EURC"];

/// A product as configured: trading rules and where its made-up market starts.
#[derive(Clone, Debug)]
pub struct Product {
    /// `BTC-USD`.
    pub id: String,
    /// Base currency, `BTC`.
    pub base: String,
    /// Quote currency, `USD`.
    pub quote: String,
    /// Base currency in words, `Bitcoin`.
    pub base_name: String,
    /// Step of prices.
    pub price_increment: Decimal,
    /// Step of base sizes.
    pub base_increment: Decimal,
    /// Step of quote sizes.
    pub quote_increment: Decimal,
    /// Smallest order in base units.
    pub base_min_size: Decimal,
    /// Largest order in base units.
    pub base_max_size: Decimal,
    /// Smallest order in quote units, price times size.
    pub quote_min_size: Decimal,
    /// Largest order in quote units.
    pub quote_max_size: Decimal,
    /// Where the made-up market starts.
    pub start_price: Decimal,
    /// A usual order size of the made-up market, in base units.
    pub usual_size: Decimal,
    /// What may be done with it now.
    pub trading: Trading,
}

/// Which orders a product takes at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Trading {
    /// All.
    #[default]
    Open,
    /// Resting limit orders only: post-only.
    PostOnly,
    /// No market orders.
    LimitOnly,
    /// Cancels only.
    CancelOnly,
    /// None.
    Disabled,
}

impl Product {
    /// A spot product; `usual_size` also scales the made-up book.
    pub fn spot(
        id: &str,
        base_name: &str,
        start_price: Decimal,
        price_increment: Decimal,
        base_increment: Decimal,
    ) -> Self {
        let (base, quote) = id.split_once('-').unwrap_or((id, "USD"));
        let fiat = quote.starts_with("USD");
        Self {
            id: id.to_owned(),
            base: base.to_owned(),
            quote: quote.to_owned(),
            base_name: base_name.to_owned(),
            price_increment,
            base_increment,
            quote_increment: price_increment,
            base_min_size: base_increment,
            base_max_size: Decimal::from(100_000_000) / start_price.max(Decimal::new(1, 2)),
            quote_min_size: if fiat { Decimal::ONE } else { Decimal::new(1, 5) },
            quote_max_size: Decimal::from(150_000_000),
            start_price,
            usual_size: Decimal::ZERO,
            trading: Trading::Open,
        }
        .with_rounded_sizes()
    }

    fn with_rounded_sizes(mut self) -> Self {
        let worth = if self.quote.starts_with("USD") { Decimal::from(2_000) } else { Decimal::new(5, 2) };
        let usual = (worth / self.start_price / self.base_increment).floor().max(Decimal::ONE);
        self.usual_size = (usual * self.base_increment).normalize();
        self.base_max_size = self.base_max_size.floor().max(Decimal::ONE);
        self
    }

    /// `ticks` price increments as a price.
    pub fn price(&self, ticks: i64) -> Decimal {
        self.increments().price(ticks)
    }

    /// `lots` base increments as a size.
    pub fn size(&self, lots: i64) -> Decimal {
        self.increments().size(lots)
    }

    /// A price in ticks, `None` if it is not on the tick or not positive.
    pub fn ticks(&self, price: Decimal) -> Option<i64> {
        self.increments().ticks(price)
    }

    /// A size in lots, `None` if it is not on the lot or not positive.
    pub fn lots(&self, size: Decimal) -> Option<i64> {
        self.increments().lots(size)
    }

    /// The most lots that `quote` buys at `price`, rounded down.
    pub(crate) fn lots_for(&self, quote: Decimal, price: Decimal) -> i64 {
        self.increments().lots_for(quote, price)
    }

    /// The product that shares this one's market under another name, if there is one.
    pub(crate) fn alias_id(&self) -> Option<String> {
        let aliased = self.quote == "USD" && !NOT_ALIASED.contains(&self.base.as_str());
        aliased.then(|| format!("{}-{ALIAS_QUOTE}", self.base))
    }

    /// The same under its alias.
    pub(crate) fn aliased(&self) -> Option<Self> {
        Some(Self { id: self.alias_id()?, quote: ALIAS_QUOTE.to_owned(), ..self.clone() })
    }

    /// The product as `GET /products/{id}` gives it. `viewed` fills the market fields; `alias` names the product it
    /// is an alias of.
    pub(crate) fn write(&self, j: &mut Json, viewed: &MarketView, alias: &str) {
        j.str("product_id", &self.id)
            .str("price", viewed.price)
            .str("price_percentage_change_24h", viewed.change_percent)
            .str("volume_24h", viewed.volume)
            .str("volume_percentage_change_24h", "0")
            .str("base_increment", self.base_increment)
            .str("quote_increment", self.quote_increment)
            .str("quote_min_size", self.quote_min_size)
            .str("quote_max_size", self.quote_max_size)
            .str("base_min_size", self.base_min_size)
            .str("base_max_size", self.base_max_size)
            .str("base_name", &self.base_name)
            .str("quote_name", if self.quote == "USD" { "US Dollar" } else { &self.quote })
            .raw("watched", false)
            .raw("is_disabled", self.trading == Trading::Disabled)
            .raw("new", false)
            .str("status", if self.trading == Trading::Disabled { "offline" } else { "online" })
            .raw("cancel_only", self.trading == Trading::CancelOnly)
            .raw("limit_only", self.trading == Trading::LimitOnly)
            .raw("post_only", self.trading == Trading::PostOnly)
            .raw("trading_disabled", self.trading == Trading::Disabled)
            .raw("auction_mode", false)
            .str("product_type", "SPOT")
            .str("quote_currency_id", &self.quote)
            .str("base_currency_id", &self.base)
            .raw("fcm_trading_session_details", "null")
            .str("mid_market_price", "")
            .str("alias", alias)
            .arr("alias_to", |j| {
                if let Some(id) = self.alias_id() {
                    j.item_str(id);
                }
            })
            .str("base_display_symbol", &self.base)
            .str("quote_display_symbol", &self.quote)
            .raw("view_only", false)
            .str("price_increment", self.price_increment)
            .str("display_name", &self.id)
            .str("product_venue", "CBE")
            .str("approximate_quote_24h_volume", (viewed.volume * viewed.price).round_dp(2).normalize())
            .str("new_at", "2023-01-01T00:00:00Z")
            .str("market_cap", "")
            .str("best_bid_price", "")
            .str("best_ask_price", "")
            .str("high_24h", viewed.high)
            .str("low_24h", viewed.low)
            .raw("hidden_from_discovery", false);
    }
}

/// The market figures a product body shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MarketView {
    pub(crate) price: Decimal,
    pub(crate) volume: Decimal,
    pub(crate) high: Decimal,
    pub(crate) low: Decimal,
    pub(crate) change_percent: Decimal,
}

impl Traded for Product {
    fn increments(&self) -> Increments {
        Increments { tick: self.price_increment, lot: self.base_increment }
    }

    fn start_price(&self) -> Decimal {
        self.start_price
    }

    fn usual_size(&self) -> Decimal {
        self.usual_size
    }
}

/// The market of a product.
pub(crate) type Market = market::Market<Product>;

impl Market {
    /// The figures of a product body and a ticker.
    pub(crate) fn view(&self) -> MarketView {
        let (last, open) = (self.product.price(self.last()), self.product.price(self.open));
        let change = (last - open) * Decimal::ONE_HUNDRED / open;
        let lots = i64::try_from(self.traded_lots).unwrap_or(i64::MAX);
        MarketView {
            price: last,
            volume: self.product.size(lots),
            high: self.product.price(self.high),
            low: self.product.price(self.low),
            change_percent: change.round_dp(14).normalize(),
        }
    }
}

/// A handful of products with increments like the venue's (BTC-USD's are the recorded ones).
pub fn usual_products() -> Vec<Product> {
    let d = Decimal::new;
    vec![
        Product {
            base_max_size: d(3_400, 0),
            ..Product::spot("BTC-USD", "Bitcoin", d(8_327_725, 2), d(1, 2), d(1, 8))
        },
        Product::spot("ETH-USD", "Ethereum", d(267_133, 2), d(1, 2), d(1, 8)),
        Product::spot("SOL-USD", "Solana", d(14_250, 2), d(1, 2), d(1, 8)),
        Product::spot("DOGE-USD", "Dogecoin", d(16_234, 5), d(1, 5), d(1, 1)),
        Product::spot("ETH-BTC", "Ethereum", d(3_208, 5), d(1, 5), d(1, 8)),
    ]
}
