//! What each function of the masker does with what it is given.

use http::{HeaderMap, HeaderValue};

use super::super::{Consent, Level, MAX_STORED, MAX_SUMMARY, Masker, TextStream};
use super::sample::{Dice, base64, expand, quoted};
use super::{masker, shown};
use crate::record::{Body, Piece};

const HOUR: i64 = 60 * 60 * 1_000_000_000;

/// Replaces the digest of each placeholder by a dot, so that tests read.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, inside)) = rest.split_once("[masked:") {
        let (placeholder, behind) = inside.split_once(']').expect("a whole placeholder");
        let class = placeholder.split(':').next().unwrap();
        out.extend([before, "<", class, ">"]);
        rest = behind;
    }
    out + rest
}

#[test]
fn uris_keep_what_is_no_secret() {
    for (uri, expected) in [
        ("https://user:hunter2@host.example/mcp?x=1", "https://user:<connection>@host.example/mcp?x=1"),
        ("https://abcdef0123@host.example/", "https://<userinfo>@host.example/"),
        ("/callback?code=abcdefghij&state=0123456789&iss=x", "/callback?code=<code>&state=<code>&iss=x"),
        ("/mcp?api_key=short&page_token=abc", "/mcp?api_key=short&page_token=abc"),
        ("/messages?sessionId=0123456789abcdef", "/messages?sessionId=<session>"),
        (
            "https://h/#access_token=abcdef0123456789&token_type=Bearer",
            "https://h/#access_token=<token>&token_type=Bearer",
        ),
        (
            "https://h/x?X-Amz-Signature=0123456789abcdef&X-Amz-Date=1",
            "https://h/x?X-Amz-Signature=<secret>&X-Amz-Date=1",
        ),
        ("http://[::1]:8080/mcp", "http://[::1]:8080/mcp"),
        ("not a uri", "not a uri"),
        ("", ""),
    ] {
        assert_eq!(plain(&shown(&masker().uri(uri))), expected);
    }
}

#[test]
fn command_lines_keep_what_is_no_secret() {
    for (args, expected) in [
        (&["npx", "-y", "server", "--port", "3000"][..], "npx -y server --port 3000"),
        (&["server", "--token", "abc", "--verbose"], "server --token <token> --verbose"),
        (&["server", "--token=abc", "--api-key=x y"], "server --token=<token> '--api-key=<api-key>'"),
        (&["env", "API_KEY=abc", "HOME=/root", "server"], "env API_KEY=<api-key> HOME=/root server"),
        (
            &["curl", "-H", "Authorization: Bearer abc", "http://h"],
            "curl -H 'Authorization: Bearer <bearer>' http://h",
        ),
        (
            &["mcp-remote", "https://h/mcp", "--header", "X-Api-Key: abc"],
            "mcp-remote https://h/mcp --header 'X-Api-Key: <api-key>'",
        ),
        (&["curl", "-u", "me:hunter2", "http://h"], "curl -u me:<password> http://h"),
        (&["docker", "run", "-u", "1000:1000", "-p", "80:80"], "docker run -u 1000:1000 -p 80:80"),
        (&["mysql", "-phunter2"], "mysql -p<password>"),
        (&["psql", "-p", "hunter2"], "psql -p <password>"),
        (&["npx", "-p", "@scope/package", "run"], "npx -p @scope/package run"),
        (&["server", "postgres://u:hunter2@h/db"], "server postgres://u:<connection>@h/db"),
        (&["server", "--token-file", "/run/secrets/token"], "server --token-file /run/secrets/token"),
        (&["server", "--token", "--verbose"], "server --token --verbose"),
        (&["server", "--token", "${TOKEN}"], "server --token ${TOKEN}"),
    ] {
        assert_eq!(plain(&shown(&masker().argv(args))), expected);
    }
}

