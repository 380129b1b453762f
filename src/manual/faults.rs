//! Every fault, and what the user sees: where it can be injected, the records in order, what the engine does, and the test
//! that shows it.
//!
//! The local venues ([`sim`](crate::sim), feature `sim`) fail on request. `Fault::…` is one request's fault, given to
//! [`inject`](crate::sim::server::Server::inject); other names are controls of a running venue, the same for all of them
//! unless a venue is named beside them; "cans" are replies canned in the tests. Tests are files below `tests/`, `::` names one
//! function. What is said of orders, of the account's events and of guards is shown at all three venues, unless the row
//! names the venue it is about; many of them at once, by one gateway, which also shows that one venue's trouble is not
//! another's.
//!
//! # New orders
//!
//! | fault | injected by | the strategy sees | the engine | shown by |
//! |---|---|---|---|---|
//! | the request is lost, or what comes back proves nothing, and the venue never had the order | `Fault::Reply` (5xx), `Fault::Close`, `Fault::Silence`, `Fault::Raw`, cans | `Unknown`, `Rejected` (`NeverArrived`, `RECONCILED`) | asks for listings until enough complete ones, begun long enough after the last byte, lack it; never sends it again | `broken_replies_to_an_order_are_reconciled::the_request_is_lost_on_its_way`, `order_that_never_arrived_is_rejected_after_proof` |
//! | the reply is lost: the connection ends, or nothing comes in time | `Fault::ThenClose`, `Fault::ThenSilence`, `Fault::ThenHold`, `Fault::ThenDelay` | `Unknown`, `Accepted` (`RECONCILED`), then its life | finds it in the listings by our id; the connection is dialled again | `broken_replies_to_an_order_are_reconciled::the_reply_is_lost_on_its_way`, `order_with_lost_reply_is_reconciled::many_at_once_are_all_found` |
//! | the whole venue goes with the reply | `Fault::ThenHold`, `down` | the same, once it is back | the same | `order_with_lost_reply_is_reconciled::the_whole_venue_goes_down_with_the_reply` |
//! | nothing can be learnt of an order | `Fault::ThenClose`, then `Fault::Reply` to every question | `Unknown` again and again, then the same | asks with growing pauses, takes nothing for proof | `order_with_lost_reply_is_reconciled::while_nothing_can_be_learnt_unknown_is_repeated_and_means_nothing_new`, `order_that_never_arrived_is_rejected_after_proof` |
//! | the reply is cut, mid-body or before | `Fault::ThenCut`, cans | the same | the same | `broken_replies_to_an_order_are_reconciled::the_reply_is_lost_on_its_way`, `rest_failures_of_an_order_end_in_the_truth` |
//! | the reply trickles | `Fault::ThenSlow`, cans | `Accepted` if it is whole in time, else the same | the same; the time counts for the whole reply | `broken_replies_to_an_order_are_reconciled::a_reply_in_pieces_or_late_is_a_reply` |
//! | the reply comes late, in chunks | `Fault::Delay`, `Fault::ThenDelay`, `Fault::ThenChunked` | `Accepted` | nothing else | `broken_replies_to_an_order_are_reconciled::a_reply_in_pieces_or_late_is_a_reply` |
//! | header garbage, too many headers, a body beyond every limit, bytes that are no HTTP | `Fault::Raw`, `Fault::ThenRaw`, `Fault::ThenReply` | `Unknown`, then what is proven | leaves the connection; nothing of the answer is believed | `broken_replies_to_an_order_are_reconciled::the_reply_is_lost_on_its_way` |
//! | the same over the WebSocket API of Binance.US, and answers to nobody's question | `Fault::Close`, `Fault::ThenClose`, `Fault::ThenSilence`, `Fault::ThenRaw` | the same | the same; orders go over REST meanwhile | `broken_replies_to_an_order_are_reconciled::a_request_or_a_reply_over_the_websocket_api_is_lost`, `binance_us/orders_live_and_end` |
//! | a key that is taken away while we run | `set_permissions` at Coinbase, `revoke_key` at Binance.US, `revoke_token` and `forbid_account` at OANDA | `Rejected` (`Unauthorized`, `Forbidden`); at Binance.US, where the account's events end with the key, `Rejected` (`NotConnected`) | nothing more; what is open stays open | `refusals_and_keys_taken_away_end_an_order_at_once::by_a_key_that_was_taken_away_while_we_run`, `oanda/orders_live_and_end::an_account_that_is_not_served_any_more_refuses_orders_and_leaves_what_is_open` |
//! | created and cancelled in one answer, at OANDA | `cancel_next_order` | `Accepted`, `Cancelled` with the venue's reason | nothing more | `oanda/orders_live_and_end::an_order_that_is_created_and_cancelled_in_one_answer_ends_with_the_reason` |
//! | 401, 403 with any body | `Fault::Reply`, cans | `Rejected` (`Unauthorized`, `Forbidden`) | nothing more; after a firewall's page with a 403 the breaker opens for as long as it says, or two minutes: `Rejected` (`BreakerOpen`) with the time to try again | `rest_failures_of_an_order_end_in_the_truth`, `refusals_and_keys_taken_away_end_an_order_at_once` |
//! | 429, with and without `Retry-After` | `Fault::Reply`, cans | `Rejected` (`RateLimited`); the next one too, here, with the time to try again | sends nothing before that time | `rest_failures_of_an_order_end_in_the_truth`, `rate_limited_by_the_venue_waits` |
//! | 418, a ban, at Binance.US | cans | `Rejected` (`RateLimited`), `Guard` (`BreakerOpened`), then `Rejected` (`BreakerOpen`) with the time to try again | sends nothing before the ban's end, then probes. Elsewhere 418 is a 4xx like any other | `rest_failures_of_an_order_end_in_the_truth` |
//! | 500, 502 with a page, 503, 504, a redirect, a proxy's 4xx (at OANDA 404, 405 and 416 in its own words are `Rejected`), 200 or 204 with nothing in it | `Fault::ThenReply`, cans | `Unknown`, then what is proven | follows no redirect; counts the 5xx for the breaker | `rest_failures_of_an_order_end_in_the_truth`, `rest_failures_of_an_order_end_in_the_truth::a_redirect_is_followed_nowhere` |
//! | a listing's 200 without the list that was asked for | cans | `Unknown`, nothing more until a listing is one | takes it for no evidence; asks again | `rest_failures_of_an_order_end_in_the_truth::an_answer_that_is_no_listing_is_no_evidence_that_an_order_is_not_there` |
//! | the listing lags, or fails | `lag_listings`, `Fault::Reply` | `Unknown`, `Accepted` (`RECONCILED`) | takes no listing begun too early for evidence | `user_events_that_fail_lose_and_double_nothing::lost_with_the_reply_while_listings_lag`, `query_that_gets_no_answer_is_asked_again` |
//! | the venue does nothing but fail | cans | `Unknown` each, `Guard` (`BreakerOpened`), `Rejected` (`BreakerOpen`), `Guard` (`BreakerProbing`, `BreakerClosed`) | cancels and queries pass; probes ask for the time | `rest_failures_of_an_order_end_in_the_truth::a_venue_that_only_fails_opens_the_breaker_until_it_answers_again` |
//! | a connection is half-open: the bytes leave and nobody reads them | `set_frozen` | `Unknown`, `Rejected` (`NeverArrived`); should they come out after all, `StrangerOrder` (`LATE`) | leaves the connection; cancels the order that came late without being asked | `broken_replies_to_an_order_are_reconciled::a_half_open_connection_is_left_and_an_order_that_comes_out_of_it_late_does_not_rest`, `order_told_dead_that_arrives_late_is_cancelled` |
//!
//! # The account's events
//!
//! | fault | injected by | the strategy sees | the engine | shown by |
//! |---|---|---|---|---|
//! | an event comes several times | `repeat_user_events` | every state and every fill once | knows it by the venue's execution id, by its transaction's id at OANDA, or by the cumulative quantity | `user_events_that_fail_lose_and_double_nothing::told_several_times` |
//! | an event is dropped, the stream is healthy | `hold_user_events` with `drop_user_events`, `suppress_user_events` | the `Fill`, later | reads the venue's history every 25 s | `user_events_that_fail_lose_and_double_nothing::never_told`, `fills_missed_in_an_outage_are_found_once::events_that_a_healthy_stream_dropped_are_found_in_the_history` |
//! | the venue ends an order by itself and the event is dropped, the stream is healthy | `end_order`, `hold_user_events` with `drop_user_events` | `Cancelled` or `Expired`, later | lists our open orders every 25 s, asks by its id for one that is not there | `user_events_that_fail_lose_and_double_nothing::ended_by_the_venue_and_never_told` |
//! | executions are listed later than their order, at Coinbase | `lag_fills` | one `Fill` (`DERIVED`), `Filled` | takes the order's own figures; counts nothing again when they are listed | `fills_missed_in_an_outage_are_found_once::executions_listed_later_than_their_order_count_once` |
//! | a fill and the answer to what is held cross on their way | `Fault::ThenHold`, `Fault::Delay`, `hold_user_events` | `Position` flagged `DERIVED`, and again once it is exact; meanwhile a position limit refuses (`Busy`) | takes no such answer for where a position begins; asks again after a while without fills (at OANDA transactions are numbered, and the answer says which it has) | `position_has_every_fill_once_after_a_restart` |
//! | events come late, or after everything is over | `delay_user_events`, `hold_user_events` | the same records, one end | ignores what is behind the end | `user_events_that_fail_lose_and_double_nothing::told_when_everything_is_over`, `user_events_that_fail_lose_and_double_nothing::told_late` |
//! | events about unknown instruments, or that nobody can read | `send_raw` | nothing, or `StrangerOrder` | counts them as anomalies; goes on | `user_events_that_fail_lose_and_double_nothing::about_instruments_nobody_asked_for_and_in_no_language`, `strangers_order_is_reported_once_and_left_alone` |
//! | the connection ends | `kill_connections` | connection states; orders refused `NotConnected` until all is accounted for; what happened meanwhile, once | dials again, reads history, lists open orders, then is healthy | `fills_missed_in_an_outage_are_found_once::the_connections_end_and_the_stream_stays_away_for_a_while`, `no_order_leaves_before_reconciliation` |
//!
//! # Guards, clocks and keys
//!
//! | fault | injected by | the strategy sees | the engine | shown by |
//! |---|---|---|---|---|
//! | the venue is away while the kill switch is thrown | `down` | `Guard` (`Killed`), `KillPending` with the number left each second, `Cancelled` each, `KillConfirmed` | cancels first when it is back, before it has listed anything; the other venues are not held up; strangers' orders are left alone | `kill_switch_cancels_and_confirms::a_venue_that_is_away_is_cancelled_at_first_of_all_when_it_is_back` |
//! | an order's outcome is unknown when the kill switch is thrown | `Fault::ThenClose` | `Unknown`, then its truth, `KillConfirmed` | finds it, cancels it | `kill_switch_cancels_and_confirms::an_order_of_unknown_outcome_is_found_and_cancelled` |
//! | a cancel fails | `Fault::Reply`, `Fault::Close`, `Fault::ThenClose` | `Cancelled`, or `CancelUnknown` meanwhile | repeats it until the venue says that it is over | `kill_switch_cancels_and_confirms::cancels_the_venue_fails_are_repeated_and_how_many_are_left_is_told`, `cancel_is_repeated_until_it_is_known_to_have_arrived` |
//! | the venue's clock jumps, at Coinbase and OANDA | `step_clock` | `Guard` (`BreakerOpened`), `Rejected` (`BreakerOpen`) | compares the clocks at each question that keeps a connection warm (OANDA's: by the reply's `Date`) | `clocks_that_differ_refuse_orders_and_say_why::coinbase_ten_seconds_away_opens_the_breaker_when_it_is_asked_for_the_time`, `clocks_that_differ_refuse_orders_and_say_why::oanda_ten_seconds_away_opens_the_breaker_when_a_reply_tells_its_time` |
//! | the venue's clock jumps, at Binance.US | `step_clock` | one `Rejected` (code -1021), then orders pass | asks for the venue's time at once and signs with it; signs nothing before (`Busy`) | `clocks_that_differ_refuse_orders_and_say_why::a_stamp_that_binance_us_refuses_is_a_refusal_and_the_next_one_is_right` |
//! | a token is expired, at Coinbase | `step_clock` | `Rejected` (`Unauthorized`) | drops tokens before that by our clock | `clocks_that_differ_refuse_orders_and_say_why::a_token_that_coinbase_finds_expired_is_a_refusal`, `order_after_a_long_silence_finds_a_token` |
//! | a key that may not trade, or that nobody knows | cans | an error of the start that says what to do | does not start | `rest_failures_are_typed::a_key_coinbase_does_not_take_is_a_start_error_that_says_what_to_do`, `rest_failures_are_typed::a_token_oanda_does_not_take_is_a_start_error_that_says_what_to_do`, `binance_us/start_checks_the_key`, `view_only_key_does_not_start` |
//! | the strategy falls silent | nobody beats | `Guard` (`Killed`) and what follows | cancels for it | `dead_man_cancels_for_a_silent_strategy` |
//! | a session dies with orders open | a gateway dropped without a word | in the next session `OrderListed` and what befell the order since, or `Cancelled` by a sweep; nothing leaves before | takes orders back, or sweeps them; strangers' orders are reported once and left alone | `restart_takes_orders_back`, `strangers_order_is_reported_once_and_left_alone` |
//! | the reactor panics | a handler that panics | nothing more; [`emergency`](crate::gateway::Gateway::emergency) says how it goes | the keeper cancels what is ours, again and again, over a connection of its own | `reactor_panics_and_orders_are_cancelled` |
//! | the reactor stands still | a handler that blocks | when it comes back `Guard` (`Killed`) and each order's end, once | the same; it finds the kill before it takes an order | `wedged_reactor_finds_the_kill_latched` |
//!
//! # This side
//!
//! | fault | injected by | the strategy sees | the engine | shown by |
//! |---|---|---|---|---|
//! | the strategy does not read its records | full rings | `Lost` with the exact count, what is open, positions and balances, `ResyncEnd` | cancels its orders, refuses new ones | `full_execution_ring_loses_counts_and_recovers`, `slow_consumer_loses_exactly_what_it_is_told` |
//! | the disk refuses the audit log | a directory that is away | `Guard` (`AuditTroubled`, `AuditRecovered` with the number lost) | trades on | `audit_log_says_what_it_lost` |
//!
//! # Connections and market data
//!
//! | fault | injected by | the strategy sees | the engine | shown by |
//! |---|---|---|---|---|
//! | an outage | `down` | connection states, gaps, then books and orders as they are | dials again with growing pauses, reconciles | `venue_down_and_up_again_recovers` |
//! | a door that accepts and says nothing | `set_stalled` | connection states | gives the handshake up in time | `fills_missed_in_an_outage_are_found_once` |
//! | a certificate that is not the venue's | `set_certificate` | a connection that never opens | never speaks to it | `wrong_certificates_never_connect` |
//! | garbage in place of the upgrade | `Fault::Raw`, `Fault::Reply`, `Fault::Close` | connection states | dials again | `garbage_instead_of_an_upgrade_is_dialled_again` |
//! | frames in the very segment of the upgrade | `Fault::WithUpgrade` | the first event | serves a new connection before it waits | `first_frames_may_come_with_the_upgrade` |
//! | broken frames | `send_bytes` | gaps, then books | leaves the connection | `broken_frames_end_the_connection_and_a_new_one_follows` |
//! | messages nobody can read | `send_raw` | a gap where a book may have been in it | counts them; the connection stays | `bad_messages_are_counted_and_the_feed_goes_on` |
//! | messages in many fragments | `fragment_messages` | nothing | puts them together | `fragments_and_pings_between_them_are_handled` |
//! | a lost line, at OANDA | `drop_prices` | nothing: lines bear no number | the next line carries the whole book | `oanda/prices_change_streams_without_a_gap::a_line_that_never_came_is_made_good_by_the_next` |
//! | a lost frame, elsewhere | `drop_market_frames` at Coinbase, `drop_frames` at Binance.US | a `Gap`, then the book as a snapshot | resynchronises what the gap touched | `lost_frame_is_a_gap_and_a_new_snapshot`, `binance_us/books_are_the_venues` |
//! | silence on an open connection | a venue that hangs | stale, then gaps and books | leaves it by the watchdog | `silent_venue_is_left_by_the_watchdog` |
//! | a strategy comes late | a gateway that runs | how every connection stands | tells it what it missed | `late_strategy_learns_how_connections_stand` |
//!
//! # Cold queries
//!
//! | fault | injected by | the caller sees | the gateway | shown by |
//! |---|---|---|---|---|
//! | any status but 200, a page, an empty or foreign answer, a slow or cut one | cans | [`ExchangeError`](crate::gateway::ExchangeError): `Http`, `Rejected`, `Unreadable`, `Timeout`, `Transport`, each with venue, operation and cause; [`is_retryable`](crate::gateway::ExchangeError::is_retryable) | never takes it for an answer | `rest_failures_are_typed` |
//! | 429, 418, a firewall's 403 | cans | the error; the next query is `Throttled`, with the time to try again | asks nothing before that time | `rest_failures_are_typed::a_429_holds_the_next_query_for_as_long_as_it_says`, `rest_failures_are_typed::a_ban_a_throttle_and_the_firewall_of_binance_us_are_obeyed_by_queries` |
//! | the same to an order of the blocking facade | cans | `Rejected` by a verdict, else `OutcomeUnknown` | never sends an order again that has left | `rest_failures_are_typed::an_order_by_the_connector_is_rejected_only_by_a_verdict_and_ambiguous_otherwise`, `connector_unknown_outcome` |

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// The cells of every row of the tables above.
    fn rows() -> Vec<Vec<&'static str>> {
        let lines = include_str!("faults.rs").lines();
        let lines = lines.filter_map(|line| line.strip_prefix("//! | ")).filter(|line| !line.starts_with("fault |"));
        lines.map(|line| line.trim_end_matches(" |").split(" | ").collect()).collect()
    }

    /// What stands between backticks.
    fn quoted(cell: &str) -> impl Iterator<Item = &str> {
        cell.split('`').skip(1).step_by(2)
    }

    /// A file of tests: alone, or in a folder with others that share their rig.
    fn text_of(tests: &Path, file: &str) -> Option<String> {
        let folders = std::fs::read_dir(tests).unwrap().map(|entry| entry.unwrap().path());
        let mut places = std::iter::once(tests.to_owned()).chain(folders);
        places.find_map(|place| std::fs::read_to_string(place.join(file)).ok())
    }

    #[test]
    fn every_test_the_table_names_exists() {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        let mut named = 0;
        for row in rows() {
            assert_eq!(row.len(), 5, "{row:?}");
            for name in quoted(row[4]) {
                let (file, function) = name.split_once("::").unwrap_or((name, ""));
                let text = text_of(&tests, &format!("{file}.rs"));
                let text = text.unwrap_or_else(|| panic!("{file}.rs is nowhere below tests"));
                let is_there = function.is_empty() || text.contains(&format!("#[test]\nfn {function}()"));
                assert!(is_there, "tests/{file}.rs has no test {function}");
                named += 1;
            }
            assert!(quoted(row[4]).next().is_some(), "shown by nothing: {row:?}");
        }
        assert!(named > 40, "the table was read");
    }

    /// The rows of a section.
    fn section(title: &str) -> impl Iterator<Item = &'static str> + '_ {
        let lines = include_str!("faults.rs").lines().filter_map(|line| line.strip_prefix("//! "));
        let below = lines.skip_while(move |line| line.strip_prefix("# ") != Some(title)).skip(1);
        let rows = below.take_while(|line| !line.starts_with("# ")).filter_map(|line| line.strip_prefix("| "));
        rows.filter(|line| !line.starts_with("fault |"))
    }

    #[test]
    fn what_is_said_of_orders_events_and_guards_is_shown_at_every_venue_or_names_its_own() {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        let venues = ["Coinbase", "Binance.US", "OANDA"];
        for row in ["New orders", "The account's events", "Guards, clocks and keys"].iter().flat_map(|t| section(t)) {
            let cells: Vec<&str> = row.trim_end_matches(" |").split(" | ").collect();
            let shown: String = quoted(cells[4])
                .map(|name| name.split_once("::").map_or(name, |(file, _)| file))
                .filter_map(|file| std::fs::read_to_string(tests.join(format!("{file}.rs"))).ok())
                .collect();
            let at_all = ["start_everywhere", "Local::everywhere", "at_every_venue", "Local::ALL"];
            let at_all = at_all.iter().any(|words| shown.contains(words));
            let by_one =
                |venue: &&str| shown.contains(&venue.replace("Binance.US", "BinanceUs").replace("OANDA", "Oanda"));
            let own = venues.iter().any(|venue| cells[0].contains(venue));
            assert!(at_all || own || venues.iter().all(by_one), "{row}");
        }
    }

    /// The names of what an item of the source declares, by what its lines begin with.
    fn declared(source: &'static str, before: &str) -> Vec<&'static str> {
        let name = |line: &'static str| {
            let rest = line.strip_prefix(before)?;
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
            rest.get(..end).filter(|name| !name.is_empty())
        };
        source.lines().filter_map(name).collect()
    }

    #[test]
    fn every_fault_the_local_venues_know_is_in_the_table() {
        let source = include_str!("../sim/server/fault.rs");
        let end = source.find("\n}\n").expect("the end of the enum");
        let faults = declared(&source[..end], "    ").into_iter().filter(|n| n.starts_with(char::is_uppercase));
        let faults: Vec<String> = faults.map(|name| format!("Fault::{name}")).collect();
        assert!(faults.len() >= 15, "the enum was read: {faults:?}");

        // No faults: how they are set up, undone, or looked at; and ordinary life.
        let harmless = [
            "start",
            "port",
            "ca_pem",
            "call",
            "inject",
            "inject_next",
            "clear_faults",
            "release_held",
            "frames_before_reply",
            "ping",
            "up",
            "open_connections",
            "stop",
            "pause_market",
            "run_market",
            "step",
            "release_user_events",
            "requests",
            "orders_received",
            "rate_limit_hits",
            "connections_accepted",
        ];
        let controls = [include_str!("../sim/server/handle.rs"), include_str!("../sim/controls.rs")];
        let controls = controls.into_iter().flat_map(|source| declared(source, "    pub fn "));
        let controls: Vec<&str> = controls.filter(|name| !harmless.contains(name)).collect();
        assert!(controls.len() >= 12, "the controls were read: {controls:?}");

        let rows = rows();
        let injected: Vec<&str> = rows.iter().flat_map(|row| quoted(row[1])).collect();
        for fault in faults.iter().map(String::as_str).chain(controls) {
            assert!(injected.contains(&fault), "{fault} is missing in the table");
        }
    }
}
