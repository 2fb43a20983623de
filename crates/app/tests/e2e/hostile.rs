//! Text from peers never steers the terminal of who looks at it.

use crate::support::{Home, StdioTap};

/// What moves the cursor, recolours, reorders or hides: as a peer can write it into JSON.
const STEERING: &[&str] = &[
    "\\u001b[31m",
    "\\u001b]0;owned\\u0007",
    "\u{9b}2J",
    "\u{202e}",
    "\u{2066}",
    "\u{200b}",
    "\u{feff}",
    "\\r",
    "\\b",
    "\u{7f}",
    "\\u009b1A",
    "\u{85}",
    "\u{2028}",
    "\u{e0041}",
    "\\ud800",
    "\\u0000",
];

#[test]
fn no_view_prints_what_a_peer_wrote_to_steer_a_terminal() {
    let home = Home::new();
    let mut tap =
        StdioTap::start(&home, &["--name", "x\u{1b}[2Jy\u{202e}"], &["\u{1b}[31m", "\u{9b}2J\u{202e}"]);
    for (n, steering) in STEERING.iter().enumerate() {
        for line in [
            r#"{"jsonrpc":"2.0","id":"§ #","method":"tools/call","params":{"name":"a§b","arguments":{"§":"§"},"_meta":{"progressToken":"§"}}}"#,
            r#"{"jsonrpc":"2.0","id":"i #","method":"initialize","params":{"protocolVersion":"§","capabilities":{"§":{}},"clientInfo":{"name":"c§","version":"§"}}}"#,
            r#"{"jsonrpc":"2.0","id":"r #","method":"resources/read","params":{"uri":"x://§"}}"#,
            r#"{"jsonrpc":"2.0","method":"§","params":{"§":1}}"#,
        ] {
            tap.client_says(&[&fill(line, steering, n)]);
        }
        for line in [
            r#"{"jsonrpc":"2.0","id":"§ #","error":{"code":-1,"message":"no §","data":"§"}}"#,
            r#"{"jsonrpc":"2.0","id":"i #","result":{"protocolVersion":"§","capabilities":{"§":{}},"serverInfo":{"name":"s§","version":"§"}}}"#,
            r#"{"jsonrpc":"2.0","id":"r #","result":{"contents":[{"uri":"§","text":"§"}]}}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"§","data":"§"}}"#,
            "stray §",
        ] {
            tap.server_says(&[&fill(line, steering, n)]);
        }
        tap.server_warns(&[&fill("warning §", steering, n)]);
    }
    // Bytes that are no UTF-8, and escapes that are no JSON.
    let raw: [&[u8]; 3] = [b"stray \x1b[31m\x9b2J\xff\xc2\x9b\n", b"{\"a\":\"\x1b[0m\x07\"}\n", b"\x1b[31m"];
    tap.server_says(&raw);
    tap.server_warns(&[b"\x1b[31mred\x9b\x9d\xc2\x9d\x08\x0d\n", b"\x1b]0;title\x07\n"]);
    let (status, own) = tap.end();
    assert_eq!((status, String::from_utf8_lossy(&own).as_ref()), (Some(0), ""));
    let calls = home.calls();
    assert!(calls.len() >= 3 * STEERING.len(), "{} calls are recorded", calls.len());
    let mut views: Vec<Vec<&str>> = vec![
        vec!["ls"],
        vec!["calls", "--limit", "0"],
        vec!["tail", "--once", "--lines", "9999"],
        vec!["stats"],
        vec!["explain"],
        vec!["show", "last"],
        vec!["show", "--wire", "last"],
    ];
    views.extend(calls.iter().map(|call| vec!["show", call["id"].as_str().unwrap()]));
    for view in views {
        for form in ["--table", "--json"] {
            let args = [&view[..], &[form]].concat();
            let ran = home.run(&args);
            assert_eq!((ran.code, ran.err().as_str()), (Some(0), ""), "{args:?}");
            let text = String::from_utf8(ran.stdout).expect("output is UTF-8");
            let found: Vec<char> = text.chars().filter(|c| steers(*c)).collect();
            assert!(found.is_empty(), "{args:?} prints {found:?}");
        }
    }
}

fn fill(line: &str, steering: &str, n: usize) -> Vec<u8> {
    format!("{}\n", line.replace('§', steering).replace('#', &n.to_string())).into_bytes()
}

/// What a terminal obeys or does not show; line ends are ours.
fn steers(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}
