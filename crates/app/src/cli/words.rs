//! Words that people naturally type and that the parser of arguments would take for something else.

use std::ffi::OsString;

use clap::error::ErrorKind;

use crate::look::printable;
use crate::problem::Problem;

/// Commands whose words are a filter.
const FILTERED: &[&str] = &["calls", "tail", "stats"];

/// The words as they are meant.
///
/// `help COMMAND` is `COMMAND --help`. A filter's `-server:files` is no flag, so it moves behind a `--`; terms all
/// hold, so their order does not matter.
pub fn understood(argv: Vec<OsString>) -> Vec<OsString> {
    let mut words = argv.into_iter();
    let program = words.next();
    let mut rest: Vec<OsString> = words.collect();
    if rest.first().is_some_and(|word| word == "help") {
        rest.remove(0);
        rest.push("--help".into());
    }
    let end = rest.iter().position(|word| word == "--").unwrap_or(rest.len());
    let is_filtered = rest.iter().take(end).any(|word| FILTERED.iter().any(|name| word == name));
    if is_filtered {
        let after = rest.split_off(end);
        let (turned, kept): (Vec<_>, Vec<_>) = rest.into_iter().partition(is_turned_term);
        rest = kept;
        if !turned.is_empty() {
            rest.push("--".into());
        }
        rest.extend(turned.iter().cloned());
        rest.extend(after.into_iter().skip(usize::from(!turned.is_empty())));
    }
    program.into_iter().chain(rest).collect()
}

/// Whether a word is a term of a filter that is turned around: `-`, the name of a field, an operator.
fn is_turned_term(word: &OsString) -> bool {
    let Some(term) = word.to_str().and_then(|word| word.strip_prefix('-')) else { return false };
    let name = term.split([':', '=', '!', '<', '>']).next().unwrap_or_default();
    name.len() > 1
        && name.len() < term.len()
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_')
}

/// What to say when the server's command was given to `tap` or `check` without the `--` before it.
pub fn command_without_dashes(error: &clap::Error, argv: &[OsString]) -> Option<Problem> {
    let [_, verb, command, ..] = argv else { return None };
    let verb = verb.to_str().filter(|verb| ["tap", "check"].contains(verb))?;
    let command = command.to_str()?;
    let is_command = !command.starts_with('-') && !command.contains("://");
    let is_meant = error.kind() == ErrorKind::UnknownArgument && is_command;
    is_meant.then(|| no_dashes(verb, command))
}

/// The problem of a command where a URL belongs.
pub fn no_dashes(verb: &str, command: &str) -> Problem {
    let command = printable(command);
    Problem::usage(
        "tap.no-dashes",
        format!("`{command}` stands where the server's URL belongs"),
        format!("put `--` before the server's command: tapgate {verb} -- {command} …"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn words_that_people_type_are_understood() {
        let cases = [
            ("tapgate help", "tapgate --help"),
            ("tapgate help tap", "tapgate tap --help"),
            ("tapgate calls -method:ping", "tapgate calls -- -method:ping"),
            (
                "tapgate calls tool:x -client.name:y --json -n 3",
                "tapgate calls tool:x --json -n 3 -- -client.name:y",
            ),
            ("tapgate tail -dur>1s -- -x", "tapgate tail -- -dur>1s -x"),
            ("tapgate stats -- -x", "tapgate stats -- -x"),
            ("tapgate calls -n=5", "tapgate calls -n=5"),
            ("tapgate calls --limit=5", "tapgate calls --limit=5"),
            ("tapgate tap -- calls -method:ping", "tapgate tap -- calls -method:ping"),
            ("tapgate tap -- help", "tapgate tap -- help"),
            ("tapgate", "tapgate"),
        ];
        for (typed, meant) in cases {
            assert_eq!(understood(words(typed)), words(meant), "{typed}");
        }
    }

    #[test]
    fn a_command_without_dashes_gets_a_hint() {
        let cases = [
            ("tapgate tap npx -y server", true),
            ("tapgate tap node server.js", true),
            ("tapgate tap --lisen 127.0.0.1:1 http://x/", false),
            ("tapgate tap http://x/ y", false),
            ("tapgate ls nope", false),
        ];
        for (line, hint) in cases {
            let error = super::super::command().try_get_matches_from(words(line)).unwrap_err();
            assert_eq!(command_without_dashes(&error, &words(line)).is_some(), hint, "{line}");
        }
    }
}
