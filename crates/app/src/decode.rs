//! Decode: what the edges saw becomes frames, and frames become the engine's inputs.
//!
//! One framer reads each direction of a stream: lines on stdio, events or one body on HTTP, chosen by the
//! head's `Content-Type`. A body in a content coding is decoded first, in the observed copy only.

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use tapgate_engine::Input;
use tapgate_transport::Seen;
use tapgate_wire::fault::FaultKind;
use tapgate_wire::frame::coding::{Decoder, Limits};
use tapgate_wire::frame::{self, Body, Frame, Lines, Sse};
use tapgate_wire::record::Transport;
use tapgate_wire::stream::{Carried, Ending, StreamMap};
use tapgate_wire::{Chunk, Fault, Leg, Nanos, StreamId};

/// The framers of everything that is open.
pub struct Decode {
    transport: Transport,
    streams: StreamMap<(StreamId, Leg), Direction>,
    stderr: Lines,
}

impl Decode {
    /// Reads what a tap between legs of this transport sees.
    pub fn new(transport: Transport) -> Self {
        Self { transport, streams: StreamMap::default(), stderr: Lines::new(frame::HEAD) }
    }

    /// Tells `sink` the inputs that one event makes, each with its time.
    pub fn on(&mut self, seen: Seen, sink: &mut impl FnMut(Nanos, Input)) {
        match seen {
            Seen::Asked { stream, at, head } => {
                self.open(stream, Leg::Client, &head.headers, at, sink);
                sink(at, Input::Asked { stream, head });
            }
            Seen::Answered { stream, at, head } => {
                sink(at, Input::Answered { stream, head: head.clone() });
                self.open(stream, Leg::Server, &head.headers, at, sink);
            }
            Seen::Bytes { stream, from, chunk } => {
                let at = chunk.at;
                self.direction(stream, from).push(&chunk, &mut |frame| sink(at, input(stream, from, frame)));
            }
            Seen::Passed { stream, from, at } => sink(at, Input::Passed { stream, from }),
            Seen::Closed { stream, from, at, how } => {
                if let Some(mut direction) = self.streams.remove(&(stream, from)) {
                    direction.finish(&how, &mut |mut frame| {
                        // What nobody waited for any more was not cut short by its sender.
                        if let (Frame::Stray { faults, .. }, Ending::Abandoned) = (&mut frame, &how) {
                            faults.retain(|fault| fault.kind != FaultKind::CutShort);
                        }
                        sink(at, input(stream, from, frame));
                    });
                }
                sink(at, Input::Closed { stream, from, how });
            }
            Seen::Stderr { stream, chunk } => {
                let at = chunk.at;
                self.stderr.push(&chunk, &mut |frame| sink(at, stderr(stream, frame)));
            }
            Seen::Started { stream, at, pid } => sink(at, Input::Started { stream, pid }),
            Seen::Exited { stream, at, status } => {
                self.stderr.finish(&mut |frame| sink(at, stderr(stream, frame)));
                sink(at, Input::Exited { stream, status });
            }
            Seen::Note { stream, at, id, text } => sink(at, Input::Note { stream, id, text }),
            Seen::Lost { at, n_bytes, of: Some(of) } => {
                if let Some(direction) = self.streams.get_mut(&of) {
                    direction.skip(at, n_bytes);
                }
                sink(at, Input::Lost { n_bytes });
            }
            Seen::Lost { at, n_bytes, of: None } => {
                self.streams.values_mut().for_each(Direction::resync);
                self.stderr.resync();
                sink(at, Input::Lost { n_bytes });
            }
        }
    }

    fn open(
        &mut self,
        stream: StreamId,
        from: Leg,
        headers: &HeaderMap,
        at: Nanos,
        sink: &mut impl FnMut(Nanos, Input),
    ) {
        let mut direction = Direction { framer: Framer::of(headers), coding: Coding::Plain };
        if let Some(coding) = headers.get(CONTENT_ENCODING) {
            direction.coding = match Decoder::new(coding.as_bytes(), Limits::default()) {
                Ok(None) => Coding::Plain,
                Ok(Some(decoder)) => Coding::Coded(Box::new(decoder)),
                Err(fault) => {
                    sink(at, unreadable(stream, from, at, fault));
                    Coding::Unreadable
                }
            };
        }
        self.streams.insert((stream, from), direction);
    }

    /// A stdio direction opens with its first bytes; an HTTP body whose head was lost is read as one body.
    fn direction(&mut self, stream: StreamId, from: Leg) -> &mut Direction {
        let transport = self.transport;
        self.streams.entry((stream, from)).or_insert_with(|| Direction {
            framer: match transport {
                Transport::Stdio => Framer::Lines(Lines::new(frame::LIMIT)),
                Transport::Http | Transport::Sse => Framer::Body(Body::new(frame::LIMIT)),
            },
            coding: Coding::Plain,
        })
    }
}

/// One direction of a stream.
struct Direction {
    framer: Framer,
    coding: Coding,
}

enum Framer {
    Lines(Lines),
    Sse(Box<Sse>),
    Body(Body),
}

