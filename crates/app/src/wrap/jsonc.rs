//! JSON as people write it: with comments, trailing commas and a byte order mark.

use super::tree::{Kind, MAX_DEPTH, MAX_VALUES, Member, Mistake, Value};

/// Reads the whole text as one value.
///
/// Stricter clients refuse comments and trailing commas; that is for them to say, we only keep what we find.
pub fn parse(text: &str) -> Result<Value, Mistake> {
    let mut reader = Reader { text, at: 0, depth: 0, n_values: 0 };
    if text.starts_with('\u{feff}') {
        reader.at += '\u{feff}'.len_utf8();
    }
    reader.skip()?;
    if reader.peek().is_none() {
        return Err(reader.mistake("the file is empty"));
    }
    let value = reader.value()?;
    reader.skip()?;
    match reader.peek() {
        None => Ok(value),
        Some(_) => Err(reader.mistake("the file goes on behind its end")),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    n_values: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn mistake(&self, what: impl Into<String>) -> Mistake {
        Mistake::at(self.text, self.at, what)
    }

    /// Passes over blanks and comments.
    fn skip(&mut self) -> Result<(), Mistake> {
        loop {
            let rest = self.rest();
            if rest.starts_with([' ', '\t', '\r', '\n']) {
                self.at += 1;
            } else if rest.starts_with("//") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if let Some(comment) = rest.strip_prefix("/*") {
                let end = comment.find("*/").ok_or_else(|| self.mistake("a comment has no end"))?;
                self.at += end + 4;
            } else {
                return Ok(());
            }
        }
    }

    fn value(&mut self) -> Result<Value, Mistake> {
        self.n_values += 1;
        if self.n_values > MAX_VALUES {
            return Err(self.mistake("there are too many values"));
        }
        let start = self.at;
        let kind = match self.peek() {
            Some(b'{') => Kind::Table(self.inside(b'}', Self::member)?),
            Some(b'[') => Kind::List(self.inside(b']', Self::value)?),
            Some(b'"') => Kind::Text(self.string()?),
            Some(_) => self.scalar()?,
            None => return Err(self.mistake("the file ends too early")),
        };
        Ok(Value { span: start..self.at, kind })
    }

    /// Reads what stands between brackets, and its commas.
    fn inside<T>(
        &mut self,
        close: u8,
        mut one: impl FnMut(&mut Self) -> Result<T, Mistake>,
    ) -> Result<Vec<T>, Mistake> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.mistake("brackets are nested too deeply"));
        }
        let mut found = Vec::new();
        self.at += 1;
        loop {
            self.skip()?;
            if self.peek() == Some(close) {
                break;
            }
            found.push(one(self)?);
            self.skip()?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(byte) if byte == close => break,
                Some(_) => return Err(self.mistake(format!("`,` or `{}` is missing", char::from(close)))),
                None => return Err(self.mistake("the file ends too early")),
            }
        }
        self.at += 1;
        self.depth -= 1;
        Ok(found)
    }

    fn member(&mut self) -> Result<Member, Mistake> {
        let start = self.at;
        if self.peek() != Some(b'"') {
            return Err(self.mistake("a name in double quotes is missing"));
        }
        let key = self.string()?;
        let key_span = start..self.at;
        self.skip()?;
        if self.peek() != Some(b':') {
            return Err(self.mistake("`:` is missing"));
        }
        self.at += 1;
        self.skip()?;
        Ok(Member { key, key_span, value: self.value()? })
    }

    fn string(&mut self) -> Result<String, Mistake> {
        let mut escaped = false;
        let end = self.rest().bytes().skip(1).position(|byte| {
            let closes = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            closes
        });
        let raw = end.and_then(|end| self.rest().get(..end + 2));
        let raw = raw.ok_or_else(|| self.mistake("a string has no end"))?;
        let text = serde_json::from_str(raw).map_err(|_| {
            self.mistake("a string has a line break, a control character or a wrong escape in it")
        })?;
        self.at += raw.len();
        Ok(text)
    }

    fn scalar(&mut self) -> Result<Kind, Mistake> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.' | '_');
        let rest = self.rest();
        let raw = rest.get(..rest.find(|c| !is_part(c)).unwrap_or(rest.len())).unwrap_or_default();
        if serde_json::from_str::<serde_json::Value>(raw).is_err() {
            return Err(self.mistake("a value is missing here"));
        }
        self.at += raw.len();
        Ok(Kind::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(text: &str) -> (usize, usize, String) {
        let Mistake { line, column, what } = parse(text).unwrap_err();
        (line, column, what)
    }

    #[test]
    fn every_value_knows_its_place() {
        let text =
            "\u{feff}// head\r\n{ \"a\\u0062\" : [1, /* , */ \"x\\\"\", ], \"ä\": {\"c\": null,}, }\n// tail";
        let tree = parse(text).unwrap();
        let list = tree.member("ab").unwrap();
        assert_eq!(&text[list.key_span.clone()], "\"a\\u0062\"");
        assert_eq!(&text[list.value.span.clone()], "[1, /* , */ \"x\\\"\", ]");
        assert_eq!(&text[list.value.list().unwrap()[1].span.clone()], "\"x\\\"\"");
        assert_eq!(list.value.list().unwrap()[1].text(), Some("x\""));
        let path = ["ä".to_owned(), "c".to_owned()];
        assert_eq!(&text[tree.at(&path).unwrap().span.clone()], "null");
    }

    #[test]
    fn a_mistake_has_its_line_and_column() {
        let cases = [
            ("", 1, 1, "the file is empty"),
            ("\u{feff}\n  x", 2, 3, "a value is missing here"),
            ("{\n \"ä\" 1}", 2, 6, "`:` is missing"),
            ("{\"a\": 1\n\"b\": 2}", 2, 1, "`,` or `}` is missing"),
            ("[1 2]", 1, 4, "`,` or `]` is missing"),
            ("{a: 1}", 1, 2, "a name in double quotes is missing"),
            ("{\"a", 1, 2, "a string has no end"),
            ("[\"\u{1}\"]", 1, 2, "a string has a line break, a control character or a wrong escape in it"),
            ("[1", 1, 3, "the file ends too early"),
            ("[,]", 1, 2, "a value is missing here"),
            ("[NaN]", 1, 2, "a value is missing here"),
            ("{} {}", 1, 4, "the file goes on behind its end"),
            ("{} /* x", 1, 4, "a comment has no end"),
        ];
        for (text, line, column, what) in cases {
            assert_eq!(mistake(text), (line, column, what.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_nested_too_deeply_or_too_long_is_refused() {
        assert_eq!(mistake(&"[".repeat(100_000)).2, "brackets are nested too deeply");
        let many = format!("[{}]", "1,".repeat(MAX_VALUES));
        assert_eq!(mistake(&many).2, "there are too many values");
    }
}
