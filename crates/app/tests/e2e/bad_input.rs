//! Wrong input gets one sentence, its cause, what to do, and the right exit status.

mod upstream;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::support::{Home, Ran};

/// Wrong usage or configuration.
const USAGE: i32 = 2;
const UNREACHABLE: i32 = 4;

#[test]
fn a_wrong_command_line_is_told_with_what_to_do() {
    let cases: &[(&[&str], &[&str])] = &[
        (&["tap", "--lisen", "127.0.0.1:0", "http://127.0.0.1:9/"], &["--lisen", "--listen"]),
        (&["tapp", "--", "cat"], &["tapp", "'tap'"]),
        (&[], &["Usage"]),
        (&["tap", "--listen", "localhost", "http://127.0.0.1:9/"], &["localhost", "--listen"]),
        (&["tap", "--full=99", "--", "cat"], &["99", "--full"]),
        (&["tap", "--server-era", "2025-01-01", "http://127.0.0.1:9/"], &["2025-01-01", "2025-06-18"]),
        (&["tap", "--client-era", "2025-06-18", "http://127.0.0.1:9/"], &["legacy", "modern"]),
        (&["tap", "--max-message", "0", "http://127.0.0.1:9/"], &["--max-message"]),
        (&["tap", "http://127.0.0.1:9/", "--", "cat"], &["cannot be used with"]),
        (&["ls", "--color", "maybe"], &["maybe", "never"]),
        (&["ls", "--json", "--table"], &["--json", "--table"]),
        (&["calls", "--limit", "many"], &["many", "--limit"]),
        (&["show"], &["<ID>"]),
        (&["prune", "--older-than", "soon"], &["soon", "30m"]),
        (&["prune", "--all", "--session", "last"], &["--all", "--session"]),
    ];
    let home = Home::new();
    for (args, says) in cases {
        let ran = home.run(args);
        assert_eq!((ran.code, ran.out().as_str()), (Some(USAGE), ""), "{args:?}: {}", ran.err());
        for word in *says {
            assert!(ran.err().contains(word), "{args:?} does not say {word}: {}", ran.err());
        }
        if !args.is_empty() && !args.contains(&"--json") {
            is_one_object(&home.run(&[&["--json"], *args].concat()), USAGE);
        }
    }
    assert!(fs::read_dir(home.path()).unwrap().next().is_none(), "a wrong command line leaves no file");
}

