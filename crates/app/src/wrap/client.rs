//! The clients: where their files are and what an entry looks like. To add one, add a row to [`CLIENTS`].

use std::path::{Path, PathBuf};

/// A client and what is particular about it.
#[derive(Debug)]
pub struct Client {
    /// What the command line calls it.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// How its files are written.
    pub format: Format,
    /// The names that lead to its tables of servers; `*` is any name.
    pub tables: &'static [&'static [&'static str]],
    /// Where its user's file may be; the first one is named when there is none.
    pub user: fn(&Surroundings) -> Vec<PathBuf>,
    /// Where a project's file may be, relative to the project.
    pub project: &'static [&'static str],
    /// How an entry names its parts.
    pub names: Names,
    /// What makes it read a changed file.
    pub afterwards: &'static str,
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON, with comments and trailing commas where they are.
    Json,
    /// TOML.
    Toml,
}

/// How an entry names its parts.
#[derive(Debug)]
pub struct Names {
    /// The server's URL; the first one is that of Streamable HTTP.
    pub urls: &'static [&'static str],
    /// The headers that go to the URL.
    pub headers: &'static str,
    /// The variables of a started program.
    pub env: &'static str,
    /// The type of a program, and that of a URL.
    pub types: (&'static str, &'static str),
    /// How the command is written.
    pub command: Shape,
}

/// How a command is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A program, and a list of arguments.
    Split,
    /// One list.
    Joined,
}

/// Which system a path is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// Linux, and what is like it.
    Linux,
    /// macOS.
    Mac,
    /// Windows.
    Windows,
}

/// What the paths of files depend on.
#[derive(Debug)]
pub struct Surroundings {
    /// The system.
    pub system: System,
    /// The user's home directory.
    pub home: PathBuf,
    /// Reads a variable of the environment.
    pub var: fn(&str) -> Option<PathBuf>,
}

const COMMON: Names =
    Names { urls: &["url"], headers: "headers", env: "env", types: ("stdio", "http"), command: Shape::Split };

/// Every client that is known.
pub const CLIENTS: &[Client] = &[
    Client {
        name: "claude-code",
        title: "Claude Code",
        format: Format::Json,
        tables: &[&["mcpServers"], &["projects", "*", "mcpServers"]],
        user: |here| vec![here.set("CLAUDE_CONFIG_DIR").unwrap_or(here.home.clone()).join(".claude.json")],
        project: &[".mcp.json"],
        names: COMMON,
        afterwards: "start Claude Code again, or reconnect in /mcp; it asks once more whether a project's server is trusted",
    },
    Client {
        name: "claude-desktop",
        title: "Claude Desktop",
        format: Format::Json,
        tables: &[&["mcpServers"]],
        user: |here| vec![here.config().join("Claude/claude_desktop_config.json")],
        project: &[],
        names: COMMON,
        afterwards: "quit Claude Desktop and start it again",
    },
    Client {
        name: "cursor",
        title: "Cursor",
        format: Format::Json,
        tables: &[&["mcpServers"]],
        user: |here| vec![here.home.join(".cursor/mcp.json")],
        project: &[".cursor/mcp.json"],
        names: COMMON,
        afterwards: "switch the server off and on in Cursor's settings, or start Cursor again",
    },
    Client {
        name: "vscode",
        title: "VS Code",
        format: Format::Json,
        tables: &[&["servers"], &["mcp", "servers"], &["mcpServers"]],
        user: |here| vec![here.config().join("Code/User/mcp.json")],
        project: &[".vscode/mcp.json"],
        names: COMMON,
        afterwards: "VS Code sees the change; start the server again where it asks for it",
    },
    Client {
        name: "windsurf",
        title: "Windsurf",
        format: Format::Json,
        tables: &[&["mcpServers"]],
        user: |here| vec![here.home.join(".codeium/windsurf/mcp_config.json")],
        project: &[],
        names: Names { urls: &["serverUrl", "url"], ..COMMON },
        afterwards: "refresh the servers in Windsurf's settings",
    },
    Client {
        name: "zed",
        title: "Zed",
        format: Format::Json,
        tables: &[&["context_servers"]],
        user: |here| {
            let config = match here.system {
                System::Windows => here.config().join("Zed"),
                System::Mac => here.home.join(".config/zed"),
                System::Linux => here.config().join("zed"),
            };
            vec![config.join("settings.json")]
        },
        project: &[".zed/settings.json"],
        names: COMMON,
        afterwards: "Zed sees the change and starts the server again",
    },
    Client {
        name: "codex",
        title: "Codex",
        format: Format::Toml,
        tables: &[&["mcp_servers"]],
        user: |here| vec![here.set("CODEX_HOME").unwrap_or(here.home.join(".codex")).join("config.toml")],
        project: &[".codex/config.toml"],
        names: Names { headers: "http_headers", ..COMMON },
        afterwards: "start Codex again",
    },
    Client {
        name: "gemini",
        title: "Gemini CLI",
        format: Format::Json,
        tables: &[&["mcpServers"]],
        user: |here| vec![here.home.join(".gemini/settings.json")],
        project: &[".gemini/settings.json"],
        names: Names { urls: &["httpUrl", "url"], ..COMMON },
        afterwards: "start Gemini CLI again",
    },
    Client {
        name: "opencode",
        title: "opencode",
        format: Format::Json,
        tables: &[&["mcp", "servers"], &["mcp"]],
        user: |here| {
            let config = here.set("XDG_CONFIG_HOME").unwrap_or(here.home.join(".config")).join("opencode");
            vec![config.join("opencode.json"), config.join("opencode.jsonc")]
        },
        project: &["opencode.json", "opencode.jsonc", ".opencode/opencode.json", ".opencode/opencode.jsonc"],
        names: Names { env: "environment", types: ("local", "remote"), command: Shape::Joined, ..COMMON },
        afterwards: "start opencode again",
    },
];

