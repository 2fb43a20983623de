use Revision::{V2024_11_05, V2025_03_26, V2025_06_18, V2025_11_25, V2026_07_28};
use bytes::Bytes;
use proptest::prelude::*;
use tapgate_wire::Message;

use super::*;

const METHODS: &[&str] = &[
    "tools/list",
    "tools/call",
    "prompts/get",
    "resources/read",
    "sampling/createMessage",
    "elicitation/create",
    "roots/list",
];

fn draft(json: &str) -> Draft {
    Draft::of_value(Bytes::copy_from_slice(json.as_bytes()))
}

fn text(draft: Draft) -> String {
    String::from_utf8(draft.into_bytes().to_vec()).unwrap()
}

fn lowered(method: &str, revision: Revision, result: &str) -> String {
    let mut answer = draft(&format!(r#"{{"id":1,"result":{result}}}"#));
    lower_result(&mut answer, method, revision);
    let text = text(answer);
    text.strip_prefix(r#"{"id":1,"result":"#).unwrap().strip_suffix('}').unwrap().to_owned()
}

fn asked(method: &str, revision: Revision, params: &str) -> Option<String> {
    let params = lower_input(method, Bytes::copy_from_slice(params.as_bytes()), revision)?;
    Some(String::from_utf8(params.to_vec()).unwrap())
}

fn message(json: &str) -> Message {
    Message::parse(Bytes::copy_from_slice(json.as_bytes()))
}

#[test]
fn output_schemas_that_are_no_objects_leave_legacy_lists() {
    let list = r#"{"tools":[{"name":"a","outputSchema":{"type":"object","x":1}},{"name":"b", "outputSchema":{"type":"array"}},{"outputSchema":{"anyOf":[]},"name":"c"},{"name":"d","outputSchema":true},{"name":"e"}]}"#;
    let expected = r#"{"tools":[{"name":"a","outputSchema":{"type":"object","x":1}},{"name":"b"},{"name":"c"},{"name":"d"},{"name":"e"}]}"#;
    assert_eq!(lowered("tools/list", V2025_11_25, list), expected);
    assert_eq!(lowered("tools/list", V2024_11_05, list), expected);
    assert_eq!(lowered("tools/list", V2026_07_28, list), list);
    assert_eq!(lowered("tools/call", V2025_11_25, list), list);
}

#[test]
fn structured_content_that_is_no_object_is_told_in_a_text_block() {
    let told = r#"{"content":[{"type":"text","text":"[1, {\"a\":\"b c\"}]"}]}"#;
    let cases = [
        (r#"{"content":[],"structuredContent":[1, {"a":"b c"}]}"#, told),
        (r#"{"structuredContent":[1, {"a":"b c"}]}"#, told),
        (
            r#"{"content":[{"type":"text","text":"[ 1,\n{\"a\" :\"b c\"}]"}],"structuredContent":[1, {"a":"b c"}]}"#,
            r#"{"content":[{"type":"text","text":"[ 1,\n{\"a\" :\"b c\"}]"}]}"#,
        ),
        (
            r#"{"structuredContent":[1],"content":[ {"type":"text","text":"one"} ]}"#,
            r#"{"content":[ {"type":"text","text":"one"} ,{"type":"text","text":"[1]"}]}"#,
        ),
        (
            r#"{"content":[{"type":"text","text":"h\"i"}],"structuredContent":"h\"i"}"#,
            r#"{"content":[{"type":"text","text":"h\"i"}]}"#,
        ),
        (
            r#"{"content":[{"type":"text","text":"a b"}],"structuredContent":"ab"}"#,
            r#"{"content":[{"type":"text","text":"a b"},{"type":"text","text":"\"ab\""}]}"#,
        ),
        (r#"{"content":[],"structuredContent":null}"#, r#"{"content":[]}"#),
        (r#"{"content":7,"structuredContent":7}"#, r#"{"content":7,"structuredContent":7}"#),
        (r#"{"content":[7],"structuredContent":7.0}"#, r#"{"content":[7,{"type":"text","text":"7.0"}]}"#),
    ];
    for (result, expected) in cases {
        assert_eq!(lowered("tools/call", V2025_11_25, result), expected);
        assert_eq!(lowered("tools/call", V2026_07_28, result), result);
    }
    let object = r#"{"content":[],"structuredContent":{ "a" : 1 }}"#;
    assert_eq!(lowered("tools/call", V2025_06_18, object), object);
}

#[test]
fn resource_links_are_told_in_text_to_clients_that_do_not_know_them() {
    let link = r#"{"annotations":{"priority":1},"type":"resource_link","uri":"file:///a","name":"A","title":"T","description":"long\n","mimeType":"x/y","size":1,"icons":[]}"#;
    let plain = r#"{"annotations":{"priority":1},"type":"text","text":"A\nlong\n\nfile:///a"}"#;
    for (revision, expected) in
        [(V2024_11_05, plain), (V2025_03_26, plain), (V2025_06_18, link), (V2025_11_25, link)]
    {
        let result = |block: &str| format!(r#"{{"content":[ {block}, {{"type":"new","x":1}}]}}"#);
        assert_eq!(lowered("tools/call", revision, &result(link)), result(expected));
        let prompt = |block: &str| format!(r#"{{"messages":[{{"role":"user","content":{block}}}]}}"#);
        assert_eq!(lowered("prompts/get", revision, &prompt(link)), prompt(expected));
    }
    let odd = r#"{"content":[{"type":"resource_link","uri":7,"name":"A"}]}"#;
    assert_eq!(lowered("tools/call", V2024_11_05, odd), odd);
}

#[test]
fn audio_is_an_embedded_resource_to_clients_of_the_first_revision() {
    let audio = r#"{"type":"audio","data":"AA==","mimeType":"audio/wav","_meta":{}}"#;
    let result = format!(r#"{{"content":[{audio},{{"type":"audio","data":"BB=="}},{{"type":"audio"}}]}}"#);
    let expected = r#"{"content":[{"type":"resource","_meta":{},"resource":{"uri":"tapgate:audio/1","mimeType":"audio/wav","blob":"AA=="}},{"type":"resource","resource":{"uri":"tapgate:audio/2","blob":"BB=="}},{"type":"audio"}]}"#;
    assert_eq!(lowered("tools/call", V2024_11_05, &result), expected);
    assert_eq!(lowered("tools/call", V2025_03_26, &result), result);
}

#[test]
fn legacy_tools_lose_their_execution() {
    let mut list =
        draft(r#"{"result":{"tools":[{"execution":{"taskSupport":"required"},"name":"a"},{"name":"b"}]}}"#);
    lift_result(&mut list, "tools/list");
    assert_eq!(text(list), r#"{"result":{"tools":[{"name":"a"},{"name":"b"}]}}"#);
    let same = r#"{"result":{"content":[{"type":"text","execution":1}]}}"#;
    let mut call = draft(same);
    lift_result(&mut call, "tools/call");
    assert_eq!(text(call), same);
}

#[test]
fn forms_are_said_as_the_client_knows_them() {
    let form = |mode: &str, property: &str| {
        format!(
            r#"{{{mode}"message":"m","requestedSchema":{{"type":"object","properties":{{"p":{property}}}}}}}"#
        )
    };
    let titled = r#"{"type":"string","oneOf":[{"const":"a","title":"A"},{"const":"\u00e9"}],"default":"a"}"#;
    let named = r#"{"type":"string","default":"a","enum":["a","\u00e9"],"enumNames":["A","\u00e9"]}"#;
    let mode = r#""mode":"form","#;
    let ask = |params: &str, revision| asked("elicitation/create", revision, params);

    assert_eq!(ask(&form(mode, titled), V2025_06_18), Some(form("", named)));
    assert_eq!(ask(&form(mode, titled), V2025_11_25), Some(form(mode, titled)));
    assert_eq!(ask(&form(mode, titled), V2025_03_26), None);
    assert_eq!(ask(&form("", r#"{"type":"integer"}"#), V2025_06_18), Some(form("", r#"{"type":"integer"}"#)));
    for odd in
        [r#"{"oneOf":[{"const":1}]}"#, r#"{"oneOf":{}}"#, r#"{"oneOf":[7]}"#, "7", "[]", r#"{"type":[]}"#]
    {
        assert_eq!(ask(&form("", odd), V2025_06_18), Some(form("", odd)));
    }

    let many = r#"{"type":"array","items":{"type":"string","enum":["a"]}}"#;
    assert_eq!(ask(&form(mode, many), V2025_06_18), None);
    assert_eq!(ask(&form(mode, many), V2025_11_25), Some(form(mode, many)));
    let url = r#"{"mode":"url","message":"m","url":"https://example.com","elicitationId":"1"}"#;
    assert_eq!(ask(url, V2025_06_18), None);
    assert_eq!(ask(url, V2025_11_25).as_deref(), Some(url));
}

#[test]
fn sampling_is_said_one_block_at_a_time_and_without_tools() {
    let ask = |params: &str, revision| asked("sampling/createMessage", revision, params);
    let params = r#"{"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image"}],"_meta":{}}, {"role":"assistant", "content":{"type":"text"}},{"role":"user","content":[]}],"maxTokens":1e2,"tools":[],"toolChoice":{}}"#;
    let expected = r#"{"messages":[{"role":"user","content":{"type":"text","text":"a"}},{"role":"user","content":{"type":"image"}},{"role":"assistant", "content":{"type":"text"}}],"maxTokens":1e2}"#;
    for revision in [V2024_11_05, V2025_03_26, V2025_06_18] {
        assert_eq!(ask(params, revision).as_deref(), Some(expected));
    }
    assert_eq!(ask(params, V2025_11_25).as_deref(), Some(params));
    let plain = r#"{"messages":[ {"role":"user","content":{"type":"text","text":"a"}} ],"maxTokens":1}"#;
    assert_eq!(ask(plain, V2024_11_05).as_deref(), Some(plain));

    for kind in ["tool_use", "tool_result"] {
        let one = format!(r#"{{"messages":[{{"role":"user","content":{{"type":"{kind}"}}}}]}}"#);
        let list = format!(r#"{{"messages":[{{"role":"user","content":[{{"type":"{kind}"}}]}}]}}"#);
        assert_eq!((ask(&one, V2025_06_18), ask(&list, V2025_06_18)), (None, None));
        assert_eq!(ask(&list, V2025_11_25), Some(list));
    }
    let audio = r#"{"messages":[{"role":"user","content":{"type":"audio"}}]}"#;
    assert_eq!(ask(audio, V2024_11_05), None);
    assert_eq!(ask(audio, V2025_03_26).as_deref(), Some(audio));
    for odd in [r#"{"messages":7}"#, r#"{"messages":[7,{"content":7},{"role":[]}]}"#, "7", "", "[1]"] {
        assert_eq!(ask(odd, V2024_11_05).as_deref(), Some(odd));
    }
}

#[test]
fn many_blocks_in_a_large_message_cost_no_more_than_they_weigh() {
    let blocks = vec![r#"{"type":"text","text":""}"#; 20_000].join(",");
    let pad = "x".repeat(1 << 20);
    let params = format!(r#"{{"messages":[{{"role":"user","pad":"{pad}","content":[{blocks}]}}]}}"#);
    let lower = asked("sampling/createMessage", V2025_06_18, &params).unwrap();
    assert!(lower.len() < 2 * params.len());
    let role = format!(r#"{{"messages":[{{"role":"{pad}","content":[{blocks}]}}]}}"#);
    assert_eq!(asked("sampling/createMessage", V2025_06_18, &role), None);
}

#[test]
fn what_is_asked_otherwise_passes() {
    assert_eq!(asked("roots/list", V2024_11_05, "{}").as_deref(), Some("{}"));
    let answer = |method, json: &'static str| lift_answer(method, json.into());
    assert_eq!(answer("roots/list", r#"{"_meta":{},"roots":[]}"#), r#"{"roots":[]}"#);
    assert_eq!(answer("elicitation/create", r#"{"action":"cancel","_meta":{}}"#), r#"{"action":"cancel"}"#);
    assert_eq!(answer("sampling/createMessage", r#"{"_meta":{}}"#), r#"{"_meta":{}}"#);
}

fn error(code: i64, rest: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":"7","error":{{"code":{code}{rest}}}}}"#)
}

#[test]
fn modern_errors_reach_legacy_clients_in_their_codes() {
    let missing = r#","message":"m","data":{"uri":"file:///a"}"#;
    let cases = [
        ("resources/read", error(-32_602, missing), error(-32_002, missing)),
        ("resources/read", error(-32_602, r#","message":"m""#), error(-32_602, r#","message":"m""#)),
        ("tools/call", error(-32_602, missing), error(-32_602, missing)),
        ("tools/call", error(-32_020, r#","message":"m""#), error(-32_603, r#","message":"m""#)),
        ("tools/call", error(-32_022, ""), error(-32_603, "")),
        ("tools/call", error(-32_021, ""), error(-32_021, "")),
        ("tools/call", error(-32_017, missing), error(-32_017, missing)),
    ];
    for (method, before, after) in cases {
        assert_eq!(error_down(&message(&before), method).to_wire(), after);
    }
    let result = r#"{"id":1,"result":{"error":{"code":-32020}}}"#;
    assert_eq!(error_down(&message(result), "tools/call").to_wire(), result);
}

#[test]
fn legacy_errors_reach_modern_clients_in_their_codes() {
    let needs = r#","message":"m","data":{"requiredCapabilities":{"elicitation":{"url":{}}}}"#;
    let cases = [
        (error(-32_002, ""), Some("a\"b"), error(-32_602, r#","data":{"uri":"a\"b"}"#)),
        (error(-32_002, r#","data":{"x":1}"#), Some("a"), error(-32_602, r#","data":{"x":1,"uri":"a"}"#)),
        (error(-32_002, r#","data":{"uri":"b"}"#), Some("a"), error(-32_602, r#","data":{"uri":"b"}"#)),
        (error(-32_002, r#","data":"x""#), Some("a"), error(-32_602, r#","data":"x""#)),
        (error(-32_002, ""), None, error(-32_603, "")),
        (error(-32_042, r#","message":"m","data":{"elicitations":[]}"#), None, error(-32_021, needs)),
        (error(-32_000, ""), Some("a"), error(-32_000, "")),
        (error(-32_601, ""), None, error(-32_601, "")),
    ];
    for (before, uri, after) in cases {
        assert_eq!(error_up(&message(&before), uri).to_wire(), after);
    }
}

#[test]
fn codes_of_drafts_count_only_with_what_proves_them() {
    let cases = [
        (-32_001, r#","message":"Header mismatch: Mcp-Name""#, -32_020),
        (-32_001, r#","message":"HeaderMismatch""#, -32_020),
        (-32_001, r#","message":"Request timed out""#, -32_001),
        (-32_001, r#","message":7"#, -32_001),
        (-32_003, r#","message":"m","data":{"requiredCapabilities":{"sampling":{}}}"#, -32_021),
        (-32_003, r#","message":"m","data":{"requiredCapabilities":["sampling"]}"#, -32_003),
        (-32_003, r#","message":"m""#, -32_003),
        (-32_004, r#","message":"m","data":{"supported":["2026-07-28"],"requested":"x"}"#, -32_022),
        (-32_004, r#","message":"m","data":{"supported":"x"}"#, -32_004),
        (-32_004, r#","message":"m","data":[]"#, -32_004),
    ];
    for (before, rest, after) in cases {
        assert_eq!(error_released(&message(&error(before, rest))).to_wire(), error(after, rest));
    }
}

/// JSON of the names and types that matter here, in any order.
fn odd() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "null",
        "7",
        "true",
        r#""text""#,
        r#""audio""#,
        r#""resource_link""#,
        r#""form""#,
        r#""array""#,
        "[]",
        "{}",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(5, 60, 5, |inner| {
        let name = prop::sample::select(vec![
            "result",
            "tools",
            "content",
            "structuredContent",
            "type",
            "text",
            "uri",
            "data",
            "messages",
            "role",
            "mode",
            "requestedSchema",
            "properties",
            "oneOf",
            "const",
            "outputSchema",
            "resource",
            "error",
            "code",
        ]);
        let member = (name, inner.clone()).prop_map(|(name, value)| format!("\"{name}\":{value}"));
        prop_oneof![
            prop::collection::vec(member, 0..5).prop_map(|members| format!("{{{}}}", members.join(","))),
            prop::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(","))),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_comes_stays_json(
        json in odd(),
        method in prop::sample::select(METHODS),
        revision in prop::sample::select(Revision::ALL),
    ) {
        let is_json = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).is_ok();
        let mut down = draft(&format!(r#"{{"result":{json}}}"#));
        lower_result(&mut down, method, revision);
        let mut up = draft(&format!(r#"{{"result":{json}}}"#));
        lift_result(&mut up, method);
        prop_assert!(is_json(&down.into_bytes()) && is_json(&up.into_bytes()));
        let params = Bytes::from(json.clone());
        prop_assert!(lower_input(method, params.clone(), revision).is_none_or(|params| is_json(&params)));
        prop_assert!(is_json(&lift_answer(method, params)));
        let error = message(&format!(r#"{{"id":1,"error":{json}}}"#));
        prop_assert!(is_json(&error_up(&error, Some("u")).to_wire()));
        prop_assert!(is_json(&error_released(&error_down(&error, method)).to_wire()));
    }
}
