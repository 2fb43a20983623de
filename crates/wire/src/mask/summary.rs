//! What is said of a body that is not stored.

use std::fmt::Write;

use super::rule::RULES;
use super::{Masker, Outcome, key, placeholder};
use crate::json::{self, Container, Event};

/// No summary is longer, whatever it is of.
pub const MAX_SUMMARY: usize = 2048;
/// What the shape may take of it.
const MAX_SHAPE: usize = 1100;
/// Longer names of members are not shown.
const MAX_NAME: usize = 48;
const MAX_SHAPE_DEPTH: usize = 8;
const MAX_MEDIA: usize = 8;

/// Whether results of this tool or resource are sensitive whatever they hold.
pub(super) fn is_sensitive(target: &str) -> bool {
    let lower = target.to_ascii_lowercase();
    let sensitive = &RULES.sensitive;
    let looks_like_path = lower.contains(['/', '.', ':']);
    (looks_like_path
        && sensitive.paths.iter().any(|path| lower.contains(path) || lower == path.trim_start_matches('/')))
        || (!looks_like_path && key::has_segment(target.as_bytes(), &sensitive.words))
}

/// Writes the summary of `raw`, of which `outcome` is the masked form, as one JSON object.
pub(super) fn write(masker: &Masker, because: &[String], raw: &[u8], outcome: &Outcome) -> String {
    let document = outcome.masked.bytes();
    let mut outline = Outline::default();
    let is_json = json::scan(document, &mut |event| outline.on(document, event)).is_ok();
    outline.finish();
    let mut out = String::from("{\"summary\":1,\"because\":[");
    join(&mut out, because.iter().take(12).map(|reason| format!("\"{reason}\"")));
    let _ = write!(out, "],\"bytes\":{},\"digest\":\"{}\"", raw.len(), placeholder::digest(&masker.key, raw));
    let kind = match (is_json, std::str::from_utf8(raw)) {
        (true, _) => "json",
        (false, Ok(_)) => "text",
        (false, Err(_)) => "binary",
    };
    let _ = write!(out, ",\"kind\":\"{kind}\"");
    if let Some(is_error) = outline.is_error {
        let _ = write!(out, ",\"isError\":{is_error}");
    }
    if !outcome.complete {
        out.push_str(",\"scanned\":\"in part\"");
    }
    out.push_str(",\"hits\":{");
    join(&mut out, outcome.hits.iter().take(16).map(|(class, n)| format!("\"{class}\":{n}")));
    out.push_str("},\"content\":{");
    join(&mut out, outline.content.iter().filter(|(_, n)| *n > 0).map(|(kind, n)| format!("\"{kind}\":{n}")));
    out.push_str("},\"media\":[");
    join(&mut out, outline.media.iter().map(|media| format!("\"{media}\"")));
    out.push(']');
    if is_json {
        let _ = write!(out, ",\"shape\":{},\"truncated\":{}", outline.shape, outline.truncated);
    }
    out.push('}');
    out
}

fn join(out: &mut String, parts: impl Iterator<Item = String>) {
    for (n, part) in parts.enumerate() {
        if n > 0 {
            out.push(',');
        }
        out.push_str(&part);
    }
}

