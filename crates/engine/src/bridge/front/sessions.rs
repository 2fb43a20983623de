//! Legacy sessions of clients, and their ids.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use tapgate_wire::Nanos;
use tapgate_wire::revision::Revision;
use tapgate_wire::stream::StreamMap;

use super::super::number::{Principal, SessionNo};
use super::super::seal::{Purpose, Seal};

/// How the client of a session connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Via {
    Pipe,
    Http,
    Sse,
}

/// Where a session stands in its handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// No `initialize` came.
    New,
    /// It waits for its answer.
    Opening,
    Open,
}

#[derive(Debug)]
pub(super) struct Session {
    birth: Birth,
    pub(super) via: Via,
    pub(super) phase: Phase,
    pub(super) revision: Option<Revision>,
    /// Whether it was told that the client can be pushed to.
    pub(super) listens: bool,
    pub(super) n_waiting: usize,
    heard: Nanos,
}

/// The process where a session was opened, and its number there.
pub(super) type Birth = (u64, u64);

/// What the id of a session says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sealed {
    pub(super) birth: Birth,
    pub(super) revision: Option<Revision>,
    /// Whether it is young enough to restore a session.
    pub(super) is_good: bool,
    /// What the pair gave, unless it was too much for a header or the session cannot outlive its stream.
    pub(super) kept: Option<Bytes>,
}

/// All sessions.
#[derive(Debug)]
pub(super) struct Sessions {
    map: StreamMap<SessionNo, Session>,
    born: BTreeMap<Birth, SessionNo>,
    /// Those that may end when they are quiet, the quietest first.
    quiet: BTreeSet<(Nanos, SessionNo)>,
    /// The last ones that ended for good, so that their ids restore nothing.
    ended: VecDeque<Birth>,
    max: usize,
    last: u64,
}

/// The longest id that is read at all.
const MAX_ID: usize = 8 * 1024;

/// The most that a pair may keep in an id: many clients and proxies refuse longer header lines.
const MAX_KEPT: usize = 3 * 1024;

/// How many ended sessions are remembered.
const MAX_ENDED: usize = 4096;

impl Sessions {
    pub(super) fn new(max: usize) -> Self {
        Self {
            map: StreamMap::default(),
            born: BTreeMap::new(),
            quiet: BTreeSet::new(),
            ended: VecDeque::new(),
            max,
            last: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.map.len()
    }

    pub(super) fn find(&self, no: SessionNo) -> Option<&Session> {
        self.map.get(&no)
    }

    pub(super) fn find_mut(&mut self, no: SessionNo) -> Option<&mut Session> {
        self.map.get_mut(&no)
    }

    pub(super) fn all(&self) -> Vec<SessionNo> {
        self.map.keys().copied().collect()
    }

    /// The session that was born so, if this process remembers it.
    pub(super) fn born(&self, birth: Birth) -> Option<SessionNo> {
        self.born.get(&birth).copied()
    }

    /// Whether a session born so ended for good.
    pub(super) fn has_ended(&self, birth: Birth) -> bool {
        self.ended.contains(&birth)
    }

    /// The session that must end before another one begins; an error when there is no room and none may end.
    pub(super) fn make_room(&self) -> Result<Option<SessionNo>, ()> {
        if self.map.len() < self.max {
            return Ok(None);
        }
        let mut quiet = self.quiet.iter().map(|(_, no)| *no);
        let waits = |no: &SessionNo| self.map.get(no).is_some_and(|session| session.n_waiting > 0);
        quiet.find(|no| !waits(no)).map(Some).ok_or(())
    }

    /// Begins a session of this process, or one that was `born` elsewhere.
    pub(super) fn begin(&mut self, now: Nanos, via: Via, tag: u64, born: Option<Birth>) -> SessionNo {
        self.last += 1;
        let no = SessionNo(self.last);
        let birth = born.unwrap_or((tag, no.0));
        let session = Session {
            birth,
            via,
            phase: Phase::New,
            revision: None,
            listens: false,
            n_waiting: 0,
            heard: now,
        };
        self.map.insert(no, session);
        self.born.insert(birth, no);
        if via != Via::Pipe {
            self.quiet.insert((now, no));
        }
        no
    }

    /// Says that a session was heard of.
    pub(super) fn touch(&mut self, now: Nanos, no: SessionNo) {
        if let Some(session) = self.map.get_mut(&no)
            && self.quiet.remove(&(session.heard, no))
        {
            session.heard = now;
            self.quiet.insert((now, no));
        }
    }

    /// Forgets a session; one that ended for good is not restored either.
    pub(super) fn end(&mut self, no: SessionNo, for_good: bool) {
        let Some(session) = self.map.remove(&no) else { return };
        self.born.remove(&session.birth);
        self.quiet.remove(&(session.heard, no));
        if for_good && session.phase == Phase::Open {
            if self.ended.len() >= MAX_ENDED {
                self.ended.pop_front();
            }
            self.ended.push_back(session.birth);
        }
    }

    /// The session that was quiet for longest, if that is longer than `idle`.
    pub(super) fn quietest(&self, now: Nanos, idle: Duration) -> Option<SessionNo> {
        let (heard, no) = self.quiet.first()?;
        (u128::from(now.since(*heard)) >= idle.as_nanos()).then_some(*no)
    }

    /// When [`Sessions::quietest`] may give a session.
    pub(super) fn deadline(&self, idle: Duration) -> Option<Nanos> {
        let (heard, _) = self.quiet.first()?;
        Some(Nanos(heard.0.saturating_add(u64::try_from(idle.as_nanos()).unwrap_or(u64::MAX))))
    }

    /// The id of a session; `kept` stands in it unless it is too long or the session cannot be restored.
    pub(super) fn id(
        &self,
        now: Nanos,
        no: SessionNo,
        kept: Option<&Bytes>,
        principal: Principal,
        age: Duration,
        seal: &mut Seal,
    ) -> Option<String> {
        let session = self.map.get(&no)?;
        let kept = kept.filter(|kept| kept.len() <= MAX_KEPT);
        let mut content = Vec::with_capacity(18 + kept.map_or(0, Bytes::len));
        content.extend_from_slice(&session.birth.0.to_be_bytes());
        content.extend_from_slice(&session.birth.1.to_be_bytes());
        let revision = Revision::ALL.iter().position(|known| Some(*known) == session.revision);
        content.push(revision.map_or(u8::MAX, |place| place as u8));
        content.push(u8::from(kept.is_some()));
        content.extend_from_slice(kept.map_or(&[], |kept| kept));
        Some(seal.seal(now, Purpose::Session, principal, &content, age))
    }
}

/// Reads the id of a session.
pub(super) fn read(now: Nanos, id: &str, principal: Principal, seal: &Seal) -> Option<Sealed> {
    if id.len() > MAX_ID {
        return None;
    }
    let (content, is_good) = seal.open_late(now, Purpose::Session, principal, id)?;
    let (tag, rest) = content.split_first_chunk::<8>()?;
    let (no, rest) = rest.split_first_chunk::<8>()?;
    let ([revision, has_kept], kept) = rest.split_first_chunk::<2>()?;
    Some(Sealed {
        birth: (u64::from_be_bytes(*tag), u64::from_be_bytes(*no)),
        revision: Revision::ALL.get(usize::from(*revision)).copied(),
        is_good,
        kept: (*has_kept == 1).then(|| Bytes::copy_from_slice(kept)),
    })
}
