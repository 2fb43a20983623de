//! Requests to the server over HTTP and what comes back: Streamable HTTP of both eras, and the stream of HTTP+SSE.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{Method, StatusCode};
use tapgate_wire::edge::{Act, FetchId};
use tapgate_wire::header::{ResponseHead, SESSION_ID};
use tapgate_wire::record::Era;
use tapgate_wire::stream::{Ending, Event};
use tapgate_wire::{Kind, Message, Nanos};

use super::heads;
use super::link::{Fetch, Link, Oddity, Posting, Stream, What};
use super::{Back, CallNo, Due, Failure, FromServer, LinkNo, Turn, Via};

/// How often in a row resuming a call's stream may fail.
const MAX_ATTEMPTS: u32 = 5;

/// How long a server has to end a stream after the answer came on it.
const LINGER: Duration = Duration::from_secs(1);

/// How many such streams there are at once.
const MAX_SPENT: usize = 1024;

/// How much of a body that is no answer is kept for people.
const MAX_BODY: usize = 4096;

impl Back {
    /// Posts a message.
    pub(super) fn post(&mut self, no: LinkNo, target: Option<String>, posting: Posting, acts: &mut Vec<Act>) {
        let Posting { what, headers, body } = posting;
        let fetch = self.fetch(no, what);
        acts.push(Act::Fetch { fetch, method: Method::POST, target, headers, body });
    }

    /// Opens a stream with GET, after the last event that is known of it.
    pub(super) fn get(&mut self, no: LinkNo, what: What, acts: &mut Vec<Act>) {
        let Some(link) = self.links.get_mut(&no) else { return };
        let theirs = match what {
            What::Resume(call) => link.calls.get(&call).map(|open| Arc::clone(&open.headers)),
            _ => None,
        };
        let theirs = theirs.unwrap_or_else(|| Arc::clone(&link.opening.headers));
        if what == What::Listen {
            link.listening.get_or_insert_default();
        }
        let last = stream(link, what).and_then(|stream| {
            stream.wakes = None;
            stream.last.clone()
        });
        let headers = link.legacy.get(&self.headers, &theirs, last.as_ref());
        let fetch = self.fetch(no, what);
        let (method, target, body) = (Method::GET, None, Bytes::new());
        acts.push(Act::Fetch { fetch, method, target, headers, body });
    }

    fn fetch(&mut self, no: LinkNo, what: What) -> FetchId {
        let fetch = FetchId(self.number());
        self.fetches.insert(fetch, Fetch { link: no, what, head: None, heard: false });
        if let Some(link) = self.links.get_mut(&no) {
            link.fetches.insert(fetch);
            if let Some(stream) = stream(link, what) {
                stream.fetch = Some(fetch);
            }
        }
        fetch
    }

    /// Forgets a fetch that is over.
    fn forget(&mut self, fetch: FetchId) -> Option<Fetch> {
        let gone = self.fetches.remove(&fetch)?;
        if let What::Spent(until) = gone.what {
            self.due.remove(&(until, Due::Spent(fetch)));
            self.n_spent -= 1;
        }
        if let Some(link) = self.links.get_mut(&gone.link) {
            link.fetches.remove(&fetch);
            if let Some(stream) = stream(link, gone.what) {
                stream.fetch = None;
            }
        }
        Some(gone)
    }

    /// Gives a fetch up.
    pub(super) fn abort(&mut self, fetch: FetchId, acts: &mut Vec<Act>) {
        if self.forget(fetch).is_some() {
            acts.push(Act::Abort { fetch });
        }
    }

    /// Leaves the fetch of a call that is over to its end.
    pub(super) fn spend(&mut self, fetch: FetchId, now: Nanos) {
        let Some(open) = self.fetches.get_mut(&fetch) else { return };
        let until = if self.n_spent < MAX_SPENT { after(now, LINGER) } else { now };
        open.what = What::Spent(until);
        self.n_spent += 1;
        self.due.insert((until, Due::Spent(fetch)));
    }

