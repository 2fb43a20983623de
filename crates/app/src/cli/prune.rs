//! `prune`: deletes what was recorded, for good.

use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;
use tapgate_store::{Prune, Retention, Scope};

use crate::look::Look;
use crate::output::{self, Output};
use crate::problem::Problem;
use crate::{home, wall};

/// Delete recorded traffic now: what is past its retention, or what you name
///
/// Retention runs by itself while taps run (7 days, captures with --full 24 hours); this does it at once.
/// What is deleted is gone from the files, too.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tapgate prune                       what is past its retention\n  tapgate prune --older-than 1h\n  tapgate prune --session s12 --dry-run\n  tapgate prune --all"
)]
pub struct Args {
    /// Delete what is older than this, for example 30m, 12h, 7d
    #[arg(long, value_name = "AGE", value_parser = age)]
    older_than: Option<Duration>,

    /// Delete one session (an id, or `last`)
    #[arg(long, value_name = "ID")]
    session: Option<String>,

    /// Delete what one source recorded: its name, all runs of it
    #[arg(long, value_name = "NAME", conflicts_with = "session")]
    source: Option<String>,

    /// Delete everything
    #[arg(long, conflicts_with_all = ["older_than", "session", "source"])]
    all: bool,

    /// Count only, delete nothing
    #[arg(long)]
    dry_run: bool,
}

const SOURCES: &str = "see the names with `tapgate ls`, in the column `server`";

impl Args {
    /// Deletes, and says what.
    pub fn run(&self, output: &Output) -> Result<ExitCode, Problem> {
        let home = home::resolve()?;
        let scopes = self.scopes()?;
        let named = self.all || self.session.is_some() || self.source.is_some();
        let age = self.older_than.or_else(|| (!named).then(|| Retention::default().keep));
        let before = age.map(|age| wall::now() - i64::try_from(age.as_nanos()).unwrap_or(i64::MAX));
        let mut sum = tapgate_store::Pruned { wiped: true, ..tapgate_store::Pruned::default() };
        for scope in scopes {
            let prune = Prune { scope, before, dry_run: self.dry_run };
            let pruned = tapgate_store::prune(&home, &prune).map_err(|trouble| home::problem(&trouble))?;
            sum.sources += pruned.sources;
            sum.sessions += pruned.sessions;
            sum.exchanges += pruned.exchanges;
            sum.messages += pruned.messages;
            sum.bytes += pruned.bytes;
            sum.wiped &= pruned.wiped;
        }
        output::print(&self.said(&sum, output));
        Ok(ExitCode::SUCCESS)
    }

    fn scopes(&self) -> Result<Vec<Scope>, Problem> {
        if let Some(id) = &self.session {
            return Ok(vec![Scope::Session(Look::open()?.session(id)?.id)]);
        }
        let Some(name) = &self.source else { return Ok(vec![Scope::All]) };
        let sources = Look::open()?.reader.sources().map_err(|trouble| home::problem(&trouble))?;
        let named: Vec<_> =
            sources.iter().filter(|row| row.name == *name).map(|row| Scope::Source(row.id)).collect();
        if named.is_empty() {
            return Err(Problem::usage(
                "id.unknown",
                format!("no source is called `{}`", crate::look::printable(name)),
                SOURCES,
            ));
        }
        Ok(named)
    }

    fn said(&self, sum: &tapgate_store::Pruned, output: &Output) -> String {
        if output.wants_json() {
            let json = json!({
                "v": 1, "kind": "prune", "dry_run": self.dry_run, "sources": sum.sources, "sessions": sum.sessions,
                "exchanges": sum.exchanges, "messages": sum.messages, "bytes": sum.bytes, "wiped": sum.wiped,
            });
            return format!("{json}\n");
        }
        if sum.sources + sum.sessions + sum.exchanges + sum.messages + sum.bytes == 0 {
            return "there is nothing to delete\n".to_owned();
        }
        let counts = [
            counted(sum.exchanges, "call", "calls"),
            counted(sum.messages, "message", "messages"),
            counted(sum.sessions, "session", "sessions"),
        ];
        let counts = counts.join(", ");
        if self.dry_run {
            return format!("would delete {counts}; nothing was deleted\n");
        }
        let wiped = if sum.wiped {
            ""
        } else {
            "; another program reads the journal, so run prune again to clear its files"
        };
        format!("deleted {counts}, freed {} bytes{wiped}\n", sum.bytes)
    }
}

fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// Reads a number and a unit: s, m, h or d.
fn age(text: &str) -> Result<Duration, String> {
    let wrong = || "give a number and a unit, for example 30m, 12h or 7d".to_owned();
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86400,
        _ => return Err(wrong()),
    };
    number
        .checked_mul(seconds)
        .filter(|seconds| *seconds < 1 << 33)
        .map(Duration::from_secs)
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_a_number_and_a_unit() {
        let cases = [
            ("30m", Some(1800)),
            ("7d", Some(604_800)),
            ("0s", Some(0)),
            ("7", None),
            ("d", None),
            ("1y", None),
            ("99999999999d", None),
        ];
        for (text, seconds) in cases {
            assert_eq!(age(text).ok(), seconds.map(Duration::from_secs), "{text}");
        }
    }
}
