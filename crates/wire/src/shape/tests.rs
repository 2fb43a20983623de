use proptest::prelude::*;

use super::*;
use crate::fault::FaultKind;

fn shape(raw: &str) -> Shape {
    let raw = Bytes::copy_from_slice(raw.as_bytes());
    let whole = Shape::of(&raw);
    for size in [1, 3, 7, raw.len().max(1)] {
        let pieced = in_pieces(&raw, size);
        assert_eq!(summary(&pieced), summary(&whole), "in pieces of {size}: {raw:?}");
    }
    whole
}

fn in_pieces(raw: &[u8], size: usize) -> Shape {
    let mut builder = Builder::new();
    raw.chunks(size).for_each(|piece| builder.push(piece));
    builder.finish()
}

/// All of a shape, parts by their own shape.
fn summary(shape: &Shape) -> String {
    let parts: Vec<_> = shape.parts.iter().map(|part| (part.size(), summary(part.shape()))).collect();
    format!("{:?} {:?} {:?} {:?} {parts:?}", shape.kind, shape.id, shape.members, shape.faults)
}

fn codes(shape: &Shape) -> Vec<&'static str> {
    shape.faults.iter().map(|fault| fault.kind.code()).collect()
}

/// A message, its kind, its id, its faults.
type Case = (String, Kind, Option<&'static str>, &'static [&'static str]);

fn forms() -> Vec<Case> {
    use Kind::{Batch, Error, Notification, Other, Request, Result};
    let v = r#""jsonrpc":"2.0""#;
    vec![
        (format!(r#"{{{v},"id":1,"method":"ping"}}"#), Request, Some("1"), &[]),
        (format!(r#"{{{v},"id":"1","method":"ping"}}"#), Request, Some("\"1\""), &[]),
        (format!(r#"{{"method":"ping","id":-7,{v}}}"#), Request, Some("-7"), &[]),
        (
            format!(r#"{{{v},"id":18446744073709551617,"method":"m"}}"#),
            Request,
            Some("18446744073709551617"),
            &[],
        ),
        (format!(r#"{{{v},"id":-0,"method":"m"}}"#), Request, Some("-0"), &[]),
        (format!(r#"{{{v},"id":"caf\u00e9","method":"m"}}"#), Request, Some("\"café\""), &[]),
        (format!(r#"{{{v},"id":1.0,"method":"m"}}"#), Request, Some("1.0"), &["rpc.fractional-id"]),
        (format!(r#"{{{v},"id":1e400,"method":"m"}}"#), Request, Some("1e400"), &["rpc.fractional-id"]),
        (format!(r#"{{{v},"id":null,"method":"m"}}"#), Request, None, &["rpc.null-id"]),
        (format!(r#"{{{v},"id":true,"method":"m"}}"#), Request, None, &["rpc.wrong-id-type"]),
        (format!(r#"{{{v},"id":[1],"method":"m"}}"#), Request, None, &["rpc.wrong-id-type"]),
        (format!(r#"{{{v},"id":{{"a":1}},"result":{{}}}}"#), Result, None, &["rpc.wrong-id-type"]),
        (format!(r#"{{{v},"method":"notifications/initialized"}}"#), Notification, None, &[]),
        (format!(r#"{{{v},"id":1,"result":{{}}}}"#), Result, Some("1"), &[]),
        (format!(r#"{{{v},"id":null,"result":{{}}}}"#), Result, None, &["rpc.null-id"]),
        (format!(r#"{{{v},"result":{{}}}}"#), Result, None, &["rpc.missing-id"]),
        (format!(r#"{{{v},"id":1,"error":{{"code":-32601,"message":"x"}}}}"#), Error, Some("1"), &[]),
        (format!(r#"{{{v},"id":null,"error":{{"code":-32700,"message":"x"}}}}"#), Error, None, &[]),
        (format!(r#"{{{v},"error":{{"code":-32700,"message":"x"}}}}"#), Error, None, &[]),
        (
            format!(r#"{{{v},"id":1,"result":{{}},"error":null}}"#),
            Result,
            Some("1"),
            &["rpc.both-result-and-error"],
        ),
        (
            format!(r#"{{{v},"id":1,"result":{{}},"error":{{}}}}"#),
            Error,
            Some("1"),
            &["rpc.both-result-and-error"],
        ),
        (
            format!(r#"{{{v},"id":1,"method":"m","result":{{}}}}"#),
            Request,
            Some("1"),
            &["rpc.method-in-answer"],
        ),
        (format!(r#"{{{v},"id":1,"method":7}}"#), Other, Some("1"), &["rpc.wrong-method-type"]),
        (r#"{"id":1,"method":"m"}"#.into(), Request, Some("1"), &["rpc.missing-version"]),
        (r#"{"jsonrpc":"1.0","id":1,"method":"m"}"#.into(), Request, Some("1"), &["rpc.wrong-version"]),
        (r#"{"jsonrpc":2.0,"id":1,"method":"m"}"#.into(), Request, Some("1"), &["rpc.wrong-version"]),
        (r#"{"jsonrpc":"\u0032.0","id":1,"method":"m"}"#.into(), Request, Some("1"), &[]),
        (r#"{"\u006dethod":"m","jsonrpc":"2.0"}"#.into(), Notification, None, &[]),
        (format!(r#"{{{v},"id":1}}"#), Other, Some("1"), &["rpc.not-rpc"]),
        ("{}".into(), Other, None, &["rpc.not-rpc"]),
        ("7".into(), Other, None, &["rpc.not-rpc"]),
        (r#""hello""#.into(), Other, None, &["rpc.not-rpc"]),
        ("[]".into(), Batch, None, &["rpc.empty-batch"]),
        (r#"[{"id":1},7]"#.into(), Batch, None, &[]),
        ("starting…".into(), Other, None, &["frame.not-json"]),
        (format!("{{{v},\"method\":\"m\"}} x"), Other, None, &["frame.not-json"]),
        (format!("{{{v},\"method\":\"m\",\"params\":{{\"a\":\"\u{2028}\"}}}}"), Notification, None, &[]),
        (
            format!(r#"{{{v},"method":"m","params":{{"a":"\ud83d"}}}}"#),
            Notification,
            None,
            &["frame.lone-surrogate"],
        ),
        (
            format!(r#"{{{v},"method":"m","params":{{"x":{{"a":1,"\u0061":2}}}}}}"#),
            Notification,
            None,
            &["frame.duplicate-key"],
        ),
        (format!(r#"{{{v},"method":"m","params":[{{"a":1}},{{"a":2}}]}}"#), Notification, None, &[]),
        (format!(r#"{{{v},"method":"m","id":1,"id":2}}"#), Request, Some("2"), &["frame.duplicate-key"]),
        (
            format!(r#"{{{v},"method":"m","params":{}{}}}"#, "[".repeat(600), "]".repeat(600)),
            Notification,
            None,
            &["frame.too-deep"],
        ),
    ]
}

#[test]
fn kind_and_id_and_faults_of_every_form() {
    for (raw, kind, id, faults) in forms() {
        let shape = shape(&raw);
        assert_eq!(shape.kind, kind, "{raw}");
        assert_eq!(shape.id, id.map(|id| Id(Bytes::copy_from_slice(id.as_bytes()))), "{raw}");
        assert_eq!(codes(&shape), faults, "{raw}");
    }
}

#[test]
fn a_message_that_is_not_utf8_still_has_its_shape() {
    let raw = Bytes::from_static(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"caf\xe9\"}");
    let whole = Shape::of(&raw);
    assert_eq!((whole.kind, whole.method().as_deref()), (Kind::Request, Some("caf\u{fffd}")));
    assert_eq!(whole.faults, [Fault { kind: FaultKind::NotUtf8, at: 37 }]);
    assert_eq!(summary(&in_pieces(&raw, 1)), summary(&whole));
}

#[test]
fn members_are_found_where_they_belong_and_nowhere_else() {
    let raw = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"re\u0061d","arguments":{"name":"x",
        "_meta":{"progressToken":1}},"_meta":{"progressToken":"t","io.modelcontextprotocol/protocolVersion":"2026-07-28",
        "io.modelcontextprotocol/clientInfo":{"name":"inspector","version":"2.0"},
        "io.modelcontextprotocol/related-task":{"taskId":"a"}}},"extra":{"result":1}}"#;
    let shape = shape(raw);
    assert_eq!(shape.method().as_deref(), Some("tools/call"));
    assert_eq!(shape.text(Member::Name).as_deref(), Some("read"));
    assert_eq!(shape.text(Member::ProgressTokenAsked).as_deref(), Some("t"));
    assert_eq!(shape.text(Member::MetaRevision).as_deref(), Some("2026-07-28"));
    assert_eq!(shape.text_inside(Member::MetaClient, &["version"]).as_deref(), Some("2.0"));
    assert_eq!(shape.inside(Member::RelatedTask, &["taskId"]).as_deref(), Some(&b"\"a\""[..]));
    assert!(shape.raw(Member::Arguments).unwrap().starts_with(b"{\"name\":\"x\""));
    assert_eq!(shape.raw(Member::Result), None);
    assert_eq!(shape.faults, []);

    let answer = self::shape(
        r#"{"jsonrpc":"2.0","id":1,"result":{"isError":true,"resultType":"input_required","task":{"taskId":"t1",
        "status":"working"},"_meta":{"io.modelcontextprotocol/subscriptionId":3},"content":[{"taskId":"no"}]}}"#,
    );
    assert_eq!(answer.flag(Member::IsError), Some(true));
    assert_eq!(answer.text(Member::CreatedTask).as_deref(), Some("t1"));
    assert_eq!(answer.text(Member::TaskStatus).as_deref(), Some("working"));
    assert_eq!(answer.id_in(Member::SubscriptionId), Some(Id(Bytes::from_static(b"3"))));

    let error =
        self::shape(r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32042,"message":"m","data":{"a":[]}}}"#);
    assert_eq!(error.int(Member::ErrorCode), Some(-32042));
    assert_eq!(error.text(Member::ErrorMessage).as_deref(), Some("m"));
    assert_eq!(error.raw(Member::ErrorData).unwrap(), "{\"a\":[]}");
}

#[test]
fn of_a_repeated_member_the_last_one_counts_with_all_inside_it() {
    let raw = r#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"name":"x","uri":"u"},"method":"b","params":{"name":"y"}}"#;
    let shape = shape(raw);
    assert_eq!(shape.method().as_deref(), Some("b"));
    assert_eq!(shape.text(Member::Name).as_deref(), Some("y"));
    assert_eq!(shape.raw(Member::Uri), None);
    assert_eq!(
        shape.faults,
        [Fault { kind: FaultKind::DuplicateKey, at: raw.rfind("\"method").unwrap() as u64 }]
    );
}

#[test]
fn a_batch_has_parts_with_shapes_of_their_own() {
    let shape = shape(
        r#" [ {"jsonrpc":"2.0","id":1,"method":"ping"}, {"jsonrpc":"2.0","id":"a","result":{}} , [1], 7 ] "#,
    );
    assert_eq!(shape.kind, Kind::Batch);
    let kinds: Vec<_> = shape.parts.iter().map(|part| part.shape().kind).collect();
    assert_eq!(kinds, [Kind::Request, Kind::Result, Kind::Other, Kind::Other]);
    assert_eq!(shape.parts[1].raw(), r#"{"jsonrpc":"2.0","id":"a","result":{}}"#);
    assert_eq!(shape.parts[1].shape().faults, []);
    assert_eq!(shape.parts[0].shape(), Message::parse(shape.parts[0].raw().clone()).shape());

    let many = format!("[{}0]", "0,".repeat(MAX_PARTS));
    let many = Shape::of(&many.into());
    assert_eq!((many.parts.len(), codes(&many)), (MAX_PARTS, vec!["rpc.too-many-parts"]));
}

#[test]
fn a_large_message_is_known_by_what_stands_behind_its_bulk() {
    let bulk = "x".repeat(300_000);
    let raw = format!(
        r#"{{"jsonrpc":"2.0","result":{{"content":[{{"type":"text","text":"{bulk}"}}],"isError":true}},"id":"late"}}"#
    );
    for size in [1000, 16 * 1024, 100_000, raw.len()] {
        let shape = in_pieces(raw.as_bytes(), size);
        assert_eq!((shape.kind, shape.id), (Kind::Result, Some(Id(Bytes::from_static(b"\"late\"")))));
        let members: Vec<_> = shape.members.iter().map(|(member, _)| *member).collect();
        assert_eq!(members, [Member::IsError], "the result itself is too long to be kept");
    }
}

#[test]
fn names_beyond_the_bound_are_not_remembered() {
    let object = |n: usize| {
        let members: Vec<_> = (0..n).map(|n| format!("\"k{n}\":0")).collect();
        format!(r#"{{"jsonrpc":"2.0","method":"m","params":{{{},"k{}":1}}}}"#, members.join(","), n - 1)
    };
    assert_eq!(codes(&shape(&object(256))), ["frame.duplicate-key"]);
    assert_eq!(codes(&shape(&object(257))), [""; 0]);
}

/// JSON values with the names that the shape looks for, so that random documents meet its rules.
fn json() -> impl Strategy<Value = String> {
    let text = prop_oneof![Just("\"a\\u00e9\"".to_owned()), Just("\"2.0\"".to_owned()), "\"[a-z]{0,9}\""];
    let leaf = prop_oneof![
        text,
        "-?[1-9][0-9]{0,4}(\\.[0-9]e[0-9])?",
        Just("null".to_owned()),
        Just("true".to_owned())
    ];
    let name = prop_oneof![
        "(jsonrpc|id|method|params|result|error|name|_meta|task|taskId|status|code|progressToken)",
        "[a-c]"
    ];
    leaf.prop_recursive(5, 60, 6, move |value| {
        let member = (name.clone(), value.clone()).prop_map(|(name, value)| format!("\"{name}\": {value}"));
        prop_oneof![
            prop::collection::vec(value, 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(member, 0..7).prop_map(|members| format!("{{{}}}", members.join(" ,"))),
        ]
    })
}

proptest! {
    #[test]
    fn a_shape_does_not_depend_on_cuts(raw in json(), cut in 1_usize..40) {
        let whole = Shape::of(&Bytes::copy_from_slice(raw.as_bytes()));
        prop_assert_eq!(summary(&in_pieces(raw.as_bytes(), cut)), summary(&whole));
    }

    #[test]
    fn members_are_values_inside_the_message(raw in json()) {
        let raw = Bytes::from(raw);
        for (_, value) in Shape::of(&raw).members {
            prop_assert!(crate::json::scan(&value, &mut |_| ()).is_ok());
            prop_assert_eq!(raw.slice_ref(&value), value);
        }
    }
}
