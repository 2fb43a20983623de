//! `tap`: stands between a client and a server, and records what it sees.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use tapgate_wire::record::Era;
use tapgate_wire::revision::Revision;

use crate::problem::Problem;

pub mod bridge;
mod chaos;
pub mod header;
pub mod http;
mod legs;
pub mod locked;
pub mod stdio;

/// Stand between a client and a server and record what they say
///
/// The left side is stdio unless --listen is given, the right side is a command or a URL.
/// Where both sides are stdio or both are HTTP, everything passes untouched: client and server notice nothing; bytes,
/// timing, exit status and signals pass as they are.
/// Where they differ, or with --bridge, the tap is a bridge: any client of any revision (2024-11-05 to 2026-07-28)
/// reaches the server, and what the server speaks is found out.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[group(id = "tap")]
pub struct Args {
    /// The server's URL; the tap's own address serves the same paths
    #[arg(value_name = "URL")]
    pub url: Option<String>,

    /// The server's command and its arguments
    #[arg(last = true, value_name = "COMMAND", conflicts_with = "url")]
    pub command: Vec<String>,

    /// Listen for HTTP clients here (port 0 picks a free one)
    #[arg(long, value_name = "ADDR:PORT", value_parser = address)]
    pub listen: Option<SocketAddr>,

    /// What to call this source in ls, calls and filters
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,

    /// Store bodies unmasked and whole, for this source and at most 24 hours; every view says so
    #[arg(long, value_name = "HOURS", num_args = 0..=1, require_equals = true, default_missing_value = "24",
          value_parser = clap::value_parser!(u32).range(1..=24))]
    pub full: Option<u32>,

    /// Trust the certificates in this PEM file too
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,

    /// Let other machines connect: --listen may name an address that is not loopback
    #[arg(long, requires = "listen", requires = "allow_hosts")]
    pub network: bool,

    /// Answer requests whose Host header names this host too (default: loopback names only)
    #[arg(long = "allow-host", value_name = "HOST", requires = "listen")]
    pub allow_hosts: Vec<String>,

    /// Answer web pages of this origin too (default: pages of this machine only)
    #[arg(long = "allow-origin", value_name = "ORIGIN", requires = "listen")]
    pub allow_origins: Vec<String>,

    /// Translate between revisions although both sides have the same transport
    #[arg(long)]
    pub bridge: bool,

    /// Hold back tools that are not what the lock file says (default: mcp.lock): they are not listed and not called;
    /// makes the tap a bridge
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "mcp.lock")]
    pub locked: Option<PathBuf>,

    /// A bridge reads clients as of this era, whatever they look like (default: found out)
    #[arg(long, value_name = "ERA", value_parser = era)]
    pub client_era: Option<Era>,

    /// A bridge speaks this era, or this revision, to the server (legacy, modern or a date; default: found out)
    #[arg(long, value_name = "ERA", value_parser = spoken)]
    pub server_era: Option<Spoken>,

    /// A bridge sends this header with every request to the server's URL: `Name: value`, `Name: env:VARIABLE` or
    /// `Name: file:PATH`
    #[arg(long = "header", value_name = "HEADER")]
    pub headers: Vec<String>,

    /// Inject the faults of this file into what the client gets, to test the client; each is said and recorded. It makes
    /// the tap a bridge
    #[arg(long, value_name = "FILE")]
    pub chaos: Option<PathBuf>,

    /// Record only: find nothing, and keep no lists of what the server offers
    #[arg(long, conflicts_with = "locked")]
    pub no_judge: bool,

    /// A bridge refuses messages larger than this many megabytes (default: 64)
    #[arg(long, value_name = "MB", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub max_message: Option<u16>,
}

const EXAMPLES: &str = "Examples:
  tapgate tap -- npx -y @modelcontextprotocol/server-filesystem ~/work
      in a client's configuration: command \"tapgate\", args [\"tap\", \"--\", \"npx\", …]
  tapgate tap --listen 127.0.0.1:7000 https://example.com/mcp
      then point the client at http://127.0.0.1:7000/mcp
  tapgate tap --name staging --ca-file corp.pem --listen 127.0.0.1:0 https://mcp.corp.example/mcp
      HTTPS_PROXY and NO_PROXY are honoured
  tapgate tap --header 'Authorization: env:EXAMPLE_KEY' https://example.com/mcp
      a bridge: a client that starts programs reaches a remote server
  tapgate tap --listen 127.0.0.1:7000 -- npx -y @modelcontextprotocol/server-everything
      a bridge: clients reach a local server at http://127.0.0.1:7000/mcp, old ones at /sse
  tapgate tap --bridge -- ./server
      a bridge between revisions: old clients reach new servers and new clients old ones
  tapgate tap --locked -- ./server
      only tools that are as mcp.lock says reach the client (see tapgate lock)

