//! The fuzz targets as one program: `TAPGATE_FUZZ` names the one to run.
#![no_main]

use std::env;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tapgate_fuzz_bodies::{Body, TARGETS};

static BODY: LazyLock<Body> = LazyLock::new(|| {
    let name = env::var("TAPGATE_FUZZ").unwrap_or_default();
    match TARGETS.iter().find(|(known, _)| *known == name) {
        Some((_, body)) => *body,
        None => panic!("TAPGATE_FUZZ names no target: {name:?}"),
    }
});

fuzz_target!(|bytes: &[u8]| BODY(bytes));
