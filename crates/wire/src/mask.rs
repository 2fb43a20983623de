//! Takes secrets out of what is about to be stored.
//!
//! *A raw value cannot be written, by type*: the journal takes [`Masked`] bytes, and only the functions
//! of [`Masker`] make them.
//!
//! What is found, from certain to likely: places that hold secrets (credentials in headers, parameters of
//! OAuth, members and variables named `password`), values that were seen as secrets before, shapes of
//! tokens and keys (`mask/rules.toml`), and names of secrets with a value behind them in free text. Each is
//! looked for in plain text, in JSON, in JSON inside strings, behind escapes and percent signs, in base64
//! and in hexadecimal. A secret gives way to a placeholder such as `[masked:github:33-64:3f9a1c2b]`.
//!
//! To add a shape, add a `[[rule]]` with its own examples to `mask/rules.toml`.

mod alphabet;
mod anchor;
mod argv;
mod codec;
mod decoded;
mod encoded;
mod head;
mod heads;
mod hit;
mod json;
mod jwt;
mod key;
mod known;
mod markup;
mod pair;
mod pem;
mod pen;
mod placeholder;
mod rule;
mod scan;
mod scheme;
mod stream;
mod summary;
mod text;
mod uri;

use std::borrow::Cow;

use bytes::Bytes;
use http::HeaderMap;

use self::heads::Heads;
use self::hit::{Hit, Sure};
use self::known::Known;
use self::pen::Pen;
use self::scan::Scan;
pub use self::stream::TextStream;
pub use self::summary::MAX_SUMMARY;
use crate::record::{Body, Piece, UnixNanos};

/// Results larger than this many bytes are stored as a summary.
pub const MAX_STORED: usize = 256 * 1024;

/// Longer names and ids are cut.
const MAX_SHORT: usize = 512;
/// What was taken out may uncover more, and what was learnt may stand earlier in the same text.
const MAX_PASSES: usize = 4;
const DAY: UnixNanos = 24 * 60 * 60 * 1_000_000_000;

/// Bytes from which secrets were taken; only this module makes them, and the journal takes nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Masked(Bytes);

impl Masked {
    /// Words of tapgate's own, which hold no secret; `'static` keeps traffic out.
    pub fn own(words: &'static str) -> Self {
        Self(Bytes::from_static(words.as_bytes()))
    }

    /// The masked bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }
}

/// How many rules there are for shapes of secrets.
pub fn n_rules() -> usize {
    rule::RULES.shapes.len()
}

/// How much is stored of bodies, arguments, results and standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Without their secrets, or as a summary.
    #[default]
    Masked,
    /// As they came, until the consent ends. Credentials in HTTP heads, URIs and command lines stay masked.
    Full(Consent),
}

/// A person's consent to store what came, until a time at most 24 hours ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consent {
    until: UnixNanos,
}

impl Consent {
    /// Consents until `until`; `None` when that is past or more than 24 hours after `now`.
    pub fn until(until: UnixNanos, now: UnixNanos) -> Option<Self> {
        let length = until.checked_sub(now)?;
        (0 < length && length <= DAY).then_some(Self { until })
    }

    /// When it ends.
    pub fn end(self) -> UnixNanos {
        self.until
    }
}

/// A masked text and what was found in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The text without its secrets.
    pub masked: Masked,
    /// Classes of what was found and how many of each, sorted by class.
    pub hits: Vec<(&'static str, u32)>,
    /// Something was found by its place or its shape rather than by a name beside it.
    pub certain: bool,
    /// All of it was searched; else something was encoded too deeply or too often to follow.
    pub complete: bool,
}

impl Outcome {
    fn nothing() -> Self {
        Self { masked: Masked::default(), hits: Vec::new(), certain: false, complete: true }
    }

    fn count(&mut self, class: &'static str) {
        hit::count(&[class], &mut self.hits);
        self.certain = true;
    }

    fn add(&mut self, other: &Self) {
        for (class, n) in &other.hits {
            hit::count(&vec![*class; *n as usize], &mut self.hits);
        }
        self.certain |= other.certain;
        self.complete &= other.complete;
    }
}

impl Default for Outcome {
    fn default() -> Self {
        Self::nothing()
    }
}

/// What is to be stored of a message, and as what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// What `outcome.masked` is.
    pub body: Body,
    /// The bytes to store and what was found in the message.
    pub outcome: Outcome,
}

