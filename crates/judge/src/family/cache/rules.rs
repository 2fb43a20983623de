//! The rules about what may be kept.

use tapgate_wire::Rule;
use tapgate_wire::fault::Severity;
use tapgate_wire::revision::Revisions;
use tapgate_wire::rule::Side;

pub(super) static MISSING: Rule = Rule {
    id: "cache.missing",
    about: "A result that may be kept does not say how long or by whom.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::MODERN,
    source: "Spec 2026-07-28, server/utilities/caching; schema, CacheableResult",
    fix: "Add `ttlMs` and `cacheScope`; 0 and `private` promise nothing.",
    fires: &[r#"
        client> ask 1 tools/list {"_meta":{$META}}
        server> answer 1 {"resultType":"complete","tools":[]}
    "#],
    quiet: &[
        r#"
        client> ask 1 resources/read {"uri":"file:///a","_meta":{$META}}
        server> answer 1 {"resultType":"input_required","requestState":"s"}
        client> ask 2 tools/list {"_meta":{$META}}
        server> answer 2 {"resultType":"complete","ttlMs":0,"cacheScope":"private","tools":[]}
    "#,
        r#"
        hello 2025-11-25 {} {"tools":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[]}
    "#,
    ],
};

pub(super) static WRONG: Rule = Rule {
    id: "cache.wrong-value",
    about: "`ttlMs` is no number of milliseconds, or `cacheScope` is neither `public` nor `private`.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::MODERN,
    source: "Spec 2026-07-28, server/utilities/caching; schema, CacheableResult",
    fix: "Send an integer that is not negative, and one of the two words.",
    fires: &[
        r#"
        client> ask 1 tools/list {"_meta":{$META}}
        server> answer 1 {"resultType":"complete","ttlMs":-1,"cacheScope":"private","tools":[]}
    "#,
        r#"
        client> ask 1 tools/list {"_meta":{$META}}
        server> answer 1 {"resultType":"complete","ttlMs":"5","cacheScope":"private","tools":[]}
    "#,
        r#"
        client> ask 1 tools/list {"_meta":{$META}}
        server> answer 1 {"resultType":"complete","ttlMs":0,"cacheScope":"shared","tools":[]}
    "#,
    ],
    quiet: &[r#"
        client> ask 1 tools/list {"_meta":{$META}}
        server> answer 1 {"resultType":"complete","ttlMs":300000,"cacheScope":"public","tools":[]}
    "#],
};

pub(super) static SCOPE_CHANGED: Rule = Rule {
    id: "cache.scope-changed",
    about: "Pages of one list differ in who may keep them.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::MODERN,
    source: "Spec 2026-07-28, server/utilities/caching, Pagination",
    fix: "Give all pages of a list the same `cacheScope`.",
    fires: &[r#"
        client> ask 1 tools/list {"_meta":{$META}}
        server> answer 1 {"resultType":"complete","ttlMs":0,"cacheScope":"private","tools":[],"nextCursor":"2"}
        client> ask 2 tools/list {"cursor":"2","_meta":{$META}}
        server> answer 2 {"resultType":"complete","ttlMs":0,"cacheScope":"public","tools":[]}
    "#],
    quiet: &[r#"
        client> ask 1 tools/list {"_meta":{$META}}
        server> answer 1 {"resultType":"complete","ttlMs":0,"cacheScope":"private","tools":[],"nextCursor":"2"}
        client> ask 2 tools/list {"cursor":"2","_meta":{$META}}
        server> answer 2 {"resultType":"complete","ttlMs":5,"cacheScope":"private","tools":[]}
        client> ask 3 prompts/list {"_meta":{$META}}
        server> answer 3 {"resultType":"complete","ttlMs":0,"cacheScope":"public","prompts":[]}
    "#],
};

pub(super) static REFETCHED: Rule = Rule {
    id: "cache.refetched",
    about: "A client asks again for what it could have kept.",
    side: Side::Client,
    severity: Severity::Note,
    revisions: Revisions::MODERN,
    source: "Spec 2026-07-28, server/utilities/caching",
    fix: "Keep the result for its `ttlMs`.",
    fires: &[r#"
        client> ask 1 tools/list {"_meta":{$META}}
        server> answer 1 {"resultType":"complete","ttlMs":60000,"cacheScope":"public","tools":[]}
        wait 10s
        client> ask 2 tools/list {"_meta":{$META}}
    "#],
    quiet: &[
        r#"
        client> ask 1 tools/list {"_meta":{$META}}
        server> answer 1 {"resultType":"complete","ttlMs":60000,"cacheScope":"public","tools":[],"nextCursor":"2"}
        client> ask 2 tools/list {"cursor":"2","_meta":{$META}}
        wait 60s
        client> ask 3 tools/list {"_meta":{$META}}
    "#,
        r#"
        client> ask 9 subscriptions/listen {"notifications":{"toolsListChanged":true},"_meta":{$META}}
        server> tell notifications/subscriptions/acknowledged {"notifications":{"toolsListChanged":true},"_meta":{"io.modelcontextprotocol/subscriptionId":9}}
        client> ask 1 tools/list {"_meta":{$META}}
        server> answer 1 {"resultType":"complete","ttlMs":60000,"cacheScope":"public","tools":[]}
        server> tell notifications/tools/list_changed {"_meta":{"io.modelcontextprotocol/subscriptionId":9}}
        client> ask 2 tools/list {"_meta":{$META}}
    "#,
    ],
};
