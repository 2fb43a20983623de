// Long because the rows of one report are measured in one place.
//! `cargo xtask bench`: direct, tapgate, nginx and other people's bridges in turns, in one run, with the same load.
//!
//! Absolute times say little on a shared machine; what counts is the ratio of medians between turns that were
//! interleaved, and the CPU time that the process under test spent on a call.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

mod big;
mod bridge;
mod load;
mod pipes;
mod proc;
mod report;
mod rivals;
mod server;
mod turns;
mod wire;

use crate::house;
use pipes::Pipes;
use proc::Proc;
use turns::{Contender, Reached, Row, TAPGATE, UNJUDGED, interleave};
use wire::Era;

/// How much to measure.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Rounds; in each, every contender has one turn of every kind.
    pub rounds: usize,
    /// Length of a turn.
    pub turn: Duration,
    /// Length of a turn of a bridge.
    pub bridge_turn: Duration,
    /// Calls of a stdio turn.
    pub pipe_calls: usize,
    /// Legacy sessions that are opened to learn what one costs.
    pub sessions: u64,
    /// How long a process gets to come to rest before its memory is read.
    pub settle: Duration,
}

impl Plan {
    /// What the committed report is made with.
    pub const FULL: Self = Self {
        rounds: 7,
        turn: Duration::from_secs(3),
        bridge_turn: Duration::from_secs(1),
        pipe_calls: 3000,
        sessions: 5000,
        settle: Duration::from_secs(2),
    };
    /// Enough to see that the benchmark works.
    pub const QUICK: Self = Self {
        rounds: 2,
        turn: Duration::from_millis(500),
        bridge_turn: Duration::from_millis(300),
        pipe_calls: 300,
        sessions: 500,
        settle: Duration::from_millis(300),
    };
}

/// Runs the benchmark and writes the report to `report`.
pub fn run(root: &Path, plan: Plan, report: &Path) -> anyhow::Result<()> {
    let tapgate = build(root)?;
    let home = root.join("target/bench-home");
    let _ = std::fs::remove_dir_all(&home);
    std::fs::create_dir_all(&home)?;
    let load = report::load();
    let http = measure_http(&tapgate, &home, plan)?;
    let results = report::Results {
        tap: measure_pipes(&tapgate, &home, plan)?,
        start: measure_start(&tapgate, &home)?,
        large: big::measure(&tapgate, &home)?,
        bridge: bridge::measure(&tapgate, &home, Plan { turn: plan.bridge_turn, ..plan })?,
        listing: measure_listing(root)?,
        binary_bytes: std::fs::metadata(&tapgate)?.len(),
        http,
        load,
    };
    std::fs::write(report, report::markdown(&results)?)?;
    std::fs::remove_dir_all(&home)?;
    Ok(())
}

/// The part that `run` starts as a process of its own: `server` or `pipes`, of both eras or of one (`pipes-2025-11-25`).
pub fn part(name: &str) -> anyhow::Result<()> {
    let of = |part: &str| {
        let rest = name.strip_prefix(part)?;
        let era = Era::ALL.into_iter().find(|era| rest.strip_prefix('-') == Some(era.name()));
        (rest.is_empty() || era.is_some()).then_some(era)
    };
    match (of("pipes"), of("server")) {
        (Some(serves), _) => Ok(pipes::serve(serves)?),
        (_, Some(serves)) => {
            on_one_thread(async move { server::serve(serves).await.map(|never| match never {}) })
        }
        _ => bail!("no part of the benchmark is called {name}"),
    }
}

/// The command line of one of our parts.
fn our_part(part: &str, serves: Option<Era>) -> anyhow::Result<Vec<String>> {
    let program = std::env::current_exe()?.to_str().context("our path is not UTF-8")?.to_owned();
    let part = serves.map_or(part.to_owned(), |era| format!("{part}-{}", era.name()));
    Ok(vec![program, "bench".to_owned(), "--part".to_owned(), part])
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
    let built = Command::new("cargo")
        .args(["build", "--release", "--package", "tapgate"])
        .current_dir(root)
        .status()?;
    ensure!(built.success(), "tapgate does not build in release mode");
    Ok(root.join("target/release/tapgate"))
}

