//! Hears what a server offers: joins the pages of its lists, and tells each list when it is whole and news.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use http::header::WWW_AUTHENTICATE;
use tapgate_engine::fact::{self, Head};
use tapgate_engine::surface::{self, Item, KINDS, MAX_BYTES, MAX_ITEMS, Page};
use tapgate_wire::json::{find, unescape};
use tapgate_wire::record::Offered;
use tapgate_wire::{Kind, Leg, Nanos};

use crate::event::{Event, Heard, Stray};

/// Lists that one session tells; what comes after them is in the traffic itself.
const MAX_TOLD: u32 = 64;

/// Requests for metadata documents whose answers are waited for.
const MAX_ASKED: usize = 8;

/// Servers that are kept for sessions to share.
const MAX_SERVERS: usize = 16;

/// Bytes of the longest cursor that is remembered.
const MAX_CURSOR: usize = 64 * 1024;

/// Where a protected resource's metadata is found. RFC 9728, section 3.1.
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// What one session was told; small, because there may be tens of thousands of sessions.
#[derive(Debug, Default)]
pub(crate) struct Surfaces {
    chains: Vec<(Offered, Chain)>,
    /// Parts of the server itself, sorted by name.
    server: Option<Arc<[Item]>>,
    has_answered: bool,
    /// The digest of what was told last of each kind, and whether it was whole.
    told: [Option<([u8; 16], bool)>; KINDS.len()],
    n_told: u32,
    /// Exchanges that ask for metadata documents.
    asked: Vec<u64>,
}

/// Where lists go that are news, and what sessions share.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub surfaces: Vec<fact::Surface>,
    /// What servers were last; most sessions meet the same one.
    servers: VecDeque<Arc<[Item]>>,
}

impl Told {
    /// The same items, kept once for all sessions.
    fn shared(&mut self, items: Vec<Item>) -> Arc<[Item]> {
        if let Some(known) = self.servers.iter().find(|known| known[..] == items[..]) {
            return Arc::clone(known);
        }
        let items: Arc<[Item]> = items.into();
        self.servers.truncate(MAX_SERVERS - 1);
        self.servers.push_front(Arc::clone(&items));
        items
    }
}

/// A list whose last page did not come yet.
#[derive(Debug)]
struct Chain {
    items: Vec<Item>,
    /// The raw cursor of the next page.
    next: Bytes,
    /// Bytes of the names.
    n_named: usize,
    is_cut: bool,
    at: Nanos,
}

impl Surfaces {
    /// Hears an event of session `n` and pushes the lists that are news.
    pub fn on(&mut self, n: u64, now: Nanos, event: &Event<'_>, out: &mut Told) {
        match event {
            Event::Message(heard) if heard.from == Leg::Server => {
                if let Some(Head::Response(head)) = heard.head
                    && head.status == StatusCode::UNAUTHORIZED
                {
                    self.challenged(n, now, &head.headers, out);
                }
                if heard.shape().kind == Kind::Result {
                    self.answered(n, now, heard, out);
                }
            }
            Event::Piece(stray) => self.stray(n, now, stray, out),
            Event::Ended => {
                for (kind, chain) in std::mem::take(&mut self.chains) {
                    self.broken(n, kind, &chain, out);
                }
            }
            _ => {}
        }
    }

    fn answered(&mut self, n: u64, now: Nanos, heard: &Heard<'_>, out: &mut Told) {
        let Some(call) = heard.call else { return };
        if !heard.message.is_whole() {
            return;
        }
        if matches!(call.method.as_str(), "initialize" | "server/discover") {
            let parts = surface::identity(heard.message.raw());
            self.has_answered = true;
            return self.server_is(n, now, parts, &["identity", "capabilities", "instructions"], out);
        }
        let Some(told) = heard.page() else { return };
        let page = Page::of(told.kind, told.items().map(|item| item.raw), told.next);
        let cursor = find(call.request.raw(), &["params", "cursor"]).filter(|cursor| *cursor != b"null");
        self.page(n, now, told.kind, cursor, page, out);
    }

