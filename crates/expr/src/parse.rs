//! Reads tokens into a tree, by the grammar of the language definition of CEL.

use std::ops::Range;

use crate::ast::{Binary, Kind, MAX_HEIGHT, Node, too_deep};
use crate::fault::Spot;
use crate::lex::{Lexeme, Token, lex};

/// Reads an expression.
pub(crate) fn parse(text: &str) -> Result<Node, Spot> {
    let mut parser = Parser { tokens: lex(text)?, next: 0, depth: 0 };
    let node = parser.expression()?;
    match parser.peek().kind {
        Lexeme::End => Ok(node),
        _ => Err(parser.unexpected("an operator or the end")),
    }
}

struct Parser {
    /// Invariant: the last token is [`Lexeme::End`].
    tokens: Vec<Token>,
    next: usize,
    depth: u16,
}

const END: &Token = &Token { kind: Lexeme::End, at: 0..0 };

impl Parser {
    fn expression(&mut self) -> Result<Node, Spot> {
        self.deeper(|parser| {
            let condition = parser.any()?;
            if !parser.take("?") {
                return Ok(condition);
            }
            let then = parser.any()?;
            parser.demand(":")?;
            let otherwise = parser.expression()?;
            let at = condition.at.start..otherwise.at.end;
            Node::new(Kind::Choice(Box::new([condition, then, otherwise])), at)
        })
    }

    /// Runs `read` one level deeper, unless that is too deep for the stack.
    fn deeper(&mut self, read: impl FnOnce(&mut Self) -> Result<Node, Spot>) -> Result<Node, Spot> {
        if self.depth >= MAX_HEIGHT {
            return Err(too_deep(self.peek().at.clone()));
        }
        self.depth += 1;
        let node = read(self);
        self.depth -= 1;
        node
    }

    fn any(&mut self) -> Result<Node, Spot> {
        self.joined("||", Self::all, Kind::Any)
    }

    fn all(&mut self) -> Result<Node, Spot> {
        self.joined("&&", |parser| parser.binary(1), Kind::All)
    }

    fn joined(
        &mut self,
        sign: &str,
        part: fn(&mut Self) -> Result<Node, Spot>,
        kind: fn(Vec<Node>) -> Kind,
    ) -> Result<Node, Spot> {
        let first = part(self)?;
        let start = first.at.start;
        let mut parts = vec![first];
        while self.take(sign) {
            parts.push(part(self)?);
        }
        let end = parts.last().map_or(start, |part| part.at.end);
        match parts.len() {
            1 => parts.pop().ok_or_else(|| self.unexpected("a value")),
            _ => Node::new(kind(parts), start..end),
        }
    }

    /// Operators that bind at least as tightly as `strength`, from left to right.
    fn binary(&mut self, strength: u8) -> Result<Node, Spot> {
        let mut left = self.unary()?;
        while let Some(operator) = self.operator().filter(|operator| operator.strength() >= strength) {
            self.next += 1;
            let right = self.binary(operator.strength() + 1)?;
            let at = left.at.start..right.at.end;
            left = Node::new(Kind::Binary(operator, Box::new(left), Box::new(right)), at)?;
        }
        Ok(left)
    }

    fn operator(&self) -> Option<Binary> {
        match &self.peek().kind {
            Lexeme::Sign(sign) => Binary::of(sign),
            Lexeme::Name(name) if name == "in" => Some(Binary::In),
            _ => None,
        }
    }

    fn unary(&mut self) -> Result<Node, Spot> {
        let start = self.peek().at.start;
        if self.take("!") {
            let inner = self.deeper(Self::unary)?;
            let at = start..inner.at.end;
            return Node::new(Kind::Not(Box::new(inner)), at);
        }
        if self.take("-") {
            // The smallest number has no positive twin, so the sign belongs to the literal.
            if let Token { kind: Lexeme::Int(digits), at } = self.peek().clone() {
                self.next += 1;
                let literal = whole(&format!("-{digits}"), start..at.end)?;
                return self.members(literal);
            }
            let inner = self.deeper(Self::unary)?;
            let at = start..inner.at.end;
            return Node::new(Kind::Negate(Box::new(inner)), at);
        }
        let primary = self.primary()?;
        self.members(primary)
    }

