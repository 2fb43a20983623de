//! Secrets in every field of every fact: none is in any record.

#[path = "support/stage.rs"]
mod stage;

use stage::Stage;
use tapgate_engine::{Fact, Recorder};
use tapgate_testkit::{Chance, Script};
use tapgate_wire::Leg;
use tapgate_wire::mask::{Level, Masker};
use tapgate_wire::record::{self, Body, Piece, Record, Transport};

/// What passes, with `{}` wherever a peer can put a text of its own.
const TRAFFIC: &[&str] = &[
    r#"legs client=stdio server=stdio
server started 4
server stderr loading {}
server> stray {}
client> {"jsonrpc":"2.0","id":"i-{}","method":"initialize","params":{"protocolVersion":"{}","capabilities":{"x":"{}"},"clientInfo":{"name":"{}","version":"{}","title":"{}"},"_meta":{"m":"{}"}}}
server> {"jsonrpc":"2.0","id":"i-{}","error":{"code":-1,"message":"no {}","data":{"why":"{}"}}}
client> {"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"{}","version":"{}"}}}
server> {"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"{}","capabilities":{"y":"{}"},"serverInfo":{"name":"{}","version":"{}"},"instructions":"use {}"}}
client> {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"{}","arguments":{"a":"{}","b":["{}"],"c":{"d":"x {} y"}},"task":{},"_meta":{"progressToken":"{}","traceparent":"{}"}}}
server> {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"{}","progress":1,"message":"{}"}}
server> {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","logger":"{}","data":{"text":"{}"}}}
server> {"jsonrpc":"2.0","id":1,"result":{"task":{"taskId":"{}","status":"working","statusMessage":"{}"}}}
client> {"jsonrpc":"2.0","id":2,"method":"tasks/get","params":{"taskId":"{}"}}
server> {"jsonrpc":"2.0","id":2,"result":{"taskId":"{}","status":"completed"}}
client> {"jsonrpc":"2.0","id":3,"method":"resources/read","params":{"uri":"https://user:{}@host/p?token={}#{}"}}
server> {"jsonrpc":"2.0","id":3,"result":{"contents":[{"uri":"file:///{}","text":"{}"}]}}
client> {"jsonrpc":"2.0","id":4,"method":"{}","params":{"x":"{}"}}
server> {"jsonrpc":"2.0","id":4,"error":{"code":-32601,"message":"unknown {}"}}
client> {"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"t","arguments":{"s":"{\"inner\":\"{}\"}"}}}
server> {"jsonrpc":"2.0","id":5,"result":{"content":[{"type":"text","text":"line\n{}\nline"}],"structuredContent":{"k":"{}"},"isError":true}}
server> {"jsonrpc":"2.0","id":"u-{}","result":{"x":"{}"}}
client> {"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"{}","reason":"{}"}}
client> [{"jsonrpc":"2.0","id":6,"method":"prompts/get","params":{"name":"{}"}},{"jsonrpc":"2.0","id":"{}","method":"ping"}]
server failed pipe broke at {}
server exited 1
end"#,
    r#"legs client=http server=http
client[1] GET /.well-known/x?client_secret={}  authorization: Bearer {}; cookie: a={}; user-agent: probe/{}; x-custom: {}
client[1] end
server[1] 401 html  www-authenticate: Bearer error="{}"; set-cookie: s={}; x-other: {}
server[1]> <p>{}</p>
server[1] end
client[2] POST /token  user-agent: probe | grant_type=refresh_token&refresh_token={}&client_secret={}
server[2] 200 json | {"access_token":"{}","refresh_token":"{}","scope":"{}"}
client[3] POST /mcp/{}  user-agent: probe | {"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}
server[3] 200 json  mcp-session-id: {S} | {"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"s","version":"1"}}}
client[4] POST /mcp  mcp-session-id: {S}; mcp-protocol-version: {} | {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"q":"{}"}}}
server[4] 200 sse
server[4]> (event={} id={}) {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"{}"}}
server[4]> (event=odd) not json {}
server[4] failed because {}
client[5] DELETE /mcp  mcp-session-id: {S}; last-event-id: {} | -
server[5] 204 | -
end"#,
    r#"legs client=sse server=sse
client[1] GET /sse?key={}  user-agent: probe | -
server[1] 200 sse
server[1]> (event=endpoint) /messages?session_id={S}
client[2] POST /messages?session_id={S}  user-agent: probe | {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"q":"{}"}}}
server[2] 202 | -
server[1]> (event=message) {"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"{}"}]}}
end"#,
];

const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// A token that is visibly none: nobody issued it, and its prefix is put together here.
fn secret(chance: &mut Chance) -> String {
    let prefixes = [["gh", "p_"], ["glp", "at-"], ["npm", "_"], ["hf", "_"]];
    let mut text = chance.pick(&prefixes).concat();
    text.push_str("0Fake");
    text.extend((0..31).map(|_| char::from(chance.pick(LETTERS))));
    text
}