#[test]
fn heads_keep_names_schemes_and_what_the_protocol_needs() {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("content-type", "application/json"),
        ("authorization", "Bearer abc"),
        ("proxy-authorization", "Basic YTpi"),
        ("cookie", "sid=abc; theme=dark"),
        ("set-cookie", "sid=abc; Path=/; HttpOnly; odd=abc"),
        ("mcp-session-id", "s1"),
        ("mcp-protocol-version", "2025-06-18"),
        ("mcp-param-path", "/tmp"),
        ("mcp-param-token", "abc"),
        ("x-api-key", "abc"),
        ("x-request-id", "123e4567-e89b-12d3-a456-426614174000"),
        ("x-odd", "Ab3Cd4Ef5Gh6Ij7Kl8Mn9"),
        ("www-authenticate", "Bearer resource_metadata=\"https://h/x\", error=\"invalid_token\""),
        ("location", "https://h/cb?code=abcdefghij"),
    ] {
        headers.append(name, HeaderValue::from_static(value));
    }
    let head = plain(&shown(&masker().head("GET /mcp?token=abcdefgh HTTP/1.1", &headers)));
    let expected = "GET /mcp?token=<token> HTTP/1.1\n\
        content-type: application/json\n\
        authorization: Bearer <bearer>\n\
        proxy-authorization: Basic <password>\n\
        cookie: sid=<cookie>; theme=<cookie>\n\
        set-cookie: sid=<cookie>; Path=/; HttpOnly; odd=<cookie>\n\
        mcp-session-id: <session>\n\
        mcp-protocol-version: 2025-06-18\n\
        mcp-param-path: /tmp\n\
        mcp-param-token: <token>\n\
        x-api-key: <api-key>\n\
        x-request-id: 123e4567-e89b-12d3-a456-426614174000\n\
        x-odd: <credential>\n\
        www-authenticate: Bearer resource_metadata=\"https://h/x\", error=\"invalid_token\"\n\
        location: https://h/cb?code=<code>";
    assert_eq!(head, expected);
}

