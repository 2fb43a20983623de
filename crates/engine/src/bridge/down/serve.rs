//! Serves a request on its link: what has to be asked before, the request, its answer.

use bytes::Bytes;
use tapgate_wire::Message;
use tapgate_wire::shape::{Kind, Member};

use super::exchange::{Exchange, Work};
use super::pool::Hello;
use super::say::Refusal;
use super::scout::Need;
use super::{Down, Errand, Job, say};
use crate::bridge::back::{Failure, Pass};
use crate::bridge::cx::Cx;
use crate::bridge::failure;
use crate::bridge::number::{CallNo, LinkNo, Pair};
use crate::bridge::seal::Purpose;
use crate::bridge::settings::Listens;
use crate::bridge::translate::payload::error_up;
use crate::bridge::translate::{Draft, rise};

impl Down {
    /// Does the next thing for an exchange whose link was greeted.
    pub(super) fn advance(&mut self, cx: &mut Cx<'_>, n: u64) {
        let Some(exchange) = self.exchanges.get(&n) else { return };
        let Some(no) = exchange.link else { return };
        let Some(hello) = self.links.get(&no).and_then(|link| link.hello.as_ref()) else { return };
        if exchange.call.is_some() || exchange.asked.port.is_none() {
            return;
        }
        match exchange.work {
            Work::Discover => {
                let answer = rise::server::discover(&exchange.asked.id, &hello.message);
                return self.reply(cx, n, Message::parse(answer));
            }
            Work::Listen(_) => return self.listen(cx, n, no),
            Work::Call | Work::Get(_) => {}
            Work::Task(_) => return,
        }
        if let Some(capability) = hello.lacks(&exchange.method) {
            let text = format!("the server {} has no {capability}", cx.settings.server_name);
            return self.reply(cx, n, say::error(failure::NO_METHOD, &text, None));
        }
        if exchange.method == "tools/call" && self.must_scout(cx, exchange, no) {
            return self.scout(cx, no, 0, b"{}");
        }
        if exchange.method == "tools/call"
            && is_http(cx)
            && let Err(differs) = cx.tools.check(&exchange.message, &exchange.asked.headers)
        {
            return self.reply(cx, n, say::error(-32_020, &differs.to_string(), None));
        }
        if self.set_level(cx, n, Errand::Level(n)) {
            return;
        }
        self.ask(cx, n);
    }

    /// Tells the server the level of log messages that an exchange wants, if it logs and was not told one that is
    /// at least as verbose.
    pub(super) fn set_level(&mut self, cx: &mut Cx<'_>, n: u64, errand: Errand) -> bool {
        let Some(exchange) = self.exchanges.get_mut(&n) else { return false };
        let (Some(no), Some(level)) = (exchange.link, exchange.asked.level) else { return false };
        let Some(link) = self.links.get_mut(&no) else { return false };
        let logs = link.hello.as_ref().is_some_and(|hello| hello.can(&["logging"]));
        if !logs || link.level.is_some_and(|told| told <= level) {
            return false;
        }
        link.level = Some(level);
        let pass = exchange.pass();
        let call = cx.call(Pair::Down);
        if let Errand::Level(_) = errand {
            exchange.call = Some(call);
        }
        let params = say::object("level", &say::string(level.as_str()));
        let message = say::request(call.n, "logging/setLevel", &params);
        self.jobs.insert(call.n, Job { link: no, errand });
        cx.back.ask(cx.now, no, call, &message, pass, cx.acts);
        true
    }

    /// Sends the request of an exchange.
    ///
    /// Spec 2025-11-25, basic/utilities/tasks, Tool-Level Negotiation: some tools can only be called as tasks.
    fn ask(&mut self, cx: &mut Cx<'_>, n: u64) {
        let is_task = self.becomes_task(cx, n);
        let Some(exchange) = self.exchanges.get_mut(&n) else { return };
        let Some(no) = exchange.link else { return };
        let call = cx.call(Pair::Down);
        exchange.call = Some(call);
        exchange.is_task = is_task;
        self.jobs.insert(call.n, Job { link: no, errand: Errand::Ask(n) });
        if is_task {
            let mut draft = Draft::of(&exchange.message);
            draft.set(&["params", "task"], b"{}");
            cx.back.ask(cx.now, no, call, &draft.into_message(), exchange.pass(), cx.acts);
        } else {
            cx.back.ask(cx.now, no, call, &exchange.message, exchange.pass(), cx.acts);
        }
    }

