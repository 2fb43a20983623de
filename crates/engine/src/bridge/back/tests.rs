//! Each test plays lines of a script; what they bring about stands indented below them.

mod chance;
mod http;
mod pipe;
mod rig;
mod sse;

use self::rig::play;

/// Plays a script and compares what it brings about with what stands in it.
fn check(script: &str) {
    let script = trim(script);
    let played = play(&script);
    assert!(played == script, "this came about:\n{played}");
}

/// Takes the indentation of the test's source away.
fn trim(script: &str) -> String {
    let lines = script.trim_matches('\n').lines();
    let cut: Vec<_> = lines.map(|line| line.strip_prefix("        ").unwrap_or(line).trim_end()).collect();
    cut.join("\n").trim_end().to_owned() + "\n"
}
