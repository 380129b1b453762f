//! Whatever numbers a strategy puts into commands and prepared orders: each is refused where it is made, or answered on the
//! execution stream with a reason, and the reactor goes on.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod canned;
mod common;
mod venues;

use exchange_connectors::gateway::{Channels, GatewayError, InstrumentLimits, Limits, PrepareError};
use exchange_connectors::record::{
    ClientOrderId, ExecutionKind as K, Exits, Fixed, Instrument, InstrumentId, Lifetime, MarketKind, OnTrigger,
    OrderCommand, OrderQuantity, OrderRef, OrderShape, OrderTerms, PreparedOrder, PreparedSlot, RejectClass, RequestId,
    Scaled, Side, StopLoss, StrategyId, TimeInForce, TrailingDistance, Trigger, TriggerDirection, Twap, UnixNanos,
    VenueOrderId,
};
use std::collections::BTreeMap;
use venues::{Rig, Setup};

/// Commands submitted before their answers are waited for.
const BATCH: usize = 16;
const BATCHES: usize = 25;

/// The same numbers in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        // xorshift64
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.roll(choices.len())]
    }

    /// A mantissa: an edge, or about `usual`.
    fn mantissa(&mut self, usual: i64) -> i64 {
        let edges = [i64::MIN, i64::MIN + 1, -1, 0, 1, 7, i64::MAX - 1, i64::MAX, usual, usual, usual, usual + 1];
        self.of(&edges)
    }

    fn maybe(&mut self, usual: i64) -> Option<i64> {
        (self.roll(2) == 0).then(|| self.mantissa(usual))
    }

    fn time(&mut self) -> UnixNanos {
        self.of(&[UnixNanos(0), UnixNanos(1), UnixNanos(1_790_735_849_000_000_000), UnixNanos(u64::MAX)])
    }

    fn side(&mut self) -> Side {
        self.of(&[Side::Buy, Side::Sell])
    }

    fn target(&mut self, known: &[RequestId]) -> OrderRef {
        match self.roll(6) {
            0 => OrderRef::Request(RequestId(u64::MAX)),
            1 => OrderRef::Client(ClientOrderId::new("xc-1-1").unwrap()),
            2 => OrderRef::Client(ClientOrderId::new("\u{7f}\"{}&=%00 ü").unwrap()),
            3 => OrderRef::Venue(VenueOrderId::new("../../..?x=1").unwrap()),
            4 => OrderRef::Request(RequestId(0)),
            _ => OrderRef::Request(known.get(self.roll(known.len().max(1))).copied().unwrap_or(RequestId(1))),
        }
    }

    fn command(&mut self, rig: &Rig, known: &[RequestId], slots: &[PreparedSlot]) -> OrderCommand {
        let instrument = self.of(&[
            rig.traded.id,
            rig.traded.id,
            rig.traded.id,
            rig.traded.id,
            InstrumentId(9_999),
            InstrumentId::NONE,
        ]);
        let (bid, price, size) = (rig.resting_bid(), rig.resting_bid().price(), rig.resting_bid().quantity());
        let command = match self.roll(8) {
            0 => OrderCommand::market(instrument, self.side(), self.mantissa(size)),
            1 => OrderCommand::market_quote(instrument, self.side(), self.mantissa(price)),
            2 => OrderCommand::cancel(instrument, self.target(known)),
            3 => OrderCommand::replace(instrument, self.target(known), self.mantissa(price), self.mantissa(size)),
            4 => OrderCommand::replace(instrument, self.target(known), price, size).place_anyway(),
            5 if !slots.is_empty() => OrderCommand::prepared(self.of(slots)),
            6 => bid,
            _ => OrderCommand::limit(instrument, self.side(), self.mantissa(price), self.mantissa(size)),
        };
        let lives = [TimeInForce::GoodTilCancelled, TimeInForce::ImmediateOrCancel, TimeInForce::FillOrKill];
        let command = if self.roll(3) == 0 { command.time_in_force(self.of(&lives)) } else { command };
        let command = if self.roll(3) == 0 { command.post_only() } else { command };
        let time = self.time();
        if self.roll(3) == 0 {
            command.caused_by(time)
        } else {
            command
        }
    }

    fn terms(&mut self, price: i64, size: i64) -> OrderTerms {
        let quantity = match self.roll(2) {
            0 => OrderQuantity::Base(self.mantissa(size)),
            _ => OrderQuantity::Quote(self.mantissa(price)),
        };
        let direction = self.of(&[TriggerDirection::Up, TriggerDirection::Down]);
        let shape = match self.roll(6) {
            0 => OrderShape::Market { worst_price: self.maybe(price) },
            1 => {
                OrderShape::Limit { price: self.mantissa(price), post_only: self.roll(2) == 0, shown: self.maybe(size) }
            }
            2 => OrderShape::Triggered {
                trigger: match self.roll(2) {
                    0 => Trigger::Price { at: self.mantissa(price), direction },
                    _ => {
                        let distance = match self.roll(2) {
                            0 => TrailingDistance::BasisPoints(self.of(&[0, 1, 100, u32::MAX])),
                            _ => TrailingDistance::Price(self.mantissa(price)),
                        };
                        Trigger::Trailing { distance, activation: self.maybe(price), direction }
                    }
                },
                then: match self.roll(2) {
                    0 => OnTrigger::Market { worst_price: self.maybe(price) },
                    _ => OnTrigger::Limit { price: self.mantissa(price), shown: self.maybe(size) },
                },
            },
            3 => OrderShape::Bracket {
                take_profit: self.mantissa(price),
                stop: self.mantissa(price / 2),
                stop_limit: self.maybe(price),
            },
            4 => OrderShape::Twap(Twap {
                limit: self.mantissa(price),
                start: (self.roll(2) == 0).then(|| self.time()),
                slices: (self.roll(2) == 0).then(|| self.of(&[0, 1, 10, u32::MAX])),
                slice_size: self.maybe(size),
                slice_s: (self.roll(2) == 0).then(|| self.of(&[0, 1, 60, u32::MAX])),
            }),
            _ => OrderShape::Scaled(Scaled {
                parts: self.of(&[0, 1, 2, 10, u32::MAX]),
                price_min: self.mantissa(price),
                price_max: self.mantissa(price.saturating_mul(2)),
                prices: None,
                sizes: None,
                size_difference: (self.roll(2) == 0).then(|| Fixed::new(self.mantissa(size), -8)),
                size_ratio: (self.roll(2) == 0).then(|| Fixed::new(self.mantissa(11), -1)),
                stated: vec![],
            }),
        };
        let lifetime = match self.roll(6) {
            0 => Lifetime::Until(self.time()),
            1 => Lifetime::For { ms: self.of(&[0, 1, 60_000, u64::MAX]) },
            2 => Lifetime::Day,
            3 => Lifetime::ImmediateOrCancel,
            4 => Lifetime::FillOrKill,
            _ => Lifetime::UntilCancelled,
        };
        let terms = OrderTerms::new(self.side(), quantity, shape).living(lifetime);
        if self.roll(3) > 0 {
            return terms;
        }
        terms.with_exits(Exits {
            take_profit: self.maybe(price),
            stop_loss: (self.roll(2) == 0).then(|| match self.roll(2) {
                0 => StopLoss::At(self.mantissa(price / 2)),
                _ => StopLoss::GuaranteedDistance(self.mantissa(price)),
            }),
            trailing_stop: self.maybe(price),
            lifetime: Lifetime::UntilCancelled,
        })
    }
}

