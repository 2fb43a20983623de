//! What is found about repetition. The kinds are notes: to repeat is no mistake, but worth knowing.

use tapgate_wire::Rule;
use tapgate_wire::fault::Severity;
use tapgate_wire::revision::Revisions;
use tapgate_wire::rule::Side;

/// A session over HTTP.
macro_rules! session {
    ($rest:literal) => {
        concat!(
            r#"
        legs client=http server=http
        client[1] POST /mcp  user-agent: probe | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"probe","version":"1"}}
        server[1] 200 json  mcp-session-id: s1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"srv","version":"2"}}
        "#,
            $rest
        )
    };
}

pub(super) static TRANSPORT: Rule = Rule {
    id: "retry.transport",
    about: "A request was sent again with the same id on a new connection, after no answer came.",
    side: Side::Client,
    severity: Severity::Note,
    revisions: Revisions::ALL,
    source: "RFC 9110, 9.2.2, Idempotent Methods; spec 2025-11-25, basic/transports, Resumability",
    fix: "Resume the stream by its last event where the server gives event ids, and send again only what may be served twice.",
    fires: &[session!(
        r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 1 tools/call {"name":"a"}
        server[2] failed connection reset
        client[3] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 1 tools/call {"name":"a"}
        server[3] 200 json | answer 1 {"content":[]}
    "#
    )],
    quiet: &[
        session!(
            r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 1 tools/call {"name":"a"}
        server[2] 200 json | answer 1 {"content":[]}
        client[3] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 2 tools/call {"name":"a"}
        server[3] 200 json | answer 2 {"content":[]}
    "#
        ),
        session!(
            r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 1 tools/call {"name":"a"}
        server[2] failed connection reset
        client[3] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 1 tools/call {"name":"b"}
        server[3] 200 json | answer 1 {"content":[]}
    "#
        ),
    ],
};

pub(super) static APPLICATION: Rule = Rule {
    id: "retry.application",
    about: "The same request was asked again with another id, after it had been refused or given up.",
    side: Side::Client,
    severity: Severity::Note,
    revisions: Revisions::ALL,
    source: "Inspection of traffic",
    fix: "Look at the answer before: the same request mostly gets the same one.",
    fires: &[session!(
        r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 1 tools/call {"name":"a"}
        server[2] 200 json | fail 1 -32603 busy
        client[3] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 2 tools/call {"name":"a"}
        server[3] 200 json | answer 2 {"content":[]}
    "#
    )],
    quiet: &[
        session!(
            r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 1 tools/call {"name":"a"}
        server[2] 200 json | answer 1 {"content":[]}
        client[3] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 2 tools/call {"name":"a"}
        server[3] 200 json | answer 2 {"content":[]}
    "#
        ),
        session!(
            r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 1 tools/call {"name":"a"}
        server[2] 200 json | fail 1 -32603 busy
        wait 61s
        client[3] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 2 tools/call {"name":"a"}
        server[3] 200 json | answer 2 {"content":[]}
    "#
        ),
    ],
};

pub(super) static RESUMED: Rule = Rule {
    id: "retry.resumed",
    about: "A client came back for the rest of a stream, by its last event id.",
    side: Side::Client,
    severity: Severity::Note,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, basic/transports, Resumability and Redelivery",
    fix: "Look at why the stream broke when that happens often.",
    fires: &[session!(
        r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 1 tools/call {"name":"a"}
        server[2] 200 sse
        server[2]> (id=e1) tell notifications/message {"level":"info","data":"x"}
        server[2] cut
        client[3] GET /mcp  last-event-id: e1; mcp-session-id: s1; user-agent: probe | -
        server[3] 200 sse
        server[3]> answer 1 {"content":[]}
        server[3] end
    "#
    )],
    quiet: &[session!(
        r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 1 tools/call {"name":"a"}
        server[2] 200 sse
        server[2]> (id=e1) answer 1 {"content":[]}
        server[2] end
        client[3] GET /mcp  mcp-session-id: s1; user-agent: probe | -
        server[3] 200 sse
        server[3] end
    "#
    )],
};

