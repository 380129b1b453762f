//! Counters of this floor: nothing is ignored silently.

/// What was ignored or found odd. Each is worth a look when it grows, but for what its own words except.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OrderCounters {
    /// Evidence behind a terminal state that said nothing new.
    pub behind_terminal: u64,
    /// Statements that contradict stronger ones: a refusal of a live order, a second venue id for one order.
    pub conflicts: u64,
    /// Fills found after the terminal record.
    pub late_fills: u64,
    /// Orders told to be Rejected that turned out to live.
    pub risen: u64,
    /// Orders told to be filled with less than their quantity executed, each counted once. Usual for orders that only reduce,
    /// at a venue that ends them with what there was to reduce (OANDA); elsewhere its rows were late, or are missing.
    pub short_fills: u64,
    /// Rows listed again.
    pub duplicate_rows: u64,
    /// Rows without identity, or beyond the quantity of their order: not counted.
    pub refused_rows: u64,
    /// Evidence about orders of this session that are no longer remembered.
    pub forgotten: u64,
    /// Replies to requests nobody made, or for a slot that was reused.
    pub unexpected: u64,
    /// Complete listings in which a live order was missing.
    pub denied: u64,
    /// Rows of orders that had to wait to be looked up because too many others were: they are listed again.
    pub put_off: u64,
}