/// Every check that reckons with prices and quantities, with room for all but the absurd.
fn limits() -> Limits {
    let most = |text| Some(Fixed::parse(text).unwrap());
    Limits::new().every_instrument(InstrumentLimits {
        order_size_max: most("1000"),
        order_notional_max: most("100000000"),
        position_max: most("1000"),
        open_orders_max: Some(200),
        price_band_bps: Some(100_000),
        no_self_trade: true,
        ..InstrumentLimits::default()
    })
}

/// Waits for the answer to a command: a record of its own, or, of a cancel or change, the end of the order it means.
fn answered(rig: &mut Rig, request: RequestId, target: Option<OrderRef>) {
    let at = rig.local.venue();
    let first = rig.until(&format!("an answer to {request} about {target:?}"), |rig| {
        let own = rig.executions.iter().find(|r| r.request == request);
        let end =
            || rig.executions.iter().find(|r| target == Some(OrderRef::Request(r.request)) && r.kind.is_terminal());
        own.or_else(end).copied()
    });
    let is_refusal = matches!(first.kind, K::Rejected | K::CancelRejected | K::ReplaceRejected);
    // Why an order that took ended without having traded may be said, too.
    let ended_unasked = matches!(first.kind, K::Cancelled | K::Expired);
    assert!(is_refusal == (first.reject != RejectClass::None) || ended_unasked, "{at}: {first:?}");
}

