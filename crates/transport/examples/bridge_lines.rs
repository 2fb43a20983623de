//! The edges of a bridge around nothing: lines pass between the client and one child as they come.
//!
//! `bridge_lines COMMAND [ARGUMENT…]`

#![expect(clippy::expect_used, reason = "a wrong command line of a test may panic")]

use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};
use std::time::Duration;

use tapgate_transport::bridge::{ClientEdge, Edges, MAX_MESSAGE, ServerEdge};
use tapgate_transport::stdio::ClientPipes;
use tapgate_transport::{Clock, guard};
use tapgate_wire::edge::{Act, ChildId, Heard};
use tokio::runtime::{Builder, LocalOptions};

const GUARD: &str = "--guard";

const CHILD: ChildId = ChildId(1);

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if(|argument| argument == GUARD).is_some() {
        return guard::run().map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
    }
    let words: Vec<String> = arguments.collect();
    let make = move || {
        let mut words = words.iter();
        let mut command = Command::new(words.next().expect("a command"));
        command.args(words);
        command
    };
    let guard = || {
        let mut guard = Command::new("/proc/self/exe");
        guard.arg0("tap-guard").arg(GUARD);
        guard
    };
    let grace = std::env::var("TAP_GRACE_MS").map_or(2000, |grace| grace.parse().expect("a number"));
    let grace = Duration::from_millis(grace);
    let server = ServerEdge::Command { make: Box::new(make), guard: Box::new(guard), grace };
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
    runtime.expect("a runtime").block_on(serve(server, grace))
}

async fn serve(server: ServerEdge, grace: Duration) -> ExitCode {
    let client = ClientEdge::Pipe(ClientPipes::take().expect("the pipes are there"));
    let mut edges = Edges::bind(client, server, Clock::start(), MAX_MESSAGE).expect("the edges are there");
    edges.perform(Act::Spawn { child: CHILD });
    loop {
        match edges.hear(None).await {
            Heard::Line { message } => edges.perform(Act::Write { child: CHILD, bytes: message.to_wire() }),
            Heard::ChildLine { message, .. } => edges.perform(Act::Line(message.to_wire())),
            Heard::LineEnd => edges.perform(Act::End { child: CHILD }),
            Heard::Exited { how, last_words, .. } => {
                edges.perform(Act::Note(format!("{how}; {last_words:?}")));
                edges.close(grace).await;
                return ExitCode::SUCCESS;
            }
            _ => {}
        }
    }
}
