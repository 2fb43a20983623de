//! `cargo xtask bench`: direct, tapgate and nginx in turns, in one run, with the same load.
//!
//! Absolute times say little on a shared machine; what counts is the ratio of medians between turns that were
//! interleaved, and the CPU time that the process under test spent on a call.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};

mod big;
mod load;
mod pipes;
mod proc;
mod report;
mod server;
mod wire;

use crate::house;
use load::Turn;
use proc::Proc;
use wire::Era;

/// How much to measure.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Rounds; in each, every contender has one turn of every kind.
    pub rounds: usize,
    /// Length of a turn.
    pub turn: Duration,
    /// Calls of a stdio turn.
    pub pipe_calls: usize,
}

impl Plan {
    /// What the committed report is made with.
    pub const FULL: Self = Self { rounds: 7, turn: Duration::from_secs(3), pipe_calls: 3000 };
    /// Enough to see that the benchmark works.
    pub const QUICK: Self = Self { rounds: 2, turn: Duration::from_millis(500), pipe_calls: 300 };
}

/// Runs the benchmark and writes the report to `report`.
pub fn run(root: &Path, plan: Plan, report: &Path) -> anyhow::Result<()> {
    let tapgate = build(root)?;
    let home = root.join("target/bench-home");
    let _ = std::fs::remove_dir_all(&home);
    std::fs::create_dir_all(&home)?;
    let http = measure_http(&tapgate, &home, plan)?;
    let results = report::Results {
        tap: measure_pipes(&tapgate, &home, plan)?,
        start: measure_start(&tapgate, &home)?,
        large: big::measure(&tapgate, &home)?,
        binary_bytes: std::fs::metadata(&tapgate)?.len(),
        http,
    };
    std::fs::write(report, report::markdown(&results)?)?;
    std::fs::remove_dir_all(&home)?;
    Ok(())
}

/// The part that `run` starts as a process of its own: `server` or `pipes`.
pub fn part(name: &str) -> anyhow::Result<()> {
    match name {
        "pipes" => Ok(pipes::serve()?),
        _ => on_one_thread(async { server::serve().await.map(|never| match never {}) }),
    }
}

/// One contender's turns of one kind.
#[derive(Clone, Debug)]
pub struct Row {
    /// Who.
    pub name: &'static str,
    /// Which era's call.
    pub era: Era,
    /// How many connections.
    pub connections: u64,
    /// Its turns, in order.
    pub turns: Vec<Turn>,
    /// CPU microseconds per call of the process under test, over all turns; none for direct.
    pub cpu: Option<f64>,
    /// Resident memory in KiB after the last turn.
    pub memory_kib: Option<u64>,
}

/// The HTTP measurements and what the journal says of them.
#[derive(Clone, Debug)]
pub struct Http {
    /// Every contender, era and number of connections.
    pub rows: Vec<Row>,
    /// Calls made through tapgate.
    pub calls: u64,
    /// Exchanges that its journal holds of them.
    pub recorded: u64,
}

fn build(root: &Path) -> anyhow::Result<PathBuf> {
    let built = Command::new("cargo").args(["build", "--release", "--package", "tapgate"]).current_dir(root).status()?;
    ensure!(built.success(), "tapgate does not build in release mode");
    Ok(root.join("target/release/tapgate"))
}

struct Contender {
    name: &'static str,
    addr: SocketAddr,
    proc: Option<Proc>,
}

fn measure_http(tapgate: &Path, home: &Path, plan: Plan) -> anyhow::Result<Http> {
    let (server, origin) = Proc::start_with_port(Command::new(std::env::current_exe()?).args(["bench", "--part", "server"]))?;
    let contenders = [
        Contender { name: "direct", addr: origin, proc: None },
        start_tapgate(tapgate, home, origin)?,
        start_nginx(home, origin)?,
    ];
    let mut rows = Vec::new();
    for (era, connections) in [(Era::Legacy, 32), (Era::Modern, 32), (Era::Legacy, 1)] {
        rows.extend(interleave(&contenders, era, connections, plan)?);
    }
    let calls = rows.iter().filter(|row| row.name == "tapgate").flat_map(|row| &row.turns).map(|turn| turn.calls).sum();
    drop(contenders);
    drop(server);
    Ok(Http { rows, calls, recorded: recorded(tapgate, home)? })
}

fn interleave(contenders: &[Contender], era: Era, connections: u64, plan: Plan) -> anyhow::Result<Vec<Row>> {
    let mut rows: Vec<Row> = contenders
        .iter()
        .map(|contender| Row { name: contender.name, era, connections, turns: Vec::new(), cpu: None, memory_kib: None })
        .collect();
    let mut cpu = vec![0.0; rows.len()];
    for round in 0..plan.rounds {
        for ((contender, row), cpu) in contenders.iter().zip(&mut rows).zip(&mut cpu) {
            let before = contender.proc.as_ref().map_or(Ok(0.0), Proc::cpu_seconds)?;
            let turn = on_one_thread(load::run(contender.addr, era, connections, plan.turn))
                .with_context(|| format!("{} fails in round {round}", contender.name))?;
            *cpu += contender.proc.as_ref().map_or(Ok(0.0), Proc::cpu_seconds)? - before;
            row.turns.push(turn);
        }
    }
    for ((contender, row), cpu) in contenders.iter().zip(&mut rows).zip(cpu) {
        let calls: u64 = row.turns.iter().map(|turn| turn.calls).sum();
        if let Some(proc) = &contender.proc {
            row.cpu = Some(cpu * 1e6 / calls.max(1) as f64);
            row.memory_kib = Some(proc.memory_kib("VmRSS")?);
        }
    }
    Ok(rows)
}

