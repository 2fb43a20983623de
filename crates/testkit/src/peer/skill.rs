// Long because it is the list of what one server can do.
//! What a scripted server can do, whatever carries it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tapgate_wire::revision::Revision;

use self::inputs::sum;
use super::{META, at, text};

mod core_tasks;
mod inputs;
pub mod jobs;
mod tools;

/// One conversation: a process, a legacy session, or all modern requests over HTTP.
#[derive(Debug, Default)]
pub struct Talk {
    /// The client's words in its handshake.
    pub initialize: Value,
    /// Whether `notifications/initialized` came.
    pub is_initialized: bool,
    /// Resources that changes are told of.
    pub subscriptions: Vec<String>,
    level: Option<String>,
    /// Requests to the client by their ids: the call that they belong to, and which input.
    asked: BTreeMap<String, (Value, String)>,
    /// Calls that wait for inputs: parameters, what is still to come, what came.
    waits: BTreeMap<String, Wait>,
    /// Open streams of subscriptions (2026-07-28): the listen's id, and what it wants.
    listens: BTreeMap<String, (Value, Value)>,
    /// Tasks of 2025-11-25 by their ids, and those that ask, by the ids of their questions.
    tasks: BTreeMap<String, core_tasks::Task>,
    task_asks: BTreeMap<String, String>,
    next: u64,
}

#[derive(Debug)]
struct Wait {
    id: Value,
    params: Value,
    n_left: usize,
    got: BTreeMap<String, Value>,
}

/// What a server says.
#[derive(Clone, Debug)]
pub enum Say {
    /// The answer to a request.
    Answer(Value, Value),
    /// Something that concerns the request with this id.
    About(Value, Value),
    /// Something that concerns nobody's request.
    General(Value),
    /// The process dies.
    Die,
}

/// What servers of one test have in common, and remember for it.
#[derive(Debug)]
pub struct Skill {
    /// The revision that the server speaks; a legacy server agrees on an older one.
    pub revision: Revision,
    /// Calls that were cancelled, by their tool.
    pub cancelled: Vec<String>,
    /// Requests that came, method and parameters.
    pub heard: Vec<(String, Value)>,
    /// Notifications that came.
    pub told: Vec<String>,
    /// The last message as it came.
    pub last_raw: String,
    /// What was against the rules of the revision.
    pub faults: Vec<String>,
    /// Whether a server of 2025-11-25 has tools that become tasks.
    pub has_core_tasks: bool,
    /// How often the tool `count` ran: what is replayed is seen here.
    pub n_counted: usize,
    /// Tasks (2026-07-28).
    pub jobs: jobs::Jobs,
}

const PAGE: usize = 8;

impl Skill {
    pub(crate) fn new(revision: Revision) -> Self {
        Self {
            revision,
            cancelled: Vec::new(),
            heard: Vec::new(),
            told: Vec::new(),
            last_raw: String::new(),
            faults: Vec::new(),
            has_core_tasks: false,
            n_counted: 0,
            jobs: jobs::Jobs::default(),
        }
    }

    fn is_modern(&self) -> bool {
        self.revision >= Revision::V2026_07_28
    }

    /// Hears a message and says what follows from it.
    pub(crate) fn hear(&mut self, talk: &mut Talk, message: &Value) -> Vec<Say> {
        let id = message.get("id").filter(|id| !id.is_null());
        match (message.get("method").and_then(Value::as_str), id) {
            (Some(method), Some(id)) => {
                let params = message.get("params").cloned().unwrap_or_else(|| json!({}));
                self.heard.push((method.to_owned(), params.clone()));
                if self.is_modern()
                    && let Some(says) = self.asked_job(id, method, &params)
                {
                    return says;
                }
                let says = self.core_task(talk, method, id, &params);
                says.unwrap_or_else(|| self.asked(talk, method, id, &params))
            }
            (Some(method), None) => self.told(talk, method, at(message, &["params"])),
            (None, Some(id)) => self.answered(talk, id, message),
            (None, None) => {
                self.faults.push(format!("the server got an answer to nobody: {message}"));
                Vec::new()
            }
        }
    }

