//! The rules about tasks.

use tapgate_wire::Rule;
use tapgate_wire::fault::Severity;
use tapgate_wire::revision::{Revision, Revisions};
use tapgate_wire::rule::Side;

const CORE: Revisions = Revisions::NONE.with(Revision::V2025_11_25, Revision::V2025_11_25);
const BOTH: Revisions = Revisions::since(Revision::V2025_11_25);
const PAGES: &str = "Spec 2025-11-25, basic/utilities/tasks; tasks extension 2026-07-28";

pub(super) static UNASKED: Rule = Rule {
    id: "task.unasked",
    about: "A request that did not ask for a task was answered by one.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: CORE,
    source: "Spec 2025-11-25, basic/utilities/tasks, Creating Tasks",
    fix: "Answer with the result itself.",
    fires: &[r#"
        hello 2025-11-25 {} {"tools":{},"tasks":{"requests":{"tools":{"call":{}}}}}
        client> ask 1 tools/call {"name":"a"}
        server> answer 1 {"task":{"taskId":"t","status":"working","createdAt":"2025-11-25T10:00:00Z","lastUpdatedAt":"2025-11-25T10:00:00Z","ttl":null}}
    "#],
    quiet: &[r#"
        hello 2025-11-25 {} {"tools":{},"tasks":{"requests":{"tools":{"call":{}}}}}
        client> ask 1 tools/call {"name":"a","task":{"ttl":1000}}
        server> answer 1 {"task":{"taskId":"t","status":"working","createdAt":"2025-11-25T10:00:00Z","lastUpdatedAt":"2025-11-25T10:00:00Z","ttl":1000}}
    "#],
};

pub(super) static UNDECLARED: Rule = Rule {
    id: "task.undeclared",
    about: "A client that did not declare the tasks extension was answered by a task.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::MODERN,
    source: "Tasks extension 2026-07-28, Capability Negotiation",
    fix: "Answer with the result itself, or with -32021 when there is no other way.",
    fires: &[r#"
        client> ask 1 tools/call {"name":"a","_meta":{$META}}
        server> answer 1 {"resultType":"task","taskId":"t","status":"working","createdAt":"2026-07-28T10:00:00Z","lastUpdatedAt":"2026-07-28T10:00:00Z","ttlMs":null}
    "#],
    quiet: &[r#"
        client> ask 1 tools/call {"name":"a","_meta":{$META({"extensions":{"io.modelcontextprotocol/tasks":{}}})}}
        server> answer 1 {"resultType":"task","taskId":"t","status":"working","createdAt":"2026-07-28T10:00:00Z","lastUpdatedAt":"2026-07-28T10:00:00Z","ttlMs":null}
    "#],
};

pub(super) static WRONG_METHOD: Rule = Rule {
    id: "task.wrong-method",
    about: "A request of a method that cannot become a task was answered by one.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::MODERN,
    source: "Tasks extension 2026-07-28, Supported Requests",
    fix: "Answer with a task only to tools/call.",
    fires: &[r#"
        client> ask 1 prompts/get {"name":"a","_meta":{$META({"extensions":{"io.modelcontextprotocol/tasks":{}}})}}
        server> answer 1 {"resultType":"task","taskId":"t","status":"working","createdAt":"2026-07-28T10:00:00Z","lastUpdatedAt":"2026-07-28T10:00:00Z","ttlMs":null}
    "#],
    quiet: &[r#"
        client> ask 1 tools/call {"name":"a","_meta":{$META({"extensions":{"io.modelcontextprotocol/tasks":{}}})}}
        server> answer 1 {"resultType":"task","taskId":"t","status":"working","createdAt":"2026-07-28T10:00:00Z","lastUpdatedAt":"2026-07-28T10:00:00Z","ttlMs":null}
    "#],
};

pub(super) static SUPPORT: Rule = Rule {
    id: "task.support",
    about: "A tool was called as a task though it does not allow that, or otherwise though it must be.",
    side: Side::Client,
    severity: Severity::Error,
    revisions: CORE,
    source: "Spec 2025-11-25, basic/utilities/tasks, Tool-Level Negotiation",
    fix: "Look at `execution.taskSupport` of the tool before calling it; without it the tool is no task.",
    fires: &[
        r#"
        hello 2025-11-25 {} {"tools":{},"tasks":{"requests":{"tools":{"call":{}}}}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object"}}]}
        client> ask 2 tools/call {"name":"a","task":{}}
    "#,
        r#"
        hello 2025-11-25 {} {"tools":{},"tasks":{"requests":{"tools":{"call":{}}}}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object"},"execution":{"taskSupport":"required"}}]}
        client> ask 2 tools/call {"name":"a"}
    "#,
    ],
    quiet: &[r#"
        hello 2025-11-25 {} {"tools":{},"tasks":{"requests":{"tools":{"call":{}}}}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object"},"execution":{"taskSupport":"optional"}},{"name":"b","inputSchema":{"type":"object"}}]}
        client> ask 2 tools/call {"name":"a","task":{}}
        client> ask 3 tools/call {"name":"a"}
        client> ask 4 tools/call {"name":"b"}
        client> ask 5 tools/call {"name":"c","task":{}}
    "#],
};

pub(super) static MISSING: Rule = Rule {
    id: "task.missing",
    about: "What is told of a task lacks a member that it must have.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: BOTH,
    source: PAGES,
    fix: "Send the member; in the extension the state of a task that has ended brings its result or its error.",
    fires: &[
        r#"
        hello 2025-11-25 {} {"tools":{},"tasks":{"requests":{"tools":{"call":{}}}}}
        client> ask 1 tools/call {"name":"a","task":{}}
        server> answer 1 {"task":{"taskId":"t","status":"working"}}
    "#,
        r#"
        client> ask 1 tasks/get {"taskId":"t","_meta":{$META({"extensions":{"io.modelcontextprotocol/tasks":{}}})}}
        server> answer 1 {"resultType":"complete","taskId":"t","status":"completed","createdAt":"2026-07-28T10:00:00Z","lastUpdatedAt":"2026-07-28T10:00:00Z","ttlMs":null}
    "#,
    ],
    quiet: &[
        r#"
        client> ask 1 tasks/get {"taskId":"t","_meta":{$META({"extensions":{"io.modelcontextprotocol/tasks":{}}})}}
        server> answer 1 {"resultType":"complete","taskId":"t","status":"completed","createdAt":"2026-07-28T10:00:00Z","lastUpdatedAt":"2026-07-28T10:00:00Z","ttlMs":null,"result":{"content":[]}}
        client> ask 2 tasks/cancel {"taskId":"t","_meta":{$META({"extensions":{"io.modelcontextprotocol/tasks":{}}})}}
        server> answer 2 {"resultType":"complete"}
    "#,
        r#"
        hello 2025-11-25 {} {"tools":{},"tasks":{}}
        client> ask 1 tasks/get {"taskId":"t"}
        server> answer 1 {"taskId":"t","status":"completed","createdAt":"2025-11-25T10:00:00Z","lastUpdatedAt":"2025-11-25T10:00:00Z","ttl":null}
    "#,
    ],
};

pub(super) static WRONG_VALUE: Rule = Rule {
    id: "task.wrong-value",
    about: "A member of a task has a value that it cannot have.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: BOTH,
    source: PAGES,
    fix: "Send one of the five statuses, times as integers that are not negative, and null for a task that is kept for ever.",
    fires: &[
        r#"
        hello 2025-11-25 {} {"tools":{},"tasks":{}}
        client> ask 1 tasks/get {"taskId":"t"}
        server> answer 1 {"taskId":"t","status":"running","createdAt":"2025-11-25T10:00:00Z","lastUpdatedAt":"2025-11-25T10:00:00Z","ttl":null}
    "#,
        r#"
        hello 2025-11-25 {} {"tools":{},"tasks":{}}
        client> ask 1 tasks/get {"taskId":"t"}
        server> answer 1 {"taskId":"t","status":"working","createdAt":"2025-11-25T10:00:00Z","lastUpdatedAt":"2025-11-25T10:00:00Z","ttl":-1}
    "#,
        r#"
        hello 2025-11-25 {} {"tools":{},"tasks":{}}
        client> ask 1 tools/call {"name":"a","task":{"ttl":"1h"}}
    "#,
    ],
    quiet: &[r#"
        hello 2025-11-25 {} {"tools":{},"tasks":{}}
        client> ask 1 tasks/get {"taskId":"t"}
        server> answer 1 {"taskId":"t","status":"input_required","createdAt":"2025-11-25T10:00:00Z","lastUpdatedAt":"2025-11-25T10:00:00Z","ttl":60000,"pollInterval":0}
    "#],
};

pub(super) static FIRST_STATUS: Rule = Rule {
    id: "task.first-status",
    about: "A task did not begin as `working`.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: CORE,
    source: "Spec 2025-11-25, basic/utilities/tasks, Task Status Lifecycle",
    fix: "Create tasks as `working`, however short they are.",
    fires: &[r#"
        hello 2025-11-25 {} {"tools":{},"tasks":{"requests":{"tools":{"call":{}}}}}
        client> ask 1 tools/call {"name":"a","task":{}}
        server> answer 1 {"task":{"taskId":"t","status":"completed","createdAt":"2025-11-25T10:00:00Z","lastUpdatedAt":"2025-11-25T10:00:00Z","ttl":null}}
    "#],
    quiet: &[r#"
        client> ask 1 tools/call {"name":"a","_meta":{$META({"extensions":{"io.modelcontextprotocol/tasks":{}}})}}
        server> answer 1 {"resultType":"task","taskId":"t","status":"input_required","createdAt":"2026-07-28T10:00:00Z","lastUpdatedAt":"2026-07-28T10:00:00Z","ttlMs":null}
    "#],
};

pub(super) static TERMINAL: Rule = Rule {
    id: "task.ended-changed",
    about: "A task that had ended changed its status.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: BOTH,
    source: PAGES,
    fix: "Keep the status of a task that is completed, failed or cancelled.",
    fires: &[r#"
        hello 2025-11-25 {} {"tools":{},"tasks":{}}
        client> ask 1 tasks/get {"taskId":"t"}
        server> answer 1 {"taskId":"t","status":"cancelled","createdAt":"2025-11-25T10:00:00Z","lastUpdatedAt":"2025-11-25T10:00:00Z","ttl":null}
        client> ask 2 tasks/get {"taskId":"t"}
        server> answer 2 {"taskId":"t","status":"completed","createdAt":"2025-11-25T10:00:00Z","lastUpdatedAt":"2025-11-25T10:00:00Z","ttl":null}
    "#],
    quiet: &[
        r#"
        hello 2025-11-25 {} {"tools":{},"tasks":{}}
        client> ask 1 tasks/get {"taskId":"t"}
        server> answer 1 {"taskId":"t","status":"input_required","createdAt":"2025-11-25T10:00:00Z","lastUpdatedAt":"2025-11-25T10:00:00Z","ttl":null}
        client> ask 2 tasks/get {"taskId":"t"}
        server> answer 2 {"taskId":"t","status":"working","createdAt":"2025-11-25T10:00:00Z","lastUpdatedAt":"2025-11-25T10:00:00Z","ttl":null}
        client> ask 3 tasks/get {"taskId":"t"}
        server> answer 3 {"taskId":"t","status":"completed","createdAt":"2025-11-25T10:00:00Z","lastUpdatedAt":"2025-11-25T10:00:00Z","ttl":null}
    "#,
        // The poll was on its way when the end was told.
        r#"
        hello 2025-11-25 {} {"tools":{},"tasks":{}}
        client> ask 1 tasks/get {"taskId":"t"}
        server> tell notifications/tasks/status {"taskId":"t","status":"completed","createdAt":"2025-11-25T10:00:00Z","lastUpdatedAt":"2025-11-25T10:00:00Z","ttl":null}
        server> answer 1 {"taskId":"t","status":"working","createdAt":"2025-11-25T10:00:00Z","lastUpdatedAt":"2025-11-25T10:00:00Z","ttl":null}
    "#,
    ],
};

pub(super) static OTHER_ID: Rule = Rule {
    id: "task.other-id",
    about: "A request about one task was answered with another.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: BOTH,
    source: PAGES,
    fix: "Answer with the task that the request names.",
    fires: &[r#"
        hello 2025-11-25 {} {"tools":{},"tasks":{}}
        client> ask 1 tasks/get {"taskId":"t"}
        server> answer 1 {"taskId":"u","status":"working","createdAt":"2025-11-25T10:00:00Z","lastUpdatedAt":"2025-11-25T10:00:00Z","ttl":null}
    "#],
    quiet: &[r#"
        hello 2025-11-25 {} {"tools":{},"tasks":{}}
        client> ask 1 tasks/get {"taskId":"a/b"}
        server> answer 1 {"taskId":"a\/b","status":"working","createdAt":"2025-11-25T10:00:00Z","lastUpdatedAt":"2025-11-25T10:00:00Z","ttl":null}
    "#],
};

pub(super) static ID_REUSED: Rule = Rule {
    id: "task.id-reused",
    about: "A task was created with the id of another.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: BOTH,
    source: PAGES,
    fix: "Give each task an id of its own that cannot be guessed.",
    fires: &[r#"
        hello 2025-11-25 {} {"tools":{},"tasks":{"requests":{"tools":{"call":{}}}}}
        client> ask 1 tools/call {"name":"a","task":{}}
        server> answer 1 {"task":{"taskId":"t","status":"working","createdAt":"2025-11-25T10:00:00Z","lastUpdatedAt":"2025-11-25T10:00:00Z","ttl":null}}
        client> ask 2 tools/call {"name":"a","task":{}}
        server> answer 2 {"task":{"taskId":"t","status":"working","createdAt":"2025-11-25T10:00:00Z","lastUpdatedAt":"2025-11-25T10:00:00Z","ttl":null}}
    "#],
    quiet: &[r#"
        hello 2025-11-25 {} {"tools":{},"tasks":{"requests":{"tools":{"call":{}}}}}
        client> ask 1 tools/call {"name":"a","task":{}}
        server> answer 1 {"task":{"taskId":"t","status":"working","createdAt":"2025-11-25T10:00:00Z","lastUpdatedAt":"2025-11-25T10:00:00Z","ttl":null}}
        client> ask 2 tools/call {"name":"a","task":{}}
        server> answer 2 {"task":{"taskId":"u","status":"working","createdAt":"2025-11-25T10:00:00Z","lastUpdatedAt":"2025-11-25T10:00:00Z","ttl":null}}
    "#],
};

pub(super) static FAST: Rule = Rule {
    id: "task.fast-poll",
    about: "A task is polled more often than its server asks.",
    side: Side::Client,
    severity: Severity::Warning,
    revisions: BOTH,
    source: PAGES,
    fix: "Wait for the poll interval between polls.",
    fires: &[r#"
        hello 2025-11-25 {} {"tools":{},"tasks":{}}
        client> ask 1 tasks/get {"taskId":"t"}
        server> answer 1 {"taskId":"t","status":"working","createdAt":"2025-11-25T10:00:00Z","lastUpdatedAt":"2025-11-25T10:00:00Z","ttl":null,"pollInterval":5000}
        wait 1s
        client> ask 2 tasks/get {"taskId":"t"}
    "#],
    quiet: &[
        r#"
        hello 2025-11-25 {} {"tools":{},"tasks":{}}
        client> ask 1 tasks/get {"taskId":"t"}
        server> answer 1 {"taskId":"t","status":"working","createdAt":"2025-11-25T10:00:00Z","lastUpdatedAt":"2025-11-25T10:00:00Z","ttl":null,"pollInterval":5000}
        wait 5s
        client> ask 2 tasks/get {"taskId":"t"}
        server> answer 2 {"taskId":"t","status":"working","createdAt":"2025-11-25T10:00:00Z","lastUpdatedAt":"2025-11-25T10:00:00Z","ttl":null}
    "#,
        // The server said itself that there is news.
        r#"
        hello 2025-11-25 {} {"tools":{},"tasks":{}}
        client> ask 1 tasks/get {"taskId":"t"}
        server> answer 1 {"taskId":"t","status":"working","createdAt":"2025-11-25T10:00:00Z","lastUpdatedAt":"2025-11-25T10:00:00Z","ttl":null,"pollInterval":5000}
        server> tell notifications/tasks/status {"taskId":"t","status":"input_required","createdAt":"2025-11-25T10:00:00Z","lastUpdatedAt":"2025-11-25T10:00:00Z","ttl":null}
        client> ask 2 tasks/get {"taskId":"t"}
    "#,
    ],
};

pub(super) static UNRELATED: Rule = Rule {
    id: "task.unrelated",
    about: "The result of a task does not say to which task it belongs.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: CORE,
    source: "Spec 2025-11-25, basic/utilities/tasks, Associating Task-Related Messages",
    fix: "Add `io.modelcontextprotocol/related-task` to `_meta` of the result.",
    fires: &[r#"
        hello 2025-11-25 {} {"tools":{},"tasks":{}}
        client> ask 1 tasks/result {"taskId":"t"}
        server> answer 1 {"content":[]}
    "#],
    quiet: &[r#"
        hello 2025-11-25 {} {"tools":{},"tasks":{}}
        client> ask 1 tasks/result {"taskId":"t"}
        server> answer 1 {"content":[],"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"t"}}}
    "#],
};

pub(super) static IGNORED: Rule = Rule {
    id: "task.ignored",
    about: "A call of 2026-07-28 asks for a task as 2025-11-25 did, which servers ignore.",
    side: Side::Client,
    severity: Severity::Note,
    revisions: Revisions::MODERN,
    source: "Tasks extension 2026-07-28, Backward Compatibility",
    fix: "Declare the extension `io.modelcontextprotocol/tasks`, and let the server decide.",
    fires: &[r#"
        client> ask 1 tools/call {"name":"a","task":{},"_meta":{$META}}
    "#],
    quiet: &[r#"
        hello 2025-11-25 {} {"tools":{},"tasks":{}}
        client> ask 1 tools/call {"name":"a","task":{}}
    "#],
};
