//! The bridge: clients of any transport and revision on one side, one server on the other.
//!
//! The one loop where sockets and pipes meet the engine: hear, decide, do.

use std::collections::HashSet;
use std::io::{self, IsTerminal as _};
use std::net::SocketAddr;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use http::{HeaderMap, Uri};
use tapgate_engine::bridge::Bridge;
use tapgate_engine::bridge::seal::Seal;
use tapgate_engine::bridge::settings::{Bounds, Listens, Reaches, Settings};
use tapgate_engine::chaos::{Chaos, Verdict};
use tapgate_transport::bridge::{ClientEdge, Edges, Listen, ServerEdge, Url};
use tapgate_transport::http::{Guard, Reach};
use tapgate_transport::stdio::ClientPipes;
use tapgate_transport::{Clock, queue};
use tapgate_wire::edge::{Act, Heard};
use tapgate_wire::mask::{Level, Masker};
use tapgate_wire::record::Transport;
use tapgate_wire::{Leg, Nanos};
use tokio::runtime::Builder;
use tokio::task::LocalSet;

use super::legs::Legs;
use super::locked::Watched;
use super::{Args, Server, chaos, header, http as tap_http, stdio};
use crate::observe::{self, Observed, Recording};
use crate::problem::{Exit, Problem};
use crate::{home, keys, random, wall};

/// How long what is open may take once a signal asked the tap to end, and how long the edges may take after that.
const GRACE: Duration = Duration::from_secs(2);

/// Server processes at once; each client of a legacy server has its own, and most never say that they are gone.
const MAX_PROCESSES: usize = 64;

/// Most texts that the bridge says about itself.
const MAX_NOTES: usize = 100;

/// Most bytes of one of them; the system takes so many at once or none.
const MAX_NOTE: usize = 1024;

/// Where clients find a bridge whose server has no path of its own for them, and where those of 2024-11-05 do.
const PATH: &str = "/mcp";
const SSE_PATH: &str = "/sse";

/// Bridges until the client ends it, or a signal.
pub fn run(args: &Args, listen: Option<SocketAddr>, server: Server<'_>) -> Result<ExitCode, Problem> {
    let headers = header::read(&args.headers)?;
    let chaos = args.chaos.as_deref().map(|path| chaos::read(path, listen.is_some())).transpose()?;
    let target = target(server)?;
    let settings = settings(args, listen, server, &target, headers.clone());
    let clock = Clock::start();
    let notes = Notes::new(&headers)?;
    let listens = settings.listens.clone();
    let mut bridge = Bridge::new(settings, seal(clock)?);
    let locked = args.locked.as_ref().map(|path| Watched::open(path, clock.now())).transpose()?;
    if let Some(locked) = &locked {
        // Nobody is there yet who could be told.
        bridge.lock(clock.now(), &locked.shared().get(), &mut Vec::new());
    }
    let (client_edge, server_edge) = (client_edge(args, listen, &listens)?, server_edge(args, server)?);
    let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| system(&error))?;
    let tasks = LocalSet::new();
    let bound =
        tasks.block_on(&runtime, async { Edges::bind(client_edge, server_edge, clock, max_message(args)) });
    let edges = bound.map_err(|error| tap_http::problem(&error))?;

    let transport = |is_http| if is_http { Transport::Http } else { Transport::Stdio };
    let transports = (transport(listen.is_some()), transport(matches!(server, Server::Url(_))));
    let observed = Observed::of(args, transports).locked(locked.as_ref().map(Watched::shared));
    let observe = |leg| {
        let (witness, observer) = queue(observe::QUEUE_BYTES);
        (witness, observe::start(observer, clock, observed.leg(leg, &headers)))
    };
    let (client, of_client) = observe(Leg::Client);
    let (server, of_server) = observe(Leg::Server);
    let legs = Legs::new(client, server, target, headers);
    if let (Listens::Http { path, sse_path }, Some(addr)) = (&listens, edges.addr()) {
        observe::say(&format!(
            "http://{addr}{path} → {} (clients of 2024-11-05: http://{addr}{sse_path}; stop with Ctrl-C; watch with `tapgate tail`)",
            args.source_name()
        ));
    }
    let status = tasks.block_on(&runtime, Loop { edges, bridge, chaos, legs, notes, locked, clock }.run());
    Recording::finish(&mut [of_client, of_server]);
    Ok(ExitCode::from(status))
}

/// The loop and all that it owns.
struct Loop {
    edges: Edges,
    bridge: Bridge,
    chaos: Option<Chaos>,
    legs: Legs,
    notes: Notes,
    locked: Option<Watched>,
    clock: Clock,
}

