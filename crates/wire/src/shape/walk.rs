//! Walks over the tokens of one message and picks out what its shape needs.

use bytes::Bytes;

use super::builder::Window;
use super::members::{MAX_STEPS, Place, Places, ROOT, Slot, child, is_within, slot};
use super::names::{Names, hash};
use super::{Id, Kind, Member, Shape};
use crate::fault::{Fault, FaultKind, note};
use crate::json::{Container, Event, Span, unescape};

/// The walk over one message; its events are those of the scanner from the first byte of the message to its last.
#[derive(Debug)]
pub(super) struct Walk {
    /// Offset of the message's first byte.
    start: u64,
    depth: usize,
    /// The outer open brackets that lie on the way to a member, and where each began.
    path: [(Place, u64); MAX_STEPS + 1],
    n_path: usize,
    /// The place of the value that comes next.
    next: Option<Place>,
    entered: Places,
    names: Names,
    found: Vec<Found>,
    faults: Vec<Fault>,
    is_object: bool,
}

/// A value at a place; `None` when it was too long to be kept.
#[derive(Debug)]
struct Found {
    place: Place,
    slot: Slot,
    raw: Option<Bytes>,
}

impl Walk {
    pub(super) fn new(start: u64) -> Self {
        Self {
            start,
            depth: 0,
            path: [(ROOT, 0); MAX_STEPS + 1],
            n_path: 0,
            next: None,
            entered: Places::default(),
            names: Names::default(),
            found: Vec::new(),
            faults: Vec::new(),
            is_object: false,
        }
    }

    #[inline]
    pub(super) fn on(&mut self, event: Event, window: &Window<'_>) {
        match event {
            Event::Key { span, escaped } => self.key(span, escaped, window),
            Event::Open { container, at } => self.open(container, at),
            Event::Close { container, at } => self.close(container, at, window),
            Event::String { span, .. }
            | Event::Number(span)
            | Event::Literal(_, span)
            | Event::Deep(span) => {
                if let Some(place) = self.next.take() {
                    self.find(place, span, window);
                }
            }
            Event::Odd(fault) => self.note(fault.kind, fault.at),
        }
    }

    /// Where the outermost value began that is open, wanted, and no longer than `max` so far.
    pub(super) fn keeps_from(&self, end: u64, max: u64) -> Option<u64> {
        let open = self.path.get(1..self.n_path).unwrap_or_default();
        open.iter().map(|(_, start)| *start).find(|start| end - start <= max)
    }

    /// Finds what is still open, without its bytes.
    pub(super) fn find_open(&mut self) {
        for (place, _) in self.path.get(1..self.n_path).unwrap_or_default() {
            if let Some(slot) = slot(*place) {
                self.found.push(Found { place: *place, slot, raw: None });
            }
        }
    }

    pub(super) fn finish(mut self) -> Shape {
        let kind = self.classify();
        let id = self.id(kind);
        let mut members = Vec::with_capacity(self.found.len());
        for found in &mut self.found {
            if let (Slot::Member(member), Some(raw)) = (found.slot, found.raw.take()) {
                members.push((member, raw));
            }
        }
        Shape { kind, id, members, parts: Vec::new(), faults: self.faults }
    }

    fn note(&mut self, kind: FaultKind, at: u64) {
        note(&mut self.faults, kind, at - self.start);
    }

    fn key(&mut self, span: Span, escaped: bool, window: &Window<'_>) {
        self.next = None;
        let Some(raw) = window.text(span) else {
            return;
        };
        let decoded;
        let name = if escaped {
            decoded = unescape(raw);
            &*decoded
        } else {
            raw.get(1..raw.len() - 1).unwrap_or_default()
        };
        let parent = self.path.get(self.n_path.wrapping_sub(1)).filter(|_| self.n_path == self.depth);
        let hash = hash(name);
        let Some(place) = parent.and_then(|(parent, _)| child(*parent, name, hash)) else {
            if self.names.is_repeated(name, hash, span, window) {
                self.note(FaultKind::DuplicateKey, span.start);
            }
            return;
        };
        self.next = Some(place);
        if self.entered.insert(place) {
            self.note(FaultKind::DuplicateKey, span.start);
            self.found.retain(|found| !is_within(found.place, place));
            self.entered.remove_within(place);
            self.entered.insert(place);
        }
    }