#[test]
fn messages_keep_their_bytes_around_a_placeholder() {
    for (message, expected) in [
        (r#"{"password": "x" , "n":1.0}"#, r#"{"password": "<password>" , "n":1.0}"#),
        (r#"{"pin":1234,"password":1234}"#, r#"{"pin":1234,"password":"<password>"}"#),
        (r#"{"token":5,"token":"abc"}"#, r#"{"token":5,"token":"<token>"}"#),
        (
            r#"{"secrets":{"a":"x","b":["y",2,true]}}"#,
            r#"{"secrets":{"a":"<secret>","b":["<secret>","<secret>",true]}}"#,
        ),
        (
            r#"{"headers":{"Authorization":"Bearer abc"}}"#,
            r#"{"headers":{"Authorization":"Bearer <bearer>"}}"#,
        ),
        (r#"{"args":["--token","abc","-v"]}"#, r#"{"args":["--token","<token>","-v"]}"#),
        (
            r#"{"env":[{"name":"API_KEY","value":"abc"}]}"#,
            r#"{"env":[{"name":"API_KEY","value":"<api-key>"}]}"#,
        ),
        (
            r#"{"properties":{"password":{"type":"string","default":"abc","examples":["d"]}}}"#,
            r#"{"properties":{"password":{"type":"string","default":"<password>","examples":["<password>"]}}}"#,
        ),
        (r#"{"properties":{"password":"abc"}}"#, r#"{"properties":{"password":"<password>"}}"#),
        (r#"{"text":"{\"password\":\"a b\"}"}"#, r#"{"text":"{\"password\":\"<password>\"}"}"#),
        (r#"[{"token":"abc"}]"#, r#"[{"token":"<token>"}]"#),
        (r#"{"pass\u0077ord":"abc"}"#, r#"{"pass\u0077ord":"<password>"}"#),
        (r#"{"password":"abc"#, r#"{"password":"abc"#),
        (r#"{"password":"abcd"#, r#"{"password":"<password>"#),
    ] {
        assert_eq!(plain(&shown(&masker().message(message.as_bytes()))), expected);
    }
}

#[test]
fn equal_secrets_look_equal_in_every_encoding_of_one_capture_and_in_no_other() {
    let token = format!("ghp_{}", Dice(3).draw("base62", 36));
    let message = format!(r#"{{"a":"{token}","b":"{}","token":"{token}"}}"#, base64(token.as_bytes(), false));
    let placeholders = |key: u8| {
        let masked = shown(&Masker::new([key; 32], Level::Masked).message(message.as_bytes()));
        let digests: Vec<_> =
            masked.split(':').filter_map(|part| part.split_once(']')).map(|(d, _)| d.to_owned()).collect();
        assert_eq!(digests.len(), 3, "{masked}");
        assert!(digests.iter().all(|digest| *digest == digests[0]), "{masked}");
        digests[0].clone()
    };
    assert_ne!(placeholders(1), placeholders(2));
}

#[test]
fn a_value_learnt_late_in_a_message_is_masked_early_in_it() {
    let masked = shown(&masker().message(br#"{"text":"I use zebra-7-lamp here","password":"zebra-7-lamp"}"#));
    assert_eq!(plain(&masked), r#"{"text":"I use <password> here","password":"<password>"}"#);
}

#[test]
fn values_in_markup_and_between_control_bytes_are_masked() {
    for (text, expected) in [
        ("<a><password>hunter2abc</password></a>", "<a><password><password></password></a>"),
        (
            "<ns:SecretAccessKey>kL8I+jPF/1</ns:SecretAccessKey>",
            "<ns:SecretAccessKey><secret></ns:SecretAccessKey>",
        ),
        ("<secret kind=\"x\">kL8INjPF1</secret>", "<secret kind=\"x\"><secret></secret>"),
        (
            r#"<input type=hidden name="csrf_token" value="kL8INjPF1">"#,
            r#"<input type=hidden name="csrf_token" value="<token>">"#,
        ),
        ("<input name=password value=hunter2abc>", "<input name=password value=<password>>"),
        ("<meta name='csrf-token' content='kL8INjPF1'/>", "<meta name='csrf-token' content='<token>'/>"),
        (
            "--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nhunter2abc\r\n--b--",
            "--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n<password>\r\n--b--",
        ),
        ("\0\u{1}password=hunter2abc\0\u{2}", "\0\u{1}password=<password>\0\u{2}"),
        // What asks for a secret, or speaks of one, holds none.
        ("<input name=\"password\" type=\"password\">", "<input name=\"password\" type=\"password\">"),
        (
            "<p>Enter the <b>password</b> and the <secret>name</secret>.</p>",
            "<p>Enter the <b>password</b> and the <secret>name</secret>.</p>",
        ),
        ("<token></token><key>CFBundle1</key>", "<token></token><key>CFBundle1</key>"),
        ("Vec<token> and Map<Password, String1>", "Vec<token> and Map<Password, String1>"),
    ] {
        assert_eq!(plain(&shown(&masker().text(text.as_bytes()))), expected);
    }
}

#[test]
fn brackets_around_a_secret_hide_it_from_nobody() {
    let token = expand("ghp_{base62:30}{crc}", &mut Dice(3)).text;
    for text in [
        format!("[masked:{token}:33-64:00000000]"),
        format!("[masked:github:{token}:00000000]"),
        format!("[masked:github:33-64:{token}]"),
        format!("[masked:github:33-64:00000000{token}]"),
    ] {
        assert!(!shown(&masker().text(text.as_bytes())).contains(&token), "{text}");
    }
}

#[test]
fn consent_is_for_a_day_at_most_and_ends() {
    let now = 1_000 * HOUR;
    assert_eq!(Consent::until(now, now), None);
    assert_eq!(Consent::until(now + 24 * HOUR + 1, now), None);
    assert_eq!(Consent::until(i64::MAX, i64::MIN), None);
    let consent = Consent::until(now + 24 * HOUR, now).expect("a day is allowed");
    let mut masker = Masker::new([7; 32], Level::Full(consent));
    let body = br#"{"password":"abc"}"#;
    masker.tick(now);
    let stored = masker.store(Piece::Request, None, body);
    assert_eq!((stored.body, &stored.outcome.masked.bytes()[..]), (Body::Full, &body[..]));
    assert_eq!(stored.outcome.hits, [("password", 1)]);
    assert_eq!(plain(&shown(&masker.uri("/x?token=abcdefgh"))), "/x?token=<token>");
    assert_eq!(plain(&shown(&masker.argv(&["s", "--token", "abc"]))), "s --token <token>");
    masker.tick(consent.end());
    assert_eq!(masker.store(Piece::Request, None, body).body, Body::Masked);
}

#[test]
fn a_result_is_summarised_when_it_may_hold_secrets() {
    let token = format!("ghp_{}", Dice(3).draw("base62", 36));
    let secret = format!(
        r#"{{"id":1,"result":{{"content":[{{"type":"text","text":"x {token}"}}],"isError":false}}}}"#
    );
    let harmless = r#"{"id":1,"result":{"content":[{"type":"image","mimeType":"image/png","data":""},{"type":"text","text":"x"}]}}"#;
    let large = format!(r#"{{"id":1,"result":{{"content":"{}"}}}}"#, "long ".repeat(MAX_STORED / 5));
    for (piece, target, body, because) in [
        (Piece::Result, Some("read"), secret.as_str(), Some("github x1")),
        (Piece::Result, Some("list_env"), harmless, Some("sensitive target")),
        (Piece::Result, Some("getCredentials"), harmless, Some("sensitive target")),
        (Piece::Result, Some("file:///home/me/.ssh/config"), harmless, Some("sensitive target")),
        (Piece::Result, Some("file:///srv/app/.env"), harmless, Some("sensitive target")),
        (Piece::Result, Some("read"), &large, Some("size")),
        (Piece::Result, Some("read"), "a\0b", Some("binary")),
        (Piece::Result, Some("environmental_report"), harmless, None),
        (Piece::Result, None, harmless, None),
        (Piece::Request, Some("list_env"), &secret, None),
    ] {
        let stored = masker().store(piece, target, body.as_bytes());
        let text = shown(&stored.outcome);
        match because {
            None => assert_eq!(stored.body, Body::Masked, "{target:?} {text}"),
            Some(reason) => {
                assert_eq!(stored.body, Body::Summary, "{target:?}");
                assert!(text.contains(&format!("\"because\":[\"{reason}\"")), "{text}");
                assert!(text.len() < MAX_SUMMARY);
            }
        }
        assert!(!text.contains(&token));
    }
}

#[test]
fn a_summary_tells_shape_and_counts_and_no_value() {
    let token = format!("ghp_{}", Dice(3).draw("base62", 36));
    let body = format!(
        r#"{{"result":{{"content":[{{"type":"text","text":"a"}},{{"type":"image","mimeType":"image/png","data":"AA=="}}],"isError":true,"{token}":{{"n":1,"when":null}}}}}}"#
    );
    let text = shown(&masker().store(Piece::Result, Some("vault"), body.as_bytes()).outcome);
    let digest = text.split("\"digest\":\"").nth(1).unwrap()[..8].to_owned();
    let expected = format!(
        r#"{{"summary":1,"because":["github x1","sensitive target"],"bytes":{},"digest":"{digest}","kind":"json","isError":true,"hits":{{"github":1}},"content":{{"text":1,"image":1}},"media":["image/png"],"shape":{{"result":{{"content":[{{"type":"string","text":"string"}},2],"isError":"boolean","<github>":{{"n":"number","when":null}}}}}},"truncated":false}}"#,
        body.len()
    );
    assert_eq!(plain(&text), expected);
}

#[test]
fn summaries_of_wide_and_deep_bodies_stay_short() {
    let wide =
        format!("{{{}}}", (0..5000).map(|n| format!("\"member-{n}\":[{{}}]")).collect::<Vec<_>>().join(","));
    let long = format!("{{\"{}\":1}}", "n".repeat(100_000));
    let deep = format!("{}1{}", "[".repeat(400), "]".repeat(400));
    let escaped = format!(
        "{{{}}}",
        (0..900).map(|n| format!("{}:1", quoted(&format!("\n\"{n}")))).collect::<Vec<_>>().join(",")
    );
    for body in [wide, long, deep, escaped] {
        let text = shown(&masker().store(Piece::Result, Some("vault"), body.as_bytes()).outcome);
        assert!(text.len() < MAX_SUMMARY, "{}", text.len());
        assert!(crate::json::scan(text.as_bytes(), &mut |_| {}).is_ok(), "{text}");
    }
}

#[test]
fn a_line_without_end_is_cut_where_no_name_is_near_and_otherwise_not_stored() {
    let secret = "kX7pQ2mN9vB4";
    let mut masker = masker();
    let mut stream = TextStream::default();
    let mut out = String::new();
    for n in 0..40_000 {
        let word = if n % 50 == 0 { format!("password: {secret} ") } else { "and so on ".to_owned() };
        out += &stream.push(&mut masker, word.as_bytes()).as_ref().map(shown).unwrap_or_default();
        assert!(stream.held_len() <= 66 * 1024);
    }
    out += &stream.finish(&mut masker).as_ref().map(shown).unwrap_or_default();
    assert!(!out.contains(secret) && out.len() > 300_000);
    let endless = "password:".repeat(20_000);
    let cut = stream.push(&mut masker, endless.as_bytes()).expect("more than is held");
    assert_eq!(plain(&shown(&cut)), "<unscanned>");
}

#[test]
fn short_texts_are_cut_but_never_inside_a_placeholder() {
    let token = format!("ghp_{}", Dice(3).draw("base62", 36));
    for n in 450..520 {
        let text = shown(&masker().short(format!("{} {token}", "n".repeat(n)).as_bytes()));
        assert!(text.len() <= 520);
        plain(&text);
    }
}

#[test]
fn a_text_that_is_a_place_to_look_in_at_each_byte_is_given_up_and_not_stored() {
    let secret = "kL8INjPF1kL8INjPF1";
    for unit in ["eyJ.", "a://b:", "-----BEGIN PRIVATE KEY-----", "sk-", "grant_type="] {
        let text = format!("{} password={secret}", unit.repeat(16 * 1024 / unit.len()));
        assert_eq!(plain(&shown(&masker().text(text.as_bytes()))), "<unscanned>", "{unit}");
    }
    let links = "see https://example.com/a/b?page=1#top\n".repeat(500);
    assert_eq!(shown(&masker().text(links.as_bytes())), links);
}

#[test]
fn what_is_encoded_too_deeply_to_follow_is_summarised() {
    let mut text = "a secret that nobody can see because it is wrapped so often".to_owned();
    for _ in 0..8 {
        text = base64(text.as_bytes(), false);
    }
    let stored = masker().store(Piece::Request, None, format!(r#"{{"a":"{text}"}}"#).as_bytes());
    assert_eq!(stored.body, Body::Summary);
    assert!(!stored.outcome.complete);
}
