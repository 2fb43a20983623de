//! Evaluates a plan over the fields of one exchange.

mod apply;

use crate::ast::Binary;
use crate::check::{Loop, LoopKind, Plan};
use crate::{Fields, Value};
use serde_json::Value as Json;

/// How many steps one evaluation may take; a step is a part of the expression or about 64 bytes of text.
pub const MAX_STEPS: u32 = 200_000;

/// Why an expression has no value for an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// A member that is not there was asked for without `has`.
    #[error("the member is missing")]
    Missing,
    /// The values are of kinds that do not fit together, found in JSON whose kinds are not known before.
    #[error("a value of kind {0} does not fit here")]
    Misfit(&'static str),
    /// A number left its range, or was divided by zero.
    #[error("the number is out of range")]
    Range,
    /// A text is no number, duration or time.
    #[error("the text cannot be read")]
    Unreadable,
    /// The evaluation needed more than [`MAX_STEPS`].
    #[error("the evaluation takes too long")]
    TooLong,
}

/// What `plan` says about the exchange behind `fields`.
pub(crate) fn judge(plan: &Plan, fields: &dyn Fields) -> Result<bool, Failure> {
    let mut evaluator = Evaluator { fields, locals: Vec::new(), steps: MAX_STEPS };
    evaluator.truth(plan)
}

struct Evaluator<'a> {
    fields: &'a dyn Fields,
    locals: Vec<Value<'a>>,
    steps: u32,
}

type Found<'a> = Result<Value<'a>, Failure>;

impl<'a> Evaluator<'a> {
    fn value(&mut self, plan: &'a Plan) -> Found<'a> {
        self.spend(0)?;
        match plan {
            Plan::Value(value) => Ok(value.borrowed()),
            Plan::Field(field) => Ok(self.fields.value(*field)),
            Plan::Local(n) => {
                self.spend(self.locals.get(*n).map_or(0, weight))?;
                self.locals.get(*n).cloned().ok_or(Failure::Missing)
            }
            Plan::Member(of, name) => match self.value(of)? {
                Value::Json(Json::Object(members)) => {
                    members.get(name).map(Value::json).ok_or(Failure::Missing)
                }
                Value::Null => Err(Failure::Missing),
                other => Err(Failure::Misfit(other.kind())),
            },
            Plan::Index(of, at) => {
                let of = self.value(of)?;
                let at = self.value(at)?;
                item(of, &at)
            }
            Plan::Negate(inner) => negative(self.value(inner)?),
            Plan::Binary(operator, left, right) => {
                let left = self.value(left)?;
                let right = self.value(right)?;
                self.binary(*operator, left, right)
            }
            Plan::Choice(parts) => {
                let [condition, then, otherwise] = &**parts;
                if self.truth(condition)? { self.value(then) } else { self.value(otherwise) }
            }
            Plan::List(items) => {
                items.iter().map(|item| self.value(item)).collect::<Result<_, _>>().map(Value::List)
            }
            Plan::Call(function, given) => {
                let mut given = given.iter();
                let first = self.value(given.next().ok_or(Failure::Missing)?)?;
                let second = given.next().map(|plan| self.value(plan)).transpose()?;
                self.apply(*function, first, second.as_ref())
            }
            Plan::Loop(over) => self.over(over),
            Plan::HasField(_)
            | Plan::HasMember(..)
            | Plan::Not(_)
            | Plan::All(_)
            | Plan::Any(_)
            | Plan::Is(..)
            | Plan::Among(..)
            | Plan::Matches(..) => self.truth(plan).map(Value::Bool),
        }
    }

    /// What is true or false, without a detour over values where the plan is a test.
    fn truth(&mut self, plan: &'a Plan) -> Result<bool, Failure> {
        self.spend(0)?;
        match plan {
            Plan::Not(inner) => Ok(!self.truth(inner)?),
            Plan::All(parts) => self.joined(parts, false),
            Plan::Any(parts) => self.joined(parts, true),
            Plan::HasField(field) => Ok(self.fields.value(*field).is_present()),
            Plan::HasMember(of, name) => match self.value(of) {
                Ok(Value::Json(Json::Object(members))) => Ok(members.contains_key(name)),
                Ok(_) | Err(Failure::Missing) => Ok(false),
                Err(failure) => Err(failure),
            },
            Plan::Is(of, word, same) => Ok((self.value(of)?.as_text() == Some(word)) == *same),
            Plan::Among(of, words) => {
                let value = self.value(of)?;
                self.spend(words.len().saturating_mul(16))?;
                Ok(value.as_text().is_some_and(|text| words.iter().any(|word| word == text)))
            }
            Plan::Matches(text, regex) => {
                let text = self.value(text)?;
                let text = text.as_text().ok_or(Failure::Misfit(text.kind()))?;
                self.spend(text.len())?;
                Ok(regex.is_match(text))
            }
            _ => match self.value(plan)? {
                Value::Bool(truth) => Ok(truth),
                other => Err(Failure::Misfit(other.kind())),
            },
        }
    }

    /// `&&` and `||`: the part that decides wins over a part that fails, wherever it stands, as in CEL.
    fn joined(&mut self, parts: &'a [Plan], decides: bool) -> Result<bool, Failure> {
        let mut outcome = Ok(!decides);
        for part in parts {
            match self.truth(part) {
                Ok(truth) if truth == decides => return Ok(decides),
                Ok(_) => {}
                Err(Failure::TooLong) => return Err(Failure::TooLong),
                Err(failure) => outcome = Err(failure),
            }
        }
        outcome
    }

    fn binary(&mut self, operator: Binary, left: Value<'a>, right: Value<'a>) -> Found<'a> {
        match operator {
            Binary::Equal => self.equal(&left, &right).map(Value::Bool),
            Binary::Differs => self.equal(&left, &right).map(|same| Value::Bool(!same)),
            Binary::In => self.is_in(&left, &right).map(Value::Bool),
            Binary::Less | Binary::LessOrEqual | Binary::Greater | Binary::GreaterOrEqual => {
                self.spend(weight(&left))?;
                apply::ordered(operator, &left, &right).map(Value::Bool)
            }
            _ => {
                self.spend(weight(&left).saturating_add(weight(&right)))?;
                apply::sum(operator, left, right)
            }
        }
    }

