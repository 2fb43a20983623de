//! Nothing is found where nothing is wrong: whole sessions as good peers have them.

use tapgate_engine::Fact;

use super::play::facts;

/// What is found in a session, by the judge and by tracking.
fn odd(text: &str) -> Vec<String> {
    let mut odd = Vec::new();
    for fact in facts(text) {
        match fact {
            Fact::Finding(finding) => odd.push(format!("{finding:?}")),
            Fact::Exchange(exchange) => odd.extend(exchange.findings.iter().map(ToString::to_string)),
            Fact::Message(message) => odd.extend(message.findings.iter().map(ToString::to_string)),
            _ => {}
        }
    }
    odd
}

fn assert_clean(text: &str) {
    let mut odd = odd(text);
    // A name that is no ASCII is what the coding of headers is for, and names should be ASCII all the same.
    odd.retain(|odd| !odd.contains("schema.name"));
    assert!(odd.is_empty(), "{text}\n{odd:#?}");
}

#[test]
fn a_legacy_session_on_pipes_is_clean() {
    assert_clean(
        r#"
        hello 2025-06-18 {"elicitation":{}} {"tools":{"listChanged":true},"resources":{"subscribe":true},"prompts":{},"completions":{},"logging":{}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object"}}],"nextCursor":"2"}
        client> ask 2 tools/list {"cursor":"2"}
        server> answer 2 {"tools":[{"name":"b","inputSchema":{"type":"object"}}]}
        client> ask 3 tools/call {"name":"a","arguments":{"x":1},"_meta":{"progressToken":"p"}}
        server> tell notifications/progress {"progressToken":"p","progress":0.5,"total":1,"message":"half"}
        server> ask "e" elicitation/create {"message":"?","requestedSchema":{"type":"object","properties":{}}}
        client> answer "e" {"action":"accept","content":{}}
        server> tell notifications/progress {"progressToken":"p","progress":1,"total":1}
        server> answer 3 {"content":[{"type":"text","text":"{}"},{"type":"resource_link","uri":"file:///a","name":"a"}],"structuredContent":{}}
        client> ask 4 logging/setLevel {"level":"info"}
        server> answer 4 {}
        server> tell notifications/message {"level":"info","data":{"any":1}}
        server> tell notifications/tools/list_changed
        client> ask 5 tools/list
        server> answer 5 {"tools":[{"name":"b","inputSchema":{"type":"object"}}]}
        client> ask 6 resources/subscribe {"uri":"file:///a"}
        server> answer 6 {}
        server> tell notifications/resources/updated {"uri":"file:///a"}
        client> ask 7 resources/read {"uri":"file:///a"}
        server> answer 7 {"contents":[{"uri":"file:///a","mimeType":"text/plain","text":"x"}]}
        client> ask 8 prompts/get {"name":"p","arguments":{"x":"1"}}
        server> answer 8 {"messages":[{"role":"user","content":{"type":"text","text":"x"}}]}
        client> ask 9 completion/complete {"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"x","value":"1"}}
        server> answer 9 {"completion":{"values":["1"],"total":1,"hasMore":false}}
        client> ask 10 tools/call {"name":"b"}
        client> tell notifications/cancelled {"requestId":10,"reason":"enough"}
        client> ask 11 ping
        server> answer 11 {}
        end
    "#,
    );
}

#[test]
fn a_session_with_tasks_is_clean() {
    assert_clean(
        r#"
        hello 2025-11-25 {} {"tools":{},"tasks":{"list":{},"cancel":{},"requests":{"tools":{"call":{}}}}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object"},"execution":{"taskSupport":"required"}}]}
        client> ask 2 tools/call {"name":"a","task":{"ttl":60000}}
        server> answer 2 {"task":{"taskId":"t","status":"working","createdAt":"2025-11-25T10:00:00Z","lastUpdatedAt":"2025-11-25T10:00:00Z","ttl":60000,"pollInterval":1000}}
        wait 1s
        client> ask 3 tasks/get {"taskId":"t"}
        server> answer 3 {"taskId":"t","status":"working","createdAt":"2025-11-25T10:00:00Z","lastUpdatedAt":"2025-11-25T10:00:01Z","ttl":60000,"pollInterval":1000}
        client> ask 4 tasks/result {"taskId":"t"}
        server> tell notifications/tasks/status {"taskId":"t","status":"completed","createdAt":"2025-11-25T10:00:00Z","lastUpdatedAt":"2025-11-25T10:00:02Z","ttl":60000}
        server> answer 4 {"content":[],"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"t"}}}
        end
    "#,
    );
}

#[test]
fn a_modern_session_on_pipes_is_clean() {
    assert_clean(
        r#"
        client> ask 0 server/discover {"_meta":{$META({"elicitation":{},"extensions":{"io.modelcontextprotocol/tasks":{}}})}}
        server> answer 0 {"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true},"extensions":{"io.modelcontextprotocol/tasks":{}}},"ttlMs":1000,"cacheScope":"public"}
        client> ask 1 subscriptions/listen {"notifications":{"toolsListChanged":true},"_meta":{$META({"elicitation":{},"extensions":{"io.modelcontextprotocol/tasks":{}}})}}
        server> tell notifications/subscriptions/acknowledged {"notifications":{"toolsListChanged":true},"_meta":{"io.modelcontextprotocol/subscriptionId":1}}
        client> ask 2 tools/list {"_meta":{$META({"elicitation":{},"extensions":{"io.modelcontextprotocol/tasks":{}}})}}
        server> answer 2 {"resultType":"complete","tools":[{"name":"a","inputSchema":{"type":"object"}}],"ttlMs":60000,"cacheScope":"private"}
        server> tell notifications/tools/list_changed {"_meta":{"io.modelcontextprotocol/subscriptionId":1}}
        client> ask 3 tools/list {"_meta":{$META({"elicitation":{},"extensions":{"io.modelcontextprotocol/tasks":{}}})}}
        server> answer 3 {"resultType":"complete","tools":[{"name":"a","inputSchema":{"type":"object"}}],"ttlMs":60000,"cacheScope":"private"}
        client> ask 4 tools/call {"name":"a","arguments":{},"_meta":{$META({"elicitation":{},"extensions":{"io.modelcontextprotocol/tasks":{}}})}}
        server> answer 4 {"resultType":"input_required","requestState":"s","inputRequests":{"k":{"method":"elicitation/create","params":{"message":"?","requestedSchema":{"type":"object","properties":{}}}}}}
        client> ask 5 tools/call {"name":"a","arguments":{},"requestState":"s","inputResponses":{"k":{"action":"accept","content":{}}},"_meta":{$META({"elicitation":{},"extensions":{"io.modelcontextprotocol/tasks":{}}})}}
        server> answer 5 {"resultType":"complete","content":[],"structuredContent":7}
        client> ask 6 tools/call {"name":"a","_meta":{$META({"elicitation":{},"extensions":{"io.modelcontextprotocol/tasks":{}}})}}
        server> answer 6 {"resultType":"task","taskId":"t","status":"working","createdAt":"2026-07-28T10:00:00Z","lastUpdatedAt":"2026-07-28T10:00:00Z","ttlMs":null,"pollIntervalMs":1000}
        wait 1s
        client> ask 7 tasks/get {"taskId":"t","_meta":{$META({"elicitation":{},"extensions":{"io.modelcontextprotocol/tasks":{}}})}}
        server> answer 7 {"resultType":"complete","taskId":"t","status":"completed","createdAt":"2026-07-28T10:00:00Z","lastUpdatedAt":"2026-07-28T10:00:01Z","ttlMs":null,"result":{"content":[]}}
        server> answer 1 {"resultType":"complete","_meta":{"io.modelcontextprotocol/subscriptionId":1}}
        end
    "#,
    );
}

#[test]
fn a_modern_session_over_http_is_clean() {
    assert_clean(
        r#"
        legs client=http server=http
        client[1] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-protocol-version: 2026-07-28; mcp-method: tools/list | ask 1 tools/list {"_meta":{$META}}
        server[1] 200 json | answer 1 {"resultType":"complete","tools":[{"name":"größe","inputSchema":{"type":"object","properties":{"r":{"type":"string","description":"Where.","x-mcp-header":"Region"}}}}],"ttlMs":0,"cacheScope":"public"}
        client[2] POST /mcp  accept: application/json, text/event-stream; content-type: application/json; mcp-protocol-version: 2026-07-28; mcp-method: tools/call; mcp-name: =?base64?Z3LDtsOfZQ==?=; mcp-param-region: eu | ask 2 tools/call {"name":"größe","arguments":{"r":"eu"},"_meta":{$META,"progressToken":2}}
        server[2] 200 sse
        server[2]> tell notifications/progress {"progressToken":2,"progress":1}
        server[2]> answer 2 {"resultType":"complete","content":[{"type":"text","text":"x"}]}
        server[2] end
        end
    "#,
    );
}
