use super::*;

fn variables(https: &str, http: &str, all: &str, no: &str) -> ProxyVariables {
    let some = |text: &str| Some(text.to_owned());
    ProxyVariables { https: some(https), http: some(http), all: some(all), no: some(no) }
}

fn proxy_of(variables: &ProxyVariables, url: &str) -> Option<String> {
    let upstream = Upstream::parse(url).expect("a URL");
    variables.proxy_for(&upstream).expect("a proxy's URL").map(|proxy| proxy.at.origin())
}

#[test]
fn the_scheme_chooses_the_variable_and_all_fills_in() {
    let both = variables("http://a.test:1", "b.test:2", "http://c.test:3", "");
    assert_eq!(proxy_of(&both, "https://s.test/").as_deref(), Some("http://a.test:1"));
    assert_eq!(proxy_of(&both, "http://s.test/").as_deref(), Some("http://b.test:2"));
    let all = variables("", " ", "http://c.test:3", "");
    assert_eq!(proxy_of(&all, "https://s.test/").as_deref(), Some("http://c.test:3"));
    assert_eq!(proxy_of(&all, "http://s.test/").as_deref(), Some("http://c.test:3"));
    assert_eq!(proxy_of(&ProxyVariables::default(), "http://s.test/"), None);
}

#[test]
fn this_machine_is_never_reached_through_a_proxy() {
    let all = variables("", "", "http://c.test:3", "");
    for url in ["http://localhost:1/", "https://127.0.0.1/", "http://127.9.9.9/", "http://[::1]:2/"] {
        assert_eq!(proxy_of(&all, url), None, "{url}");
    }
}

#[test]
fn no_proxy_excepts_names_addresses_networks_and_ports() {
    for (list, host, port, excepted) in [
        ("*", "a.test", 1, true),
        ("b.test, a.test", "a.test", 1, true),
        ("a.test", "x.a.test", 1, true),
        (".a.test", "x.A.test", 1, true),
        ("*.a.test", "x.a.test", 1, true),
        ("a.test", "ba.test", 1, false),
        ("a.test:80", "a.test", 80, true),
        ("a.test:80", "a.test", 81, false),
        ("10.0.0.0/8", "10.9.8.7", 1, true),
        ("10.0.0.0/8", "11.9.8.7", 1, false),
        ("10.0.0.0/0", "11.9.8.7", 1, true),
        ("10.0.0.0/33", "10.0.0.0", 1, false),
        ("10.1.2.3", "10.1.2.3", 1, true),
        ("fd00::/8", "fd00::7", 1, true),
        ("[fd00::7]", "fd00::7", 1, true),
        ("", "a.test", 1, false),
        (".", "a.test", 1, false),
    ] {
        assert_eq!(is_excepted(list, host, port), excepted, "{list} for {host}:{port}");
    }
}

#[test]
fn a_user_name_in_the_proxys_url_becomes_credentials() {
    for (url, want) in [
        ("http://someone:open%20door@p.test:3128/", Some("Basic c29tZW9uZTpvcGVuIGRvb3I=")),
        ("http://someone@p.test:3128", Some("Basic c29tZW9uZTo=")),
        ("p.test:3128", None),
    ] {
        let proxy = parse(url).expect(url);
        assert_eq!(proxy.at.origin(), "http://p.test:3128");
        assert_eq!(proxy.credentials.as_ref().map(|value| value.to_str().expect("text")), want, "{url}");
    }
    assert!(parse("socks5://p.test:1080").is_err());
    assert!(parse("https://p.test:1080").is_err(), "TLS to the proxy is not offered");
}