pub(super) static RESTARTED: Rule = Rule {
    id: "retry.restarted",
    about: "A client started the server again and asked what had got no answer before.",
    side: Side::Client,
    severity: Severity::Note,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, basic/lifecycle, Shutdown; Spec 2025-11-25, basic/transports, stdio",
    fix: "Find out why the server gave no answer, in what it wrote to standard error before its end.",
    fires: &[r#"restarted
        hello 2025-06-18
        client> ask 1 tools/call {"name":"read"}
        server> answer 1 {"content":[]}
    "#],
    quiet: &[
        r#"restarted
        hello 2025-06-18
        client> ask 1 tools/call {"name":"write"}
        server> answer 1 {"content":[]}
    "#,
        r#"restarted
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"another","version":"1"}}
        client> ask 1 tools/call {"name":"read"}
        server> answer 1 {"content":[]}
    "#,
    ],
};

pub(super) static SESSION: Rule = Rule {
    id: "retry.session",
    about: "A client greeted or asked again, because the server answered 404 to its session.",
    side: Side::Client,
    severity: Severity::Note,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, basic/transports, Session Management",
    fix: "Let sessions outlive the pauses of their clients, and restarts of the server.",
    fires: &[session!(
        r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 1 tools/call {"name":"a"}
        server[2] 404 | -
        client[3] POST /mcp  user-agent: probe | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"probe","version":"1"}}
        server[3] 200 json  mcp-session-id: s2 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"srv","version":"2"}}
    "#
    )],
    quiet: &[session!(
        r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 1 tools/call {"name":"a"}
        server[2] 200 json | answer 1 {"content":[]}
        client[3] POST /mcp  user-agent: probe | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"probe","version":"1"}}
        server[3] 200 json  mcp-session-id: s2 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"srv","version":"2"}}
    "#
    )],
};

pub(super) static LOGIN: Rule = Rule {
    id: "retry.login",
    about: "A request was asked again after 401 or 403.",
    side: Side::Client,
    severity: Severity::Note,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, basic/authorization",
    fix: "Refresh tokens before they expire, and ask for all scopes at once.",
    fires: &[session!(
        r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 1 tools/call {"name":"a"}
        server[2] 401  www-authenticate: Bearer | -
        wait 90s
        client[3] POST /mcp  mcp-session-id: s1; user-agent: probe; authorization: Bearer x | ask 1 tools/call {"name":"a"}
        server[3] 200 json | answer 1 {"content":[]}
    "#
    )],
    quiet: &[session!(
        r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 1 tools/call {"name":"a"}
        server[2] 401  www-authenticate: Bearer | -
        client[3] POST /mcp  mcp-session-id: s1; user-agent: probe; authorization: Bearer x | ask 2 tools/call {"name":"b"}
        server[3] 200 json | answer 2 {"content":[]}
    "#
    )],
};

pub(super) static THROTTLED: Rule = Rule {
    id: "retry.throttled",
    about: "A request was asked again after 429 or 503.",
    side: Side::Client,
    severity: Severity::Note,
    revisions: Revisions::ALL,
    source: "RFC 6585, 4; RFC 9110, 15.6.4",
    fix: "Spread requests out, or give the server more room.",
    fires: &[session!(
        r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 1 tools/call {"name":"a"}
        server[2] 503  retry-after: 1 | -
        wait 2s
        client[3] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 2 tools/call {"name":"a"}
        server[3] 200 json | answer 2 {"content":[]}
    "#
    )],
    quiet: &[session!(
        r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 1 tools/call {"name":"a"}
        server[2] 503  retry-after: 1 | -
        wait 2s
        client[3] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 2 tools/call {"name":"b"}
        server[3] 200 json | answer 2 {"content":[]}
    "#
    )],
};

