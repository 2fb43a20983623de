use proptest::prelude::*;

use super::*;

const RAW: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

fn message() -> Message {
    Message::parse(RAW.into())
}

#[test]
fn unedited_bytes_are_the_very_bytes_that_came() {
    let raw = Bytes::from(RAW.to_owned());
    assert_eq!(Message::parse(raw.clone()).to_wire().as_ptr(), raw.as_ptr());
}

#[test]
fn edits_are_made_in_any_order_and_never_overlap() {
    type Made = (Range<usize>, &'static str, Result<(), SpliceError>);
    let cases: &[(&[Made], &str)] = &[
        (
            &[(22..23, "9", Ok(())), (0..0, " ", Ok(())), (40..40, "\n", Ok(()))],
            r#" {"jsonrpc":"2.0","id":9,"method":"ping"}"#,
        ),
        (&[(1..17, "", Ok(())), (1..17, "x", Err(SpliceError::Overlap))], r#"{"id":1,"method":"ping"}"#),
        (&[(1..17, "", Ok(())), (16..18, "x", Err(SpliceError::Overlap))], r#"{"id":1,"method":"ping"}"#),
        (&[(1..17, "", Ok(())), (0..2, "x", Err(SpliceError::Overlap))], r#"{"id":1,"method":"ping"}"#),
        (&[(1..17, "", Ok(())), (5..5, "x", Err(SpliceError::Overlap))], r#"{"id":1,"method":"ping"}"#),
        (&[(1..17, "", Ok(())), (0..20, "x", Err(SpliceError::Overlap))], r#"{"id":1,"method":"ping"}"#),
        (
            &[(1..17, "b", Ok(())), (1..1, "a", Ok(())), (17..17, "c", Ok(()))],
            r#"{abc"id":1,"method":"ping"}"#,
        ),
        (&[(1..1, "a", Ok(())), (1..1, "b", Ok(())), (1..17, "c", Ok(()))], r#"{abc"id":1,"method":"ping"}"#),
        (&[(39..41, "x", Err(SpliceError::Outside)), (41..41, "x", Err(SpliceError::Outside))], RAW),
    ];
    for (edits, expected) in cases {
        let mut message = message();
        for (span, with, result) in *edits {
            assert_eq!(
                message.splice(span.clone(), Bytes::from_static(with.as_bytes())),
                *result,
                "{edits:?}"
            );
        }
        assert_eq!(
            String::from_utf8_lossy(&message.to_wire()).trim_end_matches('\n'),
            *expected,
            "{edits:?}"
        );
        assert_eq!(message.raw(), RAW, "what came stays");
    }
}

#[test]
fn a_message_that_was_not_kept_whole_cannot_be_edited() {
    let mut message = Message::oversized(Bytes::from_static(b"{"), message().shape().clone(), 40);
    assert_eq!(message.splice(0..0, Bytes::new()), Err(SpliceError::NotWhole));
    assert!(!message.is_whole());
    assert_eq!(message.shape().faults, [crate::Fault { kind: FaultKind::TooLarge, at: 1 }]);
}

proptest! {
    #[test]
    fn unedited_bytes_leave_as_they_came(raw in any::<Vec<u8>>()) {
        prop_assert_eq!(Message::parse(raw.clone().into()).to_wire(), raw);
    }

    #[test]
    fn accepted_edits_do_what_a_plain_rewrite_does(
        edits in prop::collection::vec((0_usize..42, 0_usize..6, "[a-z]{0,3}"), 0..6)
    ) {
        let mut message = message();
        let mut kept: Vec<(Range<usize>, String)> = Vec::new();
        for (start, length, with) in edits {
            let span = start..start + length;
            if message.splice(span.clone(), with.clone().into()).is_ok() {
                kept.push((span, with));
            } else {
                let touches = |earlier: &Range<usize>| earlier.start < span.end && span.start < earlier.end;
                prop_assert!(span.end > RAW.len() || kept.iter().any(|(earlier, _)| touches(earlier)));
            }
        }
        // From the back, so that earlier places stay where they are; insertions come before what they precede.
        kept.sort_by_key(|(span, _)| (span.start, span.end));
        let mut expected = RAW.to_owned();
        for (span, with) in kept.into_iter().rev() {
            expected.replace_range(span, &with);
        }
        prop_assert_eq!(message.to_wire(), expected);
    }
}
