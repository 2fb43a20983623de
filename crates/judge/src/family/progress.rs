//! Progress and cancellations, beyond what pairing finds by itself.
//!
//! Spec 2026-07-28, basic/patterns/progress and basic/patterns/cancellation; older: basic/utilities.

mod rules;

use tapgate_engine::fact::Exchange;
use tapgate_wire::json::find;
use tapgate_wire::record::{Status, Transport};
use tapgate_wire::revision::Revision;
use tapgate_wire::shape::Member;
use tapgate_wire::{Kind, Leg, Rule};

use super::Family;
use crate::event::{Cx, Event, Heard, Place};
use crate::json::{self, quote};
use rules::{CANCEL_OTHER, CANCEL_OVER_HTTP, NO_TOKEN, OVER_TOTAL, SILENT};

pub(super) const RULES: &[&Rule] = &[&NO_TOKEN, &SILENT, &OVER_TOTAL, &CANCEL_OVER_HTTP, &CANCEL_OTHER];

/// Nanoseconds after which a call is long: many clients give up after 60 s without progress, some after 30 s.
const LONG: u64 = 30_000_000_000;

/// What it needs to remember: nothing.
#[derive(Debug, Default)]
pub(super) struct Progress;

impl Family for Progress {
    fn on(&mut self, cx: &mut Cx<'_>, event: &Event<'_>) {
        match event {
            Event::Message(heard) if heard.shape().kind == Kind::Notification => {
                if heard.tells("notifications/progress") {
                    over_total(cx, heard);
                } else if heard.tells("notifications/cancelled") {
                    cancelled(cx, heard);
                }
            }
            Event::Closed(exchange) => long(cx, exchange),
            _ => {}
        }
    }
}

fn over_total(cx: &mut Cx<'_>, heard: &Heard<'_>) {
    let Some(params) = heard.shape().raw(Member::Params) else { return };
    let value = |name| find(params, &[name]).and_then(json::number);
    if let Some((progress, total)) = value("progress").zip(value("total"))
        && progress > total
    {
        let text = format!("The progress is {progress} of {total}.");
        cx.find_sender(&OVER_TOTAL, heard, "progress", text);
    }
}

/// A call that took long.
fn long(cx: &mut Cx<'_>, exchange: &Exchange) {
    let took = exchange.closed.unwrap_or_default().0.saturating_sub(exchange.opened.0);
    let is_plain = exchange.n_rounds == 0 && exchange.task.is_none();
    let is_known = matches!(
        exchange.status,
        Status::Ok | Status::ToolError | Status::Error | Status::Cancelled | Status::Unanswered
    );
    if took < LONG || !is_plain || !is_known || cx.session.partial || exchange.asked_by == Leg::Server {
        return;
    }
    let Some(call) = cx.session.call(exchange.n) else { return };
    if !matches!(&*call.method, "tools/call" | "prompts/get" | "resources/read") {
        return;
    }
    let target = call.target.as_deref().map(quote).unwrap_or_default();
    let method = quote(call.method.as_bytes());
    let seconds = took / 1_000_000_000;
    let (rule, text) = if call.request.shape().raw(Member::ProgressTokenAsked).is_none() {
        (
            &NO_TOKEN,
            format!("`{method}` of `{target}` took {seconds} s, and the client asked for no progress."),
        )
    } else if exchange.n_progress == 0 {
        (&SILENT, format!("`{method}` of `{target}` took {seconds} s, and no progress came."))
    } else {
        return;
    };
    let place = Place {
        exchange: Some(exchange.n),
        message: Some(call.message),
        at: call.asked,
        revision: call.revision,
        side: rule.side,
    };
    cx.find_at(rule, place, target, text);
}

fn cancelled(cx: &mut Cx<'_>, heard: &Heard<'_>) {
    let is_modern = heard.revision >= Some(Revision::V2026_07_28);
    if heard.from == Leg::Client && is_modern && cx.session.transport == Transport::Http {
        let text = "The client sent notifications/cancelled over HTTP, where nobody waits for it.";
        cx.find(&CANCEL_OVER_HTTP, heard, "notifications/cancelled", text);
    }
    // Over HTTP without a session, ids say nothing about whose request is meant.
    if is_modern && cx.session.transport != Transport::Stdio {
        return;
    }
    let Some(id) = heard.shape().id_in(Member::CancelledId) else { return };
    let has_id = |asked_by: Leg| {
        cx.session
            .calls()
            .find(|call| call.asked_by == asked_by && call.request.shape().id.as_ref() == Some(&id))
    };
    let (own, other) = (has_id(heard.from), has_id(heard.from.opposite()));
    if let Some(call) = other.filter(|call| own.is_none() && call.method != "subscriptions/listen") {
        let method = quote(call.method.as_bytes());
        let text = format!("The request {} is `{method}` of the other side.", quote(&id.0));
        cx.find_sender(&CANCEL_OTHER, heard, &method, text);
    }
}
