#!/usr/bin/env python3
"""The venue's own Python SDK against the local Coinbase.

Shows that a client written by somebody else, for the real venue, trades against the simulator: every order kind, edits,
previews and lists over REST, and every channel of the WebSocket, with the SDK's own signing. Prints one line per step and
exits non-zero at the first that does not hold. Takes about half a minute: it keeps to the venue's rate limits, and some
channels speak only every few seconds.

Usage:
    python3 -m venv venv && venv/bin/pip install coinbase-advanced-py
    exchange-connectors sim --dir DIR &            # wait for its line of JSON
    . DIR/credentials.env
    venv/bin/python tests/foreign/coinbase_sdk.py

Reads COINBASE_API_KEY, COINBASE_API_SECRET, COINBASE_REST_URL, COINBASE_WS_URL, COINBASE_WS_USER_URL and
EXCHANGE_CONNECTORS_CA_FILE, and the key that may not trade from view-only.env beside the CA file. Refuses to run against
anything but localhost. (The SDK's WebSocket client does not verify certificates; its REST client does, against the CA
file.)
"""

import json
import logging
import os
import queue
import shlex
import sys
import time
import uuid
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from urllib.parse import urlparse

ca_file = os.environ["EXCHANGE_CONNECTORS_CA_FILE"]
os.environ["REQUESTS_CA_BUNDLE"] = ca_file
os.environ["SSL_CERT_FILE"] = ca_file

from coinbase.rest import RESTClient  # noqa: E402  (the CA has to be known first)
from coinbase.websocket import WebsocketResponse, WSClient, WSUserClient  # noqa: E402
from requests.exceptions import HTTPError  # noqa: E402

REST, WS, WS_USER = (os.environ[n] for n in ("COINBASE_REST_URL", "COINBASE_WS_URL", "COINBASE_WS_USER_URL"))
# The refusals below are expected; the SDK would print each of them.
logging.getLogger("coinbase.RESTClient").setLevel(logging.CRITICAL)
for url in (REST, WS, WS_USER):
    assert urlparse(url).hostname == "localhost", f"not a simulator: {url}"

KEY, SECRET = os.environ["COINBASE_API_KEY"], os.environ["COINBASE_API_SECRET"]
PRODUCT = "BTC-USD"
SIZE = "0.002"
WAIT_S = 30


class Client(RESTClient):
    """The SDK's client at the pace the venue allows: 30 private and 10 public requests in a second."""

    def send_request(self, http_method, url_path, *args, **kwargs):
        time.sleep(0.11 if "/market/" in url_path or url_path.endswith("/time") else 0.036)
        return super().send_request(http_method, url_path, *args, **kwargs)


def client(key=KEY, secret=SECRET):
    return Client(api_key=key, api_secret=secret, base_url=urlparse(REST).netloc, rate_limit_headers=False)


def step(name, detail=""):
    print(f"ok  {name:<34} {detail}", flush=True)


