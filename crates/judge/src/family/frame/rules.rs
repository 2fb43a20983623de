// Long because each kind of fault has its rule here, with its examples.
//! The rules of frames and of the JSON-RPC shape: one for each kind of fault, under the same name.

use tapgate_wire::Rule;
use tapgate_wire::fault::Severity;
use tapgate_wire::revision::Revisions;
use tapgate_wire::rule::Side;

pub(in crate::family) const RULES: &[&Rule] = &[
    &NOT_JSON,
    &NOT_UTF8,
    &DUPLICATE_KEY,
    &TOO_DEEP,
    &TOO_LARGE,
    &CARRIAGE_RETURN,
    &BYTE_ORDER_MARK,
    &BLANK_LINE,
    &LONE_SURROGATE,
    &CUT_SHORT,
    &IGNORED_FIELD,
    &UNKNOWN_CODING,
    &BROKEN_CODING,
    &CODING_TOO_LARGE,
    &WRONG_ID_TYPE,
    &NULL_ID,
    &FRACTIONAL_ID,
    &MISSING_ID,
    &MISSING_VERSION,
    &WRONG_VERSION,
    &WRONG_METHOD_TYPE,
    &BOTH_RESULT_AND_ERROR,
    &METHOD_IN_ANSWER,
    &NOT_RPC,
    &EMPTY_BATCH,
    &TOO_MANY_PARTS,
];

