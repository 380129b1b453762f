//! Every recording and sample of the venue in the captures folder is read by the parser it is for, without an error.
//!
//! Walks the folder: a file without a reader here fails the test, so that none is left out in silence. Says which reader
//! took which file (`cargo test every_capture -- --nocapture`), and that it skips where the folder is not. What the
//! contents mean is judged by the readers' own tests.

use super::response;
use super::stream::{Control, Decoder};
use super::testing::{instrument, Ear, Told};
use crate::codec::json::Plain;
use crate::order::{CancelReply, PlaceReply, ReplaceReply};
use crate::record::Fixed;
use crate::venue::{Anomaly, Channels};
use std::path::{Path, PathBuf};

/// Reads a whole file; how many things it found.
type Reader = fn(&str) -> Result<usize, String>;

/// Who reads a file of the folder, by its path within it.
fn reader(path: &str) -> Option<(&'static str, Reader)> {
    Some(match path {
        "fastmm/advanced_md_stream.jsonl" | "synthetic/advanced_public_channels.jsonl" => ("stream", stream),
        "synthetic/advanced_user_channel.jsonl" => ("user stream", stream),
        "jkorf/advanced_frames_20241004.jsonl" => ("stream, each frame of a connection of its own", single_frames),
        "fastmm/advanced_accounts.json" => ("balances", balances),
        "fastmm/advanced_product_btc_usd.json" => ("listing", listing),
        "fastmm/advanced_time.json" => ("server time", server_time),
        "ccxt/orders_batch_filled_20231126.json" => ("order list", orders),
        "synthetic/advanced_rest_responses.jsonl" => ("replies", replies),
        "ccxt/fills_spot_20231126.json" => ("fill list", fills),
        "ccxt/market_ticker_20240424.json" => ("market trades", market_trades),
        "jkorf/transaction_summary.json" => ("fees", fees),
        "fastmm/exchange_product_btc_usd.json" | "fastmm/exchange_product_btc_usd_sandbox.json" => {
            ("increments as Advanced Trade's", exchange_increments)
        }
        "fastmm/exchange_server_time.json" => ("JSON; nothing here asks for it", json),
        // Judged vector by vector beside the signing and the reject classes.
        "synthetic/hmac_vectors.json" | "synthetic/jwt_vectors.json" | "synthetic/order_enums.json" => ("JSON", json),
        _ => return None,
    })
}

/// Not messages: texts, receive times, notes of the recordings' authors; and the frames of the Exchange feed, which its own
/// tests read (`exchange::tests`).
fn is_no_message(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    path.starts_with("LICENSES/")
        || name == "README.md"
        || name.ends_with(".txt")
        || name == "fixtures.meta.json"
        || (name.starts_with("exchange_") && name.ends_with(".jsonl"))
}

#[test]
fn every_capture_has_a_reader_that_takes_it_without_an_error() {
    let root = std::env::var_os("EXCHANGE_CONNECTORS_CAPTURES").map(PathBuf::from);
    let root = root.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/captures"));
    let root = root.join("coinbase");
    let mut files = Vec::new();
    list(&root, &root, &mut files);
    if files.is_empty() {
        println!("skipped: no recordings (set EXCHANGE_CONNECTORS_CAPTURES)");
        return;
    }
    let mut read = 0;
    for path in &files {
        if is_no_message(path) {
            println!("{path}: no message, or of the Exchange feed");
            continue;
        }
        let (name, reader) = reader(path).unwrap_or_else(|| panic!("{path}: nobody reads it"));
        let text = std::fs::read_to_string(root.join(path)).unwrap();
        let found = reader(&text).unwrap_or_else(|error| panic!("{path}, {name}: {error}"));
        assert!(found > 0, "{path}: {name} found nothing in it");
        println!("{path}: {name}, {found} found");
        read += 1;
    }
    assert!(read >= 17, "{read} of {} files", files.len());
}

/// Paths of all files below `folder`, relative to `root`.
fn list(root: &Path, folder: &Path, files: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            list(root, &path, files);
        } else {
            files.push(path.strip_prefix(root).unwrap().to_string_lossy().into_owned());
        }
    }
}

/// A decoder that knows every product of the files and wants all of it.
fn decoder() -> Decoder {
    let mut decoder = Decoder::new();
    for (id, symbol) in ["BTC-USD", "ETH-USD", "ETH-USDT", "XXX-USD"].into_iter().enumerate() {
        let index = decoder.products.know(&instrument(id as u32, symbol));
        let product = decoder.products.get_mut(index).unwrap();
        product.wanted = [Channels::TICKER_BATCH, Channels::CANDLES, Channels::STATUS]
            .into_iter()
            .fold(Channels::BOOK | Channels::TRADES | Channels::TICKER, Channels::with);
        product.book = super::products::BookState::Waiting;
    }
    decoder
}

/// Messages of one connection. Error frames are announced as such, and are no errors of ours.
fn stream(text: &str) -> Result<usize, String> {
    let (mut decoder, mut plain, mut ear) = (decoder(), Plain::new(1 << 17), Ear::default());
    let mut controls = 0;
    for line in text.lines() {
        let control = decoder.message(&mut plain, &mut line.as_bytes().to_vec(), &mut ear);
        controls += usize::from(control != Control::None);
    }
    judge(&ear)?;
    let untold = text.lines().filter(|line| !line.contains("\"XXX-USD\"")).count();
    let told = ear.told.iter().filter(|told| !matches!(told, Told::Level(..) | Told::BookEnd(_))).count();
    // Each message tells something or is for the session.
    if told + controls < untold {
        return Err(format!("{told} told and {controls} for the session of {untold} messages"));
    }
    Ok(told)
}

