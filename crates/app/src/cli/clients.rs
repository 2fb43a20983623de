//! `clients`: what each client really does.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::process::ExitCode;

use tapgate_lens::pages::{self, ClientName};
use tapgate_lens::passport::{Passport, Stay};
use tapgate_store::{Query, SessionRow};
use tapgate_wire::Leg;

use crate::home;
use crate::look::{self, Look};
use crate::output::Output;
use crate::problem::Problem;

/// Messages of one session that are read; an endless one tells no more than its beginning.
const MAX_MESSAGES: usize = 20_000;

/// Sessions of one client that are read, the newest ones.
const MAX_SESSIONS: u64 = 200;

/// Show what each client really sends and does, from recordings
///
/// Offered revisions, capabilities, headers, habits with lists, progress, cancellation and shutdown, and which advertised
/// tools it never calls. A client is named as in the list: NAME or NAME@VERSION.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub struct Args {
    /// The client to show; all of them, in a table, if left out
    #[arg(value_name = "CLIENT")]
    client: Option<String>,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show where two clients differ
    Diff {
        /// One client
        #[arg(value_name = "A")]
        a: String,
        /// The other
        #[arg(value_name = "B")]
        b: String,
    },
}

const EXAMPLES: &str = "Examples:
  tapgate clients
  tapgate clients claude-code
  tapgate clients diff claude-code@2.1.0 cursor";

impl Args {
    /// Prints the list, one client, or where two differ.
    pub fn run(&self, output: &Output) -> Result<ExitCode, Problem> {
        let look = Look::open()?;
        let all = passports(&look)?;
        let page = match (&self.command, &self.client) {
            (Some(Command::Diff { a, b }), _) => pages::clients_differ(find(&all, a)?, find(&all, b)?),
            (None, Some(name)) => {
                let (name, passport) = find(&all, name)?;
                pages::client(name, passport)
            }
            (None, None) => pages::clients(&all),
        };
        look::print(&page, output, look.now);
        Ok(ExitCode::SUCCESS)
    }
}

/// The client that a word names; of several versions the one that was recorded last.
fn find<'a>(
    all: &'a BTreeMap<ClientName, Passport>,
    word: &str,
) -> Result<(&'a ClientName, &'a Passport), Problem> {
    let (name, version) = word.rsplit_once('@').filter(|(name, _)| !name.is_empty()).unwrap_or((word, ""));
    let is_meant = |(known, known_version): &ClientName| {
        known == word || known == name && (version.is_empty() || known_version.starts_with(version))
    };
    all.iter().rev().find(|(client, _)| is_meant(client)).ok_or_else(|| {
        let known: Vec<String> =
            all.keys().take(8).map(|(name, version)| format!("{name}@{version}")).collect();
        Problem::usage(
            "client.unknown",
            format!("no client called `{}` is recorded", look::printable(word)),
            if known.is_empty() {
                "record one first: put `tapgate tap --` in front of a server's command".to_owned()
            } else {
                format!("name one of {}", known.join(", "))
            },
        )
    })
}

fn passports(look: &Look) -> Result<BTreeMap<ClientName, Passport>, Problem> {
    let read = |trouble| home::problem(&trouble);
    let mut all: BTreeMap<ClientName, Passport> = BTreeMap::new();
    let mut n_read: BTreeMap<ClientName, u64> = BTreeMap::new();
    for session in look.reader.sessions(None, None).map_err(read)? {
        let Some(client) = session.client.clone() else { continue };
        // What a bridge sends to a server is its own.
        let around = look.around(session.id)?;
        if around.source.is_some_and(|source| source.leg == Leg::Server || look::is_own(&source)) {
            continue;
        }
        let n = n_read.entry(client.clone()).or_default();
        *n += 1;
        if *n <= MAX_SESSIONS {
            add(look, &session, all.entry(client).or_default())?;
        }
    }
    Ok(all)
}

fn add(look: &Look, session: &SessionRow, passport: &mut Passport) -> Result<(), Problem> {
    let read = |trouble| home::problem(&trouble);
    let (mut exchanges, mut messages) = (Vec::new(), Vec::new());
    let query = Query { session: Some(session.id), ..Query::default() };
    let seen = look.reader.exchanges(&query, |exchange| {
        exchanges.push(exchange.clone());
        ControlFlow::Continue(())
    });
    seen.map_err(read)?;
    let seen = look.reader.messages_of_session(session.id, |message| {
        messages.push(message.clone());
        if messages.len() < MAX_MESSAGES { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    seen.map_err(read)?;
    passport.add(&Stay { row: session, exchanges: &exchanges, messages: &messages });
    Ok(())
}
