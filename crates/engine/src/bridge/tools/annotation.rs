//! Finds `x-mcp-header` in the schema of a tool's input.

use http::header::HeaderName;
use tapgate_wire::header::PARAM_PREFIX;
use tapgate_wire::json::{Container, Event, Span, scan, unescape, unescape_lossy};

/// How many properties of one tool are mirrored, and how many bytes a header's name and its property's path take.
const MAX_MIRRORS: usize = 64;
const MAX_SIZE: usize = 1024;

/// A property that a header mirrors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mirror {
    /// The whole name of the header.
    pub header: HeaderName,
    /// Where the property is in the arguments.
    pub path: Vec<String>,
}

impl Mirror {
    pub fn size(&self) -> usize {
        self.header.as_str().len() + self.path.iter().map(String::len).sum::<usize>()
    }
}

/// Reads the annotations of a schema.
///
/// # Errors
///
/// Why a client over HTTP must not see the tool.
pub(super) fn read(schema: &[u8]) -> Result<Vec<Mirror>, String> {
    // Most schemas have none, and need no walk to know it.
    if memchr::memmem::find(schema, b"x-mcp-header").is_none() && memchr::memchr(b'\\', schema).is_none() {
        return Ok(Vec::new());
    }
    let mut walk =
        Walk { schema, levels: Vec::new(), key: Span::default(), mirrors: Vec::new(), fault: None };
    // What is not JSON has no annotations.
    let _ = scan(schema, &mut |event| walk.on(event));
    match walk.fault {
        Some(fault) => Err(fault),
        None => Ok(walk.mirrors),
    }
}

struct Walk<'a> {
    schema: &'a [u8],
    levels: Vec<Level>,
    /// The name before the value at hand.
    key: Span,
    mirrors: Vec<Mirror>,
    /// The first thing that is wrong.
    fault: Option<String>,
}

/// What an open bracket holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// A schema, and whether only `properties` lead to it.
    Schema { is_pure: bool },
    /// Schemas by name, and whether only `properties` lead to them.
    Names { is_pure: bool },
    /// Schemas in a list.
    List,
    /// Values, which are no schemas whatever they look like.
    Values,
}

struct Level {
    place: Place,
    /// Under which name the schema stands in its parent.
    name: Span,
    annotation: Option<Span>,
    kind: Option<Span>,
}

impl Walk<'_> {
    fn on(&mut self, event: Event) {
        match event {
            Event::Key { span, .. } => self.key = span,
            Event::Open { container, at } => {
                self.value(Span { start: at, end: at + 1 });
                let place = self.place(container);
                self.levels.push(Level { place, name: self.key, annotation: None, kind: None });
            }
            Event::Close { .. } => {
                if let Some(Level { annotation: Some(annotation), .. }) = self.levels.last()
                    && let Err(fault) = self.judge(*annotation)
                {
                    self.fault.get_or_insert(fault);
                }
                self.levels.pop();
            }
            Event::String { span, .. }
            | Event::Number(span)
            | Event::Literal(_, span)
            | Event::Deep(span) => self.value(span),
            Event::Odd(_) => {}
        }
    }

    /// Notes the value of a keyword that matters.
    fn value(&mut self, span: Span) {
        let key = unescape(self.key.of(self.schema).unwrap_or_default());
        if let Some(level) = self.levels.last_mut()
            && matches!(level.place, Place::Schema { .. })
        {
            match &*key {
                b"x-mcp-header" => level.annotation = Some(span),
                b"type" => level.kind = Some(span),
                _ => {}
            }
        }
    }

    /// What the bracket holds that opens now.
    fn place(&self, container: Container) -> Place {
        let parent = self.levels.last().map(|level| level.place);
        let key = unescape(self.key.of(self.schema).unwrap_or_default());
        match (parent, container, &*key) {
            (None, Container::Object, _) => Place::Schema { is_pure: true },
            (Some(Place::Schema { is_pure }), Container::Object, b"properties") => Place::Names { is_pure },
            (
                Some(Place::Schema { .. }),
                Container::Object,
                b"patternProperties" | b"$defs" | b"definitions" | b"dependentSchemas",
            ) => Place::Names { is_pure: false },
            (
                Some(Place::Schema { .. }),
                _,
                b"const" | b"enum" | b"default" | b"examples" | b"x-mcp-header",
            ) => Place::Values,
            (Some(Place::Schema { .. } | Place::List), Container::Object, _) => {
                Place::Schema { is_pure: false }
            }
            (Some(Place::Schema { .. } | Place::List), Container::Array, _) => Place::List,
            (Some(Place::Names { is_pure }), Container::Object, _) => Place::Schema { is_pure },
            (None | Some(Place::Names { .. } | Place::Values), ..) => Place::Values,
        }
    }

    /// Checks the annotation of the innermost schema.
    fn judge(&mut self, annotation: Span) -> Result<(), String> {
        let Some(raw) = annotation.of(self.schema).filter(|raw| raw.starts_with(b"\"")) else {
            return Err("x-mcp-header is not a string".to_owned());
        };
        if raw.len() > MAX_SIZE {
            return Err("x-mcp-header is too long".to_owned());
        }
        let token = unescape_lossy(raw);
        let header = format!("{PARAM_PREFIX}{token}");
        // RFC 9110, section 5.1: a field name is a token, and so is what this type takes.
        let header = HeaderName::from_bytes(header.as_bytes()).ok().filter(|_| !token.is_empty());
        let Some(header) = header else {
            return Err(format!("x-mcp-header {token:?} is no name for a header"));
        };
        let mut path = Vec::new();
        let mut innermost = Place::Values;
        let mut kind = None;
        let mut size = token.len();
        for level in &self.levels {
            if matches!(innermost, Place::Names { .. }) && matches!(level.place, Place::Schema { .. }) {
                size += level.name.range().len();
                path.push(level.name);
            }
            innermost = level.place;
            kind = level.kind;
        }
        if innermost != (Place::Schema { is_pure: true }) || path.is_empty() {
            return Err(format!("{header} annotates what is not reached by properties alone"));
        }
        if !matches!(
            kind.and_then(|kind| kind.of(self.schema)),
            Some(b"\"string\"" | b"\"integer\"" | b"\"boolean\"")
        ) {
            return Err(format!("{header} annotates what is neither a string nor an integer nor a boolean"));
        }
        if size > MAX_SIZE {
            return Err(format!("{header} annotates a property with too long a path"));
        }
        let name = |span: &Span| unescape_lossy(span.of(self.schema).unwrap_or_default()).into_owned();
        let path: Vec<_> = path.iter().map(name).collect();
        if self.mirrors.iter().any(|mirror| mirror.header == header || mirror.path == path) {
            return Err(format!("{header} or its property is annotated twice"));
        }
        if self.mirrors.len() == MAX_MIRRORS {
            return Err(format!("more than {MAX_MIRRORS} properties are annotated"));
        }
        self.mirrors.push(Mirror { header, path });
        Ok(())
    }
}
