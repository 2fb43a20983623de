//! What a message from the server means, whatever brought it.

use std::collections::BTreeMap;

use tapgate_wire::edge::Act;
use tapgate_wire::fault::FaultKind;
use tapgate_wire::record::Era;
use tapgate_wire::shape::Member;
use tapgate_wire::{Id, Kind, Message};

use super::ids;
use super::link::Oddity;
use super::{Back, CallNo, Failure, FromServer, LinkNo, Turn};

impl Back {
    /// Tells what a message from the server means. `asked` is the call on whose stream it came, `status` that of the
    /// HTTP answer that brought it.
    pub(super) fn take(
        &mut self,
        no: LinkNo,
        asked: Option<CallNo>,
        status: Option<u16>,
        message: &Message,
        turn: &mut Turn<'_>,
    ) {
        let Some(link) = self.links.get(&no) else { return };
        if let Some(flaw) = flaw(message) {
            // Who asked must not wait for an answer that came; everybody else could not read it either.
            match link.answered(message, asked) {
                Some(call) if matches!(message.shape().kind, Kind::Result | Kind::Error) => {
                    let why = format!("the answer of `{}` is {flaw}", self.name);
                    self.fail(call, Failure::Broken(why), turn);
                }
                _ => self.note(no, Oddity::Noise, turn.acts),
            }
            return;
        }
        match message.shape().kind {
            // Spec 2025-03-26, basic/index, Batching. No part is a batch itself.
            Kind::Batch if link.opening.era == Era::Legacy => {
                for part in message.shape().parts.iter().filter(|part| part.shape().kind != Kind::Batch) {
                    self.take(no, asked, status, part, turn);
                }
            }
            Kind::Request | Kind::Notification => self.said(no, asked, message, turn),
            Kind::Result | Kind::Error => self.answered(no, asked, status, message, turn),
            Kind::Other if message.raw().trim_ascii().is_empty() => {}
            Kind::Batch | Kind::Other => self.note(no, Oddity::Noise, turn.acts),
        }
    }

    fn answered(
        &mut self,
        no: LinkNo,
        asked: Option<CallNo>,
        status: Option<u16>,
        message: &Message,
        turn: &mut Turn<'_>,
    ) {
        let Some(link) = self.links.get(&no) else { return };
        let Some((call, open)) =
            link.answered(message, asked).and_then(|call| Some((call, link.calls.get(&call)?)))
        else {
            if !link.cancelled {
                self.note(no, Oddity::Unasked, turn.acts);
            }
            return;
        };
        let Some(message) = ids::answer(message, &open.id) else {
            let why = format!("the answer of `{}` is too large to be changed", self.name);
            return self.fail(call, Failure::Broken(why), turn);
        };
        let message = self.sift(no, call, message, turn.acts);
        self.finish(call, turn.now);
        turn.out.push(FromServer::Answered { call, link: no, message, status });
    }

    fn said(&mut self, no: LinkNo, asked: Option<CallNo>, message: &Message, turn: &mut Turn<'_>) {
        let Some(link) = self.links.get(&no) else { return };
        let shape = message.shape();
        let of = |names: &BTreeMap<Id, CallNo>, member| {
            let call = names.get(&shape.id_in(member)?).copied()?;
            Some((call, link.calls.get(&call)?))
        };
        let is_progress = shape.method().as_deref() == Some("notifications/progress");
        let (named, known) = if is_progress {
            let token = of(&link.tokens, Member::ProgressToken);
            let known = token.map(|(call, open)| {
                (call, open.token.as_ref().and_then(|token| ids::progress(message, token)))
            });
            (true, known)
        } else {
            let listen = of(&link.ids, Member::SubscriptionId);
            let known = listen.map(|(call, open)| (call, ids::subscription(message, &open.id)));
            (shape.raw(Member::SubscriptionId).is_some(), known)
        };
        // On a shared link what names no open call was meant for a client whose call is over.
        if named && known.is_none() && link.disguises() {
            return;
        }
        let (call, message) = match known {
            Some((call, Some(message))) => (Some(call), message),
            Some((_, None)) => return,
            None if asked.is_none() && shape.method().as_deref() == Some("notifications/message") => {
                (link.only_logged(), message.clone())
            }
            None => (asked, message.clone()),
        };
        turn.out.push(FromServer::Said { link: no, owner: link.opening.owner, call, message });
    }

    /// Says something to the person who runs the tap, once per link.
    pub(super) fn note(&mut self, no: LinkNo, oddity: Oddity, acts: &mut Vec<Act>) {
        let Some(link) = self.links.get_mut(&no) else { return };
        if link.noted.insert(oddity) {
            let name = &self.name;
            acts.push(Act::Note(match oddity {
                Oddity::Unasked => format!("`{name}` answered a request that nobody asked"),
                Oddity::Noise => format!("`{name}` sent something that is no message; it was dropped"),
                Oddity::Session => format!("`{name}` gave a session id that cannot be used; it was dropped"),
                Oddity::Full => format!("`{name}` takes messages too slowly; one was dropped"),
            }));
        }
    }
}

/// Why a message cannot be passed on although somebody may have asked for it.
fn flaw(message: &Message) -> Option<String> {
    let is_utf8 = message.shape().faults.iter().all(|fault| fault.kind != FaultKind::NotUtf8);
    match (message.is_whole(), is_utf8) {
        (false, _) => Some(format!("too large: {} bytes", message.size())),
        // JSON-RPC 2.0, section 2, and RFC 8259, section 8.1.
        (true, false) => Some("not in UTF-8".to_owned()),
        (true, true) => None,
    }
}
