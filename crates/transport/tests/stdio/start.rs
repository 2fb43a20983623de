//! A command that cannot be started is an error that says why; one that dies at once is not.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use tapgate_transport::stdio::{ClientPipes, Options, tap};
use tapgate_transport::{Clock, Error, Obstacle, queue};
use tapgate_wire::Leg;

use crate::rig::{Running, tap_binary};

fn obstacle(command: Command) -> Obstacle {
    let null = || fs::File::options().read(true).write(true).open("/dev/null").unwrap().into();
    let client = ClientPipes { stdin: null(), stdout: null(), stderr: null() };
    let mut guard = Command::new(tap_binary());
    guard.arg("--guard");
    let (witness, _observer) = queue(1 << 20);
    let name = command.get_program().to_string_lossy().into_owned();
    match tap(command, client, &witness, Clock::start(), Options::with_guard(guard)) {
        Err(Error::Start { leg: Leg::Server, peer, obstacle, .. }) => {
            assert_eq!(peer, name);
            obstacle
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_stood_in_the_way_of_a_start_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str, mode: u32| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    };
    let cases = [
        (Command::new("no-such-server"), Obstacle::NoCommand),
        (Command::new("/no/such/server"), Obstacle::NoCommand),
        (Command::new(folder.path()), Obstacle::IsDirectory),
        (Command::new(file("plain", "#!/bin/sh\n", 0o644)), Obstacle::NotExecutable),
        (Command::new(file("no-interpreter", "#!/no/such/sh\n", 0o755)), Obstacle::NoInterpreter),
        (Command::new(file("no-program", "just text", 0o755)), Obstacle::NotAProgram),
    ];
    for (command, expected) in cases {
        let what = format!("{command:?}");
        assert_eq!(obstacle(command), expected, "{what}");
    }
    let mut elsewhere = Command::new("cat");
    elsewhere.current_dir("/no/such/folder");
    assert_eq!(obstacle(elsewhere), Obstacle::NoDirectory);
}

#[test]
fn an_error_reads_well_and_nothing_reaches_standard_output() {
    let mut tap = Running::tap(&["no-such-server"]);
    assert_eq!(tap.rest_of_stdout(), b"");
    assert_eq!(tap.rest_of_stderr(), "failed to start `no-such-server`: no such command\n");
    assert_eq!(tap.status(), 4);
}

#[test]
fn a_server_that_dies_at_once_is_an_exit_status_and_its_last_words() {
    let mut tap = Running::tap(&["sh", "-c", "echo missing module >&2; exit 1"]);
    assert_eq!(tap.rest_of_stderr(), "missing module\n");
    assert_eq!(tap.status(), 1);
}
