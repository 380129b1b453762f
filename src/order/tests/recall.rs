//! Orders a dead session left: taken back once, with what befell them meanwhile, and the venue waits for it.

use super::*;

const DIED: UnixNanos = UnixNanos(T0.0 - 600_000_000_000);
const SEVENTH: &str = "xc-6-10";

/// A session after session 6, its user stream just up.
struct After {
    orders: Orders,
    log: Log,
    now: UnixNanos,
}

impl After {
    fn new(restart: RestartPolicy) -> After {
        let ids = ClientOrderIds::new("xc", 7).unwrap().after(&[5, 6], DIED);
        let limits = OrderLimits { open_max: 4, closed_kept: 4, executions_kept: 16, strangers_kept: 4 };
        let mut orders = Orders::new(ids, limits, ReconcileRules { restart, ..ReconcileRules::default() });
        orders.user_stream_up(T0, V);
        After { orders, log: Log::default(), now: T0 }
    }

    fn query(&mut self) -> (QueryId, Query) {
        self.next().expect("a query is due")
    }

    /// What is due about orders.
    fn next(&mut self) -> Option<(QueryId, Query)> {
        loop {
            match self.orders.next_query(self.now, V)? {
                (id, Query::Balances { .. }) => self.answer(id),
                query => return Some(query),
            }
        }
    }

    fn answer(&mut self, id: QueryId) {
        self.orders.query_done(self.now, id, QueryEnd::Complete, &mut self.log);
    }

    /// The history of executions that a start begins with, with these rows in it.
    fn history(&mut self, rows: &[FillFact]) {
        let (id, query) = self.query();
        let Query::Fills { since, .. } = query else { panic!("{query:?}") };
        assert!(since <= DIED, "from before the death on");
        for row in rows {
            self.orders.fill_fact(self.now, V, row, &mut self.log);
        }
        self.answer(id);
    }

    fn list(&mut self, facts: &[OrderFact]) {
        let (id, query) = self.query();
        assert!(matches!(query, Query::OpenOrders { .. }), "{query:?}");
        self.give(facts);
        self.answer(id);
    }

    fn give(&mut self, facts: &[OrderFact]) {
        for fact in facts {
            if self.orders.order_fact(self.now, V, (-2, -8), fact, &mut self.log) == Whose::OurPrefixOtherSession {
                self.orders.adopt(self.now, &instrument(), fact, &mut self.log);
            }
        }
    }

    /// All executions of the orders taken back.
    fn executions(&mut self, rows: &[FillFact]) {
        let (id, query) = self.query();
        assert!(matches!(query, Query::FillsOf { .. }), "{query:?}");
        for row in rows {
            self.orders.fill_fact(self.now, V, row, &mut self.log);
        }
        self.answer(id);
    }
}

fn dead(status: OrderStatus, executed: i64) -> OrderFact {
    let client = ClientOrderId::new(SEVENTH).unwrap();
    OrderFact { source: FactSource::Query, ..fact(&client, "v-1", status, executed) }
}

fn row_at(execution: &str, quantity: i64, at: UnixNanos) -> FillFact {
    FillFact { venue_time: at, ..row("v-1", execution, quantity) }
}

