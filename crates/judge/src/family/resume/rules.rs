//! The rules of event ids and of streams that are resumed.

use tapgate_wire::Rule;
use tapgate_wire::fault::Severity;
use tapgate_wire::revision::{Revision, Revisions};
use tapgate_wire::rule::Side;

pub(in crate::family) const RULES: &[&Rule] =
    &[&EVENT_ID_REUSED, &EVENT_ID_MISSING, &UNKNOWN_EVENT, &RESUME_IN_MODERN];

pub(super) static EVENT_ID_REUSED: Rule = Rule {
    id: "resume.event-id-reused",
    about: "Two events of a session have the same id, so a client that resumes gets the wrong ones.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::NONE.with(Revision::V2025_03_26, Revision::V2025_11_25),
    source: "Spec 2025-11-25, basic/transports, Resumability and Redelivery",
    fix: "Give each event of a session an id of its own, on whichever stream it goes.",
    fires: &[r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | tell notifications/initialized
        server[2] 202 | -
        client[3] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 1 tools/list
        server[3] 200 json | answer 1 {"tools":[]}
        client[4] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 2 tools/call {"name":"a"}
        server[4] 200 sse
        server[4]> (id=1) tell notifications/tools/list_changed
        server[4]> (id=1) answer 2 {}
    "#],
    quiet: &[r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | tell notifications/initialized
        server[2] 202 | -
        client[3] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 1 tools/list
        server[3] 200 json | answer 1 {"tools":[]}
        client[4] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 2 tools/call {"name":"a"}
        server[4] 200 sse
        server[4]> (id=1) tell notifications/tools/list_changed
        server[4]> (id=2) answer 2 {}
    "#],
};

pub(super) static EVENT_ID_MISSING: Rule = Rule {
    id: "resume.event-id-missing",
    about: "Some events of a stream have an id and later ones have none, so they are lost when the stream is resumed.",
    side: Side::Server,
    severity: Severity::Note,
    revisions: Revisions::NONE.with(Revision::V2025_03_26, Revision::V2025_11_25),
    source: "Spec 2025-11-25, basic/transports, Resumability and Redelivery",
    fix: "Give all events of a stream an id, or none.",
    fires: &[r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | tell notifications/initialized
        server[2] 202 | -
        client[3] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 1 tools/list
        server[3] 200 json | answer 1 {"tools":[]}
        client[4] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 2 tools/call {"name":"a"}
        server[4] 200 sse
        server[4]> (id=1) tell notifications/tools/list_changed
        server[4]> (event=message) answer 2 {}
    "#],
    quiet: &[r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | tell notifications/initialized
        server[2] 202 | -
        client[3] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 1 tools/list
        server[3] 200 json | answer 1 {"tools":[]}
        client[4] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 2 tools/call {"name":"a"}
        server[4] 200 sse
        server[4]> (event=message) tell notifications/tools/list_changed
        server[4]> answer 2 {}
    "#],
};

pub(super) static UNKNOWN_EVENT: Rule = Rule {
    id: "resume.unknown-event",
    about: "The client resumes after an event that the server never sent in this session.",
    side: Side::Client,
    severity: Severity::Warning,
    revisions: Revisions::NONE.with(Revision::V2025_03_26, Revision::V2025_11_25),
    source: "Spec 2025-11-25, basic/transports, Resumability and Redelivery",
    fix: "Send the id of the last event of the stream that broke.",
    fires: &[r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | tell notifications/initialized
        server[2] 202 | -
        client[3] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 1 tools/list
        server[3] 200 json | answer 1 {"tools":[]}
        client[4] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 2 tools/call {"name":"a"}
        server[4] 200 sse
        server[4]> (id=1) tell notifications/tools/list_changed
        server[4] cut
        client[5] GET /mcp  accept: text/event-stream; last-event-id: 7; mcp-session-id: s-1
        client[5] end
    "#],
    quiet: &[r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json | ask 0 initialize {"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}
        server[1] 200 json  mcp-session-id: s-1 | answer 0 {"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}
        client[2] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | tell notifications/initialized
        server[2] 202 | -
        client[3] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 1 tools/list
        server[3] 200 json | answer 1 {"tools":[]}
        client[4] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-session-id: s-1 | ask 2 tools/call {"name":"a"}
        server[4] 200 sse
        server[4]> (id=1) tell notifications/tools/list_changed
        server[4] cut
        client[5] GET /mcp  accept: text/event-stream; last-event-id: 1; mcp-session-id: s-1
        client[5] end
    "#],
};

pub(super) static RESUME_IN_MODERN: Rule = Rule {
    id: "resume.in-modern",
    about: "An event id is used in a revision in which no stream can be resumed.",
    side: Side::Server,
    severity: Severity::Note,
    revisions: Revisions::MODERN,
    source: "Spec 2026-07-28, basic/transports/streamable-http, Receiving Messages",
    fix: "Leave event ids out.",
    fires: &[r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-protocol-version: 2026-07-28; mcp-method: tools/list | ask 1 tools/list {"_meta":{$META}}
        server[1] 200 sse
        server[1]> (id=1) answer 1 {"resultType":"complete","tools":[]}
    "#],
    quiet: &[r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-protocol-version: 2026-07-28; mcp-method: tools/list | ask 1 tools/list {"_meta":{$META}}
        server[1] 200 sse
        server[1]> (event=message) answer 1 {"resultType":"complete","tools":[]}
    "#],
};
