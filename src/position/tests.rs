use super::*;
use proptest::prelude::*;

const EUR: InstrumentId = InstrumentId(3);

fn positions(accounting: Accounting) -> Positions {
    let mut positions = Positions::new(accounting);
    assert!(positions.know(EUR, (-5, -2)));
    positions
}

fn execution(side: Side, quantity: i64, price: i64, lot: Lot) -> Execution {
    let value = Some(Fixed128::new(i128::from(price) * i128::from(quantity), -7));
    Execution { instrument: EUR, side, quantity, value, lot, account_profit: None }
}

fn long(units: i64, cost: i128) -> Holding {
    Holding { units, cost, unpriced: 0 }
}

#[test]
fn opposite_executions_reduce_the_oldest_first_and_flip() {
    let mut positions = positions(Accounting::Netting);
    let mut run = |side, quantity, price| positions.execute(&execution(side, quantity, price, Lot::Unnamed)).unwrap();
    run(Side::Buy, 100, 120_000);
    let held = run(Side::Buy, 100, 120_100);
    assert_eq!((held.long, held.long.average_price()), (long(200, 24_010_000), Some((120_050, true))));
    let held = run(Side::Sell, 150, 120_200);
    assert_eq!((held.long, held.realised), (long(50, 50 * 120_100), 100 * 200 + 50 * 100));
    let held = run(Side::Sell, 80, 120_000);
    assert_eq!((held.long.units, held.short, held.net_units()), (0, long(30, 30 * 120_000), -30));
    assert_eq!(held.realised, 25_000 - 50 * 100);
    // 200.00 at 1e-7: (1.20000 - 1.19900) times 0.30 units short.
    assert_eq!(held.unrealised_profit(119_800, 119_900).unwrap().to_string(), "0.0003");
    assert_eq!(held.realised_profit().to_string(), "0.002");
}

#[test]
fn named_trades_close_as_the_venue_says_and_both_sides_can_be_held() {
    let mut positions = positions(Accounting::Hedging);
    let mut run = |side, quantity, price, lot| positions.execute(&execution(side, quantity, price, lot));
    run(Side::Buy, 10, 100, Lot::Opens(1)).unwrap();
    run(Side::Buy, 10, 110, Lot::Opens(2)).unwrap();
    let held = run(Side::Sell, 5, 120, Lot::Opens(3)).unwrap();
    assert_eq!((held.long.units, held.short.units, held.net_units()), (20, 5, 15));
    // The newer one first, in part: not first in, first out.
    let held = run(Side::Sell, 4, 130, Lot::Closes(2)).unwrap();
    assert_eq!((held.long, held.realised), (long(16, 10 * 100 + 6 * 110), 4 * 20));
    let held = run(Side::Buy, 5, 100, Lot::Closes(3)).unwrap();
    assert_eq!((held.short, held.realised), (long(0, 0), 80 + 5 * 20));
    assert!(!held.doubtful);
}

#[test]
fn what_contradicts_what_is_held_is_an_error_until_it_is_restored() {
    let mut positions = positions(Accounting::Netting);
    positions.restore(EUR, Side::Sell, 7, 10, 100).unwrap();
    // Trade 8 is not known: the oldest goes, and two units are missing.
    let more = positions.execute(&execution(Side::Buy, 12, 90, Lot::Closes(8)));
    assert_eq!(more, Err(PositionError::NothingToClose { missing: 2 }));
    let held = *positions.get(EUR).unwrap();
    assert_eq!((held.short.units, held.realised, held.doubtful), (0, 100, true));
    positions.clear();
    positions.restore(EUR, Side::Buy, 9, 3, 100).unwrap();
    let held = *positions.get(EUR).unwrap();
    assert_eq!((held.long.units, held.realised, held.doubtful), (3, 100, false));
    assert_eq!(positions.execute(&execution(Side::Buy, 0, 90, Lot::Unnamed)), Err(PositionError::Quantity(0)));
    let nobody = Execution { instrument: InstrumentId(9), ..execution(Side::Buy, 1, 1, Lot::Unnamed) };
    assert_eq!(positions.execute(&nobody), Err(PositionError::UnknownInstrument(InstrumentId(9))));
    assert!(!positions.know(InstrumentId::NONE, (0, 0)));
    assert_eq!(positions.iter().map(|(id, _)| id).collect::<Vec<_>>(), [EUR]);
}

#[test]
fn lots_have_a_limit() {
    let mut positions = positions(Accounting::Netting);
    for trade in 1..=LOTS_MAX as u64 {
        positions.restore(EUR, Side::Buy, trade, 1, 100).unwrap();
    }
    assert_eq!(positions.restore(EUR, Side::Buy, 5_000, 1, 100), Err(PositionError::TooManyLots));
    assert_eq!(positions.get(EUR).unwrap().long.units, LOTS_MAX as i64);
}

