//! `clients`: what each client really does.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;

use tapgate_engine::surface::from_json;
use tapgate_lens::pages::{self, ClientName};
use tapgate_lens::passport::{Passport, Stay};
use tapgate_store::{Query, SessionRow};
use tapgate_wire::Leg;
use tapgate_wire::record::Offered;

use crate::home;
use crate::look::{self, Look};
use crate::output::{self, Output};
use crate::problem::Problem;
use crate::small;

/// Messages of one session that are read; an endless one tells no more than its beginning.
const MAX_MESSAGES: usize = 20_000;

/// Sessions of one server whose lists of tools are read, the newest ones.
const MAX_OFFERS: u64 = 20;

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

    /// Print the client's passport to share: one JSON document, without the names of the tools that its servers offer
    #[arg(long, requires = "client")]
    passport: bool,

    /// Say why this tool is never called: by the client, or by each that is recorded
    #[arg(long, value_name = "TOOL", conflicts_with = "passport")]
    why: Option<String>,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show where two clients differ
    Diff {
        /// One client, or the file of a passport
        #[arg(value_name = "A")]
        a: String,
        /// The other, or the file of a passport
        #[arg(value_name = "B")]
        b: String,
    },
}

const EXAMPLES: &str = "Examples:
  tapgate clients
  tapgate clients claude-code
  tapgate clients diff claude-code@2.1.0 cursor
  tapgate clients cursor --why search           why it never calls that tool
  tapgate clients cursor --passport > cursor.json
  tapgate clients diff cursor.json cursor       what changed since, or from somebody else's

Exit status: 0 fine, 1 `clients diff` found a difference, 2 wrong usage, 5 the journal cannot be read.";

impl Args {
    /// Prints the list, one client, or where two differ.
    pub fn run(&self, output: &Output) -> Result<ExitCode, Problem> {
        let look = Look::open()?;
        let all = passports(&look)?;
        let page = match (&self.command, &self.client, &self.why) {
            (Some(Command::Diff { a, b }), ..) => {
                let (a, b) = (one(&all, a)?, one(&all, b)?);
                let (page, is_different) = pages::clients_differ((&a.0, &a.1), (&b.0, &b.1));
                look::print(&page, output, look.now);
                return Ok(ExitCode::from(u8::from(is_different)));
            }
            (None, client, Some(tool)) => {
                let meant = match client {
                    Some(name) => vec![find(&all, name)?],
                    None => all.iter().collect(),
                };
                pages::why(tool, &meant)
            }
            (None, Some(name), None) => {
                let (name, passport) = find(&all, name)?;
                if self.passport {
                    output::print(&format!("{:#}\n", passport.to_json(&name.0, &name.1)));
                    return Ok(ExitCode::SUCCESS);
                }
                pages::client(name, passport)
            }
            (None, None, None) => pages::clients(&all),
        };
        look::print(&page, output, look.now);
        Ok(ExitCode::SUCCESS)
    }
}

/// A client that a word names, or a passport that somebody wrote to a file.
fn one(all: &BTreeMap<ClientName, Passport>, word: &str) -> Result<(ClientName, Passport), Problem> {
    let path = Path::new(word);
    if !path.is_file() {
        return find(all, word).map(|(name, passport)| (name.clone(), passport.clone()));
    }
    let wrong = |cause: String| {
        let help = "write one with `tapgate clients NAME --passport > FILE`";
        Problem::usage("client.bad-passport", format!("{} is no passport", path.display()), help)
            .because(cause)
    };
    let text = small::read(path).map_err(|error| wrong(error.to_string()))?;
    let json = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    Passport::from_json(&json).ok_or_else(|| wrong("members are missing".to_owned()))
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
            all.keys().take(8).map(|(name, version)| look::printable(&format!("{name}@{version}"))).collect();
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
    let mut offered: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut n_read: BTreeMap<ClientName, u64> = BTreeMap::new();
    for session in look.reader.sessions(None, None).map_err(read)? {
        let Some(client) = session.client.clone() else { continue };
        // What a bridge sends to a server is its own.
        let around = look.around(session.id)?;
        let Some(source) = around.source.filter(|source| source.leg == Leg::Client && !look::is_own(source))
        else {
            continue;
        };
        let n = n_read.entry(client.clone()).or_default();
        *n += 1;
        if *n <= MAX_SESSIONS {
            let offered = match offered.entry(source.name.clone()) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(tools_of(look, &source.name)?),
            };
            add(look, &session, offered, all.entry(client).or_default())?;
        }
    }
    Ok(all)
}

/// The tools that a server offered in any session of a source with this name.
fn tools_of(look: &Look, name: &str) -> Result<BTreeSet<String>, Problem> {
    let read = |trouble| home::problem(&trouble);
    let sources = look.reader.sources().map_err(read)?;
    let mut tools = BTreeSet::new();
    for source in sources.iter().filter(|source| source.name == name) {
        for session in look.reader.sessions(Some(source.id), Some(MAX_OFFERS)).map_err(read)? {
            let surfaces = look.reader.surfaces(session.id).map_err(read)?;
            let newest = surfaces.iter().rev().find(|surface| surface.kind == Offered::Tools);
            let items = newest.and_then(|newest| from_json(&newest.items)).unwrap_or_default();
            tools.extend(items.into_iter().map(|item| item.name));
        }
    }
    Ok(tools)
}

fn add(
    look: &Look,
    session: &SessionRow,
    offered: &BTreeSet<String>,
    passport: &mut Passport,
) -> Result<(), Problem> {
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
    passport.add(&Stay { row: session, exchanges: &exchanges, messages: &messages, offered, now: look.now });
    Ok(())
}
