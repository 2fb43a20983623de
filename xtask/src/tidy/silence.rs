//! Lints and tests are never silenced without a reason.

use super::Breach;
use super::code::Code;
use crate::house::House;

/// Refuses `#[allow(…)]` and `#[ignore]`, also inside `cfg_attr`.
pub(super) fn silence(house: &House) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for path in house.with_extension("rs") {
        let Some(text) = house.text(path) else { continue };
        match Code::read(&text) {
            Err(says) => breaches.push(Breach::new(path, 0, says)),
            Ok(code) => breaches.extend(code.attributes.iter().filter_map(|(name, line)| {
                let says = match name.as_str() {
                    "allow" => "silence a lint with `#[expect(…, reason = \"…\")]`, never with `allow`",
                    "ignore" => "a test that is wrong today asserts today's behaviour, it is never ignored",
                    _ => return None,
                };
                Some(Breach::new(path, *line, says))
            })),
        }
    }
    breaches
}
