//! What a client makes of what it hears.

use bytes::Bytes;
use serde_json::{Value, json};
use tapgate_wire::revision::Revision;

use super::{Call, Client, Manner};
use crate::peer::{META, Over, at, text};

impl Client {
    pub(super) fn came(&mut self, message: &Value, raw: &Bytes, status: Option<u16>, on: Option<&[Value]>) {
        let id = message.get("id").filter(|id| !id.is_null());
        match (message.get("method").and_then(Value::as_str), id) {
            (Some(method), Some(id)) => self.was_asked(method, id, message),
            (Some(method), None) => self.was_told(method, message, on),
            (None, Some(id)) => self.was_answered(&id.to_string(), message, raw, status, on),
            (None, None) => match on {
                // A refusal of what could not be read.
                Some([id, ..]) => self.was_answered(&id.to_string(), message, raw, status, None),
                _ => self.faults.push(format!("an answer to nobody: {message}")),
            },
        }
    }

    fn was_answered(
        &mut self,
        key: &str,
        message: &Value,
        raw: &Bytes,
        status: Option<u16>,
        on: Option<&[Value]>,
    ) {
        if on.is_some_and(|ids| !ids.iter().any(|id| id.to_string() == key)) {
            self.faults.push(format!("the answer to {key} came on the stream of another request"));
        }
        let first = self.rounds.get(key).cloned().unwrap_or_else(|| key.to_owned());
        self.judge(message);
        let is_modern = self.is_modern();
        let Some(call) = self.calls.get_mut(&first) else {
            return self.faults.push(format!("an answer to {key}, which nobody asked"));
        };
        if call.answer.is_some() {
            return self.faults.push(format!("a second answer to {key}"));
        }
        if call.is_cancelled && (self.over == Over::Pipe && is_modern) {
            self.faults.push(format!("an answer to {key}, which was cancelled"));
        }
        if is_modern && text(message, &["result", "resultType"]) == "input_required" {
            call.rounds += 1;
            let call = call.clone();
            return self.again(&first, &call, &message["result"]);
        }
        call.answer = Some(message.clone());
        call.raw = raw.clone();
        call.status = status;
        if call.method == "initialize" && message.get("result").is_some() {
            self.server = message["result"].clone();
            self.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
            self.listen();
        } else if call.method == "server/discover" {
            self.server = message["result"].clone();
        }
    }

    /// Sends a request again with answers to what the server asked.
    fn again(&mut self, first: &str, call: &Call, result: &Value) {
        if !matches!(call.method.as_str(), "tools/call" | "prompts/get" | "resources/read") {
            self.faults.push(format!("{} was answered input_required", call.method));
        }
        let mut params = call.params.clone();
        if let Some(asked) = result.get("inputRequests").and_then(Value::as_object) {
            let mut answers = serde_json::Map::new();
            for (name, ask) in asked {
                let method = text(ask, &["method"]).to_owned();
                if ask.get("id").is_some() || ask.get("jsonrpc").is_some() {
                    self.faults.push("an input request has an id".to_owned());
                }
                let params = ask.get("params").cloned().unwrap_or_default();
                if params.get("elicitationId").is_some() {
                    self.faults.push("elicitationId reached a modern client".to_owned());
                }
                self.check_asked(&method, &params);
                let reply = self.reply(&method, &params);
                self.asked.push((method, params));
                // Declining sampling or roots has no words here: the request is not sent again.
                let Some(Ok(reply)) = reply else { return };
                answers.insert(name.clone(), reply);
            }
            params["inputResponses"] = Value::Object(answers);
        }
        if let Some(state) = result.get("requestState") {
            params["requestState"] = state.clone();
        }
        self.next += 1;
        let id = json!(self.next);
        self.rounds.insert(id.to_string(), first.to_owned());
        self.request(id, &call.method, params);
    }

    fn was_asked(&mut self, method: &str, id: &Value, message: &Value) {
        if self.is_modern() {
            self.faults.push(format!("a modern client was sent the request {method}"));
        }
        let params = message.get("params").cloned().unwrap_or_default();
        self.check_asked(method, &params);
        let reply = self.reply(method, &params);
        self.asked.push((method.to_owned(), params));
        match reply {
            Some(Ok(result)) => self.send(&json!({ "jsonrpc": "2.0", "id": id, "result": result })),
            Some(Err(error)) => self.send(&json!({ "jsonrpc": "2.0", "id": id, "error": error })),
            None => {}
        }
    }

