//! The rules about headers.

use tapgate_wire::Rule;
use tapgate_wire::fault::Severity;
use tapgate_wire::revision::{Revision, Revisions};
use tapgate_wire::rule::Side;

pub(super) static MISSING: Rule = Rule {
    id: "header.missing",
    about: "A request lacks a header that its revision requires.",
    side: Side::Client,
    severity: Severity::Error,
    revisions: Revisions::since(Revision::V2025_06_18),
    source: "Spec 2026-07-28, basic/transports/streamable-http, Standard Request Headers, and server/tools, x-mcp-header; 2025-06-18, basic/transports, Protocol Version Header",
    fix: "Send the header with every request.",
    fires: &[
        r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2026-07-28 | ask 1 tools/list {"_meta":{$META}}
    "#,
        r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: tools/list | ask 1 tools/list {"_meta":{$META}}
        server[1] 200 json | answer 1 {"resultType":"complete","ttlMs":0,"cacheScope":"private","tools":[{"name":"t","inputSchema":{"type":"object","properties":{"r":{"type":"string","x-mcp-header":"Region"}}}}]}
        client[2] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: tools/call; mcp-name: t | ask 2 tools/call {"name":"t","arguments":{"r":"eu"},"_meta":{$META}}
    "#,
    ],
    quiet: &[
        r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: tools/list | ask 1 tools/list {"_meta":{$META}}
        server[1] 200 json | answer 1 {"resultType":"complete","ttlMs":0,"cacheScope":"private","tools":[{"name":"t","inputSchema":{"type":"object","properties":{"r":{"type":"string","x-mcp-header":"Region"}}}}]}
        client[2] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: tools/call; mcp-name: t; mcp-param-region: eu | ask 2 tools/call {"name":"t","arguments":{"r":"eu"},"_meta":{$META}}
        client[3] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: tools/call; mcp-name: t | ask 3 tools/call {"name":"t","arguments":{"r":null},"_meta":{$META}}
    "#,
        // What headers a notification carries is not said.
        r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: tools/list | ask 1 tools/list {"_meta":{$META}}
        client[2] POST /mcp | tell notifications/x {"_meta":{$META}}
    "#,
    ],
};

pub(super) static DISAGREES: Rule = Rule {
    id: "header.disagrees",
    about: "A header says something else than the body that it stands before.",
    side: Side::Client,
    severity: Severity::Error,
    revisions: Revisions::MODERN,
    source: "Spec 2026-07-28, basic/transports/streamable-http, Standard Request Headers and Server Validation",
    fix: "Make the header from the body that is sent with it.",
    fires: &[
        r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: tools/call; mcp-name: b | ask 1 tools/call {"name":"a","_meta":{$META}}
    "#,
        r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2025-11-25; mcp-method: tools/list | ask 1 tools/list {"_meta":{$META}}
    "#,
        r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: tasks/get; mcp-name: t | ask 1 tasks/get {"taskId":"u","_meta":{$META}}
    "#,
        r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: tools/list | ask 1 tools/list {"_meta":{$META}}
        server[1] 200 json | answer 1 {"resultType":"complete","ttlMs":0,"cacheScope":"private","tools":[{"name":"t","inputSchema":{"type":"object","properties":{"n":{"type":"integer","x-mcp-header":"Count"}}}}]}
        client[2] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: tools/call; mcp-name: t; mcp-param-count: 43 | ask 2 tools/call {"name":"t","arguments":{"n":42},"_meta":{$META}}
    "#,
    ],
    quiet: &[
        r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: tools/call; mcp-name: a | ask 1 tools/call {"name":"a","_meta":{$META}}
        client[2] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: prompts/get; mcp-name: =?base64?Z3LDtsOfZQ==?= | ask 2 prompts/get {"name":"größe","_meta":{$META}}
    "#,
        // Integers are compared as numbers, and what nobody annotated may say anything.
        r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: tools/list | ask 1 tools/list {"_meta":{$META}}
        server[1] 200 json | answer 1 {"resultType":"complete","ttlMs":0,"cacheScope":"private","tools":[{"name":"t","inputSchema":{"type":"object","properties":{"n":{"type":"integer","x-mcp-header":"Count"}}}}]}
        client[2] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: tools/call; mcp-name: t; mcp-param-count: 42; mcp-param-other: 1 | ask 2 tools/call {"name":"t","arguments":{"n":42.0},"_meta":{$META}}
    "#,
    ],
};

