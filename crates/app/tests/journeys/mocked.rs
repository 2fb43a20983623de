//! Official clients record official servers, and see the same in a mock of what was recorded, whatever they speak.

use tempfile::TempDir;

use crate::compare;
use crate::play::{self, Saw};
use crate::recorded::run;
use crate::table::{CLIENTS, Client, Kind, SERVERS, Server};

/// A recorded conversation.
struct Recorded {
    home: TempDir,
    client: &'static Client,
    server: &'static Server,
    saw: Saw,
    session: String,
}

fn record(client: &str, server: &str) -> Recorded {
    let client = CLIENTS.iter().find(|one| one.name == client).unwrap();
    let server = SERVERS.iter().find(|one| one.name == server && one.kind == Kind::Stdio).unwrap();
    let (home, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let words = play::words(server, folder.path());
    let mut arguments = vec!["tap", "--full", "--name", "recorded", "--"];
    arguments.extend(words.iter().map(String::as_str));
    let saw = play::behind(&arguments, client, server, Kind::Stdio, home.path(), folder.path());
    let (_, calls, _) = run(home.path(), &["calls", "--json", "--limit", "1"]);
    let session = calls[0]["session"].as_str().unwrap().to_owned();
    Recorded { home, client, server, saw, session }
}

impl Recorded {
    /// What a client sees in a mock.
    fn mocked(&self, client: &Client, kind: Kind) -> Saw {
        let folder = tempfile::tempdir().unwrap();
        // Clients may lose what they read together with the answer behind it; with the recorded pauses they do not.
        let mut arguments = vec!["mock", self.session.as_str(), "--timing"];
        if kind != Kind::Stdio {
            arguments.extend(["--listen", "127.0.0.1:0"]);
        }
        play::behind(&arguments, client, self.server, kind, self.home.path(), folder.path())
    }
}

/// Plays the recording to its own client on these transports, and to clients of the other era on both of today's.
fn serves(client: &str, server: &str, kinds: &[Kind], others: &[&str]) {
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
    assert!(wrong.is_empty(), "{} of {client} with {server}\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_mock_of_a_legacy_session_serves_clients_of_both_eras() {
    serves("typescript-1", "everything", &[Kind::Stdio, Kind::Http, Kind::Sse], &["python-2-modern"]);
}

#[test]
fn a_mock_of_a_modern_session_serves_clients_of_both_eras() {
    serves("python-2-modern", "python-2", &[Kind::Stdio, Kind::Http], &["typescript-2-legacy"]);
}

#[test]
fn a_mock_of_a_session_of_the_typescript_sdk_serves_clients_of_both_eras() {
    serves("typescript-2-modern", "typescript-2-modern", &[Kind::Stdio, Kind::Http], &["python-1"]);
}
