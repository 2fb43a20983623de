//! The bridge against other people's bridges: between transports, between eras, and what sessions cost.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::ensure;

use super::load::Crowd;
use super::pipes::Pipes;
use super::proc::{self, Proc};
use super::rivals::Rival;
use super::turns::{Contender, Reached, Row, TAPGATE, interleave};
use super::wire::Era;
use super::{Plan, on_one_thread, our_part, recorded};

/// Clients, or calls in flight, of the loaded rows.
pub const MANY: u64 = 50;

/// What the bridge costs.
#[derive(Clone, Debug, Default)]
pub struct Costs {
    /// Clients by HTTP, the server a command.
    pub to_stdio: Vec<Row>,
    /// A client on stdio, the server by HTTP.
    pub to_http: Vec<Row>,
    /// Both by HTTP, with and without a translation between eras.
    pub eras: Vec<Row>,
    /// Bytes that a legacy session costs that nobody uses.
    pub session_bytes: f64,
    /// Calls made through tapgate.
    pub calls: u64,
    /// Exchanges that its journal holds of them.
    pub recorded: u64,
}

/// How a translation between eras is called in the report.
pub fn route(client: Era, server: Era) -> &'static str {
    match (client, server) {
        (Era::Legacy, Era::Legacy) => "2025-11-25 → 2025-11-25",
        (Era::Legacy, Era::Modern) => "2025-11-25 → 2026-07-28",
        (Era::Modern, Era::Legacy) => "2026-07-28 → 2025-11-25",
        (Era::Modern, Era::Modern) => "2026-07-28 → 2026-07-28",
    }
}

/// Measures all of it.
pub fn measure(tapgate: &Path, home: &Path, plan: Plan) -> anyhow::Result<Costs> {
    let mut costs = Costs::default();
    for era in Era::ALL {
        costs.to_stdio.extend(to_stdio(tapgate, home, era, plan)?);
    }
    for era in Era::ALL {
        costs.to_http.extend(to_http(tapgate, home, era, plan)?);
    }
    for clients in [MANY, 1] {
        for era in Era::ALL {
            costs.eras.extend(between_eras(tapgate, home, era, clients, plan)?);
        }
    }
    let rows = costs.to_stdio.iter().chain(&costs.to_http).filter(|row| row.name == TAPGATE);
    costs.calls = rows.chain(&costs.eras).map(Row::calls).sum();
    costs.recorded = recorded(tapgate, &journal(home))?;
    costs.session_bytes = sessions(tapgate, home, plan)?;
    Ok(costs)
}

/// Clients by HTTP; the server is a command of one era, and direct is the same server by HTTP.
fn to_stdio(tapgate: &Path, home: &Path, era: Era, plan: Plan) -> anyhow::Result<Vec<Row>> {
    let (server, origin) = our_server(era)?;
    let command = our_part("pipes", Some(era))?;
    let mut contenders = vec![Contender::direct(Reached::Http(origin, Some(server)))];
    let tap = |at: SocketAddr| {
        let mut tap = tap(tapgate, home);
        tap.args(["--listen", &at.to_string(), "--"]).args(&command);
        Ok(tap)
    };
    contenders.push(Contender::tapgate(listening(tap)?));
    for rival in Rival::serving(era) {
        let way = listening(|at| rival.serve(&command, at, home));
        contenders.push(Contender {
            name: rival.name(),
            way: way.map_err(|error| format!("{error:#}")),
            ours: false,
        });
    }
    // What a server started for its first session belongs to no idle memory; what it starts with does.
    thread::sleep(plan.settle);
    let idle: Vec<_> = contenders.iter().map(Contender::memory_kib).collect();
    let mut rows = interleave(&mut contenders, era, MANY, plan)?;
    for (row, idle) in rows.iter_mut().zip(idle) {
        row.idle_kib = idle;
    }
    rows.extend(interleave(&mut contenders, era, 1, plan)?);
    Ok(rows)
}

