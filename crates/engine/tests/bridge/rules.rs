//! What the specification asks of both legs, whatever stands at their ends.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tapgate_testkit::peer::{META, Over};
use tapgate_wire::record::Era;
use tapgate_wire::revision::Revision;

use super::raw::{Raw, discovered, meta};
use super::stage::{Kind, Stage, settings, words};

const J25: Revision = Revision::V2025_06_18;
const N25: Revision = Revision::V2025_11_25;
const NEW: Revision = Revision::V2026_07_28;

fn kinds(is_modern: bool) -> Vec<Kind> {
    Kind::all().into_iter().filter(|kind| kind.is_modern() == is_modern).collect()
}

#[test]
fn a_modern_leg_carries_no_request_of_a_server_and_no_answer_to_one() {
    let ask = json!({ "jsonrpc": "2.0", "id": "s1", "method": "roots/list" });
    for is_modern in [true, false] {
        let mut raw = Raw::new(Over::Pipe, Over::Pipe);
        if is_modern {
            let params = json!({ "name": "p", "_meta": meta(json!({ "roots": {} })) });
            raw.line(&json!({ "jsonrpc": "2.0", "id": 1, "method": "prompts/get", "params": params }));
        } else {
            raw.initialize(json!({ "roots": {} }));
            let hello = raw.gets("initialize");
            raw.refuses(&hello, 200, json!({ "code": -32601, "message": "no" }));
        }
        let probe = raw.gets("server/discover");
        raw.answers(&probe, discovered(json!({ "capabilities": { "prompts": {} } })));
        if !is_modern {
            raw.hears();
            raw.got.clear();
            let params = json!({ "name": "p" });
            raw.line(&json!({ "jsonrpc": "2.0", "id": 1, "method": "prompts/get", "params": params }));
        }
        let call = raw.gets("prompts/get");
        raw.streams(&call, true, &ask);
        raw.is_quiet();
        raw.answers(&call, json!({ "resultType": "complete", "messages": [] }));
        assert_eq!(raw.hears().message["id"], 1);
        raw.is_quiet();
    }
}

#[test]
fn a_modern_process_that_ends_fails_its_calls_and_its_listeners_are_told_of_the_next_one() {
    for over in [Over::Pipe, Over::Http] {
        let mut stage = Stage::new(Kind(over, NEW), Kind(Over::Pipe, NEW));
        stage.begin();
        let wish = json!({ "notifications": { "toolsListChanged": true } });
        let listen = stage.me().ask("subscriptions/listen", wish);
        stage.settle();
        let slow = stage.me().ask("tools/call", json!({ "name": "slow", "arguments": {} }));
        assert_eq!(stage.call("die", json!({}))["error"]["code"], -32603);
        stage.settle();
        assert_eq!(stage.me().answer(&slow)["error"]["code"], -32603);
        let heard = &stage.world.server.skill.heard;
        let n_listens = heard.iter().filter(|(method, _)| method == "subscriptions/listen").count();
        assert_eq!(n_listens, 2);
        let told: Vec<_> = stage.me().calls[&listen].told.iter().map(|told| told["method"].clone()).collect();
        assert_eq!(told, ["notifications/subscriptions/acknowledged", "notifications/tools/list_changed"]);
        assert!(stage.me().answer(&listen).is_null());
        assert_eq!(words(&stage.call("echo", json!({}))), "{}");
        assert_eq!(stage.faults(), Vec::<String>::new());
    }
}

#[test]
fn a_legacy_client_that_goes_away_cancels_nothing_whatever_the_server() {
    for client in kinds(false).into_iter().filter(|kind| kind.0 == Over::Http) {
        for server in Kind::all() {
            let mut stage = Stage::new(client, server);
            stage.begin();
            let key = stage.me().ask("tools/call", json!({ "name": "slow", "arguments": {} }));
            stage.settle();
            stage.me().drop_stream(&key);
            stage.settle();
            assert_eq!(stage.world.server.skill.cancelled, Vec::<String>::new(), "{client:?} {server:?}");
            assert_eq!(words(&stage.call("echo", json!({}))), "{}", "{client:?} {server:?}");
        }
    }
}

