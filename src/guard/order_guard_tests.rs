use super::*;
use crate::record::{AssetId, InstrumentId, Listing, TradingStatus, Venue};
use proptest::prelude::*;

fn fixed(text: &str) -> Fixed {
    Fixed::parse(text).unwrap()
}

/// Tick 0.01, lot 1e-8; all exponents -8.
fn instrument() -> Instrument {
    let listing = Listing {
        venue: Venue::Coinbase,
        symbol: "BTC-USD".into(),
        streamed_as: None,
        base: "BTC".into(),
        quote: "USD".into(),
        tick: fixed("0.01"),
        lot: fixed("0.00000001"),
        quote_lot: fixed("0.01"),
        size_min: fixed("0.00000001"),
        size_max: fixed("3400"),
        notional_min: fixed("1"),
        status: TradingStatus::Online,
    };
    Instrument::new(InstrumentId(0), AssetId(0), AssetId(1), listing)
}

fn at8(text: &str) -> i64 {
    fixed(text).rescale(-8).unwrap()
}

fn buy(price: &str, size: &str) -> OrderCommand {
    OrderCommand::limit(InstrumentId(0), Side::Buy, at8(price), at8(size))
}

fn sell(price: &str, size: &str) -> OrderCommand {
    OrderCommand::limit(InstrumentId(0), Side::Sell, at8(price), at8(size))
}

/// 99 bid, 101 asked, fresh.
fn market() -> MarketView {
    MarketView { bid: Some(at8("99")), ask: Some(at8("101")), whole: true, silent_ns: 0, lag_ns: 0 }
}

fn check(limits: InstrumentLimits, order: &OrderCommand) -> Result<(), LimitBreach> {
    OrderGuard::new(&limits, &instrument()).check(order, &Exposure::NONE, &market(), &Funds::UNKNOWN)
}

const NONE: InstrumentLimits = InstrumentLimits {
    order_size_max: None,
    order_notional_max: None,
    open_orders_max: None,
    position_max: None,
    price_band_bps: None,
    book_age_ms_max: None,
    feed_lag_ms_max: None,
    no_self_trade: false,
    check_balance: false,
};

#[test]
fn nothing_set_lets_everything_pass_even_without_a_book() {
    let guard = OrderGuard::new(&NONE, &instrument());
    let huge = OrderCommand::market(InstrumentId(0), Side::Buy, i64::MAX);
    assert_eq!(guard.check(&huge, &Exposure::NONE, &MarketView::default(), &Funds::UNKNOWN), Ok(()));
}

#[test]
fn an_order_may_be_as_large_as_the_limit_and_no_larger() {
    let size = InstrumentLimits { order_size_max: Some(fixed("0.5")), ..NONE };
    assert_eq!(check(size, &buy("100", "0.5")), Ok(()));
    assert_eq!(check(size, &buy("100", "0.50000001")), Err(LimitBreach::OrderSize));
    let notional = InstrumentLimits { order_notional_max: Some(fixed("50")), ..NONE };
    assert_eq!(check(notional, &buy("100", "0.5")), Ok(()));
    assert_eq!(check(notional, &buy("100.01", "0.5")), Err(LimitBreach::OrderNotional));
}

#[test]
fn a_market_order_counts_at_the_price_it_would_meet() {
    let limits =
        InstrumentLimits { order_notional_max: Some(fixed("50.5")), order_size_max: Some(fixed("0.5")), ..NONE };
    let at_market = |side, size| OrderCommand::market(InstrumentId(0), side, at8(size));
    assert_eq!(check(limits, &at_market(Side::Buy, "0.5")), Ok(()));
    let tight = InstrumentLimits { order_notional_max: Some(fixed("50.49")), ..NONE };
    assert_eq!(check(tight, &at_market(Side::Buy, "0.5")), Err(LimitBreach::OrderNotional));
    assert_eq!(check(tight, &at_market(Side::Sell, "0.5")), Ok(()), "a sale meets the bid");
    let in_quote = |amount| OrderCommand::market_quote(InstrumentId(0), Side::Buy, at8(amount));
    assert_eq!(check(limits, &in_quote("50.5")), Ok(()));
    assert_eq!(check(limits, &in_quote("50.51")), Err(LimitBreach::OrderSize));
    let guard = OrderGuard::new(&limits, &instrument());
    let blind = MarketView { ask: None, ..market() };
    let refused = guard.check(&at_market(Side::Buy, "0.1"), &Exposure::NONE, &blind, &Funds::UNKNOWN);
    assert_eq!(refused, Err(LimitBreach::NoBook));
}

