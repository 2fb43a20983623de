//! A script's lines as calls of the leg, and what it does and tells as text.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use ::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};
use bytes::Bytes;
use tapgate_wire::edge::{Act, ChildId, FetchId, Heard};
use tapgate_wire::header::ResponseHead;
use tapgate_wire::record::Era;
use tapgate_wire::revision::Revision;
use tapgate_wire::stream::{Ending, Event};
use tapgate_wire::{Message, Nanos};

use crate::bridge::back::{Back, Failure, FromServer, Held, Opening, Pass, Sharing, Via};
use crate::bridge::number::{CallNo, LinkNo, Pair};
use crate::bridge::settings::{Bounds, Listens, Reaches, Settings};

pub(super) const URL: &str = "https://example.com/api/sse?key=1";

pub(super) struct Rig {
    pub(super) back: Back,
    pub(super) now: Nanos,
    pub(super) acts: Vec<Act>,
    pub(super) out: Vec<FromServer>,
}

impl Rig {
    pub(super) fn new(headers: HeaderMap) -> Self {
        let settings = Settings {
            listens: Listens::Pipe,
            reaches: Reaches::Url { url: URL.to_owned() },
            server_name: "srv".to_owned(),
            client_era: None,
            server_era: None,
            server_revision: None,
            headers,
            bounds: Bounds::default(),
        };
        Self { back: Back::new(&settings), now: Nanos(0), acts: Vec::new(), out: Vec::new() }
    }

    pub(super) fn hear(&mut self, heard: Heard) {
        self.back.hear(self.now, heard, &mut self.out, &mut self.acts);
    }

    pub(super) fn line(&mut self, child: u64, text: &str) {
        let message = Message::parse(text.to_owned().into());
        self.hear(Heard::ChildLine { child: ChildId(child), message });
    }

    pub(super) fn ask(&mut self, link: u64, call: CallNo, text: &str, pass: Pass) {
        let message = Message::parse(text.to_owned().into());
        self.back.ask(self.now, LinkNo(link), call, &message, pass, &mut self.acts);
    }

    /// Lets time pass, and the leg keep its appointments on the way.
    pub(super) fn wait(&mut self, wait: Duration) {
        let end = Nanos(self.now.0 + u64::try_from(wait.as_nanos()).unwrap());
        while let Some(due) = self.back.deadline().filter(|due| *due <= end) {
            self.now = due.max(self.now);
            self.back.tick(self.now, &mut self.out, &mut self.acts);
        }
        self.now = end;
    }

