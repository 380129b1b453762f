use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

/// Far longer than any scheduler takes on a crowded machine; a wake-up that takes this long was lost.
const LOST: Duration = Duration::from_secs(20);

#[derive(Debug, Clone)]
enum Step {
    PushAll(usize),
    Push,
    Pop,
    Read(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0usize..9).prop_map(Step::PushAll),
        Just(Step::Push),
        Just(Step::Pop),
        (0usize..12).prop_map(Step::Read),
    ];
    proptest::collection::vec(step, 0..200)
}

proptest! {
    #[test]
    fn any_interleaving_keeps_order_whole_events_and_exact_counts(capacity in 0usize..70, steps in steps()) {
        let (mut producer, mut consumer) = ring::<u64>(capacity, None);
        let mut model: VecDeque<u64> = VecDeque::new();
        let mut expected = RingFigures { capacity: capacity as u64, ..RingFigures::default() };
        let (mut next, mut deepest) = (0u64, 0u64);
        for step in steps {
            let event: Vec<u64> = match step {
                Step::PushAll(n) => (next..next + n as u64).collect(),
                Step::Push => vec![next],
                Step::Pop | Step::Read(_) => Vec::new(),
            };
            next += event.len() as u64;
            match step {
                Step::PushAll(_) | Step::Push => {
                    let fits = model.len() + event.len() <= capacity;
                    let taken = match step {
                        Step::Push => producer.push(event[0]),
                        _ => producer.push_all(&event),
                    };
                    prop_assert_eq!(taken, fits);
                    if fits {
                        expected.pushed += event.len() as u64;
                        model.extend(event);
                    } else {
                        expected.refused += event.len() as u64;
                        expected.high_water = expected.high_water.max(model.len() as u64);
                    }
                    deepest = deepest.max(model.len() as u64);
                }
                Step::Pop => {
                    let popped = model.pop_front();
                    expected.popped += u64::from(popped.is_some());
                    prop_assert_eq!(consumer.pop(), popped);
                }
                Step::Read(max) => {
                    let mut seen = Vec::new();
                    let count = consumer.read(max, |records| seen.extend_from_slice(records));
                    let wanted: Vec<u64> = model.drain(..max.min(model.len())).collect();
                    prop_assert_eq!(count, wanted.len());
                    prop_assert_eq!(seen, wanted);
                    expected.popped += count as u64;
                }
            }
            prop_assert_eq!((consumer.len(), producer.free()), (model.len(), capacity - model.len()));
            let figures = consumer.counters().figures();
            prop_assert_eq!(figures.pushed, figures.popped + model.len() as u64);
            let counted = RingFigures { high_water: expected.high_water, ..figures };
            prop_assert_eq!(counted, expected);
            // `free` above refreshes what the producer knows, so this is the bound the doc promises, not more.
            let step = (capacity / HIGH_WATER_STEPS) as u64;
            prop_assert!(figures.high_water <= deepest && figures.high_water + step >= deepest);
            prop_assert!(figures.high_water >= expected.high_water, "exact once something was refused");
        }
    }
}

#[test]
fn the_high_water_mark_stays_within_a_step_though_the_consumer_is_rarely_asked() {
    let (mut producer, mut consumer) = ring::<u64>(320, None);
    for depth in [5, 40, 200, 3, 199] {
        assert!(producer.push_all(&vec![0; depth]));
        while consumer.pop().is_some() {}
    }
    assert!((190..=200).contains(&producer.counters().high_water()), "{}", producer.counters().high_water());
    assert!(!producer.push_all(&[0; 321]));
    assert_eq!(producer.counters().figures().refused, 321);
}

#[test]
fn a_stalled_consumer_is_seen_in_the_mark_to_the_last_record() {
    let (mut producer, _consumer) = ring::<u64>(320, None);
    let mut pushed = 0;
    while producer.push(0) {
        pushed += 1;
    }
    assert_eq!((pushed, producer.counters().high_water()), (320, 320));
}

