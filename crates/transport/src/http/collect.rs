//! Bodies that are wanted whole.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body::Body;
use hyper::body::Incoming;
use tokio::time::timeout;

use super::keep;

/// Bytes of all bodies that are on their way at once, on each leg.
const MAX_ARRIVING: usize = 512 << 20;

/// How much of a body that is too large is read, and for how long, so that its client can see the answer.
const WASTE: usize = 64 << 20;
const WASTE_TIME: Duration = Duration::from_secs(2);

/// Why a request's body is not taken, with the status that says it.
pub(super) type Refused = (StatusCode, String);

/// The bodies of one leg that are on their way.
#[derive(Default)]
pub(super) struct Arriving(Cell<usize>);

impl Arriving {
    /// Begins with a body of which nothing came.
    pub(super) fn begin(&self) -> Arrived<'_> {
        Arrived { all: &self.0, n_bytes: 0 }
    }
}

/// What came of one body, counted as long as this lives: keep it until the body is told.
pub(super) struct Arrived<'a> {
    all: &'a Cell<usize>,
    n_bytes: usize,
}

impl Arrived<'_> {
    /// Says whether so much more fits.
    pub(super) fn add(&mut self, n_bytes: usize) -> bool {
        self.n_bytes += n_bytes;
        self.all.set(self.all.get() + n_bytes);
        self.all.get() <= MAX_ARRIVING
    }

    /// Reads a client's body of at most `limit` bytes; `so_far` has what came of it when it is refused.
    pub(super) async fn collect(
        &mut self,
        mut incoming: Incoming,
        limit: usize,
        expects: bool,
        so_far: &mut BytesMut,
    ) -> Result<Bytes, Refused> {
        let too_large =
            || (StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {limit} bytes, the limit"));
        if incoming.size_hint().lower() > limit as u64 {
            // Who waits for `100 Continue` sends nothing that could be wasted.
            if !expects {
                waste(incoming).await;
            }
            return Err(too_large());
        }
        loop {
            let data = match poll_fn(|cx| Pin::new(&mut incoming).poll_frame(cx)).await {
                None => return Ok(so_far.split().freeze()),
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
                Some(Err(why)) => {
                    return Err((StatusCode::BAD_REQUEST, format!("the body is not complete: {why}")));
                }
            };
            if so_far.len() + data.len() > limit {
                waste(incoming).await;
                return Err(too_large());
            }
            if !self.add(data.len()) {
                let why = "too many large requests arrive at once; try again later".to_owned();
                return Err((StatusCode::SERVICE_UNAVAILABLE, why));
            }
            if so_far.is_empty() && incoming.is_end_stream() {
                return Ok(keep::piece(&data));
            }
            so_far.extend_from_slice(&data);
        }
    }
}

impl Drop for Arrived<'_> {
    fn drop(&mut self) {
        self.all.set(self.all.get().saturating_sub(self.n_bytes));
    }
}

async fn waste(mut incoming: Incoming) {
    let read = async {
        let mut n_bytes = 0;
        while n_bytes < WASTE
            && let Some(Ok(frame)) = poll_fn(|cx| Pin::new(&mut incoming).poll_frame(cx)).await
        {
            n_bytes += frame.data_ref().map_or(0, Bytes::len);
        }
    };
    // A client that is slower sees its connection break, which is an answer too.
    let _ = timeout(WASTE_TIME, read).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_count_together_and_only_as_long_as_they_are_there() {
        let arriving = Arriving::default();
        let (mut one, mut other) = (arriving.begin(), arriving.begin());
        assert!(one.add(MAX_ARRIVING - 10) && other.add(10));
        assert!(!other.add(1));
        drop(one);
        assert!(other.add(1));
        drop(other);
        assert_eq!(arriving.0.get(), 0);
    }
}
