//! What is no secret stays as it is.

use super::sample::{Dice, base64};
use super::{masker, shown};

/// Texts in which nothing may be replaced.
const TEXTS: &[&str] = &[
    "token = os.environ[\"X\"]",
    "password = getpass.getpass()",
    "api_key = config.api_key",
    "const token = process.env.GITHUB_TOKEN;",
    "let secret = self.secrets.get(name)?;",
    "def login(password: str, token: Optional[str] = None) -> None:",
    "if token == expected_token { return; }",
    "password: required",
    "Authorization: Bearer <token>",
    "curl -H \"Authorization: Bearer $TOKEN\" https://api.example.com/v1/items?page_token=2",
    "export API_KEY=${API_KEY}",
    "API_KEY=$API_KEY ./run.sh",
    "the bearer authentication scheme and basic authentication are described in RFC 7617",
    "Set the client secret in the settings page. The access token expires after 3600 seconds.",
    "token: string; password?: string; secret: Buffer;",
    "\"sha512-{b64}\" is an integrity hash",
    "commit 89988fd0a1b2c3d4e5f60718293a4b5c6d7e8f90",
    "id 123e4567-e89b-12d3-a456-426614174000 and 01J9ZQ4V8M3N5P7R9S1T2V4X6Y",
    "https://unpkg.com/react@18.2.0/umd/react.production.min.js?module=1#top",
    "git@github.com:owner/repository.git and ssh://git@github.com/owner/repository",
    "/usr/local/lib/node_modules/@modelcontextprotocol/server-everything/dist/index.js",
    "see -----BEGIN PRIVATE KEY----- in the file",
    "tokenizer.encode(text, max_tokens=4096, token_type_ids=None)",
    "usage: 1234 input_tokens, 5678 output_tokens",
    "monkey business with a keyboard: compass, passage, keynote, tokenization",
    "key: value, primary_key: user_id_12345678, cache_key=items-2024-01-01",
    "password=********",
    "a callback without the state cookie is `400 Bad Request`, a cookie is set with `HttpOnly=true` 12",
    "author: someone1234567890",
    "Task 12345 passed: 100, failed: 0, skipped_tests=12",
];

/// Messages in which nothing may be replaced.
const MESSAGES: &[&str] = &[
    r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{"roots":{"listChanged":true},"sampling":{}},"clientInfo":{"name":"inspector","version":"0.16.2"}}}"#,
    r#"{"jsonrpc":"2.0","id":"a1b2","method":"tools/call","params":{"name":"get_secret_names","arguments":{"next_token":"abc","max_tokens":100},"_meta":{"progressToken":"7f3a9c"}}}"#,
    r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"01J9ZQ4V8M3N5P7R9S1T2V4X6Y","progress":1,"total":2}}"#,
    r#"{"jsonrpc":"2.0","id":2,"result":{"tools":[{"name":"login","description":"Logs in with a password or token","inputSchema":{"type":"object","properties":{"username":{"type":"string"},"password":{"type":"string","description":"The password","minLength":8},"api_key":{"type":"string","format":"password"}},"required":["username","password"]}}],"nextCursor":"eyJwYWdlIjoyfQ=="}}"#,
    r#"{"prompts":[{"name":"deploy","arguments":[{"name":"token","description":"A token","required":true}]}]}"#,
    r#"{"issuer":"https://as.example","token_endpoint":"https://as.example/token","authorization_endpoint":"https://as.example/authorize","token_endpoint_auth_methods_supported":["client_secret_basic","private_key_jwt"],"code_challenge_methods_supported":["S256"],"scopes_supported":["openid"]}"#,
    r#"{"token_type":"Bearer","expires_in":3600,"usage":{"input_tokens":12,"output_tokens":345,"total_tokens":357}}"#,
    r#"{"password":"${DB_PASSWORD}","token":null,"secret":true,"api_key":""}"#,
    r#"{"integrity":"sha512-k1mZrPYHrGYsDuTsvhYlvzHcyk3ZFGZWYOVLOIkKPTJlcZ0nfuIZy2NkcUuaZrBhMfVcMhDy8rzHgCDT5uGzUA==","resolved":"https://registry.npmjs.org/once/-/once-1.4.0.tgz"}"#,
    r#"{"sessionId":"0e2c9d0c-92a4-4d6b-9b7e-7a3b2c1d0e9f","requestState":"b3BhcXVlLXN0YXRlLXRoYXQtaXMtbm90LXJlYWQ","cursor":"YWJjZGVmZ2hpamtsbW5vcA=="}"#,
];

#[test]
fn nothing_is_replaced_in_texts_without_secrets() {
    for text in TEXTS {
        assert_eq!(shown(&masker().text(text.as_bytes())), *text);
        let message = format!(r#"{{"text":{}}}"#, super::sample::quoted(text));
        assert_eq!(shown(&masker().message(message.as_bytes())), message);
    }
}

#[test]
fn nothing_is_replaced_in_messages_without_secrets() {
    for message in MESSAGES {
        assert_eq!(shown(&masker().message(message.as_bytes())), *message);
    }
}

#[test]
fn noise_in_every_alphabet_is_not_taken_for_a_secret() {
    let mut dice = Dice(5);
    let mut n_bytes = 0;
    let mut n_hits = 0;
    for n in 0..4000 {
        let bytes: Vec<u8> = (0..dice.below(400)).map(|_| dice.below(256) as u8).collect();
        let hash = dice.draw("hex", [32, 40, 64][n % 3]);
        let image = base64(&[b"\x89PNG\r\n\x1a\n".as_slice(), &bytes].concat(), n % 2 == 0);
        let message = format!(
            r#"{{"type":"image","data":"{image}","sha":"{hash}","id":"{}"}}"#,
            dice.draw("uppernum", 26)
        );
        n_hits += masker().message(message.as_bytes()).hits.len();
        n_bytes += message.len();
    }
    assert!(n_bytes > 1_000_000);
    assert_eq!(n_hits, 0, "in {n_bytes} bytes of noise");
}

#[test]
fn the_sources_of_this_module_hold_next_to_nothing_that_looks_like_a_secret() {
    let sources = [
        include_str!("../json.rs"),
        include_str!("../pair.rs"),
        include_str!("../key.rs"),
        include_str!("../uri.rs"),
        include_str!("../known.rs"),
        include_str!("../head.rs"),
        include_str!("../argv.rs"),
        include_str!("../rules.toml"),
    ];
    let mut replaced = Vec::new();
    for source in sources {
        let masked = shown(&masker().text(source.as_bytes()));
        replaced.extend(masked.lines().filter(|line| line.contains("[masked:")).map(str::to_owned));
    }
    assert!(replaced.len() <= 2, "{replaced:#?}");
}