#[test]
fn a_post_accepts_both_kinds_of_answers() {
    for is_modern in [true, false] {
        let mut raw = Raw::new(Over::Pipe, Over::Http);
        raw.initialize(json!({}));
        if is_modern {
            let hello = raw.gets("initialize");
            raw.refuses(&hello, 404, json!({ "code": -32601, "message": "no" }));
            let probe = raw.gets("server/discover");
            raw.answers(&probe, discovered(json!({ "capabilities": { "prompts": {} } })));
        } else {
            raw.greets(json!({ "prompts": {} }));
        }
        raw.line(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        raw.got.retain(|got| got.verb == Method::POST && got.method() != "notifications/initialized");
        raw.line(&json!({ "jsonrpc": "2.0", "id": 1, "method": "prompts/list" }));
        let post = raw.got.pop_back().unwrap();
        let accepts = post.headers["accept"].to_str().unwrap();
        assert!(accepts.contains("application/json") && accepts.contains("text/event-stream"), "{accepts}");
        let revision = if is_modern { NEW } else { N25 };
        assert_eq!(post.method(), "prompts/list");
        assert_eq!(post.headers["mcp-protocol-version"], revision.as_str());
    }
}

#[test]
fn methods_that_left_with_2026_are_not_found() {
    for client in kinds(true) {
        for server in Kind::all() {
            let mut stage = Stage::new(client, server);
            stage.begin();
            for method in [
                "initialize",
                "ping",
                "logging/setLevel",
                "resources/subscribe",
                "resources/unsubscribe",
                "tasks/result",
                "tasks/list",
            ] {
                let key =
                    stage.me().ask(method, json!({ "uri": "test://text", "level": "info", "taskId": "t" }));
                stage.settle();
                let call = stage.me().calls[&key].clone();
                let status = (client.0 == Over::Http).then_some(404);
                let code = call.answer.unwrap_or_default()["error"]["code"].clone();
                assert_eq!((code, call.status), (json!(-32601), status), "{client:?} {server:?} {method}");
            }
        }
    }
}

#[test]
fn what_the_tasks_extension_kept_passes_between_modern_pipes() {
    let mut raw = Raw::new(Over::Pipe, Over::Pipe);
    let ask = |raw: &mut Raw, id: u64, method: &str, mut params: Value| {
        params["_meta"] = meta(json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } }));
        raw.line(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
    };
    ask(&mut raw, 1, "server/discover", json!({}));
    let probe = raw.gets("server/discover");
    raw.answers(&probe, discovered(json!({})));
    let own = raw.gets("server/discover");
    raw.answers(&own, discovered(json!({})));
    raw.hears();
    for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
        ask(&mut raw, 2, method, json!({ "taskId": "t" }));
        let got = raw.gets(method);
        raw.answers(&got, json!({ "resultType": "complete" }));
        assert_eq!(raw.hears().message["result"]["resultType"], "complete", "{method}");
    }
    for method in ["tasks/result", "tasks/list"] {
        ask(&mut raw, 3, method, json!({ "taskId": "t" }));
        assert_eq!(raw.hears().code(), -32601, "{method}");
    }
}

#[test]
fn a_header_mismatch_reads_the_tools_anew_and_tries_once_more() {
    let tools = |header: &str| {
        let schema =
            json!({ "type": "object", "properties": { "r": { "type": "string", "x-mcp-header": header } } });
        json!({ "resultType": "complete", "ttlMs": 0, "cacheScope": "private", "tools": [{ "name": "t", "inputSchema": schema }] })
    };
    let mut raw = Raw::new(Over::Pipe, Over::Http);
    let params = json!({ "name": "t", "arguments": { "r": "eu" }, "_meta": meta(json!({})) });
    raw.line(&json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }));
    let probe = raw.gets("server/discover");
    raw.answers(&probe, discovered(json!({})));
    let list = raw.gets("tools/list");
    raw.answers(&list, tools("Old"));
    let mut call = raw.gets("tools/call");
    assert_eq!(call.headers["mcp-param-old"], "eu");
    for is_second in [false, true] {
        raw.refuses(&call, 400, json!({ "code": -32020, "message": "Mcp-Param-New is missing" }));
        if is_second {
            break;
        }
        let list = raw.gets("tools/list");
        raw.answers(&list, tools("New"));
        call = raw.gets("tools/call");
        assert_eq!(call.headers["mcp-param-new"], "eu");
        assert!(!call.headers.contains_key("mcp-param-old"));
    }
    assert_eq!(raw.hears().message["id"], 1);
    raw.is_quiet();
}

