//! Finds out which eras the server speaks, and remembers it.
//!
//! The client's own era is tried first, so that a server that speaks both is relayed. A legacy client's handshake
//! is its own probe ([`Doubt`] when it is refused); before the first request of a modern client `server/discover`
//! is asked. Spec 2026-07-28, basic/versioning, and basic/transports/stdio, Backward Compatibility: an error other
//! than those that only modern servers know means legacy, whatever its code; what says nothing about the era (no
//! connection, 5xx, credentials) is passed on and not remembered.

use std::collections::VecDeque;
use std::sync::Arc;

use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE};
use tapgate_wire::json::find;
use tapgate_wire::record::Era;
use tapgate_wire::revision::Revision;
use tapgate_wire::shape::Member;
use tapgate_wire::{Kind, Message, Nanos};

use super::back::{Failure, FromServer, Opening, Pass, Sharing, Via};
use super::cx::Cx;
use super::front::FromClient;
use super::number::{CallNo, LinkNo, Pair, Port};
use super::same::Doubt;
use super::settings::{Reaches, Settings};

/// What is known of the server.
#[derive(Debug)]
pub struct Server {
    /// How it is reached; a URL begins as [`Via::Http`] and may turn out to be [`Via::Sse`].
    pub via: Via,
    /// Whether it takes a handshake; `None` while nobody knows.
    pub legacy: Option<bool>,
    /// What it said as a modern server; `None` while nobody knows, or when it is none.
    pub modern: Option<Modern>,
    /// It refused a handshake although it is thought to be a legacy server: it is to be asked again.
    pub is_doubtful: bool,
}

impl Server {
    /// A server of which only the settings say something.
    pub fn new(settings: &Settings) -> Self {
        Self {
            via: match settings.reaches {
                Reaches::Command => Via::Pipe,
                Reaches::Url { .. } => Via::Http,
            },
            legacy: settings.server_era.map(|era| era == Era::Legacy),
            modern: None,
            is_doubtful: false,
        }
    }
}

/// A modern server.
#[derive(Clone, Debug)]
pub struct Modern {
    /// The link for all modern requests: shared on a pipe. [`same`](super::same) and [`up`](super::up) use it.
    pub link: LinkNo,
    /// The revision to speak.
    pub revision: Revision,
    /// The answer to `server/discover`; none when the operator said that the server is modern.
    pub discover: Option<Message>,
    /// The headers that it was asked with.
    pub headers: Arc<HeaderMap>,
}

impl Modern {
    /// What the server said of itself, if who asks with these headers may hear it from memory: it is public, or was
    /// said to the same credentials.
    ///
    /// Spec 2026-07-28, server/utilities/caching.
    pub fn known_to(&self, headers: &HeaderMap) -> Option<&Message> {
        let discover = self.discover.as_ref()?;
        let is_public = find(discover.raw(), &["result", "cacheScope"]) == Some(&br#""public""#[..]);
        let all = |headers: &HeaderMap, name| headers.get_all(name).iter().cloned().collect::<Vec<_>>();
        let is_same = [AUTHORIZATION, COOKIE]
            .iter()
            .all(|name| all(&self.headers, name.clone()) == all(headers, name.clone()));
        (is_public || is_same).then_some(discover)
    }
}

/// Requests that wait for the answer to a probe.
const MAX_WAITING: usize = 1024;

/// Errors that only a server of 2026-07-28 gives. Spec 2026-07-28, basic/index, Error Codes.
const MODERN_CODES: [i64; 3] = [-32_020, -32_021, UNSUPPORTED_VERSION];
const UNSUPPORTED_VERSION: i64 = -32_022;

/// The question under way, and who waits for its answer.
#[derive(Debug, Default)]
pub struct Detect {
    probe: Option<Probe>,
    waiting: VecDeque<Waiting>,
    /// The server was asked, and is no modern one.
    is_not_modern: bool,
}

#[derive(Debug)]
struct Probe {
    call: CallNo,
    link: LinkNo,
    headers: Arc<HeaderMap>,
    until: Nanos,
    /// The server refused the version once although it lists it.
    is_second: bool,
}

/// Who waits.
#[derive(Debug)]
pub enum Waiting {
    /// A modern request, or what belongs to one.
    Modern(Box<FromClient>),
    /// A legacy client whose handshake the server refused.
    Doubt(Box<Doubt>),
}

/// What is known after a probe.
#[derive(Debug)]
pub enum Verdict {
    /// The server is modern: see [`Server::modern`].
    Modern,
    /// It is not; on a pipe the child that was asked can be greeted.
    Legacy(Option<LinkNo>),
    /// Nobody knows: the failure is everybody's answer.
    Unknown(Failure),
}

impl Detect {
    /// Whether modern requests can go on: who serves them is known.
    pub fn is_decided(&self, cx: &Cx<'_>) -> bool {
        cx.server.modern.is_some() || self.is_not_modern || cx.settings.server_era == Some(Era::Legacy)
    }

