//! What the engine knows of orders on their way: the table, the streams to the strategies, the venues' desks, and which
//! connection carries what.

use super::contract::{ConnId, Outputs, Shutdown};
use super::delivery::{Delivery, DeliverySink};
use super::desk::Desk;
use crate::guard::Limits;
use crate::order::{Orders, Slot};
use crate::record::{PerVenue, UnixNanos, Venue, VenueOrderId};
use arrayvec::ArrayVec;

/// Orders the venue holds twice that wait for their cancel; more are found again by the next listing.
const STRAYS_MAX: usize = 16;
/// Most cancels one request carries.
pub(super) const CANCELS_PER_REQUEST_MAX: usize = 32;

/// What a connection's request in flight is about.
#[derive(Debug, Clone, Default)]
pub(super) enum Cargo {
    /// Nothing in flight.
    #[default]
    Nothing,
    /// A new order.
    Place(Slot),
    /// Cancels; the session knows which.
    Cancel,
    /// A page of the query its venue's desk asks.
    Query,
    /// Something to keep the connection warm.
    Warm,
}

/// A connection's cargo and where it lies in the sent stream.
#[derive(Debug, Clone, Default)]
pub(super) struct Carriage {
    pub(super) cargo: Cargo,
    /// Offset before its first byte.
    pub(super) start: u64,
    /// Offset after its last byte.
    pub(super) end: u64,
    /// Its first byte may have left.
    pub(super) began: bool,
    /// When its last byte was with the kernel; `NONE` before.
    pub(super) written: UnixNanos,
    /// When the socket was read of the record that caused it; `NONE` if the strategy did not say.
    pub(super) origin: UnixNanos,
}

pub(super) struct Trading {
    pub(super) orders: Orders,
    pub(super) delivery: Delivery,
    pub(super) desks: PerVenue<Desk>,
    pub(super) limits: Option<Limits>,
    pub(super) stopping: Option<Shutdown>,
    pub(super) carriages: Vec<Carriage>,
    pub(super) strays: ArrayVec<(Venue, VenueOrderId), STRAYS_MAX>,
    /// Cancels, queries or strays may be due: look after this input.
    pub(super) stirred: bool,
}

impl Trading {
    pub(super) fn new(orders: Orders, desks: PerVenue<Desk>, limits: Option<Limits>, connections: usize) -> Trading {
        Trading {
            orders,
            delivery: Delivery::new(),
            desks,
            limits,
            stopping: None,
            carriages: vec![Carriage::default(); connections],
            strays: ArrayVec::new(),
            stirred: false,
        }
    }

    pub(super) fn is_user(&self, conn: ConnId) -> bool {
        self.desks.iter().any(|(_, desk)| desk.user == Some(conn))
    }

    /// The order table and the sink its records go to.
    pub(super) fn orders_and_sink<'a, O: Outputs>(
        &'a mut self,
        out: &'a mut O,
    ) -> (&'a mut Orders, DeliverySink<'a, O>) {
        let Trading { orders, delivery, .. } = self;
        (orders, DeliverySink { delivery, out })
    }

    /// The order a connection carries, if it carries one.
    pub(super) fn carried(&self, conn: ConnId) -> Option<Slot> {
        match self.carriages.get(conn.index()) {
            Some(Carriage { cargo: Cargo::Place(slot), .. }) => Some(*slot),
            _ => None,
        }
    }

    /// Loads a connection; its bytes begin at `start`.
    pub(super) fn load(&mut self, conn: ConnId, cargo: Cargo, start: u64, end: u64, origin: UnixNanos) {
        if let Some(carriage) = self.carriages.get_mut(conn.index()) {
            *carriage = Carriage { cargo, start, end, began: false, written: UnixNanos::NONE, origin };
        }
    }

    /// The request was answered, or its connection is gone.
    pub(super) fn unload(&mut self, conn: ConnId) -> Carriage {
        self.carriages.get_mut(conn.index()).map(std::mem::take).unwrap_or_default()
    }

    /// A page of a query is to be asked for somewhere.
    pub(super) fn asking_waits(&self) -> bool {
        self.desks.iter().any(|(_, desk)| desk.asking_waits())
    }

    pub(super) fn stray(&mut self, venue: Venue, id: VenueOrderId) {
        if !self.strays.iter().any(|(v, i)| (*v, *i) == (venue, id)) {
            let _ = self.strays.try_push((venue, id));
            self.stirred = true;
        }
    }
}