/// A client on stdio; the server speaks HTTP and one era. Direct are the same server as a command, and without stdio.
fn to_http(tapgate: &Path, home: &Path, era: Era, plan: Plan) -> anyhow::Result<Vec<Row>> {
    let (_server, origin) = our_server(era)?;
    let url = format!("http://{origin}/mcp");
    let start = |mut command: Command| Ok(Reached::Pipes(Pipes::start(&mut command, era)?));
    let mut direct = our_part("pipes", Some(era))?.into_iter();
    let mut command = Command::new(direct.next().unwrap_or_default());
    command.args(direct);
    let mut tap = tap(tapgate, home);
    tap.arg(&url);
    let mut contenders = vec![
        Contender::direct(start(command)?),
        Contender { name: "direct by HTTP", way: Ok(Reached::Http(origin, None)), ours: true },
        Contender::tapgate(start(tap)?),
    ];
    let rivals: &[Rival] = if era == Era::Legacy { &Rival::REACHING } else { &[] };
    for rival in rivals {
        let way: anyhow::Result<_> = rival.reach(&url, home).and_then(start);
        contenders.push(Contender {
            name: rival.name(),
            way: way.map_err(|error| format!("{error:#}")),
            ours: false,
        });
    }
    let mut rows = interleave(&mut contenders, era, MANY, plan)?;
    rows.extend(interleave(&mut contenders, era, 1, plan)?);
    for contender in contenders {
        if let Ok(Reached::Pipes(pipes)) = contender.way {
            pipes.end();
        }
    }
    Ok(rows)
}

/// Both by HTTP: clients of one era reach a server of each.
fn between_eras(
    tapgate: &Path,
    home: &Path,
    client: Era,
    clients: u64,
    plan: Plan,
) -> anyhow::Result<Vec<Row>> {
    let mut contenders = Vec::new();
    let mut servers = Vec::new();
    for server in Era::ALL {
        let (running, origin) = our_server(server)?;
        servers.push(running);
        let way = bridged(tapgate, home, origin)?;
        contenders.push(Contender { name: route(client, server), way: Ok(way), ours: true });
    }
    interleave(&mut contenders, client, clients, plan)
}

/// Bytes that one more legacy session costs a bridge to a modern server.
fn sessions(tapgate: &Path, home: &Path, plan: Plan) -> anyhow::Result<f64> {
    let (_server, origin) = our_server(Era::Modern)?;
    let way = bridged(tapgate, home, origin)?;
    let Reached::Http(at, Some(proc)) = &way else { return Ok(f64::NAN) };
    // The queues to the recorder and the journal are bounded for the whole process; the first sessions fill them.
    on_one_thread(Crowd::open(*at, Era::Legacy, plan.sessions / 2))?;
    thread::sleep(plan.settle);
    let before = proc.memory_kib("VmRSS");
    on_one_thread(Crowd::open(*at, Era::Legacy, plan.sessions))?;
    thread::sleep(plan.settle);
    let grown = proc.memory_kib("VmRSS").saturating_sub(before);
    Ok(grown as f64 * 1024.0 / plan.sessions as f64)
}

/// A bridge by HTTP to a server by HTTP.
fn bridged(tapgate: &Path, home: &Path, origin: SocketAddr) -> anyhow::Result<Reached> {
    listening(|at| {
        let mut tap = tap(tapgate, home);
        tap.args(["--bridge", "--listen", &at.to_string(), &format!("http://{origin}/mcp")]);
        Ok(tap)
    })
}

/// A tap that records and masks, as users have it.
fn tap(tapgate: &Path, home: &Path) -> Command {
    let mut command = Command::new(tapgate);
    command.args(["tap", "--name", "bridge"]).env("TAPGATE_HOME", journal(home));
    command
}

/// A folder of its own: beside what others wrote there no journal is kept.
fn journal(home: &Path) -> PathBuf {
    home.join("journal")
}

fn our_server(era: Era) -> anyhow::Result<(Proc, SocketAddr)> {
    let words = our_part("server", Some(era))?;
    let mut words = words.iter();
    let program = words.next().map(String::as_str).unwrap_or_default();
    Proc::start_with_port(Command::new(program).args(words))
}

/// Starts what listens on an address that is free now.
fn listening(command: impl FnOnce(SocketAddr) -> anyhow::Result<Command>) -> anyhow::Result<Reached> {
    let at = proc::free_port()?;
    let mut proc = Proc::start(&mut command(at)?)?;
    proc::wait_for(at)?;
    ensure!(proc.is_running(), "it ended");
    Ok(Reached::Http(at, Some(proc)))
}
