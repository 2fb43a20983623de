//! The binary: commands, configuration, wiring, and the one loop where the edges meet the engine.
//!
//! *Start reading* at [`cli`]: one file per command. A tap is wired in [`cli::tap`], watched in [`observe`].

mod before;
mod bundle;
mod capture;
mod cli;
mod decode;
mod demo;
mod home;
mod keys;
mod look;
mod mock;
mod name;
mod observe;
mod output;
mod play;
mod problem;
mod random;
#[cfg(test)]
mod reference;
mod replay;
mod small;
mod suppress;
mod tokens;
mod wall;
mod wrap;

use std::io::Write as _;
use std::process::ExitCode;

/// A head or a body is allocated by the thread that forwards it and freed by the one that records it, which the
/// system's allocator answers with locks; this one takes a fifth off the cost of a recorded call.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // What a panic says may quote traffic; where it happened is enough for a report.
    std::panic::set_hook(Box::new(|panic| {
        let at = panic.location().map_or_else(String::new, |at| format!(" at {}:{}", at.file(), at.line()));
        let _ = writeln!(std::io::stderr(), "tapgate: a fault in tapgate{at}; please report it");
    }));
    cli::main(std::env::args_os())
}
