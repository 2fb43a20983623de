//! Examples in the documentation can be read by what they are written for.

use saphyr_parser::Parser;

use super::Breach;
use super::markdown::{self, Piece};
use crate::house::House;

/// Refuses a `json`, `toml` or `yaml` block that does not parse; `json` may hold one value per line.
pub(super) fn examples(house: &House) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for path in house.with_extension("md") {
        let Some(page) = house.text(path) else { continue };
        for piece in markdown::pieces(&page) {
            let Piece::Block { language, text, line } = piece else {
                continue;
            };
            let outcome = match language {
                "json" => json(&text),
                "toml" => text.parse::<toml::Table>().map(drop).map_err(|error| error.to_string()),
                "yaml" | "yml" => yaml(&text),
                _ => continue,
            };
            if let Err(error) = outcome {
                breaches.push(Breach::new(
                    path,
                    line,
                    format!("this {language} example does not parse: {error}"),
                ));
            }
        }
    }
    breaches
}

fn json(text: &str) -> Result<(), String> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>();
    values.try_for_each(|value| value.map(drop).map_err(|error| error.to_string()))
}

fn yaml(text: &str) -> Result<(), String> {
    Parser::new_from_str(text).try_for_each(|event| event.map(drop).map_err(|error| error.to_string()))
}
