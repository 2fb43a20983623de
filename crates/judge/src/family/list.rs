//! Lists and their pages: cursors, repeats, order, and whether clients read them to their end.
//!
//! Spec 2026-07-28, server/utilities/pagination; the same in all revisions.

mod rules;

use std::collections::{BTreeMap, HashSet};

use tapgate_wire::json::find;
use tapgate_wire::record::{Era, Transport};
use tapgate_wire::shape::Member;
use tapgate_wire::{Kind, Leg, Nanos, Rule};

use super::Family;
use crate::event::{Cx, Event, Heard, Place};
use crate::json::{self, Type, told};
use crate::page::Page;
use crate::world::{Handshake, Session};
use rules::{CURSOR_TYPE, DUPLICATE, EMPTY, INCOMPLETE, INVENTED, LOOP, NEVER_ASKED, NOT_REFUSED, UNSTABLE};

pub(super) const RULES: &[&Rule] =
    &[&CURSOR_TYPE, &INVENTED, &NOT_REFUSED, &LOOP, &DUPLICATE, &UNSTABLE, &EMPTY, &NEVER_ASKED, &INCOMPLETE];

/// What is listed: the method, and the member that names an item.
const KINDS: [(&str, &str); 4] = [
    ("tools/list", "name"),
    ("prompts/list", "name"),
    ("resources/list", "uri"),
    ("resources/templates/list", "uriTemplate"),
];

/// Items of one list, and cursors of one session and kind, that are remembered; beyond that nothing rests on them.
const MAX_ITEMS: usize = 65_536;
const MAX_CURSORS: usize = 4096;

/// Requests with an invented cursor whose answers are awaited.
const MAX_INVENTED: usize = 16;

/// Nanoseconds for which a client may leave a list half read.
const PATIENCE: u64 = 60_000_000_000;

/// What it remembers: how far each list was read.
#[derive(Debug, Default)]
pub(super) struct Lists {
    /// By place in [`KINDS`]; most sessions read few of them.
    kinds: BTreeMap<usize, Reading>,
    /// The exchanges that asked with an invented cursor.
    invented: Vec<u64>,
}

/// How far the lists of one kind were read.
#[derive(Debug, Default)]
struct Reading {
    is_asked: bool,
    /// Every cursor that the server gave.
    given: HashSet<u64>,
    /// The listing that was begun last.
    listing: Option<Listing>,
    /// Of the last that was read to its end: its items in their order, and without it.
    last: Option<(u64, u64)>,
}

/// One listing, page by page.
#[derive(Debug, Default)]
struct Listing {
    items: HashSet<u64>,
    cursors: HashSet<u64>,
    order: u64,
    sum: u64,
    /// Where the next page is, and where and when that was said.
    next: Option<(u64, Place, Nanos)>,
}

impl Family for Lists {
    fn on(&mut self, cx: &mut Cx<'_>, event: &Event<'_>) {
        match event {
            Event::Message(heard) => match (heard.shape().kind, heard.from) {
                (Kind::Request, Leg::Client) => self.request(cx, heard),
                (Kind::Result, Leg::Server) => {
                    self.refused(cx, heard);
                    self.result(cx, heard);
                }
                (Kind::Error, Leg::Server) => self.refused(cx, heard),
                _ => {}
            },
            Event::Tick => self.half_read(cx, PATIENCE),
            Event::Ended => {
                self.half_read(cx, 0);
                self.never_asked(cx);
            }
            _ => {}
        }
    }
}

impl Lists {
    fn request(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>) {
        let shape = heard.shape();
        let Some(kind) = shape.method().and_then(|method| kind_of(&method)) else { return };
        let Some((method, ..)) = KINDS.get(kind) else { return };
        let reading = self.kinds.entry(kind).or_default();
        reading.is_asked = true;
        let params = shape.raw(Member::Params);
        let Some(cursor) = params.and_then(|params| find(params, &["cursor"])) else { return };
        if !cursor.starts_with(b"\"") {
            let text = format!("The cursor of `{method}` is {}, not a string.", Type::of(cursor).name());
            cx.find(&CURSOR_TYPE, heard, method, text);
            return;
        }
        let is_sure = is_seen_whole(cx.session) && reading.given.len() < MAX_CURSORS;
        if is_sure && !reading.given.contains(&json::digest(cursor)) {
            let text = format!("The cursor `{}` came from no answer to `{method}`.", told(cursor));
            cx.find(&INVENTED, heard, method, text);
            if let Some(exchange) = heard.exchange.filter(|_| self.invented.len() < MAX_INVENTED) {
                self.invented.push(exchange);
            }
        }
    }

    /// The answer to a cursor that was invented.
    fn refused(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>) {
        let at = self.invented.iter().position(|exchange| heard.exchange == Some(*exchange));
        let Some((at, call)) = at.zip(heard.call) else { return };
        self.invented.swap_remove(at);
        let method = &call.method;
        let code = heard.shape().raw(Member::ErrorCode).map(|code| told(code));
        let how = match code.as_deref() {
            Some("-32602") => return,
            Some(code) => format!("the error {code}"),
            None => "a page".to_owned(),
        };
        let text = format!("A cursor of `{method}` that no answer gave was answered with {how}.");
        cx.find(&NOT_REFUSED, heard, method, text);
    }