    fn run(&mut self, line: &str) -> Option<String> {
        let (verb, rest) = word(line);
        let (first, more) = word(rest);
        let mut said = None;
        let (now, back, acts) = (self.now, &mut self.back, &mut self.acts);
        match verb {
            "open" => back.open(now, link(first), opening(more), acts),
            "restore" => {
                let (how, kept) = more.split_once(" | ").unwrap();
                let kept = Bytes::copy_from_slice(kept.as_bytes());
                back.restore(now, link(first), opening(how), &kept, acts);
            }
            "kept" => said = Some(format!("kept {:?}", back.kept(link(first)))),
            "agreed" => back.agreed(link(first), Revision::parse(more)),
            "assign" => {
                let Opening { owner, era, sharing, .. } = opening(more);
                back.assign(link(first), owner, era, sharing);
            }
            "ask" => {
                let (of, more) = word(more);
                let (text, pass) = pass(more);
                self.ask(first.parse().unwrap(), call(of), text, pass);
            }
            "tell" => {
                let (text, pass) = pass(more);
                back.tell(now, link(first), &Message::parse(text.to_owned().into()), pass, acts);
            }
            "cancel" => back.cancel(now, call(first), Some(more).filter(|why| !why.is_empty()), acts),
            "drop" => back.drop_call(now, call(first), acts),
            "listen" => back.listen(now, link(first), acts),
            "close" => back.close(now, link(first), acts),
            "started" => self.hear(Heard::Started { child: ChildId(number(first)), pid: 7 }),
            "line" => self.line(number(first), more),
            "exit" => {
                let (how, last_words) = more.split_once(" | ").unwrap_or((more, ""));
                let (how, last_words) = (how.to_owned(), last_words.to_owned());
                self.hear(Heard::Exited { child: ChildId(number(first)), how, last_words });
            }
            "head" => {
                let (status, more) = word(more);
                let (kind, more) = word(more);
                let mut headers = headers(more);
                let kind =
                    if kind == "sse" { "Text/Event-Stream; charset=utf-8" } else { "application/json" };
                headers.insert("content-type", HeaderValue::from_static(kind));
                let status = StatusCode::from_bytes(status.as_bytes()).unwrap();
                let head = Arc::new(ResponseHead { status, version: Version::HTTP_11, headers });
                self.hear(Heard::Answered { fetch: FetchId(number(first)), head });
            }
            "event" => {
                let (fields, data) = more.strip_prefix('(').unwrap().split_once(')').unwrap();
                let mut event = Event::default();
                for field in fields.split_whitespace() {
                    match field.split_once('=').unwrap() {
                        ("id", id) => event.id = Some(id.to_owned()),
                        ("event", name) => event.name = Some(name.to_owned()),
                        ("retry", retry) => event.retry = Some(retry.parse().unwrap()),
                        _ => panic!("{field}"),
                    }
                }
                let message = Message::parse(data.trim().to_owned().into());
                self.hear(Heard::Event { fetch: FetchId(number(first)), event, message });
            }
            "body" => {
                let body = more.to_owned().into();
                self.hear(Heard::Body { fetch: FetchId(number(first)), body });
            }
            "ended" => {
                let (how, sent) = word(more);
                let how = match how {
                    "clean" => Ending::Clean,
                    "cut" => Ending::Cut,
                    why => Ending::Failed(why.to_owned()),
                };
                self.hear(Heard::Ended { fetch: FetchId(number(first)), how, sent: sent != "unsent" });
            }
            "wait" => self.wait(Duration::from_millis(first.parse().unwrap())),
            "tick" => back.tick(now, &mut self.out, acts),
            "due" => {
                let wait = back.deadline().map(|due| Duration::from_nanos(due.since(now)));
                said = Some(format!("due {wait:?}"));
            }
            "held" => said = Some(held(back.held())),
            _ => panic!("{line}"),
        }
        said
    }

    /// What came about since the last time, one line each.
    pub(super) fn said(&mut self) -> Vec<String> {
        let told: Vec<_> = self.out.drain(..).map(|told| tell(&told)).collect();
        self.acts.drain(..).map(|act| act_text(&act)).chain(told).collect()
    }
}

pub(super) fn held(held: Held) -> String {
    if held == Held::default() { "held nothing".to_owned() } else { format!("{held:?}") }
}

/// Plays a script; its first line may be `headers` with those of the operator.
pub(super) fn play(script: &str) -> String {
    let mut played = String::new();
    let ours = script.lines().next().and_then(|line| line.strip_prefix("headers "));
    let mut rig = Rig::new(headers(ours.unwrap_or_default()));
    for line in script.lines().filter(|line| !line.starts_with("  ")) {
        writeln!(played, "{line}").unwrap();
        if line.is_empty() || line.starts_with('#') || line.starts_with("headers ") {
            continue;
        }
        let said = rig.run(line);
        for line in rig.said().into_iter().chain(said) {
            writeln!(played, "  {}", line.trim_end()).unwrap();
        }
    }
    played
}

pub(super) fn opening(text: &str) -> Opening {
    let mut opening = Opening {
        owner: Pair::Same,
        via: Via::Http,
        era: Era::Legacy,
        sharing: Sharing::Own,
        headers: Arc::new(headers("x-link: 1")),
    };
    for word in text.split_whitespace() {
        match word {
            "pipe" => opening.via = Via::Pipe,
            "http" => opening.via = Via::Http,
            "sse" => opening.via = Via::Sse,
            "legacy" => opening.era = Era::Legacy,
            "modern" => opening.era = Era::Modern,
            "own" => opening.sharing = Sharing::Own,
            "shared" => opening.sharing = Sharing::Shared,
            "detect" => opening.owner = Pair::Detect,
            "up" => opening.owner = Pair::Up,
            _ => panic!("{word}"),
        }
    }
    opening
}

pub(super) fn call(text: &str) -> CallNo {
    CallNo { n: number(text), pair: Pair::Same }
}

fn link(text: &str) -> LinkNo {
    LinkNo(text.parse().unwrap())
}

