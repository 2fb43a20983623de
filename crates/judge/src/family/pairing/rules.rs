// Long because each oddity has its rule here, with its examples.
//! The rules of pairing: one for each oddity that tracking tells, under the same name.

use tapgate_wire::Rule;
use tapgate_wire::fault::Severity;
use tapgate_wire::revision::Revisions;
use tapgate_wire::rule::Side;

pub(in crate::family) const RULES: &[&Rule] = &[
    &UNMATCHED_ANSWER,
    &AMBIGUOUS,
    &ANSWER_WITHOUT_ID,
    &DUPLICATE_ANSWER,
    &LATE_ANSWER,
    &MISSING_ANSWER,
    &UPSTREAM_FAILED,
    &REFUSED_HERE,
    &ID_REUSED,
    &ID_TOO_LONG,
    &TOKEN_REUSED,
    &CANCEL_UNKNOWN,
    &CANCEL_INITIALIZE,
    &CANCEL_TASK,
    &PROGRESS_UNKNOWN_TOKEN,
    &PROGRESS_LATE,
    &PROGRESS_NOT_INCREASING,
    &STATE_UNKNOWN,
    &STATE_AMBIGUOUS,
    &FORGOTTEN,
];

static UNMATCHED_ANSWER: Rule = Rule {
    id: "track.unmatched-answer",
    about: "An answer came that belongs to no request that is open or remembered.",
    side: Side::Unknown,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "Spec 2026-07-28, basic/index, Responses",
    fix: "Repeat the id of the request in its answer, with its JSON type.",
    fires: &[r#"
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 ping
        server> answer "1" {}
    "#],
    quiet: &[r#"
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 tools/call {"name":"a","_meta":{"progressToken":"p"}}
        server> tell notifications/progress {"progressToken":"p","progress":1}
        server> answer 1 {}
    "#],
};

static AMBIGUOUS: Rule = Rule {
    id: "track.ambiguous",
    about: "The message names an id without a session, and several open requests have that id.",
    side: Side::Unknown,
    severity: Severity::Note,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, basic/transports, Session Management",
    fix: "Issue a session id, or give each request an id that no other stream uses.",
    fires: &[r#"
        legs client=http server=http
        client[1] POST /mcp  user-agent: probe | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"probe","version":"1"}}
        server[1] 200 json | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"srv","version":"2"}}
        client[2] POST /mcp  user-agent: probe | ask 1 tools/call {"name":"a"}
        server[2] 200 sse
        server[2]> ask 1 roots/list
        client[3] POST /mcp  user-agent: probe | ask 1 tools/call {"name":"b"}
        server[3] 200 sse
        server[3]> ask 1 roots/list
        client[4] POST /mcp  user-agent: probe | answer 1 {"roots":[]}
        server[4] 202 | -
    "#],
    quiet: &[r#"
        legs client=http server=http
        client[1] POST /mcp  user-agent: probe | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"probe","version":"1"}}
        server[1] 200 json | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"srv","version":"2"}}
        client[2] POST /mcp  user-agent: probe | ask 1 tools/call {"name":"a"}
        server[2] 200 sse
        server[2]> ask 1 roots/list
        client[3] POST /mcp  user-agent: probe | ask 1 tools/call {"name":"b"}
        server[3] 200 sse
        server[3]> ask 2 roots/list
        client[4] POST /mcp  user-agent: probe | answer 1 {"roots":[]}
        server[4] 202 | -
    "#],
};

