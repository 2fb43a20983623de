// Long because a call, its rounds and its task are one operation with one end.
//! One call on its way: its request, its rounds of input, and the task that it becomes, up to what came of it.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::time::Duration;

use http::HeaderMap;
use serde_json::{Map, Value as Json, json};
use tapgate_store::MessageId;
use tapgate_wire::record::Status;
use tapgate_wire::{Leg, Nanos};

use super::Outcome;
use super::difference::{Difference, Ignored, differences};
use crate::capture::{Call, Poll, Turn, is_request, task_of};
use crate::play::{Player, quoted, unreached};

/// How often the state of a task is asked for before it counts as hanging.
const MAX_POLLS: usize = 600;

/// How long a server has before a call is cancelled as it was then, at most.
const MAX_HASTE: Duration = Duration::from_secs(5);

/// A call that was made and is not over.
#[derive(Debug)]
pub(super) struct Flight<'c> {
    pub(super) call: &'c Call,
    /// Its place in the recording.
    pub(super) place: usize,
    /// When the last message of it came then; `None` when its end was not seen.
    pub(super) ended: Option<MessageId>,
    /// When it goes on by itself.
    pub(super) due: Nanos,
    patience: Duration,
    /// Where the request stands that was sent last.
    at: usize,
    wants: Wants,
    /// What the server asked then and what the client said to it, as far as it was not said again.
    questions: Vec<(&'c Json, &'c Json)>,
    task: Option<Task>,
}

/// What has to happen next.
#[derive(Debug)]
enum Wants {
    /// The answer to this request.
    Answer(Json, About),
    /// It is time to ask for the state of its task.
    Time,
}

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    /// The call itself.
    Call,
    /// The state of its task.
    State,
    /// The result of its task.
    End,
    /// What the client told about its task: input, or that it gives up.
    Told,
}

/// The task that it became.
#[derive(Debug)]
struct Task {
    id: Json,
    /// Whether it is one of 2025-11-25, which has its result apart from its state.
    is_legacy: bool,
    n_polls: usize,
    /// What was asked for and given.
    given: BTreeSet<String>,
}

/// Whether a call goes on.
pub(super) enum Step {
    /// It waits for something.
    Waits,
    /// This came of it.
    Over(Outcome),
}

impl<'c> Flight<'c> {
    /// A call that is still to be made.
    pub(super) fn new(place: usize, call: &'c Call, patience: Duration) -> Self {
        let is_ended = call.answer().is_some() || call.row.status == Status::Cancelled;
        let turns: Vec<&Turn> =
            call.turns.iter().chain(call.polls.iter().flat_map(|poll| &poll.turns)).collect();
        let said = |from: Leg| {
            turns.iter().filter(move |turn| turn.from == from).filter_map(|turn| turn.said.as_ref())
        };
        let reply_to = |question: &Json| {
            said(Leg::Client)
                .find(|reply| reply.get("method").is_none() && reply.get("id") == question.get("id"))
        };
        let questions =
            said(Leg::Server).filter(|said| said.get("method").is_some() && said.get("id").is_some());
        let questions = questions.filter_map(|question| Some((question, reply_to(question)?))).collect();
        Self {
            call,
            place,
            ended: call.last().filter(|_| is_ended),
            due: Nanos(0),
            patience,
            at: 0,
            wants: Wants::Time,
            questions,
            task: None,
        }
    }

    /// Makes the call.
    pub(super) fn begin(&mut self, now: Nanos, player: &mut Player, cursors: &HashMap<String, Json>) -> Step {
        let mut params = self.params(0);
        if let Some(place) = params.get_mut("cursor")
            && let Some(cursor) = place.as_str().and_then(|then| cursors.get(then))
        {
            *place = cursor.clone();
        }
        let step = self.ask(now, player, &self.call.row.method, &params, About::Call);
        if self.is_cancelled() {
            let times = self.call.turns.iter().map(|turn| turn.at);
            let then = times.clone().max().unwrap_or_default() - times.min().unwrap_or_default();
            let then = Duration::from_nanos(u64::try_from(then).unwrap_or_default());
            self.due = later(now, then.min(MAX_HASTE).min(self.patience));
        }
        step
    }

