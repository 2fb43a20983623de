//! What is found about time.

use tapgate_wire::Rule;
use tapgate_wire::fault::Severity;
use tapgate_wire::revision::Revisions;
use tapgate_wire::rule::Side;

pub(super) static NO_ANSWER: Rule = Rule {
    id: "timing.no-answer",
    about: "A request got neither an answer nor progress for 30 seconds, or its client left because it got none.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, basic/lifecycle, Timeouts; inspection of traffic",
    fix: "Answer, or report progress when the work takes long.",
    fires: &[
        r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"slow"}
        wait 31s
    "#,
        r#"
        hello 2025-06-18 {"roots":{}} {"tools":{}}
        client> ask 1 tools/call {"name":"slow"}
        server> ask 9 roots/list
        wait 31s
    "#,
        "
        legs client=stdio server=stdio
        server started 7
        client> ask 1 tools/list
        server stderr connecting to the database
        wait 5s
        client end
        server end
        server exited 143
    ",
        r#"
        legs client=stdio server=stdio
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"slow"}
        wait 12s
        client end
    "#,
    ],
    quiet: &[
        r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"slow"}
        wait 29s
        server> answer 1 {"content":[]}
        wait 10s
    "#,
        // A client that leaves at once, or from work that may take its time, has not given up.
        r#"
        legs client=stdio server=stdio
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list
        wait 1s
        client end
    "#,
        r#"
        legs client=stdio server=stdio
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"slow"}
        wait 5s
        client end
    "#,
        // People take their time.
        r#"
        hello 2025-06-18 {"elicitation":{}} {"tools":{}}
        client> ask 1 tools/call {"name":"slow"}
        server> ask 9 elicitation/create {"message":"sure?","requestedSchema":{}}
        wait 90s
    "#,
        r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"slow"}
        lost 100
        wait 31s
    "#,
    ],
};

pub(super) static STALLED: Rule = Rule {
    id: "timing.stalled",
    about: "A request that had reported progress then got nothing for 30 seconds.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, basic/utilities/progress; inspection of traffic",
    fix: "Report progress until the answer is there, or answer with an error.",
    fires: &[r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"slow","_meta":{"progressToken":1}}
        server> tell notifications/progress {"progressToken":1,"progress":1}
        wait 31s
    "#],
    quiet: &[r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"slow","_meta":{"progressToken":1}}
        server> tell notifications/progress {"progressToken":1,"progress":1}
        wait 20s
        server> tell notifications/progress {"progressToken":1,"progress":2}
        wait 20s
        server> answer 1 {"content":[]}
    "#],
};

pub(super) static LATE: Rule = Rule {
    id: "timing.late-answer",
    about: "An answer came a second or more after its asker had cancelled the request.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, basic/utilities/cancellation, Behavior Requirements",
    fix: "Stop work that was cancelled and send nothing more for it; if the asker gave up too early, let it wait longer.",
    fires: &[r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"slow"}
        wait 5s
        client> tell notifications/cancelled {"requestId":1}
        wait 10s
        server> answer 1 {"content":[]}
    "#],
    // Answer and cancellation cross on the way.
    quiet: &[r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"slow"}
        wait 5s
        client> tell notifications/cancelled {"requestId":1}
        wait 100ms
        server> answer 1 {"content":[]}
    "#],
};

pub(super) static SLOW_START: Rule = Rule {
    id: "timing.slow-first-byte",
    about: "The first byte of an answer, progress included, took the server 10 seconds or more.",
    side: Side::Server,
    severity: Severity::Note,
    revisions: Revisions::ALL,
    source: "Inspection of traffic",
    fix: "Report progress early, so that clients and people see that the call is at work.",
    fires: &[r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"slow"}
        wait 12s
        server> answer 1 {"content":[]}
    "#],
    quiet: &[
        r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"slow","_meta":{"progressToken":1}}
        server> tell notifications/progress {"progressToken":1,"progress":1}
        wait 12s
        server> answer 1 {"content":[]}
    "#,
        r#"
        hello 2025-06-18 {"elicitation":{}} {"tools":{}}
        client> ask 1 tools/call {"name":"slow"}
        server> ask 9 elicitation/create {"message":"sure?","requestedSchema":{}}
        wait 20s
        client> answer 9 {"action":"accept","content":{}}
        server> answer 1 {"content":[]}
    "#,
    ],
};
