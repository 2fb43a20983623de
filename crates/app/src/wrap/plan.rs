//! What `wrap` and `unwrap` would change in a text, decided without touching any file.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::client::{Client, Format};
use super::edit::{self, Edit};
use super::entry::{Entry, Server, Tap, Words};
use super::layout::{Layout, comma, quoted};
use super::record::Record;
use super::tree::{Member, Mistake, Value};
use super::{jsonc, remote, toml};

/// What would change, and what is said about each server.
#[derive(Debug, Default)]
pub struct Plan {
    /// The edits, sorted.
    pub edits: Vec<Edit>,
    /// Each server that was asked for, in the order of the file.
    pub verdicts: Vec<Verdict>,
    /// What undoes a `wrap`; empty for `unwrap`.
    pub records: Vec<Record>,
}

impl Plan {
    fn say(&mut self, path: Vec<String>, fate: Fate) {
        self.verdicts.push(Verdict { path, fate, may_need_login: false });
    }
}

/// What becomes of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The names that lead to it.
    pub path: Vec<String>,
    /// What becomes of it.
    pub fate: Fate,
    /// Whether a URL without headers becomes a program, for which the client cannot log in any more.
    pub may_need_login: bool,
}

/// What becomes of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is changed.
    Change,
    /// It is already as it should be.
    Keep,
    /// It cannot be changed, and why.
    Leave(String),
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The text cannot be read.
    Mistake(Mistake),
    /// No server has this name; these are there.
    NoServer(String, Vec<String>),
    /// The changed text would not say what it should, which is a fault of ours.
    Unsound,
}

impl From<Mistake> for Obstacle {
    fn from(mistake: Mistake) -> Self {
        Self::Mistake(mistake)
    }
}

/// A change of one entry.
struct Change {
    path: Vec<String>,
    edits: Vec<Edit>,
    /// The server's words, which must be the same afterwards.
    served: Vec<String>,
}

/// Plans to put a tap in front of the servers of these names, of all if there are none.
///
/// `tapgate` is the command that starts this program.
pub fn wrap(text: &str, client: &Client, names: &[String], tapgate: &str) -> Result<Plan, Obstacle> {
    let tree = parse(text, client.format)?;
    let mut plan = Plan::default();
    let mut changes = Vec::new();
    for (path, member) in chosen(&tree, client, names)? {
        let entry = Entry::read(&member.value, &client.names, tapgate);
        let edits = match &entry {
            Entry::Tap(..) => {
                plan.say(path, Fate::Keep);
                continue;
            }
            Entry::Program(words) => wrap_program(text, client, words, tap(tapgate, &member.key)),
            Entry::Url(url) => remote::wrap(text, client, &member.value, url, tap(tapgate, &member.key)),
            Entry::Odd(why) => Err(why.clone()),
        };
        let fate = match edits {
            Ok(edits) => {
                let served = entry.served().into_iter().map(str::to_owned).collect();
                changes.push(Change { path: path.clone(), edits, served });
                Fate::Change
            }
            Err(why) => Fate::Leave(why),
        };
        let may_need_login = fate == Fate::Change
            && matches!(entry, Entry::Url(_))
            && !remote::has_headers(&member.value, client);
        plan.verdicts.push(Verdict { path, fate, may_need_login });
    }
    let edits = changes.iter().enumerate();
    let mut edits: Vec<_> =
        edits.flat_map(|(n, change)| change.edits.iter().map(move |edit| (n, edit))).collect();
    edits.sort_by_key(|(_, edit)| edit.span.start);
    plan.edits = edits.iter().map(|(_, edit)| (*edit).clone()).collect();
    let owners: Vec<usize> = edits.iter().map(|(n, _)| *n).collect();
    plan.records =
        recorded(text, client, tapgate, &plan.edits, &owners, &changes).ok_or(Obstacle::Unsound)?;
    Ok(plan)
}

