//! Links in Markdown lead somewhere.

use std::path::{Component, Path};

use super::Breach;
use super::markdown::{self, Piece};
use crate::house::House;

/// Refuses a relative link to a file or heading that is not there, or to a place outside the project.
pub(super) fn links(house: &House) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for path in house.with_extension("md") {
        let Some(page) = house.text(path) else { continue };
        for piece in markdown::pieces(&page) {
            let Piece::Prose(line, prose) = piece else {
                continue;
            };
            for target in markdown::targets(&prose) {
                if let Err(says) = follow(house, path, target) {
                    breaches.push(Breach::new(path, line, format!("link `{target}`: {says}")));
                }
            }
        }
    }
    breaches
}

fn follow(house: &House, from: &str, target: &str) -> Result<(), &'static str> {
    if target.contains("://") || target.starts_with("mailto:") {
        return Ok(());
    }
    let (file, wanted) = target.split_once('#').unwrap_or((target, ""));
    let file =
        if file.is_empty() { from.to_owned() } else { join(from, file).ok_or("leads out of the project")? };
    if !house.holds(&file) {
        return Err("leads to nothing");
    }
    if wanted.is_empty() {
        return Ok(());
    }
    let page = house.text(&file).unwrap_or_default();
    let found = page.lines().filter_map(markdown::heading).any(|heading| markdown::anchor(heading) == wanted);
    if found { Ok(()) } else { Err("names a heading that is not there") }
}

/// Resolves `target` as seen from the page `from`, `None` when it leaves the root.
fn join(from: &str, target: &str) -> Option<String> {
    let whole = Path::new(from).parent()?.join(target);
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.components() {
        match part {
            Component::Normal(name) => parts.push(name.to_str()?),
            Component::CurDir => {}
            Component::ParentDir => drop(parts.pop()?),
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(parts.join("/"))
}
