//! What a mock says to whom it meets, and to who asks for what was never asked.

use serde_json::{Value as Json, json};
use tapgate_wire::record::Era;

use super::{Mock, error, essence, nearest, set, task};
use crate::capture::{Call, task_of};

impl Mock {
    /// The answer to what was never asked; greetings are answered as well as the recording allows.
    pub(super) fn unrecorded(&self, method: &str, id: &Json, params: &Json) -> Json {
        let session = &self.capture.session;
        let (name, version) = session.server.clone().unwrap_or_else(|| ("mock".to_owned(), "0".to_owned()));
        let info = json!({ "name": name, "version": version });
        let is_modern = session.era == Some(Era::Modern);
        let result = match method {
            "ping" if !is_modern => json!({}),
            "initialize" if !is_modern => json!({
                "protocolVersion": session.revision.as_deref().or_else(|| params.get("protocolVersion")?.as_str()),
                "capabilities": self.capabilities(),
                "serverInfo": info,
            }),
            "server/discover" if is_modern => json!({
                "resultType": "complete",
                "supportedVersions": [session.revision],
                "capabilities": self.capabilities(),
                "ttlMs": 0,
                "cacheScope": "private",
                "_meta": { "io.modelcontextprotocol/serverInfo": info },
            }),
            "initialize" | "server/discover" => {
                let text = "the recorded server speaks the other era";
                return json!({ "jsonrpc": "2.0", "id": id, "error": { "code": -32_601, "message": text } });
            }
            _ => {
                let (text, data) = nearest::nearest(&self.capture, method, &essence(params));
                let mut answer = error(id, &text);
                if let Some(error) = answer.get_mut("error") {
                    set(error, "data", data);
                }
                return answer;
            }
        };
        json!({ "jsonrpc": "2.0", "id": id, "result": result })
    }

    /// What the server can do, as far as its messages show.
    fn capabilities(&self) -> Json {
        let turns = || self.capture.calls.iter().flat_map(|call| &call.turns);
        let says = |prefix: &str| {
            let methods = turns().filter_map(|turn| turn.said.as_ref()?.get("method")?.as_str());
            methods.into_iter().any(|method| method.starts_with(prefix))
        };
        let mut can = json!({});
        for name in ["tools", "prompts", "resources"] {
            if says(&format!("{name}/")) {
                let changes = says(&format!("notifications/{name}/list_changed"));
                set(&mut can, name, if changes { json!({ "listChanged": true }) } else { json!({}) });
            }
        }
        if says("notifications/resources/updated")
            && let Some(resources) = can.get_mut("resources")
        {
            set(resources, "subscribe", json!(true));
        }
        for (prefixes, name) in
            [(&["completion/"][..], "completions"), (&["logging/", "notifications/message"], "logging")]
        {
            if prefixes.iter().any(|prefix| says(prefix)) {
                set(&mut can, name, json!({}));
            }
        }
        let answers = self.capture.calls.iter().filter_map(Call::answer);
        match answers.filter(|answer| task_of(answer).is_some()).map(task::is_legacy).next() {
            Some(true) => {
                set(&mut can, "tasks", json!({ "cancel": {}, "requests": { "tools": { "call": {} } } }));
            }
            Some(false) => set(&mut can, "extensions", json!({ "io.modelcontextprotocol/tasks": {} })),
            None => {}
        }
        can
    }
}
