//! Writes a tree as canonical CEL.

use std::fmt::Write as _;

use crate::ast::{Kind, Node};
use crate::fault::steers;

/// The expression, with the parentheses that it needs and no others.
pub(crate) fn print(node: &Node) -> String {
    let mut out = String::new();
    write(&mut out, node, Strength::Choice);
    out
}

/// How tightly what is around a part binds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    Choice,
    Any,
    All,
    Binary(u8),
    Unary,
    Member,
}

fn strength(node: &Node) -> Strength {
    match &node.kind {
        Kind::Choice(_) => Strength::Choice,
        Kind::Any(_) => Strength::Any,
        Kind::All(_) => Strength::All,
        Kind::Binary(operator, ..) => Strength::Binary(operator.strength()),
        Kind::Not(_) | Kind::Negate(_) => Strength::Unary,
        _ => Strength::Member,
    }
}

/// Writes `node` where something at least as strong as `least` can stand.
fn write(out: &mut String, node: &Node, least: Strength) {
    if strength(node) < least {
        out.push('(');
        bare(out, node);
        out.push(')');
    } else {
        bare(out, node);
    }
}

fn bare(out: &mut String, node: &Node) {
    match &node.kind {
        Kind::Null => out.push_str("null"),
        Kind::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Kind::Int(whole) => {
            let _ = write!(out, "{whole}");
        }
        Kind::Double(number) => {
            let _ = write!(out, "{number:?}");
        }
        Kind::Text(text) => quote(out, text),
        Kind::Name(name) => out.push_str(name),
        Kind::Select(of, name, _) => {
            write(out, of, Strength::Member);
            let _ = write!(out, ".{name}");
        }
        Kind::Index(of, at) => {
            write(out, of, Strength::Member);
            out.push('[');
            write(out, at, Strength::Choice);
            out.push(']');
        }
        Kind::Call(on, name, _, given) => {
            if let Some(on) = on {
                write(out, on, Strength::Member);
                out.push('.');
            }
            let _ = write!(out, "{name}(");
            list(out, given);
            out.push(')');
        }
        Kind::Not(inner) => {
            out.push('!');
            write(out, inner, Strength::Unary);
        }
        Kind::Negate(inner) => {
            out.push('-');
            write(out, inner, Strength::Unary);
        }
        Kind::All(parts) => joined(out, parts, " && ", Strength::Binary(0)),
        Kind::Any(parts) => joined(out, parts, " || ", Strength::All),
        Kind::Binary(operator, left, right) => {
            write(out, left, Strength::Binary(operator.strength()));
            let _ = write!(out, " {} ", operator.sign());
            write(out, right, Strength::Binary(operator.strength() + 1));
        }
        Kind::Choice(parts) => {
            let [condition, then, otherwise] = &**parts;
            write(out, condition, Strength::Any);
            out.push_str(" ? ");
            write(out, then, Strength::Any);
            out.push_str(" : ");
            write(out, otherwise, Strength::Choice);
        }
        Kind::List(items) => {
            out.push('[');
            list(out, items);
            out.push(']');
        }
    }
}

fn list(out: &mut String, items: &[Node]) {
    for (n, item) in items.iter().enumerate() {
        if n > 0 {
            out.push_str(", ");
        }
        write(out, item, Strength::Choice);
    }
}

fn joined(out: &mut String, parts: &[Node], sign: &str, least: Strength) {
    for (n, part) in parts.iter().enumerate() {
        if n > 0 {
            out.push_str(sign);
        }
        write(out, part, least);
    }
}

fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if steers(c) => {
                let _ = write!(out, "\\U{:08x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
