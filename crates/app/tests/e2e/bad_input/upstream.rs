//! Servers that cannot be reached or trusted: the client is told in its own language.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::{Home, Running, connect, drain, listening, read_head};

#[test]
fn a_server_that_cannot_be_reached_is_told_to_the_client_with_its_id() {
    let home = Home::new();
    // A port that was free a moment ago and that nobody else is given soon.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let cases = [
        (format!("http://{free}/mcp"), free.to_string(), "refused"),
        ("http://no-such-host.invalid/mcp".to_owned(), "no-such-host.invalid".to_owned(), ""),
    ];
    for (url, names, because) in cases {
        let (tap, port, _, _) = listening(&mut home.command(&["tap", "--listen", "127.0.0.1:0", &url]));
        for id in ["7", "\"a\\\"b\""] {
            let (status, body) =
                ask(port, &format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"tools/list\"}}"));
            assert_eq!(status, "HTTP/1.1 502 Bad Gateway", "{url}");
            assert_eq!(body["id"].to_string(), id, "{body}");
            let told = body["error"]["message"].as_str().unwrap_or_default();
            assert!(told.contains(&names) && told.contains(because), "{told}");
        }
        drop(tap);
    }
}

#[test]
fn a_certificate_that_does_not_verify_is_told_and_can_be_trusted() {
    let home = Home::new();
    let folder = tempfile::tempdir().unwrap();
    let (_server, port) = secure_server(folder.path());
    let url = format!("https://localhost:{port}/mcp");
    let (tap, at, _, _) = listening(&mut home.command(&["tap", "--listen", "127.0.0.1:0", &url]));
    let (status, body) = ask(at, r#"{"jsonrpc":"2.0","id":7,"method":"tools/list"}"#);
    assert_eq!((status.as_str(), &body["id"]), ("HTTP/1.1 502 Bad Gateway", &Value::from(7)));
    let told = body["error"]["message"].as_str().unwrap_or_default();
    assert!(told.contains("certificate") && told.contains("--ca-file"), "{told}");
    drop(tap);
    let ca = folder.path().join("ca.pem");
    let trusting = ["tap", "--listen", "127.0.0.1:0", "--ca-file", ca.to_str().unwrap(), &url];
    let (_tap, at, _, _) = listening(&mut home.command(&trusting));
    let mut client = connect(at);
    client.write_all(b"GET /answer HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n").unwrap();
    let mut client = BufReader::new(client);
    assert_eq!(read_head(&mut client)[0], "HTTP/1.1 200 OK");
    let mut body = String::new();
    client.read_to_string(&mut body).unwrap();
    assert!(body.contains("it is trusted"), "{body}");
}

/// Posts a message; gives the status line and the body.
fn ask(port: u16, message: &str) -> (String, Value) {
    let mut client = connect(port);
    let head =
        "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nConnection: close\r\n";
    client.write_all(format!("{head}Content-Length: {}\r\n\r\n{message}", message.len()).as_bytes()).unwrap();
    let mut client = BufReader::new(client);
    let head = read_head(&mut client);
    let json = head.iter().any(|line| line.eq_ignore_ascii_case("content-type: application/json"));
    assert!(json, "{head:?}");
    let mut body = String::new();
    client.read_to_string(&mut body).unwrap();
    (head[0].clone(), serde_json::from_str(&body).expect(&body))
}

/// A server for `localhost` with a certificate of an authority that only this test knows.
fn secure_server(folder: &Path) -> (Running, u16) {
    fs::write(folder.join("answer"), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nit is trusted\n").unwrap();
    fs::write(folder.join("names"), "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n").unwrap();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    for line in [
        format!("req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=planted-authority"),
        format!("req {key} -keyout server.key -out server.csr -subj /CN=localhost"),
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 -extfile names".to_owned(),
    ] {
        let made = Command::new("openssl").args(line.split(' ')).current_dir(folder).output().unwrap();
        assert!(made.status.success(), "openssl {line}: {}", String::from_utf8_lossy(&made.stderr));
    }
    let line = "s_server -accept 127.0.0.1:0 -cert server.pem -key server.key -HTTP";
    let mut server = Running::start(Command::new("openssl").args(line.split(' ')).current_dir(folder));
    let mut said = BufReader::new(server.child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("ACCEPT") {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0, "openssl does not say where it listens");
    }
    drain(said);
    let port = line.trim().rsplit(':').next().and_then(|port| port.parse().ok());
    (server, port.expect("a port"))
}