pub(super) static TOO_SOON: Rule = Rule {
    id: "retry.too-soon",
    about: "A client asked again before the time was over that the server had asked it to wait.",
    side: Side::Client,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "RFC 9110, 10.2.3, Retry-After",
    fix: "Wait as long as Retry-After says before you ask again.",
    fires: &[
        session!(
            r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 1 tools/call {"name":"a"}
        server[2] 429  retry-after: 5 | -
        wait 1s
        client[3] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 2 tools/call {"name":"a"}
        server[3] 200 json | answer 2 {"content":[]}
    "#
        ),
        session!(
            r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 1 tools/call {"name":"a"}
        server[2] 503  date: Wed, 21 Oct 2026 07:28:00 GMT; retry-after: Wed, 21 Oct 2026 07:28:05 GMT | -
        wait 1s
        client[3] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 2 tools/call {"name":"a"}
        server[3] 200 json | answer 2 {"content":[]}
    "#
        ),
    ],
    quiet: &[
        session!(
            r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 1 tools/call {"name":"a"}
        server[2] 429  retry-after: 5 | -
        wait 5s
        client[3] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 2 tools/call {"name":"a"}
        server[3] 200 json | answer 2 {"content":[]}
    "#
        ),
        session!(
            r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 1 tools/call {"name":"a"}
        server[2] 503  retry-after: Wed, 21 Oct 2026 07:28:00 GMT | -
        wait 1s
        client[3] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 2 tools/call {"name":"a"}
        server[3] 200 json | answer 2 {"content":[]}
    "#
        ),
        session!(
            r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 1 tools/call {"name":"a"}
        server[2] 503  date: Wed, 21 Oct 2026 07:28:00 GMT; retry-after: Wed, 21 Oct 2026 07:28:02 GMT | -
        wait 1s
        client[3] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 2 tools/call {"name":"a"}
        server[3] 200 json | answer 2 {"content":[]}
    "#
        ),
    ],
};

pub(super) static UNSAFE: Rule = Rule {
    id: "retry.unsafe",
    about: "A tool that is not idempotent was called again, although the call before may have been served.",
    side: Side::Client,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, server/tools, ToolAnnotations; RFC 9110, 9.2.2",
    fix: "Ask whether the first call was served before it is made again, or let the tool be idempotent and say so.",
    fires: &[session!(
        r#"client[7] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 7 tools/list
        server[7] 200 json | answer 7 {"tools":[{"name":"a","inputSchema":{"type":"object"}}]}
        client[2] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 1 tools/call {"name":"a"}
        server[2] failed connection reset
        client[3] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 1 tools/call {"name":"a"}
        server[3] 200 json | answer 1 {"content":[]}
    "#
    )],
    quiet: &[
        session!(
            r#"client[7] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 7 tools/list
        server[7] 200 json | answer 7 {"tools":[{"name":"a","inputSchema":{"type":"object"},"annotations":{"idempotentHint":true}}]}
        client[2] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 1 tools/call {"name":"a"}
        server[2] failed connection reset
        client[3] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 1 tools/call {"name":"a"}
        server[3] 200 json | answer 1 {"content":[]}
    "#
        ),
        session!(
            r#"client[7] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 7 tools/list
        server[7] 200 json | answer 7 {"tools":[{"name":"a","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}}]}
        client[2] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 1 tools/call {"name":"a"}
        server[2] failed connection reset
        client[3] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 1 tools/call {"name":"a"}
        server[3] 200 json | answer 1 {"content":[]}
    "#
        ),
        session!(
            r#"client[7] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 7 tools/list
        server[7] 200 json | answer 7 {"tools":[{"name":"a","inputSchema":{"type":"object"}}]}
        client[2] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 1 tools/call {"name":"a"}
        server[2] 200 json | fail 1 -32603 busy
        client[3] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 2 tools/call {"name":"a"}
        server[3] 200 json | answer 2 {"content":[]}
    "#
        ),
        session!(
            r#"client[2] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 1 tools/call {"name":"a"}
        server[2] failed connection reset
        client[3] POST /mcp  mcp-session-id: s1; user-agent: probe | ask 1 tools/call {"name":"a"}
        server[3] 200 json | answer 1 {"content":[]}
    "#
        ),
    ],
};
