//! The rules about what a server must refuse.

use tapgate_wire::Rule;
use tapgate_wire::fault::Severity;
use tapgate_wire::revision::{Revision, Revisions};
use tapgate_wire::rule::Side;

pub(in crate::family) const RULES: &[&Rule] =
    &[&FOREIGN_PAGE, &NO_SESSION, &DELETED, &NO_REVISION, &DISAGREES, &NO_METHOD, &STATUS];

pub(super) static FOREIGN_PAGE: Rule = Rule {
    id: "refusal.foreign-page",
    about: "The server answers a page that cannot be its own, so any web site can reach it through the browser of whoever runs it (DNS rebinding).",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "Spec 2026-07-28, basic/transports/streamable-http, Security; 2025-11-25, basic/transports, Security Warning; 2024-11-05, basic/transports, Security Warning",
    fix: "Compare the header Origin with the pages that may call the server, and answer 403 to all others.",
    fires: &[r#"
        legs client=http server=http
        client[1] POST /mcp  origin: https://page.invalid; mcp-protocol-version: 2026-07-28; mcp-method: tools/list | ask 1 tools/list {"_meta":{$META}}
        server[1] 200 json | answer 1 {"resultType":"complete","ttlMs":0,"cacheScope":"private","tools":[]}
    "#],
    quiet: &[
        r#"
        legs client=http server=http
        client[1] POST /mcp  origin: https://page.invalid; mcp-protocol-version: 2026-07-28; mcp-method: tools/list | ask 1 tools/list {"_meta":{$META}}
        server[1] 403 | -
    "#,
        r#"
        legs client=http server=http
        client[1] POST /mcp  origin: https://page.example; mcp-protocol-version: 2026-07-28; mcp-method: tools/list | ask 1 tools/list {"_meta":{$META}}
        server[1] 200 json | answer 1 {"resultType":"complete","ttlMs":0,"cacheScope":"private","tools":[]}
    "#,
    ],
};

pub(super) static NO_SESSION: Rule = Rule {
    id: "refusal.session",
    about: "The server answers a request of a session that it has not begun.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::NONE.with(Revision::V2025_03_26, Revision::V2025_11_25),
    source: "Spec 2025-11-25, basic/transports, Session Management",
    fix: "Answer 404 to a session id that is not known, so that the client begins a new session.",
    fires: &[r"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; mcp-session-id: tapgate-no-such-session; mcp-protocol-version: 2025-06-18 | ask 1 ping
        server[1] 200 json | answer 1 {}
    "],
    quiet: &[
        r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; mcp-session-id: tapgate-no-such-session; mcp-protocol-version: 2025-06-18 | ask 1 ping
        server[1] 404 json | {"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"session not found"}}
    "#,
        r"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; mcp-session-id: s-1; mcp-protocol-version: 2025-06-18 | ask 1 ping
        server[1] 200 json | answer 1 {}
    ",
    ],
};

pub(super) static DELETED: Rule = Rule {
    id: "refusal.deleted-session",
    about: "The server granted a DELETE of the session and answers its requests all the same.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::NONE.with(Revision::V2025_03_26, Revision::V2025_11_25),
    source: "Spec 2025-11-25, basic/transports, Session Management",
    fix: "Forget the session, and answer 404 from then on; or answer 405 to DELETE.",
    fires: &[r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] DELETE /mcp  mcp-session-id: s-1; mcp-protocol-version: 2025-06-18 | -
        server[2] 204 | -
        client[3] POST /mcp  accept: application/json, text/event-stream; mcp-session-id: s-1; mcp-protocol-version: 2025-06-18 | ask 1 ping
        server[3] 200 json | answer 1 {}
    "#],
    quiet: &[
        r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] DELETE /mcp  mcp-session-id: s-1; mcp-protocol-version: 2025-06-18 | -
        server[2] 405 | -
        client[3] POST /mcp  accept: application/json, text/event-stream; mcp-session-id: s-1; mcp-protocol-version: 2025-06-18 | ask 1 ping
        server[3] 200 json | answer 1 {}
    "#,
        r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] DELETE /mcp  mcp-session-id: s-1; mcp-protocol-version: 2025-06-18 | -
        server[2] 204 | -
        client[3] POST /mcp  accept: application/json, text/event-stream; mcp-session-id: s-1; mcp-protocol-version: 2025-06-18 | ask 1 ping
        server[3] 404 | -
    "#,
    ],
};

pub(super) static NO_REVISION: Rule = Rule {
    id: "refusal.revision",
    about: "The server answers a request whose MCP-Protocol-Version there never was.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::since(Revision::V2025_06_18),
    source: "Spec 2026-07-28, basic/transports/streamable-http, Server Validation; 2025-06-18, basic/transports, Protocol Version Header",
    fix: "Answer 400 to a revision that the server does not speak; since 2026-07-28 with the error -32022.",
    fires: &[r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  mcp-session-id: s-1; mcp-protocol-version: 1900-01-01 | ask 1 ping
        server[2] 200 json | answer 1 {}
    "#],
    quiet: &[
        r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  mcp-session-id: s-1; mcp-protocol-version: 1900-01-01 | ask 1 ping
        server[2] 400 json | fail 1 -32000 unsupported protocol version
        client[3] POST /mcp  mcp-session-id: s-1; mcp-protocol-version: 2099-01-01 | ask 2 ping
        server[3] 200 json | answer 2 {}
    "#,
        // Before 2025-06-18 there was no such header.
        r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream | ask 0 initialize {"protocolVersion":"2025-03-26","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-03-26","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  mcp-session-id: s-1; mcp-protocol-version: 1900-01-01 | ask 1 ping
        server[2] 200 json | answer 1 {}
    "#,
    ],
};

pub(super) static DISAGREES: Rule = Rule {
    id: "refusal.header",
    about: "The server answers a request whose Mcp-Method says something else than its body.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::MODERN,
    source: "Spec 2026-07-28, basic/transports/streamable-http, Server Validation",
    fix: "Compare the headers with the body, and answer 400 with the error -32020 where they differ.",
    fires: &[
        r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: tools/list | ask 1 prompts/list {"_meta":{$META}}
        server[1] 200 json | answer 1 {"resultType":"complete","ttlMs":0,"cacheScope":"private","prompts":[]}
    "#,
        r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: tools/list | ask 1 prompts/list {"_meta":{$META}}
        server[1] 400 json | fail 1 -32600 bad
    "#,
    ],
    quiet: &[
        r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: tools/list | ask 1 prompts/list {"_meta":{$META}}
        server[1] 400 json | fail 1 -32020 header mismatch
    "#,
        r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: prompts/list | ask 1 prompts/list {"_meta":{$META}}
        server[1] 200 json | answer 1 {"resultType":"complete","ttlMs":0,"cacheScope":"private","prompts":[]}
    "#,
    ],
};

pub(super) static NO_METHOD: Rule = Rule {
    id: "refusal.method",
    about: "The server answers a method that it cannot have otherwise than with the error -32601, so clients cannot tell what it lacks.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "JSON-RPC 2.0, section 5.1; Spec 2026-07-28, basic/transports/streamable-http, Server Validation",
    fix: "Answer -32601 (method not found) to every method that is not known.",
    fires: &[
        r"
        hello 2025-06-18
        client> ask 1 tapgate/no-such-method
        server> answer 1 {}
    ",
        r"
        hello 2025-06-18
        client> ask 1 tapgate/no-such-method
        server> fail 1 -32603 cannot read properties of undefined
    ",
    ],
    quiet: &[r"
        hello 2025-06-18
        client> ask 1 tapgate/no-such-method
        server> fail 1 -32601 method not found
    "],
};

pub(super) static STATUS: Rule = Rule {
    id: "refusal.status",
    about: "The server refuses a request with another HTTP status than the error has, so clients and proxies that look at the status alone are misled.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::MODERN,
    source: "Spec 2026-07-28, basic/transports/streamable-http",
    fix: "Answer 404 with -32601, and 400 with -32020 and -32022.",
    fires: &[
        r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: tools/list | ask 1 tools/list {"_meta":{$META}}
        server[1] 200 json | fail 1 -32601 method not found
    "#,
        r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: tools/list | ask 1 prompts/list {"_meta":{$META}}
        server[1] 200 json | fail 1 -32020 header mismatch
    "#,
    ],
    quiet: &[
        r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: tools/list | ask 1 tools/list {"_meta":{$META}}
        server[1] 404 json | fail 1 -32601 method not found
        client[2] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: tools/list | ask 2 tools/list {"_meta":{$META}}
        server[2] 200 json | fail 2 -32602 bad
    "#,
        r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  mcp-protocol-version: 2025-06-18 | ask 1 tools/list
        server[2] 200 json | fail 1 -32601 method not found
    "#,
    ],
};