#[test]
fn a_result_without_a_type_is_complete_and_one_of_an_unknown_type_is_none() {
    for (result, code) in [
        (json!({ "messages": [] }), Value::Null),
        (json!({ "resultType": "complete", "messages": [] }), Value::Null),
        (json!({ "resultType": "later", "messages": [] }), json!(-32603)),
        (json!({ "resultType": 7, "messages": [] }), json!(-32603)),
    ] {
        let mut raw = Raw::new(Over::Pipe, Over::Http);
        raw.initialize(json!({}));
        let hello = raw.gets("initialize");
        raw.refuses(&hello, 404, json!({ "code": -32601, "message": "no" }));
        let probe = raw.gets("server/discover");
        raw.answers(&probe, discovered(json!({ "capabilities": { "prompts": {} } })));
        assert_eq!(raw.hears().message["result"]["protocolVersion"], "2025-11-25");
        raw.got.clear();
        raw.line(&json!({ "jsonrpc": "2.0", "id": 1, "method": "prompts/get", "params": { "name": "p" } }));
        let call = raw.gets("prompts/get");
        raw.answers(&call, result.clone());
        let told = raw.hears();
        assert_eq!(told.message["error"]["code"], code, "{result}");
        assert_eq!(told.message["result"]["messages"].is_array(), code.is_null(), "{result}");
    }
}

#[test]
fn every_list_and_every_read_is_the_servers_own_answer() {
    for client in kinds(true) {
        for server in Kind::all() {
            let mut stage = Stage::new(client, server);
            stage.begin();
            let asks = [
                ("tools/list", json!({})),
                ("prompts/list", json!({})),
                ("resources/list", json!({})),
                ("resources/templates/list", json!({})),
                ("resources/read", json!({ "uri": "test://text" })),
            ];
            for (method, params) in asks {
                stage.ask(method, params.clone());
                stage.ask(method, params);
                let heard = &stage.world.server.skill.heard;
                let n = heard.iter().filter(|(heard, _)| heard == method).count();
                assert_eq!(n, 2, "{client:?} {server:?} {method}");
            }
        }
    }
}

#[test]
fn who_a_server_is_is_asked_again_for_another_principal() {
    let mut raw = Raw::new(Over::Http, Over::Http);
    let hello = |who: &str, raw: &mut Raw| {
        let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "a", "version": "1" } });
        let message = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params });
        raw.post(&format!("authorization: Bearer {who}"), &message);
    };
    hello("ann", &mut raw);
    let refused = raw.gets("initialize");
    raw.refuses(&refused, 404, json!({ "code": -32601, "message": "no" }));
    let probe = raw.gets("server/discover");
    assert_eq!(probe.headers["authorization"], "Bearer ann");
    raw.answers(&probe, discovered(json!({ "instructions": "ann may do everything" })));
    assert_eq!(raw.hears().message["result"]["instructions"], "ann may do everything");
    hello("bob", &mut raw);
    // What the server calls `private` is Ann's alone: Spec 2026-07-28, server/utilities/caching.
    let asked = raw.gets("server/discover");
    assert_eq!(asked.headers["authorization"], "Bearer bob");
    raw.answers(&asked, discovered(json!({ "instructions": "bob may read" })));
    assert_eq!(raw.hears().message["result"]["instructions"], "bob may read");
    raw.is_quiet();
}

