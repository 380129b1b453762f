//! A listing whose reply never comes, is cut or is no HTTP is asked again: one lost query does not stop reconciliation, at
//! any venue.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod canned;
mod common;
mod venues;

use exchange_connectors::record::Venue;
use exchange_connectors::sim::server::{CloseHow, Fault, FaultRule, Response};
use std::sync::Arc;
use venues::{at_every_venue, Local, Setup};

/// An order of unknown outcome at each venue; the first query about it meets this fault.
fn found_all_the_same(faults: &[Fault]) {
    at_every_venue(|at| {
        for fault in faults {
            let mut rig = Setup::direct().start(at);
            let listing = rig.local.paths().recent_orders;
            rig.local.hold_user_events();
            rig.local.inject(FaultRule::next(listing.0, listing.1, fault.clone()));
            let asked = rig.local.asked(listing);
            rig.local.spoil_next_order(Fault::ThenClose(CloseHow::Reset));
            let request = rig.send();
            rig.accepted_in_doubt(request);
            assert!(rig.local.asked(listing) >= asked + 2, "{at}: {fault:?}: it was asked again");
        }
    });
}

#[test]
fn silence() {
    found_all_the_same(&[Fault::Silence, Fault::ThenSilence]);
}

#[test]
fn a_lost_connection() {
    found_all_the_same(&[Fault::Close(CloseHow::Reset), Fault::ThenCut { keep: 30, how: CloseHow::Truncated }]);
}

#[test]
fn garbage() {
    found_all_the_same(&[
        Fault::Raw(b"\x01\x02 not http \r\n\r\n".to_vec()),
        Fault::Reply(Response::json(200, "{\"orders\":[{]}")),
        Fault::Reply(Response::html(500, "<html>")),
    ]);
}

#[test]
fn order_entry_opens_although_the_first_listings_are_lost() {
    at_every_venue(|at| {
        let local = Arc::new(Local::start(at));
        let mut listings = vec![local.paths().open_orders];
        if at == Venue::Oanda {
            // The picture of the account, which everything begins with.
            listings.push(("GET", "/v3/accounts/101-001-7654321-001"));
        }
        for (method, path) in &listings {
            local.inject(FaultRule::next(method, path, Fault::Silence));
        }
        let mut rig = Setup::direct().try_start(&[local], |builder| builder).unwrap();
        rig.healthy();
        rig.place_accepted();
        for listing in listings {
            assert!(rig.local.asked(listing) >= 2, "{at}: {listing:?} was asked again");
        }
    });
}
