//! Goes through one schema and says what is wrong with it.

use serde_json::{Map, Value as Json};
use tapgate_wire::Rule;

use super::dialect::{Dialect, Form, form, is_allowed, is_later, misfit};
use super::listing::{MAX_TROUBLES, Trouble};
use super::refs::{Refs, resolve};
use super::rules;
use super::tally::Tally;
use crate::family::hidden::shown;

/// Schemas inside one schema that are looked at.
const MAX_NODES: usize = 20_000;

/// Bytes of a reference that is followed.
const MAX_POINTER: usize = 1024;

/// Misfits of one schema that are told.
const MAX_MISFITS: usize = 5;

/// Levels of schemas that clients and models cope with.
const DEEP: usize = 10;

/// Properties of one tool that clients and models cope with.
const WIDE: usize = 100;

/// Values of one enumeration that models cope with.
const LONG_ENUM: usize = 100;

/// Judges the input or output schema of a tool.
pub(super) fn inspect(
    tool: &str,
    which: &'static str,
    schema: &Json,
    dialect: Dialect,
    tally: &mut Tally,
    troubles: &mut Vec<Trouble>,
) {
    let mut inspect = Inspect {
        tool,
        which,
        root: schema,
        dialect,
        path: String::new(),
        depth: 0,
        n_nodes: 0,
        n_properties: 0,
        n_misfits: 0,
        deepest: 0,
        refs: Refs::default(),
        has_names: None,
        tally,
        troubles,
    };
    inspect.root();
    inspect.schema(schema, Place::Elsewhere);
    inspect.end();
}

struct Inspect<'a> {
    tool: &'a str,
    which: &'static str,
    root: &'a Json,
    dialect: Dialect,
    /// Where it is, as a JSON pointer.
    path: String,
    depth: usize,
    n_nodes: usize,
    n_properties: usize,
    n_misfits: usize,
    deepest: usize,
    refs: Refs,
    has_names: Option<bool>,
    tally: &'a mut Tally,
    troubles: &'a mut Vec<Trouble>,
}

/// What a schema stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Property,
    Elsewhere,
}

