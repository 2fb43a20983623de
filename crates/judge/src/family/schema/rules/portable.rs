//! What makes a schema hard on clients and models, though it is valid.

use tapgate_wire::Rule;
use tapgate_wire::fault::Severity;
use tapgate_wire::revision::Revisions;
use tapgate_wire::rule::Side;

pub(in crate::family::schema) static RECURSIVE: Rule = Rule {
    id: "schema.recursive",
    about: "A schema refers to what it stands in, which clients that write references out cannot do.",
    side: Side::Server,
    severity: Severity::Note,
    revisions: Revisions::ALL,
    source: "google/adk-python, issue 3870: a RecursionError for circular references (2025-12); JSON Schema 2020-12, Core, section 9.4.1",
    fix: "Describe a limited depth, or take the deeper levels as text.",
    fires: &[r##"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"t":{"$ref":"#/$defs/t"}},"$defs":{"t":{"type":"object","properties":{"next":{"$ref":"#/$defs/t"}}}}}}]}
        "##],
    quiet: &[r##"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"a":{"$ref":"#/$defs/t"},"b":{"$ref":"#/$defs/t"}},"$defs":{"t":{"type":"string"}}}}]}
        "##],
};

pub(in crate::family::schema) static ROOT_COMPOSITION: Rule = Rule {
    id: "schema.root-composition",
    about: "An input schema has `oneOf`, `anyOf`, `allOf`, `not` or `enum` at its root, for which some model providers refuse the whole request.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "anthropics/claude-code, issues 657 and 5319: a 400 for `oneOf`, `allOf` or `anyOf` at the top level (2025-03 to 2025-08); langchain-ai/langchainjs, issue 9804: OpenAI also refuses `not` and `enum` (2026-01); marianfoo/mcp-sap-docs, pull request 51 (2026-05)",
    fix: "List all properties at the root, and say in the description which ones go together.",
    fires: &[
        r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"a":{"type":"string"}},"oneOf":[{"required":["a"]}]}}]}
        "#,
        r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"a":{"type":"string"}},"not":{"required":["a"]}}}]}
        "#,
    ],
    quiet: &[r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"a":{"anyOf":[{"type":"string"},{"type":"null"}]}}}}]}
        "#],
};

pub(in crate::family::schema) static DEEP: Rule = Rule {
    id: "schema.deep",
    about: "A schema is nested more than 10 levels deep.",
    side: Side::Server,
    severity: Severity::Note,
    revisions: Revisions::ALL,
    source: "OpenAI, developers.openai.com/api/docs/guides/structured-outputs, Supported schemas: at most 10 levels of nesting",
    fix: "Flatten the schema.",
    fires: &[
        r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"x":{"type":"object","properties":{"x":{"type":"object","properties":{"x":{"type":"object","properties":{"x":{"type":"object","properties":{"x":{"type":"object","properties":{"x":{"type":"object","properties":{"x":{"type":"object","properties":{"x":{"type":"object","properties":{"x":{"type":"object","properties":{"x":{"type":"object","properties":{"x":{"type":"string"}}}}}}}}}}}}}}}}}}}}}}}}]}
        "#,
        r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","default":$TIMES(200 [)$TIMES(200 ])}}]}
        "#,
    ],
    quiet: &[r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"x":{"type":"object","properties":{"x":{"type":"object","properties":{"x":{"type":"object","properties":{"x":{"type":"object","properties":{"x":{"type":"object","properties":{"x":{"type":"object","properties":{"x":{"type":"object","properties":{"x":{"type":"object","properties":{"x":{"type":"string"}}}}}}}}}}}}}}}}}}}}]}
        "#],
};

