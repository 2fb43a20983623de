//! The rows: a conversation with one fault in it, and what is to be found.
//!
//! ```text
//! == the server greets on standard output            a row and its name
//! hello 2025-06-18                                    lines of a transcript (`tapgate_testkit::script`)
//! ! server> raw Hi!\r\n                               the step with the fault; `raw` gives bytes, without a line end
//! finds frame.not-json server                         the rule and the side at fault, found at the step with `!`
//! finds timing.no-answer server of tools/call         found of a call, at no message
//! finds list.never-asked client of the session        found of the session alone
//! !! server> fail 2 -32602 no                         another step, for
//! finds !! era.mixed client because it is one         a second finding, which says why it is true as well
//! ```
//!
//! A table begins with words for what its rows repeat: `let NAME text`, and the same again for a further line.

use std::fmt;

use tapgate_testkit::{Script, Step};

/// A conversation and what is to be found in it.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) steps: Vec<Step>,
    pub(super) finds: Vec<Found>,
}

/// A finding: the rule, the side at fault, and where it is.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    pub(super) rule: String,
    pub(super) side: String,
    pub(super) at: At,
}

/// Where a finding is.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum At {
    /// At a message of the conversation, the first being 0.
    Message(usize),
    /// At a call with this method, and no message.
    Exchange(String),
    /// At nothing but the session.
    Session,
}

impl fmt::Display for Found {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, side, at } = self;
        match at {
            At::Message(n) => write!(out, "{rule} {side} at message {n}"),
            At::Exchange(method) => write!(out, "{rule} {side} of {method}"),
            At::Session => write!(out, "{rule} {side} of the session"),
        }
    }
}

/// Reads a table.
pub(super) fn read(text: &str) -> Vec<Row> {
    let mut words: Vec<(String, String)> = Vec::new();
    let mut rows: Vec<Row> = Vec::new();
    let mut marked = [None; 2];
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix("== ") {
            rows.push(Row { name: name.to_owned(), steps: Vec::new(), finds: Vec::new() });
            marked = [None; 2];
            continue;
        }
        if let Some((name, meaning)) = line.strip_prefix("let ").and_then(|rest| rest.split_once(' ')) {
            let (name, meaning) = (format!("${name}"), said(&words, meaning));
            match words.iter_mut().find(|(word, _)| *word == name) {
                Some((_, lines)) => *lines = [lines.as_str(), &meaning].join("\n"),
                None => words.push((name, meaning)),
            }
            // A word may begin with another.
            words.sort_by_key(|(word, _)| word.len());
            continue;
        }
        let row = rows.last_mut().unwrap_or_else(|| panic!("{line} is in no row"));
        if let Some(wanted) = line.strip_prefix("finds ") {
            row.finds.push(finding(wanted, marked));
            continue;
        }
        let (mark, line) = mark_of(line);
        for part in said(&words, line).split('\n') {
            row.steps.extend(Script::of(part).steps);
        }
        if let Some(mark) = mark {
            marked[mark] = Some(n_messages(&row.steps).checked_sub(1).unwrap());
        }
    }
    rows
}

/// A line with each word replaced by its meaning.
fn said(words: &[(String, String)], line: &str) -> String {
    words.iter().rev().fold(line.to_owned(), |line, (word, meaning)| line.replace(word.as_str(), meaning))
}

/// Which of the two marks a line has, and the line without it.
fn mark_of(line: &str) -> (Option<usize>, &str) {
    let (second, first) = (line.strip_prefix("!! "), line.strip_prefix("! "));
    second.map(|rest| (Some(1), rest)).or(first.map(|rest| (Some(0), rest))).unwrap_or((None, line))
}

fn finding(wanted: &str, marked: [Option<usize>; 2]) -> Found {
    let (mark, wanted) = mark_of(wanted);
    let marked = marked[mark.unwrap_or(0)];
    let wanted = wanted.split(" because ").next().unwrap();
    let (rule, rest) = wanted.split_once(' ').unwrap_or_else(|| panic!("{wanted} names no side"));
    let (side, at) = match rest.split_once(" of ") {
        None => (rest, At::Message(marked.unwrap_or_else(|| panic!("no step is marked for {wanted}")))),
        Some((side, "the session")) => (side, At::Session),
        Some((side, method)) => (side, At::Exchange(method.to_owned())),
    };
    Found { rule: rule.to_owned(), side: side.trim().to_owned(), at }
}

/// How many messages are recorded of these steps: a head that comes with a message is none of its own.
fn n_messages(steps: &[Step]) -> usize {
    let is_one = |place: usize| match &steps[place] {
        Step::Frame(..) | Step::Stderr(_) => true,
        Step::Asked(stream, _) | Step::Answered(stream, _) => {
            let is_own = |step: &&Step| stream_of(step) == Some(*stream);
            let goes_alone = !matches!(steps[place + 1..].iter().find(is_own), Some(Step::Frame(..)));
            goes_alone || is_stream_of_get(&steps[..=place])
        }
        _ => false,
    };
    (0..steps.len()).filter(|place| is_one(*place)).count()
}

/// Whether the last of these steps is the head of a stream that a GET asked for, which is recorded when it comes.
fn is_stream_of_get(steps: &[Step]) -> bool {
    let Some(Step::Answered(stream, head)) = steps.last() else { return false };
    let is_get =
        |step: &Step| matches!(step, Step::Asked(other, head) if other == stream && head.method == "GET");
    steps.iter().any(is_get)
        && head.headers.get("content-type").is_some_and(|kind| kind == "text/event-stream")
}

/// The stream of a step, if it is one of HTTP.
pub(super) fn stream_of(step: &Step) -> Option<tapgate_wire::StreamId> {
    match step {
        Step::Asked(stream, _)
        | Step::Answered(stream, _)
        | Step::Frame(stream, ..)
        | Step::Closed(stream, ..) => Some(*stream),
        _ => None,
    }
}

/// The bytes of a frame: as they are written after `raw`, else a message.
pub(super) fn bytes(text: &str) -> Vec<u8> {
    let Some(text) = text.strip_prefix("raw ") else { return text.as_bytes().to_vec() };
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let (byte, after) = match (first, after) {
            (b'\\', [b'n', after @ ..]) => (b'\n', after),
            (b'\\', [b'r', after @ ..]) => (b'\r', after),
            (b'\\', [b'x', high, low, after @ ..]) => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap() as u8;
                (digit(high) << 4 | digit(low), after)
            }
            _ => (*first, after),
        };
        bytes.push(byte);
        rest = after;
    }
    bytes
}
