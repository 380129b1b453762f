//! Any cut of any stream, good or damaged, with tungstenite as the judge.

use super::*;

/// One message or control frame, and its bytes on the wire.
fn any_part() -> impl Strategy<Value = Vec<u8>> {
    let whole = prop_oneof![
        "\\PC{0,60}".prop_map(|text| frame(0x81, text.as_bytes())),
        any_bytes(200).prop_map(|bytes| frame(0x82, &bytes))
    ];
    let control = prop_oneof![
        any_bytes(125).prop_map(|bytes| frame(0x89, &bytes)),
        any_bytes(20).prop_map(|bytes| frame(0x8A, &bytes))
    ];
    let fragmented = (
        "\\PC{0,60}",
        proptest::collection::vec((0_usize..90, proptest::option::of(any_bytes(9))), 1..5),
    )
        .prop_map(|(text, mut cuts)| {
            cuts.sort_by_key(|cut| cut.0);
            let (mut wire, mut start, mut first) = (Vec::new(), 0, 0x01);
            for (cut, ping) in cuts {
                let end = cut.clamp(start, text.len());
                wire.extend(frame(first, &text.as_bytes()[start..end]));
                wire.extend(ping.map(|ping| frame(0x89, &ping)).unwrap_or_default());
                (start, first) = (end, 0x00);
            }
            wire.extend(frame(0x80, &text.as_bytes()[start..]));
            wire
        });
    prop_oneof![3 => whole, 1 => control, 3 => fragmented]
}

fn any_bytes(bytes_max: usize) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..=bytes_max)
}

fn any_stream() -> impl Strategy<Value = Vec<u8>> {
    let close = prop_oneof![
        Just(Vec::new()),
        Just(frame(0x88, b"")),
        "\\PC{0,9}".prop_map(|reason| frame(0x88, &[&[0x03, 0xE8], reason.as_bytes()].concat()))
    ];
    (proptest::collection::vec(any_part(), 0..6), close)
        .prop_map(|(parts, close)| [parts.concat(), close].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_good_stream_gives_what_tungstenite_gives_however_it_is_cut_and_whatever_is_kept(
        wire in any_stream(),
        reads in proptest::collection::vec(1_usize..50, 1..6),
        keeps in proptest::collection::vec(0_usize..30, 1..6),
    ) {
        let expected: Vec<Event> = judge(&wire, Role::Client).0.iter().map(as_event).collect();
        for (reads, keeps, limits) in [(&reads[..], &keeps[..], SMALL), (&[1], &[0], SMALL), (&reads, &[0], Limits::default())] {
            let (events, outcome) = read_all(&wire, reads, keeps, limits);
            prop_assert_eq!(outcome, Ok(()));
            prop_assert_eq!(&events, &expected);
        }
    }

    #[test]
    fn a_damaged_stream_is_judged_the_same_however_it_is_cut_and_never_more_kindly_than_by_tungstenite(
        mut wire in any_stream(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        read in 1_usize..50,
    ) {
        prop_assume!(!wire.is_empty());
        for (at, byte) in damage {
            *at.get_mut(&mut wire) = byte;
        }
        let (events, outcome) = read_all(&wire, &[usize::MAX], &[0], SMALL);
        prop_assert_eq!(read_all(&wire, &[read], &[7], SMALL), (events.clone(), outcome));
        let (messages, refused) = judge(&wire, Role::Client);
        let theirs: Vec<Event> = messages.iter().map(as_event).collect();
        match outcome {
            // 1014 is in the IANA registry, but tungstenite reports it as a protocol error of its own.
            Ok(()) if matches!(events.last(), Some(Event::Close(Some(1014), _))) => {
                let before = events.len() - 1;
                prop_assert_eq!(theirs.len(), events.len());
                prop_assert_eq!(&theirs[..before], &events[..before]);
            }
            Ok(()) => {
                prop_assert!(!refused, "tungstenite refuses, we do not");
                prop_assert_eq!(events, theirs);
            }
            // We may refuse what it lets pass (long forms of a length, close codes, early UTF-8), never deliver else than it.
            Err(_) => prop_assert!(theirs.starts_with(&events), "{:?} {:?}", events, theirs),
        }
    }

    #[test]
    fn garbage_never_panics(wire in any_bytes(80), read in 1_usize..20) {
        let _ = read_all(&wire, &[read], &[3], SMALL);
    }
}
