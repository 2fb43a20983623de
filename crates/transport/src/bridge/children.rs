//! The server as processes: each one a group of its own with three pipes.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::process::{Child, Command, ExitStatus};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use rustix::process::Signal;
use tapgate_wire::edge::{ChildId, Heard};
use tokio::signal::unix::{self, SignalKind};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::ear::Ear;
use super::lines;
use super::out::Out;
use super::pipe::Pipe;
use super::wards::Wards;
use super::words::Words;
use crate::clock::Clock;
use crate::error::{Error, Obstacle};
use crate::guard::Group;
use crate::stdio::Exit;
use crate::stdio::server::Server;

/// Bytes that wait for a child that does not read.
const MAX_UNREAD: usize = 64 << 20;

/// How long the pipes of a child that ended may be quiet until nobody waits for others who hold them.
const DRAIN: Duration = Duration::from_millis(500);

/// How often one looks whether a group is gone.
const LOOK: Duration = Duration::from_millis(10);

/// Everything that runs.
pub(super) struct Children {
    pub(super) make: Box<dyn Fn() -> Command>,
    pub(super) wards: RefCell<Wards>,
    pub(super) grace: Duration,
    pub(super) max_message: usize,
    pub(super) clock: Clock,
    pub(super) ear: Ear,
    /// Where standard error goes, if anywhere.
    pub(super) talk: Option<Rc<Out>>,
    pub(super) running: RefCell<HashMap<ChildId, Rc<Hold>>>,
}

/// What the engine can do with a child.
#[derive(Default)]
pub(super) struct Hold {
    stdin: Out,
    group: Cell<Option<Group>>,
    is_mute: Cell<bool>,
    /// Why it is ended although nobody asked for that.
    given_up: Cell<Option<&'static str>>,
    end: Notify,
}

impl Children {
    /// Makes room for a child, which [`Children::run`] starts.
    pub(super) fn add(&self, child: ChildId) -> Rc<Hold> {
        let hold = Rc::new(Hold::default());
        self.running.borrow_mut().insert(child, Rc::clone(&hold));
        hold
    }

    /// Writes a line; a child that ended does not care.
    pub(super) fn write(&self, child: ChildId, line: Bytes) {
        let running = self.running.borrow();
        let Some(hold) = running.get(&child) else { return };
        if hold.stdin.n_bytes() > 0 && hold.stdin.n_bytes() + line.len() > MAX_UNREAD {
            hold.given_up.set(Some("does not read its input"));
            if let Some(group) = hold.group.get() {
                group.signal(Signal::KILL);
            }
            return;
        }
        hold.stdin.push_line(line);
    }

    /// Closes the child's input, and ends its group when that does not do it.
    pub(super) fn end(&self, child: ChildId) {
        if let Some(hold) = self.running.borrow().get(&child) {
            hold.end();
        }
    }

    /// Ends all children.
    pub(super) fn end_all(&self) {
        let children: Vec<ChildId> = self.running.borrow().keys().copied().collect();
        for child in children {
            self.end(child);
        }
    }

    /// Runs a child from its start until nothing of it is left.
    pub(super) async fn run(self: Rc<Self>, child: ChildId, hold: Rc<Hold>) {
        let mut words = Words::default();
        let how = match self.serve(child, &hold, &mut words).await {
            Ok(status) => hold.given_up.get().map_or_else(|| how(status), str::to_owned),
            Err(why) => why,
        };
        self.running.borrow_mut().remove(&child);
        self.ear.tell_now(Heard::Exited { child, how, last_words: words.last() });
    }