#[test]
fn the_position_counts_as_if_every_open_order_of_that_side_were_filled() {
    let guard = OrderGuard::new(&InstrumentLimits { position_max: Some(fixed("1")), ..NONE }, &instrument());
    let (position, open_buy, open_sell) = (at8("0.4"), at8("0.3"), at8("1.2"));
    let ours = Exposure { position, position_known: true, open_buy, open_sell, ..Exposure::NONE };
    let unknown = Exposure { position_known: false, ..ours };
    let refused = guard.check(&buy("100", "0.3"), &unknown, &market(), &Funds::UNKNOWN).unwrap_err();
    assert_eq!((refused, refused.class()), (LimitBreach::PositionUnknown, RejectClass::Busy));
    let with = |order: &OrderCommand| guard.check(order, &ours, &market(), &Funds::UNKNOWN);
    assert_eq!(with(&buy("100", "0.3")), Ok(()));
    assert_eq!(with(&buy("100", "0.30000001")), Err(LimitBreach::Position));
    assert_eq!(with(&sell("100", "0.2")), Ok(()));
    assert_eq!(with(&sell("100", "0.20000001")), Err(LimitBreach::Position));
}

#[test]
fn the_band_bounds_only_what_goes_through_the_market() {
    let band = InstrumentLimits { price_band_bps: Some(100), ..NONE };
    assert_eq!(check(band, &buy("102.01", "1")), Ok(()));
    assert_eq!(check(band, &buy("102.02", "1")), Err(LimitBreach::PriceBand));
    assert_eq!(check(band, &buy("0.01", "1")), Ok(()));
    assert_eq!(check(band, &sell("98.01", "1")), Ok(()));
    assert_eq!(check(band, &sell("98", "1")), Err(LimitBreach::PriceBand));
    let guard = OrderGuard::new(&band, &instrument());
    let blind = MarketView { ask: None, ..market() };
    assert_eq!(guard.check(&buy("1", "1"), &Exposure::NONE, &blind, &Funds::UNKNOWN), Err(LimitBreach::NoBook));
}

#[test]
fn an_order_is_not_sent_on_a_book_that_is_broken_silent_or_late() {
    let limits = InstrumentLimits { book_age_ms_max: Some(500), feed_lag_ms_max: Some(20), ..NONE };
    let guard = OrderGuard::new(&limits, &instrument());
    let with = |view| guard.check(&buy("100", "1"), &Exposure::NONE, &view, &Funds::UNKNOWN);
    assert_eq!(with(market()), Ok(()));
    assert_eq!(with(MarketView { whole: false, ..market() }), Err(LimitBreach::NoBook));
    assert_eq!(with(MarketView { silent_ns: 500_000_000, ..market() }), Ok(()));
    assert_eq!(with(MarketView { silent_ns: 500_000_001, ..market() }), Err(LimitBreach::StaleBook));
    assert_eq!(with(MarketView { lag_ns: 20_000_001, ..market() }), Err(LimitBreach::FeedLag));
}

#[test]
fn an_order_never_meets_one_of_ours() {
    let guard = OrderGuard::new(&InstrumentLimits { no_self_trade: true, ..NONE }, &instrument());
    let ours = Exposure { bid_max: at8("99.5"), ask_min: at8("100.5"), ..Exposure::NONE };
    let with = |order: OrderCommand| guard.check(&order, &ours, &market(), &Funds::UNKNOWN);
    assert_eq!(with(buy("100.49", "1")), Ok(()));
    assert_eq!(with(buy("100.5", "1")), Err(LimitBreach::SelfTrade));
    assert_eq!(with(sell("99.51", "1")), Ok(()));
    assert_eq!(with(sell("99.5", "1")), Err(LimitBreach::SelfTrade));
    let at_market = OrderCommand::market(InstrumentId(0), Side::Buy, 1);
    assert_eq!(with(at_market), Err(LimitBreach::SelfTrade));
    assert_eq!(guard.check(&at_market, &Exposure::NONE, &market(), &Funds::UNKNOWN), Ok(()));
}