impl Client {
    /// The client of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        CLIENTS.iter().find(|client| client.name == name)
    }

    /// Where the file of a project in `directory` may be.
    pub fn project_files(&self, directory: &Path) -> Vec<PathBuf> {
        self.project.iter().map(|name| directory.join(name)).collect()
    }
}

impl System {
    /// The one that this program runs on.
    pub const HERE: Self = if cfg!(target_os = "macos") {
        Self::Mac
    } else if cfg!(windows) {
        Self::Windows
    } else {
        Self::Linux
    };
}

impl Surroundings {
    /// A variable that names a directory; an empty one counts as unset.
    fn set(&self, name: &str) -> Option<PathBuf> {
        (self.var)(name).filter(|path| !path.as_os_str().is_empty())
    }

    /// Where programs with windows keep their settings.
    fn config(&self) -> PathBuf {
        match self.system {
            System::Linux => {
                let set = self.set("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
                set.unwrap_or_else(|| self.home.join(".config"))
            }
            System::Mac => self.home.join("Library/Application Support"),
            System::Windows => self.set("APPDATA").unwrap_or_else(|| self.home.join("AppData/Roaming")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_are_where_the_clients_look_for_them() {
        let none = |_: &str| None;
        let moved = |name: &str| Some(PathBuf::from("/moved").join(name));
        let linux = Surroundings { system: System::Linux, home: "/h".into(), var: none };
        let mac = Surroundings { system: System::Mac, home: "/h".into(), var: none };
        let windows = Surroundings { system: System::Windows, home: "/h".into(), var: none };
        let moved = Surroundings { system: System::Linux, home: "/h".into(), var: moved };
        let cases = [
            ("claude-code", &linux, "/h/.claude.json"),
            ("claude-code", &moved, "/moved/CLAUDE_CONFIG_DIR/.claude.json"),
            ("claude-desktop", &linux, "/h/.config/Claude/claude_desktop_config.json"),
            ("claude-desktop", &mac, "/h/Library/Application Support/Claude/claude_desktop_config.json"),
            ("claude-desktop", &windows, "/h/AppData/Roaming/Claude/claude_desktop_config.json"),
            ("claude-desktop", &moved, "/moved/XDG_CONFIG_HOME/Claude/claude_desktop_config.json"),
            ("cursor", &mac, "/h/.cursor/mcp.json"),
            ("vscode", &linux, "/h/.config/Code/User/mcp.json"),
            ("vscode", &mac, "/h/Library/Application Support/Code/User/mcp.json"),
            ("windsurf", &linux, "/h/.codeium/windsurf/mcp_config.json"),
            ("zed", &linux, "/h/.config/zed/settings.json"),
            ("zed", &mac, "/h/.config/zed/settings.json"),
            ("zed", &windows, "/h/AppData/Roaming/Zed/settings.json"),
            ("codex", &linux, "/h/.codex/config.toml"),
            ("codex", &moved, "/moved/CODEX_HOME/config.toml"),
            ("gemini", &linux, "/h/.gemini/settings.json"),
            ("opencode", &linux, "/h/.config/opencode/opencode.json"),
            ("opencode", &moved, "/moved/XDG_CONFIG_HOME/opencode/opencode.json"),
        ];
        for (name, here, path) in cases {
            assert_eq!((Client::named(name).unwrap().user)(here)[0], Path::new(path), "{name}");
        }
    }
}
