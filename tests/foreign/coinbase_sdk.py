#!/usr/bin/env python3
"""The venue's own Python SDK against the local Coinbase.

Shows that a client written by somebody else, for the real venue, trades against the simulator: REST, market data and
user data, with the SDK's own signing. Prints one line per step and exits non-zero at the first that does not hold.

Usage:
    python3 -m venv venv && venv/bin/pip install coinbase-advanced-py
    exchange-connectors sim --dir DIR &            # wait for its line of JSON
    . DIR/credentials.env
    venv/bin/python tests/foreign/coinbase_sdk.py

Reads COINBASE_API_KEY, COINBASE_API_SECRET, COINBASE_REST_URL, COINBASE_WS_URL, COINBASE_WS_USER_URL and
EXCHANGE_CONNECTORS_CA_FILE, and refuses to run against anything but localhost. (The SDK's WebSocket client does not
verify certificates; its REST client does, against the CA file.)
"""

import json
import os
import queue
import sys
import time
import uuid
from decimal import Decimal
from urllib.parse import urlparse

ca_file = os.environ["EXCHANGE_CONNECTORS_CA_FILE"]
os.environ["REQUESTS_CA_BUNDLE"] = ca_file
os.environ["SSL_CERT_FILE"] = ca_file

from coinbase.rest import RESTClient  # noqa: E402  (the CA has to be known first)
from coinbase.websocket import WSClient, WSUserClient  # noqa: E402
from requests.exceptions import HTTPError  # noqa: E402

REST, WS, WS_USER = (os.environ[n] for n in ("COINBASE_REST_URL", "COINBASE_WS_URL", "COINBASE_WS_USER_URL"))
for url in (REST, WS, WS_USER):
    assert urlparse(url).hostname == "localhost", f"not a simulator: {url}"

KEY, SECRET = os.environ["COINBASE_API_KEY"], os.environ["COINBASE_API_SECRET"]
PRODUCT = "BTC-USD"
WAIT_S = 10


def step(name, detail=""):
    print(f"ok  {name:<32} {detail}", flush=True)


