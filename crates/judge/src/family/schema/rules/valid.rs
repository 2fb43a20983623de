//! What can be wrong with a schema by the rules of its dialect.

use tapgate_wire::Rule;
use tapgate_wire::fault::Severity;
use tapgate_wire::revision::{Revision, Revisions};
use tapgate_wire::rule::Side;

pub(in crate::family::schema) static UNKNOWN_DIALECT: Rule = Rule {
    id: "schema.unknown-dialect",
    about: "A schema names a dialect that peers need not know.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::since(Revision::V2025_11_25),
    source: "Spec 2025-11-25, basic, JSON Schema Usage",
    fix: "Write the schema in JSON Schema 2020-12, and leave `$schema` out or name that.",
    fires: &[r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"$schema":"https://example.com/mine","type":"object"}}]}
        "#],
    quiet: &[r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object"}}]}
        "#],
};

pub(in crate::family::schema) static OLD_DIALECT: Rule = Rule {
    id: "schema.old-dialect",
    about: "A schema is written in an older dialect than the one that every peer has to know.",
    side: Side::Server,
    severity: Severity::Note,
    revisions: Revisions::since(Revision::V2025_11_25),
    source: "Spec 2025-11-25, basic, JSON Schema Usage",
    fix: "Write the schema in JSON Schema 2020-12.",
    fires: &[r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"$schema":"http://json-schema.org/draft-07/schema#","type":"object"}}]}
        "#],
    quiet: &[
        r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"$schema":"http://json-schema.org/draft-07/schema#","type":"object"}}]}
        "#,
        r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]}}]}
        "#,
    ],
};

pub(in crate::family::schema) static INVALID: Rule = Rule {
    id: "schema.invalid",
    about: "A schema gives a keyword a value that its dialect does not allow.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "JSON Schema 2020-12, Validation and Core, the section of the keyword",
    fix: "Give the keyword a value that its dialect allows.",
    fires: &[
        r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"text"}}}}]}
        "#,
        r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","minLength":-1}}}}]}
        "#,
        r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":[]}}]}
        "#,
        r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","required":"q"}}]}
        "#,
        r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"enum":"x"}}}}]}
        "#,
        r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"array","items":[{"type":"string"}]}}}}]}
        "#,
    ],
    quiet: &[
        r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]}}]}
        "#,
        r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":["string","null"],"minLength":0}}}}]}
        "#,
        r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"array","items":[{"type":"string"}]}}}}]}
        "#,
        r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"$schema":"http://json-schema.org/draft-04/schema#","type":"object","properties":{"n":{"type":"number","minimum":0,"exclusiveMinimum":true}}}}]}
        "#,
        r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"type":{"type":"string"},"required":{"type":"boolean"}}}}]}
        "#,
    ],
};

pub(in crate::family::schema) static REQUIRED_INSIDE: Rule = Rule {
    id: "schema.required-inside",
    about: "A property says of itself that it is required, which nothing reads.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "JSON Schema 2020-12, Validation, section 6.5.3",
    fix: "List the property in `required` of the object that it belongs to.",
    fires: &[r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","required":true}}}}]}
        "#],
    quiet: &[
        r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]}}]}
        "#,
        r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"required":{"type":"boolean"}}}}]}
        "#,
    ],
};

pub(in crate::family::schema) static REQUIRED_ABSENT: Rule = Rule {
    id: "schema.required-absent",
    about: "A schema requires a property that it does not describe.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "JSON Schema 2020-12, Validation, section 6.5.3",
    fix: "Describe the property, or require it no longer.",
    fires: &[r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string"}},"required":["query"]}}]}
        "#],
    quiet: &[
        r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]}}]}
        "#,
        r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string"}},"allOf":[{"properties":{"x":{}}}],"required":["x"]}}]}
        "#,
        r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"object","anyOf":[{"required":["x"]}]}}}}]}
        "#,
    ],
};

pub(in crate::family::schema) static CONTRADICTION: Rule = Rule {
    id: "schema.contradiction",
    about: "A schema asks for what no value can be.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "JSON Schema 2020-12, Validation, section 6",
    fix: "Correct the limits or the values.",
    fires: &[
        r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"n":{"type":"integer","minimum":5,"maximum":1}}}}]}
        "#,
        r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"n":{"type":"integer","enum":["a"]}}}}]}
        "#,
        r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"n":{"enum":[]}}}}]}
        "#,
        r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"n":{"type":"string","const":1}}}}]}
        "#,
    ],
    quiet: &[
        r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"n":{"type":"integer","minimum":1,"maximum":1}}}}]}
        "#,
        r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"n":{"type":["string","null"],"enum":["a",null]}}}}]}
        "#,
    ],
};

pub(in crate::family::schema) static EXTERNAL_REF: Rule = Rule {
    id: "schema.external-ref",
    about: "A schema refers to another document, which peers must not fetch on their own.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "Spec 2026-07-28, basic, JSON Schema Usage; JSON Schema 2020-12, Core, section 8.2.3.1",
    fix: "Put what is referred to under `$defs` of the same schema.",
    fires: &[r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"$ref":"https://example.com/q.json"}}}}]}
        "#],
    quiet: &[r##"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"$ref":"#/$defs/q"}},"$defs":{"q":{"type":"string"}}}}]}
        "##],
};

pub(in crate::family::schema) static UNRESOLVED_REF: Rule = Rule {
    id: "schema.unresolved-ref",
    about: "A schema refers to a place in itself where nothing is.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "JSON Schema 2020-12, Core, section 8.2.3.1",
    fix: "Put what is referred to at that place, or correct the reference.",
    fires: &[r##"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"$ref":"#/$defs/q"}}}}]}
        "##],
    quiet: &[r##"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"$ref":"#/definitions/a~1b%20c"}},"definitions":{"a/b c":{"type":"string"}}}}]}
        "##],
};
