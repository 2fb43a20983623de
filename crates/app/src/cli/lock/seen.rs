//! What a server offers, as it was seen: in a recorded session, or by asking it now.

use std::collections::BTreeSet;

use tapgate_engine::surface::{Lock, Pinned, settled, word};
use tapgate_store::{SessionId, SessionRow, SourceRow};
use tapgate_wire::Leg;
use tapgate_wire::record::{Offered, Transport};

use super::{Target, live};
use crate::home;
use crate::look::{Look, printable};
use crate::play::Server;
use crate::problem::Problem;

/// Sessions that are looked through for one of a certain server.
const MAX_SESSIONS: u64 = 1_000;

/// What was seen.
pub struct Seen {
    /// The server and what it offers, as a lock would have it.
    pub lock: Lock,
    /// Lists of which not all pages were fetched.
    pub partial: BTreeSet<Offered>,
    /// Where it was seen, for people.
    pub from: String,
}

impl Seen {
    /// Whether something of this kind and name was listed.
    pub(super) fn lists(&self, kind: Offered, name: &str) -> bool {
        let items = self.lock.surface.kinds.get(&kind);
        items.is_some_and(|items| items.iter().any(|item| item.name == name))
    }
}

/// What the target offers; without one, what the server of the lock offered last.
pub(super) fn surface_of(look: &Look, target: &Target, lock: Option<&Lock>) -> Result<Seen, Problem> {
    let server = match (&target.what, lock) {
        _ if !target.command.is_empty() => Server::Command(target.command.clone()),
        (Some(url), _) if url.contains("://") => Server::Url(url.clone()),
        (None, Some(lock)) if lock.server != Pinned::default() => return latest_of(look, lock),
        (session, _) => return of_session(look, &look.session(session.as_deref().unwrap_or("last"))?),
    };
    let session = live::ask(&server, target)?;
    of_session(&Look::open()?, &session)
}

/// What the server offered in a session.
///
/// A bridge may change definitions for its client or hold some back, so of a bridge its server's leg counts.
pub fn of_session(look: &Look, session: &SessionRow) -> Result<Seen, Problem> {
    let read = |trouble| home::problem(&trouble);
    let source = look.reader.source(session.source).map_err(read)?;
    let mut seen = Seen {
        lock: Lock { server: source.as_ref().map(pinned).unwrap_or_default(), ..Lock::default() },
        partial: BTreeSet::new(),
        from: session.id.to_string(),
    };
    let twin = match &source {
        Some(source) => look.twin(source)?,
        None => None,
    };
    let mut sessions = vec![session.id];
    if let Some(twin) = twin {
        let rows = look.reader.sessions(Some(twin.id), Some(MAX_SESSIONS)).map_err(read)?;
        sessions = rows.into_iter().rev().map(|row| row.id).collect();
    }
    for id in sessions {
        learn(look, id, &mut seen)?;
    }
    seen.lock.server.name = seen.lock.surface.server_name();
    Ok(seen)
}

/// The latest session of the server that a lock is about.
pub(super) fn latest_of(look: &Look, lock: &Lock) -> Result<Seen, Problem> {
    let rows = look.reader.sessions(None, Some(MAX_SESSIONS)).map_err(|trouble| home::problem(&trouble))?;
    for row in rows {
        let source = look.around(row.id)?.source;
        let Some(source) = source.filter(|source| source.leg == Leg::Client) else { continue };
        let (is, was) = (pinned(&source), &lock.server);
        let is_same = was.run.is_some() && is.run == was.run || was.url.is_some() && is.url == was.url;
        if !is_same && (was.name.is_none() || row.server.as_ref().map(|(name, _)| name) != was.name.as_ref())
        {
            continue;
        }
        let seen = of_session(look, &row)?;
        let listed = &seen.lock.surface.kinds;
        let is_listed = if lock.surface.kinds.contains_key(&Offered::Tools) || lock.surface.kinds.is_empty() {
            listed.contains_key(&Offered::Tools)
        } else {
            listed.keys().any(|kind| *kind != Offered::Server)
        };
        if is_listed {
            return Ok(seen);
        }
    }
    let name = was_called(&lock.server);
    Err(Problem::usage(
        "lock.never-seen",
        format!("no recorded session lists what {name} offers"),
        "let a client list its tools through `tapgate tap`, or name a session; `tapgate ls` shows all",
    ))
}

/// Refuses what is not enough for a lock.
pub(super) fn enough(seen: &Seen) -> Result<(), Problem> {
    if let Some(kind) = seen.partial.first() {
        return Err(Problem::usage(
            "lock.partial",
            format!("only some pages of the {} were listed in {}", word(*kind), seen.from),
            "name a session in which the client fetched all pages",
        ));
    }
    if seen.lock.surface.kinds.keys().any(|kind| *kind != Offered::Server) {
        return Ok(());
    }
    Err(Problem::usage(
        "lock.nothing-listed",
        format!("nothing was listed in {}", seen.from),
        "name a session in which the client asks for tools, prompts or resources; `tapgate ls` shows all",
    ))
}

fn was_called(server: &Pinned) -> String {
    let name = server.name.as_ref().or(server.run.as_ref()).or(server.url.as_ref());
    name.map_or_else(|| "this server".to_owned(), |name| format!("`{}`", printable(name)))
}

fn learn(look: &Look, session: SessionId, seen: &mut Seen) -> Result<(), Problem> {
    for row in look.reader.surfaces(session).map_err(|trouble| home::problem(&trouble))? {
        if row.whole && seen.lock.surface.learn(row.kind, &row.items) {
            seen.partial.remove(&row.kind);
        } else if !seen.lock.surface.kinds.contains_key(&row.kind) && row.kind != Offered::Server {
            seen.partial.insert(row.kind);
        }
    }
    Ok(())
}

fn pinned(source: &SourceRow) -> Pinned {
    let server = Some(settled(&source.server));
    match source.transports.1 {
        Transport::Stdio => Pinned { run: server, ..Pinned::default() },
        Transport::Http | Transport::Sse => Pinned { url: server, ..Pinned::default() },
    }
}
