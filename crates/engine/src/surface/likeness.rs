//! How much two items are alike whatever they are called: a rename hides a tool from pins that look at names alone.

use std::collections::BTreeSet;

use super::{Item, Value};

/// From this likeness on, an item that vanished and one that appeared count as one that was renamed.
///
/// Tools that share a pattern ("Lists all issues", "Lists all branches") stay below it as long as their parameters
/// differ, and a tool that was renamed and got one more parameter stays above it.
pub(super) const LIKE: f64 = 0.6;

/// Most features of an item that are looked at.
const MAX_FEATURES: usize = 2_000;

/// From 0 to 1: half of it for the words of the texts, half for the rest of the definition; where both have only one of
/// them, that one counts alone.
pub(super) fn likeness(one: &Item, other: &Item) -> f64 {
    if one.definition.is_none() || other.definition.is_none() {
        return 0.0;
    }
    let (one, other) = (Features::of(one), Features::of(other));
    match (shared(&one.words, &other.words), shared(&one.rest, &other.rest)) {
        (Some(words), Some(rest)) => f64::midpoint(words, rest),
        (Some(alone), None) | (None, Some(alone)) => alone,
        // Two things without any text or shape are alike only in saying nothing.
        (None, None) => 0.0,
    }
}

#[derive(Default)]
struct Features {
    words: BTreeSet<String>,
    rest: BTreeSet<String>,
}

impl Features {
    fn of(item: &Item) -> Self {
        let mut features = Self::default();
        if let Some(Value::Object(members)) = item.value() {
            for (name, value) in &members {
                let name = String::from_utf8_lossy(name);
                match &*name {
                    "name" | "title" | "uri" | "uriTemplate" | "icons" | "_meta" => {}
                    "description" => features.read(value),
                    name => features.walk(name, value),
                }
            }
        }
        // What every tool has says nothing.
        features.rest.remove("inputSchema.type=object");
        features
    }

    fn read(&mut self, text: &Value) {
        let text = text.as_str().unwrap_or_default().to_lowercase();
        let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        self.words.extend(words.take(MAX_FEATURES).map(str::to_owned));
    }

    fn walk(&mut self, path: &str, value: &Value) {
        if self.rest.len() >= MAX_FEATURES {
            return;
        }
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    if name == b"description" && value.bytes().is_some() {
                        self.read(value);
                    } else {
                        self.walk(&format!("{path}.{}", String::from_utf8_lossy(name)), value);
                    }
                }
            }
            Value::List(items) => items.iter().for_each(|item| self.walk(path, item)),
            leaf => {
                let leaf = leaf.as_str().map_or_else(
                    || String::from_utf8_lossy(&leaf.to_json()).into_owned(),
                    std::borrow::Cow::into_owned,
                );
                self.rest.insert(format!("{path}={leaf}"));
            }
        }
    }
}

/// The share of the features of both that both have; `None` when neither has any.
fn shared(one: &BTreeSet<String>, other: &BTreeSet<String>) -> Option<f64> {
    let n_all = one.union(other).count();
    (n_all > 0).then(|| one.intersection(other).count() as f64 / n_all as f64)
}
