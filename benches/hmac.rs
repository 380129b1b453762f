//! Signing a request with the keyed state, against hmac and sha2 with a cloned keyed state.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{time, Comparisons};
use exchange_connectors::codec::hmac::HmacKey;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::hint::black_box;

const SIGNATURES: u64 = 2_000;
const KEY: &[u8] = b"NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";
/// A signed query of the usual length (the example of Binance's documentation).
const QUERY: &[u8] =
    b"symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559";

fn main() {
    let mut table = Comparisons::default();
    let ours = HmacKey::from_bytes(KEY).unwrap();
    let keyed = Hmac::<Sha256>::new_from_slice(KEY).unwrap();
    for (name, text) in [("139 bytes", QUERY), ("32 bytes", QUERY.get(..32).unwrap())] {
        table.compare(
            &format!("HMAC-SHA256 of {name}"),
            Some(1.1),
            SIGNATURES,
            || {
                time(SIGNATURES, || {
                    let mut state = black_box(&keyed).clone();
                    state.update(black_box(text));
                    state.finalize().into_bytes()
                })
            },
            || time(SIGNATURES, || black_box(&ours).sign(&[black_box(text)])),
        );
    }
    table.print("hmac + sha2, cloned keyed state");
}