#[test]
fn an_open_order_is_taken_back_and_its_executions_since_are_told_once() {
    let mut after = After::new(RestartPolicy::Adopt);
    let (before, since) = (row_at("e-1", 100, DIED.plus_ms(0)), row_at("e-2", 300, DIED.plus_ms(1_000)));
    let before = FillFact { venue_time: UnixNanos(before.venue_time.0 - 200_000_000_000), ..before };
    after.history(&[since]);
    // Its order was not known then; the listing says whose it is before it has to be asked.
    after.list(&[dead(OrderStatus::Open, 400)]);
    let listed = *after.log.last();
    assert_eq!(
        (listed.kind, listed.cumulative_quantity, listed.last_quantity),
        (ExecutionKind::OrderListed, 400, QUANTITY)
    );
    assert_eq!((listed.request.is_adopted(), listed.request.strategy()), (true, StrategyId(0)));
    assert_eq!(listed.client_order_id.as_str(), SEVENTH);
    assert!(!after.orders.is_reconciled(V), "its executions are not known yet");
    after.executions(&[before, since]);
    assert!(after.orders.is_reconciled(V));
    let fills: Vec<_> = after.log.0.iter().filter(|r| r.kind == ExecutionKind::Fill).collect();
    assert_eq!(fills.len(), 1);
    assert_eq!((fills[0].last_quantity, fills[0].execution_id.as_str()), (300, "e-2"));
    assert!(fills[0].has(EXECUTION_FLAG_REPLAYED) && fills[0].cumulative_quantity == 400);
    assert_eq!(after.orders.exposure(InstrumentId(0)).position, 0, "the balances of the start have it");
    assert_eq!(after.orders.exposure(InstrumentId(0)).open_buy, QUANTITY - 400);

    // From now on it is an order like every other.
    after.orders.fill_fact(after.now, V, &row_at("e-3", 50, T0.plus_ms(5)), &mut after.log);
    let fill = *after.log.last();
    assert_eq!((fill.kind, fill.last_quantity, fill.flags & EXECUTION_FLAG_REPLAYED), (ExecutionKind::Fill, 50, 0));
    assert_eq!(after.orders.exposure(InstrumentId(0)).position, 50);
    for target in [
        OrderRef::Client(ClientOrderId::new(SEVENTH).unwrap()),
        OrderRef::Venue(venue_id("v-1")),
        OrderRef::Request(listed.request),
    ] {
        assert!(after.orders.find(V, &target).is_some(), "{target:?}");
    }
    after.give(&[dead(OrderStatus::Cancelled, 450)]);
    assert_eq!((after.log.last().kind, after.log.last().request), (ExecutionKind::Cancelled, listed.request));
}

#[test]
fn an_execution_listed_after_one_of_this_session_is_told_again_all_the_same() {
    let mut after = After::new(RestartPolicy::Adopt);
    let (shown, late) = (row_at("e-1", 400, DIED.plus_ms(1_000)), row_at("e-2", 500, DIED.plus_ms(599_000)));
    after.history(&[shown]);
    after.list(&[dead(OrderStatus::Open, 900)]);
    // The listing of executions lags behind that of orders.
    after.executions(&[shown]);
    for row in [row_at("e-3", 100, T0.plus_ms(5)), late] {
        after.orders.fill_fact(after.now, V, &row, &mut after.log);
    }
    let sum = |replayed: bool| -> i64 {
        let fills = after.log.0.iter().filter(|r| r.kind == ExecutionKind::Fill);
        fills.filter(|r| r.has(EXECUTION_FLAG_REPLAYED) == replayed).map(|r| r.last_quantity).sum()
    };
    assert_eq!((sum(true), sum(false)), (900, 100));
    assert_eq!(after.orders.exposure(InstrumentId(0)).position, 100);
}

#[test]
fn an_order_that_ended_while_nobody_was_there_is_told_with_its_end_and_its_fills() {
    let mut after = After::new(RestartPolicy::Adopt);
    let fill = row_at("e-1", QUANTITY, DIED.plus_ms(60_000));
    after.history(&[fill]);
    after.list(&[]);
    assert!(!after.orders.is_reconciled(V));
    let (id, query) = after.query();
    assert_eq!(query, Query::OrdersByIds { venue: V, ids: [venue_id("v-1")].into_iter().collect() });
    after.give(&[dead(OrderStatus::Filled, QUANTITY)]);
    after.answer(id);
    after.executions(&[fill, fill]);
    assert!(after.orders.is_reconciled(V));
    assert_eq!(after.log.kinds(), [ExecutionKind::OrderListed, ExecutionKind::Filled, ExecutionKind::Fill]);
    assert!(after.log.last().has(EXECUTION_FLAG_REPLAYED | EXECUTION_FLAG_LATE));
}