#[test]
fn errors_of_the_bridge_have_codes_that_json_rpc_or_the_specification_gave_them() {
    let ours = [-32700, -32600, -32601, -32602, -32603, -32020, -32021, -32022];
    let mut codes = Vec::new();
    let mut hear = |raw: &mut Raw| {
        let told = raw.hears();
        assert!(ours.contains(&told.code()), "{told:?}");
        codes.push(told.code());
    };
    for over in [Over::Pipe, Over::Http] {
        // What clients do wrong.
        let mut raw = Raw::new(Over::Http, over);
        let headers = "content-type: application/json\nmcp-protocol-version: 2026-07-28\nmcp-method: ping";
        for body in ["{", "[]", "{}", r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#] {
            raw.http(Method::POST, headers, body);
            hear(&mut raw);
        }
        raw.http(Method::GET, "accept: text/event-stream\nmcp-session-id: x", "");
        hear(&mut raw);
        raw.http(Method::PUT, "mcp-session-id: x", "");
        hear(&mut raw);
        raw.asks_as("mcp-name: other", json!(1), "prompts/get", json!({ "name": "p" }));
        hear(&mut raw);
        let mut of_tomorrow = meta(json!({}));
        of_tomorrow[format!("{META}protocolVersion")] = json!("2027-01-01");
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "prompts/list", "params": { "_meta": of_tomorrow } });
        raw.post("mcp-protocol-version: 2027-01-01\nmcp-method: prompts/list", &body);
        hear(&mut raw);
        // What becomes of servers.
        for is_modern in [true, false] {
            let mut raw = Raw::new(Over::Http, over);
            raw.asks(json!(1), "vendor/own", json!({}));
            let probe = raw.gets("server/discover");
            if is_modern {
                raw.answers(&probe, discovered(json!({ "capabilities": { "prompts": {} } })));
            } else {
                raw.refuses(&probe, 400, json!({ "code": -32601, "message": "no" }));
                raw.greets(json!({ "prompts": {} }));
                raw.gets("notifications/initialized");
                raw.got.retain(|got| got.verb == Method::POST);
            }
            let call = raw.gets("vendor/own");
            raw.breaks(&call, true);
            hear(&mut raw);
        }
    }
    for code in [-32700, -32600, -32602, -32603, -32020, -32022] {
        assert!(codes.contains(&code), "{code} was not seen in {codes:?}");
    }
}

