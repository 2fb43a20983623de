//! Makes the table of revisions in `wire` from the JSON schemas of the specification.
//!
//! The table holds facts only: names, who sends what, which fields there are and which are required. The
//! schemas stay outside the project; what they do not hold stands in `revision.rs` by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::{Map, Value};

use crate::generated::digest;

/// What to do with the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Compare it with what the schemas say.
    Check,
    /// Write it anew.
    Write,
}

/// Makes the table from `schemas_dir`, which holds one `<revision>.json` per revision.
///
/// # Errors
///
/// When a schema cannot be read or understood, or, in [`Mode::Check`], when the table is stale.
pub(crate) fn run(schemas_dir: &Path, mode: Mode) -> anyhow::Result<()> {
    let schemas = read(schemas_dir)?;
    let table = table(&schemas)?;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/wire/src/revision/table.rs");
    if mode == Mode::Write {
        return std::fs::write(&path, table).with_context(|| format!("failed to write {}", path.display()));
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    if committed != table {
        bail!(
            "crates/wire/src/revision/table.rs is stale; run `cargo xtask generate --schemas {}` and commit it",
            schemas_dir.display()
        );
    }
    Ok(())
}

/// Schemas by revision, oldest first.
type Schemas = BTreeMap<String, Map<String, Value>>;

/// Numbers of revisions, counted from the oldest.
type Revisions = BTreeSet<usize>;

/// Names of fields, and in which revisions they are known and required.
type Fields = BTreeMap<String, (Revisions, Revisions)>;

#[derive(Default)]
struct Method {
    is_request: bool,
    by_client: Revisions,
    by_server: Revisions,
    as_input: Revisions,
    params: Fields,
    result: Fields,
}

fn read(dir: &Path) -> anyhow::Result<Schemas> {
    let mut schemas = Schemas::new();
    let entries = std::fs::read_dir(dir).with_context(|| format!("failed to read {}", dir.display()))?;
    let paths: Vec<PathBuf> = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()?;
    for path in paths
        .iter()
        .filter(|path| path.extension().is_some_and(|suffix| suffix == "json"))
    {
        let text = std::fs::read_to_string(path)?;
        let schema: Value =
            serde_json::from_str(&text).with_context(|| format!("failed to parse {}", path.display()))?;
        let definitions = schema.get("$defs").or_else(|| schema.get("definitions"));
        let Some(definitions) = definitions.and_then(Value::as_object) else {
            bail!("{} has no definitions", path.display());
        };
        let revision = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        schemas.insert(revision, definitions.clone());
    }
    if schemas.is_empty() {
        bail!("{} holds no schema", dir.display());
    }
    Ok(schemas)
}

fn table(schemas: &Schemas) -> anyhow::Result<String> {
    let names: Vec<_> = schemas
        .keys()
        .map(|revision| format!("V{}", revision.replace('-', "_")))
        .collect();
    let mut methods: BTreeMap<String, Method> = BTreeMap::new();
    let mut errors: BTreeMap<i64, (String, Revisions)> = BTreeMap::new();
    let mut keys: BTreeMap<String, Revisions> = BTreeMap::new();
    for (n, definitions) in schemas.values().enumerate() {
        add_methods(n, definitions, &mut methods).with_context(|| format!("in schema {n}"))?;
        for (name, definition) in definitions {
            if let Some(code) = error_code(definition) {
                let name = name.trim_end_matches("Error").to_owned();
                errors
                    .entry(code)
                    .or_insert_with(|| (name, Revisions::new()))
                    .1
                    .insert(n);
            }
            add_meta_keys(n, name, definition, &mut keys);
        }
    }
    Ok(print(&names, &methods, &errors, &keys))
}

fn add_methods(
    n: usize,
    definitions: &Map<String, Value>,
    methods: &mut BTreeMap<String, Method>,
) -> anyhow::Result<()> {
    let unions = [
        "ClientRequest",
        "ClientNotification",
        "ServerRequest",
        "ServerNotification",
        "InputRequest",
    ];
    for union in unions {
        let Some(definition) = definitions.get(union) else {
            continue;
        };
        // A union of one stands there as it is.
        let alone = [definition.clone()];
        let members = definition
            .get("anyOf")
            .and_then(Value::as_array)
            .map_or(&alone[..], Vec::as_slice);
        for member in members {
            let own_name = reference(member).unwrap_or(union);
            let definition = resolve(member, definitions);
            let Some(method) = definition
                .pointer("/properties/method/const")
                .and_then(Value::as_str)
            else {
                bail!("{own_name} has no method");
            };
            let method = methods.entry(method.to_owned()).or_default();
            method.is_request = union.ends_with("Request");
            match union {
                "ClientRequest" | "ClientNotification" => method.by_client.insert(n),
                "InputRequest" => method.as_input.insert(n),
                _ => method.by_server.insert(n),
            };
            if let Some(params) = definition.pointer("/properties/params") {
                add_fields(n, params, definitions, &mut method.params);
            }
            let result = own_name.replace("Request", "Result");
            let result = definitions.get(&result).filter(|_| method.is_request);
            if let Some(result) = result.or_else(|| definitions.get("Result").filter(|_| method.is_request)) {
                add_fields(n, result, definitions, &mut method.result);
            }
        }
    }
    Ok(())
}

fn add_fields(n: usize, schema: &Value, definitions: &Map<String, Value>, fields: &mut Fields) {
    let (known, required) = known_and_required(schema, definitions);
    for name in known {
        let field = fields.entry(name.clone()).or_default();
        field.0.insert(n);
        if required.contains(&name) {
            field.1.insert(n);
        }
    }
}

/// The fields of a schema: those of all its parts, and of its alternatives the ones that all require.
fn known_and_required(
    schema: &Value,
    definitions: &Map<String, Value>,
) -> (BTreeSet<String>, BTreeSet<String>) {
    let schema = resolve(schema, definitions);
    let properties = schema.get("properties").and_then(Value::as_object);
    let mut known: BTreeSet<_> = properties.into_iter().flat_map(Map::keys).cloned().collect();
    let names = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let mut required: BTreeSet<_> = names.filter_map(Value::as_str).map(str::to_owned).collect();
    let parts = |name: &str| schema.get(name).and_then(Value::as_array).into_iter().flatten();
    for part in parts("allOf") {
        let (more, more_required) = known_and_required(part, definitions);
        known.extend(more);
        required.extend(more_required);
    }
    let alternatives: Vec<_> = parts("anyOf")
        .chain(parts("oneOf"))
        .map(|part| known_and_required(part, definitions))
        .collect();
    let shared = alternatives.iter().map(|(_, required)| required.clone());
    required.extend(shared.reduce(|all, next| &all & &next).unwrap_or_default());
    known.extend(alternatives.into_iter().flat_map(|(known, _)| known));
    (known, required)
}

fn reference(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.rsplit('/').next()
}

fn resolve<'a>(schema: &'a Value, definitions: &'a Map<String, Value>) -> &'a Value {
    reference(schema)
        .and_then(|name| definitions.get(name))
        .map_or(schema, |found| resolve(found, definitions))
}

/// The code of an error's definition, which stands in it or in the error that it wraps.
fn error_code(definition: &Value) -> Option<i64> {
    let code = |schema: &Value| schema.pointer("/properties/code/const").and_then(Value::as_i64);
    let parts = definition
        .pointer("/properties/error/allOf")
        .and_then(Value::as_array);
    code(definition).or_else(|| parts?.iter().find_map(code))
}

/// Keys of `_meta` objects: those of the definitions that are named after it, and of those in place.
fn add_meta_keys(n: usize, name: &str, schema: &Value, keys: &mut BTreeMap<String, Revisions>) {
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        if name == "_meta" || name.ends_with("MetaObject") {
            for key in properties.keys() {
                keys.entry(key.clone()).or_default().insert(n);
            }
        }
        for (name, property) in properties {
            add_meta_keys(n, name, property, keys);
        }
    }
}

