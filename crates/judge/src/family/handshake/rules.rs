// Long because each way in which a handshake fails has its rule here, with its examples.
//! The rules of the handshake.

use tapgate_wire::Rule;
use tapgate_wire::fault::Severity;
use tapgate_wire::revision::Revisions;
use tapgate_wire::rule::Side;

pub(in crate::family) const RULES: &[&Rule] = &[
    &NOISE,
    &SILENT,
    &UNANSWERED,
    &SLOW,
    &REFUSED,
    &PARAMS,
    &RESULT,
    &BATCHED,
    &DIFFERS,
    &UNKNOWN_REVISION,
    &LEFT,
    &TWICE,
    &MISSING,
    &EARLY_REQUEST,
    &EARLY_READY,
    &NOT_READY,
    &EARLY_SERVER,
];

pub(super) static NOISE: Rule = Rule {
    id: "handshake.noise",
    about: "The server wrote something that is no message before its first message, at which many clients give up.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, basic/transports, stdio",
    fix: "Send what is printed at the start to standard error.",
    fires: &[r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server> Server running on stdio
        server> answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
    "#],
    quiet: &[
        r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server> answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        server> late noise
    "#,
        r#"
        legs client=stdio server=stdio
        server stderr Server running on stdio
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server> answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
    "#,
    ],
};

pub(super) static SILENT: Rule = Rule {
    id: "handshake.silent",
    about: "The client started the server or opened its stream and asked nothing.",
    side: Side::Client,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, basic/lifecycle, Initialization",
    fix: "See whether the client expects another transport, or waits for output of the server.",
    fires: &["
        legs client=stdio server=stdio
        server started 1
        wait 6s
    "],
    quiet: &[
        r#"
        legs client=stdio server=stdio
        server started 1
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        wait 6s
    "#,
        r#"
        legs client=stdio server=stdio
        server started 1
        wait 2s
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
    "#,
    ],
};

pub(super) static UNANSWERED: Rule = Rule {
    id: "handshake.unanswered",
    about: "The server did not answer the handshake.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::LEGACY,
    source: "Spec 2025-11-25, basic/lifecycle, Initialization",
    fix: "See what the server does before it reads standard input: downloads, logins, prompts, imports.",
    fires: &[
        r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        wait 31s
    "#,
        r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server end
        wait 6s
    "#,
    ],
    quiet: &[
        // The end of its process is found as that.
        r#"
        legs client=stdio server=stdio
        server started 7
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server end
        server exited 1
        wait 6s
    "#,
        r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        wait 20s
        server> answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
    "#,
        r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        client end
        server end
    "#,
    ],
};

pub(super) static SLOW: Rule = Rule {
    id: "handshake.slow",
    about: "The handshake took so long that clients with a short patience give up.",
    side: Side::Server,
    severity: Severity::Note,
    revisions: Revisions::LEGACY,
    source: "Spec 2025-11-25, basic/lifecycle, Timeouts",
    fix: "Answer first and load later, and install packages before the client needs them.",
    fires: &[r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        wait 12s
        server> answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
    "#],
    quiet: &[r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        wait 3s
        server> answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
    "#],
};

pub(super) static REFUSED: Rule = Rule {
    id: "handshake.refused",
    about: "The server refused the handshake.",
    side: Side::Unknown,
    severity: Severity::Error,
    revisions: Revisions::LEGACY,
    source: "Spec 2025-11-25, basic/lifecycle, Error Handling",
    fix: "See the reason that the server gives.",
    fires: &[
        r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server> fail 0 -32603 no key
    "#,
        r#"
        legs client=http server=http
        client[1] POST /mcp | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 500 html | <p>oops</p>
    "#,
    ],
    quiet: &[
        r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server> answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
    "#,
        r#"
        legs client=http server=http
        client[1] POST /mcp | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 401 html | <p>login</p>
    "#,
    ],
};

pub(super) static PARAMS: Rule = Rule {
    id: "handshake.params",
    about: "The handshake lacks a member that it must have.",
    side: Side::Client,
    severity: Severity::Error,
    revisions: Revisions::LEGACY,
    source: "Spec 2025-11-25, basic/lifecycle, Initialization",
    fix: "Send protocolVersion, capabilities and clientInfo with name and version.",
    fires: &[r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2025-06-18","clientInfo":{"name":"a"}}
    "#],
    quiet: &[r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
    "#],
};

pub(super) static RESULT: Rule = Rule {
    id: "handshake.result",
    about: "The answer to the handshake lacks a member that it must have.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::LEGACY,
    source: "Spec 2025-11-25, basic/lifecycle, Initialization",
    fix: "Answer with protocolVersion, capabilities and serverInfo with name and version.",
    fires: &[r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server> answer 0 {"protocolVersion":"2025-06-18","capabilities":{}}
    "#],
    quiet: &[r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server> answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
    "#],
};

pub(super) static BATCHED: Rule = Rule {
    id: "handshake.batched",
    about: "The handshake is part of a batch.",
    side: Side::Client,
    severity: Severity::Error,
    revisions: Revisions::LEGACY,
    source: "Spec 2025-03-26, basic/lifecycle, Initialization",
    fix: "Send initialize alone.",
    fires: &[r#"
        legs client=stdio server=stdio
        client> [{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-03-26","capabilities":{},"clientInfo":{"name":"a","version":"1"}}}]
    "#],
    quiet: &[r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
    "#],
};

pub(super) static DIFFERS: Rule = Rule {
    id: "handshake.revision-differs",
    about: "The server answered with another revision than the client offered, which the client may not speak.",
    side: Side::Unknown,
    severity: Severity::Note,
    revisions: Revisions::LEGACY,
    source: "Spec 2025-11-25, basic/lifecycle, Version Negotiation",
    fix: "Update the older side if something is missing.",
    fires: &[r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server> answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
    "#],
    quiet: &[r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server> answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
    "#],
};

pub(super) static UNKNOWN_REVISION: Rule = Rule {
    id: "handshake.revision-unknown",
    about: "The handshake names a revision that no specification has.",
    side: Side::Unknown,
    severity: Severity::Warning,
    revisions: Revisions::LEGACY,
    source: "Spec 2025-11-25, basic/lifecycle, Version Negotiation",
    fix: "Name a published revision, such as 2025-11-25.",
    fires: &[
        r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"1.0","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
    "#,
        r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server> answer 0 {"protocolVersion":"2025-06-19","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
    "#,
    ],
    quiet: &[r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server> answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
    "#],
};

pub(super) static LEFT: Rule = Rule {
    id: "handshake.revision-refused",
    about: "The client left after the server answered with another revision than it offered.",
    side: Side::Unknown,
    severity: Severity::Warning,
    revisions: Revisions::LEGACY,
    source: "Spec 2025-11-25, basic/lifecycle, Version Negotiation",
    fix: "Use a client and a server that share a revision, or a bridge between them.",
    fires: &[r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server> answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client end
    "#],
    quiet: &[
        r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server> answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client> tell notifications/initialized
        client end
    "#,
        r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server> answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client end
    "#,
    ],
};

pub(super) static TWICE: Rule = Rule {
    id: "handshake.twice",
    about: "The client greeted again on a connection that was greeted already.",
    side: Side::Client,
    severity: Severity::Warning,
    revisions: Revisions::LEGACY,
    source: "Spec 2025-11-25, basic/lifecycle, Initialization",
    fix: "Greet once, and start a new connection for a new session.",
    fires: &[r#"
        legs client=stdio server=stdio
        hello 2025-06-18
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
    "#],
    quiet: &[r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server> fail 0 -32603 not yet
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server> answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
    "#],
};

pub(super) static MISSING: Rule = Rule {
    id: "handshake.missing",
    about: "The client asks without a handshake.",
    side: Side::Client,
    severity: Severity::Error,
    revisions: Revisions::LEGACY,
    source: "Spec 2025-11-25, basic/lifecycle, Initialization",
    fix: "Send initialize first and wait for its answer.",
    fires: &["
        legs client=stdio server=stdio
        client> ask 1 tools/list
    "],
    quiet: &[
        r#"
        legs client=stdio server=stdio
        client> ask 1 tools/list {"_meta":{$META}}
    "#,
        "
        legs client=stdio server=stdio
        lost 10
        client> ask 1 tools/list
    ",
        "
        legs client=stdio server=stdio
        client> ask 1 ping
    ",
    ],
};

pub(super) static EARLY_REQUEST: Rule = Rule {
    id: "handshake.early-request",
    about: "The client asks before the server has answered the handshake.",
    side: Side::Client,
    severity: Severity::Warning,
    revisions: Revisions::LEGACY,
    source: "Spec 2025-11-25, basic/lifecycle, Initialization",
    fix: "Wait for the answer to initialize.",
    fires: &[r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        client> ask 1 tools/list
        server> answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
    "#],
    quiet: &[r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        client> ask 1 ping
        server> answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client> tell notifications/initialized
        client> ask 2 tools/list
    "#],
};

pub(super) static EARLY_READY: Rule = Rule {
    id: "handshake.early-initialized",
    about: "The client says that it is ready before the server has answered the handshake.",
    side: Side::Client,
    severity: Severity::Error,
    revisions: Revisions::LEGACY,
    source: "Spec 2025-11-25, basic/lifecycle, Initialization",
    fix: "Send notifications/initialized after the answer to initialize.",
    fires: &[r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        client> tell notifications/initialized
        server> answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
    "#],
    quiet: &[r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server> answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client> tell notifications/initialized
    "#],
};

pub(super) static NOT_READY: Rule = Rule {
    id: "handshake.not-initialized",
    about: "The client asks and never said notifications/initialized.",
    side: Side::Client,
    severity: Severity::Error,
    revisions: Revisions::LEGACY,
    source: "Spec 2025-11-25, basic/lifecycle, Initialization",
    fix: "Send notifications/initialized after the answer to initialize.",
    fires: &[r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server> answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client> ask 1 tools/list
    "#],
    quiet: &[r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server> answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client> ask 1 ping
        client> tell notifications/initialized
        client> ask 2 tools/list
    "#],
};

pub(super) static EARLY_SERVER: Rule = Rule {
    id: "handshake.early-server-request",
    about: "The server asks before the client said that it is ready.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::LEGACY,
    source: "Spec 2025-11-25, basic/lifecycle, Initialization",
    fix: "Wait for notifications/initialized.",
    fires: &[r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server> answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        server> ask 1 roots/list
        client> tell notifications/initialized
    "#],
    quiet: &[r#"
        legs client=stdio server=stdio
        client> ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server> ask 1 ping
        server> answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client> tell notifications/initialized
        server> ask 2 roots/list
    "#],
};