    /// Lets somebody wait for the verdict, and asks the server if nobody did.
    pub fn wait(&mut self, cx: &mut Cx<'_>, waiting: Waiting) {
        if self.waiting.len() >= MAX_WAITING {
            if let Waiting::Modern(event) = &waiting
                && let FromClient::Asked { port, message, .. } = &**event
                && let Some(id) = &message.shape().id
            {
                cx.fail(*port, id, &Failure::Full);
            }
            return;
        }
        let (link, headers) = match &waiting {
            Waiting::Modern(event) => match &**event {
                FromClient::Asked { from, .. } => (None, from.headers.clone()),
                _ => (None, Arc::default()),
            },
            Waiting::Doubt(doubt) => {
                (Some(doubt.link).filter(|link| cx.back.is_open(*link)), doubt.from.headers.clone())
            }
        };
        self.waiting.push_back(waiting);
        if self.probe.is_none() {
            self.ask(cx, link, headers, false);
        }
    }

    /// Lets a request that waits go, because who asked went away.
    pub fn gone(&mut self, port: Port) {
        let is_its =
            |event: &FromClient| matches!(event, FromClient::Asked { port: waits, .. } if *waits == port);
        self.waiting.retain(|waiting| !matches!(waiting, Waiting::Modern(event) if is_its(event)));
    }

    fn ask(&mut self, cx: &mut Cx<'_>, link: Option<LinkNo>, headers: Arc<HeaderMap>, is_second: bool) {
        let reuses = link.filter(|_| cx.settings.reaches == Reaches::Command);
        let link = match reuses {
            Some(link) => {
                cx.back.assign(link, Pair::Detect, Era::Modern, Sharing::Shared);
                link
            }
            None => open(cx, headers.clone()),
        };
        let ask = discover(cx);
        let call = cx.call(Pair::Detect);
        let wait = u64::try_from(cx.settings.bounds.probe.as_nanos()).unwrap_or(u64::MAX);
        let until = Nanos(cx.now.0.saturating_add(wait));
        self.probe = Some(Probe { call, link, headers: headers.clone(), until, is_second });
        cx.back.ask(cx.now, link, call, &ask, Pass { headers, mirrors: Vec::new() }, cx.acts);
    }

    /// Hears the answer to a probe.
    pub fn on_server(&mut self, cx: &mut Cx<'_>, event: &FromServer) -> Option<Verdict> {
        let probe = self.probe.as_ref()?;
        match event {
            FromServer::Answered { call, message, .. } if *call == probe.call => {
                let probe = self.probe.take()?;
                self.answered(cx, probe, message)
            }
            FromServer::Failed { call, failure, .. } if *call == probe.call => {
                let probe = self.probe.take()?;
                Some(self.failed(cx, &probe, failure))
            }
            _ => None,
        }
    }

    fn answered(&mut self, cx: &mut Cx<'_>, probe: Probe, message: &Message) -> Option<Verdict> {
        let shape = message.shape();
        let lists_ours = |raw: Option<&[u8]>| {
            raw.is_some_and(|raw| {
                let ours = format!("\"{}\"", Revision::LATEST.as_str());
                holds(raw, ours.as_bytes())
            })
        };
        if shape.kind == Kind::Result && shape.raw(Member::SupportedRevisions).is_some() {
            return Some(Self::is_modern(cx, probe, Some(message.clone())));
        }
        let code = shape.int(Member::ErrorCode).filter(|_| shape.kind == Kind::Error);
        if code == Some(UNSUPPORTED_VERSION) {
            let supported = find(message.raw(), &["error", "data", "supported"]);
            if !lists_ours(supported) {
                // The only mutual revision may be a legacy one.
                return Some(self.is_legacy(cx, &probe));
            }
            if !probe.is_second {
                let Probe { link, headers, .. } = probe;
                self.ask(cx, Some(link), headers, true);
                return None;
            }
        }
        if code.is_some_and(|code| MODERN_CODES.contains(&code)) {
            return Some(Self::is_modern(cx, probe, None));
        }
        Some(self.is_legacy(cx, &probe))
    }

