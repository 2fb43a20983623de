use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

/// What the scanner tells about a document, a token a word, faults with their offset.
fn told(document: &[u8], cuts: impl Fn(usize) -> usize) -> String {
    let mut out = String::new();
    let mut scanner = Scanner::new();
    let mut at = 0;
    let mut result = Ok(());
    let mut sink = |event| write!(out, "{} ", word(document, event)).expect("a string takes all");
    while at < document.len() && result.is_ok() {
        let next = cuts(at).clamp(at + 1, document.len());
        result = scanner.push(&document[at..next], &mut sink);
        at = next;
    }
    if let Err(fault) = result.and_then(|()| scanner.finish(&mut sink)) {
        write!(out, "!{:?}@{} ", fault.kind, fault.at).expect("a string takes all");
    }
    out.trim_end().to_owned()
}

fn word(document: &[u8], event: Event) -> String {
    let text = |span: Span| String::from_utf8_lossy(span.of(document).expect("spans fit")).into_owned();
    match event {
        Event::Open { container: Container::Object, .. } => "{".into(),
        Event::Open { container: Container::Array, .. } => "[".into(),
        Event::Close { container: Container::Object, .. } => "}".into(),
        Event::Close { container: Container::Array, .. } => "]".into(),
        Event::Key { span, escaped } => format!("{}{}:", text(span), if escaped { "~" } else { "" }),
        Event::String { span, escaped } => format!("{}{}", text(span), if escaped { "~" } else { "" }),
        Event::Number(span) | Event::Literal(_, span) => text(span),
        Event::Deep(span) => format!("deep({})", span.len()),
        Event::Odd(fault) => format!("?{:?}@{}", fault.kind, fault.at),
    }
}

