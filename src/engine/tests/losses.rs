//! What is lost, to a strategy or on the way from the venue, is told with its number, and what is held after it is true.

use super::*;

#[test]
fn a_refused_event_opens_a_gap_with_its_exact_count_and_the_book_comes_from_the_engine() {
    let mut bench = Bench::streaming(300, 7);
    let subscribes = bench.subscribes;
    bench.out.refuse(VICTIM, 100);
    bench.venue.step(bench.now, 200);
    bench.pump();
    assert!(bench.losing && bench.lost > 0);
    assert_eq!(bench.victim.lost_announced, 0, "nothing could be told yet");
    bench.calm();
    assert_eq!(bench.victim.lost_announced, bench.lost_in_all);
    let causes: Vec<_> = bench.victim.gaps.iter().map(|g| (g.cause, g.recovered)).collect();
    assert_eq!(causes, [(GapCause::ConsumerFull, false), (GapCause::ConsumerFull, true)]);
    assert!(bench.shadow.gaps.is_empty(), "the other strategy noticed nothing");
    assert_eq!(bench.subscribes, subscribes, "nobody asked the venue for anything");
    bench.assert_true_everywhere();
}

#[test]
fn a_venue_gap_opens_and_closes_while_the_consumer_is_away() {
    let mut bench = Bench::streaming(300, 3);
    bench.out.refuse(VICTIM, 100);
    bench.venue.step(bench.now, 50);
    bench.pump();
    bench.venue.frames_to_drop = 1;
    bench.venue.step(bench.now, 20);
    bench.pump();
    bench.out.refuse(VICTIM, 0);
    // It learns of its own loss while the books are doubtful: neither may be vouched for before it is whole.
    while bench.give_room() && bench.victim.gaps.is_empty() {}
    for _ in 0..20 {
        bench.give_room();
    }
    bench.calm();
    bench.assert_true_everywhere();
}

#[test]
fn a_book_that_is_lost_while_it_is_handed_over_is_not_handed_over_as_whole() {
    let mut bench = Bench::streaming(300, 3);
    bench.out.refuse(VICTIM, 100);
    bench.venue.step(bench.now, 50);
    bench.pump();
    bench.out.refuse(VICTIM, 0);
    bench.give_room();
    assert_eq!(bench.victim.gaps.len(), 1, "it knows of its loss, and waits for the books");
    bench.out.refuse(VICTIM, 100);
    bench.give_room();
    bench.out.refuse(VICTIM, 0);
    bench.kill("reset");
    for _ in 0..20 {
        bench.give_room();
        assert_ne!(bench.victim.state(0), FollowerState::Whole, "the engine's own is doubtful");
    }
    assert!(!bench.engine.wants_room().contains(VICTIM), "nothing to do before the venue has sent it");
    bench.calm();
    bench.assert_true_everywhere();
}

#[test]
fn one_lost_frame_is_one_gap_per_book_with_its_count_and_one_recovery() {
    let mut bench = Bench::streaming(50, 5);
    bench.venue.frames_to_drop = 2;
    bench.venue.step(bench.now, 1);
    bench.pump();
    while bench.shadow.gaps.is_empty() {
        bench.venue.step(bench.now, 1);
        bench.pump();
    }
    bench.calm();
    let gap = |recovered, lost| Gap { cause: GapCause::Sequence, recovered, lost };
    assert_eq!(bench.shadow.gaps, [gap(false, 2), gap(false, 2), gap(true, 0), gap(true, 0)]);
    assert_eq!(bench.connections, 1, "on the same connection");
    bench.assert_true_everywhere();
}

#[test]
fn frames_lost_while_a_book_is_fetched_again_are_told_with_their_count_too() {
    let mut bench = Bench::streaming(50, 5);
    bench.venue.frames_to_drop = 1;
    for _ in 0..1_000 {
        bench.venue.step(bench.now, 1);
        bench.pump();
        if bench.venue.frames_to_drop == 0 {
            break;
        }
    }
    assert_eq!((bench.venue.frames_to_drop, bench.shadow.gaps.len()), (0, 0), "lost, and not noticed yet");
    bench.venue.step(bench.now, 20);
    bench.venue.tick(bench.now);
    let texts = bench.venue.take_outputs().into_iter().filter_map(|output| match output {
        Output::Text { text, .. } => Some(text),
        _ => None,
    });
    // The first shows the loss; the second is lost while the books are asked for again.
    for (_, text) in texts.enumerate().filter(|(index, _)| *index != 1) {
        server_text(&mut bench.wire, text.as_bytes());
    }
    assert!(bench.read());
    bench.calm();
    let lost: Vec<u64> = bench.shadow.gaps.iter().map(|gap| gap.lost).filter(|lost| *lost > 0).collect();
    assert_eq!(lost, [1, 1, 1, 1], "two frames, each told of both instruments");
    bench.assert_true_everywhere();
}

#[test]
fn a_level_that_cannot_be_is_in_no_book_and_has_it_fetched_again() {
    for (field, value) in [("new_quantity", "-1"), ("price_level", "0"), ("price_level", "-1")] {
        let mut bench = Bench::streaming(50, 5);
        bench.venue.step(bench.now, 20);
        bench.venue.tick(bench.now);
        let text = bench.venue.take_outputs().into_iter().find_map(|output| match output {
            Output::Text { text, .. } if text.contains("\"update\"") && text.contains("new_quantity") => Some(text),
            _ => None,
        });
        let mut message: serde_json::Value = serde_json::from_str(&text.unwrap()).unwrap();
        message["events"][0]["updates"][0][field] = value.into();
        server_text(&mut bench.wire, message.to_string().as_bytes());
        assert!(bench.read());
        let gaps: Vec<GapCause> = bench.shadow.gaps.iter().map(|gap| gap.cause).collect();
        assert_eq!(gaps, [GapCause::Malformed], "{field} {value}");
        bench.calm();
        bench.assert_true_everywhere();
    }
}
