use bytes::Bytes;
use tapgate_wire::Message;
use tapgate_wire::json::find;
use tapgate_wire::shape::Id;

use super::{discover, input, result, url_input};

const INFO: &[u8] = br#"{"name":"s","version":"1"}"#;

fn risen(method: &str, answer: &str) -> Option<String> {
    let answer = Message::parse(answer.to_owned().into());
    let draft = result(method, &answer, Some(&Bytes::from_static(INFO)))?;
    Some(String::from_utf8(draft.into_bytes().to_vec()).unwrap())
}

#[test]
fn a_result_is_complete_and_says_who_gave_it() {
    assert_eq!(
        risen("tools/call", r#"{"jsonrpc":"2.0", "id":1,"result":{ "content":[1.0], "isError":false }}"#)
            .unwrap(),
        r#"{"jsonrpc":"2.0", "id":1,"result":{ "content":[1.0], "isError":false ,"resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s","version":"1"}}}}"#
    );
}

#[test]
fn only_what_may_be_kept_says_for_how_long() {
    for (method, is_cacheable) in [
        ("tools/list", true),
        ("prompts/list", true),
        ("resources/list", true),
        ("resources/templates/list", true),
        ("resources/read", true),
        ("prompts/get", false),
        ("completion/complete", false),
        ("vendor/list", false),
    ] {
        let risen =
            risen(method, r#"{"jsonrpc":"2.0","id":1,"result":{"ttlMs":99,"cacheScope":"public"}}"#).unwrap();
        assert_eq!(risen.contains(r#""ttlMs":0,"cacheScope":"private""#), is_cacheable, "{method}: {risen}");
    }
}

#[test]
fn a_legacy_server_cannot_ask_for_input_by_a_result() {
    let risen = risen("tools/call", r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"input_required"}}"#);
    assert!(risen.unwrap().contains(r#""resultType":"complete""#));
}

#[test]
fn what_is_no_object_is_no_result() {
    for value in ["null", "[]", "\"x\"", "1"] {
        assert_eq!(risen("tools/call", &format!(r#"{{"jsonrpc":"2.0","id":1,"result":{value}}}"#)), None);
    }
}

#[test]
fn tasks_are_not_mentioned() {
    let answer = r#"{"jsonrpc":"2.0","id":1,"result":{"_meta":{"a":1,"io.modelcontextprotocol/related-task":{"taskId":"t"}},"tools":[{"name":"a","execution":{}},{"execution":1,"name":"b"}]}}"#;
    let risen = risen("tools/list", answer).unwrap();
    assert!(risen.contains(r#""tools":[{"name":"a"},{"name":"b"}]"#), "{risen}");
    assert!(risen.contains(r#""_meta":{"a":1,"io.modelcontextprotocol/serverInfo":"#), "{risen}");
}

#[test]
fn discovery_says_no_more_than_the_handshake_did() {
    let hello = r#"{"jsonrpc":"2.0","id":9,"result":{"protocolVersion":"2025-06-18","capabilities":7}}"#;
    let id = Id(Bytes::from_static(b"\"x\""));
    assert_eq!(
        discover(&id, &Message::parse(hello.into())),
        r#"{"jsonrpc":"2.0","id":"x","result":{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{},"ttlMs":0,"cacheScope":"private"}}"#
    );
}

#[test]
fn that_calls_become_tasks_is_said_as_the_extension() {
    let tasks = r#""tasks":{"list":{},"requests":{"tools":{"call":{}}}}"#;
    for (revision, capabilities, told) in [
        (
            "2025-11-25",
            format!(r#"{{"tools":{{}},{tasks}}}"#),
            r#"{"tools":{},"extensions":{"io.modelcontextprotocol/tasks":{}}}"#,
        ),
        (
            "2025-11-25",
            format!(r#"{{"extensions":{{"a/b":{{"x":1.0}}}},{tasks}}}"#),
            r#"{"extensions":{"a/b":{"x":1.0},"io.modelcontextprotocol/tasks":{}}}"#,
        ),
        ("2025-06-18", format!("{{{tasks}}}"), "{}"),
        ("2025-11-25", r#"{"tasks":{"requests":{"tools":{"call":true}}}}"#.into(), "{}"),
        (
            "2025-11-25",
            r#"{"extensions":{"a/b":{},"io.modelcontextprotocol/tasks":{}}}"#.into(),
            r#"{"extensions":{"a/b":{}}}"#,
        ),
        ("2025-11-25", r#"{"extensions":7}"#.into(), "{}"),
    ] {
        let hello = format!(
            r#"{{"jsonrpc":"2.0","id":9,"result":{{"protocolVersion":"{revision}","capabilities":{capabilities}}}}}"#
        );
        let said = discover(&Id(Bytes::from_static(b"1")), &Message::parse(hello.into()));
        assert_eq!(find(&said, &["result", "capabilities"]).unwrap(), told.as_bytes(), "{capabilities}");
    }
}

#[test]
fn a_question_loses_its_id_and_what_only_the_legacy_era_reads() {
    for (request, entry) in [
        (r#"{"jsonrpc":"2.0","id":1,"method":"roots/list"}"#, r#"{"method":"roots/list"}"#),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"roots/list","params":{"_meta":{}}}"#,
            r#"{"method":"roots/list"}"#,
        ),
        (
            r#"{"id":1,"params":{"task":{"ttl":1},"mode":"url","elicitationId":"e","x":1.0},"method":"elicitation/create","jsonrpc":"2.0"}"#,
            r#"{"method":"elicitation/create","params":{"mode":"url","x":1.0}}"#,
        ),
    ] {
        assert_eq!(input(&Message::parse(request.into())), entry);
    }
}

#[test]
fn a_page_to_open_is_one_only_with_its_address() {
    let page = Bytes::from_static(br#"{"elicitationId":"e","url":"u","message":"m"}"#);
    assert_eq!(
        url_input(&page).unwrap(),
        r#"{"method":"elicitation/create","params":{"url":"u","message":"m","mode":"url"}}"#
    );
    for none in ["{}", "7", "[]", "null"] {
        assert_eq!(url_input(&Bytes::from_static(none.as_bytes())), None);
    }
}
