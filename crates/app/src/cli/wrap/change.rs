//! A planned change: shown, asked for, done.

use std::collections::HashSet;
use std::io::{self, BufRead, IsTerminal as _, Read as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value as Json, json};
use tapgate_lens::Plain;
use tapgate_wire::mask::{Level, Masker};

use super::choice::{Choice, Found};
use crate::output::{self, Output};
use crate::problem::{Exit, Problem};
use crate::random;
use crate::wrap::plan::{Fate, Plan, Verdict};
use crate::wrap::record::Record;
use crate::wrap::{apply, diff, ledger};

/// Which of the two commands runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Puts taps in.
    Wrap,
    /// Takes them out.
    Unwrap,
}

/// A change of one file.
pub struct Change<'a> {
    /// Which command wants it.
    pub verb: Verb,
    /// What was asked for.
    pub choice: &'a Choice,
    /// The file.
    pub found: &'a Found,
    /// What changes in it.
    pub plan: &'a Plan,
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Yes,
    No,
    /// Nobody could be asked.
    None,
}

impl Change<'_> {
    /// Shows what would change, asks, and does it.
    pub fn carry_out(&self, home: &Path, output: &Output) -> Result<ExitCode, Problem> {
        self.refuse_what_was_named()?;
        if !output.json {
            output::print(&format!("{}{}", self.diff(), self.verdicts()));
        }
        let answer = self.ask(output);
        let backup = if answer == Answer::Yes { self.act(home)? } else { None };
        output::print(&if output.json {
            format!("{}\n", escaped(&self.to_json(answer == Answer::Yes, backup.as_deref())))
        } else {
            self.outcome(answer, backup.as_deref())
        });
        if answer == Answer::None {
            return Err(Problem::usage(
                "wrap.not-confirmed",
                "nobody could be asked, so nothing was changed",
                "say --yes to change the file without a question, or --dry-run to see only what would change",
            ));
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Who names a server wants that one, not the rest of the list.
    fn refuse_what_was_named(&self) -> Result<(), Problem> {
        if self.choice.servers.is_empty() {
            return Ok(());
        }
        let refused = self.plan.verdicts.iter().find_map(|verdict| match &verdict.fate {
            Fate::Leave(why) => Some((verdict, why)),
            Fate::Change | Fate::Keep => None,
        });
        let Some((verdict, why)) = refused else { return Ok(()) };
        let done = match self.verb {
            Verb::Wrap => "no tap can stand in front of",
            Verb::Unwrap => "the tap cannot be taken from",
        };
        Err(Problem::usage(
            "wrap.cannot",
            format!("{done} `{}`, and nothing was changed", title(verdict)),
            "change its entry by hand, or name other servers only",
        )
        .because(printable_line(why)))
    }

    /// Asks whether to do it, if there is something to do and somebody to ask.
    fn ask(&self, output: &Output) -> Answer {
        if self.plan.edits.is_empty() || self.choice.dry_run {
            return Answer::No;
        }
        if self.choice.yes {
            return Answer::Yes;
        }
        // With JSON nobody has seen the change when the question comes.
        if output.json || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Answer::None;
        }
        consents(&self.name(), &mut io::stdin().lock(), &mut io::stderr())
    }

    /// Changes the file; tells where a backup is that was made now.
    fn act(&self, home: &Path) -> Result<Option<PathBuf>, Problem> {
        let held = &self.found.held;
        let alone = ledger::hold(home);
        if self.verb == Verb::Wrap
            && let Err(why) = alone
        {
            return Err(self.unwritable(home, why));
        }
        if !held.is_unchanged() {
            return Err(self.changed_meanwhile());
        }
        // Another command of ours may have written them while somebody was asked.
        let records = ledger::read(home, &held.path);
        let changed = apply(&self.found.text, &self.plan.edits);
        let mut backup = None;
        if self.verb == Verb::Wrap {
            let made = held.back_up().map_err(|why| self.unwritable(&held.backup(), why))?;
            backup = made.then(|| held.backup());
            let kept = ledger::merged(records.clone(), &self.plan.records);
            if let Err(why) = ledger::write(home, &held.path, &kept) {
                let _ = backup.map(|_| held.drop_backup(&held.bytes));
                return Err(self.unwritable(home, why));
            }
        }
        let replaced = held.replace(changed.as_bytes());
        if self.verb == Verb::Wrap && !matches!(replaced, Ok(true)) {
            // What was never changed has nothing to undo, and a backup of it would be in the way of the next one.
            let _ = ledger::write(home, &held.path, &records);
            let _ = backup.as_ref().map(|_| held.drop_backup(&held.bytes));
        }
        if !replaced.map_err(|why| self.unwritable(&held.path, why))? {
            return Err(self.changed_meanwhile());
        }
        if self.verb == Verb::Unwrap {
            // What stays behind does no harm: it is for an entry that is no longer there.
            let _ = ledger::write(home, &held.path, &self.without_changed(records));
            let _ = held.drop_backup(changed.as_bytes());
        }
        Ok(backup)
    }

    fn changed_meanwhile(&self) -> Problem {
        Problem::usage(
            "wrap.changed-meanwhile",
            format!("{} was changed by another program meanwhile, and was left as it is", self.name()),
            "run the command again, best while the client is not running",
        )
    }

    fn without_changed(&self, mut records: Vec<Record>) -> Vec<Record> {
        let changed = self.plan.verdicts.iter().filter(|verdict| verdict.fate == Fate::Change);
        let changed: HashSet<&[String]> = changed.map(|verdict| verdict.path.as_slice()).collect();
        records.retain(|record| !changed.contains(record.path.as_slice()));
        records
    }

    #[expect(clippy::unused_self, reason = "it reads as the other problems do")]
    fn unwritable(&self, path: &Path, why: io::Error) -> Problem {
        Problem::usage(
            "wrap.unwritable",
            format!("{} cannot be written, and nothing was changed", path.display()),
            "make it and its directory writable for you; a file that another tool generates is changed in that tool",
        )
        .because(why)
        .exit(Exit::Unreachable)
    }

    fn name(&self) -> String {
        printable_line(&self.found.path.display().to_string())
    }

    /// The change as a diff that may be shown: without secrets, and without what steers a terminal.
    fn diff(&self) -> String {
        let diff = diff::unified(&self.name(), &self.found.text, &self.plan.edits);
        let key = random::bytes().unwrap_or_default();
        let masked = Masker::new(key, Level::Masked).text(diff.as_bytes()).masked;
        let text = String::from_utf8_lossy(masked.bytes()).into_owned();
        text.lines().flat_map(|line| [printable_line(line), "\n".to_owned()]).collect()
    }

    /// One line for each server that does not change, or about which there is more to know.
    fn verdicts(&self) -> String {
        let (kept, n_servers) = (self.kept(), self.plan.verdicts.len());
        if n_servers == 0 {
            return format!("{} has no servers\n", self.name());
        }
        let one = |verdict: &Verdict| match &verdict.fate {
            Fate::Change if verdict.may_need_login => {
                format!(
                    "{}: if this server wants a login, leave it out, for a tap does not log in\n",
                    title(verdict)
                )
            }
            Fate::Change => String::new(),
            Fate::Keep => format!("{}: {kept}\n", title(verdict)),
            Fate::Leave(why) => format!("{}: left as it is, {}\n", title(verdict), printable_line(why)),
        };
        self.plan.verdicts.iter().map(one).collect()
    }

    fn kept(&self) -> &'static str {
        match self.verb {
            Verb::Wrap => "has a tap already",
            Verb::Unwrap => "has no tap",
        }
    }

    fn outcome(&self, answer: Answer, backup: Option<&Path>) -> String {
        let client = self.choice.client;
        if answer != Answer::Yes {
            return if answer == Answer::No { "nothing was changed\n".to_owned() } else { String::new() };
        }
        let mut lines = vec![format!("changed {}", self.name())];
        if let Some(backup) = backup {
            lines
                .push(format!("what it held before is in {}", printable_line(&backup.display().to_string())));
        }
        lines.push(format!("now {}", client.afterwards));
        if self.verb == Verb::Wrap {
            lines.push(
                "then see the traffic with `tapgate tail`; `tapgate unwrap` takes the taps out again"
                    .to_owned(),
            );
        }
        lines.join("\n") + "\n"
    }

    fn to_json(&self, is_done: bool, backup: Option<&Path>) -> Json {
        let server = |verdict: &Verdict| {
            let (fate, because) = match &verdict.fate {
                Fate::Change => ("change", None),
                Fate::Keep => ("keep", None),
                Fate::Leave(why) => ("leave", Some(why)),
            };
            json!({ "name": verdict.path.last(), "path": verdict.path, "fate": fate, "because": because, "may_need_login": verdict.may_need_login })
        };
        let servers: Vec<Json> = self.plan.verdicts.iter().map(server).collect();
        let kind = match self.verb {
            Verb::Wrap => "wrap",
            Verb::Unwrap => "unwrap",
        };
        json!({
            "v": 1, "kind": kind, "client": self.choice.client.name, "file": self.found.path.to_string_lossy(),
            "done": is_done, "servers": servers, "diff": self.diff(),
            "backup": backup.map(Path::to_string_lossy),
        })
    }
}

