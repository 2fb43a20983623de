//! Requests: a new exchange, or the next round of one.

use bytes::Bytes;
use tapgate_wire::record::{Again, Era, Root, Status};
use tapgate_wire::shape::Member;
use tapgate_wire::{Leg, Nanos, Shape};

use super::call::{Awaits, Call, Opening, Verb};
use super::text::{cut, digest, method_name, request_digest, unquoted};
use super::waiting::{Key, Put, Scope};
use super::{Part, Place, Tracker, note_faults};
use crate::ledger::Ledger;
use crate::oddity::Oddity;

/// The era that a client's request shows by itself.
pub(crate) fn era_of(shape: &Shape) -> Option<Era> {
    let is_modern = shape.raw(Member::MetaRevision).is_some()
        || shape.method().is_some_and(|method| method == "server/discover");
    is_modern.then_some(Era::Modern)
}

impl Tracker {
    pub(super) fn request(&mut self, part: Part<'_>, ledger: &mut Ledger<'_>) -> Place {
        let digest = request_digest(part.shape);
        let round = self.round_of(part, digest);
        if let Ok(Some(n)) = round {
            return self.next_round(n, part, ledger);
        }
        let opening = self.opening(part, digest, ledger);
        let verb = opening.verb;
        let parent = self.parent_of(part, verb);
        let task_asked = part.shape.raw(Member::TaskAsked).is_some();
        let call = self.open(opening, ledger);
        call.exchange.parent = parent;
        call.task_asked = task_asked;
        note_faults(call, part.shape);
        let mut odd = Vec::new();
        if let Err(finding) = round {
            call.find(finding);
            odd.push(finding);
        }
        if is_round(part.shape) {
            // The rounds before this one were not seen.
            call.split.break_off();
        }
        let n = call.n();
        self.note_repetition(n, part);
        odd.extend(self.wait(n, part, ledger));
        self.begin(n, part, ledger);
        Place { carries_answer: part.via.stream.is_some(), odd, ..Place::of(n) }
    }

    fn opening(&self, part: Part<'_>, digest: u64, ledger: &Ledger<'_>) -> Opening {
        let shape = part.shape;
        let most = ledger.limits.text;
        let method = shape.raw(Member::Method).map(|raw| method_name(raw, most)).unwrap_or_default();
        let verb = Verb::of(&method);
        let target = [Member::Name, Member::Uri, Member::TaskId];
        let revision = [Member::MetaRevision, Member::OfferedRevision];
        Opening {
            session: self.session,
            asked_by: part.from,
            verb,
            method,
            target: first_of(shape, target).map(|raw| unquoted(raw, most)),
            era: Some(era_of(shape).unwrap_or(part.via.era)),
            revision: match first_of(shape, revision) {
                Some(raw) => Some(unquoted(raw, most)),
                None => part.via.revision.clone(),
            },
            opened: began(part),
            stream: part.via.stream,
            digest,
            first_id: shape.id.as_ref().map_or(0, |id| state_digest(&id.0)),
        }
    }

    /// Lets an exchange wait for the answer to this request, and for its progress; gives what is odd about the request.
    fn wait(&mut self, n: u64, part: Part<'_>, ledger: &mut Ledger<'_>) -> Vec<Oddity> {
        let id = part.shape.id.as_ref().map(|id| &id.0);
        let key = id.map(|id| key_of(part, id, ledger));
        let token = part.shape.id_in(Member::ProgressTokenAsked);
        let token = token.map(|token| key_of(part, &token.0, ledger));
        if let Some(Ok(key)) = &key {
            self.give_up_unsure(key, part, ledger);
        }
        let mut findings = Vec::new();
        let put_id = put(&mut self.ids, key, n, Oddity::IdReused, &mut findings, ledger);
        let put_token = put(&mut self.tokens, token, n, Oddity::TokenReused, &mut findings, ledger);
        let Some(call) = self.open.get_mut(&n) else { return Vec::new() };
        call.exchange.rpc_id = id.map(|id| cut(id, ledger.limits.text));
        call.awaits = if put_id.is_some() { Awaits::Answer } else { Awaits::Nothing };
        call.key = put_id;
        call.token = put_token;
        call.attach(part.n, part.from, part.size, part.first, ledger);
        // The same request again, because its connection broke, is no other request.
        if self.open.get(&n).is_some_and(|call| call.exchange.again == Some(Again::Transport)) {
            findings.retain(|(_, finding)| *finding == Oddity::IdTooLong);
        }
        for (alike, finding) in &findings {
            if let Some(call) = self.open.get_mut(alike) {
                call.find(*finding);
                call.touch(part.first, ledger);
            }
        }
        findings.into_iter().filter(|(alike, _)| *alike == n).map(|(_, finding)| finding).collect()
    }

