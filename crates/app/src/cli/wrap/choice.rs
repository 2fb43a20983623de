//! Which client, which of its files, which servers.

use std::env;
use std::path::PathBuf;

use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use tapgate_lens::Plain;

use crate::look::printable;
use crate::problem::{Exit, Problem};
use crate::wrap::client::{CLIENTS, Client, Surroundings, System};
use crate::wrap::file::{self, Held};
use crate::wrap::plan::Obstacle;

/// What `wrap` and `unwrap` are asked to change, and how.
#[derive(Debug, clap::Args)]
pub struct Choice {
    /// The client
    #[arg(value_name = "CLIENT", value_parser = client())]
    pub client: &'static Client,

    /// The servers, by the names that they have in the file (default: all of them)
    #[arg(value_name = "SERVER")]
    pub servers: Vec<String>,

    /// Whose file: the user's, or that of the project in the current directory
    #[arg(long, value_enum, default_value_t = Scope::User, value_name = "SCOPE")]
    scope: Scope,

    /// Change this file, which is written as the client writes its own
    #[arg(long, value_name = "PATH", conflicts_with = "scope")]
    file: Option<PathBuf>,

    /// Only show what would change
    #[arg(long)]
    pub dry_run: bool,

    /// Do not ask
    #[arg(long, short, conflicts_with = "dry_run")]
    pub yes: bool,
}

/// Whose file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Scope {
    /// The user's.
    User,
    /// The project's.
    Project,
}

/// The file that was chosen.
#[derive(Debug)]
pub struct Found {
    /// Its path as it was named.
    pub path: PathBuf,
    /// The file.
    pub held: Held,
    /// What it holds.
    pub text: String,
}

/// Reads the name of a client.
fn client() -> impl TypedValueParser<Value = &'static Client> {
    let names = CLIENTS.iter().map(|client| PossibleValue::new(client.name).help(client.title));
    PossibleValuesParser::new(names)
        .try_map(|name| Client::named(&name).ok_or_else(|| "no client has this name".to_owned()))
}

impl Choice {
    /// Reads the file.
    pub fn find(&self) -> Result<Found, Problem> {
        let path = self.path()?;
        let unreadable = |what: String| {
            Problem::usage("wrap.unreadable", what, "name a file that you may read, with --file PATH")
                .exit(Exit::Unreadable)
        };
        let held = file::read(&path)
            .map_err(|why| unreadable(format!("{} cannot be read", path.display())).because(why))?;
        let text = String::from_utf8(held.bytes.clone()).map_err(|why| {
            let line =
                held.bytes.iter().take(why.utf8_error().valid_up_to()).filter(|byte| **byte == b'\n').count();
            unreadable(format!("{} is no text in UTF-8, see line {}", path.display(), line + 1))
        })?;
        Ok(Found { path, held, text })
    }

    fn path(&self) -> Result<PathBuf, Problem> {
        if let Some(path) = &self.file {
            return if path.exists() {
                Ok(path.clone())
            } else {
                Err(self.no_file(std::slice::from_ref(path)))
            };
        }
        let may_be = self.may_be(self.scope)?;
        let there: Vec<&PathBuf> = may_be.iter().filter(|path| path.exists()).collect();
        match there.as_slice() {
            [path] => Ok((*path).clone()),
            [] => Err(self.no_file(&may_be)),
            [one, another, ..] => Err(Problem::usage(
                "wrap.several-files",
                format!(
                    "{} has two files here, {} and {}",
                    self.client.title,
                    one.display(),
                    another.display()
                ),
                "say which one with --file PATH",
            )),
        }
    }

    /// Where the file may be.
    fn may_be(&self, scope: Scope) -> Result<Vec<PathBuf>, Problem> {
        let home = env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
        match scope {
            Scope::User => {
                let home = home.ok_or_else(|| {
                    Problem::usage(
                        "wrap.no-file",
                        "HOME is not set, so the user's file cannot be found",
                        "set HOME, or name the file with --file PATH",
                    )
                })?;
                let var = |name: &str| env::var_os(name).map(PathBuf::from);
                Ok((self.client.user)(&Surroundings { system: System::HERE, home, var }))
            }
            Scope::Project => {
                let here = env::current_dir().unwrap_or_default();
                let files = self.client.project_files(&here);
                if files.is_empty() {
                    return Err(Problem::usage(
                        "wrap.no-file",
                        format!("{} has no files for projects", self.client.title),
                        "leave out --scope to change the user's file",
                    ));
                }
                Ok(files)
            }
        }
    }

    fn no_file(&self, looked: &[PathBuf]) -> Problem {
        let looked: Vec<String> = looked.iter().map(|path| path.display().to_string()).collect();
        let other = match self.scope {
            Scope::User => Scope::Project,
            Scope::Project => Scope::User,
        };
        let is_other = self.file.is_none()
            && self.may_be(other).is_ok_and(|files| files.iter().any(|file| file.exists()));
        let help = match (is_other, other) {
            (true, Scope::Project) => "there is one of the project in this directory: say --scope project",
            (true, Scope::User) => "there is one of the user: leave out --scope",
            (false, _) => {
                "add a server in the client first, go to the project's directory and say --scope project, or name the file with --file PATH"
            }
        };
        let message =
            format!("there is no configuration of {} at {}", self.client.title, looked.join(" or "));
        Problem::usage("wrap.no-file", message, help)
    }
}

impl Found {
    /// What a person is told when there is no plan for this file.
    pub fn problem(&self, obstacle: &Obstacle) -> Problem {
        let path = self.path.display();
        match obstacle {
            Obstacle::Mistake(mistake) => Problem::usage(
                "wrap.syntax",
                format!("{path} cannot be read, see line {}, column {}", mistake.line, mistake.column),
                "correct the file; nothing was changed",
            )
            .because(&mistake.what)
            .exit(Exit::Unreadable),
            Obstacle::NoServer(name, there) => {
                let names: Vec<String> =
                    there.iter().take(20).map(|name| Plain::of(&printable(name)).to_string()).collect();
                let help = if names.is_empty() {
                    "it has no servers at all: see --scope and --file for other files".to_owned()
                } else {
                    format!("it has {}; see --scope and --file for other files", names.join(", "))
                };
                let message = format!("no server in {path} is called `{}`", printable(name));
                Problem::usage("wrap.no-server", message, help)
            }
            Obstacle::Unsound => Problem::usage(
                "wrap.unsound",
                format!("{path} is written in a way that cannot be changed safely, and nothing was changed"),
                "change the entry by hand: put `tapgate tap --` before the server's command; and please report it",
            ),
        }
    }
}
