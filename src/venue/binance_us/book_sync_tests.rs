use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const NOW: UnixNanos = UnixNanos(1_700_000_000_000_000_000);

fn sync() -> BookSync {
    let mut sync = BookSync::new();
    sync.begin();
    sync
}

fn level(price: i64, size: i64) -> KeptLevel {
    KeptLevel { side: BookSide::Bid, price, size }
}

/// Keeps a level of the diff that came last.
fn keep(sync: &mut BookSync, level: KeptLevel) -> bool {
    let last = sync.diffs.last().map_or(0, |diff| diff.last);
    sync.keep(last, level)
}

fn synced_at(id: u64) -> BookSync {
    let mut sync = sync();
    assert_eq!(sync.snapshot(id), SnapshotVerdict::Take);
    assert!(sync.snapshot_ends());
    assert_eq!(sync.synced_id(), Some(id));
    sync
}

#[test]
fn a_book_nobody_wants_takes_nothing() {
    let mut sync = BookSync::new();
    assert_eq!(sync.diff(1, 2, NOW), Admission::Ignore);
    assert_eq!(sync.snapshot(2), SnapshotVerdict::Unneeded);
}

#[test]
fn diffs_in_the_snapshot_are_dropped_and_the_next_must_follow_it() {
    let mut sync = sync();
    for (first, last) in [(5, 6), (7, 9), (10, 10)] {
        assert_eq!(sync.diff(first, last, NOW), Admission::Buffer);
        assert!(keep(&mut sync, level(first as i64, 1)));
    }
    assert_eq!(sync.snapshot(8), SnapshotVerdict::Take);
    assert!(sync.snapshot_ends());
    // 7..=9 overlaps the snapshot: its sizes are absolute.
    let (diff, levels) = sync.replay(10).unwrap();
    assert_eq!((diff.first, diff.last, levels), (7, 9, &[level(7, 1)][..]));
    sync.replayed(1);
    assert_eq!(sync.replay(10).unwrap().0.last, 10);
    sync.replayed(1);
    assert_eq!((sync.phase(), sync.synced_id()), (Phase::Synced, Some(10)));
    assert_eq!(sync.diff(11, 12, NOW), Admission::Apply);
}

#[test]
fn a_snapshot_just_before_the_first_diff_is_contiguous_and_one_older_is_not() {
    let mut sync = sync();
    assert_eq!(sync.diff(5, 6, NOW), Admission::Buffer);
    assert_eq!(sync.snapshot(3), SnapshotVerdict::TooOld);
    assert_eq!(sync.snapshot(4), SnapshotVerdict::Take);
    assert!(sync.snapshot_ends());
    assert_eq!(sync.replay(1).unwrap().0.first, 5);
}

#[test]
fn a_gap_is_counted_and_the_diff_that_shows_it_begins_the_next_attempt() {
    let mut sync = synced_at(10);
    assert_eq!(sync.diff(14, 15, NOW), Admission::Gap(3));
    keep(&mut sync, level(1, 1));
    assert_eq!((sync.phase(), sync.snapshot(12)), (Phase::Waiting, SnapshotVerdict::TooOld));
    assert_eq!(sync.diff(16, 16, NOW), Admission::Buffer);
    assert_eq!(sync.snapshot(13), SnapshotVerdict::Take);
    assert!(sync.snapshot_ends());
    let (diff, levels) = sync.replay(10).unwrap();
    assert_eq!((diff.first, levels.len()), (14, 1));
}

/// Of two connections.
fn twofold_at(id: u64) -> BookSync {
    let mut sync = synced_at(id);
    sync.twofold = true;
    sync
}

#[test]
fn of_two_connections_one_that_is_ahead_waits_for_the_other() {
    let mut sync = twofold_at(10);
    for id in [13, 14] {
        assert_eq!(sync.diff(id, id, NOW), Admission::Buffer);
        assert!(keep(&mut sync, level(id as i64, 1)));
    }
    assert_eq!((sync.phase(), sync.synced_id()), (Phase::Bridging, Some(10)));
    assert_eq!(sync.diff(11, 11, NOW), Admission::Apply);
    assert_eq!(sync.phase(), Phase::Bridging, "one is still missing");
    assert_eq!(sync.diff(12, 12, NOW), Admission::Apply);
    for id in [13, 14] {
        let (diff, levels) = sync.replay(10).unwrap();
        assert_eq!((diff.first, levels), (id, &[level(id as i64, 1)][..]));
        sync.replayed(1);
    }
    assert_eq!((sync.phase(), sync.synced_id()), (Phase::Synced, Some(14)));
    assert_eq!(sync.diff(13, 13, NOW), Admission::Ignore, "the one that was behind brings it too");
    assert_eq!(sync.diff(15, 16, NOW), Admission::Apply);
}