#[test]
fn what_the_account_cannot_pay_for_is_refused_and_so_is_what_nobody_knows() {
    let guard = OrderGuard::new(&InstrumentLimits { check_balance: true, ..NONE }, &instrument());
    let value = |text: &str| i128::from(at8(text)) * 100_000_000;
    let funds = Funds::Balances { quote: Some(value("50")), base: None };
    let with = |order: OrderCommand, funds| guard.check(&order, &Exposure::NONE, &market(), &funds);
    assert_eq!(with(buy("100", "0.5"), funds), Ok(()));
    assert_eq!(with(buy("100.01", "0.5"), funds), Err(LimitBreach::Balance));
    assert_eq!(with(sell("100", "0.5"), funds), Err(LimitBreach::BalanceUnknown));
    let funds = Funds::Balances { base: Some(i128::from(at8("0.5"))), quote: None };
    assert_eq!(with(sell("100", "0.5"), funds), Ok(()));
    assert_eq!(with(sell("100", "0.50000001"), funds), Err(LimitBreach::Balance));
}

#[test]
fn an_account_of_margin_takes_what_it_has_room_for_on_each_side() {
    let guard = OrderGuard::new(&InstrumentLimits { check_balance: true, ..NONE }, &instrument());
    let with = |order: OrderCommand, room| guard.check(&order, &Exposure::NONE, &market(), &Funds::Margin(room));
    let room = Ok(MarginRoom { buy: i128::from(at8("0.5")), sell: i128::from(at8("2")) });
    assert_eq!(with(buy("100", "0.5"), room), Ok(()));
    assert_eq!(with(buy("1", "0.50000001"), room), Err(LimitBreach::Margin), "whatever its price");
    assert_eq!(with(sell("100", "2"), room), Ok(()));
    assert_eq!(with(sell("100", "2.00000001"), room), Err(LimitBreach::Margin));
    assert_eq!(with(sell("100", "1"), Err(LimitBreach::NoConversion)), Err(LimitBreach::NoConversion));
}

#[test]
fn a_limit_finer_than_the_instrument_is_cut_down() {
    assert_eq!(floor(fixed("0.000000019"), -8), 1);
    assert_eq!(floor(fixed("12"), -2), 1_200);
    assert_eq!(floor(Fixed::new(1, 100), -8), i128::MAX);
    assert_eq!(floor(Fixed::new(0, 100), -8), 0);
    assert_eq!(floor(Fixed::new(1, -100), -8), 0);
}

proptest! {
    /// The same decisions as wide decimal arithmetic makes, term by term.
    #[test]
    fn size_notional_and_position_agree_with_decimals(
        size in 1i64..=2_000_000_000,
        price in 1i64..=2_000_000_000_000,
        size_max in 1i64..=2_000_000_000,
        notional_max in 1i64..=20_000,
        position in -1_000_000_000i64..=1_000_000_000,
        open in 0i64..=1_000_000_000,
        position_max in 1i64..=2_000_000_000,
        is_buy in any::<bool>(),
    ) {
        use rust_decimal::Decimal;
        let side = if is_buy { Side::Buy } else { Side::Sell };
        let limits = InstrumentLimits {
            order_size_max: Some(Fixed::new(size_max, -8)),
            order_notional_max: Some(Fixed::new(notional_max, 0)),
            position_max: Some(Fixed::new(position_max, -8)),
            ..NONE
        };
        let order = OrderCommand::limit(InstrumentId(0), side, price, size);
        let known = Exposure { position_known: true, ..Exposure::NONE };
        let exposure = Exposure { position, open_buy: open, open_sell: open, ..known };
        let got = OrderGuard::new(&limits, &instrument()).check(&order, &exposure, &market(), &Funds::UNKNOWN);
        let d = |mantissa: i64| Decimal::new(mantissa, 8);
        let held = if is_buy { d(position) } else { -d(position) };
        let expected = if d(size) > d(size_max) {
            Err(LimitBreach::OrderSize)
        } else if d(size) * d(price) > Decimal::from(notional_max) {
            Err(LimitBreach::OrderNotional)
        } else if held + d(open) + d(size) > d(position_max) {
            Err(LimitBreach::Position)
        } else {
            Ok(())
        };
        prop_assert_eq!(got, expected);
    }
}