#[test]
fn executions_without_a_name_take_no_memory_and_stay_exact() {
    let mut positions = positions(Accounting::Netting);
    let (mut units, mut cost) = (0, 0);
    for price in 1..=3 * LOTS_MAX as i64 {
        positions.execute(&execution(Side::Buy, 3, price, Lot::Unnamed)).unwrap();
        (units, cost) = (units + 3, cost + 3 * i128::from(price));
    }
    let held = *positions.get(EUR).unwrap();
    assert_eq!((held.long, held.inexact), (long(units, cost), false));
    // Whatever each lot was taken to have cost: once all are sold, the profit is what came in less what went out.
    for _ in 0..units {
        positions.execute(&execution(Side::Sell, 1, 5, Lot::Unnamed)).unwrap();
    }
    let held = *positions.get(EUR).unwrap();
    assert_eq!((held.long, held.realised, held.doubtful), (long(0, 0), i128::from(5 * units) - cost, false));
}

#[test]
fn what_nobody_priced_is_not_reckoned_until_somebody_does() {
    let mut positions = positions(Accounting::Netting);
    let unpriced = |side, quantity| Execution { value: None, ..execution(side, quantity, 0, Lot::Unnamed) };
    positions.execute(&execution(Side::Buy, 10, 100, Lot::Unnamed)).unwrap();
    let held = positions.execute(&unpriced(Side::Buy, 10)).unwrap();
    assert_eq!(held.long, Holding { units: 20, cost: 1_000, unpriced: 10 });
    assert_eq!((held.long.average_price(), held.unrealised_profit(100, 100), held.inexact), (None, None, false));
    assert_eq!(positions.price(EUR, Side::Sell, 90), Ok(false), "the other side");
    assert_eq!(positions.price(EUR, Side::Buy, 90), Ok(true));
    let held = *positions.get(EUR).unwrap();
    assert_eq!((held.long, held.inexact), (long(20, 1_900), true));
    // A sale of which nobody says what it brought realises nothing that could be told.
    let held = positions.execute(&unpriced(Side::Sell, 10)).unwrap();
    assert_eq!((held.long, held.realised, held.inexact), (long(10, 900), 0, true));
}

#[test]
fn digits_finer_than_a_value_are_cut_and_said_to_be() {
    let mut positions = positions(Accounting::Netting);
    let worth = |text: &str| Some(crate::record::parse_any(text.as_bytes()).unwrap());
    let of = |quantity, value| Execution { value, ..execution(Side::Buy, quantity, 0, Lot::Unnamed) };
    let held = positions.execute(&of(3, worth("0.0000010"))).unwrap();
    // 10 over 3, which no price says; the sum is exact.
    assert_eq!((held.long.cost, held.long.average_price(), held.inexact), (10, Some((3, false)), false));
    let held = positions.execute(&of(1, worth("0.00000019"))).unwrap();
    assert_eq!((held.long.cost, held.inexact), (11, true));
    let far = Fixed128::new(1, -128);
    assert_eq!(positions.execute(&of(1, Some(far))).unwrap().long.cost, 11);
    assert_eq!(positions.execute(&of(1, Some(Fixed128::new(i128::MAX, 0)))), Err(PositionError::Overflow));
    assert!(positions.get(EUR).unwrap().doubtful);
}

#[test]
fn profit_in_the_accounts_currency_is_the_venues_own() {
    let mut positions = positions(Accounting::Netting);
    let profit = |text: &str| Some(crate::record::parse_any(text.as_bytes()).unwrap());
    for text in ["-0.4155", "0.0001", "12"] {
        let with = Execution { account_profit: profit(text), ..execution(Side::Buy, 1, 1, Lot::Unnamed) };
        positions.execute(&with).unwrap();
    }
    assert_eq!(positions.get(EUR).unwrap().account_realised.to_string(), "11.5846");
}

/// Every unit on its own: when it was opened, by which trade, at which price.
#[derive(Default)]
struct Naive {
    long: Vec<(u64, i64)>,
    short: Vec<(u64, i64)>,
    realised: i128,
}

impl Naive {
    fn side(&mut self, side: Side) -> &mut Vec<(u64, i64)> {
        match side {
            Side::Buy => &mut self.long,
            Side::Sell => &mut self.short,
        }
    }