#[test]
fn an_order_that_ended_before_the_death_is_nobodys_news() {
    let mut after = After::new(RestartPolicy::Adopt);
    let old = FillFact { venue_time: UnixNanos(DIED.0 - 200_000_000_000), ..row("v-1", "e-1", QUANTITY) };
    after.history(&[old]);
    after.list(&[dead(OrderStatus::Filled, QUANTITY)]);
    assert!(after.orders.is_reconciled(V) && after.log.0.is_empty());
}

#[test]
fn swept_orders_are_cancelled_and_the_venue_waits_for_their_end() {
    let mut after = After::new(RestartPolicy::Sweep);
    after.history(&[]);
    after.list(&[dead(OrderStatus::Open, 0)]);
    let send = after.orders.next_due_cancel(after.now).expect("a cancel is due");
    assert_eq!((send.venue_order_id, send.request), (venue_id("v-1"), RequestId::NONE));
    after.executions(&[]);
    assert!(!after.orders.is_reconciled(V));
    after.give(&[dead(OrderStatus::Cancelled, 0)]);
    assert!(after.orders.is_reconciled(V));
    assert_eq!(after.log.kinds(), [ExecutionKind::OrderListed, ExecutionKind::Cancelled]);
}

#[test]
fn a_swept_order_that_the_venue_denies_for_a_while_is_cancelled_until_it_is_over() {
    let mut after = After::new(RestartPolicy::Sweep);
    after.history(&[]);
    after.list(&[dead(OrderStatus::Open, 0)]);
    after.executions(&[]);
    let refused = CancelReply::Rejected { class: RejectClass::UnknownOrder, code: InlineText::EMPTY };
    for _ in 0..7 {
        let send = after.orders.next_due_cancel(after.now).expect("it is cancelled again");
        after.orders.cancel_reply(after.now, V, &send.venue_order_id, &refused, &mut after.log);
        after.now = after.now.plus_ms(CANCEL_PAUSE_MS_MAX);
    }
    assert!(!after.orders.is_reconciled(V), "it rests");
    after.give(&[dead(OrderStatus::Cancelled, 0)]);
    assert!(after.orders.is_reconciled(V) && after.orders.next_due_cancel(after.now).is_none());
    assert_eq!(after.log.kinds(), [ExecutionKind::OrderListed, ExecutionKind::Cancelled]);
}

#[test]
fn orders_of_sessions_nobody_knows_are_strangers() {
    let mut after = After::new(RestartPolicy::Sweep);
    after.history(&[]);
    let unknown = ClientOrderId::new("xc-4-10").unwrap();
    after.list(&[fact(&unknown, "v-9", OrderStatus::Open, 0)]);
    assert!(after.orders.is_reconciled(V) && after.orders.next_due_cancel(after.now).is_none());
    assert_eq!(after.log.kinds(), [ExecutionKind::StrangerOrder]);
}

#[test]
fn a_history_that_cannot_be_read_is_asked_for_again_before_anything_leaves() {
    let mut after = After::new(RestartPolicy::Adopt);
    after.history(&[]);
    after.list(&[dead(OrderStatus::Open, 0)]);
    let (id, _) = after.query();
    after.orders.query_done(after.now, id, QueryEnd::Failed, &mut after.log);
    assert!(!after.orders.is_reconciled(V) && after.next().is_none());
    after.now = after.orders.deadline().unwrap();
    after.executions(&[]);
    assert!(after.orders.is_reconciled(V));
}

#[test]
fn with_no_room_in_the_table_a_dead_sessions_order_is_reported_and_left() {
    let mut after = After::new(RestartPolicy::Adopt);
    after.history(&[]);
    let many: Vec<OrderFact> = (0..6)
        .map(|n| fact(&ClientOrderId::new(&format!("xc-6-{n}")).unwrap(), &format!("v-{n}"), OrderStatus::Open, 0))
        .collect();
    after.list(&many);
    let count = |kind| after.log.kinds().iter().filter(|k| **k == kind).count();
    assert_eq!((count(ExecutionKind::OrderListed), count(ExecutionKind::StrangerOrder)), (4, 2));
}

