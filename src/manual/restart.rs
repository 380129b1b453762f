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
//!   (`xc-<epoch>-<request>`), is above every earlier one of the account and on the disk before it is used, so that its ids
//!   never come twice and a dead session's orders are recognised as ours;
//! - up to when what was executed was told, as the time stamp of the lock file, once a second. It moves on only while the
//!   venue is reconciled and its executions are listed: neither a start that fails, nor a session that dies before it
//!   reconciled, nor a venue that is away moves it.
//!
//! If the epochs are missing, the venue's own list of open orders decides: with an order of our prefix open the start is
//! refused ([`StateMissing`](crate::gateway::GatewayError::StateMissing)), with none it is a first start. If the venue
//! cannot be asked, the start is refused, too. A damaged file is never taken for a missing one.
//!
//! Two programs that trade with one account over different keys or from different machines do not lock each other out, and
//! started in the same second they would make the same ids, in one directory, too: give each its own
//! [`order_id_prefix`](crate::gateway::GatewayBuilder::order_id_prefix). Only orders of sessions this directory knows are
//! ours; all others are strangers': reported once, and left alone. In an emergency, when the reactor has failed, every order
//! of the prefix counts as ours, of whatever session: see [`guards`](super::guards).
//!
//! # What becomes of open orders
//!
//! [`restart`](crate::gateway::GatewayBuilder::restart) decides:
//!
//! - [`Adopt`](crate::gateway::RestartPolicy::Adopt) (the default): the order is taken back. The strategy of the number it
//!   was placed by is told `OrderListed` with terms and cumulative quantity, as soon as that strategy exists. From then on
//!   it is an order like any other: found by its client order id, its venue id or the request the record names; it counts
//!   in limits; the kill switch cancels it.
//! - [`Sweep`](crate::gateway::RestartPolicy::Sweep): the same, and it is cancelled at once, and again until it
//!   is over, whatever the venue answers.
//!
//! An order whose instrument cannot be read at the start is reported as a stranger's, with a warning in the log, and taken
//! back once somebody subscribes to the instrument. A sweep and a kill cancel it all the same.
//!
//! An order that was executed while nobody was there and is over by now is found by its executions: `OrderListed`, its
//! end, its fills. Binance.US lists a cancelled order by the id of its cancel: our cancels, those of an emergency among
//! them, name the order in it; one that somebody else cancelled meanwhile cannot be known as ours, and nothing of it is
//! told.
//!
//! # Which fills are told
//!
//! Every execution of such an order from two minutes before the moment in the state directory on is told once as a `Fill`
//! flagged `REPLAYED`, with its real price, fee and execution id. The listed cumulative quantity and the balances of the
//! start have it already; a spot position begins with balances asked for 10 s after the last of them, and a limit on it
//! refuses orders until then (`absence_grace_ms`; [`orders`](super::orders)). The two minutes are there because the dead
//! session may not have heard the last of them: if you kept books of your own, compare execution ids.
//!
//! What an execution says can be read once its instrument is known: those of open orders are at the start, another is as
//! soon as somebody subscribes to it, and executions in it are then looked for once more. Subscribe to what the dead
//! session traded: what nobody subscribes to is not told, and the session after this one looks back no further than to
//! this one.
//!
//! # When orders may leave
//!
//! Not before every venue with credentials was reconciled once: executions since the death listed, open orders listed,
//! orders taken back and their executions read, swept ones over. Until then `Rejected(NotConnected)`. Later outages of one
//! venue hold up orders to that venue only.