/// Takes secrets out of the traffic of one source, and remembers them to find them again.
///
/// Memory is bounded: 4,096 values of at most 4 KiB, the oldest forgotten first, and 256 heads of at most 2 KiB.
#[derive(Debug)]
pub struct Masker {
    key: [u8; 32],
    level: Level,
    known: Known,
    heads: Heads,
}

impl Masker {
    /// A masker for one capture: with another key the same secret gets another digest.
    pub fn new(key: [u8; 32], level: Level) -> Self {
        Self { key, level, known: Known::default(), heads: Heads::default() }
    }

    /// Tells the time, so that a consent ends; call it before what is recorded at that time.
    pub fn tick(&mut self, now: UnixNanos) {
        if let Level::Full(consent) = self.level
            && now >= consent.until
        {
            self.level = Level::Masked;
        }
    }

    /// How much is stored now.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Remembers a value as a secret, to be replaced from now on in every encoding; short values and words are not.
    pub fn learn(&mut self, value: &[u8]) {
        self.known.learn("known", value);
    }

    /// Masks a message, or whatever stands where one should: JSON by its members, anything else as text.
    pub fn message(&mut self, raw: &[u8]) -> Outcome {
        let mut was_json = true;
        let found = self.search(raw, |scan, text, hits| {
            // The search of a text follows escapes, so it finds all that the walk over members would start from.
            if !text::is_quiet(scan, text) && !json::find(scan, text, hits) {
                was_json = false;
                text::find(scan, text, hits);
            }
        });
        let became_json = !was_json && !found.outcome.hits.is_empty() && is_json(&found.text);
        let became_text = !found.outcome.hits.is_empty() && is_utf8(&found.text) && !is_utf8(raw);
        if became_json || became_text {
            // What was taken out was also what was odd; a stored body must not look sounder than it was.
            return self.unscanned(raw);
        }
        self.leveled(raw, found)
    }

    /// Masks text of any kind. What arrives in pieces goes through a [`TextStream`].
    pub fn text(&mut self, raw: &[u8]) -> Outcome {
        let found = self.search(raw, text::find);
        if !found.outcome.complete && self.level == Level::Masked {
            return self.unscanned(raw);
        }
        self.leveled(raw, found)
    }

    /// Masks a name, an id or another short text, and cuts it at 512 bytes.
    pub fn short(&mut self, raw: &[u8]) -> Outcome {
        let mut outcome = self.text(raw);
        let masked = &outcome.masked.0;
        if masked.len() > MAX_SHORT {
            let text = String::from_utf8_lossy(masked);
            let cut = text.floor_char_boundary(MAX_SHORT);
            let kept = text.get(..cut).unwrap_or_default();
            // A cut placeholder would be none.
            let kept = match kept.rfind("[masked:") {
                Some(at) if !kept.get(at..).unwrap_or_default().contains(']') => {
                    kept.get(..at).unwrap_or_default()
                }
                _ => kept,
            };
            outcome.masked = Masked(Bytes::from(format!("{kept}…")));
        }
        outcome
    }

    /// Masks an HTTP head: the start line, then one `name: value` a line.
    ///
    /// Cookies keep their names, credentials their scheme; consent to full bodies changes nothing here.
    pub fn head(&mut self, start_line: &str, headers: &HeaderMap) -> Outcome {
        if let Some(outcome) = self.heads.find(start_line, headers, self.known.n_learnt()) {
            return outcome.clone();
        }
        let mut pen = Pen::new(self);
        head::write(&mut pen, start_line.as_bytes(), headers);
        let outcome = pen.done();
        self.heads.keep(&outcome, self.known.n_learnt());
        outcome
    }

    /// Masks the value of one HTTP header, such as `Mcp-Session-Id`, as [`Masker::head`] does.
    pub fn header(&mut self, name: &str, value: &[u8]) -> Outcome {
        let mut pen = Pen::new(self);
        head::value(&mut pen, name, value);
        pen.done()
    }

    /// Masks a URI or the target of a request: user information, parameters, tokens in the path.
    pub fn uri(&mut self, uri: &str) -> Outcome {
        let mut pen = Pen::new(self);
        pen.search(uri.as_bytes(), uri::find);
        pen.done()
    }

    /// Masks a command line, the program first; gives it as one line.
    pub fn argv<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Outcome {
        let args: Vec<&[u8]> = args.iter().map(AsRef::as_ref).collect();
        let mut pen = Pen::new(self);
        argv::write(&mut pen, &args);
        pen.done()
    }

