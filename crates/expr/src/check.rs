//! Checks a tree and turns it into a plan: names become fields, patterns are compiled, types must fit.

mod call;
mod ty;

use regex::Regex;

use crate::Value;
use crate::ast::{Binary, Kind, Node};
use crate::fault::Spot;
use crate::field::{FIELDS, Field, Type};
use ty::{Ty, misfit, of_field, sum};

/// What the evaluator walks.
#[derive(Debug)]
pub(crate) enum Plan {
    Value(Value<'static>),
    Field(Field),
    /// A variable of a loop, counted from the outermost.
    Local(usize),
    Member(Box<Plan>, String),
    Index(Box<Plan>, Box<Plan>),
    HasField(Field),
    HasMember(Box<Plan>, String),
    Not(Box<Plan>),
    Negate(Box<Plan>),
    All(Vec<Plan>),
    Any(Vec<Plan>),
    Binary(Binary, Box<Plan>, Box<Plan>),
    /// Equal to a literal text, or with `false` different from it: what most rules ask, so it has its own way.
    Is(Box<Plan>, String, bool),
    /// One of some literal texts.
    Among(Box<Plan>, Vec<String>),
    Choice(Box<[Plan; 3]>),
    List(Vec<Plan>),
    Matches(Box<Plan>, Regex),
    Call(Function, Vec<Plan>),
    Loop(Box<Loop>),
}

/// A macro that runs over the items of a list or the keys of a map.
#[derive(Debug)]
pub(crate) struct Loop {
    pub(crate) kind: LoopKind,
    pub(crate) over: Plan,
    pub(crate) body: Plan,
}

/// What a loop asks of the items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoopKind {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
}

/// A function of the language; the receiver of a method is its first argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Size,
    Contains,
    StartsWith,
    EndsWith,
    LowerAscii,
    UpperAscii,
    Int,
    Double,
    Text,
    Duration,
    Timestamp,
    Hours,
    Minutes,
    Seconds,
    Milliseconds,
}

/// A plan, and the set of the fields that it names as bits.
pub(crate) fn check(node: &Node) -> Result<(Plan, u64), Spot> {
    let mut checker = Checker { locals: Vec::new(), used: 0 };
    let (plan, ty) = checker.plan(node)?;
    if !matches!(ty, Ty::Bool | Ty::Any) {
        let spot = Spot::new(node.at.clone(), format!("this is {}, not true or false", ty.an()));
        return Err(match ty {
            Ty::Text | Ty::Word(_) => spot.help("compare it, as in `tool == \"search\"`"),
            Ty::Duration => spot.help("compare it, as in `duration > duration(\"1s\")`"),
            _ => spot.help("compare it with `==`, `<` or `in`"),
        });
    }
    Ok((plan, checker.used))
}

struct Checker {
    locals: Vec<(String, Ty)>,
    used: u64,
}

type Checked = Result<(Plan, Ty), Spot>;

impl Checker {
    fn plan(&mut self, node: &Node) -> Checked {
        match &node.kind {
            Kind::Null => Ok((Plan::Value(Value::Null), Ty::Null)),
            Kind::Bool(truth) => Ok((Plan::Value(Value::Bool(*truth)), Ty::Bool)),
            Kind::Int(whole) => Ok((Plan::Value(Value::Int(*whole)), Ty::Int)),
            Kind::Double(number) => Ok((Plan::Value(Value::Double(*number)), Ty::Double)),
            Kind::Text(text) => Ok((Plan::Value(Value::Text(text.clone().into())), Ty::Text)),
            Kind::Name(_) | Kind::Select(..) => self.named(node),
            Kind::Index(of, at) => self.index(of, at),
            Kind::Call(on, name, at, given) => self.call(on.as_deref(), name, at, given),
            Kind::Not(inner) => Ok((Plan::Not(Box::new(self.truth(inner)?)), Ty::Bool)),
            Kind::Negate(inner) => self.negate(inner),
            Kind::All(parts) => Ok((Plan::All(self.truths(parts)?), Ty::Bool)),
            Kind::Any(parts) => Ok((Plan::Any(self.truths(parts)?), Ty::Bool)),
            Kind::Binary(operator, left, right) => self.binary(*operator, left, right, node),
            Kind::Choice(parts) => self.choice(parts),
            Kind::List(items) => self.list(items),
        }
    }

