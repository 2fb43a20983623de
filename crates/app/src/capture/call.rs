//! One call of a recording, apart from what was asked about the task that it became.

use serde_json::Value as Json;
use tapgate_store::{ExchangeRow, MessageId};
use tapgate_wire::Leg;
use tapgate_wire::record::UnixNanos;

/// A call: a request of the client and all that was said until its end.
#[derive(Debug)]
pub struct Call {
    /// The exchange.
    pub row: ExchangeRow,
    /// Its messages in order, the request first; those of its polls are not among them.
    pub turns: Vec<Turn>,
    /// What the client asked about the task that it became, in order.
    pub polls: Vec<Poll>,
}

/// A request about a task (`tasks/get`, `tasks/result`, `tasks/cancel`, `tasks/update`) and all that was said for it.
#[derive(Debug)]
pub struct Poll {
    /// Its method.
    pub method: String,
    /// Its messages in order, the request first.
    pub turns: Vec<Turn>,
}

/// A message of a call.
#[derive(Clone, Debug)]
pub struct Turn {
    /// Its id.
    pub id: MessageId,
    /// When it came.
    pub at: UnixNanos,
    /// The side that sent it.
    pub from: Leg,
    /// What it said; `None` when only a summary was stored, or what came is no JSON.
    pub said: Option<Json>,
}

impl Call {
    /// A call of these messages, in order; `None` when the client did not begin it.
    pub fn new(said: Vec<Turn>, row: ExchangeRow) -> Option<Self> {
        said.first().filter(|turn| turn.from == Leg::Client)?;
        let mut call = Self { row, turns: Vec::new(), polls: Vec::new() };
        for turn in said {
            match call.poll_of(&turn) {
                Some(Place::Poll(at)) => call.polls.get_mut(at)?.turns.push(turn),
                Some(Place::New(method)) => call.polls.push(Poll { method, turns: vec![turn] }),
                None => call.turns.push(turn),
            }
        }
        Some(call)
    }

    /// Its request, if it was stored whole.
    pub fn request(&self) -> Option<&Json> {
        self.turns.first()?.said.as_ref()
    }

    /// The server's answer in the end, which for a call that became a task only says so.
    pub fn answer(&self) -> Option<&Json> {
        answer(&self.turns)
    }

    /// The id of the task that it became.
    pub fn task(&self) -> Option<&str> {
        task_of(self.answer()?)
    }

    /// What came of its task: the answer that a client without tasks would have got.
    pub fn outcome(&self) -> Option<Json> {
        self.polls.iter().rev().find_map(Poll::outcome)
    }

    /// When its last message came, polls among them.
    pub fn last(&self) -> Option<MessageId> {
        let polled = self.polls.iter().flat_map(|poll| &poll.turns);
        self.turns.iter().chain(polled).map(|turn| turn.id).max()
    }

    fn poll_of(&self, turn: &Turn) -> Option<Place> {
        let said = turn.said.as_ref();
        let method = said.and_then(|said| said.get("method")).and_then(Json::as_str);
        let id = said.and_then(|said| said.get("id"));
        let last_open = || self.polls.iter().rposition(|poll| answer(&poll.turns).is_none());
        match (turn.from, method, id) {
            (Leg::Client, Some(method), Some(_)) => (!self.turns.is_empty() && method.starts_with("tasks/"))
                .then(|| Place::New(method.to_owned())),
            (Leg::Client, _, Some(id)) => {
                let asks =
                    |turn: &Turn| turn.from == Leg::Server && is_request(turn) && id_of(turn) == Some(id);
                self.polls.iter().rposition(|poll| poll.turns.iter().any(asks)).map(Place::Poll)
            }
            (Leg::Server, None, Some(id)) => self
                .polls
                .iter()
                .rposition(|poll| poll.turns.first().and_then(id_of) == Some(id))
                .map(Place::Poll),
            // A task asks while its result is waited for.
            (Leg::Server, Some(_), _) => {
                let is_waiting = |poll: &Poll| poll.method == "tasks/result" && answer(&poll.turns).is_none();
                self.polls.iter().rposition(is_waiting).or_else(last_open).map(Place::Poll)
            }
            (Leg::Server, None, None) => last_open().map(Place::Poll),
            (Leg::Client, _, None) => None,
        }
    }
}

/// Where a message belongs that is about a task.
enum Place {
    /// To this poll.
    Poll(usize),
    /// To a new one of this method.
    New(String),
}

impl Poll {
    /// Its answer.
    pub fn answer(&self) -> Option<&Json> {
        answer(&self.turns)
    }

    /// The end of the task, if this poll told it, as the answer to its call.
    fn outcome(&self) -> Option<Json> {
        let answer = self.answer()?;
        if self.method == "tasks/result" {
            return Some(answer.clone());
        }
        let inline =
            |name: &str| answer.pointer(&format!("/result/{name}")).map(|end| (name.to_owned(), end.clone()));
        let (name, end) = inline("result").or_else(|| inline("error"))?;
        Some(Json::Object([(name, end)].into_iter().collect()))
    }
}

/// The last answer of the server among messages.
fn answer(turns: &[Turn]) -> Option<&Json> {
    let said =
        turns.iter().rev().filter(|turn| turn.from == Leg::Server).filter_map(|turn| turn.said.as_ref());
    said.into_iter().find(|said| said.get("method").is_none())
}

/// Whether a message asks something.
pub fn is_request(turn: &Turn) -> bool {
    turn.said.as_ref().is_none_or(|said| said.get("method").is_some() && said.get("id").is_some())
}

fn id_of(turn: &Turn) -> Option<&Json> {
    turn.said.as_ref()?.get("id")
}

/// The id of the task that an answer creates.
///
/// Spec 2025-11-25, basic/utilities/tasks: `{task:{taskId}}`; tasks extension: `resultType: "task"`.
pub fn task_of(answer: &Json) -> Option<&str> {
    let result = answer.get("result")?;
    let is_extension = result.get("resultType").and_then(Json::as_str) == Some("task");
    let task = if is_extension { Some(result) } else { result.get("task") };
    task?.get("taskId")?.as_str()
}
