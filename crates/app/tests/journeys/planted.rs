//! One word of an official peer is changed on its way: what is found is that, of that side, at that message.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::thread;

use serde_json::Value;
use tapgate_wire::Leg;

use crate::judged::{self, Found};
use crate::play::{self, Header};
use crate::table::{CLIENTS, Client, Kind, SERVERS, Server};

/// So many conversations at once.
const AT_ONCE: usize = 2;

/// Most messages of a bundle.
const MOST_IN_BUNDLE: u64 = 10;

/// Two official peers and what they say to each other.
struct Scene {
    client: &'static str,
    server: &'static str,
    plan: &'static str,
}

const LEGACY: Scene = Scene { client: "typescript-2-legacy", server: "everything", plan: "planted.json" };
const PYTHON: Scene = Scene { client: "python-2-legacy", server: "everything", plan: "planted.json" };
const MODERN: Scene =
    Scene { client: "typescript-2-modern", server: "typescript-2-modern", plan: "planted-modern.json" };

/// A change of what a peer says, and what is found of it: the rule, the side, and what the message that shows it holds.
struct Plant {
    scene: &'static Scene,
    by: Leg,
    change: Change,
    finds: &'static [(&'static str, &'static str, &'static str)],
}

/// What is changed.
enum Change {
    /// A line on a pipe, by `sed`.
    Line(&'static str),
    /// A header.
    Header(Header),
}

const fn header(
    scene: &'static Scene,
    by: Leg,
    header: (&'static str, &'static str, &'static str),
    finds: &'static [(&'static str, &'static str, &'static str)],
) -> Plant {
    let (of, name, value) = header;
    Plant { scene, by, change: Change::Header(Header { of, name, value }), finds }
}

const fn plant(
    scene: &'static Scene,
    by: Leg,
    sed: &'static str,
    finds: &'static [(&'static str, &'static str, &'static str)],
) -> Plant {
    Plant { scene, by, change: Change::Line(sed), finds }
}

/// Every change of a word.
static PLANTS: &[Plant] = &[
    plant(&LEGACY, Leg::Server, "/Echo: plain/p", &[("track.duplicate-answer", "server", "Echo: plain")]),
    plant(&LEGACY, Leg::Server, "/Echo: plain/i echoed it", &[("frame.not-json", "server", "echoed it")]),
    plant(
        &LEGACY,
        Leg::Server,
        r#"/Echo: plain/i {"level":"info","msg":"echoed"}"#,
        &[("rpc.not-rpc", "server", "echoed")],
    ),
    plant(
        &LEGACY,
        Leg::Server,
        "/Echo: plain/s/$/\\r/",
        &[("frame.carriage-return", "server", "Echo: plain")],
    ),
    plant(&LEGACY, Leg::Server, "/Echo: plain/s/$/\\n/", &[("frame.blank-line", "server", "")]),
    plant(
        &LEGACY,
        Leg::Server,
        r#"/Echo: plain/s/"jsonrpc":"2.0"/"jsonrpc":"2.0","jsonrpc":"2.0"/"#,
        &[("frame.duplicate-key", "server", "Echo: plain")],
    ),
    plant(
        &LEGACY,
        Leg::Server,
        "s/Echoes back/Echoes\\\\u202e back/",
        &[("hidden.direction", "server", "inputSchema")],
    ),
    plant(
        &PYTHON,
        Leg::Server,
        r#"s/"structuredContent":{"temperature":[0-9.]*/"structuredContent":{"temperature":"warm"/"#,
        &[("result.output-schema", "server", "warm")],
    ),
    plant(
        &LEGACY,
        Leg::Server,
        r#"s/"progress":3/"progress":1/"#,
        &[("track.progress-not-increasing", "server", "notifications/progress")],
    ),
    plant(
        &LEGACY,
        Leg::Server,
        "s/Echoes back/Echoes\\\\ud83d back/",
        &[("frame.lone-surrogate", "server", "inputSchema")],
    ),
    plant(
        &PYTHON,
        Leg::Server,
        r#"s/"result":{"tools":/"result":{"nextCursor":null,"tools":/"#,
        &[("list.cursor-type", "server", "inputSchema")],
    ),
    plant(
        &PYTHON,
        Leg::Server,
        r#"/Echo: plain/s/"type":"text"/"type":"texts"/"#,
        &[("answer.unknown-content", "server", "Echo: plain")],
    ),
    plant(
        &LEGACY,
        Leg::Client,
        r#"/"plain"/s/"params":{/"params":{"_meta":{"my key":1},/"#,
        &[("meta.bad-key", "client", "plain")],
    ),
    plant(
        &LEGACY,
        Leg::Client,
        "/notifications.initialized/d",
        &[("handshake.not-initialized", "client", "\"method\"")],
    ),
    // In one write, so that the server has not answered in between.
    plant(&LEGACY, Leg::Client, r#"/"plain"/s/.*/&\n&/"#, &[("track.id-reused", "client", "plain")]),
    plant(
        &LEGACY,
        Leg::Client,
        r#"/"plain"/s/"name":"echo"/"nam":"echo"/"#,
        &[("request.missing", "client", "plain")],
    ),
    plant(&LEGACY, Leg::Client, "/\"plain\"/i hello", &[("frame.not-json", "client", "hello")]),
    plant(
        &MODERN,
        Leg::Server,
        r#"/simple text response/s/"resultType":"complete",\{0,1\}//"#,
        &[("rounds.no-result-type", "server", "simple text response")],
    ),
    plant(
        &MODERN,
        Leg::Server,
        r#"/"prompts":\[/s/"ttlMs":[0-9]*/"ttlMs":-5/"#,
        &[("cache.wrong-value", "server", "ttlMs")],
    ),
    plant(
        &MODERN,
        Leg::Client,
        r#"/test_simple_text/s/"io.modelcontextprotocol.clientInfo":{[^}]*},\{0,1\}//"#,
        &[("meta.no-client", "client", "test_simple_text")],
    ),
    plant(
        &MODERN,
        Leg::Client,
        r#"/inputResponses/s/"who?"/"whom?"/"#,
        &[("rounds.other-params", "client", "whom?")],
    ),
    header(
        &LEGACY,
        Leg::Client,
        ("plain", "mcp-session-id", ""),
        &[("session.id-missing", "client", "plain")],
    ),
    header(
        &LEGACY,
        Leg::Client,
        ("plain", "mcp-protocol-version", "2025-03-26"),
        &[("header.version-other", "client", "plain")],
    ),
    header(
        &LEGACY,
        Leg::Server,
        ("plain", "mcp-session-id", "another"),
        &[("session.id-changed", "server", "Echo: plain")],
    ),
    header(
        &MODERN,
        Leg::Client,
        ("test_simple_text", "mcp-method", ""),
        // The SDK asks once more after a mismatch.
        &[
            ("header.missing", "client", "test_simple_text"),
            ("header.missing", "client", "test_simple_text"),
            ("retry.application", "client", "test_simple_text"),
        ],
    ),
    header(
        &MODERN,
        Leg::Client,
        ("test_simple_text", "mcp-name", "other"),
        // The SDK asks once more after a mismatch.
        &[
            ("header.disagrees", "client", "test_simple_text"),
            ("header.disagrees", "client", "test_simple_text"),
            ("retry.application", "client", "test_simple_text"),
        ],
    ),
];

#[test]
fn a_changed_word_of_an_official_peer_is_found_as_what_it_is() {
    let rest = Mutex::new(PLANTS.iter());
    let wrong = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(plant) = { rest.lock().unwrap().next() } {
                    wrong
                        .lock()
                        .unwrap()
                        .extend(found(plant).map(|why| format!("{:?}\n  {why}", plant.finds)));
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), PLANTS.len(), wrong.join("\n"));
}

