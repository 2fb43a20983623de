//! Rust source as tokens, so that a rule never trips over a comment or a string.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// What the rules want to know of one source file.
#[derive(Default)]
pub(super) struct Code {
    /// Every path in the code that is not for tests, `use` groups written out, with its line.
    pub(super) paths: Vec<(String, usize)>,
    /// The name of every attribute, those inside `cfg_attr` too, with its line.
    pub(super) attributes: Vec<(String, usize)>,
    /// The names of all functions with a `#[test]` attribute.
    pub(super) tests: Vec<String>,
    /// The first and last line of every item that is compiled for tests only.
    pub(super) test_items: Vec<(usize, usize)>,
}

impl Code {
    /// Reads a source file.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let tokens: TokenStream =
            text.parse().map_err(|error| format!("is not readable as Rust: {error}"))?;
        let mut code = Self::default();
        code.walk(tokens, Audience::Everybody);
        Ok(code)
    }

    fn walk(&mut self, tokens: TokenStream, mut audience: Audience) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let mut rest = tokens.as_slice();
        let mut is_test = false;
        while let Some(token) = rest.first() {
            if let Some((attribute, inner, after)) = split_attribute(rest) {
                let content: Vec<_> = attribute.clone().into_iter().collect();
                is_test |= self.attribute(&content).is_some_and(|name| name == "test");
                if audience == Audience::Everybody && is_cfg_test(&attribute) {
                    if inner == Inner::Yes {
                        audience = Audience::Tests;
                    } else {
                        rest = self.test_item(line(token), after);
                        is_test = false;
                        continue;
                    }
                }
                rest = after;
                continue;
            }
            match token {
                TokenTree::Ident(word) if word == "fn" => {
                    if let (true, Some(TokenTree::Ident(name))) = (is_test, rest.get(1)) {
                        self.tests.push(name.to_string());
                    }
                    is_test = false;
                    rest = rest.get(1..).unwrap_or_default();
                }
                TokenTree::Ident(_) => {
                    let before = self.paths.len();
                    rest = self.path("", rest);
                    if audience == Audience::Tests {
                        self.paths.truncate(before);
                    }
                }
                TokenTree::Group(group) => {
                    self.walk(group.stream(), audience);
                    rest = rest.get(1..).unwrap_or_default();
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => rest = rest.get(1..).unwrap_or_default(),
            }
        }
    }

    /// Reads the item after `#[cfg(test)]`, which ends with the first block or semicolon.
    fn test_item<'a>(&mut self, first: usize, tokens: &'a [TokenTree]) -> &'a [TokenTree] {
        let ends = |token: &TokenTree| match token {
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
            TokenTree::Punct(punct) => punct.as_char() == ';',
            _ => false,
        };
        let end = tokens.iter().position(ends).map_or(tokens.len(), |at| at + 1);
        let (item, after) = tokens.split_at(end);
        self.walk(item.iter().cloned().collect(), Audience::Tests);
        self.test_items.push((first, item.last().map_or(first, |token| token.span().end().line)));
        after
    }

    /// Reads one path, and all paths of a `{…}` at its end.
    fn path<'a>(&mut self, prefix: &str, tokens: &'a [TokenTree]) -> &'a [TokenTree] {
        let Some((TokenTree::Ident(word), mut rest)) = tokens.split_first() else {
            return tokens.get(1..).unwrap_or_default();
        };
        let mut path = if prefix.is_empty() { word.to_string() } else { format!("{prefix}::{word}") };
        let at = word.span().start().line;
        while let Some(after) = skip_colons(rest) {
            match after.first() {
                Some(TokenTree::Ident(word)) => {
                    path = format!("{path}::{word}");
                    rest = after.get(1..).unwrap_or_default();
                }
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    let inside: Vec<_> = group.stream().into_iter().collect();
                    for branch in inside.split(is_comma) {
                        self.path(&path, branch);
                    }
                    return after.get(1..).unwrap_or_default();
                }
                _ => {
                    rest = after;
                    break;
                }
            }
        }
        self.paths.push((path, at));
        rest
    }

    /// Notes an attribute, and those that a `cfg_attr` holds; returns its name, a path's last part.
    fn attribute(&mut self, content: &[TokenTree]) -> Option<String> {
        let in_name = |token: &&TokenTree| match token {
            TokenTree::Ident(_) => true,
            TokenTree::Punct(sign) => sign.as_char() == ':',
            _ => false,
        };
        let name =
            content.iter().take_while(in_name).filter(|token| matches!(token, TokenTree::Ident(_))).last()?;
        self.attributes.push((name.to_string(), line(name)));
        if let (true, Some(TokenTree::Group(group))) = (name.to_string() == "cfg_attr", content.get(1)) {
            let inside: Vec<_> = group.stream().into_iter().collect();
            for held in inside.split(is_comma).skip(1) {
                self.attribute(held);
            }
        }
        Some(name.to_string())
    }
}

/// For whom a piece of code is compiled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Audience {
    Everybody,
    Tests,
}

/// Whether an attribute is about what encloses it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inner {
    Yes,
    No,
}

fn split_attribute(tokens: &[TokenTree]) -> Option<(TokenStream, Inner, &[TokenTree])> {
    let is =
        |at: usize, sign: char| matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == sign);
    if !is(0, '#') {
        return None;
    }
    let (at, inner) = if is(1, '!') { (2, Inner::Yes) } else { (1, Inner::No) };
    match tokens.get(at) {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Bracket => {
            Some((group.stream(), inner, tokens.get(at + 1..).unwrap_or_default()))
        }
        _ => None,
    }
}

fn is_cfg_test(attribute: &TokenStream) -> bool {
    let text: String = attribute.to_string().split_whitespace().collect();
    text == "cfg(test)"
}

fn skip_colons(tokens: &[TokenTree]) -> Option<&[TokenTree]> {
    let is_colon = |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == ':');
    if is_colon(0) && is_colon(1) { tokens.get(2..) } else { None }
}

fn is_comma(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(sign) if sign.as_char() == ',')
}

fn line(token: &TokenTree) -> usize {
    token.span().start().line
}
