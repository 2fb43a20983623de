//! Every input that a fuzzer found, and every seed that a person wrote, still holds.

use std::fs;
use std::path::{Path, PathBuf};

use crate::TARGETS;

/// The most that the corpus of one target may weigh, in bytes.
const LIMIT: u64 = 400 * 1024;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus")
}

fn replay(target: &str) {
    let (_, body) = TARGETS.iter().find(|(name, _)| *name == target).unwrap();
    let mut n_inputs = 0;
    let mut n_bytes = 0;
    for entry in fs::read_dir(corpus().join(target)).unwrap() {
        let path = entry.unwrap().path();
        let input = fs::read(&path).unwrap();
        // A failure names the input: nextest shows what a failed test printed.
        println!("{}", path.display());
        body(&input);
        n_inputs += 1;
        n_bytes += input.len() as u64;
    }
    assert!(n_inputs > 0, "the corpus is empty");
    assert!(n_bytes <= LIMIT, "the corpus of {n_bytes} bytes is too large to commit");
}

#[test]
fn the_filter_corpus_holds() {
    replay("filter");
}

#[test]
fn the_framing_corpus_holds() {
    replay("framing");
}

#[test]
fn the_mask_corpus_holds() {
    replay("mask");
}

#[test]
fn the_shape_corpus_holds() {
    replay("shape");
}

#[test]
fn the_sse_corpus_holds() {
    replay("sse");
}

#[test]
fn every_target_has_a_corpus_and_every_corpus_a_target() {
    let mut folders: Vec<_> = fs::read_dir(corpus())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    folders.sort();
    assert_eq!(folders, TARGETS.iter().map(|(name, _)| *name).collect::<Vec<_>>());
}
