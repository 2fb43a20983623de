//! Debian's packages, with the rights that they need or a word on what to run.

use anyhow::{Context, bail};

use crate::shell;

/// Runs `apt-get` with the rights it needs, or says what to run.
pub(super) fn apt(args: &[&str]) -> anyhow::Result<()> {
    let root = shell::read(&mut shell::command("id", &["-u"]))?.trim() == "0";
    let mut command = if root {
        shell::command("apt-get", args)
    } else if shell::find("sudo").is_some() {
        let mut command = shell::command("sudo", &["--non-interactive", "apt-get"]);
        command.args(args);
        command
    } else {
        bail!("this needs root; run `apt-get {}` as root, then repeat", args.join(" "));
    };
    command.env("DEBIAN_FRONTEND", "noninteractive");
    shell::read(&mut command)
        .map(drop)
        .with_context(|| format!("run `apt-get {}` yourself, then repeat", args.join(" ")))
}
