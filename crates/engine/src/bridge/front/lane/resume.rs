//! What is kept of lanes to be said again, and saying it.

use std::collections::BTreeMap;

use bytes::Bytes;
use tapgate_wire::edge::Act;
use tapgate_wire::{Nanos, StreamId};

use super::super::super::number::SessionNo;
use super::super::frame;
use super::{Lane, LaneNo, Lanes, Resume, all, ring};

/// How many sessions may fill their replay at once.
const FULL_REPLAYS: usize = 32;

/// How long an event is kept that was sent already, or that ended its lane, in nanoseconds.
const REPLAY_FOR: u64 = 5 * 60 * 1_000_000_000;

impl Lanes {
    /// What an event id of a client of `session` asks for.
    pub(in super::super) fn resume(&self, session: SessionNo, id: &[u8]) -> Resume {
        let Some([tag, owner, n, seq]) = numbers(id) else { return Resume::Unknown };
        let no = LaneNo { session: Some(session), n };
        let is_ours = tag == self.tag && owner == session.0;
        match self.map.get(&no).filter(|_| is_ours) {
            Some(lane) if seq < lane.ring.next() => Resume::After(no, seq),
            _ if n == 0 => Resume::Unknown,
            _ => Resume::Lost,
        }
    }

    /// Gives a lane a stream: says again what followed event `after`, or what was never sent, and goes on there.
    /// A stream that it had before ends.
    pub(in super::super) fn attach(
        &mut self,
        now: Nanos,
        no: LaneNo,
        stream: StreamId,
        after: Option<u64>,
        acts: &mut Vec<Act>,
    ) {
        if let Some(older) = self.part(no) {
            self.close(no, older, acts);
        }
        let Some(lane) = self.map.get_mut(&no) else { return };
        self.streams.insert(stream, no);
        (lane.stream, lane.began, lane.spoke) = (Some(stream), true, now);
        acts.push(Act::Begin { stream, headers: frame::headers() });
        let from = after.map_or(lane.ring.unsent(), |after| after + 1);
        for event in lane.ring.from(from) {
            acts.push(Act::Emit { stream, bytes: event });
        }
        lane.ring.sent();
        self.settle(no, acts);
    }

    /// Lets streams that were quiet for `quiet` nanoseconds say a comment, and forgets what is too old to be resumed.
    pub(in super::super) fn sweep(&mut self, now: Nanos, quiet: u64, acts: &mut Vec<Act>) {
        let mut done = Vec::new();
        for (no, lane) in &mut self.map {
            if let Some(stream) = lane.stream.filter(|_| lane.began && now.since(lane.spoke) >= quiet) {
                acts.push(Act::Emit { stream, bytes: frame::COMMENT });
                lane.spoke = now;
            }
            let freed = lane.ring.forget(now, REPLAY_FOR, lane.is_done());
            if let Some(session) = no.session.filter(|_| freed > 0) {
                self.n_kept -= freed;
                release(&mut self.kept, session, freed);
            }
            if lane.is_done() && lane.ring.is_empty() {
                done.push(*no);
            }
        }
        for no in done {
            self.remove(no);
        }
    }

    /// Keeps the event that was numbered last, within the bounds.
    pub(super) fn keep(&mut self, now: Nanos, no: LaneNo, event: Bytes) {
        let Some(session) = no.session else { return };
        let size = ring::size(&event);
        if size > self.max_kept {
            return;
        }
        while self.kept.get(&session).is_some_and(|kept| kept + size > self.max_kept)
            || self.n_kept + size > self.max_kept.saturating_mul(FULL_REPLAYS)
        {
            if !self.evict(session, no) {
                break;
            }
        }
        let Some(lane) = self.map.get_mut(&no) else { return };
        if self.n_kept + size <= self.max_kept.saturating_mul(FULL_REPLAYS) {
            lane.ring.keep(now, event, lane.stream.is_some());
            *self.kept.entry(session).or_default() += size;
            self.n_kept += size;
        }
    }

    /// Forgets the oldest event of a session; `false` if it has none. What answers requests goes before what was
    /// pushed, because that may not have been sent yet.
    fn evict(&mut self, session: SessionNo, speaking: LaneNo) -> bool {
        let full = |(_, lane): &(&LaneNo, &Lane)| !lane.ring.is_empty();
        let posts = self.map.range(all(session)).filter(|(no, _)| no.n != 0).find(full);
        let push = LaneNo::push(session);
        let no = posts.map_or(push, |(no, _)| *no);
        let Some(lane) = self.map.get_mut(&no) else { return false };
        let freed = lane.ring.evict();
        let is_done = no != speaking && lane.is_done() && lane.ring.is_empty();
        self.n_kept -= freed;
        release(&mut self.kept, session, freed);
        if is_done {
            self.remove(no);
        }
        freed > 0
    }
}

/// Takes bytes from those that a session keeps.
pub(super) fn release(kept: &mut BTreeMap<SessionNo, usize>, session: SessionNo, bytes: usize) {
    if let Some(left) = kept.get_mut(&session) {
        *left -= bytes;
        if *left == 0 {
            kept.remove(&session);
        }
    }
}

/// The numbers of an event id.
fn numbers(id: &[u8]) -> Option<[u64; 4]> {
    let mut parts = std::str::from_utf8(id).ok()?.split('.');
    let mut next = || u64::from_str_radix(parts.next()?, 16).ok();
    let numbers = [next()?, next()?, next()?, next()?];
    parts.next().is_none().then_some(numbers)
}