#[test]
fn executions_count_as_told_only_up_to_when_they_were_streamed_and_listed() {
    let mut after = After::new(RestartPolicy::Adopt);
    assert_eq!(after.orders.told_until(after.now, V), None, "what befell the dead session's orders is not known yet");
    after.history(&[]);
    assert_eq!(after.orders.told_until(after.now, V), None, "nor which of them are open");
    after.list(&[]);
    assert_eq!(after.orders.told_until(after.now, V), Some(T0));

    // The venue does not answer for executions: the stream alone may drop one.
    after.now = T0.plus_ms(60_000);
    let (id, query) = after.query();
    assert!(matches!(query, Query::Fills { .. }), "{query:?}");
    after.orders.query_done(after.now, id, QueryEnd::Failed, &mut after.log);
    assert_eq!(after.orders.told_until(after.now, V), Some(T0));

    // The stream is gone: nothing moves it, however long that takes.
    after.orders.user_stream_down(V);
    assert_eq!(after.orders.told_until(T0.plus_ms(600_000), V), None);
}

#[test]
fn executions_in_an_instrument_that_becomes_known_later_are_asked_for_once_more() {
    let mut after = After::new(RestartPolicy::Adopt);
    let fill = row_at("e-1", QUANTITY, DIED.plus_ms(60_000));
    after.history(&[FillFact { instrument: None, ..fill }]);
    after.list(&[]);
    assert!(after.orders.is_reconciled(V) && after.next().is_none(), "nobody can read that row");

    after.orders.instrument_known(after.now, V, InstrumentId(0));
    assert!(after.orders.is_reconciled(V), "nobody waits for what nobody knew");
    assert_eq!(after.orders.told_until(after.now, V), Some(DIED), "a session that follows has to look there, too");
    let (id, query) = after.query();
    assert!(
        matches!(query, Query::Fills { instrument: Some(InstrumentId(0)), since, .. } if since <= DIED),
        "{query:?}"
    );
    after.orders.query_done(after.now, id, QueryEnd::Failed, &mut after.log);
    assert!(after.next().is_none());
    after.now = after.orders.deadline().unwrap();
    let (id, query) = after.query();
    assert!(matches!(query, Query::Fills { instrument: Some(InstrumentId(0)), .. }), "{query:?}");
    after.orders.fill_fact(after.now, V, &fill, &mut after.log);
    after.answer(id);
    let (id, query) = after.query();
    assert_eq!(query, Query::OrdersByIds { venue: V, ids: [venue_id("v-1")].into_iter().collect() });
    after.give(&[dead(OrderStatus::Filled, QUANTITY)]);
    after.answer(id);
    after.executions(&[fill]);
    assert_eq!(after.log.kinds(), [ExecutionKind::OrderListed, ExecutionKind::Filled, ExecutionKind::Fill]);
    assert_eq!(after.orders.told_until(after.now, V), Some(T0));

    // New metadata of it is no reason to ask again.
    after.orders.instrument_known(after.now, V, InstrumentId(0));
    assert!(after.next().is_none());
}

#[test]
fn what_is_known_before_the_history_is_read_is_read_with_it() {
    let mut after = After::new(RestartPolicy::Adopt);
    after.orders.instrument_known(after.now, V, InstrumentId(0));
    let (id, _) = after.query();
    after.orders.query_done(after.now, id, QueryEnd::Failed, &mut after.log);
    after.orders.instrument_known(after.now, V, InstrumentId(1));
    after.now = after.orders.deadline().unwrap();
    after.history(&[]);
    after.list(&[]);
    assert!(after.next().is_none());
}