pub(in crate::family::schema) static WIDE: Rule = Rule {
    id: "schema.wide",
    about: "A tool has more than 100 properties.",
    side: Side::Server,
    severity: Severity::Note,
    revisions: Revisions::ALL,
    source: "tapgate, guide to checking a server",
    fix: "Split the tool.",
    fires: &[r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"p0":{},"p1":{},"p2":{},"p3":{},"p4":{},"p5":{},"p6":{},"p7":{},"p8":{},"p9":{},"p10":{},"p11":{},"p12":{},"p13":{},"p14":{},"p15":{},"p16":{},"p17":{},"p18":{},"p19":{},"p20":{},"p21":{},"p22":{},"p23":{},"p24":{},"p25":{},"p26":{},"p27":{},"p28":{},"p29":{},"p30":{},"p31":{},"p32":{},"p33":{},"p34":{},"p35":{},"p36":{},"p37":{},"p38":{},"p39":{},"p40":{},"p41":{},"p42":{},"p43":{},"p44":{},"p45":{},"p46":{},"p47":{},"p48":{},"p49":{},"p50":{},"p51":{},"p52":{},"p53":{},"p54":{},"p55":{},"p56":{},"p57":{},"p58":{},"p59":{},"p60":{},"p61":{},"p62":{},"p63":{},"p64":{},"p65":{},"p66":{},"p67":{},"p68":{},"p69":{},"p70":{},"p71":{},"p72":{},"p73":{},"p74":{},"p75":{},"p76":{},"p77":{},"p78":{},"p79":{},"p80":{},"p81":{},"p82":{},"p83":{},"p84":{},"p85":{},"p86":{},"p87":{},"p88":{},"p89":{},"p90":{},"p91":{},"p92":{},"p93":{},"p94":{},"p95":{},"p96":{},"p97":{},"p98":{},"p99":{},"p100":{}}}}]}
        "#],
    quiet: &[r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]}}]}
        "#],
};

pub(in crate::family::schema) static LONG_ENUM: Rule = Rule {
    id: "schema.long-enum",
    about: "A schema lists more than 100 values.",
    side: Side::Server,
    severity: Severity::Note,
    revisions: Revisions::ALL,
    source: "tapgate, guide to checking a server",
    fix: "Take text, and say in an error which values there are.",
    fires: &[r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"n":{"enum":["a"$TIMES(100 ,"b")]}}}}]}
        "#],
    quiet: &[r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"n":{"enum":["a","b"]}}}}]}
        "#],
};

pub(in crate::family::schema) static UNTYPED: Rule = Rule {
    id: "schema.untyped",
    about: "A property has no type, so a model has to guess what to send.",
    side: Side::Server,
    severity: Severity::Note,
    revisions: Revisions::ALL,
    source: "tapgate, guide to checking a server",
    fix: "Give the property a `type`.",
    fires: &[
        r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"description":"What to find."}}}}]}
        "#,
        r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":true}}}]}
        "#,
    ],
    quiet: &[
        r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]}}]}
        "#,
        r##"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"enum":[1]},"r":{"anyOf":[{"type":"string"}]},"s":{"$ref":"#"}}}}]}
        "##,
    ],
};

pub(in crate::family::schema) static UNDESCRIBED: Rule = Rule {
    id: "schema.undescribed",
    about: "A property has no description, so a model knows no more than its name.",
    side: Side::Server,
    severity: Severity::Note,
    revisions: Revisions::ALL,
    source: "tapgate, guide to checking a server",
    fix: "Describe the property in one sentence.",
    fires: &[r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string"}}}}]}
        "#],
    quiet: &[r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]}}]}
        "#],
};

pub(in crate::family::schema) static MANY: Rule = Rule {
    id: "schema.many-tools",
    about: "A server offers more than 128 tools, which some clients and model providers refuse.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "microsoft/vscode-copilot-release, issue 9375: no more than 128 tools in a request (2025-05)",
    fix: "Offer fewer tools, or let people choose groups of them.",
    fires: &[r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object"}}$TIMES(128 ,{"name":"b","inputSchema":{"type":"object"}})]}
        "#],
    quiet: &[r#"
        hello 2025-11-25
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","properties":{"q":{"type":"string","description":"What to find."}},"required":["q"]}}]}
        "#],
};
