//! Pre-trade limits as the builder takes them. The checks grow with the guard; what is here is enforced.

/// Limits of one gateway. A session with credentials starts only with limits, or with an explicit
/// [`without_limits`](crate::gateway::GatewayBuilder::without_limits).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Open and pending orders of one strategy at a time; one more is refused with
    /// [`RejectClass::Limit`](crate::record::RejectClass::Limit).
    pub open_orders_max: usize,
}