    pub(super) fn on_head(&mut self, fetch: FetchId, head: &Arc<ResponseHead>, turn: &mut Turn<'_>) {
        let Some(open) = self.fetches.get_mut(&fetch) else { return };
        open.head = Some(Arc::clone(head));
        let (no, what) = (open.link, open.what);
        if matches!(what, What::Tell | What::Settle) && is_events(head) {
            // Nothing is asked, so nothing is to be said: such a stream would only be held open.
            self.abort(fetch, turn.acts);
        }
        let Some(link) = self.links.get_mut(&no) else { return };
        if link.opening.via != Via::Http || link.opening.era != Era::Legacy {
            return;
        }
        let is_post = matches!(what, What::Ask(_) | What::Tell | What::Settle);
        if is_post && head.status == StatusCode::NOT_FOUND && link.legacy.session.is_some() {
            // Spec 2025-11-25, basic/transports, Session Management: the session is over.
            if let What::Ask(call) = what {
                self.abort(fetch, turn.acts);
                self.fail(call, Failure::Forgotten, turn);
            }
            let others = Failure::Broken(format!("`{}` forgot the session", self.name));
            self.bring_down(no, &others, Failure::Forgotten, turn);
            return;
        }
        if what == What::Settle {
            return self.settle(no, turn.acts);
        }
        let What::Ask(call) = what else { return };
        let initializes = link.calls.get(&call).is_some_and(|open| open.initializes);
        if let Some(said) = head.headers.get(SESSION_ID).filter(|_| initializes && head.status.is_success()) {
            link.legacy.session = heads::session(said.as_bytes());
            if link.legacy.session.is_none() {
                self.note(no, Oddity::Session, turn.acts);
            }
        }
    }

    pub(super) fn on_event(&mut self, fetch: FetchId, event: &Event, message: &Message, turn: &mut Turn<'_>) {
        let Some(open) = self.fetches.get_mut(&fetch) else { return };
        open.heard = true;
        let (no, what) = (open.link, open.what);
        let status = open.head.as_ref().map(|head| head.status.as_u16());
        let Some(link) = self.links.get_mut(&no) else { return };
        if let Some(stream) = stream(link, what) {
            if let Some(id) = &event.id {
                stream.last = heads::event_id(id);
            }
            stream.retry = event.retry.or(stream.retry);
            if !message.raw().is_empty() {
                stream.quiet = 0;
            }
        }
        let asked = match what {
            // The rest of a stream whose call is over, and what HTTP+SSE says to a POST, which is nothing.
            What::Spent(_) | What::Tell | What::Settle => return,
            What::Ask(_) if link.opening.via == Via::Sse => return,
            What::Ask(call) | What::Resume(call) => Some(call),
            What::Listen => None,
        };
        match event.name.as_deref() {
            Some("endpoint") if link.opening.via == Via::Sse => self.on_endpoint(no, message.raw(), turn),
            // An event that only says its id is how a stream begins that can be resumed.
            None | Some("message") if !message.raw().is_empty() => {
                self.take(no, asked, status, message, turn);
            }
            _ => {}
        }
    }

    pub(super) fn on_body(&mut self, fetch: FetchId, body: &Bytes, turn: &mut Turn<'_>) {
        let Some(Fetch { link: no, what, head: Some(head), .. }) = self.forget(fetch) else { return };
        match what {
            What::Ask(call) => self.on_answer(no, call, &head, body, turn),
            What::Resume(_) | What::Listen => self.on_refusal(no, what, &head, body, turn),
            What::Tell | What::Settle | What::Spent(_) => {}
        }
    }