    /// A plan for something that is true or false.
    fn truth(&mut self, node: &Node) -> Result<Plan, Spot> {
        match self.plan(node)? {
            (plan, Ty::Bool | Ty::Any) => Ok(plan),
            (_, ty) => Err(Spot::new(
                node.at.clone(),
                format!("true or false is expected here, this is {}", ty.an()),
            )),
        }
    }

    fn truths(&mut self, parts: &[Node]) -> Result<Vec<Plan>, Spot> {
        parts.iter().map(|part| self.truth(part)).collect()
    }

    fn negate(&mut self, inner: &Node) -> Checked {
        match self.plan(inner)? {
            (plan, ty @ (Ty::Int | Ty::Double | Ty::Duration | Ty::Any)) => {
                Ok((Plan::Negate(Box::new(plan)), ty))
            }
            (_, ty) => Err(Spot::new(inner.at.clone(), format!("{} has no negative", ty.an()))),
        }
    }

    fn choice(&mut self, parts: &[Node; 3]) -> Checked {
        let [condition, then, otherwise] = parts;
        let condition = self.truth(condition)?;
        let (then, a) = self.plan(then)?;
        let (otherwise, b) = self.plan(otherwise)?;
        let ty = if a == b { a } else { Ty::Any };
        Ok((Plan::Choice(Box::new([condition, then, otherwise])), ty))
    }

    fn list(&mut self, items: &[Node]) -> Checked {
        let mut plans = Vec::with_capacity(items.len());
        let mut of: Option<Ty> = None;
        for item in items {
            let (plan, ty) = self.plan(item)?;
            of = Some(match of {
                Some(of) if of != ty => Ty::Any,
                _ => ty,
            });
            plans.push(plan);
        }
        Ok((Plan::List(plans), Ty::List(Box::new(of.unwrap_or(Ty::Any)))))
    }

    fn index(&mut self, of: &Node, at: &Node) -> Checked {
        let (of_plan, of_ty) = self.plan(of)?;
        let (at_plan, at_ty) = self.plan(at)?;
        let item = match (of_ty, &at_ty) {
            (Ty::List(item), Ty::Int | Ty::Any) => *item,
            (Ty::Any, Ty::Int | Ty::Text | Ty::Any) => Ty::Any,
            (of_ty, _) => {
                let says = format!("{} has no item at {}", of_ty.an(), at_ty.an());
                return Err(Spot::new(at.at.clone(), says));
            }
        };
        Ok((Plan::Index(Box::new(of_plan), Box::new(at_plan)), item))
    }

    /// A name or a chain of members: a local, a field, or something inside of one.
    fn named(&mut self, node: &Node) -> Checked {
        if let Some(path) = path(node) {
            let local = path.first().and_then(|root| self.locals.iter().rposition(|(name, _)| name == root));
            if local.is_none() {
                return self.field(node, &path);
            }
            if let (Kind::Name(_), Some(n)) = (&node.kind, local) {
                let ty = self.locals.get(n).map_or(Ty::Any, |(_, ty)| ty.clone());
                return Ok((Plan::Local(n), ty));
            }
        }
        match &node.kind {
            Kind::Select(of, name, at) => {
                let (plan, ty) = self.plan(of)?;
                member(plan, &ty, name, at)
            }
            _ => Err(Spot::new(node.at.clone(), "a name is expected here")),
        }
    }

    fn field(&mut self, node: &Node, path: &[&str]) -> Checked {
        let full = path.join(".");
        let found = (1..=path.len()).rev().find_map(|n| {
            let field = Field::named(&path.get(..n)?.join("."))?;
            Some((field, path.get(n..)?))
        });
        match found {
            Some((field, [])) => {
                self.used |= field.bit();
                Ok((Plan::Field(field), of_field(field)))
            }
            Some((field, inner)) if field.spec().kind == Type::Json => {
                self.used |= field.bit();
                let plan = inner
                    .iter()
                    .fold(Plan::Field(field), |plan, name| Plan::Member(Box::new(plan), (*name).to_owned()));
                Ok((plan, Ty::Any))
            }
            Some((field, _))
                if FIELDS.iter().all(|spec| !spec.name.starts_with(&format!("{}.", field.spec().name))) =>
            {
                let says = format!("`{}` is {} and has no members", field.spec().name, of_field(field).an());
                Err(Spot::new(node.at.clone(), says))
            }
            _ => Err(unknown_field(node, &full)),
        }
    }

