use bytes::Bytes;
use tapgate_wire::Message;
use tapgate_wire::revision::Revision;
use tapgate_wire::shape::Id;

use super::{answer, initialize, request};

#[test]
fn a_request_keeps_all_but_what_only_modern_servers_read() {
    for (modern, legacy) in [
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}"#,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a", "_meta":{"progressToken":1.0,"io.modelcontextprotocol/logLevel":"info","io.modelcontextprotocol/clientInfo":{},"traceparent":"t"},"arguments":{"_meta":1,"task":2},"task":{},"inputResponses":{},"requestState":"s"}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a", "_meta":{"progressToken":1.0,"traceparent":"t"},"arguments":{"_meta":1,"task":2}}}"#,
        ),
        (r#"{"jsonrpc":"2.0","id":1,"method":"x"}"#, r#"{"jsonrpc":"2.0","id":1,"method":"x"}"#),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"x","params":[1.0]}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"x","params":[1.0]}"#,
        ),
    ] {
        assert_eq!(request(&Message::parse(modern.into())).to_wire(), legacy);
    }
}

#[test]
fn the_handshake_says_once_what_each_request_said() {
    let hello = initialize(7, Revision::V2025_11_25, br#"{"roots":{}}"#, br#"{"name":"c","version":"1"}"#);
    assert_eq!(
        hello.to_wire(),
        r#"{"jsonrpc":"2.0","id":7,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"roots":{}},"clientInfo":{"name":"c","version":"1"}}}"#
    );
}

#[test]
fn a_response_is_the_result_of_the_question() {
    let id = Id(Bytes::from_static(b"\"q\""));
    let said = |response: &'static str, revision| {
        let message = answer(&id, response.into(), revision);
        String::from_utf8(message.to_wire().to_vec()).unwrap()
    };
    assert_eq!(
        said(r#"{"action":"accept","content":{"n":1.0}}"#, Revision::V2025_06_18),
        r#"{"jsonrpc":"2.0","id":"q","result":{"action":"accept","content":{"n":1.0}}}"#
    );
    let one = r#"{"role":"assistant","content":[{"type":"text","text":"x"}],"model":"m"}"#;
    assert!(said(one, Revision::V2025_06_18).contains(r#""content":{"type":"text","text":"x"},"#));
    assert!(said(one, Revision::V2025_11_25).contains(r#""content":[{"type":"text","text":"x"}],"#));
}
