//! Secrets of every family in every carrier: nothing of them may be left.

use http::{HeaderMap, HeaderValue};

use super::super::codec::hex_of;
use super::super::{Masker, TextStream};
use super::family::samples;
use super::sample::{assert_gone, base64, percent, quoted, unicode};
use super::{masker, shown};
use crate::record::Piece;

/// Puts a text somewhere, masks that, and gives what would be stored; `None` where the text cannot stand.
type Carrier = fn(&mut Masker, &str) -> Option<String>;

const CARRIERS: &[(&str, Carrier)] = &[
    ("text", |m, s| Some(shown(&m.text(format!("the value is {s} today").as_bytes())))),
    ("markdown", |m, s| Some(shown(&m.text(format!("```\nrun `{s}`\n{s}\n```").as_bytes())))),
    ("yaml", |m, s| Some(shown(&m.text(format!("app:\n  value: {s}\n").as_bytes())))),
    ("json member", |m, s| {
        Some(shown(&m.message(format!(r#"{{"a":[1,{{"note":{}}}]}}"#, quoted(s)).as_bytes())))
    }),
    ("json name", |m, s| Some(shown(&m.message(format!(r"{{{}:1}}", quoted(s)).as_bytes())))),
    ("json in json", |m, s| {
        let inner = format!(r#"{{"note":{}}}"#, quoted(s));
        Some(shown(&m.message(format!(r#"{{"text":{}}}"#, quoted(&inner)).as_bytes())))
    }),
    ("json in json in json", |m, s| {
        let inner = format!(r#"{{"text":{}}}"#, quoted(&format!("{{\n  \"note\": {}\n}}", quoted(s))));
        Some(shown(&m.message(format!(r#"{{"text":{}}}"#, quoted(&inner)).as_bytes())))
    }),
    ("unicode escapes", |m, s| Some(shown(&m.message(format!(r#"{{"note":"{}"}}"#, unicode(s)).as_bytes())))),
    ("escaped slashes", |m, s| {
        Some(shown(&m.message(format!(r#"{{"note":{}}}"#, quoted(s).replace('/', "\\/")).as_bytes())))
    }),
    ("percent", |m, s| Some(shown(&m.uri(&format!("https://host.example/p?q={}&r=1", percent(s)))))),
    ("form in json", |m, s| {
        Some(shown(&m.message(format!(r#"{{"body":"a=1&q={}"}}"#, percent(s)).as_bytes())))
    }),
    ("base64", |m, s| Some(shown(&m.text(format!("blob={}", base64(s.as_bytes(), false)).as_bytes())))),
    ("base64 of text", |m, s| {
        let text = format!("a note\nwith {s} inside\n");
        Some(shown(&m.message(format!(r#"{{"blob":"{}"}}"#, base64(text.as_bytes(), false)).as_bytes())))
    }),
    ("base64url", |m, s| Some(shown(&m.text(base64(format!("?{s}?").as_bytes(), true).as_bytes())))),
    ("base64 twice", |m, s| {
        let once = base64(s.as_bytes(), false);
        Some(shown(&m.text(base64(once.as_bytes(), false).as_bytes())))
    }),
    ("data uri", |m, s| {
        Some(shown(&m.text(format!("data:text/plain;base64,{}", base64(s.as_bytes(), false)).as_bytes())))
    }),
    ("hex", |m, s| {
        let hex = String::from_utf8(hex_of(s.as_bytes(), false)).unwrap();
        Some(shown(&m.text(format!("dump {hex} end").as_bytes())))
    }),
    ("header", |m, s| {
        let mut headers = HeaderMap::new();
        headers.insert("x-note", HeaderValue::from_str(s).ok()?);
        headers.insert("user-agent", HeaderValue::from_str(&format!("agent/1 ({s})")).ok()?);
        Some(shown(&m.head("POST /mcp HTTP/1.1", &headers)))
    }),
    ("credential header", |m, s| {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_str(&format!("Bearer {s}")).ok()?);
        headers.insert("cookie", HeaderValue::from_str(&format!("a={s}; b=c")).ok()?);
        headers.insert("set-cookie", HeaderValue::from_str(&format!("a={s}; Path=/")).ok()?);
        headers.insert("x-api-key", HeaderValue::from_str(s).ok()?);
        headers.insert("mcp-session-id", HeaderValue::from_str(s).ok()?);
        headers.insert("mcp-param-api-key", HeaderValue::from_str(s).ok()?);
        Some(shown(&m.head("GET / HTTP/1.1", &headers)))
    }),
    ("target of a request", |m, s| {
        let headers = HeaderMap::new();
        Some(shown(&m.head(&format!("GET /cb?code={}&x=1 HTTP/1.1", percent(s)), &headers)))
    }),
    ("secret member", |m, s| {
        Some(shown(&m.message(format!(r#"{{"clientSecret":{0},"api_key":[{0}]}}"#, quoted(s)).as_bytes())))
    }),
    ("name and value", |m, s| {
        Some(shown(&m.message(format!(r#"{{"value":{},"name":"API_TOKEN"}}"#, quoted(s)).as_bytes())))
    }),
    ("argv", |m, s| Some(shown(&m.argv(&["server", "--api-key", s, "--flag", &format!("--token={s}"), s])))),
    ("env", |m, s| {
        let name = shown(&m.env(b"SERVICE_TOKEN", s.as_bytes()));
        Some(name + &shown(&m.text(format!("login with {s}").as_bytes())))
    }),
    ("event stream", |m, s| {
        let inner = format!(r#"{{"note":{}}}"#, quoted(s));
        Some(shown(&m.message(format!("event: message\ndata: {inner}\n\n").as_bytes())))
    }),
    ("broken json", |m, s| Some(shown(&m.message(format!(r#"{{"note":{},"b":[1,"#, quoted(s)).as_bytes())))),
    ("log line", |m, s| {
        let line = format!("12:00 INFO request={{\"note\":{}}}\n", quoted(s));
        Some(shown(&m.text(line.as_bytes())))
    }),
    ("escaped log line", |m, s| Some(shown(&m.text(format!("got {}\n", quoted(&quoted(s))).as_bytes())))),
    ("stderr in pieces", |m, s| {
        let text = format!("starting\nusing {s}\ndone");
        let mut stream = TextStream::default();
        let mut out = String::new();
        for piece in text.as_bytes().chunks(7) {
            out += &stream.push(m, piece).as_ref().map(shown).unwrap_or_default();
        }
        Some(out + &stream.finish(m).as_ref().map(shown).unwrap_or_default())
    }),
    ("result", |m, s| {
        let text = quoted(&format!("found\n{s}\n"));
        let body =
            format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"content":[{{"type":"text","text":{text}}}]}}}}"#);
        Some(shown(&m.store(Piece::Result, Some("read"), body.as_bytes()).outcome))
    }),
    ("short", |m, s| Some(shown(&m.short(s.as_bytes())))),
];

#[test]
fn nothing_of_a_planted_secret_is_left_in_any_carrier() {
    let samples = samples();
    let mut n_checked = 0;
    for (family, sample) in &samples {
        for (name, carrier) in CARRIERS {
            let Some(output) = carrier(&mut masker(), &sample.text) else {
                continue;
            };
            assert_gone(&output, &sample.parts, &format!("{family} in {name}"));
            n_checked += 1;
        }
    }
    assert!(samples.len() >= 170 && n_checked >= 5000, "{} samples, {n_checked} checks", samples.len());
}

#[test]
fn a_secret_cut_anywhere_in_a_stream_is_masked() {
    for (family, sample) in samples() {
        let text = format!("first line\nvalue {}\nlast line\n", sample.text);
        let step = (text.len() / 24).max(1);
        for at in (0..text.len()).step_by(step).filter(|at| text.is_char_boundary(*at)) {
            let (mut masker, mut stream) = (masker(), TextStream::default());
            let mut out = String::new();
            for piece in [&text[..at], &text[at..]] {
                out += &stream.push(&mut masker, piece.as_bytes()).as_ref().map(shown).unwrap_or_default();
            }
            out += &stream.finish(&mut masker).as_ref().map(shown).unwrap_or_default();
            assert_gone(&out, &sample.parts, &format!("{family} cut at {at}"));
            assert!(out.starts_with("first line\n") && out.ends_with("line\n"), "{family} at {at}: {out}");
        }
    }
}

#[test]
fn a_known_value_without_any_shape_is_masked_wherever_it_comes_back() {
    let secret = "correct-Horse/battery \"staple\"";
    for (name, carrier) in CARRIERS {
        let mut masker = masker();
        masker.learn(secret.as_bytes());
        let Some(output) = carrier(&mut masker, secret) else {
            continue;
        };
        assert_gone(&output, &[secret.to_owned()], name);
    }
}
