//! What a client and a server with many secrets say on HTTP.

use super::code::{Alphabet, Padding, base64, gzip};
use super::plant::{Encoding, Sower};
use super::traffic::cut;
use crate::support::{Answer, HttpTap};

const OK: &str = "200 OK";
const JSON: &str = "Content-Type: application/json";
const EVENTS: &str = "Content-Type: text/event-stream";

/// Makes one exchange of each kind; gives how many that are.
pub(crate) fn talk(tap: &HttpTap, sower: &mut Sower) -> usize {
    headers(tap, sower);
    bodies(tap, sower);
    oauth(tap, sower);
    addresses(tap, sower);
    events(tap, sower);
    // One for headers, five for bodies, one for OAuth, four for addresses, two for events.
    13
}

fn headers(tap: &HttpTap, sower: &mut Sower) {
    let mut header = |before: &str, place, family| {
        format!("{before}{}", sower.plant_as(family, Encoding::Plain, place).secret)
    };
    let session = header("Mcp-Session-Id: ", "Mcp-Session-Id", "api_key");
    let asked = [
        "POST /mcp HTTP/1.1".to_owned(),
        JSON.to_owned(),
        "Accept: application/json, text/event-stream".to_owned(),
        "MCP-Protocol-Version: 2025-11-25".to_owned(),
        session.clone(),
        header("Authorization: Bearer ", "Authorization", "client_secret"),
        header("Cookie: theme=dark; sid=", "Cookie", "cookie"),
        header("x-api-key: ", "x-api-key", "password"),
        header("X-Vendor-Trace: ", "an unknown header", "slack-bot"),
        header("Mcp-Param-Api-Key: ", "Mcp-Param", "apiKey"),
        header("Mcp-Param-Query: find ", "Mcp-Param", "github-classic"),
        header("Mcp-Name: ", "Mcp-Name", "gitlab"),
        header("Last-Event-ID: ", "Last-Event-ID", "npm"),
        header("DPoP: ", "DPoP", "jwt"),
        header("User-Agent: probe/1 ", "User-Agent", "stripe-live"),
        header("Referer: https://app.example/cb?code=", "Referer", "device_code"),
    ];
    let basic = format!("deploy:{}", sower.plant_value("Authorization: Basic"));
    let basic = base64(basic.as_bytes(), Alphabet::Standard, Padding::Yes);
    let wrapped = sower.plant_as("github-classic", Encoding::Plain, "Mcp-Param in base64").text();
    let wrapped = base64(wrapped.as_bytes(), Alphabet::Standard, Padding::Yes);
    let more =
        [format!("X-Upstream-Authorization: Basic {basic}"), format!("Mcp-Param-Note: =?base64?{wrapped}?=")];
    let mut header = |before: &str, place, family, behind: &str| {
        format!("{before}{}{behind}", sower.plant_as(family, Encoding::Plain, place).secret)
    };
    let answered = [
        OK.to_owned(),
        JSON.to_owned(),
        session,
        header("Set-Cookie: sid=", "Set-Cookie", "access_token", "; Path=/; HttpOnly"),
        header("Set-Cookie: remember=", "Set-Cookie", "password", ""),
        header("X-Auth-Token: ", "X-Auth-Token", "refreshToken", ""),
        header("Location: https://app.example/cb?state=1&code=", "Location", "device_code", ""),
        header(
            "WWW-Authenticate: Bearer error_description=\"bad token ",
            "WWW-Authenticate",
            "github-app",
            "\"",
        ),
        header("Link: <https://api.example/?access_token=", "Link", "id_token", ">; rel=next"),
    ];
    let asked: Vec<&str> = asked.iter().chain(&more).map(String::as_str).collect();
    let answered: Vec<&str> = answered.iter().map(String::as_str).collect();
    let id = sower.plants.len();
    let ask = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/list"}}"#);
    let answer = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"tools":[]}}}}"#);
    tap.exchange(&asked, &[ask.as_bytes()], &Answer { head: &answered, body: &[answer.as_bytes()] });
}

fn bodies(tap: &HttpTap, sower: &mut Sower) {
    let ask = ["POST /mcp HTTP/1.1", JSON];
    for n in 0..3 {
        let (asked, answered) = call(sower, "a body");
        let pieces = (cut(asked.as_bytes(), &mut sower.chance), cut(answered.as_bytes(), &mut sower.chance));
        let status = [OK, "400 Bad Request", "500 Internal Server Error"][n];
        tap.exchange(&ask, &pieces.0, &Answer { head: &[status, JSON], body: &pieces.1 });
    }
    let (asked, answered) = call(sower, "a compressed body");
    let packed = gzip(answered.as_bytes());
    let pieces = cut(&packed, &mut sower.chance);
    tap.exchange(
        &ask,
        &[asked.as_bytes()],
        &Answer { head: &[OK, JSON, "Content-Encoding: gzip"], body: &pieces },
    );
    let page = format!("<html><p>failed: {}</p></html>", sower.plant("an HTML page").text());
    let pieces = cut(page.as_bytes(), &mut sower.chance);
    tap.exchange(
        &["GET / HTTP/1.1"],
        &[],
        &Answer { head: &["503 Service Unavailable", "Content-Type: text/html"], body: &pieces },
    );
}

