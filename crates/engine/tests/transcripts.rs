//! Every pairing case as a transcript: what each leg says, and which exchanges come of it.

#[path = "support/stage.rs"]
mod stage;

use std::path::Path;

use stage::Stage;

#[test]
fn every_transcript_gives_the_exchanges_that_it_expects() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    tapgate_testkit::check(&folder, 60, |script| Stage::play(script).lines());
}