    fn result(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>) {
        let Some(call) = heard.call else { return };
        let Some(page) = heard.page() else { return };
        let Some(kind) = kind_of(&call.method) else { return };
        let Some(&(method, name)) = KINDS.get(kind) else { return };
        let reading = self.kinds.entry(kind).or_default();
        let asked = call.request.shape().inside(Member::Params, &["cursor"]).map(|raw| json::digest(&raw));
        let goes_on = |listing: &Listing| asked.is_some() && listing.next.map(|next| next.0) == asked;
        let mut listing = match asked {
            None => Listing::default(),
            Some(_) => reading.listing.take_if(|listing| goes_on(listing)).unwrap_or_default(),
        };
        let is_from_start = asked.is_none() || !listing.cursors.is_empty();
        listing.next = None;
        let leads_round = page.next.is_some_and(|next| asked == Some(json::digest(next)));
        // A page that leads to itself comes again and again, with what stands on it.
        if !leads_round || listing.items.is_empty() {
            listing.add(cx, heard, page, (method, name));
        }
        if let Some(next) = page.next.filter(|next| !next.starts_with(b"\"")) {
            let text = format!("The nextCursor of `{method}` is {}, not a string.", Type::of(next).name());
            cx.find(&CURSOR_TYPE, heard, method, text);
        } else if let Some(raw) = page.next {
            let next = json::digest(raw);
            if reading.given.len() < MAX_CURSORS {
                reading.given.insert(next);
            }
            if asked == Some(next) || !listing.cursors.insert(next) {
                let text = format!("`{method}` gave the nextCursor `{}` before.", told(raw));
                cx.find(&LOOP, heard, method, text);
            } else if listing.cursors.len() < MAX_CURSORS {
                listing.next = Some((next, Place::of(&INCOMPLETE, heard), heard.last));
            }
        } else if is_from_start {
            let now = (listing.order, listing.sum);
            if let Some(last) = reading.last.replace(now)
                && last.1 == now.1
                && last.0 != now.0
            {
                let text = format!("`{method}` gave the same items as before in another order.");
                cx.find(&UNSTABLE, heard, method, text);
            }
            // What is held back from a client was listed by the server.
            let is_sifted = cx.session.withheld.as_ref().is_some_and(|withheld| !withheld.is_empty());
            // What cannot be read is not nothing.
            let is_nothing = page.items().next().is_none();
            if kind == 0 && listing.items.is_empty() && is_nothing && !is_sifted {
                cx.find(&EMPTY, heard, method, "The server lists no tool.");
            }
        }
        reading.listing = Some(listing).filter(|_| is_from_start);
    }

    /// Lists whose next page nobody asked for.
    fn half_read(&mut self, cx: &mut Cx<'_>, patience: u64) {
        if cx.session.partial || is_shared(cx.session) {
            return;
        }
        for (kind, reading) in &mut self.kinds {
            let Some(((method, ..), listing)) = KINDS.get(*kind).zip(reading.listing.as_mut()) else {
                continue;
            };
            let is_due = |next: &mut (u64, Place, Nanos)| cx.now.0.saturating_sub(next.2.0) >= patience;
            if let Some((_, place, _)) = listing.next.take_if(is_due) {
                let n_items = listing.items.len();
                let text = format!("The client read {n_items} items of `{method}` and not the next page.");
                cx.find_at(&INCOMPLETE, place, method, text);
            }
        }
    }

    /// A server that says that it has tools, and a client that never asks which.
    fn never_asked(&mut self, cx: &mut Cx<'_>) {
        let session = cx.session;
        let is_ready = matches!(session.handshake, Handshake::Ready(_));
        let is_asked = self.kinds.get(&0).is_some_and(|tools| tools.is_asked);
        if is_ready && !is_asked && !session.partial && session.server_declares(&["tools"]) == Some(true) {
            let place = Place {
                exchange: None,
                message: None,
                at: cx.now,
                revision: session.revision,
                side: NEVER_ASKED.side,
            };
            let text = "The server has tools, and the client ended the session without asking which.";
            cx.find_at(&NEVER_ASKED, place, "tools/list", text);
        }
    }
}

impl Listing {
    /// Adds the items of a page.
    fn add(&mut self, cx: &mut Cx<'_>, heard: &Heard<'_>, page: &Page<'_>, (method, name): (&str, &str)) {
        for raw in page.items().filter_map(|item| item.find(&[name])) {
            if self.items.len() >= MAX_ITEMS {
                break;
            }
            let item = json::digest(raw);
            self.order = json::hash(&(self.order, item));
            self.sum = self.sum.wrapping_add(item);
            if !self.items.insert(item) {
                let told = told(raw);
                let text = format!("`{method}` names `{told}` twice.");
                cx.find(&DUPLICATE, heard, told, text);
            }
        }
    }
}

fn kind_of(method: &str) -> Option<usize> {
    KINDS.iter().position(|(known, ..)| *known == method)
}

/// Whether all that the server gave the client was seen, so that what was not seen was not given.
fn is_seen_whole(session: &Session) -> bool {
    let is_from_start = session.era == Some(Era::Modern) || session.handshake != Handshake::None;
    is_from_start && !session.partial && !is_shared(session)
}

/// Whether several clients may be behind what looks like one session: requests without a session over HTTP.
fn is_shared(session: &Session) -> bool {
    session.era != Some(Era::Legacy) && session.transport == Transport::Http
}