/// Puts a secret of its own into every place, and one session id for all of a script.
fn plant(text: &str, chance: &mut Chance, planted: &mut Vec<String>) -> String {
    // No shape tells that a session id is a secret; only its place does.
    let session: String = (0..32).map(|_| char::from(chance.pick(LETTERS))).collect();
    let mut out = String::new();
    let text = text.replace("{S}", &session);
    if text.contains(&session) {
        planted.push(session);
    }
    let mut pieces = text.split("{}").peekable();
    while let Some(piece) = pieces.next() {
        out.push_str(piece);
        // An empty object of JSON is written the same way.
        let is_object = piece.ends_with("\"capabilities\":") || piece.ends_with("\"task\":");
        if pieces.peek().is_some() && is_object {
            out.push_str("{}");
        } else if pieces.peek().is_some() {
            let secret = secret(chance);
            out.push_str(&secret);
            planted.push(secret);
        }
    }
    out
}

fn recorder(level: Level) -> Recorder {
    let mut masker = Masker::new([7; 32], level);
    let source = record::Source {
        name: masker.short(b"probe").masked,
        server: masker.argv(&["server", "--verbose"]).masked,
        transports: (Transport::Stdio, Transport::Stdio),
        leg: Leg::Client,
        pid: 1,
        server_pid: None,
        started: 1_000,
        ended: None,
        exit_status: None,
        full_until: None,
        lost_bytes: 0,
    };
    Recorder::new(masker, source, 1_000)
}

fn play(text: &str) -> Vec<Fact> {
    Stage::play(&Script::of(text)).facts
}

fn records(text: &str) -> Vec<Record> {
    let mut recorder = recorder(Level::Masked);
    let mut records = Vec::new();
    for fact in play(text) {
        recorder.record(fact, &mut records);
    }
    records
}

#[test]
fn no_secret_of_any_field_is_in_any_record() {
    for seed in 0..25 {
        for traffic in TRAFFIC {
            let mut chance = Chance::new(seed);
            let mut planted = Vec::new();
            let text = plant(traffic, &mut chance, &mut planted);
            let facts = format!("{:?}", play(&text)).replace('\\', "");
            let shown = format!("{:?}", records(&text)).replace('\\', "");
            for secret in &planted {
                assert!(facts.contains(secret.as_str()), "seed {seed}: {secret} never came in: {facts}");
                let place = shown.find(secret.as_str());
                let around = place.and_then(|place| shown.get(place.saturating_sub(200)..place + 60));
                assert_eq!(around, None, "seed {seed}: {secret}");
            }
        }
    }
}

#[test]
fn a_key_over_several_lines_of_standard_error_is_one_record_without_it() {
    let begin = ["-----BEGIN ", "PRIVATE KEY-----"].concat();
    let end = ["-----END ", "PRIVATE KEY-----"].concat();
    let text = format!(
        "legs client=stdio server=stdio\nserver stderr {begin}\nserver stderr MIIFakeFakeFakeFakeFakeFakeFakeFakeFakeFakeFakeFakeFakeFakeFake12\nserver stderr {end}\nserver stderr ready\nend"
    );
    let stderr: Vec<_> = records(&text)
        .into_iter()
        .filter_map(|record| match record {
            Record::Message(message) if message.piece == Piece::Stderr => Some(message),
            _ => None,
        })
        .collect();
    assert_eq!(stderr.len(), 2, "{stderr:?}");
    assert_eq!((stderr[0].n, stderr[0].chunks.len()), (1, 3));
    assert!(stderr.iter().all(|message| !format!("{message:?}").contains("MIIFake")), "{stderr:?}");
    assert_eq!(stderr[1].body.bytes().as_ref(), b"ready\n");
}

#[test]
fn a_result_is_stored_by_what_its_tool_is_and_by_what_it_holds() {
    let result = |tool: &str, text: &str| {
        let text = format!(
            "legs client=stdio server=stdio\nclient> {{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{{\"name\":\"{tool}\"}}}}\nserver> {{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{{\"content\":[{{\"type\":\"text\",\"text\":\"{text}\"}}]}}}}"
        );
        records(&text).into_iter().find_map(|record| match record {
            Record::Message(message) if message.piece == Piece::Result => Some(message.stored),
            _ => None,
        })
    };
    assert_eq!(result("echo", "hello"), Some(Body::Masked));
    assert_eq!(result("list_env_vars", "hello"), Some(Body::Summary));
    assert_eq!(result("echo", &secret(&mut Chance::new(1))), Some(Body::Summary));
}

#[test]
fn the_source_comes_first_and_its_end_last() {
    let records = records("legs client=stdio server=stdio\nserver started 9\nserver exited 3\nlost 5\nend");
    let sources: Vec<_> = records
        .iter()
        .filter_map(|record| match record {
            Record::Source(source) => {
                Some((source.server_pid, source.exit_status, source.lost_bytes, source.ended.is_some()))
            }
            _ => None,
        })
        .collect();
    assert!(matches!(records.first(), Some(Record::Source(_))));
    assert!(matches!(records.last(), Some(Record::Source(_))));
    assert_eq!(
        sources,
        [
            (None, None, 0, false),
            (Some(9), None, 0, false),
            (Some(9), Some(3), 0, false),
            (Some(9), Some(3), 5, false),
            (Some(9), Some(3), 5, true)
        ]
    );
}