    fn binary(&mut self, operator: Binary, left: &Node, right: &Node, node: &Node) -> Checked {
        let (a, a_ty) = self.plan(left)?;
        let (b, b_ty) = self.plan(right)?;
        let fits = match operator {
            Binary::Equal | Binary::Differs => {
                known_word(&a_ty, right)?;
                known_word(&b_ty, left)?;
                a_ty.meets(&b_ty).then_some(Ty::Bool)
            }
            Binary::In => contained(&a_ty, &b_ty, right)?.then_some(Ty::Bool),
            _ if operator.is_order() => {
                (a_ty.meets(&b_ty) && a_ty.is_ordered() && b_ty.is_ordered()).then_some(Ty::Bool)
            }
            _ => sum(operator, &a_ty, &b_ty),
        };
        match fits {
            Some(ty) => Ok((comparison(operator, a, b), ty)),
            None => Err(misfit(operator, &a_ty, &b_ty, node)),
        }
    }
}

/// The names from the root of a chain of members, if the root is a name.
fn path(node: &Node) -> Option<Vec<&str>> {
    let mut names = Vec::new();
    let mut node = node;
    loop {
        match &node.kind {
            Kind::Select(of, name, _) => {
                names.push(name.as_str());
                node = of;
            }
            Kind::Name(name) => {
                names.push(name.as_str());
                names.reverse();
                return Some(names);
            }
            _ => return None,
        }
    }
}

fn member(plan: Plan, ty: &Ty, name: &str, at: &std::ops::Range<usize>) -> Checked {
    match ty {
        Ty::Any => Ok((Plan::Member(Box::new(plan), name.to_owned()), Ty::Any)),
        _ => Err(Spot::new(at.clone(), format!("{} has no members", ty.an()))),
    }
}

fn unknown_field(node: &Node, full: &str) -> Spot {
    let spot = Spot::new(node.at.clone(), format!("there is no field `{}`", shortened(full)));
    let inside: Vec<_> = FIELDS
        .iter()
        .map(|spec| spec.name)
        .filter(|name| name.strip_prefix(full).is_some_and(|rest| rest.starts_with('.')))
        .collect();
    match FIELDS.iter().find(|spec| spec.short == Some(full)) {
        _ if !inside.is_empty() => spot.help(format!("there is `{}`", inside.join("`, `"))),
        Some(spec) => spot.help(format!("`{full}` is short for `{}` in searches like `{full}:…`", spec.name)),
        None => spot.near(full, FIELDS.iter().map(|spec| spec.name)),
    }
}

/// The first 40 characters of what a person wrote.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// An error if a field of fixed words is compared with a literal that is none of them.
fn known_word(ty: &Ty, other: &Node) -> Result<(), Spot> {
    let (Ty::Word(field), Kind::Text(word)) = (ty, &other.kind) else {
        return Ok(());
    };
    let spec = field.spec();
    let Type::Word(words) = spec.kind else {
        return Ok(());
    };
    if word.is_empty() || words.contains(&word.as_str()) {
        return Ok(());
    }
    let says = format!("`{}` is never \"{}\"", spec.name, shortened(word));
    let spot = Spot::new(other.at.clone(), says);
    match crate::nearest(word, words.iter().copied()) {
        Some(near) => Err(spot.help(format!("did you mean \"{near}\"? It is one of {}", words.join(", ")))),
        None => Err(spot.help(format!("it is one of {}", words.join(", ")))),
    }
}

/// Whether `left in right` can hold.
fn contained(left: &Ty, right: &Ty, list: &Node) -> Result<bool, Spot> {
    if let Kind::List(items) = &list.kind {
        for item in items {
            known_word(left, item)?;
        }
    }
    Ok(match right {
        Ty::Any => true,
        Ty::List(item) => left.meets(item),
        _ => false,
    })
}

/// The plan of an operator; comparisons with literal texts have their own.
fn comparison(operator: Binary, left: Plan, right: Plan) -> Plan {
    match (operator, left, right) {
        (Binary::Equal | Binary::Differs, Plan::Value(Value::Text(word)), of)
        | (Binary::Equal | Binary::Differs, of, Plan::Value(Value::Text(word))) => {
            Plan::Is(Box::new(of), word.into_owned(), operator == Binary::Equal)
        }
        (Binary::In, of, Plan::List(items)) if items.iter().all(|item| literal(item).is_some()) => {
            let words = items.iter().filter_map(literal).map(str::to_owned).collect();
            Plan::Among(Box::new(of), words)
        }
        (_, left, right) => Plan::Binary(operator, Box::new(left), Box::new(right)),
    }
}

fn literal(plan: &Plan) -> Option<&str> {
    match plan {
        Plan::Value(value) => value.as_text(),
        _ => None,
    }
}