    fn failed(&mut self, cx: &mut Cx<'_>, probe: &Probe, failure: &Failure) -> Verdict {
        match failure {
            // These say something about credentials or about the moment, not about the era.
            Failure::Http { status: 401 | 403 | 407 | 429 | 500.., .. }
            | Failure::Unreachable(_)
            | Failure::Full => {
                cx.back.close(cx.now, probe.link, cx.acts);
                Verdict::Unknown(failure.clone())
            }
            Failure::Http { .. } | Failure::Forgotten | Failure::Broken(_) => self.is_legacy(cx, probe),
        }
    }

    fn is_modern(cx: &mut Cx<'_>, probe: Probe, discover: Option<Message>) -> Verdict {
        cx.back.assign(probe.link, Pair::Same, Era::Modern, Sharing::Shared);
        cx.server.modern =
            Some(Modern { link: probe.link, revision: Revision::LATEST, discover, headers: probe.headers });
        Verdict::Modern
    }

    fn is_legacy(&mut self, cx: &mut Cx<'_>, probe: &Probe) -> Verdict {
        self.is_not_modern = true;
        if cx.settings.reaches == Reaches::Command && cx.back.is_open(probe.link) {
            cx.back.assign(probe.link, Pair::Down, Era::Legacy, Sharing::Shared);
            return Verdict::Legacy(Some(probe.link));
        }
        cx.back.close(cx.now, probe.link, cx.acts);
        Verdict::Legacy(None)
    }

    /// Forgets that the server is no modern one: what followed from it failed.
    pub fn doubt(&mut self) {
        self.is_not_modern = false;
    }

    /// Gives up waiting for an answer that does not come.
    pub fn tick(&mut self, cx: &mut Cx<'_>) -> Option<Verdict> {
        let probe = self.probe.take_if(|probe| probe.until <= cx.now)?;
        // Spec 2026-07-28, basic/transports/stdio, Backward Compatibility: silence means legacy; a late answer is
        // ignored.
        cx.back.drop_call(cx.now, probe.call, cx.acts);
        Some(self.is_legacy(cx, &probe))
    }

    /// When [`Detect::tick`] is due.
    pub fn deadline(&self) -> Option<Nanos> {
        self.probe.as_ref().map(|probe| probe.until)
    }

    /// Takes those who wait.
    pub fn take(&mut self) -> VecDeque<Waiting> {
        std::mem::take(&mut self.waiting)
    }

    /// Opens the link for modern requests anew, or for the first time when no probe is needed.
    pub fn relink(&mut self, cx: &mut Cx<'_>, headers: Arc<HeaderMap>) {
        let link = open(cx, headers.clone());
        cx.back.assign(link, Pair::Same, Era::Modern, Sharing::Shared);
        let discover = cx.server.modern.take().and_then(|modern| modern.discover);
        let revision = cx.settings.server_revision.unwrap_or(Revision::LATEST);
        cx.server.modern = Some(Modern { link, revision, discover, headers });
    }
}

fn open(cx: &mut Cx<'_>, headers: Arc<HeaderMap>) -> LinkNo {
    let link = cx.link();
    let opening = Opening {
        owner: Pair::Detect,
        via: cx.server.via,
        era: Era::Modern,
        sharing: Sharing::Shared,
        headers,
    };
    cx.back.open(cx.now, link, opening, cx.acts);
    link
}

/// The probe: it names us, because no client's words are at hand that a server could hold us to.
fn discover(cx: &mut Cx<'_>) -> Message {
    let n = cx.number();
    let version = env!("CARGO_PKG_VERSION");
    let revision = Revision::LATEST.as_str();
    let ask = format!(
        concat!(
            r#"{{"jsonrpc":"2.0","id":"tapgate-{n}","method":"server/discover","params":{{"_meta":{{"#,
            r#""io.modelcontextprotocol/protocolVersion":"{revision}","#,
            r#""io.modelcontextprotocol/clientInfo":{{"name":"tapgate","version":"{version}"}},"#,
            r#""io.modelcontextprotocol/clientCapabilities":{{}}}}}}}}"#
        ),
        n = n,
        revision = revision,
        version = version
    );
    Message::parse(ask.into())
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
