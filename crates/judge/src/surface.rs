//! Hears what a server offers: joins the pages of its lists, and tells each list when it is whole and news.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::StatusCode;
use http::header::WWW_AUTHENTICATE;
use tapgate_engine::fact::{self, Head};
use tapgate_engine::surface::{self, Item, MAX_BYTES, MAX_ITEMS, Page};
use tapgate_wire::json::{find, unescape};
use tapgate_wire::record::Offered;
use tapgate_wire::{Kind, Leg, Nanos};

use crate::event::{Event, Heard, Stray};

/// Lists that one session tells; what comes after them is in the traffic itself.
const MAX_TOLD: u32 = 64;

/// Requests for metadata documents whose answers are waited for.
const MAX_ASKED: usize = 8;

/// Where a protected resource's metadata is found. RFC 9728, section 3.1.
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// What one session was told.
#[derive(Debug, Default)]
pub(crate) struct Surfaces {
    chains: BTreeMap<Offered, Chain>,
    /// Parts of the server itself by name.
    server: BTreeMap<String, Item>,
    has_answered: bool,
    /// The digest of what was told last, and whether it was whole.
    told: BTreeMap<Offered, (String, bool)>,
    n_told: u32,
    /// Exchanges that ask for metadata documents.
    asked: Vec<u64>,
}

/// A list whose last page did not come yet.
#[derive(Debug)]
struct Chain {
    items: Vec<Item>,
    /// The raw cursor of the next page.
    next: Bytes,
    is_cut: bool,
    at: Nanos,
}

impl Surfaces {
    /// Hears an event of session `n` and pushes the lists that are news.
    pub fn on(&mut self, n: u64, now: Nanos, event: &Event<'_>, out: &mut Vec<fact::Surface>) {
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

    fn answered(&mut self, n: u64, now: Nanos, heard: &Heard<'_>, out: &mut Vec<fact::Surface>) {
        let Some(call) = heard.call else { return };
        if !heard.message.is_whole() {
            return;
        }
        if matches!(call.method.as_str(), "initialize" | "server/discover") {
            for part in ["identity", "capabilities", "instructions"] {
                self.server.remove(part);
            }
            let parts = surface::identity(heard.message.raw());
            self.server.extend(parts.into_iter().map(|item| (item.name.clone(), item)));
            self.has_answered = true;
            return self.tell_server(n, now, out);
        }
        let Some(kind) = surface::listed_by(&call.method) else { return };
        let Some(page) = Page::read(kind, heard.message.raw()) else { return };
        let cursor = find(call.request.raw(), &["params", "cursor"]).filter(|cursor| *cursor != b"null");
        self.page(n, now, kind, cursor, page, out);
    }

    fn page(
        &mut self,
        n: u64,
        now: Nanos,
        kind: Offered,
        cursor: Option<&[u8]>,
        page: Page,
        out: &mut Vec<fact::Surface>,
    ) {
        let before = self.chains.remove(&kind);
        let mut chain = match (before, cursor) {
            (before, None) => {
                if let Some(before) = before {
                    self.broken(n, kind, &before, out);
                }
                Chain { items: Vec::new(), next: Bytes::new(), is_cut: false, at: now }
            }
            (Some(before), Some(cursor)) if unescape(&before.next) == unescape(cursor) => before,
            (Some(before), Some(_)) => {
                // A page of another list, such as one that began before it was heard.
                self.chains.insert(kind, before);
                return;
            }
            (None, Some(_)) => return,
        };
        chain.add(now, page.items, page.is_cut);
        match page.next {
            Some(next) => {
                chain.next = Bytes::copy_from_slice(&next);
                self.chains.insert(kind, chain);
            }
            None => self.tell(n, chain.at, kind, !chain.is_cut, &chain.items, out),
        }
    }

    /// The client did not ask for the rest of a list; what it has seen is told unless it has seen all of one before.
    fn broken(&mut self, n: u64, kind: Offered, chain: &Chain, out: &mut Vec<fact::Surface>) {
        if !self.told.get(&kind).is_some_and(|(_, is_whole)| *is_whole) {
            self.tell(n, chain.at, kind, false, &chain.items, out);
        }
    }

    fn stray(&mut self, n: u64, now: Nanos, stray: &Stray<'_>, out: &mut Vec<fact::Surface>) {
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
                    self.server.insert(item.name.clone(), item);
                    self.tell_server(n, now, out);
                }
            }
            _ => {}
        }
    }

    fn challenged(&mut self, n: u64, now: Nanos, headers: &http::HeaderMap, out: &mut Vec<fact::Surface>) {
        let values = headers.get_all(WWW_AUTHENTICATE);
        if let Some(item) = surface::challenge(values.iter().map(http::HeaderValue::as_bytes)) {
            self.server.insert(item.name.clone(), item);
            self.tell_server(n, now, out);
        }
    }

    fn tell_server(&mut self, n: u64, now: Nanos, out: &mut Vec<fact::Surface>) {
        let items: Vec<_> = self.server.values().cloned().collect();
        self.tell(n, now, Offered::Server, self.has_answered, &items, out);
    }

    fn tell(
        &mut self,
        n: u64,
        at: Nanos,
        kind: Offered,
        whole: bool,
        items: &[Item],
        out: &mut Vec<fact::Surface>,
    ) {
        let json = surface::to_json(items);
        let news = (surface::digest(&json), whole);
        if self.n_told >= MAX_TOLD || self.told.get(&kind) == Some(&news) {
            return;
        }
        self.n_told += 1;
        self.told.insert(kind, news);
        out.push(fact::Surface { session: n, kind, at, whole, items: json.into() });
    }
}

impl Chain {
    /// Adds a page; what is beyond the bounds loses its definition, then its place.
    fn add(&mut self, now: Nanos, items: Vec<Item>, is_cut: bool) {
        self.at = now;
        self.is_cut |= is_cut || self.items.len() + items.len() > MAX_ITEMS;
        let room = MAX_ITEMS - self.items.len();
        self.items.extend(items.into_iter().take(room));
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