    /// An id comes again while its exchange may have been answered unseen: then it was.
    fn give_up_unsure(&mut self, key: &Key, part: Part<'_>, ledger: &mut Ledger<'_>) {
        let is_unsure = |n: &u64| self.open.get(n).is_some_and(|call| call.unsure);
        let unsure: Vec<u64> = self.ids.of(key).iter().copied().filter(is_unsure).collect();
        for n in unsure {
            self.close(n, Status::Unknown, part.first, ledger);
        }
    }

    /// The exchange that a retry with a state or with input responses continues.
    ///
    /// Spec 2026-07-28, patterns/mrtr: the retry is a request of its own with a new id, the same
    /// parameters, the inputs that were asked for, and the state byte for byte.
    fn round_of(&self, part: Part<'_>, digest: u64) -> Result<Option<u64>, Oddity> {
        let shape = part.shape;
        if !is_round(shape) {
            return Ok(None);
        }
        let state = shape.raw(Member::RequestState).map(state_digest);
        let awaits = Awaits::Round(state);
        let fits = |call: &Call| call.awaits == awaits && call.exchange.asked_by == part.from;
        let exact = self.only(|call| fits(call) && call.digest == digest);
        let found = match exact {
            // A state that only one exchange was given says enough, also when the parameters changed.
            Ok(None) if state.is_some() => self.only(fits),
            found => found,
        };
        match found {
            Ok(Some(n)) => Ok(Some(n)),
            Ok(None) if self.lossy => Ok(None),
            Ok(None) => Err(Oddity::StateUnknown),
            // Without a state nobody but the server can tell which of several it goes on with, and it need not give one.
            Err(_) if state.is_none() => Ok(None),
            Err(_) => Err(Oddity::StateAmbiguous),
        }
    }

    fn next_round(&mut self, n: u64, part: Part<'_>, ledger: &mut Ledger<'_>) -> Place {
        let Some(call) = self.open.get_mut(&n) else {
            return Place::nowhere(None);
        };
        call.exchange.n_rounds = call.exchange.n_rounds.saturating_add(1);
        call.stream = part.via.stream;
        call.progress = None;
        note_faults(call, part.shape);
        if let Some(token) = call.token.take() {
            self.tokens.remove(&token, n);
        }
        let odd = self.wait(n, part, ledger);
        self.go_on(n, part, ledger);
        Place { carries_answer: part.via.stream.is_some(), odd, ..Place::of(n) }
    }

    /// Notes that a request repeats one that is still open: on HTTP, with its id, after that one's connection broke.
    ///
    /// Without a session an id says nothing across streams, and clients could be taken for each other.
    fn note_repetition(&mut self, n: u64, part: Part<'_>) {
        let (Some(stream), Some(id), Scope::Session) = (part.via.stream, &part.shape.id, part.via.scope)
        else {
            return;
        };
        let Some(digest) =
            self.open.get(&n).filter(|call| call.exchange.chain.is_none()).map(|call| call.digest)
        else {
            return;
        };
        let key = Key { asked_by: part.from, scope: part.via.scope, id: id.0.clone() };
        let is_repeated = |other: &&Call| {
            other.is_cut_off && other.digest == digest && other.stream.is_some_and(|own| own != stream)
        };
        let alike = self.ids.of(&key).iter().filter_map(|other| self.open.get(other).map(Box::as_ref));
        let mut alike = alike.filter(is_repeated);
        let (Some(first), None) = (alike.next(), alike.next()) else { return };
        let (chain, n_retries) =
            (first.exchange.chain.unwrap_or(Root::Own(first.n())), first.exchange.n_retries);
        if let Some(call) = self.open.get_mut(&n) {
            call.exchange.chain = Some(chain);
            call.exchange.again = Some(Again::Transport);
            call.exchange.n_retries = n_retries.saturating_add(1);
        }
    }