impl Loop {
    /// Runs until the engine says that everything is over; gives the exit status.
    async fn run(mut self) -> u8 {
        let mut stop = pin!(tap_http::stop());
        let mut end_by: Option<Nanos> = None;
        let mut acts = Vec::new();
        let status = loop {
            let held = self.chaos.as_ref().and_then(Chaos::deadline);
            let look = self.locked.as_ref().map(Watched::deadline);
            let until = [self.bridge.deadline(), held, end_by, look].into_iter().flatten().min();
            let mut heard = tokio::select! {
                () = &mut stop, if end_by.is_none() => {
                    end_by = Some(after(self.clock.now(), GRACE));
                    // For the engine a signal is what the end of standard input is: no client will come any more.
                    Heard::LineEnd
                }
                heard = self.edges.hear(until) => heard,
            };
            let now = self.clock.now();
            if end_by.is_some_and(|by| by <= now) {
                // Said again, it means that nobody waits any more.
                heard = Heard::LineEnd;
            }
            self.legs.heard(now, &heard);
            self.decide(now, heard, &mut acts);
            match self.locked.as_mut().and_then(|locked| locked.look(now)) {
                Some(Ok(lock)) => self.bridge.lock(now, &lock, &mut acts),
                Some(Err(why)) => acts.push(Act::Note(why)),
                None => {}
            }
            // Before the observers hear what the client gets.
            if let Some(locked) = &mut self.locked {
                locked.withhold(self.bridge.withheld());
            }
            let status = self.perform(now, &mut acts);
            self.legs.passed(self.clock);
            if let Some(status) = status {
                break status;
            }
        };
        self.part().await;
        self.edges.close(GRACE).await;
        status
    }

    /// Lets the bridge decide, with what chaos does to it.
    fn decide(&mut self, now: Nanos, heard: Heard, acts: &mut Vec<Act>) {
        let Some(chaos) = &mut self.chaos else {
            return self.bridge.on(now, heard, acts);
        };
        let mut injected = Vec::new();
        // What was held back goes out before what comes now.
        chaos.tick(now, acts);
        if chaos.heard(&heard, acts, &mut injected) == Verdict::Pass {
            let mut decided = Vec::new();
            self.bridge.on(now, heard, &mut decided);
            chaos.alter(now, &mut decided, &mut injected);
            acts.append(&mut decided);
        }
        for what in injected {
            observe::say(&what.text);
            self.legs.injected(now, what);
        }
    }

    /// Lets the server hear that its sessions are over, and its processes end.
    async fn part(&mut self) {
        let now = self.clock.now();
        let mut ends = self.legs.children().into_iter().map(|child| Act::End { child }).collect();
        self.perform(now, &mut ends);
        let until = after(now, GRACE);
        while self.legs.are_parting() && self.clock.now() < until {
            let heard = self.edges.hear(Some(until)).await;
            self.legs.heard(self.clock.now(), &heard);
        }
    }

    /// Does what the engine decided; gives the exit status once it is over.
    fn perform(&mut self, now: Nanos, acts: &mut Vec<Act>) -> Option<u8> {
        let mut status = None;
        for act in acts.drain(..) {
            self.legs.act(now, &act);
            match act {
                Act::Note(text) => {
                    if let Some(text) = self.notes.fresh(&text) {
                        self.edges.perform(Act::Note(text));
                    }
                }
                Act::Exit(code) => status = Some(code),
                act => self.edges.perform(act),
            }
        }
        status
    }
}

/// The path and query of the server's own URL; a command has none.
fn target(server: Server<'_>) -> Result<Uri, Problem> {
    let Server::Url(url) = server else { return Ok(Uri::default()) };
    Ok(tap_http::upstream(url)?.path_and_query().parse().unwrap_or_default())
}

/// Bytes of the largest message.
fn max_message(args: &Args) -> usize {
    args.max_message.map_or(tapgate_transport::bridge::MAX_MESSAGE, |mb| usize::from(mb) << 20)
}

fn client_edge(args: &Args, listen: Option<SocketAddr>, listens: &Listens) -> Result<ClientEdge, Problem> {
    let (Some(at), Listens::Http { path, sse_path }) = (listen, listens) else {
        if io::stdin().is_terminal() {
            observe::say(
                "messages are read here, as a client sends them; to let HTTP clients connect give --listen",
            );
        }
        return ClientPipes::take().map(ClientEdge::Pipe).map_err(|error| stdio::no_pipes(&error));
    };
    Ok(ClientEdge::Http(Listen {
        at,
        reach: if args.network { Reach::Network } else { Reach::Loopback },
        guard: Guard::new(args.allow_hosts.clone(), args.allow_origins.clone()),
        // Spec 2024-11-05, basic/transports, HTTP with SSE: clients send to where the first event points.
        paths: vec![path.clone(), sse_path.clone(), format!("{sse_path}/message")],
        max_body: max_message(args),
        max_connections: tap_http::MAX_CONNECTIONS,
        head_timeout: Duration::from_secs(30),
        body_timeout: Duration::from_mins(1),
        explain: tap_http::explain,
    }))
}

fn server_edge(args: &Args, server: Server<'_>) -> Result<ServerEdge, Problem> {
    match server {
        Server::Command(words) => {
            let words = words.to_owned();
            Ok(ServerEdge::Command {
                make: Box::new(move || stdio::server(&words)),
                guard: Box::new(stdio::guard_command),
                grace: GRACE,
            })
        }
        Server::Url(url) => Ok(ServerEdge::Url(Box::new(Url {
            upstream: tap_http::upstream(url)?,
            ca_file: args.ca_file.clone(),
            proxy: tap_http::proxy_variables(),
            connect_timeout: Duration::from_secs(10),
        }))),
    }
}

