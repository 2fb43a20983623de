//! A careful client: greets a server in one revision, fetches every list, asks one thing that no server has, and leaves.
//!
//! It calls no tool, so it changes nothing.

use std::ffi::OsString;
use std::io;
use std::time::Duration;

use serde_json::{Value as Json, json};
use tapgate_wire::record::Era;
use tapgate_wire::revision::Revision;

use super::{Heard, Player, Server};

/// How long a server may take for its first answer: it may have to be installed first.
const FIRST: Duration = Duration::from_mins(1);

/// How long it may take for any other.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a server may take to say that it does not know a handshake, once another one was understood.
const REFUSAL: Duration = Duration::from_secs(5);

/// Most pages of one list that are fetched.
const MAX_PAGES: usize = 200;

/// A method that no server has.
const NO_METHOD: &str = "tapgate/no-such-method";

/// The lists, and the capability that promises them.
const LISTS: &[(&str, &str)] = &[
    ("tools", "tools/list"),
    ("prompts", "prompts/list"),
    ("resources", "resources/list"),
    ("resources", "resources/templates/list"),
];

/// What came of a visit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// The revision that was offered.
    pub revision: Revision,
    /// How it ended.
    pub outcome: Outcome,
    /// The process id of the tap, by which its sources are known in the journal.
    pub pid: u32,
}

/// How a visit ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server spoke this revision.
    Spoke(String),
    /// It refused, in these words.
    Refused(String),
    /// It did not answer.
    Silent,
    /// It went away.
    Over,
    /// It could not be started or reached, for this reason.
    Unreachable(String),
}

/// Visits a server. `is_first` gives it time to be installed.
pub fn visit(
    server: &Server,
    name: &str,
    revision: Revision,
    is_first: bool,
    more: &[OsString],
) -> io::Result<Visit> {
    let mut more = more.to_vec();
    if matches!(server, Server::Url(_)) {
        more.extend(["--server-era".into(), revision.as_str().into()]);
    }
    let mut player = Player::start(server, name, &more)?;
    let pid = player.pid();
    let patience = if is_first { FIRST } else { REFUSAL.max(PATIENCE / 2) };
    let mut guest = Guest { player: &mut player, revision };
    let outcome = match revision.era() {
        Era::Legacy => guest.greet(patience)?,
        Era::Modern => guest.discover(patience),
    };
    let outcome = match (player.end(), outcome) {
        (Some(why), _) => Outcome::Unreachable(why),
        (None, Outcome::Refused(why)) if why.contains("could not be reached") => Outcome::Unreachable(why),
        (None, outcome) => outcome,
    };
    Ok(Visit { revision, outcome, pid })
}

struct Guest<'p> {
    player: &'p mut Player,
    revision: Revision,
}

impl Guest<'_> {
    fn greet(&mut self, patience: Duration) -> io::Result<Outcome> {
        let hello = json!({
            "protocolVersion": self.revision.as_str(),
            "capabilities": {},
            "clientInfo": { "name": "tapgate-check", "version": env!("CARGO_PKG_VERSION") },
        });
        let answer = match self.ask("initialize", hello, patience) {
            Heard::Answer(answer) => answer,
            Heard::Silence => return Ok(Outcome::Silent),
            Heard::Over => return Ok(Outcome::Over),
        };
        let Some(result) = answer.get("result") else { return Ok(Outcome::Refused(refusal(&answer))) };
        let agreed = result.get("protocolVersion").and_then(Json::as_str).unwrap_or_default().to_owned();
        self.player.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))?;
        self.ask("ping", json!({}), PATIENCE);
        self.look_around(result.get("capabilities"));
        Ok(Outcome::Spoke(agreed))
    }

    fn discover(&mut self, patience: Duration) -> Outcome {
        let answer = match self.ask("server/discover", json!({}), patience) {
            Heard::Answer(answer) => answer,
            Heard::Silence => return Outcome::Silent,
            Heard::Over => return Outcome::Over,
        };
        let Some(result) = answer.get("result") else { return Outcome::Refused(refusal(&answer)) };
        self.look_around(result.get("capabilities"));
        Outcome::Spoke(self.revision.as_str().to_owned())
    }

    /// Fetches what the server promises to list, and asks for what it cannot have.
    fn look_around(&mut self, capabilities: Option<&Json>) {
        for (capability, method) in LISTS {
            if capabilities.is_some_and(|can| can.get(capability).is_some()) {
                self.list(method);
            }
        }
        self.ask(NO_METHOD, json!({}), PATIENCE);
    }

    fn list(&mut self, method: &str) {
        let mut params = json!({});
        for _ in 0..MAX_PAGES {
            let Heard::Answer(page) = self.ask(method, params, PATIENCE) else { return };
            match page.pointer("/result/nextCursor") {
                Some(cursor) if !cursor.is_null() => params = json!({ "cursor": cursor }),
                _ => return,
            }
        }
    }

    fn ask(&mut self, method: &str, mut params: Json, patience: Duration) -> Heard {
        if self.revision.era() == Era::Modern
            && let Some(params) = params.as_object_mut()
        {
            params.insert(
                "_meta".to_owned(),
                json!({
                    "io.modelcontextprotocol/protocolVersion": self.revision.as_str(),
                    "io.modelcontextprotocol/clientInfo": { "name": "tapgate-check", "version": env!("CARGO_PKG_VERSION") },
                    "io.modelcontextprotocol/clientCapabilities": {},
                }),
            );
        }
        self.player.ask(method, &params, patience, &mut decline)
    }
}

/// Answers what a server asks a client that can do nothing.
fn decline(message: &Json) -> Option<Json> {
    let (id, method) = (message.get("id")?, message.get("method")?.as_str()?);
    Some(match method {
        "ping" => json!({ "jsonrpc": "2.0", "id": id, "result": {} }),
        _ => {
            json!({ "jsonrpc": "2.0", "id": id, "error": { "code": -32601, "message": "method not found" } })
        }
    })
}

fn refusal(answer: &Json) -> String {
    let code = answer.pointer("/error/code").map(Json::to_string).unwrap_or_default();
    let text = answer.pointer("/error/message").and_then(Json::as_str).unwrap_or("no reason given");
    let text: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
    format!("{code} {text}").trim().to_owned()
}