/// The shape of a document and the few facts of MCP results, collected in one pass over the masked bytes.
struct Outline {
    shape: String,
    truncated: bool,
    is_error: Option<bool>,
    content: [(&'static str, u32); 6],
    media: Vec<String>,
    key: String,
    levels: Vec<Level>,
    /// Levels that are open but not shown.
    n_hidden: usize,
    /// There was no room for the name of the member at hand.
    unnamed: bool,
}

struct Level {
    is_array: bool,
    n_values: usize,
    /// This level was opened by the member `content`.
    is_content: bool,
}

impl Default for Outline {
    fn default() -> Self {
        let kinds = ["text", "image", "audio", "resource", "resource_link", "other"];
        Self {
            shape: String::new(),
            truncated: false,
            is_error: None,
            content: kinds.map(|kind| (kind, 0)),
            media: Vec::new(),
            key: String::new(),
            levels: Vec::new(),
            n_hidden: 0,
            unnamed: false,
        }
    }
}

impl Outline {
    fn on(&mut self, document: &[u8], event: Event) {
        match event {
            Event::Open { container, .. } => self.open(container),
            Event::Close { container, .. } => self.close(container),
            Event::Key { span, .. } => {
                let name =
                    span.of(document).and_then(|raw| std::str::from_utf8(raw).ok()).unwrap_or_default();
                self.name(name);
            }
            Event::String { span, .. } => {
                let raw = span.of(document).unwrap_or_default();
                let text = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
                self.fact(text);
                self.scalar("\"string\"");
            }
            Event::Number(_) => self.scalar("\"number\""),
            Event::Literal(literal, _) => {
                if self.key == "isError" && self.levels.len() == 2 {
                    self.is_error = Some(literal == json::Literal::True);
                }
                self.scalar(if literal == json::Literal::Null { "null" } else { "\"boolean\"" });
            }
            Event::Deep(_) => self.scalar("\"deep\""),
            Event::Odd(_) => {}
        }
    }

    fn name(&mut self, quoted: &str) {
        quoted.trim_matches('"').clone_into(&mut self.key);
        if self.n_hidden > 0 {
            return;
        }
        self.unnamed = self.shape.len() >= MAX_SHAPE;
        self.truncated |= self.unnamed;
        if self.unnamed {
            return;
        }
        let long = quoted.len() > MAX_NAME;
        let name = if long { format!("\"({} bytes)\"", quoted.len() - 2) } else { quoted.to_owned() };
        self.separate();
        let _ = write!(self.shape, "{name}:");
    }

    fn open(&mut self, container: Container) {
        let is_array = container == Container::Array;
        let is_content = is_array && self.key == "content";
        if self.n_hidden > 0 || !self.shows() {
            self.n_hidden += 1;
            // What is hidden is still counted.
            self.levels.push(Level { is_array, n_values: 0, is_content });
            return;
        }
        self.begin_value();
        self.shape.push(if is_array { '[' } else { '{' });
        self.levels.push(Level { is_array, n_values: 0, is_content });
    }

    fn close(&mut self, container: Container) {
        let Some(level) = self.levels.pop() else { return };
        if self.n_hidden > 0 {
            self.n_hidden -= 1;
            if self.n_hidden == 0 {
                self.hide_value();
            }
            return;
        }
        if level.n_values > 1 && level.is_array {
            let _ = write!(self.shape, ",{}", level.n_values);
        }
        self.shape.push(if container == Container::Array { ']' } else { '}' });
    }

    fn scalar(&mut self, kind: &str) {
        if self.n_hidden > 0 {
            return;
        }
        if self.shows() {
            self.begin_value();
            self.shape.push_str(kind);
        } else {
            self.hide_value();
        }
    }

    /// Whether the value that begins is shown: the first of an array, and what there is room for.
    fn shows(&mut self) -> bool {
        let in_bounds = self.shape.len() < MAX_SHAPE && self.levels.len() < MAX_SHAPE_DEPTH;
        let later = self.levels.last().is_some_and(|level| level.is_array && level.n_values > 0);
        self.truncated |= !in_bounds && !later;
        in_bounds && !later
    }

    /// Counts a value that is not shown; a member needs one all the same.
    fn hide_value(&mut self) {
        let in_array = self.levels.last().is_some_and(|level| level.is_array);
        if !in_array && !self.unnamed {
            self.shape.push_str("\"…\"");
        }
        if let Some(level) = self.levels.last_mut() {
            level.n_values += 1;
        }
    }

    fn begin_value(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            level.n_values += 1;
        }
    }

    fn separate(&mut self) {
        if !self.shape.ends_with('{') && !self.shape.is_empty() {
            self.shape.push(',');
        }
    }

    fn fact(&mut self, text: &[u8]) {
        match self.key.as_str() {
            "mimeType" if self.media.len() < MAX_MEDIA && is_media_type(text) => {
                let media = String::from_utf8_lossy(text).into_owned();
                if !self.media.contains(&media) {
                    self.media.push(media);
                }
            }
            "type" => {
                let in_content = self.levels.len() >= 2
                    && self.levels.get(self.levels.len() - 2).is_some_and(|level| level.is_content);
                let last = self.content.len() - 1;
                let at = self.content.iter().position(|(kind, _)| kind.as_bytes() == text).unwrap_or(last);
                if let Some((_, n)) = self.content.get_mut(at).filter(|_| in_content) {
                    *n += 1;
                }
            }
            _ => {}
        }
    }

    /// Closes nothing: a document that ends early is not shown at all.
    fn finish(&mut self) {
        if self.shape.is_empty() {
            self.shape.push_str("null");
        }
    }
}

fn is_media_type(text: &[u8]) -> bool {
    let is_part = |part: &[u8]| {
        !part.is_empty() && part.iter().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b))
    };
    let mut parts = text.split(|byte| *byte == b'/');
    text.len() <= 48
        && matches!((parts.next(), parts.next(), parts.next()), (Some(a), Some(b), None) if is_part(a) && is_part(b))
}