fn after(now: Nanos, wait: Duration) -> Nanos {
    Nanos(now.0.saturating_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX)))
}

fn system(error: &io::Error) -> Problem {
    Problem::usage(
        "tap.system",
        "the system refuses what a bridge needs",
        "close other programs, or raise the limits (ulimit -a), and try again",
    )
    .because(error)
    .exit(Exit::Unreachable)
}

fn settings(
    args: &Args,
    listen: Option<SocketAddr>,
    server: Server<'_>,
    target: &Uri,
    headers: HeaderMap,
) -> Settings {
    let (path, reaches) = match server {
        Server::Command(_) => (PATH.to_owned(), Reaches::Command),
        Server::Url(url) => {
            let path = if target.path() == SSE_PATH { PATH } else { target.path() };
            (path.to_owned(), Reaches::Url { url: url.to_owned() })
        }
    };
    let listens = match listen {
        None => Listens::Pipe,
        Some(_) => Listens::Http { path, sse_path: SSE_PATH.to_owned() },
    };
    let bounds = match reaches {
        Reaches::Command => Bounds { links: MAX_PROCESSES, ..Bounds::default() },
        Reaches::Url { .. } => Bounds::default(),
    };
    Settings {
        listens,
        reaches,
        server_name: args.source_name(),
        client_era: args.client_era,
        server_era: args.server_era.map(|spoken| spoken.era),
        server_revision: args.server_era.and_then(|spoken| spoken.revision),
        headers,
        bounds,
    }
}

/// The envelope of what clients bring back, with the keys of this machine; with one of its own when they cannot be read.
fn seal(clock: Clock) -> Result<Seal, Problem> {
    let random = || random::bytes().map_err(|error| system(&error));
    let kept = home::resolve().map_err(|problem| problem.message);
    let keys = kept.and_then(|home| keys::load(&home, wall::now()).map_err(|error| error.to_string()));
    let keys = match keys {
        Ok(keys) => keys,
        Err(why) => {
            observe::say(&format!(
                "clients cannot come back to their sessions after a restart: the keys cannot be kept ({why})"
            ));
            vec![random()?]
        }
    };
    let wall = u64::try_from(clock.wall_at_start()).unwrap_or_default();
    Ok(Seal::new(&keys, random()?, wall))
}

/// What the bridge has to say: each text once, without secrets.
struct Notes {
    masker: Masker,
    said: HashSet<String>,
}

impl Notes {
    fn new(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut masker = Masker::new(random::bytes().map_err(|error| system(&error))?, Level::Masked);
        observe::learn_headers(&mut masker, headers);
        Ok(Self { masker, said: HashSet::new() })
    }

    /// The text as it is to be said, if it is news.
    fn fresh(&mut self, text: &str) -> Option<String> {
        if self.said.len() >= MAX_NOTES {
            return None;
        }
        let masked = self.masker.text(text.as_bytes()).masked;
        let mut text = String::from_utf8_lossy(masked.bytes()).replace(char::is_control, " ");
        text.truncate(text.floor_char_boundary(MAX_NOTE));
        self.said.insert(text.clone()).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};

    use super::*;

    #[test]
    fn a_note_is_said_once_on_one_line_without_secrets_and_not_for_ever() {
        let mut headers = HeaderMap::new();
        headers.insert("x-key", "q7Rk2mZx9LpT".parse().unwrap());
        let mut notes = Notes::new(&headers).unwrap();
        assert_eq!(notes.fresh("the server\nis gone\u{1b}[2J").as_deref(), Some("the server is gone [2J"));
        assert_eq!(notes.fresh("the server\nis gone\u{1b}[2J"), None);
        let masked = notes.fresh("it said q7Rk2mZx9LpT").unwrap();
        assert!(!masked.contains("q7Rk2mZx9LpT"), "{masked}");
        assert!(notes.fresh(&"é".repeat(MAX_NOTE)).unwrap().len() <= MAX_NOTE);
        let n_said = (0..2 * MAX_NOTES).filter(|n| notes.fresh(&format!("note {n}")).is_some()).count();
        assert_eq!(n_said, MAX_NOTES - 3);
    }

    #[test]
    fn a_bridge_serves_the_path_of_the_url_unless_older_clients_have_it() {
        let args =
            Args::from_arg_matches(&Args::augment_args(clap::Command::new("tap")).get_matches_from(["tap"]));
        let args = args.unwrap();
        let at = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
        for (target, path) in
            [("/api/mcp?key=1", "/api/mcp"), ("/", "/"), ("/sse", "/mcp"), ("/v1/sse", "/v1/sse")]
        {
            let url = format!("http://a{target}");
            let target = super::target(Server::Url(&url)).unwrap();
            let settings = settings(&args, at, Server::Url(&url), &target, HeaderMap::new());
            let expected = Listens::Http { path: path.to_owned(), sse_path: "/sse".to_owned() };
            assert_eq!(settings.listens, expected, "{url}");
        }
    }
}
