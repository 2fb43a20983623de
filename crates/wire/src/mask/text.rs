//! Secrets in text of any kind.

use std::ops::Range;

use super::anchor::{ANCHORS, Anchor, Stop};
use super::hit::{self, Hit, Sure};
use super::rule::Rule;
use super::scan::Scan;
use super::{encoded, json, jwt, pair, pem, scheme, uri};

/// How far from an AWS key id its secret may stand.
const NEAR: usize = 320;
/// Lines of JSON in text are read as JSON up to this length.
const MAX_LINE: usize = 1024 * 1024;

/// Finds the secrets in `text`; adds them to `hits` sorted, none overlapping another.
pub(super) fn find(scan: &mut Scan<'_>, text: &[u8], hits: &mut Vec<Hit>) {
    if !is_quiet(scan, text) {
        find_in_noise(scan, text, hits);
    }
}

/// As [`find`], for a text that is known not to be quiet.
pub(super) fn find_in_noise(scan: &mut Scan<'_>, text: &[u8], hits: &mut Vec<Hit>) {
    let mut found = Vec::new();
    let mut name_end = 0;
    ANCHORS.each(text, |stop| look(scan, text, stop, &mut name_end, &mut found));
    find_without_stops(scan, text, found, hits);
}

/// As [`find`], for a text in which the `stops` are all that a pass would stop at.
pub(super) fn find_at_stops(
    scan: &mut Scan<'_>,
    text: &[u8],
    stops: impl Iterator<Item = Stop>,
    hits: &mut Vec<Hit>,
) {
    let mut found = Vec::new();
    let mut name_end = 0;
    for stop in stops {
        look(scan, text, stop, &mut name_end, &mut found);
    }
    find_without_stops(scan, text, found, hits);
}

/// Adds to what was `found` at stops what needs none: known values, and what is encoded.
fn find_without_stops(scan: &mut Scan<'_>, text: &[u8], mut found: Vec<Hit>, hits: &mut Vec<Hit>) {
    let known = scan.known;
    for known in known.find(text) {
        scan.hit_known(text, known.span, known.class, known.value, &mut found);
    }
    encoded::find(scan, text, &mut found);
    find_in_lines(scan, text, &mut found);
    hit::join(&mut found);
    hits.append(&mut found);
}

/// Whether no detector has any reason to look at `text`.
pub(super) fn is_quiet(scan: &Scan<'_>, text: &[u8]) -> bool {
    !ANCHORS.any(text) && !may_be_known(scan, text) && !encoded::may_hold(text)
}

/// Whether a known value may stand in `text`, escaped more than once perhaps.
pub(super) fn may_be_known(scan: &Scan<'_>, text: &[u8]) -> bool {
    !scan.known.is_empty() && (encoded::has_nested_escape(text) || scan.known.any(text))
}

fn look(scan: &mut Scan<'_>, text: &[u8], stop: Stop, name_end: &mut usize, hits: &mut Vec<Hit>) {
    let ends = |byte: &u8| match stop.anchor {
        // A key goes on over many lines.
        Anchor::PemBegin | Anchor::PemEnd => false,
        _ => *byte <= b' ' || *byte == b'"',
    };
    if !scan.may_look(text.get(stop.start..).unwrap_or_default(), ends) {
        return;
    }
    match stop.anchor {
        Anchor::Rule(rule, prefix) => look_at_rule(scan, text, stop.start, (rule, prefix), hits),
        Anchor::Word => pair::find(scan, text, stop.start..stop.end, name_end, hits),
        Anchor::Url => uri::find_at(scan, text, stop.start, hits),
        Anchor::PemBegin => pem::find(scan, text, stop.start, hits),
        Anchor::PemEnd => pem::find_headless(scan, text, stop.start, hits),
        Anchor::Jwt => jwt::find(scan, text, stop.start, hits),
        Anchor::Scheme => scheme::find(scan, text, stop.start..stop.end, hits),
        Anchor::Form => uri::find_form(scan, text, stop.start, hits),
    }
}

fn look_at_rule(
    scan: &mut Scan<'_>,
    text: &[u8],
    at: usize,
    (rule, prefix): (&'static Rule, &'static str),
    hits: &mut Vec<Hit>,
) {
    let Some((place, sure)) = rule.find(text, at, prefix) else {
        return;
    };
    if rule.class == "aws" {
        find_aws_secret(scan, text, &place, hits);
    }
    scan.hit(text, place, &rule.class, sure, hits);
}

/// The secret of an AWS key has no shape but its length; near a key id that is enough.
fn find_aws_secret(scan: &mut Scan<'_>, text: &[u8], id: &Range<usize>, hits: &mut Vec<Hit>) {
    let from = id.start.saturating_sub(NEAR);
    let window = text.get(from..text.len().min(id.end + NEAR)).unwrap_or_default();
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || b"/+".contains(&byte);
    let mut at = 0;
    for run in window.split(|byte| !is_digit(*byte)) {
        let mixed = [u8::is_ascii_uppercase, u8::is_ascii_lowercase, u8::is_ascii_digit]
            .iter()
            .all(|kind| run.iter().any(kind));
        if run.len() == 40 && mixed {
            scan.hit(text, from + at..from + at + run.len(), "aws", Sure::Certain, hits);
        }
        at += run.len() + 1;
    }
}

/// Reads lines that hold a JSON value, as logs and event streams do, as JSON.
fn find_in_lines(scan: &mut Scan<'_>, text: &[u8], hits: &mut Vec<Hit>) {
    let mut line_at = 0;
    for line_end in memchr::memchr_iter(b'\n', text).chain([text.len()]) {
        let line = text.get(line_at..line_end).unwrap_or_default();
        find_in_line(scan, text, line_at, line, hits);
        line_at = line_end + 1;
    }
    let whole = text.trim_ascii();
    if matches!(whole, [b'{', .., b'}'] | [b'[', .., b']']) && whole.contains(&b'\n') {
        let start = text.len() - text.trim_ascii_start().len();
        find_in_json(scan, text, start, whole, hits);
    }
}

fn find_in_line(scan: &mut Scan<'_>, text: &[u8], line_at: usize, line: &[u8], hits: &mut Vec<Hit>) {
    let open = match line.trim_ascii_end().last() {
        Some(b'}') => b'{',
        Some(b']') => b'[',
        _ => return,
    };
    let either = memchr::memchr2(b'{', b'[', line).filter(|at| line.get(*at) == Some(&open));
    let Some(start) = either else { return };
    let document = line.get(start..).unwrap_or_default().trim_ascii_end();
    if (4..=MAX_LINE).contains(&document.len()) {
        find_in_json(scan, text, line_at + start, document, hits);
    }
}

fn find_in_json(scan: &mut Scan<'_>, text: &[u8], at: usize, document: &[u8], hits: &mut Vec<Hit>) {
    let inner = scan.inside(document.len(), |scan| {
        let mut inner = Vec::new();
        json::find(scan, document, &mut inner);
        inner
    });
    for hit in inner {
        let place = hit.span.start + at..hit.span.end + at;
        if !super::placeholder::touches(text, place.start, place.end) {
            hits.push(Hit { span: place, ..hit });
        }
    }
}
