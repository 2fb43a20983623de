//! The rules about subscriptions.

use tapgate_wire::Rule;
use tapgate_wire::fault::Severity;
use tapgate_wire::revision::Revisions;
use tapgate_wire::rule::Side;

const PAGE: &str = "Spec 2026-07-28, basic/patterns/subscriptions";

pub(super) static BEFORE_ACK: Rule = Rule {
    id: "subscription.before-ack",
    about: "A subscription brought something before its acknowledgement.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::MODERN,
    source: PAGE,
    fix: "Send `notifications/subscriptions/acknowledged` first.",
    fires: &[r#"
        client> ask 1 subscriptions/listen {"notifications":{"toolsListChanged":true},"_meta":{$META}}
        server> tell notifications/tools/list_changed {"_meta":{"io.modelcontextprotocol/subscriptionId":1}}
    "#],
    quiet: &[r#"
        client> ask 1 subscriptions/listen {"notifications":{"toolsListChanged":true},"_meta":{$META}}
        server> tell notifications/subscriptions/acknowledged {"notifications":{"toolsListChanged":true},"_meta":{"io.modelcontextprotocol/subscriptionId":1}}
        server> tell notifications/tools/list_changed {"_meta":{"io.modelcontextprotocol/subscriptionId":1}}
    "#],
};

pub(super) static NO_ID: Rule = Rule {
    id: "subscription.no-id",
    about: "A message of a subscription does not say to which one it belongs.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::MODERN,
    source: PAGE,
    fix: "Put the id of the `subscriptions/listen` request into `_meta` as `io.modelcontextprotocol/subscriptionId`.",
    fires: &[
        r#"
        client> ask 1 subscriptions/listen {"notifications":{"toolsListChanged":true},"_meta":{$META}}
        server> tell notifications/subscriptions/acknowledged {"notifications":{"toolsListChanged":true}}
    "#,
        r#"
        client> ask 1 tools/list {"_meta":{$META}}
        server> tell notifications/tools/list_changed
    "#,
        r#"
        client> ask 1 subscriptions/listen {"notifications":{"toolsListChanged":true},"_meta":{$META}}
        server> tell notifications/subscriptions/acknowledged {"notifications":{"toolsListChanged":true},"_meta":{"io.modelcontextprotocol/subscriptionId":1}}
        server> answer 1 {"resultType":"complete"}
    "#,
    ],
    quiet: &[
        r#"
        client> ask 1 subscriptions/listen {"notifications":{"toolsListChanged":true},"_meta":{$META}}
        server> tell notifications/subscriptions/acknowledged {"notifications":{"toolsListChanged":true},"_meta":{"io.modelcontextprotocol/subscriptionId":1}}
        server> answer 1 {"resultType":"complete","_meta":{"io.modelcontextprotocol/subscriptionId":1}}
    "#,
        r#"
        hello 2025-11-25 {} {"tools":{"listChanged":true}}
        server> tell notifications/tools/list_changed
    "#,
    ],
};

pub(super) static WRONG_ID: Rule = Rule {
    id: "subscription.wrong-id",
    about: "A message names a subscription that was not opened.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::MODERN,
    source: PAGE,
    fix: "Send the id of the `subscriptions/listen` request as it came, with its type.",
    fires: &[
        r#"
        client> ask 1 subscriptions/listen {"notifications":{"toolsListChanged":true},"_meta":{$META}}
        server> tell notifications/subscriptions/acknowledged {"notifications":{"toolsListChanged":true},"_meta":{"io.modelcontextprotocol/subscriptionId":"1"}}
    "#,
        r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: subscriptions/listen | ask 1 subscriptions/listen {"notifications":{"toolsListChanged":true},"_meta":{$META}}
        server[1] 200 sse
        server[1]> tell notifications/subscriptions/acknowledged {"notifications":{"toolsListChanged":true},"_meta":{"io.modelcontextprotocol/subscriptionId":7}}
    "#,
    ],
    quiet: &[
        r#"
        client> ask "a" subscriptions/listen {"notifications":{"toolsListChanged":true},"_meta":{$META}}
        server> tell notifications/subscriptions/acknowledged {"notifications":{"toolsListChanged":true},"_meta":{"io.modelcontextprotocol/subscriptionId":"a"}}
        client> tell notifications/cancelled {"requestId":"a"}
        server> tell notifications/tools/list_changed {"_meta":{"io.modelcontextprotocol/subscriptionId":"a"}}
    "#,
        r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: subscriptions/listen | ask 1 subscriptions/listen {"notifications":{"toolsListChanged":true},"_meta":{$META}}
        client[2] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: subscriptions/listen | ask 1 subscriptions/listen {"notifications":{"promptsListChanged":true},"_meta":{$META}}
        server[2] 200 sse
        server[1] 200 sse
        server[1]> tell notifications/subscriptions/acknowledged {"notifications":{"toolsListChanged":true},"_meta":{"io.modelcontextprotocol/subscriptionId":1}}
        server[2]> tell notifications/subscriptions/acknowledged {"notifications":{"promptsListChanged":true},"_meta":{"io.modelcontextprotocol/subscriptionId":1}}
    "#,
    ],
};

pub(super) static NOT_ASKED: Rule = Rule {
    id: "subscription.not-asked",
    about: "A subscription brought something that it did not ask for.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::MODERN,
    source: PAGE,
    fix: "Send what the client asked for and nothing else.",
    fires: &[
        r#"
        client> ask 1 subscriptions/listen {"notifications":{"toolsListChanged":true},"_meta":{$META}}
        server> tell notifications/subscriptions/acknowledged {"notifications":{"toolsListChanged":true},"_meta":{"io.modelcontextprotocol/subscriptionId":1}}
        server> tell notifications/prompts/list_changed {"_meta":{"io.modelcontextprotocol/subscriptionId":1}}
    "#,
        r#"
        client> ask 1 subscriptions/listen {"notifications":{"resourceSubscriptions":["file:///a"]},"_meta":{$META}}
        server> tell notifications/subscriptions/acknowledged {"notifications":{"resourceSubscriptions":["file:///a"]},"_meta":{"io.modelcontextprotocol/subscriptionId":1}}
        server> tell notifications/resources/updated {"uri":"file:///b","_meta":{"io.modelcontextprotocol/subscriptionId":1}}
    "#,
    ],
    quiet: &[r#"
        client> ask 1 subscriptions/listen {"notifications":{"resourceSubscriptions":["file:///a/"]},"_meta":{$META}}
        server> tell notifications/subscriptions/acknowledged {"notifications":{"resourceSubscriptions":["file:///a/"]},"_meta":{"io.modelcontextprotocol/subscriptionId":1}}
        server> tell notifications/resources/updated {"uri":"file:///a/b","_meta":{"io.modelcontextprotocol/subscriptionId":1}}
    "#],
};

pub(super) static ACK_MORE: Rule = Rule {
    id: "subscription.ack-more",
    about: "An acknowledgement holds more than the subscription asked for.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::MODERN,
    source: PAGE,
    fix: "Acknowledge a part of what was asked for.",
    fires: &[r#"
        client> ask 1 subscriptions/listen {"notifications":{"toolsListChanged":true},"_meta":{$META}}
        server> tell notifications/subscriptions/acknowledged {"notifications":{"toolsListChanged":true,"promptsListChanged":true},"_meta":{"io.modelcontextprotocol/subscriptionId":1}}
    "#],
    quiet: &[r#"
        client> ask 1 subscriptions/listen {"notifications":{"toolsListChanged":true},"_meta":{$META}}
        server> tell notifications/subscriptions/acknowledged {"notifications":{"toolsListChanged":true,"promptsListChanged":false},"_meta":{"io.modelcontextprotocol/subscriptionId":1}}
    "#],
};

pub(super) static NOT_ACKED: Rule = Rule {
    id: "subscription.not-acknowledged",
    about: "A server does not agree to all that a subscription asked for, so the client will not be told of it.",
    side: Side::Server,
    severity: Severity::Note,
    revisions: Revisions::MODERN,
    source: PAGE,
    fix: "Declare in the capabilities what can be subscribed to, and let the client poll for the rest.",
    fires: &[r#"
        client> ask 1 subscriptions/listen {"notifications":{"toolsListChanged":true,"resourceSubscriptions":["file:///a"]},"_meta":{$META}}
        server> tell notifications/subscriptions/acknowledged {"notifications":{"toolsListChanged":true},"_meta":{"io.modelcontextprotocol/subscriptionId":1}}
    "#],
    quiet: &[r#"
        client> ask 1 subscriptions/listen {"notifications":{"toolsListChanged":true,"promptsListChanged":false,"resourceSubscriptions":["file:///a"]},"_meta":{$META}}
        server> tell notifications/subscriptions/acknowledged {"notifications":{"toolsListChanged":true,"resourceSubscriptions":["file:\/\/\/a"]},"_meta":{"io.modelcontextprotocol/subscriptionId":1}}
    "#],
};

pub(super) static NEVER_ACKED: Rule = Rule {
    id: "subscription.never-acknowledged",
    about: "A subscription was not acknowledged, so the client does not know whether it works.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::MODERN,
    source: PAGE,
    fix: "Send `notifications/subscriptions/acknowledged` as soon as the request came.",
    fires: &[
        r#"
        client> ask 1 subscriptions/listen {"notifications":{"toolsListChanged":true},"_meta":{$META}}
        wait 12s
    "#,
        r#"
        client> ask 1 subscriptions/listen {"notifications":{"toolsListChanged":true},"_meta":{$META}}
        server> answer 1 {"resultType":"complete","_meta":{"io.modelcontextprotocol/subscriptionId":1}}
    "#,
    ],
    quiet: &[
        r#"
        client> ask 1 subscriptions/listen {"notifications":{"toolsListChanged":true},"_meta":{$META}}
        wait 5s
        server> tell notifications/subscriptions/acknowledged {"notifications":{"toolsListChanged":true},"_meta":{"io.modelcontextprotocol/subscriptionId":1}}
        wait 30s
    "#,
        r#"
        client> ask 1 subscriptions/listen {"notifications":{"toolsListChanged":true},"_meta":{$META}}
        server> fail 1 -32601 no subscriptions here
        wait 30s
    "#,
    ],
};

pub(super) static AFTER_END: Rule = Rule {
    id: "subscription.after-end",
    about: "A subscription brought something after the server had ended it.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::MODERN,
    source: PAGE,
    fix: "Send nothing for a subscription after its result.",
    fires: &[r#"
        client> ask 1 subscriptions/listen {"notifications":{"toolsListChanged":true},"_meta":{$META}}
        server> tell notifications/subscriptions/acknowledged {"notifications":{"toolsListChanged":true},"_meta":{"io.modelcontextprotocol/subscriptionId":1}}
        server> answer 1 {"resultType":"complete","_meta":{"io.modelcontextprotocol/subscriptionId":1}}
        server> tell notifications/tools/list_changed {"_meta":{"io.modelcontextprotocol/subscriptionId":1}}
    "#],
    quiet: &[r#"
        client> ask 1 subscriptions/listen {"notifications":{"toolsListChanged":true},"_meta":{$META}}
        server> tell notifications/subscriptions/acknowledged {"notifications":{"toolsListChanged":true},"_meta":{"io.modelcontextprotocol/subscriptionId":1}}
        server> answer 1 {"resultType":"complete","_meta":{"io.modelcontextprotocol/subscriptionId":1}}
        client> ask 1 subscriptions/listen {"notifications":{"toolsListChanged":true},"_meta":{$META}}
        server> tell notifications/subscriptions/acknowledged {"notifications":{"toolsListChanged":true},"_meta":{"io.modelcontextprotocol/subscriptionId":1}}
        server> tell notifications/tools/list_changed {"_meta":{"io.modelcontextprotocol/subscriptionId":1}}
    "#],
};

pub(super) static FOREIGN: Rule = Rule {
    id: "subscription.foreign",
    about: "Progress or a log message came for a subscription, where only changes may come.",
    side: Side::Server,
    severity: Severity::Error,
    revisions: Revisions::MODERN,
    source: PAGE,
    fix: "Send it on the stream of the request that it is about.",
    fires: &[r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: subscriptions/listen | ask 1 subscriptions/listen {"notifications":{"toolsListChanged":true},"_meta":{$META}}
        server[1] 200 sse
        server[1]> tell notifications/message {"level":"info","data":"x"}
    "#],
    quiet: &[r#"
        legs client=http server=http
        client[1] POST /mcp  mcp-protocol-version: 2026-07-28; mcp-method: tools/call; mcp-name: a | ask 1 tools/call {"name":"a","_meta":{$META,"io.modelcontextprotocol/logLevel":"info"}}
        server[1] 200 sse
        server[1]> tell notifications/message {"level":"info","data":"x"}
    "#],
};

pub(super) static NOT_SUBSCRIBED: Rule = Rule {
    id: "subscription.not-subscribed",
    about: "A server tells that a resource was updated to which nobody subscribed.",
    side: Side::Server,
    severity: Severity::Warning,
    revisions: Revisions::LEGACY,
    source: "Spec 2025-11-25, server/resources, Subscriptions; schema, ResourceUpdatedNotification",
    fix: "Tell updates of resources that the client subscribed to, until it unsubscribes.",
    fires: &[r#"
        hello 2025-06-18 {} {"resources":{"subscribe":true}}
        client> ask 1 resources/subscribe {"uri":"file:///a"}
        server> answer 1 {}
        server> tell notifications/resources/updated {"uri":"file:///b"}
    "#],
    quiet: &[
        r#"
        hello 2025-06-18 {} {"resources":{"subscribe":true}}
        client> ask 1 resources/subscribe {"uri":"file:///a"}
        server> tell notifications/resources/updated {"uri":"file:///a"}
        server> answer 1 {}
        server> tell notifications/resources/updated {"uri":"file:///a/b"}
        client> ask 2 resources/unsubscribe {"uri":"file:///a"}
        server> tell notifications/resources/updated {"uri":"file:///a"}
    "#,
        r#"
        hello 2025-06-18 {} {"resources":{"subscribe":true}}
        lost 100
        server> tell notifications/resources/updated {"uri":"file:///b"}
    "#,
        // The session began before it was observed.
        r#"
        legs client=http server=http
        client[1] GET /mcp  accept: text/event-stream; mcp-session-id: s; mcp-protocol-version: 2025-06-18 | -
        server[1] 200 sse
        server[1]> tell notifications/resources/updated {"uri":"file:///b"}
    "#,
    ],
};

pub(super) static STALE: Rule = Rule {
    id: "adv.stale",
    about: "A list that the client had read changed, and the client did not read it again.",
    side: Side::Client,
    severity: Severity::Note,
    revisions: Revisions::ALL,
    source: "Spec 2025-11-25, server/tools, List Changed Notification; the same for prompts and resources",
    fix: "Read the list again when the server says that it changed.",
    fires: &[
        r#"
        hello 2025-06-18 {} {"tools":{"listChanged":true}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object"}}]}
        server> tell notifications/tools/list_changed
        wait 62s
    "#,
        r#"
        hello 2025-06-18 {} {"tools":{"listChanged":true}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object"}}]}
        server> tell notifications/tools/list_changed
        wait 10s
        end
    "#,
    ],
    quiet: &[
        r#"
        hello 2025-06-18 {} {"tools":{"listChanged":true}}
        client> ask 1 tools/list
        server> answer 1 {"tools":[{"name":"a","inputSchema":{"type":"object"}}]}
        server> tell notifications/tools/list_changed
        wait 30s
        client> ask 2 tools/list
        wait 62s
        end
    "#,
        // It never read the list, or it was gone at once.
        r#"
        hello 2025-06-18 {} {"tools":{"listChanged":true}}
        server> tell notifications/tools/list_changed
        client> ask 1 prompts/list
        server> tell notifications/prompts/list_changed
        wait 1s
        end
    "#,
    ],
};
