//! The life of an order: every state, every kind of evidence, what follows and what you are told.
//!
//! Each cell is what one piece of evidence does to an order in the state of its column: the new state in bold where it
//! changes, and the records your execution stream gets. "–": nothing. `Filled`, `Cancelled`, `Expired` and `Rejected` are
//! ends; an order told to be `Rejected` that turns out to live is `Risen`, and is cancelled without being asked. The same
//! machine serves every venue; a test builds this table from it and compares.
//!
//! | evidence | New | Sent | Unknown | Live | Filled | Cancelled | Expired | Rejected | Risen |
//! |---|---|---|---|---|---|---|---|---|---|
//! | first byte may have left | **Sent** | – | – | – | – | – | – | – | – |
//! | refused by us before a byte | **Rejected**: Rejected | – | – | – | – | – | – | – | – |
//! | connection lost | **Rejected**: Rejected | **Unknown**: Unknown | – | – | – | – | – | – | – |
//! | no reply in time | – | **Unknown**: Unknown | – | – | – | – | – | – | – |
//! | reply: accepted | **Live**: Accepted | **Live**: Accepted | **Live**: Accepted reconciled | – | – | – | – | **Risen**: StrangerOrder late | – |
//! | reply: refused | **Rejected**: Rejected | **Rejected**: Rejected | **Rejected**: Rejected reconciled | – | – | – | – | – | – |
//! | reply: duplicate id | **Unknown**: Unknown | **Unknown**: Unknown | – | – | – | – | – | – | – |
//! | reply: proves nothing | **Unknown**: Unknown | **Unknown**: Unknown | – | – | – | – | – | – | – |
//! | stream: pending | **Live**: Accepted implied | **Live**: Accepted implied | **Live**: Accepted reconciled | – | – | – | – | – | – |
//! | stream: open | **Live**: Accepted implied | **Live**: Accepted implied | **Live**: Accepted reconciled | – | – | – | – | **Risen**: StrangerOrder late | – |
//! | stream: open, part filled | **Live**: Accepted implied + Fill | **Live**: Accepted implied + Fill | **Live**: Accepted reconciled + Fill | Fill | – | Fill late | Fill late | **Risen**: Fill late + StrangerOrder late | Fill late |
//! | stream: filled | **Filled**: Accepted implied + Fill + Filled | **Filled**: Accepted implied + Fill + Filled | **Filled**: Accepted reconciled + Fill + Filled | **Filled**: Fill + Filled | – | Fill late | Fill late | Fill late | **Rejected**: Fill late |
//! | stream: cancelled | **Cancelled**: Accepted implied + Cancelled | **Cancelled**: Accepted implied + Cancelled | **Cancelled**: Accepted reconciled + Cancelled | **Cancelled**: Cancelled | – | – | – | – | **Rejected** |
//! | stream: expired | **Expired**: Accepted implied + Expired | **Expired**: Accepted implied + Expired | **Expired**: Accepted reconciled + Expired | **Expired**: Expired | – | – | – | – | **Rejected** |
//! | stream: failed | **Rejected**: Rejected | **Rejected**: Rejected | **Rejected**: Rejected reconciled | **Cancelled**: Cancelled | – | – | – | – | **Rejected** |
//! | history: a part executed | – | – | – | Fill | FillDetail | Fill late | Fill late | – | Fill late |
//! | absent from one listing | – | – | – | – | – | – | – | – | – |
//! | absent from three listings | – | – | **Rejected**: Rejected reconciled | – | – | – | – | – | – |
//!
//! Reminders of an unknown order (`Unknown` again, every 10 s unless configured otherwise) come as long as it is
//! unknown: it is never dropped, never sent again, and asked about at growing intervals within the governor's share for
//! such queries. "Absent from three listings" means complete ones, the first begun 10 s or more after the last byte may
//! have left. A `Live` order is not ended by absence alone; see [`crate::order`] for what is asked then.
