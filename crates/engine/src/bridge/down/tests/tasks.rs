//! Tasks of a server of 2025-11-25, given to modern clients that take them.

use std::time::Duration;

use tapgate_wire::edge::Heard;

use super::stage::{ABLE, Got, Legs, Stage, Told};

const TAKES: &str = r#""extensions":{"io.modelcontextprotocol/tasks":{}}"#;
pub(super) const TIMES: &str = r#""createdAt":"2025-11-25T10:30:00Z","lastUpdatedAt":"2025-11-25T10:40:00Z""#;
pub(super) const FORM: &str = r#"{"message":"who?","requestedSchema":{"type":"object"}}"#;
const YES: &str = r#"{"action":"accept","content":{"n":1.0}}"#;
pub(super) const LEGS: [Legs; 4] = [Legs::HttpToPipe, Legs::HttpToHttp, Legs::PipeToPipe, Legs::HttpToSse];
pub(super) const DAY: Duration = Duration::from_hours(24);

/// What the client of a test declares that takes tasks and can be asked.
pub(super) fn takes(more: &str) -> String {
    format!("{{{TAKES}{more}}}")
}

pub(super) fn state(theirs: &str, status: &str, more: &str) -> String {
    format!(r#"{{"taskId":"{theirs}","status":"{status}",{TIMES},"ttl":60000{more}}}"#)
}

/// A stage on which a server was greeted that has tools of each kind, which the client knows.
pub(super) fn stage_of(legs: Legs, capabilities: &str, able: &str) -> Stage {
    let mut stage = Stage::new(legs);
    stage.capabilities = capabilities.into();
    stage.asks("0", "tools/list", "{}");
    stage.greets(able);
    let list = stage.gets("tools/list");
    let tool = |name: &str| {
        format!(
            r#"{{"name":"{name}","inputSchema":{{"type":"object"}},"execution":{{"taskSupport":"{name}"}}}}"#
        )
    };
    let tools = ["required", "optional", "forbidden"].map(tool).join(",");
    stage.answers(&list, &format!(r#"{{"tools":[{tools}]}}"#));
    stage.hears();
    stage
}

pub(super) fn able() -> String {
    let tasks = r#""tasks":{"cancel":{},"requests":{"tools":{"call":{}}}}"#;
    ABLE.replace(r#""tasks":{"requests":{"tools":{"call":{}}}}"#, tasks)
}

pub(super) fn stage(legs: Legs) -> Stage {
    stage_of(legs, &takes(r#","elicitation":{},"roots":{}"#), &able())
}

/// Calls a tool that becomes a task; gives the client's id of it, raw, and the request for its outcome.
#[track_caller]
pub(super) fn begin(stage: &mut Stage, theirs: &str) -> (String, Got) {
    stage.asks("1", "tools/call", r#"{"name":"required","arguments":{}}"#);
    let call = stage.gets("tools/call");
    assert_eq!(call.at(&["params", "task"]), "{}");
    stage.answers(&call, &format!(r#"{{"task":{}}}"#, state(theirs, "working", "")));
    let id = stage.hears().at(&["result", "taskId"]);
    let wait = stage.gets("tasks/result");
    assert_eq!(wait.at(&["params"]), format!(r#"{{"taskId":"{theirs}"}}"#));
    (id, wait)
}

/// Asks for a task whose server then says how it is.
#[track_caller]
pub(super) fn get(stage: &mut Stage, id: &str, said: &str) -> Told {
    stage.asks("5", "tasks/get", &format!(r#"{{"taskId":{id}}}"#));
    let got = stage.gets("tasks/get");
    stage.answers(&got, said);
    stage.hears()
}

/// Asks for a task that has ended, of which the bridge knows all.
#[track_caller]
pub(super) fn get_ended(stage: &mut Stage, id: &str) -> Told {
    stage.asks("6", "tasks/get", &format!(r#"{{"taskId":{id}}}"#));
    stage.hears()
}

#[track_caller]
pub(super) fn update(stage: &mut Stage, id: &str, responses: &str) -> Told {
    stage.asks("7", "tasks/update", &format!(r#"{{"taskId":{id},"inputResponses":{responses}}}"#));
    stage.heard.pop_back().expect("an answer")
}

fn related(theirs: &str) -> String {
    format!(r#""_meta":{{"io.modelcontextprotocol/related-task":{{"taskId":"{theirs}"}}}}"#)
}

pub(super) fn asks(id: &str, method: &str, theirs: &str, params: &str) -> String {
    let params = params.strip_suffix('}').unwrap();
    let comma = if params == "{" { "" } else { "," };
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}{comma}{}}}}}"#,
        related(theirs)
    )
}

/// The names of open questions.
pub(super) fn keys(told: &Told) -> Vec<String> {
    let all = told.at(&["result", "inputRequests"]);
    let all: serde_json::Value = serde_json::from_str(&all).unwrap_or_default();
    all.as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect()
}

#[test]
fn a_task_is_told_flat_and_its_result_with_its_state() {
    for legs in LEGS {
        let mut stage = stage(legs);
        stage.asks("1", "tools/call", r#"{"name":"required","arguments":{"a":1.0},"task":{"ttl":7}}"#);
        let call = stage.gets("tools/call");
        // Tasks extension, Task Creation: what a modern request says of tasks is ignored.
        assert_eq!(call.at(&["params", "task"]), "{}");
        let created = state("t1", "working", r#","pollInterval":500,"x":1"#);
        stage.answers(&call, &format!(r#"{{"task":{created},{}}}"#, related("t1")));
        let told = stage.hears();
        let id = told.at(&["result", "taskId"]);
        assert!(id.len() > 60 && !id.contains("t1"), "{id}");
        assert_eq!(
            told.at(&["result"]),
            format!(
                r#"{{"taskId":{id},"status":"working",{TIMES},"x":1,"ttlMs":60000,"pollIntervalMs":500,"resultType":"task","_meta":{{"io.modelcontextprotocol/serverInfo":{{"name":"old","version":"3"}}}}}}"#
            )
        );
        let wait = stage.gets("tasks/result");
        let told = get(&mut stage, &id, &state("t1", "working", r#","statusMessage":"half""#));
        assert_eq!(
            told.at(&["result"]),
            format!(
                r#"{{"taskId":{id},"status":"working",{TIMES},"statusMessage":"half","ttlMs":60000,"resultType":"complete"}}"#
            )
        );
        stage.answers(
            &wait,
            &format!(
                r#"{{"content":[{{"type":"text","text":"é","x":1.0}}],"isError":true,{}}}"#,
                related("t1")
            ),
        );
        let last = stage.gets("tasks/get");
        stage.answers(&last, &state("t1", "failed", r#","statusMessage":"it failed""#));
        let told = get_ended(&mut stage, &id);
        assert_eq!(told.at(&["result", "status"]), "\"completed\"");
        assert_eq!(told.at(&["result", "resultType"]), "\"complete\"");
        assert_eq!(told.at(&["result", "statusMessage"]), "\"it failed\"");
        assert_eq!(
            told.at(&["result", "result"]),
            r#"{"content":[{"type":"text","text":"é","x":1.0}],"isError":true,"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"old","version":"3"}},"resultType":"complete"}"#
        );
        stage.is_quiet();
        stage.is_empty();
    }
}

#[test]
fn discovery_offers_tasks_and_only_who_takes_them_gets_one() {
    let mut stage = Stage::new(Legs::HttpToPipe);
    stage.asks("1", "server/discover", "{}");
    stage.greets(ABLE);
    let told = stage.hears();
    assert_eq!(told.at(&["result", "capabilities", "extensions"]), r#"{"io.modelcontextprotocol/tasks":{}}"#);
    assert_eq!(told.at(&["result", "capabilities", "tasks"]), "");

    for (capabilities, tool, is_task) in [
        (takes(""), "required", true),
        (takes(""), "optional", true),
        (takes(""), "forbidden", false),
        ("{}".into(), "required", true),
        ("{}".into(), "optional", false),
        (r#"{"tasks":{"requests":{"tools":{"call":{}}}}}"#.into(), "optional", false),
    ] {
        let mut stage = stage_of(Legs::HttpToPipe, &capabilities, ABLE);
        stage.asks("1", "tools/call", &format!(r#"{{"name":"{tool}","task":{{}}}}"#));
        let call = stage.gets("tools/call");
        assert_eq!(call.at(&["params", "task"]) == "{}", is_task, "{capabilities} {tool}");
        if is_task && capabilities == "{}" {
            stage.answers(&call, &format!(r#"{{"task":{}}}"#, state("t", "working", "")));
            stage.gets("tasks/result");
        }
        stage.is_quiet();
    }
    // A server of an older revision means nothing by it.
    let mut stage = Stage::new(Legs::HttpToPipe);
    stage.asks("1", "server/discover", "{}");
    stage.greets_as("2025-06-18", ABLE);
    assert_eq!(stage.hears().at(&["result", "capabilities", "extensions"]), "");
}

#[test]
fn a_task_asks_and_is_answered_in_parts() {
    for legs in LEGS {
        let mut stage = stage(legs);
        let (id, wait) = begin(&mut stage, "t1");
        stage.says(&wait, &asks("\"e\"", "elicitation/create", "t1", FORM));
        stage.says(&wait, &asks("8", "roots/list", "t1", "{}"));
        let told = get(&mut stage, &id, &state("t1", "input_required", ""));
        assert_eq!(told.at(&["result", "status"]), "\"input_required\"");
        let keys = keys(&told);
        assert_eq!(keys.len(), 2);
        let first = told.at(&["result", "inputRequests", &keys[0]]);
        assert_eq!(first, format!(r#"{{"method":"elicitation/create","params":{FORM}}}"#));
        // What is no answer, or to nothing, is as if it had not been said.
        for odd in ["{}", r#"{"nobody":{}}"#, &format!(r#"{{"{}":7}}"#, keys[0])] {
            assert_eq!(update(&mut stage, &id, odd).at(&["result"]), r#"{"resultType":"complete"}"#);
        }
        assert!(stage.got.is_empty());
        update(&mut stage, &id, &format!(r#"{{"{}":{YES},"nobody":7}}"#, keys[0]));
        let answer = stage.gets_answer("\"e\"");
        assert_eq!(answer.at(&["result"]), YES);
        stage.takes(&answer);
        let told = get(&mut stage, &id, &state("t1", "input_required", ""));
        assert_eq!(self::keys(&told), keys[1..]);
        // An answer that comes again is one to nothing.
        update(&mut stage, &id, &format!(r#"{{"{}":{YES},"{}":{{"roots":[]}}}}"#, keys[0], keys[1]));
        let answer = stage.gets_answer("8");
        stage.takes(&answer);
        let told = get(&mut stage, &id, &state("t1", "input_required", ""));
        assert_eq!(told.at(&["result", "status"]), "\"working\"");
        // The next question of the same id has another name.
        stage.says(&wait, &asks("8", "roots/list", "t1", "{}"));
        let told = get(&mut stage, &id, &state("t1", "input_required", ""));
        assert!(!keys.contains(&self::keys(&told)[0]));
        stage.answers(&wait, r#"{"content":[]}"#);
        let last = stage.gets("tasks/get");
        stage.answers(&last, &state("t1", "completed", ""));
        // A question that is open when the task ends is answered, so that the server does not wait.
        assert_eq!(stage.gets_answer("8").at(&["error", "code"]), "-32603");
        assert_eq!(get_ended(&mut stage, &id).at(&["result", "status"]), "\"completed\"");
        stage.is_quiet();
        stage.is_empty();
    }
}

#[test]
fn questions_find_their_task_by_its_name_wherever_they_come() {
    for legs in LEGS {
        let mut stage = stage(legs);
        let (one, first) = begin(&mut stage, "t1");
        let (two, second) = begin(&mut stage, "t2");
        stage.says(&first, &asks("1", "roots/list", "t2", "{}"));
        stage.says(&second, &asks("2", "roots/list", "t9", "{}"));
        let refused = stage.gets_answer("2");
        assert_eq!(refused.at(&["error", "code"]), "-32602");
        stage.takes(&refused);
        assert_eq!(keys(&get(&mut stage, &one, &state("t1", "working", ""))).len(), 0);
        let told = get(&mut stage, &two, &state("t2", "working", ""));
        assert_eq!(keys(&told).len(), 1);
        // A question that is taken back is not asked any more.
        stage
            .says(&first, r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#);
        assert_eq!(keys(&get(&mut stage, &two, &state("t2", "working", ""))).len(), 0);
    }
}

#[test]
fn a_question_that_comes_before_the_task_is_known_belongs_to_its_call() {
    let mut stage = stage(Legs::HttpToPipe);
    stage.asks("1", "tools/call", r#"{"name":"required"}"#);
    let call = stage.gets("tools/call");
    stage.says(&call, &asks("8", "roots/list", "t1", "{}"));
    stage.answers(&call, &format!(r#"{{"task":{}}}"#, state("t1", "input_required", "")));
    let told = stage.hears();
    // What it asks is told where tasks are asked for.
    assert_eq!(told.at(&["result", "resultType"]), "\"task\"");
    assert_eq!(told.at(&["result", "status"]), "\"working\"");
    stage.gets("tasks/result");
    stage.wait(Duration::from_millis(25));
    let id = told.at(&["result", "taskId"]);
    let told = get(&mut stage, &id, &state("t1", "input_required", ""));
    let key = &keys(&told)[0];
    update(&mut stage, &id, &format!(r#"{{"{key}":{{"roots":[]}}}}"#));
    assert_eq!(stage.gets_answer("8").at(&["result"]), r#"{"roots":[]}"#);
    stage.is_quiet();
}

#[test]
fn other_calls_go_on_beside_a_task_and_may_ask() {
    for legs in [Legs::HttpToPipe, Legs::PipeToPipe] {
        let mut stage = stage(legs);
        let (id, wait) = begin(&mut stage, "t1");
        let child = wait.child();
        stage.asks("2", "prompts/get", r#"{"name":"p"}"#);
        let call = stage.gets("prompts/get");
        assert_eq!(call.child(), child);
        // Who asks without a name is the call; who asks with one is the task.
        stage.says(&call, r#"{"jsonrpc":"2.0","id":1,"method":"roots/list"}"#);
        stage.says(&call, &asks("2", "elicitation/create", "t1", FORM));
        stage.wait(Duration::from_millis(25));
        let told = stage.hears();
        assert_eq!(told.at(&["result", "resultType"]), "\"input_required\"");
        assert_eq!(told.at(&["result", "inputRequests"]).matches("\"method\"").count(), 1);
        assert_eq!(keys(&get(&mut stage, &id, &state("t1", "working", ""))).len(), 1);
    }
}

#[test]
fn a_task_without_a_name_is_asked_for_where_it_is_the_only_one() {
    let mut stage = stage(Legs::HttpToPipe);
    let (id, wait) = begin(&mut stage, "t1");
    stage.says(&wait, r#"{"jsonrpc":"2.0","id":1,"method":"roots/list"}"#);
    assert_eq!(keys(&get(&mut stage, &id, &state("t1", "working", ""))).len(), 1);
    begin(&mut stage, "t2");
    stage.says(&wait, r#"{"jsonrpc":"2.0","id":2,"method":"roots/list"}"#);
    assert_eq!(stage.gets_answer("2").at(&["error", "code"]), "-32602");
}

#[test]
fn tasks_are_for_who_declares_them_and_whose_they_are() {
    let mut stage = stage(Legs::HttpToPipe);
    let (id, _) = begin(&mut stage, "t1");
    let needed = r#"{"requiredCapabilities":{"extensions":{"io.modelcontextprotocol/tasks":{}}}}"#;
    let declared = std::mem::replace(&mut stage.capabilities, r#"{"elicitation":{}}"#.into());
    let params = format!(r#"{{"taskId":{id},"inputResponses":{{}}}}"#);
    for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
        stage.asks("2", method, &params);
        let told = stage.hears();
        assert_eq!(
            (told.code(), told.at(&["error", "data"]), told.status),
            ("-32021".into(), needed.into(), 400)
        );
    }
    stage.asks("2", "subscriptions/listen", &format!(r#"{{"notifications":{{"taskIds":[{id}]}}}}"#));
    assert_eq!(stage.hears().code(), "-32021");

    stage.capabilities = declared;
    let cursor = stage.seal.seal(
        stage.now,
        crate::bridge::seal::Purpose::Cursor,
        crate::bridge::number::Principal::default(),
        b"x",
        DAY,
    );
    let mut forged = id.clone();
    forged.replace_range(40..41, if &id[40..41] == "A" { "B" } else { "A" });
    for wrong in ["\"t1\"", "\"\"", &forged, &format!("\"{cursor}\"")] {
        for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
            stage.asks("2", method, &format!(r#"{{"taskId":{wrong},"inputResponses":{{}}}}"#));
            assert_eq!(stage.hears().code(), "-32602", "{method} {wrong}");
        }
    }
    for params in [format!(r#"{{"taskId":{id}}}"#), format!(r#"{{"taskId":{id},"inputResponses":[]}}"#)] {
        stage.asks("2", "tasks/update", &params);
        assert_eq!(stage.hears().code(), "-32602");
    }
    stage.who = "bob".into();
    for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
        stage.asks("2", method, &params);
        assert_eq!(stage.hears().code(), "-32602");
    }
    stage.is_quiet();
}

#[test]
fn a_server_without_tasks_has_none_to_ask_for() {
    for (able, code) in [(ABLE, "-32021"), (r#"{"tools":{},"tasks":{"list":{}}}"#, "-32601")] {
        let mut stage = Stage::new(Legs::HttpToPipe);
        stage.asks("1", "server/discover", "{}");
        stage.greets(able);
        stage.hears();
        stage.asks("2", "tasks/get", r#"{"taskId":"t"}"#);
        assert_eq!(stage.hears().code(), code, "{able}");
    }
}

#[test]
fn who_goes_away_while_the_server_is_asked_leaves_nothing_of_that() {
    let mut stage = stage(Legs::HttpToPipe);
    let (id, wait) = begin(&mut stage, "t1");
    let n_held = stage.down.held();
    let stream = stage.asks("3", "tasks/get", &format!(r#"{{"taskId":{id}}}"#));
    let got = stage.gets("tasks/get");
    stage.hear(Heard::Left { stream });
    assert_eq!(stage.gets("notifications/cancelled").at(&["params", "requestId"]), got.id());
    assert_eq!(stage.down.held(), n_held);
    // The task itself goes on.
    stage.answers(&wait, r#"{"content":[]}"#);
    stage.gets("tasks/get");
    stage.is_quiet();
}

#[test]
fn who_listens_hears_how_tasks_are() {
    for legs in LEGS {
        let mut stage = stage(legs);
        let (one, first) = begin(&mut stage, "t1");
        let (two, second) = begin(&mut stage, "t2");
        stage.says(&second, &asks("9", "roots/list", "t2", "{}"));
        let wished = format!(r#"{{"notifications":{{"taskIds":[{one},"nobody",{two},7]}}}}"#);
        let stream = stage.asks("\"l\"", "subscriptions/listen", &wished);
        let ack = stage.hears();
        let mut acked = [one.clone(), two.clone()];
        acked.sort_by_key(|id| *id == two);
        assert_eq!(ack.at(&["params", "notifications"]), format!(r#"{{"taskIds":[{}]}}"#, acked.join(",")));
        // What asks already says so at once.
        let told = stage.hears();
        assert_eq!(told.at(&["method"]), "\"notifications/tasks\"");
        assert_eq!(told.at(&["params", "taskId"]), two);
        assert_eq!(told.at(&["params", "status"]), "\"input_required\"");
        assert_eq!(told.at(&["params", "_meta", "io.modelcontextprotocol/subscriptionId"]), "\"l\"");
        // The server tells, asks, and ends.
        let told = state("t1", "working", r#","statusMessage":"half""#);
        stage.says(
            &first,
            &format!(r#"{{"jsonrpc":"2.0","method":"notifications/tasks/status","params":{told}}}"#),
        );
        assert_eq!(stage.hears().at(&["params", "statusMessage"]), "\"half\"");
        stage.says(&first, &asks("8", "roots/list", "t1", "{}"));
        let told = stage.hears();
        assert_eq!(told.at(&["params", "status"]), "\"input_required\"");
        stage.answers(&first, r#"{"content":[]}"#);
        let last = stage.gets("tasks/get");
        stage.answers(&last, &state("t1", "completed", ""));
        stage.gets_answer("8");
        let told = stage.hears();
        assert_eq!(told.at(&["params", "taskId"]), one);
        assert_eq!(told.at(&["params", "status"]), "\"completed\"");
        assert_eq!(told.at(&["params", "result", "content"]), "[]");
        assert_eq!(told.at(&["params", "resultType"]), "");
        stage.is_quiet();
        if legs != Legs::PipeToPipe {
            stage.hear(Heard::Left { stream });
            stage.says(&second, &asks("10", "roots/list", "t2", "{}"));
            stage.is_quiet();
            stage.is_empty();
        }
    }
}
