//! Prepared orders in the venue's words: triggers, trailing distances, icebergs, self-trade prevention, pairs
//! (Binance.US reference 3).
//!
//! Owns which terms have a form here, said when an order is prepared ([`check`]), and the request they become
//! (`Placement`). Never writes and never sends.

use super::request::{NewOco, NewOrder, OrderKind, Quantity, ResponseDetail, Unsupported};
use crate::record::{
    BinanceUsOptions, ClientOrderId, Fixed, Instrument, Lifetime, OnTrigger, OrderQuantity, OrderShape, OrderTerms,
    PreparedOrder, Side, TimeInForce, TrailingDistance, Trigger, TriggerDirection, VenueOptions,
};
use crate::venue::PlaceIntent;

/// What the id of a pair's stop leg has behind the order's own. Upper case: no id of ours ends so.
pub const STOP_LETTER: char = 'S';
/// The same of the pair itself.
pub const LIST_LETTER: char = 'L';

/// Ids of a pair: the limit leg has the order's own id, the stop leg and the list one derived from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PairIds {
    limit: ClientOrderId,
    stop: ClientOrderId,
    list: ClientOrderId,
}

impl PairIds {
    /// `None` if the id is too long to be lengthened by one letter.
    pub fn of(id: &ClientOrderId) -> Option<PairIds> {
        let with = |letter: char| {
            let mut text = arrayvec::ArrayString::<40>::new();
            text.try_push_str(id.as_str()).ok()?;
            text.try_push(letter).ok()?;
            ClientOrderId::new(&text).ok()
        };
        Some(PairIds { limit: *id, stop: with(STOP_LETTER)?, list: with(LIST_LETTER)? })
    }
}

/// What an intent becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placement<'a> {
    One(NewOrder<'a>),
    Pair(NewOco<'a>),
}

impl<'a> Placement<'a> {
    /// The request of an intent; `ids` are those of [`PairIds::of`] its id.
    pub fn of(intent: &PlaceIntent<'a>, ids: Option<&'a PairIds>) -> Result<Placement<'a>, Unsupported> {
        match intent.composite {
            None => NewOrder::of_intent(intent).map(Placement::One),
            Some(order) => {
                let id = intent.client_order_id.as_str();
                of_terms(order.terms(), intent.instrument, id, ids)
            }
        }
    }
}

/// The one order an intent becomes.
///
/// # Errors
/// [`Unsupported`]; also of a pair.
pub fn single<'a>(intent: &PlaceIntent<'a>) -> Result<NewOrder<'a>, Unsupported> {
    match intent.composite {
        None => NewOrder::of_intent(intent),
        Some(order) if order.terms().is_bracket() => Err(Unsupported::Form("one order for a pair")),
        Some(order) => {
            let id = intent.client_order_id.as_str();
            match of_terms(order.terms(), intent.instrument, id, None)? {
                Placement::One(order) => Ok(order),
                Placement::Pair(_) => Err(Unsupported::Form("one order for a pair")),
            }
        }
    }
}

/// Whether the venue has a form for these terms.
///
/// # Errors
/// [`Unsupported`] names what it has none for.
pub fn check(order: &PreparedOrder) -> Result<(), Unsupported> {
    // Forms do not depend on scales: any will do.
    let scales = Scales { price: 0, size: 0, quote: 0 };
    let ids = PairIds { limit: ClientOrderId::EMPTY, stop: ClientOrderId::EMPTY, list: ClientOrderId::EMPTY };
    scales.placement(order.terms(), "", "", Some(&ids)).map(|_| ())
}

fn of_terms<'a>(
    terms: &OrderTerms,
    instrument: &'a Instrument,
    id: &'a str,
    ids: Option<&'a PairIds>,
) -> Result<Placement<'a>, Unsupported> {
    let (price, size) = instrument.exponents();
    Scales { price, size, quote: instrument.quote_exponent }.placement(terms, instrument.symbol(), id, ids)
}

/// Powers of ten of the terms' mantissas.
#[derive(Debug, Clone, Copy)]
struct Scales {
    price: i8,
    size: i8,
    quote: i8,
}

impl Scales {
    const fn price(self, mantissa: i64) -> Fixed {
        Fixed::new(mantissa, self.price)
    }

    const fn size(self, mantissa: i64) -> Fixed {
        Fixed::new(mantissa, self.size)
    }