    /// Whether an answer with this id is one to this call.
    pub(super) fn waits_for(&self, id: &Json) -> bool {
        matches!(&self.wants, Wants::Answer(own, _) if own == id)
    }

    /// Goes on when it is due.
    pub(super) fn on_time(&mut self, now: Nanos, player: &mut Player) -> Step {
        match &self.wants {
            Wants::Time => {
                let Some(task) = &mut self.task else { return Step::Over(Outcome::Silent) };
                task.n_polls += 1;
                if task.n_polls > MAX_POLLS {
                    return Step::Over(Outcome::Silent);
                }
                self.ask_about_task(now, player, "tasks/get", Map::new(), About::State)
            }
            Wants::Answer(id, About::Call) if self.is_cancelled() => {
                let params = json!({ "requestId": id });
                // A server that went away is not asked for anything here.
                let _ = player.send(
                    &json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params }),
                );
                Step::Over(Outcome::Same)
            }
            Wants::Answer(..) if matches!(self.call.row.status, Status::Pending | Status::Unanswered) => {
                Step::Over(Outcome::Same)
            }
            Wants::Answer(..) => Step::Over(Outcome::Silent),
        }
    }

    /// Goes on with the answer that it waited for.
    pub(super) fn on_answer(
        &mut self,
        now: Nanos,
        live: &Json,
        ignored: &Ignored,
        player: &mut Player,
    ) -> Step {
        if let Some(why) = unreached(live) {
            return Step::Over(Outcome::Unreached(quoted(&why, &HeaderMap::new())));
        }
        match &self.wants {
            Wants::Answer(_, About::Call) => self.on_round(now, live, ignored, player),
            Wants::Answer(_, About::State) => self.on_state(now, live, ignored, player),
            Wants::Answer(_, About::End) => self.end(live, ignored),
            Wants::Answer(_, About::Told) | Wants::Time => self.pause(now, live),
        }
    }

    /// The client's answer to a question of this method, and with these parameters if they count.
    pub(super) fn reply(&mut self, method: &str, params: Option<&Json>) -> Option<Json> {
        let is_asked = |(question, _): &(&Json, &Json)| {
            question.get("method").and_then(Json::as_str) == Some(method)
                && params.is_none_or(|params| {
                    super::compare(question.get("params").unwrap_or(&Json::Null), params, &Ignored::default())
                        .is_empty()
                })
        };
        let place = self.questions.iter().position(is_asked)?;
        Some(self.questions.remove(place).1.clone())
    }

    /// Notes the cursor that stands for the recorded one now.
    pub(super) fn learn(&self, live: &Json, cursors: &mut HashMap<String, Json>) {
        let cursor = "/result/nextCursor";
        let then = self.call.answer().and_then(|answer| answer.pointer(cursor)?.as_str());
        if let (Some(then), Some(now)) = (then, live.pointer(cursor)) {
            cursors.insert(then.to_owned(), now.clone());
        }
    }

    fn on_round(&mut self, now: Nanos, live: &Json, ignored: &Ignored, player: &mut Player) -> Step {
        if self.call.row.method == "initialize" && live.get("result").is_some() {
            // A server that went away shows in the next call.
            let _ = player.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        }
        if let Some(id) = task_of(live) {
            let is_legacy = live.pointer("/result/task").is_some();
            self.task = Some(Task { id: json!(id), is_legacy, n_polls: 0, given: BTreeSet::new() });
            if self.is_given_up() {
                return self.ask_about_task(now, player, "tasks/cancel", Map::new(), About::Told);
            }
            return self.pause(now, live);
        }
        let had_none =
            self.is_cancelled() || matches!(self.call.row.status, Status::Pending | Status::Unanswered);
        let Some(recorded) = answer_after(&self.call.turns, self.at) else {
            return Step::Over(if had_none {
                Outcome::Changed(differences(&Json::Null, live, ignored))
            } else {
                Outcome::Skipped("its answer was not recorded, or as a summary")
            });
        };
        if task_of(recorded).is_some() {
            return self.end(live, ignored);
        }
        let found = differences(recorded, live, ignored);
        let next = self.call.turns.iter().enumerate().skip(self.at + 1);
        let mut next = next.filter(|(_, turn)| turn.from == Leg::Client && is_request(turn));
        match next.next() {
            _ if !found.is_empty() => Step::Over(Outcome::Changed(found)),
            Some((at, _)) if needs_input(live) => {
                self.at = at;
                let mut params = self.params(at);
                if let Some(members) = params.as_object_mut() {
                    members.remove("requestState");
                    members.extend(
                        live.pointer("/result/requestState")
                            .map(|state| ("requestState".to_owned(), state.clone())),
                    );
                    if let Some(given) = members.remove("inputResponses") {
                        let asked = live.pointer("/result/inputRequests");
                        members.insert(
                            "inputResponses".to_owned(),
                            Json::Object(input(given.as_object(), asked)),
                        );
                    }
                }
                self.ask(now, player, &self.call.row.method, &params, About::Call)
            }
            _ => Step::Over(Outcome::Same),
        }
    }

    fn on_state(&mut self, now: Nanos, live: &Json, ignored: &Ignored, player: &mut Player) -> Step {
        let is_given_up = self.is_given_up();
        let Some(task) = &mut self.task else { return Step::Over(Outcome::Silent) };
        let status = live.pointer("/result/status").and_then(Json::as_str).unwrap_or_default();
        match status {
            "working" => self.pause(now, live),
            "input_required" if !task.is_legacy => {
                let given: Map<String, Json> =
                    updates(self.call).cloned().collect::<Vec<_>>().into_iter().flatten().collect();
                let mut wanted = input(Some(&given), live.pointer("/result/inputRequests"));
                wanted.retain(|name, _| task.given.insert(name.clone()));
                if wanted.is_empty() {
                    return self.pause(now, live);
                }
                let more = Map::from_iter([("inputResponses".to_owned(), Json::Object(wanted))]);
                self.ask_about_task(now, player, "tasks/update", more, About::Told)
            }
            _ if is_given_up => {
                let was = self
                    .call
                    .polls
                    .iter()
                    .rev()
                    .find_map(|poll| poll.answer()?.pointer("/result/status")?.as_str());
                let was = was.unwrap_or("cancelled");
                let (was, is) =
                    (json!({ "result": { "status": was } }), json!({ "result": { "status": status } }));
                Step::Over(outcome(differences(&was, &is, ignored)))
            }
            "input_required" | "completed" | "failed" if task.is_legacy => {
                self.ask_about_task(now, player, "tasks/result", Map::new(), About::End)
            }
            _ => {
                let end = |name: &str| Some(json!({ name: live.pointer(&format!("/result/{name}"))? }));
                let end = end("result").or_else(|| end("error")).unwrap_or_else(|| live.clone());
                self.end(&end, ignored)
            }
        }
    }

    /// Compares what came in the end, of a call or of its task.
    fn end(&self, live: &Json, ignored: &Ignored) -> Step {
        let recorded = match self.call.task() {
            Some(_) => self.call.outcome(),
            None => self.call.answer().cloned(),
        };
        Step::Over(match recorded {
            Some(recorded) => outcome(differences(&recorded, live, ignored)),
            None => Outcome::Skipped("the end of its task was not recorded"),
        })
    }

    /// Waits until the server wants to be asked again for the state of the task.
    fn pause(&mut self, now: Nanos, live: &Json) -> Step {
        let paths = ["/result/pollIntervalMs", "/result/pollInterval", "/result/task/pollInterval"];
        let wait = paths.iter().find_map(|path| live.pointer(path)?.as_u64()).unwrap_or(200).clamp(10, 5_000);
        self.wants = Wants::Time;
        self.due = later(now, Duration::from_millis(wait));
        Step::Waits
    }

    fn ask(&mut self, now: Nanos, player: &mut Player, method: &str, params: &Json, about: About) -> Step {
        match player.request(method, params) {
            Ok(id) => {
                self.wants = Wants::Answer(id, about);
                self.due = later(now, self.patience);
                Step::Waits
            }
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                // Why it went away is heard first.
                self.wants = Wants::Answer(Json::Null, about);
                self.due = later(now, self.patience);
                Step::Waits
            }
            Err(_) => Step::Over(Outcome::Silent),
        }
    }

    fn ask_about_task(
        &mut self,
        now: Nanos,
        player: &mut Player,
        method: &str,
        mut params: Map<String, Json>,
        about: About,
    ) -> Step {
        let id = self.task.as_ref().map_or(Json::Null, |task| task.id.clone());
        params.insert("taskId".to_owned(), id);
        if let Some(Json::Object(mut meta)) = self.params(0).get_mut("_meta").map(Json::take) {
            meta.remove("progressToken");
            if !meta.is_empty() {
                params.insert("_meta".to_owned(), Json::Object(meta));
            }
        }
        self.ask(now, player, method, &Json::Object(params), about)
    }

    /// The parameters of a request of then.
    fn params(&self, at: usize) -> Json {
        let said = self.call.turns.get(at).and_then(|turn| turn.said.as_ref());
        said.and_then(|said| said.get("params")).cloned().unwrap_or_else(|| json!({}))
    }

    /// Whether the client cancelled it then, before it was answered.
    fn is_cancelled(&self) -> bool {
        self.call.row.status == Status::Cancelled && self.call.answer().is_none()
    }

    /// Whether the client cancelled its task then.
    fn is_given_up(&self) -> bool {
        self.call.polls.iter().any(|poll| poll.method == "tasks/cancel")
    }
}