    fn asked(&mut self, talk: &mut Talk, method: &str, id: &Value, params: &Value) -> Vec<Say> {
        if self.is_modern() {
            let meta = at(params, &["_meta"]);
            let has = |name: &str| meta.get(format!("{META}{name}")).is_some();
            if method == "initialize" || method == "ping" || method == "logging/setLevel" {
                return vec![error(id, -32601, "method not found", Value::Null)];
            }
            if !has("protocolVersion") || !has("clientCapabilities") {
                self.faults.push(format!("{method} without the metadata of a modern request"));
                return vec![error(id, -32602, "missing metadata", Value::Null)];
            }
        } else if method != "initialize" && method != "ping" && talk.initialize.is_null() {
            if method != "server/discover" {
                self.faults.push(format!("{method} before the handshake"));
            }
            return vec![error(id, -32600, "not initialized", Value::Null)];
        }
        if !self.is_modern() && at(params, &["_meta"]).to_string().contains("clientCapabilities") {
            self.faults.push(format!("modern metadata reached a legacy server with {method}"));
        }
        match method {
            "initialize" => self.greet(talk, id, params),
            "server/discover" if self.is_modern() => vec![Say::Answer(
                id.clone(),
                self.done(json!({
                    "supportedVersions": [self.revision.as_str()],
                    "capabilities": self.capabilities(),
                    "instructions": "ask kindly",
                    "ttlMs": 1000, "cacheScope": "public",
                    "_meta": { format!("{META}serverInfo"): { "name": "scripted-server", "version": "9" } },
                })),
            )],
            "ping" => vec![Say::Answer(id.clone(), json!({}))],
            "logging/setLevel" => {
                talk.level = params.get("level").and_then(Value::as_str).map(str::to_owned);
                vec![Say::Answer(id.clone(), json!({}))]
            }
            "tools/list" | "prompts/list" | "resources/list" | "resources/templates/list"
                if at(params, &["cursor"]).as_str().is_some_and(|cursor| !Self::is_cursor(cursor)) =>
            {
                vec![error(id, -32602, "no such cursor", Value::Null)]
            }
            "tools/list" => {
                vec![self.list(id, params, "tools", [self.tools(), self.job_tools()].concat())]
            }
            "prompts/list" => {
                vec![self.list(id, params, "prompts", vec![json!({ "name": "greet", "arguments": [{ "name": "who" }] })])]
            }
            "resources/list" => vec![self.list(
                id,
                params,
                "resources",
                vec![json!({ "uri": "test://text", "name": "text", "mimeType": "text/plain" })],
            )],
            "resources/templates/list" => vec![self.list(
                id,
                params,
                "resourceTemplates",
                vec![json!({ "uriTemplate": "test://item/{id}", "name": "item" })],
            )],
            "resources/read" => self.read(id, params),
            "resources/subscribe" if !self.is_modern() => {
                talk.subscriptions.push(text(params, &["uri"]).to_owned());
                vec![Say::Answer(id.clone(), json!({}))]
            }
            "resources/unsubscribe" if !self.is_modern() => {
                talk.subscriptions.retain(|uri| uri != text(params, &["uri"]));
                vec![Say::Answer(id.clone(), json!({}))]
            }
            "subscriptions/listen" if self.is_modern() => {
                talk.listens.insert(id.to_string(), (id.clone(), params["notifications"].clone()));
                vec![Say::About(
                    id.clone(),
                    json!({ "jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged", "params": {
                        "notifications": params["notifications"],
                        "_meta": { format!("{META}subscriptionId"): id },
                    }}),
                )]
            }
            "prompts/get" if text(params, &["name"]) == "greet" => vec![Say::Answer(
                id.clone(),
                self.done(json!({ "messages": [{ "role": "user", "content": {
                    "type": "text", "text": format!("hello {}", text(params, &["arguments", "who"])) } }] })),
            )],
            "prompts/get" => vec![error(id, -32602, "unknown prompt", Value::Null)],
            "completion/complete" => vec![Say::Answer(
                id.clone(),
                self.done(json!({ "completion": { "values": [format!("{}da", text(params, &["argument", "value"]))] } })),
            )],
            // As a server that was written for a draft of 2026-07-28 numbers it.
            "tools/call" if text(params, &["name"]) == "draft" => {
                let data = json!({ "requiredCapabilities": { "sampling": {} } });
                vec![error(id, -32003, "missing capability", data)]
            }
            "tools/call" => self.call(talk, id, params),
            "tasks/list" if self.revision == Revision::V2025_11_25 => {
                vec![Say::Answer(id.clone(), json!({ "tasks": [] }))]
            }
            _ => vec![error(id, -32601, "method not found", Value::Null)],
        }
    }

    fn capabilities(&self) -> Value {
        let mut all = json!({
            "tools": { "listChanged": true }, "prompts": { "listChanged": true },
            "resources": { "subscribe": true, "listChanged": true }, "logging": {},
            "experimental": { "x-kept": { "a": 1 } },
        });
        if self.revision >= Revision::V2025_03_26 {
            all["completions"] = json!({});
        }
        if self.is_modern() && self.jobs.is_offered {
            all["extensions"] = json!({ format!("{META}tasks"): {} });
        }
        all
    }

