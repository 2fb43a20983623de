//! What the entry of a server says: which program or which URL, and whether a tap stands in front of it.

use super::client::Names;
use super::tree::{Member, Value};

/// What an entry asks for.
#[derive(Debug)]
pub enum Entry<'a> {
    /// Start a program.
    Program(Words<'a>),
    /// Talk to a URL: the member that names it.
    Url(&'a Member),
    /// Start a tap; what it taps, if it is one that can be taken out.
    Tap(Words<'a>, Option<Tap>),
    /// Something else, and why that cannot be tapped.
    Odd(String),
}

/// A command line as the file has it.
#[derive(Debug)]
pub struct Words<'a> {
    /// The table in which it stands.
    pub table: &'a Value,
    /// The program, or the list of everything.
    pub command: &'a Member,
    /// The list of arguments, where the program stands alone.
    pub args: Option<&'a Member>,
    /// The program and its arguments.
    pub values: Vec<&'a Value>,
}

/// What a tap's arguments say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tap {
    /// What is tapped.
    pub server: Server,
    /// Header and variable of each `--header NAME: [WORD] env:VARIABLE`.
    pub headers: Vec<(String, String)>,
}

/// What is tapped: the place among the words where it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// A program.
    Program(usize),
    /// A URL.
    Url(usize),
}

impl<'a> Entry<'a> {
    /// Reads an entry; `tapgate` is a path that is known to be ours.
    pub fn read(entry: &'a Value, names: &Names, tapgate: &str) -> Self {
        if !entry.is_table() {
            return Self::Odd("it is no table".to_owned());
        }
        let url = names.urls.iter().find_map(|name| entry.member(name));
        match (entry.member("command"), url) {
            (Some(_), Some(url)) => Self::Odd(format!("it has both a command and `{}`", url.key)),
            (Some(command), None) => match Words::read(entry, command) {
                Ok(words) if words.are_a_tap(tapgate) => {
                    let tap = words.tap();
                    Self::Tap(words, tap)
                }
                Ok(words) => Self::Program(words),
                Err(why) => Self::Odd(why.to_owned()),
            },
            (None, Some(url)) if url.value.text().is_some() => Self::Url(url),
            (None, Some(url)) => Self::Odd(format!("its `{}` is no text", url.key)),
            (None, None) => Self::Odd("it has neither a command nor a URL".to_owned()),
        }
    }

    /// The server's words, without a tap in front of them.
    pub fn served(&self) -> Vec<&str> {
        let texts = |words: &Words<'a>, from| words.texts().skip(from).collect();
        match self {
            Self::Program(words) => texts(words, 0),
            Self::Url(url) => url.value.text().into_iter().collect(),
            Self::Tap(words, Some(Tap { server: Server::Program(at) | Server::Url(at), .. })) => {
                texts(words, *at)
            }
            Self::Tap(_, None) | Self::Odd(_) => Vec::new(),
        }
    }
}

impl<'a> Words<'a> {
    fn read(entry: &'a Value, command: &'a Member) -> Result<Self, &'static str> {
        // Zed before 2025 had the command line in a table of its own.
        let (table, command) = match command.value.member("path") {
            Some(path) => (&command.value, path),
            None => (entry, command),
        };
        let (args, values) = if let Some(list) = command.value.list() {
            (None, list.iter().collect())
        } else {
            let args = table.member("args");
            let list = args.map_or(Some(&[][..]), |args| args.value.list());
            let list = list.ok_or("its `args` are no list")?;
            (args, std::iter::once(&command.value).chain(list).collect())
        };
        let words = Self { table, command, args, values };
        if words.texts().count() < words.values.len() {
            return Err("its command or one of its arguments is no text");
        }
        if words.texts().next().is_none_or(str::is_empty) {
            return Err("its command is empty");
        }
        Ok(words)
    }

    /// The words as text.
    pub fn texts(&self) -> impl Iterator<Item = &'a str> {
        self.values.iter().filter_map(|value| value.text())
    }

    fn are_a_tap(&self, tapgate: &str) -> bool {
        let mut texts = self.texts();
        let program = texts.next().unwrap_or_default();
        let file = program.rsplit(['/', '\\']).next().unwrap_or_default();
        (program == tapgate || matches!(file, "tapgate" | "tapgate.exe")) && texts.next() == Some("tap")
    }

    /// Reads what follows `tapgate tap`, if it is a tap on standard input and output.
    fn tap(&self) -> Option<Tap> {
        let mut texts = self.texts().enumerate().skip(2);
        let mut headers = Vec::new();
        let n_words = self.values.len();
        while let Some((at, word)) = texts.next() {
            let flag = word.split('=').next().unwrap_or(word);
            match word {
                "--header" => {
                    let (name, variable) = texts.next()?.1.split_once(": ")?;
                    let variable = variable.rsplit(' ').next()?.strip_prefix("env:")?;
                    headers.push((name.to_owned(), variable.to_owned()));
                }
                "--" if at + 1 < n_words && headers.is_empty() => {
                    return Some(Tap { server: Server::Program(at + 1), headers });
                }
                _ if flag == "--full" || word == "--bridge" => {}
                _ if VALUED.contains(&word) => _ = texts.next()?,
                _ if VALUED.contains(&flag) => {}
                _ if at + 1 == n_words && word.contains("://") && !word.starts_with('-') => {
                    return Some(Tap { server: Server::Url(at), headers });
                }
                _ => return None,
            }
        }
        None
    }
}

/// Options of a tap that say nothing about the server, and have a value.
const VALUED: &[&str] = &["--name", "--ca-file", "--client-era", "--server-era", "--max-message"];
