//! The short form: `tool:search status:error dur>1s "free text" -server:files since:10m`.
//!
//! Terms stand beside each other and all must hold; `-` or `not` before a term turns it around. A term is a key, an
//! operator and a value, or a text that is searched everywhere. Keys are the names of fields and their short keys,
//! `args.` with a member, `since` and `until`. `:` asks texts to contain the value (`*` stands for anything, and then
//! the whole text must fit), lists to have an item that does, fixed words to have it as a part (`status:error` is
//! `error` and `tool_error`), and everything else to be equal; `=` and `!=` always mean equal. Alternatives are
//! separated by commas. Durations and sizes have units: `250ms`, `2m`, `256KB` (1000 bytes each), `1MiB`.

mod term;

use crate::ast::{Binary, Kind, Node};
use crate::fault::Spot;
use crate::field::{FIELDS, Field, Spec, Type};
use term::{Given, Sign, Term, pieces};

/// Whether every word of `text` is a term of the short form; what is not is CEL.
pub(crate) fn is_short(text: &str) -> bool {
    let pieces = pieces(text);
    let lone_truth = match pieces.as_slice() {
        [only] => {
            let is_truth = |spec: &&&Spec| spec.name == only.bare && spec.kind == Type::Bool;
            matches!(only.bare, "true" | "false") || FIELDS.iter().any(|spec| is_truth(&spec))
        }
        _ => false,
    };
    !lone_truth && pieces.iter().all(|piece| !piece.is_cel())
}

/// Reads the short form into the tree that the same CEL would give.
pub(crate) fn read(text: &str) -> Result<Node, Spot> {
    let mut parts = Vec::new();
    let mut turned = false;
    for piece in pieces(text) {
        match piece.bare {
            "not" | "NOT" => {
                turned = !turned;
                continue;
            }
            "and" | "AND" => continue,
            "or" | "OR" => {
                return Err(Spot::new(piece.at, "terms of the short form all hold; it has no `or`")
                    .help("separate values by commas (`tool:a,b`), or write CEL with `||`"));
            }
            _ => {}
        }
        let term = piece.term()?;
        let at = term.at.clone();
        let turn = std::mem::take(&mut turned) != term.turned;
        let node = translated(&term)?;
        parts.push(if turn { Node::new(Kind::Not(Box::new(node)), at)? } else { node });
    }
    if turned {
        return Err(Spot::new(text.len()..text.len(), "`not` stands before a term"));
    }
    joined(parts, Kind::All, Kind::Bool(true))
}

/// One part as it is, several joined, none as `empty`.
fn joined(mut parts: Vec<Node>, kind: fn(Vec<Node>) -> Kind, empty: Kind) -> Result<Node, Spot> {
    let at = match (parts.first(), parts.last()) {
        (Some(first), Some(last)) => first.at.start..last.at.end,
        _ => 0..0,
    };
    match (parts.len(), parts.pop()) {
        (_, None) => Node::new(empty, at),
        (1, Some(only)) => Ok(only),
        (_, Some(last)) => {
            parts.push(last);
            Node::new(kind(parts), at)
        }
    }
}

fn translated(term: &Term<'_>) -> Result<Node, Spot> {
    let Some((key, sign)) = &term.key else {
        let pattern = format!("(?i){}", regex::escape(&term.value));
        return method(name("text", term)?, "matches", text(&pattern, term)?, term);
    };
    match *key {
        "since" | "after" => return time(term, Binary::GreaterOrEqual),
        "until" | "before" => return time(term, Binary::Less),
        _ => {}
    }
    if let Some(member) = key.strip_prefix("args.").filter(|member| !member.is_empty()) {
        return each(term, |value| argument(member, *sign, value, term));
    }
    let Some(spec) = FIELDS.iter().find(|spec| spec.name == *key || spec.short == Some(*key)) else {
        let keys = FIELDS.iter().flat_map(|spec| [Some(spec.name), spec.short]).flatten();
        let spot = Spot::new(term.key_at(), format!("there is no field `{key}`"));
        let near = spot.near(key, keys.chain(["since", "until"]));
        return Err(match near.help {
            None => near.help("put text that has a colon into quotes to search for it"),
            Some(_) => near,
        });
    };
    if term.value.is_empty() && term.given == Given::Bare {
        return Err(Spot::new(term.at.clone(), "the value is missing")
            .help(format!("write it right behind, as in `{key}{}…`", sign.sign())));
    }
    each(term, |value| field(spec, *sign, value, term))
}

