//! The dialects of JSON Schema, and what each says about the values of keywords.

use serde_json::Value as Json;

/// Which rules a schema is written by, in the order in which they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Dialect {
    /// It names one that is not known here, so nothing is known of its keywords.
    Foreign,
    /// It names none, and the revision does not say which one is meant.
    Unsaid,
    Draft4,
    Draft6,
    Draft7,
    Draft2019,
    Draft2020,
}

/// The names of dialects, without scheme and without an empty fragment.
const NAMES: &[(&str, Dialect)] = &[
    ("json-schema.org/draft/2020-12/schema", Dialect::Draft2020),
    ("json-schema.org/draft/2019-09/schema", Dialect::Draft2019),
    ("json-schema.org/draft-07/schema", Dialect::Draft7),
    ("json-schema.org/draft-06/schema", Dialect::Draft6),
    ("json-schema.org/draft-04/schema", Dialect::Draft4),
];

impl Dialect {
    /// The dialect of a schema; `has_default` says whether one that names none is of 2020-12.
    pub fn of(schema: &Json, has_default: bool) -> Self {
        match schema.get("$schema") {
            None if has_default => Self::Draft2020,
            None => Self::Unsaid,
            Some(Json::String(name)) => {
                let name = name.trim_end_matches('#');
                let name = name.strip_prefix("https://").or_else(|| name.strip_prefix("http://"));
                NAMES
                    .iter()
                    .find(|(known, _)| Some(*known) == name)
                    .map_or(Self::Foreign, |(_, dialect)| *dialect)
            }
            Some(_) => Self::Foreign,
        }
    }

    /// Whether it has what came with this one. All that is in use without a name has what draft 7 has.
    fn has(self, since: Self) -> bool {
        match self {
            Self::Foreign => true,
            Self::Unsaid => since <= Self::Draft7,
            _ => since <= self,
        }
    }

    /// Whether what stands beside a `$ref` counts. Of a dialect that is not known it does not, because it may not.
    pub fn reads_beside_ref(self) -> bool {
        self >= Self::Draft2019
    }
}

/// What the value of a keyword has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A schema.
    Schema,
    /// A list of schemas with at least one.
    Schemas,
    /// An object of schemas.
    Map,
    /// A schema, or a list of them up to 2019-09.
    Items,
    /// An object whose values are schemas or lists of names.
    Dependencies,
    /// An object whose values are lists of names.
    Names,
    /// A list of different names.
    Required,
    Type,
    Count,
    Number,
    Positive,
    /// A number, or a boolean in draft 4.
    Exclusive,
    Text,
    Flag,
    List,
}

/// The keywords whose values are checked, and since when they are some.
const KEYWORDS: &[(&str, Form, Dialect)] = &[
    ("type", Form::Type, Dialect::Draft4),
    ("properties", Form::Map, Dialect::Draft4),
    ("required", Form::Required, Dialect::Draft4),
    ("items", Form::Items, Dialect::Draft4),
    ("additionalProperties", Form::Schema, Dialect::Draft4),
    ("anyOf", Form::Schemas, Dialect::Draft4),
    ("oneOf", Form::Schemas, Dialect::Draft4),
    ("allOf", Form::Schemas, Dialect::Draft4),
    ("not", Form::Schema, Dialect::Draft4),
    ("if", Form::Schema, Dialect::Draft7),
    ("then", Form::Schema, Dialect::Draft7),
    ("else", Form::Schema, Dialect::Draft7),
    ("enum", Form::List, Dialect::Draft4),
    ("minimum", Form::Number, Dialect::Draft4),
    ("maximum", Form::Number, Dialect::Draft4),
    ("exclusiveMinimum", Form::Exclusive, Dialect::Draft4),
    ("exclusiveMaximum", Form::Exclusive, Dialect::Draft4),
    ("multipleOf", Form::Positive, Dialect::Draft4),
    ("minLength", Form::Count, Dialect::Draft4),
    ("maxLength", Form::Count, Dialect::Draft4),
    ("minItems", Form::Count, Dialect::Draft4),
    ("maxItems", Form::Count, Dialect::Draft4),
    ("minProperties", Form::Count, Dialect::Draft4),
    ("maxProperties", Form::Count, Dialect::Draft4),
    ("minContains", Form::Count, Dialect::Draft2019),
    ("maxContains", Form::Count, Dialect::Draft2019),
    ("uniqueItems", Form::Flag, Dialect::Draft4),
    ("pattern", Form::Text, Dialect::Draft4),
    ("format", Form::Text, Dialect::Draft4),
    ("title", Form::Text, Dialect::Draft4),
    ("description", Form::Text, Dialect::Draft4),
    ("$ref", Form::Text, Dialect::Draft4),
    ("$defs", Form::Map, Dialect::Draft2019),
    ("definitions", Form::Map, Dialect::Draft4),
    ("patternProperties", Form::Map, Dialect::Draft4),
    ("propertyNames", Form::Schema, Dialect::Draft6),
    ("contains", Form::Schema, Dialect::Draft6),
    ("prefixItems", Form::Schemas, Dialect::Draft2020),
    ("additionalItems", Form::Schema, Dialect::Draft4),
    ("unevaluatedProperties", Form::Schema, Dialect::Draft2019),
    ("unevaluatedItems", Form::Schema, Dialect::Draft2019),
    ("dependencies", Form::Dependencies, Dialect::Draft4),
    ("dependentSchemas", Form::Map, Dialect::Draft2019),
    ("dependentRequired", Form::Names, Dialect::Draft2019),
];

