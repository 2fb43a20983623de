//! The project's folder and the files in it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// Folders whose content nobody here wrote, wherever they stand.
const FOREIGN: &[&str] = &[".git", ".setup", "target", "node_modules", "artifacts", "__pycache__"];

/// Returns the root of this project.
pub(crate) fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// Returns where set-up puts things.
pub(crate) fn setup_folder() -> PathBuf {
    root().join(".setup")
}

/// A tree of files: this project, or a small one that a test planted.
pub(crate) struct House {
    root: PathBuf,
    files: Vec<PathBuf>,
}

impl House {
    /// Lists the files below `root`, sorted, without what version control ignores.
    pub(crate) fn open(root: &Path) -> anyhow::Result<Self> {
        let mut files = Vec::new();
        list(root, Path::new(""), &mut files).with_context(|| format!("list {}", root.display()))?;
        files.sort();
        Ok(Self { root: root.to_owned(), files })
    }

    /// The folder that the paths are relative to.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The paths of all files, relative to the root, with `/` between parts.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.iter().filter_map(|path| path.to_str())
    }

    /// The paths that end in `.` and `ext`.
    pub(crate) fn with_extension<'a>(&'a self, ext: &'a str) -> impl Iterator<Item = &'a str> {
        self.paths().filter(move |path| Path::new(path).extension().is_some_and(|found| found == ext))
    }

    /// The text of a file, `None` when it is absent or not UTF-8.
    pub(crate) fn text(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.root.join(path)).ok()
    }

    /// Whether a file or folder stands at `path`.
    pub(crate) fn holds(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }
}

fn list(root: &Path, below: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(root.join(below))? {
        let entry = entry?;
        let path = below.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            if !FOREIGN.iter().any(|name| entry.file_name() == *name) {
                list(root, &path, files)?;
            }
        } else {
            files.push(path);
        }
    }
    Ok(())
}
