//! The groups that the guard ends when this process cannot.

use std::io;
use std::process::Command;
use std::time::Duration;

use crate::guard::{Group, Guard};

/// All groups of children that run, and the one guard that knows them.
pub(super) struct Wards {
    guard: Guard,
    command: Box<dyn Fn() -> Command>,
    groups: Vec<Group>,
    grace: Duration,
}

impl Wards {
    pub(super) fn start(command: Box<dyn Fn() -> Command>, grace: Duration) -> io::Result<Self> {
        Ok(Self { guard: Guard::start(command())?, command, groups: Vec::new(), grace })
    }

    pub(super) fn add(&mut self, group: Group) -> io::Result<()> {
        self.groups.push(group);
        match self.guard.watch(group, self.grace) {
            Ok(()) => Ok(()),
            Err(_) => self.restart(),
        }
    }

    pub(super) fn remove(&mut self, group: Group) {
        self.groups.retain(|&other| other != group);
        // A guard that is gone is replaced when the next child starts.
        let _ = self.guard.leave(group);
    }

    /// Somebody ended the guard.
    fn restart(&mut self) -> io::Result<()> {
        self.guard = Guard::start((self.command)())?;
        self.groups.iter().try_for_each(|&group| self.guard.watch(group, self.grace))
    }
}
