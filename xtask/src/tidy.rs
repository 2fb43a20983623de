//! The house rules that no compiler knows: who may know whom, how long a file may be, which links must hold.
//!
//! A rule reads the [`House`] and returns [`Breach`]es; a new rule is a new function and one line in [`RULES`].

use anyhow::bail;

use crate::house::{self, House};

mod architecture;
mod code;
mod crates;
mod examples;
mod files;
mod links;
mod markdown;
pub(crate) mod private;
mod requirements;
mod silence;

#[cfg(test)]
mod tests;

/// A place that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Breach {
    /// The path, relative to the root.
    path: String,
    /// The line, 0 for the whole file.
    line: usize,
    /// What is wrong and what to do, as a fragment.
    says: String,
}

type Rule = fn(&House) -> Vec<Breach>;

/// Every rule, by the name that its breaches are printed with.
const RULES: &[(&str, Rule)] = &[
    ("papers", files::papers),
    ("budget", files::budget),
    ("names", files::names),
    ("dependencies", crates::dependencies),
    ("absence", crates::absence),
    ("silence", silence::silence),
    ("links", links::links),
    ("examples", examples::examples),
    ("architecture", architecture::architecture),
    ("requirements", requirements::requirements),
    ("machine", private::machine_paths),
    ("secrets", private::secrets),
];

impl Breach {
    fn new(path: impl Into<String>, line: usize, says: impl Into<String>) -> Self {
        Self { path: path.into(), line, says: says.into() }
    }
}

/// Holds the project against every rule.
pub(crate) fn run() -> anyhow::Result<()> {
    let house = House::open(house::root())?;
    let mut lines = Vec::new();
    for (name, rule) in RULES {
        lines.extend(rule(&house).into_iter().map(|breach| {
            let Breach { path, line, says } = breach;
            if line == 0 {
                format!("{path}: {name}: {says}")
            } else {
                format!("{path}:{line}: {name}: {says}")
            }
        }));
    }
    if lines.is_empty() {
        return Ok(());
    }
    bail!("{} places break the house rules\n{}", lines.len(), lines.join("\n"));
}
