//! Tasks of many modern clients on a server of 2025-11-25, in every order that chance gives.

use std::time::Duration;

use serde_json::{Value, json};
use tapgate_testkit::Chance;
use tapgate_testkit::peer::{Client, Over, Server, World};
use tapgate_wire::revision::Revision;

use super::stage::{Tested, bridge, settings, words};

const N_CLIENTS: usize = 4;
const N_TASKS: usize = 5;

/// Clients of which each has its own credentials, but for two that share theirs.
fn crowd(server: Over, seed: u64) -> World<Tested> {
    let client = |n: usize| {
        let mut client = Client::new(Over::Http, Revision::V2026_07_28);
        client.credentials = Some(format!("Bearer {}", n.min(N_CLIENTS - 2)));
        client.extensions = json!({ "io.modelcontextprotocol/tasks": {} });
        client
    };
    let clients = (0..N_CLIENTS).map(client).collect();
    let server = Server::new(server, Revision::V2025_11_25);
    let mut world = World::new(bridge(settings(Over::Http, server.over)), clients, server);
    world.server.skill.has_core_tasks = true;
    world.chance = Some(Chance::new(seed));
    world
}

/// Each client asks about each of its tasks at once; gives the answers.
fn about(
    world: &mut World<Tested>,
    tasks: &[(usize, usize, Value)],
    ask: impl Fn(usize, usize, &Value) -> (&'static str, Value),
) -> Vec<Value> {
    let mut keys = Vec::new();
    for (n, round, task) in tasks {
        let (method, mut params) = ask(*n, *round, task);
        if params["taskId"].is_null() && method != "tools/call" {
            params["taskId"] = task["taskId"].clone();
        }
        keys.push((*n, world.clients[*n].ask(method, params)));
    }
    world.pass(Duration::from_secs(2));
    keys.iter().map(|(n, key)| world.clients[*n].answer(key).clone()).collect()
}

#[test]
fn tasks_never_cross() {
    for server in [Over::Pipe, Over::Http, Over::Sse] {
        for seed in 0..6 {
            let mut world = crowd(server, seed);
            let mut tasks: Vec<(usize, usize, Value)> =
                (0..N_CLIENTS * N_TASKS).map(|at| (at / N_TASKS, at % N_TASKS, Value::Null)).collect();
            let call = json!({ "name": "job", "arguments": { "does": "ask" } });
            let created = about(&mut world, &tasks, |_, _, _| ("tools/call", call.clone()));
            for (task, created) in tasks.iter_mut().zip(created) {
                assert_eq!(created["result"]["resultType"], "task", "{server:?} {seed} {created}");
                task.2 = created["result"].clone();
            }
            let asking = about(&mut world, &tasks, |_, _, _| ("tasks/get", json!({})));
            let named: Vec<(usize, usize, Value)> = tasks
                .iter()
                .zip(&asking)
                .map(|((n, round, _), asking)| (*n, *round, asking["result"].clone()))
                .collect();
            about(&mut world, &named, |n, round, task| {
                let key = task["inputRequests"].as_object().and_then(|all| all.keys().next().cloned());
                let name = json!({ "action": "accept", "content": { "name": format!("{n}/{round}") } });
                ("tasks/update", json!({ "inputResponses": { key.unwrap_or_default(): name } }))
            });
            let ended = about(&mut world, &tasks, |_, _, _| ("tasks/get", json!({})));
            for ((n, round, _), ended) in tasks.iter().zip(&ended) {
                let said = words(&ended["result"]);
                assert_eq!(said, format!("name={n}/{round}"), "{server:?} {seed} {ended}");
            }
            // What is another principal's is nobody's.
            let foreign = about(&mut world, &tasks, |n, round, _| {
                let other = &tasks[((n + 1) % N_CLIENTS) * N_TASKS + round];
                ("tasks/get", json!({ "taskId": other.2["taskId"] }))
            });
            for ((n, _, _), foreign) in tasks.iter().zip(&foreign) {
                let is_own = n + 2 == N_CLIENTS;
                assert_eq!(foreign.get("error").is_none(), is_own, "{server:?} {seed} {n} {foreign}");
            }
            for client in &world.clients {
                assert_eq!(client.faults, Vec::<String>::new(), "{server:?} {seed}");
            }
            assert_eq!(world.server.all_faults(), Vec::<String>::new(), "{server:?} {seed}");
        }
    }
}