    fn greet(&self, talk: &mut Talk, id: &Value, params: &Value) -> Vec<Say> {
        talk.initialize = params.clone();
        let offered = Revision::parse(text(params, &["protocolVersion"]));
        let agreed = offered.filter(|offered| *offered <= self.revision).unwrap_or(self.revision);
        let mut capabilities = self.capabilities();
        if agreed == Revision::V2025_11_25 {
            capabilities["tasks"] =
                json!({ "list": {}, "cancel": {}, "requests": { "tools": { "call": {} } } });
        }
        vec![Say::Answer(
            id.clone(),
            json!({
                "protocolVersion": agreed.as_str(),
                "capabilities": capabilities,
                "serverInfo": { "name": "scripted-server", "version": "9" },
                "instructions": "ask kindly",
            }),
        )]
    }

    /// A result with what the era asks for.
    fn done(&self, mut result: Value) -> Value {
        if self.is_modern() && result.get("resultType").is_none() {
            result["resultType"] = json!("complete");
        }
        result
    }

    fn list(&self, id: &Value, params: &Value, name: &str, all: Vec<Value>) -> Say {
        let from: usize =
            text(params, &["cursor"]).strip_prefix("p").and_then(|n| n.parse().ok()).unwrap_or(0);
        let mut result =
            json!({ name: all.iter().skip(from).take(PAGE).collect::<Vec<_>>(), "x-kept": true });
        if from + PAGE < all.len() {
            result["nextCursor"] = json!(format!("p{}", from + PAGE));
        }
        if self.is_modern() {
            result["ttlMs"] = json!(1000);
            result["cacheScope"] = json!("public");
        }
        Say::Answer(id.clone(), self.done(result))
    }

    fn is_cursor(cursor: &str) -> bool {
        cursor.strip_prefix('p').is_some_and(|n| n.parse::<usize>().is_ok())
    }

    fn read(&self, id: &Value, params: &Value) -> Vec<Say> {
        let uri = text(params, &["uri"]);
        let is_it =
            |(method, params): &&(String, Value)| method == "resources/read" && text(params, &["uri"]) == uri;
        if uri == "test://deadly" && self.heard.iter().filter(is_it).count() == 1 {
            return vec![Say::Die];
        }
        if uri == "test://missing" {
            let code = if self.is_modern() { -32602 } else { -32002 };
            return vec![error(id, code, "resource not found", json!({ "uri": uri }))];
        }
        let mut result = json!({ "contents": [{ "uri": uri, "text": "words" }] });
        if uri.starts_with("ui://") {
            result["contents"][0]["mimeType"] = json!("text/html;profile=mcp-app");
            result["contents"][0]["_meta"] = json!({ "ui": { "csp": { "connectDomains": [] } } });
        }
        if self.is_modern() {
            result["ttlMs"] = json!(1000);
            result["cacheScope"] = json!("private");
        }
        vec![Say::Answer(id.clone(), self.done(result))]
    }