/// What the value of this keyword has to be, if the dialect has it; where none is named, it may have all.
pub(super) fn form(keyword: &str, dialect: Dialect) -> Option<Form> {
    let known = KEYWORDS.iter().find(|(known, ..)| *known == keyword);
    known.filter(|(_, _, since)| dialect == Dialect::Unsaid || dialect.has(*since)).map(|(_, form, _)| *form)
}

/// Whether a keyword asks for something, and does so only in later dialects than this.
pub(super) fn is_later(keyword: &str, dialect: Dialect) -> bool {
    let since = match keyword {
        "const" => Dialect::Draft6,
        "$defs" => Dialect::Draft4,
        _ => KEYWORDS
            .iter()
            .find(|(known, ..)| *known == keyword)
            .map_or(Dialect::Draft4, |(_, _, since)| *since),
    };
    !dialect.has(since)
}

/// Why a value cannot be that of a keyword, if it cannot in this dialect.
pub(super) fn misfit(form: Form, value: &Json, dialect: Dialect) -> Option<&'static str> {
    let is_schema = |value: &Json| value.is_object() || value.is_boolean();
    let is_names = |value: &Json| value.as_array().is_some_and(|names| names.iter().all(Json::is_string));
    let all = |value: &Json, fits: &dyn Fn(&Json) -> bool| {
        value.as_object().is_some_and(|members| members.values().all(fits))
    };
    let number = value.as_f64();
    let (fits, wants) = match form {
        Form::Schema => (is_schema(value), "must be a schema"),
        Form::Schemas => (
            value.as_array().is_some_and(|list| !list.is_empty() && list.iter().all(is_schema)),
            "must be a list of schemas with at least one",
        ),
        Form::Map => (all(value, &is_schema), "must be an object whose values are schemas"),
        Form::Items if dialect == Dialect::Draft2020 => {
            (is_schema(value), "must be a schema (2020-12 has `prefixItems` for a list of them)")
        }
        Form::Items => (
            is_schema(value) || value.as_array().is_some_and(|list| list.iter().all(is_schema)),
            "must be a schema or a list of schemas",
        ),
        Form::Dependencies => (
            all(value, &|value| is_schema(value) || is_names(value)),
            "must be an object whose values are schemas or lists of names",
        ),
        Form::Names => (all(value, &is_names), "must be an object whose values are lists of names"),
        Form::Required => (is_names(value), "must be a list of names"),
        Form::Type => (is_type(value), "must be the name of a JSON type, or a list of them"),
        Form::Count => (
            number.is_some_and(|number| number >= 0.0 && number.fract() == 0.0),
            "must be a whole number of at least 0",
        ),
        Form::Number => (value.is_number(), "must be a number"),
        Form::Positive => (number.is_some_and(|number| number > 0.0), "must be a number above 0"),
        Form::Exclusive if dialect <= Dialect::Draft4 => {
            (value.is_number() || value.is_boolean(), "must be a number or a boolean")
        }
        Form::Exclusive => (value.is_number(), "must be a number (only draft 4 has a boolean here)"),
        Form::Text => (value.is_string(), "must be a string"),
        Form::Flag => (value.is_boolean(), "must be true or false"),
        Form::List => (value.is_array(), "must be a list"),
    };
    (!fits).then_some(wants)
}

fn is_type(value: &Json) -> bool {
    let is_one = |value: &Json| value.as_str().is_some_and(|name| TYPES.contains(&name));
    match value {
        Json::Array(list) => !list.is_empty() && list.iter().all(is_one),
        one => is_one(one),
    }
}

/// The names of types.
const TYPES: &[&str] = &["string", "object", "array", "number", "integer", "boolean", "null"];

/// Whether a value is of this type.
pub(super) fn is_of(value: &Json, name: &str) -> bool {
    match name {
        "string" => value.is_string(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => true,
    }
}

/// Whether a value is of a type that `type` allows; `true` where there is none that can be read.
pub(super) fn is_allowed(value: &Json, types: Option<&Json>) -> bool {
    match types {
        Some(Json::String(name)) => is_of(value, name),
        Some(Json::Array(names)) => {
            names.iter().any(|name| name.as_str().is_none_or(|name| is_of(value, name)))
        }
        _ => true,
    }
}
