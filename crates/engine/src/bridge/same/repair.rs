//! How a session goes on whose counterpart at the server is lost: the server is greeted again in the client's words.

use bytes::Bytes;
use tapgate_wire::json::{escape_into, find};
use tapgate_wire::revision::Revision;
use tapgate_wire::shape::Member;
use tapgate_wire::{Kind, Message, Nanos};

use super::legacy::{Legacy, What, opening};
use super::session::{Session, State};
use crate::bridge::back::{Failure, Pass};
use crate::bridge::cx::Cx;
use crate::bridge::front::From;
use crate::bridge::number::{LinkNo, SessionNo};
use crate::bridge::settings::Reaches;

/// The most bytes of a handshake that are sealed into a session id, which travels in a header.
const MAX_KEPT: usize = 2048;

impl Legacy {
    pub(super) fn down(&mut self, cx: &mut Cx<'_>, link: LinkNo, why: &Failure) {
        let Some(n) = self.links.remove(&link) else { return };
        let Some(session) = self.sessions.get_mut(&n) else { return };
        if session.state == State::Greeting {
            // Its handshake failed too, and that is dealt with.
            return;
        }
        let is_forgotten = *why == Failure::Forgotten;
        let is_wanted = is_forgotten || !session.held.is_empty();
        self.fall(cx, n, why.text(&cx.settings.server_name));
        if is_wanted {
            self.regreet(cx, n);
        }
    }

    /// The server lost a session; if it is to tell of changes, it is greeted again without being asked.
    pub(super) fn fall(&mut self, cx: &Cx<'_>, n: SessionNo, why: String) {
        let Some(session) = self.sessions.get_mut(&n) else { return };
        session.fall(cx.now, why, &cx.settings.bounds);
        if session.restart_at().is_some() {
            self.fallen.insert(n);
        }
    }

    /// Sees that one more link can be opened. Most clients never say that they are gone, so where each session has a
    /// process the quietest one makes room; over HTTP a link costs no more than its session, of which there are only
    /// so many.
    pub(super) fn make_room(&mut self, cx: &mut Cx<'_>) -> Result<(), Failure> {
        let max = cx.settings.bounds.links;
        if cx.settings.reaches != Reaches::Command || cx.back.n_links() < max {
            return Ok(());
        }
        let idle = self.sessions.values_mut().filter(|session| session.is_idle());
        let Some(quietest) = idle.min_by_key(|session| session.heard) else {
            let name = &cx.settings.server_name;
            let why = format!("all {max} processes of `{name}` are in use; try again later");
            return Err(Failure::Unreachable(why));
        };
        self.links.remove(&quietest.link);
        cx.back.close(cx.now, quietest.link, cx.acts);
        quietest.rest(cx.now);
        Ok(())
    }

    /// Shakes hands again in the client's words.
    pub(super) fn regreet(&mut self, cx: &mut Cx<'_>, n: SessionNo) {
        self.fallen.remove(&n);
        let Some(session) = self.sessions.get_mut(&n) else { return };
        let Some(initialize) = session.initialize.clone() else {
            for held in std::mem::take(&mut session.held) {
                held.fail(cx, &Failure::Forgotten);
            }
            return cx.front.forget(cx.now, n, cx.acts);
        };
        let room = self.make_room(cx);
        let Some(session) = self.sessions.get_mut(&n) else { return };
        if let Err(failure) = room {
            for held in std::mem::take(&mut session.held) {
                held.fail(cx, &failure);
            }
            return self.fall(cx, n, failure.text(&cx.settings.server_name));
        }
        session.state = State::Greeting;
        let link = cx.link();
        session.link = link;
        cx.back.open(cx.now, link, opening(cx, &session.headers), cx.acts);
        self.links.insert(link, n);
        self.send(cx, n, &Message::parse(initialize), What::Regreet);
    }