#[test]
fn what_neither_of_two_connections_brings_is_a_gap_as_soon_as_both_are_past_it() {
    let mut sync = twofold_at(10);
    assert_eq!(sync.diff(12, 12, NOW), Admission::Buffer);
    assert_eq!(sync.diff(12, 12, NOW), Admission::Gap(1), "the other one is past it as well");
    assert_eq!(sync.phase(), Phase::Waiting);

    let mut sync = twofold_at(10);
    assert_eq!(sync.diff(12, 12, NOW), Admission::Buffer);
    sync.twofold = false;
    assert_eq!(sync.diff(13, 13, NOW), Admission::Gap(2), "the one that was behind is gone");
}

#[test]
fn while_a_long_diff_is_told_in_pieces_the_other_connection_waits_and_may_take_over() {
    let mut sync = twofold_at(10);
    assert_eq!(sync.diff(11, 13, NOW), Admission::Apply);
    sync.long_begins(11);
    assert_eq!(sync.diff(11, 13, NOW), Admission::Ignore, "the same from the other one");
    assert_eq!(sync.diff(14, 14, NOW), Admission::Buffer);
    assert!(keep(&mut sync, level(1, 1)));
    assert!(sync.replay(10).is_none(), "not before it is told");
    sync.long_ends();
    assert_eq!(sync.replay(10).unwrap().0.first, 14);
    sync.replayed(1);
    assert_eq!((sync.phase(), sync.synced_id()), (Phase::Synced, Some(14)));

    assert_eq!(sync.diff(15, 20, NOW), Admission::Apply);
    sync.long_begins(15);
    sync.twofold = false;
    sync.long_lost();
    assert_eq!(sync.diff(15, 20, NOW), Admission::Apply, "the other one brings it whole");

    sync.twofold = true;
    assert_eq!(sync.diff(21, 25, NOW), Admission::Apply);
    sync.long_begins(21);
    assert_eq!(sync.diff(26, 26, NOW), Admission::Buffer, "the other one is past it");
    sync.twofold = false;
    sync.long_lost();
    assert!(matches!(sync.diff(27, 27, NOW), Admission::Gap(_)));
}

#[test]
fn a_kept_diff_that_another_connection_came_between_is_void_with_everything_kept() {
    let mut sync = sync();
    sync.twofold = true;
    assert_eq!(sync.diff(11, 20, NOW), Admission::Buffer);
    assert!(sync.keep(20, level(1, 1)));
    assert_eq!(sync.diff(21, 22, NOW), Admission::Buffer, "the other one is past it");
    assert!(sync.keep(22, level(1, 3)));
    assert!(sync.keep(20, level(1, 2)), "nothing is held that this would make wrong");
    assert!(sync.keep(20, level(2, 2)));
    assert_eq!(sync.snapshot(21), SnapshotVerdict::TooOld, "what is kept does not lead on from there any more");
    assert_eq!(sync.snapshot(22), SnapshotVerdict::Take);
    assert!(sync.snapshot_ends());
    assert_eq!((sync.phase(), sync.replay(10)), (Phase::Synced, None));
}

#[test]
fn a_bridge_keeps_no_more_than_one_call_can_tell() {
    let mut sync = twofold_at(10);
    assert_eq!(sync.diff(12, 12, NOW), Admission::Buffer);
    assert!((0..LEVELS_PER_CALL_MAX).all(|price| keep(&mut sync, level(price as i64, 1))));
    assert!(!keep(&mut sync, level(0, 1)), "then it is a gap");
    assert_eq!((sync.phase(), sync.synced_id()), (Phase::Waiting, None));
}

#[test]
fn repetitions_over_a_second_connection_are_ignored_and_overlaps_applied() {
    let mut sync = synced_at(10);
    assert_eq!(sync.diff(11, 13, NOW), Admission::Apply);
    assert_eq!(sync.diff(11, 13, NOW), Admission::Ignore);
    assert_eq!(sync.diff(12, 12, NOW), Admission::Ignore);
    assert_eq!(sync.diff(13, 15, NOW), Admission::Apply);
    assert_eq!(sync.synced_id(), Some(15));
}

