//! Many clients at once, in every order that chance gives.

use serde_json::json;
use tapgate_testkit::Chance;
use tapgate_testkit::peer::{Client, Manner, Over, Server, World};
use tapgate_wire::revision::Revision;

use super::stage::{Kind, Stage, bridge, settings, words};

/// Eight clients of several revisions ask at the same time with the same ids.
fn crowd(server: Kind, seed: u64) -> World<super::stage::Tested> {
    let revisions =
        [Revision::V2025_03_26, Revision::V2025_06_18, Revision::V2025_11_25, Revision::V2026_07_28];
    let clients = (0..8)
        .map(|n| {
            let over = if n == 5 { Over::Sse } else { Over::Http };
            let revision = if n == 5 { Revision::V2024_11_05 } else { revisions[n % 4] };
            Client::new(over, revision)
        })
        .collect();
    let bridge = bridge(settings(Over::Http, server.0));
    let mut world = World::new(bridge, clients, Server::new(server.0, server.1));
    world.chance = Some(Chance::new(seed));
    world
}

#[test]
fn answers_never_cross_and_nothing_hangs() {
    for server in Kind::all() {
        for seed in 0..6 {
            let mut world = crowd(server, seed);
            for client in &mut world.clients {
                client.begin();
            }
            world.pass(std::time::Duration::from_secs(2));
            let mut keys = Vec::new();
            for n in 0..world.clients.len() {
                for round in 0..6 {
                    let tool = ["echo", "progress", "sample", "roots", "echo", "count"][round];
                    let token = json!({ "progressToken": round });
                    let arguments = json!({ "who": n, "round": round });
                    let params = json!({ "name": tool, "arguments": arguments, "_meta": token });
                    // All clients use the same ids.
                    let key = world.clients[n].ask_as(json!(100 + round), "tools/call", params);
                    keys.push((n, round, key));
                }
            }
            world.pass(std::time::Duration::from_secs(5));
            for (n, round, key) in keys {
                let answer = world.clients[n].answer(&key).clone();
                let said = answer["result"]["content"][0]["text"].as_str().unwrap_or_default();
                let expected = match round {
                    0 | 4 => json!({ "who": n, "round": round }).to_string(),
                    1 => "done".to_owned(),
                    2 => "sample=sampled".to_owned(),
                    3 => "roots=file:///work".to_owned(),
                    _ => "counted".to_owned(),
                };
                assert_eq!(said, expected, "{server:?} seed {seed} client {n} round {round}: {answer}");
            }
            assert_eq!(world.server.skill.n_counted, 8, "{server:?} seed {seed}");
            for client in &world.clients {
                assert_eq!(client.faults, Vec::<String>::new(), "{server:?} seed {seed}");
            }
            assert_eq!(world.server.all_faults(), Vec::<String>::new(), "{server:?} seed {seed}");
        }
    }
}

#[test]
fn questions_that_nobody_answers_stop_no_other_call() {
    for server in [Kind(Over::Pipe, Revision::V2025_11_25), Kind(Over::Sse, Revision::V2024_11_05)] {
        let mut stage = Stage::new(Kind(Over::Http, Revision::V2026_07_28), server);
        stage.begin();
        stage.me().manner = Manner::Ignores;
        for _ in 0..20 {
            let key = stage.me().ask("tools/call", json!({ "name": "sample", "arguments": {} }));
            stage.world.pass(std::time::Duration::from_millis(500));
            let call = stage.me().calls[&key].clone();
            assert_eq!(call.rounds, 1, "{server:?}: {call:?} {:?}", stage.world.server.skill.heard);
        }
        assert!(stage.world.server.n_talks() <= 10, "{server:?}: {} processes", stage.world.server.n_talks());
        stage.me().manner = Manner::Accepts;
        let answer = stage.call("sample", json!({}));
        assert_eq!(words(&answer), "sample=sampled", "{server:?}");
        assert_eq!(words(&stage.call("echo", json!({}))), "{}", "{server:?}");
    }
}

#[test]
fn the_quietest_process_makes_room_and_its_client_is_greeted_again() {
    let mut settings = settings(Over::Http, Over::Pipe);
    settings.bounds.links = 3;
    let clients = (0..6).map(|_| Client::new(Over::Http, Revision::V2025_06_18)).collect();
    let mut world = World::new(bridge(settings), clients, Server::new(Over::Pipe, Revision::V2025_11_25));
    for round in 0..3 {
        for n in 0..world.clients.len() {
            let key = if round == 0 {
                world.clients[n].begin()
            } else {
                world.clients[n].ask("tools/call", json!({ "name": "echo", "arguments": { "who": n } }))
            };
            world.pass(std::time::Duration::from_millis(200));
            let answer = world.clients[n].answer(&key).clone();
            assert!(answer.get("result").is_some(), "round {round} client {n}: {answer}");
            assert!(world.server.n_talks() <= 3, "{}", world.server.n_talks());
        }
    }
    for client in &world.clients {
        assert_eq!(client.faults, Vec::<String>::new());
    }
    assert_eq!(world.server.all_faults(), Vec::<String>::new());
}

#[test]
fn a_session_that_finds_every_process_at_work_is_told_so() {
    let mut settings = settings(Over::Http, Over::Pipe);
    settings.bounds.links = 2;
    let clients = (0..3).map(|_| Client::new(Over::Http, Revision::V2025_06_18)).collect();
    let mut world = World::new(bridge(settings), clients, Server::new(Over::Pipe, Revision::V2025_11_25));
    for client in &mut world.clients[..2] {
        client.begin();
    }
    world.pass(std::time::Duration::from_millis(200));
    let slow: Vec<String> = world.clients[..2]
        .iter_mut()
        .map(|client| client.ask("tools/call", json!({ "name": "slow", "arguments": {} })))
        .collect();
    world.pass(std::time::Duration::from_millis(200));
    let key = world.clients[2].begin();
    world.pass(std::time::Duration::from_millis(200));
    let refused = world.clients[2].answer(&key).clone();
    let message = refused["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("all 2 processes of `scripted` are in use"), "{refused}");
    // Nobody who is served was disturbed, and who was refused is served as soon as one is at rest.
    assert_eq!(world.server.n_talks(), 2);
    assert!(world.clients[0].answer(&slow[0]).is_null());
    world.clients[0].cancel(&slow[0]);
    world.pass(std::time::Duration::from_millis(200));
    let key = world.clients[2].begin();
    world.pass(std::time::Duration::from_millis(200));
    assert!(world.clients[2].answer(&key).get("result").is_some());
    assert!(world.clients[1].answer(&slow[1]).is_null());
    assert_eq!(world.server.skill.cancelled, ["slow"]);
}