    /// Gives the name of a variable of the environment, and learns its value if the name or the shape says it is secret.
    pub fn env(&mut self, name: &[u8], value: &[u8]) -> Outcome {
        match key::class_of(name) {
            Some(class) => {
                self.known.learn(class, value);
            }
            None => {
                self.search(value, uri::find);
            }
        }
        let mut pen = Pen::new(self);
        pen.text(name);
        pen.done()
    }

    /// Decides how a message is stored, and masks it.
    ///
    /// A result becomes a summary when it holds a certain secret, when its target (the tool's name, the
    /// resource's URI) is sensitive, when it is larger than [`MAX_STORED`], or when it is binary. Any
    /// message becomes one when not all of it could be searched. With consent it is stored as it came.
    pub fn store(&mut self, piece: Piece, target: Option<&str>, raw: &[u8]) -> Stored {
        let outcome = self.message(raw);
        if matches!(self.level, Level::Full(_)) {
            return Stored { body: Body::Full, outcome };
        }
        let because = must_summarise(piece, target, raw, &outcome);
        if because.is_empty() {
            return Stored { body: Body::Masked, outcome };
        }
        let summary = summary::write(self, &because, raw, &outcome);
        // Names of members come from the masked body, so this finds nothing new; it makes a mistake there harmless.
        let masked = self.search(summary.as_bytes(), text::find).text.into_owned();
        Stored { body: Body::Summary, outcome: Outcome { masked: Masked(Bytes::from(masked)), ..outcome } }
    }

    /// A placeholder for all of `raw`.
    fn unscanned(&self, raw: &[u8]) -> Outcome {
        let mut outcome = Outcome::nothing();
        outcome.count("unscanned");
        outcome.masked = Masked(Bytes::from(placeholder::make(&self.key, "unscanned", raw)));
        outcome
    }

    fn leveled(&self, raw: &[u8], found: Found<'_>) -> Outcome {
        let text = match (self.level, found.text) {
            (Level::Full(_), _) => Bytes::copy_from_slice(raw),
            (Level::Masked, Cow::Borrowed(text)) => Bytes::copy_from_slice(text),
            (Level::Masked, Cow::Owned(text)) => Bytes::from(text),
        };
        Outcome { masked: Masked(text), ..found.outcome }
    }

    /// Searches and replaces until nothing is found, and learns on the way.
    fn search<'a>(
        &mut self,
        raw: &'a [u8],
        mut find: impl FnMut(&mut Scan<'_>, &[u8], &mut Vec<Hit>),
    ) -> Found<'a> {
        let mut found = Found { text: Cow::Borrowed(raw), outcome: Outcome::nothing() };
        for _ in 0..MAX_PASSES {
            let mut scan = Scan::new(&self.key, &self.known, found.text.len());
            let mut hits = Vec::new();
            find(&mut scan, &found.text, &mut hits);
            let Scan { learnt, complete, .. } = scan;
            for (class, value) in learnt {
                self.known.learn(class, &value);
            }
            found.outcome.complete &= complete;
            if hits.is_empty() {
                break;
            }
            hit::join(&mut hits);
            let classes: Vec<_> = hits.iter().map(|hit| hit.class).collect();
            hit::count(&classes, &mut found.outcome.hits);
            found.outcome.certain |= hits.iter().any(|hit| hit.sure == Sure::Certain);
            found.text = Cow::Owned(hit::splice(&found.text, &hits));
        }
        found
    }
}

/// A searched text, before it is decided whether it is stored.
struct Found<'a> {
    text: Cow<'a, [u8]>,
    outcome: Outcome,
}

/// Why a message must not be stored as it is, even masked; empty when it may.
fn must_summarise(piece: Piece, target: Option<&str>, raw: &[u8], outcome: &Outcome) -> Vec<String> {
    let mut because = Vec::new();
    if !outcome.complete {
        because.push("not searched to the end".to_owned());
    }
    if piece != Piece::Result {
        return because;
    }
    if outcome.certain {
        because.extend(outcome.hits.iter().map(|(class, n)| format!("{class} x{n}")));
    }
    if target.is_some_and(summary::is_sensitive) {
        because.push("sensitive target".to_owned());
    }
    if raw.len() > MAX_STORED {
        because.push("size".to_owned());
    }
    if !is_utf8(raw) || raw.contains(&0) {
        because.push("binary".to_owned());
    }
    because
}

fn is_json(text: &[u8]) -> bool {
    crate::json::scan(text, &mut |_| {}).is_ok()
}

fn is_utf8(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok()
}

#[cfg(test)]
mod tests;
