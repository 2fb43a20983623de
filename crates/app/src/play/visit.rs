//! A careful client: greets a server in one revision, fetches every list, asks one thing that no server has, says what is
//! to be refused, and leaves.
//!
//! It calls no tool, so it changes nothing.

use std::collections::HashSet;
use std::io;
use std::time::Duration;

use http::HeaderMap;
use serde_json::{Value as Json, json};
use tapgate_judge::probe;
use tapgate_transport::{Allowance, Clock};
use tapgate_wire::record::Era;
use tapgate_wire::revision::Revision;

use super::trouble::is_of_tap;
use super::{Bounds, Heard, Player, Server, UNREADABLE, left, quoted};

/// What the source of a visit is called.
pub const NAME: &str = "check";

/// The name of the client, by which its sessions are known in the journal.
pub const CLIENT: &str = "tapgate-check";

/// How long a server may take for an answer after its first, and for the first of a further visit.
const PATIENCE: Duration = Duration::from_secs(20);
const AGAIN: Duration = Duration::from_secs(10);

/// How long it may take for any, once it has left one out.
const IMPATIENCE: Duration = Duration::from_secs(3);

/// How much a server may say in one visit, and in all; each message costs at least 1 KiB.
const MAX_BYTES: u64 = 16 << 20;
const MAX_BYTES_IN_ALL: u64 = 48 << 20;

/// How long one visit may take after the first answer, and all of them.
const MAX_TIME: Duration = Duration::from_mins(1);
const MAX_TIME_IN_ALL: Duration = Duration::from_mins(2);

/// What a trouble begins with that ended a visit.
pub const CUT: &str = "broken off";

/// The trouble of a visit whose server did not stay.
const GONE: &str = "the server went away while it was asked";

/// Visits that meet with silence before no more are made, while nothing was spoken.
const MAX_SILENT: usize = 2;

/// So much of what a server asks is answered in one visit.
const MAX_DECLINED: u32 = 100;

/// Most pages of one list that are fetched.
const MAX_PAGES: usize = 200;

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
    /// The methods of the lists that came.
    pub lists: Vec<&'static str>,
    /// What kept it from seeing all, in words.
    pub troubles: Vec<String>,
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
    /// No visit was made, for this reason.
    LeftOut(&'static str),
}

/// Visits to one server, which have bounds of their own and bounds in all.
#[derive(Debug)]
pub struct Visits<'s> {
    server: &'s Server,
    headers: &'s HeaderMap,
    /// How long the first answer may take: the server may have to be installed.
    patience: Duration,
    clock: Clock,
    n_bytes: u64,
    /// A question met with silence.
    is_slow: bool,
    done: Vec<Visit>,
}

impl<'s> Visits<'s> {
    /// No visit yet.
    pub fn new(server: &'s Server, headers: &'s HeaderMap, patience: Duration) -> Self {
        Self {
            server,
            headers,
            patience,
            clock: Clock::start(),
            n_bytes: 0,
            is_slow: false,
            done: Vec::new(),
        }
    }

    /// The visits that were made.
    pub fn done(self) -> Vec<Visit> {
        self.done
    }

