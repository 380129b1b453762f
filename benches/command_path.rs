//! A command to request bytes, and the answer to execution records, in the engine: guards, order table, token, body,
//! HTTP head; then reply, user event, order table, records on the ring. Baseline: sealing as many bytes with AES-256-GCM,
//! which TLS does to the same request.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce, UnboundKey, AES_256_GCM};
use common::trading::Trading;
use common::{time, Comparisons};

const ORDERS: u64 = 100;
/// Of a request: head, token, body.
const REQUEST_BYTES: usize = 980;

fn main() {
    let mut table = Comparisons::default();
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).unwrap());
    let mut text = vec![b'x'; REQUEST_BYTES];
    let mut seal = || {
        time(ORDERS, || {
            let nonce = Nonce::assume_unique_for_key([1; 12]);
            let _tag = key.seal_in_place_separate_tag(nonce, Aad::empty(), &mut text).unwrap();
        })
    };
    let mut trading = Trading::new();
    table.compare("command to bytes and written", None, ORDERS, &mut seal, || trading.round(ORDERS as usize).0);
    table.compare("reply, fill, heartbeat to records", None, ORDERS, &mut seal, || trading.round(ORDERS as usize).1);
    table.print("AES-256-GCM seal of the request");
}
