//! Restarts: one process at a time, ids that never come twice, and orders a dead session left.
//!
//! # The state directory
//!
//! With credentials a gateway keeps a small directory: what
//! [`state_directory`](crate::gateway::GatewayBuilder::state_directory) says, else `EXCHANGE_CONNECTORS_STATE_DIR`, else
//! `$XDG_STATE_HOME/exchange-connectors`, else `~/.local/state/exchange-connectors`. It holds, for each account (a venue,
//! the address of its REST API, an API key):
//!
//! - a lock. A second process with the same account is refused at its start, and told which process holds it. The lock ends
//!   with the process, however that ends;
//! - the epochs of all sessions so far. The epoch is part of every client order id
//!   (`xc-<epoch>-<request>`), is above every earlier one and on the disk before it is used, so that an id never comes
//!   twice and a dead session's orders are recognised as ours;
//! - when the session was last alive, as the time stamp of the lock file, once a second.
//!
//! If the epochs are missing, the venue's own list of open orders decides: with an order of our prefix open the start is
//! refused ([`StateMissing`](crate::gateway::GatewayError::StateMissing)), with none it is a first start. If the venue
//! cannot be asked, the start is refused, too. A damaged file is never taken for a missing one.
//!
//! Two programs that trade with one account over different keys or from different machines do not lock each other out:
//! give each its own [`order_id_prefix`](crate::gateway::GatewayBuilder::order_id_prefix). Only orders of sessions this
//! directory knows are ours; all others are strangers': reported once, and left alone.
//!
//! # What becomes of open orders
//!
//! [`restart`](crate::gateway::GatewayBuilder::restart) decides:
//!
//! - [`Adopt`](crate::gateway::RestartPolicy::Adopt) (the default): the order is taken back. The strategy of the number it
//!   was placed by is told `OrderListed` with terms and cumulative quantity, as soon as that strategy exists. From then on
//!   it is an order like any other: found by its client order id, its venue id or the request the record names; it counts
//!   in limits; the kill switch cancels it.
//! - [`Sweep`](crate::gateway::RestartPolicy::Sweep): the same, and it is cancelled at once.
//!
//! An order that was executed while nobody was there and is over by now is found by its executions: `OrderListed`, its
//! end, its fills. Binance.US lists a cancelled order by the id of its cancel: our cancels, those of an emergency among
//! them, name the order in it; one that somebody else cancelled meanwhile cannot be known as ours, and nothing of it is
//! told.
//!
//! # Which fills are told
//!
//! Every execution of such an order from two minutes before the dead session was last alive is told once as a `Fill` flagged
//! `REPLAYED`, with its real price, fee and execution id. The listed cumulative quantity and the balances of the start
//! have it already. The two minutes are there because the dead session may not have heard the last of them: if you kept
//! books of your own, compare execution ids.
//!
//! # When orders may leave
//!
//! Not before every venue with credentials was reconciled once: executions since the death listed, open orders listed,
//! orders taken back and their executions read, swept ones over. Until then `Rejected(NotConnected)`. Later outages of one
//! venue hold up orders to that venue only.
