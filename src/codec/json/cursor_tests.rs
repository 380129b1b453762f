use super::super::Plain;
use super::*;
use proptest::prelude::*;

fn walk<R>(text: &str, walk: impl FnOnce(&mut Cursor<'_, '_>) -> Result<R, JsonError>) -> Result<R, JsonError> {
    let mut bytes = text.as_bytes().to_vec();
    // Through a closure of any lifetime: results here never borrow from the text.
    Plain::new(4096).parse(&mut bytes, |cursor| walk(cursor))
}

#[test]
fn reads_every_type_in_order() {
    let seen = walk(r#"{"a":"x\ny","b":true,"c":18446744073709551615,"d":-3,"e":null,"f":[1,2]}"#, |c| {
        let mut fields = c.object()?;
        assert_eq!(fields.left(), 6);
        let mut keys = String::new();
        while let Some(key) = fields.next_key(c)? {
            keys.push_str(key);
            match key {
                "a" => assert_eq!(c.str()?, "x\ny"),
                "b" => assert!(c.bool()?),
                "c" => assert_eq!(c.u64()?, u64::MAX),
                "d" => assert_eq!(c.i64()?, -3),
                "e" => assert_eq!(c.str_or_null()?, None),
                _ => {
                    let mut items = c.array()?;
                    let mut sum = 0;
                    while items.next_item(c)? {
                        sum += c.u64()?;
                    }
                    assert_eq!(sum, 3);
                }
            }
        }
        assert_eq!(c.peek(), JsonKind::Nothing);
        Ok(keys)
    });
    assert_eq!(seen.unwrap(), "abcdef");
}

#[test]
fn names_what_was_expected_what_was_found_and_the_key() {
    let error = walk(r#"{"price_level":{}}"#, |c| {
        let mut fields = c.object()?;
        fields.next_key(c)?;
        c.str().map(|_| ())
    })
    .unwrap_err();
    assert_eq!(error.to_string(), "expected a string at key \"price_level\", found an object");
}

#[test]
fn refuses_money_outside_quotes_whatever_it_is_read_as() {
    for number in ["0.1", "1e3", "-0.5", "1E-8"] {
        for read in [
            |c: &mut Cursor<'_, '_>| c.u64().map(|_| ()),
            |c: &mut Cursor<'_, '_>| c.i64().map(|_| ()),
            |c: &mut Cursor<'_, '_>| c.str().map(|_| ()),
            |c: &mut Cursor<'_, '_>| c.u64_or_text().map(|_| ()),
        ] {
            let error = walk(&format!("[{number}]"), |c| {
                let _items = c.array()?;
                read(c)
            });
            assert!(matches!(error, Err(JsonError::UnquotedNumber { .. })), "{number}: {error:?}");
        }
    }
}

#[test]
fn an_integer_over_64_bits_spoils_the_whole_text() {
    let error = walk("[123456789012345678901234567890]", |c| c.skip());
    assert!(matches!(error, Err(JsonError::Malformed { .. })), "{error:?}");
}

