//! The rules about answers.

use tapgate_wire::Rule;
use tapgate_wire::fault::Severity;
use tapgate_wire::revision::{Revision, Revisions};
use tapgate_wire::rule::Side;

pub(super) static MISSING: Rule = Rule {
    id: "answer.missing",
    about: "A result lacks a member that its revision requires.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "The schema of the revision: the result of the method",
    fix: "Send the member, empty where there is nothing to say.",
    fires: &[
        r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"a"}
        server> answer 1 {"structuredContent":{}}
    "#,
        r#"
        hello 2025-06-18 {"elicitation":{}} {"tools":{}}
        client> ask 1 tools/call {"name":"a"}
        server> ask 1 elicitation/create {"message":"?","requestedSchema":{"type":"object","properties":{}}}
        client> answer 1 {"content":{}}
    "#,
    ],
    quiet: &[
        r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"a"}
        server> answer 1 {"content":[]}
        client> ask 2 ping
        server> answer 2 {}
        client> ask 3 example/own
        server> answer 3 {}
    "#,
        r#"
        client> ask 1 tools/call {"name":"a","_meta":{$META}}
        server> answer 1 {"resultType":"input_required","requestState":"s"}
    "#,
        r#"
        hello 2025-11-25 {} {"tools":{},"tasks":{"requests":{"tools":{"call":{}}}}}
        client> ask 1 tools/call {"name":"a","task":{}}
        server> answer 1 {"task":{"taskId":"t","status":"working","createdAt":"2025-11-25T10:00:00Z","lastUpdatedAt":"2025-11-25T10:00:00Z","ttl":null}}
    "#,
    ],
};

pub(super) static WRONG_TYPE: Rule = Rule {
    id: "answer.wrong-type",
    about: "A result or one of its members has another type than the schema of its revision gives it.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "The schema of the revision: the result of the method",
    fix: "Send the member with the type of the schema, or leave it out where it may be absent.",
    fires: &[
        r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"a"}
        server> answer 1 {"content":{"type":"text","text":"x"}}
    "#,
        r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"a"}
        server> answer 1 {"content":[],"isError":"false"}
    "#,
        r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"a"}
        server> answer 1 "done"
    "#,
        r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"a"}
        server> answer 1 {"content":["x"]}
    "#,
    ],
    quiet: &[r#"
        hello 2025-06-18 {"sampling":{}} {"tools":{}}
        client> ask 1 tools/call {"name":"a"}
        server> ask 1 sampling/createMessage {"messages":[],"maxTokens":1}
        client> answer 1 {"role":"assistant","model":"m","content":{"type":"text","text":"x"}}
        server> answer 1 {"content":[{"type":"text","text":"x"}],"isError":false}
    "#],
};

pub(super) static UNKNOWN_CONTENT: Rule = Rule {
    id: "answer.unknown-content",
    about: "A block of content has a type that its revision does not know, for which many clients drop the whole result.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "The schema of the revision: ContentBlock; `audio` since 2025-03-26, `resource_link` since 2025-06-18",
    fix: "Send a type that the revision knows, such as text.",
    fires: &[
        r#"
        hello 2025-03-26 {} {"tools":{}}
        client> ask 1 tools/call {"name":"a"}
        server> answer 1 {"content":[{"type":"resource_link","uri":"file:///a","name":"a"}]}
    "#,
        r#"
        hello 2025-06-18 {} {"prompts":{}}
        client> ask 1 prompts/get {"name":"a"}
        server> answer 1 {"messages":[{"role":"user","content":{"type":"video"}}]}
    "#,
    ],
    quiet: &[r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"a"}
        server> answer 1 {"content":[{"type":"resource_link","uri":"file:///a","name":"a"},{"type":"audio","data":"","mimeType":"audio/wav"}]}
    "#],
};

pub(super) static INCOMPLETE: Rule = Rule {
    id: "answer.incomplete-content",
    about: "A block of content or a part of a resource lacks a member that its type requires.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "The schema of the revision: ContentBlock, ResourceContents",
    fix: "Send the member.",
    fires: &[
        r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"a"}
        server> answer 1 {"content":[{"type":"image","data":"AAAA"}]}
    "#,
        r#"
        hello 2025-06-18 {} {"resources":{}}
        client> ask 1 resources/read {"uri":"file:///a"}
        server> answer 1 {"contents":[{"uri":"file:///a"}]}
    "#,
    ],
    quiet: &[r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"a"}
        server> answer 1 {"content":[{"type":"image","data":"AAAA","mimeType":"image/png"},{"type":"resource","resource":{"uri":"file:///a","blob":""}},{"type":"text","text":""}]}
    "#],
};