#[test]
fn a_diff_that_a_snapshot_overtook_is_dropped_however_long_nothing_came_before_it() {
    let mut first = synced_at(10);
    assert_eq!(first.diff(8, 9, NOW), Admission::Ignore, "the first one ever");
    assert_eq!(first.diff(10, 11, NOW.plus_ms(100)), Admission::Apply);

    let mut again = synced_at(10);
    assert_eq!(again.diff(11, 12, NOW), Admission::Apply);
    again.begin();
    assert_eq!(again.snapshot(20), SnapshotVerdict::Take);
    assert!(again.snapshot_ends());
    let late = NOW.plus_ms(10 * IDS_RESTARTED_MS);
    assert_eq!(again.diff(18, 19, late), Admission::Ignore, "the first one after an outage");
    assert_eq!(again.diff(3, 4, late.plus_ms(IDS_RESTARTED_MS + 1)), Admission::Gap(0), "still behind much later");
}

#[test]
fn ids_that_begin_again_are_a_gap_of_unknown_size() {
    let mut sync = synced_at(1_000);
    assert_eq!(sync.diff(1_001, 1_001, NOW), Admission::Apply);
    assert_eq!(sync.diff(5, 6, NOW.plus_ms(IDS_RESTARTED_MS)), Admission::Ignore);
    assert_eq!(sync.diff(7, 8, NOW.plus_ms(IDS_RESTARTED_MS + 1)), Admission::Gap(0));
    assert_eq!(sync.snapshot(8), SnapshotVerdict::Take);
}

#[test]
fn a_snapshot_never_goes_behind_what_was_seen() {
    let mut sync = synced_at(10);
    assert_eq!(sync.diff(11, 20, NOW), Admission::Apply);
    assert!(sync.broken());
    assert_eq!(sync.snapshot(19), SnapshotVerdict::TooOld);
    assert_eq!(sync.snapshot(20), SnapshotVerdict::Take);
}

#[test]
fn buffers_are_bounded_and_what_they_lose_is_not_forgotten() {
    let mut sync = sync();
    for id in 0..BUFFERED_EVENTS_MAX as u64 {
        assert_eq!(sync.diff(id + 1, id + 1, NOW), Admission::Buffer);
    }
    let next = BUFFERED_EVENTS_MAX as u64 + 1;
    assert_eq!(sync.diff(next, next, NOW), Admission::Buffer);
    assert_eq!((sync.diffs.len(), sync.snapshot(next - 2)), (1, SnapshotVerdict::TooOld));
    let mut sync = synced_at(10);
    sync.begin();
    assert_eq!(sync.diff(11, 11, NOW), Admission::Buffer);
    for price in 0..=BUFFERED_LEVELS_MAX as i64 {
        assert!(keep(&mut sync, level(price, 1)));
    }
    assert_eq!((sync.diffs.len(), sync.levels.len()), (0, 0));
    assert_eq!(sync.snapshot(10), SnapshotVerdict::TooOld);
    assert_eq!(sync.snapshot(11), SnapshotVerdict::Take);
}

#[test]
fn what_comes_while_the_kept_diffs_are_told_waits_behind_them() {
    let mut sync = sync();
    sync.diff(5, 5, NOW);
    (0..3).for_each(|price| assert!(keep(&mut sync, level(price, 1))));
    assert_eq!(sync.snapshot(4), SnapshotVerdict::Take);
    assert!(sync.snapshot_ends());
    assert_eq!(sync.replay(2).unwrap().1.len(), 2);
    sync.replayed(2);
    assert_eq!(sync.diff(6, 6, NOW), Admission::Buffer);
    keep(&mut sync, level(9, 9));
    assert_eq!(sync.replay(2).unwrap().1, [level(2, 1)]);
    sync.replayed(1);
    assert_eq!(sync.replay(2).unwrap().1, [level(9, 9)]);
    assert_eq!(sync.diff(8, 8, NOW), Admission::Gap(1));
}

/// The venue's book: one change per update id.
#[derive(Default)]
struct Venue {
    changes: Vec<(i64, i64)>,
}

impl Venue {
    fn book_at(&self, id: u64) -> BTreeMap<i64, i64> {
        let mut book = BTreeMap::new();
        for (price, size) in self.changes.iter().take(id as usize) {
            set(&mut book, *price, *size);
        }
        book
    }

