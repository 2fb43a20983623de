//! From a host's name to a connection that speaks HTTP.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::proxy::Proxy;
use super::socket::Socket;
use super::tls;
use super::upstream::Upstream;

/// How many bytes a proxy may use to say that the tunnel stands.
const MAX_PROXY_HEAD: usize = 8 * 1024;

/// Opens connections to one upstream; shared by all workers.
pub(crate) struct Dialer {
    pub(super) upstream: Upstream,
    pub(super) proxy: Option<Proxy>,
    ca_file: Option<PathBuf>,
    /// For names, TCP, proxy and TLS together.
    patience: Duration,
    /// Made when the first connection needs it, because reading the system's certificates takes milliseconds.
    tls: OnceLock<Result<Arc<ClientConfig>, String>>,
}

/// The protocol that a new connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// Why no answer came from the server: one sentence for people.
#[derive(Clone, Debug)]
pub(super) struct Broken {
    pub(super) cause: String,
    pub(super) kind: BrokenKind,
}

/// Which status says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BrokenKind {
    /// 502: the server is not there or broke off.
    Gateway,
    /// 504: the connection took too long.
    Timeout,
}

impl Broken {
    pub(super) fn new(cause: String) -> Self {
        Self { cause, kind: BrokenKind::Gateway }
    }
}

impl Dialer {
    pub(super) fn new(
        upstream: Upstream,
        proxy: Option<Proxy>,
        ca_file: Option<PathBuf>,
        patience: Duration,
    ) -> Self {
        Self { upstream, proxy, ca_file, patience, tls: OnceLock::new() }
    }

    /// Reads the certificates now, so that a wrong `--ca-file` is known before the first request.
    pub(super) fn check_roots(&self) -> Result<(), tls::BadRoots> {
        if self.upstream.is_secure() && self.ca_file.is_some() {
            let config = tls::config(self.ca_file.as_deref())?;
            // Nobody else can have set it yet, and if so it is the same.
            let _ = self.tls.set(Ok(config));
        }
        Ok(())
    }

    /// Whether requests go to a proxy that fetches, and so name their whole target.
    pub(super) fn names_whole_target(&self) -> bool {
        self.proxy.is_some() && !self.upstream.is_secure()
    }

    /// Opens a connection that can carry a request.
    pub(super) async fn dial(&self) -> Result<(Socket, Protocol), Broken> {
        timeout(self.patience, self.connect()).await.unwrap_or_else(|_| {
            Err(Broken {
                cause: format!("no connection to {} within {:?}", self.upstream.origin(), self.patience),
                kind: BrokenKind::Timeout,
            })
        })
    }

    async fn connect(&self) -> Result<(Socket, Protocol), Broken> {
        let next = self.proxy.as_ref().map_or(&self.upstream, |proxy| &proxy.at);
        let mut tcp = open(next).await?;
        if !self.upstream.is_secure() {
            return Ok((Socket::Plain(TokioIo::new(tcp)), Protocol::Http1));
        }
        if let Some(proxy) = &self.proxy {
            tunnel(&mut tcp, proxy, &self.upstream).await?;
        }
        let host = self.upstream.host();
        let config = self.tls_config()?;
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Broken::new(format!("{host} is no name that a certificate can carry")))?;
        let tls = TlsConnector::from(config)
            .connect(name, tcp)
            .await
            .map_err(|why| Broken::new(tls::describe(&why, host)))?;
        let protocol = match tls.get_ref().1.alpn_protocol() {
            Some(b"h2") => Protocol::Http2,
            _ => Protocol::Http1,
        };
        Ok((Socket::Tls(Box::new(TokioIo::new(tls))), protocol))
    }

    fn tls_config(&self) -> Result<Arc<ClientConfig>, Broken> {
        self.tls
            .get_or_init(|| tls::config(self.ca_file.as_deref()).map_err(|why| why.to_string()))
            .clone()
            .map_err(Broken::new)
    }
}

/// Tries every address of the host in the order of the resolver.
async fn open(to: &Upstream) -> Result<TcpStream, Broken> {
    let (host, port) = (to.host(), to.port());
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, port))
        .await
        .map_err(|why| Broken::new(format!("the host name {host} cannot be resolved: {why}")))?
        .collect();
    let mut last = None;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(tcp) => {
                // Small messages in turns are what Nagle's algorithm delays most; failing to turn it off only costs time.
                let _ = tcp.set_nodelay(true);
                return Ok(tcp);
            }
            Err(why) => last = Some((address, why)),
        }
    }
    Err(Broken::new(match last {
        None => format!("the host name {host} has no address"),
        Some((address, why)) if why.kind() == io::ErrorKind::ConnectionRefused => {
            format!("nothing listens at {host} ({address}): connection refused")
        }
        Some((address, why)) => format!("cannot connect to {host} ({address}): {why}"),
    }))
}

/// Asks the proxy for a tunnel. RFC 9110, 9.3.6.
async fn tunnel(tcp: &mut TcpStream, proxy: &Proxy, to: &Upstream) -> Result<(), Broken> {
    let broken = |why: String| Broken::new(format!("the proxy {} {why}", proxy.at.origin()));
    let host = if to.host().contains(':') { format!("[{}]", to.host()) } else { to.host().to_owned() };
    let target = format!("{host}:{}", to.port());
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").into_bytes();
    if let Some(credentials) = &proxy.credentials {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(credentials.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    tcp.write_all(&request).await.map_err(|why| broken(format!("broke off: {why}")))?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        // The server speaks after us, so nothing may follow the proxy's head.
        if head.len() > MAX_PROXY_HEAD || head.windows(4).any(|four| four == b"\r\n\r\n") {
            return Err(broken("gave an answer that is no HTTP head".to_owned()));
        }
        let n = tcp.read_buf(&mut head).await.map_err(|why| broken(format!("broke off: {why}")))?;
        if n == 0 {
            return Err(broken("closed the connection instead of opening a tunnel".to_owned()));
        }
    }
    let line =
        String::from_utf8_lossy(head.split(|&byte| byte == b'\r').next().unwrap_or_default()).into_owned();
    match line.split(' ').nth(1) {
        Some(status) if line.starts_with("HTTP/1.") && status.starts_with('2') => Ok(()),
        Some("407") => {
            Err(broken("wants a user name and a password; put them into the proxy's URL".to_owned()))
        }
        _ => Err(broken(format!("refuses to open a tunnel to {target}: {line:?}"))),
    }
}
