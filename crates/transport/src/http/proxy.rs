//! Which forward proxy a connection takes, from the usual environment variables.

use std::net::IpAddr;

use http::HeaderValue;

use super::upstream::{BadUrl, Upstream};

/// The values of the proxy variables, read by the caller; empty values count as unset.
#[derive(Clone, Default)]
pub struct ProxyVariables {
    /// `HTTPS_PROXY` or `https_proxy`: carries `https://` servers through `CONNECT`.
    pub https: Option<String>,
    /// `http_proxy`, or `HTTP_PROXY`: fetches from `http://` servers.
    pub http: Option<String>,
    /// `ALL_PROXY` or `all_proxy`: for whichever of the two is not set.
    pub all: Option<String>,
    /// `NO_PROXY` or `no_proxy`: hosts, domains, addresses and networks that are reached directly.
    pub no: Option<String>,
}

/// A forward proxy for one upstream.
#[derive(Clone)]
pub(super) struct Proxy {
    pub(super) at: Upstream,
    /// `Proxy-Authorization`, from the user name in the proxy's URL; never logged, never told.
    pub(super) credentials: Option<HeaderValue>,
}

impl ProxyVariables {
    /// Finds the proxy for `upstream`; `None` means a direct connection, as for every loopback server.
    pub(super) fn proxy_for(&self, upstream: &Upstream) -> Result<Option<Proxy>, BadUrl> {
        let own = if upstream.is_secure() { &self.https } else { &self.http };
        let filled = |value: &Option<String>| value.clone().filter(|text| !text.trim().is_empty());
        let Some(url) = filled(own).or_else(|| filled(&self.all)) else { return Ok(None) };
        if is_loopback(upstream.host())
            || self.no.as_deref().is_some_and(|list| is_excepted(list, upstream.host(), upstream.port()))
        {
            return Ok(None);
        }
        parse(url.trim()).map(Some)
    }
}

/// Reads a proxy's URL; without a scheme it means `http://`.
fn parse(url: &str) -> Result<Proxy, BadUrl> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    if scheme != "http" {
        return Err(BadUrl::new(format!("a {scheme}:// proxy is not supported, only http://")));
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    let at = Upstream::parse(&format!("{scheme}://{host}"))?;
    Ok(Proxy { at, credentials: user.and_then(basic) })
}

/// `Basic` credentials from the user part of a URL, which is percent-encoded there.
fn basic(user: &str) -> Option<HeaderValue> {
    let user = percent_decoded(user);
    let user = if user.contains(&b':') { user } else { [&user[..], b":"].concat() };
    let mut value = HeaderValue::from_str(&format!("Basic {}", base64(&user))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let code = tail.get(..2).filter(|_| byte == b'%');
        let code = code.and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(code) = code.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            decoded.push(code);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            decoded.push(byte);
            rest = tail;
        }
    }
    decoded
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let bits =
            three.iter().fold(0u32, |bits, &byte| bits << 8 | u32::from(byte)) << (8 * (3 - three.len()));
        for place in 0..4 {
            let digit = DIGITS.get((bits >> (18 - 6 * place) & 63) as usize).copied().unwrap_or(b'=');
            text.push(if place <= three.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

/// Whether an entry of `NO_PROXY` names the host: `*`, a name with all below it, an address, a network, each
/// maybe with a port.
fn is_excepted(list: &str, host: &str, port: u16) -> bool {
    list.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        if entry == "*" {
            return true;
        }
        if let Some((network, bits)) = entry.split_once('/') {
            return is_in_network(host, network, bits);
        }
        let bare = |text: &str| text.trim_start_matches('[').trim_end_matches(']').to_owned();
        if let (Ok(address), Ok(entry)) = (host.parse::<IpAddr>(), bare(entry).parse::<IpAddr>()) {
            return address == entry;
        }
        let (name, wanted) = match entry.rsplit_once(':') {
            Some((name, digits)) => match digits.parse::<u16>() {
                Ok(wanted) => (bare(name), Some(wanted)),
                Err(_) => (bare(entry), None),
            },
            None => (entry.to_owned(), None),
        };
        let name = name.trim_start_matches('*').trim_start_matches('.').to_ascii_lowercase();
        let host = host.to_ascii_lowercase();
        let same_name = host == name || host.strip_suffix(&name).is_some_and(|front| front.ends_with('.'));
        !name.is_empty() && same_name && wanted.is_none_or(|wanted| wanted == port)
    })
}

fn is_in_network(host: &str, network: &str, bits: &str) -> bool {
    let Ok(bits) = bits.parse::<u32>() else { return false };
    match (host.parse(), network.parse()) {
        (Ok(IpAddr::V4(host)), Ok(IpAddr::V4(network))) if bits <= 32 => {
            let shift = |address: std::net::Ipv4Addr| u32::from(address).checked_shr(32 - bits);
            shift(host) == shift(network)
        }
        (Ok(IpAddr::V6(host)), Ok(IpAddr::V6(network))) if bits <= 128 => {
            let shift = |address: std::net::Ipv6Addr| u128::from(address).checked_shr(128 - bits);
            shift(host) == shift(network)
        }
        _ => false,
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
