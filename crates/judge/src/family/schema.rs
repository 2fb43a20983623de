//! Tools and their schemas, as they are listed.

mod dialect;
mod fit;
mod inspect;
mod listing;
mod refs;
mod rules;
mod tally;
mod value;

use super::Family;
use crate::event::{Cx, Event};

pub(super) use self::fit::{Fit, fit};

#[cfg(test)]
use self::listing::Listing;
pub(super) use self::listing::Pages;
pub(super) use self::rules::RULES;
pub(super) use self::value::same;

/// More tools than this are too many for clients that are known.
const MANY: usize = 128;

/// What it needs to remember: the pages that were seen, to count the tools.
#[derive(Debug, Default)]
pub(super) struct Schemas {
    pages: Pages,
}

impl Family for Schemas {
    fn on(&mut self, cx: &mut Cx<'_>, event: &Event<'_>) {
        let Event::Message(heard) = event else { return };
        let Some(page) = self.pages.on(heard) else { return };
        for trouble in &page.troubles {
            cx.find(trouble.rule, heard, &trouble.subject, &trouble.text);
        }
        let n = self.pages.n_tools;
        if n > MANY && n - page.n_tools <= MANY {
            cx.find(&rules::MANY, heard, "", format_args!("The server lists {n} tools so far."));
        }
    }
}

#[cfg(test)]
mod tests;
