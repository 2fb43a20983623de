//! What a source is called when nobody named it: after the server, as people would.

/// Names a source after the command that starts its server.
///
/// Launchers (`npx`, `uvx`, `node`, `docker run`, …) and their options are passed over, a scope, a version and a
/// file ending are cut: `npx -y @scope/server-files@2 ~/work` is `server-files`.
pub fn of_command(argv: &[String]) -> String {
    let mut words = argv.iter().map(String::as_str);
    let program = words.next().unwrap_or("server");
    let launcher = base(program);
    if !LAUNCHERS.contains(&launcher) {
        return tidy(program);
    }
    let mut words = words.skip_while(|word| SUBCOMMANDS.contains(word)).peekable();
    while let Some(word) = words.next() {
        if word == "-c" || word == "-e" && launcher == "node" {
            // A script on the command line has no name; its launcher has.
            return tidy(program);
        } else if TAKES_A_VALUE.contains(&word) {
            words.next();
        } else if word == "-m" || word == "-p" || word == "--package" || word == "--from" {
            if let Some(value) = words.peek() {
                return tidy(value);
            }
        } else if !word.starts_with('-') && !SUBCOMMANDS.contains(&word) {
            return tidy(word);
        }
    }
    tidy(program)
}

/// Names a source after the authority of the server's URL, without userinfo.
pub fn of_url(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let host = authority.rsplit('@').next().unwrap_or(authority);
    if host.is_empty() { "server".to_owned() } else { host.to_owned() }
}

const LAUNCHERS: &[&str] = &[
    "npx", "npm", "pnpm", "pnpx", "yarn", "bunx", "bun", "deno", "node", "uv", "uvx", "pipx", "python",
    "python3", "docker", "podman", "cargo", "go", "env", "sh", "bash", "tsx", "java", "dotnet", "ruby",
    "php",
];
const SUBCOMMANDS: &[&str] = &["run", "exec", "dlx", "x", "tool", "start", "--"];
const TAKES_A_VALUE: &[&str] = &[
    "-e",
    "--env",
    "-v",
    "--volume",
    "--mount",
    "--network",
    "--name",
    "--directory",
    "--project",
    "--with",
    "--python",
    "-u",
    "--user",
    "-r",
    "--require",
    "--import",
];

fn base(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

fn tidy(word: &str) -> String {
    let word = base(word.trim_end_matches('/'));
    let word = match word.split_once('@') {
        Some((name, _)) if !name.is_empty() => name,
        _ => word,
    };
    let word = word.split(['=', '>', '<']).next().unwrap_or(word);
    let stem = [".mjs", ".cjs", ".js", ".ts", ".py", ".exe", ".jar", ".sh"]
        .iter()
        .find_map(|ending| word.strip_suffix(ending));
    let name: String = stem.unwrap_or(word).chars().filter(|c| !c.is_control()).take(64).collect();
    if name.is_empty() { "server".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_named_after_what_people_call_the_server() {
        let cases = [
            ("npx -y @modelcontextprotocol/server-everything", "server-everything"),
            ("npx -y @modelcontextprotocol/server-filesystem@2026.8.31 /tmp", "server-filesystem"),
            ("uvx mcp-server-git==1.2 --repository .", "mcp-server-git"),
            ("python3 -m my_server", "my_server"),
            ("/usr/bin/python3 srv/weather.py", "weather"),
            ("node --import tsx dist/index.js", "index"),
            ("docker run -i --rm -e TOKEN ghcr/mcp/github", "github"),
            ("./target/release/my-server --stdio", "my-server"),
            ("uv run --directory /srv/x server.py", "server"),
            ("sh -c echo", "sh"),
            ("cat", "cat"),
            ("npx", "npx"),
        ];
        for (command, name) in cases {
            let argv: Vec<String> = command.split(' ').map(str::to_owned).collect();
            assert_eq!(of_command(&argv), name, "{command}");
        }
    }

    #[test]
    fn a_url_gives_its_authority_and_never_its_userinfo() {
        let cases = [
            ("https://api.example.com/mcp", "api.example.com"),
            ("http://127.0.0.1:4110/mcp?x=1", "127.0.0.1:4110"),
            ("https://user:secret@host/mcp", "host"),
            ("https:///mcp", "server"),
        ];
        for (url, name) in cases {
            assert_eq!(of_url(url), name, "{url}");
        }
    }
}
