//! Look: what every view needs from the journal, the neighbours of a row, and the drawing of a page.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::rc::Rc;

use tapgate_expr::{Field, Filter};
use tapgate_lens::Call;
use tapgate_lens::draw::{self, Colour, Style};
use tapgate_lens::page::Page;
use tapgate_store::{ExchangeRow, Query, Reader, SessionId, SessionRow, SourceId, SourceRow};
use tapgate_wire::Leg;
use tapgate_wire::record::UnixNanos;

use crate::output::{self, Output};
use crate::play::OWN;
use crate::problem::Problem;
use crate::{home, wall};

/// The journal as one look finds it.
pub struct Look {
    /// The journal.
    pub reader: Reader,
    /// When the look began.
    pub now: UnixNanos,
    sessions: RefCell<HashMap<SessionId, Option<Rc<SessionRow>>>>,
    sources: RefCell<HashMap<SourceId, Option<Rc<SourceRow>>>>,
}

/// The session and the source of a row, as far as they are still there.
#[derive(Clone, Default)]
pub struct Around {
    /// The session.
    pub session: Option<Rc<SessionRow>>,
    /// The source.
    pub source: Option<Rc<SourceRow>>,
}

impl Around {
    /// Whether a view with this filter is about the leg that was recorded here.
    ///
    /// A bridge records each call on both its legs: who names neither a leg nor a session sees the client's.
    pub fn is_meant(&self, query: &Query, filter: &Filter) -> bool {
        let leg = self.source.as_ref().map_or(Leg::Client, |source| source.leg);
        query.session.is_some() || filter.names(Field::Leg) || leg == Leg::Client
    }
}

impl Look {
    /// Opens the journal; one that does not exist is an empty one.
    pub fn open() -> Result<Self, Problem> {
        let reader = Reader::open(&home::resolve()?).map_err(|trouble| home::problem(&trouble))?;
        Ok(Self { reader, now: wall::now(), sessions: RefCell::default(), sources: RefCell::default() })
    }

    /// Forgets the neighbours that were read, which may have changed.
    pub fn refresh(&mut self) {
        self.now = wall::now();
        self.sessions.get_mut().clear();
        self.sources.get_mut().clear();
    }

    /// The neighbours of what belongs to this session.
    pub fn around(&self, session: SessionId) -> Result<Around, Problem> {
        let mut sessions = self.sessions.borrow_mut();
        let session = if let Some(known) = sessions.get(&session) {
            known.clone()
        } else {
            let row = self.reader.session(session).map_err(|trouble| home::problem(&trouble))?.map(Rc::new);
            sessions.insert(session, row.clone());
            row
        };
        let Some(source) = session.as_ref().map(|session| session.source) else {
            return Ok(Around::default());
        };
        let mut sources = self.sources.borrow_mut();
        let source = if let Some(known) = sources.get(&source) {
            known.clone()
        } else {
            let row = self.reader.source(source).map_err(|trouble| home::problem(&trouble))?.map(Rc::new);
            sources.insert(source, row.clone());
            row
        };
        Ok(Around { session, source })
    }

    /// Shows each exchange to `visit`, until it breaks.
    pub fn each(
        &self,
        query: &Query,
        mut visit: impl FnMut(&ExchangeRow, &Around) -> ControlFlow<()>,
    ) -> Result<(), Problem> {
        let mut failed = None;
        let seen = self.reader.exchanges(query, |exchange| match self.around(exchange.session) {
            Err(problem) => {
                failed = Some(problem);
                ControlFlow::Break(())
            }
            Ok(around) => visit(exchange, &around),
        });
        seen.map_err(|trouble| home::problem(&trouble))?;
        failed.map_or(Ok(()), Err)
    }

    /// Shows each exchange that matches to `visit`, until it breaks.
    pub fn matching(
        &self,
        query: &Query,
        filter: &Filter,
        mut visit: impl FnMut(&ExchangeRow, &Around) -> ControlFlow<()>,
    ) -> Result<(), Problem> {
        self.each(query, |exchange, around| {
            if self.matches(query, filter, exchange, around) {
                visit(exchange, around)
            } else {
                ControlFlow::Continue(())
            }
        })
    }

