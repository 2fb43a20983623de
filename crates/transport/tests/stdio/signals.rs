//! How a server ends, and what it is sent, passes.

use std::process::Command;

use rustix::process::Signal;

use crate::rig::{Running, python, signal, tap_binary, until};

#[test]
fn an_exit_status_passes() {
    for code in [0, 1, 2, 3, 42, 127, 255] {
        let mut tap = Running::tap(&["sh", "-c", &format!("echo last words >&2; exit {code}")]);
        assert_eq!(tap.status(), code);
        assert_eq!(tap.rest_of_stderr(), "last words\n");
    }
}

#[test]
fn a_server_that_a_signal_ended_ends_the_tap_by_the_same_signal() {
    for number in [1, 2, 3, 6, 9, 10, 11, 13, 14, 15] {
        let script = format!("ulimit -c 0; kill -{number} $$");
        let mut server = Command::new("sh");
        server.args(["-c", &script]);
        let direct = Running::start(server).wait();
        let tapped = Running::tap(&["sh", "-c", &script]).wait();
        assert_eq!(tapped, direct, "signal {number}");
    }
}

#[test]
fn signals_reach_the_server_and_end_nothing_by_themselves() {
    let program = "
import signal, sys, os
names = ['SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGTERM']
for name in names:
    signal.signal(getattr(signal, name), lambda n, _: os.write(1, b'%d\\n' % n))
print('ready')
sys.stdin.read()
sys.exit(4)
";
    let mut tap = Running::tap(&python(program));
    assert_eq!(tap.line(), "ready");
    let sent = [Signal::INT, Signal::HUP, Signal::QUIT, Signal::USR1, Signal::USR2, Signal::TERM];
    for sent in sent {
        signal(tap.pid(), sent);
        assert_eq!(tap.line(), sent.as_raw().to_string());
    }
    drop(tap.stdin.take());
    assert_eq!(tap.status(), 4);
}

#[test]
fn a_signal_reaches_the_servers_children_too() {
    // `sh` waits for its child; only the group brings the signal to both.
    let mut tap = Running::tap(&["sh", "-c", "sh -c 'echo ready; sleep 1000'; echo not reached"]);
    assert_eq!(tap.line(), "ready");
    signal(tap.pid(), Signal::TERM);
    assert_eq!(tap.status(), 143);
    assert_eq!(tap.rest_of_stdout(), b"");
}

#[test]
fn a_signal_that_the_tap_was_told_to_ignore_is_ignored_by_the_server_too() {
    let mut shell = Command::new("sh");
    let script = "trap '' HUP; exec \"$0\" sh -c 'grep SigIgn /proc/self/status; cat'";
    shell.args(["-c", script]).arg(tap_binary());
    let mut tap = Running::start(shell);
    let ignored = tap.line();
    let ignored = u64::from_str_radix(ignored.trim_start_matches("SigIgn:").trim(), 16).unwrap();
    assert_eq!(ignored & 1, 1, "HUP is number 1");
    signal(tap.pid(), Signal::HUP);
    tap.send(b"alive\n");
    assert_eq!(tap.line(), "alive");
}

#[test]
fn a_tap_that_was_told_to_end_does_not_wait_for_a_client_that_does_not_read() {
    let mut tap = Running::tap(&["sh", "-c", "echo $$; exec cat /dev/zero"]);
    let server = tap.pid_line();
    // The flood fills the pipes; the answer's lane stands in the middle of a write.
    until("the flood stands", || {
        std::fs::read_to_string(format!("/proc/{server}/stat")).is_ok_and(|stat| stat.contains(") S "))
    });
    signal(tap.pid(), Signal::TERM);
    assert_eq!(tap.status(), 143);
}
