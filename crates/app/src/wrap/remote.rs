//! A server that is reached by a URL: the client starts a tap instead, which reaches it.
//!
//! The values of headers stay where they are in the file and become variables of the tap's environment, which its
//! `--header` options name. So no secret moves to a command line, where every user of the machine could read it, and
//! variables in them are expanded by the client as before.

use tapgate_wire::mask::{Level, Masker};

use super::client::{Client, Format, Shape};
use super::edit::Edit;
use super::entry::{Tap, Words};
use super::layout::{Layout, quoted};
use super::tree::{Kind, Member, Value};
use crate::cli::tap::header;

/// Types of entries that are reached over HTTP.
const TYPES: &[&str] = &["http", "sse", "streamable-http", "streamable_http", "streamableHttp", "remote"];
/// Members that make a client log in, or ask a program for headers.
const LOGIN: &[&str] =
    &["oauth", "auth", "authProviderType", "headersHelper", "scopes", "oauth_resource", "oauth_scopes"];
/// Codex: the variable that holds a token, and headers whose values are names of variables.
const BEARER: &str = "bearer_token_env_var";
const ENV_HEADERS: &str = "env_http_headers";
/// Codex: names of variables that a program gets.
const ENV_NAMES: &str = "env_vars";

/// The edits that put a tap in front of `url`, or why there must be none.
pub fn wrap(
    text: &str,
    client: &Client,
    entry: &Value,
    url: &Member,
    mut tap: Vec<String>,
) -> Result<Vec<Edit>, String> {
    is_fit(entry, url)?;
    let mut edits = Vec::new();
    if let Some(kind) = entry.member("type") {
        edits.push(Edit::new(kind.value.span.clone(), quoted(client.names.types.0)));
    }
    let carried = carried(text, client, entry)?;
    edits.extend(carried.edits);
    for (name, variable) in carried.headers {
        tap.extend([quoted("--header"), quoted(&format!("{name}: {variable}"))]);
    }
    tap.extend(text.get(url.value.span.clone()).map(str::to_owned));
    let layout = Layout::of(text, client.format, entry, url)
        .ok_or("a list of arguments cannot be put beside its URL")?;
    let program = tap.first().cloned().unwrap_or_default();
    let members = match client.names.command {
        Shape::Split => vec![
            layout.member("command", &program),
            layout.member("args", &layout.list(tap.get(1..).unwrap_or_default())),
        ],
        Shape::Joined => vec![layout.member("command", &layout.list(&tap))],
    };
    edits.push(Edit::new(url.span(), layout.members(&members)));
    Ok(edits)
}

/// Whether anything goes to the URL that a login could have given.
pub fn has_headers(entry: &Value, client: &Client) -> bool {
    [client.names.headers, BEARER, ENV_HEADERS].iter().any(|name| entry.member(name).is_some())
}

fn is_fit(entry: &Value, url: &Member) -> Result<(), String> {
    let address = url.value.text().unwrap_or_default();
    if address.contains(['$', '{', '}']) {
        return Err("its URL has a variable, whose value would stand on a command line".to_owned());
    }
    if !address.starts_with("http://") && !address.starts_with("https://") {
        return Err("its URL is neither http nor https".to_owned());
    }
    if !Masker::new([0; 32], Level::Masked).uri(address).hits.is_empty() {
        return Err("its URL holds a secret, which would stand on a command line".to_owned());
    }
    let is_on =
        |member: &&Member| LOGIN.contains(&member.key.as_str()) && !matches!(member.value.kind, Kind::Other);
    if let Some(login) = entry.members().iter().find(is_on) {
        return Err(format!("the client logs in to it (`{}`), which a tap does not", login.key));
    }
    match entry.member("type").map(|kind| kind.value.text()) {
        Some(kind) if !kind.is_some_and(|kind| TYPES.contains(&kind)) => {
            Err("its type is none of HTTP".to_owned())
        }
        _ => Ok(()),
    }
}

/// Headers that reach the tap in its environment.
#[derive(Default)]
struct Carried {
    /// Each header, and what `--header` says of its value.
    headers: Vec<(String, String)>,
    /// What makes variables of them in the file.
    edits: Vec<Edit>,
}

fn carried(text: &str, client: &Client, entry: &Value) -> Result<Carried, String> {
    let mut carried = Carried::default();
    if let Some(table) = entry.member(client.names.headers) {
        carried.carry_values(client, entry, table)?;
    }
    if client.format == Format::Toml {
        carried.carry_names(text, entry)?;
    }
    Ok(carried)
}

impl Carried {
    /// Makes variables of headers whose values are in the file.
    fn carry_values(&mut self, client: &Client, entry: &Value, table: &Member) -> Result<(), String> {
        let names = &client.names;
        let written = |key: &str| if client.format == Format::Json { quoted(key) } else { key.to_owned() };
        if entry.member(names.env).is_some() {
            return Err(format!("it has both `{}` and `{}`", names.headers, names.env));
        }
        if !table.value.is_table() {
            return Err(format!("its `{}` are no table", names.headers));
        }
        self.edits.push(Edit::new(table.key_span.clone(), written(names.env)));
        for member in table.value.members() {
            may_send(&member.key)?;
            if member.value.text().is_none_or(|value| value.trim().is_empty()) {
                return Err(format!("its header `{}` has no value", member.key));
            }
            let known = self.headers.iter().find(|(name, _)| *name == member.key);
            let variable = match known {
                Some((_, variable)) => variable.trim_start_matches("env:").to_owned(),
                None => variable(&member.key, &self.headers),
            };
            self.edits.push(Edit::new(member.key_span.clone(), written(&variable)));
            if known.is_none() {
                self.headers.push((member.key.clone(), format!("env:{variable}")));
            }
        }
        Ok(())
    }