#[test]
fn integers_outside_the_range_are_refused_not_wrapped() {
    let wanted_u64 = walk("-1", |c| c.u64());
    assert!(matches!(wanted_u64, Err(JsonError::OutOfRange { wanted: "u64", .. })));
    let wanted_i64 = walk("18446744073709551615", |c| c.i64());
    assert!(matches!(wanted_i64, Err(JsonError::OutOfRange { wanted: "i64", .. })));
    for text in [r#""+1""#, r#""""#, r#""18446744073709551616""#, r#""1 ""#, r#""-1""#] {
        assert!(matches!(walk(text, |c| c.u64_or_text()), Err(JsonError::OutOfRange { .. })), "{text}");
    }
    assert_eq!(walk(r#""18446744073709551615""#, |c| c.u64_or_text()), Ok(u64::MAX));
    assert_eq!(walk("12240", |c| c.u64_or_text()), Ok(12240));
}

#[test]
fn booleans_may_be_quoted_where_the_caller_says_so() {
    assert_eq!(walk(r#""true""#, |c| c.bool_or_text()), Ok(true));
    assert_eq!(walk("false", |c| c.bool_or_text()), Ok(false));
    assert!(walk(r#""True""#, |c| c.bool_or_text()).is_err());
    assert!(walk(r#""true""#, |c| c.bool()).is_err());
}

#[test]
fn a_forgotten_or_doubly_read_value_is_an_error_not_a_shifted_read() {
    let forgotten = walk(r#"{"a":"b","c":"d"}"#, |c| {
        let mut fields = c.object()?;
        while fields.next_key(c)?.is_some() {}
        Ok(())
    });
    assert!(matches!(forgotten, Err(JsonError::OutOfStep { .. })), "{forgotten:?}");
    let doubly = walk(r#"[["a"],"b"]"#, |c| {
        let _outer = c.array()?;
        let mut inner = c.array()?;
        while inner.next_item(c)? {
            c.str()?;
            c.str()?;
        }
        Ok(())
    });
    assert!(matches!(doubly, Err(JsonError::OutOfStep { .. })), "{doubly:?}");
    let past_the_end = walk("1", |c| {
        c.skip()?;
        c.skip()
    });
    assert!(matches!(past_the_end, Err(JsonError::OutOfStep { .. })));
}

#[test]
fn skips_whole_values_and_the_rest_of_containers() {
    let last = walk(r#"[{"x":[1,{"y":[2]}]},[[],[3]],{"k":1,"l":[4]},9]"#, |c| {
        let _items = c.array()?;
        c.skip()?;
        let inner = c.array()?;
        inner.skip_rest(c)?;
        let mut fields = c.object()?;
        fields.next_key(c)?;
        fields.skip_rest(c)?;
        c.u64()
    });
    assert_eq!(last, Ok(9));
}

#[test]
fn long_and_strange_keys_are_shortened_and_escaped() {
    let key = "ü\u{7}".repeat(40);
    let error = walk(&format!("{{{}:1}}", serde_json::to_string(&key).unwrap()), |c| {
        let mut fields = c.object()?;
        fields.next_key(c)?;
        c.bool()
    })
    .unwrap_err();
    let JsonError::Unexpected { key: kept, .. } = error else { panic!("{error:?}") };
    assert!(key.starts_with(kept.as_str()) && kept.as_str().len() >= 28);
    assert!(!error.to_string().contains('\u{7}'));
}

/// The members `side`, `time` and `number` of an object: guessed in this order first, or by the loop alone.
fn members(text: &str, guess: bool) -> Result<(String, String, u64), JsonError> {
    walk(text, |c| {
        let mut fields = c.object()?;
        let (mut side, mut time, mut number) = ("", "", 0);
        if guess {
            [side, time] = fields.next_strs(["side", "time"], c).unwrap_or_default();
            number = fields.next_u64("number", c).unwrap_or_default();
        }
        while let Some(key) = fields.next_key(c)? {
            match key {
                "side" => side = c.str()?,
                "time" => time = c.str_or_null()?.unwrap_or_default(),
                "number" => number = c.u64_or_text()?,
                _ => c.skip()?,
            }
        }
        assert_eq!(c.peek(), JsonKind::Nothing);
        Ok((side.to_owned(), time.to_owned(), number))
    })
}

#[test]
fn members_in_the_order_guessed_are_taken_at_once_and_others_left() {
    let text = r#"{"side":"bid","time":"now","number":7,"side":"offer"}"#;
    assert_eq!(members(text, true), Ok(("offer".into(), "now".into(), 7)), "a repeated key counts");
    let left = walk(text, |c| {
        let mut fields = c.object()?;
        assert_eq!(fields.next_strs(["time", "side"], c), None);
        assert_eq!(fields.next_u64("side", c), None);
        assert_eq!(fields.next_strs(["side", "time", "number"], c), None, "a number is no string");
        assert_eq!(fields.next_strs(["side", "time"], c), Some(["bid", "now"]));
        assert_eq!((fields.left(), c.last_key()), (2, "time"));
        assert_eq!(fields.next_u64("number", c), Some(7));
        assert_eq!(fields.next_strs(["side", "time"], c), None, "never beyond the object");
        let left = fields.left();
        fields.skip_rest(c)?;
        Ok(left)
    });
    assert_eq!(left, Ok(1));
}

/// The rows of a list, read as pairs of texts: guessed as such first, or element by element alone.
fn rows(text: &str, guess: bool) -> Result<Vec<(String, String)>, JsonError> {
    walk(text, |c| {
        let mut rows = Vec::new();
        let mut items = c.array()?;
        loop {
            if let Some([first, second]) = guess.then(|| items.next_strs(c)).flatten() {
                rows.push((first.to_owned(), second.to_owned()));
                continue;
            }
            if !items.next_item(c)? {
                break;
            }
            let mut row = c.array()?;
            let mut texts = [""; 2];
            for text in &mut texts {
                row.next_item(c)?;
                *text = c.str()?;
            }
            while row.next_item(c)? {
                c.skip()?;
            }
            rows.push((texts[0].to_owned(), texts[1].to_owned()));
        }
        assert_eq!(c.peek(), JsonKind::Nothing);
        Ok(rows)
    })
}

#[test]
fn rows_of_the_form_guessed_are_taken_at_once_and_others_left() {
    let taken = walk(r#"[["1","2"],["1","2","3"],["1",2],[["1"],"2"],{"1":"2"},["5","6"],7]"#, |c| {
        let mut items = c.array()?;
        let mut taken = Vec::new();
        loop {
            let row = items.next_strs::<2>(c);
            taken.push(row.is_some());
            if row.is_none() {
                if !items.next_item(c)? {
                    return Ok(taken);
                }
                c.skip()?;
            }
        }
    });
    assert_eq!(taken, Ok(vec![true, false, false, false, false, true, false, false]));
}

proptest! {
    #[test]
    fn a_guess_changes_nothing_about_what_is_read(members_given in prop::collection::vec(
        (prop::sample::select(vec!["side", "time", "number", "other"]),
         prop::sample::select(vec![r#""bid""#, r#""""#, "7", r#""7""#, "null", "-1", "[1]", r#"{"side":"x"}"#])), 0..6)) {
        let list: Vec<String> = members_given.iter().map(|(key, value)| format!(r#""{key}":{value}"#)).collect();
        let text = format!("{{{}}}", list.join(","));
        prop_assert_eq!(members(&text, true), members(&text, false), "{}", text);
    }

    #[test]
    fn a_guess_of_rows_changes_nothing_about_what_is_read(rows_given in prop::collection::vec(prop_oneof![
        4 => Just(r#"["1","2"]"#),
        1 => prop::sample::select(vec![r#"["1","2","3"]"#, r#"["1"]"#, "[]", r#"["1",2]"#, r#"[["1","2"],"3"]"#,
            r#"["1",["2"]]"#, r#"["1","2",[3]]"#, r#""1""#, "null"]),
    ], 0..6)) {
        let text = format!("[{}]", rows_given.join(","));
        prop_assert_eq!(rows(&text, true), rows(&text, false), "{}", text);
    }
}
