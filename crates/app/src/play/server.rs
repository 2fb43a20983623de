//! Whom a client of our own plays with.

use crate::cli::tap::http::upstream;
use crate::problem::Problem;

/// The server of a play.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Server {
    /// Its command and arguments.
    Command(Vec<String>),
    /// Its URL.
    Url(String),
}

impl Server {
    /// Refuses a URL that no tap can use.
    pub fn check(&self) -> Result<(), Problem> {
        match self {
            Self::Url(url) => upstream(url).map(drop),
            Self::Command(_) => Ok(()),
        }
    }
}
