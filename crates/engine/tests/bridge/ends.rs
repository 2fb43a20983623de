//! What is still said when no client will come any more.

use std::time::Duration;

use serde_json::{Value, json};
use tapgate_testkit::peer::Over;
use tapgate_wire::edge::{Act, Heard};
use tapgate_wire::record::Era;
use tapgate_wire::revision::Revision;

use super::stage::{Kind, Stage, bridge, settings};

/// All pairs of a client on the tap's pipe and a server.
fn pipes() -> impl Iterator<Item = (Kind, Kind)> {
    let clients = Kind::all().into_iter().filter(|kind| kind.0 == Over::Pipe);
    clients.flat_map(|client| Kind::all().into_iter().map(move |server| (client, server)))
}

#[test]
fn a_client_that_writes_all_and_closes_its_pipe_gets_all_answers() {
    for (client, server) in pipes() {
        let mut stage = Stage::new(client, server);
        let me = stage.me();
        let keys = [me.begin(), me.ask("tools/list", json!({})), me.ask("prompts/list", json!({}))];
        me.end();
        stage.world.pass(Duration::from_secs(20));
        for key in keys {
            let answer = stage.me().answer(&key);
            assert!(answer["result"].is_object(), "{client:?} {server:?} {key}: {answer}");
        }
        assert_eq!(stage.world.exit, Some(0), "{client:?} {server:?}");
        assert!(
            stage.world.server.n_talks() == 0 || server.1.era() == Era::Modern && server.0 == Over::Http,
            "{client:?} {server:?}"
        );
    }
}

#[test]
fn a_server_that_never_answers_is_not_waited_for_for_ever() {
    for (client, server) in pipes() {
        let mut stage = Stage::new(client, server);
        stage.begin();
        let key = stage.me().ask("tools/call", json!({ "name": "slow", "arguments": {} }));
        stage.me().end();
        stage.world.pass(Duration::from_secs(29));
        assert_eq!(
            (stage.world.exit, stage.me().answer(&key)),
            (None, &Value::Null),
            "{client:?} {server:?}"
        );
        stage.world.pass(Duration::from_secs(2));
        assert_eq!(stage.world.exit, Some(0), "{client:?} {server:?}");
        assert_eq!(stage.me().answer(&key)["error"]["code"], -32603, "{client:?} {server:?}");
    }
}

#[test]
fn the_second_end_is_at_once() {
    for (client, server) in pipes() {
        let mut stage = Stage::new(client, server);
        stage.begin();
        stage.me().ask("tools/call", json!({ "name": "slow", "arguments": {} }));
        stage.me().end();
        stage.me().end();
        stage.world.run();
        assert_eq!(stage.world.exit, Some(0), "{client:?} {server:?}");
        assert!(
            stage.world.server.n_talks() == 0 || server.1.era() == Era::Modern && server.0 == Over::Http,
            "{client:?} {server:?}"
        );
    }
}

#[test]
fn a_stream_of_subscriptions_keeps_nothing_alive() {
    let client = Kind(Over::Pipe, Revision::V2026_07_28);
    for server in Kind::all() {
        let mut stage = Stage::new(client, server);
        stage.begin();
        stage.me().ask("subscriptions/listen", json!({ "notifications": { "toolsListChanged": true } }));
        stage.settle();
        stage.me().end();
        stage.settle();
        assert_eq!(stage.world.exit, Some(0), "{server:?}");
    }
}

#[test]
fn a_listener_that_is_stopped_ends_all_sessions_at_once() {
    for client in Kind::all().into_iter().filter(|kind| kind.0 != Over::Pipe) {
        for server in Kind::all() {
            let mut stage = Stage::new(client, server);
            stage.begin();
            let key = stage.me().ask("tools/call", json!({ "name": "slow", "arguments": {} }));
            stage.settle();
            assert_eq!(stage.me().answer(&key), &Value::Null);
            stage.me().stop();
            stage.world.run();
            assert_eq!(stage.world.exit, Some(0), "{client:?} {server:?}");
            assert!(
                stage.world.server.n_talks() == 0 || server.1.era() == Era::Modern && server.0 == Over::Http,
                "{client:?} {server:?}"
            );
        }
    }
}

#[test]
fn nothing_is_over_twice() {
    let mut acts = Vec::new();
    let mut bridge = bridge(settings(Over::Http, Over::Http)).0;
    for _ in 0..3 {
        bridge.on(tapgate_wire::Nanos(1), Heard::LineEnd, &mut acts);
    }
    assert!(matches!(acts[..], [Act::Exit(0)]), "{acts:?}");
    assert_eq!(bridge.deadline(), None);
}