    fn check_asked(&mut self, method: &str, params: &Value) {
        let name = method.split('/').next().unwrap_or_default();
        if name != "ping" && self.capabilities().get(name).is_none() {
            self.faults.push(format!("{method} was asked, which was not declared"));
        }
        if text(params, &["mode"]) == "url" && self.revision < Revision::V2025_11_25 {
            self.faults.push("a URL was asked for, which the revision does not know".to_owned());
        }
    }

    fn reply(&self, method: &str, params: &Value) -> Option<Result<Value, Value>> {
        let refuses = self.manner == Manner::Declines;
        Some(match method {
            _ if self.manner == Manner::Ignores => return None,
            "ping" => Ok(json!({})),
            "elicitation/create" if refuses => Ok(json!({ "action": "decline" })),
            "elicitation/create" if text(params, &["mode"]) == "url" => Ok(json!({ "action": "accept" })),
            "elicitation/create" => Ok(json!({ "action": "accept", "content": { "name": "Ada" } })),
            "sampling/createMessage" if refuses => Err(json!({ "code": -1, "message": "rejected" })),
            "sampling/createMessage" => Ok(json!({
                "role": "assistant", "content": { "type": "text", "text": "sampled" }, "model": "m",
            })),
            "roots/list" if refuses => Err(json!({ "code": -32603, "message": "no roots" })),
            "roots/list" => Ok(json!({ "roots": [{ "uri": "file:///work" }] })),
            _ => Err(json!({ "code": -32601, "message": "unknown" })),
        })
    }

    fn was_told(&mut self, method: &str, message: &Value, on: Option<&[Value]>) {
        let token = at(message, &["params", "progressToken"]);
        let subscription = at(message, &["params", "_meta", &format!("{META}subscriptionId")]);
        if !subscription.is_null() && !self.is_modern() {
            self.faults.push("a subscription id reached a legacy client".to_owned());
        }
        let by_token = self
            .calls
            .values_mut()
            .find(|call| !token.is_null() && at(&call.params, &["_meta", "progressToken"]) == token);
        if method == "notifications/progress" {
            match by_token {
                Some(call) if call.answer.is_none() => call.told.push(message.clone()),
                Some(call) => {
                    let method = call.method.clone();
                    self.faults.push(format!("progress of {method} after its answer"));
                }
                None => self.faults.push(format!("progress with a token of nobody: {token}")),
            }
            return;
        }
        let key = match on {
            _ if !subscription.is_null() => Some(subscription.to_string()),
            Some([id, ..]) => Some(id.to_string()),
            _ => None,
        };
        let key = key.map(|key| self.rounds.get(&key).cloned().unwrap_or(key));
        match key.and_then(|key| self.calls.get_mut(&key)) {
            Some(call) => call.told.push(message.clone()),
            None => self.pushed.push(message.clone()),
        }
    }

    /// What an answer of another era would hold.
    fn judge(&mut self, message: &Value) {
        let Some(result) = message.get("result") else {
            let code = at(message, &["error", "code"]).as_i64();
            if self.is_modern() && matches!(code, Some(-32_002 | -32_042)) {
                self.faults.push(format!("a legacy error reached a modern client: {message}"));
            }
            if !self.is_modern() && matches!(code, Some(-32_020 | -32_022)) {
                self.faults.push(format!("a modern error reached a legacy client: {message}"));
            }
            return;
        };
        if result["resultType"] == "task"
            && at(&self.extensions, &["io.modelcontextprotocol/tasks"]).is_null()
        {
            self.faults.push(format!("a task reached a client that takes none: {message}"));
        }
        if self.is_modern() && result.get("resultType").is_none() {
            self.faults.push(format!("a modern result without resultType: {message}"));
        }
        if !self.is_modern() {
            for name in ["resultType", "ttlMs", "cacheScope"] {
                if result.get(name).is_some() {
                    self.faults.push(format!("{name} reached a legacy client"));
                }
            }
        }
    }
}
