//! Whole bodies of REST replies: short ones are answers, long ones go through a slicer.
//!
//! Owns what a body proves about the request it answers. Guarantees that a body which is no JSON (a page of the firewall,
//! a gateway's error) is judged by its status alone. Never keeps a body.

use super::super::limits;
use super::super::products::Products;
use super::super::reject;
use super::super::response::{error_body, replaced, ErrorBody, Usage};
use super::reply::{Pending, Reply, ReplyTo};
use crate::codec::http1::Excerpt;
use crate::codec::json::{ArraySlicer, Plain, SliceLimits};
use crate::venue::fault::{announce, Fault};
use crate::venue::{Anomaly, Facts};

/// Long arrays of replies. Listings are bare arrays: they are read as `{"rows":[..]}`.
pub(super) const LONG_ARRAYS: &[&str] = &["bids", "asks", "rows", "balances"];

/// Holds the longest reply whole: the response reader hands it over whole too.
pub(super) fn slicer() -> ArraySlicer {
    let room = limits::REPLY_BYTES_MAX.saturating_add(64);
    ArraySlicer::with_limits(LONG_ARRAYS, SliceLimits { assembly_bytes: room, ..SliceLimits::default() })
}

/// Takes a whole body, a bare array as `{"rows":[..]}`.
pub(super) fn fill(slicer: &mut ArraySlicer, body: &[u8]) {
    slicer.reset();
    let bare = body.trim_ascii_start().first() == Some(&b'[');
    let parts: [&[u8]; 3] = if bare { [b"{\"rows\":", body, b"}"] } else { [b"", body, b""] };
    for part in parts {
        // A body that does not fit ends before its end, which the slicer says.
        slicer.push(part);
    }
    slicer.finish();
}

/// Tells what a whole answer proves.
pub(super) fn answer<IO: Facts>(
    pending: &Pending,
    status: u16,
    usage: Usage,
    body: &mut [u8],
    plain: &mut Plain,
    products: &mut Products,
    io: &mut IO,
) -> Reply {
    if status == 200 {
        let read = plain.parse(body, |cursor| pending.succeeded(cursor, products, io));
        return match read {
            Ok((outcome, counted)) => {
                let usage = counted.map_or(usage, |counted| Usage { weight_1m: usage.weight_1m, ..counted });
                Reply { usage, ..pending.reply(status, outcome) }
            }
            Err(fault) => {
                announce(&fault, io);
                Reply { usage, status, ..pending.lost("unreadable reply", io) }
            }
        };
    }
    // Before the parser scribbles over it: for the log.
    io.anomaly(Anomaly::VenueError, Excerpt::of(body).as_str());
    // Bodies may be HTML on any error (Binance.US reference 4).
    let json = body.trim_ascii_start().first() == Some(&b'{') && body.len() <= plain.text_bytes_max();
    let whole = |error: Option<&_>, told: bool, io: &mut IO| {
        let clock_refused = error.is_some_and(|error: &ErrorBody<'_>| error.code == reject::INVALID_TIMESTAMP);
        let wait = usage.wait(status, error);
        let outcome = pending.failed(status, error, told, io);
        Reply { usage, wait, clock_refused, ..pending.reply(status, outcome) }
    };
    if !json {
        return whole(None, false, io);
    }
    let mut told = false;
    let read = plain.parse(body, |cursor| {
        let error = error_body(cursor, |data| {
            if pending.to != ReplyTo::Replace {
                return Ok(data.skip()?);
            }
            replaced(data, &pending.venue, &pending.client, products, io)?;
            told = true;
            Ok(())
        })?;
        Ok::<_, Fault>(whole(error.as_ref(), told, io))
    });
    read.unwrap_or_else(|fault| {
        announce(&fault, io);
        whole(None, told, io)
    })
}