    /// Whether a call is made as a task: where it has to be, and where its client takes one.
    fn becomes_task(&mut self, cx: &mut Cx<'_>, n: u64) -> bool {
        let Some(exchange) = self.exchanges.get(&n).filter(|exchange| exchange.method == "tools/call") else {
            return false;
        };
        let link = exchange.link.and_then(|no| self.links.get(&no));
        let makes_tasks = link.and_then(|link| link.hello.as_ref()).is_some_and(Hello::makes_tasks);
        let name = exchange.message.shape().text(Member::Name).unwrap_or_default();
        match self.tasked.get(&*name).filter(|_| makes_tasks) {
            Some(Need::Must) => true,
            Some(Need::May) if exchange.asked.takes_tasks => self.has_room_for_task(cx, exchange.principal),
            _ => false,
        }
    }

    /// The server answered a call.
    pub(super) fn answered(&mut self, cx: &mut Cx<'_>, call: CallNo, message: &Message) {
        let Some(Job { link, errand }) = self.jobs.remove(&call.n) else { return };
        match errand {
            Errand::Greet => self.greeted(cx, link, message),
            Errand::Ask(n) => self.concluded(cx, n, link, message),
            Errand::Level(n) => self.proceed(cx, n),
            Errand::Cancel(n) => self.cancelled(cx, n, Some(message)),
            Errand::Unwanted => self.unwanted(cx, link, message),
            Errand::Scout(page) => self.scouted(cx, link, page, message),
            Errand::Subscribe(uri) => {
                self.subscribed(cx, link, uri, message.shape().kind == Kind::Result);
            }
            Errand::Unsubscribe(uri) => self.unsubscribed(cx, link, &uri),
            Errand::Nothing => {}
        }
    }

    /// A call will not be answered.
    pub(super) fn failed(&mut self, cx: &mut Cx<'_>, call: CallNo, failure: &Failure) {
        let Some(Job { link, errand }) = self.jobs.remove(&call.n) else { return };
        // When the link is gone, its end is told next and takes care of all that stands on it.
        let is_open = cx.back.is_open(link);
        match errand {
            Errand::Greet => self.greeting_failed(cx, link, failure),
            Errand::Ask(n) => self.broken(cx, n, failure, false),
            Errand::Level(n) => self.broken(cx, n, failure, true),
            Errand::Cancel(n) => self.cancelled(cx, n, None),
            Errand::Scout(_) if is_open => self.end_scouting(cx, link),
            Errand::Subscribe(uri) if is_open => self.subscribed(cx, link, uri, false),
            Errand::Unsubscribe(uri) if is_open => self.unsubscribed(cx, link, &uri),
            Errand::Scout(_)
            | Errand::Subscribe(_)
            | Errand::Unsubscribe(_)
            | Errand::Unwanted
            | Errand::Nothing => {}
        }
    }

    /// The server made a task of a call that was given up meanwhile.
    fn unwanted(&mut self, cx: &mut Cx<'_>, no: LinkNo, message: &Message) {
        let Some(task) = message.shape().inside(Member::Result, &["task", "taskId"]) else { return };
        let headers = self.links.get(&no).map(|link| link.headers.clone()).unwrap_or_default();
        self.send_cancel(cx, no, &task, Pass { headers, mirrors: Vec::new() });
    }

    /// Ends a task for which nobody waits.
    fn send_cancel(&mut self, cx: &mut Cx<'_>, no: LinkNo, task: &[u8], pass: Pass) {
        let call = cx.call(Pair::Down);
        let message = say::request(call.n, "tasks/cancel", &say::object("taskId", task));
        self.jobs.insert(call.n, Job { link: no, errand: Errand::Nothing });
        cx.back.ask(cx.now, no, call, &message, pass, cx.acts);
    }

    fn proceed(&mut self, cx: &mut Cx<'_>, n: u64) {
        if let Some(exchange) = self.exchanges.get_mut(&n) {
            exchange.call = None;
            self.advance(cx, n);
        }
    }

