//! One HTTP request with its response, inside a session.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{AsHeaderName, CONTENT_TYPE};
use tapgate_wire::header::{METHOD, PROTOCOL_VERSION, RequestHead, ResponseHead};
use tapgate_wire::record::Era;
use tapgate_wire::revision::Revision;
use tapgate_wire::stream::Ending;
use tapgate_wire::{Leg, Nanos, StreamId};

use crate::fact::Head;
use crate::track::{Scope, cut};

/// An open HTTP stream.
#[expect(clippy::struct_excessive_bools, reason = "each says that one thing happened, in any order")]
#[derive(Debug)]
pub(crate) struct Stream {
    pub(super) request: Arc<RequestHead>,
    pub(super) response: Option<Arc<ResponseHead>>,
    /// Which heads were told with a message.
    pub(super) is_request_told: bool,
    pub(super) is_response_told: bool,
    pub(super) asked: Nanos,
    /// The stream that it resumes, else itself.
    pub(super) origin: StreamId,
    /// How far the ids of its messages reach.
    pub(super) scope: Scope,
    pub(super) era: Era,
    pub(super) revision: Option<Bytes>,
    /// The exchanges whose answers it carries.
    pub(super) calls: Vec<u64>,
    /// The exchange of the request itself, when it carries no message.
    pub(super) http: Option<u64>,
    /// The server gave an event id, so the client may come back for the rest.
    pub(super) is_resumable: bool,
    /// The server answered with an error of the request's own, so a 404 does not speak of the session.
    pub(super) is_answered: bool,
    /// Whether the request ended, and how the response did.
    pub(super) ended: (bool, Option<Ending>),
}

impl Stream {
    pub(super) fn new(now: Nanos, origin: StreamId, request: Arc<RequestHead>) -> Self {
        let revision = header(&request.headers, PROTOCOL_VERSION);
        Self {
            era: era_of_head(&request),
            revision: revision.map(|text| cut(text, 64)),
            request,
            response: None,
            is_request_told: false,
            is_response_told: false,
            asked: now,
            origin,
            scope: Scope::Stream(origin),
            calls: Vec::new(),
            http: None,
            is_resumable: false,
            is_answered: false,
            ended: (false, None),
        }
    }

    pub(super) fn status(&self) -> Option<u16> {
        self.response.as_ref().map(|head| head.status.as_u16())
    }

    pub(super) fn is_event_stream(&self) -> bool {
        self.response.as_ref().is_some_and(|head| is_event_stream(head))
    }

    /// The head to tell with the next message of a side: once each.
    pub(super) fn head_to_tell(&mut self, from: Leg) -> Option<Head> {
        let is_told = match from {
            Leg::Client => &mut self.is_request_told,
            Leg::Server => &mut self.is_response_told,
        };
        if *is_told {
            return None;
        }
        let head = match from {
            Leg::Client => Some(Head::Request(self.request.clone())),
            Leg::Server => self.response.clone().map(Head::Response),
        };
        *is_told = head.is_some();
        head
    }
}

/// A header's value, if it is there.
pub(crate) fn header(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&[u8]> {
    headers.get(name).map(http::HeaderValue::as_bytes)
}

/// Whether a response is a stream of events.
pub(crate) fn is_event_stream(head: &ResponseHead) -> bool {
    header(&head.headers, CONTENT_TYPE).is_some_and(|value| {
        value.get(..17).is_some_and(|name| name.eq_ignore_ascii_case(b"text/event-stream"))
    })
}

/// The era that a request's headers show; a message inside may show more.
///
/// Spec 2026-07-28, streamable-http: a modern request names its revision and its method in headers.
pub(crate) fn era_of_head(head: &RequestHead) -> Era {
    let named = header(&head.headers, PROTOCOL_VERSION).and_then(|value| std::str::from_utf8(value).ok());
    let is_modern = named.and_then(Revision::era_of) == Some(Era::Modern);
    if is_modern || head.headers.contains_key(METHOD) { Era::Modern } else { Era::Legacy }
}
