//! A client on pipes.

use std::io::{Read as _, Write as _};
use std::thread;
use std::time::Duration;

use tapgate_transport::Clock;
use tapgate_transport::bridge::{ClientEdge, Edges};
use tapgate_transport::stdio::ClientPipes;
use tapgate_wire::Kind;
use tapgate_wire::edge::{Act, ChildId, Heard};

use super::rig::{command, hear, piped, python, run, soon};

#[test]
fn lines_pass_both_ways_however_they_are_cut() {
    run(async {
        let (mut edges, mut client) = piped(command(&["cat"]));
        let mut stdin = client.stdin.take().unwrap();
        stdin.write_all(br#"{"jsonrpc":"2.0","#).unwrap();
        // The first part is read alone, because a read of nothing else is awaited in between.
        edges.perform(Act::Spawn { child: ChildId(1) });
        assert_eq!(hear(&mut edges, 1).await, ["started 1"]);
        stdin.write_all(b"\"method\":\"a\"}\n\n{\"id\":1}\nnoise\n{\"last\":1}").unwrap();
        assert_eq!(hear(&mut edges, 1).await, [r#"line {"jsonrpc":"2.0","method":"a"}"#]);
        let heard = [edges.hear(None).await, edges.hear(None).await];
        let kinds = heard.map(|heard| match heard {
            Heard::Line { message } => message.shape().kind,
            other => panic!("{other:?}"),
        });
        assert_eq!(kinds, [Kind::Other, Kind::Other]);
        drop(stdin);
        assert_eq!(hear(&mut edges, 2).await, [r#"line {"last":1}"#, "line end"]);
        edges.perform(Act::Write { child: ChildId(1), bytes: "{\n\"a\":\r\n1}".into() });
        assert_eq!(hear(&mut edges, 1).await, [r#"child 1 { "a":  1}"#]);
        edges.perform(Act::Line("{\r\n}".into()));
        edges.perform(Act::End { child: ChildId(1) });
        edges.close(Duration::from_secs(20)).await;
        let mut said = String::new();
        client.stdout.read_to_string(&mut said).unwrap();
        assert_eq!(said, "{  }\n");
    });
}

#[test]
fn a_message_of_ten_megabytes_passes_both_ways_whole() {
    run(async {
        let (mut edges, mut client) = piped(command(&["cat"]));
        let message = format!("{{\"a\":\"{}\"}}", "x".repeat(10 << 20));
        let line = format!("{message}\n");
        let mut stdin = client.stdin.take().unwrap();
        let sending = thread::spawn(move || stdin.write_all(line.as_bytes()).unwrap());
        edges.perform(Act::Spawn { child: ChildId(1) });
        let mut came = None;
        while came.is_none() {
            match edges.hear(None).await {
                Heard::Line { message } => {
                    edges.perform(Act::Write { child: ChildId(1), bytes: message.to_wire() });
                }
                Heard::ChildLine { message, .. } => came = Some(message.to_wire()),
                Heard::Started { .. } | Heard::LineEnd => {}
                other => panic!("{other:?}"),
            }
        }
        sending.join().unwrap();
        edges.perform(Act::Line(came.unwrap()));
        let mut stdout = client.stdout;
        let reading = thread::spawn(move || {
            let mut said = String::new();
            stdout.read_to_string(&mut said).map(|_| said)
        });
        edges.close(Duration::from_secs(20)).await;
        assert!(reading.join().unwrap().unwrap().trim_end() == message, "the message changed");
    });
}

#[test]
fn a_line_beyond_the_limit_is_told_without_its_bytes() {
    run(async {
        let ((stdin, mut to_stdin), (_stdout, to_stdout), (_stderr, to_stderr)) =
            (std::io::pipe().unwrap(), std::io::pipe().unwrap(), std::io::pipe().unwrap());
        let pipes = ClientPipes { stdin: stdin.into(), stdout: to_stdout.into(), stderr: to_stderr.into() };
        let mut edges =
            Edges::bind(ClientEdge::Pipe(pipes), command(&["cat"]), Clock::start(), 100_000).unwrap();
        let padding = "x".repeat(1 << 20);
        thread::spawn(move || {
            let message = format!(r#"{{"jsonrpc":"2.0","id":7,"method":"a","params":{{"a":"{padding}"}}}}"#);
            // Looks like a message for as long as it is kept.
            let noise = format!("{{}} {}x", " ".repeat(200_000));
            to_stdin.write_all(format!("{message}\n{noise}\n").as_bytes()).unwrap();
        });
        let mut told = Vec::new();
        for _ in 0..2 {
            let Heard::Line { message } = edges.hear(None).await else { panic!("no line") };
            assert!(!message.is_whole() && message.raw().len() < 100_000);
            told.push((message.shape().kind, message.size()));
        }
        assert_eq!(told[0].0, Kind::Request);
        assert_eq!(told[1].0, Kind::Other);
        assert!(told.iter().all(|(_, size)| *size > 200_000), "{told:?}");
    });
}

/// Writes lines as fast as it can, and says on standard error how many its pipe took.
const FLOOD: &str = r#"
import sys
for n in range(100_000):
    sys.stdout.write('{"n":"%s"}\n' % ("x" * 1000))
    sys.stderr.write("%d\n" % n)
"#;

#[test]
fn a_client_that_does_not_read_stops_the_server_and_is_still_heard() {
    run(async {
        let (mut edges, mut client) = piped(python(FLOOD));
        edges.perform(Act::Spawn { child: ChildId(1) });
        let mut n_lines = 0;
        // Long enough for all 100 MB, if nothing stopped them.
        let until = tapgate_wire::Nanos(u64::MAX);
        let quiet = Duration::from_secs(1);
        while let Ok(heard) = tokio::time::timeout(quiet, edges.hear(Some(until))).await {
            if let Heard::ChildLine { message, .. } = heard {
                n_lines += 1;
                edges.perform(Act::Line(message.to_wire()));
            }
        }
        assert!((1000..2000).contains(&n_lines), "{n_lines} lines of 1 kB were heard");
        assert!(edges.try_hear().is_none());
        let mut stdin = client.stdin.take().unwrap();
        stdin.write_all(b"{}\n").unwrap();
        assert_eq!(hear(&mut edges, 1).await, ["line {}"]);
        let mut told = vec![0; 1 << 20];
        let n = client.stderr.read(&mut told).unwrap();
        let n_written = String::from_utf8_lossy(&told[..n]).lines().count();
        assert!(n_written < 50_000, "the child wrote {n_written} lines");
        // Once it reads, everything comes.
        let mut stdout = client.stdout;
        let mut stderr = client.stderr;
        thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
        let reading = thread::spawn(move || {
            let mut said = Vec::new();
            stdout.read_to_end(&mut said).map(|_| said.split(|&byte| byte == b'\n').count())
        });
        loop {
            match edges.hear(None).await {
                Heard::ChildLine { message, .. } => edges.perform(Act::Line(message.to_wire())),
                Heard::Exited { how, .. } => break assert_eq!(how, "exit status 0"),
                other => panic!("{other:?}"),
            }
        }
        edges.close(Duration::from_secs(20)).await;
        // The last one is empty.
        assert_eq!(reading.join().unwrap().unwrap(), 100_001);
    });
}

#[test]
fn a_client_that_closes_its_end_is_gone() {
    run(async {
        let (mut edges, client) = piped(command(&["cat"]));
        let (stdin, stdout) = (client.stdin, client.stdout);
        drop(stdout);
        assert_eq!(hear(&mut edges, 1).await, ["line end"]);
        // Each end is told once.
        drop(stdin);
        assert_eq!(hear(&mut edges, 1).await, ["line end"]);
        edges.perform(Act::Spawn { child: ChildId(1) });
        edges.perform(Act::End { child: ChildId(1) });
        assert_eq!(hear(&mut edges, 2).await, ["started 1", r#"exited 1 exit status 0 """#]);
    });
}

#[test]
fn time_that_is_reached_is_a_tick() {
    run(async {
        let (mut edges, _client) = piped(command(&["cat"]));
        assert!(matches!(edges.hear(Some(soon())).await, Heard::Tick));
        assert!(edges.try_hear().is_none());
    });
}
