//! Standard error: somebody must read it, or who writes it stops.

use super::out::Out;
use super::pipe::Pipe;

/// Bytes of standard error that are kept for the last words.
const MAX_WORDS: usize = 4096;

/// Bytes that wait for a person who does not read our standard error; more is dropped.
pub(super) const MAX_TALK: usize = 1 << 20;

/// What a child said last on its standard error.
#[derive(Default)]
pub(super) struct Words {
    tail: Vec<u8>,
    is_cut: bool,
}

impl Words {
    /// Reads until the end, and passes on what there is room for.
    pub(super) async fn read(&mut self, stderr: &Pipe, talk: Option<&Out>) {
        loop {
            let bytes = stderr.read().await.unwrap_or_default();
            if bytes.is_empty() {
                return;
            }
            self.tail.extend_from_slice(&bytes);
            let too_many = self.tail.len().saturating_sub(MAX_WORDS);
            self.tail.drain(..too_many);
            self.is_cut |= too_many > 0;
            if let Some(talk) = talk.filter(|talk| talk.n_bytes() <= MAX_TALK) {
                talk.push(bytes);
            }
        }
    }

    /// The last lines.
    pub(super) fn last(&self) -> String {
        let tail = self.tail.as_slice();
        let lines = match tail.iter().position(|&byte| byte == b'\n') {
            Some(end) if self.is_cut && end + 1 < tail.len() => tail.get(end + 1..).unwrap_or(tail),
            _ => tail,
        };
        let mut text = String::from_utf8_lossy(lines).into_owned();
        // A replacement character is longer than the byte that it stands for.
        text.drain(..text.ceil_char_boundary(text.len().saturating_sub(MAX_WORDS)));
        text
    }
}