    fn open(&mut self, container: Container, at: u64) {
        let is_object = container == Container::Object;
        if is_object {
            self.names.open();
        }
        let place = if self.depth == 0 {
            self.is_object = is_object;
            self.found.reserve(12);
            is_object.then_some(ROOT)
        } else {
            self.next.take()
        };
        if let Some(place) = place
            && let Some(step) = self.path.get_mut(self.n_path)
        {
            *step = (place, at);
            self.n_path += 1;
        }
        self.depth += 1;
    }

    fn close(&mut self, container: Container, at: u64, window: &Window<'_>) {
        if container == Container::Object {
            self.names.close();
        }
        self.depth = self.depth.saturating_sub(1);
        if self.n_path > self.depth {
            self.n_path = self.depth;
            if let Some((place, start)) = self.path.get(self.depth).copied() {
                self.find(place, Span { start, end: at + 1 }, window);
            }
        }
    }

    fn find(&mut self, place: Place, span: Span, window: &Window<'_>) {
        if let Some(slot) = slot(place) {
            self.found.push(Found { place, slot, raw: window.keep(span) });
        }
    }

    fn at(&self, wanted: Slot) -> Option<&Found> {
        self.found.iter().find(|found| found.slot == wanted)
    }

    /// What the message is: JSON-RPC 2.0, sections 4 and 5.
    fn classify(&mut self) -> Kind {
        let is_text = |found: &Found| found.raw.as_ref().is_none_or(|raw| raw.starts_with(b"\""));
        let method = self.at(Slot::Member(Member::Method));
        let (has_method, has_name) = (method.is_some(), method.is_some_and(is_text));
        let error = self.at(Slot::Member(Member::Error));
        // Some senders of JSON-RPC 1.0 write the member that does not apply as null.
        let null_error = error.is_some_and(|found| found.raw.as_deref() == Some(b"null"));
        let (has_error, has_result) = (error.is_some(), self.at(Slot::Member(Member::Result)).is_some());
        if !self.is_object || !(has_method || has_result || has_error) {
            note(&mut self.faults, FaultKind::NotRpc, 0);
            return Kind::Other;
        }
        if let Some(kind) = self.version_fault() {
            note(&mut self.faults, kind, 0);
        }
        if has_result && has_error {
            note(&mut self.faults, FaultKind::BothResultAndError, 0);
        }
        if has_method && (has_result || has_error) {
            note(&mut self.faults, FaultKind::MethodInAnswer, 0);
        }
        if has_method && !has_name {
            note(&mut self.faults, FaultKind::WrongMethodType, 0);
        }
        match (has_name, self.at(Slot::Id).is_some()) {
            (true, true) => Kind::Request,
            (true, false) => Kind::Notification,
            _ if has_error && !(has_result && null_error) => Kind::Error,
            _ if has_result => Kind::Result,
            _ => Kind::Other,
        }
    }

    fn version_fault(&self) -> Option<FaultKind> {
        let Some(version) = self.at(Slot::Version) else {
            return Some(FaultKind::MissingVersion);
        };
        let raw = version.raw.as_deref().unwrap_or_default();
        let is_right = raw.starts_with(b"\"") && *unescape(raw) == *b"2.0";
        (!is_right).then_some(FaultKind::WrongVersion)
    }

    fn id(&mut self, kind: Kind) -> Option<Id> {
        let Some(found) = self.at(Slot::Id) else {
            if kind == Kind::Result {
                note(&mut self.faults, FaultKind::MissingId, 0);
            }
            return None;
        };
        let raw = found.raw.as_ref()?;
        let id = Id::of(raw);
        let fault = match raw.first() {
            // An error answers a request that could not be read with null: JSON-RPC 2.0, section 5.
            Some(b'n') if kind == Kind::Error => None,
            Some(b'n') => Some(FaultKind::NullId),
            Some(b'"') => None,
            _ if id.is_none() => Some(FaultKind::WrongIdType),
            _ => raw.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E')).then_some(FaultKind::FractionalId),
        };
        if let Some(kind) = fault {
            note(&mut self.faults, kind, 0);
        }
        id
    }
}
