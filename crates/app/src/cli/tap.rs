//! `tap`: passes everything between a client and a server, and records what it sees.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::problem::Problem;

pub mod http;
pub mod stdio;

/// Pass everything between a client and a server, untouched, and record it
///
/// The left side is stdio unless --listen is given, the right side is a command or a URL.
/// Client and server notice nothing: bytes, timing, exit status and signals pass as they are.
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
}

const EXAMPLES: &str = "Examples:
  tapgate tap -- npx -y @modelcontextprotocol/server-filesystem ~/work
      in a client's configuration: command \"tapgate\", args [\"tap\", \"--\", \"npx\", …]
  tapgate tap --listen 127.0.0.1:7000 https://example.com/mcp
      then point the client at http://127.0.0.1:7000/mcp
  tapgate tap --name staging --ca-file corp.pem --listen 127.0.0.1:0 https://mcp.corp.example/mcp
      HTTPS_PROXY and NO_PROXY are honoured

See also: tapgate explain (what a tap reads, stores, where and for how long).";

/// Which two transports a tap connects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape<'a> {
    /// stdio on both sides: the server's command.
    Stdio(&'a [String]),
    /// HTTP on both sides: where to listen, the server's URL.
    Http(SocketAddr, &'a str),
}

/// Reads where to listen.
fn address(text: &str) -> Result<SocketAddr, String> {
    let numeric = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    let parsed = numeric.as_deref().unwrap_or(text).parse();
    parsed.map_err(|_| "give an address and a port, for example 127.0.0.1:7000".to_owned())
}

impl Args {
    /// Runs the tap until the server or the client ends it.
    pub fn run(&self) -> Result<ExitCode, Problem> {
        match self.shape()? {
            Shape::Stdio(command) => stdio::run(self, command),
            Shape::Http(listen, url) => http::run(self, listen, url),
        }
    }

    /// Says which tap these arguments ask for.
    pub fn shape(&self) -> Result<Shape<'_>, Problem> {
        match (self.listen, self.url.as_deref(), self.command.as_slice()) {
            (None, None, command @ [_, ..]) => Ok(Shape::Stdio(command)),
            (Some(listen), Some(url), []) => Ok(Shape::Http(listen, url)),
            (None, Some(command), _) if !command.contains("://") => Err(super::words::no_dashes(command)),
            (None, Some(url), _) => Err(Problem::usage(
                "tap.transports-differ",
                format!(
                    "a tap from stdio to {url} needs a translation between transports that this version does not have"
                ),
                format!("listen for HTTP clients instead: tapgate tap --listen 127.0.0.1:7000 {url}"),
            )),
            (Some(_), None, [_, ..]) => Err(Problem::usage(
                "tap.transports-differ",
                "a tap from HTTP to a command needs a translation between transports that this version does not have",
                "leave --listen out and put `tapgate tap --` in front of the command in the client's configuration",
            )),
            (_, _, _) => Err(Problem::usage(
                "tap.no-server",
                "no server is named",
                "put its command after `--` (tapgate tap -- npx -y some-server), or give --listen and a URL",
            )),
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