    /// The server answered the request of an exchange.
    fn concluded(&mut self, cx: &mut Cx<'_>, n: u64, no: LinkNo, message: &Message) {
        let Some(exchange) = self.exchanges.get_mut(&n) else { return };
        exchange.call = None;
        match exchange.work {
            Work::Task(_) => return self.pursued(cx, n, no, message),
            Work::Get(_) => return self.got(cx, n, Some(message)),
            Work::Discover | Work::Call | Work::Listen(_) => {}
        }
        let shape = message.shape();
        if shape.kind == Kind::Error {
            if shape.int(Member::ErrorCode) == Some(-32_042) && exchange.may_ask() {
                return self.url_required(cx, n, message);
            }
            let uri = exchange.message.shape().text(Member::Uri);
            let error = error_up(message, uri.as_deref());
            return self.reply(cx, n, error);
        }
        if exchange.task.is_none()
            && exchange.method == "tools/call"
            && let Some(task) = shape.inside(Member::Result, &["task", "taskId"])
        {
            let (principal, asked) = (exchange.principal, &exchange.asked);
            if asked.takes_tasks && asked.port.is_some() && self.has_room_for_task(cx, principal) {
                return self.hand_out(cx, n, no, message, &task);
            }
            return self.drive(cx, n, no, task);
        }
        let mut page = message.clone();
        if exchange.method == "tools/list" {
            self.learn_tasks(message);
            if is_http(cx) {
                page = cx.sift(message);
            } else {
                cx.tools.learn(message);
            }
        }
        let Some(exchange) = self.exchanges.get(&n) else { return };
        let info = self.links.get(&no).and_then(|link| link.hello.as_ref()).and_then(|hello| hello.info());
        let Some(mut draft) = rise::server::result(&exchange.method, &page, info) else {
            let text = format!("the server {} answered with what is no result", cx.settings.server_name);
            return self.reply(cx, n, say::failed(&cx.settings.server_name, &text));
        };
        let principal = exchange.principal;
        let is_paged = is_paged(&exchange.method);
        if is_paged
            && let Some(cursor) = draft.get(&["result", "nextCursor"]).filter(|raw| raw.starts_with(b"\""))
        {
            let content = [&self.marker(cx)[..], &no.0.to_be_bytes(), &cursor].concat();
            let age = cx.settings.bounds.session_age;
            let sealed = cx.seal.seal(cx.now, Purpose::Cursor, principal, &content, age);
            draft.set(&["result", "nextCursor"], &say::string(&sealed));
        }
        self.reply(cx, n, draft.into_message());
    }

    /// Puts the server's cursor in the place of ours, and the exchange on the link that knows it.
    ///
    /// Spec 2025-11-25, server/utilities/pagination: a cursor is not kept across sessions.
    pub(super) fn open_cursor(&mut self, cx: &mut Cx<'_>, exchange: &mut Exchange) -> Result<(), Refusal> {
        let cursor = exchange.message.shape().inside(Member::Params, &["cursor"]);
        let Some(cursor) = cursor.filter(|cursor| *cursor != b"null"[..]) else { return Ok(()) };
        let marker = self.marker(cx);
        let sealed = String::from_utf8_lossy(&tapgate_wire::json::unescape(&cursor)).into_owned();
        let content = cx.seal.open(cx.now, Purpose::Cursor, exchange.principal, &sealed).unwrap_or_default();
        let Some((link, cursor)) = content
            .strip_prefix(&marker)
            .and_then(|rest| rest.split_first_chunk::<8>())
            .map(|(link, cursor)| (LinkNo(u64::from_be_bytes(*link)), cursor))
        else {
            return Err(Refusal::params("the cursor is not valid or not good any more"));
        };
        let mut draft = Draft::of(&exchange.message);
        draft.set(&["params", "cursor"], cursor);
        exchange.message = draft.into_message();
        exchange.pinned = Some(link);
        Ok(())
    }

    /// Waits for the end of a task that the server made of a call.
    ///
    /// Spec 2025-11-25, basic/utilities/tasks, Retrieving Task Results: `tasks/result` waits until the task ended,
    /// and what the server asks for comes meanwhile.
    pub(super) fn drive(&mut self, cx: &mut Cx<'_>, n: u64, no: LinkNo, task: Bytes) {
        let Some(exchange) = self.exchanges.get_mut(&n) else { return };
        let call = cx.call(Pair::Down);
        let message = say::request(call.n, "tasks/result", &say::object("taskId", &task));
        exchange.task = Some(task);
        exchange.call = Some(call);
        self.jobs.insert(call.n, Job { link: no, errand: Errand::Ask(n) });
        cx.back.ask(cx.now, no, call, &message, exchange.pass(), cx.acts);
    }

