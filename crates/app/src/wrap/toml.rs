//! TOML as a tree with places.

use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};

use super::tree::{Kind, MAX_DEPTH, MAX_VALUES, Member, Mistake, Value};

/// Reads the whole text as one table.
pub fn parse(text: &str) -> Result<Value, Mistake> {
    let bare = text.strip_prefix('\u{feff}').unwrap_or(text);
    let offset = text.len() - bare.len();
    let table = DeTable::parse(bare).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        Mistake::at(text, at + offset, error.message().lines().next().unwrap_or_default())
    })?;
    let mut n_values = 0;
    let members = members(table.get_ref(), offset, 0, &mut n_values);
    let members = members.map_err(|(at, what)| Mistake::at(text, at, what))?;
    Ok(Value { span: 0..text.len(), kind: Kind::Table(members) })
}

fn members(
    table: &DeTable<'_>,
    offset: usize,
    depth: usize,
    n_values: &mut usize,
) -> Result<Vec<Member>, (usize, &'static str)> {
    let one = |(key, value): (&Spanned<_>, &Spanned<_>)| {
        let span = key.span();
        let name: &std::borrow::Cow<'_, str> = key.get_ref();
        Ok(Member {
            key: name.clone().into_owned(),
            key_span: span.start + offset..span.end + offset,
            value: self::value(value, offset, depth + 1, n_values)?,
        })
    };
    table.iter().map(one).collect()
}

fn value(
    value: &Spanned<DeValue<'_>>,
    offset: usize,
    depth: usize,
    n_values: &mut usize,
) -> Result<Value, (usize, &'static str)> {
    let span = value.span().start + offset..value.span().end + offset;
    *n_values += 1;
    if *n_values > MAX_VALUES {
        return Err((span.start, "there are too many values"));
    }
    if depth > MAX_DEPTH {
        return Err((span.start, "brackets are nested too deeply"));
    }
    let kind = match value.get_ref() {
        DeValue::String(text) => Kind::Text(text.clone().into_owned()),
        DeValue::Array(values) => {
            let one = |value| self::value(value, offset, depth + 1, n_values);
            Kind::List(values.iter().map(one).collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => Kind::Table(members(table, offset, depth, n_values)?),
        _ => Kind::Other,
    };
    Ok(Value { span, kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_knows_its_place() {
        let text = "\u{feff}# head\r\n[mcp_servers.\"a b\"]\r\ncommand = 'x' # c\r\nargs = [\n  \"-y\", # d\n]\nenv.K = \"v\"\n";
        let tree = parse(text).unwrap();
        let path = ["mcp_servers".to_owned(), "a b".to_owned()];
        let server = tree.at(&path).unwrap();
        let command = server.member("command").unwrap();
        assert_eq!(&text[command.span()], "command = 'x'");
        let args = server.member("args").unwrap();
        assert_eq!(&text[args.value.span.clone()], "[\n  \"-y\", # d\n]");
        assert_eq!(&text[args.value.list().unwrap()[0].span.clone()], "\"-y\"");
        assert_eq!(&text[server.at(&["env".to_owned(), "K".to_owned()]).unwrap().span.clone()], "\"v\"");
    }

    #[test]
    fn a_mistake_has_its_line_and_column() {
        let mistake = parse("a = 1\nb = \n").unwrap_err();
        assert_eq!(mistake.line, 2);
        let mistake = parse("\u{feff}a 1\n").unwrap_err();
        assert_eq!((mistake.line, mistake.column), (1, 3));
    }
}