#[test]
fn more_unknown_orders_than_can_be_looked_up_at_a_time_are_looked_up_all_the_same() {
    const OTHERS: i64 = 1_030;
    let mut after = After::new(RestartPolicy::Adopt);
    let at = DIED.plus_ms(60_000);
    let mut rows: Vec<FillFact> =
        (0..OTHERS).map(|n| FillFact { venue_time: at, ..row(&format!("s-{n}"), &format!("x-{n}"), 1) }).collect();
    rows.push(row_at("e-1", QUANTITY, at)); // ours is behind them all
    after.history(&rows);
    after.list(&[]);
    let mut histories = 0;
    while !after.orders.is_reconciled(V) {
        let (id, query) = after.query();
        match query {
            Query::OrdersByIds { ids, .. } => {
                for asked in ids {
                    let other = ClientOrderId::new("somebody-else").unwrap();
                    let fact = match asked == venue_id("v-1") {
                        true => dead(OrderStatus::Filled, QUANTITY),
                        false => OrderFact {
                            source: FactSource::Query,
                            ..fact(&other, asked.as_str(), OrderStatus::Filled, QUANTITY)
                        },
                    };
                    after.give(&[fact]);
                }
            }
            Query::Fills { .. } | Query::FillsOf { .. } => {
                histories += 1;
                for row in &rows {
                    after.orders.fill_fact(after.now, V, row, &mut after.log);
                }
            }
            other => panic!("{other:?}"),
        }
        after.answer(id);
    }
    assert_eq!((after.orders.counters().put_off, histories), (7, 2), "once more, and the executions of ours");
    assert_eq!(after.log.kinds(), [ExecutionKind::OrderListed, ExecutionKind::Filled, ExecutionKind::Fill]);
}

#[test]
fn a_listing_that_is_due_is_not_put_off_by_the_one_that_follows_a_start() {
    let mut after = After::new(RestartPolicy::Adopt);
    after.history(&[]);
    let (id, query) = after.query();
    assert!(matches!(query, Query::OpenOrders { .. }), "{query:?}");
    after.now = T0.plus_ms(1);
    after.orders.list_open(after.now, V);
    after.answer(id);
    assert!(!after.orders.is_reconciled(V), "it was asked for after that one had begun");
    after.list(&[]);
    assert!(after.orders.is_reconciled(V));
    // What the dead session had on its way is listed all the same.
    after.now = after.now.plus_ms(10_000);
    after.list(&[]);
}

#[test]
fn an_order_that_cannot_be_taken_back_is_swept_all_the_same_and_waited_for() {
    let mut after = After::new(RestartPolicy::Sweep);
    after.history(&[]);
    for round in 0..2 {
        let (id, query) = after.query();
        assert!(matches!(query, Query::OpenOrders { .. }), "{query:?}");
        let open = dead(OrderStatus::Open, 0);
        assert_eq!(
            after.orders.order_fact(after.now, V, (-2, -8), &open, &mut after.log),
            Whose::OurPrefixOtherSession
        );
        assert!(after.orders.cannot_adopt(after.now, V, &open, &mut after.log), "to be cancelled");
        after.answer(id);
        assert!(!after.orders.is_reconciled(V) && after.next().is_none(), "round {round}");
        after.now = after.orders.deadline().unwrap();
    }
    after.list(&[]);
    assert!(after.orders.is_reconciled(V));
    assert_eq!(after.log.kinds(), [ExecutionKind::StrangerOrder], "told once");

    let mut after = After::new(RestartPolicy::Adopt);
    assert!(
        !after.orders.cannot_adopt(after.now, V, &dead(OrderStatus::Open, 0), &mut after.log),
        "it is only adopted"
    );
    assert!(after.orders.leaves_unread(V));
}

/// Sent by the dead session just before its end, not yet listed at the start, nor when the stream was opened again: the
/// listing that waits for what was still on its way comes all the same, and at its own time.
#[test]
fn a_stream_that_opens_again_does_not_put_an_early_listing_in_the_place_of_the_late_one() {
    let mut after = After::new(RestartPolicy::Adopt);
    after.history(&[]);
    after.list(&[]);
    after.now = T0.plus_ms(2_000);
    after.orders.user_stream_down(V);
    after.orders.user_stream_up(after.now, V);
    let (id, query) = after.query();
    assert!(matches!(query, Query::Fills { .. }), "{query:?}");
    after.answer(id);
    after.list(&[]);
    after.now = T0.plus_ms(9_999);
    assert!(after.orders.is_reconciled(V) && after.next().is_none());
    after.now = T0.plus_ms(10_000);
    after.list(&[dead(OrderStatus::Open, 0)]);
    assert_eq!(after.log.kinds(), [ExecutionKind::OrderListed]);
}
