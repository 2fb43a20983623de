//! Other people's bridges, as their manuals say they are started.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::bail;

use super::wire::Era;
use crate::house;

/// Another bridge: its name with its version, as `xtask/setup/rivals` and `xtask/setup/python/rivals.txt` pin them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rival {
    /// supergateway, of npm.
    Supergateway,
    /// mcp-proxy, of npm.
    McpProxy,
    /// mcp-proxy, of `PyPI`; another project.
    PyMcpProxy,
    /// mcp-remote, of npm.
    McpRemote,
}

impl Rival {
    /// Those that serve a command by HTTP to clients of an era.
    pub fn serving(era: Era) -> &'static [Self] {
        match era {
            Era::Legacy => &[Self::Supergateway, Self::McpProxy, Self::PyMcpProxy],
            Era::Modern => &[Self::McpProxy],
        }
    }

    /// Those that reach a URL for a client on stdio.
    pub const REACHING: [Self; 3] = [Self::McpRemote, Self::PyMcpProxy, Self::Supergateway];

    /// Its name in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Supergateway => "supergateway 4.0.0",
            Self::McpProxy => "mcp-proxy 6.7.19 (npm)",
            Self::PyMcpProxy => "mcp-proxy 0.13.0 (PyPI)",
            Self::McpRemote => "mcp-remote 0.15.1",
        }
    }

    /// Serves a command at an address, in sessions, without logs.
    pub fn serve(self, server: &[String], at: SocketAddr, home: &Path) -> anyhow::Result<Command> {
        let mut command = self.program(home)?;
        let port = at.port().to_string();
        match self {
            Self::Supergateway => {
                command.args(["--stdio", &server.join(" "), "--outputTransport", "streamableHttp"]);
                command.args(["--stateful", "--logLevel", "none", "--port", &port]);
            }
            Self::McpProxy => {
                command.args(["--host", "127.0.0.1", "--port", &port, "--upstreamProtocol", "auto", "--"]);
                command.args(server);
            }
            Self::McpRemote => bail!("mcp-remote serves no command"),
            Self::PyMcpProxy => {
                command.args(["--host", "127.0.0.1", "--port", &port, "--log-level", "ERROR", "--"]);
                command.args(server);
            }
        }
        Ok(command)
    }

    /// Reaches a URL for a client on stdio, without logs.
    pub fn reach(self, url: &str, home: &Path) -> anyhow::Result<Command> {
        let mut command = self.program(home)?;
        match self {
            Self::Supergateway => {
                command.args(["--streamableHttp", url, "--logLevel", "none"]);
            }
            Self::PyMcpProxy => {
                command.args(["--transport", "streamablehttp", "--log-level", "ERROR", url]);
            }
            Self::McpProxy => bail!("npm's mcp-proxy reaches no URL"),
            Self::McpRemote => {
                command.args([url, "--transport", "http-only", "--allow-http", "--silent"]);
                command.env("MCP_REMOTE_CONFIG_DIR", home);
            }
        }
        Ok(command)
    }

    /// Its program; what it logs all the same stands in a file of `home`.
    fn program(self, home: &Path) -> anyhow::Result<Command> {
        let setup = house::setup_folder();
        let package = setup.join("rivals/node_modules");
        let script = match self {
            Self::Supergateway => package.join("supergateway/dist/index.js"),
            Self::McpProxy => package.join("mcp-proxy/dist/bin/mcp-proxy.mjs"),
            Self::McpRemote => package.join("mcp-remote/dist/proxy.js"),
            Self::PyMcpProxy => setup.join("python/rivals/bin/mcp-proxy"),
        };
        let interpreter = match self {
            Self::PyMcpProxy => setup.join("python/rivals/bin/python"),
            _ => setup.join("bin/node"),
        };
        let mut command = Command::new(interpreter);
        command.arg(script).stderr(File::create(home.join(format!("{self:?}.log")))?).stdout(Stdio::null());
        Ok(command)
    }
}