fn measure_http(tapgate: &Path, home: &Path, plan: Plan) -> anyhow::Result<Http> {
    let (_server, origin) =
        Proc::start_with_port(Command::new(std::env::current_exe()?).args(["bench", "--part", "server"]))?;
    let (judging, judging_addr) = start_tapgate(tapgate, home, origin, &[])?;
    let (recording, recording_addr) = start_tapgate(tapgate, home, origin, &["--no-judge"])?;
    let (nginx, nginx_addr) = start_nginx(home, origin)?;
    let mut contenders = [
        Contender::direct(Reached::Http(origin, None)),
        Contender::tapgate(Reached::Http(judging_addr, Some(judging))),
        Contender { name: UNJUDGED, way: Ok(Reached::Http(recording_addr, Some(recording))), ours: true },
        Contender { name: "nginx", way: Ok(Reached::Http(nginx_addr, Some(nginx))), ours: true },
    ];
    let mut rows = Vec::new();
    for (era, connections) in [(Era::Legacy, 32), (Era::Modern, 32), (Era::Legacy, 1)] {
        rows.extend(interleave(&mut contenders, era, connections, plan)?);
    }
    let calls = rows.iter().filter(|row| [TAPGATE, UNJUDGED].contains(&row.name)).map(Row::calls).sum();
    drop(contenders);
    Ok(Http { rows, calls, recorded: recorded(tapgate, home)? })
}

fn start_tapgate(
    tapgate: &Path,
    home: &Path,
    origin: SocketAddr,
    more: &[&str],
) -> anyhow::Result<(Proc, SocketAddr)> {
    let addr = proc::free_port()?;
    let mut command = Command::new(tapgate);
    command.args(["tap", "--name", "bench", "--listen", &addr.to_string(), &format!("http://{origin}/mcp")]);
    let proc = Proc::start(command.args(more).env("TAPGATE_HOME", home))?;
    proc::wait_for(addr)?;
    Ok((proc, addr))
}

fn start_nginx(home: &Path, origin: SocketAddr) -> anyhow::Result<(Proc, SocketAddr)> {
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
    Ok((proc, addr))
}

fn recorded(tapgate: &Path, home: &Path) -> anyhow::Result<u64> {
    let out = Command::new(tapgate).args(["stats", "--json"]).env("TAPGATE_HOME", home).output()?;
    ensure!(out.status.success(), "tapgate stats fails: {}", String::from_utf8_lossy(&out.stderr));
    let rows = String::from_utf8(out.stdout)?;
    let rows = rows.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let calls = rows.filter(|row| row.get("call").is_some_and(|call| call == "echo"));
    let calls = calls.filter_map(|row| row.get("calls")?.as_u64());
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
    let mut direct = Pipes::start(&mut server_command()?, Era::Legacy)?;
    let mut tapped = Pipes::start(&mut tapped_command(tapgate, home)?, Era::Legacy)?;
    direct.calls(1)?;
    tapped.calls(1)?;
    for _ in 0..plan.rounds {
        tap.direct.extend(direct.calls(plan.pipe_calls)?);
        tap.tapped.extend(tapped.calls(plan.pipe_calls)?);
    }
    tap.memory_kib = tapped.proc.memory_kib("VmRSS");
    direct.end();
    tapped.end();
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
            let from = load::now();
            let mut pipes = Pipes::start(&mut { command }, Era::Legacy)?;
            pipes.calls(1)?;
            into.push(u64::try_from(from.elapsed().as_nanos())?);
            pipes.end();
        }
    }
    for times in [&mut start.version, &mut start.direct, &mut start.tapped] {
        times.sort_unstable();
    }
    Ok(start)
}

/// What judging a list of 1,000 tools takes when it is first seen, in microseconds, by revision.
fn measure_listing(root: &Path) -> anyhow::Result<Vec<(String, f64)>> {
    let out = Command::new("cargo")
        .args(["run", "--quiet", "--release", "--package", "tapgate-judge", "--example", "listing_cost"])
        .current_dir(root)
        .output()?;
    ensure!(out.status.success(), "listing_cost fails: {}", String::from_utf8_lossy(&out.stderr));
    let said = String::from_utf8(out.stdout)?;
    let line = |line: &str| {
        let (revision, rest) = line.split_once(' ')?;
        let micros = rest.split_once(": ")?.1.split_once(' ')?.0;
        Some((revision.to_owned(), micros.parse().ok()?))
    };
    said.lines().map(|text| line(text).with_context(|| format!("listing_cost says {text}"))).collect()
}

fn server_command() -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["bench", "--part", "pipes"]);
    Ok(command)
}

fn tapped_command(tapgate: &Path, home: &Path) -> anyhow::Result<Command> {
    let mut command = Command::new(tapgate);
    command
        .args(["tap", "--name", "pipes", "--"])
        .arg(std::env::current_exe()?)
        .args(["bench", "--part", "pipes"]);
    command.env("TAPGATE_HOME", home);
    Ok(command)
}

fn on_one_thread<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, future)
}