/// The records of these changes; `None` if the changed text does not say what it should or cannot be undone.
fn recorded(
    text: &str,
    client: &Client,
    tapgate: &str,
    edits: &[Edit],
    owners: &[usize],
    changes: &[Change],
) -> Option<Vec<Record>> {
    let changed = edit::apply(text, edits);
    let inverse = edit::inverse(text, edits);
    let tree = parse(&changed, client.format).ok()?;
    let mut records = Vec::new();
    let mut undo = Vec::new();
    let now: HashMap<Vec<String>, &Member> = chosen(&tree, client, &[]).ok()?.into_iter().collect();
    let mut own = vec![Vec::new(); changes.len()];
    for (edit, owner) in inverse.into_iter().zip(owners) {
        own.get_mut(*owner)?.push(edit);
    }
    for (change, own) in changes.iter().zip(own) {
        let entry = Entry::read(&now.get(&change.path)?.value, &client.names, tapgate);
        let Entry::Tap(words, Some(_)) = &entry else { return None };
        if entry.served() != change.served {
            return None;
        }
        let command = words.command.value.span.start;
        let record = Record::new(change.path.clone(), &changed, command, &own)?;
        undo.extend(record.undo(&changed, command)?);
        records.push(record);
    }
    undo.sort_by_key(|edit| edit.span.start);
    (edit::apply(&changed, &undo) == text).then_some(records)
}

/// Plans to take the tap away from the servers of these names, from all if there are none.
///
/// An entry that is as `wrap` left it gets its very bytes back from its record. One that was changed since, or whose
/// record is gone, is put together from what it says.
pub fn unwrap(
    text: &str,
    client: &Client,
    names: &[String],
    tapgate: &str,
    records: &[Record],
) -> Result<Plan, Obstacle> {
    let tree = parse(text, client.format)?;
    let mut plan = Plan::default();
    let mut recorded: HashMap<&[String], Vec<&Record>> = HashMap::new();
    for record in records {
        recorded.entry(record.path.as_slice()).or_default().push(record);
    }
    for (path, member) in chosen(&tree, client, names)? {
        let entry = Entry::read(&member.value, &client.names, tapgate);
        let Entry::Tap(words, tap) = &entry else {
            plan.say(path, Fate::Keep);
            continue;
        };
        let command = words.command.value.span.start;
        let recorded = recorded.get(path.as_slice()).into_iter().flatten();
        let edits = recorded.rev().find_map(|record| record.undo(text, command));
        let edits = match (edits, tap) {
            (Some(edits), _) => Ok(edits),
            (None, Some(tap)) => unwrap_entry(text, client, &member.value, words, tap),
            (None, None) => {
                Err("its tap has options that only you can take out, such as `--listen`".to_owned())
            }
        };
        let fate = match edits {
            Ok(edits) => {
                plan.edits.extend(edits);
                Fate::Change
            }
            Err(why) => Fate::Leave(why),
        };
        plan.say(path, fate);
    }
    plan.edits.sort_by_key(|edit| edit.span.start);
    if parse(&edit::apply(text, &plan.edits), client.format).is_err() {
        return Err(Obstacle::Unsound);
    }
    Ok(plan)
}

fn unwrap_entry(
    text: &str,
    client: &Client,
    entry: &Value,
    words: &Words<'_>,
    tap: &Tap,
) -> Result<Vec<Edit>, String> {
    match tap.server {
        Server::Program(at) => Ok(unwrap_program(text, words, at)),
        Server::Url(at) => remote::unwrap(text, client, entry, words, tap, at),
    }
}

/// Reads a text as what the client reads it as.
pub fn parse(text: &str, format: Format) -> Result<Value, Mistake> {
    let tree = match format {
        Format::Json => jsonc::parse(text)?,
        Format::Toml => toml::parse(text)?,
    };
    if tree.is_table() { Ok(tree) } else { Err(Mistake::at(text, tree.span.start, "the file is no object")) }
}

/// The entries of these names, all if there are none, with the names that lead to them.
fn chosen<'a>(
    tree: &'a Value,
    client: &Client,
    names: &[String],
) -> Result<Vec<(Vec<String>, &'a Member)>, Obstacle> {
    let mut found = Vec::new();
    for table in client.tables {
        entries(tree, client, table, &mut Vec::new(), &mut found);
    }
    found.sort_by_key(|(_, member)| member.key_span.start);
    let is_there = |name: &&String| found.iter().any(|(_, member)| member.key == **name);
    if let Some(name) = names.iter().find(|name| !is_there(name)) {
        let there = found.iter().map(|(_, member)| member.key.clone());
        return Err(Obstacle::NoServer(name.clone(), there.collect()));
    }
    found.retain(|(_, member)| names.is_empty() || names.contains(&member.key));
    Ok(found)
}

