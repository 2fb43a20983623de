//! The rules of capabilities.

use tapgate_wire::Rule;
use tapgate_wire::fault::Severity;
use tapgate_wire::revision::Revisions;
use tapgate_wire::rule::Side;

pub(in crate::family) const RULES: &[&Rule] = &[
    &NOT_OFFERED,
    &UNDECLARED_ANSWER,
    &NOT_THERE,
    &UNDECLARED_NOTIFICATION,
    &CLIENT_UNDECLARED,
    &CLIENT_LACKS,
    &EXTENSION,
    &TOOL_UNLISTED,
];

pub(super) static NOT_OFFERED: Rule = Rule {
    id: "capability.not-offered",
    about: "The client asked for something that the server did not declare, in vain.",
    side: Side::Client,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, basic/lifecycle, Operation and Capability Negotiation",
    fix: "Read the server's capabilities, and ask only for what they name.",
    fires: &[
        r#"
        legs client=stdio server=stdio
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 prompts/list
        server> fail 1 -32601 none
    "#,
        r#"
        legs client=stdio server=stdio
        hello 2025-06-18 {} {"resources":{}}
        client> ask 1 resources/subscribe {"uri":"a"}
        server> fail 1 -32601 none
    "#,
        r#"
        legs client=stdio server=stdio
        hello 2025-11-25 {} {"tools":{}}
        client> ask 1 tools/call {"name":"a","task":{}}
    "#,
    ],
    quiet: &[
        r#"
        legs client=stdio server=stdio
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object"}}]}
    "#,
        r#"
        legs client=stdio server=stdio
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 prompts/list
        server> answer 1 {"prompts":[]}
    "#,
        "
        legs client=stdio server=stdio
        hello 2024-11-05
        client> ask 1 completion/complete {}
        server> fail 1 -32601 none
    ",
        r#"
        legs client=stdio server=stdio
        hello 2025-06-18 {} {"resources":{"subscribe":true}}
        client> ask 1 resources/subscribe {"uri":"a"}
    "#,
    ],
};

