//! Turns: every contender has one of each kind in every round, so that what else the machine does meets all alike.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::bail;

use super::load::{Crowd, Turn};
use super::pipes::Pipes;
use super::proc::Proc;
use super::wire::Era;
use super::{Plan, on_one_thread};

/// tapgate as people start it.
pub const TAPGATE: &str = "tapgate";

/// tapgate that records and does not judge.
pub const UNJUDGED: &str = "tapgate --no-judge";

/// One contender's turns of one kind.
#[derive(Clone, Debug)]
pub struct Row {
    /// Who.
    pub name: &'static str,
    /// Which era's call.
    pub era: Era,
    /// How many clients, each with its connection and session; on stdio how many calls in flight.
    pub clients: u64,
    /// Its turns, in order.
    pub turns: Vec<Turn>,
    /// CPU microseconds per call of the process under test, over all turns; none for direct.
    pub cpu: Option<f64>,
    /// Resident memory in KiB before anybody connected, if that was asked.
    pub idle_kib: Option<u64>,
    /// Resident memory in KiB when every client had its session.
    pub opened_kib: Option<u64>,
    /// Resident memory in KiB after the last turn.
    pub memory_kib: Option<u64>,
    /// Why somebody else's program has no turns any more.
    pub failed: Option<String>,
}

impl Row {
    /// Calls of all turns.
    pub fn calls(&self) -> u64 {
        self.turns.iter().map(|turn| turn.calls).sum()
    }

    fn of(contender: &Contender, era: Era, clients: u64) -> Self {
        Self {
            name: contender.name,
            era,
            clients,
            turns: Vec::new(),
            cpu: None,
            idle_kib: None,
            opened_kib: None,
            memory_kib: None,
            failed: None,
        }
    }
}

/// Who takes turns.
pub struct Contender {
    /// Its name in the report.
    pub name: &'static str,
    /// Or why it did not start.
    pub way: Result<Reached, String>,
    /// Ours must not fail; what somebody else's fails at is reported.
    pub ours: bool,
}

/// How a contender is reached.
pub enum Reached {
    /// At an address, with the process that was started for it.
    Http(SocketAddr, Option<Proc>),
    /// Through pipes.
    Pipes(Pipes),
}

impl Contender {
    /// The server itself.
    pub fn direct(way: Reached) -> Self {
        Self { name: "direct", way: Ok(way), ours: true }
    }

    /// Ours.
    pub fn tapgate(way: Reached) -> Self {
        Self { name: TAPGATE, way: Ok(way), ours: true }
    }

    fn proc(&self) -> Option<&Proc> {
        match self.way.as_ref().ok()? {
            Reached::Http(_, proc) => proc.as_ref(),
            Reached::Pipes(pipes) => Some(&pipes.proc),
        }
    }

    fn cpu_seconds(&self) -> f64 {
        self.proc().map_or(0.0, Proc::cpu_seconds)
    }

    /// Its resident memory; our own servers have none.
    pub fn memory_kib(&self) -> Option<u64> {
        self.proc().map(|proc| proc.memory_kib("VmRSS")).filter(|kib| *kib > 0)
    }

    /// Opens the sessions of the turns to come; a pipe has one for all.
    fn open(&mut self, era: Era, clients: u64) -> anyhow::Result<Option<Crowd>> {
        match &mut self.way {
            Ok(Reached::Http(addr, _)) => on_one_thread(Crowd::open(*addr, era, clients)).map(Some),
            Ok(Reached::Pipes(pipes)) => pipes.greet().map(|()| None),
            Err(error) => bail!("{error}"),
        }
    }

    fn turn(&mut self, crowd: Option<&Crowd>, clients: u64, duration: Duration) -> anyhow::Result<Turn> {
        match (&mut self.way, crowd) {
            (Ok(Reached::Pipes(pipes)), _) => pipes.run(clients, duration),
            (_, Some(crowd)) => on_one_thread(crowd.run(duration)),
            (_, None) => bail!("no session"),
        }
    }
}

/// Gives every contender its turns.
pub fn interleave(
    contenders: &mut [Contender],
    era: Era,
    clients: u64,
    plan: Plan,
) -> anyhow::Result<Vec<Row>> {
    let mut rows: Vec<Row> = contenders.iter().map(|contender| Row::of(contender, era, clients)).collect();
    let mut cpu = vec![0.0; rows.len()];
    let mut crowds = Vec::new();
    for (contender, row) in contenders.iter_mut().zip(&mut rows) {
        let opened = contender.open(era, clients);
        crowds.push(keep(contender, row, opened)?.flatten());
        row.opened_kib = contender.memory_kib();
    }
    for _ in 0..plan.rounds {
        for (((contender, row), cpu), crowd) in
            contenders.iter_mut().zip(&mut rows).zip(&mut cpu).zip(&crowds)
        {
            if row.failed.is_some() {
                continue;
            }
            let before = contender.cpu_seconds();
            let turn = contender.turn(crowd.as_ref(), clients, plan.turn);
            let Some(turn) = keep(contender, row, turn)? else { continue };
            *cpu += contender.cpu_seconds() - before;
            row.turns.push(turn);
        }
    }
    for ((contender, row), cpu) in contenders.iter().zip(&mut rows).zip(cpu) {
        row.cpu = (cpu > 0.0).then_some(cpu * 1e6 / row.calls().max(1) as f64);
        row.memory_kib = contender.memory_kib();
    }
    Ok(rows)
}

/// Passes on what came out; where somebody else's program failed, the row says so.
fn keep<T>(contender: &Contender, row: &mut Row, came: anyhow::Result<T>) -> anyhow::Result<Option<T>> {
    match came {
        Ok(came) => Ok(Some(came)),
        Err(error) if contender.ours => Err(error.context(format!("{} fails", contender.name))),
        Err(error) => {
            row.failed = Some(format!("{error:#}"));
            Ok(None)
        }
    }
}
