//! Clients and servers that do not speak the same meet across a bridge.

mod attack;
mod origin;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{ChildStdin, ChildStdout, Command};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Home, Running, TAPGATE, connect, drain, eventually, listening, read_head};
pub(crate) use origin::Origin;

/// What no file and no output may hold.
pub(crate) const KEY: &str = "hK3vQ9tZ7mRw2xLb";

/// A client that starts its server: lines in, lines out.
pub(crate) struct LineClient {
    tap: Running,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

impl LineClient {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut tap = Running::start(command);
        let (to, from) = (tap.child.stdin.take(), BufReader::new(tap.child.stdout.take().unwrap()));
        Self { tap, to, from }
    }

    pub(crate) fn say(&mut self, message: &Value) {
        let to = self.to.as_mut().unwrap();
        to.write_all(format!("{message}\n").as_bytes()).unwrap();
    }

    /// Asks and reads up to the answer.
    pub(crate) fn ask(&mut self, id: u64, method: &str, params: &Value) -> Value {
        self.say(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        loop {
            let mut line = String::new();
            assert!(self.from.read_line(&mut line).unwrap() > 0, "the tap ended before it answered {method}");
            let message: Value = serde_json::from_str(&line).expect(&line);
            if message["id"] == id && message.get("method").is_none() {
                return message;
            }
        }
    }

    /// Reads the next message.
    pub(crate) fn hear(&mut self) -> Value {
        let mut line = String::new();
        assert!(self.from.read_line(&mut line).unwrap() > 0, "the tap ended");
        serde_json::from_str(&line).expect(&line)
    }

    /// Waits until the tap says nothing more.
    pub(crate) fn outlive(&mut self) {
        while self.from.read_line(&mut String::new()).unwrap() > 0 {}
    }

    /// Ends as clients do; gives the tap's status and what it said on standard error.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        drop(self.to.take());
        let stderr = drain(self.tap.child.stderr.take().unwrap());
        let mut rest = String::new();
        self.from.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "", "the client got what nobody sent");
        let status = self.tap.wait();
        (status.code(), String::from_utf8_lossy(&stderr.join().unwrap()).into_owned())
    }
}

pub(crate) fn hello(revision: &str) -> Value {
    json!({ "protocolVersion": revision, "capabilities": {}, "clientInfo": { "name": "probe", "version": "1" } })
}

/// One POST; gives the status, the session id if there is one, and the first message of the answer.
fn post(port: u16, path: &str, session: Option<&str>, message: &Value) -> (u16, Option<String>, Value) {
    let session = session.map_or(String::new(), |id| format!("Mcp-Session-Id: {id}\r\n"));
    post_with(port, path, &session, message)
}

/// The same with header lines.
fn post_with(port: u16, path: &str, lines: &str, message: &Value) -> (u16, Option<String>, Value) {
    let body = message.to_string();
    let mut stream = connect(port);
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\nConnection: close\r\n{lines}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut stream = BufReader::new(stream);
    let head = read_head(&mut stream);
    let status = head[0].split(' ').nth(1).unwrap().parse().unwrap();
    let field = |name: &str| {
        let found = head.iter().filter_map(|line| line.split_once(": "));
        found.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    };
    let id = field("mcp-session-id");
    let mut body = Vec::new();
    // A stream may stay open behind the answer, so it is read by lines.
    let mut line = String::new();
    while stream.read_line(&mut line).unwrap_or(0) > 0 {
        let text = line.trim().trim_start_matches("data: ");
        if text.starts_with('{') {
            body = text.as_bytes().to_vec();
            break;
        }
        line.clear();
    }
    (status, id, serde_json::from_slice(&body).unwrap_or_default())
}

/// The processes whose parent is `pid`, without the guards, which end by themselves.
fn children(pid: i32) -> Vec<i32> {
    let found = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let all = found.split_whitespace().filter_map(|pid| pid.parse().ok());
    all.collect()
}

fn is_alive(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // A zombie is dead; who should have waited for it may be gone as well.
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

/// Every file of a home, to look for what must not be there.
fn assert_clean(home: &Home, secret: &str) {
    for entry in std::fs::read_dir(home.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{} holds a secret", path.display());
        }
    }
}