pub(super) static UNDECLARED_ANSWER: Rule = Rule {
    id: "capability.undeclared-answer",
    about: "The server has something that it did not declare, so clients that read capabilities never use it.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, basic/lifecycle, Operation and Capability Negotiation",
    fix: "Declare the capability.",
    fires: &[r#"
        legs client=stdio server=stdio
        hello 2025-06-18 {} {"prompts":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object"}}]}
    "#],
    quiet: &[
        r#"
        legs client=stdio server=stdio
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object"}}]}
    "#,
        r#"
        legs client=stdio server=stdio
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 prompts/list
        server> fail 1 -32601 none
    "#,
    ],
};

pub(super) static NOT_THERE: Rule = Rule {
    id: "capability.not-there",
    about: "The server declares something that it does not have.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, basic/lifecycle, Operation and Capability Negotiation",
    fix: "Answer the lists of what is declared, if with none, or do not declare it.",
    fires: &[r#"
        legs client=stdio server=stdio
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list
        server> fail 1 -32601 no such method
    "#],
    quiet: &[
        r#"
        legs client=stdio server=stdio
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object"}}]}
    "#,
        r#"
        legs client=stdio server=stdio
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 prompts/list
        server> fail 1 -32601 none
    "#,
    ],
};

pub(super) static UNDECLARED_NOTIFICATION: Rule = Rule {
    id: "capability.undeclared-notification",
    about: "The server notifies of something that it did not declare.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, basic/lifecycle, Operation and Capability Negotiation",
    fix: "Declare the capability, with listChanged or subscribe where it has them.",
    fires: &[
        r#"
        legs client=stdio server=stdio
        hello 2025-06-18 {} {"tools":{}}
        server> tell notifications/tools/list_changed
    "#,
        r#"
        legs client=stdio server=stdio
        hello 2025-06-18 {} {"tools":{}}
        server> tell notifications/message {"level":"info","data":"x"}
    "#,
    ],
    quiet: &[
        r#"
        legs client=stdio server=stdio
        hello 2025-06-18 {} {"tools":{"listChanged":true},"logging":{}}
        server> tell notifications/tools/list_changed
        server> tell notifications/message {"level":"info","data":"x"}
    "#,
        r#"
        legs client=stdio server=stdio
        server> tell notifications/message {"level":"info","data":"x"}
    "#,
    ],
};

pub(super) static CLIENT_UNDECLARED: Rule = Rule {
    id: "capability.client-undeclared",
    about: "The client notifies of something that it did not declare.",
    side: Side::Client,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, basic/lifecycle, Operation and Capability Negotiation",
    fix: "Declare roots with listChanged.",
    fires: &[r#"
        legs client=stdio server=stdio
        hello 2025-06-18 {"roots":{}}
        client> tell notifications/roots/list_changed
    "#],
    quiet: &[r#"
        legs client=stdio server=stdio
        hello 2025-06-18 {"roots":{"listChanged":true}}
        client> tell notifications/roots/list_changed
    "#],
};

pub(super) static CLIENT_LACKS: Rule = Rule {
    id: "capability.client-lacks",
    about: "The server asks the client for something that the client did not declare.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::LEGACY,
    source: "Spec 2025-11-25, basic/lifecycle, Operation and Capability Negotiation; client/elicitation; client/sampling",
    fix: "Read the client's capabilities, and ask only for what they name.",
    fires: &[
        r#"
        legs client=stdio server=stdio
        hello 2025-06-18 {} {"tools":{}}
        server> ask 1 sampling/createMessage {"messages":[],"maxTokens":1}
    "#,
        r#"
        legs client=stdio server=stdio
        hello 2025-11-25 {"elicitation":{}}
        server> ask 1 elicitation/create {"mode":"url","message":"x","url":"https://a.example/","elicitationId":"1"}
    "#,
        r#"
        legs client=stdio server=stdio
        hello 2025-11-25 {"elicitation":{"url":{}}}
        server> ask 1 elicitation/create {"message":"x","requestedSchema":{}}
    "#,
        r#"
        legs client=stdio server=stdio
        hello 2025-11-25 {"sampling":{}}
        server> ask 1 sampling/createMessage {"messages":[],"maxTokens":1,"tools":[]}
    "#,
    ],
    quiet: &[
        r#"
        legs client=stdio server=stdio
        hello 2025-06-18 {"sampling":{}}
        server> ask 1 sampling/createMessage {"messages":[],"maxTokens":1}
    "#,
        r#"
        legs client=stdio server=stdio
        hello 2025-11-25 {"elicitation":{}}
        server> ask 1 elicitation/create {"message":"x","requestedSchema":{}}
    "#,
        r#"
        legs client=stdio server=stdio
        hello 2025-11-25 {"elicitation":{"form":{},"url":{}}}
        server> ask 1 elicitation/create {"mode":"url","message":"x","url":"https://a.example/","elicitationId":"1"}
    "#,
        r#"
        legs client=stdio server=stdio
        hello 2025-06-18 {} {"tools":{}}
        server> ask 1 ping
    "#,
    ],
};

pub(super) static EXTENSION: Rule = Rule {
    id: "capability.extension-one-sided",
    about: "An extension is named by one side only, so it is not in use.",
    side: Side::Unknown,
    severity: Severity::Note,
    revisions: Revisions::ALL,
    source: "Spec 2026-07-28, basic/versioning, Extension Negotiation",
    fix: "Name the extension on both sides if it is wanted.",
    fires: &[
        r#"
        legs client=stdio server=stdio
        hello 2025-11-25 {"extensions":{"a/b":{}}} {}
    "#,
        r#"
        legs client=stdio server=stdio
        client> ask 1 server/discover {"_meta":{$META}}
        server> answer 1 {"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"extensions":{"a/b":{}}}}
    "#,
    ],
    quiet: &[
        r#"
        legs client=stdio server=stdio
        hello 2025-11-25 {"extensions":{"a/b":{}}} {"extensions":{"a/b":{"x":1}}}
    "#,
        r#"
        legs client=stdio server=stdio
        hello 2025-06-18 {} {"tools":{}}
    "#,
    ],
};

pub(super) static TOOL_UNLISTED: Rule = Rule {
    id: "capability.tool-unlisted",
    about: "The client calls a tool that the whole list of tools does not have.",
    side: Side::Client,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, server/tools, Calling Tools",
    fix: "Call tools by the names that tools/list gives.",
    fires: &[r#"
        legs client=stdio server=stdio
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object"}}]}
        client> ask 2 tools/call {"name":"b"}
    "#],
    quiet: &[
        r#"
        legs client=stdio server=stdio
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object"}}]}
        client> ask 2 tools/call {"name":"a"}
    "#,
        r#"
        legs client=stdio server=stdio
        hello 2025-06-18 {} {"tools":{}}
        client> ask 2 tools/call {"name":"b"}
    "#,
        r#"
        legs client=stdio server=stdio
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object"}}],"nextCursor":"2"}
        client> ask 2 tools/call {"name":"b"}
    "#,
        r#"
        legs client=stdio server=stdio
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object"}}]}
        server> tell notifications/tools/list_changed
        client> ask 2 tools/call {"name":"b"}
    "#,
    ],
};