def until(what, condition):
    """Waits for a condition on data that arrives; the limit is only for failure."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    sys.exit(f"FAILED: {what} did not happen within {WAIT_S} s")


def rest_part(client):
    when = client.get_unix_time()
    assert abs(int(when["epoch_seconds"]) - time.time()) < 5
    step("get_unix_time", when["iso"])

    products = client.get_products()["products"]
    assert PRODUCT in [p["product_id"] for p in products]
    step("get_products", f"{len(products)} products")
    public = client.get_public_products()["products"]
    assert len(public) == len(products)
    product = client.get_product(PRODUCT)
    step("get_product", f"price {product['price']}, tick {product['price_increment']}")

    permissions = client.get_api_key_permissions()
    assert permissions["can_trade"]
    summary = client.get_transaction_summary()
    step("get_transaction_summary", f"taker {summary['fee_tier']['taker_fee_rate']}")

    accounts = client.get_accounts(limit=2)
    count, pages = len(accounts["accounts"]), 1
    while accounts["has_next"]:
        accounts = client.get_accounts(limit=2, cursor=accounts["cursor"])
        count, pages = count + len(accounts["accounts"]), pages + 1
    step("get_accounts", f"{count} accounts on {pages} pages")

    book = client.get_product_book(PRODUCT, limit=5)["pricebook"]
    bid, ask = Decimal(book["bids"][0]["price"]), Decimal(book["asks"][0]["price"])
    assert bid < ask and len(book["bids"]) == 5
    best = client.get_best_bid_ask(product_ids=[PRODUCT, "ETH-USD"])["pricebooks"]
    assert len(best) == 2
    trades = client.get_market_trades(PRODUCT, limit=3)["trades"]
    assert int(trades[0]["trade_id"]) > int(trades[2]["trade_id"])
    step("book, best, trades", f"{bid} / {ask}")
    return bid, ask


def order_part(client, bid):
    far = str((bid * Decimal("0.9")).quantize(Decimal("0.01")))
    ours = str(uuid.uuid4())
    placed = client.limit_order_gtc_buy(ours, PRODUCT, "0.001", far, post_only=True)
    assert placed["success"], placed.to_dict()
    order_id = placed["success_response"]["order_id"]
    step("limit_order_gtc_buy post-only", order_id)

    again = client.limit_order_gtc_buy(ours, PRODUCT, "0.001", far, post_only=True)
    assert again["success_response"]["order_id"] == order_id
    step("same client_order_id", "gives the earlier order")

    open_orders = client.list_orders(order_status=["OPEN"], product_ids=[PRODUCT])["orders"]
    assert [o["order_id"] for o in open_orders] == [order_id]
    assert Decimal(open_orders[0]["outstanding_hold_amount"]) > 0
    held = Decimal(next(a for a in client.get_accounts()["accounts"] if a["currency"] == "USD")["hold"]["value"])
    assert held == Decimal(open_orders[0]["outstanding_hold_amount"])
    step("list_orders OPEN", f"hold {held}")

    results = client.cancel_orders([order_id, str(uuid.uuid4())])["results"]
    assert [(r["success"], r["failure_reason"]) for r in results] == [
        (True, "UNKNOWN_CANCEL_FAILURE_REASON"),
        (False, "UNKNOWN_CANCEL_ORDER"),
    ]
    assert client.get_order(order_id)["order"]["status"] == "CANCELLED"
    step("cancel_orders", "one cancelled, one unknown")

    market = client.market_order_buy(str(uuid.uuid4()), PRODUCT, quote_size="500")
    assert market["success"], market.to_dict()
    bought = client.get_order(market["success_response"]["order_id"])["order"]
    assert bought["status"] == "FILLED" and Decimal(bought["total_value_after_fees"]) <= 500
    fills = client.get_fills(order_ids=[bought["order_id"]])["fills"]
    assert sum(Decimal(f["size"]) for f in fills) == Decimal(bought["filled_size"])
    assert sum(Decimal(f["commission"]) for f in fills) == Decimal(bought["total_fees"])
    step("market_order_buy, get_fills", f"{bought['filled_size']} at {bought['average_filled_price']}, {len(fills)} fills")

    low = str((bid * Decimal("0.5")).quantize(Decimal("0.01")))
    sold = client.limit_order_ioc_sell(str(uuid.uuid4()), PRODUCT, "0.001", low)
    assert client.get_order(sold["success_response"]["order_id"])["order"]["status"] == "FILLED"
    killed = client.limit_order_fok_buy(str(uuid.uuid4()), PRODUCT, "0.001", low)
    assert client.get_order(killed["success_response"]["order_id"])["order"]["status"] == "CANCELLED"
    step("limit IOC and FOK", "filled and killed")

    def refused(order):
        assert not order["success"], order.to_dict()
        return order["error_response"]["new_order_failure_reason"]

    high = str((bid * 2).quantize(Decimal("0.01")))
    some_id = lambda: str(uuid.uuid4())  # noqa: E731
    assert refused(client.limit_order_gtc_buy(some_id(), PRODUCT, "0.001", high, post_only=True)) == "INVALID_LIMIT_PRICE_POST_ONLY"
    assert refused(client.limit_order_gtc_buy(some_id(), PRODUCT, "1000", far)) == "INSUFFICIENT_FUND"
    assert refused(client.limit_order_gtc_buy(some_id(), PRODUCT, "0.001", "1000.001")) == "INVALID_PRICE_PRECISION"
    assert refused(client.limit_order_gtc_buy(some_id(), "NO-SUCH", "0.001", far)) == "INVALID_PRODUCT_ID"
    step("business rejects", "in HTTP 200")
    try:
        client.get_product("NO-SUCH")
        sys.exit("FAILED: unknown product")
    except HTTPError as error:
        assert error.response.status_code == 404
    step("HTTP error", "404 as HTTPError")


def bad_key_part():
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    stranger = RESTClient(api_key=KEY, api_secret=other.decode(), base_url=urlparse(REST).netloc)
    try:
        stranger.get_accounts()
        sys.exit("FAILED: a foreign key was let in")
    except HTTPError as error:
        assert error.response.status_code == 401 and error.response.text.strip() == "Unauthorized"
    step("foreign key", "401")


def market_part():
    frames = queue.Queue()
    client = WSClient(api_key=KEY, api_secret=SECRET, base_url=WS, on_message=frames.put, max_size=32 * 1024 * 1024)
    seen, books, numbers = {}, {}, []

    def drain():
        while not frames.empty():
            frame = json.loads(frames.get())
            assert "channel" in frame, frame
            numbers.append(frame["sequence_num"])
            for event in frame["events"]:
                seen.setdefault((frame["channel"], event.get("type")), []).append(event)
                if frame["channel"] == "l2_data":
                    book = books.setdefault(event["product_id"], {})
                    if event["type"] == "snapshot":
                        book.clear()
                    for level in event["updates"]:
                        book[(level["side"], Decimal(level["price_level"]))] = Decimal(level["new_quantity"])
        return seen

    client.open()
    products = [PRODUCT, "ETH-USD", "NO-SUCH"]
    client.heartbeats()
    client.level2(products)
    client.market_trades(products)
    client.ticker(products)
    wanted = [("l2_data", "snapshot"), ("l2_data", "update"), ("market_trades", "snapshot"), ("market_trades", "update")]
    wanted += [("ticker", "snapshot"), ("ticker", "update"), ("heartbeats", None), ("subscriptions", None)]
    until("every channel", lambda: all(key in drain() for key in wanted))
    acks = seen[("subscriptions", None)]
    assert acks[-1]["subscriptions"]["level2"] == [PRODUCT, "ETH-USD"], acks[-1]
    until("3 heartbeats", lambda: len(drain()[("heartbeats", None)]) >= 3)
    beats = [e["heartbeat_counter"] for e in seen[("heartbeats", None)]]
    assert all(b == a + 1 for a, b in zip(beats, beats[1:])), beats
    assert numbers == list(range(len(numbers))), "sequence numbers"
    for trades in (e["trades"] for e in seen[("market_trades", "update")]):
        ids = [int(t["trade_id"]) for t in trades]
        assert ids == sorted(ids, reverse=True)
    for product, book in books.items():
        bids = [p for (side, p), size in book.items() if side == "bid" and size]
        asks = [p for (side, p), size in book.items() if side == "offer" and size]
        assert max(bids) < min(asks), f"{product} is crossed"
    client.level2_unsubscribe([PRODUCT, "ETH-USD"])
    until("the last ack", lambda: "level2" not in drain()[("subscriptions", None)][-1]["subscriptions"])
    client.close()
    counts = {f"{c}/{t}": len(v) for (c, t), v in seen.items()}
    step("WSClient", f"{len(numbers)} frames without a gap: {counts}")


def user_part(rest, bid):
    frames = queue.Queue()
    client = WSUserClient(api_key=KEY, api_secret=SECRET, base_url=WS_USER, on_message=frames.put)
    states, first, errors = {}, [], []

    def drain():
        while not frames.empty():
            frame = json.loads(frames.get())
            if frame.get("type") == "error":
                errors.append(frame)
            for event in frame.get("events", []):
                if frame["channel"] == "user":
                    first.append(event["type"])
                    for order in event["orders"]:
                        states.setdefault(order["client_order_id"], []).append(order["status"])
        return states

    client.open()
    client.heartbeats()
    client.user(product_ids=[PRODUCT])
    until("the snapshot", lambda: drain() is not None and first)
    assert first[0] == "snapshot"
    far = str((bid * Decimal("0.9")).quantize(Decimal("0.01")))
    resting, taking = str(uuid.uuid4()), str(uuid.uuid4())
    placed = rest.limit_order_gtc_buy(resting, PRODUCT, "0.001", far)
    rest.cancel_orders([placed["success_response"]["order_id"]])
    rest.market_order_sell(taking, PRODUCT, "0.002")
    until("both ends", lambda: drain().get(taking, [""])[-1] == "FILLED" and states[resting][-1] == "CANCELLED")
    assert states[resting] == ["PENDING", "OPEN", "CANCEL_QUEUED", "CANCELLED"], states
    assert not errors, errors
    client.close()
    step("WSUserClient", f"{states[resting]} and {states[taking]}")


def main():
    rest = RESTClient(api_key=KEY, api_secret=SECRET, base_url=urlparse(REST).netloc)
    bid, _ = rest_part(rest)
    order_part(rest, bid)
    bad_key_part()
    time.sleep(1)  # the venue's own limit: 30 private requests in a second
    # The SDK signs its own base_url; the same calls must pass when it signs the production name.
    market_part()
    user_part(rest, bid)
    print("all steps passed")


if __name__ == "__main__":
    main()