/// What the client gave to the call's task then.
fn updates(call: &Call) -> impl Iterator<Item = &Map<String, Json>> {
    let request = |poll: &Poll| poll.method == "tasks/update";
    let updates = call.polls.iter().filter(move |poll| request(poll));
    updates
        .filter_map(|poll| poll.turns.first()?.said.as_ref()?.pointer("/params/inputResponses")?.as_object())
}

/// What was given then under the names of what is asked for now: by name, else in order.
fn input(given: Option<&Map<String, Json>>, asked: Option<&Json>) -> Map<String, Json> {
    let (Some(given), Some(asked)) = (given, asked.and_then(Json::as_object)) else { return Map::new() };
    let mut others = given.iter().filter(|(name, _)| !asked.contains_key(*name)).map(|(_, value)| value);
    let value = |name: &String| given.get(name).or_else(|| others.next()).cloned();
    asked
        .keys()
        .map(value)
        .zip(asked.keys())
        .filter_map(|(value, name)| Some((name.clone(), value?)))
        .collect()
}

/// The server's answer that follows a turn.
fn answer_after(turns: &[Turn], at: usize) -> Option<&Json> {
    let after = turns.iter().skip(at + 1).filter(|turn| turn.from == Leg::Server);
    after.filter_map(|turn| turn.said.as_ref()).find(|said| said.get("method").is_none())
}

fn needs_input(answer: &Json) -> bool {
    answer.pointer("/result/resultType").and_then(Json::as_str) == Some("input_required")
}

fn outcome(found: Vec<Difference>) -> Outcome {
    if found.is_empty() { Outcome::Same } else { Outcome::Changed(found) }
}

fn later(now: Nanos, wait: Duration) -> Nanos {
    Nanos(now.0.saturating_add(wait.as_nanos() as u64))
}
