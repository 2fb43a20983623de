//! What is said once of a page, however many of its tools share it.

use tapgate_wire::Rule;

use super::listing::Trouble;
use super::rules;
use crate::family::hidden::shown;

/// What is said of a page as a whole, because most tools of a server share it.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub untyped: Lacking,
    pub undescribed: Lacking,
    /// Schemas in an older dialect; the place is the dialect's name.
    pub old: Lacking,
}

/// Properties that lack something.
#[derive(Debug, Default)]
pub(super) struct Lacking {
    n: usize,
    /// The tool of the first one, and where in it.
    first: Option<(String, String)>,
}

impl Lacking {
    pub fn add(&mut self, tool: &str, path: &str) {
        self.n += 1;
        self.first.get_or_insert_with(|| (shown(tool), shown(path)));
    }

    fn tell(
        self,
        rule: &'static Rule,
        troubles: &mut Vec<Trouble>,
        says: impl FnOnce(usize, &str, &str) -> String,
    ) {
        let Some((tool, path)) = self.first else { return };
        let text = says(self.n, &path, &tool);
        troubles.push(Trouble { rule, subject: tool, text });
    }
}

impl Tally {
    pub fn tell(self, troubles: &mut Vec<Trouble>) {
        let lack = |what: &'static str| {
            move |n: usize, path: &str, tool: &str| {
                let have = if n == 1 { "property has" } else { "properties have" };
                format!("{n} {have} no {what}, the first is {path} of `{tool}`.")
            }
        };
        self.untyped.tell(&rules::UNTYPED, troubles, lack("type"));
        self.undescribed.tell(&rules::UNDESCRIBED, troubles, lack("description"));
        self.old.tell(&rules::OLD_DIALECT, troubles, |n, dialect, tool| {
            let are = if n == 1 { "schema is" } else { "schemas are" };
            format!("{n} {are} written in an older dialect, the first is that of `{tool}` in `{dialect}`.")
        });
    }
}
