//! The audit log: everything asked of a venue and everything told about orders, and its verification.
//!
//! # Keeping one
//!
//! [`GatewayBuilder::audit`](crate::gateway::GatewayBuilder::audit) with an
//! [`AuditConfig`](crate::gateway::AuditConfig): a directory, which should be one gateway's own, when to force it to the disk
//! (never, every so many milliseconds, whenever something was written), the size at which a file is followed by the next,
//! and how many files are kept. Off unless configured. On the hot thread an entry costs a copy of 320 bytes into a ring; a
//! thread of its own makes the lines and writes them. Market data is not in it.
//!
//! # What is in it
//!
//! One JSON object per line. Every line has `seq`, from 1 without a hole over all files of a run, `ns` (UNIX nanoseconds) and
//! `kind`; members that are empty are left out, decimals are text.
//!
//! | kind | says | members besides `venue` |
//! |---|---|---|
//! | `part` | a file begins | `run` (its start, ns), `part` (from 1), `version` |
//! | `command` | a strategy's command was taken | `request`, `op` (place, cancel, replace), `instrument`, `side`, `type`, `time_in_force`, `post_only`, `price`, `quantity`, `quantity_in_quote`, `prepared_slot`; `target_request`, `target_client_order_id` or `target_venue_order_id`; `submitted_ns`, `origin_ns` |
//! | `sent` | a request was handed to its connection | `call`, `op`, `conn`, and of the order it names `request`, `client_order_id`, `venue_order_id`, `instrument`; a cancel of several orders has a line for each, with the same `call` |
//! | `ended` | that call is over | as `sent`, and `outcome` (answered, refused, failed, no_answer, not_sent), `status` (HTTP), `reject`, `code`, `latency_ns` from its last byte |
//! | `execution` | an execution record was made, guard events among them | `event`, `request`, `client_order_id`, `venue_order_id`, `instrument`, `side`, `quantity`, `cumulative`, `price`, `value`, `fee`, `asset`, `liquidity`, `execution_id`, `reject`, `code`, `guard`, `count`; `derived`, `implied`, `reconciled`, `late`, `last`; `sent_ns`, `venue_ns`, `latency_ns` since `sent_ns` |
//! | `connection` | a connection changed its state | `conn`, `role`, `state`, `why` |
//! | `lost` | entries are missing here | `count`, `place` (ring, cold_queue) |
//! | `end` | the run ended in order | |
//!
//! Calls are named by who makes them: `engine-7` on the reactor's connections (`place`, `cancel`, `replace`, `list`,
//! `keep_warm`), `cold-3` for what [`Queries`](crate::gateway::Queries) ask, `keeper-5` for emergencies and their rehearsals
//! (a listing every 15 s), `dialer-2` for `connect`, of which only the end is
//! told, with the time from name to upgrade as its latency.
//!
//! Execution records are written when they are made, whether or not their strategy's ring has room: the log knows what a slow
//! strategy missed. There is no place for a key, a token or a signature in an entry. Texts of foreign origin (codes, errors)
//! are searched for what looks like one, and `[redacted]` stands in its place. On Unix the files are readable by their owner
//! only.
//!
//! # When it cannot keep up
//!
//! Nothing is missing in silence. A ring that is full counts what it refuses; as soon as there is room a `lost` line says how
//! many, where they are missing. A disk that refuses (full, gone) stops the taking of entries: the line it cut is completed
//! when it obeys again, from the very byte; meanwhile entries wait in the ring. Both are told to every strategy as
//! [`AuditTroubled`](crate::record::GuardEvent::AuditTroubled), and then
//! [`AuditRecovered`](crate::record::GuardEvent::AuditRecovered) with the exact number lost. Trading goes on: whether to stop
//! is the strategy's decision. [`Gateway::shutdown`](crate::gateway::Gateway::shutdown) writes all that waits, forces it to the
//! disk, and says [`AuditIncomplete`](crate::gateway::GatewayError::AuditIncomplete), with the number, if it could not.
//!
//! A process that dies leaves every line that was written; a machine that dies, every line that was forced to the disk.
//!
//! # Checking one
//!
//! `exchange-connectors audit FILE...` ([`journal::verify`](crate::journal::verify)) reads the files of any number of runs and
//! needs nothing else. It shows every violation with file and line, and a summary; its exit code is 0 only if there are none:
//!
//! - a hole in the numbers, an entry lost, a file cut in the middle of a line, a run without an end;
//! - a command without an answer: an order by its first record, a cancel or a change by its own answer or the order's end;
//! - an order whose first record is not exactly one of accepted, rejected, unknown; an unknown one not settled by exactly
//!   one accepted or rejected flagged `reconciled`; a second end; a fill before the first or, unless flagged `late`, after
//!   the last; a cumulative quantity that is not the sum of the fills; an execution told twice;
//! - an order sent twice; a call that ends twice, or never began.
//!
//! The first files of a run may have been deleted by rotation: then it is believed from where it begins, and the summary says
//! so. With `--unfinished`, for the log of a gateway that still runs or has died, what its last lines leave open is no
//! violation. An order whose outcome is unknown at the end of a log is one otherwise: ask the venue.
