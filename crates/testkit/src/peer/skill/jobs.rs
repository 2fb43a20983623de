//! Tasks as a scripted server of 2026-07-28 has them when it offers the extension.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{META, Say, Skill, at, error, sum, text};

/// The tasks of one server.
#[derive(Debug, Default)]
pub struct Jobs {
    /// Whether the server offers the extension, and the tools that become tasks.
    pub is_offered: bool,
    all: BTreeMap<String, Job>,
}

#[derive(Debug, Default)]
struct Job {
    tool: String,
    /// How often it was asked about since something happened to it.
    n_asked: usize,
    is_cancelled: bool,
    given: BTreeMap<String, Value>,
}

/// The tools that become tasks where the client knows them.
const TOOLS: [&str; 5] = ["job", "job-asks", "job-fails", "job-breaks", "job-endless"];

impl Job {
    /// How it is about the task, as each question about it moves it on.
    fn state(&mut self) -> Value {
        self.n_asked += 1;
        let done =
            |words: &str| json!({ "content": [{ "type": "text", "text": words }], "resultType": "complete" });
        let ended = |result: Value| json!({ "status": "completed", "result": result });
        match self.tool.as_str() {
            _ if self.is_cancelled => json!({ "status": "cancelled" }),
            // It takes a while to notice what it was given.
            "job-asks" if self.given.is_empty() || self.n_asked < 2 => {
                let form = json!({ "message": "your name?", "requestedSchema": {
                    "type": "object", "properties": { "name": { "type": "string" } } } });
                let asked = json!({ "name": { "method": "elicitation/create", "params": form } });
                json!({ "status": "input_required", "inputRequests": asked })
            }
            "job-asks" => ended(sum(&self.given)),
            "job-endless" => json!({ "status": "working" }),
            _ if self.n_asked < 2 => json!({ "status": "working" }),
            "job-fails" => {
                let mut result = done("it failed");
                result["isError"] = json!(true);
                ended(result)
            }
            "job-breaks" => json!({ "status": "failed", "error": { "code": -32017, "message": "it broke" } }),
            _ => ended(done("it is done")),
        }
    }
}

impl Skill {
    /// How the tools that become tasks are described.
    pub(super) fn job_tools(&self) -> Vec<Value> {
        let tools = TOOLS.iter().filter(|_| self.jobs.is_offered);
        tools.map(|name| json!({ "name": name, "inputSchema": { "type": "object" } })).collect()
    }

    /// Hears what concerns tasks, if it does.
    pub(super) fn asked_job(&mut self, id: &Value, method: &str, params: &Value) -> Option<Vec<Say>> {
        let declared = at(params, &["_meta", &format!("{META}clientCapabilities"), "extensions"]);
        let knows = declared.get(format!("{META}tasks")).is_some();
        if params.get("task").is_some() {
            self.faults.push(format!("{method} came with `task`, which only 2025-11-25 has"));
        }
        if method == "tools/call" {
            let tool = text(params, &["name"]);
            if !self.jobs.is_offered || !TOOLS.contains(&tool) {
                return None;
            }
            if !knows {
                let result = json!({ "content": [{ "type": "text", "text": "without a task" }] });
                return Some(vec![Say::Answer(id.clone(), self.done(result))]);
            }
            let name = format!("job-{}-é", self.jobs.all.len() + 1);
            self.jobs.all.insert(name.clone(), Job { tool: tool.to_owned(), ..Job::default() });
            return Some(vec![Say::Answer(
                id.clone(),
                described(&name, "task", json!({ "status": "working" })),
            )]);
        }
        if !self.jobs.is_offered || !matches!(method, "tasks/get" | "tasks/update" | "tasks/cancel") {
            return None;
        }
        if !knows {
            self.faults.push(format!("{method} of a client that does not know tasks"));
            let data = json!({ "requiredCapabilities": { "extensions": { format!("{META}tasks"): {} } } });
            return Some(vec![error(id, -32021, "missing capability", data)]);
        }
        let name = text(params, &["taskId"]);
        let Some(job) = self.jobs.all.get_mut(name) else {
            return Some(vec![error(id, -32602, "unknown task", Value::Null)]);
        };
        let result = match method {
            "tasks/get" => described(name, "complete", job.state()),
            "tasks/cancel" => {
                job.is_cancelled = true;
                self.cancelled.push(job.tool.clone());
                json!({ "resultType": "complete" })
            }
            _ => {
                let given = at(params, &["inputResponses"]).as_object().cloned().unwrap_or_default();
                if given.is_empty() {
                    self.faults.push("tasks/update gives nothing".to_owned());
                }
                job.n_asked = 0;
                job.given.extend(given);
                json!({ "resultType": "complete" })
            }
        };
        Some(vec![Say::Answer(id.clone(), result)])
    }
}

/// A task with what every one says.
fn described(name: &str, kind: &str, mut state: Value) -> Value {
    state["resultType"] = json!(kind);
    state["taskId"] = json!(name);
    state["createdAt"] = json!("2026-07-28T00:00:00Z");
    state["lastUpdatedAt"] = json!("2026-07-28T00:00:01Z");
    state["ttlMs"] = json!(60_000);
    state["pollIntervalMs"] = json!(100);
    state
}
