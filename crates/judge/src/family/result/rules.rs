//! What can be wrong with calls of tools and their results.

use tapgate_wire::Rule;
use tapgate_wire::fault::Severity;
use tapgate_wire::revision::{Revision, Revisions};
use tapgate_wire::rule::Side;

pub(in crate::family) const RULES: &[&Rule] =
    &[&UNSTRUCTURED, &OUTPUT, &ARGUMENTS, &LARGE, &HUGE, &TWICE, &SILENT];

pub(super) static UNSTRUCTURED: Rule = Rule {
    id: "result.no-structure",
    about: "A tool with an output schema answers without `structuredContent`.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::since(Revision::V2025_06_18),
    source: "Spec 2025-06-18, server/tools, Output Schema",
    fix: "Send the result as `structuredContent`, or leave the output schema out.",
    fires: &[r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]},"outputSchema":{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}}]}
        client> ask 2 tools/call {"name":"a","arguments":{"q":"x"}}
        server> answer 2 {"content":[{"type":"text","text":"x"}]}
        "#],
    quiet: &[
        r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]},"outputSchema":{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}}]}
        client> ask 2 tools/call {"name":"a","arguments":{"q":"x"}}
        server> answer 2 {"content":[{"type":"text","text":"x"}],"structuredContent":{"n":1}}
        "#,
        r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]},"outputSchema":{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}}]}
        client> ask 2 tools/call {"name":"a","arguments":{"q":"x"}}
        server> answer 2 {"content":[{"type":"text","text":"x"}],"isError":true}
        "#,
        r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]}}]}
        client> ask 2 tools/call {"name":"a","arguments":{"q":"x"}}
        server> answer 2 {"content":[{"type":"text","text":"x"}]}
        "#,
        r#"
        hello 2025-03-26
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]},"outputSchema":{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}}]}
        client> ask 2 tools/call {"name":"a","arguments":{"q":"x"}}
        server> answer 2 {"content":[{"type":"text","text":"x"}]}
        "#,
    ],
};

pub(super) static OUTPUT: Rule = Rule {
    id: "result.output-schema",
    about: "A structured result is not what the tool's output schema describes.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::since(Revision::V2025_06_18),
    source: "Spec 2025-06-18, server/tools, Output Schema",
    fix: "Send what the output schema describes, or correct the schema.",
    fires: &[
        r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]},"outputSchema":{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}}]}
        client> ask 2 tools/call {"name":"a","arguments":{"q":"x"}}
        server> answer 2 {"content":[{"type":"text","text":"x"}],"structuredContent":{"n":"one"}}
        "#,
        r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]},"outputSchema":{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}}]}
        client> ask 2 tools/call {"name":"a","arguments":{"q":"x"}}
        server> answer 2 {"content":[{"type":"text","text":"x"}],"structuredContent":{}}
        "#,
        r#"
        client> ask 1 tools/list {"_meta":{$META}}
        server> answer 1 {"resultType":"complete","tools":[{"name":"a","inputSchema":{"type":"object"},"outputSchema":{"type":"array"}}]}
        client> ask 2 tools/call {"name":"a","_meta":{$META}}
        server> answer 2 {"resultType":"complete","content":[{"type":"text","text":"x"}],"structuredContent":7}
        "#,
    ],
    quiet: &[
        r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]},"outputSchema":{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}}]}
        client> ask 2 tools/call {"name":"a","arguments":{"q":"x"}}
        server> answer 2 {"content":[{"type":"text","text":"x"}],"structuredContent":{"n":1.0,"more":true}}
        "#,
        r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]},"outputSchema":{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}}]}
        client> ask 2 tools/call {"name":"a","arguments":{"q":"x"}}
        server> answer 2 {"content":[{"type":"text","text":"x"}],"structuredContent":{},"isError":true}
        "#,
        r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]},"outputSchema":{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}}]}
        server> tell notifications/tools/list_changed
        client> ask 2 tools/call {"name":"a","arguments":{"q":"x"}}
        server> answer 2 {"content":[{"type":"text","text":"x"}],"structuredContent":{}}
        "#,
        r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]},"outputSchema":{"type":"object","properties":{"s":{"type":"string","pattern":"^y"}}}}]}
        client> ask 2 tools/call {"name":"a","arguments":{"q":"x"}}
        server> answer 2 {"content":[{"type":"text","text":"x"}],"structuredContent":{"s":"x"}}
        "#,
        r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]},"outputSchema":{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}}]}
        lost 100
        client> ask 2 tools/call {"name":"a","arguments":{"q":"x"}}
        server> answer 2 {"content":[{"type":"text","text":"x"}],"structuredContent":{}}
        "#,
    ],
};

pub(super) static ARGUMENTS: Rule = Rule {
    id: "result.arguments",
    about: "The arguments of a call are not what the tool's input schema describes.",
    side: Side::Client,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "Spec 2025-06-18, server/tools, Tool",
    fix: "Send what the input schema of the listed tool describes.",
    fires: &[
        r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]}}]}
        client> ask 2 tools/call {"name":"a","arguments":{"q":1}}
        "#,
        r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]}}]}
        client> ask 2 tools/call {"name":"a"}
        "#,
    ],
    quiet: &[
        r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]}}]}
        client> ask 2 tools/call {"name":"a","arguments":{"q":"x"}}
        "#,
        r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]}}]}
        server> tell notifications/tools/list_changed
        client> ask 2 tools/call {"name":"a","arguments":{"q":1}}
        "#,
        r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]}}],"nextCursor":"2"}
        client> ask 2 tools/call {"name":"a"}
        "#,
    ],
};