See also: tapgate explain (what a tap reads, stores, where and for how long).";

/// What a tap does between which two transports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape<'a> {
    /// Passes stdio: the server's command.
    Stdio(&'a [String]),
    /// Passes HTTP: where to listen, the server's URL.
    Http(SocketAddr, &'a str),
    /// Translates: where to listen, if not on stdio, and the server.
    Bridge(Option<SocketAddr>, Server<'a>),
}

/// The server of a bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server<'a> {
    /// Its command and arguments.
    Command(&'a [String]),
    /// Its URL.
    Url(&'a str),
}

/// What a person says that a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spoken {
    /// The era.
    pub era: Era,
    /// The revision, if one was named.
    pub revision: Option<Revision>,
}

/// Reads where to listen.
fn address(text: &str) -> Result<SocketAddr, String> {
    let numeric = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    let parsed = numeric.as_deref().unwrap_or(text).parse();
    parsed.map_err(|_| "give an address and a port, for example 127.0.0.1:7000".to_owned())
}

fn era(text: &str) -> Result<Era, String> {
    match text {
        "legacy" => Ok(Era::Legacy),
        "modern" => Ok(Era::Modern),
        _ => Err("give legacy (a handshake, to 2025-11-25) or modern (none, from 2026-07-28)".to_owned()),
    }
}

fn spoken(text: &str) -> Result<Spoken, String> {
    if let Some(revision) = Revision::parse(text) {
        return Ok(Spoken { era: revision.era(), revision: Some(revision) });
    }
    let known: Vec<&str> = Revision::ALL.iter().map(|revision| revision.as_str()).collect();
    let era = era(text).map_err(|_| format!("give legacy, modern or one of {}", known.join(", ")))?;
    Ok(Spoken { era, revision: None })
}

impl Args {
    /// Runs the tap until the server or the client ends it.
    pub fn run(&self) -> Result<ExitCode, Problem> {
        match self.shape()? {
            Shape::Stdio(command) => stdio::run(self, command),
            Shape::Http(listen, url) => http::run(self, listen, url),
            Shape::Bridge(listen, server) => bridge::run(self, listen, server),
        }
    }

    /// Says which tap these arguments ask for.
    pub fn shape(&self) -> Result<Shape<'_>, Problem> {
        let shape = match (self.listen, self.url.as_deref(), self.command.as_slice()) {
            (None, Some(command), _) if !command.contains("://") => {
                return Err(super::words::no_dashes("tap", command));
            }
            (None, None, command @ [_, ..]) if !self.decides() => Shape::Stdio(command),
            (Some(listen), Some(url), []) if !self.decides() => Shape::Http(listen, url),
            (listen, Some(url), _) => Shape::Bridge(listen, Server::Url(url)),
            (listen, None, command @ [_, ..]) => Shape::Bridge(listen, Server::Command(command)),
            (_, None, []) => {
                return Err(Problem::usage(
                    "tap.no-server",
                    "no server is named",
                    "put its command after `--` (tapgate tap -- npx -y some-server), or give its URL",
                ));
            }
        };
        self.fits(&shape)?;
        Ok(shape)
    }

    /// Whether the tap is to change what passes although its sides are alike.
    fn decides(&self) -> bool {
        self.bridge || self.chaos.is_some() || self.locked.is_some()
    }

    /// Refuses what the shape has no use for.
    fn fits(&self, shape: &Shape<'_>) -> Result<(), Problem> {
        let for_bridges = [
            ("--client-era", self.client_era.is_some()),
            ("--server-era", self.server_era.is_some()),
            ("--header", !self.headers.is_empty()),
            ("--max-message", self.max_message.is_some()),
        ];
        let given = for_bridges.into_iter().find_map(|(flag, is_given)| is_given.then_some(flag));
        match (shape, given) {
            (Shape::Stdio(_) | Shape::Http(..), Some(flag)) => Err(Problem::usage(
                "tap.needs-bridge",
                format!("{flag} changes what passes, and this tap passes everything untouched"),
                format!("add --bridge, or leave {flag} out"),
            )),
            (Shape::Bridge(_, Server::Command(_)), _) if !self.headers.is_empty() => Err(Problem::usage(
                "tap.bad-header",
                "--header goes with requests to a URL, and this server is a command",
                "give the command its secrets in its environment",
            )),
            _ => Ok(()),
        }
    }

    /// What the source is called.
    pub fn source_name(&self) -> String {
        match (&self.name, &self.url) {
            (Some(name), _) => name.clone(),
            (None, Some(url)) => crate::name::of_url(url),
            (None, None) => crate::name::of_command(&self.command),
        }
    }
}

#[cfg(test)]
mod tests;
