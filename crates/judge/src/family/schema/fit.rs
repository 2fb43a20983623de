//! Holds a value against a schema.
//!
//! What this reading of JSON Schema does not decide (patterns, `unevaluatedProperties`, references that leave the
//! schema, more work than is worth it) makes the answer [`Fit::Unknown`], never a misfit: a false alarm is worse than
//! a miss.

use serde_json::{Map, Value as Json};

use super::dialect::{Dialect, is_allowed, is_later};
use super::refs::resolve;
use super::value::{has_twice, kind, same, weight};
use crate::family::hidden::shown;

/// Steps that one value may take.
const MAX_STEPS: usize = 100_000;

/// References and schemas inside schemas that are followed.
const MAX_DEPTH: usize = 64;

/// Bytes of a reference that is followed.
const MAX_POINTER: usize = 1024;

/// How a value and a schema go together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It is what the schema describes.
    Fits,
    /// It is not; why, as the end of a sentence that begins with the value.
    Differs(String),
    /// That was not found out.
    Unknown,
}

/// Holds a value against a schema of this dialect.
pub(crate) fn fit(schema: &Json, dialect: Dialect, value: &Json) -> Fit {
    if dialect == Dialect::Foreign {
        return Fit::Unknown;
    }
    let mut check = Check { root: schema, dialect, path: String::new(), n_steps: 0, depth: 0 };
    check.schema(schema, value)
}

impl Fit {
    /// Both: a misfit wins, then what is unknown.
    fn and(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Differs(_) => self,
            Self::Fits => other(),
            Self::Unknown => match other() {
                Self::Fits => Self::Unknown,
                other => other,
            },
        }
    }
}

struct Check<'a> {
    root: &'a Json,
    dialect: Dialect,
    /// Where in the value it is, as a JSON pointer.
    path: String,
    n_steps: usize,
    depth: usize,
}