    pub(super) fn regreeted(&mut self, cx: &mut Cx<'_>, n: SessionNo, message: &Message) {
        let Some(session) = self.sessions.get_mut(&n) else { return };
        if message.shape().kind == Kind::Error {
            let text = message.shape().text(Member::ErrorMessage).unwrap_or_default().into_owned();
            let failure =
                Failure::Broken(format!("`{}` refused the handshake: {text}", cx.settings.server_name));
            for held in std::mem::take(&mut session.held) {
                held.fail(cx, &failure);
            }
            return self.fall(cx, n, failure.text(&cx.settings.server_name));
        }
        session.learn(message);
        let (link, headers) = (session.link, session.headers.clone());
        cx.back.agreed(link, session.agreed);
        let initialized = br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
        let initialized = Message::parse(Bytes::from_static(initialized));
        cx.back.tell(cx.now, link, &initialized, Pass { headers, mirrors: Vec::new() }, cx.acts);
        let restores = session.restores(cx);
        let changes = session.changes();
        for message in restores {
            self.send(cx, n, &message, What::Restore);
        }
        self.opened(cx, n);
        // What the client knows may have changed with the server.
        for change in changes {
            cx.front.push(cx.now, n, change, cx.acts);
        }
    }

    /// A session of a process before us: over HTTP it goes on with the server's session, otherwise the server is
    /// greeted again.
    pub(super) fn restored(&mut self, cx: &mut Cx<'_>, n: SessionNo, kept: &Bytes, from: &From) {
        let initialize = find(kept, &["initialize"]).map(|raw| kept.slice_ref(raw));
        let revision = find(kept, &["revision"]).map(text);
        let mut session = Session::new(cx.now, LinkNo(0), from, Bytes::new());
        session.initialize = initialize;
        session.is_initialized = true;
        session.agreed = revision.as_deref().and_then(Revision::parse);
        session.state = State::Down { until: cx.now, why: String::new() };
        if let Some(id) = find(kept, &["session"]).map(text) {
            let link = cx.link();
            cx.back.restore(cx.now, link, opening(cx, &from.headers), &Bytes::from(id), cx.acts);
            cx.back.agreed(link, session.agreed);
            session.link = link;
            session.state = State::Open;
            self.links.insert(link, n);
        }
        self.sessions.insert(n, session);
    }

    pub(super) fn tick(&mut self, cx: &mut Cx<'_>) {
        let due: Vec<_> = self.restarts().filter(|(at, _)| *at <= cx.now).map(|(_, n)| n).collect();
        for n in due {
            self.regreet(cx, n);
        }
    }

    pub(super) fn deadline(&self) -> Option<Nanos> {
        self.restarts().map(|(at, _)| at).min()
    }

    /// When which session is greeted again.
    fn restarts(&self) -> impl Iterator<Item = (Nanos, SessionNo)> + '_ {
        self.fallen.iter().filter_map(|n| Some((self.sessions.get(n)?.restart_at()?, *n)))
    }
}

/// What the client's session id has to hold so that another process can go on: the server's session and the
/// client's handshake.
pub(super) fn kept(cx: &Cx<'_>, link: LinkNo, revision: Option<Revision>, initialize: &Message) -> Bytes {
    let mut out = br#"{"pair":"same""#.to_vec();
    if let Some(revision) = revision {
        out.extend_from_slice(format!(r#","revision":"{}""#, revision.as_str()).as_bytes());
    }
    if let Some(id) = cx.back.kept(link) {
        out.extend_from_slice(br#","session":""#);
        escape_into(&id, &mut out);
        out.push(b'"');
    }
    if initialize.raw().len() <= MAX_KEPT {
        out.extend_from_slice(br#","initialize":"#);
        out.extend_from_slice(initialize.raw());
    }
    out.push(b'}');
    out.into()
}

fn text(raw: &[u8]) -> String {
    tapgate_wire::json::unescape_lossy(raw).into_owned()
}