    pub(super) fn on_end(&mut self, fetch: FetchId, how: &Ending, sent: bool, turn: &mut Turn<'_>) {
        let Some(Fetch { link: no, what, head, heard, .. }) = self.forget(fetch) else { return };
        let Some(head) = head else {
            let (name, how) = (&self.name, words(how));
            let why = if sent {
                Failure::Broken(format!("`{name}` did not answer: {how}"))
            } else {
                Failure::Unreachable(format!("`{name}` could not be reached: {how}"))
            };
            return self.on_break(no, what, why, turn);
        };
        let is_stream = head.status.is_success() && is_events(&head);
        match what {
            What::Ask(call) if !is_stream && *how == Ending::Clean => {
                self.on_answer(no, call, &head, &Bytes::new(), turn);
            }
            What::Listen | What::Resume(_) if !is_stream => {
                self.on_refusal(no, what, &head, &Bytes::new(), turn);
            }
            What::Ask(_) | What::Listen | What::Resume(_) => self.on_stream_end(no, what, how, heard, turn),
            What::Tell | What::Settle | What::Spent(_) => {}
        }
    }

    /// The whole answer to a call's POST came.
    fn on_answer(
        &mut self,
        no: LinkNo,
        call: CallNo,
        head: &ResponseHead,
        body: &Bytes,
        turn: &mut Turn<'_>,
    ) {
        let Some(link) = self.links.get(&no) else { return };
        let is_success = head.status.is_success();
        if link.opening.via == Via::Sse {
            // The answer comes on the stream.
            if !is_success {
                self.fail(call, refusal(head, body), turn);
            }
            return;
        }
        let message = Message::parse(body.clone());
        // What asks for credentials is answered by its headers, whatever the body says.
        let asks = head.status == StatusCode::UNAUTHORIZED || head.headers.contains_key(WWW_AUTHENTICATE);
        let answers =
            message.shape().kind == Kind::Error && link.answered(&message, Some(call)) == Some(call);
        let speaks = message.shape().kind != Kind::Other;
        let greeting = self.links.get_mut(&no).and_then(|link| {
            let initializes = link.calls.get(&call).is_some_and(|open| open.initializes);
            link.greeting.take_if(|_| initializes)
        });
        if is_success && speaks || !is_success && answers && !asks {
            self.take(no, Some(call), Some(head.status.as_u16()), &message, turn);
        } else if let Some(greeting) = greeting.filter(|_| matches!(head.status.as_u16(), 400 | 404 | 405)) {
            return self.fall_back(no, refusal(head, body), greeting, turn);
        }
        if self.calls.contains_key(&call) {
            self.fail(call, refusal(head, body), turn);
        }
    }

    /// A GET was answered with something that is no stream.
    fn on_refusal(&mut self, no: LinkNo, what: What, head: &ResponseHead, body: &Bytes, turn: &mut Turn<'_>) {
        let is_sse = self.links.get(&no).is_some_and(|link| link.opening.via == Via::Sse);
        match what {
            What::Listen if is_sse => {
                let why = refusal(head, body);
                self.bring_down(no, &why.clone(), why, turn);
            }
            _ if head.status.is_server_error() => {
                let why = format!("`{}` answered {} when a stream was resumed", self.name, head.status);
                self.again(no, what, 1, Failure::Broken(why), turn);
            }
            What::Resume(call) => {
                let why = format!("`{}` does not resume the stream: {}", self.name, head.status);
                self.fail(call, Failure::Broken(why), turn);
            }
            // A server without such a stream: 405, in practice any other status of the kind too.
            _ => {}
        }
    }

    /// A fetch ended before the head of its answer.
    fn on_break(&mut self, no: LinkNo, what: What, why: Failure, turn: &mut Turn<'_>) {
        let is_sse = self.links.get(&no).is_some_and(|link| link.opening.via == Via::Sse);
        match what {
            What::Ask(call) => self.fail(call, why, turn),
            What::Listen if is_sse => {
                // Nothing was posted yet, so nothing happened.
                let Failure::Broken(text) = &why else {
                    return self.bring_down(no, &why.clone(), why, turn);
                };
                self.bring_down(no, &Failure::Unreachable(text.clone()), why, turn);
            }
            What::Listen | What::Resume(_) => self.again(no, what, 1, why, turn),
            What::Settle => self.settle(no, turn.acts),
            What::Tell | What::Spent(_) => {}
        }
    }

