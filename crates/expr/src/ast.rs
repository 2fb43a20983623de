//! The tree of an expression, before it is checked.

use std::ops::Range;

use crate::fault::Spot;

/// How high a tree may grow, so that whoever walks it needs a bounded stack.
pub(crate) const MAX_HEIGHT: u16 = 100;

/// A part of an expression and the place where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) at: Range<usize>,
    height: u16,
}

/// What a part is.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
    Name(String),
    /// `of.name`; the place is the name's.
    Select(Box<Node>, String, Range<usize>),
    Index(Box<Node>, Box<Node>),
    /// A function or, with a receiver, a method; the place is the name's.
    Call(Option<Box<Node>>, String, Range<usize>, Vec<Node>),
    Not(Box<Node>),
    Negate(Box<Node>),
    /// Joined by `&&`, at least two.
    All(Vec<Node>),
    /// Joined by `||`, at least two.
    Any(Vec<Node>),
    Binary(Binary, Box<Node>, Box<Node>),
    /// Condition, then, else.
    Choice(Box<[Node; 3]>),
    List(Vec<Node>),
}

/// An operator between two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    Equal,
    Differs,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Binary {
    /// The operator as it is written.
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::Differs => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::In => "in",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }

    /// The operator that is written so.
    pub(crate) fn of(sign: &str) -> Option<Self> {
        const ALL: [Binary; 12] = [
            Binary::Equal,
            Binary::Differs,
            Binary::Less,
            Binary::LessOrEqual,
            Binary::Greater,
            Binary::GreaterOrEqual,
            Binary::In,
            Binary::Add,
            Binary::Subtract,
            Binary::Multiply,
            Binary::Divide,
            Binary::Remainder,
        ];
        ALL.into_iter().find(|operator| operator.sign() == sign)
    }

    /// How tightly it binds: comparisons 1, sums 2, products 3.
    pub(crate) fn strength(self) -> u8 {
        match self {
            Self::Add | Self::Subtract => 2,
            Self::Multiply | Self::Divide | Self::Remainder => 3,
            _ => 1,
        }
    }

    /// Whether it asks for an order.
    pub(crate) fn is_order(self) -> bool {
        matches!(self, Self::Less | Self::LessOrEqual | Self::Greater | Self::GreaterOrEqual)
    }
}

impl Node {
    /// A node one higher than its highest child, unless that is too high.
    pub(crate) fn new(kind: Kind, at: Range<usize>) -> Result<Self, Spot> {
        let height = kind.children().map(|child| child.height).max().unwrap_or(0) + 1;
        if height > MAX_HEIGHT {
            return Err(too_deep(at));
        }
        Ok(Self { kind, at, height })
    }
}

/// The mistake of nesting too deeply.
pub(crate) fn too_deep(at: Range<usize>) -> Spot {
    Spot::new(at, format!("the expression is nested more than {MAX_HEIGHT} levels deep"))
}

impl Kind {
    fn children(&self) -> Box<dyn Iterator<Item = &Node> + '_> {
        match self {
            Self::Null | Self::Bool(_) | Self::Int(_) | Self::Double(_) | Self::Text(_) | Self::Name(_) => {
                Box::new(std::iter::empty())
            }
            Self::Select(node, ..) | Self::Not(node) | Self::Negate(node) => {
                Box::new(std::iter::once(&**node))
            }
            Self::Index(of, at) | Self::Binary(_, of, at) => Box::new([&**of, &**at].into_iter()),
            Self::Call(on, _, _, given) => Box::new(on.iter().map(|node| &**node).chain(given)),
            Self::All(parts) | Self::Any(parts) | Self::List(parts) => Box::new(parts.iter()),
            Self::Choice(parts) => Box::new(parts.iter()),
        }
    }
}