fn single_frames(text: &str) -> Result<usize, String> {
    let mut found = 0;
    for line in text.lines() {
        let frame: serde_json::Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let number = frame["sequence_num"].as_u64().ok_or("no number")?;
        // As the first of its connection.
        let first = line.replace(&format!("\"sequence_num\":{number}"), "\"sequence_num\":0");
        let (mut decoder, mut plain, mut ear) = (decoder(), Plain::new(1 << 16), Ear::default());
        let control = decoder.message(&mut plain, &mut first.into_bytes(), &mut ear);
        judge(&ear)?;
        found += ear.told.len() + usize::from(control != Control::None);
    }
    Ok(found)
}

fn judge(ear: &Ear) -> Result<(), String> {
    let strange = ear.anomalies().into_iter().find(|(kind, _)| *kind != Anomaly::VenueError);
    match (strange, ear.gaps().first()) {
        (None, None) => Ok(()),
        (strange, gap) => Err(format!("{strange:?} {gap:?}")),
    }
}

fn balances(text: &str) -> Result<usize, String> {
    response::balances(text.as_bytes()).map(|(found, _)| found.len()).map_err(|error| error.to_string())
}

fn listing(text: &str) -> Result<usize, String> {
    let found = response::listing(&mut Plain::new(1 << 13), &mut text.as_bytes().to_vec());
    found.map(|listing| usize::from(&*listing.symbol == "BTC-USD")).map_err(|error| error.to_string())
}

/// Both protocols share one product: its prices and sizes of either must fit the same exponents.
fn exchange_increments(text: &str) -> Result<usize, String> {
    let product: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let btc = instrument(0, product["id"].as_str().ok_or("no id")?);
    for (key, ours) in [("quote_increment", btc.listing.tick), ("base_increment", btc.listing.lot)] {
        let theirs = Fixed::parse(product[key].as_str().ok_or(key)?).map_err(|error| error.to_string())?;
        if theirs.rescale(ours.exponent()).ok() != Some(ours.mantissa()) {
            return Err(format!("{key} {theirs}, not {ours}"));
        }
    }
    Ok(1)
}

fn server_time(text: &str) -> Result<usize, String> {
    let found = response::server_time(&mut Plain::new(1 << 10), &mut text.as_bytes().to_vec());
    found.map(|time| usize::from(time.is_some())).map_err(|error| error.to_string())
}

fn orders(text: &str) -> Result<usize, String> {
    let facts = response::orders(text.as_bytes(), &instrument(0, "ADA-USDT")).map_err(|error| error.to_string())?;
    let (details, _) = response::order_details(text.as_bytes()).map_err(|error| error.to_string())?;
    if facts.len() != details.len() {
        return Err(format!("{} facts of {} orders", facts.len(), details.len()));
    }
    Ok(facts.len())
}

fn fills(text: &str) -> Result<usize, String> {
    response::fill_details(text.as_bytes()).map(|(fills, _)| fills.len()).map_err(|error| error.to_string())
}

fn market_trades(text: &str) -> Result<usize, String> {
    let found = response::market_trades(&mut text.as_bytes().to_vec());
    found.map(|found| found.trades.len()).map_err(|error| error.to_string())
}

fn fees(text: &str) -> Result<usize, String> {
    response::fees(text.as_bytes()).map(|_| 1).map_err(|error| error.to_string())
}

/// Replies of many requests: each is judged as the answer to what its case names, and proves what the case says.
fn replies(text: &str) -> Result<usize, String> {
    let mut found = 0;
    for line in text.lines() {
        let case: serde_json::Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let name = case["case"].as_str().ok_or("a case without a name")?;
        let body = case["text"].as_str().map_or_else(|| case["body"].to_string(), str::to_owned);
        let status = case["status"].as_u64().and_then(|s| u16::try_from(s).ok()).ok_or("no status")?;
        if !proves(name, status, case["body"]["success_response"]["client_order_id"].as_str(), &body) {
            return Err(format!("{name}: not read as what it is"));
        }
        found += 1;
    }
    Ok(found)
}

fn proves(case: &str, status: u16, client_order_id: Option<&str>, body: &str) -> bool {
    let (mut plain, mut bytes) = (Plain::new(1 << 12), body.as_bytes().to_vec());
    match case {
        "batch_cancel mixed" => {
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            let results = body["results"].as_array().unwrap();
            let ids: Vec<_> = results.iter().map(|r| r["order_id"].as_str().unwrap().parse().unwrap()).collect();
            let mut taken = Vec::new();
            response::cancel_replies(&mut plain, status, &mut bytes, &ids, |_, reply| {
                taken.push(reply == CancelReply::Queued);
            });
            taken == results.iter().map(|r| r["success"] == true).collect::<Vec<_>>() && taken.contains(&false)
        }
        "edit ok" => response::edit_reply(&mut plain, status, &mut bytes) == ReplaceReply::Accepted,
        "edit refused" => {
            matches!(response::edit_reply(&mut plain, status, &mut bytes), ReplaceReply::Rejected { .. })
        }
        "open orders empty page" => response::order_details(&bytes).is_ok_and(|(orders, _)| orders.is_empty()),
        _ => {
            let sent = client_order_id.unwrap_or("cl-0001").parse().unwrap();
            let reply = response::place_reply(&mut plain, status, &mut bytes, &sent);
            match case.starts_with("create ok") {
                true => matches!(reply, PlaceReply::Accepted { .. }),
                false => matches!(reply, PlaceReply::Rejected { .. }),
            }
        }
    }
}

fn json(text: &str) -> Result<usize, String> {
    let read = Plain::new(1 << 16).parse(&mut text.as_bytes().to_vec(), |cursor| cursor.skip());
    read.map(|()| text.len()).map_err(|error| error.to_string())
}
