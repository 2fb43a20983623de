//! What a client and a server with many secrets say on stdio.

use tapgate_testkit::Chance;

use super::code::{Alphabet, Padding, base64, hex, percent, unicode};
use super::plant::{Encoding, Plant, Sower};
use crate::support::StdioTap;

/// One thing that is said, and what is said to it.
///
/// `#` is the next id; `§` is a secret as a JSON value, `¶` one as a JSON string, in lines that are no JSON as text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(crate) place: &'static str,
    who: Who,
    said: &'static str,
    answer: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Client,
    Server,
    Stray,
    Stderr,
}

impl Line {
    pub(crate) const fn ask(place: &'static str, said: &'static str, answer: &'static str) -> Self {
        Self { place, who: Who::Client, said, answer }
    }

    const fn serve(place: &'static str, said: &'static str, answer: &'static str) -> Self {
        Self { place, who: Who::Server, said, answer }
    }

    pub(crate) const fn stray(place: &'static str, said: &'static str) -> Self {
        Self { place, who: Who::Stray, said, answer: "" }
    }

    pub(crate) const fn warn(place: &'static str, said: &'static str) -> Self {
        Self { place, who: Who::Stderr, said, answer: "" }
    }

    /// Whether it makes an exchange.
    pub(crate) fn is_asked(&self) -> bool {
        self.said.contains("\"id\":")
    }

    /// The line with its secrets and its id.
    pub(crate) fn fill(&self, plant: impl FnMut(&'static str) -> Plant, id: usize) -> Vec<u8> {
        fill(self.said, self.place, matches!(self.who, Who::Stray | Who::Stderr), plant, id)
    }

    /// Says the pieces, and answers if that is called for; gives how many exchanges that made.
    pub(crate) fn say(&self, tap: &mut StdioTap, pieces: &[&[u8]], id: usize) -> usize {
        match self.who {
            Who::Client => tap.client_says(pieces),
            Who::Server | Who::Stray => tap.server_says(pieces),
            Who::Stderr => tap.server_warns(pieces),
        }
        if self.answer.is_empty() && self.said.contains("\"id\":#") {
            let answer = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{}}}}\n");
            tap.server_says(&[answer.as_bytes()]);
        }
        usize::from(self.is_asked())
    }
}