    fn close_one(&mut self, held: Side, trade: Option<u64>, price: i64) -> bool {
        let units = self.side(held);
        let named = trade.and_then(|trade| units.iter().position(|unit| unit.0 == trade));
        let Some(at) = named.or((!units.is_empty()).then_some(0)) else { return false };
        let (_, opened) = units.remove(at);
        let gain = i128::from(price) - i128::from(opened);
        self.realised += if held == Side::Buy { gain } else { -gain };
        true
    }

    fn holding(units: &[(u64, i64)]) -> Holding {
        Holding { units: units.len() as i64, cost: units.iter().map(|unit| i128::from(unit.1)).sum(), unpriced: 0 }
    }
}

proptest! {
    #[test]
    fn it_agrees_with_a_model_that_counts_single_units(
        hedging in any::<bool>(),
        steps in proptest::collection::vec((any::<bool>(), 1i64..40, -50i64..200, 0u8..3, 1u64..12), 1..80),
    ) {
        let accounting = if hedging { Accounting::Hedging } else { Accounting::Netting };
        let (mut positions, mut naive) = (positions(accounting), Naive::default());
        for (buys, quantity, price, what, trade) in steps {
            let side = if buys { Side::Buy } else { Side::Sell };
            let lot = match what {
                0 => Lot::Unnamed,
                1 => Lot::Opens(trade),
                _ => Lot::Closes(trade),
            };
            let result = positions.execute(&execution(side, quantity, price, lot));
            let mut missing = 0;
            for _ in 0..quantity {
                let closed = match lot {
                    Lot::Opens(_) => false,
                    Lot::Closes(trade) => {
                        let closed = naive.close_one(side.opposite(), Some(trade), price);
                        missing += i64::from(!closed);
                        true
                    }
                    Lot::Unnamed => !hedging && naive.close_one(side.opposite(), None, price),
                };
                if !closed {
                    let trade = if let Lot::Opens(trade) = lot { trade } else { 0 };
                    naive.side(side).push((trade, price));
                }
            }
            prop_assert_eq!(result.is_err(), missing > 0);
            let held = *positions.get(EUR).unwrap();
            prop_assert_eq!(held.long, Naive::holding(&naive.long));
            prop_assert_eq!(held.short, Naive::holding(&naive.short));
            prop_assert_eq!(held.realised, naive.realised);
            let open = |units: &[(u64, i64)], at: i64| units.iter().map(|u| i128::from(at - u.1)).sum::<i128>();
            let unrealised = open(&naive.long, 77) - open(&naive.short, 79);
            prop_assert_eq!(held.unrealised_profit(77, 79), Some(Fixed128::new(unrealised, -7)));
        }
    }

    #[test]
    fn what_came_in_less_what_went_out_is_what_was_realised_and_what_is_held(
        steps in proptest::collection::vec((any::<bool>(), 1i64..1_000, 0i128..1_000_000), 1..400),
    ) {
        let mut positions = positions(Accounting::Netting);
        let (mut units, mut spent) = (0, 0);
        for (buys, quantity, value) in steps {
            let side = if buys { Side::Buy } else { Side::Sell };
            let worth = Some(Fixed128::new(value, -7));
            let held = positions
                .execute(&Execution { value: worth, ..execution(side, quantity, 0, Lot::Unnamed) })
                .unwrap();
            (units, spent) = if buys { (units + quantity, spent + value) } else { (units - quantity, spent - value) };
            prop_assert_eq!(held.net_units(), units);
            prop_assert_eq!(held.long.cost - held.short.cost - held.realised, spent);
            prop_assert!(held.long.units == 0 || held.short.units == 0);
            prop_assert!(!held.inexact && !held.doubtful);
        }
    }

    #[test]
    fn no_figures_make_it_panic(
        steps in proptest::collection::vec((any::<bool>(), any::<i64>(), any::<i64>(), 0u8..3, any::<i128>()), 1..20),
    ) {
        let mut positions = positions(Accounting::Netting);
        for (buys, quantity, price, what, profit) in steps {
            let side = if buys { Side::Buy } else { Side::Sell };
            let lot = [Lot::Unnamed, Lot::Opens(1), Lot::Closes(1)][usize::from(what)];
            let account_profit = Some(Fixed128::new(profit, -4));
            let value = [None, Some(Fixed128::new(profit, price as i8))][usize::from(what > 0)];
            let _ = positions.execute(&Execution { account_profit, value, ..execution(side, quantity, price, lot) });
            let _ = (positions.execute(&execution(side, quantity, price, lot)), positions.price(EUR, side, price));
            let held = positions.get(EUR).unwrap();
            prop_assert!(held.long.units >= 0 && held.short.units >= 0);
            let _ = (held.unrealised_profit(price, i64::MIN), held.long.average_price(), held.net_units());
        }
    }
}