static NOT_JSON: Rule = Rule {
    id: "frame.not-json",
    about: "The bytes are not a JSON document, so they are not an MCP message.",
    side: Side::Unknown,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "Spec 2026-07-28, basic/transports/stdio; 2025-11-25, basic/transports, stdio",
    fix: "Write logs, banners and prompts to standard error, and nothing but messages to standard output.",
    fires: &["
        legs client=stdio server=stdio
        hello 2025-06-18
        server> listening on stdio
    "],
    quiet: &[
        "
        legs client=stdio server=stdio
        server stderr listening on stdio
    ",
        "
        legs client=sse server=sse
        client[1] GET /sse  user-agent: probe | -
        server[1] 200 sse
        server[1]> (event=endpoint) /messages?session_id=1
    ",
        "
        legs client=http server=http
        client[1] GET /  accept: text/html | -
        server[1] 200 html | <p>hello</p>
    ",
    ],
};

static NOT_UTF8: Rule = Rule {
    id: "frame.not-utf8",
    about: "JSON-RPC messages are UTF-8, and these bytes are not.",
    side: Side::Unknown,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "Spec 2026-07-28, basic/index, Messages; basic/transports/index",
    fix: "Encode messages as UTF-8, also on systems with another code page.",
    fires: &[r#"
        legs client=stdio server=stdio
        server odd frame.not-utf8 {"jsonrpc":"2.0","id":1,"result":{}}
    "#],
    quiet: &[r#"
        legs client=stdio server=stdio
        server> {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"ä"}}
    "#],
};

static DUPLICATE_KEY: Rule = Rule {
    id: "frame.duplicate-key",
    about: "An object names a member twice, and receivers differ in which one they take.",
    side: Side::Unknown,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "RFC 8259, section 4",
    fix: "Name each member of an object once.",
    fires: &[r#"
        legs client=stdio server=stdio
        client> {"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}
    "#],
    quiet: &[r#"
        legs client=stdio server=stdio
        client> ask 1 x {"a":{"id":1},"b":{"id":2}}
    "#],
};

static TOO_DEEP: Rule = Rule {
    id: "frame.too-deep",
    about: "The message is nested so deep that many parsers refuse it; its depths were not checked.",
    side: Side::Unknown,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "RFC 8259, section 9",
    fix: "Flatten the value, or send it as text.",
    fires: &["
        legs client=stdio server=stdio
        client odd frame.too-deep ask 1 ping
    "],
    quiet: &[r#"
        legs client=stdio server=stdio
        client> ask 1 x {"a":[[[[[[[[]]]]]]]]}
    "#],
};

static TOO_LARGE: Rule = Rule {
    id: "frame.too-large",
    about: "The message is larger than what is kept, so only its beginning and its shape were recorded.",
    side: Side::Unknown,
    severity: Severity::Note,
    revisions: Revisions::ALL,
    source: "tapgate, observation",
    fix: "Send less, or in pages, if receivers struggle with it.",
    fires: &["
        legs client=stdio server=stdio
        client odd frame.too-large ask 1 ping
    "],
    quiet: &["
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 ping
        server> answer 1 {}
    "],
};

static CARRIAGE_RETURN: Rule = Rule {
    id: "frame.carriage-return",
    about: "The line ends in CR LF where the stdio transport ends lines with LF alone.",
    side: Side::Unknown,
    severity: Severity::Note,
    revisions: Revisions::ALL,
    source: "Spec 2026-07-28, basic/transports/stdio",
    fix: "Write lines that end in LF, in binary mode where text mode adds CR.",
    fires: &["
        legs client=stdio server=stdio
        server odd frame.carriage-return tell notifications/tools/list_changed
    "],
    quiet: &["
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 ping
        server> answer 1 {}
    "],
};

static BYTE_ORDER_MARK: Rule = Rule {
    id: "frame.byte-order-mark",
    about: "The message begins with a byte order mark, which JSON senders must not add.",
    side: Side::Unknown,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "RFC 8259, section 8.1",
    fix: "Write UTF-8 without a byte order mark.",
    fires: &["
        legs client=stdio server=stdio
        server odd frame.byte-order-mark tell notifications/tools/list_changed
    "],
    quiet: &["
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 ping
        server> answer 1 {}
    "],
};

static BLANK_LINE: Rule = Rule {
    id: "frame.blank-line",
    about: "The line is blank, which the stdio transport has no use for.",
    side: Side::Unknown,
    severity: Severity::Note,
    revisions: Revisions::ALL,
    source: "Spec 2026-07-28, basic/transports/stdio",
    fix: "End each message with one LF and write nothing between messages.",
    fires: &["
        legs client=stdio server=stdio
        server odd frame.blank-line | -
    "],
    quiet: &["
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 ping
        server> answer 1 {}
    "],
};

static LONE_SURROGATE: Rule = Rule {
    id: "frame.lone-surrogate",
    about: "A string holds half of a surrogate pair, which is no Unicode text; some receivers refuse or crash.",
    side: Side::Unknown,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "RFC 8259, section 8.2",
    fix: "Cut text between characters, not between UTF-16 units.",
    fires: &[r#"
        legs client=stdio server=stdio
        client> ask 1 tools/call {"name":"a\ud800"}
    "#],
    quiet: &[r#"
        legs client=stdio server=stdio
        client> ask 1 tools/call {"name":"\ud83d\ude00"}
    "#],
};

static CUT_SHORT: Rule = Rule {
    id: "frame.cut-short",
    about: "The stream ended in the middle of a message.",
    side: Side::Unknown,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "Spec 2026-07-28, basic/transports/stdio; WHATWG HTML, section 9.2.6",
    fix: "Write a message whole, and its end, before closing the stream.",
    fires: &[r#"
        legs client=stdio server=stdio
        server odd frame.cut-short {"jsonrpc":"2.0","id":1,"resu
    "#],
    quiet: &["
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 ping
        server> answer 1 {}
    "],
};

static IGNORED_FIELD: Rule = Rule {
    id: "frame.ignored-field",
    about: "The event has an `id` with a NUL or a `retry` that is no number, which receivers must ignore.",
    side: Side::Server,
    severity: Severity::Note,
    revisions: Revisions::ALL,
    source: "WHATWG HTML, section 9.2.6",
    fix: "Write `retry` as digits only and ids without NUL.",
    fires: &["
        legs client=http server=http
        client[1] POST /mcp | ask 1 ping
        server[1] 200 sse
        server[1] odd frame.ignored-field answer 1 {}
    "],
    quiet: &["
        legs client=http server=http
        client[1] POST /mcp | ask 1 ping
        server[1] 200 sse
        server[1]> (id=1 retry=100) answer 1 {}
    "],
};

static UNKNOWN_CODING: Rule = Rule {
    id: "frame.unknown-coding",
    about: "The body is compressed in a way that is not known here, so it passed unread.",
    side: Side::Unknown,
    severity: Severity::Note,
    revisions: Revisions::ALL,
    source: "RFC 9110, section 8.4",
    fix: "Use gzip, deflate, br, zstd or nothing, if the body is to be observed.",
    fires: &["
        legs client=http server=http
        client[1] POST /mcp | ask 1 ping
        server[1] 200 json  content-encoding: x
        server[1] odd frame.unknown-coding | -
    "],
    quiet: &["
        legs client=http server=http
        client[1] POST /mcp | ask 1 ping
        server[1] 200 json | answer 1 {}
    "],
};

static BROKEN_CODING: Rule = Rule {
    id: "frame.broken-coding",
    about: "The body cannot be decompressed as its Content-Encoding says.",
    side: Side::Unknown,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "RFC 9110, section 8.4",
    fix: "Make Content-Encoding say how the body is compressed.",
    fires: &["
        legs client=http server=http
        client[1] POST /mcp | ask 1 ping
        server[1] 200 json  content-encoding: gzip
        server[1] odd frame.broken-coding | -
    "],
    quiet: &["
        legs client=http server=http
        client[1] POST /mcp | ask 1 ping
        server[1] 200 json | answer 1 {}
    "],
};

static CODING_TOO_LARGE: Rule = Rule {
    id: "frame.coding-too-large",
    about: "The body grows so much when decompressed that reading stopped; it passed in full.",
    side: Side::Unknown,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "tapgate, observation",
    fix: "Send less in one body.",
    fires: &["
        legs client=http server=http
        client[1] POST /mcp | ask 1 ping
        server[1] 200 json  content-encoding: gzip
        server[1] odd frame.coding-too-large | -
    "],
    quiet: &["
        legs client=http server=http
        client[1] POST /mcp | ask 1 ping
        server[1] 200 json | answer 1 {}
    "],
};

static WRONG_ID_TYPE: Rule = Rule {
    id: "rpc.wrong-id-type",
    about: "The id is neither a string nor an integer.",
    side: Side::Unknown,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "Spec 2026-07-28, basic/index, Requests",
    fix: "Use a string or an integer as id.",
    fires: &["
        legs client=stdio server=stdio
        client> ask [1] ping
    "],
    quiet: &[r#"
        legs client=stdio server=stdio
        client> ask "a" ping
    "#],
};

static NULL_ID: Rule = Rule {
    id: "rpc.null-id",
    about: "The id is null, which MCP allows neither in requests nor in results.",
    side: Side::Unknown,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "Spec 2026-07-28, basic/index, Requests",
    fix: "Give each request an id of its own, and leave it out of notifications.",
    fires: &["
        legs client=stdio server=stdio
        client> ask null ping
    "],
    quiet: &["
        legs client=stdio server=stdio
        server> fail null -32700 parse
    "],
};

static FRACTIONAL_ID: Rule = Rule {
    id: "rpc.fractional-id",
    about: "The id is a number with a fraction or an exponent, which peers may spell differently.",
    side: Side::Unknown,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "Spec 2026-07-28, basic/index, Requests; JSON-RPC 2.0, section 4",
    fix: "Use integers or strings as ids.",
    fires: &["
        legs client=stdio server=stdio
        client> ask 1.0 ping
    "],
    quiet: &[r#"
        legs client=stdio server=stdio
        client> ask "1.0" ping
    "#],
};

static MISSING_ID: Rule = Rule {
    id: "rpc.missing-id",
    about: "The result has no id, so nobody can tell what it answers.",
    side: Side::Unknown,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "Spec 2026-07-28, basic/index, Responses",
    fix: "Repeat the id of the request in its result.",
    fires: &[r#"
        legs client=stdio server=stdio
        client> ask 1 ping
        server> {"jsonrpc":"2.0","result":{}}
    "#],
    quiet: &["
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 ping
        server> answer 1 {}
    "],
};

static MISSING_VERSION: Rule = Rule {
    id: "rpc.missing-version",
    about: "The message lacks the member `jsonrpc`.",
    side: Side::Unknown,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "JSON-RPC 2.0, section 4",
    fix: r#"Add "jsonrpc":"2.0" to every message."#,
    fires: &[r#"
        legs client=stdio server=stdio
        client> {"id":1,"method":"ping"}
    "#],
    quiet: &[
        "
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 ping
        server> answer 1 {}
    ",
        r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: tools/list | ask 1 tools/list {"_meta":{$META}}
        server[1] 401 json  www-authenticate: Bearer realm="a" | {"error":"invalid_token"}
    "#,
    ],
};

static WRONG_VERSION: Rule = Rule {
    id: "rpc.wrong-version",
    about: r#"The member `jsonrpc` is not "2.0"."#,
    side: Side::Unknown,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "JSON-RPC 2.0, section 4",
    fix: r#"Write "jsonrpc":"2.0", as a string."#,
    fires: &[r#"
        legs client=stdio server=stdio
        client> {"jsonrpc":2.0,"id":1,"method":"ping"}
    "#],
    quiet: &["
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 ping
        server> answer 1 {}
    "],
};

static WRONG_METHOD_TYPE: Rule = Rule {
    id: "rpc.wrong-method-type",
    about: "The member `method` is not a string.",
    side: Side::Unknown,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "JSON-RPC 2.0, section 4",
    fix: "Write the method as a string.",
    fires: &[r#"
        legs client=stdio server=stdio
        client> {"jsonrpc":"2.0","id":1,"method":7}
    "#],
    quiet: &["
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 ping
        server> answer 1 {}
    "],
};

static BOTH_RESULT_AND_ERROR: Rule = Rule {
    id: "rpc.both-result-and-error",
    about: "The answer carries both a result and an error.",
    side: Side::Unknown,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "Spec 2026-07-28, basic/index, Responses; JSON-RPC 2.0, section 5",
    fix: "Send either a result or an error, and leave the other member out.",
    fires: &[r#"
        legs client=stdio server=stdio
        client> ask 1 ping
        server> {"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":"x"}}
    "#],
    quiet: &["
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 ping
        server> answer 1 {}
    "],
};

static METHOD_IN_ANSWER: Rule = Rule {
    id: "rpc.method-in-answer",
    about: "The message carries a method together with a result or an error.",
    side: Side::Unknown,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "JSON-RPC 2.0, section 5",
    fix: "Leave `method` out of answers.",
    fires: &[r#"
        legs client=stdio server=stdio
        client> ask 1 ping
        server> {"jsonrpc":"2.0","id":1,"method":"ping","result":{}}
    "#],
    quiet: &["
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 ping
        server> answer 1 {}
    "],
};

static NOT_RPC: Rule = Rule {
    id: "rpc.not-rpc",
    about: "The bytes are JSON but not a JSON-RPC message.",
    side: Side::Unknown,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "Spec 2026-07-28, basic/transports/stdio",
    fix: "Write structured logs to standard error, or wrap them in notifications/message.",
    fires: &[r#"
        legs client=stdio server=stdio
        server> {"level":"info"}
    "#],
    quiet: &[r#"
        legs client=http server=http
        client[1] GET /.well-known/oauth-protected-resource | -
        server[1] 200 json | {"resource":"x"}
    "#],
};

static EMPTY_BATCH: Rule = Rule {
    id: "rpc.empty-batch",
    about: "The batch holds no message.",
    side: Side::Unknown,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "JSON-RPC 2.0, section 6",
    fix: "Send nothing rather than an empty array.",
    fires: &["
        legs client=stdio server=stdio
        client> []
    "],
    quiet: &[r#"
        legs client=stdio server=stdio
        client> [{"jsonrpc":"2.0","id":1,"method":"ping"}]
    "#],
};

static TOO_MANY_PARTS: Rule = Rule {
    id: "rpc.too-many-parts",
    about: "The batch holds so many messages that only the first were read.",
    side: Side::Unknown,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "tapgate, observation",
    fix: "Send fewer messages at once.",
    fires: &[r#"
        legs client=stdio server=stdio
        client odd rpc.too-many-parts [{"jsonrpc":"2.0","id":1,"method":"ping"}]
    "#],
    quiet: &[r#"
        legs client=stdio server=stdio
        client> [{"jsonrpc":"2.0","id":1,"method":"ping"}]
    "#],
};
