//! The rules about progress and cancellations.

use tapgate_wire::Rule;
use tapgate_wire::fault::Severity;
use tapgate_wire::revision::Revisions;
use tapgate_wire::rule::Side;

pub(super) static NO_TOKEN: Rule = Rule {
    id: "progress.no-token",
    about: "A call took more than 30 s, and its client asked for no progress, so nothing could keep it from giving up.",
    side: Side::Client,
    severity: Severity::Note,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, basic/utilities/progress; basic/lifecycle, Timeouts",
    fix: "Put a `progressToken` into `_meta` of calls that may take long, and wait anew with each progress.",
    fires: &[r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"a"}
        wait 31s
        server> answer 1 {"content":[]}
    "#],
    quiet: &[r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"a"}
        wait 20s
        server> answer 1 {"content":[]}
        client> ask 2 tools/call {"name":"a","_meta":{"progressToken":1}}
        wait 31s
        server> answer 2 {"content":[]}
    "#],
};

pub(super) static SILENT: Rule = Rule {
    id: "progress.silent",
    about: "A call took more than 30 s and its client asked for progress, and none came.",
    side: Side::Server,
    severity: Severity::Note,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, basic/utilities/progress",
    fix: "Send progress from calls that take long, so that clients go on waiting.",
    fires: &[r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"a","_meta":{"progressToken":1}}
        wait 31s
        server> answer 1 {"content":[]}
    "#],
    quiet: &[r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"a","_meta":{"progressToken":1}}
        wait 20s
        server> tell notifications/progress {"progressToken":1,"progress":1}
        wait 20s
        server> answer 1 {"content":[]}
    "#],
};

pub(super) static OVER_TOTAL: Rule = Rule {
    id: "progress.over-total",
    about: "Progress is more than its total.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "The schema of every revision, ProgressNotificationParams, total",
    fix: "Send a larger total, or none where it is not known.",
    fires: &[r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"a","_meta":{"progressToken":1}}
        server> tell notifications/progress {"progressToken":1,"progress":101,"total":100}
    "#],
    quiet: &[r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"a","_meta":{"progressToken":1}}
        server> tell notifications/progress {"progressToken":1,"progress":100.0,"total":100}
    "#],
};

pub(super) static CANCEL_OVER_HTTP: Rule = Rule {
    id: "cancel.over-http",
    about: "A client of 2026-07-28 cancels by a notification over HTTP, which has no effect there.",
    side: Side::Client,
    severity: Severity::Warning,
    revisions: Revisions::MODERN,
    source: "Spec 2026-07-28, basic/patterns/cancellation; basic/transports/streamable-http, Cancellation",
    fix: "Close the stream of the response instead.",
    fires: &[r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: tools/call; mcp-name: a | ask 1 tools/call {"name":"a","_meta":{$META}}
        client[2] POST /mcp  mcp-protocol-version: 2026-07-28 | tell notifications/cancelled {"requestId":1,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}
    "#],
    quiet: &[
        r#"
        client> ask 1 tools/call {"name":"a","_meta":{$META}}
        client> tell notifications/cancelled {"requestId":1}
    "#,
        r#"
        legs client=http server=http
        client[1] POST /mcp | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"c","version":"1"}}
        server[1] 200 json  mcp-session-id: s | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  mcp-session-id: s; mcp-protocol-version: 2025-06-18 | ask 1 tools/call {"name":"a"}
        client[3] POST /mcp  mcp-session-id: s; mcp-protocol-version: 2025-06-18 | tell notifications/cancelled {"requestId":1}
    "#,
    ],
};

pub(super) static CANCEL_OTHER: Rule = Rule {
    id: "cancel.other-side",
    about: "A cancellation names a request of the other side, which only that side may cancel.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, basic/utilities/cancellation, Behavior Requirements; 2026-07-28, basic/patterns/cancellation",
    fix: "Answer the request with an error instead.",
    fires: &[r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"a"}
        server> tell notifications/cancelled {"requestId":1}
    "#],
    quiet: &[
        r#"
        hello 2025-06-18 {"sampling":{}} {"tools":{}}
        client> ask 1 tools/call {"name":"a"}
        server> ask 1 sampling/createMessage {"messages":[],"maxTokens":1}
        server> tell notifications/cancelled {"requestId":1}
    "#,
        r#"
        client> ask 1 subscriptions/listen {"notifications":{"toolsListChanged":true},"_meta":{$META}}
        server> tell notifications/cancelled {"requestId":1}
    "#,
    ],
};