    /// Why no other one is worth its time; `None` while one is.
    pub fn enough(&self) -> Option<&'static str> {
        let is =
            |wanted: fn(&Outcome) -> bool| self.done.iter().filter(|visit| wanted(&visit.outcome)).count();
        let n_silent = is(|outcome| *outcome == Outcome::Silent);
        let n_spoken = is(|outcome| matches!(outcome, Outcome::Spoke(_)));
        if n_silent >= MAX_SILENT && n_spoken == 0 {
            Some("the server does not answer")
        } else if self.n_bytes >= MAX_BYTES_IN_ALL {
            Some("the server said too much")
        } else if self.clock.now().0 > (MAX_TIME_IN_ALL + self.patience).as_nanos() as u64 {
            Some("the server took too long")
        } else {
            None
        }
    }

    /// Notes that a revision is not visited.
    pub fn leave_out(&mut self, revision: Revision, why: &'static str) {
        self.done.push(Visit {
            revision,
            outcome: Outcome::LeftOut(why),
            lists: Vec::new(),
            troubles: Vec::new(),
            pid: 0,
        });
    }

    /// Visits the server in one more revision.
    pub fn visit(&mut self, revision: Revision) -> io::Result<&Visit> {
        let first = if self.done.is_empty() { self.patience } else { self.patience.min(AGAIN) };
        let patience = if self.is_slow { IMPATIENCE } else { PATIENCE };
        let most = MAX_BYTES.min(MAX_BYTES_IN_ALL - self.n_bytes);
        let allowance = Allowance::new(most);
        let most_time = (first + MAX_TIME).min(left(&self.clock, self.patience + MAX_TIME_IN_ALL));
        let bounds = Bounds { allowance: allowance.clone(), most: most_time, clock: Clock::start() };
        let mut player = Player::visit(self.server, NAME, revision, self.headers, bounds)?;
        let pid = player.pid();
        let mut guest = Guest {
            player: &mut player,
            revision,
            patience,
            headers: self.headers,
            is_silent: false,
            is_provoked: false,
            n_declined: 0,
            lists: Vec::new(),
            troubles: Vec::new(),
        };
        let outcome = match revision.era() {
            Era::Legacy => guest.greet(first),
            Era::Modern => guest.discover(first),
        };
        let (is_silent, lists, mut troubles) = (guest.is_silent, guest.lists, guest.troubles);
        let is_late = player.is_late();
        let unreachable = player.end();
        let cut = match allowance.left() {
            0 => Some(format!("{CUT}: the server said more than {} MB", most >> 20)),
            _ => is_late.then(|| format!("{CUT}: the server took more than {} s", most_time.as_secs())),
        };
        let outcome = match (unreachable, outcome) {
            (Some(why), _) => Outcome::Unreachable(quoted(&why, self.headers)),
            // It went because it was cut off.
            (None, Outcome::Over) if cut.is_some() => Outcome::Silent,
            (None, outcome) => outcome,
        };
        match cut {
            // Whoever is cut off cannot answer.
            Some(cut) => troubles = vec![cut],
            None => self.is_slow |= is_silent && matches!(outcome, Outcome::Spoke(_)),
        }
        self.n_bytes += most - allowance.left();
        self.done.push(Visit { revision, outcome, lists, troubles, pid });
        self.done.last().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

struct Guest<'p> {
    player: &'p mut Player,
    revision: Revision,
    /// How long any answer but the first may take.
    patience: Duration,
    /// What it says in headers, which the server may say again.
    headers: &'p HeaderMap,
    /// A question met with silence; whoever is silent is not asked again.
    is_silent: bool,
    /// The server was told a line that is no message; whoever goes away then is judged by that.
    is_provoked: bool,
    /// What the server asked meanwhile.
    n_declined: u32,
    lists: Vec<&'static str>,
    troubles: Vec<String>,
}

