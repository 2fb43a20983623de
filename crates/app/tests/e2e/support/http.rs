//! An HTTP tap whose client and server are both the test.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread::JoinHandle;

use rustix::process::Signal;

use super::run::{Home, PATIENCE, Running, drain};

/// What a scripted server answers.
pub(crate) struct Answer<'a> {
    /// The status line's end, such as `200 OK`, and the header lines.
    pub(crate) head: &'a [&'a str],
    /// The body in the pieces in which it is written.
    pub(crate) body: &'a [&'a [u8]],
}

/// A running tap in front of a listener that the test answers for.
pub(crate) struct HttpTap {
    tap: Running,
    port: u16,
    server: TcpListener,
    greeting: String,
    rest: JoinHandle<Vec<u8>>,
}

impl HttpTap {
    /// Starts `tapgate tap --listen 127.0.0.1:0 FLAGS http://127.0.0.1:PORT TARGET`.
    pub(crate) fn start(home: &Home, flags: &[&str], target: &str) -> Self {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}{target}", server.local_addr().unwrap());
        let mut command = home.command(&[&["tap", "--listen", "127.0.0.1:0"], flags, &[&url]].concat());
        let (tap, port, greeting, rest) = listening(&mut command);
        Self { tap, port, server, greeting, rest }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.tap.signal(signal);
    }

    /// The next connection of the tap to its server.
    pub(crate) fn accept(&self) -> BufReader<TcpStream> {
        let (server, _) = self.server.accept().unwrap();
        server.set_read_timeout(Some(PATIENCE)).unwrap();
        BufReader::new(server)
    }

    /// One request and its answer: both arrive as they were sent, each piece before the next is written.
    ///
    /// `ask` is the request line and the header lines, of which `Host` and those on length are added here.
    pub(crate) fn exchange(&self, ask: &[&str], body: &[&[u8]], answer: &Answer<'_>) {
        let mut client = connect(self.port);
        let n_bytes: usize = body.iter().map(|piece| piece.len()).sum();
        let length = format!("Content-Length: {n_bytes}");
        let head = [&[ask[0], "Host: 127.0.0.1"], &ask[1..], &[&length, "", ""]].concat().join("\r\n");
        client.write_all(head.as_bytes()).unwrap();
        let mut pieces = body.iter();
        let first = pieces.next().copied().unwrap_or_default();
        client.write_all(first).unwrap();
        let mut server = self.accept();
        let came = read_head(&mut server);
        holds(&came, ask);
        read_same(&mut server, first, "the server");
        for piece in pieces {
            client.write_all(piece).unwrap();
            read_same(&mut server, piece, "the server");
        }
        answer.give(server.get_mut(), &mut BufReader::new(client));
    }

    /// Ends the tap as a person does; gives its status and what it said on standard error.
    pub(crate) fn end(self) -> (Option<i32>, String) {
        self.tap.signal(Signal::TERM);
        let status = self.tap.wait();
        let rest = self.rest.join().unwrap();
        (status.code(), self.greeting + &String::from_utf8_lossy(&rest))
    }
}

impl Answer<'_> {
    fn give(&self, server: &mut TcpStream, client: &mut BufReader<TcpStream>) {
        let lines = [self.head, &["Connection: close", "Transfer-Encoding: chunked", "", ""]].concat();
        server.write_all(format!("HTTP/1.1 {}", lines.join("\r\n")).as_bytes()).unwrap();
        let came = read_head(client);
        assert!(came[0].ends_with(self.head[0]), "{came:?}");
        holds(&came, &self.head[1..]);
        let mut body = Chunked { from: client, left: 0 };
        for piece in self.body {
            let framed = [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat();
            server.write_all(&framed).unwrap();
            read_same(&mut body, piece, "the client");
        }
        server.write_all(b"0\r\n\r\n").unwrap();
        let mut rest = Vec::new();
        body.read_to_end(&mut rest).unwrap();
        assert!(rest.is_empty(), "the client got what nobody sent: {}", rest.escape_ascii());
    }
}

/// Starts a tap that listens; gives it, its port, its first line on standard error, and what comes after that.
pub(crate) fn listening(command: &mut Command) -> (Running, u16, String, JoinHandle<Vec<u8>>) {
    let mut tap = Running::start(command);
    let mut stderr = BufReader::new(tap.child.stderr.take().unwrap());
    let mut greeting = String::new();
    stderr.read_line(&mut greeting).unwrap();
    let port = greeting.split_once("http://127.0.0.1:").map(|(_, rest)| rest);
    let port = port.and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok());
    let port = port.unwrap_or_else(|| panic!("the tap does not say where it listens: {greeting:?}"));
    (tap, port, greeting, drain(stderr))
}

/// Connects to a port of this machine.
pub(crate) fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Reads a head: its first line and the lines of its fields.
pub(crate) fn read_head(from: &mut BufReader<TcpStream>) -> Vec<String> {
    let lines = from.lines().map(Result::unwrap);
    lines.take_while(|line| !line.is_empty()).collect()
}

fn holds(head: &[String], lines: &[&str]) {
    for line in lines {
        assert!(head.iter().any(|came| came == line), "{line} is not in {head:?}");
    }
}

fn read_same(from: &mut impl Read, piece: &[u8], who: &str) {
    let mut came = vec![0; piece.len()];
    from.read_exact(&mut came).unwrap();
    assert!(came == piece, "{who} got {} instead of {}", came.escape_ascii(), piece.escape_ascii());
}

/// A body in chunks (RFC 9112, section 7.1).
struct Chunked<'a> {
    from: &'a mut BufReader<TcpStream>,
    left: usize,
}

impl Read for Chunked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.left == 0 {
            let mut line = String::new();
            self.from.read_line(&mut line)?;
            self.left = usize::from_str_radix(line.trim(), 16).expect("the size of a chunk");
            if self.left == 0 {
                return Ok(0);
            }
        }
        let room = buffer.len().min(self.left);
        let n_read = self.from.read(&mut buffer[..room])?;
        self.left -= n_read;
        if self.left == 0 {
            let mut end = [0; 2];
            self.from.read_exact(&mut end)?;
        }
        Ok(n_read)
    }
}
