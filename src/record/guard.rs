//! What the guards tell: changes of state that concern every order, not one.

/// A guard's change of state, carried by an execution record of kind
/// [`Guard`](super::ExecutionKind::Guard); its `venue_code` says why in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum GuardEvent {
    /// Not a guard's record.
    None = 0,
    /// The venue's circuit breaker opened: no new orders before [`retry_at`](super::ExecutionRecord::retry_at).
    BreakerOpened = 1,
    /// The breaker is half open: the venue is probed, still no new orders.
    BreakerProbing = 2,
    /// The breaker closed: orders may leave again.
    BreakerClosed = 3,
    /// The kill switch: no new orders, and every open one is being cancelled.
    Killed = 4,
    /// So many orders (`last_quantity`) at the venue are not confirmed cancelled yet; comes again every second.
    KillPending = 5,
    /// The venue holds no order the kill was meant for.
    KillConfirmed = 6,
    /// The kill was released: orders may leave again.
    KillReleased = 7,
    /// The venue says that we send too much: nothing leaves for it before
    /// [`retry_at`](super::ExecutionRecord::retry_at), not even a cancel.
    Throttled = 8,
    /// The venue does not serve the account's events in the way that is configured, and will not: no order leaves; what
    /// becomes of open ones is asked for, and they can be cancelled.
    EventsNotServed = 9,
    // From 20 on: about this machine, not about a venue.
    /// The audit log cannot keep up, or its disk refuses: entries wait, and when there is no room, are counted.
    AuditTroubled = 20,
    /// The audit log goes on; `last_quantity` entries were lost in between, and the log says where.
    AuditRecovered = 21,
}