#[test]
fn each_end_sees_that_the_other_is_gone_and_what_it_left() {
    let (mut producer, mut consumer) = ring::<u64>(4, None);
    assert!(!consumer.is_ready() && !producer.is_abandoned());
    assert!(producer.push(7));
    drop(producer);
    assert!(consumer.is_abandoned() && consumer.is_ready());
    assert_eq!((consumer.pop(), consumer.pop()), (Some(7), None));
    let (producer, consumer) = ring::<u64>(4, None);
    drop(consumer);
    assert!(producer.is_abandoned());
}

#[test]
fn a_ring_carries_whole_events_in_order_between_threads() {
    const EVENTS: u64 = 20_000;
    let (mut producer, mut consumer) = ring::<(u64, u64)>(64, None);
    let counters = consumer.counters().clone();
    let writer = thread::spawn(move || {
        for event in 0..EVENTS {
            let size = event % 7 + 1;
            let records: Vec<_> = (0..size).map(|left| (event, size - 1 - left)).collect();
            while !producer.push_all(&records) {
                thread::yield_now();
            }
        }
    });
    let (mut seen, mut expected, mut records) = (0, (0, 0), 0u64);
    while seen < EVENTS {
        let count = consumer.read(usize::MAX, |slice| {
            for record in slice {
                assert_eq!(*record, expected);
                expected = match record.1 {
                    0 => (record.0 + 1, (record.0 + 1) % 7),
                    left => (record.0, left - 1),
                };
                seen += u64::from(record.1 == 0);
            }
        });
        records += count as u64;
        if count == 0 {
            thread::yield_now();
        } else {
            assert_eq!(expected.1, expected.0 % 7, "a look never ends inside an event");
        }
    }
    writer.join().unwrap();
    assert_eq!((counters.pushed(), counters.popped()), (records, records));
}

