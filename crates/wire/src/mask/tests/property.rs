//! What holds for every input.

use bytes::Bytes;
use proptest::prelude::*;

use super::super::{MAX_SUMMARY, TextStream};
use super::{masker, shown};
use crate::json;
use crate::record::Piece;
use crate::shape::Shape;

/// JSON with names and values that the masker looks at, secret and harmless ones.
fn document() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "password",
        "token",
        "id",
        "method",
        "name",
        "value",
        "text",
        "nextToken",
        "api_key",
        "data",
        "properties",
        "type",
        "default",
        "default",
        "authorization",
        "error",
        "code",
        "params",
        "result",
        "jsonrpc",
    ]);
    let leaf = prop_oneof![
        "[ -~]{0,24}".prop_map(|text| super::sample::quoted(&text)),
        "[A-Za-z0-9+/_=-]{20,60}".prop_map(|text| format!("\"{text}\"")),
        "gh[ps]_[A-Za-z0-9]{36}".prop_map(|text| format!("\"{text}\"")),
        "postgres://[a-z]{3,8}:[A-Za-z0-9]{8,12}@h".prop_map(|text| format!("\"{text}\"")),
        "(password|token|api_key)[:=] ?[a-zA-Z0-9]{6,20}".prop_map(|text| super::sample::quoted(&text)),
        "-?[1-9][0-9]{0,9}(\\.[0-9]{1,3})?(e[0-9])?",
        Just("true".to_owned()),
        Just("null".to_owned()),
        Just("\"\\ud83d\\ude00 \\u0041\"".to_owned()),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|items| format!("[{}]", items.join(", "))),
            prop::collection::vec((name.clone(), inner.clone()), 0..6).prop_map(|members| {
                let members: Vec<_> =
                    members.iter().map(|(name, value)| format!("\"{name}\" :{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
            inner.prop_map(|value| super::sample::quoted(&value)),
        ]
    })
}

/// Brackets, names and the kinds of values, numbers as strings where they are masked.
fn skeleton(document: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let bytes = document.as_bytes();
    json::scan(bytes, &mut |event| {
        parts.push(match event {
            json::Event::Open { container, .. } => format!("open {container:?}"),
            json::Event::Close { container, .. } => format!("close {container:?}"),
            json::Event::Key { span, .. } => String::from_utf8_lossy(span.of(bytes).unwrap()).into_owned(),
            json::Event::String { .. } | json::Event::Number(_) => "scalar".to_owned(),
            json::Event::Literal(literal, _) => format!("{literal:?}"),
            json::Event::Deep(_) | json::Event::Odd(_) => "odd".to_owned(),
        });
    })
    .unwrap_or_else(|fault| panic!("{document} is not JSON: {fault:?}"));
    parts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn masked_json_has_the_same_members_in_the_same_order(document in document()) {
        let masked = shown(&masker().message(document.as_bytes()));
        prop_assert_eq!(skeleton(&document), skeleton(&masked), "{} -> {}", document, masked);
    }

    #[test]
    fn masking_neither_makes_nor_removes_a_finding(
        document in document(),
        head in prop::sample::select(vec![
            r#""jsonrpc":"2.0","id":1,"method":"tools/call","params":"#, r#""jsonrpc":"2.0","id":"a","result":"#,
            r#""id":null,"error":"#, r#""jsonrpc":"1.0","id":1.5,"method":"x","params":"#, r#""id":7,"id":8,"result":"#,
        ]),
    ) {
        let raw = Bytes::from(format!("{{{head}{document}}}"));
        let masked = masker().message(&raw);
        let (before, after) = (Shape::of(&raw), Shape::of(masked.masked.bytes()));
        let kinds = |shape: &Shape| shape.faults.iter().map(|fault| fault.kind).collect::<Vec<_>>();
        prop_assert_eq!((before.kind, &before.id, kinds(&before)), (after.kind, &after.id, kinds(&after)), "{:?}", raw);
    }

    #[test]
    fn masking_what_is_masked_changes_nothing(document in document()) {
        let once = shown(&masker().message(document.as_bytes()));
        let twice = masker().message(once.as_bytes());
        prop_assert_eq!(&once, &shown(&twice));
        prop_assert!(twice.hits.is_empty(), "{} {:?}", once, twice.hits);
        let text = shown(&masker().text(document.as_bytes()));
        prop_assert_eq!(&text, &shown(&masker().text(text.as_bytes())));
    }

    #[test]
    fn bytes_of_any_kind_are_masked_without_panic_and_stay_as_broken_as_they_were(
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"{}[]\",:\\%u04-=@/?&.password token eyJ".to_vec())], 0..300),
    ) {
        let masked = masker().message(&bytes);
        let is_json = |bytes: &[u8]| json::scan(bytes, &mut |_| {}).is_ok();
        prop_assert_eq!(is_json(&bytes), is_json(masked.masked.bytes()));
        prop_assert_eq!(std::str::from_utf8(&bytes).is_ok(), std::str::from_utf8(masked.masked.bytes()).is_ok() );
        let again = masker().message(masked.masked.bytes());
        prop_assert_eq!(masked.masked.bytes(), again.masked.bytes());
        masker().uri(&String::from_utf8_lossy(&bytes));
        masker().short(&bytes);
        masker().argv(&[&bytes[..], &bytes[..]]);
        masker().env(&bytes, &bytes);
    }

    #[test]
    fn a_summary_is_short_and_valid_and_the_same_every_time(document in document(), target in "[a-z_./]{0,20}") {
        let body = format!("{{\"result\":{document}}}");
        let stored = masker().store(Piece::Result, Some(&target), body.as_bytes());
        if stored.body == crate::record::Body::Summary {
            let text = shown(&stored.outcome);
            prop_assert!(text.len() < MAX_SUMMARY, "{}", text.len());
            skeleton(&text);
        }
        let again = masker().store(Piece::Result, Some(&target), body.as_bytes());
        prop_assert_eq!(stored, again);
    }

    #[test]
    fn a_stream_loses_no_byte_and_its_pieces_do_not_matter(text in "([a-z ]{0,20}\n?){0,20}", cuts in prop::collection::vec(0..400_usize, 0..6)) {
        let (mut masker, mut stream) = (masker(), TextStream::default());
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let mut out = String::new();
        for cut in cuts.windows(2) {
            let piece = &text.as_bytes()[cut[0]..cut[1]];
            out += &stream.push(&mut masker, piece).as_ref().map(shown).unwrap_or_default();
        }
        out += &stream.finish(&mut masker).as_ref().map(shown).unwrap_or_default();
        prop_assert_eq!(out, text);
    }
}
