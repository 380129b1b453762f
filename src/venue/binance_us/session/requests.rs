//! The requests about orders that both forms of the API carry: what is sent and what is expected, once for both.
//!
//! Guarantees that an order, a cancel or a replace asks for the same over either. How a call is written, and what ends it,
//! is the session's.

use super::super::composite::{PairIds, Placement};
use super::super::request::{Call, CancelId, CancelOrder, NewOrder, OrderId, ReplaceOrder};
use super::super::response::RowKind;
use super::super::VenueMs;
use super::reply::{NotSent, Pending, ReplyTo};
use crate::record::{ClientOrderId, UnixNanos, VenueOrderId};
use crate::venue::{PlaceIntent, Wire};

/// A connection that carries requests. Sealed: what a call needs has no name elsewhere.
pub trait Requests {
    /// Longest wait for an answer, ms.
    fn reply_ms_max(&self) -> u64;

    /// Writes any call.
    ///
    /// # Errors
    /// [`NotSent`]: not a byte was written.
    fn call<IO: Wire>(&mut self, pending: Pending, stamp: VenueMs, call: &Call<'_>, io: &mut IO)
        -> Result<(), NotSent>;

    /// Sends an order.
    ///
    /// # Errors
    /// [`NotSent`]: not a byte was written.
    fn place<IO: Wire>(
        &mut self,
        now: UnixNanos,
        stamp: VenueMs,
        intent: &PlaceIntent<'_>,
        io: &mut IO,
    ) -> Result<(), NotSent> {
        let id = *intent.client_order_id;
        let ids = intent.composite.and_then(|_| PairIds::of(intent.client_order_id));
        match Placement::of(intent, ids.as_ref())? {
            Placement::One(order) => self.place_order(now, stamp, &order, id, io),
            Placement::Pair(oco) => {
                let pending = Pending::new(ReplyTo::PlaceOco, now, self.reply_ms_max());
                self.call(pending.of(id, VenueOrderId::EMPTY), stamp, &Call::PlaceOco(&oco), io)
            }
        }
    }

    /// Sends an order of any kind. `id` is its client order id.
    ///
    /// # Errors
    /// [`NotSent`]: not a byte was written.
    fn place_order<IO: Wire>(
        &mut self,
        now: UnixNanos,
        stamp: VenueMs,
        order: &NewOrder<'_>,
        id: ClientOrderId,
        io: &mut IO,
    ) -> Result<(), NotSent> {
        order.check()?;
        let pending = Pending::new(ReplyTo::Place, now, self.reply_ms_max()).of(id, VenueOrderId::EMPTY);
        self.call(pending, stamp, &Call::Place(order), io)
    }

    /// Asks for the cancel of an order: by the venue's id, or by ours where that is not known yet.
    ///
    /// # Errors
    /// [`NotSent`]: not a byte was written.
    fn cancel<IO: Wire>(
        &mut self,
        now: UnixNanos,
        stamp: VenueMs,
        symbol: &str,
        venue: &VenueOrderId,
        client: &ClientOrderId,
        io: &mut IO,
    ) -> Result<(), NotSent> {
        let id = if venue.is_empty() { OrderId::Client(client.as_str()) } else { OrderId::Venue(venue.as_str()) };
        let cancel_id = CancelId::of(client);
        let cancel = CancelOrder { symbol, id, cancel_id: cancel_id.text(), restriction: None };
        let pending = Pending::new(ReplyTo::Cancel, now, self.reply_ms_max()).of(*client, *venue);
        self.call(pending, stamp, &Call::Cancel(&cancel), io)
    }

    /// Cancels one order and sends another. `cancelled` is the venue's id of the first, `id` our id of the second.
    ///
    /// # Errors
    /// [`NotSent`]: not a byte was written.
    fn replace<IO: Wire>(
        &mut self,
        now: UnixNanos,
        stamp: VenueMs,
        replace: &ReplaceOrder<'_>,
        cancelled: VenueOrderId,
        id: ClientOrderId,
        io: &mut IO,
    ) -> Result<(), NotSent> {
        replace.order.check()?;
        let pending = Pending::new(ReplyTo::Replace, now, self.reply_ms_max()).of(id, cancelled);
        self.call(pending, stamp, &Call::Replace(replace), io)
    }
}

impl Pending {
    /// What is expected of a call that no function of its own sends.
    ///
    /// # Errors
    /// [`NotSent`]: its answer is no fact, or it would be refused.
    pub(super) fn asking(call: &Call<'_>, now: UnixNanos, reply_ms_max: u64) -> Result<Pending, NotSent> {
        let mut client = ClientOrderId::EMPTY;
        let to = match call {
            Call::Test(order) => {
                order.check()?;
                ReplyTo::Test
            }
            Call::PlaceOco(oco) => {
                oco.check()?;
                ReplyTo::PlaceOco
            }
            Call::CancelAll { .. } => ReplyTo::CancelAll,
            Call::CancelList { .. } => ReplyTo::CancelList,
            Call::Order { id, .. } => {
                if let OrderId::Client(id) = id {
                    client = ClientOrderId::new(id).unwrap_or_default();
                }
                ReplyTo::Order
            }
            Call::OpenOrders { .. } | Call::AllOrders { .. } => ReplyTo::List(RowKind::Orders),
            Call::MyTrades { .. } => ReplyTo::List(RowKind::Trades),
            Call::Account => ReplyTo::List(RowKind::Balances),
            Call::OrderCounts => ReplyTo::OrderCounts,
            Call::Time => ReplyTo::Time,
            Call::AveragePrice { instrument, .. } => ReplyTo::AveragePrice(*instrument),
            Call::StartListenKey | Call::KeepListenKey { .. } | Call::CloseListenKey { .. } => ReplyTo::ListenKey,
            _ => return Err(NotSent::WrongConnection),
        };
        Ok(Pending::new(to, now, reply_ms_max).of(client, VenueOrderId::EMPTY))
    }
}
