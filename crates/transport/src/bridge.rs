//! The edges of a bridge: turns what clients and servers do into [`Heard`], and performs [`Act`]s.
//!
//! One thread: everything here lives in tasks of the runtime that [`Edges::bind`] is called in, which must be able
//! to spawn local tasks. Nothing waits inside [`Edges::perform`]; what a peer does not take is queued within
//! bounds, and each bound has its answer:
//!
//! | who | bound | then |
//! |---|---|---|
//! | the client on the pipe does not read | 1 MiB | servers are not heard until it does |
//! | an HTTP client does not read its stream | 8 MiB | it is cut off, [`Heard::Left`] |
//! | a child does not read | 64 MiB | it is killed, [`Heard::Exited`] |
//! | the engine does not hear | 16 MiB for each leg | the peers are not read |
//!
//! ```text
//! loop {
//!     let heard = edges.hear(engine.deadline()).await;
//!     engine.on(clock.now(), heard, &mut acts);
//!     for act in acts.drain(..) { edges.perform(act) }
//! }
//! ```

pub(crate) mod ear;

mod children;
mod lines;
mod options;
mod out;
mod pipe;
mod stdio;
mod wards;
mod words;

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rustix::io::fcntl_dupfd_cloexec;
use rustix::stdio::stderr;
use tapgate_wire::Nanos;
use tapgate_wire::edge::{Act, ChildId, FetchId, Heard};
use tapgate_wire::stream::Ending;
use tokio::task::{JoinSet, coop};
use tokio::time::{sleep, timeout};

use self::children::Children;
use self::ear::{Ear, Inbox, ear};
use self::out::Out;
use self::pipe::Pipe;
use self::wards::Wards;
use self::words::MAX_TALK;
use crate::allowance::Allowance;
use crate::clock::Clock;
use crate::http::Error;
use crate::http::bridge::{Ask, Clients, Origin, Web};
use crate::stdio::ClientPipes;

pub use self::options::{ClientEdge, ServerEdge, Url};
pub use crate::http::Listen;

/// Bytes that wait for the client on the pipe before servers are no longer heard.
const MAX_UNREAD: usize = 1 << 20;

/// Bytes of the largest message, unless somebody says otherwise.
pub const MAX_MESSAGE: usize = 64 << 20;

/// Everything outside of the engine.
pub struct Edges {
    clock: Clock,
    front: Front,
    back: Back,
    clients: Inbox,
    servers: Inbox,
    /// Whose turn it is in [`Edges::try_hear`].
    servers_next: bool,
    to_servers: Ear,
    talk: Rc<Out>,
    /// What must end before the bridge does.
    tasks: JoinSet<()>,
    /// What ends with the bridge.
    always: JoinSet<()>,
}

enum Front {
    Pipe(Rc<stdio::Client>),
    Http(Rc<Clients>, SocketAddr),
}

enum Back {
    Command(Rc<Children>),
    Url(Rc<Origin>),
}