fn call(sower: &mut Sower, place: &'static str) -> (String, String) {
    let id = sower.plants.len();
    let mut json = || sower.plant(place).json();
    let asked = format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"run","arguments":{{"a":{},"b":[{}]}}}}}}"#,
        json(),
        json(),
    );
    let answered = format!(
        r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32000,"message":"no","data":[{},{}]}}}}"#,
        json(),
        json()
    );
    (asked, answered)
}

fn oauth(tap: &HttpTap, sower: &mut Sower) {
    let place = "an OAuth form";
    let names = [
        "code",
        "code_verifier",
        "client_secret",
        "refresh_token",
        "client_assertion",
        "subject_token",
        "password",
    ];
    let mut form = "grant_type=authorization_code&client_id=demo".to_owned();
    for name in names {
        form.extend(["&", name, "=", &sower.plant_value(place)]);
    }
    let place = "an OAuth answer";
    let members = [
        "access_token",
        "refresh_token",
        "id_token",
        "device_code",
        "client_secret",
        "registration_access_token",
    ];
    let members = members.map(|name| format!(r#""{name}":"{}""#, sower.plant_value(place)));
    let answer = format!(r#"{{"token_type":"Bearer","expires_in":3600,{}}}"#, members.join(","));
    let pieces = (cut(form.as_bytes(), &mut sower.chance), cut(answer.as_bytes(), &mut sower.chance));
    let ask = ["POST /token HTTP/1.1", "Content-Type: application/x-www-form-urlencoded"];
    tap.exchange(&ask, &pieces.0, &Answer { head: &[OK, JSON], body: &pieces.1 });
}

fn addresses(tap: &HttpTap, sower: &mut Sower) {
    for family in ["telegram", "github-classic", "jwt", "vault"] {
        let in_path = sower.plant_as(family, Encoding::Plain, "a path").secret;
        let in_query = sower.plant_as(family, Encoding::Percent, "a query").text();
        let named = sower.plant_value("a parameter");
        let line = format!("GET /hooks/{in_path}/x?note={in_query}&access_token={named}&page=2 HTTP/1.1");
        tap.exchange(&[&line], &[], &Answer { head: &["404 Not Found"], body: &[] });
    }
}

fn events(tap: &HttpTap, sower: &mut Sower) {
    let (asked, answered) = call(sower, "an event");
    // A JSON text may be cut between any two of its tokens; an event's lines are joined by a line end.
    let lines =
        answered.replace(",\"error\":", ",\ndata: \"error\":").replace(",\"data\":", ",\ndata:\"data\":");
    let mut text = |before: &str, place, behind: &str| {
        format!("{before}{}{behind}", sower.plant_as("github-classic", Encoding::Plain, place).secret)
    };
    let stream = [
        text(": ", "a comment of a stream", "\n\n"),
        text("id: ", "the id of an event", "\n"),
        text("event: ", "the name of an event", "\ndata: {}\n\n"),
        text("retry: ", "a wrong field of an event", "\n"),
        format!("data: {lines}\n\n"),
    ];
    let key = sower.plant_as("pem-pkcs8", Encoding::Plain, "lines of an event").secret;
    let key = format!("data: {}\r\n", key.trim_end().replace('\n', "\r\ndata: "));
    let stream = stream.concat() + &key + "\r\n";
    exchange_events(tap, sower, &asked, &stream);
    let (asked, answered) = call(sower, "an event");
    let notes: Vec<String> = (0..4)
        .map(|_| format!("data: {{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{{\"level\":\"info\",\"data\":{}}}}}\n\n", sower.plant("an event").json()))
        .collect();
    exchange_events(tap, sower, &asked, &format!("{}data: {answered}\n\n", notes.concat()));
}

fn exchange_events(tap: &HttpTap, sower: &mut Sower, asked: &str, stream: &str) {
    let pieces = cut(stream.as_bytes(), &mut sower.chance);
    let ask = ["POST /mcp HTTP/1.1", JSON, "Accept: application/json, text/event-stream"];
    tap.exchange(&ask, &[asked.as_bytes()], &Answer { head: &[OK, EVENTS], body: &pieces });
}

/// Sends an event once for each place where it can be cut in two; gives how many exchanges that made.
pub(crate) fn events_cut_at_every_byte(tap: &HttpTap, sower: &mut Sower) -> usize {
    for at in 1.. {
        let plant = sower.plant_as("gitlab", Encoding::Plain, "an event in two pieces");
        let ask =
            format!(r#"{{"jsonrpc":"2.0","id":"cut {at}","method":"tools/call","params":{{"name":"x"}}}}"#);
        let event = format!(
            "data: {{\"jsonrpc\":\"2.0\",\"id\":\"cut {at}\",\ndata: \"error\":{{\"code\":1,\"message\":{}}}}}\n\n",
            plant.json()
        );
        let Some((before, behind)) =
            event.as_bytes().split_at_checked(at).filter(|(_, behind)| !behind.is_empty())
        else {
            return at - 1;
        };
        tap.exchange(
            &["POST /mcp HTTP/1.1", JSON],
            &[ask.as_bytes()],
            &Answer { head: &[OK, EVENTS], body: &[before, behind] },
        );
    }
    0
}
