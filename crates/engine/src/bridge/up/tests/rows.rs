//! What a client does, what the server gets of it, and what comes back.

use std::time::Duration;

use tapgate_wire::Kind;

use super::stage::{DISCOVER, LEGS, Legs, Stage, at, is_error};

const CALL: &str = r#"{"jsonrpc":"2.0","id":"c1","method":"tools/call","params":{"name":"t","arguments":{"n":1.0},"_meta":{"progressToken":"p"}}}"#;
const TOOLS: &str = r#"{"resultType":"complete","ttlMs":1,"cacheScope":"public","tools":[{"name":"t","inputSchema":{"type":"object","properties":{"n":{"type":"string","x-mcp-header":"N"}}}}]}"#;

/// A stage whose server's tools are known.
fn knowing(legs: Legs) -> Stage {
    let mut stage = Stage::greeted(legs, "2025-11-25", "{}");
    stage.client(r#"{"jsonrpc":"2.0","id":"l","method":"tools/list"}"#);
    let got = stage.gets("tools/list");
    stage.answers(&got, r#"{"tools":[{"name":"t","inputSchema":{"type":"object"}}]}"#);
    stage.hears();
    stage.statuses.clear();
    stage.is_quiet();
    stage
}

#[test]
fn the_handshake_is_answered_from_discover() {
    for legs in LEGS {
        let mut stage = Stage::new(legs);
        stage.greet("2025-06-18", "{}");
        let answer = stage.hears();
        assert_eq!(at(&answer, &["id"]), r#""init""#);
        let result = |name| at(&answer, &["result", name]);
        assert_eq!(result("protocolVersion"), r#""2025-06-18""#);
        assert_eq!(result("serverInfo"), r#"{"name":"files","version":"2"}"#);
        assert_eq!(result("instructions"), r#""be kind""#);
        assert_eq!(at(&answer, &["result", "capabilities", "resources", "subscribe"]), "true");
        assert_eq!((result("resultType"), result("ttlMs"), result("_meta")), Default::default());
        assert_eq!(stage.sessions.len(), usize::from(legs != Legs::PipeToHttp));
        stage.is_quiet();
    }
}

#[test]
fn a_client_of_an_unknown_or_modern_revision_is_offered_the_newest_legacy_one() {
    for offered in ["2026-07-28", "2099-01-01", "x"] {
        let mut stage = Stage::new(Legs::PipeToHttp);
        stage.greet(offered, "{}");
        assert_eq!(at(&stage.hears(), &["result", "protocolVersion"]), r#""2025-11-25""#);
    }
}

#[test]
fn a_server_that_was_not_asked_yet_is_asked_who_it_is() {
    for legs in LEGS {
        let mut stage = Stage::new(legs);
        stage.server.modern.as_mut().unwrap().discover = None;
        stage.greet("2025-11-25", "{}");
        let got = stage.gets("server/discover");
        assert_eq!(got.at(&["params", "_meta", "io.modelcontextprotocol/clientInfo", "name"]), r#""old""#);
        stage.answers(&got, DISCOVER);
        assert_eq!(at(&stage.hears(), &["result", "serverInfo", "name"]), r#""files""#);
        assert!(stage.server.modern.as_ref().unwrap().discover.is_some());
    }
}

#[test]
fn a_server_that_does_not_say_who_it_is_opens_no_session() {
    for legs in LEGS {
        for how in ["refuses", "breaks", "is silent"] {
            let mut stage = Stage::new(legs);
            stage.server.modern.as_mut().unwrap().discover = None;
            stage.greet("2025-11-25", "{}");
            let got = stage.gets("server/discover");
            match how {
                "refuses" => stage.answers(&got, r#""error":{"code":-32603,"message":"no"}"#),
                "breaks" => {
                    stage.breaks(&got, false);
                    stage.wait(Duration::ZERO);
                }
                _ => {
                    let probe = stage.settings.bounds.probe;
                    stage.wait(probe.saturating_sub(Duration::from_nanos(1)));
                    stage.is_quiet();
                    stage.wait(Duration::from_nanos(1));
                    assert_eq!(stage.back.held().calls, 0);
                }
            }
            let answer = stage.hears();
            is_error(&answer, -32603);
            assert_eq!(at(&answer, &["error", "data", "upstream"]), r#""files""#);
            assert_eq!((stage.up.held(), stage.sessions.len()), (0, 0));
        }
    }
}

#[test]
fn a_request_says_who_asks_and_its_answer_is_legacy() {
    for legs in LEGS {
        let mut stage = Stage::greeted(legs, "2025-11-25", r#"{"roots":{"listChanged":true},"tasks":{}}"#);
        stage.client(r#"{"jsonrpc":"2.0","id":"a","method":"resources/read","params":{"uri":"file:///a","_meta":{"mine":1}}}"#);
        let got = stage.gets("resources/read");
        let meta = |name: &str| got.at(&["params", "_meta", name]);
        assert_eq!(meta("io.modelcontextprotocol/protocolVersion"), r#""2026-07-28""#);
        assert_eq!(meta("io.modelcontextprotocol/clientInfo"), r#"{"name":"old","version":"1"}"#);
        assert_eq!(meta("io.modelcontextprotocol/clientCapabilities"), r#"{"roots":{}}"#);
        assert_eq!((meta("mine"), meta("io.modelcontextprotocol/logLevel")), ("1".into(), String::new()));
        assert_ne!(got.id(), r#""a""#);
        if legs != Legs::HttpToPipe {
            assert_eq!(got.headers["mcp-method"], "resources/read");
            assert_eq!(got.headers["mcp-name"], "file:///a");
            assert_eq!(got.headers["mcp-protocol-version"], "2026-07-28");
            assert!(!got.headers.contains_key("mcp-session-id"));
        }
        stage.answers(&got, r#"{"resultType":"complete","ttlMs":1,"cacheScope":"public","contents":[{"uri":"file:///a","text":"ü"}],"_meta":{"mine":2}}"#);
        let answer = stage.hears();
        let result = at(&answer, &["result"]);
        assert_eq!(result, r#"{"contents":[{"uri":"file:///a","text":"ü"}],"_meta":{"mine":2}}"#);
        assert_eq!(at(&answer, &["id"]), r#""a""#);
        stage.is_quiet();
    }
}

#[test]
fn unknown_requests_pass_and_those_of_other_eras_do_not() {
    let mut stage = Stage::greeted(Legs::PipeToHttp, "2025-11-25", "{}");
    stage.client(r#"{"jsonrpc":"2.0","id":1,"method":"x/own"}"#);
    let got = stage.gets("x/own");
    stage.answers(&got, r#""error":{"code":-32601,"message":"what?"}"#);
    is_error(&stage.hears(), -32601);
    for method in ["tasks/list", "tasks/get", "tasks/result", "tasks/cancel"] {
        stage.client(&format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}"}}"#));
        is_error(&stage.hears(), -32601);
    }
    stage.client(r#"{"jsonrpc":"2.0","id":1,"method":"x/own","params":[1]}"#);
    is_error(&stage.hears(), -32602);
    stage.is_quiet();
}

#[test]
fn a_ping_is_answered_here() {
    let mut stage = Stage::greeted(Legs::PipeToHttp, "2025-11-25", "{}");
    stage.client(r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#);
    assert_eq!(*stage.hears().raw(), r#"{"jsonrpc":"2.0","id":7,"result":{}}"#);
    stage.is_quiet();
}

#[test]
fn notifications_that_a_modern_server_does_not_know_end_here() {
    let mut stage = Stage::greeted(Legs::PipeToHttp, "2025-11-25", "{}");
    for method in ["roots/list_changed", "progress", "own"] {
        stage.client(&format!(r#"{{"jsonrpc":"2.0","method":"notifications/{method}"}}"#));
    }
    stage.is_quiet();
}

#[test]
fn the_log_level_is_stamped_on_later_requests() {
    for legs in LEGS {
        let mut stage = knowing(legs);
        stage.client(r#"{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"loud"}}"#);
        is_error(&stage.hears(), -32602);
        stage.client(r#"{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"info"}}"#);
        assert_eq!(at(&stage.hears(), &["result"]), "{}");
        stage.client(CALL);
        let got = stage.gets("tools/call");
        assert_eq!(got.at(&["params", "_meta", "io.modelcontextprotocol/logLevel"]), r#""info""#);
        let log =
            r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}"#;
        stage.says(&got, log);
        assert_eq!(*stage.hears().raw(), log);
        stage.answers(&got, "{}");
        stage.hears();
        stage.is_quiet();
    }
}

#[test]
fn a_server_without_logs_has_no_level() {
    let mut stage = Stage::greeted(Legs::PipeToHttp, "2025-11-25", "{}");
    let discover = DISCOVER.replace(r#""logging":{},"#, "");
    let discover = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{discover}}}"#);
    stage.server.modern.as_mut().unwrap().discover = Some(tapgate_wire::Message::parse(discover.into()));
    stage.client(r#"{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"info"}}"#);
    is_error(&stage.hears(), -32601);
}

#[test]
fn progress_only_goes_up() {
    for legs in LEGS {
        let mut stage = knowing(legs);
        stage.client(CALL);
        let got = stage.gets("tools/call");
        let token = got.at(&["params", "_meta", "progressToken"]);
        for value in ["1", "0.5", "1.0", "2", "\"x\"", "3e0"] {
            let said = format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{token},"progress":{value}}}}}"#
            );
            stage.says(&got, &said);
        }
        for value in ["1", "2", "3e0"] {
            let heard = stage.hears();
            assert_eq!(at(&heard, &["params", "progress"]), value);
            assert_eq!(at(&heard, &["params", "progressToken"]), r#""p""#);
        }
        stage.is_quiet();
    }
}

#[test]
fn a_cancelled_request_is_cancelled_at_the_server_and_not_answered() {
    for legs in LEGS {
        let mut stage = knowing(legs);
        let held = stage.up.held();
        stage.client(CALL);
        let got = stage.gets("tools/call");
        stage.client(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"c1","reason":"enough"}}"#);
        if legs == Legs::HttpToPipe {
            let told = stage.gets("notifications/cancelled");
            assert_eq!(told.at(&["params", "requestId"]), got.id());
        } else {
            assert_eq!(stage.aborted.len(), 1);
        }
        stage.answers(&got, "{}");
        stage.is_quiet();
        assert_eq!(stage.up.held(), held);
    }
}

#[test]
fn a_session_that_ends_leaves_nothing() {
    for legs in LEGS {
        let mut stage = knowing(legs);
        stage.client(CALL);
        stage.gets("tools/call");
        stage.client(
            r#"{"jsonrpc":"2.0","id":9,"method":"resources/subscribe","params":{"uri":"file:///a"}}"#,
        );
        stage.gets("subscriptions/listen");
        stage.leave();
        assert_eq!(stage.up.held(), 0);
        assert_eq!(stage.back.held().calls, 0);
    }
}

#[test]
fn results_of_unknown_types_do_not_reach_the_client() {
    for kind in ["task", "later"] {
        let mut stage = knowing(Legs::PipeToHttp);
        stage.client(CALL);
        let got = stage.gets("tools/call");
        stage.answers(&got, &format!(r#"{{"resultType":"{kind}"}}"#));
        let answer = stage.hears();
        is_error(&answer, -32603);
        assert!(at(&answer, &["error", "message"]).contains("unknown result type"));
    }
}

#[test]
fn a_resource_that_is_missing_has_the_legacy_code() {
    let mut stage = Stage::greeted(Legs::PipeToHttp, "2025-11-25", "{}");
    stage.client(r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"file:///a"}}"#);
    let got = stage.gets("resources/read");
    stage.answers(&got, r#""error":{"code":-32602,"message":"no","data":{"uri":"file:///a"}}"#);
    is_error(&stage.hears(), -32002);
}

#[test]
fn a_missing_capability_passes_through() {
    let mut stage = knowing(Legs::PipeToHttp);
    stage.client(CALL);
    let got = stage.gets("tools/call");
    stage.answers(
        &got,
        r#""error":{"code":-32021,"message":"no","data":{"requiredCapabilities":{"sampling":{}}}}"#,
    );
    let answer = stage.hears();
    is_error(&answer, -32021);
    assert_eq!(at(&answer, &["error", "data"]), r#"{"requiredCapabilities":{"sampling":{}}}"#);
}

#[test]
fn a_header_mismatch_refreshes_the_tools_and_tries_once_more() {
    let mut stage = knowing(Legs::PipeToHttp);
    for is_cured in [true, false] {
        stage.client(&CALL.replace("1.0", "\"v\""));
        let got = stage.gets("tools/call");
        let mismatch = r#""error":{"code":-32020,"message":"header mismatch"}"#;
        stage.answers(&got, mismatch);
        let list = stage.gets("tools/list");
        stage.answers(&list, TOOLS);
        let again = stage.gets("tools/call");
        assert_ne!(again.id(), got.id());
        assert_eq!(again.headers["mcp-param-n"], "v");
        if is_cured {
            stage.answers(&again, r#"{"content":[]}"#);
            assert_eq!(stage.hears().shape().kind, Kind::Result);
        } else {
            stage.answers(&again, mismatch);
            is_error(&stage.hears(), -32603);
        }
        stage.is_quiet();
    }
}

#[test]
fn an_unsupported_revision_never_surfaces() {
    let mut stage = knowing(Legs::PipeToHttp);
    stage.client(CALL);
    let got = stage.gets("tools/call");
    stage.answers(
        &got,
        r#""error":{"code":-32022,"message":"no","data":{"supported":["2026-07-28"],"requested":"x"}}"#,
    );
    let again = stage.gets("tools/call");
    stage.answers(
        &again,
        r#""error":{"code":-32022,"message":"no","data":{"supported":["2026-07-28"],"requested":"x"}}"#,
    );
    is_error(&stage.hears(), -32603);
    stage.client(CALL);
    let got = stage.gets("tools/call");
    stage.answers(&got, r#""error":{"code":-32022,"message":"no","data":{"supported":["2030-01-01"]}}"#);
    is_error(&stage.hears(), -32603);
    stage.is_quiet();
}

#[test]
fn tools_are_read_before_an_unknown_one_is_called_over_http() {
    let mut stage = Stage::greeted(Legs::PipeToHttp, "2025-11-25", "{}");
    stage.client(&CALL.replace("1.0", "\"v\""));
    stage.client(&CALL.replace("1.0", "\"w\"").replace("c1", "c2"));
    let first = stage.gets("tools/list");
    stage.is_quiet();
    stage.answers(&first, r#"{"tools":[],"nextCursor":"é\""}"#);
    let second = stage.gets("tools/list");
    assert_eq!(second.at(&["params", "cursor"]), r#""é\"""#);
    stage.answers(&second, TOOLS);
    for value in ["v", "w"] {
        let call = stage.gets("tools/call");
        assert_eq!(call.headers["mcp-param-n"], value);
    }
    stage.client(r#"{"jsonrpc":"2.0","id":"c3","method":"tools/call","params":{"name":"nobody"}}"#);
    stage.gets("tools/call");
    stage.is_quiet();
}

#[test]
fn a_list_of_tools_without_end_is_read_as_far_as_bounds_go() {
    let mut stage = Stage::greeted(Legs::PipeToHttp, "2025-11-25", "{}");
    stage.client(CALL);
    for _ in 0..20 {
        let page = stage.gets("tools/list");
        stage.answers(&page, r#"{"tools":[],"nextCursor":"more"}"#);
    }
    stage.gets("tools/call");
    stage.is_quiet();
}

#[test]
fn a_list_that_cannot_be_read_does_not_stop_a_call() {
    let mut stage = Stage::greeted(Legs::PipeToHttp, "2025-11-25", "{}");
    stage.client(CALL);
    let page = stage.gets("tools/list");
    stage.breaks(&page, true);
    stage.gets("tools/call");
}

#[test]
fn a_list_that_never_comes_does_not_stop_a_call() {
    let mut stage = Stage::greeted(Legs::PipeToHttp, "2025-11-25", "{}");
    stage.client(CALL);
    stage.gets("tools/list");
    stage.wait(Duration::from_secs(29));
    stage.is_quiet();
    stage.wait(Duration::from_secs(1));
    stage.gets("tools/call");
    assert_eq!(stage.aborted.len(), 1);
    stage.leave();
    assert_eq!(stage.up.held(), 0);
}

#[test]
fn calls_that_are_cancelled_while_the_tools_are_read_leave_nothing() {
    let mut stage = Stage::greeted(Legs::PipeToHttp, "2025-11-25", "{}");
    stage.client(CALL);
    let list = stage.gets("tools/list");
    let held = stage.up.held();
    for _ in 0..100 {
        stage.client(&CALL.replace("c1", "c2"));
        stage.client(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"c2"}}"#);
    }
    assert_eq!(stage.up.held(), held);
    stage.answers(&list, TOOLS);
    stage.gets("tools/call");
    stage.is_quiet();
}

#[test]
fn over_pipes_no_tools_are_read() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, "2025-11-25", "{}");
    stage.client(CALL);
    stage.gets("tools/call");
    stage.is_quiet();
}

#[test]
fn tools_with_invalid_annotations_are_hidden_over_http_and_said_so() {
    let bad = r#"{"tools":[{"name":"good","inputSchema":{"type":"object"}},{"name":"bad","inputSchema":{"type":"object","properties":{"n":{"type":"array","x-mcp-header":"N"}}}}]}"#;
    for legs in LEGS {
        let mut stage = Stage::greeted(legs, "2025-11-25", "{}");
        stage.client(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#);
        let got = stage.gets("tools/list");
        stage.answers(&got, bad);
        let is_hidden = legs != Legs::HttpToPipe;
        assert_eq!(at(&stage.hears(), &["result", "tools"]).contains("\"bad\""), !is_hidden);
        assert_eq!(stage.notes.iter().any(|note| note.contains("bad")), is_hidden);
    }
}

#[test]
fn a_server_that_wants_credentials_asks_the_client_for_them() {
    for status in [401, 403] {
        let mut stage = Stage::greeted(Legs::HttpToHttp, "2025-11-25", "{}");
        stage.client(r#"{"jsonrpc":"2.0","id":1,"method":"prompts/list"}"#);
        let got = stage.gets("prompts/list");
        stage.refuses(&got, status, &[("www-authenticate", "Bearer x"), ("x-own", "1")], "no");
        let (said, headers) = stage.statuses.pop().unwrap();
        assert_eq!((said, &headers["www-authenticate"]), (status, &"Bearer x".parse().unwrap()));
        assert!(!headers.contains_key("x-own"));
    }
    let mut stage = Stage::new(Legs::HttpToHttp);
    stage.server.modern.as_mut().unwrap().discover = None;
    stage.greet("2025-11-25", "{}");
    let got = stage.gets("server/discover");
    stage.refuses(&got, 401, &[("www-authenticate", "Bearer x")], "no");
    let (said, headers) = stage.statuses.pop().unwrap();
    assert_eq!((said, &headers["www-authenticate"]), (401, &"Bearer x".parse().unwrap()));
    assert_eq!((stage.up.held(), stage.sessions.len()), (0, 0));
    let mut stage = Stage::greeted(Legs::PipeToHttp, "2025-11-25", "{}");
    stage.client(r#"{"jsonrpc":"2.0","id":1,"method":"prompts/list"}"#);
    let got = stage.gets("prompts/list");
    stage.refuses(&got, 401, &[], "no");
    assert_eq!(stage.hears().shape().kind, Kind::Error);
}

#[test]
fn other_refusals_are_errors_that_name_the_server() {
    let mut stage = knowing(Legs::HttpToHttp);
    stage.client(CALL);
    let got = stage.gets("tools/call");
    stage.refuses(&got, 503, &[], "busy");
    let answer = stage.hears();
    is_error(&answer, -32603);
    assert_eq!(at(&answer, &["error", "data", "upstream"]), r#""files""#);
    assert!(at(&answer, &["error", "message"]).contains("503"));
    assert!(at(&answer, &["error", "message"]).contains("files"));
}

#[test]
fn only_what_reads_is_repeated_after_a_break_and_once() {
    let mut stage = knowing(Legs::PipeToHttp);
    stage.client(CALL);
    let got = stage.gets("tools/call");
    stage.breaks(&got, true);
    is_error(&stage.hears(), -32603);
    stage.is_quiet();
    stage.client(r#"{"jsonrpc":"2.0","id":1,"method":"prompts/list"}"#);
    let got = stage.gets("prompts/list");
    stage.breaks(&got, true);
    stage.is_quiet();
    stage.wait(Duration::from_millis(200));
    let got = stage.gets("prompts/list");
    stage.breaks(&got, true);
    is_error(&stage.hears(), -32603);
    stage.wait(Duration::from_hours(1));
    stage.is_quiet();
}

#[test]
fn what_reads_is_repeated_on_the_next_child() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, "2025-11-25", "{}");
    stage.client(r#"{"jsonrpc":"2.0","id":1,"method":"prompts/list"}"#);
    let got = stage.gets("prompts/list");
    stage.breaks(&got, true);
    stage.is_quiet();
    stage.wait(Duration::from_millis(200));
    let mut again: Vec<_> = stage.got.drain(..).collect();
    again.retain(|again| again.method() == "prompts/list");
    assert_ne!(again[0].place, got.place);
    stage.answers(&again[0], r#"{"prompts":[]}"#);
    assert_eq!(at(&stage.hears(), &["result"]), r#"{"prompts":[]}"#);
}

#[test]
fn a_child_that_ends_fails_its_calls_and_the_next_one_is_listened_to() {
    let mut stage = knowing(Legs::HttpToPipe);
    stage.client(CALL);
    let got = stage.gets("tools/call");
    stage.breaks(&got, true);
    is_error(&stage.hears(), -32603);
    // A child that ends at once is not started over and over.
    stage.is_quiet();
    stage.wait(Duration::from_millis(200));
    let listen = stage.gets("subscriptions/listen");
    assert_ne!(listen.place, got.place);
    stage.acknowledges(&listen);
    let told: Vec<_> = std::iter::from_fn(|| stage.heard.pop_front()).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().all(|(_, told)| told.shape().method().unwrap().ends_with("/list_changed")));
}

#[test]
fn a_session_comes_back_in_another_process() {
    let mut first = Stage::greeted(Legs::HttpToHttp, "2025-06-18", r#"{"elicitation":{}}"#);
    let mut stage = Stage::new(Legs::HttpToHttp);
    stage.sessions = std::mem::take(&mut first.sessions);
    stage.client(r#"{"jsonrpc":"2.0","id":1,"method":"prompts/list"}"#);
    let got = stage.gets("prompts/list");
    let meta = |name: &str| got.at(&["params", "_meta", name]);
    assert_eq!(meta("io.modelcontextprotocol/clientInfo"), r#"{"name":"old","version":"1"}"#);
    assert_eq!(meta("io.modelcontextprotocol/clientCapabilities"), r#"{"elicitation":{"form":{}}}"#);
}

#[test]
fn a_log_that_names_no_request_is_not_told_to_anybody_when_two_may_be_meant() {
    let mut stage = Stage::greeted(Legs::HttpToPipe, "2025-11-25", "{}");
    stage.speaker = 1;
    stage.greet("2025-11-25", "{}");
    stage.hears();
    let mut calls = Vec::new();
    for speaker in [0, 1] {
        stage.speaker = speaker;
        stage.client(r#"{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"info"}}"#);
        stage.hears();
        stage.client(CALL);
        calls.push(stage.gets("tools/call"));
    }
    let log = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}"#;
    stage.says(&calls[0], log);
    stage.is_quiet();
    stage.answers(&calls[1], "{}");
    stage.hears();
    stage.says(&calls[0], log);
    assert_eq!(stage.heard.pop_front().map(|(who, _)| who), Some(0));
}

#[test]
fn a_client_that_goes_away_cancels_nothing() {
    let mut stage = Stage::greeted(Legs::HttpToHttp, "2025-11-25", "{}");
    stage.client(r#"{"jsonrpc":"2.0","id":1,"method":"prompts/list"}"#);
    let got = stage.gets("prompts/list");
    let held = stage.up.held();
    stage.goes();
    stage.is_quiet();
    assert_eq!((stage.aborted.len(), stage.up.held()), (0, held));
    stage.answers(&got, r#"{"prompts":[]}"#);
    assert!(stage.up.held() < held);
}
