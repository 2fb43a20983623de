//! Tasks of 2025-11-25's core, as a scripted server makes them.

use serde_json::{Value, json};

use super::{Say, Skill, Talk, error};
use crate::peer::{META, at, text};

/// A task of a conversation.
#[derive(Debug)]
pub(super) struct Task {
    id: String,
    /// What it does: `finish`, `fail`, `break`, `ask`, or anything else, which never ends.
    does: String,
    status: &'static str,
    has_asked: bool,
    /// Requests for its result that wait.
    waits: Vec<Value>,
    outcome: Value,
}

impl Task {
    fn state(&self) -> Value {
        json!({
            "taskId": self.id, "status": self.status, "createdAt": "2025-11-25T10:30:00Z",
            "lastUpdatedAt": "2025-11-25T10:40:00Z", "ttl": 60_000, "pollInterval": 50,
        })
    }

    fn is_over(&self) -> bool {
        matches!(self.status, "completed" | "failed" | "cancelled")
    }

    /// Its status as a notification, and its outcome for those who wait for it.
    fn says(&mut self) -> Vec<Say> {
        let told =
            json!({ "jsonrpc": "2.0", "method": "notifications/tasks/status", "params": self.state() });
        let mut says = vec![Say::General(told)];
        if self.is_over() {
            let outcome = &self.outcome;
            says.extend(self.waits.drain(..).map(|id| Say::Answer(id, outcome.clone())));
        }
        says
    }

    fn end(&mut self, status: &'static str, outcome: Value) -> Vec<Say> {
        (self.status, self.outcome) = (status, outcome);
        if let Some(result) = self.outcome.as_object_mut().filter(|it| !it.contains_key("\u{0}error")) {
            result.insert("_meta".into(), json!({ format!("{META}related-task"): { "taskId": self.id } }));
        }
        self.says()
    }
}

impl Skill {
    /// Every tool, those that become tasks last.
    pub(super) fn tools(&self) -> Vec<Value> {
        let tool = |name: &str, support: &str| {
            json!({ "name": name, "inputSchema": { "type": "object", "x-kept": [name] },
                    "execution": { "taskSupport": support } })
        };
        let mut all = super::tools::all();
        if self.has_core_tasks {
            all.extend([tool("job", "required"), tool("errand", "optional")]);
        }
        all
    }

    /// What a server that makes tasks says to a request that concerns them; nothing to any other.
    pub(super) fn core_task(
        &mut self,
        talk: &mut Talk,
        method: &str,
        id: &Value,
        params: &Value,
    ) -> Option<Vec<Say>> {
        if !self.has_core_tasks {
            return None;
        }
        let words = |words: &str| json!({ "content": [{ "type": "text", "text": words }] });
        if method == "tools/call" {
            let tool = text(params, &["name"]);
            if !matches!(tool, "job" | "errand") {
                return None;
            }
            if !at(params, &["task"]).is_object() {
                return Some(vec![match tool {
                    "errand" => Say::Answer(id.clone(), words("done at once")),
                    _ => error(id, -32601, "the tool has to be called as a task", Value::Null),
                }]);
            }
            talk.next += 1;
            let task = Task {
                id: format!("task \"{}\"", talk.next),
                does: text(params, &["arguments", "does"]).to_owned(),
                status: "working",
                has_asked: false,
                waits: Vec::new(),
                outcome: Value::Null,
            };
            let created = json!({ "task": task.state(), "_meta": { "x": 1 } });
            talk.tasks.insert(task.id.clone(), task);
            return Some(vec![Say::Answer(id.clone(), created)]);
        }
        if !matches!(method, "tasks/get" | "tasks/result" | "tasks/cancel") {
            return None;
        }
        let Some(task) = talk.tasks.get_mut(text(params, &["taskId"])) else {
            self.faults.push(format!("{method} names a task of nobody: {params}"));
            return Some(vec![error(id, -32602, "unknown task", Value::Null)]);
        };
        Some(match method {
            "tasks/get" => vec![Say::Answer(id.clone(), task.state())],
            "tasks/cancel" if task.is_over() => {
                vec![error(id, -32602, "the task has ended", Value::Null)]
            }
            "tasks/cancel" => {
                let failed = json!({ "\u{0}error": { "code": -32603, "message": "cancelled" } });
                let mut says = task.end("cancelled", failed);
                says.push(Say::Answer(id.clone(), task.state()));
                says
            }
            _ => {
                task.waits.push(id.clone());
                match task.does.as_str() {
                    "finish" => task.end("completed", words("done")),
                    "fail" => {
                        let mut failed = words("it failed");
                        failed["isError"] = json!(true);
                        task.end("failed", failed)
                    }
                    "break" => {
                        let broken = json!({ "\u{0}error": { "code": -32017, "message": "it broke" } });
                        task.end("failed", broken)
                    }
                    "ask" if !task.has_asked => {
                        (task.has_asked, task.status) = (true, "input_required");
                        let related = json!({ format!("{META}related-task"): { "taskId": task.id } });
                        let ask = json!(format!("ask {}", task.id));
                        talk.task_asks.insert(ask.to_string(), task.id.clone());
                        let schema =
                            json!({ "type": "object", "properties": { "name": { "type": "string" } } });
                        let params =
                            json!({ "message": "your name?", "requestedSchema": schema, "_meta": related });
                        let asked = json!({ "jsonrpc": "2.0", "id": ask, "method": "elicitation/create", "params": params });
                        let mut says = task.says();
                        says.push(Say::About(id.clone(), asked));
                        says
                    }
                    _ if task.is_over() => task.says(),
                    _ => Vec::new(),
                }
            }
        })
    }

    /// The answer to what a task asked for.
    pub(super) fn core_task_answered(talk: &mut Talk, task: &str, message: &Value) -> Vec<Say> {
        let Some(task) = talk.tasks.get_mut(task).filter(|task| !task.is_over()) else { return Vec::new() };
        let name = text(message, &["result", "content", "name"]);
        let words = format!("name={name}");
        task.end("completed", json!({ "content": [{ "type": "text", "text": words }] }))
    }
}
