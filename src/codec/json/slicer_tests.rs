use super::*;
use crate::codec::test_captures;
use proptest::prelude::*;
use simd_json::{Buffers, Node, Tape};

const NAMES: &[&str] = &["updates", "trades"];

/// What a walk over all slices of a message saw.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    /// Array index and element, in order; elements as their tape prints, which is exact and comparable.
    elements: Vec<(usize, String)>,
    heads: Vec<String>,
    slices: usize,
    end: String,
}

/// Deeper than the plain parser goes: the oracle must not fail where only a limit of ours would.
fn tape_of(text: &mut [u8]) -> Option<Tape<'_>> {
    let mut tape = Tape(Vec::new());
    simd_json::fill_tape(text, &mut Buffers::with_max_depth(64, 4096), &mut tape).ok()?;
    Some(tape)
}

fn size_of_value(nodes: &[Node<'_>]) -> usize {
    match nodes[0] {
        Node::Object { count, .. } | Node::Array { count, .. } => count + 1,
        _ => 1,
    }
}

fn elements_of(mut nodes: &[Node<'_>], len: usize) -> Vec<String> {
    let mut elements = Vec::new();
    for _ in 0..len {
        let (element, rest) = nodes.split_at(size_of_value(nodes));
        elements.push(format!("{element:?}"));
        nodes = rest;
    }
    elements
}

/// The elements of all long arrays of a whole text, by one parse of it; `None` if it is not JSON.
fn oracle(text: &[u8]) -> Option<Vec<(usize, String)>> {
    fn visit(nodes: &[Node<'_>], out: &mut Vec<(usize, String)>) {
        match nodes[0] {
            Node::Array { len, .. } => {
                let mut rest = &nodes[1..];
                for _ in 0..len {
                    visit(rest, out);
                    rest = &rest[size_of_value(rest)..];
                }
            }
            Node::Object { len, .. } => {
                let mut rest = &nodes[1..];
                for _ in 0..len {
                    let Node::String(key) = rest[0] else {
                        panic!("keys are strings")
                    };
                    rest = &rest[1..];
                    match (rest[0], NAMES.iter().position(|name| *name == key)) {
                        (Node::Array { len, .. }, Some(array)) => {
                            out.extend(
                                elements_of(&rest[1..], len)
                                    .into_iter()
                                    .map(|element| (array, element)),
                            );
                        }
                        _ => visit(rest, out),
                    }
                    rest = &rest[size_of_value(rest)..];
                }
            }
            _ => {}
        }
    }
    let mut text = text.to_vec();
    let tape = tape_of(&mut text)?;
    let mut out = Vec::new();
    visit(&tape.0, &mut out);
    Some(out)
}

#[derive(Debug, PartialEq)]
enum Refusal {
    Slice(SliceError),
    Json,
}

/// Pushes `text` in pieces that end at `cuts`, takes every slice, parses every slice, and scribbles over it.
fn slice_up(
    slicer: &mut ArraySlicer,
    limits: SliceLimits,
    text: &[u8],
    cuts: &[usize],
) -> Result<Seen, Refusal> {
    let mut seen = Seen::default();
    let mut array_open = usize::MAX;
    let mut last_seen = true;
    let mut pieces = Vec::new();
    let mut from = 0;
    for &cut in cuts {
        let cut = cut.clamp(from, text.len());
        pieces.push(&text[from..cut]);
        from = cut;
    }
    pieces.push(&text[from..]);
    slicer.reset();
    let last_piece = pieces.len() - 1;
    for (index, mut piece) in pieces.into_iter().enumerate() {
        loop {
            let taken = slicer.push(piece);
            piece = &piece[taken..];
            if index == last_piece && piece.is_empty() {
                slicer.finish();
            }
            let mut progress = taken > 0;
            loop {
                match slicer.next_slice().map_err(Refusal::Slice)? {
                    Slice::NeedMore => break,
                    Slice::Head { text, array } => {
                        assert!(
                            last_seen,
                            "a new array only after the last elements of the one before"
                        );
                        array_open = array;
                        seen.heads.push(String::from_utf8_lossy(text).into_owned());
                        tape_of(&mut text.to_vec()).ok_or(Refusal::Json)?;
                        text.fill(b'#');
                    }
                    Slice::Elements { text, last } => {
                        let mut copy = text.to_vec();
                        let tape = tape_of(&mut copy).ok_or(Refusal::Json)?;
                        let Node::Array { len, .. } = tape.0[0] else {
                            panic!("elements come as an array")
                        };
                        let elements = elements_of(&tape.0[1..], len);
                        assert!(len > 0 && len <= limits.slice_elements_max);
                        assert!(text.len() <= limits.slice_bytes_max || len == 1);
                        seen.elements
                            .extend(elements.into_iter().map(|element| (array_open, element)));
                        seen.slices += 1;
                        last_seen = last;
                        text.fill(b'#');
                    }
                    Slice::End { text } => {
                        assert!(piece.is_empty() && index == last_piece);
                        assert!(last_seen, "the last elements were flagged");
                        tape_of(&mut text.to_vec()).ok_or(Refusal::Json)?;
                        seen.end = String::from_utf8_lossy(text).into_owned();
                        return Ok(seen);
                    }
                }
                progress = true;
            }
            if piece.is_empty() {
                break;
            }
            assert!(
                progress,
                "a full buffer with nothing to take would hang the caller"
            );
        }
    }
    panic!("a finished message ends");
}

fn limits(slice_bytes_max: usize, slice_elements_max: usize, assembly_bytes: usize) -> SliceLimits {
    SliceLimits {
        slice_bytes_max,
        slice_elements_max,
        assembly_bytes,
    }
}

fn slices(text: &str, bytes: usize, elements: usize) -> Result<Seen, Refusal> {
    let limits = limits(bytes, elements, 4096);
    slice_up(
        &mut ArraySlicer::with_limits(NAMES, limits),
        limits,
        text.as_bytes(),
        &[],
    )
}

#[test]
fn the_example_of_the_module_holds() {
    let text = r#"{"channel":"l2_data","events":[{"type":"snapshot","updates":[1,2,3]}],"sequence_num":0}"#;
    let seen = slices(text, 64, 2).unwrap();
    assert_eq!(
        seen.heads,
        [r#"{"channel":"l2_data","events":[{"type":"snapshot","updates":[]}]}"#]
    );
    assert_eq!(
        seen.end,
        r#"{"channel":"l2_data","events":[{"type":"snapshot","updates":[]}],"sequence_num":0}"#
    );
    assert_eq!(seen.slices, 2);
    assert_eq!(Some(seen.elements), oracle(text.as_bytes()));
}

#[test]
fn the_last_slice_of_an_array_says_so() {
    let mut slicer = ArraySlicer::with_limits(NAMES, limits(64, 2, 256));
    slicer.push(br#"{"updates":[ 1 , 2 , 3 ]}"#);
    slicer.finish();
    assert!(matches!(
        slicer.next_slice(),
        Ok(Slice::Head { array: 0, .. })
    ));
    assert_eq!(
        slicer.next_slice(),
        Ok(Slice::Elements {
            text: &mut b"[ 1 , 2 ]".to_vec(),
            last: false
        })
    );
    assert_eq!(
        slicer.next_slice(),
        Ok(Slice::Elements {
            text: &mut b"[ 3 ]".to_vec(),
            last: true
        })
    );
    assert_eq!(
        slicer.next_slice(),
        Ok(Slice::End {
            text: &mut br#"{"updates":[]}"#.to_vec()
        })
    );
    assert_eq!(slicer.next_slice(), Err(SliceError::Finished));
}

#[test]
fn a_second_array_brings_a_second_head_in_which_it_is_the_last() {
    let text = r#"{"events":[{"product":"A","updates":[1]},{"product":"B","updates":[]},{"product":"C","trades":[{}]}],"s":1}"#;
    let seen = slices(text, 64, 8).unwrap();
    assert_eq!(
        seen.heads,
        [
            r#"{"events":[{"product":"A","updates":[]}]}"#,
            r#"{"events":[{"product":"A","updates":[]},{"product":"B","updates":[]}]}"#,
            r#"{"events":[{"product":"A","updates":[]},{"product":"B","updates":[]},{"product":"C","trades":[]}]}"#,
        ]
    );
    assert_eq!(
        seen.elements
            .iter()
            .map(|(array, _)| *array)
            .collect::<Vec<_>>(),
        [0, 1]
    );
    assert_eq!(seen.slices, 2, "an empty array gives no slice");
}

#[test]
fn a_message_without_long_arrays_is_its_own_end() {
    let text =
        r#"{"channel":"heartbeats","updates":null,"events":[{"updates":"["}],"x":{"updates":{}}}"#;
    let seen = slices(text, 16, 1).unwrap();
    assert_eq!(
        (seen.end.as_str(), seen.heads.len(), seen.slices),
        (text, 0, 0)
    );
}

#[test]
fn strings_that_look_like_structure_do_not_mislead() {
    for hostile in [
        r#"},{"#,
        r#"}]}"#,
        r#"\"},{\""#,
        r#"\\"#,
        r#"[[["#,
        r#"]"#,
        r#"{"#,
        r#"\u005d"#,
        r#"\\\"]"#,
    ] {
        let element = format!(
            r#"{{"a":"{hostile}","{hostile}":[{{"b":"{hostile}"}},{{}}],"updates":[1,2]}}"#
        );
        let text = format!(
            r#"{{"{hostile}x":"{hostile}","updates":[{}]}}"#,
            vec![element; 9].join(", ")
        );
        for bytes in [16, 64, 200, 400] {
            let seen = slices(&text, bytes, 4).unwrap();
            assert_eq!(
                Some(seen.elements),
                oracle(text.as_bytes()),
                "{hostile} {bytes}"
            );
        }
    }
}

#[test]
fn commas_without_elements_are_refused() {
    for inside in [
        ",",
        "1,",
        ",1",
        "1,,2",
        "{},{},",
        "{},,{}",
        " , ",
        "{},{},{},{},{},{},{},{},{},{},{},{},,{}",
    ] {
        for bytes in [16, 32, 64] {
            let seen = slices(&format!(r#"{{"updates":[{inside}]}}"#), bytes, 8);
            assert!(seen.is_err(), "[{inside}] {bytes} gave {seen:?}");
        }
    }
}

#[test]
fn broken_messages_are_refused_at_the_latest_at_their_end() {
    for text in [
        "",
        "{",
        r#"{"updates":["#,
        r#"{"updates":[1"#,
        r#"{"updates":["]}"#,
        r#"{"updates":[1]"#,
        r#"{"updates":[1}}"#,
        r#"{"updates":[1]]}"#,
        r#"{"updates":[1]}}"#,
        r#"{"updates":[1]} x"#,
        r#"{"updates":[1] "x":2}"#,
        r#"["updates":[1]]"#,
        r#"{"updates":[{]}}"#,
        r#"{"a" "updates":[1]}"#,
        "{\"updates\":[\"\u{1}\"]}",
    ] {
        assert!(slices(text, 16, 4).is_err(), "{text}");
        assert_eq!(oracle(text.as_bytes()), None);
    }
    let utf8 = b"{\"updates\":[\"\xff\"]}";
    let limits = limits(16, 4, 64);
    assert!(slice_up(
        &mut ArraySlicer::with_limits(NAMES, limits),
        limits,
        utf8,
        &[]
    )
    .is_err());
}

#[test]
fn every_limit_has_its_own_error() {
    let refused = |text: &str, limits: SliceLimits| match slice_up(
        &mut ArraySlicer::with_limits(NAMES, limits),
        limits,
        text.as_bytes(),
        &[],
    ) {
        Err(Refusal::Slice(error)) => error,
        other => panic!("{other:?}"),
    };
    let usual = limits(16, 4, 64);
    let element = format!(r#"{{"updates":["{}"]}}"#, "x".repeat(64));
    assert_eq!(
        refused(&element, usual),
        SliceError::ElementTooLong { max: 64 }
    );
    let fits = format!(r#"{{"updates":[1,"{}",2]}}"#, "x".repeat(50));
    assert_eq!(
        slices(&fits, 16, 4).unwrap().slices,
        3,
        "an element over the budget goes alone"
    );
    let skeleton = format!(r#"{{"x":"{}"}}"#, "x".repeat(SKELETON_BYTES_MAX));
    assert_eq!(
        refused(&skeleton, usual),
        SliceError::SkeletonTooLong {
            max: SKELETON_BYTES_MAX
        }
    );
    assert_eq!(
        refused(&"[".repeat(33), usual),
        SliceError::TooDeep { max: 32 }
    );
    let arrays = format!("[{}]", vec![r#"{"updates":[]}"#; ARRAYS_MAX + 1].join(","));
    assert_eq!(
        refused(&arrays, usual),
        SliceError::TooManyArrays { max: ARRAYS_MAX }
    );
    assert_eq!(
        refused(r#"{"upd\u0061tes":[1]}"#, usual),
        SliceError::EscapedKey
    );
    assert!(
        slices(r#"{"upd\u0061tes":1}"#, 16, 4).is_ok(),
        "only arrays could be disguised"
    );
}

#[test]
fn misuse_is_a_typed_error_and_never_hangs() {
    let mut slicer = ArraySlicer::new(NAMES);
    slicer.push(b"{}");
    slicer.finish();
    assert_eq!(slicer.push(b"more"), 4);
    assert_eq!(slicer.next_slice(), Err(SliceError::Finished));
    assert_eq!(
        slicer.push(&[0; 1 << 20]),
        1 << 20,
        "after an error everything is dropped"
    );
    slicer.reset();
    slicer.push(b"{}");
    slicer.finish();
    assert_eq!(
        slicer.next_slice(),
        Ok(Slice::End {
            text: &mut b"{}".to_vec()
        })
    );
}

#[test]
fn a_message_over_the_limit_is_refused_while_it_arrives() {
    let mut slicer = ArraySlicer::new(NAMES);
    slicer.push(br#"{"updates":["#);
    let piece = r#"{"price_level":"1","new_quantity":"2"},"#.repeat(1000);
    let error = (0..MESSAGE_BYTES_MAX).step_by(piece.len()).find_map(|_| {
        slicer.push(piece.as_bytes());
        loop {
            match slicer.next_slice() {
                Ok(Slice::NeedMore) => break None,
                Ok(_) => {}
                Err(error) => break Some(error),
            }
        }
    });
    assert_eq!(
        error,
        Some(SliceError::MessageTooLong {
            max: MESSAGE_BYTES_MAX
        })
    );
}

#[test]
fn a_snapshot_of_megabytes_passes_in_full_slices() {
    let level = r#"{"side":"bid","event_time":"2026-09-30T02:39:53.407329Z","price_level":"83277.25","new_quantity":"0.007"}"#;
    let text = format!(
        r#"{{"channel":"l2_data","sequence_num":0,"events":[{{"type":"snapshot","product_id":"BTC-USD","updates":[{}]}}]}}"#,
        vec![level; 6_000].join(",")
    );
    let limits = SliceLimits::default();
    let mut slicer = ArraySlicer::new(NAMES);
    let seen = slice_up(
        &mut slicer,
        limits,
        text.as_bytes(),
        &[1, 4096, 20_000, 20_001, 300_000],
    )
    .unwrap();
    assert_eq!(seen.elements.len(), 6_000);
    assert!(
        seen.slices <= text.len() / SLICE_BYTES_MAX + 6,
        "{} slices",
        seen.slices
    );
    assert_eq!(Some(seen.elements), oracle(text.as_bytes()));
}

#[test]
fn recorded_frames_slice_as_they_parse() {
    let Some(stream) = test_captures::text("coinbase/fastmm/advanced_md_stream.jsonl") else {
        return;
    };
    let limits = limits(512, 5, 1024);
    let mut slicer = ArraySlicer::with_limits(NAMES, limits);
    let mut elements = 0;
    for line in stream.lines() {
        let seen = slice_up(&mut slicer, limits, line.as_bytes(), &[100, 101, 777]).unwrap();
        elements += seen.elements.len();
        assert_eq!(Some(seen.elements), oracle(line.as_bytes()));
    }
    assert!(elements > 2_000, "{elements}");
}

fn hostile_string() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "", "},{", "}", "{", "[", "]", "\"", "\\", "\",\"", "],[", "\"},{\"", "é", ","
        ])
        .prop_map(str::to_owned),
        "[a-z{}\\[\\]\",:\\\\]{0,8}",
    ]
}

fn any_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i32>().prop_map(Into::into),
        hostile_string().prop_map(Into::into),
    ];
    let key = prop::sample::select(vec![
        "updates", "updates", "trades", "events", "a", "updates ", "}", "{[", "],",
    ]);
    leaf.prop_recursive(5, 96, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
            prop::collection::vec((key.clone(), inner), 0..6).prop_map(|members| {
                serde_json::Value::Object(
                    members
                        .into_iter()
                        .map(|(key, value)| (key.to_owned(), value))
                        .collect(),
                )
            }),
        ]
    })
}

/// A message like the venues': flat objects or pairs in a long array, now and then something else among them.
fn any_message() -> impl Strategy<Value = serde_json::Value> {
    let level = prop_oneof![
        8 => (any::<u16>(), hostile_string()).prop_map(|(price, text)| serde_json::json!({"p": price.to_string(), "t": text})),
        4 => any::<u16>().prop_map(|price| serde_json::json!({"p": price.to_string(), "o": {"x": {}}})),
        1 => any_value(),
    ];
    let pair = (any::<u8>(), hostile_string()).prop_map(|(price, text)| match price {
        0..8 => serde_json::json!([[price], [text]]),
        8..16 => serde_json::json!([text, [price], [price]]),
        16..20 => price.into(),
        _ => serde_json::json!([price.to_string(), text]),
    });
    let levels = prop_oneof![
        3 => prop::collection::vec(level, 0..40),
        2 => prop::collection::vec(pair, 0..40),
    ];
    (levels, any_value())
        .prop_map(|(levels, other)| serde_json::json!({"events": [{"a": other, "updates": levels}, {"trades": [other]}]}))
}

fn text_of(message: &serde_json::Value, style: u8) -> Vec<u8> {
    match style {
        0 => serde_json::to_vec(message).unwrap(),
        1 => serde_json::to_vec_pretty(message).unwrap(),
        // The venue's own bodies have spaces after commas in places; done to strings as well, which is as good.
        _ => serde_json::to_string(message)
            .unwrap()
            .replace("},{", "}, {")
            .replace("],[", "],  [")
            .into_bytes(),
    }
}

/// The message with every long array emptied.
fn emptied(message: &mut serde_json::Value) {
    match message {
        serde_json::Value::Array(items) => items.iter_mut().for_each(emptied),
        serde_json::Value::Object(members) => {
            for (key, value) in members {
                match value {
                    serde_json::Value::Array(items) if NAMES.contains(&key.as_str()) => {
                        items.clear()
                    }
                    other => emptied(other),
                }
            }
        }
        _ => {}
    }
}

/// Byte changes, each a place (as a fraction of the length) and what to put there.
fn any_damage() -> impl Strategy<Value = Vec<(f64, Option<u8>)>> {
    let byte = prop::sample::select(b"{}[]\",:\\ 1en\xff".to_vec());
    prop::collection::vec((0.0..1.0, prop::option::of(byte)), 0..4)
}

fn cuts_of(fractions: &[f64], len: usize) -> Vec<usize> {
    let mut cuts: Vec<usize> = fractions
        .iter()
        .map(|fraction| (fraction * len as f64) as usize)
        .collect();
    cuts.sort_unstable();
    cuts
}

proptest! {
    #[test]
    fn slices_give_what_the_whole_parse_gives(message in prop_oneof![any_value(), any_message()], style in 0_u8..3,
            fractions in prop::collection::vec(0.0..1.0, 0..12), bytes in 16_usize..300, elements in 1_usize..12,
            spare in 0_usize..100) {
        let text = text_of(&message, style);
        // Room for any element whole.
        let limits = limits(bytes, elements, text.len() + spare);
        let seen = slice_up(&mut ArraySlicer::with_limits(NAMES, limits), limits, &text, &cuts_of(&fractions, text.len()));
        let seen = seen.map_err(|refusal| TestCaseError::fail(format!("{refusal:?}")))?;
        prop_assert_eq!(Some(seen.elements), oracle(&text));
        let mut skeleton: serde_json::Value = serde_json::from_slice(&text).unwrap();
        emptied(&mut skeleton);
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&seen.end).unwrap(), skeleton);
    }

    #[test]
    fn damaged_messages_are_refused_or_read_as_the_whole_parse_reads_them(
            message in prop_oneof![any_value(), any_message()], style in 0_u8..2, damage in any_damage(),
            fractions in prop::collection::vec(0.0..1.0, 0..6), bytes in 16_usize..200, elements in 1_usize..12) {
        let mut text = text_of(&message, style);
        for (place, byte) in damage {
            let at = (place * text.len() as f64) as usize;
            match byte {
                Some(byte) if at < text.len() => text[at] = byte,
                Some(byte) => text.push(byte),
                None => text.truncate(at),
            }
        }
        let limits = limits(bytes, elements, 2 * bytes);
        let whole = oracle(&text);
        match slice_up(&mut ArraySlicer::with_limits(NAMES, limits), limits, &text, &cuts_of(&fractions, text.len())) {
            Ok(seen) => prop_assert_eq!(Some(seen.elements), whole),
            Err(Refusal::Slice(SliceError::ElementTooLong { .. } | SliceError::EscapedKey | SliceError::TooDeep { .. })) => {}
            Err(refusal) => prop_assert!(whole.is_none(), "{:?} for {}", refusal, String::from_utf8_lossy(&text)),
        }
    }

    #[test]
    fn soup_never_panics_and_never_passes_where_the_whole_parse_fails(
            text in prop::collection::vec(prop::sample::select(vec!["{", "}", "[", "]", "\"updates\":[", "\"", ",", ":", "\\",
                "{}", "{},{}", "1", " ", "\"a\"", "\"a\":", "null", "]}", "\u{1}"]), 0..60),
            bytes in 16_usize..64, elements in 1_usize..4) {
        let text = text.concat();
        let limits = limits(bytes, elements, 128);
        let seen = slice_up(&mut ArraySlicer::with_limits(NAMES, limits), limits, text.as_bytes(), &[]);
        if let Ok(seen) = seen {
            prop_assert_eq!(Some(seen.elements), oracle(text.as_bytes()));
        }
    }
}