pub(super) static STRUCTURED: Rule = Rule {
    id: "answer.structured-type",
    about: "The structured result of a tool is no object.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::NONE.with(Revision::V2025_06_18, Revision::V2025_11_25),
    source: "Spec 2025-06-18, server/tools, Structured Content; any value is allowed since 2026-07-28",
    fix: "Put the value into an object.",
    fires: &[r#"
        hello 2025-11-25 {} {"tools":{}}
        client> ask 1 tools/call {"name":"a"}
        server> answer 1 {"content":[],"structuredContent":[1]}
    "#],
    quiet: &[
        r#"
        client> ask 1 tools/call {"name":"a","_meta":{$META}}
        server> answer 1 {"resultType":"complete","content":[],"structuredContent":[1]}
    "#,
        r#"
        hello 2025-11-25 {} {"tools":{}}
        client> ask 1 tools/call {"name":"a"}
        server> answer 1 {"content":[],"structuredContent":{"a":[1]}}
    "#,
    ],
};

pub(super) static TWICE: Rule = Rule {
    id: "answer.twice",
    about: "A large result came twice, as structured content and as the same in text.",
    side: Side::Server,
    severity: Severity::Note,
    revisions: Revisions::since(Revision::V2025_06_18),
    source: "Spec 2025-06-18, server/tools, Structured Content",
    fix: "Keep the result small, or summarise it in the text where clients read the structured content.",
    fires: &[r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"a"}
        server> answer 1 {"content":[{"type":"text","text":"{\"x\": \"$TIMES(20000 x)\"}"}],"structuredContent":{"x":"$TIMES(20000 x)"}}
    "#],
    quiet: &[r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"a"}
        server> answer 1 {"content":[{"type":"text","text":"$TIMES(20000 y)"}],"structuredContent":{"x":"$TIMES(20000 x)"}}
        client> ask 2 tools/call {"name":"a"}
        server> answer 2 {"content":[{"type":"text","text":"{\"x\":1}"}],"structuredContent":{"x":1}}
    "#],
};

pub(super) static MANY_VALUES: Rule = Rule {
    id: "answer.many-values",
    about: "A completion has more than a hundred values.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, server/utilities/completion, Completion Results; schema, CompleteResult",
    fix: "Send the best hundred, with `hasMore`.",
    fires: &[r#"
        hello 2025-06-18 {} {"completions":{}}
        client> ask 1 completion/complete {"ref":{"type":"ref/prompt","name":"a"},"argument":{"name":"x","value":""}}
        server> answer 1 {"completion":{"values":[$TIMES(100 "x",)"x"]}}
    "#],
    quiet: &[r#"
        hello 2025-06-18 {} {"completions":{}}
        client> ask 1 completion/complete {"ref":{"type":"ref/prompt","name":"a"},"argument":{"name":"x","value":""}}
        server> answer 1 {"completion":{"values":[$TIMES(99 "x",)"x"]}}
    "#],
};

pub(super) static NOTHING_READ: Rule = Rule {
    id: "answer.nothing-read",
    about: "A resource was read and nothing came, not even an empty text.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::MODERN,
    source: "Spec 2026-07-28, server/resources, Error Handling",
    fix: "Answer -32602 when there is no such resource.",
    fires: &[r#"
        client> ask 1 resources/read {"uri":"file:///a","_meta":{$META}}
        server> answer 1 {"resultType":"complete","ttlMs":0,"cacheScope":"private","contents":[]}
    "#],
    quiet: &[r#"
        client> ask 1 resources/read {"uri":"file:///a","_meta":{$META}}
        server> answer 1 {"resultType":"complete","ttlMs":0,"cacheScope":"private","contents":[{"uri":"file:///a","text":""}]}
    "#],
};

pub(super) static ERROR: Rule = Rule {
    id: "answer.error-shape",
    about: "An error is not an object with an integer code and a message.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "JSON-RPC 2.0, section 5.1; the schema of every revision, JSONRPCError",
    fix: "Send `code` as an integer and `message` as a string.",
    fires: &[
        r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"a"}
        server> {"jsonrpc":"2.0","id":1,"error":"broken"}
    "#,
        r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"a"}
        server> {"jsonrpc":"2.0","id":1,"error":{"code":"E1","message":"broken"}}
    "#,
        r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"a"}
        server> {"jsonrpc":"2.0","id":1,"error":{"code":-32603}}
    "#,
    ],
    quiet: &[
        r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/call {"name":"a"}
        server> fail 1 -32603 broken
    "#,
        r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: tools/list | ask 1 tools/list {"_meta":{$META}}
        server[1] 401 json  www-authenticate: Bearer realm="a" | {"error":"invalid_token"}
    "#,
    ],
};

pub(super) static CODE: Rule = Rule {
    id: "answer.reserved-code",
    about: "An error has a code that JSON-RPC keeps for itself and gives no meaning.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::ALL,
    source: "JSON-RPC 2.0, section 5.1",
    fix: "Choose a code outside of -32768 to -32000.",
    fires: &[
        r#"
        hello 2025-06-18 {} {"prompts":{}}
        client> ask 1 prompts/get {"name":"a"}
        server> fail 1 -32500 broken
    "#,
        r#"
        client> ask 1 prompts/get {"name":"a","_meta":{$META}}
        server> fail 1 -32768 broken
    "#,
    ],
    quiet: &[
        r#"
        client> ask 1 prompts/get {"name":"a","_meta":{$META}}
        server> fail 1 -32603 broken
    "#,
        r#"
        hello 2025-06-18 {} {"prompts":{}}
        client> ask 1 prompts/get {"name":"a"}
        server> fail 1 -32050 broken
        client> ask 2 prompts/get {"name":"a"}
        server> fail 2 42 broken
    "#,
    ],
};

pub(super) static FAILURE: Rule = Rule {
    id: "answer.tool-failure",
    about: "The call of a tool that is there was answered with an error of the protocol, which models do not see.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::ALL,
    source: "The schema of every revision, CallToolResult, isError; spec 2025-11-25, server/tools, Error Handling",
    fix: "Answer with a result that has `isError` and says in its content what went wrong, if the tool itself failed.",
    fires: &[r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object"}}]}
        client> ask 2 tools/call {"name":"a"}
        server> fail 2 -32603 file not found
    "#],
    quiet: &[
        r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-session-id: s; mcp-protocol-version: 2025-06-18 | ask 1 tools/list
        server[1] 200 json | answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object"}}]}
        client[2] POST /mcp  mcp-session-id: s; mcp-protocol-version: 2025-06-18 | ask 2 tools/call {"name":"a"}
        server[2] 400 json | fail 2 -32000 another session
    "#,
        r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object"}}]}
        client> ask 2 tools/call {"name":"a"}
        server> answer 2 {"isError":true,"content":[{"type":"text","text":"file not found"}]}
        client> ask 3 tools/call {"name":"b"}
        server> fail 3 -32603 no such tool
    "#,
        r#"
        client> ask 1 tools/list {"_meta":{$META}}
        server> answer 1 {"resultType":"complete","ttlMs":0,"cacheScope":"private","tools":[{"name":"a","inputSchema":{"type":"object"}}]}
        client> ask 2 tools/call {"name":"a","_meta":{$META}}
        server> fail 2 -32021 roots are needed
    "#,
    ],
};

pub(super) static INVALID: Rule = Rule {
    id: "answer.invalid-arguments",
    about: "The call of a tool that is there was answered with -32602, so the model cannot see what is wrong with its arguments.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::since(Revision::V2025_11_25),
    source: "Spec 2025-11-25, server/tools, Error Handling",
    fix: "Answer with a result that has `isError` and says in its content which argument is wrong.",
    fires: &[r#"
        hello 2025-11-25 {} {"tools":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","required":["x"]}}]}
        client> ask 2 tools/call {"name":"a","arguments":{}}
        server> fail 2 -32602 x is required
    "#],
    quiet: &[
        r#"
        hello 2025-11-25 {} {"tools":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object"}}]}
        client> ask 2 tools/call {"name":"b","arguments":{}}
        server> fail 2 -32602 Unknown tool: b
        client> ask 3 tools/call {"name":"a","arguments":[]}
        server> fail 3 -32602 arguments must be an object
    "#,
        r#"
        hello 2025-06-18 {} {"tools":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object","required":["x"]}}]}
        client> ask 2 tools/call {"name":"a","arguments":{}}
        server> fail 2 -32602 x is required
    "#,
    ],
};