#[test]
fn who_a_client_says_it_is_changes_nothing() {
    let mut answers = Vec::new();
    let names = [
        Value::Null,
        json!({ "name": "plain", "version": "1" }),
        json!({ "name": "scripted-server", "version": "9", "title": "admin" }),
        json!({ "name": "tapgate", "version": "0" }),
        json!(7),
    ];
    let mut stage = Stage::new(Kind(Over::Http, NEW), Kind(Over::Http, N25));
    stage.begin();
    for (n, name) in names.into_iter().enumerate() {
        let mut params = json!({ "name": "echo", "arguments": { "a": 1 } });
        stage.me().dress(&mut params);
        params["_meta"][format!("{META}clientInfo")] = name;
        let message = json!({ "jsonrpc": "2.0", "id": 100 + n, "method": "tools/call", "params": params });
        let key = (100 + n).to_string();
        stage.me().calls.insert(key.clone(), tapgate_testkit::peer::client::Call::default());
        stage.me().send(&message);
        stage.settle();
        let call = stage.me().calls[&key].clone();
        answers.push((call.status, call.answer.unwrap_or_default()["result"].clone()));
    }
    assert_eq!(words(&json!({ "result": answers[0].1 })), r#"{"a":1}"#);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let heard = &stage.world.server.skill.heard;
    assert_eq!(heard.iter().filter(|(method, _)| method == "initialize").count(), 1);
}

#[test]
fn a_tool_that_calls_itself_harmless_is_not_called_twice() {
    let hints = json!({ "readOnlyHint": true, "idempotentHint": true, "destructiveHint": false });
    let tools =
        json!({ "tools": [{ "name": "t", "inputSchema": { "type": "object" }, "annotations": hints }] });
    for over in [Over::Pipe, Over::Http] {
        for is_modern in [true, false] {
            let mut raw = Raw::new(Over::Http, over);
            raw.asks(json!(1), "tools/list", json!({}));
            let probe = raw.gets("server/discover");
            if is_modern {
                raw.answers(&probe, discovered(json!({})));
            } else {
                raw.refuses(&probe, 400, json!({ "code": -32601, "message": "no" }));
                raw.greets(json!({ "tools": {} }));
                raw.gets("notifications/initialized");
                raw.got.retain(|got| got.verb == Method::POST);
            }
            let list = raw.gets("tools/list");
            raw.answers(&list, tools.clone());
            assert_eq!(raw.hears().message["result"]["tools"][0]["annotations"], hints);
            raw.asks(json!(2), "tools/call", json!({ "name": "t", "arguments": {} }));
            let call = raw.gets("tools/call");
            raw.breaks(&call, true);
            assert_eq!(raw.hears().code(), -32603);
            raw.pass(Duration::from_mins(1));
            assert!(raw.got.iter().all(|got| got.method() != "tools/call"), "{over:?} {is_modern}");
        }
    }
}

#[test]
fn the_bridge_writes_no_reserved_meta_key_that_the_specification_did_not_define() {
    let known = ["protocolVersion", "clientInfo", "clientCapabilities", "logLevel"];
    for client in Kind::all() {
        for server in Kind::all() {
            let mut stage = Stage::new(client, server);
            stage.begin();
            for tool in ["echo", "form", "log"] {
                stage.call(tool, json!({}));
            }
            for (method, params) in &stage.world.server.skill.heard {
                let keys = params["_meta"].as_object().into_iter().flatten().map(|(key, _)| key);
                let odd = keys.filter(|key| !known.iter().any(|known| **key == format!("{META}{known}")));
                assert_eq!(odd.collect::<Vec<_>>(), Vec::<&String>::new(), "{client:?} {server:?} {method}");
            }
        }
    }
}

#[test]
fn a_schema_that_points_elsewhere_is_passed_on_and_never_fetched() {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "$id": "https://example.com/t",
        "properties": { "a": { "$ref": "https://example.com/a.json" }, "b": { "$dynamicRef": "#x" } },
        "$defs": { "c": { "anyOf": [{ "const": 1.50 }, { "prefixItems": [true], "unevaluatedItems": false }] } },
        "dependentSchemas": { "a": { "if": {}, "then": { "required": ["b"] } } }, "x-own": [1],
    });
    let tools = json!({ "tools": [{ "name": "t", "inputSchema": schema, "outputSchema": schema }] });
    for over in [Over::Pipe, Over::Http] {
        for is_modern in [true, false] {
            let mut raw = Raw::new(Over::Http, over);
            raw.asks(json!(1), "tools/list", json!({}));
            let probe = raw.gets("server/discover");
            if is_modern {
                raw.answers(&probe, discovered(json!({})));
            } else {
                raw.refuses(&probe, 400, json!({ "code": -32601, "message": "no" }));
                raw.greets(json!({ "tools": {} }));
                raw.gets("notifications/initialized");
                raw.got.retain(|got| got.verb == Method::POST);
            }
            let list = raw.gets("tools/list");
            raw.answers(&list, tools.clone());
            let tool = raw.hears().message["result"]["tools"][0].clone();
            assert_eq!((&tool["inputSchema"], &tool["outputSchema"]), (&schema, &schema));
            raw.pass(Duration::from_mins(1));
            raw.asks(json!(2), "tools/call", json!({ "name": "t", "arguments": { "a": 1 } }));
            raw.gets("tools/call");
            raw.is_quiet();
        }
    }
}

#[test]
fn a_bridge_for_modern_clients_alone_names_its_revision_to_a_legacy_one() {
    for over in [Over::Pipe, Over::Http] {
        let mut settings = settings(over, Over::Pipe);
        settings.client_era = Some(Era::Modern);
        let mut raw = Raw::with(settings);
        let params = json!({ "protocolVersion": J25.as_str(), "capabilities": {}, "clientInfo": { "name": "a", "version": "1" } });
        let hello = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params });
        if over == Over::Pipe {
            raw.line(&hello);
        } else {
            raw.post("", &hello);
        }
        let told = raw.hears();
        let message = told.message["error"]["message"].as_str().unwrap_or_default();
        assert!(message.contains("2026-07-28"), "{told:?}");
        raw.is_quiet();
    }
}
