//! What a message tells of a task.

use bytes::Bytes;
use tapgate_wire::json::{each, unescape};
use tapgate_wire::revision::Revision;

use crate::json::{self, Type};

/// Which tasks a revision knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum World {
    /// Those of the core of 2025-11-25.
    Core,
    /// Those of the extension of 2026-07-28.
    Extension,
}

impl World {
    pub fn of(revision: Option<Revision>) -> Option<Self> {
        match revision? {
            Revision::V2025_11_25 => Some(Self::Core),
            Revision::V2026_07_28 => Some(Self::Extension),
            _ => None,
        }
    }

    /// What must be said of a task.
    fn required(self) -> [&'static str; 5] {
        match self {
            Self::Core => ["taskId", "status", "createdAt", "lastUpdatedAt", "ttl"],
            Self::Extension => ["taskId", "status", "createdAt", "lastUpdatedAt", "ttlMs"],
        }
    }
}

const STATUSES: [&str; 5] = ["working", "input_required", "completed", "failed", "cancelled"];

/// What is wrong with a member.
pub(super) enum Wrong<'a> {
    Missing,
    Value(&'a [u8]),
}

/// What was told.
#[derive(Debug, Default)]
pub(super) struct State {
    pub id: Option<Bytes>,
    pub status: Option<&'static str>,
    /// Milliseconds to wait between polls.
    pub interval: Option<f64>,
}

/// Whether a value is a number of milliseconds.
pub(super) fn is_time(value: &[u8]) -> bool {
    json::is_integer(value) && json::number(value) >= Some(0.0)
}

impl State {
    /// Reads a task, and tells what is wrong with its members.
    pub fn read<'a>(raw: &'a [u8], world: World, tell: &mut impl FnMut(&'static str, Wrong<'a>)) -> Self {
        let mut state = Self::default();
        let required = world.required();
        let mut seen = [false; 5];
        each(raw, &mut |name, value| {
            for (known, seen) in required.iter().zip(&mut seen) {
                *seen |= json::is(name, known);
            }
            let is_text = value.starts_with(b"\"");
            let is_time = is_time(value);
            let mut check = |member, is_right: bool| {
                if !is_right {
                    tell(member, Wrong::Value(value));
                }
            };
            match json::text(name).as_deref() {
                Some("taskId") => {
                    check("taskId", is_text);
                    state.id = is_text.then(|| unescape(value).into_owned().into());
                }
                Some("status") => {
                    state.status = STATUSES.iter().copied().find(|status| json::is(value, status));
                    check("status", state.status.is_some());
                }
                Some("createdAt") => check("createdAt", is_text),
                Some("lastUpdatedAt") => check("lastUpdatedAt", is_text),
                Some("ttl") if world == World::Core => check("ttl", is_time || Type::of(value) == Type::Null),
                Some("ttlMs") if world == World::Extension => {
                    check("ttlMs", is_time || Type::of(value) == Type::Null);
                }
                Some("pollInterval") if world == World::Core => {
                    check("pollInterval", is_time);
                    state.interval = json::number(value);
                }
                Some("pollIntervalMs") if world == World::Extension => {
                    check("pollIntervalMs", is_time);
                    state.interval = json::number(value);
                }
                _ => {}
            }
        });
        for (name, seen) in required.into_iter().zip(seen) {
            if !seen {
                tell(name, Wrong::Missing);
            }
        }
        state
    }

    /// The status, if nothing comes after it.
    pub fn ended(&self) -> Option<&'static str> {
        self.status.filter(|status| matches!(*status, "completed" | "failed" | "cancelled"))
    }

    /// What a task of the extension has to bring with its status and does not.
    pub fn lacks(&self, raw: &[u8]) -> Option<&'static str> {
        let member = match self.status? {
            "completed" => "result",
            "failed" => "error",
            "input_required" => "inputRequests",
            _ => return None,
        };
        let mut is_there = false;
        each(raw, &mut |name, _| is_there |= json::is(name, member));
        (!is_there).then_some(member)
    }
}
