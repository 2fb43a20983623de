//! The rules of the server's process.

use tapgate_wire::Rule;
use tapgate_wire::fault::Severity;
use tapgate_wire::revision::Revisions;
use tapgate_wire::rule::Side;

pub(in crate::family) const RULES: &[&Rule] =
    &[&START_FAILED, &EXITED_BUSY, &EXITED, &SIGNAL, &BROKEN_LINE, &LINGERS];

pub(super) static START_FAILED: Rule = Rule {
    id: "process.start-failed",
    about: "The server's process ended before it said anything.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, basic/lifecycle, Shutdown; basic/transports, stdio",
    fix: "Run the command by hand and read its standard error.",
    fires: &[
        "
        legs client=stdio server=stdio
        server started 7
        server stderr Error: Cannot find module
        server end
        server exited 1
    ",
        "
        legs client=stdio server=stdio
        server started 7
        server exited 127
    ",
    ],
    quiet: &[
        "
        legs client=stdio server=stdio
        server started 7
        hello 2025-06-18
        client end
        server end
        server exited 0
    ",
        "
        legs client=stdio server=stdio
        server started 7
        client end
        server end
        server exited 0
    ",
    ],
};

pub(super) static EXITED_BUSY: Rule = Rule {
    id: "process.exited-busy",
    about: "The server's process ended while requests were open, so they get no answer.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, basic/lifecycle, Shutdown; basic/transports, stdio",
    fix: "Read what the server said on standard error before its end.",
    fires: &[
        r#"
        legs client=stdio server=stdio
        server started 7
        hello 2025-06-18
        client> ask 1 tools/call {"name":"a"}
        server stderr Traceback: boom
        server end
        server exited 1
    "#,
        r#"
        legs client=stdio server=stdio
        server started 7
        hello 2025-06-18
        client> ask 1 tools/call {"name":"a"}
        server exited 0
    "#,
        // The client leaves because the server did.
        r#"
        legs client=stdio server=stdio
        server started 7
        hello 2025-06-18
        client> ask 1 tools/call {"name":"a"}
        server end
        client end
        server exited 1
    "#,
    ],
    quiet: &[
        r#"
        legs client=stdio server=stdio
        server started 7
        hello 2025-06-18
        client> ask 1 tools/call {"name":"a"}
        server> answer 1 {}
        server exited 0
    "#,
        r#"
        legs client=stdio server=stdio
        server started 7
        hello 2025-06-18
        client> ask 1 tools/call {"name":"a"}
        client end
        server end
        server exited 0
    "#,
    ],
};

pub(super) static EXITED: Rule = Rule {
    id: "process.exited",
    about: "The server's process ended by itself, with an error.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, basic/lifecycle, Shutdown; basic/transports, stdio",
    fix: "Read what the server said on standard error before its end.",
    fires: &["
        legs client=stdio server=stdio
        server started 7
        hello 2025-06-18
        server end
        server exited 3
    "],
    quiet: &[
        "
        legs client=stdio server=stdio
        server started 7
        hello 2025-06-18
        client end
        server end
        server exited 3
    ",
        "
        legs client=stdio server=stdio
        server started 7
        hello 2025-06-18
        server end
        server exited 0
    ",
    ],
};

pub(super) static SIGNAL: Rule = Rule {
    id: "process.killed",
    about: "The server's process was killed by a signal that nobody sends on purpose, or while requests were open.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, basic/lifecycle, Shutdown; basic/transports, stdio",
    fix: "Look for a crash, a bound on memory, or a person that ended the process.",
    fires: &[
        "
        legs client=stdio server=stdio
        server started 7
        hello 2025-06-18
        server end
        server exited 139
    ",
        r#"
        legs client=stdio server=stdio
        server started 7
        hello 2025-06-18
        client> ask 1 tools/call {"name":"a"}
        server end
        server exited 137
    "#,
    ],
    quiet: &[
        "
        legs client=stdio server=stdio
        server started 7
        hello 2025-06-18
        client end
        server end
        server exited 143
    ",
        "
        legs client=stdio server=stdio
        server started 7
        hello 2025-06-18
        server end
        server exited 143
    ",
    ],
};

pub(super) static BROKEN_LINE: Rule = Rule {
    id: "process.broken-line",
    about: "The server's process ended over a line that is no message.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "JSON-RPC 2.0, section 5.1 (-32700)",
    fix: "Answer -32700, or skip the line, and go on reading.",
    fires: &[r#"
        legs client=stdio server=stdio
        server started 7
        hello 2025-06-18
        client> {"jsonrpc":"2.0","id":
        client> ask 1 ping
        server stderr json.decoder.JSONDecodeError: Expecting value
        server end
        server exited 1
    "#],
    quiet: &[r#"
        legs client=stdio server=stdio
        server started 7
        hello 2025-06-18
        client> {"jsonrpc":"2.0","id":
        client> ask 1 ping
        server> answer 1 {}
        client> ask 2 ping
        server end
        server exited 1
    "#],
};

pub(super) static LINGERS: Rule = Rule {
    id: "process.lingers",
    about: "The server goes on after the end of its input and has to be ended by a signal, so it outlives clients that do not do that.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "Spec 2026-07-28, basic/transports/stdio, Shutdown; 2025-11-25, basic/lifecycle, Shutdown",
    fix: "End the process when its standard input ends.",
    fires: &["
        legs client=stdio server=stdio
        server started 7
        hello 2025-06-18
        client end
        wait 3s
        server end
        server exited 143
    "],
    quiet: &[
        "
        legs client=stdio server=stdio
        server started 7
        hello 2025-06-18
        client end
        server end
        server exited 143
    ",
        "
        legs client=stdio server=stdio
        server started 7
        hello 2025-06-18
        client end
        wait 3s
        server end
        server exited 0
    ",
    ],
};
