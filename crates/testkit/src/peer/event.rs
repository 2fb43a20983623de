//! Server-sent events, read and written as simply as can be, so that they judge the real ones.

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// `event:`.
    pub name: Option<String>,
    /// `id:`.
    pub id: Option<String>,
    /// `retry:`.
    pub retry: Option<u64>,
    /// The lines of `data:`, joined by line feeds; `None` if there was none.
    pub data: Option<String>,
}

/// Reads a stream piece by piece.
#[derive(Debug, Default)]
pub struct Events {
    rest: String,
    /// Comments that came.
    pub n_comments: usize,
}

impl Events {
    /// Takes a piece and gives the events that end in it.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Event> {
        self.rest.push_str(&String::from_utf8_lossy(bytes));
        let mut events = Vec::new();
        while let Some((block, rest)) = self.rest.split_once("\n\n") {
            let mut event = Event::default();
            let mut has_field = false;
            for line in block.lines() {
                let (name, value) = line.split_once(':').unwrap_or((line, ""));
                let value = value.strip_prefix(' ').unwrap_or(value);
                has_field |= !name.is_empty();
                match name {
                    "" => self.n_comments += 1,
                    "event" => event.name = Some(value.to_owned()),
                    "id" => event.id = Some(value.to_owned()),
                    "retry" => event.retry = value.parse().ok(),
                    "data" => {
                        let data = event.data.get_or_insert_default();
                        if !data.is_empty() {
                            data.push('\n');
                        }
                        data.push_str(value);
                    }
                    _ => {}
                }
            }
            let rest = rest.to_owned();
            if has_field {
                events.push(event);
            }
            self.rest = rest;
        }
        events
    }
}