    fn diff(&self, first: u64, last: u64) -> BTreeMap<i64, i64> {
        self.changes[first as usize - 1..last as usize].iter().copied().collect()
    }
}

fn set(book: &mut BTreeMap<i64, i64>, price: i64, size: i64) {
    if size == 0 {
        book.remove(&price);
    } else {
        book.insert(price, size);
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// The venue changes so often and sends a diff over one connection; lost if the flag is set.
    Diff { changes: u8, lost: bool },
    /// The second connection sends the updates of the last so many ids again.
    Again { back: u8 },
    /// A diff comes that cannot be read after so many levels.
    Broken { changes: u8 },
    /// A snapshot arrives that was taken so many updates ago.
    Snapshot { lag: u8 },
    /// The snapshot being told ends, or fails.
    SnapshotEnds { fails: bool },
    /// Kept diffs are told, so many levels at most.
    Replay { most: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1u8..5, prop::bool::weighted(0.1)).prop_map(|(changes, lost)| Step::Diff { changes, lost }),
        2 => (1u8..9).prop_map(|back| Step::Again { back }),
        1 => (1u8..5).prop_map(|changes| Step::Broken { changes }),
        2 => (0u8..12).prop_map(|lag| Step::Snapshot { lag }),
        3 => prop::bool::weighted(0.1).prop_map(|fails| Step::SnapshotEnds { fails }),
        3 => (1u8..6).prop_map(|most| Step::Replay { most }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    /// Whatever is lost, repeated, broken or late: a book that says it is in sync equals the venue's book at its id, and
    /// once diffs flow again it is never behind what came.
    #[test]
    fn a_synced_book_is_the_venues_book(
        steps in prop::collection::vec(step(), 1..120),
        changes in prop::collection::vec((0i64..6, 0i64..4), 700),
    ) {
        let venue = Venue { changes };
        let mut sync = sync();
        let mut book = BTreeMap::new();
        let (mut sent, mut loading) = (0u64, None);
        let offer = |sync: &mut BookSync, book: &mut BTreeMap<i64, i64>, first: u64, last: u64, readable: bool| {
            let admission = sync.diff(first, last, NOW.plus_ms(last));
            for (at, (price, size)) in venue.diff(first, last).into_iter().enumerate() {
                if !readable && at > 0 {
                    break;
                }
                match admission {
                    Admission::Ignore => {}
                    Admission::Apply => set(book, price, size),
                    Admission::Buffer | Admission::Gap(_) => { keep(sync, level(price, size)); }
                }
            }
            if !readable && admission != Admission::Ignore {
                sync.broken();
            }
        };
        for step in steps {
            match step {
                Step::Diff { changes, lost } => {
                    let (first, last) = (sent + 1, sent + u64::from(changes));
                    sent = last;
                    if !lost {
                        offer(&mut sync, &mut book, first, last, true);
                        if let Some(id) = sync.synced_id() {
                            prop_assert_eq!(id, sent, "in sync, but behind");
                        }
                    }
                }
                Step::Again { back } => {
                    let first = sent.saturating_sub(u64::from(back)) + 1;
                    if first <= sent {
                        offer(&mut sync, &mut book, first, sent, true);
                    }
                }
                Step::Broken { changes } => {
                    let (first, last) = (sent + 1, sent + u64::from(changes));
                    sent = last;
                    offer(&mut sync, &mut book, first, last, false);
                    prop_assert!(sync.synced_id().is_none(), "in sync after a broken diff");
                }
                Step::Snapshot { lag } => {
                    let id = sent.saturating_sub(u64::from(lag));
                    if sync.snapshot(id) == SnapshotVerdict::Take {
                        loading = Some(id);
                    }
                }
                Step::SnapshotEnds { fails } => {
                    if let Some(id) = loading.take() {
                        if fails {
                            sync.snapshot_fails();
                        } else if sync.snapshot_ends() {
                            book = venue.book_at(id);
                        }
                    }
                }
                Step::Replay { most } => {
                    let told = sync.replay(most.into()).map(|(_, levels)| levels.to_vec());
                    if let Some(levels) = told {
                        for level in &levels {
                            set(&mut book, level.price, level.size);
                        }
                        sync.replayed(levels.len());
                    }
                }
            }
            if let Some(id) = sync.synced_id() {
                prop_assert_eq!(&book, &venue.book_at(id), "at {}", id);
            }
        }
    }
}