impl Inspect<'_> {
    /// Leaves a trouble whose text begins with what it is about.
    fn tell(&mut self, rule: &'static Rule, says: &str) {
        if self.troubles.len() >= MAX_TROUBLES {
            return;
        }
        let tool = shown(self.tool);
        let at = if self.path.is_empty() { String::new() } else { format!(" at {}", shown(&self.path)) };
        let text = format!("The {} schema of `{tool}`{at} {says}.", self.which);
        self.troubles.push(Trouble { rule, subject: tool, text });
    }

    fn root(&mut self) {
        let root = self.root;
        let is_object = root.get("type").and_then(Json::as_str) == Some("object");
        if !is_object {
            let says = match root.get("type") {
                None => "has no `type`",
                Some(_) => "has another `type` than \"object\"",
            };
            self.tell(if self.which == "input" { &rules::ROOT } else { &rules::OUTPUT_ROOT }, says);
        }
        if self.which == "input" {
            for keyword in ["oneOf", "anyOf", "allOf", "not", "enum"] {
                if root.get(keyword).is_some() {
                    self.tell(&rules::ROOT_COMPOSITION, &format!("has `{keyword}` at its root"));
                }
            }
        }
        match (self.dialect, root.get("$schema").and_then(Json::as_str)) {
            (Dialect::Foreign, Some(name)) => {
                self.tell(&rules::UNKNOWN_DIALECT, &format!("names the dialect `{}`", shown(name)));
            }
            (Dialect::Foreign, None) => {
                self.tell(&rules::UNKNOWN_DIALECT, "has a `$schema` that is no string");
            }
            (Dialect::Unsaid | Dialect::Draft2020, _) | (_, None) => {}
            (_, Some(name)) => self.tally.old.add(self.tool, name),
        }
    }

    fn end(&mut self) {
        self.path.clear();
        if self.deepest > DEEP {
            self.tell(&rules::DEEP, &format!("is {} levels deep", self.deepest));
        }
        if self.n_properties > WIDE {
            self.tell(&rules::WIDE, &format!("has {} properties", self.n_properties));
        }
        if let Some(at) = self.refs.cycle() {
            self.path = at;
            self.tell(&rules::RECURSIVE, "refers back to what it stands in");
        }
    }

    fn schema(&mut self, schema: &Json, place: Place) {
        self.n_nodes += 1;
        if self.n_nodes > MAX_NODES {
            return;
        }
        let empty = Map::new();
        let node = match schema {
            Json::Object(node) => node,
            Json::Bool(true) => &empty,
            _ => return,
        };
        if place == Place::Property {
            self.property(node);
        }
        self.deepest = self.deepest.max(self.depth);
        self.reference(node);
        self.contradictions(node);
        self.required(node);
        for (keyword, value) in node {
            if let Some(form) = form(keyword, self.dialect) {
                self.keyword(keyword, form, value, place);
            }
        }
    }

    fn property(&mut self, node: &Map<String, Json>) {
        const TYPING: &[&str] = &[
            "enum",
            "const",
            "$ref",
            "$dynamicRef",
            "$recursiveRef",
            "anyOf",
            "oneOf",
            "allOf",
            "not",
            "if",
        ];
        self.n_properties += 1;
        if self.which == "output" {
            return;
        }
        if !node.contains_key("type") && !TYPING.iter().any(|keyword| node.contains_key(*keyword)) {
            self.tally.untyped.add(self.tool, &self.path);
        }
        if !node.contains_key("description") && !node.contains_key("$ref") {
            self.tally.undescribed.add(self.tool, &self.path);
        }
    }

    fn keyword(&mut self, keyword: &str, form: Form, value: &Json, place: Place) {
        if self.dialect != Dialect::Foreign
            && !is_later(keyword, self.dialect)
            && let Some(wants) = misfit(form, value, self.dialect)
        {
            if form == Form::Required && value.is_boolean() && place == Place::Property {
                self.tell(&rules::REQUIRED_INSIDE, "says `required` of itself");
            } else if self.n_misfits < MAX_MISFITS {
                self.n_misfits += 1;
                let value = brief(value);
                self.tell(&rules::INVALID, &format!("has `{keyword}` {value}, which {wants}"));
            }
        }
        let inner = if keyword == "properties" { Place::Property } else { Place::Elsewhere };
        match (form, value) {
            (Form::Schema | Form::Items, Json::Object(_) | Json::Bool(_)) => {
                self.inside(&[keyword], value, Place::Elsewhere);
            }
            (Form::Schemas | Form::Items, Json::Array(list)) => {
                for (n, schema) in list.iter().enumerate() {
                    self.inside(&[keyword, &n.to_string()], schema, Place::Elsewhere);
                }
            }
            (Form::Map | Form::Dependencies, Json::Object(members)) => {
                for (name, schema) in members {
                    self.inside(&[keyword, name], schema, inner);
                }
            }
            _ => {}
        }
    }

    fn inside(&mut self, steps: &[&str], schema: &Json, place: Place) {
        if self.n_nodes > MAX_NODES {
            return;
        }
        let before = self.path.len();
        for step in steps {
            self.path.push('/');
            if step.contains(['~', '/']) {
                self.path += &step.replace('~', "~0").replace('/', "~1");
            } else {
                self.path += step;
            }
        }
        // What is only put together is no level that a value has.
        let is_level =
            matches!(steps.first(), Some(&("properties" | "items" | "additionalProperties" | "prefixItems")));
        self.depth += usize::from(is_level);
        self.schema(schema, place);
        self.depth -= usize::from(is_level);
        self.path.truncate(before);
    }

    fn reference(&mut self, node: &Map<String, Json>) {
        let Some(Json::String(target)) = node.get("$ref") else { return };
        if target.len() > MAX_POINTER || self.refs.is_full() || self.n_misfits >= MAX_MISFITS {
            return;
        }
        if !target.starts_with('#') {
            // A schema may give itself, or parts of itself, names by which it refers to them.
            if !self.has_names() {
                self.n_misfits += 1;
                self.tell(&rules::EXTERNAL_REF, &format!("refers to `{}`", shown(target)));
            }
            return;
        }
        match resolve(self.root, target) {
            Some((at, _)) => self.refs.add(&self.path, at),
            None if !target.starts_with("#/") || self.has_names() => {}
            None => self
                .tell(&rules::UNRESOLVED_REF, &format!("refers to `{}`, which is not there", shown(target))),
        }
    }

    /// Whether the text of the schema has names for parts of it, by which references are read otherwise.
    fn has_names(&mut self) -> bool {
        fn search(value: &Json) -> bool {
            match value {
                Json::Object(members) => members.iter().any(|(name, value)| {
                    (name == "$id" || name == "id") && value.is_string() || search(value)
                }),
                Json::Array(items) => items.iter().any(search),
                _ => false,
            }
        }
        *self.has_names.get_or_insert_with(|| search(self.root))
    }

    fn contradictions(&mut self, node: &Map<String, Json>) {
        const PAIRS: &[(&str, &str)] = &[
            ("minimum", "maximum"),
            ("minLength", "maxLength"),
            ("minItems", "maxItems"),
            ("minProperties", "maxProperties"),
            ("minContains", "maxContains"),
        ];
        // Most schemas have no limits, and each look at them costs.
        let has_limits = node.keys().any(|keyword| keyword.starts_with("max"));
        for (low, high) in PAIRS.iter().filter(|_| has_limits) {
            let number = |keyword: &str| node.get(keyword).and_then(Json::as_f64);
            if let (Some(least), Some(most)) = (number(low), number(high))
                && least > most
            {
                self.tell(&rules::CONTRADICTION, &format!("has `{low}` {least} above `{high}` {most}"));
            }
        }
        if let Some(Json::Array(values)) = node.get("enum") {
            if values.is_empty() {
                self.tell(&rules::CONTRADICTION, "has an `enum` without a value");
            } else if !values.iter().any(|value| is_allowed(value, node.get("type"))) {
                self.tell(&rules::CONTRADICTION, "has an `enum` with no value of its `type`");
            }
            if values.len() > LONG_ENUM {
                self.tell(&rules::LONG_ENUM, &format!("lists {} values", values.len()));
            }
        }
        if node.get("const").is_some_and(|value| !is_allowed(value, node.get("type"))) {
            self.tell(&rules::CONTRADICTION, "has a `const` that is not of its `type`");
        }
    }

    /// Names that are required and that nothing describes.
    fn required(&mut self, node: &Map<String, Json>) {
        const ELSEWHERE: &[&str] = &[
            "$ref",
            "$dynamicRef",
            "$recursiveRef",
            "allOf",
            "anyOf",
            "oneOf",
            "if",
            "patternProperties",
            "dependentSchemas",
            "dependencies",
            "propertyNames",
        ];
        let (Some(Json::Array(required)), Some(Json::Object(properties))) =
            (node.get("required"), node.get("properties"))
        else {
            return;
        };
        let names = required.iter().filter_map(Json::as_str);
        let mut absent: Vec<&str> = names.filter(|name| !properties.contains_key(*name)).collect();
        if absent.is_empty() || ELSEWHERE.iter().any(|keyword| node.contains_key(*keyword)) {
            return;
        }
        absent.sort_unstable();
        absent.dedup();
        let Some(first) = absent.first() else { return };
        let never = match node.get("additionalProperties") {
            Some(Json::Bool(false)) => " and allows no other, so nothing fits it",
            _ => "",
        };
        let more = match absent.len() - 1 {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        self.tell(
            &rules::REQUIRED_ABSENT,
            &format!("requires `{}`{more} without such a property{never}", shown(first)),
        );
    }
}

/// A value in a few words.
fn brief(value: &Json) -> String {
    match value {
        Json::Null => "null".to_owned(),
        Json::Bool(flag) => flag.to_string(),
        Json::Number(number) => number.to_string(),
        Json::String(text) => format!("\"{}\"", shown(text)),
        Json::Array(items) => format!("with a list of {}", items.len()),
        Json::Object(members) => format!("with an object of {}", members.len()),
    }
}
