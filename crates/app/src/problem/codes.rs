//! Every code that a problem can have; the reference page is made of this table.

/// A code, what it means, and what to do.
pub const CODES: &[(&str, &str, &str)] = &[
    (
        "usage.arguments",
        "The command line cannot be read.",
        "See `tapgate COMMAND --help`; the message names the word that is wrong.",
    ),
    (
        "filter.mistake",
        "The filter is neither CEL nor the short form, or names a field or a word that does not exist.",
        "The message marks the place and names the nearest word; all fields are in [filters](filters.md).",
    ),
    (
        "id.unknown",
        "Nothing in the journal has this id or name: it is misspelt, was never recorded, or is past its retention.",
        "See the ids with `tapgate ls` and `tapgate calls`, or say `last`.",
    ),
    (
        "home.unknown",
        "None of TAPGATE_HOME, XDG_STATE_HOME and HOME is set, so there is no place for the journal.",
        "Set TAPGATE_HOME to a directory of your own.",
    ),
    (
        "output.unwritable",
        "Standard output cannot be written, for example because the disk is full.",
        "Write it to a place that has room.",
    ),
    (
        "demo.failed",
        "The demo's client or server ended early.",
        "See how far it got: `tapgate tail -n 20 --once`.",
    ),
    (
        "man.unwritable",
        "The manual pages cannot be written there.",
        "Name a directory that you may write to.",
    ),
    (
        "lock.first-seen",
        "There is no lock file, so nobody has approved what the server offers.",
        "Look at what it offers, write it down with `tapgate lock update`, and commit the file.",
    ),
    (
        "lock.unreadable",
        "The lock file is there and cannot be read.",
        "Name another file with `--file`, or make it readable for you.",
    ),
    (
        "lock.broken",
        "The lock file is no JSON, is of a newer version, or was changed by hand; the cause names the place.",
        "Settle a merge conflict there, take the file from version control again, or write it anew with `tapgate lock update`.",
    ),
    (
        "lock.unwritable",
        "The lock file cannot be written.",
        "Name a file in a directory that you may write to with `--file`.",
    ),
    (
        "lock.not-asked",
        "The server that `lock` was to ask cannot be started or reached, refuses a list, or gives no answer.",
        "See what happened with `tapgate calls source:lock`; credentials go with `--header`.",
    ),
    (
        "lock.never-seen",
        "No recorded session of the lock's server lists what the lock pins.",
        "Let a client list it through `tapgate tap`, or name a session.",
    ),
    (
        "lock.partial",
        "The client fetched only some pages of a list.",
        "Name a session in which the client fetched all pages.",
    ),
    (
        "lock.nothing-listed",
        "The client asked for no list in this session.",
        "Name a session in which the client asks for tools, prompts or resources.",
    ),
    (
        "lock.unknown-tool",
        "The tool to approve was not listed in the session.",
        "See what there is with `tapgate lock diff mcp.lock last`, or name another session with `--session`.",
    ),
    (
        "tap.no-server",
        "`tap` was given neither a command nor a URL.",
        "Put the server's command after `--`, or give its URL.",
    ),
    (
        "tap.no-dashes",
        "The server's command stands where a URL belongs.",
        "Put `--` before it: `tapgate tap -- npx -y some-server`.",
    ),
    (
        "tap.needs-bridge",
        "The arguments change what passes, and a tap between equal transports passes everything untouched.",
        "Add `--bridge`, or leave out the argument that the message names.",
    ),
    (
        "tap.bad-header",
        "A `--header` cannot be read or sent; the message names the header, never its value.",
        "Give it as `Name: value`, `Name: env:VARIABLE` or `Name: file:PATH`, for a server's URL.",
    ),
    (
        "tap.no-pipes",
        "Standard input or output of the tap is closed.",
        "Let the client start the tap with both open.",
    ),
    (
        "tap.cannot-start",
        "The server's command cannot be started; the message says why.",
        "Check the spelling, or give the full path: a client's PATH is often shorter than your shell's.",
    ),
    (
        "tap.system",
        "The system refuses a process, a thread or a pipe.",
        "Close other programs, or raise the limits (`ulimit -a`).",
    ),
    (
        "tap.bad-chaos",
        "The file of `--chaos` cannot be read; the message names the entry.",
        "Give each fault a name and conditions; see the [guide](../guides/test-a-client.md).",
    ),
    ("tap.bad-url", "The server's URL cannot be used.", "Give it as `https://host/path`."),
    (
        "tap.port-in-use",
        "Another program listens at the address of `--listen`.",
        "Stop it, or choose another port; port 0 takes a free one.",
    ),
    (
        "tap.cannot-listen",
        "The address of `--listen` cannot be used.",
        "Listen on 127.0.0.1 with a port above 1023.",
    ),
    (
        "tap.not-loopback",
        "The address of `--listen` can be reached by other machines.",
        "Listen on 127.0.0.1, or allow it with `--network` and `--allow-host NAME`.",
    ),
    (
        "tap.bad-proxy",
        "The address of the proxy in the environment cannot be used.",
        "Correct HTTPS_PROXY, HTTP_PROXY or ALL_PROXY, or name the host in NO_PROXY.",
    ),
    (
        "tap.bad-ca-file",
        "The file of `--ca-file` cannot be read or holds no certificate.",
        "Give a PEM file that holds certificates.",
    ),
    (
        "play.cannot-start",
        "The tap that `check`, `replay` or `mock` puts in front of a server cannot be started.",
        "Close other programs, or raise the limits (`ulimit -a`).",
    ),
    (
        "play.unreachable",
        "The server of `check` or `replay` cannot be started or reached; the cause says why.",
        "Check its command or its URL, and see what it says when it is run alone.",
    ),
    (
        "play.login",
        "The server of `lock` or `replay` wants credentials.",
        "Give them with `--header`, such as `--header 'Authorization: env:NAME'`.",
    ),
    (
        "mock.cut-off",
        "What a mock says cannot be written to its standard output.",
        "See that whoever started it reads its output, and that there is room where it goes.",
    ),
    (
        "replay.no-server",
        "`replay` was given neither a command nor a URL to play against.",
        "Put the command after `--`, or give the URL with `--to`.",
    ),
    (
        "lock.other-server",
        "The lock file is of another server than the session that was named.",
        "Name a session of that server, or another file with `--file`.",
    ),
    (
        "check.needs-server",
        "A flag of `check` that is about visits was given with a recorded session or a bundle.",
        "Name the server's URL, or its command after `--`; or leave the flag out.",
    ),
    (
        "check.needs-session",
        "A flag of `check` that is about a whole session was given with a bundle, which holds a part of one.",
        "Name the session, or a server; or leave the flag out.",
    ),
    (
        "check.no-command",
        "`check --` was given no command, as when the variable that holds it is empty.",
        "Put the server's command after `--`; or leave `--` out for the latest session.",
    ),
    (
        "check.bad-suppressions",
        "The file of `check --suppress` cannot be read; the message names the entry.",
        "Give each entry a rule, a reason and a last day (`until`); see the [guide](../guides/check-a-server.md).",
    ),
    (
        "replay.nothing",
        "The session that is to be replayed has no calls.",
        "See the sessions and their calls with `tapgate ls`.",
    ),
    (
        "replay.not-agreed",
        "Some of the recorded calls write, and nobody agreed to make them again.",
        "Say `--yes`, or see them first with `--dry-run`.",
    ),
    (
        "mock.not-loopback",
        "The address of `mock --listen` can be reached by other machines.",
        "Listen on 127.0.0.1.",
    ),
    (
        "bundle.unreadable",
        "The file that `check` was given is no bundle, or one of a newer tapgate.",
        "Make one with `tapgate bundle`.",
    ),
    (
        "bundle.not-shown",
        "The finding needs what was masked, stored as a summary, or deleted since.",
        "Record it again with `--full`, and bundle it within a day.",
    ),
    (
        "bundle.no-finding",
        "The session has no finding, or none of the rule that was named.",
        "See what was found with `tapgate check SESSION`.",
    ),
    (
        "bundle.several-taps",
        "The sessions that were named were recorded by several taps, each of which is judged alone.",
        "Name sessions of one tap, or one alone.",
    ),
    (
        "bundle.unwritable",
        "The file of a bundle cannot be written, for example because it is there already.",
        "Name another one with `-o FILE`.",
    ),
    (
        "explain.no-rule",
        "No rule of the judge has this name.",
        "See [findings](findings.md) for all of them.",
    ),
    (
        "client.bad-passport",
        "A file that `clients diff` was given is no passport of a client.",
        "Write one with `tapgate clients NAME --passport > FILE`, or name a client that is recorded.",
    ),
    ("client.unknown", "No client of this name is recorded.", "See the names with `tapgate clients`."),
    (
        "wrap.no-file",
        "The client's configuration file is not where `wrap` and `unwrap` look; the message names the place.",
        "Add a server in the client first, say `--scope project` in a project's directory, or name the file with `--file PATH`.",
    ),
    (
        "wrap.several-files",
        "The client reads two files in the same place.",
        "Say which one with `--file PATH`.",
    ),
    (
        "wrap.unreadable",
        "The configuration file cannot be read, is no file, is too large, or is no text in UTF-8.",
        "Name a file that you may read, with `--file PATH`.",
    ),
    (
        "wrap.syntax",
        "The configuration file is neither JSON with comments nor, for Codex, TOML; the message names line and column.",
        "Correct the file; nothing was changed.",
    ),
    (
        "wrap.no-server",
        "No server in the file has this name.",
        "The message lists the names that are there; `--scope` and `--file` choose other files.",
    ),
    (
        "wrap.cannot",
        "A server that was named cannot be changed; the cause says why.",
        "Change its entry by hand, or name other servers only.",
    ),
    (
        "wrap.unsound",
        "The file is written in a way that cannot be changed safely; nothing was changed.",
        "Change the entry by hand, and please report it.",
    ),
    (
        "wrap.not-confirmed",
        "There is no terminal to ask on, so nothing was changed.",
        "Say `--yes` to change the file without a question, or `--dry-run` to see only what would change.",
    ),
    (
        "wrap.changed-meanwhile",
        "Another program changed the file between reading and writing; it was left as it is.",
        "Run the command again, best while the client is not running.",
    ),
    (
        "wrap.unwritable",
        "The file, its backup, or what `unwrap` needs later cannot be written; nothing was changed.",
        "Make it and its directory writable for you; a file that another tool generates is changed in that tool.",
    ),
    (
        "wrap.no-command",
        "The path of this program cannot be told, so no client could start it.",
        "Install tapgate in a place that stays, and run it from there.",
    ),
    (
        "journal-newer",
        "A newer tapgate made the journal; it was left as it is.",
        "Update tapgate, or set TAPGATE_HOME to another directory.",
    ),
    (
        "journal-corrupt",
        "The journal is damaged.",
        "A tap moves it aside by itself and begins a new one; or move it aside yourself.",
    ),
    (
        "journal-moved-aside",
        "The journal was damaged, was moved aside, and a new one began.",
        "Nothing; delete the old file when you no longer need it.",
    ),
    (
        "journal-foreign",
        "The file `journal.db` is a database of another program.",
        "Set TAPGATE_HOME to another directory.",
    ),
    (
        "journal-locked",
        "Another process holds the journal for too long.",
        "End that program; recording goes on by itself then.",
    ),
    (
        "journal-full",
        "There is no room for the journal, on the disk or within its limit.",
        "Free some space or run `tapgate prune`; recording goes on by itself then.",
    ),
    (
        "journal-unusable",
        "The directory or the file cannot be written or read.",
        "Set TAPGATE_HOME to a directory that you own and can write, and no one else.",
    ),
    (
        "journal-was-open",
        "Other users could read the directory or a file in it; that was put right.",
        "Nothing.",
    ),
    (
        "journal-failed",
        "The journal failed in another way; the message says how.",
        "If it stays, move the journal aside; recording starts a new one.",
    ),
];

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::CODES;

    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else {
                found.push(path);
            }
        }
    }

    #[test]
    fn the_table_has_every_code_that_the_source_has() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut files = Vec::new();
        sources(&here.join("src"), &mut files);
        let mut used: Vec<String> = Vec::new();
        for file in files {
            let text = std::fs::read_to_string(file).unwrap();
            // Tests make up codes of their own.
            let text = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
            let calls = text.split("Problem::usage(").skip(1);
            let named = calls.filter_map(|call| call.trim_start().strip_prefix('"'));
            used.extend(named.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
        }
        let trouble = std::fs::read_to_string(here.join("../store/src/trouble.rs")).unwrap();
        let arms = trouble.split("=> \"").skip(1);
        used.extend(arms.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
        used.retain(|code| code.contains(['.', '-']) && !code.contains(' '));
        used.sort();
        used.dedup();
        assert!(used.len() > 20, "the source was not found: {used:?}");
        let mut listed: Vec<&str> = CODES.iter().map(|(code, _, _)| *code).collect();
        listed.sort_unstable();
        assert_eq!(listed, used);
    }
}
