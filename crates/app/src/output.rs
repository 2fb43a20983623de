//! How a command prints: a table for people, one JSON object a line for programs.

use std::io::{self, IsTerminal as _, Write};
use std::os::fd::AsFd;

use clap::ValueEnum;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::problem::{Exit, Problem};

/// Flags that every command has.
#[derive(Clone, Debug, clap::Args)]
pub struct Output {
    /// Print one JSON object a line (the default when the output is not a terminal); errors too are JSON then
    #[arg(long, global = true, conflicts_with = "table", help_heading = "Output")]
    pub json: bool,

    /// Print tables (the default on a terminal)
    #[arg(long, global = true, help_heading = "Output")]
    pub table: bool,

    /// Use colour; it is never the only sign
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN", help_heading = "Output")]
    pub color: Color,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Output {
    /// Whether to print JSON.
    pub fn wants_json(&self) -> bool {
        self.json || !self.table && !io::stdout().is_terminal()
    }

    /// Whether to use colour.
    pub fn wants_color(&self) -> bool {
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                io::stdout().is_terminal()
                    && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            }
        }
    }

    /// Columns to fill: the terminal's, `COLUMNS`, else 100.
    pub fn width() -> usize {
        Self::width_of(io::stdout())
    }

    /// The same of another stream.
    pub fn width_of(stream: impl AsFd) -> usize {
        let terminal = rustix::termios::tcgetwinsize(stream).ok().map(|size| usize::from(size.ws_col));
        let asked = || std::env::var("COLUMNS").ok()?.parse().ok();
        terminal.filter(|columns| *columns > 0).or_else(asked).unwrap_or(100).clamp(20, 400)
    }
}

/// Prints `text`; a reader that went away ends the program quietly, as it does for other tools.
pub fn print(text: &str) {
    let mut out = io::stdout().lock();
    let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) else { return };
    if error.kind() == io::ErrorKind::BrokenPipe {
        std::process::exit(0);
    }
    let problem = Problem::usage(
        "output.unwritable",
        "the output cannot be written",
        "write it to a file or a disk that has room for it",
    );
    let problem = problem.because(error).exit(Exit::Unreachable);
    problem.report(false);
    std::process::exit(problem.exit as i32);
}

/// Prints `text` beside the output; that nobody can read it there changes nothing.
pub fn complain(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Ends the program if the reader of standard output went away, so that one who waits for news does not wait for ever.
pub fn end_without_reader() {
    let stdout = io::stdout();
    let mut seen = [PollFd::new(&stdout, PollFlags::empty())];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let is_gone = |seen: &PollFd<'_>| seen.revents().intersects(PollFlags::ERR | PollFlags::HUP);
    if poll(&mut seen, Some(&now)).is_ok() && seen.iter().any(is_gone) {
        std::process::exit(0);
    }
}