    /// Whether an exchange matches; its request is read only if the filter asks for what is in it.
    pub fn matches(&self, query: &Query, filter: &Filter, exchange: &ExchangeRow, around: &Around) -> bool {
        let request = || Some(self.reader.messages(exchange).ok()?.into_iter().next()?.body);
        around.is_meant(query, filter) && filter.matches(&self.call(exchange, around).with_request(&request))
    }

    /// The exchange with its neighbours, for a page.
    pub fn call<'a>(&self, exchange: &'a ExchangeRow, around: &'a Around) -> Call<'a> {
        Call::new(exchange, around.session.as_deref(), around.source.as_deref(), self.now)
    }

    /// The latest session of a client that is not our own: what `check`, `replay` and `lock` said themselves is not meant.
    fn last(&self) -> Result<Option<SessionRow>, Problem> {
        let rows = self.reader.sessions(None, Some(MAX_OWN)).map_err(|trouble| home::problem(&trouble))?;
        for row in rows {
            let source = self.around(row.id)?.source;
            if source.is_none_or(|source| source.leg == Leg::Client && !is_own(&source)) {
                return Ok(Some(row));
            }
        }
        self.reader.last_session().map_err(|trouble| home::problem(&trouble))
    }

    /// The other leg of a bridge, that towards the server.
    pub fn twin(&self, source: &SourceRow) -> Result<Option<SourceRow>, Problem> {
        let sources = self.reader.sources().map_err(|trouble| home::problem(&trouble))?;
        let is_twin = |other: &SourceRow| {
            other.leg == Leg::Server && (other.pid, other.started) == (source.pid, source.started)
        };
        Ok(sources.into_iter().find(|other| other.id != source.id && is_twin(other)))
    }

    /// The session that `id` names: an id, or `last`.
    pub fn session(&self, id: &str) -> Result<SessionRow, Problem> {
        let found = match id {
            "last" => return self.last()?.ok_or_else(|| no_such(id)),
            _ => self.reader.session(id.parse().map_err(|_| no_such(id))?),
        };
        found.map_err(|trouble| home::problem(&trouble))?.ok_or_else(|| no_such(id))
    }
}

/// Sessions of our own that `last` looks past.
const MAX_OWN: u64 = 1_000;

/// Whether a source is a tap that a command of ours started for itself.
pub fn is_own(source: &SourceRow) -> bool {
    OWN.contains(&source.name.as_str())
}

/// A word of the command line, as a message may quote it.
pub fn printable(word: &str) -> String {
    word.chars().filter(|c| !c.is_control()).take(40).collect()
}

/// The problem of an id that names nothing.
pub fn no_such(id: &str) -> Problem {
    if id == "last" {
        return Problem::usage(
            "id.unknown",
            "nothing is recorded yet, so `last` names no session",
            "put `tapgate tap --` in front of a server's command in your client's configuration, or run `tapgate demo`",
        );
    }
    let id = printable(id);
    Problem::usage(
        "id.unknown",
        format!("nothing in the journal is called `{id}`"),
        "see the ids with `tapgate ls` and `tapgate calls`, or say `last` for the latest session",
    )
}

/// Reads a filter from the words of the command line.
pub fn filter(words: &[String]) -> Result<Filter, Problem> {
    Filter::parse(&words.join(" ")).map_err(|mistake| {
        let help = mistake
            .help
            .clone()
            .unwrap_or_else(|| "see the fields and the short form with `tapgate calls --help`".to_owned());
        let mut place = mistake.clone();
        place.help = None;
        Problem::usage("filter.mistake", "the filter cannot be read", help).because(place)
    })
}

/// Prints a page the way the output wants it.
pub fn print(page: &Page, output: &Output, now: UnixNanos) {
    output::print(&drawn(page, output, now));
}

/// Prints a page as text, whatever the output is.
pub fn print_text(page: &Page, output: &Output) {
    output::print(&text(page, output, wall::now()));
}

/// Draws a page the way the output wants it.
fn drawn(page: &Page, output: &Output, now: UnixNanos) -> String {
    if output.wants_json() {
        return draw::json(page);
    }
    text(page, output, now)
}

fn text(page: &Page, output: &Output, now: UnixNanos) -> String {
    let colour = if output.wants_color() { Colour::On } else { Colour::Off };
    draw::text(page, &Style { width: Output::width(), colour, now })
}
