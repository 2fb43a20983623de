//! Looks for every planted secret, whole and in parts, in every encoding, in everything that was written.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use aho_corasick::AhoCorasick;

use super::code::{Alphabet, base64_cores, hex, percent, percent_all, unicode};
use super::plant::Plant;

/// A part of a secret that is this long is unique, and tells a secret of which only a piece was taken out.
const PART: usize = 10;

/// Most findings that a failure names.
const MAX_NAMED: usize = 25;

/// A search for all secrets at once.
pub(crate) struct Search<'a> {
    plants: &'a [Plant],
    automaton: AhoCorasick,
    /// Whose each pattern is.
    owners: Vec<(usize, &'static str)>,
    found: BTreeMap<String, String>,
}

impl<'a> Search<'a> {
    pub(crate) fn new(plants: &'a [Plant]) -> Self {
        let mut patterns = Vec::new();
        let mut owners = Vec::new();
        for (n, plant) in plants.iter().enumerate() {
            for (form, pattern) in forms(&plant.secret) {
                patterns.push(pattern);
                owners.push((n, form));
            }
        }
        let automaton = AhoCorasick::new(patterns).unwrap();
        Self { plants, automaton, owners, found: BTreeMap::new() }
    }

    /// Looks into one artefact.
    pub(crate) fn look(&mut self, artefact: &str, bytes: &[u8]) {
        for hit in self.automaton.find_overlapping_iter(bytes) {
            let (plant, form) = self.owners[hit.pattern().as_usize()];
            let around = hit.start().saturating_sub(160)..bytes.len().min(hit.end() + 60);
            let line = format!("as {form} in {artefact}: …{}…", bytes[around].escape_ascii());
            self.found.entry(self.plants[plant].label()).or_insert(line);
        }
    }

    /// Looks into every file below `folder`; gives how many bytes that were.
    pub(crate) fn look_into_files(&mut self, folder: &Path) -> usize {
        let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
        let sizes = entries.map(|entry| {
            let name = entry.file_name();
            self.look("the name of a file", name.as_encoded_bytes());
            if entry.file_type().unwrap().is_dir() {
                return self.look_into_files(&entry.path());
            }
            let bytes = fs::read(entry.path()).unwrap();
            self.look(&name.to_string_lossy(), &bytes);
            bytes.len()
        });
        sizes.sum()
    }

    /// Says how many secrets were found, and forgets them.
    pub(crate) fn take_found(&mut self) -> usize {
        std::mem::take(&mut self.found).len()
    }

    /// Fails when anything was found, and says what was found where.
    pub(crate) fn finish(self) {
        let found = self.found.len();
        let named: Vec<String> =
            self.found.iter().take(MAX_NAMED).map(|(plant, line)| format!("{plant}\n    {line}")).collect();
        assert!(found == 0, "{found} of {} secrets leaked:\n{}", self.plants.len(), named.join("\n"));
    }
}

/// What gives a secret away: all of it, or one of its parts, in any encoding.
fn forms(secret: &str) -> Vec<(&'static str, Vec<u8>)> {
    let mut forms = Vec::new();
    for part in parts(secret) {
        let bytes = part.as_bytes();
        forms.push(("plain text", bytes.to_vec()));
        forms.push(("hex", hex(bytes).into_bytes()));
        forms.push(("hex", hex(bytes).to_uppercase().into_bytes()));
        forms.push(("unicode escapes", unicode(part).into_bytes()));
        forms.push(("percent", percent(bytes).into_bytes()));
        forms.push(("percent", percent_all(bytes).into_bytes()));
        let json = serde_json::Value::from(part).to_string();
        forms.push(("JSON", json.trim_matches('"').as_bytes().to_vec()));
        for alphabet in [Alphabet::Standard, Alphabet::Url] {
            forms.extend(base64_cores(bytes, alphabet).map(|core| ("base64", core.into_bytes())));
        }
    }
    forms.sort_by(|one, other| one.1.cmp(&other.1));
    forms.dedup_by(|one, other| one.1 == other.1);
    forms
}

/// The secret and pieces of it that nothing else can be.
fn parts(secret: &str) -> Vec<&str> {
    let mut parts = vec![secret];
    // Frames and prefixes are no secrets; long runs of what was drawn are.
    for run in secret.split(|c: char| !c.is_ascii_alphanumeric()) {
        let ends = [(14, run.len()), (30, run.len() / 2 + PART)];
        let long_enough = ends.iter().filter(|(least, _)| run.len() >= *least);
        parts.extend(long_enough.map(|(_, end)| &run[end - PART..*end]));
    }
    parts
}