impl Edges {
    /// Takes the address or the pipes and checks what can be wrong before anybody is heard. Must be called within a
    /// runtime whose tasks stay in this thread.
    pub fn bind(
        client: ClientEdge,
        server: ServerEdge,
        clock: Clock,
        max_message: usize,
    ) -> Result<Self, Error> {
        let start = Error::Start;
        let (from_clients, clients) = ear();
        let (from_servers, servers) = ear();
        let mut tasks = JoinSet::new();
        let mut always = JoinSet::new();
        let talk = Rc::new(Out::default());
        let web = Web::new(clock);
        let (back, way) = match server {
            ServerEdge::Command { make, guard, grace } => {
                let children = Children {
                    make,
                    wards: RefCell::new(Wards::start(guard, grace).map_err(start)?),
                    grace,
                    max_message,
                    clock,
                    ear: from_servers.clone(),
                    talk: matches!(client, ClientEdge::Pipe(_)).then(|| Rc::clone(&talk)),
                    running: RefCell::default(),
                };
                (Back::Command(Rc::new(children)), None)
            }
            ServerEdge::Url(url) => {
                let Url { upstream, ca_file, proxy, connect_timeout } = *url;
                let way = Web::way(upstream, ca_file, &proxy, connect_timeout)?;
                let origin = web.origin(
                    Arc::clone(&way),
                    from_servers.clone(),
                    clock,
                    max_message,
                    Allowance::endless(),
                );
                always.spawn_local(sweep(Rc::clone(&origin)));
                (Back::Url(origin), Some(way))
            }
        };
        let (front, err) = match client {
            ClientEdge::Pipe(ClientPipes { stdin, stdout, stderr }) => {
                let stdin = Pipe::shared(stdin).map_err(start)?;
                let stdout = Pipe::shared(stdout).map_err(start)?;
                let client = Rc::new(stdio::Client::new(from_clients));
                always.spawn_local(Rc::clone(&client).hear(stdin, clock, max_message));
                tasks.spawn_local(Rc::clone(&client).say(stdout));
                (Front::Pipe(client), stderr)
            }
            ClientEdge::Http(listen) => {
                let (listener, addr) = listen.bind()?;
                let clients = web.clients(listen, clock, from_clients, way);
                tasks.spawn_local(Rc::clone(&clients).serve(listener));
                let own = fcntl_dupfd_cloexec(stderr(), 3).map_err(io::Error::from).map_err(start)?;
                (Front::Http(clients, addr), own)
            }
        };
        let err = Pipe::shared(err).map_err(start)?;
        let talking = Rc::clone(&talk);
        // Who does not want our talk misses nothing else.
        always.spawn_local(async move { drop(talking.run(&err).await) });
        Ok(Self {
            clock,
            front,
            back,
            clients,
            servers,
            servers_next: false,
            to_servers: from_servers,
            talk,
            tasks,
            always,
        })
    }

    /// Says where HTTP clients connect, with the real port.
    pub fn addr(&self) -> Option<SocketAddr> {
        match &self.front {
            Front::Pipe(_) => None,
            Front::Http(_, addr) => Some(*addr),
        }
    }

    /// Waits for the next thing to hear; for [`Heard::Tick`] when `until` is reached.
    pub async fn hear(&mut self, until: Option<Nanos>) -> Heard {
        loop {
            // Lets the other tasks run when there is always something to hear.
            coop::consume_budget().await;
            while self.tasks.try_join_next().is_some() {}
            let left = until.map(|until| Duration::from_nanos(until.since(self.clock.now())));
            if left == Some(Duration::ZERO) {
                return Heard::Tick;
            }
            // Waiting costs a timer, which what is there already does not need.
            if let Some(heard) = self.try_hear() {
                return heard;
            }
            let heard = tokio::select! {
                heard = self.clients.next() => heard,
                heard = hear_servers(&self.front, &mut self.servers) => heard,
                () = sleep(left.unwrap_or_default()), if left.is_some() => continue,
            };
            if self.is_wanted(&heard) {
                return heard;
            }
        }
    }

    /// Gives what is there to hear at once.
    pub fn try_hear(&mut self) -> Option<Heard> {
        loop {
            self.servers_next = !self.servers_next;
            let has_room = self.has_room();
            let Self { clients, servers, servers_next, .. } = self;
            let mut from_server = || if has_room { servers.try_next() } else { None };
            let heard = if *servers_next {
                from_server().or_else(|| clients.try_next())
            } else {
                clients.try_next().or_else(from_server)
            }?;
            if self.is_wanted(&heard) {
                return Some(heard);
            }
        }
    }