pub(super) static UNREADABLE: Rule = Rule {
    id: "header.unreadable",
    about: "A header that mirrors the body is not written as the specification encodes such values.",
    side: Side::Client,
    severity: Severity::Error,
    revisions: Revisions::MODERN,
    source: "Spec 2026-07-28, basic/transports/streamable-http, Value Encoding",
    fix: "Encode what is not plain ASCII as `=?base64?…?=`, with the standard alphabet and padding.",
    fires: &[
        r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: prompts/get; mcp-name: =?base64?Z3LDtsOfZQ?= | ask 1 prompts/get {"name":"größe","_meta":{$META}}
    "#,
        r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: tools/list | ask 1 tools/list {"_meta":{$META}}
        server[1] 200 json | answer 1 {"resultType":"complete","ttlMs":0,"cacheScope":"private","tools":[{"name":"t","inputSchema":{"type":"object","properties":{"r":{"type":"string","x-mcp-header":"Region"}}}}]}
        client[2] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: tools/call; mcp-name: t; mcp-param-region: =?base64?/w==?= | ask 2 tools/call {"name":"t","arguments":{"r":"x"},"_meta":{$META}}
    "#,
    ],
    quiet: &[r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: tools/call; mcp-name: =?base64?eA | ask 1 tools/call {"name":"=?base64?eA","_meta":{$META}}
    "#],
};

pub(super) static ANNOTATION: Rule = Rule {
    id: "header.annotation",
    about: "A tool annotates an argument with an x-mcp-header that is not allowed, so clients over HTTP must leave the tool out.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::MODERN,
    source: "Spec 2026-07-28, server/tools, x-mcp-header",
    fix: "Annotate only strings, integers and booleans that properties alone lead to, each with a name of its own.",
    fires: &[r#"
        client> ask 1 tools/list {"_meta":{$META}}
        server> answer 1 {"resultType":"complete","ttlMs":0,"cacheScope":"private","tools":[{"name":"t","inputSchema":{"type":"object","properties":{"r":{"type":"number","x-mcp-header":"Region"}}}}]}
    "#],
    quiet: &[r#"
        client> ask 1 tools/list {"_meta":{$META}}
        server> answer 1 {"resultType":"complete","ttlMs":0,"cacheScope":"private","tools":[{"name":"t","inputSchema":{"type":"object","properties":{"r":{"type":"string","x-mcp-header":"Region"}}}}]}
    "#],
};

pub(super) static VERSION_UNKNOWN: Rule = Rule {
    id: "header.version-unknown",
    about: "MCP-Protocol-Version names a revision that is not known here.",
    side: Side::Client,
    severity: Severity::Warning,
    revisions: Revisions::since(Revision::V2025_06_18),
    source: "Spec 2025-06-18, basic/transports, Protocol Version Header; 2026-07-28, basic/versioning",
    fix: "Send the revision that was agreed on, exactly as the specification writes its name.",
    fires: &[r"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2025-6-18 | ask 1 tools/list
    "],
    quiet: &[r"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2025-06-18 | ask 1 tools/list
    "],
};

pub(super) static VERSION_OTHER: Rule = Rule {
    id: "header.version-other",
    about: "MCP-Protocol-Version names another revision than the one that the handshake agreed on.",
    side: Side::Client,
    severity: Severity::Warning,
    revisions: Revisions::LEGACY,
    source: "Spec 2025-06-18, basic/transports, Protocol Version Header",
    fix: "Send the revision that the server answered to `initialize`.",
    fires: &[r#"
        legs client=http server=http
        client[1] POST /mcp | ask 0 initialize {"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}
        server[1] 200 json  mcp-session-id: s | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  mcp-session-id: s; mcp-protocol-version: 2025-11-25 | tell notifications/initialized
    "#],
    quiet: &[r#"
        legs client=http server=http
        client[1] POST /mcp | ask 0 initialize {"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}
        server[1] 200 json  mcp-session-id: s | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  mcp-session-id: s; mcp-protocol-version: 2025-06-18 | tell notifications/initialized
    "#],
};

pub(super) static ON_BATCH: Rule = Rule {
    id: "header.on-batch",
    about: "A batch came with headers that mirror one request, so they cannot be true of all.",
    side: Side::Client,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "Spec 2026-07-28, basic/transports/streamable-http, Sending Messages to the Server and Standard Request Headers",
    fix: "Send each message by itself.",
    fires: &[r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-method: tools/list | [{"jsonrpc":"2.0","id":1,"method":"tools/list"},{"jsonrpc":"2.0","id":2,"method":"prompts/list"}]
    "#],
    quiet: &[r#"
        legs client=http server=http
        client[1] POST /mcp | [{"jsonrpc":"2.0","id":1,"method":"tools/list"},{"jsonrpc":"2.0","id":2,"method":"prompts/list"}]
    "#],
};

pub(super) static REPEATED: Rule = Rule {
    id: "header.repeated",
    about: "A header that has one value came more than once with different values, and receivers differ in which one they take.",
    side: Side::Client,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "RFC 9110, section 5.3",
    fix: "Send the header once.",
    fires: &[r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: tools/list; mcp-method: tools/call | ask 1 tools/list {"_meta":{$META}}
    "#],
    quiet: &[r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: tools/list; accept: application/json; accept: text/event-stream | ask 1 tools/list {"_meta":{$META}}
    "#],
};