fn entries<'a>(
    value: &'a Value,
    client: &Client,
    rest: &[&str],
    path: &mut Vec<String>,
    found: &mut Vec<(Vec<String>, &'a Member)>,
) {
    let mut seen = HashSet::new();
    // Of several members of one name clients take the last one.
    for member in value.members().iter().rev().filter(|member| seen.insert(member.key.as_str())) {
        path.push(member.key.clone());
        match rest {
            [] if !is_table_of_servers(client, path, &member.value) => found.push((path.clone(), member)),
            [name, rest @ ..] if *name == "*" || *name == member.key => {
                entries(&member.value, client, rest, path, found);
            }
            _ => {}
        }
        path.pop();
    }
}

/// Whether what looks like a server is a table of them: opencode has had both `mcp.NAME` and `mcp.servers.NAME`.
fn is_table_of_servers(client: &Client, path: &[String], value: &Value) -> bool {
    let is_named = client.tables.iter().any(|table| table.iter().eq(path));
    is_named && value.member("type").is_none_or(|kind| kind.value.text().is_none())
}

/// The words that start a tap, as the file writes them, up to what it taps.
fn tap(tapgate: &str, name: &str) -> Vec<String> {
    let mut words = vec![quoted(tapgate), quoted("tap")];
    if name.starts_with('-') {
        words.push(quoted(&format!("--name={name}")));
    } else if !name.trim().is_empty() {
        words.extend([quoted("--name"), quoted(name)]);
    }
    words
}

fn wrap_program(
    text: &str,
    client: &Client,
    words: &Words<'_>,
    mut tap: Vec<String>,
) -> Result<Vec<Edit>, String> {
    tap.push(quoted("--"));
    let command = &words.command.value.span;
    if words.command.value.list().is_some() {
        return Ok(words.values.first().map(|first| put_before(text, first, &tap)).into_iter().collect());
    }
    let tapgate = tap.remove(0);
    tap.extend(text.get(command.clone()).map(str::to_owned));
    let layout = || {
        let layout = Layout::of(text, client.format, words.table, words.command);
        layout.ok_or("a list of arguments cannot be put beside its command")
    };
    let Some(args) = words.args else {
        let layout = layout()?;
        let args = layout.next("args", &layout.list(&tap));
        return Ok(vec![Edit::new(command.clone(), format!("{tapgate}{args}"))]);
    };
    let list = &args.value.span;
    let args = match words.values.get(1) {
        Some(first) => put_before(text, first, &tap),
        None if is_blank(text, list.start + 1..list.end - 1) => Edit::new(list.clone(), layout()?.list(&tap)),
        // There is a comment in it.
        None => Edit::new(list.start + 1..list.start + 1, tap.join(", ")),
    };
    Ok(vec![Edit::new(command.clone(), tapgate), args])
}

fn is_blank(text: &str, span: Range<usize>) -> bool {
    text.get(span).is_some_and(|text| text.trim_matches([' ', '\t', '\r', '\n', ',']).is_empty())
}

/// Puts words before the first one of a list.
fn put_before(text: &str, first: &Value, words: &[String]) -> Edit {
    let start = first.span.start;
    let comma = comma(text, start);
    Edit::new(start..start, words.iter().flat_map(|word| [word, comma.as_str()]).collect::<String>())
}

/// Takes the tap's words away; the server's begin at `at`.
fn unwrap_program(text: &str, words: &Words<'_>, at: usize) -> Vec<Edit> {
    let start = |n: usize| words.values.get(n).map(|value| value.span.start);
    let program = words.values.get(at).map(|value| value.span.clone()).unwrap_or_default();
    let own = |from: usize, to: usize| start(from).zip(start(to)).map(|(from, to)| Edit::new(from..to, ""));
    let Some(args) = words.args else {
        return own(0, at).into_iter().collect();
    };
    let command = text.get(program.clone()).unwrap_or_default();
    let list = &args.value.span;
    let rest = own(1, at + 1).or_else(|| {
        if is_blank(text, list.start + 1..start(1)?) && is_blank(text, program.end..list.end - 1) {
            return Some(Edit::new(list.clone(), "[]"));
        }
        // A comma may follow the last value of a list, and a comment may stand before it.
        let tail = text.get(program.end..list.end - 1)?;
        let end = match tail.find(',') {
            None => program.end,
            Some(comma) if tail.trim_start().starts_with(',') => program.end + comma + 1,
            Some(_) => list.end - 1,
        };
        Some(Edit::new(start(1)?..end, ""))
    });
    let mut edits = vec![Edit::new(words.command.value.span.clone(), command)];
    edits.extend(rest);
    edits
}

#[cfg(test)]
mod tests;
