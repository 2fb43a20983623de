// Long because each rule has its examples beside it.
//! The rules of eras and revisions.

use tapgate_wire::Rule;
use tapgate_wire::fault::Severity;
use tapgate_wire::revision::{Revision, Revisions};
use tapgate_wire::rule::Side;

pub(in crate::family) const RULES: &[&Rule] = &[
    &LEGACY_TO_MODERN,
    &MODERN_TO_LEGACY,
    &MIXED,
    &HANDSHAKE_NAMES_MODERN,
    &REMOVED,
    &FUTURE,
    &DIRECTION,
    &UNKNOWN,
    &BATCH,
    &RETIRED,
    &RESERVED,
    &DEPRECATED,
    &HTTP_SSE,
];

pub(super) static LEGACY_TO_MODERN: Rule = Rule {
    id: "era.legacy-to-modern",
    about: "A client greets a server that has no handshake.",
    side: Side::Unknown,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "Spec 2026-07-28, basic/versioning, Compatibility",
    fix: "Update the client, or put a bridge between them.",
    fires: &[r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server> {"jsonrpc":"2.0","id":0,"error":{"code":-32022,"message":"unsupported","data":{"supported":["2026-07-28"],"requested":"2025-06-18"}}}
    "#],
    quiet: &[
        r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server> answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
    "#,
        r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server> fail 0 -32603 oops
    "#,
    ],
};

pub(super) static MODERN_TO_LEGACY: Rule = Rule {
    id: "era.modern-to-legacy",
    about: "A client without a handshake asks a server that wants one.",
    side: Side::Client,
    severity: Severity::Error,
    revisions: Revisions::MODERN,
    source: "Spec 2026-07-28, basic/versioning, Compatibility",
    fix: "Fall back to initialize when the server does not know server/discover.",
    fires: &[
        r#"
        legs client=stdio server=stdio
        client> ask 1 server/discover {"_meta":{$META}}
        server> fail 1 -32601 unknown
        client> ask 2 tools/list {"_meta":{$META}}
        server> fail 2 -32600 unknown
    "#,
        r#"
        legs client=stdio server=stdio
        client> ask 1 tools/list {"_meta":{$META}}
        server> fail 1 -32600 not initialized
    "#,
    ],
    quiet: &[
        r#"
        legs client=stdio server=stdio
        client> ask 1 server/discover {"_meta":{$META}}
        server> fail 1 -32601 unknown
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server> answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
    "#,
        r#"
        legs client=stdio server=stdio
        client> ask 1 tools/list {"_meta":{$META}}
        server> answer 1 {"resultType":"complete","tools":[],"ttlMs":0,"cacheScope":"private"}
        client> ask 2 tools/call {"name":"x","_meta":{$META}}
        server> fail 2 -32603 initialization of the database failed
    "#,
    ],
};

pub(super) static MIXED: Rule = Rule {
    id: "era.mixed",
    about: "A client uses both ways of speaking on one connection.",
    side: Side::Client,
    severity: Severity::Note,
    revisions: Revisions::ALL,
    source: "Spec 2026-07-28, basic/versioning",
    fix: "Choose one way for each connection, by what the server knows.",
    fires: &[
        r#"
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 tools/list {"_meta":{$META}}
    "#,
        r#"
        legs client=stdio server=stdio
        client> ask 1 tools/list {"_meta":{$META}}
        server> answer 1 {"resultType":"complete","tools":[],"ttlMs":0,"cacheScope":"private"}
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
    "#,
    ],
    quiet: &[r#"
        legs client=stdio server=stdio
        client> ask 1 server/discover {"_meta":{$META}}
        server> fail 1 -32601 unknown
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server> answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
    "#],
};

pub(super) static HANDSHAKE_NAMES_MODERN: Rule = Rule {
    id: "era.handshake-names-modern",
    about: "A handshake names a revision that has no handshake.",
    side: Side::Unknown,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "Spec 2026-07-28, changelog",
    fix: "Name a revision up to 2025-11-25 in a handshake, or leave the handshake out.",
    fires: &[r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2026-07-28","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
    "#],
    quiet: &[r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server> answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
    "#],
};

pub(super) static REMOVED: Rule = Rule {
    id: "era.removed-method",
    about: "The method was removed before this revision.",
    side: Side::Unknown,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "Spec 2026-07-28, changelog",
    fix: "Use what took the method's place, or an older revision.",
    fires: &[
        r#"
        legs client=stdio server=stdio
        client> ask 1 tools/list {"_meta":{$META}}
        server> answer 1 {"resultType":"complete","tools":[],"ttlMs":0,"cacheScope":"private"}
        client> ask 2 ping {"_meta":{$META}}
    "#,
        r#"
        legs client=stdio server=stdio
        client> ask 1 tools/list {"_meta":{$META}}
        server> answer 1 {"resultType":"complete","tools":[],"ttlMs":0,"cacheScope":"private"}
        client> ask 2 resources/subscribe {"uri":"a","_meta":{$META}}
    "#,
    ],
    quiet: &["
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 2 ping
    "],
};

pub(super) static FUTURE: Rule = Rule {
    id: "era.future-method",
    about: "The method came only after this revision.",
    side: Side::Unknown,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "Spec, changelog of the later revision",
    fix: "Agree on a later revision, or do without the method.",
    fires: &[r#"
        legs client=stdio server=stdio
        hello 2025-03-26
        server> ask 1 elicitation/create {"message":"x","requestedSchema":{}}
    "#],
    quiet: &[r#"
        legs client=stdio server=stdio
        hello 2025-06-18
        server> ask 1 elicitation/create {"message":"x","requestedSchema":{}}
    "#],
};

pub(super) static DIRECTION: Rule = Rule {
    id: "era.wrong-direction",
    about: "The method exists in this revision, and this side does not send it as a message.",
    side: Side::Unknown,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "Spec 2026-07-28, basic/index, Messages; basic/patterns/mrtr",
    fix: "Let the other side send it; from 2026-07-28 on, servers ask by an answer with inputRequests.",
    fires: &[
        r#"
        legs client=stdio server=stdio
        client> ask 1 tools/list {"_meta":{$META}}
        server> answer 1 {"resultType":"complete","tools":[],"ttlMs":0,"cacheScope":"private"}
        client> ask 5 tools/call {"name":"a","_meta":{$META}}
        server> ask 1 sampling/createMessage {"messages":[],"maxTokens":1}
    "#,
        "
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 roots/list
    ",
    ],
    quiet: &[
        "
        legs client=stdio server=stdio
        hello 2025-06-18
        server> ask 1 roots/list
    ",
        r#"
        legs client=stdio server=stdio
        client> ask 1 tools/list {"_meta":{$META}}
        server> answer 1 {"resultType":"complete","tools":[],"ttlMs":0,"cacheScope":"private"}
        client> ask 5 tools/call {"name":"a","_meta":{$META}}
        server> answer 5 {"resultType":"input_required","inputRequests":{"a":{"method":"elicitation/create","params":{}}}}
    "#,
    ],
};

pub(super) static UNKNOWN: Rule = Rule {
    id: "era.unknown-method",
    about: "The method is in no revision and in no official extension.",
    side: Side::Unknown,
    severity: Severity::Note,
    revisions: Revisions::ALL,
    source: "Spec 2026-07-28, basic/index, Messages",
    fix: "See whether the name is misspelt, or whether both sides know this extension.",
    fires: &["
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 tool/list
    "],
    quiet: &["
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 tools/list
    "],
};

pub(super) static BATCH: Rule = Rule {
    id: "era.batch",
    about: "Several messages came in one array, which only 2025-03-26 allows.",
    side: Side::Unknown,
    severity: Severity::Error,
    revisions: Revisions::since(Revision::V2025_06_18),
    source: "Spec 2025-06-18, changelog",
    fix: "Send each message by itself.",
    fires: &[r#"
        legs client=stdio server=stdio
        hello 2025-06-18
        client> [{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":2,"method":"ping"}]
    "#],
    quiet: &[
        r#"
        legs client=stdio server=stdio
        hello 2025-03-26
        client> [{"jsonrpc":"2.0","id":1,"method":"ping"}]
    "#,
        r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-session-id: s | [{"jsonrpc":"2.0","id":1,"method":"ping"}]
    "#,
    ],
};

pub(super) static RETIRED: Rule = Rule {
    id: "era.retired-code",
    about: "The error code has no meaning any more in this revision.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::MODERN,
    source: "Spec 2026-07-28, basic/index, Error Codes; changelog",
    fix: "Use the code that took its place.",
    fires: &[r#"
        legs client=stdio server=stdio
        client> ask 1 tools/list {"_meta":{$META}}
        server> answer 1 {"resultType":"complete","tools":[],"ttlMs":0,"cacheScope":"private"}
        client> ask 2 resources/read {"uri":"a","_meta":{$META}}
        server> fail 2 -32002 not found
    "#],
    quiet: &[
        r#"
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 2 resources/read {"uri":"a"}
        server> fail 2 -32002 not found
    "#,
        r#"
        legs client=stdio server=stdio
        client> ask 1 server/discover {"_meta":{$META}}
        server> fail 1 -32001 no session
    "#,
    ],
};

pub(super) static RESERVED: Rule = Rule {
    id: "era.reserved-code",
    about: "The error code lies in the range that belongs to the specification, which does not define it.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::MODERN,
    source: "Spec 2026-07-28, basic/index, Error Codes",
    fix: "Use a code outside -32768 to -32000 for errors of your own.",
    fires: &[r#"
        legs client=stdio server=stdio
        client> ask 1 tools/list {"_meta":{$META}}
        server> answer 1 {"resultType":"complete","tools":[],"ttlMs":0,"cacheScope":"private"}
        client> ask 2 tools/list {"_meta":{$META}}
        server> fail 2 -32050 mine
    "#],
    quiet: &[
        r#"
        legs client=stdio server=stdio
        client> ask 1 tools/list {"_meta":{$META}}
        server> answer 1 {"resultType":"complete","tools":[],"ttlMs":0,"cacheScope":"private"}
        client> ask 2 tools/list {"_meta":{$META}}
        server> fail 2 -32022 version
    "#,
        "
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 2 tools/list
        server> fail 2 -32050 mine
    ",
    ],
};

pub(super) static DEPRECATED: Rule = Rule {
    id: "era.deprecated",
    about: "The feature is deprecated and may be gone in a later revision.",
    side: Side::Unknown,
    severity: Severity::Note,
    revisions: Revisions::MODERN,
    source: "Spec 2026-07-28, deprecated",
    fix: "Plan to do without it.",
    fires: &[
        r#"
        legs client=stdio server=stdio
        client> ask 1 tools/list {"_meta":{$META({"roots":{}})}}
    "#,
        r#"
        legs client=stdio server=stdio
        client> ask 1 tools/list {"_meta":{$META}}
        server> answer 1 {"resultType":"complete","tools":[],"ttlMs":0,"cacheScope":"private"}
        client> ask 5 tools/call {"name":"a","_meta":{$META}}
        server> tell notifications/message {"level":"info","data":"x"}
    "#,
        r#"
        legs client=stdio server=stdio
        client> ask 1 tools/list {"_meta":{$META}}
        server> answer 1 {"resultType":"complete","tools":[],"ttlMs":0,"cacheScope":"private"}
        client> ask 5 tools/call {"name":"a","_meta":{$META}}
        server> answer 5 {"resultType":"input_required","inputRequests":{"a":{"method":"sampling/createMessage","params":{}}}}
    "#,
    ],
    quiet: &[
        r#"
        legs client=stdio server=stdio
        client> ask 1 tools/list {"_meta":{$META}}
        server> answer 1 {"resultType":"complete","tools":[],"ttlMs":0,"cacheScope":"private"}
    "#,
        r#"
        legs client=stdio server=stdio
        hello 2025-06-18
        server> tell notifications/message {"level":"info","data":"x"}
    "#,
    ],
};

pub(super) static HTTP_SSE: Rule = Rule {
    id: "era.http-sse",
    about: "The session uses the transport of 2024-11-05, which is deprecated.",
    side: Side::Unknown,
    severity: Severity::Note,
    revisions: Revisions::since(Revision::V2025_03_26),
    source: "Spec 2025-03-26, changelog; 2026-07-28, deprecated",
    fix: "Offer Streamable HTTP.",
    fires: &[r#"
        legs client=sse server=sse
        client[1] GET /sse  user-agent: probe | -
        server[1] 200 sse
        server[1]> (event=endpoint) /m?s=1
        client[2] POST /m?s=1  user-agent: probe | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[2] 202 | -
        server[1]> (event=message) answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
    "#],
    quiet: &[r#"
        legs client=sse server=sse
        client[1] GET /sse  user-agent: probe | -
        server[1] 200 sse
        server[1]> (event=endpoint) /m?s=1
        client[2] POST /m?s=1  user-agent: probe | ask 0 initialize {"protocolVersion":"2024-11-05","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[2] 202 | -
        server[1]> (event=message) answer 0 {"protocolVersion":"2024-11-05","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
    "#],
};
