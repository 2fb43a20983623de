//! The file of `--chaos`: which faults are injected into which answers.

use std::path::Path;

use serde::Deserialize;
use tapgate_engine::chaos::{Chaos, Fault, What};

use crate::observe;
use crate::problem::Problem;
use crate::small;

/// Longest delay in milliseconds.
const MAX_DELAY: u64 = 3_600_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// What chance begins with.
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    fault: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// The name of the fault.
    r#do: String,
    /// How late, in milliseconds.
    ms: Option<u64>,
    method: Option<String>,
    tool: Option<String>,
    from: Option<u32>,
    times: Option<u32>,
    percent: Option<u8>,
}

/// Reads the file, for clients that are reached over HTTP or else over pipes; says which of its faults never happen there.
pub fn read(path: &Path, is_http: bool) -> Result<Chaos, Problem> {
    let wrong = |cause: String| {
        let names: Vec<&str> = What::ALL.iter().map(|(name, _)| *name).collect();
        Problem::usage(
            "tap.bad-chaos",
            format!("the file of --chaos {} cannot be used", path.display()),
            format!(
                "give each fault as: [[fault]] do = \"no-answer\", tool = \"search\", times = 1; faults are {}",
                names.join(", ")
            ),
        )
        .because(cause)
    };
    let text = small::read(path).map_err(|error| wrong(error.to_string()))?;
    let file: File = toml::from_str(&text).map_err(|error| wrong(small::brief(&error)))?;
    if file.fault.is_empty() {
        return Err(wrong("it has no fault".to_owned()));
    }
    let faults: Result<Vec<Fault>, String> = file.fault.into_iter().map(fault).collect();
    let faults = faults.map_err(wrong)?;
    for fault in faults.iter().filter(|fault| !fault.what.can_happen(is_http)) {
        let place =
            if is_http { "on pipes, and these clients come over HTTP" } else { "over HTTP: add --listen" };
        observe::say(&format!("the fault {} never happens here; it happens only {place}", fault.what.name()));
    }
    Ok(Chaos::new(faults, file.seed))
}

fn fault(entry: Entry) -> Result<Fault, String> {
    let name = entry.r#do;
    let known = What::ALL.iter().find(|(known, _)| *known == name).map(|(_, what)| *what);
    let what = match (known.ok_or_else(|| format!("no fault is called {name}"))?, entry.ms) {
        (What::SlowFirstByte(_), Some(ms)) if ms <= MAX_DELAY => What::SlowFirstByte(ms),
        (What::SlowFirstByte(_), Some(ms)) => return Err(format!("{ms} ms is more than an hour")),
        (_, Some(_)) => return Err(format!("`ms` is for slow-first-byte, not for {name}")),
        (what, None) => what,
    };
    if entry.percent.is_some_and(|percent| !(1..=100).contains(&percent)) {
        return Err("`percent` is not from 1 to 100".to_owned());
    }
    if entry.from == Some(0) {
        return Err("`from` counts from 1".to_owned());
    }
    Ok(Fault {
        what,
        method: entry.method,
        tool: entry.tool,
        from: entry.from.unwrap_or(1),
        times: entry.times,
        percent: entry.percent.unwrap_or(100),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn reads(text: &str) -> Result<Chaos, Problem> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chaos.toml");
        fs::write(&path, text).unwrap();
        read(&path, false)
    }

    #[test]
    fn faults_are_read_with_their_conditions() {
        let text = "seed = 7\n[[fault]]\ndo = \"slow-first-byte\"\nms = 20\ntool = \"echo\"\nfrom = 2\ntimes = 1\npercent = 50\n[[fault]]\ndo = \"crash\"\n";
        assert!(reads(text).is_ok());
        for (name, _) in What::ALL {
            assert!(reads(&format!("[[fault]]\ndo = \"{name}\"\n")).is_ok(), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        for (text, cause) in [
            ("", "no fault"),
            ("[[fault]]\ndo = \"explode\"\n", "explode"),
            ("[[fault]]\ndo = \"crash\"\nms = 1\n", "slow-first-byte"),
            ("[[fault]]\ndo = \"crash\"\npercent = 101\n", "percent"),
            ("[[fault]]\ndo = \"crash\"\npercent = 0\n", "percent"),
            ("[[fault]]\ndo = \"crash\"\nfrom = 0\n", "from"),
            ("[[fault]]\ndo = \"crash\"\nwhen = 1\n", "when"),
            ("[[fault]\n", "expected"),
        ] {
            let problem = reads(text).map(|_| ()).unwrap_err();
            assert_eq!(problem.code, "tap.bad-chaos");
            assert!(problem.cause.as_deref().unwrap().contains(cause), "{text}: {problem}");
        }
    }
}