    fn members(&mut self, mut node: Node) -> Result<Node, Spot> {
        loop {
            let start = node.at.start;
            if self.take(".") {
                let (name, place) = self.name()?;
                let (kind, end) = if self.take("(") {
                    let given = self.list(")")?;
                    (Kind::Call(Some(Box::new(node)), name, place, given), self.end())
                } else {
                    let end = place.end;
                    (Kind::Select(Box::new(node), name, place), end)
                };
                node = Node::new(kind, start..end)?;
            } else if self.take("[") {
                let at = self.expression()?;
                self.demand("]")?;
                node = Node::new(Kind::Index(Box::new(node), Box::new(at)), start..self.end())?;
            } else {
                return Ok(node);
            }
        }
    }

    fn primary(&mut self) -> Result<Node, Spot> {
        let Token { kind, at } = self.peek().clone();
        match kind {
            Lexeme::Name(name) if name != "in" => {
                self.next += 1;
                self.named(name, at)
            }
            Lexeme::Int(digits) => {
                self.next += 1;
                whole(&digits, at)
            }
            Lexeme::Double(value) => {
                self.next += 1;
                Node::new(Kind::Double(value), at)
            }
            Lexeme::Text(text) => {
                self.next += 1;
                Node::new(Kind::Text(text), at)
            }
            Lexeme::Sign("(") => {
                self.next += 1;
                let mut inner = self.expression()?;
                self.demand(")")?;
                inner.at = at.start..self.end();
                Ok(inner)
            }
            Lexeme::Sign("[") => {
                self.next += 1;
                let items = self.list("]")?;
                Node::new(Kind::List(items), at.start..self.end())
            }
            Lexeme::Sign("{") => Err(Spot::new(at, "map literals have no use here")),
            _ => Err(self.unexpected("a value")),
        }
    }

    /// A literal word, a call, or a name.
    fn named(&mut self, name: String, at: Range<usize>) -> Result<Node, Spot> {
        if self.take("(") {
            let given = self.list(")")?;
            return Node::new(Kind::Call(None, name, at.clone(), given), at.start..self.end());
        }
        let kind = match name.as_str() {
            "true" => Kind::Bool(true),
            "false" => Kind::Bool(false),
            "null" => Kind::Null,
            _ => Kind::Name(name),
        };
        Node::new(kind, at)
    }

    /// Expressions up to `close`, separated by commas.
    fn list(&mut self, close: &'static str) -> Result<Vec<Node>, Spot> {
        let mut items = Vec::new();
        while !self.take(close) {
            items.push(self.expression()?);
            if !self.take(",") {
                self.demand(close)?;
                break;
            }
        }
        Ok(items)
    }

    /// A name after a dot; `in` is one there, because the exchange has `bytes.in`.
    fn name(&mut self) -> Result<(String, Range<usize>), Spot> {
        match self.peek().clone() {
            Token { kind: Lexeme::Name(name), at } => {
                self.next += 1;
                Ok((name, at))
            }
            _ => Err(self.unexpected("a name")),
        }
    }

    fn peek(&self) -> &Token {
        self.tokens.get(self.next).or(self.tokens.last()).unwrap_or(END)
    }

    /// Where the last token that was taken ends.
    fn end(&self) -> usize {
        self.next.checked_sub(1).and_then(|last| self.tokens.get(last)).map_or(0, |token| token.at.end)
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = matches!(&self.peek().kind, Lexeme::Sign(next) if *next == sign);
        self.next += usize::from(found);
        found
    }

    fn demand(&mut self, sign: &'static str) -> Result<(), Spot> {
        if self.take(sign) { Ok(()) } else { Err(self.unexpected(&format!("`{sign}`"))) }
    }

    fn unexpected(&self, wanted: &str) -> Spot {
        let token = self.peek();
        let spot = Spot::new(
            token.at.clone(),
            match token.kind {
                Lexeme::End => format!("the expression ends where {wanted} is expected"),
                _ => format!("{wanted} is expected here"),
            },
        );
        match &token.kind {
            Lexeme::Name(word) if word == "and" => spot.help("write `&&`"),
            Lexeme::Name(word) if word == "or" => spot.help("write `||`"),
            _ => spot,
        }
    }
}

fn whole(digits: &str, at: Range<usize>) -> Result<Node, Spot> {
    match digits.parse() {
        Ok(value) => Node::new(Kind::Int(value), at),
        Err(_) => Err(Spot::new(at, "this number does not fit into 64 bits")),
    }
}
