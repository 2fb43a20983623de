//! Taps are put into a client's configuration, used as the client would, and taken out again.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::bridge::{KEY, LineClient, Origin, hello};
use crate::support::{Home, Ran, TAPGATE};

/// A user with a home directory, and a project in it.
struct User {
    home: Home,
    folder: TempDir,
}

impl User {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("project")).unwrap();
        Self { home: Home::new(), folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.file(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// Runs the binary in the project.
    fn run(&self, args: &[&str]) -> Ran {
        let mut command = self.home.command(args);
        command.env("HOME", self.folder.path()).current_dir(self.file("project"));
        for name in ["CLAUDE_CONFIG_DIR", "XDG_CONFIG_HOME", "CODEX_HOME"] {
            command.env_remove(name);
        }
        Ran::of(command)
    }

    fn done(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!((ran.code, ran.err().as_str()), (Some(0), ""), "{args:?}");
        ran.out()
    }

    fn refused(&self, args: &[&str], code: i32, says: &[&str]) {
        let ran = self.run(args);
        assert_eq!(ran.code, Some(code), "{args:?}: {}", ran.err());
        for word in says {
            assert!(ran.err().contains(word), "{args:?} does not say {word}: {}", ran.err());
        }
    }

    /// The files under what tapgate keeps for `unwrap`.
    fn records(&self) -> Vec<PathBuf> {
        let folder = fs::read_dir(self.home.path().join("wraps"));
        folder.map_or(Vec::new(), |files| files.map(|file| file.unwrap().path()).collect())
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

const CURSOR: &str = "{\n  // mine\n  \"mcpServers\": {\n    \"x\": { \"command\": \"npx\", \"args\": [\"-y\", \"x\"] },\n  },\n}\n";

#[test]
fn a_preview_changes_nothing() {
    let user = User::new();
    let path = user.write(".cursor/mcp.json", CURSOR);
    let dry = user.done(&["wrap", "cursor", "--dry-run"]);
    for said in [
        "-    \"x\": { \"command\": \"npx\"",
        "+    \"x\": { \"command\": \"",
        "\"--name\", \"x\", \"--\", \"npx\", \"-y\"",
    ] {
        assert!(dry.contains(said), "{said} is not in {dry}");
    }
    assert!(dry.ends_with("nothing was changed\n"));
    let asked = user.run(&["wrap", "cursor"]);
    assert_eq!(asked.code, Some(2));
    assert!(asked.out().contains("+    \"x\""), "{}", asked.out());
    assert!(asked.err().contains("--yes"), "{}", asked.err());
    assert_eq!(fs::read_to_string(&path).unwrap(), CURSOR);
    assert_eq!((fs::read_dir(user.file(".cursor")).unwrap().count(), user.records().len()), (1, 0));
}

#[test]
fn wrap_and_unwrap_give_every_byte_back_and_leave_nothing_behind() {
    let user = User::new();
    let path = user.write(".cursor/mcp.json", CURSOR);
    fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    user.done(&["wrap", "cursor", "--yes"]);
    let changed = fs::read_to_string(&path).unwrap();
    assert_eq!(
        changed,
        CURSOR
            .replace("npx", TAPGATE)
            .replace("[\"-y\"", "[\"tap\", \"--name\", \"x\", \"--\", \"npx\", \"-y\"")
    );
    let backup = user.file(".cursor/mcp.json.before-tapgate");
    assert_eq!(fs::read_to_string(&backup).unwrap(), CURSOR);
    let records = user.records();
    assert_eq!((mode(&path), mode(&backup), mode(&records[0])), (0o640, 0o600, 0o600));
    assert_eq!(mode(records[0].parent().unwrap()), 0o700);

    let again = user.done(&["wrap", "cursor", "--yes"]);
    assert_eq!(again, "x: has a tap already\nnothing was changed\n");
    fs::write(&path, format!("// more\n{changed}")).unwrap();
    user.done(&["unwrap", "cursor", "--yes"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), format!("// more\n{CURSOR}"));
    assert!(backup.exists(), "it is not what the file holds");
    assert_eq!(user.done(&["unwrap", "cursor", "--yes"]), "x: has no tap\nnothing was changed\n");

    fs::write(&path, CURSOR).unwrap();
    user.done(&["wrap", "cursor", "x", "--yes"]);
    user.done(&["unwrap", "cursor", "x", "--yes"]);
    assert_eq!((fs::read_to_string(&path).unwrap().as_str(), mode(&path)), (CURSOR, 0o640));
    assert_eq!((fs::read_dir(user.file(".cursor")).unwrap().count(), user.records().len()), (1, 0));
}

#[test]
fn two_wraps_at_the_same_moment_lose_nothing() {
    let user = User::new();
    let names: Vec<String> = (0..6).map(|n| format!("s{n}")).collect();
    // What `unwrap` gives back from its record alone: how the arguments are spaced.
    let servers = names.iter().map(|name| format!("\"{name}\": {{ \"command\": \"npx\", \"args\": [ ] }}"));
    let text = format!("{{ \"mcpServers\": {{ {} }} }}", servers.collect::<Vec<_>>().join(", "));
    let path = user.write(".cursor/mcp.json", &text);
    std::thread::scope(|scope| {
        for name in &names {
            scope.spawn(|| {
                loop {
                    let ran = user.run(&["wrap", "cursor", name, "--yes"]);
                    if ran.code == Some(0) {
                        break;
                    }
                    assert!(ran.err().contains("by another program meanwhile"), "{}", ran.err());
                }
            });
        }
    });
    assert_eq!(fs::read_to_string(&path).unwrap().matches("\"tap\"").count(), names.len());
    user.done(&["unwrap", "cursor", "--yes"]);
    assert_eq!((fs::read_to_string(&path).unwrap(), user.records().len()), (text, 0));
}

#[test]
fn no_backup_goes_where_a_planted_link_leads() {
    let user = User::new();
    let path = user.write(".cursor/mcp.json", CURSOR);
    std::os::unix::fs::symlink(user.file("elsewhere"), user.file(".cursor/mcp.json.before-tapgate")).unwrap();
    user.refused(&["wrap", "cursor", "--yes"], 4, &["before-tapgate", "nothing was changed", "is no file"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), CURSOR);
    assert!(!user.file("elsewhere").exists() && user.records().is_empty());
}

#[test]
fn each_scope_and_each_file_is_its_own() {
    let user = User::new();
    let mine = user.write(".claude.json", "{\"mcpServers\": {\"a\": {\"command\": \"x\"}}}");
    let project = user.write("project/.mcp.json", "{\"mcpServers\": {\"a\": {\"command\": \"x\"}}}");
    let other = user.write("other.json", "{\"mcpServers\": {\"a\": {\"command\": \"x\"}}}");
    let is_tapped = |path: &Path| fs::read_to_string(path).unwrap().contains("\"tap\"");
    user.done(&["wrap", "claude-code", "--scope", "project", "--yes"]);
    assert_eq!([is_tapped(&mine), is_tapped(&project), is_tapped(&other)], [false, true, false]);
    user.done(&["wrap", "claude-code", "--yes"]);
    user.done(&["wrap", "claude-code", "--yes", "--file", other.to_str().unwrap()]);
    assert_eq!([is_tapped(&mine), is_tapped(&project), is_tapped(&other)], [true, true, true]);
    user.done(&["unwrap", "claude-code", "--yes"]);
    assert_eq!([is_tapped(&mine), is_tapped(&project), is_tapped(&other)], [false, true, true]);
    let said: Value =
        serde_json::from_str(&user.done(&["unwrap", "claude-code", "--scope", "project", "--yes", "--json"]))
            .unwrap();
    assert_eq!(
        (&said["kind"], &said["done"], &said["servers"][0]["fate"]),
        (&json!("unwrap"), &json!(true), &json!("change"))
    );
}

#[test]
fn what_cannot_be_done_is_told_and_changes_nothing() {
    let user = User::new();
    user.refused(&["wrap", "cursor"], 2, &[".cursor/mcp.json", "add a server in the client first"]);
    user.write("project/.cursor/mcp.json", CURSOR);
    user.refused(&["wrap", "cursor"], 2, &["--scope project"]);
    user.refused(&["wrap", "windsurf", "--scope", "project"], 2, &["no files for projects"]);
    user.refused(&["wrap", "emacs"], 2, &["emacs", "claude-code", "vscode"]);
    user.refused(&["wrap", "cursor", "--file", "none.json"], 2, &["none.json"]);
    user.refused(&["wrap", "cursor", "--scope", "project", "--yes", "y"], 2, &["`y`", "it has x"]);
    user.write(".config/opencode/opencode.json", "{}");
    user.write(".config/opencode/opencode.jsonc", "{}");
    user.refused(&["wrap", "opencode"], 2, &["two files", "--file"]);
    let broken = user
        .write(".gemini/settings.json", "{\n  \"mcpServers\": {\n    \"a\": {\"command\" \"x\"}\n  }\n}\n");
    user.refused(&["wrap", "gemini", "--yes"], 5, &["line 3, column 21", "`:` is missing"]);
    assert!(fs::read_to_string(&broken).unwrap().contains("{\"command\" \"x\"}"));
    fs::write(user.file(".gemini/settings.json"), [b'{', 0xff]).unwrap();
    user.refused(&["wrap", "gemini", "--yes"], 5, &["UTF-8", "line 1"]);
    user.write(".codex/config.toml", "[mcp_servers.a]\ncommand = \"x\"\nargs = [\n");
    user.refused(&["wrap", "codex", "--yes"], 5, &["line 3, column 9", "array"]);
    let zed = "{\"context_servers\": {\"a\": {\"source\": \"extension\"}, \"b\": {\"command\": \"x\"}}}";
    let path = user.write(".config/zed/settings.json", zed);
    user.refused(&["wrap", "zed", "a", "b", "--yes"], 2, &["`a`", "neither a command nor a URL"]);
    assert_eq!(fs::read_to_string(path).unwrap(), zed);
    assert!(user.done(&["wrap", "zed", "--dry-run"]).contains("a: left as it is, it has neither"));
    user.write(".cursor/mcp.json", "{\"mcpServers\": {\"far\": {\"url\": \"https://far.example/mcp\"}}}");
    assert!(user.done(&["wrap", "cursor", "--dry-run"]).contains("far: if this server wants a login"));
    assert_eq!(user.records().len(), 0);
}

#[test]
fn no_preview_shows_a_secret_or_steers_a_terminal() {
    let user = User::new();
    let steer = "\u{202e}\u{9b}2J";
    let text = format!(
        "{{\"mcpServers\": {{\n\"{steer}\": {{}},\n\"a\": {{\"command\": \"x\",\n\"env\": {{\"API_TOKEN\": \"{KEY}\"}},\n\"n\": \"{steer}\"}}}}}}"
    );
    user.write(".cursor/mcp.json", &text);
    for args in [&["wrap", "cursor", "--dry-run"][..], &["wrap", "cursor", "--dry-run", "--json"]] {
        let out = user.done(args);
        assert!(out.contains("API_TOKEN") && out.contains("[masked:"), "{out}");
        assert!(!out.contains(KEY) && !out.contains(['\u{202e}', '\u{9b}']), "{out}");
    }
    let refused = user.run(&["wrap", "cursor", "none"]);
    assert!(!refused.err().contains(['\u{202e}', '\u{9b}']), "{}", refused.err());
}

#[test]
fn a_link_stays_a_link() {
    let user = User::new();
    let real = user.write("dotfiles/mcp.json", CURSOR);
    fs::create_dir(user.file(".cursor")).unwrap();
    std::os::unix::fs::symlink(&real, user.file(".cursor/mcp.json")).unwrap();
    user.done(&["wrap", "cursor", "--yes"]);
    assert_eq!(fs::read_link(user.file(".cursor/mcp.json")).unwrap(), real);
    assert!(fs::read_to_string(&real).unwrap().contains("\"tap\""));
    user.done(&["unwrap", "cursor", "--yes"]);
    assert_eq!(fs::read_to_string(&real).unwrap(), CURSOR);
}

/// The command that a file has for a server, as a client would start it.
fn command(user: &User, file: &Path, server: &str) -> Command {
    let file: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let entry = &file["mcpServers"][server];
    let mut command = Command::new(entry["command"].as_str().unwrap());
    command.args(entry["args"].as_array().unwrap().iter().map(|arg| arg.as_str().unwrap()));
    for (name, value) in entry["env"].as_object().into_iter().flatten() {
        command.env(name, value.as_str().unwrap());
    }
    command.env("TAPGATE_HOME", user.home.path());
    command
}

#[test]
fn a_wrapped_server_is_started_and_recorded() {
    let user = User::new();
    let entry = json!({ "mcpServers": { "sample": { "command": TAPGATE, "args": ["demo", "--serve"] } } });
    let file = user.write("project/.mcp.json", &format!("{entry:#}"));
    user.done(&["wrap", "claude-code", "sample", "--scope", "project", "--yes"]);
    let mut client = LineClient::start(&mut command(&user, &file, "sample"));
    let answer = client.ask(1, "initialize", &hello("2025-06-18"));
    assert!(answer["result"]["serverInfo"].is_object(), "{answer}");
    client.say(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
    assert!(client.ask(2, "tools/list", &json!({}))["result"]["tools"].is_array());
    assert_eq!(client.end().0, Some(0));
    let calls: Vec<Value> = user.home.calls().iter().map(|call| call["method"].clone()).collect();
    assert_eq!(calls, ["initialize", "tools/list"]);
    let sources = user.home.json(&["ls"]);
    assert!(
        sources.iter().any(|source| source["name"] == "sample" || source["server"] == "sample"),
        "{sources:?}"
    );
    user.done(&["unwrap", "claude-code", "--scope", "project", "--yes"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{entry:#}"));
}

#[test]
fn a_wrapped_url_is_reached_with_its_headers_and_no_secret_is_in_an_argument() {
    let (user, origin) = (User::new(), Origin::start());
    let entry = json!({ "mcpServers": { "far": {
        "type": "http", "url": origin.url(), "headers": { "Authorization": format!("Bearer {KEY}") },
    } } });
    let file = user.write("project/.mcp.json", &format!("{entry:#}"));
    user.done(&["wrap", "claude-code", "--scope", "project", "--yes"]);
    let mut command = command(&user, &file, "far");
    assert!(command.get_args().all(|arg| !arg.to_str().unwrap().contains(KEY)));
    let mut client = LineClient::start(&mut command);
    assert_eq!(client.ask(1, "initialize", &hello("2025-06-18"))["result"]["serverInfo"]["name"], "far");
    client.say(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
    let answer = client.ask(2, "tools/call", &json!({ "name": "whoami", "arguments": {} }));
    assert_eq!(answer["result"]["content"][0]["text"], format!("Bearer {KEY}"));
    assert_eq!(client.end().0, Some(0));
    for file in user.records() {
        assert!(!fs::read_to_string(file).unwrap().contains(KEY));
    }
    user.done(&["unwrap", "claude-code", "--scope", "project", "--yes"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{entry:#}"));
}
