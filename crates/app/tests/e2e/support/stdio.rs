//! A stdio tap whose client and server are both the test.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{ChildStdin, ChildStdout, Command};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};

use super::run::{Home, PATIENCE, Running};

/// The script that hands a server's pipes to the test.
fn relay() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/support/relay.sh").to_owned()
}

/// The server's ends of a tap's pipes.
pub(crate) struct Relayed {
    /// What the server reads.
    pub(crate) stdin: BufReader<TcpStream>,
    /// What the server writes.
    pub(crate) stdout: TcpStream,
    /// What the server complains.
    pub(crate) stderr: TcpStream,
    /// The server's process, which leads its group.
    pub(crate) pid: i32,
}

impl Relayed {
    /// Takes the three connections of a relay.
    pub(crate) fn accept(listener: &TcpListener) -> Self {
        let next = || {
            let (stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.set_nodelay(true).unwrap();
            stream
        };
        let mut stdin = BufReader::new(next());
        let mut pid = String::new();
        stdin.read_line(&mut pid).unwrap();
        Self { stdin, stdout: next(), stderr: next(), pid: pid.trim().parse().unwrap() }
    }
}

/// The tap's standard error, as it grows.
#[derive(Clone, Default)]
struct Heard(Arc<Ear>);

#[derive(Default)]
struct Ear {
    /// What came, and whether that is all.
    heard: Mutex<(Vec<u8>, bool)>,
    grown: Condvar,
}

impl Heard {
    fn listen(&self, mut from: impl Read + Send + 'static) -> JoinHandle<()> {
        let Self(shared) = self.clone();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                let n_read = from.read(&mut buffer).unwrap_or(0);
                let mut heard = shared.heard.lock().unwrap();
                heard.0.extend_from_slice(&buffer[..n_read]);
                heard.1 = n_read == 0;
                shared.grown.notify_all();
                if n_read == 0 {
                    return;
                }
            }
        })
    }

    /// Waits until `bytes` was heard at or after `from`; gives where it ends.
    fn wait_for(&self, bytes: &[u8], from: usize) -> usize {
        let Ear { heard, grown } = &*self.0;
        let mut heard = heard.lock().unwrap();
        loop {
            let found = heard.0[from..].windows(bytes.len()).position(|window| window == bytes);
            if let Some(at) = found {
                return from + at + bytes.len();
            }
            assert!(!heard.1, "the tap's stderr ended before {:?} came", bytes.escape_ascii().to_string());
            heard = grown.wait(heard).unwrap();
        }
    }
}

/// A tap between two ends that the test holds.
pub(crate) struct StdioTap {
    pub(crate) tap: Running,
    pub(crate) to_server: Option<ChildStdin>,
    pub(crate) from_server: BufReader<ChildStdout>,
    pub(crate) server: Option<Relayed>,
    heard: Heard,
    listener: JoinHandle<()>,
    /// Where on the tap's standard error each piece of the server's begins and ends.
    passed: Vec<std::ops::Range<usize>>,
}

impl StdioTap {
    /// Starts `tapgate tap FLAGS -- bash relay.sh PORT ARGS`.
    pub(crate) fn start(home: &Home, flags: &[&str], args: &[&str]) -> Self {
        Self::start_with(home, flags, args, |_| ())
    }

    /// As [`Self::start`], with a last word on the command.
    pub(crate) fn start_with(
        home: &Home,
        flags: &[&str],
        args: &[&str],
        adjust: impl FnOnce(&mut Command),
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let relay = relay();
        let mut command = home.command(&[&["tap"], flags, &["--", "bash", &relay, &port], args].concat());
        adjust(&mut command);
        let mut tap = Running::start(&mut command);
        let server = Relayed::accept(&listener);
        let heard = Heard::default();
        let listener = heard.listen(tap.child.stderr.take().unwrap());
        Self {
            to_server: tap.child.stdin.take(),
            from_server: BufReader::new(tap.child.stdout.take().unwrap()),
            server: Some(server),
            tap,
            heard,
            listener,
            passed: Vec::new(),
        }
    }

    pub(crate) fn server(&mut self) -> &mut Relayed {
        self.server.as_mut().expect("the server runs")
    }

    /// The client writes the pieces; each has reached the server, as it was, before the next is written.
    pub(crate) fn client_says(&mut self, pieces: &[&[u8]]) {
        for piece in pieces {
            let pipe = self.to_server.as_mut().expect("the client runs");
            pipe.write_all(piece).and_then(|()| pipe.flush()).unwrap();
            expect(&mut self.server.as_mut().expect("the server runs").stdin, piece, "the server");
        }
    }

    /// The server writes the pieces; each has reached the client, as it was, before the next is written.
    pub(crate) fn server_says(&mut self, pieces: &[&[u8]]) {
        for piece in pieces {
            self.server().stdout.write_all(piece).unwrap();
            expect(&mut self.from_server, piece, "the client");
        }
    }

    /// The server complains in pieces; each has reached the client's terminal before the next is written.
    pub(crate) fn server_warns(&mut self, pieces: &[&[u8]]) {
        for piece in pieces {
            self.server().stderr.write_all(piece).unwrap();
            let from = self.passed.last().map_or(0, |last| last.end);
            let end = self.heard.wait_for(piece, from);
            self.passed.push(end - piece.len()..end);
        }
    }

    /// Ends both peers as well-behaved ones end; gives the tap's status and what it said itself on standard error.
    pub(crate) fn end(mut self) -> (Option<i32>, Vec<u8>) {
        drop(self.to_server.take());
        if let Some(mut server) = self.server.take() {
            let mut rest = Vec::new();
            server.stdin.read_to_end(&mut rest).unwrap();
            assert!(rest.is_empty(), "the server got what nobody sent: {}", rest.escape_ascii());
        }
        let mut rest = Vec::new();
        self.from_server.read_to_end(&mut rest).unwrap();
        assert!(rest.is_empty(), "the client got what nobody sent: {}", rest.escape_ascii());
        let status = self.tap.wait();
        self.listener.join().unwrap();
        let heard = &self.heard.0.heard.lock().unwrap().0;
        let mut own = Vec::new();
        let mut at = 0;
        for passed in self.passed {
            own.extend_from_slice(&heard[at..passed.start]);
            at = passed.end;
        }
        own.extend_from_slice(&heard[at..]);
        (status.code(), own)
    }
}

fn expect(from: &mut impl Read, piece: &[u8], who: &str) {
    let mut came = vec![0; piece.len()];
    from.read_exact(&mut came).unwrap();
    assert!(came == piece, "{who} got {} instead of {}", came.escape_ascii(), piece.escape_ascii());
}
