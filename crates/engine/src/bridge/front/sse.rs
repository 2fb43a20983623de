//! HTTP+SSE: one stream for all that a session says, POSTs for all that its client says.
//!
//! Spec 2024-11-05, basic/transports, HTTP with SSE.

use bytes::Bytes;
use http::{Method, StatusCode};
use tapgate_wire::header::RequestHead;
use tapgate_wire::record::Era;
use tapgate_wire::{Kind, Message, StreamId};

use super::super::number::SessionNo;
use super::super::seal::Seal;
use super::lane::{LaneNo, Style};
use super::post::accepted;
use super::refusal::{INVALID, Refusal};
use super::sessions::{self, Via};
use super::{Caller, Front, Turn, check};

impl Front {
    /// Hears a GET for the stream.
    pub(super) fn sse(&mut self, turn: &mut Turn<'_>, stream: StreamId, head: &RequestHead, seal: &mut Seal) {
        if let Err(refusal) = self.open_sse(turn, stream, head, seal) {
            turn.acts.push(refusal.respond(stream, None));
        }
    }

    /// Hears a POST to the address that [`Front::sse`] told.
    pub(super) fn sse_post(
        &mut self,
        turn: &mut Turn<'_>,
        stream: StreamId,
        head: &RequestHead,
        body: Bytes,
        seal: &Seal,
    ) {
        let message = Message::parse(body);
        let id = message.shape().id.clone().filter(|_| message.shape().kind == Kind::Request);
        let caller = Caller::of(&head.headers);
        let session = match self.sse_session(turn, head, &caller, &message, seal) {
            Ok(session) => session,
            Err(refusal) => return turn.acts.push(refusal.respond(stream, id.as_ref())),
        };
        turn.acts.push(accepted(stream));
        self.sessions.touch(turn.now, session);
        let lane = LaneNo::push(session);
        if let Err(refusal) = self.converse(turn, session, &caller, message, Some(lane))
            && id.is_some()
        {
            self.lanes.say(turn.now, lane, &refusal.json(id.as_ref()), turn.acts);
        }
    }

    fn open_sse(
        &mut self,
        turn: &mut Turn<'_>,
        stream: StreamId,
        head: &RequestHead,
        seal: &mut Seal,
    ) -> Result<(), Refusal> {
        if head.method != Method::GET || self.era == Some(Era::Modern) {
            return Err(Refusal::method("GET", "only the event stream of HTTP+SSE is served here"));
        }
        check::takes_events(&head.headers)?;
        let caller = Caller::of(&head.headers);
        let session = self.begin_session(turn, Via::Sse, None)?;
        let age = self.bounds.session_age;
        let id = self.sessions.id(turn.now, session, None, caller.principal, age, seal).unwrap_or_default();
        let lane = self.lanes.push_lane(turn.now, session, Style::Sse);
        let endpoint = format!("{}/message?session={id}", head.uri.path());
        self.lanes.greet(lane, stream, &endpoint, turn.acts);
        Ok(())
    }

    /// The session that a POST names in its query, which ends with its stream.
    fn sse_session(
        &self,
        turn: &Turn<'_>,
        head: &RequestHead,
        caller: &Caller,
        message: &Message,
        seal: &Seal,
    ) -> Result<SessionNo, Refusal> {
        if head.method != Method::POST {
            return Err(Refusal::method("POST", "messages are posted here"));
        }
        check::media(&head.headers)?;
        let mut fields = head.uri.query().unwrap_or_default().split('&');
        let id = fields.find_map(|field| field.strip_prefix("session="));
        let sealed = id.and_then(|id| sessions::read(turn.now, id, caller.principal, seal));
        let session = sealed.and_then(|sealed| self.sessions.born(sealed.birth));
        let is_sse = |no: &SessionNo| self.sessions.find(*no).is_some_and(|state| state.via == Via::Sse);
        let unknown =
            || Refusal::new(StatusCode::NOT_FOUND, INVALID, "the session is not known: connect again");
        let session = session.filter(is_sse).ok_or_else(unknown)?;
        check::form(message)?;
        if message.shape().kind == Kind::Batch {
            return Err(Refusal::invalid("HTTP+SSE takes one message in a POST"));
        }
        Ok(session)
    }
}
