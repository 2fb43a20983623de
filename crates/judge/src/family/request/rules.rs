//! The rules about parameters.

use tapgate_wire::Rule;
use tapgate_wire::fault::Severity;
use tapgate_wire::revision::Revisions;
use tapgate_wire::rule::Side;

pub(super) static MISSING: Rule = Rule {
    id: "request.missing",
    about: "A request or notification lacks a parameter that its revision requires.",
    side: Side::Client,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "The schema of the revision: the parameters of the method",
    fix: "Send the parameter.",
    fires: &[
        r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"arguments":{}}
    "#,
        r#"
        hello 2025-06-18 {} {"resources":{}}
        client> ask 1 resources/read
    "#,
        r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"a","_meta":{"progressToken":1}}
        server> tell notifications/progress {"progressToken":1}
    "#,
        r#"
        hello 2025-06-18 {} {"tools":{}}
        client> tell notifications/cancelled {"reason":"no"}
    "#,
    ],
    quiet: &[
        r#"
        hello 2025-11-25 {} {"tools":{}}
        client> ask 1 tools/call {"name":"a"}
        client> ask 2 tools/list
        client> tell notifications/cancelled {}
    "#,
        r#"
        hello 2025-11-25 {} {"tools":{}}
        client> ask 1 example/own {"x":1}
    "#,
    ],
};

pub(super) static WRONG_TYPE: Rule = Rule {
    id: "request.wrong-type",
    about: "A parameter has another type than the schema of its revision gives it.",
    side: Side::Client,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "The schema of the revision: the parameters of the method",
    fix: "Send the parameter with the type of the schema, or leave it out where it may be absent.",
    fires: &[
        r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"a","arguments":null}
    "#,
        r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"a","arguments":"{}"}
    "#,
        r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call ["a"]
    "#,
    ],
    quiet: &[r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"a","arguments":{},"extra":null}
    "#],
};
