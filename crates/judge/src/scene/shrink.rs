//! The smallest scene that still shows a finding (delta debugging, Zeller and Hildebrandt 2002).

use std::collections::BTreeSet;
use std::sync::Arc;

use tapgate_engine::fact::Finding;
use tapgate_engine::surface::Lock;
use tapgate_wire::Nanos;
use tapgate_wire::json::{Container, Event as Token, scan};

use super::{Piece, Scene, TICK, What};

/// So many pieces are judged to find the smallest scene; then the smallest so far is taken.
const MAX_WORK: usize = 400_000;

impl Scene {
    /// The smallest scene found in which something is still found that `is_meant`; `None` when it is not found in this one.
    ///
    /// First sessions are left out, then exchanges, single pieces, pins of the lock, members of messages, and headers.
    pub fn shrink(&self, is_meant: &dyn Fn(&Finding) -> bool) -> Option<Self> {
        let mut work = 0;
        // Times stay as they are, so nobody needs to wait longer than it takes to find it here.
        let found = self.findings().into_iter().find(|finding| is_meant(finding))?;
        let until = Nanos(found.at.0.saturating_add(TICK));
        let until = until.max(self.pieces.last().map_or(until, |piece| piece.at));
        let mut holds = |scene: &Self| {
            work += scene.pieces.len() + 1;
            (work <= MAX_WORK).then(|| scene.judged(until, is_meant).iter().any(is_meant))
        };
        if !holds(self)? {
            return None;
        }
        let mut scene = self.clone();
        // Where the work ends early, what was reached so far is small enough.
        let _ = scene.reduce(&mut holds);
        Some(scene)
    }

    /// Leaves out one thing after the other; `None` when `holds` says that it was enough, here and below.
    fn reduce(&mut self, holds: &mut impl FnMut(&Self) -> Option<bool>) -> Option<()> {
        self.drop_parts(&|_, piece| piece.part.0, holds)?;
        self.drop_parts(&|_, piece| piece.part.1, holds)?;
        self.drop_parts(&|at, _| at as u64, holds)?;
        self.drop_pins(holds)?;
        self.drop_members(holds)?;
        self.drop_headers(holds)?;
        self.drop_parts(&|_, piece| piece.part.1, holds)?;
        self.drop_parts(&|at, _| at as u64, holds)
    }

    /// Leaves out all pieces with the same key at once, many keys at first; the place is a key of its own.
    fn drop_parts(
        &mut self,
        key: &dyn Fn(usize, &Piece) -> u64,
        holds: &mut impl FnMut(&Self) -> Option<bool>,
    ) -> Option<()> {
        let mut key_of: Vec<u64> = self.pieces.iter().enumerate().map(|(at, piece)| key(at, piece)).collect();
        let mut keys: Vec<u64> = key_of.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        let mut size = keys.len().div_ceil(2);
        while size > 0 {
            let mut at = 0;
            while at < keys.len() {
                let end = (at + size).min(keys.len());
                // Keys are in order, so those that go are all that lie between the first and the last of them.
                let (Some(&first), Some(&last)) = (keys.get(at), keys.get(end - 1)) else { break };
                let stays = |key: &u64| !(first..=last).contains(key);
                let pieces = key_of.iter().zip(&self.pieces).filter(|(key, _)| stays(key));
                let fewer = Self {
                    transports: self.transports,
                    pieces: pieces.map(|(_, piece)| piece.clone()).collect(),
                    lock: self.lock.clone(),
                };
                if holds(&fewer)? {
                    *self = fewer;
                    key_of.retain(stays);
                    keys.drain(at..end);
                } else {
                    at = end;
                }
            }
            size /= 2;
        }
        Some(())
    }

    /// Leaves out what the lock pins: all of it, then one item after the other.
    fn drop_pins(&mut self, holds: &mut impl FnMut(&Self) -> Option<bool>) -> Option<()> {
        let Some(lock) = self.lock.clone() else { return Some(()) };
        let mut without = self.clone();
        without.lock = None;
        if holds(&without)? {
            *self = without;
            return Some(());
        }
        let mut try_without = |scene: &mut Self, smaller: Lock| {
            let mut fewer = scene.clone();
            fewer.lock = Some(Arc::new(smaller));
            let held = holds(&fewer)?;
            if held {
                *scene = fewer;
            }
            Some(held)
        };
        let mut pinned = Lock::clone(&lock);
        for (kind, items) in &lock.surface.kinds {
            let mut smaller = pinned.clone();
            smaller.surface.kinds.remove(kind);
            if try_without(self, smaller.clone())? {
                pinned = smaller;
                continue;
            }
            for item in items {
                let mut smaller = pinned.clone();
                if let Some(kept) = smaller.surface.kinds.get_mut(kind) {
                    kept.retain(|kept| kept != item);
                }
                if try_without(self, smaller.clone())? {
                    pinned = smaller;
                }
            }
        }
        Some(())
    }