    /// The exchange because of which this request is asked.
    fn parent_of(&mut self, part: Part<'_>, verb: Verb) -> Option<u64> {
        if verb.is_poll() {
            let task = part.shape.raw(Member::TaskId)?;
            return self.task(part.from, task);
        }
        let asker = part.from.opposite();
        if let Some(task) = part.shape.raw(Member::RelatedTask).and_then(related_task) {
            return self.task(asker, &task);
        }
        if part.from == Leg::Client {
            return None;
        }
        let is_open = |n: &u64| self.open.get(n).is_some_and(|call| call.exchange.asked_by == asker);
        if let Some(n) = part.via.calls.iter().copied().find(is_open) {
            return Some(n);
        }
        if verb == Verb::Ping || self.lossy || part.via.scope != Scope::Session {
            return None;
        }
        let may_be = |call: &Call| call.exchange.asked_by == asker && call.verb.may_ask_back();
        self.only(may_be).ok().flatten()
    }

    /// The exchange that became this task, open or remembered.
    pub(super) fn task(&mut self, asked_by: Leg, task: &Bytes) -> Option<u64> {
        let open = self.tasks.get(&(asked_by, task.clone())).copied();
        open.or_else(|| self.memory.by_task(asked_by, task).map(|call| call.n()))
    }
}

/// The key of an id or a token that a request gives.
fn key_of(part: Part<'_>, id: &Bytes, ledger: &Ledger<'_>) -> Result<Key, Oddity> {
    if id.len() > ledger.limits.id {
        return Err(Oddity::IdTooLong);
    }
    Ok(Key { asked_by: part.from, scope: part.via.scope, id: Bytes::copy_from_slice(id) })
}

/// Puts an exchange among the waiting; gives the key under which it waits.
fn put(
    table: &mut super::Waiting,
    key: Option<Result<Key, Oddity>>,
    n: u64,
    reused: Oddity,
    findings: &mut Vec<(u64, Oddity)>,
    ledger: &Ledger<'_>,
) -> Option<Key> {
    let key = match key? {
        Ok(key) => key,
        Err(finding) => {
            findings.push((n, finding));
            return None;
        }
    };
    match table.put(key.clone(), n, ledger.limits.alike) {
        Put::Alone => {}
        Put::Beside => findings.extend(table.of(&key).iter().map(|alike| (*alike, reused))),
        Put::Full => {
            findings.push((n, reused));
            return None;
        }
    }
    Some(key)
}

/// Whether a request continues one that asked for input.
fn is_round(shape: &Shape) -> bool {
    let is_round = shape.raw(Member::RequestState).is_some() || shape.raw(Member::InputResponses).is_some();
    // tasks/update carries input responses too, but names its task instead.
    is_round && shape.raw(Member::TaskId).is_none()
}

/// When the first byte of a request was read: of the HTTP request that brings it, if that brought nothing before.
pub(super) fn began(part: Part<'_>) -> Nanos {
    part.via.began.filter(|_| part.from == Leg::Client).map_or(part.first, |began| began.min(part.first))
}

fn first_of<const N: usize>(shape: &Shape, members: [Member; N]) -> Option<&Bytes> {
    members.into_iter().find_map(|member| shape.raw(member))
}

/// A state may be large and is only compared.
pub(super) fn state_digest(raw: &Bytes) -> u64 {
    digest(&[raw])
}

/// The task id inside a `related-task` value, raw.
pub(super) fn related_task(raw: &Bytes) -> Option<Bytes> {
    tapgate_wire::json::find(raw, &["taskId"]).map(Bytes::copy_from_slice)
}
