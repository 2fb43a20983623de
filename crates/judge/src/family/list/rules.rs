//! The rules about lists.

use tapgate_wire::Rule;
use tapgate_wire::fault::Severity;
use tapgate_wire::revision::Revisions;
use tapgate_wire::rule::Side;

pub(super) static CURSOR_TYPE: Rule = Rule {
    id: "list.cursor-type",
    about: "A cursor is not a string.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "Spec 2026-07-28, server/utilities/pagination; schema, PaginatedResult and PaginatedRequestParams",
    fix: "Leave the member out where there is no further page.",
    fires: &[r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object"}}],"nextCursor":null}
    "#],
    quiet: &[r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object"}}],"nextCursor":""}
        client> ask 2 tools/list {"cursor":""}
        server> answer 2 {"tools":[]}
    "#],
};

pub(super) static INVENTED: Rule = Rule {
    id: "list.cursor-invented",
    about: "A client asks for a page with a cursor that the server did not give in this session.",
    side: Side::Client,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, server/utilities/pagination, Implementation Guidelines",
    fix: "Take the cursor from the page before, as it came, and keep none from earlier sessions.",
    fires: &[r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list {"cursor":"2"}
    "#],
    quiet: &[
        r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object"}}],"nextCursor":"a\/b"}
        client> ask 2 tools/list {"cursor":"a/b"}
    "#,
        r#"
        hello 2025-06-18 {} {"tools":{}}
        lost 100
        client> ask 1 tools/list {"cursor":"2"}
    "#,
        // Without a session, another client may have been given it.
        r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: tools/list | ask 1 tools/list {"cursor":"2","_meta":{$META}}
    "#,
        // The session began before it was observed.
        r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-session-id: s; mcp-protocol-version: 2025-06-18 | ask 1 tools/list {"cursor":"2"}
    "#,
    ],
};

pub(super) static NOT_REFUSED: Rule = Rule {
    id: "list.cursor-not-refused",
    about: "A server answers a cursor that it did not give otherwise than the specification says.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, server/utilities/pagination, Error Handling",
    fix: "Answer a cursor that is not valid with -32602.",
    fires: &[r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list {"cursor":"2"}
        server> answer 1 {"tools":[]}
        client> ask 2 tools/list {"cursor":"3"}
        server> fail 2 -32603 broken
    "#],
    quiet: &[r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list {"cursor":"2"}
        server> fail 1 -32602 no such cursor
    "#],
};

pub(super) static LOOP: Rule = Rule {
    id: "list.loop",
    about: "A page names itself or an earlier page as the next one, so a client that reads on never ends.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, server/utilities/pagination, Pagination Model",
    fix: "Give the last page no nextCursor.",
    fires: &[r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object"}}],"nextCursor":"2"}
        client> ask 2 tools/list {"cursor":"2"}
        server> answer 2 {"tools":[{"name":"b","inputSchema":{"type":"object"}}],"nextCursor":"2"}
    "#],
    quiet: &[r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object"}}],"nextCursor":"2"}
        client> ask 2 tools/list
        server> answer 2 {"tools":[{"name":"a","inputSchema":{"type":"object"}}],"nextCursor":"2"}
    "#],
};

pub(super) static DUPLICATE: Rule = Rule {
    id: "list.duplicate",
    about: "A list names something twice, so one of them cannot be reached.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, server/tools, Tool Names; schema, BaseMetadata and Resource",
    fix: "Give each its own name, over all pages.",
    fires: &[r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object"}}],"nextCursor":"2"}
        client> ask 2 tools/list {"cursor":"2"}
        server> answer 2 {"tools":[{"name":"a","inputSchema":{"type":"object"}}]}
    "#],
    quiet: &[r#"
        hello 2025-06-18 {} {"tools":{},"prompts":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object"}}]}
        client> ask 2 prompts/list
        server> answer 2 {"prompts":[{"name":"a"}]}
        client> ask 3 tools/list
        server> answer 3 {"tools":[{"name":"a","inputSchema":{"type":"object"}},{"name":"A","inputSchema":{"type":"object"}}]}
    "#],
};

pub(super) static UNSTABLE: Rule = Rule {
    id: "list.unstable",
    about: "A list has the same items as before in another order, so what clients cache or show to models changes for nothing.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::MODERN,
    source: "Spec 2026-07-28, server/tools, Listing Tools",
    fix: "Sort the list.",
    fires: &[r#"
        client> ask 1 prompts/list {"_meta":{$META}}
        server> answer 1 {"resultType":"complete","ttlMs":0,"cacheScope":"private","prompts":[{"name":"a"},{"name":"b"}]}
        client> ask 2 prompts/list {"_meta":{$META}}
        server> answer 2 {"resultType":"complete","ttlMs":0,"cacheScope":"private","prompts":[{"name":"b"},{"name":"a"}]}
    "#],
    quiet: &[r#"
        client> ask 1 prompts/list {"_meta":{$META}}
        server> answer 1 {"resultType":"complete","ttlMs":0,"cacheScope":"private","prompts":[{"name":"a"},{"name":"b"}]}
        client> ask 2 prompts/list {"_meta":{$META}}
        server> answer 2 {"resultType":"complete","ttlMs":0,"cacheScope":"private","prompts":[{"name":"c"},{"name":"a"},{"name":"b"}]}
    "#],
};

pub(super) static EMPTY: Rule = Rule {
    id: "list.no-tools",
    about: "A server lists no tool at all.",
    side: Side::Server,
    severity: Severity::Note,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, server/tools, Listing Tools",
    fix: "Check what the server needs to offer its tools, or do not declare the capability.",
    fires: &[r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[]}
    "#],
    quiet: &[r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[],"nextCursor":"2"}
        client> ask 2 tools/list {"cursor":"2"}
        server> answer 2 {"tools":[{"name":"a","inputSchema":{"type":"object"}}]}
    "#],
};

pub(super) static NEVER_ASKED: Rule = Rule {
    id: "list.never-asked",
    about: "A server declares tools, and the client never asked which.",
    side: Side::Client,
    severity: Severity::Note,
    revisions: Revisions::LEGACY,
    source: "Spec 2025-11-25, server/tools, Listing Tools",
    fix: "Check whether the client knows the tools from elsewhere, or does not show them at all.",
    fires: &[r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 ping
        server> answer 1 {}
        end
    "#],
    quiet: &[
        r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list
        end
    "#,
        r#"
        hello 2025-06-18 {} {"prompts":{}}
        end
    "#,
    ],
};

pub(super) static INCOMPLETE: Rule = Rule {
    id: "adv.incomplete-list",
    about: "A client read some pages of a list and not the next, so it does not know all that the server offers.",
    side: Side::Client,
    severity: Severity::Note,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, server/utilities/pagination, Response Format",
    fix: "Read on while the answer has a nextCursor.",
    fires: &[
        r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object"}}],"nextCursor":"2"}
        wait 61s
    "#,
        r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object"}}],"nextCursor":"2"}
        end
    "#,
    ],
    quiet: &[r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object"}}],"nextCursor":"2"}
        wait 50s
        client> ask 2 tools/list {"cursor":"2"}
        server> answer 2 {"tools":[]}
        wait 61s
        end
    "#],
};