    /// Hands on the variables that headers take their values from.
    fn carry_names(&mut self, text: &str, entry: &Value) -> Result<(), String> {
        let names_none = |key: &str| format!("its `{key}` names no variable");
        let (member, variables) = match (entry.member(BEARER), entry.member(ENV_HEADERS)) {
            (None, None) => return Ok(()),
            (Some(_), Some(_)) => return Err(format!("it has both `{BEARER}` and `{ENV_HEADERS}`")),
            (Some(bearer), None) => {
                let variable = variable_in(&bearer.value).ok_or_else(|| names_none(BEARER))?;
                self.headers.push(("Authorization".to_owned(), format!("Bearer env:{variable}")));
                (bearer, vec![quoted(variable)])
            }
            (None, Some(table)) => {
                let mut variables = Vec::new();
                for member in table.value.members() {
                    may_send(&member.key)?;
                    let variable = variable_in(&member.value).ok_or_else(|| names_none(ENV_HEADERS))?;
                    self.headers.push((member.key.clone(), format!("env:{variable}")));
                    variables.push(quoted(variable));
                }
                (table, variables)
            }
        };
        if entry.member(ENV_NAMES).is_some() {
            return Err(format!("it has `{ENV_NAMES}` besides its URL"));
        }
        if member.value.is_table()
            && !text.get(member.value.span.clone()).is_some_and(|table| table.starts_with('{'))
        {
            return Err(format!("its `{ENV_HEADERS}` are not written in braces"));
        }
        self.edits.push(Edit::new(member.span(), format!("{ENV_NAMES} = [{}]", variables.join(", "))));
        Ok(())
    }
}

fn may_send(name: &str) -> Result<(), String> {
    if header::may_send(name) {
        return Ok(());
    }
    let name = crate::look::printable(name);
    Err(format!("its header `{name}` is one that a tap sends itself, or none at all"))
}

/// The name of a variable of the environment.
fn variable_in(value: &Value) -> Option<&str> {
    let is_name =
        |name: &&str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    value.text().filter(is_name)
}

/// A variable for a header, unlike those of the other headers.
fn variable(header: &str, taken: &[(String, String)]) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let name: String = header.chars().map(letter).collect();
    let is_taken = |name: &str| taken.iter().any(|(_, variable)| variable.strip_prefix("env:") == Some(name));
    let name = format!("TAPGATE_HEADER_{name}");
    if !is_taken(&name) {
        return name;
    }
    let numbered = (2..).map(|n| format!("{name}_{n}"));
    numbered.into_iter().find(|name| !is_taken(name)).unwrap_or(name)
}

/// The edits that make a URL of a tap again, or why the entry must be changed by hand.
///
/// This is for an entry that is no longer as `wrap` wrote it, so it is put together from what it says.
pub fn unwrap(
    text: &str,
    client: &Client,
    entry: &Value,
    words: &Words<'_>,
    tap: &Tap,
    at: usize,
) -> Result<Vec<Edit>, String> {
    let names = &client.names;
    let mut edits = Vec::new();
    if let Some(kind) = entry.member("type").filter(|kind| kind.value.text() == Some(names.types.0)) {
        edits.push(Edit::new(kind.value.span.clone(), quoted(names.types.1)));
    }
    let by_hand =
        |what: &str| format!("{what}; write its `{}` again by hand", names.urls.first().unwrap_or(&"url"));
    let end = match words.args {
        Some(args) => {
            let between = text.get(words.command.value.span.end..args.key_span.start);
            if between.is_none_or(|between| !between.trim_matches([' ', '\t', '\r', '\n', ',']).is_empty()) {
                return Err(by_hand("its `args` no longer follow its `command`"));
            }
            args.value.span.end
        }
        None => words.command.value.span.end,
    };
    let layout =
        Layout::of(text, client.format, words.table, words.command).ok_or("its layout is not understood")?;
    let url = words.values.get(at).and_then(|value| text.get(value.span.clone())).unwrap_or_default();
    let key = names.urls.first().copied().unwrap_or("url");
    edits.push(Edit::new(words.command.key_span.start..end, layout.member(key, url)));
    if tap.headers.is_empty() {
        return Ok(edits);
    }
    let env = entry.member(names.env).ok_or_else(|| by_hand("the variables of its headers are gone"))?;
    let variables = env.value.members();
    let header = |variable: &str| tap.headers.iter().find(|(_, name)| name == variable).map(|(name, _)| name);
    if variables.iter().any(|member| header(&member.key).is_none()) {
        return Err(by_hand("it has variables that are no headers"));
    }
    if tap.headers.iter().any(|(_, name)| env.value.member(name).is_none()) {
        return Err(by_hand("a variable of its headers is not in the file"));
    }
    edits.push(Edit::new(env.key_span.clone(), layout.key(names.headers)));
    for member in variables {
        let name = header(&member.key).map(|name| quoted(name)).unwrap_or_default();
        edits.push(Edit::new(member.key_span.clone(), name));
    }
    Ok(edits)
}