impl Guest<'_> {
    fn greet(&mut self, patience: Duration) -> Outcome {
        let hello = json!({
            "protocolVersion": self.revision.as_str(),
            "capabilities": {},
            "clientInfo": { "name": CLIENT, "version": env!("CARGO_PKG_VERSION") },
        });
        let answer = match self.ask("initialize", hello, patience) {
            Heard::Answer(answer) => answer,
            Heard::Silence => return Outcome::Silent,
            Heard::Over => return Outcome::Over,
        };
        let Some(result) = answer.get("result") else { return self.refusal(&answer) };
        let agreed = result.get("protocolVersion").and_then(Json::as_str).unwrap_or_default();
        self.player.agree(agreed);
        if self.player.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).is_ok() {
            let agreed = Revision::parse(agreed).unwrap_or(self.revision);
            self.look_around(("ping", json!({})), agreed, result.get("capabilities"));
        }
        Outcome::Spoke(quoted(agreed, self.headers))
    }

    fn discover(&mut self, patience: Duration) -> Outcome {
        let answer = match self.ask("server/discover", json!({}), patience) {
            Heard::Answer(answer) => answer,
            Heard::Silence => return Outcome::Silent,
            Heard::Over => return Outcome::Over,
        };
        let Some(result) = answer.get("result") else { return self.refusal(&answer) };
        if !result.get("supportedVersions").is_some_and(Json::is_array) {
            return Outcome::Refused("its answer to server/discover names no supportedVersions".to_owned());
        }
        self.look_around(("server/discover", json!({})), self.revision, result.get("capabilities"));
        Outcome::Spoke(self.revision.as_str().to_owned())
    }

    /// Fetches what the server promises to list, asks for what it cannot have, and says what it must refuse.
    ///
    /// `question` is one that the server must answer whatever it offers.
    fn look_around(&mut self, question: (&str, Json), agreed: Revision, capabilities: Option<&Json>) {
        let (method, params) = question;
        self.ask(method, params.clone(), self.patience);
        for (capability, method) in LISTS {
            if capabilities.is_some_and(|can| can.get(capability).is_some()) {
                self.list(method);
            }
        }
        self.ask(probe::METHOD, json!({}), self.patience);
        if self.is_silent || self.player.is_late() {
            return;
        }
        let with_meta = self.dressed(params.clone());
        self.player.probe(&json!({ "jsonrpc": "2.0", "method": method, "params": with_meta }), agreed);
        for is_first in [true, false] {
            self.is_provoked |= !is_first;
            if self.player.say_odd_line(is_first) {
                self.ask(method, params.clone(), self.patience);
            }
        }
    }

    fn list(&mut self, method: &'static str) {
        let mut params = json!({});
        let mut cursors = HashSet::new();
        for _ in 0..MAX_PAGES {
            let Heard::Answer(page) = self.ask(method, params, self.patience) else { return };
            if page.get("result").is_some() && !self.lists.contains(&method) {
                self.lists.push(method);
            }
            match page.pointer("/result/nextCursor") {
                // One that was there before leads round.
                Some(cursor) if !cursor.is_null() && cursors.insert(cursor.to_string()) => {
                    params = json!({ "cursor": cursor });
                }
                _ => return,
            }
        }
        self.troubles.push(format!("{method} has more than {MAX_PAGES} pages"));
    }

    fn ask(&mut self, method: &str, params: Json, patience: Duration) -> Heard {
        if self.is_silent {
            return Heard::Silence;
        }
        let params = self.dressed(params);
        let n_declined = &mut self.n_declined;
        let mut meanwhile = |message: &Json| {
            let reply = decline(message)?;
            *n_declined += 1;
            (*n_declined <= MAX_DECLINED).then_some(reply)
        };
        let heard = self.player.ask(method, &params, patience, &mut meanwhile);
        self.is_silent = heard == Heard::Silence;
        if self.is_silent {
            self.troubles.push(format!("no answer to {method} in {} s", patience.as_secs()));
        }
        if heard == Heard::Over && !self.is_provoked && !self.troubles.iter().any(|trouble| trouble == GONE) {
            self.troubles.push(GONE.to_owned());
        }
        if let Heard::Answer(answer) = &heard
            && answer.pointer("/error/message").and_then(Json::as_str) == Some(UNREADABLE)
        {
            self.troubles.push(format!("the answer to {method} {UNREADABLE}"));
        }
        heard
    }

    /// How a visit ends that this answer refuses.
    fn refusal(&self, answer: &Json) -> Outcome {
        let code = answer.pointer("/error/code").map(Json::to_string).unwrap_or_default();
        let text = answer.pointer("/error/message").and_then(Json::as_str).unwrap_or("no reason given");
        if text == UNREADABLE {
            // A trouble says so.
            return Outcome::Refused(String::new());
        }
        let why = quoted(format!("{code} {text}").trim(), self.headers);
        if is_of_tap(answer) { Outcome::Unreachable(why) } else { Outcome::Refused(why) }
    }

    /// What a request says of itself, where it does.
    fn dressed(&self, mut params: Json) -> Json {
        if self.revision.era() == Era::Modern
            && let Some(params) = params.as_object_mut()
        {
            params.insert(
                "_meta".to_owned(),
                json!({
                    "io.modelcontextprotocol/protocolVersion": self.revision.as_str(),
                    "io.modelcontextprotocol/clientInfo": { "name": CLIENT, "version": env!("CARGO_PKG_VERSION") },
                    "io.modelcontextprotocol/clientCapabilities": {},
                }),
            );
        }
        params
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
