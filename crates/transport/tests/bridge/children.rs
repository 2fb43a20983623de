//! Servers that are processes.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use tapgate_transport::bridge::ServerEdge;
use tapgate_wire::edge::{Act, ChildId, Heard};

use super::rig::{
    GRACE, command, command_within, example, hear, is_alive, listen, listening, piped, run, until_gone,
};

const CHILD: ChildId = ChildId(1);

async fn ends_as(server: ServerEdge, expected: &str) {
    let (mut edges, _addr) = listening(listen(), server);
    edges.perform(Act::Spawn { child: CHILD });
    loop {
        match edges.hear(None).await {
            heard @ Heard::Exited { .. } => break assert_eq!(super::rig::short(&heard), expected),
            Heard::Started { .. } | Heard::ChildLine { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    edges.close(GRACE).await;
}

#[test]
fn how_a_child_ended_is_told_with_its_last_words() {
    run(async {
        ends_as(
            command(&["sh", "-c", "echo one >&2; echo two >&2; exit 3"]),
            "exited 1 exit status 3 \"one\\ntwo\\n\"",
        )
        .await;
        ends_as(command(&["sh", "-c", "kill -9 $$"]), "exited 1 signal 9 \"\"").await;
        ends_as(command(&["/no/such/command"]), "exited 1 no such command \"\"").await;
        ends_as(command(&["/tmp"]), "exited 1 it is a directory \"\"").await;
    });
}

#[test]
fn only_the_last_lines_of_many_words_are_kept() {
    run(async {
        let (mut edges, _addr) =
            listening(listen(), command(&["sh", "-c", "seq 100000 199999 >&2; echo '{}'"]));
        edges.perform(Act::Spawn { child: CHILD });
        assert_eq!(hear(&mut edges, 2).await, ["started 1", "child 1 {}"]);
        let Heard::Exited { last_words, .. } = edges.hear(None).await else { panic!("it ended") };
        assert!(last_words.len() <= 4096 && last_words.len() > 4000, "{}", last_words.len());
        assert!(last_words.lines().all(|line| line.len() == 6), "a line is cut");
        assert!(last_words.ends_with("\n199999\n"));
    });
}

#[test]
fn all_that_a_child_said_is_heard_before_its_end() {
    run(async {
        let (mut edges, mut client) = piped(command(&["sh", "-c", "seq 1 5000; echo bye >&2"]));
        edges.perform(Act::Spawn { child: CHILD });
        let mut heard = hear(&mut edges, 5002).await;
        assert_eq!(heard.pop().unwrap(), r#"exited 1 exit status 0 "bye\n""#);
        assert_eq!(heard.last().unwrap(), "child 1 5000");
        let mut talk = [0; 4];
        client.stderr.read_exact(&mut talk).unwrap();
        assert_eq!(&talk, b"bye\n");
    });
}

#[test]
fn a_child_that_ignores_the_end_of_its_input_is_ended() {
    run(async {
        // With a child of its own that holds its pipes and ignores TERM.
        let server = "trap '' TERM; sleep 1000 & echo $!; while :; do sleep 0.05; done";
        let (mut edges, _addr) = listening(listen(), command_within(GRACE, &["sh", "-c", server]));
        edges.perform(Act::Spawn { child: CHILD });
        let heard = [edges.hear(None).await, edges.hear(None).await];
        let [Heard::Started { pid, .. }, Heard::ChildLine { message, .. }] = heard else {
            panic!("{heard:?}")
        };
        let below: u32 = std::str::from_utf8(message.raw()).unwrap().parse().unwrap();
        assert!(is_alive(pid) && is_alive(below));
        edges.perform(Act::End { child: CHILD });
        assert_eq!(hear(&mut edges, 1).await, [r#"exited 1 signal 9 """#]);
        until_gone(&[pid, below]);
    });
}

#[test]
fn what_a_child_leaves_behind_is_ended_with_it() {
    run(async {
        let (mut edges, _addr) = listening(listen(), command(&["sh", "-c", "sleep 1000 & echo $!"]));
        edges.perform(Act::Spawn { child: CHILD });
        let Heard::Started { .. } = edges.hear(None).await else { panic!("it starts") };
        let Heard::ChildLine { message, .. } = edges.hear(None).await else { panic!("it speaks") };
        assert_eq!(hear(&mut edges, 1).await, [r#"exited 1 exit status 0 """#]);
        until_gone(&[std::str::from_utf8(message.raw()).unwrap().parse().unwrap()]);
    });
}

#[test]
fn a_child_that_does_not_read_is_given_up() {
    run(async {
        let (mut edges, _addr) = listening(listen(), command(&["sleep", "1000"]));
        edges.perform(Act::Spawn { child: CHILD });
        assert_eq!(hear(&mut edges, 1).await, ["started 1"]);
        let line = bytes::Bytes::from(vec![b' '; 1 << 20]);
        for _ in 0..70 {
            edges.perform(Act::Write { child: CHILD, bytes: line.clone() });
        }
        assert_eq!(hear(&mut edges, 1).await, [r#"exited 1 does not read its input """#]);
        // Nobody is there, and nobody minds.
        edges.perform(Act::Write { child: CHILD, bytes: line });
        edges.perform(Act::End { child: CHILD });
        assert!(edges.try_hear().is_none());
    });
}

#[test]
fn a_child_that_closes_its_output_and_lives_is_ended() {
    run(async {
        let server = "echo last words >&2; exec >&-; exec sleep 1000";
        let (mut edges, _addr) = listening(listen(), command_within(GRACE, &["sh", "-c", server]));
        edges.perform(Act::Spawn { child: CHILD });
        let said = [r"started 1", r#"exited 1 closed its output and did not end "last words\n""#];
        assert_eq!(hear(&mut edges, 2).await, said);
    });
}

#[test]
fn two_hundred_children_speak_at_once_and_leave_nobody() {
    run(async {
        const N: u64 = 200;
        let (mut edges, _addr) = listening(listen(), command(&["cat"]));
        for child in 0..N {
            edges.perform(Act::Spawn { child: ChildId(child) });
            edges.perform(Act::Write { child: ChildId(child), bytes: format!("{child}").into() });
        }
        let mut pids = HashMap::new();
        let (mut n_said, mut n_ended) = (0, 0);
        while n_ended < N {
            match edges.hear(None).await {
                Heard::Started { child, pid } => drop(pids.insert(child, pid)),
                Heard::ChildLine { child, message } => {
                    assert_eq!(*message.raw(), child.0.to_string());
                    n_said += 1;
                    if n_said == N {
                        (0..N).for_each(|child| edges.perform(Act::End { child: ChildId(child) }));
                    }
                }
                Heard::Exited { how, .. } => {
                    assert_eq!((n_said, &*how), (N, "exit status 0"));
                    n_ended += 1;
                }
                other => panic!("{other:?}"),
            }
        }
        let pids: Vec<u32> = pids.into_values().collect();
        assert_eq!(pids.len() as u64, N);
        assert!(!pids.iter().any(|&pid| is_alive(pid)));
    });
}

#[test]
fn edges_that_are_dropped_leave_no_child() {
    let mut pids = Vec::new();
    run(async {
        let (mut edges, _addr) = listening(listen(), command(&["sleep", "1000"]));
        edges.perform(Act::Spawn { child: CHILD });
        let Heard::Started { pid, .. } = edges.hear(None).await else { panic!("it starts") };
        pids.push(pid);
    });
    until_gone(&pids);
}

#[test]
fn closing_the_edges_ends_the_children() {
    run(async {
        let (mut edges, mut client) = piped(command(&["sh", "-c", "cat; printf end >&2"]));
        edges.perform(Act::Spawn { child: CHILD });
        let Heard::Started { pid, .. } = edges.hear(None).await else { panic!("it starts") };
        edges.close(Duration::from_secs(20)).await;
        assert!(!is_alive(pid));
        let mut talk = String::new();
        client.stderr.read_to_string(&mut talk).unwrap();
        assert_eq!(talk, "end");
    });
}

#[test]
fn a_bridge_that_is_killed_leaves_no_child() {
    let mut bridge = Command::new(example("bridge_lines"));
    let server = "trap '' TERM; echo $$; while :; do sleep 0.05; done";
    bridge.args(["sh", "-c", server]).env("TAP_GRACE_MS", "200");
    let mut bridge = bridge.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(bridge.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let server: u32 = line.trim().parse().unwrap();
    assert!(is_alive(server));
    bridge.kill().unwrap();
    bridge.wait().unwrap();
    until_gone(&[server]);
}

#[test]
fn a_child_is_refused_where_the_server_is_a_url() {
    run(async {
        let (mut edges, _addr) = listening(listen(), super::rig::url("http://localhost:1/mcp"));
        edges.perform(Act::Spawn { child: CHILD });
        assert_eq!(hear(&mut edges, 1).await, [r#"exited 1 the server is a URL and no command """#]);
    });
}
