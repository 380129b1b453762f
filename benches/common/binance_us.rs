//! An instrument and an order of Binance.US.

use exchange_connectors::record::{
    AssetId, ClientOrderId, Fixed, Instrument, InstrumentId, Listing, OrderType, Side, TimeInForce, TradingStatus,
    Venue,
};
use exchange_connectors::venue::PlaceIntent;

/// BTCUSD as listed.
pub fn btc() -> Instrument {
    let fixed = |text| Fixed::parse(text).unwrap_or_default();
    let listing = Listing {
        venue: Venue::BinanceUs,
        symbol: "BTCUSD".into(),
        streamed_as: None,
        base: "BTC".into(),
        quote: "USD".into(),
        tick: fixed("0.01"),
        lot: fixed("0.00001"),
        quote_lot: fixed("0.00000001"),
        size_min: fixed("0.00001"),
        size_max: fixed("9000"),
        notional_min: fixed("1"),
        status: TradingStatus::Online,
    };
    Instrument::new(InstrumentId(0), AssetId(0), AssetId(1), listing)
}

/// A limit order that rests.
pub fn order<'a>(instrument: &'a Instrument, id: &'a ClientOrderId) -> PlaceIntent<'a> {
    PlaceIntent {
        instrument,
        client_order_id: id,
        side: Side::Buy,
        order_type: OrderType::Limit,
        time_in_force: TimeInForce::GoodTilCancelled,
        post_only: true,
        price: 8_353_987_000_000,
        quantity: 1_775_000,
        quantity_in_quote: false,
        composite: None,
    }
}