fn start_tapgate(tapgate: &Path, home: &Path, origin: SocketAddr) -> anyhow::Result<Contender> {
    let addr = proc::free_port()?;
    let mut command = Command::new(tapgate);
    command.args(["tap", "--name", "bench", "--listen", &addr.to_string(), &format!("http://{origin}/mcp")]);
    let proc = Proc::start(command.env("TAPGATE_HOME", home))?;
    proc::wait_for(addr)?;
    Ok(Contender { name: "tapgate", addr, proc: Some(proc) })
}

fn start_nginx(home: &Path, origin: SocketAddr) -> anyhow::Result<Contender> {
    let addr = proc::free_port()?;
    let conf = home.join("nginx.conf");
    let at = home.display();
    let text = format!(
        "daemon off; worker_processes auto; pid {at}/nginx.pid; error_log {at}/nginx.log;\n\
         events {{ worker_connections 1024; }}\n\
         http {{ access_log off; client_body_temp_path {at}/body; proxy_temp_path {at}/proxy; fastcgi_temp_path {at}/fastcgi;\n\
           uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi; keepalive_requests 100000000;\n\
           upstream origin {{ server {origin}; keepalive 64; keepalive_requests 100000000; }}\n\
           server {{ listen {addr}; location / {{ proxy_pass http://origin; proxy_http_version 1.1;\n\
             proxy_set_header Connection \"\"; }} }} }}\n"
    );
    std::fs::write(&conf, text)?;
    let nginx = house::setup_folder().join("bin/nginx");
    let proc = Proc::start(Command::new(nginx).arg("-e").arg(home.join("nginx.log")).arg("-c").arg(&conf))?;
    proc::wait_for(addr)?;
    Ok(Contender { name: "nginx", addr, proc: Some(proc) })
}

fn recorded(tapgate: &Path, home: &Path) -> anyhow::Result<u64> {
    let out = Command::new(tapgate).args(["stats", "--json"]).env("TAPGATE_HOME", home).output()?;
    ensure!(out.status.success(), "tapgate stats fails: {}", String::from_utf8_lossy(&out.stderr));
    let rows = String::from_utf8(out.stdout)?;
    let calls = rows.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok()?.get("calls")?.as_u64());
    Ok(calls.sum())
}

/// Latencies of the stdio tap: direct and tapped, in nanoseconds, sorted.
#[derive(Clone, Debug, Default)]
pub struct Tap {
    /// Without tapgate.
    pub direct: Vec<u64>,
    /// Through `tapgate tap --`.
    pub tapped: Vec<u64>,
    /// Resident memory of the tap in KiB.
    pub memory_kib: u64,
}

fn measure_pipes(tapgate: &Path, home: &Path, plan: Plan) -> anyhow::Result<Tap> {
    let mut tap = Tap::default();
    let (mut direct, _) = pipes::Pipes::start(&mut server_command()?)?;
    let (mut tapped, _) = pipes::Pipes::start(&mut tapped_command(tapgate, home)?)?;
    for _ in 0..plan.rounds {
        tap.direct.extend(direct.calls(plan.pipe_calls)?);
        tap.tapped.extend(tapped.calls(plan.pipe_calls)?);
    }
    tap.memory_kib = tapped.memory_kib()?;
    direct.end()?;
    tapped.end()?;
    tap.direct.sort_unstable();
    tap.tapped.sort_unstable();
    Ok(tap)
}

/// Times to start, in nanoseconds, sorted.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// `tapgate --version`, whole process.
    pub version: Vec<u64>,
    /// From starting the server to its first answer, direct.
    pub direct: Vec<u64>,
    /// The same through the tap.
    pub tapped: Vec<u64>,
}

fn measure_start(tapgate: &Path, home: &Path) -> anyhow::Result<Start> {
    let mut start = Start::default();
    for _ in 0..30 {
        let from = load::now();
        ensure!(Command::new(tapgate).arg("--version").output()?.status.success(), "tapgate --version fails");
        start.version.push(u64::try_from(from.elapsed().as_nanos())?);
        for (command, into) in
            [(server_command()?, &mut start.direct), (tapped_command(tapgate, home)?, &mut start.tapped)]
        {
            let (pipes, took) = pipes::Pipes::start(&mut { command })?;
            into.push(u64::try_from(took.as_nanos())?);
            pipes.end()?;
        }
    }
    for times in [&mut start.version, &mut start.direct, &mut start.tapped] {
        times.sort_unstable();
    }
    Ok(start)
}

fn server_command() -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["bench", "--part", "pipes"]);
    Ok(command)
}

fn tapped_command(tapgate: &Path, home: &Path) -> anyhow::Result<Command> {
    let mut command = Command::new(tapgate);
    command.args(["tap", "--name", "pipes", "--"]).arg(std::env::current_exe()?).args(["bench", "--part", "pipes"]);
    command.env("TAPGATE_HOME", home);
    Ok(command)
}

fn on_one_thread<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, future)
}
