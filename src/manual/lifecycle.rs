//! The life of an order: every state, every kind of evidence, what follows and what you are told.
//!
//! Each cell is what one piece of evidence does to an order in the state of its column: the new state in bold where it
//! changes, and the records your execution stream gets. "–": nothing. `Filled`, `Cancelled`, `Expired` and `Rejected` are
//! ends; an order told to be `Rejected` that turns out to live is `Risen`, and is cancelled without being asked. The same
//! machine serves every venue; a test builds this table from it and compares.
//!
//! | evidence |
//!
//! Reminders of an unknown order (`Unknown` again, every 10 s unless configured otherwise) come as long as it is
//! unknown: it is never dropped, never sent again, and asked about at growing intervals within the governor's share for
//! such queries. "Absent from three listings" means complete ones, the first begun 10 s or more after the last byte may
//! have left. A `Live` order is not ended by absence alone; see [`crate::order`] for what is asked then.
