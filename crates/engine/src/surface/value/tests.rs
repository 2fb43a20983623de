use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

#[track_caller]
fn canonical(text: &str) -> String {
    String::from_utf8(Value::parse(text.as_bytes()).unwrap().to_json()).unwrap()
}

#[test]
fn what_means_the_same_has_one_form() {
    for (texts, one) in [
        (&["1", "1.0", "1e0", "10e-1", "0.1E+1", "100e-2"][..], "1"),
        (&["-0", "0.000", "0e7", "-0.0e-3"], "0"),
        (&["1500", "1.5e3", "15E2"], "1500"),
        (&["0.00125", "1.25e-3"], "0.00125"),
        (&["1e400", "10e399", "0.1e401"], "1e400"),
        (&["12345678901234567890123", "12345678901234567890123.0"], "12345678901234567890123e0"),
        (&[r#""\u0061\/""#, r#""a/""#], r#""a/""#),
        (&[r#""\ud83d\ude00""#, "\"\u{1f600}\""], "\"\u{1f600}\""),
        (
            &[r#"{"b":1,"a":2}"#, r#"{ "a" : 2.0 , "b" : 1 }"#, r#"{"a":0,"b":1,"\u0061":2}"#],
            r#"{"a":2,"b":1}"#,
        ),
        (&["[ ]"], "[]"),
    ] {
        for text in texts {
            assert_eq!(canonical(text), *one, "{text}");
        }
    }
}

#[test]
fn what_means_another_thing_has_another_form() {
    for (one, other) in [
        ("1", "1.0000000000000001"),
        ("9007199254740993", "9007199254740992"),
        (r#""\ud800""#, r#""\ufffd""#),
        ("[1,2]", "[2,1]"),
        ("null", "false"),
        ("1", "\"1\""),
        ("1", "-1"),
    ] {
        assert_ne!(canonical(one), canonical(other));
    }
}

#[test]
fn what_is_no_json_is_refused_at_its_place() {
    assert_eq!(Value::parse(b"{\"a\":}").unwrap_err().at, 5);
    assert!(Value::parse(b"").is_err());
}

#[test]
fn what_is_nested_deeply_is_read_without_harm() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(canonical(&deep), deep);
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Word("null")),
        any::<i64>().prop_map(|n| Value::Number(n.to_string())),
        (-999_i32..999, -30_i32..30)
            .prop_map(|(n, power)| Value::Number(number(format!("{n}e{power}").as_bytes()))),
        ".{0,6}".prop_map(Value::text),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            prop::collection::btree_map(".{0,3}".prop_map(String::into_bytes), inner, 0..4)
                .prop_map(Value::Object),
        ]
    })
}

/// The same in other words: members backwards, every character an escape, numbers with an exponent, blanks.
fn reworded(value: &Value, out: &mut String) {
    let quoted = |text: &[u8]| {
        let text = String::from_utf8_lossy(text).into_owned();
        let mut escapes = "\"".to_owned();
        for unit in text.encode_utf16() {
            write!(escapes, "\\u{unit:04X}").unwrap();
        }
        escapes + "\""
    };
    match value {
        Value::Word(word) => *out += word,
        Value::Number(digits) if digits.contains('e') => *out += digits,
        Value::Number(digits) => *out += &[digits.as_str(), "E+0"].concat(),
        Value::Text(text) => *out += &quoted(text),
        Value::Deep(raw) => *out += &String::from_utf8_lossy(raw),
        Value::List(items) => {
            *out += "[ ";
            for (n, item) in items.iter().enumerate() {
                *out += if n > 0 { " ,\n" } else { "" };
                reworded(item, out);
            }
            *out += " ]";
        }
        Value::Object(members) => {
            *out += "{\t";
            for (n, (name, value)) in members.iter().rev().enumerate() {
                *out += if n > 0 { " , " } else { "" };
                *out += &quoted(name);
                *out += " : ";
                reworded(value, out);
            }
            *out += "\r\n}";
        }
    }
}

proptest! {
    #[test]
    fn other_words_for_the_same_have_the_same_form(value in json()) {
        let canonical = value.to_json();
        let mut other = String::new();
        reworded(&value, &mut other);
        prop_assert_eq!(Value::parse(&canonical).unwrap().to_json(), canonical.clone());
        let read = Value::parse_once(other.as_bytes()).unwrap();
        prop_assert_eq!(read, (value, false));
    }

    #[test]
    fn what_peers_send_is_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..64), text in "[\\[\\]{}\",:0-9eE.+-]{0,40}") {
        for document in [bytes.as_slice(), text.as_bytes()] {
            if let Ok(value) = Value::parse(document) {
                let canonical = value.to_json();
                prop_assert_eq!(Value::parse(&canonical).unwrap().to_json(), canonical);
            }
        }
    }
}