enum Coding {
    Plain,
    Coded(Box<Decoder>),
    /// What comes cannot be read (any more); a fault has said so.
    Unreadable,
}

impl Direction {
    fn push(&mut self, chunk: &Chunk, sink: &mut impl FnMut(Frame)) {
        let Self { framer, coding } = self;
        match coding {
            Coding::Plain => framer.push(chunk, sink),
            Coding::Unreadable => {}
            Coding::Coded(decoder) => {
                let mut tell = |bytes| framer.push(&Chunk { at: chunk.at, bytes }, sink);
                if let Err(fault) = decoder.push(&chunk.bytes, &mut tell) {
                    *coding = Coding::Unreadable;
                    sink(stray(chunk.at, fault));
                }
            }
        }
    }

    fn finish(&mut self, how: &Ending, sink: &mut impl FnMut(Frame)) {
        // What a decoder still holds at the end has no time of its own, and no bytes that a read brought.
        if let Coding::Coded(decoder) = std::mem::replace(&mut self.coding, Coding::Plain) {
            let framer = &mut self.framer;
            // A body that was cut short shows in what was decoded of it.
            let _ = decoder.finish(&mut |bytes| framer.push(&Chunk { at: Nanos::default(), bytes }, sink));
        }
        match &mut self.framer {
            Framer::Lines(lines) => lines.finish(sink),
            Framer::Sse(sse) => sse.finish(sink),
            Framer::Body(body) => body.finish(how, sink),
        }
    }

    /// Goes on behind bytes of this direction that were not observed.
    fn skip(&mut self, at: Nanos, n_bytes: u64) {
        match (&mut self.framer, &self.coding) {
            (Framer::Body(body), Coding::Plain) => body.skip(at, n_bytes),
            _ => self.resync(),
        }
    }

    /// Goes on after bytes of any direction were not observed.
    fn resync(&mut self) {
        match &mut self.framer {
            Framer::Lines(lines) => lines.resync(),
            Framer::Sse(sse) => sse.resync(),
            Framer::Body(body) => body.resync(),
        }
        if let Coding::Coded(_) = self.coding {
            self.coding = Coding::Unreadable;
        }
    }
}

impl Framer {
    fn of(headers: &HeaderMap) -> Self {
        let kind = headers.get(CONTENT_TYPE).map_or(&b""[..], http::HeaderValue::as_bytes);
        if kind.trim_ascii().get(..17).is_some_and(|kind| kind.eq_ignore_ascii_case(b"text/event-stream")) {
            Self::Sse(Box::new(Sse::new(frame::LIMIT)))
        } else {
            Self::Body(Body::new(frame::LIMIT))
        }
    }

    fn push(&mut self, chunk: &Chunk, sink: &mut impl FnMut(Frame)) {
        match self {
            Self::Lines(lines) => lines.push(chunk, sink),
            Self::Sse(sse) => sse.push(chunk, sink),
            Self::Body(body) => body.push(chunk),
        }
    }
}

fn input(stream: StreamId, from: Leg, frame: Frame) -> Input {
    match frame {
        Frame::Message { carried, message } => Input::Message { stream, from, carried, message },
        Frame::Stray { carried, bytes, faults } => Input::Stray { stream, from, carried, bytes, faults },
    }
}

fn stderr(stream: StreamId, frame: Frame) -> Input {
    match frame {
        Frame::Message { carried, message } => {
            Input::Stderr { stream, carried, bytes: message.raw().clone() }
        }
        Frame::Stray { carried, bytes, .. } => Input::Stderr { stream, carried, bytes },
    }
}

fn stray(at: Nanos, fault: Fault) -> Frame {
    let carried = Carried { chunks: vec![(at, 0)], size: 0, event: None };
    Frame::Stray { carried, bytes: Bytes::new(), faults: vec![fault] }
}

fn unreadable(stream: StreamId, from: Leg, at: Nanos, fault: Fault) -> Input {
    input(stream, from, stray(at, fault))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Faults that are told when half an event of the server ends so.
    fn faults(how: Ending) -> Vec<FaultKind> {
        let (stream, from) = (StreamId(1), Leg::Server);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, http::HeaderValue::from_static("text/event-stream"));
        let chunk = Chunk { at: Nanos(1), bytes: Bytes::from_static(b"data: {\"jsonrpc\":\"2.0\",\"meth") };
        let mut decode = Decode::new(Transport::Http);
        decode.open(stream, from, &headers, Nanos(1), &mut |_, _| {});
        let mut told = Vec::new();
        for seen in [Seen::Bytes { stream, from, chunk }, Seen::Closed { stream, from, at: Nanos(2), how }] {
            decode.on(seen, &mut |_, input| {
                if let Input::Stray { faults, .. } = input {
                    told.extend(faults.iter().map(|fault| fault.kind));
                }
            });
        }
        told
    }

    #[test]
    fn what_its_receiver_ended_was_not_cut_short_by_its_sender() {
        assert_eq!(faults(Ending::Cut), [FaultKind::CutShort]);
        assert_eq!(faults(Ending::Abandoned), []);
    }
}
