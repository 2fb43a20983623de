//! Official clients record official servers, and see the same in a mock of what was recorded, whatever they speak; and a
//! replay of it to the same server shows no difference.

use serde_json::Value;
use tempfile::TempDir;

use crate::compare;
use crate::play::{self, At, Running, Saw};
use crate::recorded::run;
use crate::table::{CLIENTS, Client, Kind, RESEARCH, SERVERS, Server};

/// A recorded conversation, with a server that still runs if it is one that listens.
struct Recorded {
    home: TempDir,
    running: Running,
    client: &'static Client,
    server: &'static Server,
    saw: Saw,
    session: String,
}

fn server(name: &str, kind: Kind) -> &'static Server {
    SERVERS.iter().find(|one| one.name == name && one.kind == kind).unwrap()
}

fn record(client: &str, server: &'static Server) -> Recorded {
    let client = CLIENTS.iter().find(|one| one.name == client).unwrap();
    let (home, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let running = Running::start(server);
    let mut arguments = words(&["tap", "--full", "--name", "recorded"]);
    arguments.extend(match running.at(folder.path()) {
        At::Command(command) => [words(&["--"]), command].concat(),
        At::Url(url) => [words(&["--listen", "127.0.0.1:0"]), vec![url]].concat(),
    });
    let saw = play::behind(&arguments, client, server, server.kind, home.path(), folder.path());
    let (_, calls, _) = run(home.path(), &["calls", "--json", "--limit", "1"]);
    let session = calls[0]["session"].as_str().unwrap().to_owned();
    Recorded { home, running, client, server, saw, session }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

impl Recorded {
    /// What a client sees in a mock.
    fn mocked(&self, client: &Client, kind: Kind) -> Saw {
        let folder = tempfile::tempdir().unwrap();
        // Clients may lose what they read together with the answer behind it; with the recorded pauses they do not.
        let mut arguments = words(&["mock", &self.session, "--timing"]);
        if kind != Kind::Stdio {
            arguments.extend(words(&["--listen", "127.0.0.1:0"]));
        }
        play::behind(&arguments, client, self.server, kind, self.home.path(), folder.path())
    }
}

impl Recorded {
    /// What is different when the recording is played to the same server.
    fn replayed(&self) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let mut arguments = words(&["replay", &self.session, "--yes", "--json"]);
        arguments.extend(match self.running.at(folder.path()) {
            At::Command(command) => [words(&["--"]), command].concat(),
            At::Url(url) => vec!["--to".to_owned(), url],
        });
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (code, lines, err) = run(self.home.path(), &arguments);
        let made = |line: &&Value| line["outcome"] == "same";
        assert!(lines.iter().filter(made).count() > 2, "{lines:?} {err}");
        let total = lines.last().unwrap();
        let is_fine =
            |line: &Value| line["outcome"] == "same" || line["outcome"] == "left out" || line == total;
        let wrong = lines.iter().filter(|line| !is_fine(line));
        let wrong: Vec<String> = wrong.map(|line| format!("replay: {line}")).collect();
        assert_eq!((code, wrong.is_empty()), (Some(i32::from(!wrong.is_empty())), code == Some(0)), "{err}");
        wrong
    }
}

/// Plays the recording to its own client on these transports, and to clients of the other era on both of today's.
fn serves(client: &str, server: &'static Server, kinds: &[Kind], others: &[&str]) -> Saw {
    let recorded = record(client, server);
    let mut wrong = Vec::new();
    for kind in kinds {
        let saw = recorded.mocked(recorded.client, *kind);
        let found = compare::unequal(&recorded.saw, &saw);
        wrong.extend(found.into_iter().map(|found| format!("{client} on {}: {found}", kind.name())));
    }
    for other in CLIENTS.iter().filter(|client| others.contains(&client.name)) {
        for kind in [Kind::Stdio, Kind::Http] {
            let saw = recorded.mocked(other, kind);
            let found = compare::failing(recorded.server, &recorded.saw, &saw);
            wrong
                .extend(found.into_iter().map(|found| format!("{} on {}: {found}", other.name, kind.name())));
        }
    }
    wrong.extend(recorded.replayed());
    assert!(wrong.is_empty(), "{} of {client} with {server}\n{}", wrong.len(), wrong.join("\n"));
    recorded.saw
}

#[test]
fn a_mock_of_a_legacy_session_serves_clients_of_both_eras() {
    serves(
        "typescript-1",
        server("everything", Kind::Stdio),
        &[Kind::Stdio, Kind::Http, Kind::Sse],
        &["python-2-modern"],
    );
}

#[test]
fn a_mock_of_a_modern_session_serves_clients_of_both_eras() {
    serves(
        "python-2-modern",
        server("python-2", Kind::Stdio),
        &[Kind::Stdio, Kind::Http],
        &["typescript-2-legacy"],
    );
}

#[test]
fn a_mock_of_a_session_of_the_typescript_sdk_serves_clients_of_both_eras() {
    serves(
        "typescript-2-modern",
        server("typescript-2-modern", Kind::Http),
        &[Kind::Stdio, Kind::Http],
        &["python-1"],
    );
}

#[test]
fn a_mock_of_a_session_over_http_tells_what_came_on_its_stream() {
    serves("typescript-1", server("typescript-2-legacy", Kind::Http), &[Kind::Http], &[]);
}

#[test]
fn a_task_that_asks_back_is_served_from_what_was_recorded() {
    let saw = serves("typescript-1", &RESEARCH, &[Kind::Stdio, Kind::Http], &[]);
    let research = saw.iter().find(|(step, _)| step == "research").unwrap().1.to_string();
    assert!(research.contains("input_required") && research.contains("Research Report"), "{research}");
}
