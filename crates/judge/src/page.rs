//! A page of a list, taken apart once for all families.

use tapgate_engine::surface;
use tapgate_wire::json::{Container, Event, Span, find, scan, unescape};
use tapgate_wire::record::Offered;

/// Items of one page that are taken apart; further ones are left alone.
const MAX_ITEMS: usize = 65_536;

/// A page of a list.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    /// What it lists.
    pub kind: Offered,
    /// The raw value of `nextCursor`, also where that is no string.
    pub next: Option<&'a [u8]>,
    /// The array of items.
    pub raw: &'a [u8],
    items: Vec<Row<'a>>,
    members: Vec<(&'a [u8], &'a [u8])>,
}

/// An item's place in a page.
#[derive(Debug)]
struct Row<'a> {
    raw: &'a [u8],
    /// Where its members begin and end in those of the page.
    members: (usize, usize),
}

/// An item of a page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item<'p> {
    /// The whole of it.
    pub raw: &'p [u8],
    members: &'p [(&'p [u8], &'p [u8])],
}

impl<'a> Page<'a> {
    /// Takes the result of a request for a list of this kind apart; `None` when it has no array of that kind.
    pub fn of(kind: Offered, result: &'a [u8]) -> Option<Self> {
        let list = surface::list(kind)?;
        let page = Self { kind, next: None, raw: b"", items: Vec::new(), members: Vec::new() };
        let mut walk = Walk {
            result,
            list,
            page,
            depth: 0,
            starts: [0; 4],
            names: [&b""[..]; 4],
            first: 0,
            is_object: false,
        };
        // What stands behind a fault is not there.
        let _ = scan(result, &mut |event| walk.on(event));
        Some(walk.page).filter(|page| page.raw.starts_with(b"["))
    }

    /// Its items in order.
    pub fn items(&self) -> impl Iterator<Item = Item<'_>> {
        self.items.iter().map(|row| Item {
            raw: row.raw,
            members: self.members.get(row.members.0..row.members.1).unwrap_or_default(),
        })
    }
}

impl<'p> Item<'p> {
    /// The value that a path of member names leads to.
    pub fn find(&self, path: &[&str]) -> Option<&'p [u8]> {
        let (first, rest) = path.split_first()?;
        // Of a repeated member the last one counts, as most readers of JSON do it.
        let (_, value) = self.members.iter().rev().find(|(name, _)| unescape(name) == first.as_bytes())?;
        if rest.is_empty() { Some(value) } else { find(value, rest) }
    }
}

/// A result while it is read: 1 is the depth of its members, 2 that of items, 3 that of their members.
struct Walk<'a> {
    result: &'a [u8],
    list: &'a str,
    page: Page<'a>,
    depth: usize,
    /// Where the open value of each depth began, and what it is called.
    starts: [u64; 4],
    names: [&'a [u8]; 4],
    /// The number of the first member of the open item, and whether that is an object.
    first: usize,
    is_object: bool,
}

impl Walk<'_> {
    fn on(&mut self, event: Event) {
        match event {
            Event::Key { span, .. } => {
                if let Some(name) = self.names.get_mut(self.depth) {
                    *name = span.of(self.result).unwrap_or_default();
                }
            }
            Event::Open { at, container } => {
                if let Some(start) = self.starts.get_mut(self.depth) {
                    *start = at;
                }
                match self.depth {
                    // Of a repeated member the last one counts.
                    1 if self.is(self.list) => {
                        self.page.items.clear();
                        self.page.members.clear();
                    }
                    2 => {
                        self.first = self.page.members.len();
                        self.is_object = container == Container::Object;
                    }
                    _ => {}
                }
                self.depth += 1;
            }
            Event::Close { at, .. } => {
                self.depth -= 1;
                let start = self.starts.get(self.depth).copied().unwrap_or_default();
                self.value(Span { start, end: at + 1 });
            }
            Event::String { span, .. }
            | Event::Number(span)
            | Event::Literal(_, span)
            | Event::Deep(span) => {
                self.value(span);
            }
            Event::Odd(_) => {}
        }
    }

    /// Whether the open member of the result has this name.
    fn is(&self, member: &str) -> bool {
        self.names.get(1).is_some_and(|name| *unescape(name) == *member.as_bytes())
    }

    /// Takes a value that stands at the depth at hand.
    fn value(&mut self, span: Span) {
        let Some(raw) = span.of(self.result).filter(|_| (1..=3).contains(&self.depth)) else { return };
        match self.depth {
            1 if self.is(self.list) => self.page.raw = raw,
            1 if self.is("nextCursor") => self.page.next = Some(raw),
            _ if self.depth == 1 || !self.is(self.list) || self.page.items.len() >= MAX_ITEMS => {}
            2 => {
                let end = self.page.members.len();
                let first = if raw.starts_with(b"{") { self.first } else { end };
                self.page.items.push(Row { raw, members: (first, end) });
            }
            _ if self.is_object => {
                let name = self.names.get(3).copied().unwrap_or_default();
                self.page.members.push((name, raw));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_taken_apart_as_one_would_look_things_up_in_it() {
        let results = [
            r#"{"tools":[{"name":"a","x":{"y":[1,{"name":"z"}]}},{"name":"b","n\u0061me":"c"}],"nextCursor":"2"}"#,
            r#"{"tools":[{"name":"gone"}],"_meta":{"tools":[{"name":"no"}],"nextCursor":"9"},"tools":[7,[{"name":"in"}],{},"s"]}"#,
            r#"{"\u0074ools":[{"name":"a"}],"nextCursor":null,"nextCursor":{"a":"tools"}}"#,
            r#"{"tools":[]}"#,
        ];
        for result in results {
            let page = Page::of(Offered::Tools, result.as_bytes()).unwrap_or_else(|| panic!("{result}"));
            let mut raws = Vec::new();
            tapgate_wire::json::each(page.raw, &mut |_, raw| raws.push(raw));
            let items: Vec<_> = page.items().collect();
            assert_eq!(page.raw, find(result.as_bytes(), &["tools"]).unwrap(), "{result}");
            assert_eq!(page.next, find(result.as_bytes(), &["nextCursor"]), "{result}");
            assert_eq!(items.iter().map(|item| item.raw).collect::<Vec<_>>(), raws, "{result}");
            for item in items {
                for path in [&["name"][..], &["x", "y"], &["x"]] {
                    assert_eq!(item.find(path), find(item.raw, path), "{result} {path:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_list_is_no_page() {
        for result in [
            "",
            "7",
            "[]",
            "{}",
            r#"{"tools":[{"name":"cut"},{"na"#,
            r#"{"tools":{}}"#,
            r#"{"tools":null}"#,
            r#"{"tools":[],"tools":1}"#,
        ] {
            assert!(Page::of(Offered::Tools, result.as_bytes()).is_none(), "{result}");
        }
        assert!(Page::of(Offered::Server, br#"{"tools":[]}"#).is_none());
    }
}