    fn drop_members(&mut self, holds: &mut impl FnMut(&Self) -> Option<bool>) -> Option<()> {
        for place in 0..self.pieces.len() {
            let mut from = 0;
            while let Some(Piece { what: What::Frame(body), .. }) = self.pieces.get(place) {
                // Outer members come first, so that a large part goes at once.
                let Some(span) = members(body).into_iter().nth(from) else { break };
                let rest =
                    [body.get(..span.0).unwrap_or_default(), body.get(span.1..).unwrap_or_default()].concat();
                let mut smaller = self.clone();
                if let Some(piece) = smaller.pieces.get_mut(place) {
                    piece.what = What::Frame(rest.into());
                }
                if holds(&smaller)? {
                    *self = smaller;
                } else {
                    from += 1;
                }
            }
        }
        Some(())
    }

    fn drop_headers(&mut self, holds: &mut impl FnMut(&Self) -> Option<bool>) -> Option<()> {
        for place in 0..self.pieces.len() {
            let mut line = 1;
            while let Some(head) = self.pieces.get(place).and_then(|piece| piece.head.as_ref()) {
                if head.lines().nth(line).is_none() {
                    break;
                }
                let fewer: Vec<&str> =
                    head.lines().enumerate().filter(|(at, _)| *at != line).map(|(_, text)| text).collect();
                let mut smaller = self.clone();
                if let Some(piece) = smaller.pieces.get_mut(place) {
                    piece.head = Some(fewer.join("\n"));
                }
                if holds(&smaller)? {
                    *self = smaller;
                } else {
                    line += 1;
                }
            }
        }
        Some(())
    }
}

/// The members and elements of a document that can be cut out with one comma, outer ones first.
fn members(document: &[u8]) -> Vec<(usize, usize)> {
    /// An open bracket: where the member that is being read begins, and where the last one ended.
    struct Open {
        is_object: bool,
        begins: Option<usize>,
        before: usize,
    }
    let mut open: Vec<Open> = Vec::new();
    let mut found: Vec<(usize, usize, usize)> = Vec::new();
    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    let read = scan(document, &mut |token| {
        let depth = open.len();
        let (start, end, opens) = match token {
            Token::Key { span, .. } => {
                if let Some(open) = open.last_mut() {
                    open.begins = Some(place(span.start));
                }
                return;
            }
            Token::Open { container, at } => {
                let start = place(at);
                if let Some(open) = open.last_mut().filter(|open| !open.is_object) {
                    open.begins = Some(start);
                }
                let is_object = container == Container::Object;
                open.push(Open { is_object, begins: None, before: start + 1 });
                return;
            }
            Token::Close { at, .. } => {
                open.pop();
                (None, place(at) + 1, depth.saturating_sub(1))
            }
            Token::String { span, .. }
            | Token::Number(span)
            | Token::Literal(_, span)
            | Token::Deep(span) => (Some(place(span.start)), place(span.end), depth),
            Token::Odd(_) => return,
        };
        if let Some(open) = open.last_mut() {
            let begins = if open.is_object { open.begins.take() } else { start.or(open.begins.take()) };
            if let Some(begins) = begins {
                // Up to the last one's end, so that the comma between goes too; the first takes the comma behind it.
                let is_first = document.get(open.before..begins).is_some_and(|gap| !gap.contains(&b','));
                let after = document.get(end..).unwrap_or_default();
                let gap = after.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
                let comma = is_first && after.get(gap) == Some(&b',');
                let cut = if comma { (begins, end + gap + 1) } else { (open.before.max(1), end) };
                let cut = if is_first && !comma { (begins, end) } else { cut };
                found.push((opens, cut.0, cut.1));
            }
            open.before = end;
        }
    });
    if read.is_err() {
        return Vec::new();
    }
    found.sort_by_key(|(depth, start, _)| (*depth, *start));
    found.into_iter().map(|(_, start, end)| (start, end)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_out_leaves_a_document() {
        for text in [
            r#"{"a":1,"b":[1, 2 ,{"c":null}],"d":{"e":"x,y"}}"#,
            r#"[1,[2,3],"]"]"#,
            r#"{ "only" : { } }"#,
            r#"{"a":{"b":{"c":[[],{}]}}}"#,
        ] {
            let spans = members(text.as_bytes());
            assert!(!spans.is_empty(), "{text}");
            for (start, end) in spans {
                let rest = [&text[..start], &text[end..]].concat();
                let mut ignore = |_| {};
                assert!(scan(rest.as_bytes(), &mut ignore).is_ok(), "{text} without {start}..{end}: {rest}");
                assert!(rest.len() < text.len());
            }
        }
        let text = r#"{"a":1,"b":[1,2],"c":3}"#;
        let rests: Vec<String> = members(text.as_bytes())
            .into_iter()
            .map(|(start, end)| [&text[..start], &text[end..]].concat())
            .collect();
        let outer = [r#"{"b":[1,2],"c":3}"#, r#"{"a":1,"c":3}"#, r#"{"a":1,"b":[1,2]}"#];
        let inner = [r#"{"a":1,"b":[2],"c":3}"#, r#"{"a":1,"b":[1],"c":3}"#];
        assert_eq!(rests[..3], outer);
        assert_eq!(rests[3..], inner);
    }
}
