// Long because each rule of sessions over HTTP stands here, with its examples.
//! The rules of sessions and of what carries them over HTTP.

use tapgate_wire::Rule;
use tapgate_wire::fault::Severity;
use tapgate_wire::revision::{Revision, Revisions};
use tapgate_wire::rule::Side;

pub(in crate::family) const RULES: &[&Rule] = &[
    &ID_MISSING,
    &ID_CHANGED,
    &ID_CHARACTERS,
    &ID_IN_HANDSHAKE,
    &AFTER_EXPIRY,
    &AFTER_DELETE,
    &WRONG_STATUS,
    &IN_MODERN,
    &GET_ANSWER,
    &DELETE_ANSWER,
    &NOTIFICATION_STATUS,
    &ACCEPT,
    &CONTENT_TYPE,
    &ANSWER_TYPE,
    &GET_ACCEPT,
];

pub(super) static ID_MISSING: Rule = Rule {
    id: "session.id-missing",
    about: "The server issued a session id and the client does not send it.",
    side: Side::Client,
    severity: Severity::Error,
    revisions: Revisions::NONE.with(Revision::V2025_03_26, Revision::V2025_11_25),
    source: "Spec 2025-11-25, basic/transports, Session Management",
    fix: "Send Mcp-Session-Id with every request after the handshake.",
    fires: &[r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 1 tools/list
    "#],
    quiet: &[
        r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | tell notifications/initialized
        server[2] 202 | -
        client[3] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 1 tools/list
        server[3] 200 json | answer 1 {"tools":[]}
    "#,
        r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 1 tools/list
    "#,
    ],
};

pub(super) static ID_CHANGED: Rule = Rule {
    id: "session.id-changed",
    about: "A response names another session id than the one that was issued.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::NONE.with(Revision::V2025_03_26, Revision::V2025_11_25),
    source: "Spec 2025-11-25, basic/transports, Session Management",
    fix: "Issue a session id once, with the answer to initialize.",
    fires: &[r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[3] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 1 tools/list
        server[3] 200 json  mcp-session-id: s-2 | answer 1 {"tools":[]}
    "#],
    quiet: &[
        r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | tell notifications/initialized
        server[2] 202 | -
        client[3] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 1 tools/list
        server[3] 200 json | answer 1 {"tools":[]}
    "#,
        r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[3] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 1 tools/list
        server[3] 200 json  mcp-session-id: s-1 | answer 1 {"tools":[]}
    "#,
    ],
};

pub(super) static ID_CHARACTERS: Rule = Rule {
    id: "session.id-characters",
    about: "The session id holds other characters than visible ASCII.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::NONE.with(Revision::V2025_03_26, Revision::V2025_11_25),
    source: "Spec 2025-11-25, basic/transports, Session Management",
    fix: "Use an id of the bytes 0x21 to 0x7E, such as a UUID.",
    fires: &[r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s 1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
    "#],
    quiet: &[r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | tell notifications/initialized
        server[2] 202 | -
        client[3] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 1 tools/list
        server[3] 200 json | answer 1 {"tools":[]}
    "#],
};

pub(super) static ID_IN_HANDSHAKE: Rule = Rule {
    id: "session.id-in-handshake",
    about: "A handshake names a session, although it begins one.",
    side: Side::Client,
    severity: Severity::Error,
    revisions: Revisions::NONE.with(Revision::V2025_03_26, Revision::V2025_11_25),
    source: "Spec 2025-11-25, basic/transports, Session Management",
    fix: "Send initialize without Mcp-Session-Id.",
    fires: &[r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | tell notifications/initialized
        server[2] 202 | -
        client[3] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 1 tools/list
        server[3] 200 json | answer 1 {"tools":[]}
        client[4] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 2 tools/list
        server[4] 404 json | {"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"session not found"}}
        client[5] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 3 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
    "#],
    quiet: &[r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | tell notifications/initialized
        server[2] 202 | -
        client[3] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 1 tools/list
        server[3] 200 json | answer 1 {"tools":[]}
    "#],
};

pub(super) static AFTER_EXPIRY: Rule = Rule {
    id: "session.used-after-404",
    about: "The server said that the session is gone, and the client goes on with it.",
    side: Side::Client,
    severity: Severity::Error,
    revisions: Revisions::NONE.with(Revision::V2025_03_26, Revision::V2025_11_25),
    source: "Spec 2025-11-25, basic/transports, Session Management",
    fix: "Send initialize without a session id after a 404.",
    fires: &[r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | tell notifications/initialized
        server[2] 202 | -
        client[3] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 1 tools/list
        server[3] 200 json | answer 1 {"tools":[]}
        client[4] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 2 tools/list
        server[4] 404 json | {"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"session not found"}}
        wait 2s
        client[5] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 3 tools/list
    "#],
    quiet: &[r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | tell notifications/initialized
        server[2] 202 | -
        client[3] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 1 tools/list
        server[3] 200 json | answer 1 {"tools":[]}
        client[4] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 2 tools/list
        server[4] 404 json | {"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"session not found"}}
        wait 2s
        client[5] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
    "#],
};

pub(super) static AFTER_DELETE: Rule = Rule {
    id: "session.used-after-delete",
    about: "The client ended the session by DELETE and goes on with it.",
    side: Side::Client,
    severity: Severity::Error,
    revisions: Revisions::NONE.with(Revision::V2025_03_26, Revision::V2025_11_25),
    source: "Spec 2025-11-25, basic/transports, Session Management",
    fix: "Send initialize for a new session.",
    fires: &[r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | tell notifications/initialized
        server[2] 202 | -
        client[3] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 1 tools/list
        server[3] 200 json | answer 1 {"tools":[]}
        client[4] DELETE /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | -
        server[4] 204 | -
        wait 2s
        client[5] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 3 tools/list
    "#],
    quiet: &[r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | tell notifications/initialized
        server[2] 202 | -
        client[3] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 1 tools/list
        server[3] 200 json | answer 1 {"tools":[]}
        client[4] DELETE /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | -
        server[4] 405 | -
        wait 2s
        client[5] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 3 tools/list
    "#],
};

pub(super) static WRONG_STATUS: Rule = Rule {
    id: "session.wrong-status",
    about: "A request of a session that is gone was not answered with 404, so the client does not know that it must begin again.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::NONE.with(Revision::V2025_03_26, Revision::V2025_11_25),
    source: "Spec 2025-11-25, basic/transports, Session Management",
    fix: "Answer 404 to an unknown or ended session id.",
    fires: &[r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | tell notifications/initialized
        server[2] 202 | -
        client[3] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 1 tools/list
        server[3] 200 json | answer 1 {"tools":[]}
        client[4] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 2 tools/list
        server[4] 400 json | {"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Bad Request: session expired"}}
    "#],
    quiet: &[
        r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | tell notifications/initialized
        server[2] 202 | -
        client[3] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 1 tools/list
        server[3] 200 json | answer 1 {"tools":[]}
        client[4] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 2 tools/list
        server[4] 404 json | {"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"session not found"}}
    "#,
        r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | tell notifications/initialized
        server[2] 202 | -
        client[3] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 1 tools/list
        server[3] 200 json | answer 1 {"tools":[]}
        client[4] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 2 tools/list
        server[4] 400 json | {"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"no valid session id"}}
    "#,
    ],
};

pub(super) static IN_MODERN: Rule = Rule {
    id: "session.in-modern",
    about: "A session id is used in a revision that has no sessions.",
    side: Side::Unknown,
    severity: Severity::Warning,
    revisions: Revisions::MODERN,
    source: "Spec 2026-07-28, basic/transports/streamable-http, Earlier Streamable HTTP Revisions",
    fix: "Leave Mcp-Session-Id out.",
    fires: &[
        r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1; mcp-protocol-version: 2026-07-28; mcp-method: tools/list | ask 1 tools/list {"_meta":{$META}}
    "#,
        r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-protocol-version: 2026-07-28; mcp-method: tools/list | ask 1 tools/list {"_meta":{$META}}
        server[1] 200 json  mcp-session-id: x | answer 1 {"resultType":"complete","tools":[]}
    "#,
    ],
    quiet: &[
        r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-protocol-version: 2026-07-28; mcp-method: tools/list | ask 1 tools/list {"_meta":{$META}}
        server[1] 200 json | answer 1 {"resultType":"complete","tools":[]}
    "#,
        // A server with sessions refuses what it does not know.
        r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-protocol-version: 2026-07-28; mcp-method: tools/list | ask 1 tools/list {"_meta":{$META}}
        server[1] 400 json  mcp-session-id: x | fail 1 -32600 no session
    "#,
    ],
};

pub(super) static GET_ANSWER: Rule = Rule {
    id: "session.get-answer",
    about: "A GET for the stream of events was answered neither with a stream nor with 405.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::NONE.with(Revision::V2025_03_26, Revision::V2025_11_25),
    source: "Spec 2025-11-25, basic/transports, Streamable HTTP, Listening for Messages from the Server",
    fix: "Answer with text/event-stream, or with 405 where there is no such stream.",
    fires: &[r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | tell notifications/initialized
        server[2] 202 | -
        client[3] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 1 tools/list
        server[3] 200 json | answer 1 {"tools":[]}
        client[4] GET /mcp  accept: text/event-stream; mcp-session-id: s-1
        client[4] end
        server[4] 200 html | <p>hi</p>
    "#],
    quiet: &[
        r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | tell notifications/initialized
        server[2] 202 | -
        client[3] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 1 tools/list
        server[3] 200 json | answer 1 {"tools":[]}
        client[4] GET /mcp  accept: text/event-stream; mcp-session-id: s-1
        client[4] end
        server[4] 405 | -
    "#,
        r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | tell notifications/initialized
        server[2] 202 | -
        client[3] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 1 tools/list
        server[3] 200 json | answer 1 {"tools":[]}
        client[4] GET /  accept: text/html
        client[4] end
        server[4] 200 html | <p>hi</p>
    "#,
    ],
};

pub(super) static DELETE_ANSWER: Rule = Rule {
    id: "session.delete-answer",
    about: "A DELETE of the session was answered neither with success nor with 405.",
    side: Side::Server,
    severity: Severity::Note,
    revisions: Revisions::NONE.with(Revision::V2025_03_26, Revision::V2025_11_25),
    source: "Spec 2025-11-25, basic/transports, Session Management",
    fix: "Answer 2xx when the session is ended, 405 where clients may not end it.",
    fires: &[r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | tell notifications/initialized
        server[2] 202 | -
        client[3] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 1 tools/list
        server[3] 200 json | answer 1 {"tools":[]}
        client[4] DELETE /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | -
        server[4] 500 | -
    "#],
    quiet: &[r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | tell notifications/initialized
        server[2] 202 | -
        client[3] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 1 tools/list
        server[3] 200 json | answer 1 {"tools":[]}
        client[4] DELETE /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | -
        server[4] 405 | -
    "#],
};

pub(super) static NOTIFICATION_STATUS: Rule = Rule {
    id: "session.notification-status",
    about: "A notification or an answer of the client was accepted with another status than 202.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::since(Revision::V2025_03_26),
    source: "Spec 2025-11-25, basic/transports, Streamable HTTP, Sending Messages to the Server",
    fix: "Answer 202 without a body to what needs no answer.",
    fires: &[
        r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | tell notifications/initialized
        server[2] 200 | -
    "#,
        r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | tell notifications/initialized
        server[2] 200 json | {}
    "#,
    ],
    quiet: &[r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | tell notifications/initialized
        server[2] 202 | -
        client[3] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 1 tools/list
        server[3] 200 json | answer 1 {"tools":[]}
    "#],
};

pub(super) static ACCEPT: Rule = Rule {
    id: "session.accept",
    about: "A POST does not accept both JSON and event streams.",
    side: Side::Client,
    severity: Severity::Error,
    revisions: Revisions::since(Revision::V2025_03_26),
    source: "Spec 2025-11-25, basic/transports, Streamable HTTP, Sending Messages to the Server",
    fix: "Send Accept: application/json, text/event-stream.",
    fires: &[r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
    "#],
    quiet: &[r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | tell notifications/initialized
        server[2] 202 | -
        client[3] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 1 tools/list
        server[3] 200 json | answer 1 {"tools":[]}
    "#],
};

pub(super) static CONTENT_TYPE: Rule = Rule {
    id: "session.content-type",
    about: "A POST does not say that its body is JSON.",
    side: Side::Client,
    severity: Severity::Warning,
    revisions: Revisions::since(Revision::V2025_03_26),
    source: "Spec 2025-11-25, basic/transports, Streamable HTTP, Sending Messages to the Server; RFC 9110, section 8.3",
    fix: "Send Content-Type: application/json.",
    fires: &[r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: text/plain | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
    "#],
    quiet: &[
        r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | tell notifications/initialized
        server[2] 202 | -
        client[3] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 1 tools/list
        server[3] 200 json | answer 1 {"tools":[]}
    "#,
        r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/vnd.x, application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
    "#,
    ],
};

pub(super) static ANSWER_TYPE: Rule = Rule {
    id: "session.answer-type",
    about: "A request was answered with a body that is said to be neither JSON nor a stream of events.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::since(Revision::V2025_03_26),
    source: "Spec 2025-11-25, basic/transports, Streamable HTTP, Sending Messages to the Server",
    fix: "Send Content-Type: application/json or text/event-stream with the answer.",
    fires: &[r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200  content-type: text/plain | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
    "#],
    quiet: &[r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | tell notifications/initialized
        server[2] 202 | -
        client[3] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 1 tools/list
        server[3] 200 json | answer 1 {"tools":[]}
    "#],
};

pub(super) static GET_ACCEPT: Rule = Rule {
    id: "session.get-accept",
    about: "A GET of a session does not accept event streams.",
    side: Side::Client,
    severity: Severity::Error,
    revisions: Revisions::NONE.with(Revision::V2025_03_26, Revision::V2025_11_25),
    source: "Spec 2025-11-25, basic/transports, Streamable HTTP, Listening for Messages from the Server",
    fix: "Send Accept: text/event-stream.",
    fires: &[r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | tell notifications/initialized
        server[2] 202 | -
        client[3] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 1 tools/list
        server[3] 200 json | answer 1 {"tools":[]}
        client[4] GET /mcp  mcp-session-id: s-1
        client[4] end
    "#],
    quiet: &[r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | tell notifications/initialized
        server[2] 202 | -
        client[3] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 1 tools/list
        server[3] 200 json | answer 1 {"tools":[]}
        client[4] GET /mcp  accept: text/event-stream; mcp-session-id: s-1
        client[4] end
    "#],
};
