//! What general clients read of the older API before they trade.

use super::*;

fn ask(bench: &mut Bench, path: &str, query: &str, jwt: Option<String>) -> (u16, Value) {
    let headers = jwt.into_iter().map(|jwt| ("authorization".to_owned(), format!("Bearer {jwt}"))).collect();
    let request =
        Request { method: "GET".into(), path: path.into(), query: query.into(), headers, ..Request::default() };
    let reply = bench.venue.http(bench.now, DOOR_REST, &request);
    (reply.status, serde_json::from_slice(&reply.body).unwrap_or_default())
}

#[test]
fn time_currencies_and_rates_need_no_key() {
    let mut bench = Bench::plain();
    bench.hit(Side::Buy, "101", "1");
    let (status, time) = ask(&mut bench, "/v2/time", "", None);
    assert_eq!((status, &time["data"]["epoch"]), (200, &json!(START / crate::sim::SECOND_NS)));
    let (_, fiat) = ask(&mut bench, "/v2/currencies", "", None);
    let (_, crypto) = ask(&mut bench, "/v2/currencies/crypto", "", None);
    let codes: Vec<&str> = crypto["data"].as_array().unwrap().iter().map(|c| c["code"].as_str().unwrap()).collect();
    assert_eq!((&fiat["data"][0]["id"], codes), (&json!("USD"), vec!["USDC", "BTC", "ETH", "SOL", "DOGE"]));
    let (_, rates) = ask(&mut bench, "/v2/exchange-rates", "currency=BTC", None);
    assert_eq!(
        (&rates["data"]["rates"]["USD"], &rates["data"]["rates"]["BTC"]),
        (&json!("101"), &json!("1")),
        "{rates}"
    );
    let (status, unknown) = ask(&mut bench, "/v2/exchange-rates", "currency=NO", None);
    assert_eq!((status, &unknown["errors"][0]["id"]), (400, &json!("invalid_request")));
    assert_eq!(ask(&mut bench, "/v2/prices/BTC-USD/spot", "", None).0, 404, "another product");
}

#[test]
fn accounts_need_a_key_and_tell_the_whole_balance() {
    let mut bench = Bench::plain();
    bench.limit("c1", "BUY", "1", "90");
    assert_eq!(ask(&mut bench, "/v2/accounts", "", None).0, 401);
    let jwt = token(&key(), bench.now, Some("GET api.coinbase.com/v2/accounts"));
    let (status, accounts) = ask(&mut bench, "/v2/accounts", "", Some(jwt));
    let dollars = &accounts["data"][0];
    assert_eq!(
        (status, &dollars["balance"]["amount"], &dollars["currency"]["code"]),
        (200, &json!("1000000"), &json!("USD"))
    );
    assert_eq!(accounts["pagination"]["next_uri"], Value::Null);
}
