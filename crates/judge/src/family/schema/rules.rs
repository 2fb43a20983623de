//! What can be wrong with tools and their schemas.

mod portable;
mod shape;
mod valid;

use tapgate_wire::Rule;

pub(super) use self::portable::{
    DEEP, LONG_ENUM, MANY, RECURSIVE, ROOT_COMPOSITION, UNDESCRIBED, UNTYPED, WIDE,
};
pub(super) use self::shape::{LARGE, MISSING, NAME, OUTPUT_ROOT, ROOT};
pub(super) use self::valid::{
    CONTRADICTION, EXTERNAL_REF, INVALID, OLD_DIALECT, REQUIRED_ABSENT, REQUIRED_INSIDE, UNKNOWN_DIALECT,
    UNRESOLVED_REF,
};

pub(in crate::family) const RULES: &[&Rule] = &[
    &MISSING,
    &ROOT,
    &OUTPUT_ROOT,
    &NAME,
    &LARGE,
    &UNKNOWN_DIALECT,
    &OLD_DIALECT,
    &INVALID,
    &REQUIRED_INSIDE,
    &REQUIRED_ABSENT,
    &CONTRADICTION,
    &EXTERNAL_REF,
    &UNRESOLVED_REF,
    &RECURSIVE,
    &ROOT_COMPOSITION,
    &DEEP,
    &WIDE,
    &LONG_ENUM,
    &UNTYPED,
    &UNDESCRIBED,
    &MANY,
];