#[test]
fn tokens_come_with_their_place_however_the_bytes_are_cut() {
    let cases = [
        (r#"{"a":[1,-0,1e400],"b":{}}"#, r#"{ "a": [ 1 -0 1e400 ] "b": { } }"#),
        (" [ true , false,null ] ", "[ true false null ]"),
        ("18446744073709551617", "18446744073709551617"),
        (r#""\u00e9""#, r#""\u00e9"~"#),
        (r#"{"\u0061":"x"}"#, r#"{ "\u0061"~: "x" }"#),
        (r#""\ud83d\ude00""#, r#""\ud83d\ude00"~"#),
        (r#""\ud83d""#, r#"?LoneSurrogate@1 "\ud83d"~"#),
        (r#""\ude00 ""#, r#"?LoneSurrogate@1 "\ude00 "~"#),
        (r#""\ud83d\n""#, r#"?LoneSurrogate@1 "\ud83d\n"~"#),
        (r#""\ud83d\ud83d\ude00""#, r#"?LoneSurrogate@1 "\ud83d\ud83d\ude00"~"#),
        ("\"\u{2028}\"", "\"\u{2028}\""),
        ("", "!NotJson@0"),
        ("  ", "!NotJson@2"),
        ("01", "0 !NotJson@1"),
        ("1.", "!NotJson@2"),
        ("-", "!NotJson@1"),
        ("1e+", "!NotJson@3"),
        ("+1", "!NotJson@0"),
        ("nul", "!NotJson@3"),
        ("nulL", "!NotJson@3"),
        ("NaN", "!NotJson@0"),
        ("[1,]", "[ 1 !NotJson@3"),
        ("[,1]", "[ !NotJson@1"),
        (r#"{"a":1,}"#, r#"{ "a": 1 !NotJson@7"#),
        (r#"{"a" 1}"#, r#"{ "a": !NotJson@5"#),
        ("{a:1}", "{ !NotJson@1"),
        ("[1}", "[ 1 !NotJson@2"),
        ("[1", "[ 1 !NotJson@2"),
        ("{}{}", "{ } !NotJson@2"),
        ("1 2", "1 !NotJson@2"),
        ("\"a\nb\"", "!NotJson@2"),
        (r#""\x""#, "!NotJson@2"),
        (r#""\u12g4""#, "!NotJson@5"),
        ("\u{feff}1", "!NotJson@0"),
        ("[1]\0", "[ 1 ] !NotJson@3"),
    ];
    for (document, expected) in cases {
        let document = document.as_bytes();
        assert_eq!(told(document, |_| usize::MAX), expected);
        assert_eq!(told(document, |at| at + 1), expected, "cut everywhere");
        for cut in 1..document.len() {
            let once = |at| if at < cut { cut } else { usize::MAX };
            assert_eq!(told(document, once), expected, "cut at {cut}");
        }
    }
}

#[test]
fn what_is_too_deep_is_one_value_and_does_not_end_the_scan() {
    let inner = r#"["]}\"",{}]"#;
    let (open, close) = ("[".repeat(MAX_DEPTH - 1), "]".repeat(MAX_DEPTH - 1));
    let words = told(format!(r#"{{"a":{open}{inner}{close},"b":1}}"#).as_bytes(), |at| at + 7);
    let expected = format!("[ ?TooDeep@{} deep({}) ]", 5 + MAX_DEPTH - 1, inner.len());
    assert!(words.contains(&expected), "{words}");
    assert!(words.ends_with(r#"] "b": 1 }"#), "{words}");
    assert_eq!(told("[".repeat(100_000).as_bytes(), |_| usize::MAX).matches('[').count(), MAX_DEPTH);
    assert!(
        told(&[b"[".repeat(MAX_DEPTH), b"]".repeat(MAX_DEPTH)].concat(), |_| { usize::MAX }).ends_with(']')
    );
}

#[test]
fn strings_are_decoded_and_written_back() {
    let cases: &[(&str, &[u8])] = &[
        (r#""plain""#, b"plain"),
        (r#""""#, b""),
        (r#""a\"b\\c\/d""#, b"a\"b\\c/d"),
        (r#""\b\f\n\r\t""#, b"\x08\x0c\n\r\t"),
        (r#""\u0000\u001f""#, b"\0\x1f"),
        (r#""\u00e9\u20ac""#, "é€".as_bytes()),
        (r#""\ud83d\ude00!""#, "😀!".as_bytes()),
        (r#""\ud83d!""#, b"\xed\xa0\xbd!"),
        (r#""\ud83d\ud83d\ude00""#, b"\xed\xa0\xbd\xf0\x9f\x98\x80"),
        (r#""x\ude00""#, b"x\xed\xb8\x80"),
    ];
    for (raw, decoded) in cases {
        assert_eq!(&*unescape(raw.as_bytes()), *decoded, "{raw}");
        let mut written = b"\"".to_vec();
        escape_into(decoded, &mut written);
        written.push(b'"');
        assert_eq!(&*unescape(&written), *decoded, "{raw}");
        let mut odd = 0;
        let valid = scan(&written, &mut |event| {
            odd += usize::from(matches!(event, Event::Odd(_)));
        });
        assert_eq!(valid, Ok(()), "{raw}");
        assert_eq!(odd, usize::from(decoded.windows(2).any(|two| two[0] == 0xed && two[1] >= 0xa0)), "{raw}");
    }
    assert_eq!(unescape_lossy(br#""a\ud83d""#), "a\u{fffd}\u{fffd}\u{fffd}");
    assert_eq!(unescape(br#""a\"#), &b"a\\"[..].to_vec()[..]);
}

#[test]
fn a_value_is_found_inside_a_value() {
    let cases = [
        (r#"{"a":{"b":[1,{"b":2}],"c":"x"}}"#, &["a", "b"][..], Some(r#"[1,{"b":2}]"#)),
        (r#"{"a":{"b":[1],"c":"x"}}"#, &["a", "c"], Some(r#""x""#)),
        (r#"{"a":1,"a":2}"#, &["a"], Some("2")),
        (r#"{"a":{"b":1},"a":{}}"#, &["a", "b"], None),
        (r#"{"a":{"b":1},"a":3}"#, &["a", "b"], None),
        (r#"{"x":{"a":1}}"#, &["a"], None),
        (r#"[{"a":1}]"#, &["a"], None),
        (r#"{"a":[{"b":1}]}"#, &["a", "b"], None),
        (r#"{"\u0061":null}"#, &["a"], Some("null")),
        (r#" {"a": true } "#, &[], Some(r#"{"a": true }"#)),
        (r#"{"a":1"#, &["a"], None),
    ];
    for (raw, path, expected) in cases {
        assert_eq!(find(raw.as_bytes(), path), expected.map(str::as_bytes), "{raw} {path:?}");
    }
}

#[test]
fn broken_utf8_is_found_where_it_begins() {
    let cases: &[(&[u8], Option<u64>)] = &[
        (b"abc", None),
        ("a😀é".as_bytes(), None),
        (b"a\xff", Some(1)),
        (b"ab\xf0\x9f\x98", Some(2)),
        (b"ab\xf0\x9f\x98x", Some(2)),
        (b"\xed\xa0\x80", Some(0)),
        (b"\xc3\xa9\xc3", Some(2)),
    ];
    for (bytes, expected) in cases {
        for size in 1..=bytes.len() {
            let mut utf8 = Utf8::default();
            for piece in bytes.chunks(size) {
                utf8.push(piece);
            }
            assert_eq!(utf8.finish(), *expected, "{bytes:?} in pieces of {size}");
        }
    }
}

/// Documents that a small change makes wrong, and wrong ones.
fn document() -> impl Strategy<Value = Vec<u8>> {
    let token = "(\\{|\\}|\\[|\\]|,|:|\"a\"|\"\\\\u00e9\"|\"\\\\ud83d\"|\"é\"|-|0|1|12|\\.|e|E|\\+|true|null|fals|\"| |\n|\t|\\\\)";
    let soup = prop::collection::vec(token, 0..14).prop_map(|tokens| tokens.concat().into_bytes());
    let leaf = prop_oneof![
        any::<i64>().prop_map(serde_json::Value::from),
        any::<f64>().prop_map(serde_json::Value::from),
        any::<String>().prop_map(serde_json::Value::from),
        any::<Option<bool>>().prop_map(serde_json::Value::from),
    ];
    let value = leaf.prop_recursive(4, 24, 5, |value| {
        prop_oneof![
            prop::collection::vec(value.clone(), 0..5).prop_map(serde_json::Value::from),
            prop::collection::btree_map(any::<String>(), value, 0..5)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    });
    let mutated = (value, any::<Option<(prop::sample::Index, u8)>>()).prop_map(|(value, change)| {
        let mut bytes = serde_json::to_vec_pretty(&value).expect("a value is JSON");
        if let Some((at, byte)) = change {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    });
    prop_oneof![soup, mutated]
}

proptest! {
    #[test]
    fn the_scanner_accepts_what_another_parser_accepts(document in document()) {
        let mut utf8 = Utf8::default();
        utf8.push(&document);
        let ours = scan(&document, &mut |_| ()).is_ok() && utf8.finish().is_none();
        // It checks the grammar like ours: numbers of any size, lone surrogates.
        let theirs = serde_json::from_slice::<&serde_json::value::RawValue>(&document).is_ok();
        prop_assert_eq!(ours, theirs, "{:?}", String::from_utf8_lossy(&document));
    }

    #[test]
    fn decoded_strings_are_those_of_another_parser(text in any::<String>(), ascii in any::<bool>()) {
        let mut raw = serde_json::to_string(&text).expect("a string is JSON");
        if ascii {
            raw = raw.chars().fold(String::new(), |out, char| {
                let mut units = [0; 2];
                if char.is_ascii() { return out + char.encode_utf8(&mut [0; 4]); }
                char.encode_utf16(&mut units).iter().fold(out, |out, unit| out + &format!("\\u{unit:04X}"))
            });
        }
        prop_assert_eq!(&*unescape(raw.as_bytes()), text.as_bytes());
        prop_assert_eq!(unescape_lossy(raw.as_bytes()), text.as_str());
        let mut written = b"\"".to_vec();
        escape_into(text.as_bytes(), &mut written);
        written.push(b'"');
        prop_assert_eq!(serde_json::from_slice::<String>(&written).ok(), Some(text));
    }

    #[test]
    fn any_bytes_are_scanned_alike_however_they_are_cut(document in document(), size in 1_usize..9) {
        prop_assert_eq!(told(&document, |at| at + size), told(&document, |_| usize::MAX));
    }
}
