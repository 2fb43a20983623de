//! The closing of each pipe passes, and a pipe that nobody reads stops nothing but itself.

use std::io::{ErrorKind, Read as _, Write as _};

use rustix::process::Signal;

use crate::rig::{Running, is_alive, python, signal, until};

#[test]
fn a_client_that_closes_its_input_still_gets_every_answer() {
    let mut tap = Running::tap(&["sh", "-c", "cat >/dev/null; echo one; sleep 0.2; echo two; exit 3"]);
    tap.send(b"{}\n");
    drop(tap.stdin.take());
    assert_eq!(tap.rest_of_stdout(), b"one\ntwo\n");
    assert_eq!(tap.status(), 3);
}

#[test]
fn a_server_that_closes_its_output_but_lives_still_hears_the_client() {
    let program = "
import os, sys
os.close(1)
sys.stderr.write(sys.stdin.readline())
sys.stdin.read()
sys.exit(7)
";
    let mut tap = Running::tap(&python(program));
    assert_eq!(tap.rest_of_stdout(), b"", "the end comes while the server lives");
    assert!(is_alive(tap.pid()));
    tap.send(b"still there?\n");
    let mut heard = [0; 13];
    tap.stderr.as_mut().unwrap().read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"still there?\n");
    drop(tap.stdin.take());
    assert_eq!(tap.status(), 7);
}

#[test]
fn a_client_that_closes_its_end_of_the_output_is_seen_by_a_server_that_has_not_written() {
    // The server's poll sees the end of its reader without a write; then its first write fails.
    let program = "
import os, select, sys
print('ready')
poll = select.poll()
poll.register(1, 0)
poll.poll()
try:
    os.write(1, b'x')
except BrokenPipeError:
    os.write(2, b'broken')
    sys.exit(5)
";
    let mut tap = Running::tap(&python(program));
    assert_eq!(tap.line(), "ready");
    drop(tap.stdout.take());
    assert_eq!(tap.rest_of_stderr(), "broken");
    assert_eq!(tap.status(), 5);
}

#[test]
fn a_server_that_closes_its_input_but_lives_breaks_the_clients_pipe() {
    let program = "
import os, sys, time
os.close(0)
print('deaf')
time.sleep(1000)
";
    let mut tap = Running::tap(&python(program));
    assert_eq!(tap.line(), "deaf");
    let mut stdin = tap.stdin.take().unwrap();
    until("the pipe breaks", || {
        stdin.write_all(b"\n").is_err_and(|error| error.kind() == ErrorKind::BrokenPipe)
    });
    assert!(is_alive(tap.pid()));
    signal(tap.pid(), Signal::TERM);
    assert_eq!(tap.status(), 143);
}

#[test]
fn a_client_that_does_not_read_stops_neither_its_own_words_nor_standard_error() {
    const N: usize = 2_000_000;
    let program = format!(
        "
import os, sys, threading
def flood(fd):
    data, at = b'.' * {N}, 0
    while at < len(data):
        at += os.write(fd, data[at:])
out = threading.Thread(target=flood, args=(1,))
err = threading.Thread(target=flood, args=(2,))
out.start(); err.start()
n = len(sys.stdin.buffer.read())
err.join()
os.write(2, b'heard %d' % n)
out.join()
"
    );
    let mut tap = Running::tap(&python(&program));
    // Nobody reads standard output while all of this passes, and none of it fits into pipes.
    let mut stderr = tap.stderr.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut came = vec![0; N + "heard 2000000".len()];
        stderr.read_exact(&mut came).unwrap();
        came
    });
    tap.send(&vec![b'!'; N]);
    drop(tap.stdin.take());
    assert!(reader.join().unwrap().ends_with(b".heard 2000000"));
    assert_eq!(tap.rest_of_stdout().len(), N);
    assert_eq!(tap.status(), 0);
}

#[test]
fn standard_error_that_nobody_reads_stops_no_answer() {
    let program = "
import os, sys, threading
def flood():
    while True:
        os.write(2, b'.' * 4096)
threading.Thread(target=flood, daemon=True).start()
for line in sys.stdin:
    print(line, end='')
os._exit(0)
";
    let mut tap = Running::tap(&python(program));
    for n in 0..100 {
        tap.send(format!("{n}\n").as_bytes());
        assert_eq!(tap.line(), n.to_string());
    }
    // It ends like a server whose standard error nobody reads: when somebody does, or when it is told to.
    drop(tap.stdin.take());
    assert_eq!(tap.rest_of_stdout(), b"");
    signal(tap.pid(), Signal::TERM);
    assert!([0, 143].contains(&tap.status()));
}