    fn page(&mut self, n: u64, now: Nanos, kind: Offered, cursor: Option<&[u8]>, page: Page, out: &mut Told) {
        let before = self.chains.iter().position(|(other, _)| *other == kind);
        let before = before.map(|place| self.chains.swap_remove(place).1);
        self.chains.shrink_to_fit();
        let mut chain = match (before, cursor) {
            (before, None) => {
                if let Some(before) = before {
                    self.broken(n, kind, &before, out);
                }
                Chain { items: Vec::new(), next: Bytes::new(), n_named: 0, is_cut: false, at: now }
            }
            (Some(before), Some(cursor)) if unescape(&before.next) == unescape(cursor) => before,
            (Some(before), Some(_)) => {
                // A page of another list, such as one that began before it was heard.
                self.chains.push((kind, before));
                return;
            }
            (None, Some(_)) => return,
        };
        chain.add(now, page.items, page.is_cut);
        match page.next {
            // Nobody has a cursor like that; it is not kept, and neither is the rest of the list.
            Some(next) if next.len() > MAX_CURSOR => self.broken(n, kind, &chain, out),
            Some(next) => {
                chain.next = Bytes::copy_from_slice(&next);
                self.chains.push((kind, chain));
            }
            None => self.tell(n, chain.at, kind, !chain.is_cut, &chain.items, out),
        }
    }

    /// The client did not ask for the rest of a list; what it has seen is told unless it has seen all of one before.
    fn broken(&mut self, n: u64, kind: Offered, chain: &Chain, out: &mut Told) {
        let told = self.told.get(place(kind)).copied().flatten();
        if !told.is_some_and(|(_, is_whole)| is_whole) {
            self.tell(n, chain.at, kind, false, &chain.items, out);
        }
    }

    fn stray(&mut self, n: u64, now: Nanos, stray: &Stray<'_>, out: &mut Told) {
        match stray.head {
            Some(Head::Request(head)) if head.uri.path().starts_with(WELL_KNOWN) => {
                if let Some(exchange) = stray.exchange {
                    self.asked.truncate(MAX_ASKED - 1);
                    self.asked.insert(0, exchange);
                }
            }
            Some(Head::Response(head)) if head.status == StatusCode::UNAUTHORIZED => {
                self.challenged(n, now, &head.headers, out);
            }
            Some(Head::Response(head))
                if head.status == StatusCode::OK
                    && stray.exchange.is_some_and(|exchange| self.asked.contains(&exchange)) =>
            {
                if let Some(item) = surface::protected(stray.bytes) {
                    self.server_is(n, now, vec![item], &[], out);
                }
            }
            _ => {}
        }
    }

    fn challenged(&mut self, n: u64, now: Nanos, headers: &http::HeaderMap, out: &mut Told) {
        let values = headers.get_all(WWW_AUTHENTICATE);
        if let Some(item) = surface::challenge(values.iter().map(http::HeaderValue::as_bytes)) {
            self.server_is(n, now, vec![item], &[], out);
        }
    }

    /// Puts parts of the server in the place of those with the same name, and of these.
    fn server_is(&mut self, n: u64, now: Nanos, parts: Vec<Item>, instead: &[&str], out: &mut Told) {
        let is_new = |name: &str| instead.contains(&name) || parts.iter().any(|part| part.name == name);
        let before = self.server.as_deref().unwrap_or_default().iter();
        let mut items: Vec<Item> = before.filter(|item| !is_new(&item.name)).cloned().collect();
        items.extend(parts);
        items.sort_by(|one, other| one.name.cmp(&other.name));
        let items = out.shared(items);
        self.server = Some(Arc::clone(&items));
        self.tell(n, now, Offered::Server, self.has_answered, &items, out);
    }

    fn tell(&mut self, n: u64, at: Nanos, kind: Offered, whole: bool, items: &[Item], out: &mut Told) {
        let json = surface::to_json(items);
        let news = Some((surface::digest_bytes(&json), whole));
        let Some(told) = self.told.get_mut(place(kind)).filter(|told| **told != news) else { return };
        if self.n_told >= MAX_TOLD {
            return;
        }
        self.n_told += 1;
        *told = news;
        out.surfaces.push(fact::Surface { session: n, kind, at, whole, items: json.into() });
    }
}

/// Where a kind stands among all.
fn place(kind: Offered) -> usize {
    KINDS.iter().position(|other| *other == kind).unwrap_or(KINDS.len())
}

impl Chain {
    /// Adds a page; what is beyond the bounds loses its definition, then its place.
    fn add(&mut self, now: Nanos, items: Vec<Item>, is_cut: bool) {
        self.at = now;
        self.is_cut |= is_cut;
        for item in items {
            if self.items.len() >= MAX_ITEMS || self.n_named > MAX_BYTES {
                self.is_cut = true;
                break;
            }
            self.n_named += item.name.len();
            self.items.push(item);
        }
        let n_bytes: u64 = self.items.iter().map(|item| item.size).sum();
        if n_bytes > MAX_BYTES as u64 {
            for item in &mut self.items {
                item.definition = None;
            }
        }
    }
}

#[cfg(test)]
mod tests;
