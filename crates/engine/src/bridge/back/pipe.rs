//! Servers that are children: one message per line.

use bytes::Bytes;
use tapgate_wire::Message;
use tapgate_wire::edge::{Act, ChildId};

use super::{Back, Failure, LinkNo, Turn};

impl Back {
    /// Writes a line to the link's child, which is started if it is not there yet.
    pub(super) fn write(&mut self, no: LinkNo, bytes: Bytes, acts: &mut Vec<Act>) {
        let Some(link) = self.links.get_mut(&no) else { return };
        let child = if let Some((child, _)) = link.child {
            child
        } else {
            self.n_started += 1;
            let child = ChildId(self.n_started);
            link.child = Some((child, false));
            self.children.insert(child, no);
            acts.push(Act::Spawn { child });
            child
        };
        acts.push(Act::Write { child, bytes });
    }

    pub(super) fn on_started(&mut self, child: ChildId) {
        let link = self.children.get(&child).and_then(|no| self.links.get_mut(no));
        if let Some((_, runs)) = link.and_then(|link| link.child.as_mut()) {
            *runs = true;
        }
    }

    pub(super) fn on_line(&mut self, child: ChildId, message: &Message, turn: &mut Turn<'_>) {
        if let Some(link) = self.children.get(&child).copied() {
            self.take(link, None, None, message, turn);
        }
    }

    pub(super) fn on_exit(&mut self, child: ChildId, how: &str, last_words: &str, turn: &mut Turn<'_>) {
        let Some(no) = self.children.get(&child).copied() else { return };
        let runs = self.links.get(&no).and_then(|link| link.child).is_some_and(|(_, runs)| runs);
        let name = &self.name;
        let last_words = match last_words.trim() {
            "" => String::new(),
            words => format!("; its last words: {words}"),
        };
        let why = if runs {
            Failure::Broken(format!("`{name}` ended ({how}){last_words}"))
        } else {
            Failure::Unreachable(format!("`{name}` could not be started ({how}){last_words}"))
        };
        self.bring_down(no, &why.clone(), why, turn);
    }
}
