//! Connections that carry one request at a time over HTTP, whichever venue's: what reading them leads to, and what is done
//! once their deadline has passed.
//!
//! Owns nothing. Guarantees that a connection which takes no further request is closed once its reply was looked at, and
//! that a request without an answer in time is judged as silence before anything else follows from it.

use super::connections::Session;
use super::contract::{ConnId, Outputs};
use super::ear::Ear;
use super::trading::{Cargo, Carriage};
use super::Engine;
use crate::record::UnixNanos;
use crate::telemetry::Hop;
use crate::venue::{SessionError, SessionProgress};

impl Engine {
    /// So much was given to a session of such a connection, which has read this: its reply, if it ended, and how far it came.
    pub(super) fn http_read<O: Outputs, R>(
        &mut self,
        now: UnixNanos,
        out: &mut O,
        (id, given): (ConnId, usize),
        read: Result<(Option<R>, SessionProgress), SessionError>,
        replied: impl FnOnce(&mut Engine, &mut O, R),
    ) -> SessionProgress {
        match read {
            Ok((reply, progress)) => {
                let Some(reply) = reply else { return progress };
                // Before what follows from the reply uses it again.
                let takes_more = self.conns.get(id.index()).is_some_and(|conn| conn.session.free());
                replied(self, out, reply);
                if !takes_more {
                    let why = match progress.consumed < given {
                        true => "the venue sent bytes nobody asked for behind a reply",
                        false => "the venue ends keep-alive",
                    };
                    out.close(id, why.to_owned());
                }
                progress
            }
            Err(error) => {
                self.session_result(now, out, id, Err(error));
                SessionProgress { consumed: given, more: false }
            }
        }
    }

    /// The oldest request of this kind was answered: its way there and back is measured.
    pub(super) fn unload_answered(
        &mut self,
        now: UnixNanos,
        out: &mut impl Outputs,
        id: ConnId,
        answered: impl Fn(&Cargo) -> bool,
    ) -> Option<Carriage> {
        let carriage = self.trading.unload(id, answered)?;
        if carriage.written.is_some() {
            out.measured(Hop::VenueRoundTrip, now.since(carriage.written));
        }
        Some(carriage)
    }

    /// The deadline of a connection to Coinbase or OANDA has passed: an answer is overdue, or it was idle for long. The time
    /// is a public endpoint of Coinbase with a limit of its own (Coinbase reference 5), and is counted all the same.
    pub(super) fn http_due(&mut self, now: UnixNanos, out: &mut impl Outputs, id: ConnId) {
        let Engine { conns, market, trading, .. } = self;
        let Some(conn) = conns.get_mut(id.index()) else { return };
        let mut ear = Ear { market, trading, out, conn: id, venue: conn.venue, now };
        let result = match &mut conn.session {
            Session::CoinbaseOrders(session) if session.busy() => session.time(now, &mut ear).map(|_| ()),
            Session::OandaRest(session) if session.busy() => session.time(now, &mut ear).map(|_| ()),
            _ => return self.warm_or_retry(now, out, id),
        };
        if result.is_err() {
            self.judge_silence(now, out, id);
        }
        self.session_result(now, out, id, result);
    }
}