    /// A stream ended that has not brought the answer, or an answer was cut.
    fn on_stream_end(&mut self, no: LinkNo, what: What, how: &Ending, heard: bool, turn: &mut Turn<'_>) {
        let Some(link) = self.links.get_mut(&no) else { return };
        let is_sse = link.opening.via == Via::Sse;
        let Some(stream) = stream(link, what) else { return };
        let is_clean = *how == Ending::Clean;
        if heard {
            stream.failures = 0;
        }
        if what == What::Listen {
            stream.quiet = stream.quiet.saturating_add(1);
        }
        let (last, retry) = (stream.last.is_some(), stream.retry);
        let why = format!("`{}` ended the stream before the answer: {}", self.name, words(how));
        match what {
            What::Listen if is_sse => {
                let why = format!("`{}` ended the stream: {}", self.name, words(how));
                // Without an endpoint nothing was posted, so nothing happened.
                let of_calls = match link.endpoint {
                    Some(_) => Failure::Broken(why.clone()),
                    None => Failure::Unreachable(why.clone()),
                };
                return self.bring_down(no, &of_calls, Failure::Broken(why), turn);
            }
            // The status of a POST of HTTP+SSE was good, only its body was cut.
            What::Ask(_) if is_sse => return,
            // A modern stream is never resumed: spec 2026-07-28, basic/transports/streamable-http.
            What::Ask(call) | What::Resume(call) if !last || link.opening.era == Era::Modern => {
                return self.fail(call, Failure::Broken(why), turn);
            }
            What::Ask(call) | What::Resume(call) if is_clean => {
                turn.out.push(FromServer::Paused { call, link: no, retry });
            }
            _ => {}
        }
        // Spec 2025-11-25, basic/transports, Sending Messages: a server may close a stream that it primed, to be
        // asked again.
        let failed = u32::from(!is_clean || !heard && retry.is_none());
        self.again(no, what, failed, Failure::Broken(why), turn);
    }

    /// Opens a stream again after a wait; a call's stream not for ever.
    fn again(&mut self, no: LinkNo, what: What, failed: u32, why: Failure, turn: &mut Turn<'_>) {
        let Some(link) = self.links.get_mut(&no) else { return };
        let Some(mut paused) = stream(link, what).map(std::mem::take) else { return };
        paused.failures += failed;
        let due = match what {
            What::Ask(call) | What::Resume(call) if paused.failures > MAX_ATTEMPTS => {
                return self.fail(call, why, turn);
            }
            What::Ask(call) | What::Resume(call) => Due::Resume(call),
            _ => Due::Listen(no),
        };
        let at = after(turn.now, link.wait(&paused, self.backoff));
        paused.wakes = Some(at);
        if let Some(stream) = stream(link, what) {
            *stream = paused;
        }
        self.due.insert((at, due));
    }
}

/// The stream that a request brings.
fn stream(link: &mut Link, what: What) -> Option<&mut Stream> {
    match what {
        What::Ask(call) | What::Resume(call) => link.calls.get_mut(&call).map(|open| &mut open.stream),
        What::Listen => link.listening.as_mut(),
        What::Tell | What::Settle | What::Spent(_) => None,
    }
}

fn after(now: Nanos, wait: Duration) -> Nanos {
    Nanos(now.0.saturating_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX)))
}

fn is_events(head: &ResponseHead) -> bool {
    let kind = head.headers.get(CONTENT_TYPE).map_or(&[][..], |kind| kind.as_bytes());
    let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default();
    kind.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
}

fn refusal(head: &ResponseHead, body: &Bytes) -> Failure {
    Failure::Http {
        status: head.status.as_u16(),
        headers: Arc::new(head.headers.clone()),
        body: Bytes::copy_from_slice(body.get(..MAX_BODY).unwrap_or(body)),
    }
}

/// How a stream ended, for people.
fn words(how: &Ending) -> &str {
    match how {
        Ending::Clean => "it closed the connection",
        Ending::Cut => "the connection broke",
        Ending::Abandoned => "it was given up",
        Ending::Failed(why) | Ending::Instead { why, .. } => why,
    }
}