pub(super) static LARGE: Rule = Rule {
    id: "result.large",
    about: "A result has more than 40,000 bytes that a model has to read.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "Claude Code: a result over 10,000 tokens is warned of and one over 25,000 is refused by default (Figma, Known issues with MCP clients; qiita.com/akihidem/items/32e331a9cbe0abf3af11, 2026-10); four bytes are taken for a token",
    fix: "Answer in pages, or let the caller choose what to get.",
    fires: &[r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]}}]}
        client> ask 2 tools/call {"name":"a","arguments":{"q":"x"}}
        server> answer 2 {"content":[{"type":"text","text":"$TIMES(40000 x)"}]}
        "#],
    quiet: &[
        r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]}}]}
        client> ask 2 tools/call {"name":"a","arguments":{"q":"x"}}
        server> answer 2 {"content":[{"type":"text","text":"x"}]}
        "#,
        r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]}}]}
        client> ask 2 tools/call {"name":"a","arguments":{"q":"x"}}
        server> answer 2 {"content":[{"type":"image","mimeType":"image/png","data":"$TIMES(50000 A)"}]}
        "#,
    ],
};

pub(super) static HUGE: Rule = Rule {
    id: "result.huge",
    about: "A result has more than 100,000 bytes that a model has to read, which clients are known to refuse.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "Claude Code: a result over 10,000 tokens is warned of and one over 25,000 is refused by default (Figma, Known issues with MCP clients; qiita.com/akihidem/items/32e331a9cbe0abf3af11, 2026-10); four bytes are taken for a token",
    fix: "Answer in pages, or let the caller choose what to get.",
    fires: &[r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]}}]}
        client> ask 2 tools/call {"name":"a","arguments":{"q":"x"}}
        server> answer 2 {"content":[{"type":"text","text":"$TIMES(100000 x)"}]}
        "#],
    quiet: &[r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]}}]}
        client> ask 2 tools/call {"name":"a","arguments":{"q":"x"}}
        server> answer 2 {"content":[{"type":"text","text":"$TIMES(50000 x)"}]}
        "#],
};

pub(super) static TWICE: Rule = Rule {
    id: "result.told-twice",
    about: "A result of more than 1,000 bytes stands in it twice, as text and as `structuredContent`, as the specification recommends; a client that shows both to its model pays for both.",
    side: Side::Server,
    severity: Severity::Note,
    revisions: Revisions::since(Revision::V2025_06_18),
    source: "Spec 2025-06-18, server/tools, Structured Content",
    fix: "Keep it for older clients, or write a shorter text.",
    fires: &[r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]},"outputSchema":{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}}]}
        client> ask 2 tools/call {"name":"a","arguments":{"q":"x"}}
        server> answer 2 {"content":[{"type":"text","text":"{ \"n\": 1, \"t\": \"$TIMES(1000 x)\" }"}],"structuredContent":{"t":"$TIMES(1000 x)","n":1}}
        "#],
    quiet: &[
        r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]},"outputSchema":{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}}]}
        client> ask 2 tools/call {"name":"a","arguments":{"q":"x"}}
        server> answer 2 {"content":[{"type":"text","text":"one"}],"structuredContent":{"t":"$TIMES(1000 x)","n":1}}
        "#,
        r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]},"outputSchema":{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}}]}
        client> ask 2 tools/call {"name":"a","arguments":{"q":"x"}}
        server> answer 2 {"content":[{"type":"text","text":"{\"n\":1}"}],"structuredContent":{"n":1}}
        "#,
    ],
};

pub(super) static SILENT: Rule = Rule {
    id: "result.silent-error",
    about: "A tool failed and says nothing about why.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "Spec 2025-06-18, server/tools, Error Handling",
    fix: "Say in a text what went wrong and what the caller can do.",
    fires: &[
        r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]},"outputSchema":{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}}]}
        client> ask 2 tools/call {"name":"a","arguments":{"q":"x"}}
        server> answer 2 {"content":[],"isError":true}
        "#,
        r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]}}]}
        client> ask 2 tools/call {"name":"a","arguments":{"q":"x"}}
        server> answer 2 {"content":[{"type":"text","text":" "}],"isError":true}
        "#,
    ],
    quiet: &[
        r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]},"outputSchema":{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}}]}
        client> ask 2 tools/call {"name":"a","arguments":{"q":"x"}}
        server> answer 2 {"content":[{"type":"text","text":"x"}],"isError":true}
        "#,
        r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]},"outputSchema":{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}}]}
        client> ask 2 tools/call {"name":"a","arguments":{"q":"x"}}
        server> answer 2 {"content":[],"structuredContent":{"error":"no"},"isError":true}
        "#,
        r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]}}]}
        client> ask 2 tools/call {"name":"a","arguments":{"q":"x"}}
        server> answer 2 {"content":[]}
        "#,
    ],
};