#[test]
fn what_cannot_be_done_is_told_with_its_cause_and_what_to_do() {
    let home = Home::new();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str, mode| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path.into_os_string().into_string().unwrap()
    };
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().map(|addr| (taken, addr.to_string())).unwrap();
    let (dull, orphan) =
        (file("dull", "#!/bin/sh\n", 0o644), file("orphan", "#!/no/such/interpreter\n", 0o755));
    let (noise, no_pem) = (file("noise", "\u{1}\u{2}\u{3}", 0o755), file("ca.pem", "no certificate", 0o644));
    let directory = folder.path().to_str().unwrap();
    let listen = ["tap", "--listen", "127.0.0.1:0"];
    let url = "http://127.0.0.1:9/mcp";
    let cases: &[(&[&str], &[&str])] = &[
        (&["tap"], &["no server is named", "--"]),
        (&["tap", "--"], &["no server is named", "--"]),
        (
            &["tap", "--", "no-such-command-here"],
            &["no-such-command-here", "no such command", "cause:", "PATH"],
        ),
        (&["tap", "--", "/no/such/command"], &["/no/such/command", "no such command"]),
        (&["tap", "--", &dull], &[&dull, "may not be executed", "chmod +x"]),
        (&["tap", "--", &orphan], &[&orphan, "interpreter"]),
        (&["tap", "--", &noise], &[&noise, "neither a program", "name the interpreter"]),
        (&["tap", "--", directory], &[directory, "directory"]),
        (&["tap", "--header", "X-Key: planted-word", "--", "cat"], &["--header", "--bridge"]),
        (&["tap", "--bridge", "--header", "X-Key: planted-word", "--", "cat"], &["--header", "environment"]),
        (&["tap", "--header", "planted-word", url], &["--header", "no name", "Name: value"]),
        (&["tap", "--header", "X-Key: env:planted-word", url], &["x-key", "not set"]),
        (&["tap", "--header", "X-Key: file:/planted-word", url], &["x-key", "cannot be read"]),
        (&["tap", "--header", "Host: planted-word", url], &["host", "the tap itself"]),
        (&[&listen[..], &["--server-era", "modern", url]].concat(), &["--server-era", "--bridge"]),
        (&[&listen[..], &["--max-message", "1", url]].concat(), &["--max-message", "--bridge"]),
        (&["tap", "--client-era", "legacy", "--", "cat"], &["--client-era", "--bridge"]),
        (
            &[&listen[..], &["127.0.0.1:9/mcp"]].concat(),
            &["cannot be used", "no scheme", "https://host/path"],
        ),
        (&[&listen[..], &["ftp://host/mcp"]].concat(), &["neither http nor https"]),
        (&[&listen[..], &["https://"]].concat(), &["cannot be used"]),
        (
            &[&listen[..], &["https://me:planted-word@host/"]].concat(),
            &["a user name in the URL", "Authorization"],
        ),
        (&["tap", "--listen", &taken.1, url], &[&taken.1, "another port"]),
        (&["tap", "--listen", "0.0.0.0:0", url], &["other machines could reach", "--network"]),
        (
            &[&listen[..], &["--ca-file", "/no/such/file", "https://127.0.0.1:9/"]].concat(),
            &["/no/such/file", "PEM"],
        ),
        (&[&listen[..], &["--ca-file", &no_pem, "https://127.0.0.1:9/"]].concat(), &[&no_pem, "PEM"]),
        (&["calls", "tol:search"], &["tol", "tool"]),
        (&["calls", "tol == \"search\""], &["tol", "tool"]),
        (&["calls", "status:eror"], &["eror", "error"]),
        (&["calls", "tool =="], &["cause:"]),
        (&["tail", "--once", "durration>1s"], &["durration", "duration"]),
        (&["stats", "tol:search"], &["tol", "tool"]),
        (&["tap", "npx", "-y", "server"], &["`npx`", "tapgate tap -- npx"]),
        (&["tap", "server.js"], &["`server.js`", "tapgate tap -- server.js"]),
        (&["show", "last"], &["`last`", "nothing is recorded yet", "tapgate demo"]),
        (&["show", "x999"], &["`x999`", "tapgate calls"]),
        (&["show", "what"], &["`what`", "tapgate calls"]),
        (&["show", "\u{1b}[31m"], &["nothing in the journal"]),
        (&["calls", "--session", "s999"], &["`s999`"]),
        (&["prune", "--session", "s999"], &["`s999`"]),
        (&["prune", "--source", "nobody"], &["`nobody`"]),
    ];
    for (args, says) in cases {
        let ran = home.run(args);
        let err = ran.err();
        // A command that cannot be started is a peer that cannot be reached, as `check` and `replay` say it.
        let status = if err.contains("failed to start") { UNREACHABLE } else { USAGE };
        assert_eq!((ran.code, ran.out().as_str()), (Some(status), ""), "{args:?}: {err}");
        assert!(err.starts_with("tapgate: ") && err.contains("\n  help:  "), "{args:?}: {err}");
        for word in *says {
            assert!(err.contains(word), "{args:?} does not say {word}: {err}");
        }
        assert!(!err.contains("planted-word") && !err.contains('\u{1b}'), "{args:?}: {err}");
        is_one_object(&home.run(&[&["--json"], *args].concat()), status);
    }
}

#[test]
fn a_server_that_dies_at_once_speaks_for_itself() {
    let home = Home::new();
    for (script, status) in
        [("echo broken >&2; exit 7", 7), ("echo broken >&2; exit 0", 0), ("echo broken >&2; exit 255", 255)]
    {
        let ran = home.run(&["tap", "--", "sh", "-c", script]);
        assert_eq!(
            (ran.code, ran.out().as_str(), ran.err().as_str()),
            (Some(status), "", "broken\n"),
            "{script}"
        );
    }
    let ran = home.run(&["tap", "--", "sh", "-c", "kill -9 $$"]);
    assert_eq!((ran.code, ran.err().as_str()), (None, ""), "a signal passes");
    assert_eq!(home.run(&["ls", "--table"]).code, Some(0));
}

#[test]
fn looking_at_nothing_is_no_error() {
    let home = Home::new();
    for args in [
        &["ls"][..],
        &["calls"],
        &["stats"],
        &["tail", "--once"],
        &["explain"],
        &["prune"],
        &["prune", "--all"],
    ] {
        for form in ["--table", "--json"] {
            let ran = home.run(&[args, &[form]].concat());
            assert_eq!((ran.code, ran.err().as_str()), (Some(0), ""), "{args:?}");
        }
    }
    for args in [&["--help"][..], &["--version"], &["tap", "--help"], &["calls", "--help"]] {
        let ran = home.run(args);
        assert_eq!((ran.code, ran.err().as_str()), (Some(0), ""), "{args:?}");
        assert!(!ran.stdout.is_empty());
    }
}

/// Errors with `--json` are one object on standard error, and nothing else anywhere.
fn is_one_object(ran: &Ran, status: i32) {
    assert_eq!((ran.code, ran.out().as_str()), (Some(status), ""), "{}", ran.err());
    let object: Value =
        serde_json::from_slice(&ran.stderr).unwrap_or_else(|_| panic!("no JSON: {}", ran.err()));
    let error = &object["error"];
    for member in ["code", "message", "help"] {
        assert!(error[member].as_str().is_some_and(|text| !text.is_empty()), "{member} is missing: {object}");
    }
    assert!(error.get("cause").is_some(), "{object}");
    assert_eq!(ran.err().lines().count(), 1);
}
