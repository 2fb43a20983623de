//! A tap without a recorder, to measure what the transport alone costs.
//!
//! `tap_http serve LISTEN` is an echo server, `tap_http tap LISTEN URL WORKERS` a tap in front of any server.
//! Both end on Ctrl-C; the tap then says how many events it told.

use std::convert::Infallible;
use std::io::Write as _;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Collected, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tapgate_transport::http::{self, Guard, Options, ProxyVariables, Reach, Upstream};
use tapgate_transport::queue::Turn;
use tapgate_transport::{Clock, queue};
use tokio::runtime::LocalOptions;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.get(1..) {
        Some(["serve", listen]) => serve(listen),
        Some(["tap", listen, url, workers]) => tap(listen, url, workers.parse()?),
        _ => Err("usage: tap_http serve LISTEN | tap_http tap LISTEN URL WORKERS".into()),
    }
}

fn tap(listen: &str, url: &str, workers: usize) -> Result<(), Failure> {
    let options = Options {
        listen: listen.parse()?,
        reach: Reach::Loopback,
        upstream: Upstream::parse(url)?,
        ca_file: None,
        proxy: ProxyVariables::default(),
        guard: Guard::default(),
        workers,
        max_connections: 1024,
        connect_timeout: Duration::from_secs(10),
        head_timeout: Duration::from_secs(30),
        grace: Duration::from_secs(1),
        explain: |_, _, cause| Bytes::from(format!("{{\"error\":{cause:?}}}")),
    };
    let (witness, mut observer) = queue(64 << 20);
    let observing = std::thread::spawn(move || {
        let (mut batch, mut n_events) = (Vec::new(), 0);
        while observer.recv_batch(&mut batch, Duration::from_secs(1)) != Turn::Closed {
            n_events += batch.len();
        }
        n_events
    });
    let bound = http::bind(options)?;
    let stop = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    let served = bound.serve(&witness, Clock::start(), stop)?;
    drop(witness);
    let n_events = observing.join().map_err(|_| "the observer failed")?;
    writeln!(std::io::stdout(), "{served:?} {n_events} events")?;
    Ok(())
}

fn serve(listen: &str) -> Result<(), Failure> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(listen).await?;
        loop {
            let (tcp, _) = listener.accept().await?;
            tcp.set_nodelay(true)?;
            tokio::task::spawn_local(async move {
                // A client that breaks off is none of our business.
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(tcp), service_fn(echo))
                    .await;
            });
        }
    })
}

async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.map(Collected::to_bytes).unwrap_or_default();
    let mut response = Response::new(Full::new(body));
    response
        .headers_mut()
        .insert("content-type", hyper::header::HeaderValue::from_static("application/json"));
    Ok(response)
}
