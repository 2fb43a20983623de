//! nginx from Debian's package, unpacked and not installed: no root, no service that starts by itself.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context;

use super::apt::apt;
use super::link;
use crate::shell;

/// Unpacks nginx into `folder` and links it as `.setup/bin/nginx`; an nginx of the system is taken as it is.
pub(super) fn install(folder: &Path) -> anyhow::Result<()> {
    if let Some(program) = shell::find("nginx") {
        println!("setup: nginx is {}", program.display());
        return link(&program, "nginx");
    }
    println!("setup: unpacking Debian's nginx into .setup/nginx");
    if download(folder).is_err() {
        // The package lists are missing or old.
        apt(&["update", "-qq"])?;
        download(folder)?;
    }
    let package = fs::read_dir(folder)?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|ext| ext == "deb"))
        .context("apt-get download left no package")?;
    shell::read(Command::new("dpkg-deb").arg("--extract").arg(&package).arg(folder))?;
    let program = folder.join("usr/sbin/nginx");
    shell::read(Command::new(&program).arg("-v")).context("the unpacked nginx does not start")?;
    link(&program, "nginx")
}

fn download(folder: &Path) -> anyhow::Result<()> {
    shell::read(shell::command("apt-get", &["download", "-qq", "nginx"]).current_dir(folder)).map(drop)
}
