//! The rules about calls that take several rounds.

use tapgate_wire::Rule;
use tapgate_wire::fault::Severity;
use tapgate_wire::revision::Revisions;
use tapgate_wire::rule::Side;

pub(super) static NO_TYPE: Rule = Rule {
    id: "rounds.no-result-type",
    about: "A result of 2026-07-28 does not say what kind of result it is.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::MODERN,
    source: "Spec 2026-07-28, basic/index, Responses; schema, Result",
    fix: "Add `\"resultType\":\"complete\"` to the result.",
    fires: &[r#"
        client> ask 1 tools/call {"name":"a","_meta":{$META}}
        server> answer 1 {"content":[]}
    "#],
    quiet: &[
        r#"
        client> ask 1 tools/call {"name":"a","_meta":{$META}}
        server> answer 1 {"resultType":"complete","content":[]}
    "#,
        r#"
        hello 2025-11-25 {} {"tools":{}}
        client> ask 1 tools/call {"name":"a"}
        server> answer 1 {"content":[]}
    "#,
    ],
};

pub(super) static WRONG_TYPE: Rule = Rule {
    id: "rounds.result-type",
    about: "The resultType of a result is none that the client can know, so it must take the result for invalid.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::MODERN,
    source: "Spec 2026-07-28, basic/index, Responses",
    fix: "Send `complete`, `input_required`, or what an extension defines that the client declared.",
    fires: &[r#"
        client> ask 1 tools/call {"name":"a","_meta":{$META}}
        server> answer 1 {"resultType":"done","content":[]}
    "#],
    quiet: &[r#"
        client> ask 1 tools/call {"name":"a","_meta":{$META({"extensions":{"com.example/x":{}}})}}
        server> answer 1 {"resultType":"com.example/x","content":[]}
    "#],
};

pub(super) static WRONG_METHOD: Rule = Rule {
    id: "rounds.wrong-method",
    about: "A request of a method that cannot ask for input was answered with `input_required`.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::MODERN,
    source: "Spec 2026-07-28, basic/patterns/mrtr, Supported Requests",
    fix: "Ask for input only in answers to tools/call, prompts/get and resources/read.",
    fires: &[r#"
        client> ask 1 tools/list {"_meta":{$META}}
        server> answer 1 {"resultType":"input_required","requestState":"s"}
    "#],
    quiet: &[r#"
        client> ask 1 resources/read {"uri":"file:///a","_meta":{$META}}
        server> answer 1 {"resultType":"input_required","requestState":"s"}
    "#],
};

pub(super) static EMPTY: Rule = Rule {
    id: "rounds.empty",
    about: "A result asks for input and holds neither inputs nor a state.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::MODERN,
    source: "Spec 2026-07-28, basic/patterns/mrtr; schema, InputRequiredResult",
    fix: "Put `inputRequests` or `requestState` into the result.",
    fires: &[r#"
        client> ask 1 tools/call {"name":"a","_meta":{$META}}
        server> answer 1 {"resultType":"input_required"}
    "#],
    quiet: &[r#"
        client> ask 1 tools/call {"name":"a","_meta":{$META({"roots":{}})}}
        server> answer 1 {"resultType":"input_required","inputRequests":{"k":{"method":"roots/list"}}}
    "#],
};

pub(super) static ILLEGAL: Rule = Rule {
    id: "rounds.illegal-input",
    about: "A result asks for something that is no input.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::MODERN,
    source: "Spec 2026-07-28, basic/patterns/mrtr; schema, InputRequest",
    fix: "Ask for elicitation/create, sampling/createMessage or roots/list alone.",
    fires: &[r#"
        client> ask 1 tools/call {"name":"a","_meta":{$META}}
        server> answer 1 {"resultType":"input_required","inputRequests":{"k":{"method":"ping"}}}
    "#],
    quiet: &[r#"
        client> ask 1 tools/call {"name":"a","_meta":{$META({"elicitation":{}})}}
        server> answer 1 {"resultType":"input_required","inputRequests":{"k":{"method":"elicitation/create","params":{"message":"?","requestedSchema":{"type":"object","properties":{}}}}}}
    "#],
};

pub(super) static UNDECLARED: Rule = Rule {
    id: "rounds.undeclared",
    about: "A result asks for input that the client did not declare for this request.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::MODERN,
    source: "Spec 2026-07-28, basic/patterns/mrtr; basic/index, Capabilities",
    fix: "Answer -32021 with the capability that is needed.",
    fires: &[
        r#"
        client> ask 1 tools/call {"name":"a","_meta":{$META}}
        server> answer 1 {"resultType":"input_required","inputRequests":{"k":{"method":"roots/list"}}}
    "#,
        r#"
        client> ask 1 tools/call {"name":"a","_meta":{$META({"elicitation":{}})}}
        server> answer 1 {"resultType":"input_required","inputRequests":{"k":{"method":"elicitation/create","params":{"mode":"url","message":"?","url":"https://a.example/"}}}}
    "#,
    ],
    quiet: &[
        r#"
        client> ask 1 tools/call {"name":"a","_meta":{$META({"elicitation":{"url":{}},"sampling":{"tools":{}}})}}
        server> answer 1 {"resultType":"input_required","inputRequests":{"k":{"method":"elicitation/create","params":{"mode":"url","message":"?","url":"https://a.example/"}},"l":{"method":"sampling/createMessage","params":{"messages":[],"maxTokens":1,"tools":[]}}}}
    "#,
        // What a request without `_meta` declares is not known.
        r#"
        client> ask 1 server/discover {"_meta":{$META}}
        client> ask 2 tools/call {"name":"a"}
        server> answer 2 {"resultType":"input_required","inputRequests":{"k":{"method":"roots/list"}}}
    "#,
    ],
};

pub(super) static STATE_MISSING: Rule = Rule {
    id: "rounds.state-missing",
    about: "A retry lacks the requestState that the server gave with its question.",
    side: Side::Client,
    severity: Severity::Error,
    revisions: Revisions::MODERN,
    source: "Spec 2026-07-28, basic/patterns/mrtr, Client Requirements",
    fix: "Send the requestState back exactly as it came.",
    fires: &[r#"
        client> ask 1 tools/call {"name":"a","_meta":{$META({"roots":{}})}}
        server> answer 1 {"resultType":"input_required","requestState":"s","inputRequests":{"k":{"method":"roots/list"}}}
        client> ask 2 tools/call {"name":"a","inputResponses":{"k":{"roots":[]}},"_meta":{$META({"roots":{}})}}
    "#],
    quiet: &[r#"
        client> ask 1 tools/call {"name":"a","_meta":{$META({"roots":{}})}}
        server> answer 1 {"resultType":"input_required","requestState":"s","inputRequests":{"k":{"method":"roots/list"}}}
        client> ask 2 tools/call {"name":"a","inputResponses":{"k":{"roots":[]}},"requestState":"s","_meta":{$META({"roots":{}})}}
    "#],
};

pub(super) static STATE_CHANGED: Rule = Rule {
    id: "rounds.state-changed",
    about: "A retry brings another requestState than the server gave.",
    side: Side::Client,
    severity: Severity::Error,
    revisions: Revisions::MODERN,
    source: "Spec 2026-07-28, basic/patterns/mrtr, Client Requirements",
    fix: "Send the requestState back exactly as it came, and none where none came.",
    fires: &[
        r#"
        client> ask 1 tools/call {"name":"a","_meta":{$META}}
        server> answer 1 {"resultType":"input_required","requestState":"s1"}
        client> ask 2 tools/call {"name":"a","requestState":"s2","_meta":{$META}}
    "#,
        r#"
        client> ask 1 tools/call {"name":"a","_meta":{$META({"roots":{}})}}
        server> answer 1 {"resultType":"input_required","inputRequests":{"k":{"method":"roots/list"}}}
        client> ask 2 tools/call {"name":"a","requestState":"s","inputResponses":{"k":{"roots":[]}},"_meta":{$META({"roots":{}})}}
    "#,
    ],
    quiet: &[
        r#"
        client> ask 1 tools/call {"name":"a","_meta":{$META}}
        server> answer 1 {"resultType":"input_required","requestState":"s1"}
        client> ask 2 tools/call {"name":"a","requestState":"s1","_meta":{$META}}
    "#,
        // Either of two calls could be meant.
        r#"
        client> ask 1 tools/call {"name":"a","_meta":{$META}}
        server> answer 1 {"resultType":"input_required","requestState":"s1"}
        client> ask 2 tools/call {"name":"a","_meta":{$META}}
        server> answer 2 {"resultType":"input_required","requestState":"s2"}
        client> ask 3 tools/call {"name":"a","requestState":"s3","_meta":{$META}}
    "#,
    ],
};

pub(super) static UNASKED: Rule = Rule {
    id: "rounds.unasked",
    about: "A retry brings an input that the server did not ask for and so ignores.",
    side: Side::Client,
    severity: Severity::Warning,
    revisions: Revisions::MODERN,
    source: "Spec 2026-07-28, basic/patterns/mrtr, Server Requirements",
    fix: "Answer each input under the name under which it was asked for.",
    fires: &[r#"
        client> ask 1 tools/call {"name":"a","_meta":{$META({"roots":{}})}}
        server> answer 1 {"resultType":"input_required","inputRequests":{"k":{"method":"roots/list"}}}
        client> ask 2 tools/call {"name":"a","inputResponses":{"k":{"roots":[]},"l":{"roots":[]}},"_meta":{$META({"roots":{}})}}
    "#],
    quiet: &[r#"
        client> ask 1 tools/call {"name":"a","_meta":{$META({"roots":{}})}}
        server> answer 1 {"resultType":"input_required","inputRequests":{"k\u00e9":{"method":"roots/list"}}}
        client> ask 2 tools/call {"name":"a","inputResponses":{"ké":{"roots":[]}},"_meta":{$META({"roots":{}})}}
    "#],
};

pub(super) static UNANSWERED: Rule = Rule {
    id: "rounds.unanswered",
    about: "A retry lacks an input that the server asked for.",
    side: Side::Client,
    severity: Severity::Error,
    revisions: Revisions::MODERN,
    source: "Spec 2026-07-28, basic/patterns/mrtr, Client Requirements",
    fix: "Retry when every input is at hand, or not at all.",
    fires: &[r#"
        client> ask 1 tools/call {"name":"a","_meta":{$META({"roots":{}})}}
        server> answer 1 {"resultType":"input_required","inputRequests":{"k":{"method":"roots/list"},"l":{"method":"roots/list"}}}
        client> ask 2 tools/call {"name":"a","inputResponses":{"k":{"roots":[]}},"_meta":{$META({"roots":{}})}}
    "#],
    quiet: &[r#"
        client> ask 1 tools/call {"name":"a","_meta":{$META({"roots":{}})}}
        server> answer 1 {"resultType":"input_required","inputRequests":{"k":{"method":"roots/list"},"l":{"method":"roots/list"}}}
        client> ask 2 tools/call {"name":"a","inputResponses":{"l":{"roots":[]},"k":{"roots":[]}},"_meta":{$META({"roots":{}})}}
    "#],
};

pub(super) static PARAMS: Rule = Rule {
    id: "rounds.other-params",
    about: "A retry has another target or other arguments than the request that it continues.",
    side: Side::Client,
    severity: Severity::Error,
    revisions: Revisions::MODERN,
    source: "Spec 2026-07-28, basic/patterns/mrtr, Client Requirements",
    fix: "Repeat the request as it was, with the inputs and the state added.",
    fires: &[
        r#"
        client> ask 1 tools/call {"name":"a","arguments":{"x":1},"_meta":{$META}}
        server> answer 1 {"resultType":"input_required","requestState":"s"}
        client> ask 2 tools/call {"name":"a","arguments":{"x":2},"requestState":"s","_meta":{$META}}
    "#,
        r#"
        legs client=stdio server=stdio
        client> ask 1 tools/call {"name":"a","arguments":{"x":1},"_meta":{$META({"roots":{}})}}
        server> answer 1 {"resultType":"input_required","inputRequests":{"k":{"method":"roots/list"}}}
        client> ask 2 tools/call {"name":"a","arguments":{"x":2},"inputResponses":{"k":{"roots":[]}},"_meta":{$META({"roots":{}})}}
    "#,
    ],
    quiet: &[r#"
        client> ask 1 tools/call {"name":"a","arguments":{"x":1,"y":2},"_meta":{$META}}
        server> answer 1 {"resultType":"input_required","requestState":"s"}
        client> ask 2 tools/call {"name":"a","arguments":{ "y":2, "x":1 },"requestState":"s","_meta":{$META}}
    "#],
};

pub(super) static ID_REUSED: Rule = Rule {
    id: "rounds.id-reused",
    about: "A retry has the id of the request that it continues.",
    side: Side::Client,
    severity: Severity::Error,
    revisions: Revisions::MODERN,
    source: "Spec 2026-07-28, basic/patterns/mrtr, Client Requirements",
    fix: "Give the retry an id of its own.",
    fires: &[r#"
        client> ask 1 tools/call {"name":"a","_meta":{$META}}
        server> answer 1 {"resultType":"input_required","requestState":"s"}
        client> ask 1 tools/call {"name":"a","requestState":"s","_meta":{$META}}
    "#],
    quiet: &[r#"
        client> ask 1 tools/call {"name":"a","_meta":{$META}}
        server> answer 1 {"resultType":"input_required","requestState":"s"}
        client> ask "1" tools/call {"name":"a","requestState":"s","_meta":{$META}}
    "#],
};

pub(super) static NEVER: Rule = Rule {
    id: "rounds.never-retried",
    about: "A call was answered by a question, and the client never came back with the input.",
    side: Side::Client,
    severity: Severity::Note,
    revisions: Revisions::MODERN,
    source: "Spec 2026-07-28, basic/patterns/mrtr",
    fix: "Check whether the person declined, or the client does not know how to go on.",
    fires: &[r#"
        client> ask 1 tools/call {"name":"a","_meta":{$META}}
        server> answer 1 {"resultType":"input_required","requestState":"s"}
        wait 5s
        end
    "#],
    quiet: &[r#"
        client> ask 1 tools/call {"name":"a","_meta":{$META}}
        server> answer 1 {"resultType":"input_required","requestState":"s"}
        client> ask 2 tools/call {"name":"a","requestState":"s","_meta":{$META}}
        server> answer 2 {"resultType":"complete","content":[]}
        end
    "#],
};

pub(super) static MANY: Rule = Rule {
    id: "rounds.many",
    about: "A call was answered by a question more than eight times.",
    side: Side::Server,
    severity: Severity::Note,
    revisions: Revisions::MODERN,
    source: "Spec 2026-07-28, basic/patterns/mrtr, and client/sampling, Security Considerations",
    fix: "Ask for all that is needed at once, and let clients limit the rounds.",
    fires: &[r#"
        client> ask 1 tools/call {"name":"a","_meta":{$META}}
        server> answer 1 {"resultType":"input_required","requestState":"1"}
        client> ask 2 tools/call {"name":"a","requestState":"1","_meta":{$META}}
        server> answer 2 {"resultType":"input_required","requestState":"2"}
        client> ask 3 tools/call {"name":"a","requestState":"2","_meta":{$META}}
        server> answer 3 {"resultType":"input_required","requestState":"3"}
        client> ask 4 tools/call {"name":"a","requestState":"3","_meta":{$META}}
        server> answer 4 {"resultType":"input_required","requestState":"4"}
        client> ask 5 tools/call {"name":"a","requestState":"4","_meta":{$META}}
        server> answer 5 {"resultType":"input_required","requestState":"5"}
        client> ask 6 tools/call {"name":"a","requestState":"5","_meta":{$META}}
        server> answer 6 {"resultType":"input_required","requestState":"6"}
        client> ask 7 tools/call {"name":"a","requestState":"6","_meta":{$META}}
        server> answer 7 {"resultType":"input_required","requestState":"7"}
        client> ask 8 tools/call {"name":"a","requestState":"7","_meta":{$META}}
        server> answer 8 {"resultType":"input_required","requestState":"8"}
        client> ask 9 tools/call {"name":"a","requestState":"8","_meta":{$META}}
        server> answer 9 {"resultType":"input_required","requestState":"9"}
    "#],
    quiet: &[r#"
        client> ask 1 tools/call {"name":"a","_meta":{$META}}
        server> answer 1 {"resultType":"input_required","requestState":"1"}
        client> ask 2 tools/call {"name":"a","requestState":"1","_meta":{$META}}
        server> answer 2 {"resultType":"input_required","requestState":"2"}
    "#],
};
