//! A conversation on pipes: both peers are the test, with a tap between them.

use std::thread::sleep;
use std::time::Duration;

use rustix::process::Signal;
use tapgate_testkit::Step;
use tapgate_wire::Leg;

use super::table::{Row, bytes};
use crate::support::{Home, StdioTap, send};

/// Plays a row.
pub(super) fn play(home: &Home, row: &Row) {
    let status = row.steps.iter().find_map(|step| if let Step::Exited(n) = step { Some(*n) } else { None });
    let mut tap = StdioTap::start_with(home, &["--name", "planted"], &[], |command| {
        command.env("RELAY_STATUS", status.unwrap_or(0).to_string());
    });
    for step in &row.steps {
        match step {
            Step::Frame(_, from, _, text) => {
                let line =
                    if text.starts_with("raw ") { bytes(text) } else { [text.as_bytes(), b"\n"].concat() };
                match from {
                    Leg::Client => tap.client_says(&[&line]),
                    Leg::Server => tap.server_says(&[&line]),
                }
            }
            Step::Stderr(text) => tap.server_warns(&[text.as_bytes(), b"\n"]),
            Step::Wait(nanos) => sleep(Duration::from_nanos(*nanos)),
            Step::Closed(_, Leg::Client, _) => drop(tap.to_server.take()),
            Step::Exited(_) => {
                send(tap.server.take().expect("the server runs").pid, Signal::USR1);
                // The client goes when the tap has seen that.
                tap.tap.child.wait().unwrap();
            }
            Step::Legs(..) => {}
            other => panic!("{}: {other:?} cannot be played on pipes", row.name),
        }
    }
    tap.end();
}