    async fn serve(&self, child: ChildId, hold: &Hold, words: &mut Words) -> Result<ExitStatus, String> {
        let refused = |why: io::Error| format!("{}: {why}", Obstacle::Other);
        // Listens before the child can end.
        let mut ends = unix::signal(SignalKind::child()).map_err(refused)?;
        let server = Server::start((self.make)()).map_err(|error| match error {
            Error::Start { obstacle: Obstacle::Other, source, .. } | Error::Edge { source, .. } => {
                refused(source)
            }
            Error::Start { obstacle, .. } => obstacle.to_string(),
        })?;
        let group = Group::led_by(&server.child);
        let mut living = Living { child: server.child, group, wards: &self.wards };
        self.wards.borrow_mut().add(group).map_err(refused)?;
        hold.group.set(Some(group));
        if hold.given_up.get().is_some() {
            // More was written than waits for anybody, before it even started.
            group.signal(Signal::KILL);
        }
        let pipes = [server.stdin, server.stdout, server.stderr].map(Pipe::own);
        let [stdin, stdout, stderr] = pipes;
        let (stdin, stdout, stderr) =
            (stdin.map_err(refused)?, stdout.map_err(refused)?, stderr.map_err(refused)?);
        self.ear.tell_now(Heard::Started { child, pid: living.child.id() });

        let said = async {
            lines::read(&stdout, self.max_message, self.clock, async |frame| {
                if let Some((message, _)) = frame.into_message() {
                    let n_bytes = message.raw().len();
                    self.ear.tell(Heard::ChildLine { child, message }, n_bytes).await;
                }
            })
            .await;
            // It can answer nobody any more. Spec 2025-11-25, basic/lifecycle, Shutdown: it is about to exit.
            hold.is_mute.set(true);
            hold.end();
        };
        let mut said =
            std::pin::pin!(async { tokio::join!(said, words.read(&stderr, self.talk.as_deref())) });
        let mut fed = std::pin::pin!(async move {
            // A child may close its input and live on.
            let _ = hold.stdin.run(&stdin).await;
        });
        let mut ending = std::pin::pin!(self.ending(hold, group));
        let (mut is_said, mut is_fed) = (false, false);
        let status = loop {
            tokio::select! {
                biased;
                _ = &mut said, if !is_said => is_said = true,
                () = &mut fed, if !is_fed => is_fed = true,
                () = &mut ending => {}
                ended = living.ended(&mut ends) => break ended.map_err(refused)?,
            }
        };
        // Others may hold the pipes: first what the child itself left in them, then their end.
        while !is_said {
            match timeout(DRAIN, &mut said).await {
                Ok(_) => is_said = true,
                Err(_) if stdout.is_reading() => break,
                Err(_) => {}
            }
        }
        let gone = self.gone(group);
        if is_said {
            gone.await;
        } else {
            tokio::select! {
                _ = async { tokio::join!(&mut said, gone) } => {}
                () = async { sleep(2 * self.grace + DRAIN).await } => {}
            }
        }
        Ok(status)
    }

    /// Waits until the child is to end, then sends its group what ends it.
    async fn ending(&self, hold: &Hold, group: Group) {
        hold.end.notified().await;
        sleep(self.grace).await;
        if hold.is_mute.get() {
            hold.given_up.set(Some("closed its output and did not end"));
        }
        group.signal(Signal::TERM);
        sleep(self.grace).await;
        group.signal(Signal::KILL);
        std::future::pending::<()>().await;
    }

    /// Ends what a child left behind.
    async fn gone(&self, group: Group) {
        if !group.runs() {
            return;
        }
        group.signal(Signal::TERM);
        let _ = timeout(self.grace, async {
            while group.runs() {
                sleep(LOOK).await;
            }
        })
        .await;
        group.signal(Signal::KILL);
    }
}

impl Hold {
    fn end(&self) {
        self.stdin.close();
        self.end.notify_one();
    }
}

/// A process that is killed when nobody waits for it any more.
struct Living<'a> {
    child: Child,
    group: Group,
    wards: &'a RefCell<Wards>,
}

impl Living<'_> {
    async fn ended(&mut self, ends: &mut unix::Signal) -> io::Result<ExitStatus> {
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            ends.recv().await;
        }
    }
}

impl Drop for Living<'_> {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            self.group.signal(Signal::KILL);
            let _ = self.child.wait();
        }
        self.wards.borrow_mut().remove(self.group);
    }
}

fn how(status: ExitStatus) -> String {
    match Exit::from(status) {
        Exit::Code(code) => format!("exit status {code}"),
        Exit::Signal(signal) => format!("signal {signal}"),
    }
}
