//! A page of a list of tools, read and judged once, whoever fetches it.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use serde_json::Value as Json;
use tapgate_wire::json::unescape_lossy;
use tapgate_wire::revision::Revision;
use tapgate_wire::shape::Member;
use tapgate_wire::{Leg, Rule};

use super::dialect::Dialect;
use super::inspect::inspect;
use super::rules;
use super::tally::Tally;
use crate::event::Heard;
use crate::family::hidden::shown;
use crate::page::{Item, Page};

/// Tools of one page that are read.
const MAX_TOOLS: usize = 10_000;

/// Bytes of one tool's definition that are read; a larger one is judged by its size alone.
pub(super) const MAX_TOOL: usize = 256 * 1024;

/// Bytes of definitions of one session that are kept to hold calls and results against.
pub(super) const MAX_KEPT: usize = 2 * 1024 * 1024;

/// Troubles of single tools that one page may bring; further ones are not told.
pub(super) const MAX_TROUBLES: usize = 200;

/// Pages of one session that are kept.
const MAX_PAGES: usize = 16;

/// Pages that are remembered so that they need not be judged again, and their bytes.
const MAX_REMEMBERED: (usize, usize) = (32, 4 * 1024 * 1024);

/// Something wrong with a tool.
#[derive(Debug)]
pub(super) struct Trouble {
    pub rule: &'static Rule,
    /// The tool's name.
    pub subject: String,
    pub text: String,
}

/// A page.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// The tools by name, with their schemas as far as these are kept.
    tools: HashMap<String, Tool>,
    /// How many tools it has.
    pub n_tools: usize,
    /// Bytes of the definitions that are kept.
    pub(super) n_kept: usize,
    pub(super) troubles: Vec<Trouble>,
}

/// The schemas of a tool.
#[derive(Debug, Default)]
pub(crate) struct Tool {
    pub input: Option<(Dialect, Json)>,
    pub output: Option<(Dialect, Json)>,
}

impl Listing {
    /// Reads a page of tools.
    ///
    /// `has_default` says whether the revision names the dialect of a schema that names none.
    pub fn of(page: &Page<'_>, has_default: bool) -> Self {
        let mut listing = Self::default();
        let mut tally = Tally::default();
        for item in page.items() {
            listing.n_tools += 1;
            if listing.n_tools <= MAX_TOOLS {
                listing.troubles.truncate(MAX_TROUBLES);
                listing.tool(item, has_default, &mut tally);
            }
        }
        listing.troubles.truncate(MAX_TROUBLES);
        tally.tell(&mut listing.troubles);
        listing
    }

    fn tool(&mut self, item: Item<'_>, has_default: bool, tally: &mut Tally) {
        let size = item.raw.len();
        if size > MAX_TOOL {
            return self.unread(&rules::LARGE, item, &format!("has {size} bytes"));
        }
        let mut tool = match serde_json::from_slice(item.raw) {
            Ok(Json::Object(tool)) => tool,
            // Only the reader's own limit proves something; half of a surrogate pair, say, is found elsewhere.
            Err(error) if error.to_string().starts_with("recursion limit") => {
                return self.unread(&rules::DEEP, item, "is nested deeper than 120 levels");
            }
            _ => return,
        };
        let Some(Json::String(name)) = tool.remove("name") else { return };
        let mut tell = |rule, text| self.troubles.push(Trouble { rule, subject: shown(&name), text });
        if let Some(why) = odd_name(&name) {
            tell(&rules::NAME, format!("The tool name `{}` {why}.", shown(&name)));
        }
        let input = tool.remove("inputSchema");
        match &input {
            Some(Json::Object(_)) => {}
            Some(_) => tell(&rules::MISSING, format!("The input schema of `{}` is no object.", shown(&name))),
            None => tell(&rules::MISSING, format!("The tool `{}` has no input schema.", shown(&name))),
        }
        let output = tool.remove("outputSchema");
        let mut take = |which, schema: Option<Json>| {
            let schema = schema.filter(Json::is_object)?;
            let dialect = Dialect::of(&schema, has_default);
            inspect(&name, which, &schema, dialect, tally, &mut self.troubles);
            Some((dialect, schema))
        };
        let tool = Tool { input: take("input", input), output: take("output", output) };
        let has_room = self.n_kept + size <= MAX_KEPT;
        self.n_kept += if has_room { size } else { 0 };
        let tool = if has_room { tool } else { Tool::default() };
        // Peers differ in which of two tools with the same name they take.
        self.tools.entry(name).and_modify(|tool| *tool = Tool::default()).or_insert(tool);
    }

