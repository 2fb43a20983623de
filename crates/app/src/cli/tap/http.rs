//! The HTTP tap: a listener for clients on one side, the server's origin on the other.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use tapgate_transport::http::{Error, Guard, Options, ProxyVariables, Reach, Upstream, bind};
use tapgate_transport::{Clock, queue};
use tapgate_wire::header::RequestHead;
use tapgate_wire::record::Transport;
use tapgate_wire::{Kind, Message};
use tokio::signal::unix::{SignalKind, signal};

use super::Args;
use crate::observe::{self, Observed, Recording};
use crate::problem::{Exit, Problem};

/// Serves at `listen` what the server at `url` serves, until a signal ends it.
pub fn run(args: &Args, listen: SocketAddr, url: &str) -> Result<ExitCode, Problem> {
    let options = options(args, listen, url)?;
    // A query may hold a key, and what is said here ends up in logs of clients.
    let path = match options.upstream.path_and_query().split_once('?') {
        Some((path, _)) => format!("{path}?…"),
        None => options.upstream.path_and_query().to_owned(),
    };
    let bound = bind(options).map_err(|error| problem(&error))?;
    let clock = Clock::start();
    let (witness, observer) = queue(observe::QUEUE_BYTES);
    let recording = observe::start(observer, clock, Observed::of(args, (Transport::Http, Transport::Http)));
    let at = format!("http://{}{path}", bound.addr());
    // Talk goes to stderr; a closed one must not stop the tap.
    let _ = writeln!(
        std::io::stderr(),
        "tapgate: {at} → {} (stop with Ctrl-C; watch with `tapgate tail`)",
        args.source_name()
    );
    let served = bound.serve(&witness, clock, stop());
    drop(witness);
    Recording::finish(&mut [recording]);
    served.map_err(|error| problem(&error))?;
    Ok(ExitCode::SUCCESS)
}

/// Reads the server's URL.
pub fn upstream(url: &str) -> Result<Upstream, Problem> {
    Upstream::parse(url).map_err(|error| {
        Problem::usage("tap.bad-url", "the server's URL cannot be used", "give it as https://host/path")
            .because(error)
    })
}

fn options(args: &Args, listen: SocketAddr, url: &str) -> Result<Options, Problem> {
    let upstream = upstream(url)?;
    Ok(Options {
        listen,
        reach: if args.network { Reach::Network } else { Reach::Loopback },
        upstream,
        ca_file: args.ca_file.clone(),
        proxy: proxy_variables(),
        guard: Guard::new(args.allow_hosts.clone(), args.allow_origins.clone()),
        workers: std::thread::available_parallelism().map_or(1, usize::from).min(MAX_WORKERS),
        max_connections: MAX_CONNECTIONS,
        connect_timeout: Duration::from_secs(10),
        head_timeout: Duration::from_secs(30),
        grace: Duration::from_secs(2),
        explain,
    })
}

/// More threads than this only take memory from the machine that the tap is a guest on.
const MAX_WORKERS: usize = 8;
/// Client connections at once; one more is answered 503.
pub const MAX_CONNECTIONS: usize = 20_000;

/// Reads the proxy variables of the environment.
pub fn proxy_variables() -> ProxyVariables {
    let read = |names: [&str; 2]| {
        names.iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    };
    ProxyVariables {
        https: read(["HTTPS_PROXY", "https_proxy"]),
        http: read(["http_proxy", "HTTP_PROXY"]),
        all: read(["ALL_PROXY", "all_proxy"]),
        no: read(["NO_PROXY", "no_proxy"]),
    }
}

/// Who answered, in the data of an error that the tap gives itself.
pub const BY: &str = "tapgate";

/// The body of an answer that the tap gives itself: a JSON-RPC error with the request's id, if that can be read.
///
/// JSON-RPC 2.0, section 5.1: -32603 is an internal error; no code of MCP's own ranges may be invented.
pub fn explain(_head: &RequestHead, body_prefix: &[u8], cause: &str) -> Bytes {
    let message = Message::parse(Bytes::copy_from_slice(body_prefix));
    let asked = message.shape().kind == Kind::Request;
    let id = message.shape().id.clone().filter(|_| asked);
    let id = id.as_ref().and_then(|id| std::str::from_utf8(&id.0).ok()).unwrap_or("null");
    let text = serde_json::Value::from(format!("tapgate: {cause}"));
    let error = format!(r#"{{"code":-32603,"message":{text},"data":{{"by":"{BY}"}}}}"#);
    Bytes::from(format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#))
}

/// Ends with the first signal that asks the process to end.
pub async fn stop() {
    let (Ok(mut term), Ok(mut int), Ok(mut hup)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()), signal(SignalKind::hangup()))
    else {
        // Without handlers the signals keep their default, which ends the process too.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
        _ = hup.recv() => {}
    }
}

/// What a person is told about a listener that cannot serve.
pub fn problem(error: &Error) -> Problem {
    let message = error.to_string();
    match error {
        Error::Bind { why, .. } if why.kind() == std::io::ErrorKind::AddrInUse => Problem::usage(
            "tap.port-in-use",
            message,
            "stop the program that listens there, or choose another port (port 0 takes a free one)",
        ),
        Error::Bind { .. } => {
            Problem::usage("tap.cannot-listen", message, "listen on 127.0.0.1 with a port above 1023")
        }
        Error::NotLoopback(_) => Problem::usage(
            "tap.not-loopback",
            message,
            "listen on 127.0.0.1, or allow it with --network and --allow-host NAME",
        ),
        Error::Proxy(_) => Problem::usage(
            "tap.bad-proxy",
            message,
            "correct HTTPS_PROXY, HTTP_PROXY or ALL_PROXY, or name the host in NO_PROXY",
        ),
        Error::Roots(_) => {
            Problem::usage("tap.bad-ca-file", message, "give --ca-file a PEM file that holds certificates")
        }
        Error::Start(_) | Error::Worker => Problem::usage(
            "tap.system",
            message,
            "close other programs, or raise the limits (ulimit -a), and try again",
        )
        .exit(Exit::Unreachable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_our_own_carries_the_id_of_the_request() {
        let cases: [(&[u8], &str); 5] = [
            (br#"{"jsonrpc":"2.0","id":7,"method":"tools/list"}"#, "7"),
            (br#"{"jsonrpc":"2.0","id":"a\"b","method":"ping"}"#, r#""a\"b""#),
            (br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, "null"),
            (br#"{"jsonrpc":"2.0","id":"#, "null"),
            (b"", "null"),
        ];
        let head = RequestHead {
            method: http::Method::POST,
            uri: http::Uri::from_static("/mcp"),
            version: http::Version::HTTP_11,
            headers: http::HeaderMap::new(),
        };
        for (body, id) in cases {
            let text = explain(&head, body, "cannot connect to \"x\"");
            let text = std::str::from_utf8(&text).unwrap();
            assert!(serde_json::from_str::<serde_json::Value>(text).is_ok(), "{text}");
            assert!(text.contains(&format!("\"id\":{id},")), "{text}");
        }
    }
}
