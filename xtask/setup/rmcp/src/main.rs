//! The Rust SDK: journey-rmcp legacy|auto|modern PLAN stdio COMMAND… | http URL
//!
//! Plays a plan and prints what the client saw, one JSON line a step, as the scripts of other clients do.
#![expect(deprecated, reason = "servers of the legacy era know what the modern one left out")]

use std::env;
use std::error::Error;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rmcp::model::{
    ClientConfig, CreateMessageRequestParams, CreateMessageResult, ElicitRequestParams, ElicitResult,
    ListRootsResult, LoggingMessageNotificationParam, ProgressNotificationParam, ProtocolVersion,
};
use rmcp::service::{NotificationContext, RequestContext, RunningService, ServiceError};
use rmcp::transport::{StreamableHttpClientTransport, TokioChildProcess};
use rmcp::{ClientHandler, ClientLifecycleMode, ClientServiceExt as _, ErrorData, RoleClient};
use serde_json::{Value, from_value, json, to_value};
use tokio::process::Command;
use tokio::time::{sleep, timeout};

const NOT_SAID: &str = "not said by this client";

/// What servers asked and told this client.
#[derive(Clone, Default)]
struct Ear(Arc<Mutex<Heard>>);

#[derive(Default)]
struct Heard {
    asked: Vec<Value>,
    logged: Vec<String>,
    progress: Vec<Value>,
    changes: usize,
}

impl Ear {
    fn note(&self, work: impl FnOnce(&mut Heard)) {
        work(&mut self.0.lock().unwrap());
    }
}

impl ClientHandler for Ear {
    async fn create_message(
        &self,
        params: CreateMessageRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<CreateMessageResult, ErrorData> {
        self.note(|heard| heard.asked.push(plain(params)));
        let text = json!({"type": "text", "text": "forty-two"});
        Ok(from_value(json!({"role": "assistant", "model": "none", "content": text})).unwrap())
    }

    async fn list_roots(&self, _: RequestContext<RoleClient>) -> Result<ListRootsResult, ErrorData> {
        self.note(|heard| heard.asked.push(json!("roots")));
        Ok(from_value(json!({"roots": [{"uri": "file:///tmp/a", "name": "a"}]})).unwrap())
    }

    async fn create_elicitation(
        &self,
        params: ElicitRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        self.note(|heard| heard.asked.push(plain(params)));
        let content = json!({
            "name": "Ada", "check": true, "color": "red", "email": "ada@example.com", "firstLine": "x", "username": "Ada",
        });
        Ok(from_value(json!({"action": "accept", "content": content})).unwrap())
    }

    async fn on_progress(&self, params: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        self.note(|heard| heard.progress.push(json!([params.progress, params.total])));
    }

    async fn on_logging_message(
        &self,
        params: LoggingMessageNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        self.note(|heard| heard.logged.push(plain(params).to_string()));
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.note(|heard| heard.changes += 1);
    }

    fn get_info(&self) -> ClientConfig {
        let capabilities = json!({"elicitation": {}, "sampling": {}, "roots": {"listChanged": true}});
        let mut config = ClientConfig::default();
        config.capabilities = from_value(capabilities).unwrap();
        config
    }
}

struct Player {
    client: RunningService<RoleClient, Ear>,
    ear: Ear,
    is_modern: bool,
    logs: bool,
}

type Saw = Result<Value, Box<dyn Error>>;

impl Player {
    async fn play(&mut self, step: &Value) -> Saw {
        let name = &step["name"];
        Ok(match step["do"].as_str().unwrap_or_default() {
            "tools" => plain(self.client.list_tools(None).await?),
            "resources" => plain(self.client.list_resources(None).await?),
            "templates" => plain(self.client.list_resource_templates(None).await?),
            "prompts" => plain(self.client.list_prompts(None).await?),
            "call" => self.call(name, &step["arguments"]).await?,
            "large" => {
                let size = step["size"].as_u64().unwrap_or_default();
                let saw = self.call(name, &json!({"message": "x".repeat(size as usize)})).await?;
                let text = saw["content"][0]["text"].as_str().unwrap_or_default();
                json!([text.len(), text.get(..20)])
            }
            "progress" => {
                let saw = self.call(name, &step["arguments"]).await?;
                // Over HTTP some servers tell progress on another stream than the answer.
                sleep(Duration::from_millis(100)).await;
                let most = step["most"].as_u64().unwrap_or_default();
                let mut told = self.ear.0.lock().unwrap().progress.clone();
                told.truncate(most as usize);
                json!([saw, told])
            }
            // The order in which this client hears several at once is its own.
            "asked" => {
                let mut asked: Vec<_> =
                    self.ear.0.lock().unwrap().asked.iter().map(Value::to_string).collect();
                asked.sort();
                asked.dedup();
                json!(asked)
            }
            "heard" => {
                sleep(Duration::from_millis(200)).await;
                let mut logged = self.ear.0.lock().unwrap().logged.clone();
                logged.sort();
                json!(logged)
            }
            "level" if self.is_modern => {
                self.logs = true;
                json!({})
            }
            "level" => {
                self.client.set_level(from_value(json!({"level": "debug"}))?).await?;
                json!({})
            }
            "subscribe" => {
                self.client.subscribe(from_value(json!({"uri": step["uri"]}))?).await?;
                json!({})
            }
            "unsubscribe" => {
                self.client.unsubscribe(from_value(json!({"uri": step["uri"]}))?).await?;
                json!({})
            }
            "read" => plain(self.client.read_resource(from_value(json!({"uri": step["uri"]}))?).await?),
            "prompt" => {
                let mut params = json!({"name": name});
                if step["arguments"].is_object() {
                    params["arguments"] = step["arguments"].clone();
                }
                plain(self.client.get_prompt(from_value(params)?).await?)
            }
            "complete" => {
                let params = json!({
                    "ref": {"type": "ref/prompt", "name": step["prompt"]},
                    "argument": {"name": step["argument"], "value": step["value"]},
                });
                plain(self.client.complete(from_value(params)?).await?)
            }
            "parallel" => {
                let one = |at: usize| self.call(name, &step["many"][at]);
                let (a, b, c, d, e, f) = tokio::join!(one(0), one(1), one(2), one(3), one(4), one(5));
                json!([a?, b?, c?, d?, e?, f?])
            }
            "cancel" => {
                let after = Duration::from_millis(step["after"].as_u64().unwrap_or_default());
                match timeout(after, self.call(name, &step["arguments"])).await {
                    Ok(saw) => saw?,
                    Err(_) => json!({"error": "cancelled here"}),
                }
            }
            "changed" => self.changed(name).await?,
            _ => json!(NOT_SAID),
        })
    }

