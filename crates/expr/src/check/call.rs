//! Functions, methods and macros: which there are and what they take.

use std::ops::Range;

use regex::RegexBuilder;

use super::{Checked, Checker, Function, Loop, LoopKind, Plan, Ty, path, shortened};
use crate::Value;
use crate::ast::{Kind, Node};
use crate::fault::Spot;
use crate::field::Field;

/// How large a compiled pattern may be in bytes; also the bound of what matching may cache.
const MAX_PATTERN: usize = 256 * 1024;

/// How a function is called.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Function,
    Method,
    Both,
}

/// A function: its name, how it is called, the kinds that its first argument may have, how many more texts it
/// takes, and what it returns.
struct Signature(&'static str, Form, &'static [&'static str], usize, Ty, Function);

const SIGNATURES: &[Signature] = &[
    Signature("size", Form::Both, &["string", "list", "map"], 0, Ty::Int, Function::Size),
    Signature("contains", Form::Method, &["string"], 1, Ty::Bool, Function::Contains),
    Signature("startsWith", Form::Method, &["string"], 1, Ty::Bool, Function::StartsWith),
    Signature("endsWith", Form::Method, &["string"], 1, Ty::Bool, Function::EndsWith),
    Signature("lowerAscii", Form::Method, &["string"], 0, Ty::Text, Function::LowerAscii),
    Signature("upperAscii", Form::Method, &["string"], 0, Ty::Text, Function::UpperAscii),
    Signature("int", Form::Function, &["int", "double", "string", "timestamp"], 0, Ty::Int, Function::Int),
    Signature("double", Form::Function, &["int", "double", "string"], 0, Ty::Double, Function::Double),
    Signature("string", Form::Function, &["string", "int", "double", "bool"], 0, Ty::Text, Function::Text),
    Signature("duration", Form::Function, &["string", "duration"], 0, Ty::Duration, Function::Duration),
    Signature("timestamp", Form::Function, &["string", "timestamp"], 0, Ty::Time, Function::Timestamp),
    Signature("getHours", Form::Method, &["duration"], 0, Ty::Int, Function::Hours),
    Signature("getMinutes", Form::Method, &["duration"], 0, Ty::Int, Function::Minutes),
    Signature("getSeconds", Form::Method, &["duration"], 0, Ty::Int, Function::Seconds),
    Signature("getMilliseconds", Form::Method, &["duration"], 0, Ty::Int, Function::Milliseconds),
];

const LOOPS: &[(&str, LoopKind)] = &[
    ("all", LoopKind::All),
    ("exists", LoopKind::Exists),
    ("exists_one", LoopKind::ExistsOne),
    ("filter", LoopKind::Filter),
    ("map", LoopKind::Map),
];

impl Checker {
    pub(super) fn call(
        &mut self,
        on: Option<&Node>,
        name: &str,
        at: &Range<usize>,
        given: &[Node],
    ) -> Checked {
        if let (Some(over), Some((_, kind))) = (on, LOOPS.iter().find(|(loop_name, _)| *loop_name == name)) {
            return self.over(*kind, over, at, given);
        }
        match (on, name, given) {
            (None, "has", [of]) => self.has(of),
            (Some(text), "matches", [pattern]) | (None, "matches", [text, pattern]) => {
                self.matches(text, pattern)
            }
            (_, "has" | "matches", _) => Err(wrong_number(name, at)),
            _ => self.function(on, name, at, given),
        }
    }

    fn function(&mut self, on: Option<&Node>, name: &str, at: &Range<usize>, given: &[Node]) -> Checked {
        let Some(Signature(_, form, first, n_more, returns, function)) =
            SIGNATURES.iter().find(|signature| signature.0 == name)
        else {
            return Err(unknown_function(name, at));
        };
        match (on, form) {
            (Some(_), Form::Function) => {
                return Err(Spot::new(at.clone(), format!("`{name}` is no method"))
                    .help(format!("write `{name}(…)`")));
            }
            (None, Form::Method) => {
                return Err(Spot::new(at.clone(), format!("`{name}` is a method"))
                    .help(format!("write `….{name}({})`", if *n_more == 0 { "" } else { "\"…\"" })));
            }
            _ => {}
        }
        let nodes: Vec<&Node> = on.into_iter().chain(given).collect();
        if nodes.len() != n_more + 1 {
            return Err(wrong_number(name, at));
        }
        let mut plans = Vec::with_capacity(nodes.len());
        for (n, node) in nodes.into_iter().enumerate() {
            let (plan, ty) = self.plan(node)?;
            let takes: &[&str] = if n == 0 { first } else { &["string"] };
            if ty != Ty::Any && !takes.contains(&ty.name()) {
                return Err(wrong_argument(name, takes, &ty, node));
            }
            plans.push(plan);
        }
        Ok((folded(*function, plans, at, given)?, returns.clone()))
    }

    fn has(&mut self, of: &Node) -> Checked {
        let Kind::Select(inner, name, _) = &of.kind else {
            return match self.plan(of)? {
                (Plan::Field(field), _) => Ok((Plan::HasField(field), Ty::Bool)),
                _ => Err(Spot::new(
                    of.at.clone(),
                    "`has` asks for a field or a member, as in `has(args.path)`",
                )),
            };
        };
        let field = path(of).and_then(|names| Field::named(&names.join(".")));
        if let Some(field) = field.filter(|_| !self.is_local(of)) {
            self.used |= field.bit();
            return Ok((Plan::HasField(field), Ty::Bool));
        }
        // A mistake is clearer with the whole name.
        let Ok((plan, ty)) = self.plan(inner) else {
            return self.plan(of);
        };
        match ty {
            Ty::Any => Ok((Plan::HasMember(Box::new(plan), name.clone()), Ty::Bool)),
            _ => self.plan(of),
        }
    }

    fn is_local(&self, node: &Node) -> bool {
        path(node)
            .is_some_and(|names| self.locals.iter().any(|(local, _)| Some(&local.as_str()) == names.first()))
    }

    fn matches(&mut self, text: &Node, pattern: &Node) -> Checked {
        let (plan, ty) = self.plan(text)?;
        if ty != Ty::Any && ty.name() != "string" {
            return Err(wrong_argument("matches", &["string"], &ty, text));
        }
        let Kind::Text(written) = &pattern.kind else {
            return Err(Spot::new(pattern.at.clone(), "a pattern is a literal, so that it is compiled once"));
        };
        let built = RegexBuilder::new(written)
            .size_limit(MAX_PATTERN)
            .dfa_size_limit(MAX_PATTERN)
            .nest_limit(50)
            .build();
        match built {
            Ok(regex) => Ok((Plan::Matches(Box::new(plan), regex), Ty::Bool)),
            Err(regex::Error::CompiledTooBig(_)) => {
                Err(Spot::new(pattern.at.clone(), "this pattern is too large")
                    .help("use smaller repetitions"))
            }
            Err(regex::Error::Syntax(why)) => {
                let last = why.lines().last().unwrap_or_default();
                let why = last.strip_prefix("error: ").unwrap_or(last).trim();
                Err(Spot::new(pattern.at.clone(), format!("this is no pattern: {why}")))
            }
            Err(_) => Err(Spot::new(pattern.at.clone(), "this is no pattern")),
        }
    }

    fn over(&mut self, kind: LoopKind, over: &Node, at: &Range<usize>, given: &[Node]) -> Checked {
        let [variable, body] = given else {
            return Err(Spot::new(
                at.clone(),
                "a name and an expression are expected, as in `groups.exists(g, g == \"dev\")`",
            ));
        };
        let Kind::Name(name) = &variable.kind else {
            return Err(Spot::new(variable.at.clone(), "a name is expected here"));
        };
        let (over_plan, over_ty) = self.plan(over)?;
        let item = match over_ty {
            Ty::List(item) => *item,
            Ty::Any => Ty::Any,
            _ => {
                return Err(Spot::new(over.at.clone(), format!("{} has no items", over_ty.an())));
            }
        };
        self.locals.push((name.clone(), item.clone()));
        let body = match kind {
            LoopKind::Map => self.plan(body),
            _ => self.truth(body).map(|plan| (plan, item)),
        };
        self.locals.pop();
        let (body, of) = body?;
        let returns = match kind {
            LoopKind::Filter | LoopKind::Map => Ty::List(Box::new(of)),
            _ => Ty::Bool,
        };
        Ok((Plan::Loop(Box::new(Loop { kind, over: over_plan, body })), returns))
    }
}

/// A call whose only argument is a literal time is read now, so that a mistake shows at once.
fn folded(function: Function, plans: Vec<Plan>, at: &Range<usize>, given: &[Node]) -> Result<Plan, Spot> {
    let place = given.first().map_or(at, |node| &node.at).clone();
    match (function, plans.as_slice()) {
        (Function::Duration, [Plan::Value(Value::Text(text))]) => match crate::time::duration(text) {
            Some(nanos) => Ok(Plan::Value(Value::Duration(nanos))),
            None => Err(Spot::new(place, "this is no duration")
                .help("write it like \"1.5s\", \"250ms\" or \"1h30m\"")),
        },
        (Function::Timestamp, [Plan::Value(Value::Text(text))]) => match crate::time::timestamp(text) {
            Some(nanos) => Ok(Plan::Value(Value::Time(nanos))),
            None => Err(Spot::new(place, "this is no time").help("write it like \"2026-07-28T10:00:00Z\"")),
        },
        _ => Ok(Plan::Call(function, plans)),
    }
}

fn wrong_number(name: &str, at: &Range<usize>) -> Spot {
    Spot::new(at.clone(), format!("`{name}` takes another number of arguments"))
}

fn wrong_argument(name: &str, takes: &[&str], ty: &Ty, node: &Node) -> Spot {
    let says = format!("`{name}` takes {}, this is {}", takes.join(" or "), ty.an());
    let spot = Spot::new(node.at.clone(), says);
    match (name, ty) {
        ("contains", Ty::List(_)) => spot.help("an item of a list is `\"x\" in list`"),
        _ => spot,
    }
}

fn unknown_function(name: &str, at: &Range<usize>) -> Spot {
    let names = SIGNATURES.iter().map(|signature| signature.0).chain(LOOPS.iter().map(|(name, _)| *name));
    Spot::new(at.clone(), format!("there is no function `{}`", shortened(name)))
        .near(name, names.chain(["has", "matches"]))
}