#[test]
fn a_client_on_stdio_reaches_a_server_at_a_url_and_both_legs_are_recorded() {
    let origin = Origin::start();
    let home = Home::new();
    let mut command = home.command(&[
        "tap",
        "--name",
        "far",
        "--header",
        "Authorization: Bearer env:FAR_KEY",
        &origin.url(),
    ]);
    let mut client = LineClient::start(command.env("FAR_KEY", KEY));
    let answer = client.ask(1, "initialize", &hello("2025-06-18"));
    assert_eq!(answer["result"]["protocolVersion"], "2025-06-18", "{answer}");
    client.say(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
    let answer = client.ask(2, "tools/call", &json!({ "name": "whoami", "arguments": {} }));
    // The server gives away what it was sent, and the bridge passes it: this is what masking is for.
    assert!(answer.to_string().contains(KEY), "{answer}");
    let (status, said) = client.end();
    assert_eq!(status, Some(0), "{said}");
    assert!(!said.contains(KEY), "{said}");
    assert_eq!(origin.n_deleted(), 1, "the session with the server ends too");

    let sessions = home.json(&["ls"]);
    let legs: Vec<_> = sessions
        .iter()
        .map(|row| ["leg", "transport", "era", "revision"].map(|key| row[key].as_str().unwrap_or_default()))
        .collect();
    assert!(legs.contains(&["client", "stdio", "legacy", "2025-06-18"]), "{sessions:?}");
    assert!(legs.contains(&["server", "http", "legacy", "2025-06-18"]), "{sessions:?}");
    let of_leg = |words: &[&str]| {
        let calls = home.json(&[&["calls"], words].concat());
        calls
            .into_iter()
            .filter(|call| call["tool"] == "whoami")
            .map(|call| call["leg"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(of_leg(&[]), ["client"]);
    assert_eq!(of_leg(&["leg:server"]), ["server"]);
    assert_eq!(of_leg(&["leg:client,server"]).len(), 2);
    assert_eq!(home.json(&["show", "last"])[0]["leg"], "client");
    let shown = home.run(&["show", "last", "--wire"]);
    assert!(!shown.out().contains(KEY));
    assert_clean(&home, KEY);
}

#[test]
fn http_clients_share_a_command_each_with_a_process_of_its_own() {
    let home = Home::new();
    let mut command = home.command(&["tap", "--listen", "127.0.0.1:0", "--", TAPGATE, "demo", "--serve"]);
    let (tap, port, greeting, rest) = listening(&mut command);
    assert!(greeting.contains("/mcp") && greeting.contains("/sse"), "{greeting}");
    for n in 0..2 {
        let initialize =
            json!({ "jsonrpc": "2.0", "id": n, "method": "initialize", "params": hello("2025-11-25") });
        let (status, session, answer) = post(port, "/mcp", None, &initialize);
        assert_eq!((status, &answer["id"]), (200, &json!(n)), "{answer}");
        let session = session.expect("a session id");
        let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        assert_eq!(post(port, "/mcp", Some(&session), &ready).0, 202);
        let params = json!({ "name": "add", "arguments": { "a": 2, "b": n } });
        let call = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params });
        let (status, _, answer) = post(port, "/mcp", Some(&session), &call);
        assert_eq!((status, &answer["id"]), (200, &json!(7)), "{answer}");
        assert!(answer["result"].to_string().contains(&(2 + n).to_string()), "{answer}");
    }
    let servers = children(tap.pid());
    assert!(servers.len() >= 2, "{servers:?}");
    tap.signal(Signal::TERM);
    assert_eq!(tap.wait().code(), Some(0));
    assert!(eventually(|| !servers.iter().any(|pid| is_alive(*pid))), "{servers:?} go on");
    let said = String::from_utf8_lossy(&rest.join().unwrap()).into_owned();
    assert!(!said.contains("panicked"), "{said}");

    let sessions = home.json(&["ls"]);
    let of = |leg: &str, transport: &str| {
        sessions.iter().filter(|row| row["leg"] == leg && row["transport"] == transport).count()
    };
    assert_eq!((of("client", "http"), of("server", "stdio")), (2, 2), "{sessions:?}");
    assert!(sessions.iter().all(|row| row["state"] == "ended"), "{sessions:?}");
    assert_eq!(home.calls().iter().filter(|call| call["tool"] == "add").count(), 2);
    let latest = home.json(&["tail", "--once", "-n", "2"]);
    let latest: Vec<_> = latest.iter().filter_map(|row| row["leg"].as_str()).collect();
    assert_eq!(latest, ["client", "client"], "the latest two as clients saw them");
    let told = home.run(&["tail", "--once", "-n", "100", "--json"]);
    assert_eq!(told.out().matches("server exited with status 0").count(), 2, "{}", told.out());
}

#[test]
fn clients_that_never_leave_do_not_fill_the_machine_with_processes() {
    const ANSWER: &str = r#"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"s","version":"1"}}}"#;
    let home = Home::new();
    let script = format!("while read -r line; do case $line in *initialize*) echo '{ANSWER}' ;; esac; done");
    let (tap, port, _, rest) =
        listening(&mut home.command(&["tap", "--listen", "127.0.0.1:0", "--", "sh", "-c", &script]));
    for _ in 0..72 {
        let initialize =
            json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello("2025-11-25") });
        let (status, _, answer) = post(port, "/mcp", None, &initialize);
        assert_eq!(status, 200, "{answer}");
    }
    // One more may be the guard, which ends them if the tap is killed.
    assert!(eventually(|| children(tap.pid()).len() <= 65), "{} run", children(tap.pid()).len());
    tap.signal(Signal::TERM);
    assert_eq!(tap.wait().code(), Some(0));
    rest.join().unwrap();
}