#[test]
fn a_bell_wakes_only_a_parked_sleeper_and_only_once() {
    let calls = Arc::new(AtomicU64::new(0));
    let count = calls.clone();
    let (bell, mut sleeper) = Doorbell::waking(move || {
        count.fetch_add(1, Ordering::Relaxed);
    });
    bell.ring();
    assert_eq!(calls.load(Ordering::Relaxed), 0);
    let slept = sleeper.park(|| false, || (0..3).for_each(|_| bell.ring()));
    assert!(slept && calls.load(Ordering::Relaxed) == 1);
    assert!(!sleeper.park(|| true, || panic!("slept although there was work")));
    bell.ring();
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

#[test]
fn a_wait_ends_when_time_is_up_or_something_is_there_already() {
    let (bell, mut sleeper) = Doorbell::for_thread();
    let (mut producer, consumer) = ring::<u64>(4, Some(bell));
    let start = Instant::now();
    thread::current().unpark();
    assert!(!sleeper.wait(Duration::from_millis(20), || consumer.is_ready()));
    assert!(start.elapsed() >= Duration::from_millis(20), "a stray unpark ended the wait");
    assert!(producer.push(1));
    assert!(sleeper.wait(LOST, || consumer.is_ready()));
    assert!(start.elapsed() < LOST);
}

#[test]
fn one_bell_serves_three_rings_and_rings_when_a_producer_ends() {
    let (bell, mut sleeper) = Doorbell::for_thread();
    let (market_in, market) = ring::<u64>(4, Some(bell.clone()));
    let (mut statistics_in, mut statistics) = ring::<u64>(4, Some(bell.clone()));
    let (mut executions_in, mut executions) = ring::<u64>(4, Some(bell));
    let (step, steps) = std::sync::mpsc::channel::<()>();
    let reactor = thread::spawn(move || {
        // A moment after each step, so that the sleeper is usually parked by then.
        let pause = || thread::sleep(Duration::from_millis(2));
        steps.recv().map(|()| pause()).unwrap();
        assert!(statistics_in.push(1));
        steps.recv().map(|()| pause()).unwrap();
        assert!(executions_in.push(2));
        steps.recv().map(|()| pause()).unwrap();
        drop(market_in);
        (statistics_in, executions_in)
    });
    for wanted in [(Some(1), None), (None, Some(2)), (None, None)] {
        step.send(()).unwrap();
        assert!(sleeper.wait(LOST, || market.is_ready() || !statistics.is_empty() || !executions.is_empty()));
        assert_eq!((statistics.pop(), executions.pop()), wanted);
    }
    assert!(market.is_abandoned());
    reactor.join().unwrap();
}

#[test]
fn a_sleeper_moved_to_another_thread_is_woken_there() {
    let (bell, mut sleeper) = Doorbell::for_thread();
    let (mut producer, mut consumer) = ring::<u64>(4, Some(bell));
    assert!(!sleeper.wait(Duration::from_millis(1), || consumer.is_ready()));
    let moved = thread::spawn(move || {
        let woken = sleeper.wait(LOST, || consumer.is_ready());
        (woken, consumer.pop())
    });
    thread::sleep(Duration::from_millis(5));
    assert!(producer.push(9));
    assert_eq!(moved.join().unwrap(), (true, Some(9)));
}

/// The consumer parks after every record; the producer pushes the next at the very moment the last was taken, so that
/// push and park race. A lost wake-up leaves both waiting, and the wait reports it.
#[test]
fn no_push_is_lost_on_a_thread_that_is_falling_asleep() {
    const PARKS: u64 = 30_000;
    let (bell, mut sleeper) = Doorbell::for_thread();
    let (mut producer, mut consumer) = ring::<u64>(4, Some(bell));
    let failed = Arc::new(AtomicBool::new(false));
    let gave_up = failed.clone();
    let strategy = thread::spawn(move || {
        for wanted in 0..PARKS {
            if !sleeper.wait(LOST, || consumer.is_ready()) {
                gave_up.store(true, Ordering::Relaxed);
                panic!("wake-up {wanted} was lost");
            }
            assert_eq!(consumer.pop(), Some(wanted));
        }
    });
    for record in 0..PARKS {
        assert!(producer.push(record));
        // Every other time let the sleeper get anywhere between its look and its sleep.
        for _ in 0..(record % 64) * (record & 1) {
            std::hint::spin_loop();
        }
        while producer.counters().popped() <= record && !failed.load(Ordering::Relaxed) {
            thread::yield_now();
        }
    }
    strategy.join().unwrap();
}

/// The reactor's direction, with the waker and the poll it really sleeps in, both sides parking.
#[test]
fn a_poll_and_a_thread_wake_each_other_without_losing_a_ring() {
    const ROUNDS: u64 = 15_000;
    const WAKER: mio::Token = mio::Token(0);
    let mut poll = mio::Poll::new().unwrap();
    let waker = mio::Waker::new(poll.registry(), WAKER).unwrap();
    let (reactor_bell, mut reactor) = Doorbell::waking(move || waker.wake().unwrap());
    let (strategy_bell, mut strategy) = Doorbell::for_thread();
    let (mut orders_in, mut orders) = ring::<u64>(4, Some(reactor_bell));
    let (mut market_in, mut market) = ring::<u64>(4, Some(strategy_bell));
    let strategy = thread::spawn(move || {
        for round in 0..ROUNDS {
            assert!(orders_in.push(round));
            assert!(strategy.wait(LOST, || market.is_ready()), "ring {round} of the reactor was lost");
            assert_eq!(market.pop(), Some(round));
        }
    });
    let mut events = mio::Events::with_capacity(4);
    for round in 0..ROUNDS {
        let start = Instant::now();
        while !orders.is_ready() {
            reactor.park(|| orders.is_ready(), || poll.poll(&mut events, Some(LOST)).unwrap());
            assert!(start.elapsed() < LOST, "ring {round} of the strategy was lost");
        }
        assert_eq!(orders.pop(), Some(round));
        assert!(market_in.push(round));
    }
    strategy.join().unwrap();
}
