//! What `unwrap` needs to give an entry its very bytes back.

use std::ops::Range;

use serde_json::{Value as Json, json};

use super::edit::Edit;

/// Most parts of an entry that a record may name.
const MAX_PARTS: usize = 1024;

/// How one entry was before a tap was put in front of it.
///
/// It holds the small pieces that gave way, such as the program's name, and no value of a header or of a variable.
/// Whether the entry is still as it was left is known by a digest of the part from the first to the last change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The names that lead to the entry.
    pub path: Vec<String>,
    /// How far the part begins before the value of the entry's `command`, in bytes.
    lead: isize,
    /// The length of the part.
    len: usize,
    /// The digest of the part.
    seal: String,
    /// What undoes the changes; places are relative to the part.
    parts: Vec<Edit>,
}

impl Record {
    /// Records what `undo`, places in the changed text, does to the entry whose command is at `command`.
    pub fn new(path: Vec<String>, changed: &str, command: usize, undo: &[Edit]) -> Option<Self> {
        let start = undo.first()?.span.start;
        let part = start..undo.last()?.span.end;
        let parts = undo
            .iter()
            .map(|edit| Edit::new(edit.span.start - start..edit.span.end - start, edit.with.clone()));
        Some(Self {
            path,
            lead: command as isize - start as isize,
            len: part.len(),
            seal: seal(changed.get(part)?),
            parts: parts.collect(),
        })
    }

    /// The edits that undo the changes, if the entry whose command is at `command` is as it was left.
    pub fn undo(&self, text: &str, command: usize) -> Option<Vec<Edit>> {
        let start = command.checked_add_signed(self.lead.checked_neg()?)?;
        let part = text.get(start..start.checked_add(self.len)?)?;
        if seal(part) != self.seal {
            return None;
        }
        let mut end = 0;
        let one = |edit: &Edit| {
            let Range { start: from, end: to } = edit.span;
            let is_sound = end <= from && from <= to && part.get(from..to).is_some();
            end = to;
            is_sound.then(|| Edit::new(start + from..start + to, edit.with.clone()))
        };
        self.parts.iter().map(one).collect()
    }

    /// As JSON.
    pub fn to_json(&self) -> Json {
        let parts = self.parts.iter().map(|part| json!([part.span.start, part.span.end, part.with]));
        json!({
            "path": self.path, "lead": self.lead, "len": self.len, "seal": self.seal,
            "parts": parts.collect::<Vec<_>>(),
        })
    }

    /// From JSON.
    pub fn from_json(json: &Json) -> Option<Self> {
        let size = |value: &Json| usize::try_from(value.as_u64()?).ok();
        let part =
            |part: &Json| Some(Edit::new(size(part.get(0)?)?..size(part.get(1)?)?, part.get(2)?.as_str()?));
        let parts = json.get("parts")?.as_array().filter(|parts| parts.len() <= MAX_PARTS)?;
        let path = json.get("path")?.as_array()?.iter();
        Some(Self {
            path: path.map(|name| Some(name.as_str()?.to_owned())).collect::<Option<_>>()?,
            lead: isize::try_from(json.get("lead")?.as_i64()?).ok()?,
            len: size(json.get("len")?)?,
            seal: json.get("seal")?.as_str()?.to_owned(),
            parts: parts.iter().map(part).collect::<Option<_>>()?,
        })
    }
}

fn seal(part: &str) -> String {
    blake3::hash(part.as_bytes()).to_hex().to_string()
}