def until(what, condition):
    """Waits for a condition on data that arrives; the limit is only for failure."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    sys.exit(f"FAILED: {what} did not happen within {WAIT_S} s")


def new_id():
    return str(uuid.uuid4())


def after(seconds):
    return (datetime.now(timezone.utc) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Desk:
    """Prices around the market, and what is done with them."""

    def __init__(self, rest):
        self.rest = rest
        self.placed = []

    def around(self, factor):
        best = self.rest.get_best_bid_ask(product_ids=[PRODUCT])["pricebooks"][0]
        mid = (Decimal(best["bids"][0]["price"]) + Decimal(best["asks"][0]["price"])) / 2
        return str((mid * Decimal(factor)).quantize(Decimal("0.01")))

    def accepted(self, reply):
        assert reply["success"], reply.to_dict()
        order_id = reply["success_response"]["order_id"]
        self.placed.append(order_id)
        return order_id

    def state(self, order_id):
        return self.rest.get_order(order_id)["order"]

    def shows(self, order_id, **expected):
        order = self.state(order_id)
        found = {key: order[key] for key in expected}
        assert found == expected, (found, expected, order.to_dict())
        return order

    def cancel(self, *order_ids):
        results = self.rest.cancel_orders(list(order_ids))["results"]
        assert all(r["success"] for r in results), [r.to_dict() for r in results]
        for order_id in order_ids:
            assert self.state(order_id)["status"] == "CANCELLED"


def refused(reply):
    assert not reply["success"], reply.to_dict()
    error = reply["error_response"]
    unknown = ("UNKNOWN_FAILURE_REASON", "UNKNOWN_PREVIEW_FAILURE_REASON", "", None)
    places = ("new_order_failure_reason", "error", "preview_failure_reason", "message")
    return next(error[place] for place in places if error[place] not in unknown)


def market_data_part(rest):
    when = rest.get_unix_time()
    assert abs(int(when["epoch_seconds"]) - time.time()) < 5
    step("get_unix_time", when["iso"])

    products = rest.get_products()["products"]
    assert PRODUCT in [p["product_id"] for p in products]
    assert len(rest.get_public_products(get_all_products=True)["products"]) >= len(products)
    some = rest.get_products(product_ids=[PRODUCT, "ETH-USD"])["products"]
    assert sorted(p["product_id"] for p in some) == [PRODUCT, "ETH-USD"]
    page = rest.get_products(limit=2)
    assert len(page["products"]) == 2 and page["pagination"]["has_next"]
    step("get_products", f"{len(products)} products; by id; in pages")
    product = rest.get_product(PRODUCT)
    assert rest.get_public_product(PRODUCT)["price_increment"] == product["price_increment"]
    alias = rest.get_product("BTC-USDC")
    assert alias["alias"] == PRODUCT and "BTC-USDC" in product["alias_to"]
    step("get_product", f"price {product['price']}, tick {product['price_increment']}; BTC-USDC is its alias")

    book = rest.get_product_book(PRODUCT, limit=5)["pricebook"]
    bid, ask = Decimal(book["bids"][0]["price"]), Decimal(book["asks"][0]["price"])
    assert bid < ask and len(book["bids"]) == 5
    coarse = rest.get_public_product_book(PRODUCT, limit=3, aggregation_price_increment="10")["pricebook"]
    assert all(Decimal(level["price"]) % 10 == 0 for level in coarse["bids"] + coarse["asks"])
    best = rest.get_best_bid_ask(product_ids=[PRODUCT, "ETH-USD"])["pricebooks"]
    assert len(best) == 2
    step("product_book, best_bid_ask", f"{bid} / {ask}")

    trades = rest.get_market_trades(PRODUCT, limit=3)["trades"]
    assert int(trades[0]["trade_id"]) > int(trades[2]["trade_id"])
    now = int(time.time())
    candles = rest.get_candles(PRODUCT, str(now - 900), str(now), "ONE_MINUTE")["candles"]
    public = rest.get_public_candles(PRODUCT, str(now - 86400), str(now), "ONE_HOUR", limit=10)["candles"]
    assert candles and public
    assert all(Decimal(c["low"]) <= Decimal(c["open"]) <= Decimal(c["high"]) for c in candles)
    step("market trades, candles", f"{len(candles)} minutes, {len(public)} hours")
    try:
        rest.get_product("NO-SUCH")
        sys.exit("FAILED: unknown product")
    except HTTPError as error:
        assert error.response.status_code == 404 and error.response.json()["error"] == "NOT_FOUND"
    step("HTTP error", "404 as HTTPError")


def account_part(rest):
    accounts, cursor, pages = [], None, 0
    while True:
        page = rest.get_accounts(limit=2, cursor=cursor)
        accounts, pages = accounts + page["accounts"], pages + 1
        if not page["has_next"]:
            break
        cursor = page["cursor"]
    one = rest.get_account(accounts[0]["uuid"])["account"]
    assert one["currency"] == accounts[0]["currency"]
    step("get_accounts, get_account", f"{len(accounts)} accounts on {pages} pages")
    summary = rest.get_transaction_summary()
    rates = summary["fee_tier"]
    assert Decimal(rates["maker_fee_rate"]) < Decimal(rates["taker_fee_rate"])
    step("get_transaction_summary", f"maker {rates['maker_fee_rate']}, taker {rates['taker_fee_rate']}")
    permissions = rest.get_api_key_permissions()
    assert permissions["can_view"] and permissions["can_trade"] and not permissions["can_transfer"]
    portfolios = rest.get_portfolios()["portfolios"]
    assert portfolios[0]["uuid"] == permissions["portfolio_uuid"]
    step("get_api_key_permissions", f"portfolio {permissions['portfolio_uuid']}")


def foreign_keys_part():
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    try:
        client(secret=other.decode()).get_accounts()
        sys.exit("FAILED: a foreign key was let in")
    except HTTPError as error:
        assert error.response.status_code == 401 and error.response.text.strip() == "Unauthorized"
    step("foreign key", "401 in plain text")

    with open(os.path.join(os.path.dirname(ca_file), "view-only.env"), encoding="utf-8") as lines:
        pairs = (shlex.split(line)[1].split("=", 1) for line in lines)
        env = {name: value for name, value in pairs}
    viewer = client(env["COINBASE_API_KEY"], env["COINBASE_API_SECRET"])
    assert not viewer.get_api_key_permissions()["can_trade"]
    assert viewer.get_accounts()["accounts"]
    try:
        viewer.market_order_buy(new_id(), PRODUCT, quote_size="10")
        sys.exit("FAILED: a view-only key traded")
    except HTTPError as error:
        assert error.response.status_code == 403 and error.response.json()["error"] == "PERMISSION_DENIED"
    step("view-only key", "looks, and 403 on an order")


def resting_orders_part(desk):
    rest, far = desk.rest, desk.around("0.9")
    ours = new_id()
    placed = desk.accepted(rest.limit_order_gtc_buy(ours, PRODUCT, SIZE, far, post_only=True))
    assert desk.accepted(rest.limit_order_gtc_buy(ours, PRODUCT, SIZE, far, post_only=True)) == placed
    order = desk.shows(placed, status="OPEN", order_type="LIMIT", time_in_force="GOOD_UNTIL_CANCELLED")
    usd = next(a for a in rest.get_accounts()["accounts"] if a["currency"] == "USD")
    assert Decimal(usd["hold"]["value"]) == Decimal(order["outstanding_hold_amount"]) > 0
    step("limit_order_gtc_buy post-only", f"twice the same client_order_id: one order; hold {usd['hold']['value']}")

    better = desk.around("0.91")
    preview = rest.preview_edit_order(placed, size="0.003", price=better)
    assert preview["errors"] == [] and Decimal(preview["base_size"]) == Decimal("0.003")
    edited = rest.edit_order(placed, size="0.003", price=better)
    assert edited["success"], edited.to_dict()
    order = desk.shows(placed, status="OPEN")
    limit = order["order_configuration"]["limit_limit_gtc"]
    assert (limit["base_size"], limit["limit_price"]) == ("0.003", str(Decimal(better).normalize())), limit
    again = rest.edit_order(placed, size="0.003", price=better)
    assert again["errors"][0]["edit_failure_reason"] == "EDIT_REQUEST_EQUAL_TO_ORIGINAL_REQUEST"
    step("preview_edit_order, edit_order", f"{SIZE} at {far} became 0.003 at {better}")

    gtd = desk.accepted(rest.limit_order_gtd_sell(new_id(), PRODUCT, SIZE, desk.around("1.1"), after(2), post_only=True))
    desk.shows(gtd, status="OPEN", time_in_force="GOOD_UNTIL_DATE_TIME")
    until("the end of the GTD order", lambda: desk.state(gtd)["status"] == "EXPIRED")
    step("limit_order_gtd_sell", "expired at its end_time")

    results = rest.cancel_orders([placed, new_id()])["results"]
    assert [(r["success"], r["failure_reason"]) for r in results] == [
        (True, "UNKNOWN_CANCEL_FAILURE_REASON"),
        (False, "UNKNOWN_CANCEL_ORDER"),
    ]
    desk.shows(placed, status="CANCELLED", outstanding_hold_amount="0")
    try:
        rest.cancel_orders([new_id() for _ in range(101)])
        sys.exit("FAILED: 101 ids in one batch_cancel")
    except HTTPError as error:
        assert error.response.status_code == 400 and error.response.json()["error"] == "InvalidArgument"
    step("cancel_orders", "one cancelled, one unknown; 101 ids are refused")


def taking_orders_part(desk):
    rest = desk.rest
    by_quote = desk.accepted(rest.market_order_buy(new_id(), PRODUCT, quote_size="500"))
    bought = desk.shows(by_quote, status="FILLED", order_type="MARKET", size_in_quote=True)
    assert Decimal(bought["total_value_after_fees"]) <= 500
    by_base = desk.accepted(rest.market_order_sell(new_id(), PRODUCT, base_size=SIZE))
    desk.shows(by_base, status="FILLED", filled_size=SIZE, time_in_force="IMMEDIATE_OR_CANCEL")
    step("market_order by quote and by base", f"{bought['filled_size']} at {bought['average_filled_price']}")
    fok = {"market_market_fok": {"base_size": SIZE}}
    assert refused(rest.create_order(new_id(), PRODUCT, "BUY", fok)) == "UNSUPPORTED_ORDER_CONFIGURATION"
    step("market_market_fok", "refused for spot")

    low, high = desk.around("0.5"), desk.around("1.01")
    ioc = desk.accepted(rest.limit_order_ioc_sell(new_id(), PRODUCT, SIZE, low))
    desk.shows(ioc, status="FILLED", order_type="LIMIT", time_in_force="IMMEDIATE_OR_CANCEL")
    killed = desk.accepted(rest.limit_order_fok_buy(new_id(), PRODUCT, SIZE, low))
    desk.shows(killed, status="CANCELLED", filled_size="0", time_in_force="FILL_OR_KILL")
    whole = desk.accepted(rest.limit_order_fok_buy(new_id(), PRODUCT, SIZE, high))
    desk.shows(whole, status="FILLED", filled_size=SIZE)
    step("limit IOC and FOK", "filled, killed, filled whole")

    gtc = desk.accepted(rest.limit_order_gtc_buy(new_id(), PRODUCT, SIZE, high))
    desk.shows(gtc, status="FILLED")
    step("limit_order_gtc_buy that crosses", "filled")


def triggered_orders_part(desk):
    rest = desk.rest
    up, down = "STOP_DIRECTION_STOP_UP", "STOP_DIRECTION_STOP_DOWN"
    waiting = [
        rest.stop_limit_order_gtc_buy(new_id(), PRODUCT, SIZE, desk.around("1.2"), desk.around("1.1"), up),
        rest.stop_limit_order_gtd_sell(new_id(), PRODUCT, SIZE, desk.around("0.8"), desk.around("0.9"), after(600), down),
    ]
    waiting = [desk.accepted(reply) for reply in waiting]
    for order_id in waiting:
        desk.shows(order_id, status="OPEN", order_type="STOP_LIMIT", trigger_status="STOP_PENDING")
    desk.cancel(*waiting)
    step("stop-limit GTC and GTD", "pending, then cancelled")

    def close_stop():
        # The market moves while we ask: a price it has passed is refused, and we ask again.
        last = Decimal(rest.get_product(PRODUCT)["price"])
        stop, limit = last + Decimal("0.05"), last + 100
        return rest.stop_limit_order_gtc_buy(new_id(), PRODUCT, SIZE, str(limit), str(stop), up)

    stop = desk.accepted(until("a stop above the market", lambda: (reply := close_stop())["success"] and reply))
    until("a trade at the stop price", lambda: desk.state(stop)["status"] == "FILLED")
    order = desk.shows(stop, trigger_status="STOP_TRIGGERED")
    step("stop-limit set off by the market", f"filled at {order['average_filled_price']}")
    wrong = rest.stop_limit_order_gtc_buy(new_id(), PRODUCT, SIZE, desk.around("1.2"), desk.around("0.9"), up)
    assert refused(wrong) == "PREVIEW_STOP_PRICE_BELOW_LAST_TRADE_PRICE"

    profit, loss = desk.around("1.1"), desk.around("0.9")
    brackets = [
        desk.accepted(rest.trigger_bracket_order_gtc_sell(new_id(), PRODUCT, SIZE, profit, loss)),
        desk.accepted(rest.trigger_bracket_order_gtd_sell(new_id(), PRODUCT, SIZE, profit, loss, after(600))),
    ]
    for order_id in brackets:
        desk.shows(order_id, status="OPEN", order_type="BRACKET", trigger_status="STOP_PENDING")
    desk.cancel(*brackets)
    step("trigger bracket GTC and GTD", f"profit {profit}, loss {loss}, then cancelled")

    def close_bracket():
        last = Decimal(rest.get_product(PRODUCT)["price"])
        return rest.trigger_bracket_order_gtc_sell(new_id(), PRODUCT, SIZE, str(last + 5000), str(last - Decimal("0.05")))

    bracket = desk.accepted(until("a bracket", lambda: (reply := close_bracket())["success"] and reply))
    until("a trade at the bracket's stop", lambda: desk.state(bracket)["status"] == "FILLED")
    desk.shows(bracket, trigger_status="STOP_TRIGGERED")
    step("bracket set off by the market", "sold")

    attached = rest.market_order_buy(
        new_id(),
        PRODUCT,
        base_size=SIZE,
        attached_order_configuration={"trigger_bracket_gtc": {"limit_price": profit, "stop_trigger_price": loss}},
    )
    parent = desk.accepted(attached)
    leg = attached["success_response"]["attached_order_id"]
    desk.shows(parent, status="FILLED", attached_order_id=leg)
    desk.shows(leg, status="OPEN", order_type="BRACKET", originating_order_id=parent)
    desk.cancel(leg)
    step("attached_order_configuration", f"bracket {leg}")


def algorithmic_orders_part(desk):
    rest = desk.rest
    twap = {
        "twap_limit_gtd": {
            "base_size": "0.006",
            "start_time": after(0.2),
            "end_time": after(6),
            "limit_price": desk.around("1.01"),
            "number_buckets": "3",
            "bucket_size": "0.002",
            "bucket_duration": "1s",
        }
    }
    sliced = desk.accepted(rest.create_order(new_id(), PRODUCT, "BUY", twap))
    desk.shows(sliced, status="OPEN", order_type="TWAP")
    until("the last slice", lambda: desk.state(sliced)["status"] == "FILLED")
    order = desk.shows(sliced, filled_size="0.006")
    assert int(order["number_of_fills"]) >= 3
    step("twap_limit_gtd", f"{order['number_of_fills']} fills in 3 slices")

    scaled = {
        "scaled_limit_gtc": {
            "base_size": "0.01",
            "num_orders": 5,
            "min_price": desk.around("0.90"),
            "max_price": desk.around("0.94"),
            "price_distribution": "FLAT",
            "size_distribution": "INCREASING",
            "size_ratio": "2",
        }
    }
    ladder = desk.accepted(rest.create_order(new_id(), PRODUCT, "BUY", scaled))
    desk.shows(ladder, status="OPEN", order_type="SCALED")
    desk.cancel(ladder)
    step("scaled_limit_gtc", "five rungs, then cancelled")


def previews_part(desk):
    rest, far, near = desk.rest, desk.around("0.9"), desk.around("1.05")
    end = after(600)
    up = "STOP_DIRECTION_STOP_UP"
    previews = {
        "market": rest.preview_market_order_buy(PRODUCT, quote_size="100"),
        "ioc": rest.preview_limit_order_ioc_buy(PRODUCT, SIZE, near),
        "gtc": rest.preview_limit_order_gtc_buy(PRODUCT, SIZE, far, post_only=True),
        "gtd": rest.preview_limit_order_gtd_buy(PRODUCT, SIZE, far, end),
        "fok": rest.preview_limit_order_fok_buy(PRODUCT, SIZE, near),
        "stop gtc": rest.preview_stop_limit_order_gtc_buy(PRODUCT, SIZE, desk.around("1.2"), desk.around("1.1"), up),
        "stop gtd": rest.preview_stop_limit_order_gtd_buy(PRODUCT, SIZE, desk.around("1.2"), desk.around("1.1"), end, up),
        "bracket gtc": rest.preview_trigger_bracket_order_gtc_sell(PRODUCT, SIZE, near, far),
        "bracket gtd": rest.preview_trigger_bracket_order_gtd_sell(PRODUCT, SIZE, near, far, end),
    }
    for name, preview in previews.items():
        assert preview["errs"] == [] and Decimal(preview["order_total"]) > 0 and preview["preview_id"], (name, preview)
    dear = rest.preview_limit_order_gtc_buy(PRODUCT, "100", far)
    assert dear["errs"] == ["PREVIEW_INSUFFICIENT_FUND"]
    step("previews", f"{len(previews)} kinds; one without funds says so")


def refusals_part(desk):
    rest, far, high = desk.rest, desk.around("0.9"), desk.around("2")
    for reason, reply in {
        "INVALID_LIMIT_PRICE_POST_ONLY": rest.limit_order_gtc_buy(new_id(), PRODUCT, SIZE, high, post_only=True),
        "INSUFFICIENT_FUND": rest.limit_order_gtc_buy(new_id(), PRODUCT, "1000", far),
        "INVALID_PRICE_PRECISION": rest.limit_order_gtc_buy(new_id(), PRODUCT, SIZE, "1000.001"),
        "INVALID_SIZE_PRECISION": rest.limit_order_gtc_buy(new_id(), PRODUCT, "0.0020000001", far),
        "INVALID_PRODUCT_ID": rest.limit_order_gtc_buy(new_id(), "NO-SUCH", SIZE, far),
        "END_TIME_IS_IN_THE_PAST": rest.limit_order_gtd_buy(new_id(), PRODUCT, SIZE, far, after(-60)),
    }.items():
        assert refused(reply) == reason, (reason, reply.to_dict())
    step("business rejects", "in HTTP 200, each with its reason")


def lists_part(desk):
    rest = desk.rest
    listed, cursor = [], None
    while True:
        page = rest.list_orders(product_ids=[PRODUCT], limit=5, cursor=cursor)
        listed += page["orders"]
        if not page["has_next"]:
            break
        cursor = page["cursor"]
    ids = [o["order_id"] for o in listed]
    assert len(set(ids)) == len(ids) and set(desk.placed) <= set(ids)
    kinds = sorted({o["order_type"] for o in listed})
    assert kinds == ["BRACKET", "LIMIT", "MARKET", "SCALED", "STOP_LIMIT", "TWAP"], kinds
    for status in ("FILLED", "CANCELLED", "EXPIRED", "OPEN"):
        some = rest.list_orders(order_status=[status])["orders"]
        assert all(o["status"] == status for o in some) and (some or status == "OPEN"), status
    stops = rest.list_orders(order_types="STOP_LIMIT", order_side="SELL")["orders"]
    assert {o["side"] for o in stops} == {"SELL"} and {o["order_type"] for o in stops} == {"STOP_LIMIT"}
    by_id = rest.list_orders(order_ids=ids[:2])["orders"]
    assert [o["order_id"] for o in by_id] == ids[:2]
    step("list_orders", f"{len(listed)} orders of {len(kinds)} kinds in pages of 5; by status, type, side, id")

    fills, cursor = [], None
    while True:
        page = rest.get_fills(limit=4, cursor=cursor)
        fills += page["fills"]
        cursor = page["cursor"]
        if not cursor:
            break
    for order in listed:
        rows = [f for f in fills if f["order_id"] == order["order_id"]]
        assert sum(Decimal(f["size"]) for f in rows) == Decimal(order["filled_size"])
        assert sum(Decimal(f["commission"]) for f in rows) == Decimal(order["total_fees"])
    some = rest.get_fills(order_ids=[fills[0]["order_id"]], product_ids=[PRODUCT])["fills"]
    assert some and rest.get_fills(trade_ids=[some[0]["trade_id"]])["fills"][0]["entry_id"] == some[0]["entry_id"]
    assert rest.get_fills(start_sequence_timestamp=after(60))["fills"] == []
    step("get_fills", f"{len(fills)} executions in pages of 4 add up to every order")
    accounts = rest.get_accounts()["accounts"]
    assert all(Decimal(a["hold"]["value"]) == 0 for a in accounts), "something is still held"


class Stream:
    """What a WebSocket client of the SDK received."""

    def __init__(self):
        self.frames = queue.Queue()
        self.seen, self.books, self.numbers, self.orders = {}, {}, [], {}

    def drain(self):
        while not self.frames.empty():
            text = self.frames.get()
            frame = json.loads(text)
            assert "channel" in frame, frame
            self.numbers.append(frame["sequence_num"])
            for event in frame["events"]:
                self.seen.setdefault((frame["channel"], event.get("type")), []).append(event)
                if frame["channel"] == "l2_data":
                    book = self.books.setdefault(event["product_id"], {})
                    if event["type"] == "snapshot":
                        book.clear()
                    for level in event["updates"]:
                        book[(level["side"], Decimal(level["price_level"]))] = Decimal(level["new_quantity"])
            if frame["channel"] == "user":
                # The SDK's own types read it, and take what they read apart.
                for order in WebsocketResponse(json.loads(text)).events[0].orders or []:
                    self.orders.setdefault(order.client_order_id, []).append(order)
        return self.seen

    def statuses(self, client_order_id):
        self.drain()
        return [order.status for order in self.orders.get(client_order_id, [])]


def market_stream_part():
    stream = Stream()
    ws = WSClient(api_key=KEY, api_secret=SECRET, base_url=WS, on_message=stream.frames.put, max_size=32 * 1024 * 1024)
    ws.open()
    products = [PRODUCT, "ETH-USD", "NO-SUCH"]
    ws.heartbeats()
    for subscribe in (ws.level2, ws.market_trades, ws.ticker, ws.ticker_batch, ws.candles, ws.status):
        subscribe(products)
    both = ("l2_data", "market_trades", "ticker", "ticker_batch", "candles")
    wanted = [(channel, kind) for channel in both for kind in ("snapshot", "update")]
    wanted += [("status", "snapshot"), ("heartbeats", None), ("subscriptions", None)]
    until("every channel", lambda: all(key in stream.drain() for key in wanted))
    acks = stream.seen[("subscriptions", None)]
    for channel in ("level2", "market_trades", "ticker", "ticker_batch", "candles", "status"):
        assert sorted(acks[-1]["subscriptions"][channel]) == [PRODUCT, "ETH-USD"], acks[-1]
    until("3 heartbeats", lambda: len(stream.drain()[("heartbeats", None)]) >= 3)
    beats = [e["heartbeat_counter"] for e in stream.seen[("heartbeats", None)]]
    assert all(b == a + 1 for a, b in zip(beats, beats[1:])), beats
    assert stream.numbers == list(range(len(stream.numbers))), "sequence numbers"
    for trades in (e["trades"] for e in stream.seen[("market_trades", "update")]):
        ids = [int(t["trade_id"]) for t in trades]
        assert ids == sorted(ids, reverse=True)
    for product, book in stream.books.items():
        bids = [p for (side, p), size in book.items() if side == "bid" and size]
        asks = [p for (side, p), size in book.items() if side == "offer" and size]
        assert max(bids) < min(asks), f"{product} is crossed"
    for (channel, kind), events in sorted(stream.seen.items(), key=str):
        step(f"WSClient {channel} {kind or ''}", f"{len(events)} events")
    ws.level2_unsubscribe([PRODUCT, "ETH-USD"])
    until("the last ack", lambda: "level2" not in stream.drain()[("subscriptions", None)][-1]["subscriptions"])
    ws.close()
    step("WSClient", f"{len(stream.numbers)} frames without a gap")


def user_stream_part(desk):
    rest, stream = desk.rest, Stream()
    # More than 50 open orders: the snapshot comes in two messages.
    far = desk.around("0.9")
    open_orders = [desk.accepted(rest.limit_order_gtc_buy(new_id(), PRODUCT, "0.0001", far)) for _ in range(53)]
    ws = WSUserClient(api_key=KEY, api_secret=SECRET, base_url=WS_USER, on_message=stream.frames.put)
    ws.open()
    ws.heartbeats()
    ws.user(product_ids=[PRODUCT])
    ws.futures_balance_summary()
    until("the snapshot", lambda: len(stream.drain().get(("user", "snapshot"), [])) == 2)
    sizes = [len(e["orders"]) for e in stream.seen[("user", "snapshot")]]
    assert sizes == [50, 3], sizes
    until("the futures balance", lambda: ("futures_balance_summary", "snapshot") in stream.drain())
    step("WSUserClient user snapshot", f"batches of {sizes}")

    resting, taking, edited, stop, expiring = (new_id() for _ in range(5))
    desk.cancel(desk.accepted(rest.limit_order_gtc_buy(resting, PRODUCT, SIZE, far)))
    desk.accepted(rest.market_order_sell(taking, PRODUCT, base_size=SIZE))
    moved = desk.accepted(rest.limit_order_gtc_buy(edited, PRODUCT, SIZE, far))
    assert rest.edit_order(moved, size="0.001", price=far)["success"]
    desk.cancel(moved)
    up = "STOP_DIRECTION_STOP_UP"
    desk.cancel(desk.accepted(rest.stop_limit_order_gtc_buy(stop, PRODUCT, SIZE, desk.around("1.2"), desk.around("1.1"), up)))
    desk.accepted(rest.limit_order_gtd_buy(expiring, PRODUCT, SIZE, far, after(1)))
    ended = {resting: "CANCELLED", taking: "FILLED", edited: "CANCELLED", stop: "CANCELLED", expiring: "EXPIRED"}
    until("every end", lambda: all((stream.statuses(i) or [""])[-1] == end for i, end in ended.items()))
    assert stream.statuses(resting) == ["PENDING", "OPEN", "CANCEL_QUEUED", "CANCELLED"], stream.statuses(resting)
    changes = ["PENDING", "OPEN", "EDIT_QUEUED", "OPEN", "CANCEL_QUEUED", "CANCELLED"]
    assert stream.statuses(edited) == changes, stream.statuses(edited)
    pending = stream.orders[stop][1]
    assert (pending.order_type, pending.trigger_status) == ("Stop Limit", "STOP_PENDING"), pending.to_dict()
    for name, order in (("resting", resting), ("taking", taking), ("edited", edited), ("expiring", expiring)):
        step(f"WSUserClient {name}", " ".join(stream.statuses(order)))
    assert stream.numbers == list(range(len(stream.numbers))), "sequence numbers"
    ws.close()
    desk.cancel(*open_orders)
    step("WSUserClient", f"{len(stream.numbers)} frames without a gap; futures_balance_summary too")


def main():
    rest = client()
    market_data_part(rest)
    account_part(rest)
    foreign_keys_part()
    desk = Desk(rest)
    # What an earlier run that failed may have left.
    leftovers = [o["order_id"] for o in rest.list_orders(order_status=["OPEN"])["orders"]]
    if leftovers:
        desk.cancel(*leftovers)
    resting_orders_part(desk)
    taking_orders_part(desk)
    triggered_orders_part(desk)
    algorithmic_orders_part(desk)
    previews_part(desk)
    refusals_part(desk)
    lists_part(desk)
    market_stream_part()
    user_stream_part(desk)
    print("all steps passed")


if __name__ == "__main__":
    main()
