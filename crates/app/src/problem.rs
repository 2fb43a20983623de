//! What a person must act on: code, what happened, why, what to do, exit status.

use std::fmt;
use std::io::Write as _;
use std::process::ExitCode;

use serde_json::json;

#[cfg(test)]
pub mod codes;

/// The exit statuses that every command shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// What was looked at is not as it should be.
    Found = 1,
    /// Wrong usage or configuration.
    Usage = 2,
    /// A server wants a login.
    Login = 3,
    /// A peer cannot be reached.
    Unreachable = 4,
    /// Input (a journal, a file) cannot be read.
    Unreadable = 5,
}

/// An error for a person; it prints as one sentence, its cause, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Stable, documented in `docs/reference/problems.md`.
    pub code: &'static str,
    /// What happened, as a fragment that reads well after `tapgate: `.
    pub message: String,
    /// Why, when it is known.
    pub cause: Option<String>,
    /// What to do.
    pub help: String,
    /// The exit status.
    pub exit: Exit,
}

impl Problem {
    /// A problem with wrong usage or configuration.
    pub fn usage(code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { code, message: message.into(), cause: None, help: help.into(), exit: Exit::Usage }
    }

    /// Adds why it happened.
    pub fn because(mut self, cause: impl fmt::Display) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    /// Sets the exit status.
    pub fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// Writes it to stderr, as text or as one JSON object, and gives the exit code.
    pub fn report(&self, json: bool) -> ExitCode {
        let text = if json { format!("{}\n", self.to_json()) } else { self.to_string() };
        // A closed stderr must not change the exit status.
        let _ = std::io::stderr().write_all(text.as_bytes());
        ExitCode::from(self.exit as u8)
    }

    fn to_json(&self) -> serde_json::Value {
        json!({ "error": { "code": self.code, "message": self.message, "cause": self.cause, "help": self.help } })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "tapgate: {}", self.message)?;
        if let Some(cause) = &self.cause {
            writeln!(f, "  cause: {cause}")?;
        }
        writeln!(f, "  help:  {}", self.help)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_reads_as_sentence_cause_and_help() {
        let problem = Problem::usage("usage.no-server", "no server is named", "put the command after `--`")
            .because("the list is empty");
        assert_eq!(
            problem.to_string(),
            "tapgate: no server is named\n  cause: the list is empty\n  help:  put the command after `--`\n"
        );
        assert_eq!(problem.to_json()["error"]["code"], "usage.no-server");
    }
}
