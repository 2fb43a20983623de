//! Filters: reading never panics, and the canonical text of a filter is the same filter.

use tapgate_expr::{FIELDS, Field, Fields, Filter, Value};

#[expect(clippy::panic, reason = "a property that does not hold is a panic")]
pub(crate) fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let filter = match Filter::parse(text) {
        Ok(filter) => filter,
        Err(mistake) => {
            assert!(!mistake.to_string().is_empty(), "a mistake says what it is");
            return;
        }
    };
    let again = match Filter::parse(filter.to_cel()) {
        Ok(again) => again,
        Err(mistake) => panic!(
            "the canonical text {:?} of {text:?} is no filter: {mistake}",
            filter.to_cel()
        ),
    };
    assert_eq!(
        again.to_cel(),
        filter.to_cel(),
        "the canonical text of {text:?} has another one"
    );
    for spec in FIELDS {
        assert_eq!(
            again.names(spec.field),
            filter.names(spec.field),
            "{} in {text:?}",
            spec.name
        );
    }
    for exchange in [&Nothing as &dyn Fields, &Something] {
        assert_eq!(
            again.matches(exchange),
            filter.matches(exchange),
            "{text:?} and {:?}",
            filter.to_cel()
        );
    }
}

/// An exchange of which nothing is known.
struct Nothing;

impl Fields for Nothing {
    fn value(&self, field: Field) -> Value<'_> {
        field.spec().empty()
    }
}

/// An exchange whose fields hold what their type allows.
struct Something;

impl Fields for Something {
    fn value(&self, field: Field) -> Value<'_> {
        match field.spec().empty() {
            Value::Text(_) => Value::text("search"),
            Value::Int(_) | Value::Null => Value::Int(7),
            Value::Bool(_) => Value::Bool(true),
            Value::Duration(_) => Value::Duration(2_000_000_000),
            Value::Time(_) => Value::Time(1_785_196_800_000_000_000),
            Value::List(_) => Value::List(vec![Value::text("dev"), Value::text("search")]),
            other => other,
        }
    }
}