/// Asks; anything but a yes is a no.
fn consents(file: &str, answers: &mut impl BufRead, questions: &mut impl Write) -> Answer {
    let mut answer = String::new();
    let asked = write!(questions, "Change {file}? [y/N] ").and_then(|()| questions.flush());
    let read = asked.and_then(|()| answers.take(1024).read_line(&mut answer));
    let is_yes = matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes");
    if read.is_ok() && is_yes { Answer::Yes } else { Answer::No }
}

/// What a person knows the server by.
fn title(verdict: &Verdict) -> String {
    let name: String = verdict.path.last().into_iter().flat_map(|name| name.chars()).take(80).collect();
    let name = printable_line(&name);
    match verdict.path.as_slice() {
        [first, project, ..] if first == "projects" => format!("{name} in {}", printable_line(project)),
        _ => name,
    }
}

/// JSON in which what steers a terminal is escaped; it means the same.
fn escaped(json: &Json) -> String {
    let mut out = String::new();
    for c in json.to_string().chars() {
        if c.is_ascii() || Plain::of(c.encode_utf8(&mut [0; 4])).as_str().chars().eq([c]) {
            out.push(c);
        } else {
            out.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    out
}

fn printable_line(line: &str) -> String {
    Plain::of(&line.replace('\t', "    ")).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_that_steers_a_terminal_is_escaped() {
        let json = json!({ "ä日": "\u{202e}\u{9b}\u{e0041}\u{1b}😀" });
        let text = escaped(&json);
        assert_eq!(text, r#"{"ä日":"\u202e\u009b\udb40\udc41\u001b😀"}"#);
        assert_eq!(serde_json::from_str::<Json>(&text).unwrap(), json);
    }

    #[test]
    fn only_a_yes_is_a_yes() {
        for (typed, answer) in [
            ("y\n", Answer::Yes),
            (" YES \n", Answer::Yes),
            ("\n", Answer::No),
            ("", Answer::No),
            ("yes please\n", Answer::No),
            ("n\n", Answer::No),
        ] {
            let mut asked = Vec::new();
            assert_eq!(consents("f", &mut typed.as_bytes(), &mut asked), answer, "{typed:?}");
            assert_eq!(asked, b"Change f? [y/N] ");
        }
    }
}
