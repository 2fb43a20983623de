//! Files that a task writes: nobody edits them by hand, and `xtask/generated.txt` records what was written.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

use crate::generate::{self, Mode};
use crate::house::{self, House};

/// Every generated file; a new one is one line here.
pub(crate) const FILES: &[&str] = &["crates/wire/src/revision/table.rs"];

/// Where the digests are recorded, one file a line.
const RECORD: &str = "xtask/generated.txt";

/// Makes the generated files anew from the specification's schemas, and records them.
pub(crate) fn write(schemas: &Path) -> anyhow::Result<()> {
    generate::run(schemas, Mode::Write)?;
    let record = record(&House::open(house::root())?)?;
    fs::write(house::root().join(RECORD), record).with_context(|| format!("write {RECORD}"))
}

/// Refuses a generated file that was edited; with `schemas`, also one that would be made differently today.
pub(crate) fn check(house: &House, schemas: Option<&Path>) -> anyhow::Result<()> {
    if let Some(schemas) = schemas {
        generate::run(schemas, Mode::Check)?;
    }
    if house.text(RECORD).as_deref() != Some(record(house)?.as_str()) {
        bail!(
            "{RECORD} does not fit the generated files: run `cargo xtask generate`, never edit what it writes"
        );
    }
    Ok(())
}

fn record(house: &House) -> anyhow::Result<String> {
    let lines = FILES.iter().map(|path| {
        let text = house.text(path).with_context(|| format!("read {path}"))?;
        Ok(format!("{path} {:016x}\n", digest(&text)))
    });
    lines.collect()
}

/// FNV-1a with 64 bits: it must notice an honest hand, not withstand a forger.
pub(crate) fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |state, byte| {
        (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hand_edit_of_a_generated_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let house = || House::open(folder.path()).unwrap();
        for path in FILES {
            write(path, "const A: u8 = 1;\n");
        }
        assert!(check(&house(), None).is_err(), "nothing is recorded");
        write(RECORD, &record(&house()).unwrap());
        assert!(check(&house(), None).is_ok());
        write(FILES[0], "const A: u8 = 2;\n");
        assert!(check(&house(), None).is_err(), "a file was edited");
    }
}
