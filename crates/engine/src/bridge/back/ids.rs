//! Ids, progress tokens and subscription ids on a link that clients share: replaced on the way out, put back on the
//! way in, and not one other byte changed.

use std::ops::Range;

use bytes::Bytes;
use tapgate_wire::json::{Event, scan, unescape};
use tapgate_wire::{Id, Message};

/// The key of `_meta` that holds the id of the request that opened a subscription.
///
/// Spec 2026-07-28, basic/patterns/subscriptions.
const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

/// One value in its two spellings.
#[derive(Clone, Debug)]
pub(super) struct Name {
    /// As the server knows it.
    pub(super) wire: Id,
    /// As it was before, raw.
    pub(super) own: Bytes,
}

impl Name {
    /// A value that is the same on both sides.
    pub(super) fn same(id: &Id) -> Self {
        // Copied, because a slice would keep the whole message in memory.
        let own = Bytes::copy_from_slice(&id.0);
        Self { wire: Id(own.clone()), own }
    }
}

/// A request as it leaves on a shared link, with its id and its progress token.
///
/// A name that occurs twice is replaced twice: whichever one the server reads, it reads ours.
pub(super) fn disguise(
    message: &Message,
    mut fresh: impl FnMut() -> Id,
) -> Option<(Bytes, Name, Option<Name>)> {
    let raw = message.raw();
    let mut edits = Vec::new();
    let mut replace = |path: &[&str]| {
        let mut spans = spans(raw, path);
        spans.retain(|span| raw.get(span.clone()).is_some_and(is_name));
        let own = Bytes::copy_from_slice(raw.get(spans.last()?.clone())?);
        let name = Name { wire: fresh(), own };
        edits.extend(spans.into_iter().map(|span| (span, name.wire.0.clone())));
        Some(name)
    };
    let id = replace(&["id"])?;
    let token = replace(&["params", "_meta", "progressToken"]);
    Some((edit(message, edits)?.to_wire(), id, token))
}

/// An answer with the id that the request came with; also where the server said `null` or nothing for it.
pub(super) fn answer(message: &Message, id: &Name) -> Option<Message> {
    if id.wire.0 == id.own && message.shape().id.as_ref() == Some(&id.wire) {
        return Some(message.clone());
    }
    let raw = message.raw();
    let mut edits: Vec<_> = spans(raw, &["id"]).into_iter().map(|span| (span, id.own.clone())).collect();
    if edits.is_empty() {
        let behind = raw.iter().position(|byte| *byte == b'{')? + 1;
        edits.push((behind..behind, [b"\"id\":", &*id.own, b","].concat().into()));
    }
    edits.extend(named(raw, &["result", "_meta", SUBSCRIPTION], id));
    read(message, edits)
}

/// A notification about progress with the token that the request came with.
pub(super) fn progress(message: &Message, token: &Name) -> Option<Message> {
    read(message, named(message.raw(), &["params", "progressToken"], token))
}

/// A notification of a subscription with the id that the request came with.
pub(super) fn subscription(message: &Message, id: &Name) -> Option<Message> {
    read(message, named(message.raw(), &["params", "_meta", SUBSCRIPTION], id))
}

/// The edits that put a value back wherever the server says it at a path.
fn named(raw: &Bytes, path: &[&str], name: &Name) -> Vec<(Range<usize>, Bytes)> {
    let says = |span: &Range<usize>| Id::of(&raw.slice(span.clone())).as_ref() == Some(&name.wire);
    let same = name.wire.0 == name.own;
    let spans = if same { Vec::new() } else { spans(raw, path) };
    spans.into_iter().filter(says).map(|span| (span, name.own.clone())).collect()
}

/// Whether a raw value is a string or a number.
fn is_name(raw: &[u8]) -> bool {
    matches!(raw.first(), Some(b'"' | b'-' | b'0'..=b'9'))
}

/// The message with edits, read anew, so that its shape speaks of what it says now.
fn read(message: &Message, edits: Vec<(Range<usize>, Bytes)>) -> Option<Message> {
    if edits.is_empty() {
        return Some(message.clone());
    }
    edit(message, edits).map(|edited| Message::parse(edited.to_wire()))
}

fn edit(message: &Message, edits: Vec<(Range<usize>, Bytes)>) -> Option<Message> {
    let mut edited = message.clone();
    for (span, with) in edits {
        edited.splice(span, with).ok()?;
    }
    Some(edited)
}

/// Every place that a path of names leads to, also through names that are repeated.
fn spans(raw: &[u8], path: &[&str]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    // Open brackets, and how many of the outer ones lie on the path.
    let (mut depth, mut matched) = (0_usize, 0_usize);
    // Whether the next value is the next step; where the wanted value began while it is open.
    let (mut hit, mut start) = (false, None);
    let told = scan(raw, &mut |event| {
        let wanted = hit && start.is_none() && depth == path.len();
        match event {
            Event::Key { span, .. } => {
                let name = span.of(raw).map(unescape).unwrap_or_default();
                let step = path.get(depth.wrapping_sub(1)).filter(|_| start.is_none() && matched == depth);
                hit = step.is_some_and(|step| step.as_bytes() == &*name);
            }
            Event::Open { at, .. } => {
                if wanted {
                    start = Some((at, depth));
                } else if start.is_none() && matched == depth && (hit || depth == 0) {
                    matched += 1;
                }
                hit = false;
                depth += 1;
            }
            Event::Close { at, .. } => {
                depth = depth.saturating_sub(1);
                matched = matched.min(depth);
                if let Some((from, at_depth)) = start
                    && at_depth == depth
                {
                    found.push(tapgate_wire::json::Span { start: from, end: at + 1 }.range());
                    start = None;
                }
            }
            Event::String { span, .. }
            | Event::Number(span)
            | Event::Literal(_, span)
            | Event::Deep(span) => {
                if wanted {
                    found.push(span.range());
                }
                hit = false;
            }
            Event::Odd(_) => {}
        }
    });
    if told.is_err() { Vec::new() } else { found }
}