    /// Says why a definition was not looked into.
    fn unread(&mut self, rule: &'static Rule, item: Item<'_>, why: &str) {
        let name = item.find(&["name"]).filter(|name| name.len() < 4096).map(unescape_lossy);
        let subject = shown(&name.unwrap_or_default());
        let text = format!("The definition of `{subject}` {why}.");
        self.troubles.push(Trouble { rule, subject, text });
    }
}

/// What is wrong with a tool's name, by the rule of 2025-11-25.
fn odd_name(name: &str) -> Option<String> {
    let is_fine = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
    match name.chars().count() {
        0 => Some("is empty".to_owned()),
        n if n > 128 => Some(format!("has {n} characters, more than 128")),
        _ => {
            let odd = name.chars().find(|letter| !is_fine(*letter))?;
            Some(format!("holds U+{:04X}", u32::from(odd)))
        }
    }
}

/// Which tools a session's client was told of, as far as that is known.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    seen: Vec<Arc<Listing>>,
    /// How many tools there are on the pages so far.
    pub n_tools: usize,
    /// It began with the first page.
    from_start: bool,
    /// It came to the last one.
    to_end: bool,
}

impl Pages {
    /// Takes a message into account; gives the page that it brought.
    pub fn on(&mut self, heard: &Heard<'_>) -> Option<Arc<Listing>> {
        if heard.from != Leg::Server {
            return None;
        }
        if heard.tells("notifications/tools/list_changed") {
            *self = Self::default();
        }
        if !heard.answers("tools/list") {
            return None;
        }
        let asked = heard.call?.request.shape().inside(Member::Params, &["cursor"]);
        if asked.is_none_or(|cursor| cursor.as_ref() == b"null") {
            *self = Self { from_start: true, ..Self::default() };
        }
        let Some(page) = heard.tools() else {
            *self = Self::default();
            return None;
        };
        self.to_end = page.next.is_none_or(|cursor| cursor == b"null");
        let listing = judged(page, heard.revision >= Some(Revision::V2025_11_25));
        self.n_tools += listing.n_tools;
        let n_kept: usize = self.seen.iter().map(|page| page.n_kept).sum();
        if self.seen.len() < MAX_PAGES && n_kept + listing.n_kept <= MAX_KEPT {
            self.seen.push(Arc::clone(&listing));
        } else {
            self.from_start = false;
        }
        Some(listing)
    }

    /// Whether all pages were seen, and nothing changed since.
    pub fn is_whole(&self) -> bool {
        self.from_start && self.to_end
    }

    /// The tool of this name, unless several pages have one.
    pub fn tool(&self, name: &str) -> Option<&Tool> {
        let mut found = self.seen.iter().filter_map(|page| page.tools.get(name));
        found.next().filter(|_| found.next().is_none())
    }
}

/// The page as it was judged before, or as it is judged now.
///
/// What is remembered changes how long this takes and nothing else.
fn judged(page: &Page<'_>, has_default: bool) -> Arc<Listing> {
    thread_local! {
        static BEFORE: RefCell<VecDeque<Judged>> = const { RefCell::new(VecDeque::new()) };
    }
    let digest = blake3::hash(page.raw);
    BEFORE.with_borrow_mut(|before| {
        let known = before.iter().find(|page| page.digest == digest && page.has_default == has_default);
        if let Some(page) = known {
            return Arc::clone(&page.listing);
        }
        let listing = Arc::new(Listing::of(page, has_default));
        before.push_back(Judged { digest, has_default, size: page.raw.len(), listing: Arc::clone(&listing) });
        let is_full = |before: &VecDeque<Judged>| {
            before.len() > MAX_REMEMBERED.0
                || before.iter().map(|page| page.size).sum::<usize>() > MAX_REMEMBERED.1
        };
        // The newest stays, because two families ask for it.
        while before.len() > 1 && is_full(before) {
            before.pop_front();
        }
        listing
    })
}

/// A page that was judged before.
struct Judged {
    digest: blake3::Hash,
    has_default: bool,
    size: usize,
    listing: Arc<Listing>,
}
