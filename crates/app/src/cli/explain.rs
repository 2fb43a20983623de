//! `explain`: what this layer can read, what it stores, where, and for how long.

use std::net::SocketAddr;
use std::process::ExitCode;

use tapgate_lens::pages::{self, Explained, Keeping};
use tapgate_store::Retention;

use super::tap::{Server, Shape};
use super::{ls, tap};
use crate::home;
use crate::look::{self, Look};
use crate::output::Output;
use crate::problem::Problem;

/// Say what a tap reads, what it stores, where and for how long, for this configuration
///
/// Takes the arguments of `tap` and starts nothing. Given the name of a rule, it explains that rule instead; given a family, it lists its rules.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tapgate explain\n  tapgate explain --full=2 -- npx -y some-server\n  tapgate explain --listen 127.0.0.1:7000 https://example.com/mcp\n  tapgate explain header.missing\n  tapgate explain header       the rules of this family"
)]
pub struct Args {
    #[command(flatten)]
    tap: tap::Args,
}

impl Args {
    /// Prints the explanation.
    pub fn run(&self, output: &Output) -> Result<ExitCode, Problem> {
        let family =
            |word: &&str| tapgate_judge::rules().any(|rule| family(rule.id) == word.trim_end_matches(".*"));
        if let Some(word) = self.tap.url.as_deref().filter(family) {
            let meant = word.trim_end_matches(".*");
            let rules: Vec<_> =
                tapgate_judge::rules().filter(|rule| self::family(rule.id) == meant).collect();
            look::print(&pages::rules(meant, &rules), output, crate::wall::now());
            return Ok(ExitCode::SUCCESS);
        }
        if let Some(word) = self.tap.url.as_deref().filter(|word| is_rule(word)) {
            let rule = tapgate_judge::rule(word).ok_or_else(|| no_rule(word))?;
            look::print(&pages::rule(rule), output, crate::wall::now());
            return Ok(ExitCode::SUCCESS);
        }
        let connects = self.connects()?;
        let home = home::resolve()?;
        let journal = home.join("journal.db");
        let trouble = tapgate_store::trouble_noted(&home);
        let look = Look::open()?;
        let mut sources = look.reader.sources().map_err(|trouble| home::problem(&trouble))?;
        sources.retain(ls::is_alive);
        let retention = Retention::default();
        let nanos = |duration: std::time::Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        let bytes = look.reader.health().map_err(|trouble| home::problem(&trouble))?.bytes;
        let page = pages::explain(&Explained {
            home: &home.to_string_lossy(),
            journal: &journal.to_string_lossy(),
            journal_bytes: journal.exists().then_some(bytes),
            connects: &connects,
            keeping: self.tap.full.map_or(Keeping::Masked, Keeping::Full),
            retention: nanos(retention.keep),
            full_retention: nanos(retention.keep_full),
            max_bytes: retention.max_bytes,
            n_rules: tapgate_wire::mask::n_rules(),
            trouble: trouble.as_deref(),
            sources: &sources,
            now: look.now,
        });
        look::print(&page, output, look.now);
        Ok(ExitCode::SUCCESS)
    }

    fn client(&self, listen: Option<SocketAddr>) -> String {
        match listen {
            None => "the program that starts the tap, on its standard input and output".into(),
            Some(listen) => format!("programs that connect to {listen}: {}", self.callers()),
        }
    }

    /// Who may connect to a listening tap.
    fn callers(&self) -> String {
        let tap = &self.tap;
        let from = if tap.network { "from any machine" } else { "from this machine" };
        let pages = "and web pages of this machine";
        match (tap.allow_hosts.as_slice(), tap.allow_origins.as_slice()) {
            ([], []) => format!("{from}, {pages}"),
            (hosts, []) => format!("{from}, which may call it {}, {pages}", hosts.join(" or ")),
            ([], origins) => format!("{from}, {pages} and of {}", origins.join(", ")),
            (hosts, origins) => {
                format!(
                    "{from}, which may call it {}, {pages} and of {}",
                    hosts.join(" or "),
                    origins.join(", ")
                )
            }
        }
    }

    /// What the tap of these arguments connects; nothing if they name no server.
    fn connects(&self) -> Result<Vec<(&'static str, String)>, Problem> {
        let tap = &self.tap;
        if tap.url.is_none() && tap.command.is_empty() && tap.listen.is_none() {
            return Ok(Vec::new());
        }
        let mut connects = vec![("name", tap.source_name())];
        match tap.shape()? {
            Shape::Stdio(command) => {
                connects.push(("client", self.client(None)));
                connects.push(("server", process(command)));
            }
            Shape::Http(listen, url) => {
                connects.push(("client", self.client(Some(listen))));
                connects.push(("server", format!("everything that {} serves", crate::name::of_url(url))));
            }
            Shape::Bridge(listen, server) => {
                connects.push(("client", self.client(listen)));
                connects.push((
                    "server",
                    match server {
                        Server::Command(command) => process(command),
                        Server::Url(url) => format!("the server at {}", crate::name::of_url(url)),
                    },
                ));
                let between =
                    "a bridge, which translates where the two do not speak the same and records both sides";
                connects.push(("between", between.into()));
            }
        }
        Ok(connects)
    }
}

/// The program alone: arguments, like URLs, may hold secrets.
fn process(command: &[String]) -> String {
    format!("the process that the tap starts with {}", command.first().map_or("", String::as_str))
}

/// The family of a rule.
fn family(rule: &str) -> &str {
    rule.split('.').next().unwrap_or_default()
}

/// Whether a word has the form of a rule's name: a family, a dot, what is wrong.
fn is_rule(word: &str) -> bool {
    let Some((family, name)) = word.split_once('.') else { return false };
    let is_word = |word: &str| {
        !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    is_word(family) && is_word(name)
}

/// The problem of a rule that there is none of, with the names that are near.
pub(super) fn no_rule(word: &str) -> Problem {
    let ids = || tapgate_judge::rules().map(|rule| rule.id);
    let near: Vec<&str> = ids().filter(|id| family(id) == family(word)).collect();
    // Who wrote the beginning of a name meant what begins so.
    let begun = ids().find(|id| word.contains('.') && !word.ends_with('.') && id.starts_with(word));
    let help = match (begun.or_else(|| tapgate_expr::nearest(word, ids())), near.as_slice()) {
        (Some(nearest), _) => format!("did you mean {nearest}?"),
        (None, []) => "the findings of `tapgate check` name their rules".to_owned(),
        (None, near) => format!("the rules of this family are {}", near.join(", ")),
    };
    Problem::usage("explain.no-rule", format!("no rule is called `{}`", look::printable(word)), help)
}