/// Where secrets stand in messages, and beside them.
pub(crate) const LINES: &[Line] = &[
    Line::ask(
        "arguments and result",
        r#"{"jsonrpc":"2.0","id":#,"method":"tools/call","params":{"name":"run","arguments":{"a":§,"b":[1,{"c":§}],"d":¶}}}"#,
        r#"{"jsonrpc":"2.0","id":#,"result":{"content":[{"type":"text","text":¶},{"type":"text","text":¶}],"structuredContent":{"x":§,"list":[§]}}}"#,
    ),
    Line::ask(
        "_meta",
        r#"{"jsonrpc":"2.0","id":#,"method":"tools/call","params":{"name":"run","arguments":{},"_meta":{"example.com/a":§,"progressToken":5}}}"#,
        r#"{"jsonrpc":"2.0","id":#,"result":{"content":[],"_meta":{"example.com/b":§}}}"#,
    ),
    Line::ask(
        "error",
        r#"{"jsonrpc":"2.0","id":#,"method":"tools/call","params":{"name":"fail","arguments":{"x":§}}}"#,
        r#"{"jsonrpc":"2.0","id":#,"error":{"code":-32000,"message":¶,"data":{"cause":§,"hint":¶}}}"#,
    ),
    Line::ask(
        "tool error",
        r#"{"jsonrpc":"2.0","id":#,"method":"tools/call","params":{"name":"fail","arguments":{"x":§}}}"#,
        r#"{"jsonrpc":"2.0","id":#,"result":{"isError":true,"content":[{"type":"text","text":¶}]}}"#,
    ),
    Line::ask(
        "resource",
        r#"{"jsonrpc":"2.0","id":#,"method":"resources/read","params":{"uri":¶}}"#,
        r#"{"jsonrpc":"2.0","id":#,"result":{"contents":[{"uri":¶,"mimeType":"text/plain","text":¶}]}}"#,
    ),
    Line::ask(
        "prompt",
        r#"{"jsonrpc":"2.0","id":#,"method":"prompts/get","params":{"name":"p","arguments":{"x":¶}}}"#,
        r#"{"jsonrpc":"2.0","id":#,"result":{"description":¶,"messages":[{"role":"user","content":{"type":"text","text":¶}}]}}"#,
    ),
    Line::ask(
        "a cancellation",
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"reason":¶}}"#,
        "",
    ),
    Line::ask("a message without a known method", r#"{"jsonrpc":"2.0","method":"x/y","params":[§,§]}"#, ""),
    Line::ask(
        "a line with two messages",
        r#"[{"jsonrpc":"2.0","method":"notifications/a","params":{"a":§}},{"jsonrpc":"2.0","method":"notifications/b","params":{"b":§}}]"#,
        "",
    ),
    Line::ask("a line that ends early", r#"{"jsonrpc":"2.0","method":"x","params":{"a":§,"b":"#, ""),
    Line::ask(
        "a duplicate member",
        r#"{"jsonrpc":"2.0","method":"x","params":{"a":§},"params":{"b":§}}"#,
        "",
    ),
    Line::serve(
        "a log message",
        r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","logger":"x","data":§}}"#,
        "",
    ),
    Line::serve(
        "progress",
        r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":5,"progress":1,"message":¶}}"#,
        "",
    ),
    Line::serve(
        "sampling",
        r#"{"jsonrpc":"2.0","id":#,"method":"sampling/createMessage","params":{"messages":[{"role":"user","content":{"type":"text","text":¶}}],"systemPrompt":¶,"maxTokens":9}}"#,
        r#"{"jsonrpc":"2.0","id":#,"result":{"role":"assistant","content":{"type":"text","text":¶},"model":"m"}}"#,
    ),
    Line::serve(
        "elicitation",
        r#"{"jsonrpc":"2.0","id":#,"method":"elicitation/create","params":{"message":¶,"requestedSchema":{"type":"object","properties":{"x":{"type":"string","default":¶}}}}}"#,
        r#"{"jsonrpc":"2.0","id":#,"result":{"action":"accept","content":{"x":§}}}"#,
    ),
    Line::stray("stray output", "DEBUG starting with §"),
    Line::stray("stray output", "¶"),
    Line::warn("standard error", "warning: § (line 3)"),
    Line::warn("standard error", "§"),
];

/// Where names stand that are kept apart from the message.
pub(crate) const NAMES: &[Line] = &[
    Line::ask(
        "the names of the peers",
        r#"{"jsonrpc":"2.0","id":#,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":¶,"version":¶}}}"#,
        r#"{"jsonrpc":"2.0","id":#,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":¶,"version":¶},"instructions":¶}}"#,
    ),
    Line::ask(
        "the name of a tool",
        r#"{"jsonrpc":"2.0","id":#,"method":"tools/call","params":{"name":¶,"arguments":{}}}"#,
        "",
    ),
    Line::ask("the name of a method", r#"{"jsonrpc":"2.0","id":#,"method":¶,"params":{}}"#, ""),
    Line::ask(
        "a cursor",
        r#"{"jsonrpc":"2.0","id":#,"method":"tools/list","params":{"cursor":¶}}"#,
        r#"{"jsonrpc":"2.0","id":#,"result":{"tools":[{"name":¶,"description":¶,"inputSchema":{"type":"object","default":§}}],"nextCursor":¶}}"#,
    ),
    Line::ask(
        "a progress token",
        r#"{"jsonrpc":"2.0","id":#,"method":"ping","params":{"_meta":{"progressToken":¶}}}"#,
        "",
    ),
    Line::ask("an id", r#"{"jsonrpc":"2.0","id":¶,"method":"ping"}"#, ""),
    Line::serve(
        "the id of a task",
        r#"{"jsonrpc":"2.0","method":"notifications/tasks/status","params":{"taskId":¶,"status":"working","statusMessage":¶}}"#,
        "",
    ),
];

/// Says every line once, with new secrets and in pieces; gives how many exchanges that made.
pub(crate) fn talk(tap: &mut StdioTap, sower: &mut Sower, lines: &[Line]) -> usize {
    let before = sower.plants.len();
    let mut n_asked = 0;
    for line in lines {
        let id = before * 1000 + n_asked;
        let bytes = line.fill(|place| sower.plant(place), id);
        let pieces = cut(&bytes, &mut sower.chance);
        n_asked += line.say(tap, &pieces, id);
        if !line.answer.is_empty() {
            let bytes = fill(line.answer, line.place, false, |place| sower.plant(place), id);
            let pieces = cut(&bytes, &mut sower.chance);
            match line.who {
                Who::Client => tap.server_says(&pieces),
                _ => tap.client_says(&pieces),
            }
        }
    }
    n_asked
}

/// Says a known value where nothing tells that it is a secret, in every encoding.
pub(crate) fn echo(tap: &mut StdioTap, value: &str, chance: &mut Chance) -> usize {
    let bytes = value.as_bytes();
    let framed = |before: &str| [before.as_bytes(), bytes, b"-after"].concat();
    let clothes = [
        serde_json::Value::from(value).to_string(),
        format!("\"{}\"", unicode(value)),
        format!("\"{}\"", percent(bytes)),
        format!("\"{}\"", hex(bytes)),
        format!("\"{}\"", base64(&framed(""), Alphabet::Standard, Padding::Yes)),
        format!("\"{}\"", base64(&framed("b"), Alphabet::Url, Padding::No)),
        format!("\"{}\"", base64(&framed("be"), Alphabet::Standard, Padding::Yes)),
    ];
    for (n, text) in clothes.iter().enumerate() {
        let note = format!(
            "{{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{{\"level\":\"info\",\"data\":{text}}}}}\n"
        );
        tap.server_says(&cut(note.as_bytes(), chance));
        let id = format!("\"echo {} {n}\"", chance.number());
        let ask = format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"tools/call\",\"params\":{{\"name\":\"echo\",\"arguments\":{{\"x\":{text}}}}}}}\n"
        );
        tap.client_says(&cut(ask.as_bytes(), chance));
        let answer = format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{\"content\":[{{\"type\":\"text\",\"text\":{text}}}]}}}}\n"
        );
        tap.server_says(&cut(answer.as_bytes(), chance));
    }
    let one_line = value.replace('\n', " ");
    tap.server_warns(&cut(format!("cannot use {one_line} now\n").as_bytes(), chance));
    clothes.len()
}

/// Arguments of a server that hold secrets.
pub(crate) fn secrets_of_argv(sower: &mut Sower) -> Vec<String> {
    let place = "the server's arguments";
    let mut args = vec!["--api-key".to_owned(), sower.plant_value(place)];
    for before in ["--password=", "DB_PASSWORD=", "--header=X-Api-Key: ", "--url=https://app.example/?token="]
    {
        args.push(format!("{before}{}", sower.plant_value(place)));
    }
    args.extend(["-H".to_owned(), format!("Authorization: Bearer {}", sower.plant_value(place))]);
    for encoding in [
        Encoding::Plain,
        Encoding::Base64,
        Encoding::Base64OfJson,
        Encoding::JsonInString,
        Encoding::Percent,
        Encoding::Hex,
    ] {
        for family in ["github-classic", "slack-bot", "postgres", "jwt"] {
            args.push(sower.plant_as(family, encoding, place).text());
        }
    }
    args.push(sower.plant_as("client_secret", Encoding::Plain, place).json());
    args
}

/// Variables of the environment whose names say that their values are secrets, or whose values do.
pub(crate) fn secrets_of_environment(sower: &mut Sower) -> Vec<(&'static str, String)> {
    let place = "the environment";
    let mut value = |family| sower.plant_as(family, Encoding::Plain, place).secret;
    vec![
        ("MY_SECRET", value("db_password")),
        ("SERVICE_TOKEN", value("url-parameter")),
        ("GITHUB_TOKEN", value("github-fine")),
        ("DB_PASSWORD", value("password")),
        ("APP_API_KEY", value("api_key")),
        ("UPSTREAM", value("anthropic")),
    ]
}

/// Cuts bytes into one to six pieces.
pub(crate) fn cut<'a>(bytes: &'a [u8], chance: &mut Chance) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = (0..chance.below(6)).map(|_| 1 + chance.below(bytes.len() - 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.dedup();
    places.windows(2).map(|ends| &bytes[ends[0]..ends[1]]).collect()
}

fn fill(
    template: &str,
    place: &'static str,
    is_text: bool,
    mut plant: impl FnMut(&'static str) -> Plant,
    id: usize,
) -> Vec<u8> {
    let mut line = String::new();
    for c in template.chars().chain(['\n']) {
        match c {
            '#' => line.push_str(&id.to_string()),
            '§' if is_text => line.push_str(&plant(place).text()),
            '§' => line.push_str(&plant(place).json()),
            '¶' if is_text => line.push_str(&plant(place).json()),
            '¶' => line.push_str(&plant(place).string()),
            c => line.push(c),
        }
    }
    line.into_bytes()
}
