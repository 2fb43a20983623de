//! What a report is about.

use serde_json::{Value as Json, json};
use tapgate_store::{FindingRow, SessionId};

use super::{Report, Session};
use crate::page::{Block, Note, Tone};

/// What was checked: a session, or the file of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// A session, its server and what both agreed on.
    Session {
        id: SessionId,
        /// How the server was started, or its URL; masked.
        run: Option<String>,
        /// What the server says that it is called, and its version.
        server: Option<(String, String)>,
        revision: Option<String>,
    },
    /// A file of this name, which holds a part of a session of another journal.
    File(String),
}

impl Subject {
    pub(super) fn of(session: &Session<'_>) -> Self {
        Self::Session {
            id: session.row.id,
            run: session.source.map(|source| source.server.clone()),
            server: session.row.server.clone(),
            revision: session.row.revision.clone(),
        }
    }

    /// As one line.
    pub(super) fn told(&self) -> String {
        match self {
            Self::Session { id, run, server, revision } => {
                let server = server.as_ref().map(|(name, version)| format!(" {name} {version}"));
                let revision = revision.as_ref().map(|revision| format!(" in {revision}"));
                let run = run.as_ref().map(|run| format!(" ({run})"));
                [Some(format!("{id}:")), server, revision, run].into_iter().flatten().collect()
            }
            Self::File(name) => format!("{name}: a bundle"),
        }
    }

    fn json(&self) -> Json {
        match self {
            Self::Session { id, run, server, revision } => json!({
                "session": id.to_string(),
                "run": run,
                "server": server.as_ref().map(|(name, version)| json!({ "name": name, "version": version })),
                "revision": revision,
            }),
            Self::File(name) => json!({ "file": name }),
        }
    }
}

impl Report {
    /// Says that all of it is from a file of this name, in which nothing has an id of the journal.
    pub fn from_file(&mut self, name: &str) {
        self.subjects = vec![Subject::File(name.to_owned())];
    }

    /// What else is to be said first.
    pub(super) fn noted(&self) -> Vec<Block> {
        self.notes.iter().map(|text| Block::Note(Note::new(Tone::Odd, "!", text.clone()))).collect()
    }

    pub(super) fn subject_blocks(&self) -> impl Iterator<Item = Block> {
        let told = self.subjects.iter().map(Subject::told);
        let other = self.other_leg.map(|id| {
            format!("The other leg of this bridge is {id} and is not judged here: `tapgate check {id}`.")
        });
        told.chain(other).map(|text| Block::Note(Note::new(Tone::Quiet, "", text)))
    }

    /// The server, as it calls itself, else as it is started.
    pub(super) fn server(&self) -> String {
        let named = |subject: &Subject| match subject {
            Subject::File(name) | Subject::Session { server: Some((name, _)), .. } => Some(name.clone()),
            Subject::Session { run, .. } => run.clone(),
        };
        self.subjects.iter().find_map(named).unwrap_or_default()
    }

    pub(super) fn subjects_json(&self) -> Vec<Json> {
        self.subjects.iter().map(Subject::json).collect()
    }

    /// Whether a finding is in the journal, so that its ids name something there.
    pub(super) fn is_in_journal(&self) -> bool {
        !self.subjects.iter().any(|subject| matches!(subject, Subject::File(_)))
    }

    /// Where a finding was made, and in which revision.
    pub(super) fn place(&self, finding: &FindingRow) -> String {
        if let Some(Subject::File(name)) = self.subjects.first() {
            return name.clone();
        }
        let place = crate::pages::place(finding);
        let revision = finding.revision.as_deref().map(|revision| format!(" ({revision})"));
        place + &revision.unwrap_or_default()
    }
}