/// What is wrong with what is found in the changed conversation, which holds what is found in it unchanged.
fn found(plant: &Plant) -> Option<String> {
    let home = tempfile::tempdir().unwrap();
    let Scene { client, server, plan } = plant.scene;
    let client: &Client = CLIENTS.iter().find(|one| one.name == *client).unwrap();
    let kind = if matches!(plant.change, Change::Line(_)) { Kind::Stdio } else { Kind::Http };
    let server: &Server = SERVERS.iter().find(|one| one.name == *server && one.kind == kind).unwrap();
    let saw = match (&plant.change, plant.by) {
        (Change::Line(sed), Leg::Client) => play::altered((client, server, plan), (sed, ""), home.path()),
        (Change::Line(sed), Leg::Server) => play::altered((client, server, plan), ("", sed), home.path()),
        (Change::Header(header), leg) => play::relayed((client, server, plan), (leg, header), home.path()),
    };
    let (n_usual, found) = judged::apart(&format!("{} tap {server}", client.name), home.path());
    let wanted: BTreeSet<_> = plant.finds.iter().map(|(rule, side, _)| format!("{rule} {side}")).collect();
    let is: BTreeSet<_> = found.iter().map(|found| format!("{} {}", found.rule, found.side)).collect();
    if is != wanted || found.len() != plant.finds.len() {
        return Some(format!("wanted {wanted:?} beside {n_usual} usual ones, found {found:#?}\n  {saw:?}"));
    }
    found.iter().find_map(|found| misplaced(plant, found, home.path()))
}

/// Whether the finding is at another message than the changed one, or its bundle does not show it again.
fn misplaced(plant: &Plant, found: &Found, home: &Path) -> Option<String> {
    let holds = plant.finds.iter().find(|(rule, ..)| found.rule == *rule).map_or("", |(_, _, holds)| *holds);
    let shown = judged::lines(home, &["show", found.at.as_deref().unwrap_or_default(), "--json"]);
    let is_there = |line: &Value| line["body"].as_str().is_some_and(|body| body.contains(holds));
    if !shown.iter().any(is_there) {
        return Some(format!("{found:?} is not at a message with {holds:?}: {shown:?}"));
    }
    let file = home.join(format!("{}-{}.json", found.rule, found.at.as_deref().unwrap_or_default()));
    let file = file.to_str().unwrap();
    let made = judged::lines(home, &["bundle", &found.session, "--rule", &found.rule, "-o", file, "--json"]);
    let n_messages = made.first().and_then(|line| line["messages"].as_u64());
    let elsewhere = tempfile::tempdir().unwrap();
    let again = judged::lines(elsewhere.path(), &["check", file, "--json"]);
    let is_again = again.first().is_some_and(|report| report["findings"][0]["rule"] == found.rule.as_str());
    let is_small = n_messages.is_some_and(|n| n <= MOST_IN_BUNDLE);
    (!is_small || !is_again)
        .then(|| format!("{found:?}: {n_messages:?} messages in its bundle, which shows {again:?}"))
}