fn print(
    names: &[String],
    methods: &BTreeMap<String, Method>,
    errors: &BTreeMap<i64, (String, Revisions)>,
    keys: &BTreeMap<String, Revisions>,
) -> String {
    let set = |revisions: &Revisions| print_set(names, revisions);
    let mut out = format!(
        "//! What the official JSON schemas say.\n\n\
         use super::Revision::{{{}}};\nuse super::{{ErrorCode, Field, MetaKey, Method, Revisions}};\n",
        names.join(", ")
    );
    let mut line = |text: &str| {
        out.push_str(text);
        out.push('\n');
    };
    line("\npub(super) const METHODS: &[Method] = &[");
    for (name, method) in methods {
        line("    Method {");
        line(&format!(
            "        name: {name:?}, is_request: {},",
            method.is_request
        ));
        let senders = [
            ("by_client", &method.by_client),
            ("by_server", &method.by_server),
            ("as_input", &method.as_input),
        ];
        line(
            &senders
                .map(|(title, revisions)| format!("        {title}: {},", set(revisions)))
                .join("\n"),
        );
        for (title, fields) in [("params", &method.params), ("result", &method.result)] {
            if fields.is_empty() {
                line(&format!("        {title}: &[],"));
                continue;
            }
            line(&format!("        {title}: &["));
            for (name, (known, required)) in fields {
                let (known, required) = (set(known), set(required));
                line(&format!(
                    "            Field {{ name: {name:?}, known: {known}, required: {required} }},"
                ));
            }
            line("        ],");
        }
        line("    },");
    }
    line("];\n\npub(super) const ERRORS: &[ErrorCode] = &[");
    for (code, (name, revisions)) in errors {
        line(&format!(
            "    ErrorCode {{ code: {}, name: {name:?}, revisions: {} }},",
            separated(*code),
            set(revisions)
        ));
    }
    line("];\n\npub(super) const META_KEYS: &[MetaKey] = &[");
    for (key, revisions) in keys {
        line(&format!(
            "    MetaKey {{ key: {key:?}, revisions: {} }},",
            set(revisions)
        ));
    }
    line("];");
    format!(
        "// @generated by `cargo xtask generate`, digest {:016x}: not to be edited.\n{out}",
        digest(&out)
    )
}

