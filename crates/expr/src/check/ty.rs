//! Kinds of values, and which fit together.

use crate::ast::{Binary, Node};
use crate::fault::Spot;
use crate::field::{Field, Type};

/// What is known of a value before there is one.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ty {
    Any,
    Null,
    Bool,
    Int,
    Double,
    Text,
    Word(Field),
    Duration,
    Time,
    List(Box<Ty>),
}

impl Ty {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Any => "value of any kind",
            Self::Null => "null",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Double => "double",
            Self::Text | Self::Word(_) => "string",
            Self::Duration => "duration",
            Self::Time => "timestamp",
            Self::List(_) => "list",
        }
    }

    /// The name with its article.
    pub(super) fn an(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Int => "an int".to_owned(),
            _ => format!("a {}", self.name()),
        }
    }

    /// Whether values of the two can be equal at all.
    pub(super) fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any | Self::Null, _)
            | (_, Self::Any | Self::Null)
            | (Self::Int | Self::Double, Self::Int | Self::Double) => true,
            (Self::List(a), Self::List(b)) => a.meets(b),
            _ => self.name() == other.name(),
        }
    }

    pub(super) fn is_ordered(&self) -> bool {
        !matches!(self, Self::Null | Self::List(_))
    }
}

/// What a field is.
pub(super) fn of_field(field: Field) -> Ty {
    match field.spec().kind {
        Type::Text => Ty::Text,
        Type::Word(_) => Ty::Word(field),
        Type::Int | Type::MaybeInt => Ty::Int,
        Type::Bool => Ty::Bool,
        Type::Duration => Ty::Duration,
        Type::Time => Ty::Time,
        Type::Texts => Ty::List(Box::new(Ty::Text)),
        Type::Json => Ty::Any,
    }
}

/// The type of a sum, a difference, a product or a quotient; CEL never mixes whole numbers and others there.
pub(super) fn sum(operator: Binary, a: &Ty, b: &Ty) -> Option<Ty> {
    match (operator, a, b) {
        (_, Ty::Any, _) | (_, _, Ty::Any) => Some(Ty::Any),
        (_, Ty::Int, Ty::Int) => Some(Ty::Int),
        (Binary::Remainder, ..) => None,
        (_, Ty::Double, Ty::Double) => Some(Ty::Double),
        (Binary::Add, Ty::Text | Ty::Word(_), Ty::Text | Ty::Word(_)) => Some(Ty::Text),
        (Binary::Add, Ty::List(a), Ty::List(b)) => {
            Some(Ty::List(if a == b { a.clone() } else { Box::new(Ty::Any) }))
        }
        (Binary::Add | Binary::Subtract, Ty::Duration, Ty::Duration)
        | (Binary::Subtract, Ty::Time, Ty::Time) => Some(Ty::Duration),
        (Binary::Add | Binary::Subtract, Ty::Time, Ty::Duration) | (Binary::Add, Ty::Duration, Ty::Time) => {
            Some(Ty::Time)
        }
        _ => None,
    }
}

/// The mistake of an operator between values that it does not work on.
pub(super) fn misfit(operator: Binary, a: &Ty, b: &Ty, node: &Node) -> Spot {
    let says = format!("`{}` does not work between {} and {}", operator.sign(), a.an(), b.an());
    let spot = Spot::new(node.at.clone(), says);
    match (operator, a, b) {
        (_, Ty::Duration, Ty::Int | Ty::Double) | (_, Ty::Int | Ty::Double, Ty::Duration) => {
            spot.help("a duration is written `duration(\"1s\")`")
        }
        (_, Ty::Duration, Ty::Text) => spot.help("a duration is written `duration(\"1s\")`, not \"1s\""),
        (_, Ty::Time, Ty::Text) => spot.help("a time is written `timestamp(\"2026-07-28T10:00:00Z\")`"),
        (Binary::In, _, Ty::Text | Ty::Word(_)) => spot.help("a text inside a text is `a.contains(\"b\")`"),
        (Binary::Equal, Ty::List(_), _) => spot.help("an item of a list is `\"x\" in list`"),
        _ => spot,
    }
}
