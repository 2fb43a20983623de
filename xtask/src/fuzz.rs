//! Runs the fuzz targets on stable Rust: libFuzzer with the compiler's own coverage, without cargo-fuzz.
//!
//! The targets are the folders of `fuzz/corpus/`; what they do is in `fuzz/bodies`, where every test run
//! replays the corpus. A name that a person gave to an input stays; inputs named by their digest come and go.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::house;
use crate::shell;
use crate::tidy::private;

/// Coverage at every edge, and comparisons, from which libFuzzer learns magic words.
const COVERAGE: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// The longest input that is tried, in bytes.
const LONGEST: usize = 4096;

/// The most that the corpus of one target may hold, in bytes.
const CORPUS: u64 = 256 * 1024;

/// Runs one target or all of them for so many seconds each, then keeps the smallest corpus that covers as much.
pub(crate) fn run(target: Option<&str>, seconds: u32) -> anyhow::Result<()> {
    let known = targets()?;
    let chosen: Vec<_> = known
        .iter()
        .filter(|name| target.is_none_or(|target| target == *name))
        .collect();
    if chosen.is_empty() {
        bail!("there is no such target; there are {}", known.join(", "));
    }
    let program = build()?;
    let mut crashed = Vec::new();
    for name in chosen {
        let fuzzer = Fuzzer {
            name,
            program: &program,
        };
        if !fuzzer.explore(seconds)? {
            crashed.push(name.as_str());
        }
        fuzzer.distil()?;
    }
    if !crashed.is_empty() {
        bail!("these targets crashed: {}", crashed.join(", "));
    }
    Ok(())
}

fn folder() -> PathBuf {
    house::root().join("fuzz")
}

fn targets() -> anyhow::Result<Vec<String>> {
    let entries = fs::read_dir(folder().join("corpus")).context("list fuzz/corpus")?;
    let mut names: Vec<_> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    Ok(names)
}

/// Builds the one program that holds all targets, and returns where it is.
fn build() -> anyhow::Result<PathBuf> {
    let version = shell::read(&mut shell::command("rustc", &["-vV"]))?;
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .context("rustc names no host")?;
    if shell::find("g++").is_none() {
        bail!("libFuzzer is built with g++, which is missing: install it, then repeat");
    }
    println!("fuzz: building with coverage");
    // The fuzzer tests the very versions that ship; cargo adds its own packages to the copy.
    fs::copy(house::root().join("Cargo.lock"), folder().join("Cargo.lock"))?;
    // Flags reach build scripts and macros too, unless a target is named.
    let args = [
        "build",
        "--quiet",
        "--release",
        "--manifest-path=fuzz/Cargo.toml",
        "--target-dir=fuzz/target",
        "--target",
        host,
    ];
    shell::show(shell::cargo(&args).env("RUSTFLAGS", COVERAGE))?;
    Ok(folder().join("target").join(host).join("release/tapgate-fuzz"))
}

struct Fuzzer<'a> {
    name: &'a str,
    program: &'a Path,
}

impl Fuzzer<'_> {
    fn committed(&self) -> PathBuf {
        folder().join("corpus").join(self.name)
    }

    /// What earlier runs on this machine found, which is more than is committed.
    fn found(&self) -> PathBuf {
        folder().join("target/found").join(self.name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.program);
        command.env("TAPGATE_FUZZ", self.name).env("RUST_BACKTRACE", "1");
        command
            .arg(format!("-max_len={LONGEST}"))
            .args(["-timeout=10", "-rss_limit_mb=2048"]);
        command
    }

    /// Fuzzes; false after a crash, which it saves and prints.
    fn explore(&self, seconds: u32) -> anyhow::Result<bool> {
        let artifacts = folder().join("artifacts");
        fs::create_dir_all(&artifacts)?;
        fs::create_dir_all(self.found())?;
        println!("fuzz: {} for {seconds} s", self.name);
        let mut command = self.command();
        command.arg(format!("-artifact_prefix={}/{}-", artifacts.display(), self.name));
        command
            .arg(format!("-max_total_time={seconds}"))
            .arg("-print_final_stats=1");
        let output = command
            .arg(self.found())
            .arg(self.committed())
            .output()
            .context("start the fuzzer")?;
        let said = String::from_utf8_lossy(&output.stderr);
        let n_runs = said
            .lines()
            .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
        println!("fuzz: {}: {} runs", self.name, n_runs.map_or("?", str::trim));
        if output.status.success() {
            return Ok(true);
        }
        let tail: Vec<_> = said.lines().rev().take(60).collect();
        println!("{}", tail.into_iter().rev().collect::<Vec<_>>().join("\n"));
        println!(
            "fuzz: {} CRASHED; to reproduce it, and to keep it from coming back, copy the input named above to \
             fuzz/corpus/{}/<what-it-is> and run `cargo nextest run -p tapgate-fuzz-bodies`",
            self.name, self.name
        );
        Ok(false)
    }

    /// Replaces the committed inputs that have no name of their own by the fewest that cover what is known.
    fn distil(&self) -> anyhow::Result<()> {
        let merged = folder().join("target/merged").join(self.name);
        if merged.exists() {
            fs::remove_dir_all(&merged)?;
        }
        fs::create_dir_all(&merged)?;
        for input in inputs(&self.committed())?
            .into_iter()
            .filter(|input| !is_digest(&input.name))
        {
            fs::copy(&input.path, merged.join(&input.name))?;
        }
        // How often an edge is taken would multiply the inputs; that it is taken at all is what must stay covered.
        shell::read(
            self.command()
                .args(["-set_cover_merge=1", "-use_counters=0"])
                .arg(&merged)
                .arg(self.committed())
                .arg(self.found()),
        )?;
        for input in inputs(&self.committed())?
            .into_iter()
            .filter(|input| is_digest(&input.name))
        {
            fs::remove_file(input.path)?;
        }
        let mut kept = inputs(&merged)?;
        // Named inputs first, then the small ones: what is left out for its size is what says least per byte.
        kept.sort_by_key(|input| (is_digest(&input.name), input.size));
        let (mut size, mut n_kept, mut n_dropped) = (0, 0, 0);
        for input in kept {
            // A fuzzer of masking makes up what looks like real tokens; those are not for committing.
            let is_kept =
                size + input.size <= CORPUS && private::secrets_in(&fs::read(&input.path)?).is_empty();
            if is_digest(&input.name) && !is_kept {
                n_dropped += 1;
                continue;
            }
            size += input.size;
            n_kept += 1;
            fs::copy(&input.path, self.committed().join(&input.name))?;
        }
        println!(
            "fuzz: {}: corpus of {n_kept} inputs, {} KiB; {n_dropped} left out",
            self.name,
            size / 1024
        );
        Ok(())
    }
}

struct Input {
    path: PathBuf,
    name: String,
    size: u64,
}

fn inputs(folder: &Path) -> anyhow::Result<Vec<Input>> {
    let mut inputs = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        inputs.push(Input {
            path: entry.path(),
            name,
            size: entry.metadata()?.len(),
        });
    }
    Ok(inputs)
}

/// Whether libFuzzer named the input: by its SHA-1.
fn is_digest(name: &str) -> bool {
    name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}