    fn placement<'a>(
        self,
        terms: &OrderTerms,
        symbol: &'a str,
        id: &'a str,
        ids: Option<&'a PairIds>,
    ) -> Result<Placement<'a>, Unsupported> {
        let options = match terms.options {
            VenueOptions::None => BinanceUsOptions::default(),
            VenueOptions::BinanceUs(options) => options,
            _ => return Err(Unsupported::Form("use for another venue's options")),
        };
        if !terms.exits.is_empty() {
            return Err(Unsupported::Form("exits attached to an order: use a bracket"));
        }
        if let OrderShape::Bracket { take_profit, stop, stop_limit } = terms.shape {
            return self.pair(terms, options, symbol, (take_profit, stop, stop_limit), ids).map(Placement::Pair);
        }
        if options.stop_shown.is_some() || options.limit_shown.is_some() || options.stop_trailing_bips.is_some() {
            return Err(Unsupported::Form("options of a bracket's legs on other orders"));
        }
        let order = self.single(terms, options, symbol, id)?;
        order.check()?;
        Ok(Placement::One(order))
    }

    fn single<'a>(
        self,
        terms: &OrderTerms,
        options: BinanceUsOptions,
        symbol: &'a str,
        id: &'a str,
    ) -> Result<NewOrder<'a>, Unsupported> {
        let blank = NewOrder {
            symbol,
            side: terms.side,
            kind: OrderKind::Market,
            time_in_force: None,
            quantity: match terms.quantity {
                OrderQuantity::Base(mantissa) => Quantity::Base(self.size(mantissa)),
                OrderQuantity::Quote(mantissa) => Quantity::Quote(Fixed::new(mantissa, self.quote)),
            },
            price: None,
            stop_price: None,
            trailing_delta: None,
            iceberg: None,
            client_order_id: id,
            self_trade: options.self_trade_prevention,
            detail: ResponseDetail::Ack,
        };
        match terms.shape {
            OrderShape::Market { worst_price: None } if terms.lifetime == Lifetime::ImmediateOrCancel => Ok(blank),
            OrderShape::Market { worst_price: None } => Err(Unsupported::MarketTimeInForce),
            OrderShape::Market { .. } => Err(Unsupported::Form("worst price on market orders: use a limit IOC")),
            OrderShape::Limit { price, post_only, shown } => {
                if post_only && terms.lifetime != Lifetime::UntilCancelled {
                    return Err(Unsupported::PostOnly);
                }
                let kind = if post_only { OrderKind::LimitMaker } else { OrderKind::Limit };
                let time_in_force = time_in_force(terms.lifetime)?;
                Ok(NewOrder {
                    kind,
                    time_in_force: kind.has_time_in_force().then_some(time_in_force),
                    price: Some(self.price(price)),
                    iceberg: shown.map(|shown| self.size(shown)),
                    ..blank
                })
            }
            OrderShape::Triggered { trigger, then } => self.triggered(terms, trigger, then, blank),
            OrderShape::Bracket { .. } => Err(Unsupported::Form("bracket as one order")),
            OrderShape::Twap(_) => Err(Unsupported::Form("orders sliced over time")),
            OrderShape::Scaled(_) => Err(Unsupported::Form("scaled orders")),
        }
    }

    fn triggered<'a>(
        self,
        terms: &OrderTerms,
        trigger: Trigger,
        then: OnTrigger,
        blank: NewOrder<'a>,
    ) -> Result<NewOrder<'a>, Unsupported> {
        let (direction, stop_price, trailing_delta) = match trigger {
            Trigger::Price { at, direction } => (direction, Some(self.price(at)), None),
            Trigger::Trailing { distance: TrailingDistance::BasisPoints(bips), activation, direction } => {
                (direction, activation.map(|at| self.price(at)), Some(bips))
            }
            Trigger::Trailing { .. } => {
                return Err(Unsupported::Form("trailing distance as a price: use basis points"))
            }
        };
        // A stop is set off where the market gets worse for the order, a take-profit where it gets better.
        let stop = (terms.side == Side::Buy) == (direction == TriggerDirection::Up);
        match then {
            OnTrigger::Market { worst_price: Some(_) } => {
                Err(Unsupported::Form("worst price on triggered market orders: use a limit"))
            }
            OnTrigger::Market { .. } if terms.lifetime != Lifetime::UntilCancelled => {
                Err(Unsupported::Form("lifetime of its own for a triggered market order"))
            }
            OnTrigger::Market { .. } => {
                let kind = if stop { OrderKind::StopLoss } else { OrderKind::TakeProfit };
                Ok(NewOrder { kind, stop_price, trailing_delta, ..blank })
            }
            OnTrigger::Limit { price, shown } => Ok(NewOrder {
                kind: if stop { OrderKind::StopLossLimit } else { OrderKind::TakeProfitLimit },
                time_in_force: Some(time_in_force(terms.lifetime)?),
                price: Some(self.price(price)),
                iceberg: shown.map(|shown| self.size(shown)),
                stop_price,
                trailing_delta,
                ..blank
            }),
        }
    }

    fn pair<'a>(
        self,
        terms: &OrderTerms,
        options: BinanceUsOptions,
        symbol: &'a str,
        (take_profit, stop, stop_limit): (i64, i64, Option<i64>),
        ids: Option<&'a PairIds>,
    ) -> Result<NewOco<'a>, Unsupported> {
        let OrderQuantity::Base(quantity) = terms.quantity else { return Err(Unsupported::QuoteQuantity) };
        if terms.lifetime != Lifetime::UntilCancelled {
            return Err(Unsupported::Form("bracket with an end"));
        }
        let ids = ids.ok_or(Unsupported::Form("room for the ids of a bracket's legs"))?;
        let oco = NewOco {
            symbol,
            side: terms.side,
            quantity: self.size(quantity),
            price: self.price(take_profit),
            stop_price: self.price(stop),
            stop_limit: stop_limit.map(|price| (self.price(price), TimeInForce::GoodTilCancelled)),
            trailing_delta: options.stop_trailing_bips,
            limit_iceberg: options.limit_shown.map(|shown| self.size(shown)),
            stop_iceberg: options.stop_shown.map(|shown| self.size(shown)),
            list_client_order_id: ids.list.as_str(),
            limit_client_order_id: ids.limit.as_str(),
            stop_client_order_id: ids.stop.as_str(),
            self_trade: options.self_trade_prevention,
            // The ids of both legs, whatever the account's events do.
            detail: ResponseDetail::Result,
        };
        oco.check()?;
        Ok(oco)
    }
}