    async fn call(&self, name: &Value, arguments: &Value) -> Saw {
        let mut params = json!({"name": name, "arguments": {}});
        if arguments.is_object() {
            params["arguments"] = arguments.clone();
        }
        if self.logs {
            params["_meta"] = json!({"io.modelcontextprotocol/logLevel": "debug"});
        }
        Ok(plain(self.client.call_tool(from_value(params)?).await?))
    }

    async fn changed(&self, name: &Value) -> Saw {
        let before = self.ear.0.lock().unwrap().changes;
        if self.is_modern {
            let mut changes = self.client.listen(from_value(json!({"toolsListChanged": true}))?).await?;
            self.call(name, &Value::Null).await?;
            let heard = timeout(Duration::from_secs(2), changes.next()).await;
            changes.cancel().await?;
            return Ok(json!(if matches!(heard, Ok(Ok(Some(_)))) { "heard of it" } else { "heard nothing" }));
        }
        self.call(name, &Value::Null).await?;
        for _ in 0..100 {
            if self.ear.0.lock().unwrap().changes > before {
                return Ok(json!("heard of it"));
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(json!("heard nothing"))
    }
}

fn plain(saw: impl serde::Serialize) -> Value {
    to_value(saw).unwrap()
}

/// What differs from run to run by nature (the folder, times) is blotted out, everything else must be equal.
fn say(step: &str, saw: &Value, folder: &str) {
    let mut text = json!({"step": step, "saw": saw}).to_string().replace(folder, "<folder>");
    // A time of day, as server-everything says it: `created at 1:58:54 PM`.
    if let Some((before, rest)) = text.split_once("created at ") {
        let rest = rest.split_once(['A', 'P']).map_or(rest, |(_, rest)| rest);
        text = format!("{before}created at <time>{rest}");
    }
    println!("{text}");
}

fn failure(error: &(dyn Error + 'static)) -> Value {
    match error.downcast_ref::<ServiceError>() {
        Some(ServiceError::McpError(error)) => {
            json!({"error": error.code, "message": error.message, "data": error.data})
        }
        _ => json!({"error": error.to_string()}),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [era, plan, kind, target @ ..] = arguments.as_slice() else {
        return Err("say era, plan, transport, server".into());
    };
    let folder = env::var("FOLDER")?;
    let steps: Vec<Value> =
        serde_json::from_str(&std::fs::read_to_string(plan)?.replace("<folder>", &folder))?;
    let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
    let lifecycle = match era.as_str() {
        "legacy" => ClientLifecycleMode::Initialize,
        "modern" => ClientLifecycleMode::Discover { preferred_versions },
        _ => ClientLifecycleMode::Auto { preferred_versions, legacy_version: None },
    };
    let ear = Ear::default();
    let client = if kind == "stdio" {
        let mut command = Command::new(&target[0]);
        command.args(&target[1..]);
        let (server, _) = TokioChildProcess::builder(command).stderr(Stdio::null()).spawn()?;
        ear.clone().serve_with_lifecycle(server, lifecycle).await
    } else {
        let server = StreamableHttpClientTransport::from_uri(target[0].as_str());
        ear.clone().serve_with_lifecycle(server, lifecycle).await
    };
    let client = match client {
        Ok(client) => client,
        Err(error) => {
            say("connect", &json!({"error": error.to_string()}), &folder);
            return Ok(());
        }
    };
    let met = plain(client.peer_info().as_deref());
    let is_modern = met["protocolVersion"] == "2026-07-28";
    say("era", &json!(if is_modern { "modern" } else { "legacy" }), &folder);
    say("connect", &met, &folder);
    let mut player = Player { client, ear, is_modern, logs: false };
    for step in steps.iter().filter(|step| step["do"].is_string() && step["do"] != "close") {
        let name = step["step"].as_str().unwrap_or_default();
        if step["era"] == "legacy" && is_modern {
            say(name, &json!(NOT_SAID), &folder);
            continue;
        }
        // A step that gets no answer fails alone, so that the report says which.
        let saw = match timeout(Duration::from_secs(10), player.play(step)).await {
            Ok(Ok(saw)) => saw,
            Ok(Err(error)) => failure(error.as_ref()),
            Err(_) => json!({"error": "no answer in time"}),
        };
        say(name, &saw, &folder);
    }
    player.client.cancel().await?;
    Ok(())
}
