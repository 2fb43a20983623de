//! What can be wrong with a tool as it stands in the list.

use tapgate_wire::Rule;
use tapgate_wire::fault::Severity;
use tapgate_wire::revision::{Revision, Revisions};
use tapgate_wire::rule::Side;

pub(in crate::family::schema) static MISSING: Rule = Rule {
    id: "schema.missing",
    about: "A tool has no input schema, or one that is no object.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "Spec 2026-07-28, server/tools, Tool; schema, Tool.inputSchema",
    fix: "Give the tool an input schema; one without parameters is an object schema without properties.",
    fires: &[
        r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a"}]}
        "#,
        r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":true}]}
        "#,
    ],
    quiet: &[r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object"}}]}
        "#],
};

pub(in crate::family::schema) static ROOT: Rule = Rule {
    id: "schema.root",
    about: "The root of an input schema is not of the type object.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "Spec 2026-07-28, server/tools, Tool; schema, Tool.inputSchema",
    fix: "Set `type` of the root to \"object\".",
    fires: &[
        r#"
        hello 2024-11-05
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"properties":{}}}]}
        "#,
        r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"string"}}]}
        "#,
    ],
    quiet: &[r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object"}}]}
        "#],
};

pub(in crate::family::schema) static OUTPUT_ROOT: Rule = Rule {
    id: "schema.output-root",
    about: "The root of an output schema is not of the type object, which only the newest revision allows.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::NONE.with(Revision::V2025_06_18, Revision::V2025_11_25),
    source: "Spec 2025-11-25, schema, Tool.outputSchema",
    fix: "Put the value into a property of an object schema.",
    fires: &[r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]},"outputSchema":{"type":"array","items":{"type":"string"}}}]}
        "#],
    quiet: &[
        r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]},"outputSchema":{"type":"object"}}]}
        "#,
        r#"
        client> ask 1 tools/list {"_meta":{$META}}
        server> answer 1 {"resultType":"complete","tools":[{"name":"a","inputSchema":{"type":"object"},"outputSchema":{"type":"array"}}]}
        "#,
    ],
};

pub(in crate::family::schema) static NAME: Rule = Rule {
    id: "schema.name",
    about: "The name of a tool is longer than 128 characters, or holds others than letters, digits, `_`, `-` and `.`.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::since(Revision::V2025_11_25),
    source: "Spec 2025-11-25, server/tools, Tool Names",
    fix: "Name the tool with 1 to 128 letters, digits, `_`, `-` and `.`.",
    fires: &[r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"find it","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]}}]}
        "#],
    quiet: &[
        r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"Find.it-2_now","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]}}]}
        "#,
        r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"find it","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]}}]}
        "#,
    ],
};

pub(in crate::family::schema) static LARGE: Rule = Rule {
    id: "schema.large",
    about: "The definition of a tool has more than 256 KiB, so it was not looked into.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "tapgate, guide to checking a server",
    fix: "Shorten the definition; no model can read it.",
    fires: &[r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","description":"$TIMES(262200 x)","inputSchema":{"type":"object"}}]}
        "#],
    quiet: &[r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]}}]}
        "#],
};