    fn is_in(&mut self, wanted: &Value<'a>, container: &Value<'a>) -> Result<bool, Failure> {
        if let (Value::Json(Json::Object(members)), Some(name)) = (container, wanted.as_text()) {
            return Ok(members.contains_key(name));
        }
        self.spend(weight(container))?;
        match container {
            Value::List(items) => {
                for item in items {
                    if self.equal(wanted, item)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Value::Json(Json::Array(items)) => {
                for item in items {
                    if self.equal(wanted, &Value::json(item))? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            other => Err(Failure::Misfit(other.kind())),
        }
    }

    fn equal(&mut self, left: &Value<'_>, right: &Value<'_>) -> Result<bool, Failure> {
        self.spend(weight(left))?;
        match (left, right) {
            (Value::Json(Json::Object(a)), Value::Json(Json::Object(b))) => {
                if a.len() != b.len() {
                    return Ok(false);
                }
                for (name, x) in a {
                    match b.get(name) {
                        Some(y) if self.equal(&Value::json(x), &Value::json(y))? => {}
                        _ => return Ok(false),
                    }
                }
                Ok(true)
            }
            _ => match (list(left), list(right)) {
                (Some(a), Some(b)) if a.len() == b.len() => {
                    for (x, y) in a.into_iter().zip(b) {
                        if !self.equal(&x, &y)? {
                            return Ok(false);
                        }
                    }
                    Ok(true)
                }
                (None, None) => Ok(apply::same(left, right)),
                _ => Ok(false),
            },
        }
    }

    fn over(&mut self, over: &'a Loop) -> Found<'a> {
        let container = self.value(&over.over)?;
        self.spend(weight(&container))?;
        let mut kept = Vec::new();
        let mut n_true = 0_u32;
        let mut failed = None;
        for item in items(&container)? {
            self.locals.push(item);
            let found = self.value(&over.body);
            let item = self.locals.pop().unwrap_or(Value::Null);
            match (over.kind, found) {
                (_, Err(Failure::TooLong)) => return Err(Failure::TooLong),
                (LoopKind::Map, Ok(value)) => kept.push(value),
                (LoopKind::All, Ok(Value::Bool(false))) => return Ok(Value::Bool(false)),
                (LoopKind::Exists, Ok(Value::Bool(true))) => return Ok(Value::Bool(true)),
                (LoopKind::Filter, Ok(Value::Bool(true))) => kept.push(item),
                (_, Ok(Value::Bool(truth))) => n_true += u32::from(truth),
                (LoopKind::All | LoopKind::Exists, Err(failure)) => failed = Some(failure),
                (_, Err(failure)) => return Err(failure),
                (_, Ok(other)) => return Err(Failure::Misfit(other.kind())),
            }
        }
        match (over.kind, failed) {
            (_, Some(failure)) => Err(failure),
            (LoopKind::Filter | LoopKind::Map, None) => Ok(Value::List(kept)),
            (kind, None) => Ok(Value::Bool(match kind {
                LoopKind::All => true,
                LoopKind::Exists => false,
                _ => n_true == 1,
            })),
        }
    }

    /// Takes one step and one more for every 64 bytes.
    fn spend(&mut self, bytes: usize) -> Result<(), Failure> {
        let cost = u32::try_from(bytes / 64 + 1).unwrap_or(u32::MAX);
        self.steps = self.steps.checked_sub(cost).ok_or(Failure::TooLong)?;
        Ok(())
    }
}

/// About how many bytes are read when the value is copied or compared.
fn weight(value: &Value<'_>) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::List(items) => items.len().saturating_mul(32),
        Value::Json(Json::Array(items)) => items.len().saturating_mul(32),
        Value::Json(Json::Object(members)) => members.len().saturating_mul(32),
        _ => 0,
    }
}

/// The items of a list, or the keys of a map.
fn items<'a>(container: &Value<'a>) -> Result<Vec<Value<'a>>, Failure> {
    match container {
        Value::Json(Json::Object(members)) => Ok(members.keys().map(|name| Value::text(name)).collect()),
        _ => list(container).ok_or(Failure::Misfit(container.kind())),
    }
}

fn list<'a>(value: &Value<'a>) -> Option<Vec<Value<'a>>> {
    match value {
        Value::List(items) => Some(items.clone()),
        Value::Json(Json::Array(items)) => Some(items.iter().map(Value::json).collect()),
        _ => None,
    }
}

fn item<'a>(of: Value<'a>, at: &Value<'a>) -> Found<'a> {
    match (of, at) {
        (Value::Json(Json::Object(members)), Value::Text(name)) => {
            members.get(name.as_ref()).map(Value::json).ok_or(Failure::Missing)
        }
        (Value::Json(Json::Array(items)), Value::Int(n)) => {
            let n = usize::try_from(*n).map_err(|_| Failure::Missing)?;
            items.get(n).map(Value::json).ok_or(Failure::Missing)
        }
        (Value::List(items), Value::Int(n)) => {
            let n = usize::try_from(*n).map_err(|_| Failure::Missing)?;
            items.into_iter().nth(n).ok_or(Failure::Missing)
        }
        (other, _) => Err(Failure::Misfit(other.kind())),
    }
}

fn negative(value: Value<'_>) -> Found<'_> {
    match value {
        Value::Int(whole) => whole.checked_neg().map(Value::Int).ok_or(Failure::Range),
        Value::Double(number) => Ok(Value::Double(-number)),
        Value::Duration(nanos) => nanos.checked_neg().map(Value::Duration).ok_or(Failure::Range),
        other => Err(Failure::Misfit(other.kind())),
    }
}
