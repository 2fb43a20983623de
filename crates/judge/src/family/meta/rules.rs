//! The rules about `_meta`.

use tapgate_wire::Rule;
use tapgate_wire::fault::Severity;
use tapgate_wire::revision::{Revision, Revisions};
use tapgate_wire::rule::Side;

pub(super) static MISSING: Rule = Rule {
    id: "meta.missing",
    about: "A request of 2026-07-28 lacks a member of `_meta` that every request must have.",
    side: Side::Client,
    severity: Severity::Error,
    revisions: Revisions::MODERN,
    source: "Spec 2026-07-28, basic/index, `_meta`",
    fix: "Put the protocol version and the client's capabilities into `_meta` of every request.",
    fires: &[
        r#"
        client> ask 1 tools/list {"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}
    "#,
        r"
        client> ask 1 server/discover
    ",
        r"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: tools/list | ask 1 tools/list
    ",
        r#"
        client> ask 1 tools/list {"_meta":{$META}}
        client> ask 2 prompts/list
    "#,
    ],
    quiet: &[
        r#"
        client> ask 1 tools/list {"_meta":{$META}}
    "#,
        r#"
        hello 2025-11-25 {} {"tools":{}}
        client> ask 1 tools/list
    "#,
    ],
};

pub(super) static NO_CLIENT: Rule = Rule {
    id: "meta.no-client",
    about: "A client of 2026-07-28 does not say who it is.",
    side: Side::Client,
    severity: Severity::Warning,
    revisions: Revisions::MODERN,
    source: "Spec 2026-07-28, basic/index, `_meta`",
    fix: "Add `io.modelcontextprotocol/clientInfo` with a name and a version to `_meta` of every request.",
    fires: &[r#"
        client> ask 1 tools/list {"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}
    "#],
    quiet: &[r#"
        client> ask 1 tools/list {"_meta":{$META}}
    "#],
};

pub(super) static WRONG_TYPE: Rule = Rule {
    id: "meta.wrong-type",
    about: "A member of `_meta` has another type than the specification gives it.",
    side: Side::Client,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "Spec 2026-07-28, basic/index, `_meta`; schema, RequestMetaObject and ProgressToken",
    fix: "Send the member with the type of the schema.",
    fires: &[
        r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"a","_meta":{"progressToken":{"id":1}}}
    "#,
        r#"
        client> ask 1 tools/list {"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":[],"io.modelcontextprotocol/clientInfo":{"name":"c","version":"1"}}}
    "#,
    ],
    quiet: &[r#"
        client> ask 1 tools/call {"name":"a","_meta":{$META,"progressToken":7}}
    "#],
};

pub(super) static BAD_KEY: Rule = Rule {
    id: "meta.bad-key",
    about: "A member of `_meta` has a name that the specification does not allow.",
    side: Side::Client,
    severity: Severity::Error,
    revisions: Revisions::since(Revision::V2025_06_18),
    source: "Spec 2025-06-18, basic/index, `_meta`, Key Name Format; the same in later revisions",
    fix: "Write the name as letters, digits, `-`, `_` and `.`, with a prefix such as `com.example/` before it if it has one.",
    fires: &[r#"
        hello 2025-11-25 {} {"tools":{}}
        client> ask 1 tools/call {"name":"a","_meta":{"my key":1}}
    "#],
    quiet: &[r#"
        hello 2025-11-25 {} {"tools":{}}
        client> ask 1 tools/call {"name":"a","_meta":{"com.example/my-key":1,"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}}
    "#],
};

pub(super) static RESERVED: Rule = Rule {
    id: "meta.reserved",
    about: "A member of `_meta` that no revision defines has a prefix that is reserved for the specification.",
    side: Side::Client,
    severity: Severity::Note,
    revisions: Revisions::since(Revision::V2025_11_25),
    source: "Spec 2025-11-25, basic/index, `_meta`, Key Name Format",
    fix: "Use a prefix of your own, such as `com.example/`.",
    fires: &[r#"
        client> ask 1 tools/list {"_meta":{$META,"io.modelcontextprotocol/colour":"red"}}
    "#],
    quiet: &[r#"
        client> ask 1 tools/list {"_meta":{$META,"io.modelcontextprotocol/logLevel":"info","com.example.mcp/colour":"red"}}
    "#],
};

pub(super) static TRACE: Rule = Rule {
    id: "meta.trace",
    about: "The trace context of a request cannot be read, so its trace ends here.",
    side: Side::Client,
    severity: Severity::Note,
    revisions: Revisions::MODERN,
    source: "Spec 2026-07-28, basic/index, `_meta`; W3C Trace Context, section 3.2",
    fix: "Write `traceparent`, `tracestate` and `baggage` as the W3C defines them.",
    fires: &[r#"
        client> ask 1 tools/list {"_meta":{$META,"traceparent":"00-ABC-1-01"}}
    "#],
    quiet: &[r#"
        client> ask 1 tools/list {"_meta":{$META,"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","tracestate":"a=1"}}
    "#],
};