static ANSWER_WITHOUT_ID: Rule = Rule {
    id: "track.answer-without-id",
    about: "An error came without an id, so the request that it answers is unknown.",
    side: Side::Unknown,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "Spec 2026-07-28, basic/index, Responses",
    fix: "Repeat the id of the request, unless it could not be read.",
    fires: &["
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 ping
        server> fail null -32600 bad
    "],
    quiet: &[
        r#"
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 tools/call {"name":"a","_meta":{"progressToken":"p"}}
        server> tell notifications/progress {"progressToken":"p","progress":1}
        server> answer 1 {}
    "#,
        r#"
        legs client=stdio server=stdio
        hello 2025-06-18
        client> {"jsonrpc":"2.0","id":
        server> fail null -32700 parse error
    "#,
    ],
};

static DUPLICATE_ANSWER: Rule = Rule {
    id: "track.duplicate-answer",
    about: "A request was answered more than once.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "JSON-RPC 2.0, section 5",
    fix: "Answer each request once.",
    fires: &["
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 ping
        server> answer 1 {}
        server> answer 1 {}
    "],
    quiet: &[r#"
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 tools/call {"name":"a","_meta":{"progressToken":"p"}}
        server> tell notifications/progress {"progressToken":"p","progress":1}
        server> answer 1 {}
    "#],
};

static LATE_ANSWER: Rule = Rule {
    id: "track.late-answer",
    about: "An answer came after its request was cancelled or given up.",
    side: Side::Server,
    severity: Severity::Note,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, basic/utilities/cancellation, Behavior Requirements",
    fix: "Stop work on a cancelled request and send no answer to it.",
    fires: &[r#"
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 tools/call {"name":"a"}
        client> tell notifications/cancelled {"requestId":1}
        server> answer 1 {}
    "#],
    quiet: &[r#"
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 tools/call {"name":"a","_meta":{"progressToken":"p"}}
        server> tell notifications/progress {"progressToken":"p","progress":1}
        server> answer 1 {}
    "#],
};

static MISSING_ANSWER: Rule = Rule {
    id: "track.missing-answer",
    about: "The response ended as it should, without the answer.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "Spec 2026-07-28, basic/transports/streamable-http, Receiving Messages",
    fix: "Send the answer before ending the response.",
    fires: &[r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: tools/list | ask 1 tools/list {"_meta":{$META}}
        server[1] 200 sse
        server[1] end
    "#],
    quiet: &[r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: tools/list | ask 1 tools/list {"_meta":{$META}}
        server[1] 200 sse
        server[1]> answer 1 {}
        server[1] end
    "#],
};

static UPSTREAM_FAILED: Rule = Rule {
    id: "track.upstream-failed",
    about: "The server could not be reached or read.",
    side: Side::Network,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "tapgate, transport",
    fix: "See whether the server runs, and whether name, port, TLS and proxies on the way are right.",
    fires: &["
        legs client=http server=http
        client[1] POST /mcp | ask 1 ping
        server[1] failed connection refused
    "],
    quiet: &["
        legs client=http server=http
        client[1] POST /mcp | ask 1 ping
        server[1] 200 json | answer 1 {}
    "],
};

static REFUSED_HERE: Rule = Rule {
    id: "track.refused-here",
    about: "tapgate refused the request before it reached the server.",
    side: Side::Tapgate,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "tapgate, transport",
    fix: "See the reason that is given with the exchange.",
    fires: &["
        legs client=http server=http
        client[1] POST /mcp | ask 1 ping
        server[1] instead 403 origin
    "],
    quiet: &["
        legs client=http server=http
        client[1] POST /mcp | ask 1 ping
        server[1] 403 json | -
    "],
};

static ID_REUSED: Rule = Rule {
    id: "track.id-reused",
    about: "A request has the id of another that is still open, so their answers may be taken for each other.",
    side: Side::Client,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "Spec 2026-07-28, basic/index, Requests",
    fix: "Give each request an id that no open request has.",
    fires: &[r#"
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 tools/call {"name":"a"}
        client> ask 1 tools/call {"name":"b"}
    "#],
    quiet: &[r#"
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 tools/call {"name":"a"}
        client> ask "1" tools/call {"name":"b"}
    "#],
};

static ID_TOO_LONG: Rule = Rule {
    id: "track.id-too-long",
    about: "An id or a progress token is too long to be paired.",
    side: Side::Unknown,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "tapgate, observation",
    fix: "Use ids and tokens of at most 1,024 bytes.",
    fires: &[r#"
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask "$LONG" ping
    "#],
    quiet: &[r#"
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 tools/call {"name":"a","_meta":{"progressToken":"p"}}
        server> tell notifications/progress {"progressToken":"p","progress":1}
        server> answer 1 {}
    "#],
};

static TOKEN_REUSED: Rule = Rule {
    id: "track.token-reused",
    about: "A request has the progress token of another that is still open.",
    side: Side::Client,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "Spec 2026-07-28, basic/patterns/progress",
    fix: "Give each open request a progress token of its own.",
    fires: &[r#"
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 tools/call {"name":"a","_meta":{"progressToken":"p"}}
        client> ask 2 tools/call {"name":"b","_meta":{"progressToken":"p"}}
    "#],
    quiet: &[r#"
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 tools/call {"name":"a","_meta":{"progressToken":"p"}}
        server> tell notifications/progress {"progressToken":"p","progress":1}
        server> answer 1 {}
    "#],
};

static CANCEL_UNKNOWN: Rule = Rule {
    id: "track.cancel-unknown",
    about: "A cancellation names a request that is neither open nor remembered.",
    side: Side::Unknown,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, basic/utilities/cancellation, Behavior Requirements",
    fix: "Cancel by the id of an own request that is open, with its JSON type.",
    fires: &[r#"
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 tools/call {"name":"a"}
        client> tell notifications/cancelled {"requestId":"1"}
    "#],
    quiet: &[r#"
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 ping
        server> answer 1 {}
        client> tell notifications/cancelled {"requestId":1}
        client> ask "\u00e9/b" tools/call {"name":"a"}
        client> {"jsonrpc":"2.0","method":"notifications\/cancelled","params":{"requestId":"é\/b"}}
    "#],
};

static CANCEL_INITIALIZE: Rule = Rule {
    id: "track.cancel-initialize",
    about: "The handshake was cancelled, which no revision allows.",
    side: Side::Client,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, basic/utilities/cancellation, Behavior Requirements",
    fix: "Close the connection instead.",
    fires: &[r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        client> tell notifications/cancelled {"requestId":0}
    "#],
    quiet: &[r#"
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 tools/call {"name":"a","_meta":{"progressToken":"p"}}
        server> tell notifications/progress {"progressToken":"p","progress":1}
        server> answer 1 {}
    "#],
};

static CANCEL_TASK: Rule = Rule {
    id: "track.cancel-task",
    about: "A request that became a task was cancelled like a call; a task is cancelled by tasks/cancel.",
    side: Side::Client,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, basic/utilities/tasks, Task Cancellation",
    fix: "Send tasks/cancel with the id of the task.",
    fires: &[r#"
        legs client=stdio server=stdio
        hello 2025-11-25
        client> ask 1 tools/call {"name":"a","task":{}}
        server> answer 1 {"task":{"taskId":"t","status":"working"}}
        client> tell notifications/cancelled {"requestId":1}
    "#],
    quiet: &[r#"
        legs client=stdio server=stdio
        hello 2025-11-25
        client> ask 1 tools/call {"name":"a","task":{}}
        server> answer 1 {"task":{"taskId":"t","status":"working"}}
        client> ask 2 tasks/cancel {"taskId":"t"}
    "#],
};

static PROGRESS_UNKNOWN_TOKEN: Rule = Rule {
    id: "track.progress-unknown-token",
    about: "Progress names a token that no open or remembered request gave.",
    side: Side::Unknown,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "Spec 2026-07-28, basic/patterns/progress",
    fix: "Send progress only to requests that gave a token, with that token and its JSON type.",
    fires: &[r#"
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 tools/call {"name":"a"}
        server> tell notifications/progress {"progressToken":1,"progress":1}
    "#],
    quiet: &[r#"
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 tools/call {"name":"a","_meta":{"progressToken":"p"}}
        server> tell notifications/progress {"progressToken":"p","progress":1}
        server> answer 1 {}
        client> ask 2 tools/call {"name":"a","_meta":{"progressToken":"\u00e9/b"}}
        server> {"jsonrpc":"2.0","method":"notifications\/progress","params":{"progressToken":"é\/b","progress":1}}
        server> answer 2 {}
    "#],
};

static PROGRESS_LATE: Rule = Rule {
    id: "track.progress-late",
    about: "Progress came after its request had ended.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "Spec 2026-07-28, basic/patterns/progress",
    fix: "Stop progress with the answer.",
    fires: &[r#"
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 tools/call {"name":"a","_meta":{"progressToken":"p"}}
        server> tell notifications/progress {"progressToken":"p","progress":5}
        server> answer 1 {}
        server> tell notifications/progress {"progressToken":"p","progress":6}
    "#],
    quiet: &[r#"
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 tools/call {"name":"a","_meta":{"progressToken":"p"}}
        server> tell notifications/progress {"progressToken":"p","progress":5}
        client> tell notifications/cancelled {"requestId":1}
        server> tell notifications/progress {"progressToken":"p","progress":6}
    "#],
};

static PROGRESS_NOT_INCREASING: Rule = Rule {
    id: "track.progress-not-increasing",
    about: "Progress did not grow.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "Spec 2026-07-28, basic/patterns/progress",
    fix: "Let `progress` grow with every notification, also when the total is unknown.",
    fires: &[r#"
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 tools/call {"name":"a","_meta":{"progressToken":"p"}}
        server> tell notifications/progress {"progressToken":"p","progress":5}
        server> tell notifications/progress {"progressToken":"p","progress":5}
    "#],
    quiet: &[r#"
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 tools/call {"name":"a","_meta":{"progressToken":"p"}}
        server> tell notifications/progress {"progressToken":"p","progress":1}
        server> answer 1 {}
    "#],
};

static STATE_UNKNOWN: Rule = Rule {
    id: "track.state-unknown",
    about: "A retry shows a requestState that no open exchange was given, or brings input that none was asked for.",
    side: Side::Client,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "Spec 2026-07-28, basic/patterns/mrtr",
    fix: "Return the requestState of the latest answer to this very request, byte for byte.",
    fires: &[r#"
        legs client=stdio server=stdio
        client> ask 1 tools/call {"name":"a","requestState":"s","_meta":{$META}}
    "#],
    quiet: &[r#"
        legs client=stdio server=stdio
        client> ask 1 tools/call {"name":"a","_meta":{$META}}
        server> answer 1 {"resultType":"input_required","requestState":"s"}
        client> ask 2 tools/call {"name":"a","requestState":"s","_meta":{$META}}
    "#],
};

static STATE_AMBIGUOUS: Rule = Rule {
    id: "track.state-ambiguous",
    about: "Several open exchanges were given the same requestState, so which of them the retry continues is unknown.",
    side: Side::Server,
    severity: Severity::Note,
    revisions: Revisions::ALL,
    source: "Spec 2026-07-28, basic/patterns/mrtr",
    fix: "Give each request a requestState of its own.",
    fires: &[r#"
        legs client=stdio server=stdio
        client> ask 1 tools/call {"name":"a","_meta":{$META}}
        client> ask 2 tools/call {"name":"a","_meta":{$META}}
        server> answer 1 {"resultType":"input_required","requestState":"s"}
        server> answer 2 {"resultType":"input_required","requestState":"s"}
        client> ask 3 tools/call {"name":"a","requestState":"s","_meta":{$META}}
    "#],
    quiet: &[
        r#"
        legs client=stdio server=stdio
        client> ask 1 tools/call {"name":"a","_meta":{$META}}
        server> answer 1 {"resultType":"input_required","requestState":"s"}
        client> ask 2 tools/call {"name":"a","requestState":"s","_meta":{$META}}
    "#,
        r#"
        legs client=stdio server=stdio
        client> ask 1 tools/call {"name":"a","_meta":{$META({"roots":{}})}}
        client> ask 2 tools/call {"name":"a","_meta":{$META({"roots":{}})}}
        server> answer 1 {"resultType":"input_required","inputRequests":{"k":{"method":"roots/list"}}}
        server> answer 2 {"resultType":"input_required","inputRequests":{"k":{"method":"roots/list"}}}
        client> ask 3 tools/call {"name":"a","inputResponses":{"k":{"roots":[]}},"_meta":{$META({"roots":{}})}}
    "#,
    ],
};

static FORGOTTEN: Rule = Rule {
    id: "track.forgotten",
    about: "Too much was open at once, so this exchange was given up before it ended.",
    side: Side::Tapgate,
    severity: Severity::Note,
    revisions: Revisions::ALL,
    source: "tapgate, observation",
    fix: "Look for a peer that asks and never waits for answers.",
    fires: &["
        legs client=stdio server=stdio
        hello 2025-06-18
        times 4097 client> ask $N ping
    "],
    quiet: &[r#"
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 1 tools/call {"name":"a","_meta":{"progressToken":"p"}}
        server> tell notifications/progress {"progressToken":"p","progress":1}
        server> answer 1 {}
    "#],
};