#[test]
fn every_command_is_answered_with_a_reason_at_every_venue() {
    venues::at_every_venue(|at| {
        let setup = Setup { channels: Channels::BOOK, ..Setup::direct() };
        let mut rig = setup.start_by(at, |builder| builder.limits(limits()));
        // Without one, limits that reckon with prices refuse everything.
        rig.until("the book", |rig| rig.market.iter().any(|r| r.kind() == MarketKind::Level).then_some(()));
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        let (price, size) = (rig.resting_bid().price(), rig.resting_bid().quantity());
        let (mut known, mut slots, mut refused) = (Vec::new(), Vec::new(), 0);
        for _ in 0..500 {
            match PreparedOrder::new(&rig.traded, dice.terms(price, size)) {
                Err(invalid) => assert!(!invalid.to_string().is_empty()),
                Ok(order) => match rig.strategy.orders.prepare(order) {
                    Ok(slot) => slots.push(slot),
                    Err(PrepareError::Full) => break,
                    Err(unsupported) => assert!(unsupported.to_string().starts_with(at.name()), "{unsupported}"),
                },
            }
        }
        assert!(slots.len() > 2, "some terms are good");
        for _ in 0..BATCHES {
            let mut batch = Vec::new();
            for _ in 0..BATCH {
                let command = dice.command(&rig, &known, &slots);
                match rig.strategy.orders.submit(command) {
                    Ok(request) => batch.push((request, command.target())),
                    Err(refusal) => {
                        refused += 1;
                        assert!(!refusal.to_string().is_empty());
                    }
                }
            }
            for (request, target) in &batch {
                answered(&mut rig, *request, *target);
            }
            known.extend(batch.iter().map(|(request, _)| *request));
        }
        let mut told = BTreeMap::new();
        for request in &known {
            let Some(first) = rig.records(*request).first().copied() else { continue };
            *told.entry(format!("{:?} {:?} {}", first.kind, first.reject, first.venue_code)).or_insert(0) += 1;
        }
        // Refused by the handle, by the checks and limits here, by the venue; and some were good.
        let seen = |kind: &str| told.iter().filter(|(first, _)| first.starts_with(kind)).map(|(_, count)| count).sum();
        let (rejected, accepted): (usize, usize) = (seen("Rejected"), seen("Accepted"));
        assert!(refused > 50 && rejected > 50 && accepted > 5, "{at}: {refused} refused at once, then {told:?}");
        assert!(rig.gateway.open_orders().is_ok(), "{at}: the reactor answers");
        assert_eq!(rig.gateway.emergency().alarm, None);
    });
}

#[test]
fn nothing_is_subscribed_for_a_number_that_no_strategy_has_or_by_an_instrument_of_another_gateway() {
    venues::at_every_venue(|at| {
        let mut rig = Setup::direct().start(at);
        let own = rig.strategy.id();
        let gone = rig.gateway.strategy().unwrap().id();
        let mut foreign = Instrument::clone(&rig.traded);
        foreign.id = InstrumentId(4_000);
        let mut unlisted = foreign.clone();
        unlisted.listing.symbol = "NOWHERE".into();
        // Taken by its 64s, the second to last would be our own number.
        for number in [gone.0, own.0 + 1, 63, 64, own.0 + 64, 255] {
            let nobody = Err(GatewayError::NoSuchStrategy { number });
            let strategy = StrategyId(number);
            let asked = rig.gateway.subscribe(strategy, at, rig.local.symbol(), Channels::BOOK).map(drop);
            assert_eq!(asked, nobody, "{at}");
            assert_eq!(rig.gateway.unsubscribe(strategy, &rig.traded, Channels::BOOK), nobody, "{at}");
        }
        for symbol in ["", " ", "..", "a/b?c=d&e", "\u{0}", &"x".repeat(10_000)] {
            let error = rig.gateway.subscribe(own, at, symbol, Channels::BOOK).map(drop).unwrap_err();
            assert!(matches!(error, GatewayError::UnknownInstrument { .. }), "{at} {symbol:?}: {error}");
        }
        let error = rig.gateway.unsubscribe(own, &unlisted, Channels::BOOK).unwrap_err();
        assert!(matches!(error, GatewayError::UnknownInstrument { .. }), "{at}: {error}");
        assert_eq!(rig.gateway.unsubscribe(own, &foreign, Channels::BOOK), Ok(()), "{at}: known by its name");
        rig.place_accepted();
    });
}