/// The alternatives of a term joined by "or"; with `!=` none of them may hold, so they are joined by "and".
fn each(term: &Term<'_>, one: impl Fn(&str) -> Result<Node, Spot>) -> Result<Node, Spot> {
    let values: Vec<&str> = match term.given {
        Given::Bare => term.value.split(',').collect(),
        Given::Quoted => vec![&*term.value],
    };
    let parts = values.into_iter().map(one).collect::<Result<Vec<_>, _>>()?;
    let mut node = match &term.key {
        Some((_, Sign::Compare(Binary::Differs))) => joined(parts, Kind::All, Kind::Bool(true))?,
        _ => joined(parts, Kind::Any, Kind::Bool(true))?,
    };
    node.at = term.at.clone();
    Ok(node)
}

fn field(spec: &Spec, sign: Sign, value: &str, term: &Term<'_>) -> Result<Node, Spot> {
    let of = name(spec.name, term)?;
    let operator = sign.operator();
    match spec.kind {
        Type::Text if sign == Sign::Colon => contains(of, value, term),
        Type::Word(words) if sign == Sign::Colon => word(of, words, value, term),
        Type::Text | Type::Word(_) => binary(operator, of, text(value, term)?, term),
        Type::Int | Type::MaybeInt => match size(value) {
            Some(whole) => binary(operator, of, Node::new(Kind::Int(whole), term.value_at())?, term),
            None => Err(Spot::new(term.value_at(), "this is no number")
                .help("write a whole number or a size, as in 200 or 256KB")),
        },
        Type::Bool => match value {
            "true" | "yes" => binary(operator, of, Node::new(Kind::Bool(true), term.value_at())?, term),
            "false" | "no" => binary(operator, of, Node::new(Kind::Bool(false), term.value_at())?, term),
            _ => Err(Spot::new(term.value_at(), format!("`{}` is true or false", spec.name))),
        },
        Type::Duration => match crate::time::duration(value) {
            Some(_) => binary(operator, of, call("duration", value, term)?, term),
            None => Err(Spot::new(term.value_at(), "this is no duration")
                .help("write a number and its unit, as in 250ms, 1.5s or 2m")),
        },
        Type::Time => binary(operator, of, moment(value, term)?, term),
        Type::Texts => listed(of, sign, value, term),
        Type::Json => {
            Err(Spot::new(term.at.clone(), "`args` has members").help("name one, as in `args.path:notes`"))
        }
    }
}

/// A list of texts: has an item that is the value, or with `:` contains it.
fn listed(of: Node, sign: Sign, value: &str, term: &Term<'_>) -> Result<Node, Spot> {
    match sign {
        Sign::Colon => {
            let item = name("it", term)?;
            let body = contains(item.clone(), value, term)?;
            let kind = Kind::Call(Some(Box::new(of)), "exists".to_owned(), term.at.clone(), vec![item, body]);
            Node::new(kind, term.at.clone())
        }
        Sign::Compare(Binary::Equal) => binary(Binary::In, text(value, term)?, of, term),
        Sign::Compare(Binary::Differs) => {
            let inside = binary(Binary::In, text(value, term)?, of, term)?;
            Node::new(Kind::Not(Box::new(inside)), term.at.clone())
        }
        Sign::Compare(_) => {
            Err(Spot::new(term.at.clone(), "a list has no order").help("ask for an item with `:` or `=`"))
        }
    }
}

/// Contains the value, or fits it when it has a star.
fn contains(of: Node, value: &str, term: &Term<'_>) -> Result<Node, Spot> {
    if !value.contains('*') {
        return method(of, "contains", text(value, term)?, term);
    }
    let parts: Vec<String> = value.split('*').map(regex::escape).collect();
    let pattern = format!("(?s)^{}$", parts.join(".*"));
    method(of, "matches", text(&pattern, term)?, term)
}

/// One of the fixed words that have the value as a part.
fn word(of: Node, words: &[&str], value: &str, term: &Term<'_>) -> Result<Node, Spot> {
    let mut fitting: Vec<&str> =
        words.iter().copied().filter(|word| word.split('_').any(|part| part == value)).collect();
    if words.contains(&value) && fitting.is_empty() {
        fitting.push(value);
    }
    match fitting.as_slice() {
        // The checker knows how to say that there is no such word.
        [] => binary(Binary::Equal, of, text(value, term)?, term),
        [only] => binary(Binary::Equal, of, text(only, term)?, term),
        _ => {
            let items = fitting.iter().map(|word| text(word, term)).collect::<Result<Vec<_>, _>>()?;
            binary(Binary::In, of, Node::new(Kind::List(items), term.value_at())?, term)
        }
    }
}

