use clap::FromArgMatches as _;

use super::*;

fn args(line: &str) -> Result<Args, clap::Error> {
    let command = <Args as clap::Args>::augment_args(clap::Command::new("tap"));
    let words = line.split(' ').filter(|word| !word.is_empty());
    Args::from_arg_matches(&command.try_get_matches_from(std::iter::once("tap").chain(words))?)
}

fn shape(line: &str) -> String {
    let args = args(line).unwrap();
    match args.shape() {
        Err(problem) => problem.code.to_owned(),
        Ok(Shape::Stdio(_)) => "stdio".to_owned(),
        Ok(Shape::Http(..)) => "http".to_owned(),
        Ok(Shape::Bridge(listen, server)) => {
            let client = if listen.is_some() { "http" } else { "stdio" };
            let server = if matches!(server, Server::Url(_)) { "url" } else { "command" };
            format!("bridge {client} {server}")
        }
    }
}

#[test]
fn what_stands_on_both_sides_and_bridge_choose_the_shape() {
    for (line, expected) in [
        ("-- cat", "stdio"),
        ("--bridge -- cat", "bridge stdio command"),
        ("https://a/mcp", "bridge stdio url"),
        ("--bridge https://a/mcp", "bridge stdio url"),
        ("--listen 127.0.0.1:0 https://a/mcp", "http"),
        ("--listen 127.0.0.1:0 --bridge https://a/mcp", "bridge http url"),
        ("--listen 127.0.0.1:0 -- cat", "bridge http command"),
        ("", "tap.no-server"),
        ("--listen 127.0.0.1:0", "tap.no-server"),
        ("--bridge", "tap.no-server"),
        ("server.js", "tap.no-dashes"),
        ("--bridge server.js", "tap.no-dashes"),
    ] {
        assert_eq!(shape(line), expected, "{line}");
    }
}

#[test]
fn what_changes_traffic_needs_a_bridge() {
    for flag in ["--client-era legacy", "--server-era 2025-06-18", "--header X:y", "--max-message 1"] {
        assert_eq!(shape(&format!("{flag} -- cat")), "tap.needs-bridge", "{flag}");
        let between = format!("{flag} --listen 127.0.0.1:0 https://a/mcp");
        assert_eq!(shape(&between), "tap.needs-bridge", "{flag}");
        assert_eq!(shape(&format!("{flag} https://a/mcp")), "bridge stdio url", "{flag}");
    }
    assert_eq!(shape("--bridge --header X:y -- cat"), "tap.bad-header", "a command takes no headers");
}

#[test]
fn eras_are_words_or_the_dates_of_revisions() {
    let server =
        |word: &str| args(&format!("--server-era {word} https://a/")).map(|args| args.server_era.unwrap());
    let legacy = Spoken { era: Era::Legacy, revision: None };
    assert_eq!(server("legacy").unwrap(), legacy);
    assert_eq!(server("2025-03-26").unwrap(), Spoken { revision: Some(Revision::V2025_03_26), ..legacy });
    assert_eq!(server("2026-07-28").unwrap().era, Era::Modern);
    let refused = server("2025-01-01").unwrap_err().to_string();
    assert!(refused.contains("legacy, modern or one of 2024-11-05"), "{refused}");
    let refused = args("--client-era 2025-06-18 https://a/").unwrap_err().to_string();
    assert!(refused.contains("give legacy"), "{refused}");
}