    fn call(&mut self, talk: &mut Talk, id: &Value, params: &Value) -> Vec<Say> {
        let tool = text(params, &["name"]);
        let words = |words: &str| json!({ "content": [{ "type": "text", "text": words }] });
        let answer = |skill: &Self, result: Value| vec![Say::Answer(id.clone(), skill.done(result))];
        match tool {
            "echo" => {
                let words = at(params, &["arguments"]).to_string();
                answer(
                    self,
                    json!({ "content": [{ "type": "text", "text": words, "x-kept": 1 }], "_meta": { "x": 1 }, "x-kept": true }),
                )
            }
            "region" => answer(self, words(text(params, &["arguments", "region"]))),
            "count" => {
                self.n_counted += 1;
                answer(self, words("counted"))
            }
            "die" => {
                self.n_counted += 1;
                vec![Say::Die]
            }
            "fail" => {
                let mut result = words("it failed");
                result["isError"] = json!(true);
                answer(self, result)
            }
            "structured" => {
                let mut result = words("{\"n\":1}");
                result["structuredContent"] = json!({ "n": 1 });
                answer(self, result)
            }
            // Anything but an object is new in 2026-07-28.
            "listed" => {
                let mut result = json!({ "content": [] });
                result["structuredContent"] =
                    if self.is_modern() { json!([1, 2]) } else { json!({ "n": [1, 2] }) };
                answer(self, result)
            }
            "audio" if self.revision >= Revision::V2025_03_26 => answer(
                self,
                json!({ "content": [{ "type": "audio", "data": "QUJD", "mimeType": "audio/wav" }] }),
            ),
            "link" if self.revision >= Revision::V2025_06_18 => answer(
                self,
                json!({ "content": [{ "type": "resource_link", "uri": "test://text", "name": "text" }] }),
            ),
            "progress" => {
                let token = at(params, &["_meta", "progressToken"]);
                let mut says: Vec<Say> = (1..=3)
                    .filter(|_| !token.is_null())
                    .map(|n| {
                        Say::About(
                            id.clone(),
                            json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": {
                                "progressToken": token, "progress": n, "total": 3 } }),
                        )
                    })
                    .collect();
                says.extend(answer(self, words("done")));
                says
            }
            "log" => {
                let asked = at(params, &["_meta", &format!("{META}logLevel")]).as_str();
                let level = if self.is_modern() { asked } else { talk.level.as_deref() };
                let mut says: Vec<Say> = ["debug", "error"]
                    .iter()
                    .filter(|kind| level.is_some_and(|level| level == "debug" || **kind == "error"))
                    .map(|kind| {
                        Say::About(
                            id.clone(),
                            json!({ "jsonrpc": "2.0", "method": "notifications/message", "params": {
                                "level": kind, "data": "it works" } }),
                        )
                    })
                    .collect();
                says.extend(answer(self, words("logged")));
                says
            }
            "slow" => {
                talk.waits.insert(
                    id.to_string(),
                    Wait { id: id.clone(), params: params.clone(), n_left: usize::MAX, got: BTreeMap::new() },
                );
                Vec::new()
            }
            "changed" => {
                let mut says =
                    self.change(talk, "toolsListChanged", "notifications/tools/list_changed", None);
                says.extend(answer(self, words("changed")));
                says
            }
            "updated" => {
                let uri = "test://text";
                let mut says =
                    self.change(talk, "resourceSubscriptions", "notifications/resources/updated", Some(uri));
                says.extend(answer(self, words("updated")));
                says
            }
            "form" | "url" | "sample" | "roots" | "three" | "rounds" => self.question(talk, id, params, tool),
            _ => vec![error(id, -32602, "unknown tool", Value::Null)],
        }
    }

    fn change(&self, talk: &Talk, flag: &str, method: &str, uri: Option<&str>) -> Vec<Say> {
        let mut params = json!({});
        if let Some(uri) = uri {
            params["uri"] = json!(uri);
        }
        if !self.is_modern() {
            if uri.is_some_and(|uri| !talk.subscriptions.iter().any(|wanted| wanted == uri)) {
                return Vec::new();
            }
            return vec![Say::General(json!({ "jsonrpc": "2.0", "method": method, "params": params }))];
        }
        let wants = |wanted: &Value| match uri {
            Some(uri) => at(wanted, &[flag]).as_array().is_some_and(|uris| uris.iter().any(|one| one == uri)),
            None => at(wanted, &[flag]) == &json!(true),
        };
        let listens = talk.listens.values().filter(|(_, wanted)| wants(wanted));
        listens
            .map(|(id, _)| {
                let mut params = params.clone();
                params["_meta"] = json!({ format!("{META}subscriptionId"): id });
                Say::About(id.clone(), json!({ "jsonrpc": "2.0", "method": method, "params": params }))
            })
            .collect()
    }

    fn question(&mut self, talk: &mut Talk, id: &Value, params: &Value, tool: &str) -> Vec<Say> {
        let declared = if self.is_modern() {
            at(params, &["_meta", &format!("{META}clientCapabilities")]).clone()
        } else {
            at(&talk.initialize, &["capabilities"]).clone()
        };
        let needs = |method: &str| match method.split('/').next() {
            Some(name) => declared.get(name).is_some(),
            None => false,
        };
        let state = text(params, &["requestState"]);
        let round = state.strip_prefix("round \"é\\ ").and_then(|n| n.parse().ok()).unwrap_or(0);
        let inputs = Self::inputs(tool, round);
        let knows_url = !at(&declared, &["elicitation", "url"]).is_null();
        if inputs.iter().any(|(_, method, _)| !needs(method)) || tool == "url" && !knows_url {
            let mut result = json!({ "content": [{ "type": "text", "text": "cannot ask" }] });
            result["isError"] = json!(true);
            return vec![Say::Answer(id.clone(), self.done(result))];
        }
        if !self.is_modern() {
            let wait = Wait { id: id.clone(), params: params.clone(), n_left: 0, got: BTreeMap::new() };
            talk.waits.insert(id.to_string(), wait);
            return Self::ask(talk, id, inputs);
        }
        let Some(answers) = params.get("inputResponses").and_then(Value::as_object) else {
            return vec![Self::required(id, inputs, 0)];
        };
        if !state.starts_with("round \"é\\ ") {
            self.faults.push(format!("requestState came back as {state}"));
        }
        if inputs.iter().any(|(key, _, _)| answers.get(*key).is_none()) {
            return vec![Self::required(id, inputs, round)];
        }
        let next = Self::inputs(tool, round + 1);
        if tool == "rounds" && !next.is_empty() {
            return vec![Self::required(id, next, round + 1)];
        }
        let got = answers.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        vec![Say::Answer(id.clone(), self.done(sum(&got)))]
    }

    fn required(id: &Value, inputs: Vec<(&str, &str, Value)>, round: usize) -> Say {
        let inputs: serde_json::Map<String, Value> = inputs
            .into_iter()
            .map(|(key, method, params)| (key.to_owned(), json!({ "method": method, "params": params })))
            .collect();
        Say::Answer(
            id.clone(),
            json!({ "resultType": "input_required", "inputRequests": inputs,
                    "requestState": format!("round \"é\\ {round}") }),
        )
    }

    /// Sends requests to a legacy client.
    fn ask(talk: &mut Talk, id: &Value, inputs: Vec<(&'static str, &'static str, Value)>) -> Vec<Say> {
        let mut says = Vec::new();
        for (key, method, mut params) in inputs {
            talk.next += 1;
            let ask = json!(format!("s{}", talk.next));
            if text(&params, &["mode"]) == "url" {
                params["elicitationId"] = json!("e1");
            }
            talk.asked.insert(ask.to_string(), (id.clone(), key.to_owned()));
            if let Some(wait) = talk.waits.get_mut(&id.to_string()) {
                wait.n_left += 1;
            }
            says.push(Say::About(
                id.clone(),
                json!({ "jsonrpc": "2.0", "id": ask, "method": method, "params": params }),
            ));
        }
        says
    }

    fn answered(&mut self, talk: &mut Talk, id: &Value, message: &Value) -> Vec<Say> {
        if self.is_modern() {
            self.faults.push("an answer reached a modern server".to_owned());
        }
        if let Some(task) = talk.task_asks.remove(&id.to_string()) {
            return Self::core_task_answered(talk, &task, message);
        }
        let Some((call, key)) = talk.asked.remove(&id.to_string()) else {
            self.faults.push(format!("the server got an answer that it did not ask for: {message}"));
            return Vec::new();
        };
        let Some(wait) = talk.waits.get_mut(&call.to_string()) else { return Vec::new() };
        if message.get("error").is_some() {
            let call = talk.waits.remove(&call.to_string());
            let result = json!({ "content": [{ "type": "text", "text": "refused" }], "isError": true });
            return call.map(|wait| Say::Answer(wait.id, result)).into_iter().collect();
        }
        wait.got.insert(key, message["result"].clone());
        wait.n_left -= 1;
        if wait.n_left > 0 {
            return Vec::new();
        }
        if text(&wait.params, &["name"]) == "rounds" && wait.got.len() == 1 {
            let inputs = Self::inputs("rounds", 1);
            return Self::ask(talk, &call, inputs);
        }
        let Some(wait) = talk.waits.remove(&call.to_string()) else { return Vec::new() };
        vec![Say::Answer(wait.id, sum(&wait.got))]
    }

    fn told(&mut self, talk: &mut Talk, method: &str, params: &Value) -> Vec<Say> {
        self.told.push(method.to_owned());
        match method {
            "notifications/initialized" => talk.is_initialized = true,
            "notifications/cancelled" => self.gave_up(talk, &at(params, &["requestId"]).to_string()),
            _ => {}
        }
        Vec::new()
    }

    /// Whoever asked with this id wants no answer any more.
    pub(crate) fn gave_up(&mut self, talk: &mut Talk, id: &str) {
        talk.listens.remove(id);
        if let Some(wait) = talk.waits.remove(id) {
            self.cancelled.push(text(&wait.params, &["name"]).to_owned());
        }
    }
}

fn error(id: &Value, code: i64, message: &str, data: Value) -> Say {
    let mut error = json!({ "code": code, "message": message });
    if !data.is_null() {
        error["data"] = data;
    }
    // The only answer that is no result; the transport tells them apart by this key.
    Say::Answer(id.clone(), json!({ "\u{0}error": error }))
}