#[test]
fn a_bridge_on_one_transport_serves_the_path_of_its_url_and_stores_no_credential() {
    const OWN: &str = "pL8sT2vN6yBd4cGj";
    let origin = Origin::start();
    let home = Home::new();
    let header = format!("X-Own: {OWN}");
    let url = origin.url();
    let mut command =
        home.command(&["tap", "--bridge", "--listen", "127.0.0.1:0", "--header", &header, &url]);
    let (tap, port, _, rest) = listening(&mut command);
    let credential = format!("Authorization: Bearer {KEY}\r\n");
    let initialize =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello("2025-06-18") });
    let (status, session, answer) = post_with(port, "/mcp", &credential, &initialize);
    assert_eq!((status, &answer["result"]["serverInfo"]["name"]), (200, &json!("far")), "{answer}");
    let lines = format!("{credential}Mcp-Session-Id: {}\r\n", session.expect("a session id"));
    for name in ["whoami", "headers"] {
        let call = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": { "name": name } });
        let (status, _, answer) = post_with(port, "/mcp", &lines, &call);
        assert_eq!(status, 200, "{answer}");
        assert!(answer.to_string().contains(KEY), "{answer}");
        assert_eq!(answer.to_string().contains(OWN), name == "headers", "{answer}");
    }
    assert_eq!(post(port, "/elsewhere", None, &initialize).0, 405, "other paths are the origin's");
    tap.signal(Signal::TERM);
    assert_eq!(tap.wait().code(), Some(0));
    let said = rest.join().unwrap();
    for secret in [KEY, OWN] {
        assert!(!String::from_utf8_lossy(&said).contains(secret));
        assert_clean(&home, secret);
        for view in
            [&["ls"][..], &["calls", "leg:client,server"], &["show", "last", "--wire"], &["tail", "--once"]]
        {
            assert!(!home.run(view).out().contains(secret), "{view:?}");
        }
    }
    let legs: Vec<_> = home.json(&["calls", "tool:whoami", "leg:client,server"]);
    assert_eq!(legs.len(), 2, "{legs:?}");
}

#[test]
fn what_a_dying_server_says_is_recorded_without_its_secrets() {
    let home = Home::new();
    let script = format!("read line; echo 'cannot log in with api_key={KEY}' >&2; exit 3");
    let mut client = LineClient::start(&mut home.command(&["tap", "--bridge", "--", "sh", "-c", &script]));
    let answer = client.ask(1, "initialize", &hello("2025-06-18"));
    assert!(answer["error"]["message"].is_string(), "{answer}");
    let (status, _) = client.end();
    assert_eq!(status, Some(0));
    let told = home.run(&["tail", "--once", "-n", "100", "--table"]).out();
    assert!(told.contains("cannot log in with") && told.contains("status 3"), "{told}");
    assert!(!told.contains(KEY), "{told}");
    assert_clean(&home, KEY);
}

#[test]
fn a_bridge_that_is_killed_leaves_no_server_behind() {
    let home = Home::new();
    let mut command = home.command(&["tap", "--bridge", "--", TAPGATE, "demo", "--serve"]);
    let mut client = LineClient::start(&mut command);
    let answer = client.ask(1, "initialize", &hello("2025-11-25"));
    assert_eq!(answer["id"], 1, "{answer}");
    let servers = children(client.tap.pid());
    assert!(!servers.is_empty());
    client.tap.signal(Signal::KILL);
    assert_eq!(client.tap.wait().code(), None);
    assert!(eventually(|| !servers.iter().any(|pid| is_alive(*pid))), "{servers:?} go on");
}

#[test]
fn a_bridge_whose_server_does_not_start_says_so_and_goes_on() {
    let home = Home::new();
    let mut client = LineClient::start(&mut home.command(&["tap", "--bridge", "--", "/no/such/server"]));
    for id in 1..3 {
        let answer = client.ask(id, "initialize", &hello("2025-06-18"));
        assert!(answer["error"]["message"].is_string(), "{answer}");
    }
    let (status, _) = client.end();
    assert_eq!(status, Some(0));
    assert_eq!(home.calls().len(), 2);
}

#[test]
fn a_listening_bridge_answers_only_those_whom_a_tap_answers() {
    let home = Home::new();
    let (tap, port, _, _) = listening(&mut home.command(&["tap", "--listen", "127.0.0.1:0", "--", "cat"]));
    for field in ["Host: evil.example", "Host: 127.0.0.1\r\nOrigin: https://evil.example"] {
        let mut stream = connect(port);
        let head =
            format!("POST /mcp HTTP/1.1\r\n{field}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}");
        stream.write_all(head.as_bytes()).unwrap();
        let head = read_head(&mut BufReader::new(stream));
        assert!(head[0].contains(" 403 "), "{field}: {head:?}");
    }
    tap.signal(Signal::INT);
    assert_eq!(tap.wait().code(), Some(0));
    assert_eq!(home.calls().len(), 0, "nothing of it reached the bridge");
}