/// A number as the lints want it: `-32_601`.
fn separated(code: i64) -> String {
    match (code / 1000, (code % 1000).abs()) {
        (0, _) => code.to_string(),
        (thousands, rest) => format!("{thousands}_{rest:03}"),
    }
}

/// Revisions as ranges: `Revisions::NONE.with(V2024_11_05, V2025_06_18)`.
fn print_set(names: &[String], revisions: &Revisions) -> String {
    let numbers: Vec<_> = revisions.iter().copied().collect();
    let name = |number: Option<&usize>| {
        number
            .and_then(|number| names.get(*number))
            .map_or("", String::as_str)
    };
    let ranges = numbers.chunk_by(|number, next| number + 1 == *next);
    let with = ranges.map(|range| format!(".with({}, {})", name(range.first()), name(range.last())));
    format!("Revisions::NONE{}", with.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schemas(texts: &[(&str, &str)]) -> Schemas {
        let parse = |text: &str| serde_json::from_str(text).expect("the schema is JSON");
        texts
            .iter()
            .map(|(revision, text)| ((*revision).to_owned(), parse(text)))
            .collect()
    }

    #[test]
    fn a_method_has_its_senders_and_fields_of_every_revision() {
        let old = r##"{
            "ClientRequest": {"anyOf": [{"$ref": "#/$defs/AddRequest"}]},
            "AddRequest": {"properties": {"method": {"const": "add"}, "params": {"properties": {"a": {}}, "required": ["a"]}}}
        }"##;
        let new = r##"{
            "ClientRequest": {"anyOf": [{"$ref": "#/$defs/AddRequest"}]},
            "AddRequest": {"properties": {"method": {"const": "add"}, "params": {"$ref": "#/$defs/AddParams"}}},
            "AddParams": {"anyOf": [
                {"properties": {"b": {}, "c": {}}, "required": ["b", "c"]}, {"properties": {"b": {}}, "required": ["b"]}
            ]},
            "AddResult": {"properties": {"sum": {}}, "required": ["sum"]},
            "ClientNotification": {"properties": {"method": {"const": "notifications/done"}}},
            "OddError": {"properties": {"error": {"allOf": [{}, {"properties": {"code": {"const": -32001}}}]}}},
            "RequestMetaObject": {"properties": {"x/key": {}}}
        }"##;
        let table = table(&schemas(&[("2001-01-01", old), ("2002-02-02", new)])).expect("it is understood");
        for expected in [
            "by_client: Revisions::NONE.with(V2001_01_01, V2002_02_02),",
            "Field { name: \"a\", known: Revisions::NONE.with(V2001_01_01, V2001_01_01), required: Revisions::NONE.with(V2001_01_01, V2001_01_01) }",
            "Field { name: \"b\", known: Revisions::NONE.with(V2002_02_02, V2002_02_02), required: Revisions::NONE.with(V2002_02_02, V2002_02_02) }",
            "Field { name: \"c\", known: Revisions::NONE.with(V2002_02_02, V2002_02_02), required: Revisions::NONE }",
            "Field { name: \"sum\",",
            "ErrorCode { code: -32_001, name: \"Odd\",",
            "MetaKey { key: \"x/key\",",
        ] {
            assert!(table.contains(expected), "{expected} is not in\n{table}");
        }
    }

    #[test]
    fn revisions_with_a_gap_are_two_ranges() {
        let names: Vec<_> = ["A", "B", "C", "D"].map(str::to_owned).into();
        assert_eq!(
            print_set(&names, &[0, 1, 3].into()),
            "Revisions::NONE.with(A, B).with(D, D)"
        );
    }
}