/// A number behind a letter, such as `f7`.
fn number(text: &str) -> u64 {
    text.trim_start_matches(char::is_alphabetic).parse().unwrap()
}

fn word(text: &str) -> (&str, &str) {
    text.split_once(' ').unwrap_or((text, ""))
}

fn headers(text: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in text.split("; ").filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ").unwrap();
        headers.append(HeaderName::try_from(name).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    headers
}

/// A message, the client's headers behind ` | `, mirrored arguments behind another one.
fn pass(text: &str) -> (&str, Pass) {
    let mut parts = text.split(" | ");
    let text = parts.next().unwrap();
    let passed = headers(parts.next().unwrap_or_default());
    let mirrors = headers(parts.next().unwrap_or_default());
    let mirrors = mirrors.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    (text, Pass { headers: Arc::new(passed), mirrors })
}

fn act_text(act: &Act) -> String {
    let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
    match act {
        Act::Spawn { child } => format!("> spawn k{}", child.0),
        Act::Write { child, bytes } => format!("> k{} {}", child.0, text(bytes)),
        Act::End { child } => format!("> end k{}", child.0),
        Act::Abort { fetch } => format!("> abort f{}", fetch.0),
        Act::Note(note) => format!("> note {note}"),
        Act::Fetch { fetch, method, target, headers, body } => {
            let mut said = format!("> f{} {method}", fetch.0);
            if let Some(target) = target {
                write!(said, " {target}").unwrap();
            }
            if !body.is_empty() {
                write!(said, " {}", text(body)).unwrap();
            }
            said + &heads(headers)
        }
        _ => panic!("{act:?}"),
    }
}

/// The headers in order, those that every POST carries in one letter.
fn heads(headers: &HeaderMap) -> String {
    let mut headers = headers.clone();
    let mut said = Vec::new();
    let is = |headers: &HeaderMap, name, value| headers.get_all(name).iter().eq([value]);
    if is(&headers, "accept", "application/json, text/event-stream")
        && is(&headers, "content-type", "application/json")
    {
        headers.remove("accept");
        headers.remove("content-type");
        said.push("P".to_owned());
    } else if is(&headers, "accept", "text/event-stream") {
        headers.remove("accept");
        said.push("E".to_owned());
    }
    let text = |(name, value): (&HeaderName, &HeaderValue)| format!("{name}: {}", value.to_str().unwrap());
    let mut rest: Vec<_> = headers.iter().map(text).collect();
    rest.sort();
    said.extend(rest);
    if said.is_empty() { String::new() } else { format!(" | {}", said.join("; ")) }
}

pub(super) fn tell(told: &FromServer) -> String {
    let text = |message: &Message| {
        assert_eq!(message.raw(), &message.to_wire());
        String::from_utf8_lossy(message.raw()).into_owned()
    };
    match told {
        FromServer::Answered { call, link: LinkNo(link), message, status } => {
            let status = status.map(|status| format!(" ({status})")).unwrap_or_default();
            format!("< {link} answered c{}{status} {}", call.n, text(message))
        }
        FromServer::Said { link: LinkNo(link), owner, call, message } => {
            let call =
                call.map_or_else(|| format!("{owner:?}").to_lowercase(), |call| format!("c{}", call.n));
            format!("< {link} said {call} {}", text(message))
        }
        FromServer::Failed { call, link: LinkNo(link), failure } => {
            format!("< {link} failed c{} {}", call.n, why(failure))
        }
        FromServer::Paused { call, link: LinkNo(link), retry } => {
            format!("< {link} paused c{} {retry:?}", call.n)
        }
        FromServer::Down { link: LinkNo(link), owner, why: failure } => {
            format!("< {link} down {} {}", format!("{owner:?}").to_lowercase(), why(failure))
        }
    }
}

fn why(failure: &Failure) -> String {
    match failure {
        Failure::Http { status, headers, body } => {
            let names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
            format!("http {status} {names:?} {}", String::from_utf8_lossy(body))
        }
        Failure::Unreachable(why) => format!("unreachable: {why}"),
        Failure::Broken(why) => format!("broken: {why}"),
        Failure::Forgotten => "forgotten".to_owned(),
        Failure::Full => "full".to_owned(),
    }
}
