//! The fast way: an execution report in the form every recording has (Binance.US reference 7).
//!
//! Owns the reading of such an event without a tape; its envelope is the session's. A report's members come and go with the
//! order's kind, so they are read one by one, in any order; that none of them holds others is what makes it cheap. Nothing
//! is told before the event was read to its end; whatever comes otherwise is left for the plain way, and what is told is
//! told by the same function as there.

use super::{tell_report, Facts, Products, Report};
use crate::codec::json::Scan;

/// Reads and tells an event that is a report, with what closes its envelope; `None`: it is something else, or of another
/// form, and nothing was told.
#[inline]
pub(in super::super) fn report<const N: usize>(
    mut scan: Scan<'_>,
    end: &[u8; N],
    products: &mut Products,
    facts: &mut impl Facts,
) -> Option<()> {
    scan.literal(b"{\"e\":\"executionReport\"")?;
    let report = members(&mut scan)?;
    scan.end(end)?;
    tell_report(report, products, facts);
    Some(())
}

/// All that is left of a report, with its closing brace.
#[inline]
fn members<'i>(scan: &mut Scan<'i>) -> Option<Report<'i>> {
    let mut report = Report::default();
    while scan.literal(b"}").is_none() {
        scan.literal(b",\"")?;
        let key = scan.ascii()?;
        scan.literal(b":")?;
        if let Some(field) = report.text(key) {
            *field = match scan.literal(b"\"") {
                Some(()) => scan.text()?,
                None => scan.literal(b"null").map(|()| "")?,
            };
            continue;
        }
        match key {
            b"i" => report.row.order_id = Some(scan.integer()?),
            b"T" => report.row.time = scan.integer()?,
            b"t" => report.trade_id = scan.signed()?,
            b"m" => report.execution.maker = Some(scan.flag()?),
            _ => scan.scalar()?,
        }
    }
    Some(report)
}

#[cfg(test)]
#[path = "recorded_tests.rs"]
mod tests;