/// A member of the arguments, if it is there: as text, or as a number for an order.
fn argument(member: &str, sign: Sign, value: &str, term: &Term<'_>) -> Result<Node, Spot> {
    let mut of = name("args", term)?;
    for part in member.split('.') {
        let well_formed = part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !well_formed {
            return Err(Spot::new(term.key_at(), "this is no name of a member")
                .help("write CEL, as in `args[\"odd name\"] == \"x\"`"));
        }
        of = Node::new(Kind::Select(Box::new(of), part.to_owned(), term.key_at()), term.at.clone())?;
    }
    let there =
        Node::new(Kind::Call(None, "has".to_owned(), term.key_at(), vec![of.clone()]), term.at.clone())?;
    let test = match sign {
        Sign::Compare(operator) if operator.is_order() => {
            let Some(whole) = size(value) else {
                return Err(Spot::new(term.value_at(), "this is no number"));
            };
            binary(operator, of, Node::new(Kind::Int(whole), term.value_at())?, term)?
        }
        _ => {
            let as_text =
                Node::new(Kind::Call(None, "string".to_owned(), term.key_at(), vec![of]), term.at.clone())?;
            match sign {
                Sign::Colon => contains(as_text, value, term)?,
                Sign::Compare(operator) => binary(operator, as_text, text(value, term)?, term)?,
            }
        }
    };
    Node::new(Kind::All(vec![there, test]), term.at.clone())
}

fn time(term: &Term<'_>, operator: Binary) -> Result<Node, Spot> {
    let at = name(Field::At.spec().name, term)?;
    binary(operator, at, moment(&term.value, term)?, term)
}

/// A point in time: a timestamp, or a duration before now.
fn moment(value: &str, term: &Term<'_>) -> Result<Node, Spot> {
    if crate::time::duration(value).is_some() {
        return binary(Binary::Subtract, name("now", term)?, call("duration", value, term)?, term);
    }
    let day = format!("{value}T00:00:00Z");
    match [value, &day].into_iter().find(|text| crate::time::timestamp(text).is_some()) {
        Some(text) => call("timestamp", text, term),
        None => Err(Spot::new(term.value_at(), "this is no time")
            .help("write how long ago (10m, 2h, 7d), a day (2026-07-28) or a time (2026-07-28T10:00:00Z)")),
    }
}

/// A whole number, or a size with its unit, in bytes.
fn size(value: &str) -> Option<i64> {
    let (sign, digits) = value.strip_prefix('-').map_or((1, value), |digits| (-1, digits));
    let end = digits.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(digits.len());
    let (number, unit) = digits.split_at_checked(end)?;
    let scale = match unit.to_ascii_lowercase().as_str() {
        "" if !number.contains('.') => 1,
        "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return None,
    };
    crate::time::scaled(number, scale).map(|whole| sign * whole)
}

fn name(name: &str, term: &Term<'_>) -> Result<Node, Spot> {
    let mut parts = name.split('.');
    let root = Kind::Name(parts.next().unwrap_or_default().to_owned());
    let mut node = Node::new(root, term.key_at())?;
    for part in parts {
        node = Node::new(Kind::Select(Box::new(node), part.to_owned(), term.key_at()), term.key_at())?;
    }
    Ok(node)
}

fn text(value: &str, term: &Term<'_>) -> Result<Node, Spot> {
    Node::new(Kind::Text(value.to_owned()), term.value_at())
}

fn call(function: &str, value: &str, term: &Term<'_>) -> Result<Node, Spot> {
    let given = vec![text(value, term)?];
    Node::new(Kind::Call(None, function.to_owned(), term.value_at(), given), term.value_at())
}

fn method(of: Node, method: &str, given: Node, term: &Term<'_>) -> Result<Node, Spot> {
    let kind = Kind::Call(Some(Box::new(of)), method.to_owned(), term.at.clone(), vec![given]);
    Node::new(kind, term.at.clone())
}

fn binary(operator: Binary, left: Node, right: Node, term: &Term<'_>) -> Result<Node, Spot> {
    Node::new(Kind::Binary(operator, Box::new(left), Box::new(right)), term.at.clone())
}
