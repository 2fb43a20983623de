//! What tapgate did on purpose, so that nobody takes it for the server's fault.

use tapgate_wire::Rule;
use tapgate_wire::fault::Severity;
use tapgate_wire::record::Piece;
use tapgate_wire::revision::Revisions;
use tapgate_wire::rule::Side;

use super::Family;
use crate::event::{Cx, Event, Place};

static FAULT: Rule = Rule {
    id: "injected.fault",
    about: "tapgate injected a fault on purpose, as `tap --chaos` told it to.",
    side: Side::Tapgate,
    severity: Severity::Note,
    revisions: Revisions::ALL,
    source: "tapgate, guide to testing a client",
    fix: "Leave out --chaos to see what the server says by itself.",
    fires: &[r"
        hello 2025-06-18
        client> ask 1 tools/list
        note injected: no-answer in tools/list
    "],
    quiet: &[r"
        hello 2025-06-18
        client> ask 1 tools/list
    "],
};

pub(super) const RULES: &[&Rule] = &[&FAULT];

/// What it needs to remember: nothing.
#[derive(Debug, Default)]
pub(super) struct Injected;

impl Family for Injected {
    fn on(&mut self, cx: &mut Cx<'_>, event: &Event<'_>) {
        let Event::Piece(stray) = event else { return };
        if stray.piece == Piece::Note && stray.bytes.starts_with(b"injected: ") {
            let place = Place {
                exchange: stray.exchange,
                message: Some(stray.n),
                at: stray.at,
                revision: None,
                side: Side::Tapgate,
            };
            cx.find_at(&FAULT, place, "", String::from_utf8_lossy(stray.bytes));
        }
    }
}
