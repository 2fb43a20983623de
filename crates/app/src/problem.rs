//! What a person must act on: code, what happened, why, what to do, exit status.

use std::fmt;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use serde_json::json;
use tapgate_lens::{Plain, draw};
use tapgate_wire::mask::{Level, Masker};

use crate::output::Output;
use crate::random;

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
        let masked = self.masked();
        // A terminal would break lines inside of words.
        let width =
            if std::io::stderr().is_terminal() { Output::width_of(std::io::stderr()) } else { usize::MAX };
        let text = if json {
            format!("{}\n", draw::escaped(&masked.to_json().to_string()))
        } else {
            masked.text(width)
        };
        // A closed stderr must not change the exit status.
        let _ = std::io::stderr().write_all(text.as_bytes());
        ExitCode::from(self.exit as u8)
    }

    /// The problem without the secrets that a file or an argument may have brought into it.
    fn masked(&self) -> Self {
        let Ok(key) = random::bytes() else {
            return Self {
                message: "what went wrong cannot be masked".to_owned(),
                cause: None,
                ..self.clone()
            };
        };
        let mut masker = Masker::new(key, Level::Masked);
        let mut masked =
            |text: &str| String::from_utf8_lossy(masker.text(text.as_bytes()).masked.bytes()).into_owned();
        Self { message: masked(&self.message), cause: self.cause.as_deref().map(masked), ..self.clone() }
    }

    /// What a person reads, with nothing in it that steers a terminal, in lines of at most `width` columns.
    fn text(&self, width: usize) -> String {
        let parts = [
            ("tapgate: ", Some(&self.message)),
            ("  cause: ", self.cause.as_ref()),
            ("  help:  ", Some(&self.help)),
        ];
        let mut out = String::new();
        for (word, text) in parts {
            let lines = text.into_iter().flat_map(|text| Plain::lines(text.trim_end()));
            let lines = lines.flat_map(|line| match width.checked_sub(word.len()) {
                Some(columns @ 20..) if line.width() > columns => line.wrapped(columns),
                _ => vec![line],
            });
            for (n, line) in lines.enumerate() {
                out.push_str(if n == 0 { word } else { "         " });
                out.push_str(line.as_str());
                out.push('\n');
            }
        }
        out
    }

    fn to_json(&self) -> serde_json::Value {
        json!({ "error": { "code": self.code, "message": self.message, "cause": self.cause, "help": self.help } })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(usize::MAX))
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
        let narrow = problem.because("the list \u{1b}[31mis\u{202e} empty").text(30);
        assert_eq!(
            narrow,
            "tapgate: no server is named\n  cause: the list\n         ␛[31mis\\u{202e} empty\n  help:  put the command after\n         `--`\n"
        );
    }

    #[test]
    fn a_problem_keeps_no_secret() {
        let secret = &format!("ghp_{}", "0123456789abcdefghijABCDEFGHIJ012345");
        let problem =
            Problem::usage("usage.no-server", format!("nothing is called {secret}"), "look").because(secret);
        assert!(!problem.masked().to_string().contains(secret), "{}", problem.masked());
    }
}