    /// Does what the engine decided, except [`Act::Exit`], which is for the caller. Never waits.
    pub fn perform(&mut self, act: Act) {
        match act {
            Act::Line(bytes) => {
                if let Front::Pipe(client) = &self.front {
                    client.out.push_line(bytes);
                }
            }
            Act::Respond { .. } | Act::Begin { .. } | Act::Emit { .. } | Act::Finish { .. } => {
                if let Front::Http(clients, _) = &self.front {
                    reply(clients, act);
                }
            }
            Act::Spawn { child } => self.spawn(child),
            Act::Write { child, bytes } => {
                if let Back::Command(children) = &self.back {
                    children.write(child, bytes);
                }
            }
            Act::End { child } => {
                if let Back::Command(children) = &self.back {
                    children.end(child);
                }
            }
            Act::Fetch { fetch, method, target, headers, body } => {
                self.fetch(fetch, Ask { method, target, headers, body });
            }
            Act::Abort { fetch } => {
                if let Back::Url(origin) = &self.back {
                    origin.abort(fetch);
                }
            }
            Act::Note(text) => {
                if self.talk.n_bytes() <= MAX_TALK {
                    self.talk.push(Bytes::from(format!("tapgate: {text}\n")));
                }
            }
            Act::Exit(_) => {}
        }
    }

    /// Ends everything: children, streams and listener; what was to be written is written. Whatever is not done after
    /// `grace` is broken off.
    pub async fn close(mut self, grace: Duration) {
        match &self.front {
            Front::Pipe(client) => client.out.close(),
            Front::Http(clients, _) => clients.stop(),
        }
        match &self.back {
            Back::Command(children) => children.end_all(),
            Back::Url(origin) => origin.abort_all(),
        }
        let done = async {
            loop {
                tokio::select! {
                    joined = self.tasks.join_next() => if joined.is_none() { break },
                    // Nobody hears any more, but who tells must not wait.
                    _ = self.clients.next() => {}
                    _ = self.servers.next() => {}
                }
            }
            self.talk.close();
            self.talk.has_room(0).await;
        };
        let _ = timeout(grace, done).await;
        self.tasks.shutdown().await;
        self.always.shutdown().await;
    }

    fn spawn(&mut self, child: ChildId) {
        match &self.back {
            Back::Command(children) => {
                let hold = children.add(child);
                self.tasks.spawn_local(Rc::clone(children).run(child, hold));
            }
            Back::Url(_) => {
                let how = "the server is a URL and no command".to_owned();
                self.to_servers.tell_now(Heard::Exited { child, how, last_words: String::new() });
            }
        }
    }

    fn fetch(&mut self, fetch: FetchId, ask: Ask) {
        match &self.back {
            Back::Url(origin) => {
                let task = self.tasks.spawn_local(Rc::clone(origin).run(fetch, ask));
                origin.add(fetch, task);
            }
            Back::Command(_) => {
                let how = Ending::Failed("the server is a command and no URL".to_owned());
                self.to_servers.tell_now(Heard::Ended { fetch, how, sent: false });
            }
        }
    }

    fn has_room(&self) -> bool {
        match &self.front {
            Front::Pipe(client) => client.out.n_bytes() <= MAX_UNREAD,
            Front::Http(..) => true,
        }
    }

    /// Whether the engine did not say meanwhile that it is done with what this is about.
    fn is_wanted(&self, heard: &Heard) -> bool {
        match (heard, &self.front, &self.back) {
            (Heard::Left { stream }, Front::Http(clients, _), _) => clients.take_gone(*stream),
            (Heard::Answered { fetch, .. } | Heard::Event { fetch, .. }, _, Back::Url(origin)) => {
                origin.wants(*fetch, false)
            }
            (Heard::Body { fetch, .. } | Heard::Ended { fetch, .. }, _, Back::Url(origin)) => {
                origin.wants(*fetch, true)
            }
            _ => true,
        }
    }
}

/// Hears servers as long as the client on the pipe reads.
async fn hear_servers(front: &Front, servers: &mut Inbox) -> Heard {
    if let Front::Pipe(client) = front {
        client.out.has_room(MAX_UNREAD).await;
    }
    servers.next().await
}

fn reply(clients: &Clients, act: Act) {
    match act {
        Act::Respond { stream, status, headers, body } => clients.respond(stream, status, &headers, body),
        Act::Begin { stream, headers } => clients.begin(stream, &headers),
        Act::Emit { stream, bytes } => clients.emit(stream, bytes),
        Act::Finish { stream } => clients.finish(stream),
        _ => {}
    }
}

async fn sweep(origin: Rc<Origin>) {
    loop {
        sleep(Duration::from_secs(1)).await;
        origin.sweep();
    }
}
