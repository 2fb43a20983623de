//! A planted secret: which, in what clothes, where.

use serde_json::{Value, json};
use tapgate_testkit::Chance;

use super::code::{Alphabet, Padding, base64, hex, percent, percent_all, unicode};
use super::family::{FAMILIES, Family, Known};

/// The clothes in which a secret travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Plain,
    Unicode,
    Percent,
    PercentAll,
    Base64,
    Base64Url,
    Base64OfJson,
    JsonInString,
    JsonTwice,
    Hex,
    DataUri,
}

/// All of them.
pub(crate) const ENCODINGS: &[Encoding] = &[
    Encoding::Plain,
    Encoding::Unicode,
    Encoding::Percent,
    Encoding::PercentAll,
    Encoding::Base64,
    Encoding::Base64Url,
    Encoding::Base64OfJson,
    Encoding::JsonInString,
    Encoding::JsonTwice,
    Encoding::Hex,
    Encoding::DataUri,
];

/// One secret that must be found nowhere.
#[derive(Clone, Debug)]
pub(crate) struct Plant {
    pub(crate) family: Family,
    pub(crate) encoding: Encoding,
    pub(crate) place: &'static str,
    pub(crate) secret: String,
}

impl Plant {
    /// Draws a secret of the family.
    pub(crate) fn draw(family: Family, encoding: Encoding, place: &'static str, chance: &mut Chance) -> Self {
        Self { family, encoding, place, secret: family.draw(chance) }
    }

    /// Who it is, for the report of a failure.
    pub(crate) fn label(&self) -> String {
        format!("{} in {}, {:?}", self.family.name, self.place, self.encoding)
    }

    /// The secret in its encoding as one JSON value.
    pub(crate) fn json(&self) -> String {
        let value = match self.family.known {
            Known::Name(name) => json!({ name: self.secret, "page": 2 }),
            Known::Shape | Known::Context(_) => Value::from(self.plain()),
        };
        match self.encoding {
            Encoding::Plain => value.to_string(),
            Encoding::Unicode => match &value {
                Value::Object(members) => {
                    let members = members.iter().map(|(name, value)| {
                        let text = value.as_str().unwrap_or("2");
                        format!("\"{}\":\"{}\"", unicode(name), unicode(text))
                    });
                    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
                }
                _ => format!("\"{}\"", unicode(value.as_str().unwrap_or_default())),
            },
            _ => Value::from(self.encoded(&match value {
                Value::String(text) => text,
                members => members.to_string(),
            }))
            .to_string(),
        }
    }

    /// The secret in its encoding as one JSON string.
    pub(crate) fn string(&self) -> String {
        match self.encoding {
            Encoding::Unicode => format!("\"{}\"", unicode(&self.plain())),
            _ => Value::from(self.text()).to_string(),
        }
    }

    /// The secret in its encoding as text.
    pub(crate) fn text(&self) -> String {
        self.encoded(&self.plain())
    }

    /// The secret with all that makes it one, as people write it.
    fn plain(&self) -> String {
        match self.family.known {
            Known::Shape => format!("use {} for this", self.secret),
            // The first @ is the place; connection strings have one of their own behind it.
            Known::Context(around) => {
                let (before, behind) = around.split_once('@').expect("a place");
                format!("{before}{}{behind}", self.secret)
            }
            Known::Name(name) if self.secret.contains([' ', ';']) => json!({ name: self.secret }).to_string(),
            Known::Name(name) => format!("{name}={}", self.secret),
        }
    }

    fn encoded(&self, text: &str) -> String {
        let bytes = text.as_bytes();
        match self.encoding {
            Encoding::Plain | Encoding::Unicode => text.to_owned(),
            Encoding::Percent => percent(bytes),
            Encoding::PercentAll => percent_all(bytes),
            Encoding::Base64 => base64(bytes, Alphabet::Standard, Padding::Yes),
            Encoding::Base64Url => base64(bytes, Alphabet::Url, Padding::No),
            Encoding::Base64OfJson => base64(note(text).as_bytes(), Alphabet::Standard, Padding::Yes),
            Encoding::JsonInString => note(text),
            Encoding::JsonTwice => note(&note(text)),
            Encoding::Hex => hex(bytes),
            Encoding::DataUri => {
                format!("data:text/plain;base64,{}", base64(bytes, Alphabet::Standard, Padding::Yes))
            }
        }
    }
}

fn note(text: &str) -> String {
    let inner = serde_json::from_str(text).ok().filter(Value::is_object);
    json!({ "id": 7, "note": inner.unwrap_or_else(|| Value::from(text)) }).to_string()
}

/// All families and encodings, drawn in turns: each call gives the next pair.
///
/// The step between families shares no divisor with their number, so that each meets every encoding.
pub(crate) struct Sower {
    pub(crate) chance: Chance,
    n_drawn: usize,
    pub(crate) plants: Vec<Plant>,
}

impl Sower {
    pub(crate) fn new(seed: u64) -> Self {
        Self { chance: Chance::new(seed), n_drawn: 0, plants: Vec::new() }
    }

    /// Plants the next secret at `place`.
    pub(crate) fn plant(&mut self, place: &'static str) -> Plant {
        let n = self.n_drawn;
        self.n_drawn += 1;
        let family = FAMILIES[n % FAMILIES.len()];
        let encoding = ENCODINGS[(n / FAMILIES.len() + n) % ENCODINGS.len()];
        let plant = Plant::draw(family, encoding, place, &mut self.chance);
        self.keep(plant)
    }

    /// Plants a secret of this family in these clothes.
    pub(crate) fn plant_as(&mut self, family: &str, encoding: Encoding, place: &'static str) -> Plant {
        let family = *FAMILIES.iter().find(|known| known.name == family).expect(family);
        let plant = Plant::draw(family, encoding, place, &mut self.chance);
        self.keep(plant)
    }

    /// Plants a secret that only its place tells.
    pub(crate) fn plant_value(&mut self, place: &'static str) -> String {
        self.plant_as("client_secret", Encoding::Plain, place).secret
    }

    fn keep(&mut self, plant: Plant) -> Plant {
        self.plants.push(plant.clone());
        plant
    }
}
