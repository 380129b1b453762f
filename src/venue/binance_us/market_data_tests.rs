use super::super::testing::{instrument, Ear, Told};
use super::*;

const NOW: UnixNanos = UnixNanos(1_700_000_000_000_000_000);

fn waiting(symbols: u32) -> MarketData {
    let mut data = MarketData::default();
    for id in 0..symbols {
        let index = data.index(&instrument(id, &format!("A{id}USD")));
        data.diffs_asked(index);
        data.diffs_flow(index, NOW);
    }
    data
}

#[test]
fn snapshots_are_handed_out_one_by_one_and_each_once() {
    let mut data = waiting(400);
    assert_eq!((data.snapshot_due(NOW), data.deadline()), (Some(50), Some(NOW)));
    let mut seen: Vec<u32> =
        std::iter::from_fn(|| data.next_snapshot(NOW)).map(|request| request.instrument.0).collect();
    seen.sort_unstable();
    assert_eq!(seen, (0..400).collect::<Vec<u32>>());
    assert_eq!((data.snapshot_due(NOW), data.deadline()), (None, None));
}

#[test]
fn a_snapshot_that_fails_is_due_ever_later_and_holds_up_nobody() {
    let mut data = waiting(2);
    let (first, other) = (data.next_snapshot(NOW).unwrap().instrument, data.next_snapshot(NOW).unwrap().instrument);
    let mut now = NOW;
    let mut pauses = Vec::new();
    for _ in 0..9 {
        data.snapshot_failed(first, now);
        let due = data.deadline().unwrap();
        pauses.push(due.since(now) / 1_000_000);
        now = due;
        assert_eq!(data.next_snapshot(now).map(|request| request.instrument), Some(first));
    }
    assert_eq!(pauses, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
    data.snapshot_failed(other, now);
    assert_eq!(data.deadline(), Some(now.plus_ms(1_000)));
}

#[test]
fn a_snapshot_that_stands_still_is_asked_for_ever_more_slowly() {
    let mut data = waiting(1);
    assert!(data.next_snapshot(NOW).is_some());
    let _ = data.diff(NOW, 0, (100, 101), NOW, &mut Ear::default());
    let mut now = NOW;
    let pauses = [(); 5].map(|()| {
        assert_eq!(data.snapshot(now, 0, 50), SnapshotVerdict::TooOld);
        let due = data.deadline().unwrap();
        let pause = due.since(now) / 1_000_000;
        now = due;
        assert!(data.next_snapshot(now).is_some());
        pause
    });
    assert_eq!(pauses, [250, 1_000, 2_000, 4_000, 8_000]);
}

#[test]
fn a_snapshot_of_a_book_that_is_given_up_is_unneeded() {
    let mut data = waiting(1);
    let id = data.next_snapshot(NOW).unwrap().instrument;
    assert!(data.diffs_end(0));
    assert_eq!(data.snapshot(NOW, 0, 5), SnapshotVerdict::Unneeded);
    data.snapshot_failed(id, NOW);
    assert_eq!((data.deadline(), data.is_synced(id)), (None, false));
}

#[test]
fn a_book_carried_by_two_connections_ends_with_the_second() {
    let mut data = waiting(1);
    data.diffs_asked(0);
    assert!(!data.diffs_end(0) && data.diffs_end(0));
}

#[test]
fn a_resync_tells_no_gap_and_one_after_another_slows_down() {
    let mut data = waiting(1);
    let id = data.next_snapshot(NOW).unwrap().instrument;
    assert_eq!(data.snapshot(NOW, 0, 5), SnapshotVerdict::Take);
    assert!(data.snapshot_ends(NOW, 0) && data.is_synced(id));
    data.resync(id, NOW);
    assert_eq!((data.is_synced(id), data.deadline()), (false, Some(NOW)));
    assert!(data.next_snapshot(NOW).is_some());
    data.snapshot(NOW, 0, 6);
    // Found wrong again before it was whole.
    data.resync(id, NOW);
    data.snapshot_failed(id, NOW);
    assert!(data.deadline().unwrap() > NOW);
    data.resync(InstrumentId(9), NOW);
}

#[test]
fn new_exponents_begin_the_book_anew() {
    let mut data = waiting(1);
    let id = data.next_snapshot(NOW).unwrap().instrument;
    data.snapshot(NOW, 0, 5);
    data.snapshot_ends(NOW, 0);
    let mut same = instrument(0, "A0USD");
    data.know(&same, NOW);
    assert!(data.is_synced(id));
    same.price_exponent = -10;
    data.know(&same, NOW);
    assert!(!data.is_synced(id) && data.deadline() == Some(NOW));
}

#[test]
fn parts_hold_one_level_back_so_that_the_last_is_never_empty() {
    let event = BookEvent {
        instrument: InstrumentId(0),
        kind: BookEventKind::SnapshotFirst,
        venue_time: UnixNanos::NONE,
        sequence: 1,
    };
    let shape = |levels: usize, cuts: &[usize]| {
        let (mut parts, mut ear) = (Parts::new(event), Ear::default());
        for level in 0..levels {
            parts.level(BookSide::Bid, level as i64, 1, &mut ear);
            if cuts.contains(&level) {
                parts.cut(&mut ear);
            }
        }
        parts.end(&mut ear);
        ear.take()
            .iter()
            .map(|told| match told {
                Told::Book(e) if e.kind == BookEventKind::SnapshotFirst => 'F',
                Told::Book(_) => 'M',
                Told::Level(..) => 'l',
                Told::BookEnd(last) => {
                    if *last {
                        'E'
                    } else {
                        'c'
                    }
                }
                _ => '?',
            })
            .collect::<String>()
    };
    assert_eq!((shape(0, &[]), shape(1, &[0]), shape(2, &[1])), ("FE".into(), "FlE".into(), "FlcMlE".into()));
    let long = shape(LEVELS_PER_CALL_MAX + 2, &[]);
    assert_eq!((long.matches('c').count(), long.ends_with("cMllE")), (1, true), "{long}");
}