fn time_in_force(lifetime: Lifetime) -> Result<TimeInForce, Unsupported> {
    match lifetime {
        Lifetime::UntilCancelled => Ok(TimeInForce::GoodTilCancelled),
        Lifetime::ImmediateOrCancel => Ok(TimeInForce::ImmediateOrCancel),
        Lifetime::FillOrKill => Ok(TimeInForce::FillOrKill),
        Lifetime::Until(_) | Lifetime::For { .. } | Lifetime::Day => {
            Err(Unsupported::Form("orders with an end in time"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::instrument;
    use super::*;
    use crate::record::{Exits, SelfTradePrevention, Twap, UnixNanos};

    const ONE: OrderQuantity = OrderQuantity::Base(100_000_000);

    fn at(price: i64) -> i64 {
        price * 100_000_000
    }

    fn placed(terms: OrderTerms, test: impl FnOnce(Placement<'_>)) {
        let instrument = instrument(0, "BTCUSD");
        let order = PreparedOrder::new(&instrument, terms).unwrap();
        check(&order).unwrap();
        let id = ClientOrderId::new("id").unwrap();
        let ids = PairIds::of(&id);
        test(of_terms(order.terms(), &instrument, id.as_str(), ids.as_ref()).unwrap());
    }

    fn one(terms: OrderTerms, test: impl FnOnce(NewOrder<'_>)) {
        placed(terms, |placement| match placement {
            Placement::One(order) => test(order),
            Placement::Pair(_) => panic!("a pair"),
        });
    }

    fn refused(terms: OrderTerms) -> Unsupported {
        check(&PreparedOrder::new(&instrument(0, "BTCUSD"), terms).unwrap()).unwrap_err()
    }

    #[test]
    fn every_trigger_has_its_kind() {
        let price = |direction| Trigger::Price { at: at(90), direction };
        let market = OnTrigger::Market { worst_price: None };
        let limit = OnTrigger::Limit { price: at(91), shown: Some(10_000_000) };
        for (side, direction, then, kind) in [
            (Side::Buy, TriggerDirection::Up, market, OrderKind::StopLoss),
            (Side::Sell, TriggerDirection::Down, market, OrderKind::StopLoss),
            (Side::Buy, TriggerDirection::Down, market, OrderKind::TakeProfit),
            (Side::Sell, TriggerDirection::Up, market, OrderKind::TakeProfit),
            (Side::Buy, TriggerDirection::Up, limit, OrderKind::StopLossLimit),
            (Side::Sell, TriggerDirection::Up, limit, OrderKind::TakeProfitLimit),
        ] {
            one(OrderTerms::new(side, ONE, OrderShape::Triggered { trigger: price(direction), then }), |order| {
                assert_eq!((order.kind, order.stop_price), (kind, Some(Fixed::new(90, 0))));
                let limit = kind.has_price();
                assert_eq!(order.price, limit.then_some(Fixed::new(91, 0)));
                assert_eq!(order.iceberg, limit.then_some(Fixed::new(1, -1)));
            });
        }
        let trailing = Trigger::Trailing {
            distance: TrailingDistance::BasisPoints(150),
            activation: None,
            direction: TriggerDirection::Down,
        };
        one(OrderTerms::new(Side::Sell, ONE, OrderShape::Triggered { trigger: trailing, then: market }), |order| {
            assert_eq!((order.kind, order.trailing_delta, order.stop_price), (OrderKind::StopLoss, Some(150), None));
        });
    }

    #[test]
    fn icebergs_lifetimes_and_options_are_carried() {
        let shape = OrderShape::Limit { price: at(100), post_only: true, shown: Some(50_000_000) };
        let options = BinanceUsOptions {
            self_trade_prevention: Some(SelfTradePrevention::ExpireBoth),
            ..BinanceUsOptions::default()
        };
        one(OrderTerms::new(Side::Buy, ONE, shape).with_options(VenueOptions::BinanceUs(options)), |order| {
            assert_eq!((order.kind, order.time_in_force), (OrderKind::LimitMaker, None));
            assert_eq!(order.iceberg, Some(Fixed::new(5, -1)));
            assert_eq!(order.self_trade, Some(SelfTradePrevention::ExpireBoth));
        });
        let shape = OrderShape::Limit { price: at(100), post_only: false, shown: None };
        one(OrderTerms::new(Side::Buy, ONE, shape).living(Lifetime::FillOrKill), |order| {
            assert_eq!(order.time_in_force, Some(TimeInForce::FillOrKill));
        });
    }

    #[test]
    fn a_bracket_is_a_pair_whose_limit_leg_has_the_orders_id() {
        let shape = OrderShape::Bracket { take_profit: at(110), stop: at(90), stop_limit: Some(at(89)) };
        placed(OrderTerms::new(Side::Sell, ONE, shape), |placement| {
            let Placement::Pair(oco) = placement else { panic!("one order") };
            assert_eq!(
                (oco.limit_client_order_id, oco.stop_client_order_id, oco.list_client_order_id),
                ("id", "idS", "idL")
            );
            assert_eq!(oco.stop_limit, Some((Fixed::new(89, 0), TimeInForce::GoodTilCancelled)));
        });
        assert_eq!(PairIds::of(&ClientOrderId::new(&"x".repeat(36)).unwrap()), None);
    }

    #[test]
    fn what_the_venue_has_no_form_for_is_said_when_it_is_prepared() {
        let limit =
            || OrderTerms::new(Side::Buy, ONE, OrderShape::Limit { price: at(100), post_only: false, shown: None });
        assert!(matches!(refused(limit().living(Lifetime::Day)), Unsupported::Form(_)));
        assert!(matches!(refused(limit().living(Lifetime::For { ms: 1_000 })), Unsupported::Form(_)));
        let exits = Exits { take_profit: Some(at(110)), ..Exits::default() };
        assert!(matches!(refused(limit().with_exits(exits)), Unsupported::Form(_)));
        let twap = Twap { limit: at(100), start: None, slices: None, slice_size: None, slice_s: None };
        let until = Lifetime::Until(UnixNanos(2_000_000_000_000_000_000));
        assert!(matches!(
            refused(OrderTerms::new(Side::Buy, ONE, OrderShape::Twap(twap)).living(until)),
            Unsupported::Form(_)
        ));
    }
}
