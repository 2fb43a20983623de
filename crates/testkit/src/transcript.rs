//! Transcripts: text files that say what each leg says and what is expected of it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::script::Script;

/// The line behind which the expectation stands.
const EXPECT: &str = "expect";

/// Runs every `*.txt` in a folder and compares what `run` gives with what the file expects.
///
/// With `UPDATE=1` in the environment the files are rewritten instead; then read the diff.
///
/// # Panics
///
/// When a file cannot be read, says something unknown, or expects something else; every such file is
/// named with its difference. Also when the folder holds fewer than `at_least` transcripts.
pub fn check(folder: &Path, at_least: usize, run: impl Fn(&Script) -> Vec<String>) {
    let files = transcripts(folder);
    let is_update = std::env::var_os("UPDATE").is_some_and(|value| value == "1");
    let mut report = String::new();
    for file in &files {
        if let Err(why) = check_one(file, is_update, &run) {
            let _ = write!(report, "\n{}\n{why}", file.display());
        }
    }
    assert!(files.len() >= at_least, "only {} transcripts in {}", files.len(), folder.display());
    assert!(report.is_empty(), "{report}\nUPDATE=1 rewrites the expectations; then read the diff.");
}

fn transcripts(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "txt"))
        .collect();
    files.sort();
    files
}

fn check_one(file: &Path, is_update: bool, run: &impl Fn(&Script) -> Vec<String>) -> Result<(), String> {
    let text = fs::read_to_string(file).map_err(|error| format!("cannot be read: {error}"))?;
    let (input, expected) = split(&text);
    if !input.starts_with("# ") {
        return Err("does not begin with a comment that says what happens".into());
    }
    let actual = run(&Script::parse(input)?);
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if actual == expected {
        return Ok(());
    }
    if is_update {
        let block = actual.join("\n  ");
        return fs::write(file, format!("{}\n\n{EXPECT}\n  {block}\n", input.trim_end()))
            .map_err(|error| format!("cannot be written: {error}"));
    }
    Err(difference(&expected, &actual))
}

fn split(text: &str) -> (&str, &str) {
    let marker = format!("\n{EXPECT}\n");
    text.split_once(&marker).unwrap_or((text, ""))
}

fn difference(expected: &[&str], actual: &[String]) -> String {
    let mut text = String::new();
    for line in expected.iter().filter(|line| !actual.iter().any(|other| other == *line)) {
        let _ = writeln!(text, "  - {line}");
    }
    for line in actual.iter().filter(|line| !expected.contains(&line.as_str())) {
        let _ = writeln!(text, "  + {line}");
    }
    if text.is_empty() {
        text.push_str("  the same lines in another order\n");
    }
    text
}