impl Check<'_> {
    fn says(&self, text: &str) -> Fit {
        let at = if self.path.is_empty() { String::new() } else { format!(" at {}", shown(&self.path)) };
        Fit::Differs(format!("{text}{at}"))
    }

    /// Whether so much more may be done.
    fn can_afford(&mut self, n_steps: usize) -> bool {
        self.n_steps = self.n_steps.saturating_add(n_steps);
        self.n_steps <= MAX_STEPS
    }

    fn schema(&mut self, schema: &Json, value: &Json) -> Fit {
        self.n_steps += 1 + value.as_str().map_or(0, |text| text.len() / 256);
        if self.n_steps > MAX_STEPS || self.depth > MAX_DEPTH {
            return Fit::Unknown;
        }
        let node = match schema {
            Json::Bool(true) => return Fit::Fits,
            Json::Bool(false) => return self.says("is not allowed"),
            Json::Object(node) => node,
            _ => return Fit::Unknown,
        };
        self.depth += 1;
        let fit = self.node(node, value);
        self.depth -= 1;
        fit
    }

    fn node(&mut self, node: &Map<String, Json>, value: &Json) -> Fit {
        if let Some(reference) = node.get("$ref") {
            let root = self.root;
            let pointer = reference.as_str().filter(|text| text.starts_with("#/") || *text == "#");
            let pointer = pointer.filter(|pointer| pointer.len() <= MAX_POINTER);
            let target = pointer.and_then(|pointer| resolve(root, pointer));
            let fit = match target {
                Some((_, target)) => self.schema(target, value),
                None => Fit::Unknown,
            };
            if !self.dialect.reads_beside_ref() {
                return fit;
            }
            return fit.and(|| self.beside(node, value));
        }
        self.beside(node, value)
    }

    fn beside(&mut self, node: &Map<String, Json>, value: &Json) -> Fit {
        if self.dialect < Dialect::Draft2020 && node.keys().any(|keyword| is_later(keyword, self.dialect)) {
            // Some peers read it by a later dialect than it names.
            return Fit::Unknown;
        }
        if value.is_null() && node.get("nullable") == Some(&Json::Bool(true)) {
            // A keyword of another standard that some servers mean and some peers heed.
            return Fit::Unknown;
        }
        let plain = self.plain(node, value);
        let inner = match value {
            Json::Object(members) => plain.and(|| self.object(node, members)),
            Json::Array(items) => plain.and(|| self.array(node, items)),
            _ => plain,
        };
        inner.and(|| self.combined(node, value)).and(|| {
            const UNDECIDED: &[&str] = &[
                "$dynamicRef",
                "$recursiveRef",
                "unevaluatedProperties",
                "unevaluatedItems",
                "extends",
                "disallow",
            ];
            let is_decided = !UNDECIDED.iter().any(|keyword| node.contains_key(*keyword));
            if is_decided { Fit::Fits } else { Fit::Unknown }
        })
    }

    /// What needs no look inside.
    fn plain(&mut self, node: &Map<String, Json>, value: &Json) -> Fit {
        if self.dialect == Dialect::Draft4 && value.is_f64() && node.contains_key("type") {
            // Only there 1.0 is no integer, and readers differ.
            return Fit::Unknown;
        }
        if !is_allowed(value, node.get("type")) {
            let wants = match node.get("type") {
                Some(Json::String(name)) => format!("\"{}\"", shown(name)),
                _ => "one of the types".to_owned(),
            };
            return self.says(&format!("is {} where the schema wants {wants}", kind(value)));
        }
        let values = node.get("enum").and_then(Json::as_array);
        let n_compared = values.map_or(0, Vec::len) + usize::from(node.contains_key("const"));
        if n_compared > 0 && !self.can_afford(n_compared.saturating_mul(weight(value))) {
            return Fit::Unknown;
        }
        if node.get("const").is_some_and(|wanted| !same(wanted, value)) {
            return self.says("is not the one value that the schema allows");
        }
        if let Some(values) = values.filter(|values| !values.iter().any(|wanted| same(wanted, value))) {
            return self.says(&format!("is none of the {} values that the schema lists", values.len()));
        }
        match value {
            Json::Number(_) => self.number(node, value.as_f64().unwrap_or_default()),
            Json::String(text) => {
                let n = text.chars().count() as f64;
                let fit = self.range(node, "Length", n, "characters");
                if node.contains_key("pattern") { fit.and(|| Fit::Unknown) } else { fit }
            }
            _ => Fit::Fits,
        }
    }

    fn number(&self, node: &Map<String, Json>, value: f64) -> Fit {
        let is_limit = |keyword: &str| node.get(keyword).is_some_and(Json::is_number);
        if self.dialect == Dialect::Draft4 && (is_limit("exclusiveMinimum") || is_limit("exclusiveMaximum")) {
            return Fit::Unknown;
        }
        let limit = |keyword: &str| node.get(keyword).and_then(Json::as_f64);
        let is_open = |keyword: &str| node.get(keyword) == Some(&Json::Bool(true));
        let low = limit("minimum").filter(|low| value < *low || is_open("exclusiveMinimum") && value <= *low);
        let low = low.or(limit("exclusiveMinimum").filter(|low| value <= *low));
        if let Some(low) = low {
            return self.says(&format!("is too small for the limit {low}"));
        }
        let high =
            limit("maximum").filter(|high| value > *high || is_open("exclusiveMaximum") && value >= *high);
        let high = high.or(limit("exclusiveMaximum").filter(|high| value >= *high));
        if let Some(high) = high {
            return self.says(&format!("is too large for the limit {high}"));
        }
        match limit("multipleOf") {
            Some(step) if step > 0.0 && (value / step).fract() != 0.0 => {
                // Fractions are not exact, so only whole numbers prove anything.
                let is_exact = value.fract() == 0.0 && step.fract() == 0.0 && value.abs() < 1e15;
                if is_exact { self.says(&format!("is no multiple of {step}")) } else { Fit::Unknown }
            }
            _ => Fit::Fits,
        }
    }

    /// The keywords `minX` and `maxX`.
    fn range(&self, node: &Map<String, Json>, of: &str, n: f64, what: &str) -> Fit {
        let limit = |side: &str| node.get(&format!("{side}{of}")).and_then(Json::as_f64);
        if let Some(least) = limit("min").filter(|least| n < *least) {
            return self.says(&format!("has {n} {what}, fewer than {least}"));
        }
        if let Some(most) = limit("max").filter(|most| n > *most) {
            return self.says(&format!("has {n} {what}, more than {most}"));
        }
        Fit::Fits
    }

    fn inside(&mut self, step: &str, schema: &Json, value: &Json) -> Fit {
        let before = self.path.len();
        self.path.push('/');
        self.path += &step.replace('~', "~0").replace('/', "~1");
        let fit = self.schema(schema, value);
        self.path.truncate(before);
        fit
    }

    fn object(&mut self, node: &Map<String, Json>, members: &Map<String, Json>) -> Fit {
        let mut fit = self.range(node, "Properties", members.len() as f64, "members");
        if !self.can_afford(members.len() + names(node.get("required")).count()) {
            return Fit::Unknown;
        }
        for name in names(node.get("required")) {
            if !members.contains_key(name) {
                return self.says(&format!("lacks `{}`", shown(name)));
            }
        }
        let properties = node.get("properties").and_then(Json::as_object);
        for (name, value) in members {
            let schema = properties.and_then(|properties| properties.get(name));
            // Its patterns are not read, so they may describe any member.
            let may_match = node.contains_key("patternProperties");
            fit = fit.and(|| match schema.or(node.get("additionalProperties").filter(|_| !may_match)) {
                Some(Json::Bool(false)) if schema.is_none() => {
                    self.says(&format!("has `{}`, which the schema does not allow", shown(name)))
                }
                Some(schema) => self.inside(name, schema, value),
                None => Fit::Fits,
            });
            if may_match {
                fit = fit.and(|| Fit::Unknown);
            }
            if let Some(schema) = node.get("propertyNames") {
                fit = fit.and(|| self.schema(schema, &Json::String(name.clone())));
            }
            fit = fit.and(|| self.depends(node, name, members));
            if matches!(fit, Fit::Differs(_)) {
                break;
            }
        }
        fit
    }

    /// What the presence of one member asks of the others.
    fn depends(&mut self, node: &Map<String, Json>, name: &str, members: &Map<String, Json>) -> Fit {
        for keyword in ["dependentRequired", "dependentSchemas", "dependencies"] {
            match node.get(keyword).and_then(|all| all.get(name)) {
                Some(needed @ Json::Array(_)) => {
                    if let Some(needed) = names(Some(needed)).find(|needed| !members.contains_key(*needed)) {
                        return self.says(&format!(
                            "lacks `{}`, which `{}` needs",
                            shown(needed),
                            shown(name)
                        ));
                    }
                }
                // Rare enough to leave open rather than to copy the whole value for it.
                Some(_) => return Fit::Unknown,
                None => {}
            }
        }
        Fit::Fits
    }

    fn array(&mut self, node: &Map<String, Json>, items: &[Json]) -> Fit {
        let mut fit = self.range(node, "Items", items.len() as f64, "items");
        if !self.can_afford(items.len()) {
            return Fit::Unknown;
        }
        let tuple = node.get("prefixItems").or_else(|| node.get("items").filter(|items| items.is_array()));
        let tuple = tuple.and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
        let rest = match node.get("items") {
            Some(Json::Array(_)) => node.get("additionalItems"),
            rest => rest,
        };
        for (n, item) in items.iter().enumerate() {
            if let Some(schema) = tuple.get(n).or(rest) {
                fit = fit.and(|| self.inside(&n.to_string(), schema, item));
            }
            if matches!(fit, Fit::Differs(_)) {
                return fit;
            }
        }
        if node.get("uniqueItems") == Some(&Json::Bool(true)) {
            let cost = items.iter().map(weight).sum::<usize>().saturating_mul(items.len());
            fit = fit.and(|| match self.can_afford(cost) {
                false => Fit::Unknown,
                true if has_twice(items) => self.says("holds an item twice"),
                true => Fit::Fits,
            });
        }
        match node.get("contains") {
            Some(_) => fit.and(|| Fit::Unknown),
            None => fit,
        }
    }

    fn combined(&mut self, node: &Map<String, Json>, value: &Json) -> Fit {
        let mut fit = Fit::Fits;
        for schema in schemas(node, "allOf") {
            fit = fit.and(|| self.schema(schema, value));
        }
        if node.contains_key("anyOf") {
            fit = fit.and(|| self.one_of(schemas(node, "anyOf"), value, usize::MAX));
        }
        if node.contains_key("oneOf") {
            fit = fit.and(|| self.one_of(schemas(node, "oneOf"), value, 1));
        }
        if let Some(schema) = node.get("not") {
            fit = fit.and(|| match self.schema(schema, value) {
                Fit::Fits => self.says("is what `not` excludes"),
                Fit::Differs(_) => Fit::Fits,
                Fit::Unknown => Fit::Unknown,
            });
        }
        if let Some(condition) = node.get("if") {
            fit = fit.and(|| {
                let branch = match self.schema(condition, value) {
                    Fit::Fits => node.get("then"),
                    Fit::Differs(_) => node.get("else"),
                    Fit::Unknown => return Fit::Unknown,
                };
                branch.map_or(Fit::Fits, |schema| self.schema(schema, value))
            });
        }
        fit
    }

    /// At least one of these, and at most so many.
    fn one_of<'s>(&mut self, schemas: impl Iterator<Item = &'s Json>, value: &Json, most: usize) -> Fit {
        let (mut n_fits, mut n_unknown, mut n) = (0, 0, 0);
        for schema in schemas {
            n += 1;
            match self.schema(schema, value) {
                Fit::Fits => n_fits += 1,
                Fit::Unknown => n_unknown += 1,
                Fit::Differs(_) => {}
            }
            if n_fits >= 1 && most == usize::MAX {
                return Fit::Fits;
            }
        }
        if n_fits > most {
            return self.says(&format!("fits {n_fits} of the schemas of which it may fit one"));
        }
        if n_unknown > 0 || n == 0 {
            return Fit::Unknown;
        }
        if n_fits == 0 { self.says(&format!("fits none of {n} schemas")) } else { Fit::Fits }
    }
}

fn schemas<'a>(node: &'a Map<String, Json>, keyword: &str) -> impl Iterator<Item = &'a Json> {
    node.get(keyword).and_then(Json::as_array).into_iter().flatten()
}

fn names(value: Option<&Json>) -> impl Iterator<Item = &str> {
    value.and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str)
}
