//! Nothing is left behind, whoever dies, and however.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::rig::{
    Running, children_of, guard_and_server_of, python, signal, tap_binary, tapped, until, until_gone,
};

/// A server that does not care for the end of its input, with a child and a grandchild; each says its id.
/// `trap` is what each does first, `last` what the server does in the end.
fn family(trap: &str, last: &str) -> String {
    format!(
        "{trap}
sleep 1000 & echo $!
sh -c '{trap}
sleep 1000 & echo $!; wait' &
echo $!
echo $$
{last}"
    )
}

/// Everything that a tap on [`family`] started, guard included.
fn everybody(tap: &mut Running) -> Vec<u32> {
    let mut all: Vec<u32> = (0..4).map(|_| tap.pid_line()).collect();
    all.extend(children_of(tap.pid()));
    assert_eq!(all.len(), 6, "four of the family, of which one is also a child of the tap beside the guard");
    all
}

const STUBBORN: &str = r#"trap "" TERM INT HUP"#;

#[test]
fn a_servers_children_end_with_it() {
    for trap in ["", STUBBORN] {
        let mut tap = Running::tap(&["sh", "-c", &family(trap, "read line; exit 6")]);
        let all = everybody(&mut tap);
        tap.send(b"go\n");
        assert_eq!(tap.status(), 6, "{trap}");
        until_gone(&all);
    }
}

#[test]
fn a_term_to_the_tap_ends_everybody() {
    let mut tap = Running::tap(&["sh", "-c", &family("", "wait")]);
    let all = everybody(&mut tap);
    signal(tap.pid(), Signal::TERM);
    assert_eq!(tap.status(), 143);
    until_gone(&all);
}

#[test]
fn a_kill_of_the_tap_ends_everybody() {
    for trap in ["", STUBBORN] {
        let mut tap = Running::tap(&["sh", "-c", &family(trap, "wait")]);
        let all = everybody(&mut tap);
        signal(tap.pid(), Signal::KILL);
        until_gone(&all);
    }
}

#[test]
fn a_kill_of_the_taps_whole_group_ends_everybody() {
    for trap in ["", STUBBORN] {
        let mut command = tapped(&["sh", "-c", &family(trap, "wait")]);
        command.process_group(0);
        let mut tap = Running::start(command);
        let all = everybody(&mut tap);
        kill_process_group(Pid::from_child(&tap.child), Signal::KILL).unwrap();
        until_gone(&all);
    }
}

#[test]
fn a_term_to_the_taps_group_does_not_end_the_guard_before_its_work_is_done() {
    let mut command = tapped(&["sh", "-c", &family(STUBBORN, "wait")]);
    command.process_group(0);
    let mut tap = Running::start(command);
    let all = everybody(&mut tap);
    let group = Pid::from_child(&tap.child);
    kill_process_group(group, Signal::TERM).unwrap();
    for &pid in &all {
        // Also somebody who ends every process by name reaches the guard.
        signal(pid, Signal::TERM);
    }
    kill_process_group(group, Signal::KILL).unwrap();
    until_gone(&all);
}

#[test]
fn a_client_that_is_killed_ends_everybody_even_in_the_middle_of_a_word() {
    for n_stuck in [0, 1_000_000] {
        // A client that starts the tap, says more than pipes hold to a server that does not read, and hangs.
        let client = "
import os, subprocess, sys
n = int(sys.argv[2])
tap = subprocess.Popen(sys.argv[3:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
print(tap.pid)
for _ in range(4):
    print(tap.stdout.readline().decode(), end='')
sys.stdin.readline()
if n:
    os.write(tap.stdin.fileno(), b'x' * n)
sys.stdin.readline()
";
        let mut command = Command::new("python3");
        command.args(&python(client)[1..]).arg(n_stuck.to_string()).arg(tap_binary());
        command.args(["sh", "-c", &family("", "wait")]).env("TAP_GRACE_MS", "200");
        let mut client = Running::start(command);
        let tap = client.pid_line();
        let mut all = vec![tap];
        all.extend((0..4).map(|_| client.pid_line()));
        all.extend(children_of(tap));
        assert_eq!(all.len(), 7);
        client.send(b"go\n");
        if n_stuck > 0 {
            let stat = format!("/proc/{}/wchan", client.pid());
            let syscall = format!("/proc/{}/syscall", client.pid());
            until("the client stands in a write", || {
                // Number 1 is write on x86-64, 64 on arm64.
                std::fs::read_to_string(&syscall)
                    .is_ok_and(|call| call.starts_with("1 ") || call.starts_with("64 "))
                    || std::fs::read_to_string(&stat).is_ok_and(|wait| wait.contains("pipe_write"))
            });
        }
        signal(client.pid(), Signal::KILL);
        until_gone(&all);
    }
}

#[test]
fn a_client_that_closed_its_input_and_lives_may_wait_as_long_as_it_likes() {
    // The server takes several times the grace of 300 ms to end after its input did.
    let mut tap = Running::tap(&["sh", "-c", "cat; sleep 1.5; echo done; exit 8"]);
    drop(tap.stdin.take());
    assert_eq!(tap.rest_of_stdout(), b"done\n");
    assert_eq!(tap.status(), 8);
}

#[test]
fn a_killed_guard_saves_nobody() {
    let mut tap = Running::tap(&["sh", "-c", &family(STUBBORN, "read line; exit 6")]);
    let all = everybody(&mut tap);
    let (guard, _) = guard_and_server_of(tap.pid());
    signal(guard, Signal::KILL);
    tap.send(b"go\n");
    assert_eq!(tap.status(), 6);
    until_gone(&all);
}

#[test]
fn a_process_that_left_the_group_and_holds_the_pipes_does_not_keep_the_tap() {
    let program = "
import os, sys, time
if os.fork() == 0:
    os.setsid()
    os.write(1, b'%d\\n' % os.getpid())
    time.sleep(1000)
sys.stdin.readline()
sys.exit(2)
";
    let mut tap = Running::tap(&python(program));
    let escaped = tap.pid_line();
    tap.send(b"go\n");
    assert_eq!(tap.status(), 2);
    assert_eq!(tap.rest_of_stdout(), b"");
    signal(escaped, Signal::KILL);
}