    /// The request of an exchange got no answer: sends it once more where that cannot do anything twice.
    fn broken(&mut self, cx: &mut Cx<'_>, n: u64, failure: &Failure, is_before: bool) {
        let Some(exchange) = self.exchanges.get_mut(&n) else { return };
        exchange.call = None;
        match exchange.work {
            Work::Task(_) => return self.pursuit_broken(cx, n, failure),
            Work::Get(_) => return self.got(cx, n, None),
            Work::Discover | Work::Call | Work::Listen(_) => {}
        }
        let is_safe = match failure {
            Failure::Forgotten => true,
            Failure::Broken(_) => is_before || reads_only(&exchange.method),
            Failure::Http { .. } | Failure::Unreachable(_) | Failure::Full => false,
        };
        let is_fresh = exchange.asked.port.is_some() && exchange.n_rounds == 0 && exchange.task.is_none();
        if !is_safe || !is_fresh || exchange.is_repeated {
            return self.fail(cx, n, failure);
        }
        exchange.is_repeated = true;
        self.leave(cx, n);
        self.seat(cx, n);
    }

    /// Tells the client why there is no answer.
    pub(super) fn fail(&mut self, cx: &mut Cx<'_>, n: u64, failure: &Failure) {
        let Some(exchange) = self.exchanges.get(&n) else { return };
        if exchange.heard().is_some() {
            return self.listen_again(cx, n, false);
        }
        let Some(port) = exchange.asked.port else {
            let why = failure.text(&cx.settings.server_name);
            return self.reply(cx, n, say::failed(&cx.settings.server_name, &why));
        };
        cx.fail(port, &exchange.asked.id, failure);
        self.remove(cx, n);
    }

    /// Tells the client that no link is to be had.
    pub(super) fn unavailable(&mut self, cx: &mut Cx<'_>, n: u64, why: &str) {
        if self.exchanges.get(&n).is_some_and(|exchange| exchange.heard().is_some()) {
            return self.listen_again(cx, n, false);
        }
        self.reply(cx, n, say::failed(&cx.settings.server_name, why));
    }

    /// Ends what the server does for an exchange, and answers what it asked for.
    ///
    /// Spec 2025-11-25, basic/utilities/tasks: a task is ended by `tasks/cancel`, never by a notification.
    pub(super) fn drop_upstream(&mut self, cx: &mut Cx<'_>, n: u64, reason: &str) {
        self.expect_strays(cx, n);
        let Some(exchange) = self.exchanges.get_mut(&n) else { return };
        let call = exchange.call.take();
        let job = call.and_then(|call| self.jobs.get_mut(&call.n));
        let asks = job.as_ref().is_some_and(|job| matches!(job.errand, Errand::Ask(_)));
        if let Some(task) = exchange.task.take()
            && let Some(link) = exchange.link
        {
            if let Some(job) = job {
                job.errand = Errand::Nothing;
            }
            let pass = exchange.pass();
            self.send_cancel(cx, link, &task, pass);
        } else if let Some(job) = job.filter(|_| asks && exchange.is_task) {
            job.errand = Errand::Unwanted;
        } else if let Some(call) = call.filter(|_| asks) {
            self.jobs.remove(&call.n);
            cx.back.cancel(cx.now, call, Some(reason), cx.acts);
        }
        self.dismiss(cx, n);
    }
}

/// Whether clients mirror arguments in headers.
pub(super) fn is_http(cx: &Cx<'_>) -> bool {
    matches!(cx.settings.listens, Listens::Http { .. })
}

/// Whether a request is one for a page of a list.
pub(super) fn is_paged(method: &str) -> bool {
    matches!(method, "tools/list" | "prompts/list" | "resources/list" | "resources/templates/list")
}

/// Whether a request may be made twice.
fn reads_only(method: &str) -> bool {
    is_paged(method) || matches!(method, "prompts/get" | "resources/read" | "completion/complete")
}
