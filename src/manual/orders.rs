//! What an order's records mean, and how an unknown outcome ends.
//!
//! # The law of records
//!
//! For every submitted command, in every race, your execution stream says: first exactly one of `Accepted`, `Rejected`,
//! `Unknown`. After `Unknown` (which may be repeated as a reminder) exactly one `Accepted` or `Rejected`, flagged
//! `RECONCILED`. Evidence of life that comes before the reply gives an `Accepted` flagged `IMPLIED` first. Then fills, then
//! one terminal record: `Filled`, `Cancelled` or `Expired`. The states and the evidence each transition needs are a table:
//! [`lifecycle`](super::lifecycle).
//!
//! # What proves a rejection
//!
//! A refusal of ours before any byte was written; HTTP 401, 403 or 429 with any body; another 4xx with the venue's own error
//! JSON; a business refusal in an HTTP 200. Everything else after the first byte may have left (a 5xx, a timeout, a reset, a
//! page of HTML, a body cut short) proves nothing: `Unknown`. The order is never sent again. It is looked for: by its id if
//! the venue gave one, else in the list of recent orders, by our client order id. Absence counts only from several complete
//! listings, each begun long enough after the order's last byte left.
//!
//! # Changing an order
//!
//! [`OrderCommand::replace`](crate::record::OrderCommand::replace) is answered under its own request by exactly one of
//! `Replaced` and `ReplaceRejected`, or by the order's terminal record. A change is sent once. If its reply is lost you get
//! `ReplaceUnknown`, and the order's own state decides: `Replaced` once it shows the new terms, `ReplaceRejected`
//! (`NeverArrived`) once it kept showing the old ones long enough. Meanwhile limits count the larger of the two quantities.
//!
//! **Binance.US has no change in place.** There one request cancels the order and places another, and you follow two orders.
//! The new one goes by the replace's request from its first record on: `Accepted`, `Rejected` or `Unknown`, then its
//! fills and its end; cancel it by that request. The old one ends by `Cancelled` under its own request, or stands:
//!
//! | at the venue | told under the replace | told under the old order |
//! |---|---|---|
//! | both done | `Accepted` | `Cancelled` |
//! | cancelled, new one refused | `Rejected`, why it was refused | `Cancelled` |
//! | not cancelled, so none placed | `Rejected`, why the cancel failed | nothing: it stands, or its own end |
//! | not cancelled, placed anyway | `Accepted` | nothing: it stands, or its own end |
//! | no answer | `Unknown`, later one of the above, `RECONCILED` | `Cancelled`, or nothing |
//!
//! `ReplaceRejected` is said there only of what never left. The quantity you ask for is that of both together: what the
//! old one is known to have executed is taken off the new one. If it is not known to have executed anything, the venue is
//! told to cancel it only if that is true, so that a fill on its way cannot make both more than you asked for; of one
//! executed in part, a fill that crosses the replace is added. By
//! [`OrderCommand::place_anyway`](crate::record::OrderCommand::place_anyway) the new order is placed even if the old one cannot
//! be cancelled, and neither rule holds. The new order keeps side, time in force and post-only; an order of prepared terms
//! is refused `Unsupported`.
//!
//! **OANDA replaces.** A change there is another order under another venue id: `Replaced` carries the new id, and the order
//! stays yours under its request. Only limit orders until cancelled are changed; whatever else an order has would be lost.
//!
//! # Orders of more than a price and a quantity
//!
//! Stops, brackets, slices, scales, an end in time, exits attached, a venue's own options: state them once as
//! [`OrderTerms`](crate::record::OrderTerms), put them into one of your 64 slots with
//! [`OrderEntry::prepare`](crate::gateway::OrderEntry::prepare), and submit the slot with
//! [`OrderCommand::prepared`](crate::record::OrderCommand::prepared) as often as you like. Contradictions and terms the
//! venue has no form for are refused when you prepare; tick, lot and limits are checked at each submission, which
//! allocates nothing. A hot command is smaller and quicker to state; on the wire both are the same.
//!
//! A bracket is one order wherever it is stated. Binance.US makes it a pair (OCO): the limit leg has your order's client
//! order id, the stop leg that id and `S`, the list that id and `L`. You are told of one order. It goes by the limit leg
//! until that leg ends without a fill because the stop was set off, and by the stop leg from then on: its venue order id
//! changes, its request and its records go on.
//!
//! # Before the first order
//!
//! With credentials of Coinbase or Binance.US the start asks what the key may do and how far the venue's clock is from this
//! machine's. A key that may not trade, one the venue refuses, and a clock far off (30 s at Coinbase, 60 s at Binance.US,
//! where requests are stamped with the venue's own time) are errors of the start that say what to do. Binance.US does not
//! say what a key may do: an order is sent to `order/test`, which checks it and places none. If the venue cannot be asked,
//! the start goes on with a warning: its own refusals are typed too.
//!
//! # Ends that nobody told
//!
//! An order may be cancelled or expired by the venue, and a healthy stream may drop the event: there is no execution that
//! history could tell. So our open orders are listed with each reading of history, every 25 s (`fills_every_ms`), as long as
//! there are any. One that is not listed, and was sent 10 s before or earlier (`absence_grace_ms`), is asked for by its id;
//! that answer ends it, never the absence. After a reconnect all open orders are listed, and once more 10 s later, since
//! the first listing may lag. A listing is one request at OANDA, one for each 12 orders at Coinbase, and at Binance.US
//! weighs 6 for each instrument with an open order of ours, 80 at most, of 6,000 a minute.
//!
//! # Fills
//!
//! Coinbase's user stream has no executions, only cumulative quantities. A `Fill` is the difference to what was known, with
//! exact quantity, value and fee; its price is computed and the record is flagged `DERIVED`. A repeated or older state counts
//! nothing. Rows of the venue's history enrich fills as `FillDetail`, which moves no position, unless they show more than was
//! known. History is read after every reconnect and every 25 s while orders of ours are recent.
//!
//! Binance.US tells each execution with its own id, price and fee. Fees there come in what was received or in a third asset:
//! `fee_asset` of the record says which (names by [`Directory::asset_code`](crate::gateway::Directory::asset_code)), and
//! such a fee is in the record of its own execution only.
//!
//! OANDA numbers everything that happens to an account. Each transaction is applied once, whether the stream, an answer or
//! the history brings it, and a number that is missing is fetched within a second. A fill that closes one trade and opens
//! another is one event of several `Fill` records and, behind them, `Position` records of both sides; what was held before
//! the start, or before an instrument was subscribed, is taken from a picture of the account. `Balance` and `Margin` follow
//! every fill. An order of unknown outcome is looked for after the transaction that was the newest when it left: client ids are no
//! protection against doubles there.
//!
//! # Positions
//!
//! Every event with a `Fill` ends with two [`Position`](crate::record::ExecutionKind::Position) records, long side and short
//! side, at all three venues and on paper; every strategy gets them, whosever order it was. Coinbase and Binance.US keep no
//! positions, so theirs are made of the very `Fill` records you get, whatever told these (stream, reply, history, after the
//! end): each moves it once. `FillDetail` and a `Fill` of quantity 0 move nothing, though the latter may price what was
//! bought before its price was known. A fill flagged REPLAYED moves nothing either: the balance a position begins with has it.
//!
//! - The two sides there are the lots of this gateway's fills, first in, first out: units, average price, realised profit
//!   and, where some strategy subscribes to the book, profit not realised. Sell what you held before the start and it stands
//!   on the short side. Past 128 lots on a side the newest take on further fills at their average; sums stay exact.
//! - `cumulative_quantity` is the net position as a position limit counts it: the balance of the base asset at the start
//!   plus fills ([`guards`](super::guards)). The balance is asked for when an instrument becomes known, and is a beginning
//!   only if every fill is in it or after it, and in neither twice: if one was told within 10 s before the question
//!   (`absence_grace_ms`, as long as a listing may lag) or before the answer, it is asked again after 10 s without a fill. A
//!   fill told later puts the position in doubt, and has it begin again, if it may be older than the balance: of an order
//!   sent before, until history was read as of 10 s after it. As long as it has not begun, `Position` is flagged `DERIVED`,
//!   and it is told again once it has; a position limit refuses orders meanwhile. Who trades without one, and wants a
//!   position soon, waits for the first `Balance` of the base asset before the first order.
//! - Fees are in none of the figures. One taken in the base asset, as Binance.US does when you buy, makes what you hold less
//!   than the position by exactly that fee: the position counts what was executed, and so does a position limit, which
//!   buying therefore reaches a little early and selling a little late. The fee stands in its `Fill` (`fee`, `fee_asset`),
//!   what is left in `Balance`, and the balance check takes it off.
//!
//! # When orders may leave
//!
//! Not before the user stream is open, and executions and open orders were listed, at every venue with credentials when a
//! session starts ([`restart`](super::restart)), at its own venue after an outage. Until then `Rejected(NotConnected)`. The
//! market stream says when: a venue takes orders while its last [`State`](crate::record::State) record of the role `User`
//! is `Healthy` and that of the role `Orders` counts at least one connection in `open`. At the start they open one after the
//! other; `open` equals `wanted` once all are there.
//!
//! A command that finds no free connection or token is refused `Busy` at once; nothing queues behind your back. Cancels have
//! a connection, a share of the rate limit and tokens of their own, and are repeated until the order is over. One of an
//! order whose venue id nobody has told yet waits for it; at OANDA it goes by our id meanwhile.
//!
//! # When you are too slow
//!
//! If your execution ring and a reserve of 1,024 records are full, your open orders are cancelled and your new ones refused.
//! Once your ring has room you get one `Lost` with the exact count, every open order as `OrderListed`, every position and
//! balance as `Position` and `Balance`, and `ResyncEnd`. OANDA's balance and margin are asked for again and follow.
