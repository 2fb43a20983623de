//! What can be wrong with characters.

use tapgate_wire::Rule;
use tapgate_wire::fault::Severity;
use tapgate_wire::revision::Revisions;
use tapgate_wire::rule::Side;

pub(in crate::family) const RULES: &[&Rule] = &[&TAG, &BIDI, &INVISIBLE, &CONTROL, &MIXED];

pub(super) static TAG: Rule = Rule {
    id: "hidden.tags",
    about: "A definition holds tag characters, by which text can be written that a model reads and nobody sees.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "Unicode Standard, section 23.9, Tag Characters",
    fix: "Remove the tag characters, and find out who put them there.",
    fires: &[r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","description":"Adds.\udb40\udc69\udb40\udc67","inputSchema":{"type":"object"}}]}
    "#],
    quiet: &[r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","description":"Scotland: \ud83c\udff4\udb40\udc67\udb40\udc62\udb40\udc73\udb40\udc63\udb40\udc74\udb40\udc7f.","inputSchema":{"type":"object"}}]}
    "#],
};

pub(super) static BIDI: Rule = Rule {
    id: "hidden.direction",
    about: "A definition holds characters that change the order in which text is shown, so that people and models read different things.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "Unicode Standard Annex 9, section 2, Directional Formatting Characters; Unicode Technical Standard 55, section 3.1",
    fix: "Remove the characters that change direction.",
    fires: &[
        r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","description":"Deletes \u202enothing.","inputSchema":{"type":"object"}}]}
        "#,
        r#"
        hello 2025-06-18
        client> ask 1 prompts/list
        server> answer 1 {"prompts":[{"name":"a\u200fb"}]}
        "#,
    ],
    quiet: &[r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","description":"שלום\u200f!","inputSchema":{"type":"object"}}]}
    "#],
};

pub(super) static INVISIBLE: Rule = Rule {
    id: "hidden.invisible",
    about: "A definition holds characters that nobody sees.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "Unicode Standard Annex 31, section 2.3, Layout and Format Control Characters",
    fix: "Remove the invisible characters.",
    fires: &[
        r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"read\u200bfile","inputSchema":{"type":"object"}}]}
        "#,
        r#"
        client> ask 1 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"c","version":"1"}}
        server> answer 1 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"},"instructions":"Be\u2063 kind."}
        "#,
        r#"
        hello 2025-06-18
        client> ask 1 resources/list
        server> answer 1 {"resources":[{"name":"a","uri":"file:///a","description":"x\ufe00\ufe01\ufe02"}]}
        "#,
    ],
    quiet: &[
        r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","description":"\ud83d\udc68\u200d\ud83d\udc69\u200d\ud83d\udc67 \u2764\ufe0f 1\ufe0f\u20e3","inputSchema":{"type":"object"}}]}
        "#,
        r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","description":"می\u200cخواهم","inputSchema":{"type":"object"}}]}
        "#,
    ],
};

pub(super) static CONTROL: Rule = Rule {
    id: "hidden.control",
    about: "A definition holds control characters, which steer a terminal that shows it.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "ECMA-48, section 5, Coded representation",
    fix: "Remove the control characters.",
    fires: &[r#"
        hello 2025-06-18
        client> ask 1 prompts/list
        server> answer 1 {"prompts":[{"name":"a","description":"\u001b[2J\u001b[8mGone."}]}
    "#],
    quiet: &[r#"
        hello 2025-06-18
        client> ask 1 prompts/list
        server> answer 1 {"prompts":[{"name":"a","description":"One.\r\n\tTwo."}]}
    "#],
};

pub(super) static MIXED: Rule = Rule {
    id: "hidden.lookalike",
    about: "A name mixes letters of several scripts that look alike, so that it can pass for another.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "Unicode Technical Standard 39, section 5.1, Mixed-Script Detection",
    fix: "Write the name in letters of one script.",
    fires: &[r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"re\u0430d_file","inputSchema":{"type":"object"}}]}
    "#],
    quiet: &[r#"
        hello 2025-06-18
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"читать_file","description":"Reаds.","inputSchema":{"type":"object"}}]}
    "#],
};
